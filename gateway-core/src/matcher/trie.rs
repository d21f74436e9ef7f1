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
    fn label(&self) -> &[u8] {
        &self.label[..usize::from(self.label_len)]
    }
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
        self.walk_from(0, path, best, evaluate);
    }

    /// Recursion goes one deeper only where a literal and a parameter may follow; compiling
    /// limits how often that can happen on the way down.
    fn walk_from(
        &self,
        start: u32,
        path: &[u8],
        best: &mut u32,
        evaluate: &mut impl FnMut(u32, &mut u32),
    ) {
        let mut waiting = [NONE; WAITING];
        let mut waiting_len = 0;
        let mut wait = |group: u32, best: &mut u32, evaluate: &mut dyn FnMut(u32, &mut u32)| {
            if group == NONE {
            } else if waiting_len < WAITING {
                waiting[waiting_len] = group;
                waiting_len += 1;
            } else {
                evaluate(group, best);
            }
        };
        let mut at = start;
        let mut rest = path;
        loop {
            let node = &self.nodes[at as usize];
            if node.best >= *best {
                break;
            }
            let Some(after) = rest.strip_prefix(node.label()) else { break };
            rest = after;
            wait(node.byte, best, evaluate);
            let Some(&next) = rest.first() else {
                wait(node.segment, best, evaluate);
                wait(node.whole, best, evaluate);
                break;
            };
            if next == b'/' {
                wait(node.segment, best, evaluate);
            }
            let literal = self.child(node, next);
            let parameter = (node.parameter != NONE && next != b'/').then_some(node.parameter);
            match (literal, parameter) {
                (Some(child), None) => at = child,
                (literal, Some(child)) => {
                    if let Some(literal) = literal {
                        self.walk_from(literal, rest, best, evaluate);
                    }
                    let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
                    (at, rest) = (child, &rest[end..]);
                }
                (None, None) => break,
            }
        }
        for &group in waiting[..waiting_len].iter().rev() {
            evaluate(group, best);
        }
    }

    #[inline]
    fn child(&self, node: &Node, first: u8) -> Option<u32> {
        let start = node.children as usize;
        let siblings = &self.first[start..start + usize::from(node.children_len)];
        let at = siblings.iter().position(|&b| b == first)?;
        Some(node.children + at as u32)
    }
}
