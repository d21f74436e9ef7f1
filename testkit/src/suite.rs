//! The suite: documents, requests, and what happens to them. `testdata/suite/README.md` describes
//! the files.
//!
//! The reference, the router and whatever answers on a socket run the same cases: each says what
//! it [`Observed`], and [`Case::check`] compares what can be seen from there.

mod expect;
mod format;
mod status;

pub use expect::{DiagnosticExpectation, Expectation};
pub use status::StatusExpectation;

use crate::OwnedRequest;
use crate::reference::{self, StepAnswer, Verdict};
use gateway_core::rules::RuleSet;
use gateway_core::{
    Decision, NoRoute, Options, Outcome, Refusal, Resources, Router, Severity, Step, Translation,
    translate,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::path::Path;

/// One scenario of the suite: documents, and requests to them.
#[derive(Debug, Clone)]
pub struct Suite {
    /// The name of the file without its ending, and that of the scenario.
    pub name: String,
    /// The configuration, one YAML text.
    pub documents: String,
    /// What translating depends on besides.
    pub options: Options,
    /// The requests.
    pub cases: Vec<Case>,
    /// What is to be said about the documents. Errors that are not listed are faults.
    pub diagnostics: Vec<DiagnosticExpectation>,
    /// What objects show in Kubernetes.
    pub statuses: Vec<StatusExpectation>,
}

/// A request, and what is to happen to it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What the request shows.
    pub name: String,
    /// The request.
    pub request: OwnedRequest,
    /// The draw for choices by weight; `None`: whatever is drawn, the outcome is the same.
    pub draw: Option<u64>,
    /// The status that a backend answers with, if not 200.
    pub backend: Option<StatusCode>,
    /// What is to happen.
    pub expect: Expectation,
}

/// What was seen of a request's fate. `None` stands for what cannot be seen from there, except
/// for `backend`.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The backend that received the request; `None` when none did.
    pub backend: Option<Received>,
    /// The status of the answer.
    pub status: Option<StatusCode>,
    /// The header of the answer.
    pub headers: Option<HeaderMap>,
    /// The body of the answer.
    pub body: Option<Vec<u8>>,
    /// The rule that decided: `Some(None)` when none did.
    pub route: Option<Option<String>>,
    /// The name of the TrafficSplit that applied: `Some(None)` when none did.
    pub split: Option<Option<String>>,
    /// Why the engine itself answered.
    pub reason: Option<String>,
    /// Whether an error page took the place of the answer.
    pub page: Option<bool>,
    /// What policies ask.
    pub steps: Option<Vec<String>>,
    /// The Services that received a copy.
    pub mirrors: Option<Vec<String>>,
    /// The `grpc-status` of an answer of the engine's own: `Some(None)` for one without.
    pub grpc: Option<Option<u16>>,
    /// The server name of TLS with the backend; empty for none.
    pub backend_tls: Option<String>,
}

/// What a backend saw.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// `namespace/name:port` of the Service.
    pub service: String,
    /// The request target.
    pub target: Option<Vec<u8>>,
    /// The header.
    pub headers: Option<HeaderMap>,
}

/// The header of what a backend answers, among whatever else it sends.
pub const ANSWERED: [(&str, &str); 5] = [
    ("server", "backend"),
    ("x-pad", "1"),
    ("x-accel-buffering", "no"),
    ("set-cookie", "a=b"),
    ("etag", "theirs"),
];

impl Suite {
    /// Reads every `.yaml` file of a folder, in the order of their names.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read, and why.
    pub fn load_all(folder: &Path) -> Result<Vec<Self>, String> {
        let entries =
            std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
        paths.sort();
        let mut all = Vec::new();
        for path in &paths {
            let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            let text = std::fs::read_to_string(path).map_err(|error| fault(&error))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            all.extend(Self::read(&name, &text).map_err(|error| fault(&error))?);
        }
        Ok(all)
    }

    /// Reads the scenarios of one file.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn read(name: &str, text: &str) -> Result<Vec<Self>, String> {
        format::read(name, text)
    }

    /// What the documents mean.
    pub fn translation(&self) -> Translation {
        let mut resources = Resources::with_defaults("default", self.options.strict);
        resources.add_yaml(&self.name, &self.documents);
        translate(&resources, &self.options)
    }

    /// Compares what is said about the documents with what is expected.
    ///
    /// # Errors
    ///
    /// What was expected and not said, and errors that were said and not expected.
    pub fn check_diagnostics(&self) -> Result<(), String> {
        let translation = self.translation();
        let said = &translation.diagnostics;
        let mut faults = String::new();
        for wanted in &self.diagnostics {
            if !said.iter().any(|diagnostic| wanted.fits(diagnostic)) {
                faults += &format!("not said: {wanted:?}\n");
            }
        }
        for diagnostic in said {
            let listed = self.diagnostics.iter().any(|wanted| wanted.fits(diagnostic));
            if diagnostic.severity == Severity::Error && !listed {
                faults += &format!("not expected: {diagnostic}\n");
            }
        }
        if faults.is_empty() {
            return Ok(());
        }
        let all: Vec<String> = said.iter().map(ToString::to_string).collect();
        Err(format!("{faults}all that was said:\n{}", all.join("\n")))
    }
}

/// Draws for cases that hold for any.
const ANY_DRAW: [u64; 4] = [0, 1 << 62, 1 << 63, u64::MAX];

impl Case {
    /// Runs the case on the router.
    ///
    /// # Errors
    ///
    /// Every difference to what is expected.
    pub fn run_router(&self, router: &Router) -> Result<(), String> {
        self.run(|draw| {
            let decision = router.decide(&self.request, draw);
            let mirrors = router.mirrors(&decision, &self.request, draw);
            let mirrors = mirrors.map(|copy| match copy.admitted() {
                Outcome::Forward(to) => format!("{}:{}", to.service.name, to.port),
                other => format!("{other:?}"),
            });
            let mirrors = Some(mirrors.collect());
            Observed { mirrors, ..observe(self, &decision) }
        })
    }

    /// Runs the case on the reference, which does not render answers.
    ///
    /// # Errors
    ///
    /// Every difference to what is expected.
    pub fn run_reference(&self, rules: &RuleSet) -> Result<(), String> {
        self.run(|draw| observe_reference(self, &reference::decide(rules, &self.request, draw)))
    }

    fn run(&self, observe: impl Fn(u64) -> Observed) -> Result<(), String> {
        self.draws().into_iter().try_for_each(|draw| self.check(&observe(draw)))
    }

    /// The draws with which the case is to be run.
    pub fn draws(&self) -> Vec<u64> {
        self.draw.map_or(ANY_DRAW.to_vec(), |draw| vec![draw])
    }

    /// Compares what was seen with what is expected.
    ///
    /// # Errors
    ///
    /// Every difference.
    pub fn check(&self, observed: &Observed) -> Result<(), String> {
        let differences = self.expect.differences(observed);
        if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
    }
}

/// What an embedder would do that can carry out every step, and finds all is well.
fn observe(case: &Case, decision: &Decision<'_>) -> Observed {
    let request = &case.request;
    let steps = decision.steps(request);
    let mut observed = Observed {
        route: Some(decision.route().map(|route| route.origin.to_string())),
        split: Some(None),
        ..Observed::default()
    };
    let mut headers = HeaderMap::new();
    let status = match steps.last() {
        Some(Step::Refuse(Refusal { status, reason, .. })) => {
            decision.edit_refusal(*status, request, &mut headers);
            observed.reason = Some((*reason).to_owned());
            *status
        }
        Some(Step::Preflight(_)) => {
            decision.edit_preflight(request, &mut headers);
            StatusCode::NO_CONTENT
        }
        _ => {
            let status = admit(case, decision, &mut observed);
            if observed.backend.is_some() {
                let fields = ANSWERED.into_iter();
                headers.extend(fields.map(|(name, value)| {
                    (HeaderName::from_static(name), HeaderValue::from_static(value))
                }));
            }
            decision.edit_response(status, request, &mut headers);
            status
        }
    };
    let own = observed.backend.is_none();
    let told = own.then(|| decision.edit_as_grpc(status, request, &mut headers)).flatten();
    let status = told.unwrap_or(status);
    let grpc = headers.get("grpc-status").and_then(|code| code.to_str().ok()?.parse().ok());
    observed.grpc = Some(grpc.filter(|_| told.is_some()));
    let upstream_status = observed.backend.as_ref().map_or("", |_| status.as_str());
    let page = decision.error_page(status, request, upstream_status);
    observed.page = Some(page.is_some());
    if let Some(page) = page {
        let (status, headers, body) = (Some(page.status), Some(page.headers), Some(page.body));
        observed = Observed { backend: None, status, headers, body, ..observed };
    } else {
        observed.status = Some(status);
        observed.headers = Some(headers);
    }
    let answers = steps.into_iter().map(|step| StepAnswer::of(step).to_string());
    observed.steps = Some(answers.collect());
    observed
}

/// Treats the request as one that policies admit; says with what status it is answered.
fn admit(case: &Case, decision: &Decision<'_>, observed: &mut Observed) -> StatusCode {
    let request = &case.request;
    match decision.admitted() {
        Outcome::Forward(forwarding) => {
            let mut target = Vec::new();
            decision.write_target(request, &mut target);
            let mut headers = HeaderMap::new();
            for (name, value) in &request.headers {
                let name = HeaderName::try_from(name.as_str());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
                    headers.append(name, value);
                }
            }
            decision.edit_request(request, &mut headers);
            if let Some(host) = decision.host_header(request) {
                headers.insert(http::header::HOST, host);
            }
            let tls = decision.backend_tls();
            let server_name = tls.and_then(|tls| tls.settings?.server_name.as_deref());
            observed.backend_tls = Some(server_name.unwrap_or_default().to_owned());
            observed.backend = Some(Received {
                service: format!("{}:{}", forwarding.service.name, forwarding.port),
                target: Some(target),
                headers: Some(headers),
            });
            let split = forwarding.split.map(|choice| choice.split.origin.object.name.to_string());
            observed.split = Some(split);
            case.backend.unwrap_or(StatusCode::OK)
        }
        Outcome::Deny(_) => {
            observed.reason = Some("denied".to_owned());
            StatusCode::FORBIDDEN
        }
        Outcome::Redirect(redirect) => {
            observed.reason = Some(String::new());
            redirect.status
        }
        Outcome::Respond(respond) => {
            let mut body = Vec::new();
            decision.write_body(request, &mut body);
            observed.body = Some(body);
            observed.reason = Some(respond.reason.as_deref().unwrap_or_default().to_owned());
            respond.status
        }
        Outcome::NoRoute(why) => {
            observed.reason = Some(reason_of(why));
            why.status()
        }
    }
}

/// The reference renders neither answers nor error pages.
fn observe_reference(case: &Case, answer: &reference::Answer) -> Observed {
    let mut observed = Observed {
        route: Some(answer.route.as_ref().map(ToString::to_string)),
        split: Some(None),
        steps: Some(answer.steps.iter().map(ToString::to_string).collect()),
        ..Observed::default()
    };
    match answer.steps.last().map(|step| (step.kind, &step.detail)) {
        Some(("refuse", status)) => observed.status = StatusCode::from_bytes(status).ok(),
        Some(("preflight", _)) => observed.status = Some(StatusCode::NO_CONTENT),
        _ => admit_reference(answer, &mut observed),
    }
    // It does not say in which form it answers.
    if case.expect.grpc.is_some() {
        observed.status = None;
    }
    match case.expect.page {
        true => Observed { backend: None, status: None, ..observed },
        false => observed,
    }
}

fn admit_reference(answer: &reference::Answer, observed: &mut Observed) {
    match &answer.verdict {
        Verdict::Forward { service, port, split, .. } => {
            let service = format!("{service}:{port}");
            observed.backend = Some(Received { service, ..Received::default() });
            let name = split.as_ref().map(|choice| choice.split.object.name.to_string());
            observed.split = Some(name);
        }
        Verdict::Deny { .. } => {
            observed.status = Some(StatusCode::FORBIDDEN);
            observed.reason = Some("denied".to_owned());
        }
        Verdict::Redirect { status, .. } | Verdict::Respond { status, .. } => {
            observed.status = Some(*status);
        }
        Verdict::NoRoute(why) => {
            observed.status = Some(why.status());
            observed.reason = Some(reason_of(*why));
        }
    }
}

/// As suite files name it.
fn reason_of(why: NoRoute) -> String {
    match why {
        NoRoute::Invalid(reason) => reason.to_string(),
        NoRoute::NoListener => "no listener".into(),
        NoRoute::NoHost => "no host".into(),
        NoRoute::Misdirected => "misdirected".into(),
        NoRoute::NoTrust => "no trust".into(),
        NoRoute::NoMatch => "no match".into(),
        NoRoute::MethodNotAllowed => "method not allowed".into(),
        NoRoute::NoBranch(_) => "no branch".into(),
        NoRoute::NoBackend => "no backend".into(),
    }
}

#[cfg(test)]
mod tests;
