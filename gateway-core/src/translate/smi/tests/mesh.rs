//! Documents with callers, as a router sees them.

use crate::diagnostic::Severity;
use crate::matcher::Router;
use crate::request::attributes::{SOURCE_ACCOUNT, SOURCE_IDENTITY};
use crate::request::{Connection, Request, RequestHead};
use crate::resource::Resources;
use crate::rules::ServiceName;
use crate::translate::{AccessMode, Options, Translation, translate};
use crate::{Decision, Outcome, Step};
use http::Version;

/// A request of somebody.
pub(super) struct Call<'a> {
    head: RequestHead<'a>,
    attributes: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Call<'a> {
    /// `GET api:8080/path`, by a service account, a SPIFFE id, or nobody (the empty text).
    pub(super) fn new(request: &'a str, caller: &'a str) -> Self {
        let (method, rest) = request.split_once(' ').unwrap();
        let (authority, target) = rest.split_at(rest.find('/').unwrap());
        let port = authority.split_once(':').map_or(80, |(_, port)| port.parse().unwrap());
        let head = RequestHead::new(method, authority, target).on(Connection::http(port));
        let name = if caller.starts_with("spiffe://") { SOURCE_IDENTITY } else { SOURCE_ACCOUNT };
        let attributes = Vec::from_iter((!caller.is_empty()).then_some((name, caller.as_bytes())));
        Self { head, attributes }
    }

    pub(super) fn with(mut self, name: &'a str, value: impl Into<&'a [u8]>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    pub(super) fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.head = self.head.headers(headers);
        self
    }
}

impl Request for Call<'_> {
    fn method(&self) -> &str {
        self.head.method()
    }

    fn target(&self) -> &[u8] {
        self.head.target()
    }

    fn authority(&self) -> Option<&[u8]> {
        self.head.authority()
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        Request::headers(&self.head, name)
    }

    fn version(&self) -> Version {
        self.head.version()
    }

    fn connection(&self) -> Connection {
        self.head.connection()
    }

    fn attribute(&self, name: &str) -> Option<&[u8]> {
        self.attributes.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }
}

/// Documents in force.
pub(super) struct Mesh {
    pub(super) translation: Translation,
    pub(super) router: Router,
}

impl Mesh {
    pub(super) fn new(yaml: &str, options: &Options) -> Self {
        let mut resources = Resources::with_defaults("default", options.strict);
        resources.add_yaml("f.yaml", yaml);
        let translation = translate(&resources, options);
        let router = Router::compile(&translation.rules).unwrap();
        Self { translation, router }
    }

    pub(super) fn of(yaml: &str) -> Self {
        Self::new(yaml, &Options::default())
    }

    /// In which only what is listed may pass.
    pub(super) fn denying(yaml: &str) -> Self {
        Self::new(yaml, &Options { access_mode: AccessMode::Deny, ..Options::default() })
    }

    pub(super) fn decide(&self, call: &Call<'_>) -> Decision<'_> {
        self.router.decide(call, 0)
    }

    /// What becomes of a request, once policies and limits let it pass.
    pub(super) fn answer(&self, call: &Call<'_>) -> String {
        match self.decide(call).admitted() {
            Outcome::Forward(to) => format!("{}:{}", to.service.name, to.port),
            Outcome::Deny(_) => "403".to_owned(),
            Outcome::NoRoute(why) => why.status().as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn passes(&self, request: &str, caller: &str) -> bool {
        match &*self.answer(&Call::new(request, caller)) {
            "403" => false,
            answer if answer.contains('/') => true,
            answer => panic!("{request} {caller}: {answer}"),
        }
    }

    /// Those of the callers that may ask this.
    pub(super) fn admitted<'c>(&self, request: &str, callers: &[&'c str]) -> Vec<&'c str> {
        callers.iter().copied().filter(|caller| self.passes(request, caller)).collect()
    }

    /// The endpoints of `default/api` that may be used for a request.
    pub(super) fn endpoints(&self, port: u16, call: &Call<'_>) -> Vec<&str> {
        let decision = self.decide(call);
        let all = self.translation.endpoints.of_service(&ServiceName::new("default", "api"), port);
        let usable = all.iter().filter(|e| decision.admits(call, e.behind.workload));
        usable.map(|endpoint| &*endpoint.host).collect()
    }

    /// What is asked of a request: the name of each limit, with the source that is meant.
    pub(super) fn limits(&self, call: &Call<'_>) -> Vec<String> {
        let shown = |step: &Step<'_>| match step {
            Step::ServiceLimit(counted) => {
                let name = &counted.limit.origin.object.name;
                let source = counted.source.map_or("all".to_owned(), |at| at.to_string());
                let by = if counted.by_endpoint { " by endpoint" } else { "" };
                format!("{name} {source}{by}")
            }
            other => panic!("{other:?}"),
        };
        self.decide(call).steps(call).iter().map(shown).collect()
    }

    /// The warnings and errors, whole, but for their places.
    pub(super) fn said(&self) -> Vec<String> {
        let text = |d: &crate::Diagnostic| {
            let text = d.to_string();
            match &d.span {
                Some(span) => text.replacen(&format!("{span}: "), "", 1),
                None => text,
            }
        };
        let all = self.translation.diagnostics.iter();
        all.filter(|d| d.severity >= Severity::Warning).map(text).collect()
    }

    pub(super) fn refused(&self) -> Vec<String> {
        self.translation.refused.iter().map(ToString::to_string).collect()
    }
}

/// The Service `api` of port 8080, which selects `app: api`, and a Deployment of it that runs as
/// `api`.
pub(super) const API: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {selector: {app: api}, ports: [{port: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec: {template: {metadata: {labels: {app: api}}, spec: {serviceAccountName: api}}}
";

/// A TrafficTarget to the service account `api`, with these rules and this source.
pub(super) fn target(name: &str, rules: &str, source: &str) -> String {
    format!(
        "
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {{name: {name}}}
spec:
  destination: {{kind: ServiceAccount, name: api}}
  rules: [{rules}]
  sources: [{{kind: ServiceAccount, name: {source}}}]
"
    )
}

/// The group `g` with the matches `api` (the path `/api`) and `metrics` (`GET /metrics`).
pub(super) const GROUP: &str = "
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: g}
spec:
  matches:
  - {name: api, pathRegex: /api}
  - {name: metrics, pathRegex: /metrics, methods: [GET]}
";

/// A rule that selects all of [`GROUP`].
pub(super) const ALL: &str = "{kind: HTTPRouteGroup, name: g}";

/// A TCPRoute to these ports.
pub(super) fn tcp_route(name: &str, ports: &str) -> String {
    format!(
        "
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: {{name: {name}}}
spec: {{matches: {{ports: {ports}}}}}
"
    )
}
