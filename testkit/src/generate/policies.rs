//! Policies of routes, of a few of which requests fall foul.

use super::rules::Maker;
use gateway_core::Origin;
use gateway_core::rules::{
    AccessControl, AccessRule, ApiKey, AuthCheck, AuthProtocol, AuthRequest, BackendTls, BasicAuth,
    Cache, ClientCertificates, Cors, CorsGrant, CorsHeaders, CorsNames, CorsOrigins, ExternalAuth,
    Field, Hsts, Jwt, JwtKeys, LimitCase, LimitLog, Network, Networks, Policies, PolicyFault, Rate,
    RateLimit, RateLimitChoice, SecretText, ServiceId, Template, TemplatePart, Test,
    UpstreamTarget, VerifyClient,
};
use http::{HeaderValue, Method, StatusCode};
use std::sync::Arc;
use std::time::Duration;

impl Maker<'_, '_> {
    /// Mostly none.
    pub(super) fn policies(&mut self) -> Option<Arc<Policies>> {
        if !self.source.once_in(4) {
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
        let secret = SecretText::default;
        match self.source.below(14) {
            0 => policies.fault = Some(PolicyFault { reason: "it is missing".into(), origin }),
            1 => policies.cors = Some(Arc::new(self.cors())),
            2 | 3 => {
                let choice = self.rate_limit();
                let before = policies.rate_limits.iter().cloned();
                policies.rate_limits = before.chain([choice]).collect();
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
            7 => {
                let (realm, users) = ("shop".into(), secret());
                policies.basic_auth = Some(Arc::new(BasicAuth { realm, users, origin }));
            }
            8 if self.source.once_in(2) => {
                let check = Arc::new(self.auth_check(origin));
                policies.auth_request = Some(AuthRequest::Check(check));
            }
            8 => {
                policies.auth_request = Some(AuthRequest::External(Arc::new(ExternalAuth {
                    uri: "/".into(),
                    target: UpstreamTarget { service: ServiceId(0), port: 80, splits: false },
                    server_name: "auth.default.svc".into(),
                    tls: None,
                    sign_in: None,
                    origin,
                })));
            }
            9 => {
                let (realm, keys) = ("shop".into(), JwtKeys::Known(secret()));
                policies.jwt = Some(Arc::new(Jwt { realm, token: None, keys, origin }));
            }
            10 => {
                policies.client_certificates = Some(Arc::new(ClientCertificates {
                    authorities: secret(),
                    revoked: None,
                    verify: VerifyClient::On,
                    depth: 1,
                    origin,
                }));
            }
            11 => policies.cache = Some(Arc::new(cache(origin))),
            12 => {
                policies.backend_tls = Some(Arc::new(BackendTls {
                    certificate: None,
                    trust: None,
                    protocols: "TLSv1.3".into(),
                    ciphers: "DEFAULT".into(),
                    session_reuse: true,
                    sni: false,
                    server_name: None,
                    origin,
                }));
            }
            _ => {
                let value = HeaderValue::from_static("max-age=1");
                policies.hsts = Some(Arc::new(Hsts { value, behind_proxy: true, origin }));
            }
        }
    }

    pub(super) fn cors(&mut self) -> Cors {
        let origin = self.origin();
        if self.source.once_in(2) {
            return Cors::Told(CorsHeaders {
                origins: CorsOrigins::Any,
                methods: None,
                headers: None,
                expose: None,
                credentials: None,
                max_age: None,
                origin,
            });
        }
        Cors::Granted(CorsGrant {
            origins: None,
            credentials: false,
            methods: CorsNames::Any,
            headers: CorsNames::Unsaid,
            expose: CorsNames::Unsaid,
            max_age: 5,
            origin,
        })
    }

    fn auth_check(&mut self, origin: Origin) -> AuthCheck {
        AuthCheck {
            protocol: AuthProtocol::Grpc { request_headers: Vec::new() },
            target: UpstreamTarget { service: ServiceId(0), port: 80, splits: false },
            tls: None,
            certificate: None,
            max_body: 0,
            before_cors: self.source.once_in(2),
            name: "default/a:80".into(),
            origin,
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

fn cache(origin: Origin) -> Cache {
    Cache {
        zone: "zone".into(),
        zone_size: 1 << 20,
        max_size: None,
        min_free: None,
        inactive: Duration::from_secs(600),
        key: None,
        methods: vec![Method::GET, Method::HEAD],
        statuses: None,
        overrides_backend: false,
        stale: Vec::new(),
        revalidate: false,
        background_update: false,
        min_uses: 1,
        lock: None,
        no_cache: Vec::new(),
        bypass: Vec::new(),
        purge: Networks::default(),
        origin,
    }
}
