//! Paths: their two forms (decisions §2) and the patterns that are compared with them.

use super::conditions;
use gateway_core::rules::{Boundary, PathPart, PathPattern};
use gateway_core::{InvalidTarget, PathPolicy, Treatment};

/// The longest path, in octets.
const LONGEST: usize = 8192;

/// The match path of `path` (which has no query).
///
/// Of several faults the leftmost segment's counts, and in it: octets, then dots.
pub(super) fn match_path(path: &[u8], policy: &PathPolicy) -> Result<Vec<u8>, InvalidTarget> {
    if path.len() > LONGEST {
        return Err(InvalidTarget::TooLong);
    }
    if path.first() != Some(&b'/') {
        return Err(InvalidTarget::NotAPath);
    }
    let mut path = path.to_vec();
    if policy.encoded_slash == Treatment::Decode {
        path = replace(&replace(&path, b"%2f", b"/"), b"%2F", b"/");
    }
    let written: Vec<&[u8]> = path[1..].split(|&b| b == b'/').collect();
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut ends_with_slash = false;
    for segment in written {
        let segment = decode(segment, policy)?;
        check_dots(&segment, policy)?;
        ends_with_slash = false;
        match segment.as_slice() {
            b"" | b"." => ends_with_slash = true,
            b".." => {
                kept.pop().ok_or(InvalidTarget::AboveRoot)?;
                ends_with_slash = true;
            }
            _ => kept.push(segment),
        }
    }
    let mut normal = Vec::new();
    for segment in &kept {
        normal.push(b'/');
        normal.extend(segment);
    }
    if ends_with_slash || kept.is_empty() {
        normal.push(b'/');
    }
    Ok(normal)
}

fn decode(segment: &[u8], policy: &PathPolicy) -> Result<Vec<u8>, InvalidTarget> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < segment.len() {
        let escaped = segment[at] == b'%';
        let octet = if escaped {
            octet_of(segment.get(at + 1..at + 3)).ok_or(InvalidTarget::MalformedEscape)?
        } else {
            segment[at]
        };
        at += if escaped { 3 } else { 1 };
        if octet == 0 {
            return Err(InvalidTarget::Nul);
        }
        if octet == b'\\' && policy.backslash == Treatment::Reject {
            return Err(InvalidTarget::Backslash);
        }
        if octet == b'/' && policy.encoded_slash == Treatment::Reject {
            return Err(InvalidTarget::EncodedSlash);
        }
        let control = octet < 0x20 || octet == 0x7f;
        if control && policy.control == Treatment::Reject {
            return Err(InvalidTarget::ControlCharacter);
        }
        if escaped && (control || octet == b'/' || octet == b'\\' || octet == b'%') {
            decoded.extend(format!("%{octet:02X}").into_bytes());
        } else {
            decoded.push(octet);
        }
    }
    Ok(decoded)
}

/// The octet that two hexadecimal digits stand for.
pub(super) fn octet_of(digits: Option<&[u8]>) -> Option<u8> {
    let digits = std::str::from_utf8(digits?).ok()?;
    let all_digits = digits.len() == 2 && digits.chars().all(|c| c.is_ascii_hexdigit());
    all_digits.then(|| u8::from_str_radix(digits, 16).ok())?
}

fn check_dots(segment: &[u8], policy: &PathPolicy) -> Result<(), InvalidTarget> {
    let has_parameters = |part: &[u8]| part.starts_with(b".;") || part.starts_with(b"..;");
    if has_parameters(segment) && policy.dot_parameters == Treatment::Reject {
        return Err(InvalidTarget::DotParameters);
    }
    let parts = replace(&replace(segment, b"%2F", b"/"), b"%5C", b"/");
    let parts: Vec<&[u8]> = parts.split(|&b| b == b'/' || b == b'\\').collect();
    let hidden = |part: &[u8]| part == b"." || part == b".." || has_parameters(part);
    if parts.len() > 1
        && parts.iter().any(|part| hidden(part))
        && policy.hidden_dots == Treatment::Reject
    {
        return Err(InvalidTarget::HiddenDots);
    }
    Ok(())
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(from) {
            out.extend(to);
            at += from.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}

/// Whether the pattern holds for a match path.
pub(super) fn matches(pattern: &PathPattern, path: &[u8]) -> bool {
    match pattern {
        PathPattern::Exact(template) | PathPattern::Prefix { template, .. } => {
            rests(template.parts(), path).iter().any(|rest| may_follow(pattern, rest))
        }
        PathPattern::Regex(regex) => conditions::matches(regex, path),
    }
}

/// Whether a path may go on like this behind the parts of the pattern's template.
fn may_follow(pattern: &PathPattern, rest: &[u8]) -> bool {
    match pattern {
        PathPattern::Exact(_) => rest.is_empty(),
        PathPattern::Prefix { template, boundary } => {
            // A parameter at the end takes all of its segment.
            let takes_segment = matches!(template.parts().last(), Some(PathPart::Parameter(_)));
            let by_segments = *boundary == Boundary::Segment || takes_segment;
            !by_segments || rest.is_empty() || rest[0] == b'/'
        }
        PathPattern::Regex(_) => false,
    }
}

/// All that may follow the parts in `path`.
fn rests<'p>(parts: &[PathPart], path: &'p [u8]) -> Vec<&'p [u8]> {
    let mut rests = vec![path];
    for part in parts {
        let mut next = Vec::new();
        for rest in rests {
            for taken in lengths(part, rest) {
                next.push(&rest[taken..]);
            }
        }
        // All are ends of one path: those of one length are the same.
        next.sort_by_key(|rest| rest.len());
        next.dedup_by_key(|rest| rest.len());
        rests = next;
    }
    rests
}

/// How many octets at the beginning of `rest` the part may stand for, the fewest first.
fn lengths(part: &PathPart, rest: &[u8]) -> Vec<usize> {
    match part {
        PathPart::Literal(text) if rest.starts_with(text) => vec![text.len()],
        PathPart::Literal(_) => Vec::new(),
        PathPart::Parameter(_) => {
            let segment = rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
            (1..=segment).collect()
        }
        PathPart::Wildcard(_) => (1..=rest.len()).collect(),
    }
}

/// What the parameters of a template stand for, or the groups of an expression, in a path for
/// which the pattern holds.
pub(super) fn captures(pattern: &PathPattern, path: &[u8]) -> Vec<(String, Vec<u8>)> {
    let template = match pattern {
        PathPattern::Exact(template) | PathPattern::Prefix { template, .. } => template,
        PathPattern::Regex(regex) => return conditions::groups(regex, path),
    };
    let parts = template.parts();
    let mut splits = splits(parts, path);
    splits.retain(|split| may_follow(pattern, &path[split.iter().sum()..]));
    // Each parameter takes as little as it can, from left to right: lists compare like this.
    let Some(least) = splits.into_iter().min() else { return Vec::new() };
    let mut captures = Vec::new();
    let mut at = 0;
    for (part, taken) in parts.iter().zip(least) {
        if let PathPart::Parameter(name) | PathPart::Wildcard(name) = part {
            captures.push((name.to_string(), path[at..at + taken].to_vec()));
        }
        at += taken;
    }
    captures
}

/// All ways to divide the beginning of `path` among the parts: how many octets each takes.
fn splits(parts: &[PathPart], path: &[u8]) -> Vec<Vec<usize>> {
    let Some((part, others)) = parts.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for taken in lengths(part, path) {
        for rest in splits(others, &path[taken..]) {
            let mut split = vec![taken];
            split.extend(rest);
            all.push(split);
        }
    }
    all
}
