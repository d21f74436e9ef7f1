//! Paths of matches and of path modifiers (gateway-api §11.2, §14.1).

use crate::resource::gateway_route::filter::PathModifier;
use crate::rules::{Boundary, PathPattern, PathRewrite, PathTemplate};
use std::fmt::Write as _;

/// The path of an `Exact` match.
pub(super) fn template(value: &str) -> Result<PathTemplate, String> {
    PathTemplate::escaped(value).map_err(|error| error.to_string())
}

/// The path of a `PathPrefix` match.
pub(super) fn prefix(value: &str) -> Result<PathPattern, String> {
    let template = template(value)?.without_final_slash();
    Ok(PathPattern::Prefix { template, boundary: Boundary::Segment })
}

/// Whether the path has a dot segment, which is escaped then: no request's path has one.
pub(super) fn has_dot_segment(pattern: &PathPattern) -> bool {
    let template = match pattern {
        PathPattern::Exact(template) | PathPattern::Prefix { template, .. } => template,
        PathPattern::Regex(_) => return false,
    };
    let literal = template.as_literal().unwrap_or_default();
    literal.split(|byte| *byte == b'/').any(|segment| matches!(segment, b"." | b".."))
}

/// What prefixes of one path are ordered by.
pub(super) fn prefix_length(pattern: &PathPattern) -> usize {
    match pattern {
        PathPattern::Prefix { template, .. } => template.rank_length(),
        PathPattern::Exact(_) | PathPattern::Regex(_) => 0,
    }
}

/// What becomes of the path. Without modifier it is kept. Slashes are seen to when it is made.
pub(super) fn rewrite(modifier: Option<&PathModifier>) -> PathRewrite {
    match modifier {
        None => PathRewrite::Keep,
        Some(PathModifier::Full(path)) => PathRewrite::Full(encoded(path).into()),
        Some(PathModifier::Prefix(path)) => PathRewrite::SegmentPrefix(encoded(path).into()),
    }
}

/// `path` as it may stand in a request line: escapes stay, every other octet that a path does not
/// have is escaped, `?` and `#` among them.
fn encoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = String::with_capacity(path.len());
    for (at, &byte) in bytes.iter().enumerate() {
        let is_escape = || {
            let digits = bytes.get(at + 1..at + 3);
            byte == b'%' && digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit))
        };
        if byte.is_ascii_alphanumeric() || b"-/._~!$&'()*+,;=:@".contains(&byte) || is_escape() {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn replacements_are_encoded_as_paths() {
        // gateway-api §14.1
        let full = |path: &str| PathModifier::Full(path.into());
        let prefix = |path: &str| PathModifier::Prefix(path.into());
        for (modifier, want) in [
            (full("/one"), PathRewrite::Full("/one".into())),
            (full("one/"), PathRewrite::Full("one/".into())),
            (full(""), PathRewrite::Full("".into())),
            (full("/a?b#c d"), PathRewrite::Full("/a%3Fb%23c%20d".into())),
            (full("/100%/%41/%4"), PathRewrite::Full("/100%25/%41/%254".into())),
            (full("/café"), PathRewrite::Full("/caf%C3%A9".into())),
            (prefix("/xyz"), PathRewrite::SegmentPrefix("/xyz".into())),
            (prefix("/xyz/"), PathRewrite::SegmentPrefix("/xyz/".into())),
            (prefix("/"), PathRewrite::SegmentPrefix("/".into())),
            (prefix(""), PathRewrite::SegmentPrefix("".into())),
            (prefix("/a?b"), PathRewrite::SegmentPrefix("/a%3Fb".into())),
        ] {
            assert_eq!(rewrite(Some(&modifier)), want, "{modifier:?}");
        }
        assert_eq!(rewrite(None), PathRewrite::Keep);
    }

    proptest! {
        #[test]
        fn what_is_encoded_stays_so(path in "[/a%2fF?# é.\\\\{]{0,12}") {
            let once = encoded(&path);
            prop_assert_eq!(&encoded(&once), &once);
            prop_assert!(once.bytes().all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#'));
            // As a path it is the same as before.
            if path.starts_with('/') && let (Ok(a), Ok(b)) = (template(&path), template(&once)) {
                prop_assert_eq!(a, b);
            }
        }
    }
}
