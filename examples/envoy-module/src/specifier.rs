//! The cluster specifier: Envoy is told what the filter has decided.

use crate::abi::Selection;
use std::time::Duration;

/// No cluster of anybody's.
const UNDECIDED: &str = "gateway: no filter has decided";

/// What the filter leaves for the specifier: the cluster, and how long the answer may take; zero for
/// no limit.
///
/// One note, since Envoy makes a message of each.
pub(crate) fn note(cluster: &str, most: Duration) -> String {
    format!("{} {cluster}", most.as_millis())
}

fn read(note: &str) -> Option<(&str, Duration)> {
    let (most, cluster) = note.split_once(' ')?;
    Some((cluster, Duration::from_millis(most.parse().ok()?)))
}

/// Chooses the cluster of a stream.
///
/// Envoy asks for the first time before any filter has seen the request, and keeps the answer where
/// the route has no filter of this module: then there is no such cluster, and the answer is 500.
pub(crate) fn select(selection: &mut Selection<'_>) {
    let noted = selection.noted();
    let Some((cluster, most)) = noted.as_deref().and_then(read) else {
        selection.set_cluster(UNDECIDED);
        selection.set_missing(500);
        return;
    };
    selection.set_cluster(cluster);
    // As every cluster that cannot be reached: the filter says with what that is answered.
    selection.set_missing(503);
    selection.set_timeout(most);
}
