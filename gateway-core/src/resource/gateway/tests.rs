mod listeners;

use super::listener::{ListenerTls, TlsMode};
use super::*;
use crate::resource::label_selector::LabelSelector;
use crate::resource::tests::{read, told_of_gateway_api};
use crate::rules::HostPattern;

/// What is wrong with a Gateway with these fields beside good listeners.
fn problems_of_fields(fields: &str) -> Vec<String> {
    let listeners = "[{name: l, port: 80, protocol: HTTP}]";
    let spec = format!("{{gatewayClassName: c, listeners: {listeners}, {fields}}}");
    told_of_gateway_api("Gateway", &spec)
}

#[test]
fn fields_of_older_versions_that_secure_something_are_refused() {
    // gateway-api §1
    let old = "tls: {certificateRefs: [{name: c}], frontendValidation: {caCertificateRefs: []}}";
    let listeners = format!("[{{name: l, port: 443, protocol: HTTPS, {old}}}]");
    let spec = format!("{{gatewayClassName: c, listeners: {listeners}}}");
    assert_eq!(
        told_of_gateway_api("Gateway", &spec),
        ["spec.listeners[0].tls.frontendValidation: `frontendValidation` is of an older version \
          and is not read (newer versions have `spec.tls.frontend`)"]
    );
    assert_eq!(
        problems_of_fields("backendTLS: {clientCertificateRef: {name: me}}"),
        ["spec.backendTLS: `backendTLS` is of an older version and is not read (newer versions \
          have `spec.tls.backend`)"]
    );
}

#[test]
fn a_gateway_is_read_whole() {
    // gateway-api §5, §7.4, §20.5
    let resources = read(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: a}
spec:
  gatewayClassName: c
  defaultScope: All
  addresses: [{value: 10.0.0.1}, {type: Hostname}, {type: example.com/pool, value: east}]
  infrastructure:
    labels: {b: '1', a: ''}
    annotations: {example.com/note: any text}
    parametersRef: {group: '', kind: ConfigMap, name: p}
  allowedListeners:
    namespaces: {from: Selector, selector: {matchLabels: {team: web}}}
  tls:
    frontend:
      default: {validation: {caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]}}
      perPort:
      - {port: 8443, tls: {}}
      - port: 9443
        tls:
          validation:
            mode: AllowInsecureFallback
            caCertificateRefs: [{group: '', kind: ConfigMap, namespace: n, name: other}]
    backend: {clientCertificateRef: {name: me}}
  listeners:
  - name: l
    port: 443
    protocol: HTTPS
    hostname: '*.example.com'
    tls:
      certificateRefs: [{name: one}, {group: g.example, kind: Cert, namespace: n, name: two}]
    allowedRoutes: {namespaces: {from: All}, kinds: [{kind: HTTPRoute}]}
  - {name: m, port: 444, protocol: TLS, tls: {mode: Passthrough}}
",
    );
    assert_eq!(resources.diagnostics(), []);
    let gateway = &resources.gateways().next().unwrap().spec;
    let shown = |r: &ObjectReference| {
        let namespace = r.namespace.as_deref().unwrap_or("-");
        format!("{}/{} {namespace}/{}", r.group, r.kind, r.name)
    };
    let of = |validation: &Option<tls::ClientValidation>| {
        validation
            .as_ref()
            .map(|v| (v.insecure_fallback, v.authorities.iter().map(shown).collect()))
    };
    let authorities = |name: &str| vec![format!("/ConfigMap {name}")];

    assert!(gateway.default_scope);
    assert_eq!(gateway.channels.standard[0].field, "spec.defaultScope".into());
    let addresses = gateway.addresses.iter().map(|a| (&*a.kind, a.value.as_deref()));
    assert_eq!(
        addresses.collect::<Vec<_>>(),
        [("IPAddress", Some("10.0.0.1")), ("Hostname", None), ("example.com/pool", Some("east"))]
    );
    let Infrastructure { labels, annotations, parameters } = &gateway.infrastructure;
    assert_eq!(labels[..], [("b".into(), "1".into()), ("a".into(), "".into())]);
    assert_eq!(annotations[..], [("example.com/note".into(), "any text".into())]);
    assert!(parameters.is_some());
    assert!(matches!(gateway.allowed_listeners, FromNamespaces::Selector(_)));
    let frontend = gateway.frontend.as_ref().unwrap();
    assert_eq!(of(&frontend.default), Some((false, authorities("-/ca"))));
    let per_port = frontend.per_port.iter().map(|(port, validation, _)| (*port, of(validation)));
    assert_eq!(
        per_port.collect::<Vec<_>>(),
        [(8443, None), (9443, Some((true, authorities("n/other"))))]
    );
    assert_eq!(gateway.client_certificate.as_ref().map(shown), Some("/Secret -/me".into()));

    let [first, second] = &gateway.listeners[..] else { panic!("{:?}", gateway.listeners) };
    assert_eq!(first.hostname, HostPattern::Wildcard("example.com".into()));
    assert_eq!(first.routes.namespaces, FromNamespaces::All);
    let ListenerTls { mode, certificates, options, .. } = first.tls.as_ref().unwrap();
    assert_eq!((*mode, *options), (TlsMode::Terminate, false));
    let certificates: Vec<_> = certificates.iter().map(shown).collect();
    assert_eq!(certificates, ["/Secret -/one", "g.example/Cert n/two"]);
    assert_eq!(second.tls.as_ref().map(|tls| tls.mode), Some(TlsMode::Passthrough));
    assert_eq!(second.routes.namespaces, FromNamespaces::Same);
}

#[test]
fn addresses_are_checked_by_their_type() {
    // gateway-api §5, §25
    let long = "a".repeat(254);
    for (addresses, want) in [
        ("{value: 10.0.0.1}, {value: 'fd00::1'}", vec![]),
        ("{}, {}, {type: IPAddress}", vec![]),
        ("{type: Hostname, value: '*.a.example'}, {type: Hostname, value: a.example}", vec![]),
        ("{type: NamedAddress, value: A b}, {type: NamedAddress, value: A b}", vec![]),
        // One value, of two types.
        ("{type: example.com/a, value: a}, {type: Hostname, value: a}", vec![]),
        (
            "{value: a.example}",
            vec![
                "[0].value: `a.example` is not an IP address (a host name needs `type: Hostname`)",
            ],
        ),
        (
            "{value: 10.0.0.256}, {value: ''}",
            vec![
                "[0].value: `10.0.0.256` is not an IP address (a host name needs `type: Hostname`)",
                "[1].value: `` is not an IP address (a host name needs `type: Hostname`)",
            ],
        ),
        (
            "{type: Hostname, value: a_b}",
            vec![
                "[0].value: `a_b` is not a valid host name: a label holds only letters, digits \
                 and `-`",
            ],
        ),
        (
            "{type: hostname, value: a}",
            vec![
                "[0].type: `hostname` is not a type of addresses (it is `IPAddress`, `Hostname` or \
                 looks like `example.com/pool`)",
            ],
        ),
        (
            &*format!("{{type: NamedAddress, value: {long}}}"),
            vec!["[0].value: an address has at most 253 characters, found 254"],
        ),
        (
            "{value: 10.0.0.1}, {type: IPAddress, value: 10.0.0.1}, {value: 10.0.0.2}",
            vec![": the address `10.0.0.1` stands here more than once"],
        ),
        (
            "{type: Hostname, value: a}, {type: Hostname, value: a}",
            vec![": the address `a` stands here more than once"],
        ),
        (&*"{}, ".repeat(17), vec![": at most 16 entries are allowed, found 17"]),
    ] {
        let want: Vec<_> = want.iter().map(|want| format!("spec.addresses{want}")).collect();
        assert_eq!(problems_of_fields(&format!("addresses: [{addresses}]")), want, "{addresses}");
    }
}

#[test]
fn labels_and_annotations_are_checked() {
    // gateway-api §2, §5, §25
    let many = |count: usize| (0..count).map(|i| format!("a{i}: b, ")).collect::<String>();
    let (nine, seventeen) = (many(9), many(17));
    let name = "it is a name of at most 63 letters, digits, `-`, `_` and `.`, perhaps behind a \
                domain and `/`";
    let value = "it holds letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";
    for (fields, want) in [
        ("labels: {a.example/B_c: d.e, f: ''}, annotations: {a: 'any, text'}", String::new()),
        (
            "labels: {A.example/b: c}",
            format!("labels[\"A.example/b\"]: `A.example/b` is not the key of a label ({name})"),
        ),
        ("labels: {a: b c}", format!("labels.a: `b c` is not the value of a label ({value})")),
        (
            "annotations: {a/b/c: d}",
            format!("annotations.a/b/c: `a/b/c` is not the key of an annotation ({name})"),
        ),
        (&*format!("labels: {{{nine}}}"), "labels: at most 8 entries are allowed, found 9".into()),
        (
            &*format!("annotations: {{{seventeen}}}"),
            "annotations: at most 16 entries are allowed, found 17".into(),
        ),
        (
            "parametersRef: {group: '', kind: A}",
            "parametersRef.name: required field `name` is missing".into(),
        ),
        (
            "parametersRef: {group: '', kind: A, name: b, namespace: c}",
            "parametersRef.namespace: unknown field `namespace` (known are `group`, `kind`, `name`)".into(),
        ),
    ] {
        let want = Some(want).filter(|want| !want.is_empty());
        let want: Vec<_> =
            want.map(|want| format!("spec.infrastructure.{want}")).into_iter().collect();
        assert_eq!(problems_of_fields(&format!("infrastructure: {{{fields}}}")), want, "{fields}");
    }
}

#[test]
fn client_certificates_are_checked() {
    // gateway-api §7.4, §20.5, §25
    let authority = "{group: '', kind: ConfigMap, name: ca}";
    let validation = |fields: &str| format!("frontend: {{default: {{validation: {{{fields}}}}}}}");
    let default = "frontend.default.validation";
    let ports = |count: u32| (1..=count).map(|i| format!("{{port: {i}, tls: {{}}}}, "));
    for (fields, want) in [
        ("frontend: {default: {}}".into(), String::new()),
        (validation(&format!("caCertificateRefs: [{authority}]")), String::new()),
        (
            "frontend: {perPort: [{port: 1, tls: {}}]}".into(),
            "frontend.default: required field `default` is missing".into(),
        ),
        (validation(""), format!("{default}.caCertificateRefs: required field `caCertificateRefs` is missing")),
        (
            validation("caCertificateRefs: []"),
            format!("{default}.caCertificateRefs: at least one entry is needed"),
        ),
        (
            validation(&format!("caCertificateRefs: [{}]", [authority; 17].join(", "))),
            format!("{default}.caCertificateRefs: at most 16 entries are allowed, found 17"),
        ),
        (
            validation("caCertificateRefs: [{kind: ConfigMap, name: ca}]"),
            format!("{default}.caCertificateRefs[0].group: required field `group` is missing"),
        ),
        (
            validation("caCertificateRefs: [{group: '', name: ca}]"),
            format!("{default}.caCertificateRefs[0].kind: required field `kind` is missing"),
        ),
        (
            validation(&format!("mode: Maybe, caCertificateRefs: [{authority}]")),
            format!("{default}.mode: `Maybe` is not one of `AllowValidOnly`, `AllowInsecureFallback`"),
        ),
        (
            "frontend: {default: {}, perPort: [{port: 1, tls: {}}, {port: 2, tls: {}}, {port: 1, tls: {}}]}".into(),
            "frontend.perPort: the port 1 stands here more than once".into(),
        ),
        (
            "frontend: {default: {}, perPort: [{port: 1}]}".into(),
            "frontend.perPort[0].tls: required field `tls` is missing".into(),
        ),
        (
            format!("frontend: {{default: {{}}, perPort: [{}]}}", ports(65).collect::<String>()),
            "frontend.perPort: at most 64 entries are allowed, found 65".into(),
        ),
        ("backend: {}".into(), String::new()),
        (
            "backend: {clientCertificateRef: {kind: Secret}}".into(),
            "backend.clientCertificateRef.name: required field `name` is missing".into(),
        ),
    ] {
        let want = Some(want).filter(|want| !want.is_empty());
        let want: Vec<_> = want.map(|want| format!("spec.tls.{want}")).into_iter().collect();
        assert_eq!(problems_of_fields(&format!("tls: {{{fields}}}")), want, "{fields}");
    }
}

#[test]
fn listeners_of_others_are_taken_from_namespaces_that_are_named() {
    // gateway-api §5
    let listeners = "listeners: [{name: l, port: 80, protocol: HTTP}]";
    for (fields, want) in [
        ("", FromNamespaces::None),
        ("allowedListeners: {}", FromNamespaces::None),
        ("allowedListeners: {namespaces: {}}", FromNamespaces::None),
        ("allowedListeners: {namespaces: {from: None}}", FromNamespaces::None),
        ("allowedListeners: {namespaces: {from: Same}}", FromNamespaces::Same),
        ("allowedListeners: {namespaces: {from: All}}", FromNamespaces::All),
        // Left out it selects nothing; empty it selects everything.
        ("allowedListeners: {namespaces: {from: Selector}}", FromNamespaces::None),
        (
            "allowedListeners: {namespaces: {from: Selector, selector: {}}}",
            FromNamespaces::Selector(LabelSelector::default()),
        ),
        // It is read only where it counts.
        (
            "allowedListeners: {namespaces: {from: Same, selector: {matchExpressions: [{key: a, operator: In}]}}}",
            FromNamespaces::Same,
        ),
    ] {
        let resources = read(&format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: a}}\n\
             spec: {{gatewayClassName: c, {listeners}, {fields}}}"
        ));
        assert_eq!(resources.diagnostics(), [], "{fields}");
        let found = resources.gateways().next().map(|gateway| &gateway.spec.allowed_listeners);
        assert_eq!(found, Some(&want), "{fields}");
    }
    assert_eq!(
        problems_of_fields("allowedListeners: {namespaces: {from: Any}}, defaultScope: Some"),
        [
            "spec.allowedListeners.namespaces.from: `Any` is not one of `All`, `Selector`, `Same`, \
             `None`",
            "spec.defaultScope: `Some` is not one of `All`, `None`",
        ]
    );
}

#[test]
fn classes_are_checked() {
    // gateway-api §4
    let long = "é".repeat(65);
    for (fields, want) in [
        (format!("description: {}", &long[..128]), ""),
        ("parametersRef: {group: g.example, kind: A, name: b, namespace: c}".into(), ""),
        (
            format!("description: {long}"),
            "spec.description: a description has at most 64 characters, found 65",
        ),
        (
            "parametersRef: {kind: A, name: b}".into(),
            "spec.parametersRef.group: required field `group` is missing",
        ),
        (
            "parametersRef: {group: g.example, name: b}".into(),
            "spec.parametersRef.kind: required field `kind` is missing",
        ),
        (
            "parametersRef: {group: g.example, kind: A}".into(),
            "spec.parametersRef.name: required field `name` is missing",
        ),
    ] {
        let spec = format!("{{controllerName: example.com/gateway, {fields}}}");
        let want: Vec<_> = Some(want).filter(|want| !want.is_empty()).into_iter().collect();
        assert_eq!(told_of_gateway_api("GatewayClass", &spec), want, "{fields}");
    }
}
