//! The suite: documents, requests, and what happens to them. `testdata/suite/README.md` describes
//! the files.
//!
//! The reference, the router and whatever answers on a socket run the same cases: each says what
//! it [`Observed`], and [`Case::check`] compares what can be seen from there.

mod expect;
mod format;

pub use expect::{DiagnosticExpectation, Expectation};

use crate::OwnedRequest;
use crate::reference::{self, Verdict};
use gateway_core::rules::RuleSet;
use gateway_core::{
    Decision, NoRoute, Options, Outcome, Resources, Router, Severity, Translation, translate,
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
        self.run(|draw| observe(&router.decide(&self.request, draw), &self.request))
    }

    /// Runs the case on the reference, which does not render answers.
    ///
    /// # Errors
    ///
    /// Every difference to what is expected.
    pub fn run_reference(&self, rules: &RuleSet) -> Result<(), String> {
        self.run(|draw| observe_reference(&reference::decide(rules, &self.request, draw)))
    }

    fn run(&self, observe: impl Fn(u64) -> Observed) -> Result<(), String> {
        let draws = self.draw.map_or(ANY_DRAW.to_vec(), |draw| vec![draw]);
        draws.into_iter().try_for_each(|draw| self.check(&observe(draw)))
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

fn observe(decision: &Decision<'_>, request: &OwnedRequest) -> Observed {
    let mut observed = Observed {
        route: Some(decision.route().map(|route| route.origin.to_string())),
        split: Some(None),
        ..Observed::default()
    };
    let (status, reason) = match decision.outcome() {
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
            observed.backend = Some(Received {
                service: format!("{}:{}", forwarding.service.name, forwarding.port),
                target: Some(target),
                headers: Some(headers),
            });
            let split = forwarding.split.map(|choice| choice.split.origin.object.name.to_string());
            observed.split = Some(split);
            return observed;
        }
        Outcome::Redirect(redirect) => (redirect.status, String::new()),
        Outcome::Respond(respond) => {
            let mut body = Vec::new();
            decision.write_body(request, &mut body);
            observed.body = Some(body);
            (respond.status, respond.reason.as_deref().unwrap_or_default().to_owned())
        }
        Outcome::NoRoute(why) => (why.status(), reason_of(*why)),
    };
    let mut headers = HeaderMap::new();
    decision.edit_response(status, request, &mut headers);
    observed.status = Some(status);
    observed.headers = Some(headers);
    observed.reason = Some(reason);
    observed
}

fn observe_reference(answer: &reference::Answer) -> Observed {
    let mut observed = Observed {
        route: Some(answer.route.as_ref().map(ToString::to_string)),
        split: Some(None),
        ..Observed::default()
    };
    match &answer.verdict {
        Verdict::Forward { service, port, split, .. } => {
            let service = format!("{service}:{port}");
            observed.backend = Some(Received { service, ..Received::default() });
            let name = split.as_ref().map(|choice| choice.split.object.name.to_string());
            observed.split = Some(name);
        }
        Verdict::Redirect { status, .. } | Verdict::Respond { status, .. } => {
            observed.status = Some(*status);
        }
        Verdict::NoRoute(why) => {
            observed.status = Some(why.status());
            observed.reason = Some(reason_of(*why));
        }
    }
    observed
}

/// As suite files name it.
fn reason_of(why: NoRoute) -> String {
    match why {
        NoRoute::Invalid(reason) => reason.to_string(),
        NoRoute::NoListener => "no listener".into(),
        NoRoute::NoHost => "no host".into(),
        NoRoute::NoMatch => "no match".into(),
        NoRoute::MethodNotAllowed => "method not allowed".into(),
        NoRoute::NoBranch(_) => "no branch".into(),
        NoRoute::NoBackend => "no backend".into(),
    }
}

#[cfg(test)]
mod tests;
