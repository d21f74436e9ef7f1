//! What policies ask of a request, one after the other (virtualserver §7, §15, §16).

use super::answer::{StepAnswer, Verdict};
use super::conditions::{View, passes};
use gateway_core::Request;
use gateway_core::rules::{
    AuthRequest, Cors, Field, Policies, Protocol, RateLimitChoice, Template, TemplatePart,
};

/// What is asked, up to what turns the request away.
pub(super) fn steps(
    policies: &Policies,
    of_backend: Option<&Cors>,
    verdict: &Verdict,
    view: &View<'_, impl Request>,
) -> Vec<StepAnswer> {
    let forwards = matches!(verdict, Verdict::Forward { .. });
    let connection = view.request().connection();
    let mut steps = Vec::new();
    let mut push = |kind, origin: &gateway_core::Origin, detail: Vec<u8>| {
        steps.push(StepAnswer { kind, origin: origin.clone(), detail });
    };
    if let Some(policy) = &policies.client_certificates
        && connection.protocol == Protocol::Https
    {
        push("client-certificate", &policy.origin, vec![]);
    }
    if let Some(fault) = &policies.fault {
        push("refuse", &fault.origin, b"500".to_vec());
        return steps;
    }
    let arrives = forwards || matches!(verdict, Verdict::Deny { .. });
    if let Some(cors) = policies.cors.as_deref().or(of_backend)
        && asks_first(cors, arrives, view)
    {
        if let Some(AuthRequest::Check(check)) = &policies.auth_request
            && check.before_cors
        {
            push("external-auth", &check.origin, check.name.as_bytes().to_vec());
        }
        push("preflight", cors.origin(), vec![]);
        return steps;
    }
    for choice in &*policies.rate_limits {
        if let Some(limit) = limit_of(choice, view) {
            let key = render(&limit.key, view);
            if !key.is_empty() || limit.counts_empty {
                push("rate-limit", &limit.origin, key);
            }
        }
    }
    if let Some(policy) = &policies.access {
        let allowed = policy.allows(connection.peer.map(|peer| peer.ip()));
        if !allowed {
            push("refuse", &policy.origin, b"403".to_vec());
            return steps;
        }
    }
    if let Some(policy) = &policies.basic_auth {
        push("basic-auth", &policy.origin, vec![]);
    }
    match &policies.auth_request {
        Some(AuthRequest::ApiKey(policy)) => {
            // All places, one after the other (virtualserver §16.5).
            let mut key = Vec::new();
            for name in &policy.headers {
                key.extend(text_of(&Field::Header(name.as_str().into()), view));
            }
            for name in &policy.arguments {
                let (name, ignore_case, decoded) = (name.clone(), true, false);
                key.extend(text_of(&Field::Argument { name, ignore_case, decoded }, view));
            }
            if key.is_empty() {
                push("refuse", &policy.origin, b"401".to_vec());
                return steps;
            }
            push("api-key", &policy.origin, key);
        }
        Some(AuthRequest::Check(check)) => {
            push("external-auth", &check.origin, check.name.as_bytes().to_vec());
        }
        Some(AuthRequest::External(policy)) => push("external-auth", &policy.origin, vec![]),
        None => {}
    }
    if let Some(policy) = &policies.jwt {
        push("jwt", &policy.origin, vec![]);
    }
    if let Some(policy) = &policies.cache
        && forwards
    {
        push("cache", &policy.origin, vec![]);
    }
    steps
}

/// Whether the request only asks what it may do, and the route answers that.
fn asks_first(cors: &Cors, arrives: bool, view: &View<'_, impl Request>) -> bool {
    let has = |name: &str| !text_of(&Field::Header(name.into()), view).is_empty();
    let options = view.request().method() == "OPTIONS";
    match cors {
        // virtualserver §16.8
        Cors::Told(_) => options && arrives,
        // gateway-api §13.3
        Cors::Granted(_) => options && has("origin") && has("access-control-request-method"),
    }
}

fn limit_of<'r>(
    choice: &'r RateLimitChoice,
    view: &View<'_, impl Request>,
) -> Option<&'r gateway_core::rules::RateLimit> {
    if let Some(field) = &choice.on {
        let value = view.value(field).joined;
        for case in &choice.cases {
            if passes(&case.test, value.as_deref()) {
                return Some(&case.limit);
            }
        }
    }
    choice.otherwise.as_deref()
}

fn render(template: &Template, view: &View<'_, impl Request>) -> Vec<u8> {
    let mut out = Vec::new();
    for part in template.parts() {
        match part {
            TemplatePart::Text(text) => out.extend(text.bytes()),
            TemplatePart::Field(field) => out.extend(text_of(field, view)),
        }
    }
    out
}

fn text_of(field: &Field, view: &View<'_, impl Request>) -> Vec<u8> {
    view.value(field).joined.unwrap_or_default()
}
