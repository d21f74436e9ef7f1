//! How an expression is written.

use crate::rules::Regex;
use regex_syntax::hir::{Dot, Hir, HirKind};
use std::collections::HashMap;

/// What was told of each expression: many rules may share one.
pub(super) struct Memo<T> {
    by_identity: HashMap<usize, T>,
}

impl<T> Memo<T> {
    pub(super) fn new() -> Self {
        Self { by_identity: HashMap::new() }
    }

    pub(super) fn of(&mut self, regex: &Regex, make: impl FnOnce(&Regex) -> T) -> &T {
        self.by_identity.entry(regex.identity()).or_insert_with(|| make(regex))
    }
}

/// Whether an expression is looked for anywhere in a value though nothing in it says that this is
/// meant: no anchor, no word boundary, no `.*` at its start or end.
pub(super) fn is_open(regex: &Regex) -> bool {
    is_open_at_start(regex) && !reaches_out(&regex.hir(), |parts| parts.last())
}

/// The same, whatever stands at its end but an anchor.
pub(super) fn is_open_at_start(regex: &Regex) -> bool {
    let hir = regex.hir();
    hir.properties().look_set().is_empty() && !reaches_out(&hir, |parts| parts.first())
}

/// Whether `.*` or `.+` stands at that end of the expression, or of a group there.
fn reaches_out(hir: &Hir, end: fn(&[Hir]) -> Option<&Hir>) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            repetition.max.is_none() && is_dot(&repetition.sub) || reaches_out(&repetition.sub, end)
        }
        HirKind::Capture(group) => reaches_out(&group.sub, end),
        HirKind::Concat(parts) => end(parts).is_some_and(|part| reaches_out(part, end)),
        HirKind::Alternation(branches) => branches.iter().any(|branch| reaches_out(branch, end)),
        _ => false,
    }
}

fn is_dot(hir: &Hir) -> bool {
    let dots = [Dot::AnyByteExceptLF, Dot::AnyCharExceptLF, Dot::AnyByte, Dot::AnyChar];
    dots.into_iter().any(|dot| *hir == Hir::dot(dot))
}

/// The expression in a form to which an anchor can be added.
pub(super) fn grouped(regex: &Regex) -> String {
    let source = regex.source();
    if source.contains('|') { format!("({source})") } else { source.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Anchor;

    #[test]
    fn open_expressions() {
        let open = |source, anchor| {
            let regex = Regex::new(source, anchor, false).unwrap();
            (is_open_at_start(&regex), is_open(&regex))
        };
        for (source, want) in [
            ("v1", true),
            ("v[12]|beta", true),
            ("a.*b", true),
            ("[a-z]*", true),
            ("^v1", false),
            ("v1$", false),
            ("a|^b", false),
            (r"(?-u:\b)v1", false),
            (".*v1", false),
            ("(?s).*v1", false),
            ("(.*;)?v1", false),
        ] {
            assert_eq!(open(source, Anchor::None), (want, want), "{source}");
        }
        for source in ["v1.+", "v1(;.*|x)", "caf[éè].*"] {
            assert_eq!(open(source, Anchor::None), (true, false), "{source}");
        }
        assert_eq!(open("v1", Anchor::Start), (false, false));
    }
}
