//! What in the documents may be to blame for the outcome.

use gateway_core::{Diagnostic, Explanation, Severity};
use std::collections::BTreeSet;

/// What is told of a route that a parent does not take.
const NOT_ATTACHED: [&str; 7] = [
    "Conflicted",
    "NoMatchingListenerHostname",
    "NoMatchingParent",
    "NotAllowedByListeners",
    "no-parent",
    "unknown-parent",
    "unsupported-parent",
];

/// How many of these are named.
const MAX_NAMED: usize = 3;

/// A line for each kind of problem.
pub(super) fn hints(diagnostics: &[Diagnostic], explanation: &Explanation) -> Vec<String> {
    let has_errors = diagnostics.iter().any(|d| d.severity == Severity::Error);
    let errors = has_errors.then(|| "the documents have errors: see `gateway check`".to_owned());
    let lost = explanation.route.is_none().then(|| not_attached(diagnostics)).flatten();
    errors.into_iter().chain(lost).collect()
}

fn not_attached(diagnostics: &[Diagnostic]) -> Option<String> {
    let told = diagnostics.iter().filter(|d| NOT_ATTACHED.contains(&d.code));
    let told = told.filter_map(|d| Some(format!("{} ({})", d.object.as_ref()?, d.code)));
    // An object may have several parents.
    let all: Vec<String> = told.collect::<BTreeSet<_>>().into_iter().collect();
    let named = all.get(..MAX_NAMED).unwrap_or(&all);
    let more = match all.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let list = named.join(", ");
    (!named.is_empty()).then(|| format!("not attached: {list}{more}; see `gateway check`"))
}
