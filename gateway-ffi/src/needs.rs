//! What rules look at, so that hosts need not supply more; and what they ask of hosts.

use crate::boundary::boundary;
use crate::bytes::gw_str;
use crate::handle;
use crate::request::GW_NO_INDEX;
use crate::router::gw_router;
use crate::sized::{self, sized, zeroed};
use crate::status::{GW_OK, gw_status};
use crate::step::{
    DUTIES, GW_DUTY_BACKEND_TLS, GW_DUTY_ENDPOINT_ACCESS, GW_DUTY_MUTUAL_TLS,
    GW_DUTY_SERVICE_LIMIT, asked,
};
use gateway_core::attributes::{
    SOURCE_ACCOUNT, SOURCE_IDENTITY, SOURCE_LABELS, SOURCE_NAMESPACE, SOURCE_WORKLOADS,
};
use gateway_core::rules::{
    Action, AuthRequest, Balance, Cache, Condition, Cors, ErrorPage, Field, Forward, GroupMatches,
    HeaderEdit, HeaderOps, HostRewrite, Listener, Location, Page, Policies, Protocol,
    RateLimitChoice, Respond, ResponseHeaderOps, Route, RuleSet, Service, ServiceId, Sticky,
    Template, TemplatePart,
};
use gateway_core::{Diagnostic, Origin, TlsToBackend};
use std::collections::{BTreeMap, BTreeSet};

/// Rules look at the address or the port of clients.
pub const GW_NEEDS_PEER: u32 = 1;
/// Rules choose by weight, or copy a part of the requests.
pub const GW_NEEDS_RANDOM: u32 = 1 << 1;
/// Rules look at the server name of TLS.
pub const GW_NEEDS_SERVER_NAME: u32 = 1 << 2;
/// Rules keep clients where they were sent first: `gw_decider_session` says how. A host that never
/// asks sends each request on its own, which harms nothing but the wish: log it.
pub const GW_NEEDS_SESSIONS: u32 = 1 << 3;

/// What a router looks at besides method, target and authority. Set `struct_size`; the texts live as
/// long as the router.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_needs {
    /// `sizeof(gw_needs)`.
    pub struct_size: usize,
    /// Names of header fields in lower case, sorted: no others are looked at. "host" is always
    /// among them.
    pub headers: *const gw_str,
    /// How many.
    pub headers_len: usize,
    /// Names of attributes, sorted: no others are looked at.
    pub attributes: *const gw_str,
    /// How many.
    pub attributes_len: usize,
    /// What decisions may ask of you, some of `GW_DUTY_...`.
    pub duties: u64,
    /// Some of `GW_NEEDS_...`.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}
sized!(gw_needs);

/// What rules look at and ask for.
#[derive(Debug)]
pub(crate) struct Needs {
    headers: Names,
    attributes: Names,
    flags: u32,
    /// Where each duty is asked for.
    duties: BTreeMap<u64, BTreeSet<Origin>>,
}

/// Names in order, also as C sees them.
#[derive(Debug)]
struct Names {
    texts: Vec<Box<str>>,
    shown: Vec<gw_str>,
}

// SAFETY: `shown` points to `texts`, which nobody changes.
unsafe impl Send for Names {}
// SAFETY: as above.
unsafe impl Sync for Names {}

impl Names {
    fn new(names: BTreeSet<String>) -> Self {
        let texts: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
        let shown = texts.iter().map(|text| gw_str::of(text.as_bytes())).collect();
        Self { texts, shown }
    }

    fn index(&self, name: &str) -> u32 {
        let found = self.texts.binary_search_by(|text| (**text).cmp(name));
        found.ok().and_then(|at| u32::try_from(at).ok()).unwrap_or(GW_NO_INDEX)
    }
}

impl Needs {
    pub(crate) fn of(rules: &RuleSet) -> Self {
        let mut walk = Walk::new(rules);
        walk.header("host");
        rules.listeners.iter().for_each(|listener| walk.listener(listener));
        rules.services.iter().for_each(|service| walk.service(service));
        Self {
            headers: Names::new(walk.headers),
            attributes: Names::new(walk.attributes),
            flags: walk.flags,
            duties: walk.duties,
        }
    }

    /// The place of a header field, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> u32 {
        self.headers.index(name)
    }

    /// The place of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> u32 {
        self.attributes.index(name)
    }

    /// The name of the attribute at a place.
    pub(crate) fn attribute_at(&self, index: usize) -> Option<&str> {
        self.attributes.texts.get(index).map(|name| &**name)
    }

    /// A warning for each place that asks for a duty which is not among `met`.
    pub(crate) fn unmet(&self, met: u64) -> impl Iterator<Item = Diagnostic> {
        let unmet = self.duties.iter().filter(move |(duty, _)| *duty & met == 0);
        unmet.flat_map(|(duty, origins)| {
            let what = DUTIES.iter().find(|(of, _)| of == duty).map_or("it", |(_, what)| what);
            let message = format!("{what} is not enforced here: what asks for it is answered 500");
            let told = move |origin| Diagnostic::warning("unenforced", origin, message.clone());
            origins.iter().map(told)
        })
    }

    fn shown(&self) -> gw_needs {
        gw_needs {
            headers: self.headers.shown.as_ptr(),
            headers_len: self.headers.shown.len(),
            attributes: self.attributes.shown.as_ptr(),
            attributes_len: self.attributes.shown.len(),
            duties: self.duties.keys().fold(0, |all, duty| all | duty),
            flags: self.flags,
            ..zeroed()
        }
    }
}

/// Goes through rules. Patterns name every field, so that a new one is not overlooked.
struct Walk<'r> {
    rules: &'r RuleSet,
    headers: BTreeSet<String>,
    attributes: BTreeSet<String>,
    flags: u32,
    duties: BTreeMap<u64, BTreeSet<Origin>>,
}

impl<'r> Walk<'r> {
    fn new(rules: &'r RuleSet) -> Self {
        let (headers, attributes) = (BTreeSet::new(), BTreeSet::new());
        Self { rules, headers, attributes, flags: 0, duties: BTreeMap::new() }
    }

    fn header(&mut self, name: &str) {
        if !self.headers.contains(name) {
            self.headers.insert(name.to_owned());
        }
    }

    fn attribute(&mut self, name: &str) {
        if !self.attributes.contains(name) {
            self.attributes.insert(name.to_owned());
        }
    }

    fn duty(&mut self, duty: u64, origin: &Origin) {
        self.duties.entry(duty).or_default().insert(origin.clone());
    }

    fn field(&mut self, field: &Field) {
        match field {
            Field::Header(name) => self.header(name),
            Field::Cookie { .. } => self.header("cookie"),
            Field::Attribute(name) => {
                self.attribute(name);
                if **name == *SOURCE_NAMESPACE {
                    // The caller's account tells its namespace too.
                    self.attribute(SOURCE_ACCOUNT);
                    self.attribute(SOURCE_IDENTITY);
                }
            }
            Field::PeerAddress | Field::PeerPort => self.flags |= GW_NEEDS_PEER,
            Field::Method
            | Field::Scheme
            | Field::Host
            | Field::Path
            | Field::Target
            | Field::Query
            | Field::RequestLine
            | Field::Https
            | Field::Http2
            | Field::Argument { .. } => {}
        }
    }

    fn template(&mut self, template: &Template) {
        for part in template.parts() {
            if let TemplatePart::Field(field) = part {
                self.field(field);
            }
        }
    }

    fn conditions(&mut self, conditions: &[Condition]) {
        conditions.iter().for_each(|condition| self.field(&condition.field));
    }

    fn matches(&mut self, matches: Option<&GroupMatches>) {
        for one in matches.into_iter().flat_map(GroupMatches::iter) {
            self.conditions(&one.conditions);
        }
    }

    fn edits(&mut self, edits: &[HeaderEdit]) {
        edits.iter().for_each(|edit| self.template(&edit.value));
    }

    fn sticky(&mut self, sticky: Option<&Sticky>) {
        if let Some(sticky) = sticky {
            self.field(sticky.by());
        }
    }

    fn listener(&mut self, listener: &Listener) {
        let mut tells_grpc = listener.tells_grpc;
        for host in listener.hosts.iter() {
            tells_grpc |= host.tells_grpc;
            if host.tls.as_deref().is_some_and(|tls| tls.exclusive) {
                self.flags |= GW_NEEDS_SERVER_NAME;
            }
            host.routes.iter().for_each(|route| self.route(route, listener));
        }
        if tells_grpc {
            self.header("content-type");
        }
    }

    fn route(&mut self, route: &Route, listener: &Listener) {
        let Route { path: _, conditions, action, policies, error_pages, origin: _ } = route;
        self.conditions(conditions);
        let policies = policies.as_deref();
        self.action(action, policies, listener);
        if let Some(policies) = policies {
            self.policies(policies, listener.protocol);
        }
        error_pages.iter().flat_map(|pages| pages.iter()).for_each(|page| self.page(page));
    }

    fn action(&mut self, action: &Action, policies: Option<&Policies>, listener: &Listener) {
        match action {
            Action::Forward(forward) => self.forward(forward, policies, listener),
            Action::Redirect(redirect) => {
                if let Location::Url(url) = &redirect.location {
                    self.template(url);
                }
            }
            Action::Respond(respond) => {
                let Respond { status: _, content_type: _, body, headers, reason: _, origin: _ } =
                    &**respond;
                self.template(body);
                self.edits(headers);
            }
            Action::Split(split) => {
                self.flags |= GW_NEEDS_RANDOM;
                self.sticky(split.sticky.as_deref());
                if let Some(session) = &split.session {
                    self.attribute(&session.attribute);
                }
                for branch in &split.branches {
                    if let Some(cors) = &branch.cors {
                        self.cors(cors);
                    }
                    self.action(&branch.action, policies, listener);
                }
            }
            Action::Unmatched { alternatives: _ } => {}
        }
    }

    fn forward(&mut self, forward: &Forward, policies: Option<&Policies>, listener: &Listener) {
        let Forward {
            target,
            path: _,
            host,
            request_headers: HeaderOps { drop_all: _, drop_unusual: _, remove: _, set, add },
            response_headers:
                ResponseHeaderOps { of_backends: _, hidden: _, remove: _, set: set_back, add: add_back },
            settings,
            as_service_says: _,
            certificate: _,
            mirrors,
            session,
            unavailable: _,
            origin: _,
        } = forward;
        if let HostRewrite::Set(template) = host {
            self.template(template);
        }
        self.edits(set);
        self.edits(add);
        self.edits(set_back);
        add_back.iter().for_each(|line| self.template(&line.edit.value));
        if session.is_some() || settings.session_cookie.is_some() {
            self.flags |= GW_NEEDS_SESSIONS;
        }
        match &settings.balance {
            Balance::Hash { key, .. } => self.template(key),
            Balance::ClientAddress => self.flags |= GW_NEEDS_PEER,
            _ => {}
        }
        for mirror in mirrors {
            if mirror.numerator < mirror.denominator {
                self.flags |= GW_NEEDS_RANDOM;
            }
            self.forward(&mirror.forward, policies, listener);
        }
        let rules = self.rules;
        let root = rules.service(target.service);
        let splits = root.splits.iter().flat_map(|split| &split.backends);
        let mut chosen = vec![(target.service, target.port)];
        chosen.extend(splits.map(|backend| (backend.service, target.port)));
        let breakers = chosen.iter().filter_map(|(id, _)| rules.service(*id).breaker.as_ref());
        let fallbacks: Vec<_> = breakers.filter_map(|breaker| breaker.fallback).collect();
        chosen.extend(fallbacks);
        chosen.extend(settings.backup.map(|backup| (backup.service, backup.port)));
        for (id, port) in chosen {
            self.backend(forward, policies, listener, (id, port));
        }
    }

    fn backend(
        &mut self,
        forward: &Forward,
        policies: Option<&Policies>,
        listener: &Listener,
        (id, port): (ServiceId, u16),
    ) {
        let Some(service) = self.rules.services.get(id.0 as usize) else { return };
        if TlsToBackend::of(forward, policies, service, port).is_some() {
            self.duty(GW_DUTY_BACKEND_TLS, &forward.origin);
        }
        if listener.calls_in_mutual_tls(forward.target.service, id, service) {
            self.duty(GW_DUTY_MUTUAL_TLS, &forward.origin);
        }
        if service.access.is_some() {
            self.duty(GW_DUTY_ENDPOINT_ACCESS, &forward.origin);
        }
    }

    fn policies(&mut self, policies: &Policies, protocol: Protocol) {
        for step in policies.steps(protocol) {
            let (duty, _, origin) = asked(&step);
            self.duty(duty, origin);
        }
        let Policies {
            fault: _,
            client_certificates: _,
            cors,
            rate_limits,
            access,
            basic_auth,
            auth_request,
            jwt,
            cache,
            backend_tls: _,
            hsts,
        } = policies;
        if let Some(cors) = cors {
            self.cors(cors);
        }
        rate_limits.iter().for_each(|choice| self.rate_limit(choice));
        if access.is_some() {
            self.flags |= GW_NEEDS_PEER;
        }
        if let Some(AuthRequest::ApiKey(policy)) = auth_request {
            policy.headers.iter().for_each(|name| self.header(name.as_str()));
        }
        if basic_auth.is_some() {
            self.header("authorization");
        }
        match jwt.as_deref().map(|jwt| jwt.token.as_ref()) {
            Some(None) => self.header("authorization"),
            Some(Some(field)) => self.field(field),
            None => {}
        }
        if let Some(cache) = cache {
            self.cache(cache);
        }
        if hsts.as_deref().is_some_and(|hsts| hsts.behind_proxy) {
            self.header("x-forwarded-proto");
        }
    }

    fn cache(&mut self, cache: &Cache) {
        let Cache { key, no_cache, bypass, purge, .. } = cache;
        key.iter().chain(no_cache).chain(bypass).for_each(|template| self.template(template));
        if !purge.is_empty() {
            self.flags |= GW_NEEDS_PEER;
        }
    }

    fn cors(&mut self, cors: &Cors) {
        self.header("origin");
        if let Cors::Granted(_) = cors {
            self.header("access-control-request-method");
            self.header("access-control-request-headers");
        }
    }

    fn rate_limit(&mut self, choice: &RateLimitChoice) {
        let RateLimitChoice { on, cases, otherwise } = choice;
        if let Some(field) = on {
            self.field(field);
        }
        for limit in cases.iter().map(|case| &case.limit).chain(otherwise) {
            self.template(&limit.key);
        }
    }

    fn page(&mut self, page: &ErrorPage) {
        match &page.page {
            Page::Redirect { status: _, url } => self.template(url),
            Page::Respond { status: _, content_type: _, body, headers } => {
                self.template(body);
                self.edits(headers);
            }
        }
    }

    fn service(&mut self, service: &'r Service) {
        let Service {
            name: _,
            exists: _,
            ports: _,
            ready: _,
            splits,
            access,
            limits,
            breaker: _,
            mutual_tls: _,
            speech: _,
        } = service;
        for split in splits {
            self.flags |= GW_NEEDS_RANDOM;
            self.matches(split.matches.as_ref());
            self.sticky(split.sticky.as_deref());
        }
        if let Some(access) = access {
            for name in [SOURCE_ACCOUNT, SOURCE_IDENTITY, SOURCE_LABELS] {
                self.attribute(name);
            }
            let grants = access.workloads.iter().flat_map(|workload| &workload.asks);
            for grant in grants.flat_map(|grants| grants.iter()) {
                self.matches(grant.matches.as_ref());
            }
        }
        for limit in limits {
            self.attribute(SOURCE_WORKLOADS);
            self.matches(limit.matches.as_ref());
            self.duty(GW_DUTY_SERVICE_LIMIT, &limit.origin);
        }
    }
}

/// Fills `out` with what the router looks at. A host that supplies only that gets the same decisions
/// as one that supplies everything, and is told the same of its duties. Costs nothing: it has been
/// found out when the router was built.
///
/// # Safety
///
/// `router` is NULL or a router that has not been freed; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_router_needs(
    router: *const gw_router,
    out: *mut gw_needs,
) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for both pointers.
        unsafe { sized::write(out, handle::shared(router)?.needs.shown()) }?;
        Ok(GW_OK)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::rules::{BasicAuth, Jwt, JwtKeys, Network, SecretText};
    use gateway_core::{Connection, Credentials, Decision, ObjectRef, Request, Router, Step};
    use http::{HeaderMap, StatusCode, Version};
    use std::sync::Arc;
    use std::time::Duration;
    use testkit::OwnedRequest;
    use testkit::generate::{self, Source};

    /// A request of which nothing is told but what rules look at.
    struct Needed<'a> {
        request: &'a OwnedRequest,
        needs: &'a Needs,
    }

    impl Request for Needed<'_> {
        fn method(&self) -> &str {
            self.request.method()
        }

        fn target(&self) -> &[u8] {
            self.request.target()
        }

        fn authority(&self) -> Option<&[u8]> {
            self.request.authority()
        }

        fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
            let is_needed = self.needs.header(name) != GW_NO_INDEX;
            self.request.headers(name).filter(move |_| is_needed)
        }

        fn version(&self) -> Version {
            self.request.version()
        }

        fn connection(&self) -> Connection {
            let connection = self.request.connection();
            let peer = connection.peer.filter(|_| self.needs.flags & GW_NEEDS_PEER != 0);
            Connection { peer, ..connection }
        }

        fn server_name(&self) -> Option<&[u8]> {
            let name = self.request.server_name();
            name.filter(|_| self.needs.flags & GW_NEEDS_SERVER_NAME != 0)
        }

        fn attribute(&self, name: &str) -> Option<&[u8]> {
            let is_needed = self.needs.attribute(name) != GW_NO_INDEX;
            self.request.attribute(name).filter(|_| is_needed)
        }
    }

    /// What a duty reads from a request.
    fn of_duty(decision: &Decision<'_>, step: &Step<'_>, request: &impl Request) -> String {
        let mut text = Vec::new();
        match step {
            Step::BasicAuth(_) => format!("{:?}", Credentials::of(request)),
            Step::Jwt(policy) => {
                decision.write_token(policy, request, &mut text);
                format!("{text:?}")
            }
            Step::ExternalAuth(policy) => decision.is_for_sign_in(policy, request).to_string(),
            Step::AuthCheck(check) => {
                decision.write_check_target(check, request, &mut text);
                format!("{text:?}")
            }
            Step::Cache(cache) => {
                decision.write_cache_key(cache, request, &mut text);
                format!("{text:?} {:?}", decision.cache_use(cache, request))
            }
            _ => String::new(),
        }
    }

    /// Everything that comes of a request.
    fn told(router: &Router, request: &impl Request, draw: u64) -> String {
        let decision = router.decide(request, draw);
        let of = |decision: &Decision<'_>| {
            let (mut sent, mut answered, mut target, mut body) =
                (HeaderMap::new(), HeaderMap::new(), Vec::new(), Vec::new());
            decision.edit_request(request, &mut sent);
            decision.edit_response(StatusCode::OK, request, &mut answered);
            decision.write_target(request, &mut target);
            decision.write_body(request, &mut body);
            let page = decision.error_page(StatusCode::BAD_GATEWAY, request, "502");
            let mut own = HeaderMap::new();
            let grpc = decision.edit_as_grpc(StatusCode::NOT_FOUND, request, &mut own);
            let host = decision.host_header(request);
            let route = decision.route().map(|route| &route.origin);
            let steps = decision.steps(request);
            let duties: Vec<_> =
                steps.iter().map(|step| of_duty(decision, step, request)).collect();
            format!(
                "{route:?} {steps:?} {duties:?} {sent:?} {answered:?} {target:?} {body:?} {page:?} {grpc:?} {host:?} {own:?}"
            )
        };
        let copies: Vec<_> =
            router.mirrors(&decision, request, draw).map(|copy| of(&copy)).collect();
        format!("{} {copies:?} {:?}", of(&decision), decision.admitted())
    }

    #[test]
    fn what_is_needed_is_enough() {
        let (mut needed, mut decided) = (0, 0);
        for seed in 1..=40 {
            let mut source = Source::noise(seed);
            let rules = generate::rule_set(&mut source);
            let router = Router::compile(&rules).unwrap();
            let needs = Needs::of(&rules);
            needed += needs.headers.texts.len() + needs.attributes.texts.len();
            for _ in 0..10 {
                let (request, draw) = generate::request(&mut source, &rules);
                let part = Needed { request: &request, needs: &needs };
                let (all, part) = (told(&router, &request, draw), told(&router, &part, draw));
                assert_eq!(all, part, "{seed}: {request:?}");
                decided += usize::from(router.decide(&request, draw).route().is_some());
            }
        }
        assert!(needed > 100 && decided > 100, "{needed} {decided}");
    }

    #[test]
    fn what_duties_read_is_needed() {
        let origin = || Origin::new(ObjectRef::new("Policy", "default", "p"), "spec");
        let basic = BasicAuth { realm: "r".into(), users: SecretText::default(), origin: origin() };
        let basic = Policies { basic_auth: Some(Arc::new(basic)), ..Policies::default() };
        let jwt = |token| {
            let (realm, keys) = ("r".into(), JwtKeys::Known(SecretText::default()));
            let jwt = Jwt { realm, token, keys, origin: origin() };
            Policies { jwt: Some(Arc::new(jwt)), ..Policies::default() }
        };
        let of = |name: &str| Template::new([TemplatePart::Field(Field::Header(name.into()))]);
        let cache = |purge: &[&str]| {
            let cache = Cache {
                zone: "zone".into(),
                zone_size: 1,
                max_size: None,
                min_free: None,
                inactive: Duration::from_secs(1),
                key: Some(of("x-key")),
                methods: Vec::new(),
                statuses: None,
                overrides_backend: false,
                stale: Vec::new(),
                revalidate: false,
                background_update: false,
                min_uses: 1,
                lock: None,
                no_cache: vec![of("x-private")],
                bypass: vec![of("x-fresh")],
                purge: purge.iter().filter_map(|text| text.parse::<Network>().ok()).collect(),
                origin: origin(),
            };
            Policies { cache: Some(Arc::new(cache)), ..Policies::default() }
        };
        for (policies, headers, flags) in [
            (basic, &["authorization"][..], 0),
            (jwt(None), &["authorization"], 0),
            (jwt(Some(Field::Header("x-token".into()))), &["x-token"], 0),
            (cache(&[]), &["x-fresh", "x-key", "x-private"], 0),
            (cache(&["10.0.0.0/8"]), &["x-fresh", "x-key", "x-private"], GW_NEEDS_PEER),
        ] {
            let rules = RuleSet::default();
            let mut walk = Walk::new(&rules);
            walk.policies(&policies, Protocol::Http);
            assert!(walk.headers.iter().eq(headers), "{policies:?}: {:?}", walk.headers);
            assert_eq!(walk.flags, flags, "{policies:?}");
        }
    }
}
