//! Which endpoint is taken (virtualserver §4, §14).

use super::duration;
use crate::resource::virtual_server as resource;
use crate::rules::{AnswerTime, Balance, CookieAge, SameSite, SessionCookie};
use crate::translate::virtual_server::grammar::{plain_path, subdomain, word};
use crate::translate::virtual_server::report::{Fault, Report};
use crate::translate::virtual_server::variables::{Place, template};

/// `lb-method`.
pub(super) fn balance(text: &str) -> Result<Balance, Fault> {
    const KNOWN: [&str; 12] = [
        "round_robin",
        "least_conn",
        "ip_hash",
        "random",
        "random two",
        "random two least_conn",
        "random two least_time=header",
        "random two least_time=last_byte",
        "least_time header",
        "least_time last_byte",
        "hash <key>",
        "hash <key> consistent",
    ];
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    Ok(match &words[..] {
        [] | ["random", "two"] | ["random", "two", "least_conn"] => {
            Balance::RandomTwoLeastConnections
        }
        ["round_robin"] => Balance::RoundRobin,
        ["least_conn"] => Balance::LeastConnections,
        ["random"] => Balance::Random,
        ["random", "two", "least_time=header"] => Balance::RandomTwoLeastTime(AnswerTime::Head),
        ["random", "two", "least_time=last_byte"] => Balance::RandomTwoLeastTime(AnswerTime::Whole),
        ["least_time", until @ ("header" | "last_byte")]
        | ["least_time", until @ ("header" | "last_byte"), "inflight"] => {
            let until = if *until == "header" { AnswerTime::Head } else { AnswerTime::Whole };
            Balance::LeastTime { until, inflight: words.len() == 3 }
        }
        ["ip_hash"] => Balance::ClientAddress,
        ["hash", key] | ["hash", key, "consistent"] => {
            Balance::Hash { key: template(key, Place::Any, "")?, consistent: words.len() == 3 }
        }
        _ => return Err(Fault::unsupported("method", text, KNOWN)),
    })
}

/// `sessionCookie`; `None` where it is not enabled.
pub(super) fn session_cookie(
    written: &resource::SessionCookie,
    report: &mut Report,
) -> Option<SessionCookie> {
    let name = written.name.as_ref();
    let name = name.and_then(|name| report.check(name.at, word(name)).map(|()| &name.value));
    if let Some(text) = &written.path {
        report.check(text.at, plain_path(text));
    }
    let expires = match written.expires.as_ref() {
        Some(text) if &*text.value == "max" => Some(CookieAge::Max),
        text => duration(text, report).map(CookieAge::For),
    };
    if let Some(text) = &written.domain {
        report.check(text.at, subdomain(text.strip_prefix('.').unwrap_or(text)));
    }
    let same_site = written.same_site.as_ref();
    let same_site = same_site.and_then(|text| report.check(text.at, self::same_site(text)));
    Some(SessionCookie {
        name: name?.clone(),
        path: written.path.as_ref().map(|text| text.value.clone()),
        expires,
        domain: written.domain.as_ref().map(|text| text.value.clone()),
        http_only: written.http_only,
        secure: written.secure,
        same_site,
    })
    .filter(|_| written.enable)
}

fn same_site(text: &str) -> Result<SameSite, Fault> {
    const KNOWN: [(&str, SameSite); 3] =
        [("strict", SameSite::Strict), ("lax", SameSite::Lax), ("none", SameSite::None)];
    let known = KNOWN.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    known
        .map(|(_, value)| *value)
        .ok_or_else(|| Fault::unsupported("value of `samesite`", text, KNOWN.map(|(name, _)| name)))
}
