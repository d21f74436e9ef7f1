//! What is expected, and how it is compared.

use super::Observed;
use gateway_core::Diagnostic;
use http::HeaderMap;
use serde::Deserialize;
use std::fmt::Debug;

/// What is to happen to a request. What is not given is not looked at, except that without
/// `service` no backend may have received it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// `namespace/name:port` of the Service that receives the request.
    pub service: Option<String>,
    /// The request target that it receives.
    pub target: Option<String>,
    /// `Name: value` for each header field that it receives among others, `-Name` for one that it
    /// does not.
    #[serde(default)]
    pub received: Vec<String>,
    /// The status, where the engine itself answers.
    pub status: Option<u16>,
    /// The body, octet for octet.
    pub body: Option<String>,
    /// The `Content-Type`.
    #[serde(rename = "type")]
    pub content_type: Option<String>,
    /// The `Location`.
    pub location: Option<String>,
    /// The `Allow`.
    pub allow: Option<String>,
    /// `Name: value` for each header field of the answer, `-Name` for one that it has not.
    #[serde(default)]
    pub answered: Vec<String>,
    /// `Kind namespace/name: field.path` of the rule that decides.
    pub route: Option<String>,
    /// The name of the TrafficSplit that applies.
    pub split: Option<String>,
    /// Why the engine itself answers.
    pub reason: Option<String>,
    /// Whether an error page takes the place of the answer.
    #[serde(default)]
    pub page: bool,
    /// What policies ask: `rate-limit Policy default/limit: 10.0.0.1`.
    pub steps: Option<Vec<String>>,
    /// `namespace/name:port` of the Services that receive a copy.
    pub mirrors: Option<Vec<String>>,
    /// The `grpc-status` with which the engine itself answers a call.
    pub grpc: Option<u16>,
    /// The server name of TLS with the backend; empty for none.
    #[serde(rename = "backendTls")]
    pub backend_tls: Option<String>,
}

impl Expectation {
    pub(super) fn differences(&self, observed: &Observed) -> Vec<String> {
        let mut list = Differences(Vec::new());
        let backend = observed.backend.as_ref();
        list.compare("service", self.service.as_ref(), backend.map(|b| &b.service));
        if let Some(target) = backend.and_then(|b| b.target.as_ref()) {
            list.when_given("target", &self.target, Some(text(target)));
        }
        if let Some(headers) = backend.and_then(|b| b.headers.as_ref()) {
            list.headers("received", &self.received, headers);
        }
        if let Some(status) = observed.status {
            list.when_given("status", &self.status, Some(status.as_u16()));
        }
        if let Some(body) = &observed.body {
            list.when_given("body", &self.body, Some(text(body)));
        }
        if let Some(headers) = &observed.headers {
            let value = |name| headers.get(name).map(|v| text(v.as_bytes()));
            list.when_given("type", &self.content_type, value("content-type"));
            list.when_given("location", &self.location, value("location"));
            list.when_given("allow", &self.allow, value("allow"));
            list.headers("answered", &self.answered, headers);
        }
        if let Some(route) = &observed.route {
            list.when_given("route", &self.route, route.clone());
        }
        if let Some(split) = &observed.split {
            list.when_given("split", &self.split, split.clone());
        }
        if let Some(page) = observed.page {
            list.compare("page", Some(self.page), Some(page));
        }
        if let Some(steps) = &observed.steps {
            list.when_given("steps", &self.steps, Some(steps.clone()));
        }
        if let Some(mirrors) = &observed.mirrors {
            list.when_given("mirrors", &self.mirrors, Some(mirrors.clone()));
        }
        if let Some(grpc) = observed.grpc {
            list.when_given("grpc", &self.grpc, grpc);
        }
        if let Some(tls) = &observed.backend_tls {
            list.when_given("backendTls", &self.backend_tls, Some(tls.clone()));
        }
        if let Some(reason) = &observed.reason {
            list.when_given("reason", &self.reason, Some(reason.clone()));
        }
        list.0
    }
}

struct Differences(Vec<String>);

impl Differences {
    fn compare<T: Debug + PartialEq>(&mut self, what: &str, wanted: Option<T>, got: Option<T>) {
        if wanted != got {
            self.0.push(format!("{what}: expected {wanted:?}, got {got:?}"));
        }
    }

    fn when_given<T: Debug + PartialEq>(&mut self, what: &str, wanted: &Option<T>, got: Option<T>) {
        if wanted.is_some() {
            self.compare(what, wanted.as_ref(), got.as_ref());
        }
    }

    fn headers(&mut self, what: &str, wanted: &[String], got: &HeaderMap) {
        for line in wanted {
            let lines = |name: &str| -> Vec<String> {
                got.get_all(name).iter().map(|value| text(value.as_bytes())).collect()
            };
            let fits = match line.split_once(": ") {
                Some((name, value)) => lines(name).iter().any(|got| got == value),
                None => lines(line.trim_start_matches('-')).is_empty(),
            };
            if !fits {
                self.0.push(format!("{what}: expected `{line}`, got {got:?}"));
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Something that is to be said about the documents. What is not given is not looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiagnosticExpectation {
    /// `error`, `warning` or `notice`.
    severity: Option<String>,
    /// The stable code.
    code: Option<String>,
    /// `Kind namespace/name`.
    object: Option<String>,
    /// The field path within the object.
    field: Option<String>,
    /// The line of `documents`, from 1.
    line: Option<u32>,
    /// Part of the message or of its hint.
    message: Option<String>,
}

impl DiagnosticExpectation {
    pub(super) fn fits(&self, said: &Diagnostic) -> bool {
        fn same(wanted: &Option<String>, got: &str) -> bool {
            wanted.as_ref().is_none_or(|wanted| wanted == got)
        }
        let object = said.object.as_ref().map(ToString::to_string).unwrap_or_default();
        let line = said.span.as_ref().map(|span| span.line);
        let sentence = format!("{}; {}", said.message, said.help.as_deref().unwrap_or_default());
        same(&self.severity, said.severity.as_str())
            && same(&self.code, said.code)
            && same(&self.object, &object)
            && same(&self.field, &said.field)
            && (self.line.is_none() || self.line == line)
            && self.message.as_ref().is_none_or(|part| sentence.contains(part))
    }
}
