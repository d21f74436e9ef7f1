//! HTTPRoute and GRPCRoute of `gateway.networking.k8s.io`.
//!
//! The kinds differ in what their matches say of a request, and in which fields and filters there
//! are. All else is the same, also for those that translate them.
//!
//! Reading checks what the API server would check (gateway-api §25), except what only one of the
//! channels refuses: that is left to translating.

pub(crate) mod backend;
pub(crate) mod cors;
pub(crate) mod external_auth;
pub(crate) mod filter;
pub(crate) mod grpc_match;
pub(crate) mod http_match;
pub(crate) mod matching;
pub(crate) mod mirror;
pub(crate) mod parent;
pub(crate) mod session;
#[cfg(all(test, feature = "yaml"))]
mod tests;
pub(crate) mod values;

use super::Problems;
use super::document::{At, Located, Value};
use super::scalar::{self, SECTION_NAME};
use super::sticky;
use crate::diagnostic::Diagnostic;
use crate::rules::{Field, HostPattern};
use backend::{BackendRef, Retry, Timeouts};
use filter::{Filter, FilterKind};
use matching::Match;
pub(crate) use parent::ParentRef;
use session::SessionPersistence;

/// A kind of route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RouteKind {
    Grpc,
    Http,
}

impl RouteKind {
    /// All that are read.
    pub(crate) const ALL: [Self; 2] = [Self::Http, Self::Grpc];

    /// As `kind` of a document.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTPRoute",
            Self::Grpc => "GRPCRoute",
        }
    }
}

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GatewayRoute {
    pub(crate) kind: RouteKind,
    pub(crate) parents: Vec<ParentRef>,
    /// None: every host of the listener.
    pub(crate) hostnames: Vec<Located<HostPattern>>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) use_default_gateways: Option<At>,
    pub(crate) sticky_by: Option<Field>,
    pub(crate) channels: ChannelFaults,
}

/// What is an error in one channel only.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ChannelFaults {
    pub(crate) standard: Vec<Diagnostic>,
    pub(crate) experimental: Vec<Diagnostic>,
}

impl ChannelFaults {
    /// `value` is a field that the standard channel does not have.
    pub(crate) fn experimental_field(&mut self, value: Value<'_>) {
        let name = value.key().unwrap_or_default();
        self.standard.push(
            Diagnostic::error(
                "experimental-field",
                &value.key_origin(),
                format!("`{name}` belongs to the experimental channel"),
            )
            .help("it takes effect with `--channel experimental`"),
        );
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub(crate) name: Option<Box<str>>,
    /// At least one.
    pub(crate) matches: Vec<Match>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) backends: Vec<BackendRef>,
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: Option<Retry>,
    pub(crate) session: Option<SessionPersistence>,
    pub(crate) at: At,
}

/// Where problems go while a route is read.
pub(crate) struct Reader<'p> {
    pub(crate) problems: &'p mut Problems,
    pub(crate) channels: ChannelFaults,
    pub(crate) kind: RouteKind,
}

impl Reader<'_> {
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        value: Value<'_>,
        message: impl Into<String>,
    ) {
        self.problems.push(Diagnostic::error(code, &value.origin(), message));
    }
}

impl GatewayRoute {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read_http(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        Self::read(root, RouteKind::Http, problems)
    }

    /// As [`GatewayRoute::read_http`], of a GRPCRoute.
    pub(crate) fn read_grpc(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        Self::read(root, RouteKind::Grpc, problems)
    }

    fn read(root: Value<'_>, kind: RouteKind, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader { problems, channels: ChannelFaults::default(), kind };
        let mut route = Self {
            kind,
            parents: Vec::new(),
            hostnames: Vec::new(),
            rules: Vec::new(),
            use_default_gateways: None,
            sticky_by: None,
            channels: ChannelFaults::default(),
        };
        route.read_spec(scalar::spec(root, reader.problems)?, &mut reader);
        let has_splits = route.rules.iter().any(Rule::is_split);
        route.sticky_by = sticky::read(root, has_splits, reader.problems);
        route.channels = reader.channels;
        Some(route)
    }

    fn read_spec(&mut self, spec: Value<'_>, reader: &mut Reader<'_>) {
        let Some(mut fields) = spec.mapping(reader.problems) else { return };
        if let Some(list) = fields.field("parentRefs") {
            self.parents = parent::read_list(list, &mut reader.channels, reader.problems);
        }
        if let Some(list) = fields.field("hostnames") {
            let items = scalar::items(list, 0, 16, reader.problems).into_iter();
            let read = |v: Value<'_>| scalar::hostname(v, reader.problems).map(|h| v.located(h));
            self.hostnames = items.filter_map(read).collect();
        }
        if let Some(field) = fields.field("useDefaultGateways") {
            let scopes = [("All", true), ("None", false)];
            let all = scalar::one_of(field, &scopes, reader.problems);
            self.use_default_gateways = all.filter(|all| *all).map(|_| field.at());
            reader.channels.experimental_field(field);
        }
        match fields.field("rules") {
            Some(list) => self.read_rules(list, reader),
            // The default of the field, which that of a GRPCRoute does not have.
            None if self.kind == RouteKind::Http => {
                self.rules.push(Rule::matching_all(spec.at(), self.kind));
            }
            None => {}
        }
        fields.finish(reader.problems);
    }

    fn read_rules(&mut self, list: Value<'_>, reader: &mut Reader<'_>) {
        let least = usize::from(self.kind == RouteKind::Http);
        for item in scalar::items(list, least, 16, reader.problems) {
            self.rules.extend(read_rule(item, reader));
        }
        let matches: usize = list.children().map(|rule| count_matches(rule, self.kind)).sum();
        if matches > 128 {
            let message = format!("a route has at most 128 matches in all, found {matches}");
            reader.error("too-many", list, message);
        }
        let mut names: Vec<&str> =
            self.rules.iter().filter_map(|rule| rule.name.as_deref()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!("several rules have the name `{}`", pair[0]);
            let problem = Diagnostic::error("duplicate", &list.origin(), message);
            reader.channels.experimental.push(problem);
        }
    }
}

impl Rule {
    /// Whether there is more than one backend to choose from.
    pub(crate) fn is_split(&self) -> bool {
        self.backends.len() > 1
    }

    fn matching_all(at: At, kind: RouteKind) -> Self {
        Self {
            name: None,
            matches: vec![Match::all(at, kind)],
            filters: Vec::new(),
            backends: Vec::new(),
            timeouts: Timeouts::default(),
            retry: None,
            session: None,
            at,
        }
    }
}

/// How many matches of a rule count towards the limit of the route. An absent list is filled in
/// only in an HTTPRoute, and an empty one nowhere.
fn count_matches(rule: Value<'_>, kind: RouteKind) -> usize {
    match rule.children().find(|field| field.key() == Some("matches") && !field.is_null()) {
        Some(list) => list.children().count(),
        None => usize::from(kind == RouteKind::Http),
    }
}

fn read_rule(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Rule> {
    let mut fields = value.mapping(reader.problems)?;
    let mut rule = Rule { matches: Vec::new(), ..Rule::matching_all(value.at(), reader.kind) };
    let name = fields.field("name").and_then(|v| SECTION_NAME.read(v, reader.problems));
    rule.name = name.map(Into::into);
    // An absent list is filled in before rules are checked; an empty one is not.
    let mut only_prefix = true;
    if let Some(list) = fields.field("matches") {
        let items = scalar::items(list, 0, 64, reader.problems);
        let count = items.len();
        rule.matches = items.into_iter().filter_map(|item| matching::read(item, reader)).collect();
        // What could not be read is reported already.
        only_prefix = count == 1 && rule.matches.iter().all(Match::is_path_prefix);
    }
    if rule.matches.is_empty() {
        rule.matches.push(Match::all(value.at(), reader.kind));
    }
    if let Some(list) = fields.field("filters") {
        rule.filters = filter::read_list(list, reader);
    }
    if let Some(list) = fields.field("backendRefs") {
        let items = scalar::items(list, 0, 16, reader.problems);
        rule.backends = items.into_iter().filter_map(|item| backend::read(item, reader)).collect();
    }
    if reader.kind == RouteKind::Http {
        if let Some(field) = fields.field("timeouts") {
            rule.timeouts = backend::read_timeouts(field, reader);
        }
        if let Some(field) = fields.field("retry") {
            reader.channels.experimental_field(field);
            rule.retry = backend::read_retry(field, reader);
        }
    }
    if let Some(field) = fields.field("sessionPersistence") {
        reader.channels.experimental_field(field);
        rule.session = session::read(field, reader);
    }
    fields.finish(reader.problems);

    let redirects = |f: &Filter| matches!(f.kind, FilterKind::RequestRedirect(_));
    if rule.filters.iter().any(redirects) && !rule.backends.is_empty() {
        let message = "a rule that redirects has no `backendRefs`";
        reader.error("conflicting-fields", value, message);
    }
    let of_backends = rule.backends.iter().flat_map(|backend| &backend.filters);
    if !only_prefix && rule.filters.iter().chain(of_backends).any(Filter::replaces_prefix) {
        let message =
            "`ReplacePrefixMatch` needs a rule with exactly one match, of type `PathPrefix`";
        reader.error("conflicting-fields", value, message);
    }
    Some(rule)
}
