//! Prefixes and templates in a byte trie that finds every pattern that a path passes.

use super::NONE;

/// Octets of a label that stand in the node itself; longer labels continue in a child.
pub(crate) const LABEL: usize = 20;

/// Most groups that wait for longer patterns to be looked at first.
const WAITING: usize = 16;

/// A byte trie. The first node is the root.
pub(crate) struct Trie {
    pub(crate) nodes: Box<[Node]>,
    /// The first octet of each node's label, so that siblings can be searched in one go.
    pub(crate) first: Box<[u8]>,
}

/// A node: a run of octets, the groups of the patterns that end behind it, and what follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) label: [u8; LABEL],
    pub(crate) label_len: u8,
    /// How many literal children there are; they stand next to each other.
    pub(crate) children_len: u16,
    pub(crate) children: u32,
    /// The child behind a parameter, which takes a whole non-empty segment.
    pub(crate) parameter: u32,
    /// The group of the template that is the whole path.
    pub(crate) whole: u32,
    /// The group of the prefix that ends here at a segment's end.
    pub(crate) segment: u32,
    /// The group of the prefix that ends here, whatever follows.
    pub(crate) byte: u32,
    /// The best rank of this node and all below it.
    pub(crate) best: u32,
}

impl Node {
    /// What follows the node's label in `path`, if that begins with it.
    #[inline]
    fn strip_label<'p>(&self, path: &'p [u8]) -> Option<&'p [u8]> {
        let len = usize::from(self.label_len);
        let (head, rest) = path.split_at_checked(len)?;
        let label = &self.label[..len.min(LABEL)];
        // Words, which overlap at the end, instead of a call: most labels are short.
        let word = |text: &[u8], at: usize| {
            let word = text.get(at..)?.first_chunk::<8>()?;
            Some(u64::from_le_bytes(*word))
        };
        let same = if len < 8 {
            match (word(&self.label, 0), word(path, 0)) {
                (Some(a), Some(b)) => (a ^ b).trailing_zeros() as usize >= 8 * len,
                _ => label.iter().zip(head).all(|(a, b)| a == b),
            }
        } else {
            (0..len - 8).step_by(8).chain([len - 8]).all(|at| word(label, at) == word(head, at))
        };
        same.then_some(rest)
    }
}

/// Groups that wait for longer patterns to be looked at first.
struct Waiting {
    groups: [u32; WAITING],
    len: usize,
}

impl Trie {
    /// The group of the empty prefix, which holds for every request.
    pub(crate) fn empty_prefix(&self) -> u32 {
        self.nodes[0].byte
    }

    /// Calls `evaluate` for the groups of all patterns that cover `path`, leaving out those that
    /// cannot be better than `best`. It lowers `best`.
    ///
    /// Longer literals go first, since they are better as a rule: the others are then left out.
    #[inline]
    pub(crate) fn walk(
        &self,
        path: &[u8],
        best: &mut u32,
        evaluate: &mut impl FnMut(u32, &mut u32),
    ) {
        if self.nodes[0].best < *best {
            let mut waiting = Waiting { groups: [NONE; WAITING], len: 0 };
            self.walk_from(0, path, best, &mut waiting, evaluate);
        }
    }

    /// Recursion goes one deeper only where a literal and a parameter may follow; compiling
    /// limits how often that can happen on the way down.
    fn walk_from(
        &self,
        start: u32,
        path: &[u8],
        best: &mut u32,
        waiting: &mut Waiting,
        evaluate: &mut impl FnMut(u32, &mut u32),
    ) {
        let already = waiting.len;
        let mut at = start;
        let mut rest = path;
        loop {
            let node = &self.nodes[at as usize];
            if node.best >= *best {
                break;
            }
            let Some(after) = node.strip_label(rest) else { break };
            rest = after;
            waiting.add(node.byte, best, evaluate);
            let Some(&next) = rest.first() else {
                waiting.add(node.segment, best, evaluate);
                waiting.add(node.whole, best, evaluate);
                break;
            };
            if next == b'/' {
                waiting.add(node.segment, best, evaluate);
            }
            let literal = self.child(node, next);
            if node.parameter == NONE || next == b'/' {
                let Some(literal) = literal else { break };
                at = literal;
                continue;
            }
            if let Some(literal) = literal {
                self.walk_from(literal, rest, best, waiting, evaluate);
            }
            at = node.parameter;
            let end = rest.iter().position(|&octet| octet == b'/').unwrap_or(rest.len());
            rest = &rest[end..];
        }
        while waiting.len > already {
            waiting.len -= 1;
            evaluate(waiting.groups[waiting.len], best);
        }
    }

    #[inline]
    fn child(&self, node: &Node, first: u8) -> Option<u32> {
        let start = node.children as usize;
        let siblings = &self.first[start..start + usize::from(node.children_len)];
        let at = match siblings.len() {
            0 => None,
            // Whether it is the one is seen when its label is compared.
            1 => Some(0),
            2..=16 => siblings.iter().position(|&octet| octet == first),
            _ => memchr::memchr(first, siblings),
        };
        Some(node.children + at? as u32)
    }
}

impl Waiting {
    /// A group that finds no room is evaluated at once.
    #[inline]
    fn add(&mut self, group: u32, best: &mut u32, evaluate: &mut impl FnMut(u32, &mut u32)) {
        if group == NONE {
        } else if let Some(place) = self.groups.get_mut(self.len) {
            *place = group;
            self.len += 1;
        } else {
            evaluate(group, best);
        }
    }
}
