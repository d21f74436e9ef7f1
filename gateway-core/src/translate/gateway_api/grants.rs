//! Which references may lead to other namespaces (gateway-api §19).

use super::fault::Fault;
use crate::resource::GATEWAY_GROUP;
use crate::resource::reference_grant::ReferenceGrant;
use crate::resource::{Resource, Resources};
use std::collections::HashMap;

/// An object that refers to another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Referrer<'r> {
    pub(super) kind: &'r str,
    pub(super) namespace: &'r str,
}

/// An object that is referred to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Referent<'r> {
    pub(super) group: &'r str,
    pub(super) kind: &'r str,
    pub(super) namespace: &'r str,
    pub(super) name: &'r str,
}

/// All ReferenceGrants, by the namespace that they open.
pub(super) struct Grants<'a> {
    by_namespace: HashMap<&'a str, Vec<&'a Resource<ReferenceGrant>>>,
}

impl<'a> Grants<'a> {
    pub(super) fn of(resources: &'a Resources) -> Self {
        let mut by_namespace: HashMap<_, Vec<_>> = HashMap::new();
        for grant in resources.reference_grants() {
            by_namespace.entry(&*grant.meta.namespace).or_default().push(grant);
        }
        Self { by_namespace }
    }

    /// Checked before anything else, so that nothing is told of objects that are none of the
    /// referrer's business, not even whether they are there.
    pub(super) fn check(&self, from: Referrer<'_>, to: Referent<'_>) -> Result<(), Fault> {
        if from.namespace == to.namespace {
            return Ok(());
        }
        let find = |namespace| {
            let mut grants = self.by_namespace.get(namespace).into_iter().flatten();
            grants.find(|grant| permits(&grant.spec, from, to))
        };
        if find(to.namespace).is_some() {
            return Ok(());
        }
        let Referent { kind, namespace, name, .. } = to;
        let message = format!(
            "{kind} `{namespace}/{name}` is in another namespace, and no ReferenceGrant permits \
             that"
        );
        let help = may_be_of_use(from, to).then(|| match find(from.namespace) {
            Some(grant) => format!("{} has to be in namespace `{namespace}`", grant.object()),
            None => format!(
                "a ReferenceGrant in namespace `{namespace}` from {}s of namespace `{}` to \
                 {kind}s would permit it",
                from.kind, from.namespace
            ),
        });
        Err(Fault::new("RefNotPermitted", message).help(help))
    }
}

/// Whether the referrer has any use for objects of that kind, once it is permitted to.
fn may_be_of_use(from: Referrer<'_>, to: Referent<'_>) -> bool {
    let kinds: &[&str] = match from.kind {
        "Gateway" => &["Secret", "ConfigMap"],
        "ListenerSet" => &["Secret"],
        _ => &["Service"],
    };
    to.group.is_empty() && kinds.contains(&to.kind)
}

/// Whether one of `from` is the referrer and one of `to` what it refers to.
fn permits(grant: &ReferenceGrant, from: Referrer<'_>, to: Referent<'_>) -> bool {
    let is_from = grant.from.iter().any(|entry| {
        (&*entry.group, &*entry.kind, &*entry.namespace)
            == (GATEWAY_GROUP, from.kind, from.namespace)
    });
    let is_to = grant.to.iter().any(|entry| {
        (&*entry.group, &*entry.kind) == (to.group, to.kind)
            && entry.name.as_ref().is_none_or(|name| **name == *to.name)
    });
    is_from && is_to
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use super::*;

    #[test]
    fn grants_combine_from_and_to() {
        // gateway-api §19
        let mut resources = Resources::new();
        resources.add_yaml(
            "t.yaml",
            "
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: a, namespace: data}
spec:
  from:
  - {group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}
  - {group: gateway.networking.k8s.io, kind: Gateway, namespace: infra}
  - {group: example.com, kind: GRPCRoute, namespace: shop}
  to: [{group: '', kind: Service, name: tea}, {group: '', kind: Secret}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: b, namespace: other}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}]
  to: [{group: '', kind: Service}]
",
        );
        assert_eq!(resources.diagnostics(), []);
        let grants = Grants::of(&resources);
        for (kind, namespace, to, want) in [
            ("HTTPRoute", "shop", ("", "Service", "data", "tea"), true),
            ("Gateway", "infra", ("", "Service", "data", "tea"), true),
            ("Gateway", "infra", ("", "Secret", "data", "any"), true),
            ("HTTPRoute", "shop", ("", "Secret", "data", "any"), true),
            ("HTTPRoute", "shop", ("", "Service", "other", "any"), true),
            // One's own namespace needs no grant.
            ("HTTPRoute", "data", ("", "Service", "data", "coffee"), true),
            ("HTTPRoute", "shop", ("", "Service", "data", "coffee"), false),
            ("HTTPRoute", "shop", ("example.com", "Service", "data", "tea"), false),
            ("HTTPRoute", "infra", ("", "Service", "data", "tea"), false),
            ("GRPCRoute", "shop", ("", "Service", "data", "tea"), false),
            ("ListenerSet", "infra", ("", "Secret", "data", "any"), false),
            ("HTTPRoute", "shop", ("", "ConfigMap", "data", "any"), false),
            ("HTTPRoute", "shop", ("", "Service", "third", "tea"), false),
        ] {
            let (group, of, target, name) = to;
            let to = Referent { group, kind: of, namespace: target, name };
            let checked = grants.check(Referrer { kind, namespace }, to);
            assert_eq!(checked.is_ok(), want, "{kind} {namespace} {to:?}");
        }
    }

    #[test]
    fn a_grant_is_advised_where_it_would_help() {
        // gateway-api §19, §15.2
        let resources = Resources::new();
        let grants = Grants::of(&resources);
        for (kind, group, of, want) in [
            ("HTTPRoute", "", "Service", true),
            ("GRPCRoute", "", "Service", true),
            ("HTTPRoute", "", "Bar", false),
            ("HTTPRoute", "example.com", "Service", false),
            ("HTTPRoute", "", "Secret", false),
            ("Gateway", "", "Secret", true),
            ("Gateway", "", "ConfigMap", true),
            ("Gateway", "", "Bar", false),
            ("ListenerSet", "", "Secret", true),
        ] {
            let to = Referent { group, kind: of, namespace: "data", name: "x" };
            let fault = grants.check(Referrer { kind, namespace: "shop" }, to).unwrap_err();
            assert_eq!(fault.advises(), want, "{kind} {to:?}");
        }
    }
}
