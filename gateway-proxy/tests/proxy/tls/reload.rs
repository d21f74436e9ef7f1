//! Certificates that change while connections are open, and sessions that are taken up again.

use super::parts::{Authority, Caller, Signed, Tls, Wish, get};
use super::{alert, config_of, server};
use crate::backend::Backend;
use crate::client::Client;
use crate::gateway::address;
use crate::reload::File;
use gateway_proxy::{Event, Server, Source};
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, HandshakeKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

const HOST: &str = "cafe.example.com";

/// A proxy whose documents are in a file, and what it has told.
pub struct Proxy {
    file: File,
    server: Server,
    pub tls: SocketAddr,
    told: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub fn new(documents: &str, backend: &Backend) -> Self {
        let file = File::new(documents);
        let mut config = config_of("", backend);
        config.sources = vec![Source::Path(file.path().to_owned())];
        let told = Arc::<Mutex<Vec<String>>>::default();
        let events = Arc::clone(&told);
        let report = move |event: Event| events.lock().unwrap().push(event.to_string());
        let server = Server::start(config, report).unwrap();
        let tls = address(&server, 443);
        Self { file, server, tls, told }
    }

    /// Reads other documents, and returns what is told of them.
    pub fn reload(&self, documents: &str) -> String {
        self.told.lock().unwrap().clear();
        self.file.write(documents);
        self.server.reload().unwrap();
        self.told.lock().unwrap().join("\n")
    }
}

fn cafe(signed: &Signed) -> String {
    signed.secret("cert") + &server(HOST, "cert", "")
}

fn kind(client: &mut Tls, host: &str) -> Option<HandshakeKind> {
    // Tickets come with what is answered first.
    assert_eq!(get(client, host).unwrap().0, 200);
    client.stream().conn.handshake_kind()
}

#[test]
fn new_certificates_are_for_new_connections() {
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let sign = || authority.sign(&Wish::of(&[HOST]));
    let (first, second) = (sign(), sign());
    let proxy = Proxy::new(&cafe(&first), &backend);
    let caller = Caller::new();
    let mut open = caller.connect(proxy.tls, HOST).unwrap();
    assert!(caller.was_shown(&first));
    assert_eq!(get(&mut open, HOST).unwrap().0, 200);
    proxy.reload(&cafe(&second));
    assert_eq!(get(&mut open, HOST).unwrap().0, 200, "goes on");
    let caller = Caller::new();
    assert_eq!(caller.get(proxy.tls, HOST, HOST).unwrap().0, 200);
    assert!(caller.was_shown(&second));
    assert_eq!(get(&mut open, HOST).unwrap().0, 200);
}

#[test]
fn the_last_good_certificate_stays_in_force() {
    // decisions §5
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let sign = || authority.sign(&Wish::of(&[HOST]));
    let (first, second) = (sign(), sign());
    let proxy = Proxy::new(&cafe(&first), &backend);
    let broken = Signed { key: first.key.clone(), ..second.clone() };
    for _ in 0..2 {
        let told = proxy.reload(&cafe(&broken));
        let error = "error[invalid-certificate]: ";
        let why = "Secret default/cert: the certificate cannot be shown: the key does not belong \
                   to the certificate; the last good one stays in force";
        assert!(told.contains(error) && told.contains(why), "{told}");
        let caller = Caller::new();
        assert_eq!(caller.get(proxy.tls, HOST, HOST).unwrap().0, 200);
        assert!(caller.was_shown(&first));
    }
    assert!(!proxy.reload(&cafe(&second)).contains("invalid-certificate"));
    let caller = Caller::new();
    caller.connect(proxy.tls, HOST).unwrap();
    assert!(caller.was_shown(&second));
    // One that is gone is gone on purpose.
    proxy.reload(&server(HOST, "cert", ""));
    let refused = Caller::new().connect(proxy.tls, HOST).err();
    assert_eq!(refused, Some(alert(AlertDescription::HandshakeFailure)));
}

#[test]
fn sessions_are_taken_up_again_also_after_a_reload() {
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let (first, second) = (authority.sign(&Wish::of(&[HOST])), authority.sign(&Wish::of(&[HOST])));
    for version in [&TLS13, &TLS12] {
        let proxy = Proxy::new(&cafe(&first), &backend);
        let caller = Caller::with(&[version], None, None);
        let next = || kind(&mut caller.connect(proxy.tls, HOST).unwrap(), HOST);
        assert_eq!(next(), Some(HandshakeKind::Full));
        assert_eq!(next(), Some(HandshakeKind::Resumed));
        proxy.reload(&(cafe(&first) + &server("other.example.com", "gone", "")));
        assert_eq!(
            next(),
            Some(HandshakeKind::Resumed),
            "{version:?}: the certificate is the same"
        );
        proxy.reload(&cafe(&second));
        assert_eq!(next(), Some(HandshakeKind::Full), "{version:?}");
    }
}

#[test]
fn sessions_are_not_taken_up_by_another_section() {
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let (one, two) = (authority.sign(&Wish::of(&[HOST])), authority.sign(&Wish::of(&[HOST])));
    // The same name on two ports, with other certificates.
    let listeners = "
{apiVersion: k8s.nginx.org/v1, kind: GlobalConfiguration, metadata: {name: global},
 spec: {listeners: [{name: other, port: 8080, protocol: HTTP, ssl: true}]}}
---
";
    let other =
        server(HOST, "two", "  listener: {https: other}\n").replace("name: cafe", "name: x");
    let documents =
        one.secret("cert") + &two.secret("two") + listeners + &server(HOST, "cert", "") + &other;
    let proxy = Proxy::new(&documents, &backend);
    let second = address(&proxy.server, 8080);
    for version in [&TLS13, &TLS12] {
        let caller = Caller::with(&[version], None, None);
        let next = |at| kind(&mut caller.connect(at, HOST).unwrap(), HOST);
        assert_eq!(next(proxy.tls), Some(HandshakeKind::Full));
        assert_eq!(next(proxy.tls), Some(HandshakeKind::Resumed));
        assert_eq!(next(second), Some(HandshakeKind::Full), "{version:?}");
    }
}

#[test]
fn a_port_may_begin_to_speak_tls_and_end_it() {
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let signed = authority.sign(&Wish::of(&[HOST]));
    let of = |is_tls: bool| {
        let kind = if is_tls { "https" } else { "http" };
        let listener = format!("  listener: {{{kind}: other}}\n");
        signed.secret("cert")
            + &format!(
                "{{apiVersion: k8s.nginx.org/v1, kind: GlobalConfiguration, metadata: {{name: g}}, \
                 spec: {{listeners: [{{name: other, port: 8080, protocol: HTTP, ssl: {is_tls}}}]}}}}\n---\n"
            )
            + &server(HOST, "cert", &listener).replace("enable: true", "enable: false")
            + &server("other.example.com", "cert", "")
    };
    let proxy = Proxy::new(&of(false), &backend);
    let at = address(&proxy.server, 8080);
    let mut plain = Client::connect(at);
    assert_eq!(plain.get("/").status, 200);
    proxy.reload(&of(true));
    assert_eq!(address(&proxy.server, 8080), at);
    // What was plain before may not go on as if it were not.
    assert_eq!(plain.get("/").status, 421);
    assert!(plain.is_closed());
    assert_eq!(Client::connect(at).get("/").status, 400);
    let mut secure = Caller::new().connect(at, HOST).unwrap();
    assert_eq!(get(&mut secure, HOST).unwrap().0, 200);
    proxy.reload(&of(false));
    assert_eq!(Client::connect(at).get("/").status, 200);
    assert_eq!(get(&mut secure, HOST).unwrap().0, 200, "it is better protected than it has to be");
}
