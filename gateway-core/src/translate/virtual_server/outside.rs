//! What is accepted, but lies outside of what a router does (virtualserver §18).

use super::grammar::qualified_name;
use super::report::{Fault, Report};
use crate::resource::virtual_server::Text;
use crate::rules::{Policies, PolicyFault};

/// `dos`, which is as a policy that is invalid: nothing passes that was meant to be guarded.
pub(super) fn dos(written: Option<&Text>, policies: &mut Policies, report: &mut Report) {
    let Some(text) = written else { return };
    report.check(text.at, qualified_name(text));
    let reason = "protection against denial of service is not supported";
    let fault = Fault::new("unsupported-field", format!("{reason}: its scope answers 500"));
    report.withheld(text.at, fault);
    let origin = report.origin(text.at);
    policies.fault.get_or_insert(PolicyFault { reason: reason.into(), origin });
}

/// `dos` beside a delegation, which subroutes do not inherit (virtualserver §6.4).
pub(super) fn dos_of_delegation(written: Option<&Text>, report: &mut Report) {
    let Some(text) = written else { return };
    report.check(text.at, qualified_name(text));
    let message = "`dos` has no effect here: subroutes do not inherit it";
    report.warning(text.at, Fault::new("no-effect", message));
}

/// `add-header-inherit`: what is added for the host stays, whatever a route adds.
pub(super) fn add_header_inherit(written: Option<&Text>, report: &mut Report) {
    let Some(text) = written else { return };
    match &*text.value {
        "" | "on" | "merge" => {}
        "off" => {
            let message = "`off` has no effect: headers that are added for the host stay";
            report.notice(text.at, Fault::new("no-effect", message));
        }
        other => {
            let fault = Fault::unsupported("inheritance", other, ["on", "off", "merge"]);
            report.error(text.at, fault);
        }
    }
}
