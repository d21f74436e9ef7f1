//! SMI: TrafficSplits and HTTPRouteGroups (smi §1 to §4).
//!
//! ```text
//! HTTPRouteGroup ──► group ──► conditions by name ──┐
//! TrafficSplit ────────────────────────────────► split ──┬──► host    hosts named after Services
//!                                                        └──► order   the splits of each Service
//! ```

mod group;
mod host;
mod lint;
mod name;
mod order;
mod split;
#[cfg(test)]
mod tests;

use super::Context;
use crate::diagnostic::Diagnostic;
use group::Groups;
use split::Split;

pub(super) fn translate(context: &mut Context<'_>) {
    let resources = context.resources;
    let mut groups = Groups::new();
    for group in resources.http_route_groups() {
        context.expressions.next_object();
        match group::lower(group, &mut context.expressions, &mut context.problems) {
            Some(matches) => {
                groups.insert((&group.meta.namespace, &group.meta.name), matches);
            }
            None => context.refused.push(group.object().clone()),
        }
    }
    let mut splits: Vec<Split<'_>> = Vec::new();
    for written in resources.traffic_splits() {
        match split::lower(written, &groups, context) {
            Some(split) => splits.push(split),
            None => context.refused.push(written.object().clone()),
        }
    }
    if context.options.service_hosts {
        host::claim(&splits, context);
    }
    order::settle(splits, context);
    for (root, by, origin) in context.services.bypassed() {
        let message = format!("the TrafficSplits of `{root}` are bypassed by `{by}`");
        context.problems.push(Diagnostic::warning("SMI-W07", origin, message));
    }
}
