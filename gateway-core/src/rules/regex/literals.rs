//! What stands in every value that an expression matches.

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Octets with which every match begins that starts with the value. Empty for an expression that
/// may match elsewhere.
pub(super) fn prefix(hir: &Hir) -> Vec<u8> {
    if !hir.properties().look_set_prefix().contains(Look::Start) {
        return Vec::new();
    }
    let literals = Extractor::new().extract(hir);
    literals.longest_common_prefix().map(<[u8]>::to_vec).unwrap_or_default()
}

/// Whether every value that begins with `prefix`, which is that of the expression, is matched. Told
/// by the form of the expression: text at the start of the value, and behind it only what may be
/// left out.
pub(super) fn matches_all_with(prefix: &[u8], hir: &Hir) -> bool {
    let parts = match hir.kind() {
        HirKind::Concat(parts) => parts,
        _ => std::slice::from_ref(hir),
    };
    let after_start = match parts {
        [start, rest @ ..] if *start.kind() == HirKind::Look(Look::Start) => rest,
        parts => parts,
    };
    let (text, rest) = match after_start {
        // Without the start it may stand anywhere, and `prefix` is empty.
        [literal, rest @ ..] => match literal.kind() {
            HirKind::Literal(text) => (&*text.0, rest),
            _ => (&b""[..], after_start),
        },
        [] => (&b""[..], after_start),
    };
    let may_be_left_out = |part: &Hir| {
        let properties = part.properties();
        properties.minimum_len() == Some(0) && properties.look_set().is_empty()
    };
    text == prefix && rest.iter().all(may_be_left_out)
}

/// Runs of octets that stand in every match, letters in lower case.
pub(super) fn required(hir: &Hir) -> Vec<Vec<u8>> {
    let mut runs = Runs::default();
    runs.visit(hir);
    runs.end();
    runs.found
}

#[derive(Default)]
struct Runs {
    found: Vec<Vec<u8>>,
    /// The run that ends where the walk stands.
    open: Vec<u8>,
}

impl Runs {
    /// Recursion is as deep as the expression nests, which parsing limits.
    fn visit(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(text) => self.open.extend(text.0.to_ascii_lowercase()),
            HirKind::Class(class) => match one_letter(class) {
                Some(letter) => self.open.push(letter),
                None => self.end(),
            },
            HirKind::Capture(group) => self.visit(&group.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.visit(part)),
            HirKind::Repetition(repetition) => {
                self.end();
                if repetition.min > 0 {
                    self.visit(&repetition.sub);
                    self.end();
                }
            }
            HirKind::Alternation(_) => self.end(),
        }
    }

    fn end(&mut self) {
        if !self.open.is_empty() {
            self.found.push(std::mem::take(&mut self.open));
        }
    }
}

/// The letter, if the class is one letter of ASCII in both cases.
fn one_letter(class: &Class) -> Option<u8> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Bytes(class) => {
            class.iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
        Class::Unicode(class) => {
            class.iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
    };
    let &[(upper, a), (lower, b)] = &*ranges else { return None };
    let upper = u8::try_from(upper).ok().filter(u8::is_ascii_uppercase)?;
    let both = (a, lower, b) == (upper.into(), (upper | 0x20).into(), (upper | 0x20).into());
    both.then_some(upper | 0x20)
}

#[cfg(test)]
mod tests {
    use super::super::{Anchor, Regex};

    #[test]
    fn literal_prefixes() {
        for (source, anchor, ignore_case, want) in [
            ("/api/v[12]/x", Anchor::Start, false, "/api/v"),
            ("/api/v[12]/x", Anchor::Both, false, "/api/v"),
            ("^/api/.*", Anchor::None, false, "/api/"),
            ("/api/.*", Anchor::None, false, ""),
            ("^/api/.*", Anchor::Both, false, "/api/"),
            ("^/api", Anchor::None, true, "/"),
            ("(?i)^/api", Anchor::None, false, "/"),
            ("(?m)^/api", Anchor::None, false, ""),
            ("^/a|/b", Anchor::None, false, ""),
            ("^(?:/a/x|/a/y)", Anchor::None, false, "/a/"),
            ("/a/x|/a/y", Anchor::Start, false, "/a/"),
            ("/a*", Anchor::Start, false, "/"),
            ("(/a)?/b", Anchor::Start, false, "/"),
            (r"/a\.b$", Anchor::Start, false, "/a.b"),
            ("", Anchor::Start, false, ""),
            (".*", Anchor::Both, false, ""),
        ] {
            let regex = Regex::new(source, anchor, ignore_case).unwrap();
            let prefix = String::from_utf8(regex.literal_prefix()).unwrap();
            assert_eq!(prefix, want, "{source} {anchor:?}");
        }
    }

    #[test]
    fn required_runs() {
        for (source, ignore_case, want) in [
            ("^/[a-z]+/v[0-9]+/svc12/[^/]+$", false, "/ /v /svc12/"),
            ("^/Svc/[a-z]+", true, "/svc/"),
            ("(?i)AbC", false, "abc"),
            ("(?i)kiss", true, "kiss"),
            ("(?i)ak\u{e9}sb", true, "a b"),
            ("a(bc)d(?:e|f)gh", false, "abcd gh"),
            ("ab?cd*ef+gh", false, "a c e f gh"),
            ("(?:abc){2}d", false, "abc d"),
            ("[xX]y[aB]z", false, "xy z"),
            ("a|b", false, ""),
            ("^$", false, ""),
            (r"\bfoo\b", false, "foo"),
            (".*", false, ""),
        ] {
            // `\b` is that of ASCII.
            let source = source.replace(r"\b", r"(?-u:\b)");
            let regex = Regex::new(&source, Anchor::None, ignore_case).unwrap();
            let runs: Vec<String> = regex
                .required_literals()
                .into_iter()
                .map(|run| String::from_utf8(run).unwrap())
                .collect();
            assert_eq!(runs.join(" "), want, "{source}");
        }
    }
}
