//! `accessControl` (virtualserver §16.1).

use super::super::report::Fault;
use super::lowering::Lowering;
use crate::resource::policy::AccessControl as Written;
use crate::rules::{AccessControl, AccessRule, Network, Networks};

pub(super) fn lower(written: &Written, lowering: &mut Lowering<'_, '_>) -> Option<AccessControl> {
    let report = &mut lowering.report;
    let mut networks = Vec::with_capacity(written.networks.len());
    for text in &written.networks {
        let network = text.parse::<Network>();
        let network =
            network.map_err(|error| Fault::invalid(format!("`{}` is {error}", text.value)));
        networks.extend(report.check(text.at, network));
    }
    if written.is_empty {
        let message = "the list is empty and restricts nothing";
        report.warning(written.at, Fault::new("no-effect", message));
    }
    let networks: Networks = networks.into_iter().collect();
    let rule = match written.allows? {
        true => AccessRule::Allow(networks),
        false => AccessRule::Deny(networks),
    };
    Some(AccessControl { rule, origin: report.origin(written.at) })
}
