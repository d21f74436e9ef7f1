//! Paths: their two forms (decisions §2) and the patterns that are compared with them.

use super::conditions::expression;
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
        PathPattern::Exact(template) => rests(template.parts(), path).contains(&&b""[..]),
        PathPattern::Prefix { template, boundary } => {
            let takes_segment = matches!(template.parts().last(), Some(PathPart::Parameter(_)));
            let by_segments = *boundary == Boundary::Segment || takes_segment;
            let ends = |rest: &&[u8]| !by_segments || rest.is_empty() || rest[0] == b'/';
            rests(template.parts(), path).iter().any(ends)
        }
        PathPattern::Regex(regex) => expression(regex).is_match(path),
    }
}

/// All that may follow the parts in `path`.
fn rests<'p>(parts: &[PathPart], path: &'p [u8]) -> Vec<&'p [u8]> {
    let mut rests = vec![path];
    for part in parts {
        let mut next = Vec::new();
        for rest in rests {
            match part {
                PathPart::Literal(text) => next.extend(rest.strip_prefix(&**text)),
                PathPart::Parameter(_) => {
                    let segment = rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
                    next.extend((1..=segment).map(|taken| &rest[taken..]));
                }
                PathPart::Wildcard(_) => next.extend((1..=rest.len()).map(|taken| &rest[taken..])),
            }
        }
        next.sort_by_key(|rest| rest.len());
        next.dedup_by_key(|rest| rest.len());
        rests = next;
    }
    rests
}
