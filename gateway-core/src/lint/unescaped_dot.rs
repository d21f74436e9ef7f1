//! `unescaped-dot`: an expression on the host in which a dot between labels stands for any
//! character.

use super::expression::Memo;
use super::{Findings, conditions, is_host};
use crate::diagnostic::Diagnostic;
use crate::rules::{Regex, RuleSet, Test};
use regex_syntax::ast::{Ast, parse::ParserBuilder};

pub(super) fn lint(rules: &RuleSet, found: &mut Findings) {
    let mut known = Memo::new();
    for (origin, condition) in conditions(rules) {
        let Test::Matches { regex, .. } = &condition.test else { continue };
        if is_host(&condition.field)
            && let Some(Slip { other, escaped }) = known.of(regex, slip)
        {
            let source = regex.source();
            let message =
                format!("`.` in `{source}` stands for any character, so it also matches `{other}`");
            let help = format!("write `{escaped}`");
            found.push(Diagnostic::notice("unescaped-dot", origin, message).help(help));
        }
    }
}

struct Slip {
    /// A value that is matched.
    other: String,
    /// The expression that was probably meant.
    escaped: String,
}

fn slip(regex: &Regex) -> Option<Slip> {
    let dots = dots(regex.source());
    if dots.is_empty() {
        return None;
    }
    let variant =
        |text| Regex::new(&with(regex.source(), &dots, text), regex.anchor(), regex.ignore_case());
    let other = variant("-").ok()?.sample()?;
    let escaped = variant(r"\.").ok()?;
    let only_by_dots = regex.is_match(other.as_bytes()) && !escaped.is_match(other.as_bytes());
    only_by_dots.then(|| Slip { other, escaped: escaped.source().to_owned() })
}

/// The source with `text` in place of the dots.
fn with(source: &str, dots: &[usize], text: &str) -> String {
    let mut changed = source.to_owned();
    for &dot in dots.iter().rev() {
        changed.replace_range(dot..=dot, text);
    }
    changed
}

/// Where dots stand between two letters or digits.
fn dots(source: &str) -> Vec<usize> {
    // The same limit as where expressions are compiled: the walk is as deep.
    let parsed = ParserBuilder::new().nest_limit(100).build().parse(source);
    let mut dots = Vec::new();
    if let Ok(ast) = parsed {
        visit(&ast, &mut dots);
    }
    dots
}

fn visit(ast: &Ast, dots: &mut Vec<usize>) {
    match ast {
        Ast::Concat(concat) => {
            for around in concat.asts.windows(3) {
                if let [Ast::Literal(before), Ast::Dot(dot), Ast::Literal(after)] = around
                    && before.c.is_ascii_alphanumeric()
                    && after.c.is_ascii_alphanumeric()
                {
                    dots.push(dot.start.offset);
                }
            }
            concat.asts.iter().for_each(|part| visit(part, dots));
        }
        Ast::Group(group) => visit(&group.ast, dots),
        Ast::Alternation(branches) => branches.asts.iter().for_each(|branch| visit(branch, dots)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Anchor;

    #[test]
    fn dots_between_labels() {
        for (source, want) in [
            ("cafe.example.com", Some(("cafe-example-com", r"cafe\.example\.com"))),
            (r"^cafe\.example.com$", Some(("cafe.example-com", r"^cafe\.example\.com$"))),
            ("^(tea|a.b)$", None),
            ("^(a.b|tea)$", Some(("a-b", r"^(a\.b|tea)$"))),
            ("é.example|a.b", None),
            (r"^cafe\.example\.com$", None),
            ("^.*example", None),
            ("^[a-z]+.example$", None),
            ("^cafe.?example$", None),
            ("^(?x)a . b$", Some(("a-b", r"^(?x)a \. b$"))),
        ] {
            let regex = Regex::new(source, Anchor::None, false).unwrap();
            let found = slip(&regex);
            let found = found.as_ref().map(|slip| (&*slip.other, &*slip.escaped));
            assert_eq!(found, want, "{source}");
        }
    }
}
