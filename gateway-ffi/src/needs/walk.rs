//! The walk through rules that finds what they look at and ask for.

use super::{GW_NEEDS_PEER, GW_NEEDS_RANDOM, GW_NEEDS_SERVER_NAME, GW_NEEDS_SESSIONS};
use crate::step::{
    GW_DUTY_BACKEND_TLS, GW_DUTY_ENDPOINT_ACCESS, GW_DUTY_MUTUAL_TLS, GW_DUTY_SERVICE_LIMIT, asked,
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
use gateway_core::{Origin, TlsToBackend};
use std::collections::{BTreeMap, BTreeSet};

/// Goes through rules. Patterns name every field, so that a new one is not overlooked.
pub(super) struct Walk<'r> {
    rules: &'r RuleSet,
    pub(super) headers: BTreeSet<String>,
    pub(super) attributes: BTreeSet<String>,
    pub(super) flags: u32,
    pub(super) duties: BTreeMap<u64, BTreeSet<Origin>>,
}

impl<'r> Walk<'r> {
    pub(super) fn new(rules: &'r RuleSet) -> Self {
        let (headers, attributes) = (BTreeSet::new(), BTreeSet::new());
        Self { rules, headers, attributes, flags: 0, duties: BTreeMap::new() }
    }

    pub(super) fn header(&mut self, name: &str) {
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

    pub(super) fn listener(&mut self, listener: &Listener) {
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

    pub(super) fn policies(&mut self, policies: &Policies, protocol: Protocol) {
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

    pub(super) fn service(&mut self, service: &'r Service) {
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
