//! Active health checks (virtualserver §4).

use super::{Header, Text, Timeouts, count, flag, number, switch, text, tls};
use crate::resource::Problems;
use crate::resource::document::{At, Located, Mapping};
use crate::resource::virtual_server::items;

/// `healthCheck`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HealthCheck {
    pub(crate) enable: bool,
    pub(crate) path: Option<Text>,
    pub(crate) interval: Option<Text>,
    pub(crate) jitter: Option<Text>,
    pub(crate) fails: Option<u32>,
    pub(crate) passes: Option<u32>,
    pub(crate) port: Option<u16>,
    /// `tls.enable`; `None`: as the upstream.
    pub(crate) tls: Option<bool>,
    pub(crate) timeouts: Timeouts,
    pub(crate) headers: Vec<Header>,
    pub(crate) status_match: Option<Text>,
    pub(crate) grpc_status: Option<Located<i64>>,
    pub(crate) grpc_service: Option<Text>,
    pub(crate) mandatory: bool,
    /// Where it is asked for.
    pub(crate) persistent: Option<At>,
    pub(crate) keepalive_time: Option<Text>,
}

impl HealthCheck {
    pub(super) fn read(mut check: Mapping<'_>, problems: &mut Problems) -> Self {
        let of = &mut check;
        let persistent = of.field("persistent");
        let read = Self {
            enable: switch(of, problems),
            path: text(of, "path", problems).filter(|text| !text.is_empty()),
            interval: text(of, "interval", problems),
            jitter: text(of, "jitter", problems),
            fails: count(of, "fails", problems),
            passes: count(of, "passes", problems),
            port: of.field("port").and_then(|v| v.port(problems)),
            tls: tls(of, problems),
            timeouts: Timeouts::read(of, problems),
            headers: items(of, "headers", problems, Header::read),
            status_match: text(of, "statusMatch", problems).filter(|text| !text.is_empty()),
            grpc_status: number(of, "grpcStatus", problems),
            grpc_service: text(of, "grpcService", problems).filter(|text| !text.is_empty()),
            mandatory: flag(of, "mandatory", false, problems),
            persistent: persistent.filter(|v| v.bool(problems) == Some(true)).map(|v| v.at()),
            keepalive_time: text(of, "keepalive-time", problems),
        };
        check.finish(problems);
        read
    }
}
