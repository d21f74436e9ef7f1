//! What rules ask about callers that this proxy cannot tell.

use gateway_core::attributes::SOURCE_NAMESPACE;
use gateway_core::rules::{Action, Caller, Condition, Field, RuleSet};
use gateway_core::{Diagnostic, Origin};
use std::collections::{BTreeMap, BTreeSet};

/// A warning for each TrafficTarget, RateLimit and route about callers whom nobody is taken for.
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
    found.extend(for_unknown_namespaces(rules).map(|origin| {
        let message = "the namespaces of clients are not known here, so that no client gets here";
        warning(origin, message).help(PODS)
    }));
    found.into_iter().collect()
}

/// Where the routes were written that clients of some namespace alone get to, the first of each
/// document. A client without mutual TLS has no namespace.
fn for_unknown_namespaces(rules: &RuleSet) -> impl Iterator<Item = &Origin> {
    let plain = rules.listeners.iter().filter(|listener| !listener.mutual_tls);
    let hosts = plain.flat_map(|listener| listener.hosts.iter());
    let asks = |condition: &Condition| {
        !condition.negated
            && matches!(&condition.field, Field::Attribute(name) if **name == *SOURCE_NAMESPACE)
    };
    let routes = hosts.flat_map(|host| &host.routes).filter(move |route| {
        // What turns away the rest of those clients says nothing that a document does not.
        let is_rest = matches!(route.action, Action::Unmatched { .. });
        !is_rest && route.conditions.iter().any(asks)
    });
    let mut first = BTreeMap::new();
    for route in routes {
        let known = first.entry(&route.origin.object).or_insert(&route.origin);
        if route.origin.span < known.span {
            *known = &route.origin;
        }
    }
    first.into_values()
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

    #[test]
    fn routes_for_clients_of_a_namespace_are_told_once() {
        // gateway-api §22
        let route = |namespace: &str| {
            format!(
                "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
                 metadata: {{name: r, namespace: {namespace}}}\nspec:\n  parentRefs: \
                 [{{group: '', kind: Service, name: api, namespace: shop}}]\n  rules:\n  \
                 - filters: [{{type: RequestRedirect, requestRedirect: {{port: 1}}}}]\n    \
                   matches: [{{path: {{value: /a}}}}, {{path: {{value: /b}}}}]\n  \
                 - filters: [{{type: RequestRedirect, requestRedirect: {{port: 2}}}}]\n"
            )
        };
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\n\
                       spec: {clusterIP: 10.0.0.1, ports: [{port: 80}, {port: 81}]}\n";
        let mut resources = Resources::default();
        resources.add_yaml("mesh.yaml", format!("{service}{}{}", route("shop"), route("web")));
        let rules = translate(&resources, &Options { mesh: true, ..Options::default() }).rules;
        let told: Vec<_> = unknown_callers(&rules, false).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "mesh.yaml:23:15: warning[unknown-callers]: HTTPRoute web/r: spec.rules[0].matches[0]: \
              the namespaces of clients are not known here, so that no client gets here; clients \
              are taken for Pods by `--trust-pod-ips`"
            ]
        );
        assert_eq!(unknown_callers(&rules, true), []);
    }
}
