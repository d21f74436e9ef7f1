//! What the proxies of a mesh are made of: who they are, what they read, and a look at the wire.

use crate::backend::Backend;
use crate::gateway::{config, service};
use gateway_core::Inbound;
use gateway_core::rules::ServiceName;
use gateway_proxy::{Config, Server};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Who signs for the mesh.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A Secret `default/identity` with a new certificate of a service account of `default`.
    pub fn secret(&self, account: &str) -> String {
        let key = KeyPair::generate().unwrap();
        let uri = format!("spiffe://cluster.local/ns/default/sa/{account}");
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into().unwrap())];
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        let block = |pem: &str| pem.replace('\n', "\n    ");
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: identity}}\ntype: kubernetes.io/tls\n\
             stringData:\n  tls.crt: |\n    {}\n  tls.key: |\n    {}\n  ca.crt: |\n    {}\n---\n",
            block(&certificate),
            block(&key.serialize_pem()),
            block(&self.pem)
        )
    }
}

/// Services behind proxies, with their workloads: `tea` goes to `tea-v1`, with the cookie to
/// `tea-v2`. The address of `tea` is one of the loopback.
pub const TEA: &str = "
{apiVersion: v1, kind: Service, metadata: {name: tea},
 spec: {clusterIP: 127.0.0.21, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: tea-v1, annotations: {gateway/mutual-tls: 'true'}},
 spec: {selector: {app: tea, version: v1}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: tea-v2, annotations: {gateway/mutual-tls: 'true'}},
 spec: {selector: {app: tea, version: v2}, ports: [{port: 80}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: tea-v1}, spec: {template: {
 metadata: {labels: {app: tea, version: v1}}, spec: {serviceAccountName: tea}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: tea-v2}, spec: {template: {
 metadata: {labels: {app: tea, version: v2}}, spec: {serviceAccountName: tea}}}}
---
";

/// Which requests for `tea` go where.
pub const CANARY: &str = "
{apiVersion: specs.smi-spec.io/v1alpha4, kind: HTTPRouteGroup, metadata: {name: beta},
 spec: {matches: [{name: beta, headers: {cookie: 'version=beta'}}]}}
---
{apiVersion: split.smi-spec.io/v1alpha4, kind: TrafficSplit, metadata: {name: canary},
 spec: {service: tea, matches: [{kind: HTTPRouteGroup, name: beta}],
        backends: [{service: tea-v2, weight: 100}]}}
---
{apiVersion: split.smi-spec.io/v1alpha4, kind: TrafficSplit, metadata: {name: stable},
 spec: {service: tea, backends: [{service: tea-v1, weight: 100}]}}
---
";

/// The proxy beside callers: calls for each version go to an address.
pub fn caller(documents: &str, v1: SocketAddr, v2: SocketAddr) -> Config {
    let mut config = config(documents);
    config.options.identity = Some(("default".into(), "identity".into()));
    config.services = vec![service("tea-v1", &[v1]), service("tea-v2", &[v2])];
    config
}

/// The proxy before the workloads of both versions.
pub fn workload(documents: &str, v1: &Backend, v2: &Backend) -> Config {
    let mut config = config(documents);
    config.options.identity = Some(("default".into(), "identity".into()));
    config.services = vec![service("tea-v1", &[v1.address]), service("tea-v2", &[v2.address])];
    let inbound = |name, address: &str| Inbound {
        service: ServiceName::new("default", name),
        port: 80,
        address: address.parse().unwrap(),
    };
    config.options.inbound =
        vec![inbound("tea-v1", "127.0.0.1:0"), inbound("tea-v2", "127.0.0.2:0")];
    config
}

/// The address of the listener of that name, if it is served.
pub fn find(server: &Server, name: &str) -> Option<SocketAddr> {
    server.listening().iter().find(|l| l.name == name).map(|l| l.address)
}

/// Passes connections on and keeps all that goes over them, in both directions.
pub struct Tap {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    octets: Vec<u8>,
}

impl Tap {
    /// Ends with the test's process.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                shared.lock().unwrap().connections += 1;
                let server = TcpStream::connect(target).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        let _ = copy(&from, &to, &shared);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
            }
        });
        Self { address, seen }
    }

    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// How many octets went over it.
    pub fn amount(&self) -> usize {
        self.seen.lock().unwrap().octets.len()
    }

    /// Whether a text went over it as it is.
    pub fn saw(&self, text: &str) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.octets.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
    }
}

fn copy(mut from: &TcpStream, mut to: &TcpStream, seen: &Mutex<Seen>) -> io::Result<()> {
    let mut space = [0; 16 * 1024];
    loop {
        let read = from.read(&mut space)?;
        if read == 0 {
            return Ok(());
        }
        seen.lock().unwrap().octets.extend_from_slice(&space[..read]);
        to.write_all(&space[..read])?;
    }
}
