//! The common suite: one Envoy, a listener for each scenario and port, a cluster for each Service.

use crate::process::{Envoy, installed};
use crate::setup::{Setup, cluster, filter, listener};
use gateway_core::rules::{EndpointChoice, Protocol};
use gateway_core::{Decision, Options, Outcome, Router};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use testkit::socket::EchoBackend;
use testkit::suite::{Case, Observed, Suite};

/// The fewest cases that have to run.
const FLOOR: usize = 1_400;

#[test]
fn envoy_does_what_the_suite_says() {
    if installed().is_none() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/suite");
    let suites = Suite::load_all(&folder).unwrap();
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    let mut setup = Setup::default();
    let mut todo = Vec::new();
    let mut backends: BTreeMap<String, EchoBackend> = BTreeMap::new();
    for (number, suite) in suites.iter().enumerate() {
        if let Some(reason) = scenario_left_out(suite) {
            *left_out.entry(reason).or_default() += suite.cases.len();
            continue;
        }
        let router = Router::compile(&suite.translation().rules).unwrap();
        let mut ports = BTreeSet::new();
        for case in &suite.cases {
            if let Some(reason) = case_left_out(suite, case) {
                *left_out.entry(reason).or_default() += 1;
                continue;
            }
            let port = case.request.connection.listener.port;
            ports.insert(port);
            let decision = router.decide(&case.request, 0);
            if let Outcome::Forward(to) = decision.admitted() {
                let name = format!("{}:{}", to.service.name, to.port);
                let backend = || EchoBackend::start(&name).unwrap();
                backends.entry(name.clone()).or_insert_with(backend);
            }
            todo.push((suite, case, format!("{number}-{port}"), is_refused(case, &decision)));
        }
        let of_port =
            |port| listener(&format!("{number}-{port}"), vec![filter(config(suite, port))]);
        setup.listeners.extend(ports.into_iter().map(of_port));
    }
    let clusters = backends.iter().map(|(name, backend)| cluster(name, backend.address));
    setup.clusters.extend(clusters);
    let envoy = Envoy::start(&setup).unwrap();
    let addresses = envoy.listeners();
    let (mut run, mut refused) = (0, 0);
    let mut faults = Vec::new();
    for (suite, case, listener, is_refused) in todo {
        let status = case.backend.map_or(200, |status| status.as_u16());
        backends.values().for_each(|backend| backend.answer_with(status));
        let mut fault = |text| faults.push(format!("{}: {}:\n{text}", suite.name, case.name));
        match case.ask(addresses[&listener]) {
            Err(error) => fault(error.to_string()),
            Ok(observed) if is_refused => {
                refused += 1;
                if !turns_away(&observed) {
                    fault(format!("let through: {observed:?}"));
                }
            }
            Ok(observed) => {
                run += 1;
                case.check(&observed).unwrap_or_else(fault);
            }
        }
    }
    println!("{run} ran, {refused} were refused; left out: {left_out:#?}");
    assert!(faults.is_empty(), "{} of {run}:\n{}", faults.len(), faults.join("\n\n"));
    assert!(run > FLOOR && refused > 40, "{run} ran, {refused} were refused");
}

/// The filter's configuration for one port of a scenario.
fn config(suite: &Suite, port: u16) -> Value {
    let options = &suite.options;
    let service = |(name, port): &(_, _)| format!("{name}:{port}");
    let mut config = json!({
        "documents": suite.documents,
        "port": port,
        "errors": "leave-out",
        "strict": options.strict,
        "knownServices": options.known_services.iter().map(service).collect::<Vec<_>>(),
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            config[name] = value;
        }
    };
    set("ingressClass", options.ingress_class.as_deref().map(Value::from));
    set("gatewayClass", options.gateway_class.as_deref().map(Value::from));
    set("assumeServices", options.assume_services.map(Value::from));
    config
}

/// Why no case of a scenario is for Envoy.
fn scenario_left_out(suite: &Suite) -> Option<&'static str> {
    let settable = Options {
        strict: suite.options.strict,
        ingress_class: suite.options.ingress_class.clone(),
        gateway_class: suite.options.gateway_class.clone(),
        assume_services: suite.options.assume_services,
        known_services: suite.options.known_services.clone(),
        ..Options::default()
    };
    if suite.options != settable {
        return Some("the module has no setting for an option of the scenario");
    }
    let rules = suite.translation().rules;
    let foreign = rules.listeners.iter().any(|listener| listener.address.is_some());
    foreign.then_some("a listener has an address of its own")
}

/// Why a case is not for Envoy.
fn case_left_out(suite: &Suite, case: &Case) -> Option<&'static str> {
    if case.request.connection.protocol == Protocol::Https {
        return Some("it comes by TLS");
    }
    if !case.request.attributes.is_empty() {
        return Some("nobody can send attributes");
    }
    if case.draw.is_some() {
        return Some("Envoy's workers draw their own numbers");
    }
    let asks_for_scheme =
        |part: &str| ["forwarded-proto", "forwarded_proto"].iter().any(|it| part.contains(it));
    let says_scheme = |(name, _): &(String, _)| asks_for_scheme(&name.to_ascii_lowercase());
    if asks_for_scheme(&suite.documents.to_ascii_lowercase())
        || case.request.headers.iter().any(says_scheme)
    {
        return Some("Envoy itself says what `X-Forwarded-Proto` is");
    }
    let tags = case.expect.answered.iter().filter(|line| line.starts_with("ETag: "));
    (tags.count() > 1).then_some("Envoy joins the lines of `ETag`")
}

/// The methods that Envoy's codec knows, of those in the suite.
const METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PURGE", "PUT", "TRACE"];

/// Whether nobody may be let through by it: the module cannot carry it out and says so, or Envoy
/// answers before it asks any filter.
fn is_refused(case: &Case, decision: &Decision<'_>) -> bool {
    let target = &case.request.target;
    let is_taken = METHODS.contains(&&*case.request.method)
        && (target.starts_with(b"/") || target.starts_with(b"http://"))
        && target.iter().all(|octet| octet.is_ascii() && !octet.is_ascii_control());
    let done = |step: &String| ["refuse", "preflight"].iter().any(|it| step.starts_with(it));
    let does_all = case.expect.steps.as_ref().is_none_or(|steps| steps.iter().all(done));
    if !is_taken || !does_all {
        return true;
    }
    let Outcome::Forward(to) = decision.admitted() else { return false };
    let forward = to.forward;
    !forward.mirrors.is_empty()
        || forward.session.is_some()
        || forward.settings.session_cookie.is_some()
        || forward.settings.endpoints != EndpointChoice::Ready
        || to.is_checked()
        || decision.backend_tls().is_some()
}

/// Whether an answer is none that a backend would give.
fn turns_away(observed: &Observed) -> bool {
    let is_success = observed.status.is_none_or(|status| status.is_success());
    let says_so_as_grpc = observed.grpc.flatten().is_some_and(|code| code != 0);
    observed.backend.is_none() && (!is_success || says_so_as_grpc)
}
