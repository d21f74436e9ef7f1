//! Routes, their conditions and actions (virtualserver §5).

use super::{ErrorPage, Label, Text};
use crate::diagnostic::Diagnostic;
use crate::resource::Problems;
use crate::resource::document::{At, Kind, Located, Mapping, Value};
use crate::resource::fields::{
    exactly_one, filled_list, flag, items, labels, mapping, mappings, number, required_text,
    snippets, text, texts, without_effect,
};

/// `spec.routes[]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    pub(crate) at: At,
    pub(crate) path: Option<Text>,
    pub(crate) policies: Option<Located<Vec<PolicyRef>>>,
    pub(crate) dos: Option<Text>,
    pub(crate) add_header_inherit: Option<Text>,
    pub(crate) matches: Vec<Match>,
    /// An empty list is one too: it keeps a subroute from inheriting.
    pub(crate) error_pages: Option<Located<Vec<ErrorPage>>>,
    /// What to do where no match holds; `None` when something is wrong with it.
    pub(crate) target: Option<Target>,
}

/// What a route or a match does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Target {
    Action(Located<Action>),
    Splits(Located<Vec<Split>>),
    Delegate(Delegate),
    /// Nothing, beside matches (smi §9.3).
    LeftOut,
}

/// The VirtualServerRoutes that take over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Delegate {
    /// `route`: the name of one.
    Name(Text),
    /// `routeSelector`: all those with these labels.
    Labels(Located<Vec<Label>>),
}

/// One entry of `splits`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    pub(crate) at: At,
    pub(crate) weight: Option<u64>,
    pub(crate) action: Option<Located<Action>>,
}

/// One entry of `matches`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Match {
    pub(crate) at: At,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) target: Option<Target>,
}

/// One entry of `conditions`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(crate) source: Option<(Source, Text)>,
    /// Absent is as empty.
    pub(crate) value: Option<Text>,
}

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Header,
    Cookie,
    Argument,
    Variable,
}

/// `action`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// The name of an upstream.
    Pass(Text),
    Redirect(Redirect),
    Return(Return),
    Proxy(Proxy),
}

/// `action.redirect`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Redirect {
    pub(crate) url: Option<Text>,
    pub(crate) code: Option<Located<i64>>,
}

/// `action.return`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Return {
    pub(crate) code: Option<Located<i64>>,
    pub(crate) content_type: Option<Text>,
    pub(crate) body: Option<Text>,
    pub(crate) headers: Vec<Header>,
}

/// `action.proxy`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proxy {
    pub(crate) upstream: Option<Text>,
    pub(crate) rewrite_path: Option<Text>,
    /// `requestHeaders.pass`.
    pub(crate) pass_headers: bool,
    /// `requestHeaders.set`.
    pub(crate) set: Vec<Header>,
    /// `responseHeaders.hide`.
    pub(crate) hide: Vec<Text>,
    /// `responseHeaders.pass`.
    pub(crate) pass: Vec<Text>,
    /// `responseHeaders.ignore`.
    pub(crate) ignore: Vec<Text>,
    /// `responseHeaders.add`.
    pub(crate) add: Vec<Header>,
}

/// A header field's name and value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Header {
    pub(crate) name: Option<Text>,
    pub(crate) value: Option<Text>,
    /// Only for `responseHeaders.add`.
    pub(crate) always: bool,
}

/// One entry of `policies`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PolicyRef {
    pub(crate) at: At,
    pub(crate) name: Option<Text>,
    pub(crate) namespace: Option<Text>,
}

impl Route {
    /// Whether the route or one of its matches chooses by weight.
    pub(in crate::resource) fn has_splits(&self) -> bool {
        let of_matches = self.matches.iter().map(|of| &of.target);
        of_matches.chain([&self.target]).any(|target| matches!(target, Some(Target::Splits(_))))
    }

    /// Reads an entry of `spec.routes`.
    pub(super) fn read(route: Mapping<'_>, problems: &mut Problems) -> Self {
        let kinds = ["action", "splits", "route", "routeSelector"];
        Self::read_with(&kinds, false, route, problems)
    }

    /// Reads an entry of `spec.subroutes`, which cannot delegate any further
    /// (virtualserver §5.2).
    pub(in crate::resource) fn read_subroute(
        mut route: Mapping<'_>,
        problems: &mut Problems,
    ) -> Self {
        let mut delegates = false;
        for name in ["route", "routeSelector"] {
            if let Some(value) = route.field(name) {
                delegates = true;
                let message = format!("`{name}` cannot stand in a subroute");
                let told = Diagnostic::error("unsupported-field", &value.key_origin(), message);
                problems.push(told.help("only a VirtualServer delegates to VirtualServerRoutes"));
            }
        }
        Self::read_with(&["action", "splits"], delegates, route, problems)
    }

    /// `is_told`: whether something is told already that stands in the place of `kinds`.
    fn read_with(
        kinds: &[&'static str],
        is_told: bool,
        mut route: Mapping<'_>,
        problems: &mut Problems,
    ) -> Self {
        let of = &mut route;
        let path = required_text(of, "path", problems);
        let policies = PolicyRef::read_list(of, problems);
        let matches = items(of, "matches", problems, Match::read);
        let has_matches = of.field("matches").is_some_and(|v| v.children().next().is_some());
        let is_left_out = kinds.iter().all(|kind| of.field(kind).is_none());
        let target = match (is_left_out, is_told, has_matches) {
            (true, true, _) => None,
            (true, false, true) => Some(Target::LeftOut),
            _ => Target::read(of, kinds, problems),
        };
        // VirtualServerRoutes bring their own matches, so that these would be dead.
        if has_matches && matches!(target, Some(Target::Delegate(_))) {
            let message = "`matches` cannot stand beside a delegation to VirtualServerRoutes";
            problems.push(Diagnostic::error("conflicting-fields", &of.value().origin(), message));
        }
        let error_pages = of
            .field("errorPages")
            .map(|list| list.located(items(of, "errorPages", problems, ErrorPage::read)));
        snippets(of, "location-snippets", problems);
        let dos = text(of, "dos", problems).filter(|text| !text.is_empty());
        let add_header_inherit = text(of, "add-header-inherit", problems);
        let at = of.value().at();
        route.finish(problems);
        Self { at, path, policies, dos, add_header_inherit, matches, error_pages, target }
    }
}

impl Target {
    /// Reads the one of the fields `kinds` that is written.
    fn read(of: &mut Mapping<'_>, kinds: &[&'static str], problems: &mut Problems) -> Option<Self> {
        let kind = exactly_one(of, kinds, problems)?;
        let value = of.field(kind)?;
        match kind {
            "action" => Action::read(value, problems).map(Self::Action),
            "splits" => {
                let list = items(of, kind, problems, Split::read);
                Some(Self::Splits(value.located(list)))
            }
            "route" => required_text(of, kind, problems).map(Delegate::Name).map(Self::Delegate),
            _ => Delegate::read_selector(value, problems).map(Self::Delegate),
        }
    }
}

impl Delegate {
    fn read_selector(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut of = value.mapping(problems)?;
        let written = of.required("matchLabels", problems);
        let labels = labels(&mut of, "matchLabels", problems);
        without_effect(&mut of, "matchExpressions", problems);
        of.finish(problems);
        let is_empty =
            |value: &Value<'_>| *value.kind() == Kind::Mapping && value.children().next().is_none();
        if let Some(written) = written.filter(is_empty) {
            let message = "`matchLabels` must not be empty";
            problems.push(Diagnostic::error("missing-field", &written.origin(), message));
        }
        labels.map(Self::Labels)
    }
}

impl Split {
    fn read(mut split: Mapping<'_>, problems: &mut Problems) -> Self {
        let weight = split.required("weight", problems);
        let weight = weight.and_then(|v| v.integer(0..=100, problems));
        let action = split.required("action", problems);
        let action = action.and_then(|v| Action::read(v, problems));
        let at = split.value().at();
        split.finish(problems);
        Self { at, weight: weight.and_then(|w| u64::try_from(w).ok()), action }
    }
}

impl Match {
    fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let conditions = filled_list(&mut of, "conditions", problems);
        let conditions = mappings(conditions, problems, Condition::read);
        let target = Target::read(&mut of, &["action", "splits"], problems);
        let at = of.value().at();
        of.finish(problems);
        Self { at, conditions, target }
    }
}

impl Condition {
    fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let sources = ["header", "cookie", "argument", "variable"];
        let source = exactly_one(&mut of, &sources, problems).and_then(|name| {
            let source = match name {
                "header" => Source::Header,
                "cookie" => Source::Cookie,
                "argument" => Source::Argument,
                _ => Source::Variable,
            };
            Some((source, required_text(&mut of, name, problems)?))
        });
        let value = text(&mut of, "value", problems);
        of.finish(problems);
        Self { source, value }
    }
}

impl Action {
    fn read(value: Value<'_>, problems: &mut Problems) -> Option<Located<Self>> {
        let mut of = value.mapping(problems)?;
        let kinds = ["pass", "redirect", "return", "proxy"];
        let kind = exactly_one(&mut of, &kinds, problems);
        let action = kind.and_then(|kind| match kind {
            "pass" => required_text(&mut of, kind, problems).map(Self::Pass),
            "redirect" => mapping(&mut of, kind, problems)
                .map(|m| Self::Redirect(Redirect::read(m, problems))),
            "return" => {
                mapping(&mut of, kind, problems).map(|m| Self::Return(Return::read(m, problems)))
            }
            _ => mapping(&mut of, kind, problems).map(|m| Self::Proxy(Proxy::read(m, problems))),
        });
        of.finish(problems);
        Some(value.located(action?))
    }
}

impl Redirect {
    pub(super) fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let url = required_text(&mut of, "url", problems);
        let code = number(&mut of, "code", problems);
        of.finish(problems);
        Self { url, code }
    }
}

impl Return {
    pub(super) fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let read = Self {
            code: number(&mut of, "code", problems),
            content_type: text(&mut of, "type", problems).filter(|t| !t.is_empty()),
            body: required_text(&mut of, "body", problems),
            headers: items(&mut of, "headers", problems, Header::read),
        };
        of.finish(problems);
        read
    }
}

impl Proxy {
    fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let upstream = required_text(&mut of, "upstream", problems);
        let rewrite_path = text(&mut of, "rewritePath", problems).filter(|t| !t.is_empty());
        let mut proxy = Self {
            upstream,
            rewrite_path,
            pass_headers: true,
            set: Vec::new(),
            hide: Vec::new(),
            pass: Vec::new(),
            ignore: Vec::new(),
            add: Vec::new(),
        };
        if let Some(mut request) = mapping(&mut of, "requestHeaders", problems) {
            proxy.pass_headers = flag(&mut request, "pass", true, problems);
            proxy.set = items(&mut request, "set", problems, Header::read);
            request.finish(problems);
        }
        if let Some(mut response) = mapping(&mut of, "responseHeaders", problems) {
            proxy.hide = texts(&mut response, "hide", problems);
            proxy.pass = texts(&mut response, "pass", problems);
            proxy.ignore = texts(&mut response, "ignore", problems);
            proxy.add = items(&mut response, "add", problems, Header::read_added);
            response.finish(problems);
        }
        of.finish(problems);
        proxy
    }
}

impl Header {
    pub(super) fn read(of: Mapping<'_>, problems: &mut Problems) -> Self {
        Self::read_fields(of, false, problems)
    }

    fn read_added(of: Mapping<'_>, problems: &mut Problems) -> Self {
        Self::read_fields(of, true, problems)
    }

    fn read_fields(mut of: Mapping<'_>, added: bool, problems: &mut Problems) -> Self {
        let name = required_text(&mut of, "name", problems);
        let value = text(&mut of, "value", problems);
        let always = added && flag(&mut of, "always", false, problems);
        of.finish(problems);
        Self { name, value, always }
    }
}

impl PolicyRef {
    /// Reads `policies`; an empty list is as none.
    pub(super) fn read_list(
        of: &mut Mapping<'_>,
        problems: &mut Problems,
    ) -> Option<Located<Vec<Self>>> {
        let value = of.field("policies")?;
        let list = items(of, "policies", problems, |mut policy, problems| {
            let name = required_text(&mut policy, "name", problems);
            let namespace = text(&mut policy, "namespace", problems).filter(|t| !t.is_empty());
            let at = policy.value().at();
            policy.finish(problems);
            Self { at, name, namespace }
        });
        (!list.is_empty()).then(|| value.located(list))
    }
}
