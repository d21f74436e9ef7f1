//! Cookies as browsers write and read them (RFC 6265).

use gateway_core::rules::{CookieAge, SameSite, SessionCookie};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use std::fmt::Write;
use std::time::Duration;

/// The values of a cookie that a client sent.
pub(super) fn values<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let lines = headers.get_all(COOKIE).into_iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs
        .filter_map(move |pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// `Set-Cookie` of a VirtualServer's cookie (virtualserver §4, `sessionCookie`).
pub(super) fn of_rule(rule: &SessionCookie, value: &str) -> Option<HeaderValue> {
    let mut text = format!("{}={value}", rule.name);
    match rule.expires {
        // Later than any date that all browsers understand is none.
        Some(CookieAge::Max) => text.push_str("; Expires=Thu, 31 Dec 2037 23:55:55 GMT"),
        Some(CookieAge::For(age)) => max_age(&mut text, age),
        None => {}
    }
    for (attribute, value) in [("Domain", &rule.domain), ("Path", &rule.path)] {
        if let Some(value) = value {
            let _ = write!(text, "; {attribute}={value}");
        }
    }
    let same_site = rule.same_site.map(|same_site| match same_site {
        SameSite::Strict => "; SameSite=Strict",
        SameSite::Lax => "; SameSite=Lax",
        SameSite::None => "; SameSite=None",
    });
    text.push_str(if rule.http_only { "; HttpOnly" } else { "" });
    text.push_str(if rule.secure { "; Secure" } else { "" });
    text.push_str(same_site.unwrap_or_default());
    HeaderValue::try_from(text).ok()
}

/// `Set-Cookie` of a session of the Gateway API (gateway-api §17), which lasts for `age`, or as
/// long as the browser runs.
pub(super) fn of_session(
    name: &str,
    value: &str,
    path: &str,
    secure: bool,
    age: Option<Duration>,
) -> Option<HeaderValue> {
    let mut text = format!("{name}={value}; Path={path}; HttpOnly");
    if let Some(age) = age {
        max_age(&mut text, age);
    }
    text.push_str(if secure { "; Secure" } else { "" });
    text.push_str("; SameSite=Strict");
    HeaderValue::try_from(text).ok()
}

fn max_age(text: &mut String, age: Duration) {
    // Writing to a string never fails.
    let _ = write!(text, "; Max-Age={}", CookieAge::max_age(age));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        for line in ["a=1; ab=2;c=3", "a=; x; a=4=5 "] {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        for (name, want) in
            [("a", &["1", "", "4=5"][..]), ("ab", &["2"]), ("b", &[]), ("c", &["3"]), ("A", &[])]
        {
            let found: Vec<&[u8]> = values(&headers, name).collect();
            assert_eq!(found, want.iter().map(|v| v.as_bytes()).collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn attributes_are_those_of_the_rule() {
        // virtualserver §4, `sessionCookie`
        let plain = SessionCookie {
            name: "srv".into(),
            path: None,
            expires: None,
            domain: None,
            http_only: false,
            secure: false,
            same_site: None,
        };
        let full = SessionCookie {
            path: Some("/tea".into()),
            expires: Some(CookieAge::For(Duration::from_secs(3600))),
            domain: Some(".example.com".into()),
            http_only: true,
            secure: true,
            same_site: Some(SameSite::Strict),
            ..plain.clone()
        };
        let long = SessionCookie {
            expires: Some(CookieAge::Max),
            same_site: Some(SameSite::None),
            ..plain.clone()
        };
        let short = SessionCookie {
            expires: Some(CookieAge::For(Duration::from_millis(300))),
            ..plain.clone()
        };
        for (rule, want) in [
            (plain, "srv=1"),
            // 0 would take it away at once (RFC 6265 §5.2.2).
            (short, "srv=1; Max-Age=1"),
            (
                full,
                "srv=1; Max-Age=3600; Domain=.example.com; Path=/tea; HttpOnly; Secure; \
                 SameSite=Strict",
            ),
            (long, "srv=1; Expires=Thu, 31 Dec 2037 23:55:55 GMT; SameSite=None"),
        ] {
            assert_eq!(of_rule(&rule, "1").unwrap(), want);
        }
        // gateway-api §17
        let age = Some(Duration::from_secs(60));
        let permanent = of_session("s", "1", "/a", true, age).unwrap();
        assert_eq!(permanent, "s=1; Path=/a; HttpOnly; Max-Age=60; Secure; SameSite=Strict");
        let session = of_session("s", "1", "/", false, None).unwrap();
        assert_eq!(session, "s=1; Path=/; HttpOnly; SameSite=Strict");
    }
}
