//! How clients of a rule are sent to the same endpoint again (gateway-api §17).

use super::sticky::{branch, rule_name};
use crate::diagnostic::Diagnostic;
use crate::resource::Resource;
use crate::resource::gateway_route::GatewayRoute;
use crate::resource::gateway_route::session::{SessionName as Written, SessionPersistence};
use crate::rules::{Session, SessionName};
use crate::translate::Context;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The session of a rule, if it has one.
pub(super) fn lower(index: usize, route: &Resource<GatewayRoute>) -> Option<Arc<Session>> {
    let rule = &route.spec.rules[index];
    let written = rule.session.as_ref()?;
    let rule_name = rule_name(index, route);
    let namespace = &route.meta.namespace;
    let backends = rule.backends.iter().map(|backend| branch(&backend.target, namespace).into());
    Some(Arc::new(Session {
        name: name(written, &rule_name),
        absolute_timeout: written.absolute_timeout,
        attribute: format!("session {rule_name}").into(),
        backends: backends.collect(),
        origin: route.origin(written.at),
    }))
}

fn name(written: &SessionPersistence, rule_name: &str) -> SessionName {
    match &written.name {
        Written::Header { name } => SessionName::Header(name.clone()),
        Written::Cookie { name, path, permanent } => {
            let generated = || format!("gateway-{:016x}", hash(rule_name)).into();
            SessionName::Cookie {
                name: name.clone().unwrap_or_else(generated),
                path: path.clone(),
                permanent: *permanent,
            }
        }
    }
}

/// FNV-1a: a name that every replica makes alike.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Says so where two rules would share a cookie, which no session may (gateway-api §17).
pub(super) fn warn_of_shared(route: &Resource<GatewayRoute>, context: &mut Context<'_>) {
    let mut first: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (index, rule) in route.spec.rules.iter().enumerate() {
        let Some(session) = &rule.session else { continue };
        let Written::Cookie { name: Some(name), path, .. } = &session.name else { continue };
        if let Some(earlier) = first.insert((&**name, &**path), index) {
            let message = format!("rule {earlier} has the cookie `{name}` of path `{path}` too");
            let origin = route.origin(session.at);
            let problem = Diagnostic::warning("shared-session", &origin, message);
            let help =
                "no two rules share a session: each takes the cookie of the other for its own";
            context.problems.push(problem.help(help));
        }
    }
}
