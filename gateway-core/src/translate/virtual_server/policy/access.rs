//! `accessControl` (virtualserver §16.1).

use super::super::report::Fault;
use super::lowering::Lowering;
use crate::origin::Origin;
use crate::resource::policy::AccessControl as Written;
use crate::rules::Network;

/// One list of networks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Access {
    /// Whether it says who may come; else it says who may not.
    pub(super) allows: bool,
    pub(super) networks: Vec<Network>,
    pub(super) origin: Origin,
}

pub(super) fn lower(written: &Written, lowering: &mut Lowering<'_, '_>) -> Option<Access> {
    let report = &mut lowering.report;
    let mut networks = Vec::with_capacity(written.networks.len());
    for text in &written.networks {
        let network = text.parse::<Network>();
        let network =
            network.map_err(|error| Fault::invalid(format!("`{}` is {error}", text.value)));
        networks.extend(report.check(text.at, network));
    }
    let allows = written.allows?;
    if written.is_empty {
        let message = "the list is empty and restricts nothing";
        report.warning(written.at, Fault::new("no-effect", message));
    }
    Some(Access { allows, networks, origin: report.origin(written.at) })
}
