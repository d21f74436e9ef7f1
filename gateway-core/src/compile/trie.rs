//! Builds the trie of prefixes and templates.

use crate::matcher::NONE;
use crate::matcher::trie::{LABEL, Node, Trie};
use crate::rules::{End, PathPart};
use std::collections::BTreeMap;

/// How often, on one way from the root down, a literal and a parameter may follow the same text.
/// Matching recurses so deep.
pub(super) const MAX_CROSSINGS: u32 = 64;

/// A trie that grows.
pub(super) struct TrieBuilder {
    nodes: Vec<Growing>,
}

#[derive(Default)]
struct Growing {
    label: Vec<u8>,
    children: BTreeMap<u8, usize>,
    parameter: Option<usize>,
    ends: [Option<u32>; 3],
}

impl TrieBuilder {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Growing::default()] }
    }

    /// The group of the pattern; a new pattern gets the one that `new_group` makes.
    pub(super) fn insert(
        &mut self,
        parts: &[PathPart],
        end: End,
        new_group: impl FnOnce() -> u32,
    ) -> u32 {
        let at = parts.iter().fold(0, |at, part| match part {
            PathPart::Literal(text) => self.literal(at, text),
            PathPart::Parameter(_) | PathPart::Wildcard(_) => self.parameter(at),
        });
        *self.nodes[at].ends[end as usize].get_or_insert_with(new_group)
    }

    /// The same for a literal prefix that may end anywhere.
    pub(super) fn insert_literal(&mut self, text: &[u8], new_group: impl FnOnce() -> u32) -> u32 {
        let at = self.literal(0, text);
        *self.nodes[at].ends[End::Byte as usize].get_or_insert_with(new_group)
    }

    fn push(&mut self, node: Growing) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn parameter(&mut self, at: usize) -> usize {
        if let Some(child) = self.nodes[at].parameter {
            return child;
        }
        let child = self.push(Growing::default());
        self.nodes[at].parameter = Some(child);
        child
    }

    /// Where `text` leads from `at`, splitting nodes and adding new ones as needed.
    fn literal(&mut self, mut at: usize, mut text: &[u8]) -> usize {
        while let Some(&first) = text.first() {
            let Some(&child) = self.nodes[at].children.get(&first) else {
                let child = self.push(Growing { label: text.to_vec(), ..Growing::default() });
                self.nodes[at].children.insert(first, child);
                return child;
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
        self.nodes[at].children.insert(first, lower);
    }

    /// Lays the nodes out, or tells how deep matching would recurse where that is too much.
    /// `best` holds the best rank of each group.
    pub(super) fn build(self, best: &[u32]) -> Result<Trie, u32> {
        let mut layout = Layout { source: &self.nodes, nodes: Vec::new(), from: Vec::new() };
        layout.push(0, 0);
        let mut at = 0;
        while at < layout.nodes.len() {
            layout.place_children(at);
            at += 1;
        }
        let Layout { mut nodes, .. } = layout;
        let depth = settle(&mut nodes, best);
        if depth > MAX_CROSSINGS {
            return Err(depth);
        }
        let first = nodes.iter().map(|node| node.label[0]).collect();
        Ok(Trie { nodes: nodes.into(), first })
    }
}

struct Layout<'b> {
    source: &'b [Growing],
    nodes: Vec<Node>,
    /// For each node, which growing node it is made from, and from where in its label.
    from: Vec<(usize, usize)>,
}

impl Layout<'_> {
    fn push(&mut self, source: usize, skip: usize) -> u32 {
        let rest = &self.source[source].label[skip..];
        let len = rest.len().min(LABEL);
        let mut label = [0; LABEL];
        label[..len].copy_from_slice(&rest[..len]);
        self.nodes.push(Node {
            label,
            label_len: len as u8,
            children_len: 0,
            children: 0,
            parameter: NONE,
            whole: NONE,
            segment: NONE,
            byte: NONE,
            best: NONE,
        });
        self.from.push((source, skip));
        self.nodes.len() as u32 - 1
    }

    /// Puts the children of a node, next to each other, behind all nodes placed so far.
    fn place_children(&mut self, at: usize) {
        let (source, skip) = self.from[at];
        let growing = &self.source[source];
        let children = self.nodes.len() as u32;
        if growing.label.len() - skip > LABEL {
            self.push(source, skip + LABEL);
            self.nodes[at].children = children;
            self.nodes[at].children_len = 1;
            return;
        }
        for &child in growing.children.values() {
            self.push(child, 0);
        }
        let parameter = growing.parameter.map_or(NONE, |child| self.push(child, 0));
        let [whole, segment, byte] = growing.ends.map(|group| group.unwrap_or(NONE));
        self.nodes[at] = Node {
            children,
            children_len: growing.children.len() as u16,
            parameter,
            whole,
            segment,
            byte,
            ..self.nodes[at]
        };
    }
}

/// Fills in the best rank at and below each node; tells how deep matching can recurse.
fn settle(nodes: &mut [Node], best: &[u32]) -> u32 {
    let mut depth = vec![0; nodes.len()];
    // Children stand behind their parents.
    for at in (0..nodes.len()).rev() {
        let node = nodes[at];
        let ends = [node.whole, node.segment, node.byte].into_iter().filter(|&g| g != NONE);
        let mut rank = ends.map(|group| best[group as usize]).min().unwrap_or(NONE);
        let children =
            node.children as usize..node.children as usize + usize::from(node.children_len);
        for child in children {
            rank = rank.min(nodes[child].best);
            depth[at] = depth[at].max(depth[child] + u32::from(node.parameter != NONE));
        }
        if node.parameter != NONE {
            rank = rank.min(nodes[node.parameter as usize].best);
            depth[at] = depth[at].max(depth[node.parameter as usize]);
        }
        nodes[at].best = rank;
    }
    depth[0]
}

#[cfg(test)]
mod tests {
    use super::*;
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
                _ => PathTemplate::with_parameters(text).unwrap(),
            };
            builder.insert(template.parts(), end, || group as u32);
        }
        let best: Vec<u32> = (0..patterns.len() as u32).collect();
        builder.build(&best).unwrap()
    }

    fn found(trie: &Trie, path: &str) -> Vec<u32> {
        let mut found = Vec::new();
        trie.walk(path.as_bytes(), &mut NONE.clone(), &mut |group, _| found.push(group));
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
    fn worse_patterns_are_not_looked_at() {
        let trie = trie(&["/a/b/*", "/a/*", "*"]);
        let mut seen = Vec::new();
        trie.walk(b"/a/b", &mut NONE.clone(), &mut |group, best| {
            seen.push(group);
            *best = group;
        });
        assert_eq!(seen, [0, 1, 2], "longest first");
        trie.walk(b"/a/b", &mut 0, &mut |_, _| panic!("nothing is better than the best"));
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
                    builder.insert(template.parts(), End::Whole, || 0);
                }
            }
            builder.build(&[0]).map(|_| ())
        };
        assert_eq!(build(MAX_CROSSINGS as usize), Ok(()));
        assert_eq!(build(MAX_CROSSINGS as usize + 1), Err(MAX_CROSSINGS + 1));
    }
}
