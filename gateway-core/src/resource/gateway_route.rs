//! Routes of `gateway.networking.k8s.io`.
//!
//! Reading checks what the API server would check (gateway-api §25), except what only one of the
//! channels refuses: that is left to translating.

pub(crate) mod backend;
pub(crate) mod filter;
pub(crate) mod matching;
#[cfg(all(test, feature = "yaml"))]
mod tests;

use super::Problems;
use super::document::{At, Located, Value};
use super::scalar::{self, NAMESPACE, OBJECT_NAME, SECTION_NAME};
use crate::diagnostic::Diagnostic;
use crate::rules::HostPattern;
use backend::{BackendRef, Retry, Timeouts};
use filter::{Filter, FilterKind};
use matching::Match;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GatewayRoute {
    pub(crate) parents: Vec<ParentRef>,
    /// None: every host of the listener.
    pub(crate) hostnames: Vec<Located<HostPattern>>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) use_default_gateways: Option<At>,
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

/// What a route wants to be attached to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParentRef {
    pub(crate) group: Box<str>,
    pub(crate) kind: Box<str>,
    /// `None`: the route's own.
    pub(crate) namespace: Option<Box<str>>,
    pub(crate) name: Box<str>,
    /// `None`: all listeners.
    pub(crate) section: Option<Box<str>>,
    /// `None`: all ports.
    pub(crate) port: Option<u16>,
    pub(crate) at: At,
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
    pub(crate) session_persistence: Option<At>,
    pub(crate) at: At,
}

/// Where problems go while a route is read.
pub(crate) struct Reader<'p> {
    pub(crate) problems: &'p mut Problems,
    pub(crate) channels: ChannelFaults,
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
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader { problems, channels: ChannelFaults::default() };
        let mut route = Self {
            parents: Vec::new(),
            hostnames: Vec::new(),
            rules: Vec::new(),
            use_default_gateways: None,
            channels: ChannelFaults::default(),
        };
        route.read_spec(scalar::spec(root, reader.problems)?, &mut reader);
        route.channels = reader.channels;
        Some(route)
    }

    fn read_spec(&mut self, spec: Value<'_>, reader: &mut Reader<'_>) {
        let Some(mut fields) = spec.mapping(reader.problems) else { return };
        if let Some(list) = fields.field("parentRefs") {
            let items = scalar::items(list, 0, 32, reader.problems);
            self.parents = items.into_iter().filter_map(|item| parent_ref(item, reader)).collect();
            check_parents_distinct(&self.parents, list, reader);
        }
        if let Some(list) = fields.field("hostnames") {
            let items = scalar::items(list, 0, 16, reader.problems).into_iter();
            let read = |v: Value<'_>| scalar::hostname(v, reader.problems).map(|h| v.located(h));
            self.hostnames = items.filter_map(read).collect();
        }
        if let Some(field) = fields.field("useDefaultGateways") {
            self.use_default_gateways = Some(field.at());
            reader.channels.experimental_field(field);
        }
        match fields.field("rules") {
            Some(list) => self.read_rules(list, reader),
            // The default of the field.
            None => self.rules.push(Rule::matching_all(spec.at())),
        }
        fields.finish(reader.problems);
    }

    fn read_rules(&mut self, list: Value<'_>, reader: &mut Reader<'_>) {
        for item in scalar::items(list, 1, 16, reader.problems) {
            self.rules.extend(read_rule(item, reader));
        }
        let matches: usize = self.rules.iter().map(|rule| rule.matches.len()).sum();
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
    fn matching_all(at: At) -> Self {
        Self {
            name: None,
            matches: vec![Match::all(at)],
            filters: Vec::new(),
            backends: Vec::new(),
            timeouts: Timeouts::default(),
            retry: None,
            session_persistence: None,
            at,
        }
    }
}

fn parent_ref(value: Value<'_>, reader: &mut Reader<'_>) -> Option<ParentRef> {
    let mut fields = value.mapping(reader.problems)?;
    let (group, kind) = scalar::group_and_kind(
        &mut fields,
        ("gateway.networking.k8s.io", "Gateway"),
        reader.problems,
    );
    let namespace = fields.field("namespace").and_then(|v| NAMESPACE.read(v, reader.problems));
    let name = fields.required("name", reader.problems);
    let name = name.and_then(|v| OBJECT_NAME.read(v, reader.problems));
    let section = fields.field("sectionName").and_then(|v| SECTION_NAME.read(v, reader.problems));
    let port = fields.field("port").and_then(|v| v.port(reader.problems));
    fields.finish(reader.problems);
    Some(ParentRef {
        group,
        kind,
        namespace: namespace.map(Into::into),
        name: name?.into(),
        section: section.map(Into::into),
        port,
        at: value.at(),
    })
}

/// References to one parent must tell its listeners apart: in the standard channel by section, in
/// the experimental one by section and port (gateway-api §9.1).
fn check_parents_distinct(parents: &[ParentRef], list: Value<'_>, reader: &mut Reader<'_>) {
    let same = |a: &ParentRef, b: &ParentRef| {
        (&a.group, &a.kind, &a.namespace, &a.name) == (&b.group, &b.kind, &b.namespace, &b.name)
    };
    let pairs = || {
        let later = |(i, a)| parents[i + 1..].iter().map(move |b| (a, b));
        parents.iter().enumerate().flat_map(later).filter(|(a, b)| same(a, b))
    };
    let problem = |parent: &ParentRef, by: &str| {
        let message = format!(
            "several entries name {} `{}` without telling its listeners apart",
            parent.kind, parent.name
        );
        Diagnostic::error("duplicate", &list.origin(), message)
            .help(format!("give each of them its own {by}"))
    };
    if let Some((a, _)) =
        pairs().find(|(a, b)| a.section.is_none() || b.section.is_none() || a.section == b.section)
    {
        reader.channels.standard.push(problem(a, "`sectionName`"));
    }
    if let Some((a, _)) = pairs().find(|(a, b)| {
        a.section.is_some() != b.section.is_some()
            || a.port.is_some() != b.port.is_some()
            || (&a.section, a.port) == (&b.section, b.port)
    }) {
        reader.channels.experimental.push(problem(a, "`sectionName` or `port`"));
    }
}

fn read_rule(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Rule> {
    let mut fields = value.mapping(reader.problems)?;
    let mut rule = Rule { matches: Vec::new(), ..Rule::matching_all(value.at()) };
    let name = fields.field("name").and_then(|v| SECTION_NAME.read(v, reader.problems));
    rule.name = name.map(Into::into);
    // An absent list is filled in before rules are checked; an empty one is not.
    let mut only_prefix = true;
    if let Some(list) = fields.field("matches") {
        let items = scalar::items(list, 0, 64, reader.problems);
        let count = items.len();
        rule.matches = items.into_iter().filter_map(|item| matching::read(item, reader)).collect();
        // What could not be read is reported already.
        only_prefix = count == 1 && rule.matches.iter().all(|m| m.path.is_prefix());
    }
    if rule.matches.is_empty() {
        rule.matches.push(Match::all(value.at()));
    }
    if let Some(list) = fields.field("filters") {
        rule.filters = filter::read_list(list, reader);
    }
    if let Some(list) = fields.field("backendRefs") {
        let items = scalar::items(list, 0, 16, reader.problems);
        rule.backends = items.into_iter().filter_map(|item| backend::read(item, reader)).collect();
    }
    if let Some(field) = fields.field("timeouts") {
        rule.timeouts = backend::read_timeouts(field, reader);
    }
    if let Some(field) = fields.field("retry") {
        reader.channels.experimental_field(field);
        rule.retry = backend::read_retry(field, reader);
    }
    if let Some(field) = fields.field("sessionPersistence") {
        reader.channels.experimental_field(field);
        rule.session_persistence = Some(field.at());
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
