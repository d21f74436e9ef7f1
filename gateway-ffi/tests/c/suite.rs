//! The suite, run by a host in C: what it says is compared with what is expected, as for the naive
//! reference, the compiled router and the proxy.

use crate::compile::{compile_with, folder};
use gateway::*;
use gateway_core::rules::Protocol;
use gateway_core::{AccessMode, Channel, Options};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use std::collections::VecDeque;
use std::net::IpAddr;
use testkit::suite::{Case, Observed, Received, Suite};

/// A field of the exchange with the program.
type Field = (String, Vec<u8>);

#[test]
fn the_c_interface_decides_as_the_suite_says() {
    run(&[]);
}

/// What the router says that it needs is enough.
#[test]
fn the_c_interface_needs_no_more_than_it_says() {
    run(&["lazy"]);
}

fn run(arguments: &[&str]) {
    let suites = Suite::load_all(&folder().join("../testdata/suite")).unwrap();
    let mut input = Vec::new();
    for suite in &suites {
        configuration(suite, &mut input);
        for case in &suite.cases {
            case.draws().into_iter().for_each(|draw| request(case, draw, &mut input));
        }
    }
    // Both tests may run at once: each has a program of its own.
    let name = format!("suite{}", arguments.concat());
    let program = compile_with("suite.c", &name, &[]);
    let mut output = fields(&program.run_with(arguments, &input));
    let (mut cases, mut faults) = (0, Vec::new());
    for suite in &suites {
        let told: Vec<String> = next(&mut output).into_iter().map(|(_, text)| utf8(text)).collect();
        let wanted = suite.translation().diagnostics;
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        assert_eq!(told, wanted, "{}", suite.name);
        for case in &suite.cases {
            for draw in case.draws() {
                let observed = observed(next(&mut output));
                if let Err(fault) = case.check(&observed) {
                    faults.push(format!("{}: {} ({draw}):\n{fault}", suite.name, case.name));
                }
                cases += 1;
            }
        }
    }
    assert!(output.is_empty());
    assert!(faults.is_empty(), "{} of {cases}:\n{}", faults.len(), faults.join("\n\n"));
    assert!(cases > 1_000, "{cases}");
}

fn put(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(format!("{name} {}\n", value.len()).as_bytes());
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn configuration(suite: &Suite, out: &mut Vec<u8>) {
    let Options {
        http_port,
        https_port,
        cluster_domain: _,
        client_namespace,
        ingress_class,
        gateway_class,
        addresses,
        supported_features: _,
        channel,
        strict,
        service_hosts,
        access_mode,
        gateway_identity,
        skip_empty_backends,
        breaker_counts_5xx,
        smi_strict,
        known_services,
        assume_services,
        mesh,
        identity: _,
        inbound: _,
    } = &suite.options;
    let flags = [
        (*strict, GW_BUILD_STRICT),
        (true, GW_BUILD_LENIENT),
        (*channel == Channel::Standard, GW_BUILD_STANDARD_CHANNEL),
        (!service_hosts, GW_BUILD_NO_SERVICE_HOSTS),
        (*access_mode == AccessMode::Deny, GW_BUILD_DENY_BY_DEFAULT),
        (*skip_empty_backends, GW_BUILD_SKIP_EMPTY_BACKENDS),
        (*smi_strict, GW_BUILD_SMI_STRICT),
        (*mesh, GW_BUILD_MESH),
        (*breaker_counts_5xx, GW_BUILD_BREAKER_COUNTS_5XX),
        (*assume_services == Some(true), GW_BUILD_ASSUME_SERVICES),
        (*assume_services == Some(false), GW_BUILD_ASSUME_NO_SERVICES),
    ];
    let flags = flags.iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, flag)| all | flag);
    let mut field = |name: &str, value: String| put(out, name, value.as_bytes());
    field("flags", flags.to_string());
    field("http-port", http_port.to_string());
    field("https-port", https_port.to_string());
    field("client-namespace", client_namespace.to_string());
    ingress_class.iter().for_each(|class| field("ingress-class", class.to_string()));
    gateway_class.iter().for_each(|class| field("gateway-class", class.to_string()));
    gateway_identity.iter().for_each(|account| field("gateway-identity", account.to_string()));
    for (name, port) in known_services {
        field("known-service", format!("{name}:{port}"));
    }
    addresses.iter().for_each(|address| field("address", address.to_string()));
    field("file", suite.name.clone());
    field("documents", suite.documents.clone());
    field("build", String::new());
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn request(case: &Case, draw: u64, out: &mut Vec<u8>) {
    let request = &case.request;
    put(out, "method", request.method.as_bytes());
    put(out, "target", &request.target);
    if let Some(authority) = &request.authority {
        put(out, "authority", authority);
    }
    for (name, value) in &request.headers {
        put(out, "name", name.as_bytes());
        put(out, "value", value);
    }
    for (name, value) in &request.attributes {
        put(out, "attribute", name.as_bytes());
        put(out, "attribute-value", value);
    }
    if let Some(name) = &request.server_name {
        put(out, "server-name", name.as_bytes());
    }
    let connection = &request.connection;
    if connection.protocol == Protocol::Https {
        put(out, "tls", b"");
    }
    if let Some(address) = connection.listener.address {
        put(out, "listener-address", &octets(address));
    }
    if let Some(peer) = connection.peer {
        put(out, "peer", &octets(peer.ip()));
        put(out, "peer-port", peer.port().to_string().as_bytes());
    }
    let version: u8 = match request.version {
        Version::HTTP_2 => 20,
        _ => 11,
    };
    put(out, "version", version.to_string().as_bytes());
    put(out, "port", connection.listener.port.to_string().as_bytes());
    let status = case.backend.unwrap_or(StatusCode::OK);
    put(out, "backend-status", status.as_str().as_bytes());
    put(out, "random", draw.to_string().as_bytes());
    put(out, "decide", b"");
}

fn fields(mut text: &[u8]) -> VecDeque<Field> {
    let mut fields = VecDeque::new();
    while !text.is_empty() {
        let end = text.iter().position(|b| *b == b'\n').unwrap();
        let head = std::str::from_utf8(&text[..end]).unwrap();
        let (name, len) = head.split_once(' ').unwrap();
        let (value, rest) = text[end + 1..].split_at(len.parse().unwrap());
        fields.push_back((name.to_owned(), value.to_vec()));
        text = rest.strip_prefix(b"\n").unwrap();
    }
    fields
}

/// The fields of the next answer.
fn next(output: &mut VecDeque<Field>) -> Vec<Field> {
    let end = output.iter().position(|(name, _)| name == "end").unwrap();
    let fields = output.drain(..end).collect();
    output.pop_front();
    fields
}

fn utf8(text: Vec<u8>) -> String {
    String::from_utf8(text).unwrap()
}

/// `namespace/name:port` of a backend.
fn service(backend: Vec<u8>) -> String {
    let backend = utf8(backend);
    backend.split_once('?').map_or(&*backend, |(service, _)| service).to_owned()
}

fn observed(fields: Vec<Field>) -> Observed {
    let mut observed = Observed {
        split: Some(None),
        route: Some(None),
        steps: Some(Vec::new()),
        mirrors: Some(Vec::new()),
        headers: Some(HeaderMap::new()),
        ..Observed::default()
    };
    let (mut sent, mut name, mut is_sent) = (HeaderMap::new(), None, false);
    let mut kind = 0;
    let mut tls = String::new();
    let mut route: Vec<String> = Vec::new();
    for (field, value) in fields {
        match &*field {
            "kind" => kind = utf8(value).parse().unwrap(),
            "reason" => {
                let reason = utf8(value);
                // As suite files name what no route is said by a word for.
                let is_word = !reason.contains(' ') && kind == GW_KIND_NO_ROUTE;
                observed.reason = Some(if is_word { reason.replace('-', " ") } else { reason });
            }
            "route-kind" | "route-namespace" | "route-name" | "route-field" => {
                route.push(utf8(value));
            }
            "step" => observed.steps.iter_mut().for_each(|all| all.push(utf8(value.clone()))),
            "split" => observed.split = Some(Some(utf8(value))),
            "backend" => {
                let service = service(value);
                observed.backend = Some(Received { service, ..Received::default() });
            }
            "target" => observed.backend.as_mut().unwrap().target = Some(value),
            "mirror" => observed.mirrors.as_mut().unwrap().push(service(value)),
            "backend-tls" => tls = utf8(value),
            "status" => observed.status = StatusCode::from_bytes(&value).ok(),
            "flags" => {
                let flags: u32 = utf8(value).parse().unwrap();
                observed.page = Some(flags & GW_RESPONSE_ERROR_PAGE != 0);
            }
            "body" => observed.body = Some(value),
            "sent" | "answered" => {
                is_sent = field == "sent";
                name = HeaderName::from_bytes(&value).ok();
            }
            "value" => {
                let header = if is_sent { &mut sent } else { observed.headers.as_mut().unwrap() };
                // What is no header field goes to nobody.
                if let (Some(name), Ok(value)) = (name.take(), HeaderValue::from_bytes(&value)) {
                    header.append(name, value);
                }
            }
            other => panic!("{other}"),
        }
    }
    if let [kind, namespace, name, field] = &route[..] {
        let of = if namespace.is_empty() { "" } else { "/" };
        let field = if field.is_empty() { String::new() } else { format!(": {field}") };
        observed.route = Some(Some(format!("{kind} {namespace}{of}{name}{field}")));
    }
    let told = observed.headers.as_ref().and_then(|headers| headers.get("grpc-status"));
    let told = told.and_then(|code| code.to_str().ok()?.parse().ok());
    match &mut observed.backend {
        Some(backend) => {
            backend.headers = Some(sent);
            observed.backend_tls = Some(tls);
            observed.reason = None;
            observed.grpc = Some(None);
        }
        None => observed.grpc = Some(told),
    }
    // What an error page takes the place of goes to nobody.
    if observed.page == Some(true) {
        observed.backend = None;
    }
    observed
}
