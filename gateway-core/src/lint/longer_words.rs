//! `prefix-takes-longer-words`: a prefix by octets that ends within a word.

use super::{Findings, example, last_of_paths};
use crate::diagnostic::Diagnostic;
use crate::rules::{Boundary, PathPart, PathPattern, PathTemplate, RuleSet};

pub(super) fn lint(rules: &RuleSet, found: &mut Findings) {
    for route in last_of_paths(rules) {
        if let PathPattern::Prefix { template, boundary: Boundary::Byte } = &route.path
            && let Some(ending) = ending(template)
            && let Some(path) = example::path(&route.path)
        {
            let message = format!("the prefix `{template}` also takes `{path}{ending}`");
            let help = format!(
                "write `{template}/` to take only what is below it, or `={template}` to take this \
                 path alone"
            );
            let code = "prefix-takes-longer-words";
            found.push(Diagnostic::notice(code, &route.origin, message).help(help));
        }
    }
}

/// What makes another word of the last one of `template`.
fn ending(template: &PathTemplate) -> Option<char> {
    let PathPart::Literal(end) = template.parts().last()? else { return None };
    match end.last()? {
        b'0'..=b'9' => Some('0'),
        last if last.is_ascii_alphabetic() || !last.is_ascii() => Some('s'),
        _ => None,
    }
}
