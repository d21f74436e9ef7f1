//! References to policies (virtualserver §3, §15).

use super::grammar::{label, subdomain};
use super::report::{Fault, Report};
use crate::resource::document::Located;
use crate::resource::virtual_server::PolicyRef;
use crate::rules::Action;
use std::collections::BTreeSet;

/// Checks the references and closes their scope: a guard that is not there must not let anything
/// pass (virtualserver §15).
pub(super) fn guard(
    list: &Located<Vec<PolicyRef>>,
    namespace: &str,
    report: &mut Report,
) -> Action {
    let mut seen = BTreeSet::new();
    for policy in &list.value {
        let Some(name) = &policy.name else { continue };
        report.check(name.at, subdomain(name));
        if let Some(namespace) = &policy.namespace {
            report.check(namespace.at, label(namespace));
        }
        let namespace = policy.namespace.as_ref().map_or(namespace, |text| text);
        if !seen.insert((namespace, &*name.value)) {
            let message = format!("the policy `{namespace}/{}` stands above already", name.value);
            report.error(policy.at, Fault::new("duplicate-value", message));
        }
    }
    let reason = "policies are not enforced yet";
    let fault = Fault::new("unsupported-field", format!("{reason}: their scope answers 500"));
    report.withheld(list.at, fault);
    Action::fault(reason, report.origin(list.at))
}
