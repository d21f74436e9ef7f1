//! Policies of routes, of a few of which requests fall foul.

use super::rules::Maker;
use gateway_core::rules::{
    AccessControl, AccessRule, ApiKey, AuthRequest, BasicAuth, Cors, CorsOrigins, Field, LimitCase,
    LimitLog, Network, Policies, PolicyFault, Rate, RateLimit, RateLimitChoice, SecretText,
    Template, TemplatePart, Test,
};
use http::StatusCode;
use std::sync::Arc;

impl Maker<'_, '_> {
    /// Mostly none.
    pub(super) fn policies(&mut self) -> Option<Arc<Policies>> {
        if !self.source.once_in(6) {
            return None;
        }
        let mut policies = Policies::default();
        for _ in 0..self.source.between(1, 3) {
            self.add_policy(&mut policies);
        }
        Some(Arc::new(policies))
    }

    fn add_policy(&mut self, policies: &mut Policies) {
        let origin = self.origin();
        match self.source.below(8) {
            0 => policies.fault = Some(PolicyFault { reason: "it is missing".into(), origin }),
            1 => {
                policies.cors = Some(Arc::new(Cors {
                    origins: CorsOrigins::Any,
                    methods: None,
                    headers: None,
                    expose: None,
                    credentials: None,
                    max_age: None,
                    origin,
                }));
            }
            2 | 3 => {
                let choice = self.rate_limit();
                policies.rate_limits.push(choice);
            }
            4 | 5 => {
                let networks: [&[&str]; 4] =
                    [&["10.0.0.0/8"], &["10.0.0.2", "::/0"], &["192.0.2.0/24"], &[]];
                let list = self.source.pick(&networks).iter();
                let list = list.filter_map(|text| text.parse::<Network>().ok()).collect();
                let allow = self.source.once_in(2);
                let rule = if allow { AccessRule::Allow(list) } else { AccessRule::Deny(list) };
                policies.access = Some(Arc::new(AccessControl { rule, origin }));
            }
            6 => {
                policies.auth_request = Some(AuthRequest::ApiKey(Arc::new(ApiKey {
                    headers: vec![http::header::HOST, http::HeaderName::from_static("x-env")],
                    arguments: vec!["a".into()],
                    clients: Vec::new(),
                    origin,
                })));
            }
            _ => {
                let (realm, users) = ("shop".into(), SecretText::default());
                policies.basic_auth = Some(Arc::new(BasicAuth { realm, users, origin }));
            }
        }
    }

    fn rate_limit(&mut self) -> RateLimitChoice {
        let on = self.source.once_in(2).then_some(Field::Method);
        let cases = on.iter().map(|_| LimitCase {
            test: Test::Equals { value: "get".into(), ignore_case: true },
            limit: self.limit(),
        });
        let cases = cases.collect::<Vec<_>>();
        let otherwise = (cases.is_empty() || self.source.once_in(2)).then(|| self.limit());
        RateLimitChoice { on, cases, otherwise }
    }

    fn limit(&mut self) -> Arc<RateLimit> {
        let key = match self.source.below(3) {
            0 => Field::PeerAddress,
            1 => Field::Header("x-env".into()),
            _ => Field::Argument { name: "a".into(), ignore_case: true, decoded: false },
        };
        Arc::new(RateLimit {
            bucket: "limit".into(),
            key: Template::new([TemplatePart::Field(key)]),
            counts_empty: self.source.once_in(3),
            rate: Rate::PerSecond(1),
            burst: 0,
            delay: Some(0),
            dry_run: false,
            log: LimitLog::default(),
            reject: StatusCode::TOO_MANY_REQUESTS,
            scale: false,
            origin: self.origin(),
        })
    }
}
