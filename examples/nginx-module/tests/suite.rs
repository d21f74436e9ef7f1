//! The common suite, through nginx.

use crate::backend::Backend;
use crate::module::module;
use crate::nginx::{Folder, Nginx, addresses};
use crate::tls::{connect_tls, write_certificate};
use gateway_core::rules::{Protocol, RuleSet};
use gateway_core::{AccessMode, Channel, Options, Outcome, Router, Step};
use http::StatusCode;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use testkit::socket::{Response, exchange, exchange_over};
use testkit::suite::{Case, Observed, Received, Suite};

#[test]
fn nginx_does_what_the_suite_says() {
    if module().is_none() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/suite");
    let suites = Suite::load_all(&folder).unwrap();
    let mut outcomes = Outcomes::default();
    for suite in suites.iter().filter(|suite| !suite.cases.is_empty()) {
        let rules = suite.translation().rules;
        let served = Served::new(suite, &rules);
        let router = Router::compile(&rules).unwrap();
        for case in &suite.cases {
            let outcome = served.run(case, &router);
            outcomes.add(&format!("{}: {}", suite.name, case.name), outcome);
        }
    }
    outcomes.check();
}

/// What became of a case.
enum Ran {
    /// It is as expected, or not.
    Compared(Result<(), String>),
    /// The engine refused it, as nginx does not do what its policies ask.
    Refused,
    /// nginx cannot show it, and why.
    Skipped(&'static str),
}

#[derive(Default)]
struct Outcomes {
    compared: usize,
    refused: usize,
    skipped: BTreeMap<&'static str, usize>,
    faults: Vec<String>,
}

impl Outcomes {
    fn add(&mut self, name: &str, ran: Ran) {
        match ran {
            Ran::Compared(result) => {
                self.compared += 1;
                self.faults.extend(result.err().map(|fault| format!("{name}:\n{fault}")));
            }
            Ran::Refused => self.refused += 1,
            Ran::Skipped(why) => *self.skipped.entry(why).or_default() += 1,
        }
    }

    fn check(&self) {
        let Self { compared, refused, skipped, faults } = self;
        println!("{compared} compared, {refused} refused for their policies, skipped: {skipped:?}");
        let count = faults.len();
        assert!(faults.is_empty(), "{count} of {compared}:\n{}", faults.join("\n\n"));
        assert!(*compared > 1_600 && *refused > 40, "{compared}, {refused}");
    }
}

/// A socket as documents name it: its address and port, and whether it is TLS.
type Socket = (Option<IpAddr>, u16, bool);

/// nginx with the documents of a scenario, and a backend for each that they name.
struct Served {
    nginx: Nginx,
    /// Where nginx listens for each socket.
    sockets: BTreeMap<Socket, SocketAddr>,
    backends: BTreeMap<String, Backend>,
    attributes: Vec<String>,
}

impl Served {
    fn new(suite: &Suite, rules: &RuleSet) -> Self {
        let folder = Folder::new();
        folder.write("documents.yaml", &suite.documents);
        write_certificate(&folder.0);
        let attributes: BTreeSet<&String> = suite
            .cases
            .iter()
            .flat_map(|case| case.request.attributes.iter().map(|(name, _)| name))
            .collect();
        let attributes: Vec<String> = attributes.into_iter().cloned().collect();
        let mut http = options(&suite.options);
        http += "gateway_config documents.yaml;\nunderscores_in_headers on;\n";
        for (i, name) in attributes.iter().enumerate() {
            http += &format!("gateway_attribute \"{name}\" $http_x_attribute_{i};\n");
        }
        let backends = backends(&folder, &http);
        for (name, backend) in &backends {
            let upstream = upstream(name);
            http += &format!("upstream {upstream} {{ server {}; }}\n", backend.address);
        }
        let mut wanted: BTreeSet<Socket> = rules
            .listeners
            .iter()
            .map(|listener| (listener.address, listener.port, listener.protocol == Protocol::Https))
            .collect();
        wanted.extend(suite.cases.iter().map(socket));
        let free = addresses(wanted.len());
        let sockets: BTreeMap<Socket, SocketAddr> = wanted.into_iter().zip(free).collect();
        for (socket, address) in &sockets {
            http += &server(*socket, *address);
        }
        folder.configure(1, &http);
        let any = *sockets.values().next().unwrap();
        Self { nginx: folder.start(any), sockets, backends, attributes }
    }

    fn run(&self, case: &Case, router: &Router) -> Ran {
        if case.draw.is_some() {
            return Ran::Skipped("the module draws its own numbers");
        }
        if case.request.attributes.iter().any(|(_, value)| value.is_empty()) {
            return Ran::Skipped("what is empty for nginx is not given");
        }
        if case.request.target.contains(&b'\n') {
            return Ran::Skipped("the target ends the line");
        }
        let status = case.backend.unwrap_or(StatusCode::OK).as_u16();
        self.backends.values().for_each(|backend| backend.answer_with(status));
        let response = self.exchange(case);
        let reason = response.field("x-gw-reason");
        if response.field("x-gw-kind").is_none() {
            return nginx_alone(case, &response);
        }
        if asks(case, router) {
            let refused = response.backend().is_none() && reason == Some("unenforced");
            return match refused {
                true => Ran::Refused,
                false => Ran::Compared(Err(format!("passed: {response:?}"))),
            };
        }
        if case.expect.content_type.is_some() && response.status == 204 {
            return Ran::Skipped("nginx sends no Content-Type with 204");
        }
        Ran::Compared(case.check(&observed(case, response)))
    }

    fn exchange(&self, case: &Case) -> Response {
        let mut more = Vec::new();
        for (name, value) in &case.request.attributes {
            let i = self.attributes.iter().position(|known| known == name).unwrap();
            more.extend_from_slice(format!("x-attribute-{i}: ").as_bytes());
            more.extend_from_slice(value);
            more.extend_from_slice(b"\r\n");
        }
        let (method, octets) = (&case.request.method, case.octets(&more));
        let address = self.sockets[&socket(case)];
        let response = match socket(case) {
            (.., true) => exchange_over(connect_tls(address, &server_name(case)), method, &octets),
            (.., false) => exchange(address, method, &octets),
        };
        response.unwrap_or_else(|error| panic!("{case:?}: {error}\n{}", self.nginx.log()))
    }
}

fn socket(case: &Case) -> Socket {
    let connection = &case.request.connection;
    let listener = connection.listener;
    (listener.address, listener.port, connection.protocol == Protocol::Https)
}

/// The server name of the connection: that of the host if none is given.
fn server_name(case: &Case) -> String {
    let request = &case.request;
    let host = || {
        let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = host.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        let host = host.unwrap_or_default();
        let host = host.split_once(':').map_or(&*host, |(host, _)| host);
        host.parse::<IpAddr>().map_or_else(|_| host.to_owned(), |_| String::new())
    };
    request.server_name.clone().unwrap_or_else(host)
}

/// A request that nginx itself turned away, before the module saw it.
fn nginx_alone(case: &Case, response: &Response) -> Ran {
    match (case.expect.service.is_some(), response.status) {
        (false, _) => Ran::Skipped("nginx itself turns it away, as the engine would"),
        (true, 400) => Ran::Skipped("nginx itself answers 400"),
        (true, 405) => Ran::Skipped("nginx itself answers 405"),
        (true, _) => Ran::Compared(Err(format!("answered by nginx: {response:?}"))),
    }
}

/// Whether something is asked that nginx does not do.
fn asks(case: &Case, router: &Router) -> bool {
    let request = &case.request;
    let decision = router.decide(request, 0);
    let done = |step: &Step<'_>| matches!(step, Step::Refuse(_) | Step::Preflight(_));
    if !decision.steps(request).iter().all(done) {
        return true;
    }
    match decision.admitted() {
        Outcome::Forward(to) => {
            decision.backend_tls().is_some() || decision.mutual_tls() || to.is_checked()
        }
        _ => false,
    }
}

/// The directives for a scenario's options.
fn options(options: &Options) -> String {
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
        breaker_counts_5xx: _,
        smi_strict,
        known_services,
        assume_services,
        mesh,
        identity: _,
        inbound: _,
    } = options;
    let flags = [
        (*strict, "strict"),
        (true, "lenient"),
        (*channel == Channel::Standard, "standard_channel"),
        (!service_hosts, "no_service_hosts"),
        (*access_mode == AccessMode::Deny, "deny_by_default"),
        (*skip_empty_backends, "skip_empty_backends"),
        (*smi_strict, "smi_strict"),
        (*mesh, "mesh"),
        (*assume_services == Some(true), "assume_services"),
        (*assume_services == Some(false), "assume_no_services"),
    ];
    let mut lines: Vec<String> =
        flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| (*flag).to_owned()).collect();
    lines.push(format!("http_port {http_port}"));
    lines.push(format!("https_port {https_port}"));
    lines.push(format!("client_namespace {client_namespace}"));
    lines.extend(ingress_class.iter().map(|class| format!("ingress_class {class}")));
    lines.extend(gateway_class.iter().map(|class| format!("gateway_class {class}")));
    lines.extend(gateway_identity.iter().map(|of| format!("gateway_identity {of}")));
    lines.extend(addresses.iter().map(|address| format!("address {address}")));
    let known = known_services.iter();
    lines.extend(known.map(|(name, port)| format!("known_service {name}:{port}")));
    lines.iter().map(|line| format!("gateway_option {line};\n")).collect()
}

/// Backends for all that `nginx -t` misses.
fn backends(folder: &Folder, http: &str) -> BTreeMap<String, Backend> {
    folder.configure(1, http);
    let told = String::from_utf8(folder.test().stderr).unwrap();
    assert!(told.contains("test is successful"), "{told}");
    let missing = told.lines().filter_map(|line| {
        let (_, name) = line.split_once("no upstream ")?.1.split_once(" for backend \"")?;
        name.strip_suffix('"')
    });
    missing.map(|name| (name.to_owned(), Backend::start(name))).collect()
}

/// What the upstream of a backend is called.
fn upstream(backend: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '.' };
    backend.chars().map(plain).collect()
}

fn server((named, port, is_tls): Socket, address: SocketAddr) -> String {
    let named = named.map(|ip| format!("gateway_address {ip};\n")).unwrap_or_default();
    let (ssl, certificate) = match is_tls {
        true => (" ssl", "ssl_certificate cert.pem;\nssl_certificate_key key.pem;\n"),
        false => ("", ""),
    };
    format!(
        "server {{\nlisten {address}{ssl};\n{certificate}{named}\
         add_header x-gw-kind $gw_kind always;\nadd_header x-gw-reason $gw_reason always;\n\
         add_header x-gw-route \"$gw_route: $gw_rule\" always;\n\
         add_header x-gw-split $gw_split always;\n\
         location @http2 {{\ngrpc_set_header Host $gw_host;\ngrpc_pass_header Server;\n\
         grpc_pass_header X-Pad;\ngrpc_pass_header X-Accel-Buffering;\n\
         grpc_pass grpc://$gw_backend;\n}}\n\
         location / {{\n\
         gateway on;\ngateway_http2 @http2;\ngateway_port {port};\n\
         proxy_http_version 1.1;\nproxy_set_header Connection \"\";\n\
         proxy_set_header Host $gw_host;\n\
         proxy_pass_header Server;\nproxy_pass_header X-Pad;\n\
         proxy_pass_header X-Accel-Buffering;\n\
         proxy_pass http://$gw_backend$gw_target;\n}}\n}}\n"
    )
}

fn observed(case: &Case, response: Response) -> Observed {
    let split = response.field("x-gw-split").map(str::to_owned);
    let route = response.field("x-gw-route").and_then(route);
    let mut observed = case.observed(response);
    observed.split = Some(split);
    observed.route = Some(route);
    if let Some(Received { service, .. }) = &mut observed.backend {
        // What narrows a Service is not part of its name.
        service.truncate(service.find('?').unwrap_or(service.len()));
    }
    observed
}

/// The rule that decided, which log lines would print in this form.
fn route(told: &str) -> Option<String> {
    let told = told.strip_suffix(": ").unwrap_or(told);
    (told != ":").then(|| told.to_owned())
}
