//! What JSON allows and the YAML parser does not: characters written as two `\u` escapes, and tabs
//! wherever blanks may be.

use super::super::document::Place;
use std::borrow::Cow;
use std::fmt::Write as _;

/// A pair of `\uD83D\uDE00` has 12 characters, `\U0001F600` has 10.
const SAVED: u32 = 2;

/// JSON text as YAML can read it.
#[derive(Debug)]
pub(super) struct Normal<'t> {
    pub(super) text: Cow<'t, str>,
    /// Where text got shorter (line and column in `text`), ascending.
    shorter: Vec<Place>,
}

impl Normal<'_> {
    /// The place in the text as it was written that stands at `place` now.
    pub(super) fn place(&self, place: Place) -> Place {
        let first = self.shorter.partition_point(|s| s.line < place.line);
        let last = self.shorter.partition_point(|s| *s < place);
        let count = u32::try_from(last - first).unwrap_or(u32::MAX);
        Place { column: place.column.saturating_add(count.saturating_mul(SAVED)), ..place }
    }
}

/// Joins surrogate pairs in the double-quoted strings of JSON text and turns tabs between tokens
/// into blanks; other text stays as it is.
pub(super) fn normalise(text: &str) -> Normal<'_> {
    let mut normal = Normal { text: Cow::Borrowed(text), shorter: Vec::new() };
    let start = text.strip_prefix("---").unwrap_or(text).trim_start();
    let concerned = text.contains('\t') || text.contains("\\ud") || text.contains("\\uD");
    if !start.starts_with(['{', '[']) || !concerned {
        return normal;
    }
    let mut out = String::with_capacity(text.len());
    let mut place = Place { line: 1, column: 1 };
    // The quote that a string ends with, and the character before that was not a blank. YAML in
    // braces is told from JSON: only at the start of a token does a quote open a string.
    let (mut quote, mut before) = (None, '[');
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let next = rest[c.len_utf8()..].chars().next();
        let mut taken = c.len_utf8();
        let mut columns = 1;
        match (quote, c) {
            (Some('"'), '\\') => {
                if let Some(joined) = surrogate_pair(rest) {
                    let _ = write!(out, "\\U{:08X}", u32::from(joined));
                    normal.shorter.push(place);
                    place.column = place.column.saturating_add(12 - SAVED);
                    rest = &rest[12..];
                    continue;
                }
                (taken, columns) = (taken + next.map_or(0, char::len_utf8), 2);
            }
            (Some('\''), '\'') if next == Some('\'') => (taken, columns) = (2, 2),
            (Some(end), _) if c == end => quote = None,
            (None, '"' | '\'') if matches!(before, '[' | '{' | ',' | ':') => quote = Some(c),
            _ => {}
        }
        if c == '\t' && quote.is_none() {
            out.push(' ');
        } else {
            out.push_str(&rest[..taken]);
        }
        if !c.is_whitespace() {
            before = c;
        }
        if c == '\n' {
            place = Place { line: place.line.saturating_add(1), column: 1 };
        } else {
            place.column = place.column.saturating_add(columns);
        }
        rest = &rest[taken..];
    }
    normal.text = Cow::Owned(out);
    normal
}

/// The character that the two escapes at the start of `text` stand for.
fn surrogate_pair(text: &str) -> Option<char> {
    let escape = |from: usize| {
        let digits = text.get(from..from + 6)?.strip_prefix("\\u")?;
        let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let units = [escape(0)?, escape(6)?];
    let mut joined = char::decode_utf16(units);
    // A single character from two units; anything else is no pair.
    let character = joined.next()?.ok()?;
    joined.next().is_none().then_some(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_joined_and_tabs_replaced_in_json_only() {
        for (text, want) in [
            ("{\t\"a\t\":\t1}", "{ \"a\t\": 1}"),
            ("a: {\t}", "a: {\t}"),
            ("['it''s', \"x\t\", it's,\t\"y\t\"]", "['it''s', \"x\t\", it's, \"y\t\"]"),
            ("['\"',\t'\t']", "['\"', '\t']"),
            (r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\U0001F600"}"#),
            (r#"["\uD83D\uDE00x"]"#, r#"["\U0001F600x"]"#),
            ("---\n {\"a\":\"\\ud83d\\ude00\"}", "---\n {\"a\":\"\\U0001F600\"}"),
            // Halves, an escaped backslash and plain text are left for the parser.
            (r#"["\ud83d"]"#, r#"["\ud83d"]"#),
            (r#"["\ude00\ud83d"]"#, r#"["\ude00\ud83d"]"#),
            (r#"["\ud83d\u0041"]"#, r#"["\ud83d\u0041"]"#),
            (r#"["\u0041\u0042 \ud8"]"#, r#"["\u0041\u0042 \ud8"]"#),
            (r#"["\\ud83d\ude00"]"#, r#"["\\ud83d\ude00"]"#),
            (r"[\ud83d\ude00]", r"[\ud83d\ude00]"),
            (r#"a: "\ud83d\ude00""#, r#"a: "\ud83d\ude00""#),
            ("[\"\\é\\ud83d", "[\"\\é\\ud83d"),
        ] {
            assert_eq!(normalise(text).text, want, "{text}");
        }
    }

    #[test]
    fn places_stay_those_of_the_text_as_written() {
        let text = "{\"é\":\"\\ud83d\\ude00\\ud83d\\ude00\",\n\"b\":\"\\ud83d\\ude00\",\"c\":1}";
        let normal = normalise(text);
        let find = |text: &str, needle: &str| {
            let at = text.find(needle).unwrap();
            super::super::end_of(&text[..at], 1)
        };
        for needle in ["\"é\"", ",\n", "\"b\"", "\"c\"", "1}"] {
            assert_eq!(normal.place(find(&normal.text, needle)), find(text, needle), "{needle}");
        }
    }
}
