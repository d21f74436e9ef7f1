//! Who calls, and for whom a TrafficTarget speaks (smi §6.2).

use super::mesh::{ALL, API, Call, GROUP, Mesh, target};
use crate::request::attributes::{SOURCE_ACCOUNT, SOURCE_IDENTITY, SOURCE_LABELS};
use crate::rules::ServiceAccount;
use crate::translate::Options;

const REQUEST: &str = "GET api:8080/api";

/// The example with these sources and destination, `IdentityBinding`s included.
fn with(destination: &str, sources: &str, more: &str) -> Mesh {
    let target = target("t", ALL, "x")
        .replace("v1alpha3", "v1alpha4")
        .replace("{kind: ServiceAccount, name: api}", destination)
        .replace("{kind: ServiceAccount, name: x}", sources);
    Mesh::of(&format!("{API}{GROUP}{target}{more}"))
}

const ACCOUNT: &str = "{kind: ServiceAccount, name: api}";

fn binding(namespace: &str, schemes: &str) -> String {
    format!(
        "
---
apiVersion: access.smi-spec.io/v1alpha4
kind: IdentityBinding
metadata: {{name: b, namespace: {namespace}}}
spec: {{schemes: {schemes}}}
"
    )
}

#[test]
fn sources_are_of_the_own_namespace_unless_they_name_another() {
    // smi T-3, T-4, T-5
    let callers = ["", "default/x", "shop/x", "default/y", "x", "default/x/y", "/x", "default/"];
    for (sources, want) in [
        ("{kind: ServiceAccount, name: x}", &["default/x"][..]),
        ("{kind: ServiceAccount, name: x, namespace: shop}", &["shop/x"]),
        (
            "{kind: ServiceAccount, name: x, namespace: shop}, {kind: ServiceAccount, name: y}",
            &["shop/x", "default/y"],
        ),
    ] {
        assert_eq!(with(ACCOUNT, sources, "").admitted(REQUEST, &callers), want, "{sources}");
    }
}

#[test]
fn the_account_comes_before_the_spiffe_id() {
    // smi T-2, T-3
    const X: &str = "spiffe://cluster.local/ns/default/sa/x";
    const Y: &str = "spiffe://cluster.local/ns/default/sa/y";
    let mesh = with(ACCOUNT, "{kind: ServiceAccount, name: x}", "");
    let unreadable: &[u8] = &[0xff];
    for (attributes, want) in [
        (&[][..], false),
        (&[(SOURCE_ACCOUNT, "default/x".as_bytes())][..], true),
        (&[(SOURCE_IDENTITY, X.as_bytes())], true),
        (&[(SOURCE_IDENTITY, Y.as_bytes())], false),
        (&[(SOURCE_ACCOUNT, b"default/x"), (SOURCE_IDENTITY, Y.as_bytes())], true),
        (&[(SOURCE_ACCOUNT, b"default/y"), (SOURCE_IDENTITY, X.as_bytes())], false),
        // What is given and says nothing is nobody; it is not asked on.
        (&[(SOURCE_ACCOUNT, b""), (SOURCE_IDENTITY, X.as_bytes())], false),
        (&[(SOURCE_ACCOUNT, b"x"), (SOURCE_IDENTITY, X.as_bytes())], false),
        (&[(SOURCE_ACCOUNT, unreadable), (SOURCE_IDENTITY, X.as_bytes())], false),
    ] {
        let call = attributes.iter().fold(Call::new(REQUEST, ""), |c, (n, v)| c.with(n, *v));
        assert_eq!(mesh.answer(&call) != "403", want, "{attributes:?}");
    }
}

#[test]
fn nothing_is_taken_from_a_header() {
    // smi T-2, D-22
    let mesh = with(ACCOUNT, "{kind: ServiceAccount, name: x}", "");
    let headers = [
        ("source_account", "default/x"),
        ("source-account", "default/x"),
        ("source_identity", "spiffe://cluster.local/ns/default/sa/x"),
        ("x-forwarded-client-cert", "URI=spiffe://cluster.local/ns/default/sa/x"),
    ];
    assert_eq!(mesh.answer(&Call::new(REQUEST, "").headers(&headers)), "403");
    let forged = Call::new(REQUEST, "default/y").headers(&headers);
    assert_eq!(mesh.answer(&forged), "403");
}

#[test]
fn who_calls_without_a_name_goes_by_that_of_the_gateway() {
    // smi T-2, §6.6
    let yaml = format!("{API}{GROUP}{}", target("t", ALL, "x"));
    let own = |name| {
        let gateway_identity = Some(ServiceAccount::new("default", name));
        Mesh::new(&yaml, &Options { gateway_identity, ..Options::default() })
    };
    let mesh = own("x");
    let unreadable: &[u8] = &[0xff];
    for (attributes, want) in [
        (&[][..], true),
        (&[(SOURCE_ACCOUNT, "default/y".as_bytes())][..], false),
        (&[(SOURCE_ACCOUNT, b"default/x")], true),
        // A name that is none, or of another kind, is not the gateway's.
        (&[(SOURCE_ACCOUNT, b"")], false),
        (&[(SOURCE_ACCOUNT, unreadable)], false),
        (&[(SOURCE_IDENTITY, b"spiffe://elsewhere/x")], false),
        (&[(SOURCE_IDENTITY, unreadable)], false),
    ] {
        let call = attributes.iter().fold(Call::new(REQUEST, ""), |c, (n, v)| c.with(n, *v));
        assert_eq!(mesh.answer(&call) != "403", want, "{attributes:?}");
    }
    assert!(!own("y").passes(REQUEST, ""));
}

#[test]
fn bindings_describe_callers() {
    // smi T-6
    let source = "{kind: IdentityBinding, name: b, group: access.smi-spec.io, namespace: shop}";
    let callers = [
        "shop/x",
        "default/x",
        "spiffe://cluster.local/ns/shop/sa/x",
        "spiffe://other.example/ns/shop/sa/x",
        "spiffe://other.example/boundary/y",
        "spiffe://other.example/boundary/y/more",
        "",
    ];
    for (schemes, want) in [
        ("{serviceAccount: x}", &[callers[0], callers[2], callers[3]][..]),
        ("{spiffeIdentities: [other.example/boundary/y]}", &[callers[4]]),
        ("{spiffeIdentities: [cluster.local/ns/shop/sa/x]}", &[callers[2]]),
        (
            "{serviceAccount: x, spiffeIdentities: [other.example/boundary/y]}",
            &[callers[0], callers[2], callers[3], callers[4]],
        ),
        // Without labels of the caller these are nobody.
        ("{podLabelSelector: {matchLabels: {app: x}}}", &[]),
    ] {
        let mesh = with(ACCOUNT, source, &binding("shop", schemes));
        assert_eq!(mesh.said(), [""; 0]);
        assert_eq!(mesh.admitted(REQUEST, &callers), want, "{schemes}");
    }
}

#[test]
fn a_binding_does_not_speak_for_other_namespaces() {
    // smi T-6
    let source = "{kind: IdentityBinding, name: b, namespace: shop}";
    let schemes = "{spiffeIdentities: [a.example/ns/default/sa/x, a.example/ns/shop/sa/x]}";
    let mesh = with(ACCOUNT, source, &binding("shop", schemes));
    assert_eq!(
        mesh.said(),
        ["warning[SMI-W12]: TrafficTarget default/t: spec.sources[0].name: \
          `a.example/ns/default/sa/x` of the IdentityBinding `b` is not of its namespace `shop`; \
          it stands for nobody"]
    );
    let callers = ["spiffe://a.example/ns/default/sa/x", "spiffe://a.example/ns/shop/sa/x"];
    assert_eq!(mesh.admitted(REQUEST, &callers), [callers[1]]);
}

#[test]
fn bindings_by_label_ask_for_all_labels_and_the_namespace() {
    // smi T-6
    let source = "{kind: IdentityBinding, name: b, namespace: shop}";
    let schemes = "{podLabelSelector: {matchLabels: {app: x, tier: web}}}";
    let yaml_of = binding("shop", schemes);
    let mesh = with(ACCOUNT, source, &yaml_of);
    for (account, labels, want) in [
        ("shop/any", "app=x,tier=web", true),
        ("shop/any", "a=b,tier=web,app=x,c=d", true),
        ("shop/any", "app=x", false),
        ("shop/any", "app=xx,tier=web", false),
        ("shop/any", "", false),
        ("default/any", "app=x,tier=web", false),
        ("", "app=x,tier=web", false),
    ] {
        let call = Call::new(REQUEST, account).with(SOURCE_LABELS, labels.as_bytes());
        assert_eq!(mesh.answer(&call) != "403", want, "{account} {labels}");
    }
    // Nobody's labels are not those of the gateway.
    let gateway_identity = Some(ServiceAccount::new("shop", "gateway"));
    let target = target("t", ALL, "x")
        .replace("v1alpha3", "v1alpha4")
        .replace("{kind: ServiceAccount, name: x}", source);
    let options = Options { gateway_identity, ..Options::default() };
    let mesh = Mesh::new(&format!("{API}{GROUP}{target}{yaml_of}"), &options);
    let call = Call::new(REQUEST, "").with(SOURCE_LABELS, b"app=x,tier=web".as_slice());
    assert_eq!(mesh.answer(&call), "403");
}

#[test]
fn bindings_describe_destinations() {
    // smi T-6: any trust domain, since workloads of documents have none
    let destination = "{kind: IdentityBinding, name: b, group: access.smi-spec.io}";
    for (schemes, governed) in [
        ("{serviceAccount: api}", true),
        ("{serviceAccount: other}", false),
        ("{spiffeIdentities: [cluster.local/ns/default/sa/api]}", true),
        ("{spiffeIdentities: [other.example/boundary/y]}", false),
        ("{podLabelSelector: {matchLabels: {app: api}}}", true),
        ("{podLabelSelector: {matchLabels: {app: api, tier: web}}}", false),
        ("{serviceAccount: other, spiffeIdentities: [a/ns/default/sa/api]}", true),
    ] {
        let split = "
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: s}
spec: {service: api, backends: [{service: api, weight: 1}]}
";
        let more = binding("default", schemes) + split;
        let mesh = with(destination, "{kind: ServiceAccount, name: x}", &more);
        // smi T-9: who is guarded by nobody's mistake may be called by everybody.
        let warning = "warning[SMI-W15]: TrafficTarget default/t: spec.destination.name: no \
                       Service is known to have endpoints that are `b`; the TrafficTarget guards \
                       none; identities are read from Pods, or from what makes them, that Services \
                       select";
        let said = if governed { vec![] } else { vec![warning.to_owned()] };
        assert_eq!(mesh.said(), said, "{schemes}");
        assert!(mesh.passes(REQUEST, "default/x"), "{schemes}");
        assert_eq!(!mesh.passes(REQUEST, "default/y"), governed, "{schemes}");
    }
}

#[test]
fn a_binding_that_is_not_there_is_nobody() {
    // smi T-6, T-7
    let warned = |field: &str, of: &str, help: &str| {
        format!(
            "warning[SMI-W12]: TrafficTarget default/t: {field}.name: no IdentityBinding `bb` is \
             in force in namespace `{of}`; it stands for nobody{help}"
        )
    };
    let nobody = "warning[SMI-W13]: TrafficTarget default/t: the TrafficTarget admits nobody";
    let source = "{kind: IdentityBinding, name: bb, namespace: shop}";
    let mesh = with(ACCOUNT, source, &binding("default", "{serviceAccount: x}"));
    assert_eq!(mesh.said(), [warned("spec.sources[0]", "shop", ""), nobody.to_owned()]);
    assert!(!mesh.passes(REQUEST, "default/x"));
    // Others of the list still count.
    let mesh = with(ACCOUNT, &format!("{source}, {{kind: ServiceAccount, name: x}}"), "");
    assert_eq!(mesh.said(), [warned("spec.sources[0]", "shop", "")]);
    assert!(mesh.passes(REQUEST, "default/x"));
    // A destination that is nobody governs nobody.
    let mesh = with(
        "{kind: IdentityBinding, name: bb}",
        "{kind: ServiceAccount, name: x}",
        &binding("default", "{podLabelSelector: {}}"),
    );
    assert!(mesh.said().contains(&warned("spec.destination", "default", "")), "{:?}", mesh.said());
    assert_eq!(mesh.answer(&Call::new(REQUEST, "default/x")), "404");
}

#[test]
fn selectors_of_pods_and_accounts_exclude_each_other() {
    // smi T-6
    let schemes = "{serviceAccount: x, podLabelSelector: {matchLabels: {app: x}}}";
    let source = "{kind: IdentityBinding, name: b}";
    let mesh = with(ACCOUNT, source, &binding("default", schemes));
    assert_eq!(
        mesh.said()[0],
        "error[conflicting-fields]: IdentityBinding default/b: spec.schemes: `podLabelSelector` \
         and `serviceAccount` exclude each other; write an IdentityBinding for each"
    );
    assert!(!mesh.passes(REQUEST, "default/x"));
}
