//! Upstreams and their settings (virtualserver §4).

mod health_check;

pub(crate) use health_check::HealthCheck;

use super::{Header, Label, Text};
use crate::resource::Problems;
use crate::resource::document::{At, Located, Mapping};
use crate::resource::fields::{count, flag, labels, mapping, number, required_text, switch, text};

/// `spec.upstreams[]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Upstream {
    pub(crate) at: At,
    pub(crate) name: Option<Text>,
    pub(crate) service: Option<Text>,
    pub(crate) port: Option<Located<u16>>,
    pub(crate) subselector: Option<Located<Vec<Label>>>,
    pub(crate) use_cluster_ip: Option<Located<bool>>,
    /// The name of a Service.
    pub(crate) backup: Option<Text>,
    pub(crate) backup_port: Option<Located<u16>>,
    pub(crate) kind: Option<Text>,
    /// `tls.enable`.
    pub(crate) tls: bool,
    pub(crate) lb_method: Option<Text>,
    pub(crate) session_cookie: Option<SessionCookie>,
    pub(crate) timeouts: Timeouts,
    pub(crate) next_upstream: Option<Text>,
    pub(crate) next_upstream_tries: Option<u32>,
    pub(crate) next_upstream_timeout: Option<Text>,
    pub(crate) max_fails: Option<u32>,
    pub(crate) fail_timeout: Option<Text>,
    pub(crate) max_conns: Option<u32>,
    pub(crate) keepalive: Option<u32>,
    pub(crate) queue: Option<Queue>,
    pub(crate) slow_start: Option<Text>,
    pub(crate) health_check: Option<HealthCheck>,
    pub(crate) client_max_body_size: Option<Text>,
    pub(crate) buffers: Buffers,
    pub(crate) ntlm: Option<Located<bool>>,
}

/// `connect-timeout`, `read-timeout` and `send-timeout`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timeouts {
    pub(crate) connect: Option<Text>,
    pub(crate) read: Option<Text>,
    pub(crate) send: Option<Text>,
}

/// `sessionCookie`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SessionCookie {
    pub(crate) enable: bool,
    pub(crate) name: Option<Text>,
    pub(crate) path: Option<Text>,
    pub(crate) expires: Option<Text>,
    pub(crate) domain: Option<Text>,
    pub(crate) http_only: bool,
    pub(crate) secure: bool,
    pub(crate) same_site: Option<Text>,
}

/// `queue`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Queue {
    pub(crate) size: Option<u32>,
    pub(crate) timeout: Option<Text>,
}

/// How bodies are kept while they pass.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Buffers {
    /// Everything that is written, by its key.
    pub(crate) written: Vec<(&'static str, At)>,
    /// Those that are sizes.
    pub(crate) sizes: Vec<Text>,
}

impl Upstream {
    pub(crate) fn read(mut upstream: Mapping<'_>, problems: &mut Problems) -> Self {
        let of = &mut upstream;
        let read = Self {
            at: of.value().at(),
            name: required_text(of, "name", problems),
            service: required_text(of, "service", problems),
            port: of.required("port", problems).and_then(|v| Some(v.located(v.port(problems)?))),
            subselector: labels(of, "subselector", problems).filter(|labels| !labels.is_empty()),
            use_cluster_ip: located_flag(of, "use-cluster-ip", problems),
            backup: text(of, "backup", problems).filter(|name| !name.is_empty()),
            backup_port: of.field("backupPort").and_then(|v| Some(v.located(v.port(problems)?))),
            kind: text(of, "type", problems),
            tls: tls(of, problems).unwrap_or(false),
            lb_method: text(of, "lb-method", problems),
            session_cookie: mapping(of, "sessionCookie", problems)
                .map(|cookie| SessionCookie::read(cookie, problems)),
            timeouts: Timeouts::read(of, problems),
            next_upstream: text(of, "next-upstream", problems),
            next_upstream_tries: count(of, "next-upstream-tries", problems),
            next_upstream_timeout: text(of, "next-upstream-timeout", problems),
            max_fails: count(of, "max-fails", problems),
            fail_timeout: text(of, "fail-timeout", problems),
            max_conns: count(of, "max-conns", problems),
            keepalive: count(of, "keepalive", problems),
            queue: mapping(of, "queue", problems).map(|queue| Queue::read(queue, problems)),
            slow_start: text(of, "slow-start", problems),
            health_check: mapping(of, "healthCheck", problems)
                .map(|check| HealthCheck::read(check, problems)),
            client_max_body_size: text(of, "client-max-body-size", problems),
            buffers: Buffers::read(of, problems),
            ntlm: located_flag(of, "ntlm", problems),
        };
        upstream.finish(problems);
        read
    }
}

impl Timeouts {
    fn read(of: &mut Mapping<'_>, problems: &mut Problems) -> Self {
        Self {
            connect: text(of, "connect-timeout", problems),
            read: text(of, "read-timeout", problems),
            send: text(of, "send-timeout", problems),
        }
    }
}

impl SessionCookie {
    fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let read = Self {
            enable: switch(&mut of, problems),
            name: required_text(&mut of, "name", problems),
            path: text(&mut of, "path", problems).filter(|text| !text.is_empty()),
            expires: text(&mut of, "expires", problems).filter(|text| !text.is_empty()),
            domain: text(&mut of, "domain", problems).filter(|text| !text.is_empty()),
            http_only: flag(&mut of, "httpOnly", false, problems),
            secure: flag(&mut of, "secure", false, problems),
            same_site: text(&mut of, "samesite", problems).filter(|text| !text.is_empty()),
        };
        of.finish(problems);
        read
    }
}

impl Queue {
    fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let read = Self {
            size: positive(&mut of, "size", problems),
            timeout: text(&mut of, "timeout", problems),
        };
        of.finish(problems);
        read
    }
}

impl Buffers {
    fn read(of: &mut Mapping<'_>, problems: &mut Problems) -> Self {
        const SIZES: [&str; 3] = ["buffer-size", "busy-buffers-size", "client-body-buffer-size"];
        let names = ["buffering", "buffers"].into_iter().chain(SIZES);
        let written = names.filter_map(|name| Some((name, of.field(name)?.at()))).collect();
        flag(of, "buffering", true, problems);
        let mut sizes = Vec::new();
        if let Some(mut buffers) = mapping(of, "buffers", problems) {
            positive(&mut buffers, "number", problems);
            sizes.extend(required_text(&mut buffers, "size", problems));
            buffers.finish(problems);
        }
        sizes.extend(SIZES.into_iter().filter_map(|name| text(of, name, problems)));
        Self { written, sizes }
    }
}

/// `tls.enable`, if there is a `tls`.
fn tls(of: &mut Mapping<'_>, problems: &mut Problems) -> Option<bool> {
    let mut tls = mapping(of, "tls", problems)?;
    let enable = flag(&mut tls, "enable", false, problems);
    tls.finish(problems);
    Some(enable)
}

/// A whole number, 1 or more, that must be there.
fn positive(of: &mut Mapping<'_>, name: &'static str, problems: &mut Problems) -> Option<u32> {
    let value = of.required(name, problems)?;
    value.integer(1..=i64::from(i32::MAX), problems).and_then(|n| u32::try_from(n).ok())
}

fn located_flag(
    of: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Located<bool>> {
    let value = of.field(name)?;
    Some(value.located(value.bool(problems)?))
}
