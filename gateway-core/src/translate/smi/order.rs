//! Which of several splits of one root goes first (smi §3.7).

use super::age;
use super::split::Split;
use crate::diagnostic::Diagnostic;
use crate::rules::ServiceSplit;
use crate::sort::sort_by;
use crate::translate::Context;

/// Gives each root its splits, in order of precedence.
pub(super) fn settle(mut splits: Vec<Split<'_>>, context: &mut Context<'_>) {
    sort_by(&mut splits, |a, b| key(a).cmp(&key(b)));
    for of_one_root in splits.chunk_by(|a, b| a.root == b.root) {
        warn_of_shadowed(of_one_root, context);
        let Some(first) = of_one_root.first() else { continue };
        let root = context.services.id(&first.root);
        let lowered = of_one_root.iter().map(|split| split.lowered.clone()).collect();
        context.services.set_splits(root, lowered);
    }
}

/// Conditional splits first, then the older one, then by name (smi S-17, S-18).
fn key<'s>(split: &'s Split<'_>) -> impl Ord + 's {
    (&split.root, split.lowered.matches.is_none(), age(&split.written.meta))
}

/// smi S-20
fn warn_of_shadowed(splits: &[Split<'_>], context: &mut Context<'_>) {
    for (index, split) in splits.iter().enumerate() {
        let shadows = |earlier: &&Split<'_>| shadows(&earlier.lowered, &split.lowered);
        let Some(winner) = splits[..index].iter().find(shadows) else { continue };
        let message = format!(
            "the split can never act: {} takes the same requests for `{}` first",
            winner.written.object(),
            split.root.name
        );
        let origin = &split.lowered.origin;
        context.problems.push(Diagnostic::warning("SMI-W06", origin, message));
    }
}

/// Whether `earlier` takes every request that `later` would.
fn shadows(earlier: &ServiceSplit, later: &ServiceSplit) -> bool {
    let Some(taken) = &earlier.matches else { return true };
    if taken.iter().any(|m| m.conditions.is_empty()) {
        return true;
    }
    let Some(wanted) = &later.matches else { return false };
    // A split without any condition takes nothing, and has a warning of its own.
    !taken.is_empty()
        && taken.iter().map(|m| &m.conditions).eq(wanted.iter().map(|m| &m.conditions))
}
