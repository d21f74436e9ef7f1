//! Rules of a few Services, made by hand, and backends that fail as they are told to.

use super::super::*;
use super::proxy::{Proxy, ask};
use crate::config::Limits;
use gateway_core::rules::ServiceId;
use gateway_core::rules::{
    Action, Balance, Forward, RuleSet, Service, ServiceName, ServiceSplit, SplitBackend,
};
use gateway_core::{Endpoint, ObjectRef, Options, Origin, Resources, translate};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Longer than any test.
pub(super) const EVER: Duration = Duration::from_secs(3600);

pub(super) fn origin(kind: &str) -> Origin {
    Origin::new(ObjectRef::new(kind, "default", "any"), "spec")
}

/// A backend that answers every request with the status that it is told.
pub(super) struct Backend {
    pub(super) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    status: AtomicU16,
    requests: AtomicUsize,
}

impl Backend {
    /// Closes its connections instead of an answer.
    pub(super) const HANGS_UP: u16 = 0;
    /// Neither answers nor closes.
    pub(super) const SILENT: u16 = 1;

    pub(super) fn start(status: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { status: status.into(), requests: AtomicUsize::new(0) });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(&stream));
            }
        });
        Self { address, state }
    }

    pub(super) fn answer_with(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    pub(super) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }
}

impl State {
    fn serve(&self, stream: &std::net::TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut out = stream;
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 {
            if std::mem::take(&mut line) != "\r\n" {
                continue;
            }
            self.requests.fetch_add(1, Ordering::SeqCst);
            match self.status.load(Ordering::SeqCst) {
                Backend::HANGS_UP => return Ok(()),
                Backend::SILENT => {}
                status => write!(out, "HTTP/1.1 {status} Whatever\r\ncontent-length: 0\r\n\r\n")?,
            }
        }
        Ok(())
    }
}

/// Services with the endpoints of their port 80. The first one is what the route names, with the
/// host `shop.example`.
#[derive(Clone)]
pub(super) struct Shop {
    pub(super) services: Vec<(Service, Vec<Endpoint>)>,
    /// What the route asks of backends.
    pub(super) forward: Forward,
    /// Who the proxy is to others.
    pub(super) identity: Option<Arc<Identity>>,
}

impl Shop {
    pub(super) fn new(services: Vec<(Service, Vec<Endpoint>)>) -> Self {
        let Action::Forward(forward) = route_of(&document()).action else { panic!("it forwards") };
        let mut forward = (*forward).clone();
        // The default is a random one.
        Arc::make_mut(&mut forward.settings).balance = Balance::RoundRobin;
        Self { services, forward, identity: None }
    }

    fn rules(&self) -> RuleSet {
        let mut rules = document();
        let mut route = route_of(&rules);
        route.action = Action::Forward(Arc::new(self.forward.clone()));
        let listener = &mut rules.listeners[0];
        let mut host = (**listener.hosts.sorted()[0]).clone();
        host.routes = vec![route];
        listener.hosts = [host].into_iter().collect();
        rules.services =
            Arc::new(self.services.iter().map(|(service, _)| service.clone()).collect());
        rules
    }

    /// What the proxy goes by, after `previous`.
    pub(super) fn snapshot(&self, previous: Option<&Snapshot>) -> Snapshot {
        let mut endpoints = Endpoints::default();
        for (service, of_service) in &self.services {
            endpoints.insert(&service.name, 80, of_service.iter().cloned());
        }
        let router = Router::compile(&self.rules()).unwrap();
        let identity = self.identity.clone();
        let surroundings = Surroundings { endpoints, identity, ..Surroundings::default() };
        Snapshot::new(router, surroundings, &Config::default(), previous)
    }

    pub(super) fn start(&self) -> Proxy {
        let limits = Limits { grace: Duration::from_secs(2), ..Limits::default() };
        Proxy::start(self.rules(), self.snapshot(None), limits)
    }

    /// Puts these rules in force.
    pub(super) fn reload(&self, proxy: &Proxy) {
        let previous = proxy.shared.snapshot.load_full();
        proxy.shared.put(Arc::new(self.snapshot(Some(&previous))));
    }
}

fn document() -> RuleSet {
    const TEXT: &str = "
        {apiVersion: k8s.nginx.org/v1, kind: VirtualServer, metadata: {name: shop}, spec: {
          host: shop.example, upstreams: [{name: u, service: s, port: 80}],
          routes: [{path: /, action: {pass: u}}]}}";
    let mut resources = Resources::with_defaults("default", true);
    resources.add_yaml("shop.yaml", TEXT.as_bytes());
    let mut options = Options::default();
    options.known_services.push((ServiceName::new("default", "s"), 80));
    translate(&resources, &options).rules
}

fn route_of(rules: &RuleSet) -> gateway_core::rules::Route {
    rules.listeners[0].hosts.sorted()[0].routes[0].clone()
}

pub(super) fn service(name: &str) -> Service {
    Service::new(ServiceName::new("default", name), Some(vec![80]))
}

/// Sends everything to the Service at this position.
pub(super) fn split(service: u32) -> ServiceSplit {
    let origin = || origin("TrafficSplit");
    let backend = SplitBackend { service: ServiceId(service), weight: 1, origin: origin() };
    ServiceSplit { matches: None, backends: vec![backend], sticky: None, origin: origin() }
}

/// An endpoint of a workload of its Service.
pub(super) fn endpoint(address: SocketAddr, workload: usize) -> Endpoint {
    let mut endpoint = Endpoint::new(&address.ip().to_string(), address.port());
    endpoint.behind.workload = workload;
    endpoint
}

/// An address where nobody listens, nor will, as long as the test runs.
pub(super) fn nowhere() -> SocketAddr {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    std::mem::forget(socket);
    address
}

/// Asks so many times, on one connection; the statuses that come.
pub(super) fn statuses(proxy: &Proxy, times: usize) -> Vec<u16> {
    let mut client = BufReader::new(proxy.connect());
    (0..times).map(|_| ask(&mut client, b"").unwrap().0.parse().unwrap()).collect()
}
