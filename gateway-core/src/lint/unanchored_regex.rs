//! `unanchored-regex`: an expression on a header field, a cookie or an argument that holds for any
//! value that it stands in.

use super::expression::{Memo, grouped, is_open};
use super::{Findings, conditions, is_host};
use crate::diagnostic::Diagnostic;
use crate::rules::{Field, Regex, RuleSet, Test};

pub(super) fn lint(rules: &RuleSet, found: &mut Findings) {
    let mut known = Memo::new();
    for (origin, condition) in conditions(rules) {
        let Test::Matches { regex, .. } = &condition.test else { continue };
        let field = &condition.field;
        if holds_one_value(field)
            && let Some(longer) = known.of(regex, |regex| is_open(regex).then(|| longer(regex)))
        {
            let source = regex.source();
            let mut message = format!("`{source}` is looked for anywhere in {field}");
            if let Some(longer) = longer {
                message += &format!(", so it also matches `{longer}`");
            }
            let port = if is_host(field) { "(:[0-9]+)?" } else { "" };
            let help = format!(
                "write `^{}{port}$` to match nothing longer, or `.*` at both ends if that is meant",
                grouped(regex)
            );
            found.push(Diagnostic::notice("unanchored-regex", origin, message).help(help));
        }
    }
}

/// Whether expressions on the field are mostly meant for all of it. The field `cookie` holds many
/// values, among which one is looked for.
fn holds_one_value(field: &Field) -> bool {
    match field {
        Field::Header(name) => **name != *"cookie",
        Field::Cookie { .. } | Field::Argument { .. } => true,
        _ => false,
    }
}

/// A value that matches, though it holds more than what the expression stands for.
fn longer(regex: &Regex) -> Option<String> {
    let text = regex.sample().filter(|text| !text.is_empty())?;
    Some(format!("x{text}x")).filter(|longer| regex.is_match(longer.as_bytes()))
}
