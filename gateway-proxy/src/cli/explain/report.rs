//! An explanation as text.

use super::super::paint::{Paint, table};
use gateway_core::rules::{NonIdempotent, Retry, Timeouts};
use gateway_core::{
    AccessSummary, BreakerSummary, Considered, Explanation, HandshakeSummary, MirrorSummary,
    OutcomeKind, SplitSummary, TlsSummary,
};
use std::fmt::Write as _;

/// All of it, for people.
pub(super) fn report(method: &str, url: &str, e: &Explanation, paint: Paint) -> String {
    let mut out = format!("{} {url}\n\n", paint.bold(method));
    let failure = e.handshake.as_ref().and_then(|handshake| handshake.failure.as_ref());
    let failure = failure.map(|failure| format!("the TLS handshake fails: {failure}"));
    let hindrances: Vec<&String> = e.notes.iter().chain(&failure).collect();
    for hindrance in &hindrances {
        let _ = writeln!(out, "  {}", paint.red(hindrance));
    }
    let but = if hindrances.is_empty() { "" } else { "but for that: " };
    let _ = write!(out, "  {but}{}\n\n", verdict(e, paint));
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &str, value: String| rows.push(vec![paint.dim(name), value]);
    if let Some(listener) = &e.listener {
        row("listener", listener.clone());
    }
    if let Some(handshake) = e.handshake.as_ref().filter(|h| h.failure.is_none()) {
        row("handshake", self::handshake(handshake, paint));
    }
    for host in &e.hosts {
        row("host", format!("{}  {}", host.hostname, paint.dim(&host.origin.object)));
    }
    if let Some(route) = &e.route {
        row("route", place(&route.origin, paint));
        row("path", route.path.clone());
        for condition in &route.conditions {
            row("condition", condition.clone());
        }
    }
    if !e.access.is_empty() {
        row("caller", e.caller.clone().unwrap_or_else(|| "nobody in particular".to_owned()));
    }
    for policy in &e.policies {
        let origin = paint.dim(&policy.origin);
        row("policy", format!("{}: {}  {origin}", policy.kind, policy.asks));
    }
    if let Some(breaker) = &e.breaker {
        let BreakerSummary { origin, errors, seconds, fallback } = breaker;
        let then = fallback.as_deref().unwrap_or("no other Service");
        let text = match errors {
            0 => "never trips".to_owned(),
            _ => format!("{errors} failures in {seconds} s; then {then}"),
        };
        row("breaker", format!("{text}  {}", paint.dim(origin)));
    }
    for page in &e.error_pages {
        let statuses: Vec<String> = page.statuses.iter().map(u16::to_string).collect();
        row("error page", format!("{}: {}", statuses.join(", "), page.answer));
    }
    if let Some(timeouts) = e.timeouts.as_ref().and_then(self::timeouts) {
        row("timeouts", timeouts);
    }
    if let Some(retry) = e.retry.as_ref().filter(|retry| **retry != Retry::default()) {
        row("retries", self::retries(retry));
    }
    if let Some(session) = &e.session {
        row("session", format!("by {session}"));
    }
    if let Some(tls) = &e.tls {
        row("tls", self::tls(tls, paint));
    }
    for mirror in &e.mirrors {
        row("mirror", self::mirror(mirror, paint));
    }
    let forms =
        [("match path", &e.match_path), ("target", &e.target), ("host sent", &e.host_header)];
    for (name, value) in forms {
        if let Some(value) = value {
            row(name, value.clone());
        }
    }
    for change in e
        .request_headers
        .iter()
        .map(|c| ("request", c))
        .chain(e.response_headers.iter().map(|c| ("response", c)))
    {
        let (which, change) = change;
        let text = format!("{} {} {}", change.operation.as_str(), change.name, change.value);
        row(&format!("{which} header"), text.trim_end().to_owned());
    }
    out.push_str(&table(&rows));
    for split in &e.splits {
        out.push_str(&self::split(split, paint));
    }
    for access in &e.access {
        out.push_str(&self::access(access, paint));
    }
    considered(&mut out, "TrafficSplits that did not apply", &e.passed_over, paint);
    considered(&mut out, "routes looked at, in order of precedence", &e.considered, paint);
    if e.left_out > 0 {
        let _ = writeln!(out, "  {}", paint.dim(format!("and {} more", e.left_out)));
    }
    if e.considered.is_empty() {
        considered(&mut out, "nearest routes", &e.nearest, paint);
    }
    out
}

/// Which certificates are shown to the client, and whether it has to show one.
fn handshake(handshake: &HandshakeSummary, paint: Paint) -> String {
    let shown: Vec<String> =
        handshake.certificates.iter().map(|origin| origin.object.to_string()).collect();
    let mut out = format!("shows the certificate of {}", shown.join(" or "));
    if let Some(clients) = &handshake.clients {
        let asks = match clients.required {
            true => "requires a certificate of the client",
            false => "asks for a certificate of the client, and goes on without",
        };
        let _ = write!(out, "; {asks}  {}", paint.dim(&clients.origin));
    }
    out
}

/// How the backend is asked for, and believed.
fn tls(tls: &TlsSummary, paint: Paint) -> String {
    let mut out = match &tls.server_name {
        Some(name) => format!("to `{name}`"),
        None => "to whoever answers".to_owned(),
    };
    match &tls.trusts {
        Some(trusts) => {
            let _ = write!(out, "; trusts {trusts}");
        }
        None => out.push_str("; not verified"),
    }
    if !tls.names.is_empty() {
        let _ = write!(out, " for {}", tls.names.join(" or "));
    }
    if tls.shows_certificate {
        out.push_str("; shows a certificate");
    }
    let origin = tls.origin.as_ref().map(|origin| format!("  {}", paint.dim(origin)));
    out + &origin.unwrap_or_default()
}

/// Those that are not as everybody expects.
fn timeouts(timeouts: &Timeouts) -> Option<String> {
    let usual = Timeouts::default();
    let Timeouts { connect, read, send, request, backend_request } = timeouts;
    let all = [
        ("request", request, usual.request),
        ("backend request", backend_request, usual.backend_request),
        ("connect", connect, usual.connect),
        ("read", read, usual.read),
        ("send", send, usual.send),
    ];
    let shown = all.into_iter().filter(|(_, is, usual)| **is != *usual).map(|(name, is, _)| {
        let is = is.map_or_else(|| "no limit".to_owned(), |time| format!("{time:?}"));
        format!("{name} {is}")
    });
    let shown: Vec<String> = shown.collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

fn retries(retry: &Retry) -> String {
    let Retry { on, tries, timeout, non_idempotent, backoff } = retry;
    if on.is_empty() || *tries == 1 {
        return "none".to_owned();
    }
    let on: Vec<String> = on.iter().map(ToString::to_string).collect();
    let mut out = match tries {
        0 => "as many tries as there are endpoints".to_owned(),
        tries => format!("{tries} tries in all"),
    };
    let _ = write!(out, ", after {}", on.join(", "));
    if let Some(time) = backoff {
        let _ = write!(out, "; {time:?} apart at least");
    }
    if let Some(time) = timeout {
        let _ = write!(out, "; none begins after {time:?}");
    }
    let unsafe_methods = match non_idempotent {
        NonIdempotent::Never => "",
        NonIdempotent::AfterStatus => "; POST, LOCK and PATCH after a status only",
        NonIdempotent::Always => "; POST, LOCK and PATCH too",
    };
    out + unsafe_methods
}

fn mirror(mirror: &MirrorSummary, paint: Paint) -> String {
    let MirrorSummary { origin, service, port, numerator, denominator, target } = mirror;
    let sent = match target {
        Some(target) => format!("gets {target}"),
        None => "gets no copy of this one".to_owned(),
    };
    let share = match numerator == denominator {
        true => "all requests".to_owned(),
        false => format!("{numerator} of {denominator} requests"),
    };
    format!("{service}:{port} {sent} ({share})  {}", paint.dim(origin))
}

fn verdict(e: &Explanation, paint: Paint) -> String {
    let mut status = e.status.map(|s| s.as_u16().to_string()).unwrap_or_default();
    if let Some(code) = e.grpc_status {
        let _ = write!(status, " and grpc-status {code}");
    }
    let because = e.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
    match e.outcome {
        OutcomeKind::Forward => {
            let service = e.service.as_deref().unwrap_or_default();
            let port = e.port.map(|p| format!(":{p}")).unwrap_or_default();
            // Everybody expects HTTP/1.1.
            let protocol = e.protocol.filter(|protocol| *protocol != "http/1.1");
            let protocol = protocol.map(|name| format!(", in {name}")).unwrap_or_default();
            paint.green(format!("goes to {service}{port}{protocol}"))
        }
        OutcomeKind::Redirect => paint
            .cyan(format!("{status}, redirected to {}", e.location.as_deref().unwrap_or_default())),
        OutcomeKind::Respond => paint.cyan(format!("answered with {status}{because}")),
        OutcomeKind::Refuse => paint.red(format!("turned away with {status}{because}")),
        OutcomeKind::Preflight => {
            paint.cyan(format!("answered with {status}, as a pre-flight request"))
        }
        OutcomeKind::NoRoute => {
            let allow = match &*e.allow {
                [] => String::new(),
                methods => format!(" (Allow: {})", methods.join(", ")),
            };
            paint.red(format!("answered with {status}{because}{allow}"))
        }
    }
}

/// `VirtualServer default/cafe: spec.routes[0]  cafe.yaml:20:5`.
fn place(origin: &gateway_core::Origin, paint: Paint) -> String {
    match &origin.span {
        Some(span) => format!("{origin}  {}", paint.cyan(span)),
        None => origin.to_string(),
    }
}

fn split(split: &SplitSummary, paint: Paint) -> String {
    let what = match &split.root {
        Some(root) => format!("split of {root}"),
        None => "split".to_owned(),
    };
    let mut out = format!("\n{} {}\n", paint.bold(what), place(&split.origin, paint));
    if let Some(matched) = &split.matched {
        let _ = writeln!(out, "  because {}", place(matched, paint));
    }
    let rows = split.candidates.iter().enumerate().map(|(i, c)| {
        let chosen = split.chosen == Some(i);
        let range = match (&c.left_out, c.range.is_empty()) {
            (Some(reason), _) => (*reason).to_owned(),
            // Ranges are those of a draw.
            (None, _) if split.sticky.is_some() => String::new(),
            (None, true) => String::new(),
            (None, false) => format!("{} to {}", c.range.start, c.range.end - 1),
        };
        let why = match (&split.sticky, split.point) {
            (Some(field), _) => format!("by {field}"),
            (None, point) => point.map(|p| format!("drew {p}")).unwrap_or_default(),
        };
        let draw = if chosen { why } else { String::new() };
        let mark = if chosen { paint.green("✓") } else { " ".to_owned() };
        vec![mark, c.name.clone(), format!("weight {}", c.weight), paint.dim(range), draw]
    });
    out.push_str(&table(&rows.collect::<Vec<_>>()));
    out
}

/// What endpoints say to the caller.
fn access(access: &AccessSummary, paint: Paint) -> String {
    let says = match (access.admitted, &access.by) {
        (true, Some(by)) => format!("{} {}", paint.green("admitted by"), place(by, paint)),
        (true, None) => paint.green("admits everybody"),
        (false, _) => paint.red("refused"),
    };
    let mut out =
        format!("\n{} {says}\n", paint.bold(format!("endpoints of account {}", access.workload)));
    if let Some(matched) = &access.matched {
        let _ = writeln!(out, "  because {}", place(matched, paint));
    }
    considered(&mut out, "TrafficTargets that did not admit it", &access.tried, paint);
    out
}

fn considered(out: &mut String, title: &str, list: &[Considered], paint: Paint) {
    if list.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.bold(title));
    let rows = list.iter().map(|c| match &c.failed {
        None => vec![paint.green("✓"), c.origin.to_string(), String::new()],
        Some(failure) => {
            vec![paint.red("✗"), c.origin.to_string(), paint.dim(failure)]
        }
    });
    out.push_str(&table(&rows.collect::<Vec<_>>()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::{ObjectRef, Origin};

    #[test]
    fn endpoints_name_the_traffic_target_and_the_match_that_admitted() {
        // smi X-5
        let place = |kind, field: &str| Origin::new(ObjectRef::new(kind, "default", "api"), field);
        let summary = AccessSummary {
            workload: "default/api".to_owned(),
            admitted: true,
            by: Some(place("TrafficTarget", "")),
            matched: Some(place("HTTPRouteGroup", "spec.matches[0]")),
            tried: Vec::new(),
        };
        let shown = access(&summary, Paint::stdout());
        for part in [
            "endpoints of account default/api",
            "admitted by",
            "TrafficTarget default/api",
            "because HTTPRouteGroup default/api: spec.matches[0]",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let access_alone = Explanation { access: vec![summary.clone()], ..Explanation::default() };
        let told = gateway_json::explanation(&access_alone, 0);
        assert_eq!(told["access"][0]["by"]["kind"], "TrafficTarget");
        assert_eq!(told["access"][0]["matched"]["field"], "spec.matches[0]");
        let free = AccessSummary { by: None, matched: None, ..summary };
        assert!(access(&free, Paint::stdout()).contains("admits everybody"));
    }
}
