//! What splits and their branches are called, where the annotation makes them sticky
//! (decisions §4).

use super::action::Actions;
use crate::resource::document::At;
use crate::resource::virtual_server::{Action, Route, Split};
use crate::rules::Sticky;
use std::sync::Arc;

/// Where `splits` stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct SplitPlace<'r> {
    pub(super) route: &'r Route,
    /// The index of the match, unless they are the route's own.
    pub(super) of_match: Option<usize>,
}

impl SplitPlace<'_> {
    /// What decides in place of the draw, if the object says so.
    pub(super) fn sticky(self, splits: &[Split], actions: &Actions<'_>) -> Option<Arc<Sticky>> {
        let by = actions.sticky_by?.clone();
        let path = &*self.route.path.as_ref()?.value;
        let within = actions.report.origin(At::default()).object.path();
        // The path stands last: it may hold anything, and only one route of the object has it.
        let name = match self.of_match {
            None => format!("{within}/routes/{path}"),
            Some(index) => format!("{within}/matches/{index}/{path}"),
        };
        Some(Arc::new(Sticky::new(by, &name, splits.iter().map(branch))))
    }
}

/// What names a branch: the upstream, or what is done in place of asking one.
fn branch(split: &Split) -> &str {
    let upstream = match split.action.as_deref() {
        Some(Action::Pass(upstream)) => Some(upstream),
        Some(Action::Proxy(proxy)) => proxy.upstream.as_ref(),
        Some(Action::Redirect(_)) => return "redirect",
        Some(Action::Return(_)) => return "return",
        // The object is refused.
        None => None,
    };
    upstream.map_or("", |name| name)
}
