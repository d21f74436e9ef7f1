//! What rules ask about callers that this proxy cannot tell.

use gateway_core::Diagnostic;
use gateway_core::rules::{Caller, RuleSet};
use std::collections::BTreeSet;

/// A warning for each TrafficTarget and RateLimit about callers whom nobody is taken for.
/// `trusts_pods` is whether a client is the Pod of its address
/// ([`Config::trust_pod_ips`](crate::Config)).
pub fn unknown_callers(rules: &RuleSet, trusts_pods: bool) -> Vec<Diagnostic> {
    if trusts_pods {
        return Vec::new();
    }
    let mut found = BTreeSet::new();
    let warning = |origin, message: &str| Diagnostic::warning("unknown-callers", origin, message);
    // Who comes in mutual TLS has a service account, but no labels, and is part of no workload.
    let has_accounts = rules.listeners.iter().any(|listener| listener.mutual_tls);
    for service in &*rules.services {
        if let Some(access) = &service.access {
            let knows_nobody = !has_accounts && access.anonymous.is_none();
            for grant in access.workloads.iter().flat_map(|w| w.asks.iter().flat_map(|a| &**a)) {
                let by_label = |caller: &Caller| matches!(caller, Caller::Labelled { .. });
                if knows_nobody && !grant.callers.is_empty() {
                    let message = "no caller has a name here, so that all are answered 403";
                    let help = "callers are known by `--inbound`, `--trust-pod-ips` or \
                                `--gateway-identity`";
                    found.insert(warning(&grant.origin, message).help(help));
                } else if grant.callers.iter().any(by_label) {
                    let message = "the labels of callers are not known here, and match nobody";
                    found.insert(warning(&grant.origin, message).help(PODS));
                }
            }
        }
        for limit in service.limits.iter().filter(|limit| !limit.sources.is_empty()) {
            let message = "what callers are part of is not known here, so that nobody is limited";
            found.insert(warning(&limit.origin, message).help(PODS));
        }
    }
    found.into_iter().collect()
}

const PODS: &str = "clients are taken for Pods by `--trust-pod-ips`";

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::rules::ServiceAccount;
    use gateway_core::{Options, Resources, translate};

    const DOCUMENTS: &str = "
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {ports: [{port: 80}]}
---
apiVersion: access.smi-spec.io/v1alpha4
kind: IdentityBinding
metadata: {name: web}
spec: {schemes: {podLabelSelector: {matchLabels: {app: web}}}}
---
apiVersion: access.smi-spec.io/v1alpha4
kind: TrafficTarget
metadata: {name: web}
spec:
  destination: {kind: ServiceAccount, name: default}
  rules: [{kind: TCPRoute, name: any}]
  sources: [{kind: IdentityBinding, name: web, group: access.smi-spec.io}]
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: {name: any}
---
apiVersion: specs.smi.nginx.com/v1alpha2
kind: RateLimit
metadata: {name: slow}
spec:
  destination: {kind: Service, name: api}
  sources: [{kind: Deployment, name: web}]
  name: slow
  rate: 1r/s
";

    fn told(gateway_identity: Option<ServiceAccount>, trusts_pods: bool) -> Vec<String> {
        let mut resources = Resources::default();
        resources.add_yaml("mesh.yaml", DOCUMENTS);
        let options = Options { gateway_identity, ..Options::default() };
        let rules = translate(&resources, &options).rules;
        let told = unknown_callers(&rules, trusts_pods);
        told.iter().map(|d| format!("{}: {}", d.object.as_ref().unwrap(), d.message)).collect()
    }

    #[test]
    fn who_cannot_be_known_is_told() {
        let limit = "RateLimit default/slow: what callers are part of is not known here, so that \
                     nobody is limited";
        assert_eq!(
            told(None, false),
            [
                limit,
                "TrafficTarget default/web: no caller has a name here, so that all are answered 403"
            ]
        );
        let gateway = || Some(ServiceAccount::new("default", "gateway"));
        assert_eq!(
            told(gateway(), false),
            [
                limit,
                "TrafficTarget default/web: the labels of callers are not known here, and match \
                 nobody"
            ]
        );
        assert_eq!(told(gateway(), true), [""; 0]);
        assert_eq!(told(None, true), [""; 0]);
    }
}
