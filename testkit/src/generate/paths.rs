//! Path templates, and paths that they hold for.

use super::Source;
use super::pool;
use gateway_core::rules::{PathPart, PathPattern, PathTemplate};

/// Literals and whole parameters on a few levels.
pub(super) fn template(source: &mut Source<'_>) -> PathTemplate {
    let depth = source.below(4);
    of_segments(source, depth, &["a", "b", "ab", "{}"])
}

/// The same on more levels, with more parameters.
pub(super) fn crossing(source: &mut Source<'_>) -> PathTemplate {
    let depth = source.between(1, 7);
    let segments = [
        "a",
        "{}",
        "b",
        "{}",
        "ab",
        "{}",
        "c%2Fd",
        "averylongsegment-of-two-nodes",
        "averylongsegment",
    ];
    of_segments(source, depth, &segments)
}

/// Many siblings.
pub(super) fn wide(source: &mut Source<'_>) -> PathTemplate {
    let depth = source.between(1, 2);
    let mut segments = ["{}", "{}x", "{}.js", ""].map(str::to_owned).to_vec();
    segments.extend(('a'..='z').map(|letter| format!("{letter}x")));
    segments.extend(('A'..='Z').map(|letter| format!("{letter}-{letter}")));
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    of_segments(source, depth, &segments)
}

/// Parameters with text before and after them, and wildcards, in the last segments.
pub(super) fn affixed(source: &mut Source<'_>) -> PathTemplate {
    let depth = source.below(3);
    let mut segments = vec![
        "img-{}",
        "{}.js",
        "{}.json",
        "{}-{}",
        "a{}",
        "{}b",
        "{}.{}",
        "img-{}.js",
        "a",
        "{}",
        "a{}b{}a",
        "{}--{}",
        "x-{}",
        "i{}",
        "{}n.js",
        "{}.averylongsuffix-of-two-nodes",
        "averylongprefix-{}.averylongsuffix",
        "{}s",
    ];
    if source.once_in(3) {
        segments = vec!["{*}", "img-{*}", "{*}.js", "{*}-{}", "a", "{}", "x-{}", "{*}/x-{}", "b"];
    }
    of_segments(source, depth + 1, &segments)
}

/// Each `{}` becomes a parameter with a name of its own.
fn of_segments(source: &mut Source<'_>, depth: usize, segments: &[&str]) -> PathTemplate {
    let mut text = String::new();
    for _ in 0..depth {
        text.push('/');
        text.push_str(source.pick(segments));
    }
    if text.is_empty() || source.once_in(4) {
        text.push('/');
    }
    let mut named = String::new();
    let mut parameters = 0;
    for octet in text.chars() {
        if octet == '}' {
            named.push_str(&format!("p{parameters}"));
            parameters += 1;
        }
        named.push(octet);
    }
    PathTemplate::parse(&named).expect("made of literals and parameters that alternate")
}

const PARAMETERS: [&str; 18] = [
    "a",
    "b",
    "ab",
    "x",
    "1",
    "a-b",
    "img-",
    "a.js",
    "js",
    ".json",
    "a.json.js",
    "a%2Fb",
    "é",
    "a-b-c",
    "--",
    "-",
    "a.averylongsuffix-of-two-nodes",
    "json.js",
];
const WILDCARDS: [&str; 8] =
    ["a", "a/b", "x-1", "a/x-b/", "b/x-", "a/b/ab", "1/x-2/x-3", "a.js/b.js"];
const TAILS: [&str; 8] = ["", "/", "/b", "x", "/a/b", ".js", "/x-1", "n"];

/// A match path that `pattern` likely holds for.
pub(super) fn path_of(pattern: &PathPattern, source: &mut Source<'_>) -> Vec<u8> {
    let (template, is_prefix) = match pattern {
        PathPattern::Exact(template) => (template, false),
        PathPattern::Prefix { template, .. } => (template, true),
        PathPattern::Regex(regex) => {
            let hit = pool::hit(regex, source).unwrap_or_default();
            return if hit.starts_with('/') { hit.into() } else { b"/a".to_vec() };
        }
    };
    let mut path = Vec::new();
    for part in template.parts() {
        match part {
            PathPart::Literal(text) => path.extend_from_slice(text),
            PathPart::Parameter(_) => path.extend_from_slice(source.pick(&PARAMETERS).as_bytes()),
            PathPart::Wildcard(_) => path.extend_from_slice(source.pick(&WILDCARDS).as_bytes()),
        }
    }
    if is_prefix {
        path.extend_from_slice(source.pick(&TAILS).as_bytes());
    }
    if path.is_empty() {
        path.push(b'/');
    }
    path
}

/// Something near `path`.
pub(super) fn distort(path: &mut Vec<u8>, source: &mut Source<'_>) {
    let at = source.below(path.len().clamp(1, 256));
    match source.below(7) {
        0 => path.push(b'/'),
        1 => path.push(b'x'),
        2 => drop(path.pop()),
        3 => path.truncate(at.max(1)),
        4 => path[at] = source.pick(b"ab/-."),
        5 => path.extend_from_slice(source.pick(&TAILS).as_bytes()),
        _ => path.insert(at, source.pick(b"ab/-.")),
    }
}

/// A path as clients may write it.
pub(super) fn spell(path: &[u8], source: &mut Source<'_>) -> Vec<u8> {
    let odd = source.once_in(4);
    let mut spelt = Vec::new();
    for &octet in path {
        let hexadecimal = match octet {
            b'?' | b'#' => true,
            b'/' if odd && source.once_in(6) => {
                spelt.extend_from_slice(source.pick(&["/", "/./", "/b/../"]).as_bytes());
                false
            }
            // The escapes of a match path are those of the target.
            b'%' | b'/' => false,
            _ => odd && source.once_in(6),
        };
        if hexadecimal {
            let digits =
                if source.once_in(2) { format!("%{octet:02x}") } else { format!("%{octet:02X}") };
            spelt.extend_from_slice(digits.as_bytes());
        } else {
            spelt.push(octet);
        }
    }
    spelt
}
