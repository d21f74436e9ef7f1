//! A text that an expression matches, to be shown.

use regex_syntax::hir::{Class, Hir, HirKind};

/// The longest text.
const MAX_SAMPLE: usize = 200;

/// A short text of printable characters that `hir` probably matches: anchors and word boundaries
/// are not looked at.
pub(super) fn sample(hir: &Hir) -> Option<String> {
    let mut text = String::new();
    append(hir, &mut text)?;
    Some(text)
}

/// Recursion is as deep as the expression nests, which parsing limits; repetitions of nothing are
/// not followed.
fn append(hir: &Hir, text: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(member(class)?),
        HirKind::Capture(group) => append(&group.sub, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| append(part, text))?,
        HirKind::Alternation(branches) => append(branches.first()?, text)?,
        HirKind::Repetition(repetition) => {
            for _ in 0..repetition.min {
                let before = text.len();
                append(&repetition.sub, text)?;
                if text.len() == before {
                    break;
                }
            }
        }
    }
    (text.len() <= MAX_SAMPLE).then_some(())
}

/// A character of the class, a letter or a digit if there is one.
fn member(class: &Class) -> Option<char> {
    let holds = |c: &char| match class {
        Class::Bytes(class) => class.iter().any(|r| (r.start()..=r.end()).contains(&(*c as u8))),
        Class::Unicode(class) => class.iter().any(|r| (r.start()..=r.end()).contains(c)),
    };
    ('a'..='z').chain('0'..='9').chain('A'..='Z').chain(' '..='~').find(holds)
}

#[cfg(test)]
mod tests {
    use super::super::{Anchor, Regex};

    #[test]
    fn samples_match() {
        for (source, want) in [
            ("^/v[12]/[a-z]{3}$", Some("/v1/aaa")),
            ("(beta|canary)-[^a-z]", Some("beta-0")),
            (r"\d+(\.\d+)?", Some("0")),
            ("x*", Some("")),
            ("(?i)Tea", Some("tea")),
            ("(a{10}){15}", Some(&*"a".repeat(150))),
            ("a{201}", None),
            ("(?:){4000}a", Some("a")),
            (r"[\x00-\x1f]", None),
            // What the sample would need is more than is looked at.
            ("a$b", None),
        ] {
            let regex = Regex::new(source, Anchor::None, false).unwrap();
            assert_eq!(regex.sample().as_deref(), want, "{source}");
        }
    }
}
