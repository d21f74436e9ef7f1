//! `gateway explain`: where a request would go, and why.

use super::check::Loaded;
use super::json;
use super::paint::{Paint, print, table};
use super::{Documents, Output};
use clap::Args;
use gateway_core::rules::{Protocol, ServiceAccount};
use gateway_core::{
    AccessSummary, BreakerSummary, Connection, Considered, Explanation, ListenerKey, MirrorSummary,
    OutcomeKind, Pods, RequestHead, SplitSummary, TlsSummary, attributes,
};
use std::error::Error;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

/// Say where a request would go, and why
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gateway explain -f routes.yaml http://cafe.example.com/tea
  gateway explain -f routes/ -X POST https://shop.example.com/cart -H 'Cookie: version=beta'
  gateway explain -f routes/ http://shop.example.com/ --draw 0.95 -o json
  gateway explain -f mesh/ http://tea.shop/ --caller shop/website
  gateway explain -f mesh/ http://tea.shop/ --peer 10.0.0.7 --trust-pod-ips
  gateway explain -f mesh/ --mesh http://10.96.0.10:8080/ --attribute source_namespace=shop
  gateway explain -f routes/ https://shop.example.com/ --server-name cafe.example.com")]
pub(super) struct Explain {
    #[command(flatten)]
    documents: Documents,

    /// The URL; its port, and its address where it has one, say which listener takes the request
    url: String,

    /// Method
    #[arg(short = 'X', long, default_value = "GET")]
    method: String,

    /// Header field; may be repeated. `Host` replaces the host of the URL
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,

    /// Port of the listener, as documents name it, in place of the URL's
    #[arg(long, value_name = "PORT")]
    listener: Option<u16>,

    /// Name that the client asked for when TLS began, where the URL is `https`; empty for none
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,

    /// Address of the client
    #[arg(long, value_name = "IP")]
    peer: Option<IpAddr>,

    /// Service account of the caller
    #[arg(long, value_name = "NS/NAME", value_parser = super::smi::account)]
    caller: Option<ServiceAccount>,

    /// What else is known of the request, such as `jwt_claim_sub=ann`; may be repeated
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,

    /// The random bits for choices by weight: a fraction from 0 to below 1, or 64 bits as a number
    #[arg(long, value_name = "N", default_value = "0", value_parser = draw)]
    draw: u64,

    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

impl Explain {
    pub(super) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let Loaded { resources, translation, router, .. } = self.documents.load();
        let router = router?;
        let url = Url::parse(&self.url)?;
        let connection = Connection {
            // Nobody calls an address but the listener that has it, if one does.
            listener: ListenerKey {
                address: url.address(),
                port: self.listener.unwrap_or(url.port),
            },
            protocol: url.protocol,
            peer: self.peer.map(|ip| SocketAddr::new(ip, 0)),
        };
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let caller = self.caller.as_ref().map(ToString::to_string);
        let caller = caller.as_deref().map(|account| (attributes::SOURCE_ACCOUNT, account));
        let given = self.attributes.iter().map(|(name, value)| (&**name, &**value));
        let mut attributes: Vec<(&str, &str)> = caller.into_iter().chain(given).collect();
        let peer = self.peer.filter(|_| self.documents.settings.mesh.trust_pod_ips);
        let pod = peer.and_then(|ip| Pods::of(&resources).at(ip.to_canonical()).cloned());
        let is_given = |name| attributes.iter().any(|(given, _)| *given == name);
        // Who has proved who it is, is taken for nobody else.
        if let Some(pod) = pod.as_ref().filter(|_| !is_given(attributes::SOURCE_IDENTITY)) {
            let told = pod.attributes().into_iter().filter(|(name, _)| !is_given(name));
            let told: Vec<_> = told.collect();
            attributes.extend(told);
        }
        let mut request = RequestHead::new(&self.method, url.authority, url.target)
            .headers(&headers)
            .attributes(&attributes)
            .on(connection);
        if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.without_host();
        }
        if let Some(name) = &self.server_name {
            request = request.server_name(name);
        }
        let explanation = router.explain(&request, self.draw);
        match self.output {
            Output::Json => print(&format!("{}\n", json::explanation(&explanation, self.draw)))?,
            Output::Text => {
                let problems = translation
                    .diagnostics
                    .iter()
                    .filter(|d| d.severity == gateway_core::Severity::Error)
                    .count();
                let paint = Paint::stdout();
                let mut text = report(&self.method, &self.url, &explanation, paint);
                if problems > 0 {
                    let hint = "the documents have errors: see `gateway check`";
                    let _ = writeln!(text, "\n{}", paint.red(hint));
                }
                print(&text)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A URL cut into pieces; the target is left as it is, so that odd paths can be tried.
#[derive(Debug, PartialEq)]
struct Url<'u> {
    protocol: Protocol,
    authority: &'u str,
    port: u16,
    target: &'u str,
}

impl<'u> Url<'u> {
    /// The address that its host is, if it is one.
    fn address(&self) -> Option<IpAddr> {
        let host = match self.authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, _)) => host,
            None => self.authority,
        };
        host.trim_matches(['[', ']']).parse().ok()
    }

    fn parse(text: &'u str) -> Result<Self, String> {
        let (protocol, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Protocol::Http, rest),
            Some(("https", rest)) => (Protocol::Https, rest),
            Some((scheme, _)) => return Err(format!("`{scheme}` is neither `http` nor `https`")),
            None => (Protocol::Http, text),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let port = match authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((_, port)) => port.parse().map_err(|_| format!("`{port}` is not a port"))?,
            None if protocol == Protocol::Https => 443,
            None => 80,
        };
        Ok(Self { protocol, authority, port, target: if target.is_empty() { "/" } else { target } })
    }
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("`=` is missing")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("`:` is missing")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// A fraction, or 64 bits in decimal or hexadecimal.
fn draw(text: &str) -> Result<u64, String> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).map_err(|e| e.to_string());
    }
    if !text.contains('.') {
        return text.parse().map_err(|_| format!("`{text}` is not a number of 64 bits"));
    }
    match text.parse::<f64>() {
        Ok(fraction) if (0.0..1.0).contains(&fraction) => {
            Ok((fraction * 18_446_744_073_709_551_616.0) as u64)
        }
        _ => Err(format!("`{text}` is not from 0 to below 1")),
    }
}

fn report(method: &str, url: &str, e: &Explanation, paint: Paint) -> String {
    let mut out = format!("{} {url}\n\n  {}\n\n", paint.bold(method), verdict(e, paint));
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &str, value: String| rows.push(vec![paint.dim(name), value]);
    if let Some(listener) = &e.listener {
        row("listener", listener.clone());
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
        let told = json::explanation(&access_alone, 0);
        assert_eq!(told["access"][0]["by"]["kind"], "TrafficTarget");
        assert_eq!(told["access"][0]["matched"]["field"], "spec.matches[0]");
        let free = AccessSummary { by: None, matched: None, ..summary };
        assert!(access(&free, Paint::stdout()).contains("admits everybody"));
    }

    #[test]
    fn urls_keep_odd_targets() {
        let http = Protocol::Http;
        for (text, protocol, authority, port, target) in [
            ("http://a.example/x?y=1", http, "a.example", 80, "/x?y=1"),
            ("https://a.example", Protocol::Https, "a.example", 443, "/"),
            ("a.example:8080/..//%2F", http, "a.example:8080", 8080, "/..//%2F"),
            ("http://[::1]/x", http, "[::1]", 80, "/x"),
            ("http://[::1]:81/x", http, "[::1]:81", 81, "/x"),
        ] {
            assert_eq!(Url::parse(text), Ok(Url { protocol, authority, port, target }), "{text}");
        }
        for (text, address) in [
            ("http://cafe.example/", None),
            ("10.0.0.7:80/tea", Some("10.0.0.7")),
            ("https://10.0.0.7", Some("10.0.0.7")),
            ("http://[fd00::7]:80/", Some("fd00::7")),
            ("http://[fd00::7]/", Some("fd00::7")),
        ] {
            let wanted = address.map(|address| address.parse().unwrap());
            assert_eq!(Url::parse(text).unwrap().address(), wanted, "{text}");
        }
        assert_eq!(Url::parse("ftp://x"), Err("`ftp` is neither `http` nor `https`".into()));
        assert_eq!(Url::parse("http://x:y/"), Err("`y` is not a port".into()));
    }

    #[test]
    fn draws() {
        for (text, want) in [
            ("0", Ok(0)),
            ("7", Ok(7)),
            ("0x10", Ok(16)),
            ("0.5", Ok(1 << 63)),
            ("0.0", Ok(0)),
            ("1.0", Err("`1.0` is not from 0 to below 1".to_owned())),
            ("-1", Err("`-1` is not a number of 64 bits".to_owned())),
        ] {
            assert_eq!(draw(text), want, "{text}");
        }
    }
}
