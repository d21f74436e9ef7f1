//! Builds the trie of prefixes and templates.

use crate::matcher::NONE;
use crate::matcher::trie::{LABEL, Node, Trie, ends};
use crate::rules::{End, PathPart};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

/// How often, on one way from the root down, there may be several ways to go on. Matching recurses
/// so deep.
pub(super) const MAX_CROSSINGS: u32 = 64;

/// Tries that grow.
pub(super) struct TrieBuilder {
    nodes: Vec<Growing>,
    /// The node of each root, and how many segments its stem has.
    roots: Vec<(usize, usize)>,
}

#[derive(Default)]
struct Growing {
    label: Vec<u8>,
    /// By their first octets, in order.
    literals: Vec<(u8, u32)>,
    /// The children behind a parameter, by what stands behind it in its segment.
    parameters: BTreeMap<Box<[u8]>, usize>,
    /// In the order of [`ends::ALL`].
    groups: [Option<u32>; ends::ALL.len()],
}

/// Why patterns would take too long to match.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TooWide {
    /// On so many levels there are several ways to go on.
    Levels(u32),
    /// A path might have to be followed in so many ways.
    Ways { ways: u64, limit: u64 },
}

impl fmt::Display for TooWide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Levels(levels) => write!(
                f,
                "have a parameter beside a literal on {levels} levels, more than {MAX_CROSSINGS}"
            ),
            Self::Ways { ways, limit } => write!(
                f,
                "have parameters beside literals so that one path may have to be followed in \
                 {ways} ways, more than {limit}"
            ),
        }
    }
}

impl TrieBuilder {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Growing::default()], roots: vec![(0, 0)] }
    }

    /// A root for what follows a stem of so many segments.
    pub(super) fn add_root(&mut self, segments: usize) -> u32 {
        let node = self.push(Growing::default());
        self.roots.push((node, segments));
        self.roots.len() as u32 - 1
    }

    /// The group of the pattern that is `text` and `parts`, below a root; a new pattern gets the
    /// one that `new_group` makes.
    pub(super) fn insert(
        &mut self,
        (root, text): (u32, &[u8]),
        parts: &[PathPart],
        end: End,
        new_group: impl FnOnce() -> u32,
    ) -> u32 {
        let (root, _) = self.roots[root as usize];
        let mut at = self.literal(root, text);
        let mut end = match end {
            End::Whole => ends::WHOLE,
            End::Segment => ends::SEGMENT,
            End::Byte => ends::BYTE,
        };
        let mut parts = parts.iter().peekable();
        while let Some(part) = parts.next() {
            at = match part {
                PathPart::Literal(text) => self.literal(at, text),
                PathPart::Parameter(_) => {
                    let next = parts.next_if(|part| matches!(part, PathPart::Literal(_)));
                    let text = match next {
                        Some(PathPart::Literal(text)) => &**text,
                        _ => b"",
                    };
                    self.parameter(at, text)
                }
                PathPart::Wildcard(_) => {
                    end = ends::REST;
                    at
                }
            };
        }
        *self.nodes[at].groups[end.trailing_zeros() as usize].get_or_insert_with(new_group)
    }

    fn push(&mut self, node: Growing) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Where a parameter and `text` lead from `at`.
    fn parameter(&mut self, at: usize, text: &[u8]) -> usize {
        let (suffix, rest) = text.split_at(suffix_len(text));
        let child = match self.nodes[at].parameters.get(suffix) {
            Some(&child) => child,
            None => {
                // Empty, so that its label is the suffix to the end, whatever follows.
                let child = self.push(Growing { label: suffix.into(), ..Growing::default() });
                self.nodes[at].parameters.insert(suffix.into(), child);
                child
            }
        };
        self.literal(child, rest)
    }

    /// Where `text` leads from `at`, splitting nodes and adding new ones as needed.
    fn literal(&mut self, mut at: usize, mut text: &[u8]) -> usize {
        while let Some(&first) = text.first() {
            let siblings = &self.nodes[at].literals;
            let child = match siblings.binary_search_by_key(&first, |&(octet, _)| octet) {
                Ok(found) => siblings[found].1 as usize,
                Err(place) => {
                    let child = self.push(Growing { label: text.to_vec(), ..Growing::default() });
                    self.nodes[at].literals.insert(place, (first, child as u32));
                    return child;
                }
            };
            let label = &self.nodes[child].label;
            let common = label.iter().zip(text).take_while(|(a, b)| a == b).count();
            if common < label.len() {
                self.split(child, common);
            }
            at = child;
            text = &text[common..];
        }
        at
    }

    /// Leaves the first `keep` octets of a node's label; what followed moves to a new child.
    fn split(&mut self, at: usize, keep: usize) {
        let mut lower = std::mem::take(&mut self.nodes[at]);
        let upper = lower.label[..keep].to_vec();
        lower.label.drain(..keep);
        let first = lower.label[0];
        let lower = self.push(lower);
        self.nodes[at].label = upper;
        self.nodes[at].literals = vec![(first, lower as u32)];
    }

    /// Puts the only way to go on from a node into its own label.
    fn compress(&mut self, at: usize) {
        loop {
            let node = &self.nodes[at];
            let ends = node.groups.iter().any(Option::is_some) || !node.parameters.is_empty();
            let (&[(_, child)], false) = (&*node.literals, ends) else { return };
            let child = std::mem::take(&mut self.nodes[child as usize]);
            let label = [&*self.nodes[at].label, &child.label].concat();
            self.nodes[at] = Growing { label, ..child };
        }
    }

    /// Lays the nodes out, and tells where the roots stand. `best` holds the best rank of each
    /// group.
    ///
    /// # Errors
    ///
    /// Where matching would recurse too deep, or follow a path in more than `ways`.
    pub(super) fn build(mut self, best: &[u32], ways: u64) -> Result<(Trie, Vec<u32>), TooWide> {
        (0..self.nodes.len()).for_each(|at| self.compress(at));
        let mut layout =
            Layout { source: &self.nodes, nodes: Vec::new(), from: Vec::new(), groups: Vec::new() };
        let roots: Vec<u32> = self.roots.iter().map(|&(root, _)| layout.place(root)).collect();
        let Layout { mut nodes, groups, .. } = layout;
        let crossings = settle(&mut nodes, &groups, best);
        let of_roots = roots.iter().map(|&root| crossings[root as usize]);
        self.check(of_roots, ways.min(u64::from(u16::MAX) - 1))?;
        let first = nodes.iter().map(|node| node.label[0]).collect();
        Ok((Trie { nodes: nodes.into(), first, groups: groups.into() }, roots))
    }

    /// A path has one stem of each number of segments at most, and is followed from all of them.
    fn check(&self, crossings: impl Iterator<Item = Crossings>, limit: u64) -> Result<(), TooWide> {
        let mut levels = 0;
        let mut widest: BTreeMap<usize, u64> = BTreeMap::new();
        for (crossings, &(_, segments)) in crossings.zip(&self.roots) {
            levels = crossings.levels.max(levels);
            let ways = widest.entry(segments).or_default();
            *ways = crossings.ways.max(*ways);
        }
        if levels > MAX_CROSSINGS {
            return Err(TooWide::Levels(levels));
        }
        let ways = widest.into_values().fold(0, u64::saturating_add);
        if ways > limit { Err(TooWide::Ways { ways, limit }) } else { Ok(()) }
    }
}

/// How many octets of `text`, which follows a parameter, belong to the parameter's segment.
fn suffix_len(text: &[u8]) -> usize {
    text.iter().position(|&octet| octet == b'/').unwrap_or(text.len())
}

struct Layout<'b> {
    source: &'b [Growing],
    nodes: Vec<Node>,
    /// For each node, which growing node it is made from, and from where in its label.
    from: Vec<(usize, usize)>,
    groups: Vec<u32>,
}

impl Layout<'_> {
    /// Puts a root and all below it next to each other, so that a walk stays close to where it
    /// is: siblings together, then what is below the first of them, and so on.
    fn place(&mut self, root: usize) -> u32 {
        let start = self.nodes.len();
        self.push(root, 0, 0);
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            let children = self.nodes.len();
            self.fill(at);
            open.extend((children..self.nodes.len()).rev());
        }
        start as u32
    }

    fn push(&mut self, source: usize, skip: usize, suffix: usize) {
        let rest = &self.source[source].label[skip..];
        let len = rest.len().min(LABEL);
        let mut label = [0; LABEL];
        label[..len].copy_from_slice(&rest[..len]);
        self.nodes.push(Node {
            label,
            label_len: len as u8,
            ends: 0,
            literals: 0,
            parameters: 0,
            suffix: suffix as u16,
            children: 0,
            groups: 0,
            best: NONE,
        });
        self.from.push((source, skip));
    }

    /// Puts the children of a node, next to each other, behind all nodes placed so far.
    fn fill(&mut self, at: usize) {
        let (source, skip) = self.from[at];
        let growing = &self.source[source];
        let children = self.nodes.len() as u32;
        if growing.label.len() - skip > LABEL {
            self.push(source, skip + LABEL, 0);
            self.nodes[at].children = children;
            self.nodes[at].literals = 1;
            return;
        }
        for &(_, child) in &growing.literals {
            self.push(child as usize, 0, 0);
        }
        // From the longest suffix to the shortest: the more is compared, the better the rank, as
        // a rule.
        let mut parameters: Vec<_> = growing.parameters.iter().collect();
        parameters.sort_by_key(|(suffix, _)| Reverse(suffix.len()));
        for (suffix, &child) in parameters {
            self.push(child, 0, suffix.len());
        }
        let mut ends = 0;
        let groups = self.groups.len() as u32;
        for (group, end) in growing.groups.into_iter().zip(ends::ALL) {
            self.groups.extend(group);
            ends |= if group.is_some() { end } else { 0 };
        }
        self.nodes[at] = Node {
            ends,
            literals: growing.literals.len() as u16,
            // More than that are too many in any case.
            parameters: growing.parameters.len().try_into().unwrap_or(u16::MAX),
            children,
            groups,
            ..self.nodes[at]
        };
    }
}

/// How many ways there are to go on below a node.
#[derive(Clone, Copy)]
struct Crossings {
    /// On one way down, on how many levels there are several.
    levels: u32,
    /// In how many ways a path may have to be followed.
    ways: u64,
}

/// Fills in the best rank at and below each node, and counts in how many ways a path may have to
/// be followed from it: of the literals at most one is, of the parameters every one.
fn settle(nodes: &mut [Node], groups: &[u32], best: &[u32]) -> Vec<Crossings> {
    let mut crossings = vec![Crossings { levels: 0, ways: 1 }; nodes.len()];
    // Children stand behind their parents.
    for at in (0..nodes.len()).rev() {
        let node = nodes[at];
        let first = node.groups as usize;
        let own = &groups[first..first + node.ends.count_ones() as usize];
        let mut rank = own.iter().map(|&group| best[group as usize]).min().unwrap_or(NONE);
        let literals = node.children as usize..node.children as usize + usize::from(node.literals);
        let parameters = literals.end..literals.end + usize::from(node.parameters);
        let ways = |child: usize| crossings[child].ways;
        let widest = literals.clone().map(ways).max().unwrap_or(0);
        let all = parameters.clone().map(ways).fold(widest, u64::saturating_add);
        crossings[at].ways = all.max(1);
        for child in literals.start..parameters.end {
            rank = rank.min(nodes[child].best);
            // The last parameter is followed without recursion.
            let recurses = !parameters.is_empty() && child + 1 != parameters.end;
            let levels = crossings[child].levels + u32::from(recurses);
            crossings[at].levels = levels.max(crossings[at].levels);
        }
        nodes[at].best = rank;
    }
    crossings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::octets::Octets;
    use crate::rules::PathTemplate;

    /// Each pattern is its own group and has its position as rank: `=/a` is whole, `/a/*` ends
    /// with a segment, `/a*` anywhere.
    fn trie(patterns: &[&str]) -> Trie {
        let mut builder = TrieBuilder::new();
        for (group, pattern) in patterns.iter().enumerate() {
            let (text, end) = match (pattern.strip_prefix('='), pattern.strip_suffix("/*")) {
                (Some(text), _) => (text, End::Whole),
                (None, Some(text)) => (text, End::Segment),
                (None, None) => (pattern.strip_suffix('*').unwrap(), End::Byte),
            };
            let template = match text {
                "" => PathTemplate::empty(),
                _ => PathTemplate::parse(text).unwrap(),
            };
            builder.insert((0, b""), template.parts(), end, || group as u32);
        }
        let best: Vec<u32> = (0..patterns.len() as u32).collect();
        builder.build(&best, u64::MAX).unwrap().0
    }

    fn found(trie: &Trie, path: &str) -> Vec<u32> {
        let mut found = Vec::new();
        let path = Octets::new(path.as_bytes());
        trie.walk(0, &path, 0, &mut NONE.clone(), &mut |group, _| found.push(group));
        found.sort_unstable();
        found
    }

    #[test]
    fn every_pattern_on_the_way_is_found() {
        let patterns = [
            "/a/*",
            "/a*",
            "=/a/{x}",
            "/a/{x}/*",
            "/a/{x}/b*",
            "=/a/b",
            "/a/b/*",
            "*",
            "=/{x}/{y}",
            "/a/averylongsegmentthatneedsthreenodes/andmore/*",
            "=/a/",
        ];
        let trie = trie(&patterns);
        let cases: [(&str, &[u32]); 13] = [
            ("/", &[7]),
            ("/a", &[0, 1, 7]),
            ("/a/", &[0, 1, 7, 10]),
            ("/ab", &[1, 7]),
            ("/a/b", &[0, 1, 2, 3, 5, 6, 7, 8]),
            ("/a/c", &[0, 1, 2, 3, 7, 8]),
            ("/a/bc", &[0, 1, 2, 3, 7, 8]),
            ("/a/c/", &[0, 1, 3, 7]),
            ("/a/c/bd", &[0, 1, 3, 4, 7]),
            ("/a/b/b", &[0, 1, 3, 4, 6, 7]),
            ("/b/c", &[7, 8]),
            ("/a/averylongsegmentthatneedsthreenodes/andmore", &[0, 1, 3, 7, 9]),
            ("/a/averylongsegmentthatneedsthreenodes/andmor", &[0, 1, 3, 7]),
        ];
        for (path, want) in cases {
            assert_eq!(found(&trie, path), want, "{path}");
        }
    }

    #[test]
    fn backtracks_out_of_literals() {
        // A parameter is tried where the literal beside it leads nowhere.
        let trie = trie(&["=/a/{x}/c", "=/a/b/d", "=/{x}/b/e", "=/{x}/{y}/{z}"]);
        for (path, want) in [
            ("/a/b/c", &[0, 3][..]),
            ("/a/b/d", &[1, 3]),
            ("/a/b/e", &[2, 3]),
            ("/a/b/f", &[3]),
            ("/a//f", &[]),
        ] {
            assert_eq!(found(&trie, path), want, "{path}");
        }
    }

    #[test]
    fn parameters_may_be_parts_of_segments() {
        let patterns = [
            "=/img-{x}",
            "=/{x}.js",
            "=/{x}.json",
            "/{x}.js/*",
            "=/{x}",
            "=/{x}.averylongsuffixthatneedstwonodes/{y}",
            "/a/{*x}*",
            "=/{x}.js/b",
        ];
        let trie = trie(&patterns);
        let cases: [(&str, &[u32]); 16] = [
            ("/img-1", &[0, 4]),
            ("/img-", &[4]),
            ("/a.js", &[1, 3, 4]),
            ("/.js", &[4]),
            ("/a.js.js", &[1, 3, 4]),
            ("/img-1.js", &[0, 1, 3, 4]),
            ("/a.json", &[2, 4]),
            ("/a.js/", &[3]),
            ("/a.js/b", &[3, 7]),
            ("/a.json/b", &[]),
            ("/a.averylongsuffixthatneedstwonodes/b", &[5]),
            ("/.averylongsuffixthatneedstwonodes/b", &[]),
            ("/a/", &[]),
            ("/a", &[4]),
            ("/a/b", &[6]),
            ("/a/b/c", &[6]),
        ];
        for (path, want) in cases {
            assert_eq!(found(&trie, path), want, "{path}");
        }
    }

    #[test]
    fn worse_patterns_are_not_looked_at() {
        let trie = trie(&["/a/b/*", "/a/*", "*"]);
        let mut seen = Vec::new();
        let path = Octets::new(b"/a/b");
        trie.walk(0, &path, 0, &mut NONE.clone(), &mut |group, best| {
            seen.push(group);
            *best = group;
        });
        assert_eq!(seen, [0, 1, 2], "longest first");
        trie.walk(0, &path, 0, &mut 0, &mut |_, _| panic!("nothing is better than the best"));
    }

    #[test]
    fn more_nested_prefixes_than_can_wait() {
        let patterns: Vec<String> = (1..100).map(|n| format!("{}/*", "/a".repeat(n))).collect();
        let trie = trie(&patterns.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(found(&trie, &"/a".repeat(99)), (0..99).collect::<Vec<_>>());
        assert_eq!(found(&trie, &"/a".repeat(50)), (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn crossings_are_limited() {
        let build = |levels: usize| {
            let mut builder = TrieBuilder::new();
            for level in 0..levels {
                for last in ["{x}", "a"] {
                    let text = format!("{}/{last}", "/a".repeat(level));
                    let template = PathTemplate::with_parameters(&text).unwrap();
                    builder.insert((0, b""), template.parts(), End::Whole, || 0);
                }
            }
            builder.build(&[0], u64::MAX).map(|_| ())
        };
        assert_eq!(build(MAX_CROSSINGS as usize), Ok(()));
        assert_eq!(build(MAX_CROSSINGS as usize + 1), Err(TooWide::Levels(MAX_CROSSINGS + 1)));
    }
}
