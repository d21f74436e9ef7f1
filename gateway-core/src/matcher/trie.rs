//! Prefixes and templates in a byte trie that finds every pattern that a path passes.

use super::NONE;
use super::octets::{Octets, WIDTH, find_octet, same, words};

/// Octets of a label that stand in the node itself; longer labels continue in a child.
pub(crate) const LABEL: usize = WIDTH;

/// Most groups that wait for longer patterns to be looked at first.
const WAITING: usize = 16;

/// How patterns may end at a node: each a bit of [`Node::ends`], from the shortest to the longest
/// of the pieces of a path that they cover.
pub(crate) mod ends {
    /// Whatever follows.
    pub(crate) const BYTE: u8 = 1;
    /// Whatever follows, but something does.
    pub(crate) const REST: u8 = 2;
    /// With the path or before a `/`.
    pub(crate) const SEGMENT: u8 = 4;
    /// With the path.
    pub(crate) const WHOLE: u8 = 8;

    pub(crate) const ALL: [u8; 4] = [BYTE, REST, SEGMENT, WHOLE];

    /// How many there are in a set of them.
    pub(super) const COUNT: [u32; 16] = [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4];

    /// Those that hold before this octet.
    #[inline]
    pub(super) fn before(next: Option<u8>) -> u8 {
        match next {
            None => BYTE | SEGMENT | WHOLE,
            Some(b'/') => BYTE | REST | SEGMENT,
            Some(_) => BYTE | REST,
        }
    }
}

/// Byte tries, one for each stem. The first node is the root of what has none.
pub(crate) struct Trie {
    pub(crate) nodes: Box<[Node]>,
    /// The first octet of each node's label, so that siblings can be searched in one go.
    pub(crate) first: Box<[u8]>,
    /// The groups of patterns, those of a node next to each other.
    pub(crate) groups: Box<[u32]>,
}

/// A node: a run of octets, the groups of the patterns that end behind it, and what follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) label: [u8; LABEL],
    pub(crate) label_len: u8,
    /// How patterns end here: [`ends`].
    pub(crate) ends: u8,
    /// How many children begin with an octet of their own.
    pub(crate) literals: u16,
    /// How many children stand behind a parameter.
    pub(crate) parameters: u16,
    /// Behind a parameter: how many octets of the segment stand behind it. They are what the label
    /// begins with.
    pub(crate) suffix: u16,
    /// The first child. First come the literal ones, then those behind a parameter.
    pub(crate) children: u32,
    /// The first of its groups, in the order of [`ends::ALL`].
    pub(crate) groups: u32,
    /// The best rank of this node and all below it.
    pub(crate) best: u32,
}

impl Node {
    /// The position behind the label, if it stands at `at`.
    #[inline]
    fn behind_label(&self, path: &Octets<'_>, at: usize) -> Option<usize> {
        let behind = at + usize::from(self.label_len);
        let same = same(words(&self.label), path.words(at), self.label_len);
        (same && behind <= path.len()).then_some(behind)
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
        let root = &self.nodes[0];
        let has_one = root.label_len == 0 && root.ends & ends::BYTE != 0;
        if has_one { self.groups[root.groups as usize] } else { NONE }
    }

    /// Calls `evaluate` for the groups of all patterns below `root` that cover `path` from `from`
    /// on, leaving out those that cannot be better than `best`. It lowers `best`.
    ///
    /// Longer literals go first, since they are better as a rule: the others are then left out.
    #[inline]
    pub(crate) fn walk(
        &self,
        root: u32,
        path: &Octets<'_>,
        from: usize,
        best: &mut u32,
        evaluate: &mut impl FnMut(u32, &mut u32),
    ) {
        if self.nodes[root as usize].best < *best {
            let mut waiting = Waiting { groups: [NONE; WAITING], len: 0 };
            self.walk_from(root, path, from, best, &mut waiting, evaluate);
        }
    }

    /// Goes on with the node `start` at position `from`. Recursion goes one deeper only where a
    /// path may be followed in several ways; compiling limits how often that can happen on the way
    /// down, and in how many ways.
    fn walk_from(
        &self,
        start: u32,
        path: &Octets<'_>,
        from: usize,
        best: &mut u32,
        waiting: &mut Waiting,
        evaluate: &mut impl FnMut(u32, &mut u32),
    ) {
        let already = waiting.len;
        let (mut at, mut position) = (start, from);
        loop {
            let node = &self.nodes[at as usize];
            if node.best >= *best {
                break;
            }
            let Some(behind) = node.behind_label(path, position) else { break };
            position = behind;
            let next = path.get(position);
            if node.ends != 0 {
                self.reach(node, next, best, waiting, evaluate);
            }
            let Some(next) = next else { break };
            let literal = self.literal(node, next);
            if node.parameters == 0 || next == b'/' {
                let Some(literal) = literal else { break };
                at = literal;
                continue;
            }
            if let Some(literal) = literal {
                self.walk_from(literal, path, position, best, waiting, evaluate);
            }
            let end = path.segment_end(position);
            let first = node.children + u32::from(node.literals);
            let last = first + u32::from(node.parameters) - 1;
            let behind = |child: u32| {
                let suffix = usize::from(self.nodes[child as usize].suffix);
                (end - position > suffix).then(|| end - suffix)
            };
            for child in first..last {
                if let Some(behind) = behind(child) {
                    self.walk_from(child, path, behind, best, waiting, evaluate);
                }
            }
            let Some(behind) = behind(last) else { break };
            (at, position) = (last, behind);
        }
        while waiting.len > already {
            waiting.len -= 1;
            evaluate(waiting.groups[waiting.len], best);
        }
    }

    /// Lets the groups wait whose patterns end at `node`, before `next`.
    #[inline]
    fn reach(
        &self,
        node: &Node,
        next: Option<u8>,
        best: &mut u32,
        waiting: &mut Waiting,
        evaluate: &mut impl FnMut(u32, &mut u32),
    ) {
        let mut hold = node.ends & ends::before(next);
        while hold != 0 {
            let end = hold & hold.wrapping_neg();
            let before = ends::COUNT[usize::from(node.ends & (end - 1) & 0xf)];
            waiting.add(self.groups[(node.groups + before) as usize], best, evaluate);
            hold ^= end;
        }
    }

    #[inline]
    fn literal(&self, node: &Node, first: u8) -> Option<u32> {
        let start = node.children as usize;
        let count = usize::from(node.literals);
        // What stands behind the siblings is read too, where there is something.
        let words_of = self.first.get(start..).and_then(<[u8]>::first_chunk).map(words);
        let at = match (count, words_of) {
            (0, _) => None,
            // Whether it is the one is seen when its label is compared.
            (1, _) => Some(0),
            // They are looked at anyway.
            (2..=4, _) => {
                self.nodes[start..start + count].iter().position(|node| node.label[0] == first)
            }
            (2..=WIDTH, Some([low, high])) => {
                find_octet(low, first).or_else(|| Some(8 + find_octet(high, first)?))
            }
            _ => memchr::memchr(first, &self.first[start..start + count]),
        };
        at.filter(|&at| at < count).map(|at| node.children + at as u32)
    }
}

impl Waiting {
    /// A group that finds no room is evaluated at once.
    #[inline]
    fn add(&mut self, group: u32, best: &mut u32, evaluate: &mut impl FnMut(u32, &mut u32)) {
        if let Some(place) = self.groups.get_mut(self.len) {
            *place = group;
            self.len += 1;
        } else {
            evaluate(group, best);
        }
    }
}
