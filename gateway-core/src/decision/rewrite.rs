//! The request target that a backend receives.

use super::{Decision, Outcome};
use crate::request::field::View;
use crate::request::path::{Paths, escape, stays_escaped, unescape};
use crate::request::{Forwarded, PathPolicy, Request};
use crate::rules::{CaptureRegex, PathPattern, PathRewrite};

impl Decision<'_> {
    /// Appends the match path: what path patterns are compared with (decisions §2). Nothing for a
    /// request without a path (`OPTIONS *`, CONNECT), nor for one that is refused.
    pub fn write_match_path(&self, request: &impl Request, out: &mut Vec<u8>) {
        self.with_view(request, |view| {
            out.extend_from_slice(view.paths().map_or(b"", |paths| paths.matched));
        });
    }

    /// Appends the request target that the backend receives: the forward path or its rewrite, and
    /// the query as it came. A target without a path (`*`, CONNECT) is passed on as it is. Where
    /// nothing is forwarded, the forward path is not rewritten; a refused request has none.
    ///
    /// `request` is the one that was decided.
    pub fn write_target(&self, request: &impl Request, out: &mut Vec<u8>) {
        let rewrite = match self.outcome {
            Outcome::Forward(forwarding) => &forwarding.forward.path,
            _ => &PathRewrite::Keep,
        };
        self.write_rewritten(rewrite, request, out);
    }

    /// Appends the target that `rewrite` makes of that of the request; one without a path stays as it
    /// is.
    pub(super) fn write_rewritten(
        &self,
        rewrite: &PathRewrite,
        request: &impl Request,
        out: &mut Vec<u8>,
    ) {
        if self.write_path(rewrite, request, out) == Some(false) {
            out.extend_from_slice(request.target());
        }
    }

    /// Appends the path that `rewrite` makes, and the query. Tells whether the request has a path;
    /// `None` if it is refused.
    pub(super) fn write_path(
        &self,
        rewrite: &PathRewrite,
        request: &impl Request,
        out: &mut Vec<u8>,
    ) -> Option<bool> {
        if let PathRewrite::Keep = rewrite {
            if self.target_is_normal {
                out.extend_from_slice(request.target());
                return Some(true);
            }
        } else if let Some(route) = self.route {
            // What a pattern covers is looked for in the normal form, also where backends
            // otherwise receive the client's octets.
            let normal = PathPolicy { forwarded: Forwarded::Normal, ..self.path_policy() };
            let rewritten = View::again(request, self.is_plain, &normal, |view| {
                let view = view.ok()?;
                let rewrite = |paths| rewrite_path(rewrite, &route.path, paths, view.query(), out);
                view.paths().map(rewrite)
            });
            if rewritten == Some(true) {
                return Some(true);
            }
        }
        self.with_view(request, |view| {
            if let Some(paths) = view.paths() {
                out.extend_from_slice(paths.forward);
                write_query(view.query(), out);
            }
            view.paths().is_some()
        })
    }
}

/// Appends the path that `rewrite` makes, and the query; says no, and appends nothing, where the
/// forward path is kept. `pattern` is that of the route that holds.
fn rewrite_path(
    rewrite: &PathRewrite,
    pattern: &PathPattern,
    paths: Paths<'_>,
    query: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> bool {
    let start = out.len();
    let rest = || {
        let covered = pattern.covers(Some(paths.matched)).unwrap_or(paths.matched.len());
        &paths.forward[forward_offset(paths, covered)..]
    };
    match rewrite {
        PathRewrite::Keep => return false,
        PathRewrite::Full(text) => escape_some(text.as_bytes(), is_unsendable, out),
        PathRewrite::Prefix(text) => {
            escape_some(text.as_bytes(), is_unsendable, out);
            out.extend_from_slice(rest());
        }
        PathRewrite::SegmentPrefix(text) => {
            let text = text.strip_suffix('/').unwrap_or(text);
            escape_some(text.as_bytes(), is_unsendable, out);
            out.extend_from_slice(rest());
        }
        PathRewrite::Pattern { regex, replacement } => {
            return fill_in(regex, replacement, paths.matched, query, out);
        }
    }
    begin_with_slash(start, out);
    write_query(query, out);
    true
}

/// Appends `?` and the query, if there is one.
fn write_query(query: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(query) = query {
        out.push(b'?');
        out.extend_from_slice(query);
    }
}

/// Whatever a rule says, a path begins with `/`.
pub(super) fn begin_with_slash(start: usize, out: &mut Vec<u8>) {
    if out.get(start) != Some(&b'/') {
        out.insert(start, b'/');
    }
}

/// Where the forward path goes on behind the first `covered` octets of the match path. The two
/// differ only in that the one has octets decoded that the other has escaped.
fn forward_offset(paths: Paths<'_>, covered: usize) -> usize {
    let mut left = covered;
    let mut at = 0;
    while left > 0 && at < paths.forward.len() {
        let (wide, narrow) = match unescape(&paths.forward[at..]) {
            Some(byte) if stays_escaped(byte) => (3, 3),
            Some(_) => (3, 1),
            None => (1, 1),
        };
        at += wide;
        left = left.saturating_sub(narrow);
    }
    at
}

/// Where `regex` matches: appends `replacement` with `$1` to `$9` filled in, and the query. A `?`
/// in the replacement begins the query, which the request's own is added to; one at its end drops
/// the request's own (virtualserver §12.1).
fn fill_in(
    regex: &CaptureRegex,
    replacement: &str,
    path: &[u8],
    query: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> bool {
    let Some(groups) = regex.captures(path) else { return false };
    let start = out.len();
    let (path, arguments) = match replacement.split_once('?') {
        Some((path, arguments)) => (path, Some(arguments)),
        None => (replacement, None),
    };
    fill_part(path, &groups, is_foreign_to_path, is_foreign_to_path, out);
    begin_with_slash(start, out);
    match arguments {
        None => write_query(query, out),
        Some("") => {}
        Some(arguments) => {
            out.push(b'?');
            fill_part(arguments, &groups, is_foreign_to_query, is_foreign_to_argument, out);
            if let Some(query) = query.filter(|q| !q.is_empty()) {
                out.push(b'&');
                out.extend_from_slice(query);
            }
        }
    }
    true
}

/// Appends `text` with groups filled in; the predicates say what is escaped in the one and in the
/// other.
fn fill_part(
    text: &str,
    groups: &[Option<&[u8]>],
    in_text: fn(u8) -> bool,
    in_groups: fn(u8) -> bool,
    out: &mut Vec<u8>,
) {
    let mut pieces = text.split('$');
    escape_some(pieces.next().unwrap_or_default().as_bytes(), in_text, out);
    for piece in pieces {
        let piece = piece.as_bytes();
        match piece.split_first() {
            Some((digit @ b'1'..=b'9', after)) => {
                let group = groups.get(usize::from(digit - b'0')).copied().flatten();
                escape_some(group.unwrap_or_default(), in_groups, out);
                escape_some(after, in_text, out);
            }
            _ => {
                out.push(b'$');
                escape_some(piece, in_text, out);
            }
        }
    }
}

/// Appends `text` with some octets escaped. Escapes stay as they are, so that nothing is encoded
/// twice.
fn escape_some(text: &[u8], escaped: fn(u8) -> bool, out: &mut Vec<u8>) {
    for (at, &byte) in text.iter().enumerate() {
        if escaped(byte) || byte == b'%' && unescape(&text[at..]).is_none() {
            out.extend_from_slice(&escape(byte));
        } else {
            out.push(byte);
        }
    }
}

/// Octets that no request target may hold.
fn is_unsendable(byte: u8) -> bool {
    !byte.is_ascii_graphic() || byte == b'#'
}

/// Octets that do not stand for themselves in a path (virtualserver §12.1).
fn is_foreign_to_path(byte: u8) -> bool {
    is_foreign_to_query(byte) || byte == b'?'
}

fn is_foreign_to_query(byte: u8) -> bool {
    is_unsendable(byte)
        || matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

/// Besides, what would end an argument or be read as a blank.
fn is_foreign_to_argument(byte: u8) -> bool {
    is_foreign_to_path(byte) || matches!(byte, b'&' | b'+' | b';')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::path::PathBuffer;
    use crate::request::{query_of, split_target};
    use crate::rules::{Anchor, Boundary, PathTemplate, Regex};
    use proptest::prelude::*;

    fn rewritten(rewrite: &PathRewrite, pattern: &PathPattern, target: &str) -> String {
        let (path, after_path) = split_target(target.as_bytes());
        let query = query_of(after_path);
        let mut buffer = PathBuffer::new();
        let paths = Paths::of(path, &PathPolicy::default(), &mut buffer).unwrap();
        assert!(pattern.covers(Some(paths.matched)).is_some(), "{pattern} {target}");
        let mut out = Vec::new();
        if !rewrite_path(rewrite, pattern, paths, query, &mut out) {
            assert!(out.is_empty(), "{rewrite:?} {target}");
            out.extend_from_slice(paths.forward);
            write_query(query, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    fn bytes(prefix: &str) -> PathPattern {
        let template = PathTemplate::with_parameters(prefix).unwrap();
        PathPattern::Prefix { template, boundary: Boundary::Byte }
    }

    fn segments(prefix: &str) -> PathPattern {
        let template = PathTemplate::escaped(prefix).unwrap().without_final_slash();
        PathPattern::Prefix { template, boundary: Boundary::Segment }
    }

    fn regex(source: &str, ignore_case: bool) -> PathPattern {
        PathPattern::Regex(Regex::new(source, Anchor::None, ignore_case).unwrap())
    }

    /// The rewrite that `~ source` with `rewritePath: replacement` stands for.
    fn groups(source: &str, ignore_case: bool, replacement: &str) -> PathRewrite {
        let regex = CaptureRegex::new(source, ignore_case).unwrap();
        PathRewrite::Pattern { regex, replacement: replacement.into() }
    }

    #[test]
    fn prefixes_are_replaced_byte_for_byte() {
        // virtualserver §12.1, the table of examples
        for (prefix, replacement, target, want) in [
            ("/backend1/", "/", "/backend1/abc?arg=value", "/abc?arg=value"),
            ("/backend2", "/backend2_1", "/backend2", "/backend2_1"),
            ("/backend2", "/backend2_1", "/backend2/", "/backend2_1/"),
            ("/backend2", "/backend2_1", "/backend2/abc", "/backend2_1/abc"),
            ("/backend2", "/backend2_1", "/backend2x", "/backend2_1x"),
            ("/match/", "/user/john/", "/match/abc", "/user/john/abc"),
            // a `?` in it is not looked at
            ("/q", "/x?y=1", "/q/z", "/x?y=1/z"),
            ("/q", "/x?y=1", "/q/z?a", "/x?y=1/z?a"),
            // (b): every spelling of the prefix is the prefix
            ("/match", "/m", "//match/abc", "/m/abc"),
            ("/match", "/m", "/%6Datch/abc", "/m/abc"),
            ("/match", "/m", "/x/../match/abc", "/m/abc"),
            // (c): the prefix is text
            ("/a.b$", "/m", "/a.b$/c", "/m/c"),
            // (d), (e), (g): what follows stays as the client wrote it
            ("/a", "/m", "/a/b%20c", "/m/b%20c"),
            ("/a", "/m", "/a/b%2fc%2Fd", "/m/b%2fc%2Fd"),
            ("/a", "/m", "/a/100%25", "/m/100%25"),
            ("/a", "/m", "/a/\"{é}", "/m/\"{é}"),
            ("/café", "/thé", "/caf%c3%a9/%C3%A9", "/th%C3%A9/%C3%A9"),
            ("/100%", "/m", "/100%25/x", "/m/x"),
            // a parameter covers its segment, escapes included
            ("/coffee/{store}/brand", "/b", "/coffee/a%2Fb%20c/brand/x", "/b/x"),
            ("/coffee/{store}", "/b", "/coffee/%61%62/x", "/b/x"),
            // nothing that would break the request line, or end the target
            ("/a", "/b#c", "/a/d?e", "/b%23c/d?e"),
            ("/a", "/b c\r\nx: y", "/a", "/b%20c%0D%0Ax:%20y"),
            ("/a", "b", "/a/c", "/b/c"),
            ("/a", "", "/a", "/"),
        ] {
            let rewrite = PathRewrite::Prefix(replacement.into());
            let got = rewritten(&rewrite, &bytes(prefix), target);
            assert_eq!(got, want, "{prefix} → {replacement}: {target}");
        }
        // an exact path is covered as a whole, whatever its spelling
        let exact = PathPattern::Exact(PathTemplate::literal("/tea").unwrap());
        let rewrite = PathRewrite::Prefix("/green".into());
        assert_eq!(rewritten(&rewrite, &exact, "//t%65a?x=1"), "/green?x=1");
    }

    #[test]
    fn segment_prefixes_are_replaced_with_their_slashes() {
        // gateway-api §14.1
        for (target, prefix, replacement, want) in [
            ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
            ("/foo", "/foo", "/xyz", "/xyz"),
            ("/foo/", "/foo", "/xyz", "/xyz/"),
            ("/foo/bar", "/foo", "", "/bar"),
            ("/foo/", "/foo", "", "/"),
            ("/foo", "/foo", "", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/foo", "/foo", "/", "/"),
            ("/a", "/", "/xyz", "/xyz/a"),
            ("/a", "/", "/", "/a"),
            ("/foo/bar", "/foo", "xyz", "/xyz/bar"),
            ("/foo/b%2Fr?q=%20", "/foo", "/x%3Fy", "/x%3Fy/b%2Fr?q=%20"),
            ("/f%6Fo/b%20r", "/foo", "/x%20y", "/x%20y/b%20r"),
        ] {
            let rewrite = PathRewrite::SegmentPrefix(replacement.into());
            let got = rewritten(&rewrite, &segments(prefix), target);
            assert_eq!(got, want, "{target}: {prefix} → {replacement}");
        }
    }

    #[test]
    fn groups_are_filled_in() {
        // virtualserver §12.1, the examples, and decisions §6 Q9
        for (source, ignore_case, replacement, target, want) in [
            ("/regex1/?(.*)", false, "/$1", "/regex1//", "/"),
            ("/regex1/?(.*)", false, "/$1", "/regex1/abc", "/abc"),
            // (a): matched in the middle, or thanks to `~*`
            ("b/(.*)", false, "/$1", "/a/b/c", "/c"),
            ("/TEA/(.*)", true, "/$1", "/tea/c", "/c"),
            // (d): no double encoding, nor anything decoded that was not
            ("^/a/(.*)", false, "/m/$1", "/a/b%20c", "/m/b%20c"),
            ("^/a/(.*)", false, "/m/$1", "/a/b%2fc", "/m/b%2Fc"),
            ("^/a/(.*)", false, "/m/$1", "/a/100%25", "/m/100%25"),
            ("^/a/(.*)", false, "/m%20/$1", "/a/%C3%A9", "/m%20/%C3%A9"),
            ("^/a/(.*)", false, "/$1", "/a/%3Fx%23\"<>^`{|}", "/%3Fx%23%22%3C%3E%5E%60%7B%7C%7D"),
            // a `?` begins the query, at the end it drops it
            ("^/x/(.*)", false, "/y/$1?a=b", "/x/z", "/y/z?a=b"),
            ("^/x/(.*)", false, "/y/$1?a=b", "/x/z?c=d", "/y/z?a=b&c=d"),
            ("^/x/(.*)", false, "/y/$1?", "/x/z?c=d", "/y/z"),
            ("^/x/(.*)", false, "/y?id=$1", "/x/a&b=%3F+c%20d", "/y?id=a%26b=%3F%2Bc%20d"),
            ("^/x/(.*)", false, "/y", "/x/z?c=d", "/y?c=d"),
            // groups that did not take part, that do not exist, and `$` alone
            ("^/x(/a)?", false, "/y$1$2$", "/x", "/y$"),
            ("^/x/(.)(.)", false, "/$2$10", "/x/ab", "/ba0"),
            ("^/x/(.*)", false, "$1", "/x/a", "/a"),
            // half an escape is text
            ("^/x/a(%2)(.*)", false, "/$1/$2", "/x/a%2Fb", "/%252/Fb"),
        ] {
            let pattern = regex(source, ignore_case);
            let got = rewritten(&groups(source, ignore_case, replacement), &pattern, target);
            assert_eq!(got, want, "{source} → {replacement}: {target}");
        }
        // an expression of its own that does not fit leaves the request alone
        let got = rewritten(&groups("^/b", false, "/c"), &bytes("/a"), "/a/%62?x");
        assert_eq!(got, "/a/%62?x");
    }

    #[test]
    fn whole_paths_are_replaced_and_the_query_is_kept() {
        for (rewrite, target, want) in [
            (PathRewrite::Full("/b".into()), "/a/c?x=1&y", "/b?x=1&y"),
            (PathRewrite::Full("b".into()), "/a", "/b"),
            (PathRewrite::Full("/b%2f c\r\n?é".into()), "/a", "/b%2f%20c%0D%0A?%C3%A9"),
            (PathRewrite::Full("".into()), "/a?", "/?"),
            (PathRewrite::Keep, "/a//b/%7e?x=%20", "/a/b/%7e?x=%20"),
            (PathRewrite::Keep, "/a?", "/a?"),
        ] {
            assert_eq!(rewritten(&rewrite, &segments("/a"), target), want, "{rewrite:?} {target}");
        }
    }

    proptest! {
        /// Replacing a prefix by itself changes nothing, so nothing is decoded, encoded or lost.
        #[test]
        fn a_prefix_in_place_of_itself_changes_nothing(
            tail in "(/[ab]|%2F|%20|%C3%A9|%25|/%61|é)*",
            head in prop::sample::select(vec!["/a", "/%61", "//a", "/x/../a"]),
        ) {
            let target = format!("{head}{tail}");
            let kept = rewritten(&PathRewrite::Keep, &bytes("/a"), &target);
            let got = rewritten(&PathRewrite::Prefix("/a".into()), &bytes("/a"), &target);
            prop_assert_eq!(got, kept.replacen("/%61", "/a", usize::from(head == "/%61")));
        }
    }
}
