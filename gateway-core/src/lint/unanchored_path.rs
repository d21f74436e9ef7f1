//! `unanchored-path`: an expression that begins with the `/` of the path, and still is looked for
//! further on.

use super::expression::{Memo, grouped, is_open_at_start};
use super::{Findings, last_of_paths};
use crate::diagnostic::Diagnostic;
use crate::rules::{PathPattern, Regex, RuleSet};

pub(super) fn lint(rules: &RuleSet, found: &mut Findings) {
    let mut known = Memo::new();
    for route in last_of_paths(rules) {
        if let PathPattern::Regex(regex) = &route.path
            && let Some(deeper) = known.of(regex, deeper)
        {
            let source = regex.source();
            let message = format!(
                "the expression `{source}` is looked for anywhere in the path, so it also takes \
                 `{deeper}`"
            );
            let help = format!("write `^{}` to take what begins with it", grouped(regex));
            found.push(Diagnostic::notice("unanchored-path", &route.origin, message).help(help));
        }
    }
}

/// A path that is taken, though what the expression stands for begins at its second `/` only.
fn deeper(regex: &Regex) -> Option<String> {
    let path = regex.sample().filter(|sample| sample.starts_with('/'))?;
    let deeper = is_open_at_start(regex).then(|| format!("/x{path}"));
    deeper.filter(|deeper| regex.is_match(deeper.as_bytes()))
}
