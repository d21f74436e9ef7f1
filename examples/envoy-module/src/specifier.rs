//! The cluster specifier: Envoy is told what the filter has decided.

use crate::abi::Selection;
use std::time::Duration;

/// The note that names the cluster.
pub(crate) const CLUSTER: &str = "cluster";
/// The note that says how many milliseconds the answer may take; 0 for no limit.
pub(crate) const TIMEOUT: &str = "timeout";

/// No cluster of anybody's.
const UNDECIDED: &str = "gateway: no filter has decided";

/// Chooses the cluster of a stream.
///
/// Envoy asks for the first time before any filter has seen the request, and keeps the answer where
/// the route has no filter of this module: then there is no such cluster, and the answer is 500.
pub(crate) fn select(selection: &mut Selection<'_>) {
    let Some(cluster) = selection.noted(CLUSTER) else {
        selection.set_cluster(UNDECIDED);
        selection.set_missing(500);
        return;
    };
    selection.set_cluster(&cluster);
    // As every cluster that cannot be reached: the filter says with what that is answered.
    selection.set_missing(503);
    if let Some(most) = selection.noted(TIMEOUT).and_then(|text| text.parse().ok()) {
        selection.set_timeout(Duration::from_millis(most));
    }
}
