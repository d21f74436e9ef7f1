use super::*;
use crate::tls::{Authority, Leaf};
use gateway_core::{Options, Resources, translate};
use rcgen::KeyPair;

/// The name that test certificates are for.
const HOST: &str = "workload.example";

const KEY: ListenerKey = ListenerKey { address: None, port: 443 };

/// A Secret or a ConfigMap with texts of several lines.
fn object(kind: &str, name: &str, of: &str, texts: &[(&str, &str)]) -> String {
    let field = if kind == "Secret" { "stringData" } else { "data" };
    let mut document =
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n{of}{field}:\n");
    for (key, text) in texts {
        document.push_str(&format!("  {key}: |\n    {}\n", text.trim().replace('\n', "\n    ")));
    }
    document + "---\n"
}

fn secret(name: &str, certificate: &str, key: &str) -> String {
    let texts = [("tls.crt", certificate), ("tls.key", key)];
    object("Secret", name, "type: kubernetes.io/tls\n", &texts)
}

fn server(host: &str, secret: &str, more: &str) -> String {
    let name = host.replace('.', "-");
    format!(
        "{{apiVersion: k8s.nginx.org/v1, kind: VirtualServer, metadata: {{name: {name}}}, spec: {{\
         host: {host}, tls: {{secret: {secret}}}, {more}\
         routes: [{{path: /, action: {{return: {{body: a}}}}}}]}}}}\n---\n"
    )
}

/// A VirtualServer that asks clients for certificates of these authorities.
fn asking(authorities: &str, settings: &str) -> String {
    let texts = [("ca.crt", authorities)];
    object("Secret", "ca", "type: nginx.org/ca\n", &texts)
        + &format!(
            "{{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {{name: p}}, \
             spec: {{ingressMTLS: {{clientCertSecret: ca{settings}}}}}}}\n---\n"
        )
        + &server(HOST, "cert", "policies: [{name: p}],")
}

/// A Gateway that asks clients for certificates of these authorities in the handshake.
fn gateway(authorities: &[&str], mode: &str) -> String {
    let mut text = String::new();
    let mut references = String::new();
    for (i, authority) in authorities.iter().enumerate() {
        text += &object("ConfigMap", &format!("ca{i}"), "", &[("ca.crt", authority)]);
        references += &format!("{{group: '', kind: ConfigMap, name: ca{i}}}, ");
    }
    text + &format!(
        "{{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {{name: prod}}, \
         spec: {{controllerName: example.net/gateway}}}}\n---\n\
         {{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {{name: edge}}, \
         spec: {{gatewayClassName: prod, listeners: [{{name: a, port: 443, protocol: HTTPS, \
         hostname: {HOST}, tls: {{certificateRefs: [{{name: cert}}]}}}}], \
         tls: {{frontend: {{default: {{validation: {{mode: {mode}, \
         caCertificateRefs: [{references}]}}}}}}}}}}}}\n---\n"
    )
}

struct Certified {
    authority: Authority,
    certificates: Certificates,
}

impl Certified {
    fn new() -> Self {
        Self { authority: Authority::new(), certificates: Certificates::default() }
    }

    fn secret(&self, leaf: &Leaf<'_>) -> String {
        let signed = self.authority.sign(leaf);
        secret("cert", &signed.certificate, &signed.key.serialize_pem())
    }

    /// How TLS ends for the host, and what is told.
    fn next(&mut self, documents: &str) -> (Option<Arc<Section>>, Vec<String>) {
        let (sections, told) = self.all(documents);
        let host = HostPattern::Exact(HOST.into());
        (sections.get(&KEY).and_then(|of| of.get(&host)).cloned(), told)
    }

    fn all(&mut self, documents: &str) -> (Sections, Vec<String>) {
        let mut resources = Resources::default();
        resources.add_yaml("a.yaml", documents);
        let rules = translate(&resources, &Options::default()).rules;
        let mut diagnostics = Vec::new();
        let sections = self.certificates.next(&rules, &mut diagnostics);
        let told = |d: &Diagnostic| {
            let object = d.object.as_ref().map_or_else(String::new, ToString::to_string);
            let help = d.help.as_deref().unwrap_or_default();
            format!("{}: {object}: {}: {}; {help}", d.code, d.field, d.message)
        };
        (sections, diagnostics.iter().map(told).collect())
    }
}

#[test]
fn what_clients_would_not_take_is_a_warning() {
    let mut of = Certified::new();
    let good = of.secret(&Leaf::of(&[]));
    let ended = of.secret(&Leaf { years: (2000, 2001), ..Leaf::of(&[]) });
    let early = of.secret(&Leaf { years: (2090, 2100), ..Leaf::of(&[]) });
    for (documents, want) in [
        (good.clone() + &server(HOST, "cert", ""), None),
        (
            ended + &server(HOST, "cert", ""),
            Some(
                "certificate-not-in-force: Secret default/cert: : clients do not take the \
                 certificate: it ended at 2001-01-01T00:00:00.000Z; ",
            ),
        ),
        (
            early + &server(HOST, "cert", ""),
            Some(
                "certificate-not-in-force: Secret default/cert: : clients do not take the \
                 certificate: it begins at 2090-01-01T00:00:00.000Z; ",
            ),
        ),
        (
            good.clone() + &server("b.example", "cert", "") + &server("c.example", "cert", ""),
            Some(
                "certificate-name: Secret default/cert: : clients do not take the certificate: it \
                 names none of the hosts that it is for, which are `b.example` and 1 more; ",
            ),
        ),
        (good + &server("b.example", "cert", "") + &server(HOST, "cert", ""), None),
    ] {
        for _ in 0..2 {
            let (sections, told) = of.all(&documents);
            assert_eq!(told, Vec::from_iter(want), "each time");
            assert!(!sections[&KEY].is_empty(), "it is shown all the same");
        }
    }
}

#[test]
fn a_certificate_stays_until_another_one_is_good() {
    // decisions §5
    let mut of = Certified::new();
    let good = of.secret(&Leaf::of(&[])) + &server(HOST, "cert", "");
    let signed = of.authority.sign(&Leaf::of(&[]));
    let other = KeyPair::generate().unwrap().serialize_pem();
    let broken = secret("cert", &signed.certificate, &other) + &server(HOST, "cert", "");
    let message = "invalid-certificate: Secret default/cert: : the certificate cannot be shown: \
                   the key does not belong to the certificate; ";
    let (none, told) = of.next(&broken);
    assert!(none.is_none());
    assert_eq!(told, [format!("{message}TLS handshakes that need it fail")]);
    let (first, told) = of.next(&good);
    let first = first.unwrap();
    assert!(told.is_empty(), "{told:?}");
    let (kept, told) = of.next(&broken);
    assert!(Arc::ptr_eq(&first, &kept.unwrap()));
    assert_eq!(told, [format!("{message}the last good one stays in force")]);
    let more = good.clone() + &server("b.example", "cert", "");
    assert!(Arc::ptr_eq(&first, &of.next(&more).0.unwrap()), "the texts are the same");
    let renewed = of.secret(&Leaf::of(&[])) + &server(HOST, "cert", "");
    assert!(!Arc::ptr_eq(&first, &of.next(&renewed).0.unwrap()));
    assert!(of.next(&server(HOST, "cert", "")).0.is_none(), "gone on purpose");
}

#[test]
fn hosts_with_the_same_certificate_are_one_section() {
    let mut of = Certified::new();
    let secret = of.secret(&Leaf::of(&[]));
    let documents = secret.clone()
        + &server(HOST, "cert", "")
        + &server("b.example", "cert", "")
        + &server("c.example", "gone", "");
    let (sections, _) = of.all(&documents);
    let of_port = &sections[&KEY];
    let host = |name: &str| of_port.get(&HostPattern::Exact(name.into()));
    assert!(Arc::ptr_eq(host(HOST).unwrap(), host("b.example").unwrap()));
    assert!(host("c.example").is_none());
    // What is asked of clients makes another one.
    let plain = Arc::clone(host(HOST).unwrap());
    let pem = of.authority.pem.clone();
    let (asked, told) = of.next(&(secret + &asking(&pem, "")));
    assert!(!Arc::ptr_eq(&plain, asked.as_ref().unwrap()) && told.is_empty(), "{told:?}");
    assert!(asked.unwrap().clients().is_some());
}

#[test]
fn nobody_is_let_in_where_clients_cannot_be_asked() {
    // virtualserver §16.6, gateway-api §7.4
    const BROKEN: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let mut of = Certified::new();
    let secret = of.secret(&Leaf::of(&[]));
    let pem = of.authority.pem.clone();
    let message = "clients cannot be asked for certificates as wanted: authority 1 cannot be read \
                   as X.509, version 3";
    let code = "invalid-client-authorities";
    let policy = format!("{code}: Policy default/p: spec.ingressMTLS: {message}; ");
    let (none, told) = of.next(&(secret.clone() + &asking(BROKEN, "")));
    assert!(none.is_none());
    assert_eq!(told, [format!("{policy}TLS handshakes that need it fail")]);
    let first = of.next(&(secret.clone() + &asking(&pem, ""))).0.unwrap();
    let (kept, told) = of.next(&(secret.clone() + &asking(BROKEN, "")));
    assert!(Arc::ptr_eq(&first, &kept.unwrap()));
    assert_eq!(told, [format!("{policy}the last good one stays in force")]);
    let off = asking(BROKEN, ", verifyClient: 'off'");
    let (asks_nothing, told) = of.next(&(secret.clone() + &off));
    assert!(asks_nothing.unwrap().clients().is_none() && told.is_empty(), "{told:?}");

    let field = "spec.tls.frontend.default.validation";
    let edge = format!("{code}: Gateway default/edge: {field}: {message}; ");
    let next = |of: &mut Certified, authorities: &[&str], mode: &str| {
        of.next(&(secret.clone() + &gateway(authorities, mode)))
    };
    let (some, told) = next(&mut of, &[BROKEN, &pem], "AllowValidOnly");
    assert!(some.unwrap().clients().is_some());
    assert_eq!(told, [format!("{edge}the others are used")]);
    // What was asked before is no excuse to ask less than is wanted now.
    assert!(next(&mut of, &[&pem], "AllowInsecureFallback").0.is_some());
    let (none, told) = next(&mut of, &[BROKEN], "AllowValidOnly");
    assert!(none.is_none());
    assert_eq!(told, [format!("{edge}TLS handshakes that need it fail")]);
}
