//! TLS with backends: who they have to be, and what is shown to them.

use crate::bodies::wait_until;
use crate::client::Client;
use crate::gateway::{address, config, service, start};
use crate::http2::{Http2Backend, Shown};
use gateway_proxy::{Event, Server};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::{Arc, Mutex};

/// Who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate with its key and those between it and an authority, in PEM.
struct Signed {
    chain: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = signing();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn sign(&self, names: &[SanType]) -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.to_vec();
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        Signed { chain, key: key.serialize_pem() }
    }

    /// Signed by another one, who is signed by this one.
    fn sign_between(&self, names: &[SanType]) -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = signing();
        params.distinguished_name.push(rcgen::DnType::CommonName, "between");
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        let mut signed = Self { issuer: Issuer::new(params, key), pem: pem.clone() }.sign(names);
        signed.chain += &pem;
        signed
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        Arc::new(roots)
    }
}

fn signing() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

/// A backend with this certificate, which takes what `clients` have signed.
fn backend(signed: &Signed, clients: Option<&Authority>) -> Http2Backend {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = CertificateDer::pem_slice_iter(signed.chain.as_bytes());
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).unwrap();
    let building = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let building = match clients {
        None => building.with_no_client_auth(),
        Some(clients) => building.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(clients.roots(), provider).build().unwrap(),
        ),
    };
    let mut config = building.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Http2Backend::in_tls(config)
}

/// A text within a YAML document, below a key that is indented by two.
fn block(pem: &str) -> String {
    pem.trim_end().replace('\n', "\n    ")
}

/// A route to `tea`, whose port is described by `protocol` and a policy with `validation`.
fn policy(authority: &Authority, protocol: &str, validation: &str, gateway: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: g}}
spec: {{gatewayClassName: any{gateway}, listeners: [{{name: http, port: 80, protocol: HTTP}}]}}
---
{{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {{name: r}}, spec: {{
  parentRefs: [{{name: g}}], rules: [{{backendRefs: [{{name: tea, port: 80}}]}}]}}}}
---
{{apiVersion: v1, kind: Service, metadata: {{name: tea}}, spec: {{ports: [{{port: 80{protocol}}}]}}}}
---
{{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: {{name: p}}, spec: {{
  targetRefs: [{{group: '', kind: Service, name: tea}}],
  validation: {{caCertificateRefs: [{{group: '', kind: ConfigMap, name: ca}}], {validation}}}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: ca}}
data:
  ca.crt: |
    {}
",
        block(&authority.pem)
    )
}

fn secret(name: &str, kind: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> =
        fields.iter().map(|(key, pem)| format!("  {key}: |\n    {}\n", block(pem))).collect();
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: {kind}\nstringData:\n{}",
        fields.concat()
    )
}

fn serve(documents: &str, backend: &Http2Backend) -> Server {
    let mut config = config(documents);
    config.services = vec![service("tea", &[backend.address])];
    start(config)
}

/// The status, and which version the backend says it speaks.
fn ask(server: &Server) -> (u16, Option<String>) {
    let response = Client::connect(address(server, 80)).get("/x");
    (response.status, response.field("x-backend").map(str::to_owned))
}

#[test]
fn a_policy_says_who_a_backend_has_to_be() {
    // gateway-api §20.1, §20.3
    let (authority, stranger) = (Authority::new(), Authority::new());
    let host = "hostname: tea.example.com";
    let named = |names: &str| format!("{host}, subjectAltNames: [{names}]");
    let by_uri = named("{type: URI, uri: 'spiffe://a.example/tea'}");
    let by_name = named("{type: Hostname, hostname: other.example.com}");
    let any_below = named("{type: Hostname, hostname: '*.example.com'}");
    let tea = [dns("tea.example.com")];
    for (what, signed, validation, want) in [
        ("its name", authority.sign(&tea), host, 200),
        ("a wildcard", authority.sign(&[dns("*.example.com")]), host, 200),
        ("signed at second hand", authority.sign_between(&tea), host, 200),
        ("another name", authority.sign(&[dns("tea.example.org")]), host, 503),
        ("another authority", stranger.sign(&tea), host, 503),
        ("a URI", authority.sign(&[uri("spiffe://a.example/tea")]), &by_uri, 200),
        ("another URI", authority.sign(&[uri("spiffe://a.example/cart")]), &by_uri, 503),
        ("not the name of the policy", authority.sign(&tea), &by_uri, 503),
        ("one of the names", authority.sign(&[dns("other.example.com")]), &by_name, 200),
        ("none of the names", authority.sign(&tea), &by_name, 503),
        ("any name below", authority.sign(&[dns("x.example.com")]), &any_below, 200),
        ("a name too far below", authority.sign(&[dns("y.x.example.com")]), &any_below, 503),
    ] {
        let backend = backend(&signed, None);
        let server = serve(&policy(&authority, "", validation, ""), &backend);
        assert_eq!(ask(&server).0, want, "{what}");
        if want == 200 {
            let shown = Shown { certificate: false, name: Some("tea.example.com".into()) };
            assert_eq!(backend.shown(), [shown], "{what}");
        }
    }
}

#[test]
fn the_protocol_is_agreed_on_in_tls() {
    // gateway-api §15.4
    let authority = Authority::new();
    let signed = authority.sign(&[dns("tea.example.com")]);
    for (protocol, want) in [("", "http1"), (", appProtocol: kubernetes.io/h2c", "h2")] {
        let backend = backend(&signed, None);
        let text = policy(&authority, protocol, "hostname: tea.example.com", "");
        let server = serve(&text, &backend);
        assert_eq!(ask(&server), (200, Some(want.into())));
        if want == "h2" {
            assert_eq!(backend.heads()[0].uri, "https://cafe.example.com/x");
        }
    }
}

#[test]
fn a_gateway_shows_its_certificate() {
    // gateway-api §20.5
    let (authority, clients) = (Authority::new(), Authority::new());
    let backend = backend(&authority.sign(&[dns("tea.example.com")]), Some(&clients));
    let text = policy(&authority, "", "hostname: tea.example.com", "");
    let server = serve(&text, &backend);
    assert_eq!(ask(&server).0, 503, "the backend asks for one");
    let own = clients.sign(&[dns("gateway.example.com")]);
    let fields = [("tls.crt", &*own.chain), ("tls.key", &*own.key)];
    let shows = ", tls: {backend: {clientCertificateRef: {name: own}}}";
    let text = policy(&authority, "", "hostname: tea.example.com", shows)
        + &secret("own", "kubernetes.io/tls", &fields);
    let server = serve(&text, &backend);
    assert_eq!(ask(&server).0, 200);
    assert!(backend.shown().iter().all(|shown| shown.certificate));
}

/// A VirtualServer whose upstream is spoken to in TLS as `policy` says.
fn egress(policy: &str) -> String {
    format!(
        "
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {{name: cafe}}
spec:
  host: cafe.example.com
  policies: [{{name: egress}}]
  upstreams: [{{name: tea, service: tea, port: 80, tls: {{enable: true}}}}]
  routes: [{{path: /, action: {{pass: tea}}}}]
---
{{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {{name: egress}}, spec: {{egressMTLS: {{{policy}}}}}}}
"
    )
}

#[test]
fn an_upstream_is_verified_only_where_that_is_asked() {
    // virtualserver §16.7
    let (authority, stranger) = (Authority::new(), Authority::new());
    let trusted = secret("trusted", "nginx.org/ca", &[("ca.crt", &authority.pem)]);
    let verify = "verifyServer: true, trustedCertSecret: trusted";
    let by_name = format!("{verify}, sslName: tea.example.com, serverName: true");
    let depth_0 = format!("{by_name}, verifyDepth: 0");
    let tea = [dns("tea.example.com")];
    for (what, signed, policy, want, name) in [
        ("unverified", stranger.sign(&tea), "verifyServer: false", 200, None),
        ("its name", authority.sign(&tea), &by_name, 200, Some("tea.example.com")),
        ("the upstream's name", authority.sign(&[dns("tea")]), verify, 200, None),
        ("another name", authority.sign(&tea), verify, 502, None),
        ("another authority", stranger.sign(&tea), &by_name, 502, None),
        ("one between", authority.sign_between(&tea), &by_name, 200, Some("tea.example.com")),
        ("none between", authority.sign(&tea), &depth_0, 200, Some("tea.example.com")),
        ("too many between", authority.sign_between(&tea), &depth_0, 502, None),
    ] {
        let backend = backend(&signed, None);
        let server = serve(&(egress(policy) + &trusted), &backend);
        assert_eq!(ask(&server).0, want, "{what}");
        if want == 200 {
            assert_eq!(backend.shown()[0].name.as_deref(), name, "{what}");
        }
    }
}

#[test]
fn an_upstream_is_shown_a_certificate() {
    // virtualserver §16.7
    let (authority, clients) = (Authority::new(), Authority::new());
    let backend = backend(&authority.sign(&[dns("tea")]), Some(&clients));
    let own = clients.sign(&[dns("gateway")]);
    let fields = [("tls.crt", &*own.chain), ("tls.key", &*own.key)];
    let text = egress("tlsSecret: own") + &secret("own", "kubernetes.io/tls", &fields);
    assert_eq!(ask(&serve(&text, &backend)).0, 200);
    assert_eq!(backend.shown(), [Shown { certificate: true, name: None }]);
}

#[test]
fn what_cannot_be_spoken_is_told_and_nothing_is_sent() {
    let authority = Authority::new();
    let backend = backend(&authority.sign(&[dns("tea")]), None);
    for (policy, want) in [
        ("protocols: TLSv1.1", "TLS 1.2 and TLS 1.3 alone are supported"),
        ("protocols: TLSv1.3, tlsSecret: own", "the key is broken PEM"),
    ] {
        let broken = "-----BEGIN PRIVATE KEY-----\nno key\n-----END PRIVATE KEY-----\n";
        let chain = &*authority.sign(&[dns("gateway")]).chain;
        let own = secret("own", "kubernetes.io/tls", &[("tls.crt", chain), ("tls.key", broken)]);
        let mut config = config(&(egress(policy) + &own));
        config.services = vec![service("tea", &[backend.address])];
        let told = Arc::<Mutex<Vec<String>>>::default();
        let events = Arc::clone(&told);
        let report = move |event: Event| events.lock().unwrap().push(event.to_string());
        let server = Server::start(config, report).unwrap();
        assert_eq!(ask(&server).0, 502, "{policy}");
        let told = told.lock().unwrap();
        let message = "error[invalid-backend-tls]: Policy default/egress: spec.egressMTLS: ";
        assert!(told.iter().any(|it| it.contains(message) && it.ends_with(want)), "{told:?}");
    }
    assert_eq!(backend.connections(), 0);
}

#[test]
fn connections_outlive_a_reload_that_changes_nothing_about_them() {
    let authority = Authority::new();
    let backend = backend(&authority.sign(&[dns("tea.example.com")]), None);
    let folder = std::env::temp_dir().join(format!("gateway-backend-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("routes.yaml");
    let text = policy(&authority, "", "hostname: tea.example.com", "");
    std::fs::write(&file, &text).unwrap();
    let mut config = config("");
    config.sources = vec![gateway_proxy::Source::Path(file.clone())];
    config.services = vec![service("tea", &[backend.address])];
    config.threads = std::num::NonZeroUsize::new(1);
    let server = start(config);
    assert_eq!(ask(&server).0, 200);
    std::fs::write(&file, format!("# moved by a line\n{text}")).unwrap();
    server.reload().unwrap();
    assert_eq!(ask(&server).0, 200);
    assert_eq!(backend.connections(), 1);
    std::fs::write(&file, text.replace("tea.example.com", "other.example.com")).unwrap();
    server.reload().unwrap();
    assert_eq!(ask(&server).0, 503, "a connection to somebody else is not used");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn checks_are_made_within_tls() {
    // virtualserver §4, `healthCheck.tls`: as the policies of the server say
    let (authority, stranger) = (Authority::new(), Authority::new());
    let trusted = secret("trusted", "nginx.org/ca", &[("ca.crt", &authority.pem)]);
    let verify = egress("verifyServer: true, trustedCertSecret: trusted") + &trusted;
    let check = ", healthCheck: {enable: true, mandatory: true, path: /check, interval: 20ms}";
    for (tls, check) in [
        ("tls: {enable: true}", check.to_owned()),
        ("tls: {enable: true}", check.replace("interval", "tls: {enable: true}, interval")),
    ] {
        let text = verify.replace("tls: {enable: true}", &format!("{tls}{check}"));
        let good = backend(&authority.sign(&[dns("tea")]), None);
        let server = serve(&text, &good);
        wait_until("the check has passed", || ask(&server).0 == 200);
        let bad = backend(&stranger.sign(&[dns("tea")]), None);
        let server = serve(&text, &bad);
        wait_until("checks are made", || bad.connections() > 2);
        assert_eq!(ask(&server).0, 502, "nobody who is to be trusted answers");
        assert_eq!(bad.shown(), [], "no handshake came to its end");
    }
}
