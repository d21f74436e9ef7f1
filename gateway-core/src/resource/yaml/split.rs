//! Where one document ends and the next begins.

use memchr::memchr2;

const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// The bytes of one document with its directives and its `---` line.
#[derive(Debug, PartialEq)]
pub(super) struct Chunk<'t> {
    pub(super) bytes: &'t [u8],
    /// The line with which it begins, from 1.
    pub(super) line: u32,
}

/// Splits at lines that begin with `---` or `...`. YAML allows neither within a document, not
/// even in quotes (YAML 1.2 §9.1.2), so no parser is needed. Parts of nothing but comments and
/// blank lines are left out.
pub(super) fn chunks(source: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut lines = Lines { source, next: 0, line: 0 };
    std::iter::from_fn(move || {
        let mut begin = (lines.next, lines.line.saturating_add(1));
        let mut content = false;
        let chunk = |begin: (usize, u32), end: usize| {
            let bytes = &source[begin.0..end];
            let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
            Some(Chunk { bytes, line: begin.1 })
        };
        loop {
            let before = lines;
            let Some(text) = lines.advance() else {
                return if content { chunk(begin, source.len()) } else { None };
            };
            if is_marker(text, b"---") {
                if content {
                    lines = before;
                    return chunk(begin, before.next);
                }
                content = true;
            } else if is_marker(text, b"...") {
                if content {
                    return chunk(begin, before.next);
                }
                begin = (lines.next, lines.line.saturating_add(1));
            } else if !content {
                content = !matches!(text.trim_ascii_start().first(), None | Some(b'#'))
                    && text.first() != Some(&b'%');
            }
        }
    })
}

fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| matches!(rest.first(), None | Some(b' ' | b'\t')))
}

#[derive(Debug, Clone, Copy)]
struct Lines<'t> {
    source: &'t [u8],
    /// Where the next line begins.
    next: usize,
    /// The number of the last line that was returned.
    line: u32,
}

impl<'t> Lines<'t> {
    /// The next line without its break (LF, CR LF or CR) and without a byte order mark.
    fn advance(&mut self) -> Option<&'t [u8]> {
        let rest = &self.source[self.next..];
        if rest.is_empty() {
            return None;
        }
        self.line = self.line.saturating_add(1);
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line_break = match rest.get(end..) {
            Some([b'\r', b'\n', ..]) => 2,
            Some([_, ..]) => 1,
            _ => 0,
        };
        self.next += end + line_break;
        let line = &rest[..end];
        Some(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_end_at_marker_lines_only() {
        for (source, want) in [
            ("", &[][..]),
            ("a: 1", &[(1, "a: 1")]),
            ("a: 1\n", &[(1, "a: 1\n")]),
            ("---\na: 1\n---\nb: 1\n", &[(1, "---\na: 1\n"), (3, "---\nb: 1\n")]),
            ("a: 1\n---\nb: 1", &[(1, "a: 1\n"), (2, "---\nb: 1")]),
            // Comments and blank lines before the first separator belong to what follows.
            ("# x\n\n---\na: 1\n", &[(1, "# x\n\n---\na: 1\n")]),
            ("a: 1\n--- # x\nb: 1\n", &[(1, "a: 1\n"), (2, "--- # x\nb: 1\n")]),
            ("a: 1\n--- {b: 1}\n", &[(1, "a: 1\n"), (2, "--- {b: 1}\n")]),
            ("a: 1\n---\tb\n", &[(1, "a: 1\n"), (2, "---\tb\n")]),
            ("a: 1\n---b\n ---\n----\n", &[(1, "a: 1\n---b\n ---\n----\n")]),
            ("a: 1\n...\n# x\n", &[(1, "a: 1\n")]),
            ("a: 1\n...\nb: 1\n", &[(1, "a: 1\n"), (3, "b: 1\n")]),
            ("...\n...\na: 1\n", &[(3, "a: 1\n")]),
            ("a: 1\n...\n%YAML 1.2\n---\nb\n", &[(1, "a: 1\n"), (3, "%YAML 1.2\n---\nb\n")]),
            ("# only\n\n", &[]),
            ("---\n---\n", &[(1, "---\n"), (2, "---\n")]),
            ("\u{FEFF}---\na\n\u{FEFF}---\nb", &[(1, "---\na\n"), (3, "---\nb")]),
            ("a\r\n---\r\nb\r\n", &[(1, "a\r\n"), (2, "---\r\nb\r\n")]),
            ("a\r---\rb", &[(1, "a\r"), (2, "---\rb")]),
        ] {
            let found: Vec<_> = chunks(source.as_bytes())
                .map(|c| (c.line, std::str::from_utf8(c.bytes).unwrap()))
                .collect();
            assert_eq!(found, want, "{source:?}");
        }
    }
}
