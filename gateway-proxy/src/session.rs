//! Clients that are kept at the endpoint that they had first: by a cookie of a VirtualServer
//! (virtualserver §4, `sessionCookie`), or by a session of the Gateway API (gateway-api §17).

mod cookie;
mod token;

use crate::head::Head;
use crate::upstream::{Endpoint, Group, Tag};
use gateway_core::rules::{RuleSet, Session, SessionCookie, SessionName};
use gateway_core::{Decision, Forwarding};
use http::header::SET_COOKIE;
use http::{HeaderName, HeaderValue};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use token::{Key, Token};

/// The sessions of rules, and the key that their tokens are proved by.
pub(crate) struct Sessions {
    key: Arc<Key>,
    by_attribute: HashMap<Box<str>, Arc<Session>>,
}

impl Sessions {
    /// Those of `rules`. The key is the one that was given, or a random one, which stays as long as
    /// tables follow each other.
    pub(crate) fn new(rules: &RuleSet, given: Option<&[u8]>, previous: Option<&Self>) -> Self {
        let new = || Arc::new(given.map_or_else(Key::random, Key::new));
        let key = previous.map_or_else(new, |previous| Arc::clone(&previous.key));
        let routes = rules.listeners.iter().flat_map(|listener| listener.hosts.iter());
        let forwards =
            routes.flat_map(|host| &host.routes).flat_map(|route| route.action.forwards());
        let sessions = forwards.filter_map(|forward| forward.session.as_ref());
        let by_attribute = sessions.map(|s| (s.attribute.clone(), Arc::clone(s))).collect();
        Self { key, by_attribute }
    }

    /// The backend of a request's session, if `attribute` asks for one and it is in force.
    pub(crate) fn backend(&self, attribute: &str, head: &Head<'_>) -> Option<&str> {
        let session = self.by_attribute.get(attribute)?;
        let token = self.read(session, head, now())?;
        session.backends.iter().map(|name| &**name).find(|name| token.is_of_backend(name))
    }

    /// What the client shows, if it was made here for this session, and its time is not over.
    fn read(&self, session: &Session, head: &Head<'_>, now: Duration) -> Option<Token> {
        let in_force = |text: &[u8]| {
            let token = self.key.open(&session.attribute, text)?;
            // Clocks of replicas may differ a little.
            let age = now.saturating_sub(token.begun);
            session.absolute_timeout.is_none_or(|most| age < most).then_some(token)
        };
        let headers = &head.parts.headers;
        match &session.name {
            SessionName::Cookie { name, .. } => cookie::values(headers, name).find_map(in_force),
            SessionName::Header(name) => {
                headers.get_all(name).iter().map(HeaderValue::as_bytes).find_map(in_force)
            }
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

/// How the client of a request is kept at an endpoint.
pub(crate) enum Affinity<'a> {
    /// Not at all.
    None,
    /// By a cookie that names the endpoint.
    Cookie { rule: &'a SessionCookie, given: Option<Tag> },
    /// By a session, which names the backend, too.
    Session {
        rule: &'a Session,
        key: &'a Key,
        /// The backend that was chosen, as the session calls it.
        backend: String,
        given: Option<Token>,
        now: Duration,
        is_https: bool,
    },
}

impl<'a> Affinity<'a> {
    /// That of a request which is sent on like this.
    pub(crate) fn of(
        sessions: &'a Sessions,
        rules: &RuleSet,
        to: &Forwarding<'a>,
        decision: &Decision<'_>,
        head: &Head<'_>,
    ) -> Self {
        if let Some(rule) = &to.forward.session {
            let target = to.forward.target;
            let now = now();
            let https = gateway_core::rules::Protocol::Https;
            return Self::Session {
                rule,
                key: &sessions.key,
                backend: format!("{}:{}", rules.service(target.service).name, target.port),
                given: sessions.read(rule, head, now),
                now,
                is_https: decision.listener().is_some_and(|listener| listener.protocol == https),
            };
        }
        match &to.forward.settings.session_cookie {
            Some(rule) => {
                let mut values = cookie::values(&head.parts.headers, &rule.name);
                Self::Cookie { rule, given: values.find_map(Tag::from_text) }
            }
            None => Self::None,
        }
    }

    fn given(&self) -> Option<Tag> {
        match self {
            Self::None => None,
            Self::Cookie { given, .. } => *given,
            Self::Session { given, .. } => given.as_ref().map(|token| token.endpoint),
        }
    }

    /// The place of the endpoint that the client had, if it is one of the group.
    pub(crate) fn place(&self, group: &Group) -> Option<usize> {
        let tag = self.given()?;
        group.members().iter().position(|member| member.endpoint.tag() == tag)
    }

    /// What the client is told, if it is to be told something after this endpoint answered it.
    pub(crate) fn tell(&self, endpoint: &Endpoint) -> Option<(HeaderName, HeaderValue)> {
        let tag = endpoint.tag();
        match self {
            Self::None => None,
            Self::Cookie { given, .. } if *given == Some(tag) => None,
            Self::Cookie { rule, .. } => Some((SET_COOKIE, cookie::of_rule(rule, &tag.text())?)),
            Self::Session { rule, key, backend, given, now, is_https } => {
                let stays = |token: &Token| token.endpoint == tag && token.is_of_backend(backend);
                if given.as_ref().is_some_and(stays) {
                    return None;
                }
                // Another endpoint takes the session over, whose time goes on.
                let begun = given.as_ref().map_or(*now, |token| token.begun);
                let text = key.seal(&rule.attribute, &Token::new(backend, tag, begun));
                let left = rule
                    .absolute_timeout
                    .map(|most| most.saturating_sub(now.saturating_sub(begun)));
                match &rule.name {
                    SessionName::Cookie { name, path, permanent } => {
                        let age = left.filter(|_| *permanent);
                        let value = cookie::of_session(name, &text, path, *is_https, age)?;
                        Some((SET_COOKIE, value))
                    }
                    SessionName::Header(name) => {
                        Some((name.clone(), HeaderValue::from_str(&text).ok()?))
                    }
                }
            }
        }
    }
}
