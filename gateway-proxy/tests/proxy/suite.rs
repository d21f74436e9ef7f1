//! The common suite, over sockets: each Service's port is a backend that says what it received.

use crate::backend::Backend;
use crate::client::Client;
use crate::gateway::{config, start};
use crate::tls::parts::Caller;
use gateway_core::rules::{Action, EndpointChoice, Protocol, RuleSet};
use gateway_core::{Endpoint, Outcome, Router};
use gateway_proxy::{KnownService, Server};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::Path;
use testkit::suite::{Case, Observed, Received, Suite};

#[test]
fn the_proxy_does_what_the_suite_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/suite");
    let suites = Suite::load_all(&folder).unwrap();
    // Nobody can send attributes: the proxy knows callers by their certificates.
    let all = suites.iter().flat_map(|suite| &suite.cases);
    let left_out = all.filter(|case| !case.request.attributes.is_empty()).count();
    println!("{left_out} requests with attributes are left out");
    let (mut run, mut over_tls) = (0, 0);
    let mut faults = Vec::new();
    for suite in &suites {
        let rules = suite.translation().rules;
        let foreign = rules.listeners.iter().any(|listener| listener.address.is_some());
        if suite.cases.iter().all(|case| !is_seen(case)) || foreign {
            continue;
        }
        let (server, backends) = serve(suite, &rules);
        let ports: BTreeMap<u16, _> =
            server.listening().into_iter().map(|l| (l.port, l.address)).collect();
        let router = Router::compile(&rules).unwrap();
        for case in suite.cases.iter().filter(|case| is_seen(case) && is_sent(case, &router)) {
            // Nobody can ask on a port that is not open.
            let Some(address) = ports.get(&case.request.connection.listener.port) else {
                continue;
            };
            let status = case.backend.unwrap_or(StatusCode::OK).as_u16();
            backends.iter().for_each(|backend| backend.answer_with(status));
            let observed = match case.request.connection.protocol {
                Protocol::Http => observe(case, Client::connect(*address)),
                Protocol::Https => {
                    let (name, opened) = opened_for(case, &router);
                    match Caller::new().connect(*address, &name) {
                        Ok(client) if opened => observe(case, client),
                        Err(_) if !opened => continue,
                        other => panic!("{}: {}: {:?}", suite.name, case.name, other.err()),
                    }
                }
            };
            over_tls += usize::from(case.request.connection.protocol == Protocol::Https);
            if let Err(fault) = case.check(&observed) {
                faults.push(format!("{}: {}:\n{fault}", suite.name, case.name));
            }
            run += 1;
        }
    }
    assert!(faults.is_empty(), "{} of {run}:\n{}", faults.len(), faults.join("\n\n"));
    assert!(run > 100 && over_tls > 40, "{run}, {over_tls} of them over TLS");
}

/// The server name that a request's connection is opened for, that of its host if none is given,
/// and whether there is a certificate for it.
fn opened_for(case: &Case, router: &Router) -> (String, bool) {
    let request = &case.request;
    let host = || {
        let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = String::from_utf8(host.unwrap().1.clone()).unwrap();
        let host = host.split_once(':').map_or(&*host, |(host, _)| host);
        // An address is no server name.
        host.parse::<IpAddr>().map_or_else(|_| host.to_owned(), |_| String::new())
    };
    let name = request.server_name.clone().unwrap_or_else(host);
    let owner = router.server_name(request.connection.listener, &name);
    let tls = owner.and_then(|owner| owner.tls.as_deref());
    let has_certificate = tls.is_some_and(|tls| !tls.certificates.is_empty());
    (name, has_certificate)
}

/// Whether it can be seen over sockets: the proxy draws its own numbers, nobody gives it
/// attributes, what it can't enforce it answers 500, and it refuses two hosts in one request before
/// rules are asked.
fn is_seen(case: &Case) -> bool {
    let hosts = case.request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let is_absolute = case.request.target.starts_with(b"http://");
    let same = |host: &[u8]| case.request.target["http://".len()..].starts_with(host);
    if is_absolute && !hosts.map(|(_, value)| &value[..]).all(same) {
        return false;
    }
    let done_here = |step: &String| ["refuse", "preflight"].iter().any(|s| step.starts_with(s));
    case.draw.is_none()
        && case.request.attributes.is_empty()
        && case.expect.steps.as_ref().is_none_or(|steps| steps.iter().all(done_here))
}

/// Whether it is not for endpoints with labels, which the proxy does not know, or for backends with
/// certificates, which those here have not.
fn is_sent(case: &Case, router: &Router) -> bool {
    let decision = router.decide(&case.request, 0);
    match decision.admitted() {
        Outcome::Forward(to) => {
            let plain = decision.backend_tls().is_none();
            plain && !matches!(to.forward.settings.endpoints, EndpointChoice::Labelled(_))
        }
        _ => true,
    }
}

/// A proxy for the documents, with a backend for each port of each Service that exists.
fn serve(suite: &Suite, rules: &RuleSet) -> (Server, Vec<Backend>) {
    let mut config = config(&suite.documents);
    config.options = suite.options.clone();
    config.map_ports = rules.listeners.iter().map(|listener| (listener.port, 0)).collect();
    let mut addressed = BTreeSet::new();
    for route in rules.listeners.iter().flat_map(|l| l.hosts.iter()).flat_map(|h| &h.routes) {
        collect_ports(&route.action, &mut addressed);
    }
    let mut backends = Vec::new();
    for service in rules.services.iter().filter(|service| service.exists) {
        if service.ports.is_none() {
            // Those that are taken to exist still are, now that there are Services by hand.
            config.options.assume_services = Some(true);
        }
        for &port in addressed.iter().filter(|port| service.has_port(**port)) {
            let backend = Backend::echo(&format!("{}:{port}", service.name));
            let host = backend.address.ip().to_string();
            let endpoint = Endpoint::new(&host, backend.address.port());
            let name = service.name.clone();
            config.services.push(KnownService { name, port, endpoints: vec![endpoint] });
            backends.push(backend);
        }
    }
    (start(config), backends)
}

fn collect_ports(action: &Action, ports: &mut BTreeSet<u16>) {
    match action {
        Action::Forward(forward) => {
            ports.insert(forward.target.port);
        }
        Action::Split(split) => {
            split.branches.iter().for_each(|branch| collect_ports(&branch.action, ports));
        }
        _ => {}
    }
}

fn observe<S: Read + Write>(case: &Case, mut client: Client<S>) -> Observed {
    let request = &case.request;
    let mut octets = request.method.as_bytes().to_vec();
    octets.push(b' ');
    octets.extend_from_slice(&request.target);
    octets.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in &request.headers {
        octets.extend_from_slice(name.as_bytes());
        octets.extend_from_slice(b": ");
        octets.extend_from_slice(value);
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(b"\r\n");
    client.send(octets).unwrap();
    let response =
        client.read(&request.method).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let mut observed = Observed {
        status: Some(StatusCode::from_u16(response.status).unwrap()),
        headers: Some(headers(&response.head)),
        ..Observed::default()
    };
    if let Some(service) = response.field("x-backend") {
        let text = response.text();
        let (line, head) = text.split_once("\r\n").unwrap_or_default();
        let seen = !line.is_empty();
        observed.backend = Some(Received {
            service: service.to_owned(),
            target: seen.then(|| line.split(' ').nth(1).unwrap().as_bytes().to_vec()),
            headers: seen.then(|| headers(head)),
        });
    } else {
        observed.grpc = Some(response.field("grpc-status").and_then(|code| code.parse().ok()));
        observed.body = (request.method != "HEAD").then_some(response.body);
    }
    observed
}

fn headers(head: &str) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
        let name = HeaderName::try_from(name).unwrap();
        map.append(name, HeaderValue::try_from(value.trim()).unwrap());
    }
    map
}
