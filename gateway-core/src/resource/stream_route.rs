//! TLSRoute, TCPRoute and UDPRoute of `gateway.networking.k8s.io` (gateway-api §21).
//!
//! They route connections and datagrams, which is not done here. They are read only to tell what
//! is wrong with them; of TCPRoutes and UDPRoutes of SMI, which are others, see
//! [`super::layer4_route`].

use super::Problems;
use super::document::Value;
use super::gateway_route::{ChannelFaults, parent};
use super::object_reference::ObjectReference;
use super::scalar::{self, SECTION_NAME};
use crate::diagnostic::Diagnostic;

/// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
pub(crate) fn check(root: Value<'_>, problems: &mut Problems) -> Option<()> {
    let kind = root.mapping(problems)?.required("kind", problems)?.string(problems)?;
    let mut fields = scalar::spec(root, problems)?.mapping(problems)?;
    if let Some(list) = fields.field("parentRefs") {
        let mut channels = ChannelFaults::default();
        parent::read_list(list, &mut channels, problems);
        // What only one of the channels refuses is left alone, since nothing comes of the route.
        if !channels.standard.is_empty() {
            channels.experimental.into_iter().for_each(|fault| problems.push(fault));
        }
    }
    if let Some(field) = fields.field("useDefaultGateways") {
        scalar::one_of(field, &[("All", ()), ("None", ())], problems);
    }
    if kind == "TLSRoute"
        && let Some(list) = fields.required("hostnames", problems)
    {
        for item in scalar::items(list, 1, 1024, problems) {
            scalar::hostname(item, problems);
        }
    }
    if let Some(list) = fields.required("rules", problems) {
        scalar::items(list, 1, 1, problems).into_iter().for_each(|v| check_rule(v, problems));
    }
    fields.finish(problems);
    Some(())
}

fn check_rule(value: Value<'_>, problems: &mut Problems) {
    let Some(mut fields) = value.mapping(problems) else { return };
    fields.field("name").and_then(|v| SECTION_NAME.read(v, problems));
    if let Some(list) = fields.required("backendRefs", problems) {
        scalar::items(list, 1, 16, problems).into_iter().for_each(|v| check_backend(v, problems));
    }
    fields.finish(problems);
}

fn check_backend(value: Value<'_>, problems: &mut Problems) {
    let Some(mut fields) = value.mapping(problems) else { return };
    let service = ("", "Service");
    let backend = ObjectReference::read_fields(&mut fields, Some(service), problems);
    let port = fields.field("port");
    port.and_then(|v| v.port(problems));
    fields.field("weight").and_then(|v| v.integer(0..=1_000_000, problems));
    fields.finish(problems);
    if port.is_none() && backend.is_some_and(|b| (&*b.group, &*b.kind) == service) {
        let message = "a reference to a Service needs a `port`";
        problems.push(Diagnostic::error("missing-field", &value.origin(), message));
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use crate::resource::tests::told_of_gateway_api;

    const RULES: &str = "rules: [{name: r, backendRefs: [{name: s, port: 1, weight: 0}]}]";

    /// What is wrong with a route, besides that it has no effect.
    fn told(kind: &str, spec: &str) -> Vec<String> {
        let mut told = told_of_gateway_api(kind, &format!("{{{spec}}}"));
        let last = told.pop();
        let want = "kind: this kind is not supported yet and has no effect";
        assert_eq!(last.as_deref(), Some(want), "{kind} {spec}");
        told
    }

    #[test]
    fn routes_are_checked_though_they_have_no_effect() {
        // gateway-api §9.1, §15.1, §21
        let backends = |list: &str| format!("rules: [{{backendRefs: [{list}]}}]");
        let parents = |list: &str| format!("parentRefs: [{list}], {RULES}");
        for (spec, want) in [
            (RULES.to_owned(), ""),
            (parents("{name: g, sectionName: a}, {name: g, sectionName: b}"), ""),
            (format!("useDefaultGateways: All, {RULES}"), ""),
            (backends("{group: g.example, kind: Other, namespace: n, name: s}"), ""),
            (String::new(), "spec.rules: required field `rules` is missing"),
            ("rules: []".into(), "spec.rules: at least one entry is needed"),
            (
                "rules: [{backendRefs: [{name: s, port: 1}]}, {backendRefs: [{name: s, port: 1}]}]"
                    .into(),
                "spec.rules: at most 1 entry is allowed, found 2",
            ),
            (
                "rules: [{}]".into(),
                "spec.rules[0].backendRefs: required field `backendRefs` is missing",
            ),
            (backends(""), "spec.rules[0].backendRefs: at least one entry is needed"),
            (
                backends(&"{name: s, port: 1}, ".repeat(17)),
                "spec.rules[0].backendRefs: at most 16 entries are allowed, found 17",
            ),
            (
                backends("{name: s}"),
                "spec.rules[0].backendRefs[0]: a reference to a Service needs a `port`",
            ),
            (
                backends("{name: s, port: 1, weight: 1000001}"),
                "spec.rules[0].backendRefs[0].weight: `1000001` is not between 0 and 1000000",
            ),
            (
                backends("{name: s, port: 1, filters: []}"),
                "spec.rules[0].backendRefs[0].filters: unknown field `filters` (known are `group`, \
                 `kind`, `name`, `namespace`, `port`, `weight`)",
            ),
            (
                "rules: [{matches: [], backendRefs: [{name: s, port: 1}]}]".into(),
                "spec.rules[0].matches: unknown field `matches` (known are `name`, `backendRefs`)",
            ),
            (
                format!("useDefaultGateways: Some, {RULES}"),
                "spec.useDefaultGateways: `Some` is not one of `All`, `None`",
            ),
            (
                parents("{name: g}, {name: g}"),
                "spec.parentRefs: several entries name Gateway `g` without telling its listeners \
                 apart (give each of them its own `sectionName` or `port`)",
            ),
            // Only the standard channel refuses these, and only the experimental one those.
            (parents("{name: g, port: 1}, {name: g, port: 2}"), ""),
            (parents("{name: g, sectionName: a, port: 1}, {name: g, sectionName: b}"), ""),
            (
                parents("{sectionName: a}"),
                "spec.parentRefs[0].name: required field `name` is missing",
            ),
        ] {
            let want: Vec<_> = Some(want).filter(|want| !want.is_empty()).into_iter().collect();
            for kind in ["TCPRoute", "UDPRoute"] {
                assert_eq!(told(kind, &spec), want, "{kind} {spec}");
            }
            let spec = format!("hostnames: [a.example], {spec}");
            assert_eq!(told("TLSRoute", &spec), want, "{spec}");
        }
    }

    #[test]
    fn only_routes_of_tls_have_hostnames() {
        // gateway-api §21, §25
        let many: Vec<_> = (0..1025).map(|i| format!("a{i}")).collect();
        let at_most = &many[..1024];
        for (hostnames, want) in [
            ("[a.example, '*.a.example']".to_owned(), ""),
            (format!("[{}]", at_most.join(", ")), ""),
            ("null".into(), ": required field `hostnames` is empty"),
            ("[]".into(), ": at least one entry is needed"),
            (format!("[{}]", many.join(", ")), ": at most 1024 entries are allowed, found 1025"),
            (
                "[1.2.3.4]".into(),
                "[0]: `1.2.3.4` is not a valid host name: an IP address is not a host name",
            ),
            (
                "[a.*.example]".into(),
                "[0]: `a.*.example` is not a valid host name: `*` stands only as the whole first \
                 label",
            ),
        ] {
            let told = told("TLSRoute", &format!("hostnames: {hostnames}, {RULES}"));
            let want: Vec<_> = Some(want)
                .filter(|want| !want.is_empty())
                .map(|want| format!("spec.hostnames{want}"))
                .into_iter()
                .collect();
            // What helps is not of interest here.
            let told: Vec<_> =
                told.iter().map(|told| told.split(" (").next().unwrap_or_default()).collect();
            assert_eq!(told, want, "{hostnames}");
        }
        assert_eq!(
            told("TCPRoute", &format!("hostnames: [a], {RULES}")),
            [
                "spec.hostnames: unknown field `hostnames` (known are `parentRefs`, `useDefaultGateways`, \
              `rules`)"
            ]
        );
    }
}
