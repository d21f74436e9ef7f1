//! `gateway check`: what is wrong with documents, and where; and what in the rules that they make
//! was probably not meant.

use super::json;
use super::paint::{Paint, print, table};
use super::{Documents, Output};
use clap::Args;
use gateway_core::{
    CompileErrors, Diagnostic, Resources, Router, Severity, Translation, lint, translate,
};
use gateway_proxy::{
    Sources, Text, unknown_callers, unknown_endpoints, unspeakable, unsupported,
    unusable_certificates, unusable_identity,
};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

/// Read documents and say what is wrong with them, and where
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 fine or warnings, 1 errors, 2 wrong usage.\n
Examples:
  gateway check -f routes.yaml
  gateway check -f k8s/ --strict -o json
  kubectl get gatewayclasses,gateways,virtualservers,httproutes,services,endpointslices -A -o yaml | gateway check -f -")]
pub(super) struct Check {
    #[command(flatten)]
    documents: Documents,

    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Documents that were read, translated and compiled.
pub(super) struct Loaded {
    pub(super) texts: Vec<Text>,
    pub(super) resources: Resources,
    pub(super) translation: Translation,
    pub(super) router: Result<Router, CompileErrors>,
}

impl Documents {
    /// Reads, translates and compiles the documents; what is wrong is in the diagnostics.
    pub(super) fn load(&self) -> Loaded {
        let (texts, problems) = Sources::new(self.sources()).read();
        let mut resources =
            Resources::with_defaults(&self.settings.namespace, self.settings.strict);
        for text in &texts {
            resources.add_yaml(&text.name, &text.bytes);
        }
        let mut translation = translate(&resources, &self.settings.options());
        translation.diagnostics.splice(0..0, problems);
        translation.diagnostics.extend(unsupported(&translation.rules));
        translation.diagnostics.extend(unspeakable(&translation.rules));
        let unknown = unknown_endpoints(&translation.rules, &translation.endpoints);
        translation.diagnostics.extend(unknown);
        let trusts_pods = self.settings.mesh.trust_pod_ips;
        translation.diagnostics.extend(unknown_callers(&translation.rules, trusts_pods));
        translation.diagnostics.extend(unusable_identity(&translation.rules));
        translation.diagnostics.extend(unusable_certificates(&translation.rules));
        let router = Router::compile(&translation.rules);
        if let Err(CompileErrors(errors)) = &router {
            translation.diagnostics.extend(errors.iter().cloned().map(Diagnostic::from));
        }
        Loaded { texts, resources, translation, router }
    }
}

impl Check {
    pub(super) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let Loaded { texts, mut translation, .. } = self.documents.load();
        translation.diagnostics.extend(lint(&translation.rules));
        match self.output {
            Output::Json => print(&format!("{}\n", json::check(&translation)))?,
            Output::Text => print(&report(&translation, &texts, Paint::stdout()))?,
        }
        let failed = translation.diagnostics.iter().any(|d| d.severity == Severity::Error);
        Ok(ExitCode::from(u8::from(failed)))
    }
}

/// The lines of each file, as far as they may be shown.
type Lines<'t> = BTreeMap<&'t str, Vec<Option<String>>>;

/// Hides the lines of documents that name a Secret, even if they are broken or hold others too.
fn lines(text: &Text) -> Vec<Option<String>> {
    let text = String::from_utf8_lossy(&text.bytes);
    let all: Vec<&str> = text.lines().collect();
    let documents = all.chunk_by(|_, next| !next.starts_with("---"));
    let shown = documents.flat_map(|document| {
        let mut words =
            document.iter().flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()));
        let hidden = words.any(|word| word == "Secret");
        document.iter().map(move |line| (!hidden).then(|| (*line).to_owned()))
    });
    shown.collect()
}

fn report(translation: &Translation, texts: &[Text], paint: Paint) -> String {
    let texts: Lines<'_> = texts.iter().map(|text| (&*text.name, lines(text))).collect();
    let mut out = String::new();
    for diagnostic in &translation.diagnostics {
        out.push_str(&self::diagnostic(diagnostic, &texts, paint));
        out.push('\n');
    }
    out.push_str(&hosts(translation, paint));
    let count =
        |severity| translation.diagnostics.iter().filter(|d| d.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let routes = plural(translation.rules.route_count(), "route");
    let verdict = match (errors, warnings) {
        (0, 0) => paint.green("fine"),
        (0, n) => plural(n, "warning"),
        (n, 0) => paint.red(plural(n, "error")),
        (n, m) => format!("{}, {}", paint.red(plural(n, "error")), plural(m, "warning")),
    };
    let _ = writeln!(out, "{routes}, {verdict}");
    out
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Code, object and message; then the line of the file with a mark below the place.
fn diagnostic(d: &Diagnostic, texts: &Lines<'_>, paint: Paint) -> String {
    let mut out =
        format!("{}[{}]: {}\n", paint.severity(d.severity), d.code, paint.bold(&d.message));
    let mut place = Vec::new();
    place.extend(d.span.as_ref().map(|span| paint.cyan(span)));
    place.extend(d.object.as_ref().filter(|o| !o.kind.is_empty()).map(ToString::to_string));
    place.extend(Some(d.field.to_string()).filter(|f| !f.is_empty()));
    if !place.is_empty() {
        let _ = writeln!(out, "  {} {}", paint.dim("-->"), place.join("  "));
    }
    let line = d.span.as_ref().and_then(|span| {
        let line = texts.get(&*span.file)?.get(span.line.checked_sub(1)? as usize)?;
        Some((span, line.as_ref()?))
    });
    if let Some((span, line)) = line.filter(|(_, line)| line.chars().count() <= 160) {
        let margin = " ".repeat(span.line.to_string().len());
        let before: String = line
            .chars()
            .take(span.column as usize - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let bar = paint.dim("|");
        let _ = writeln!(out, "   {margin} {bar}");
        let _ = writeln!(out, "   {} {bar} {line}", paint.dim(span.line));
        let _ = writeln!(out, "   {margin} {bar} {before}{}", paint.severity_mark(d.severity));
    }
    if let Some(help) = &d.help {
        let _ = writeln!(out, "   {} {help}", paint.dim("="));
    }
    out
}

/// Which listener serves which host, and who owns it.
fn hosts(translation: &Translation, paint: Paint) -> String {
    let mut rows = Vec::new();
    for listener in &translation.rules.listeners {
        let socket = match listener.address {
            Some(address) => SocketAddr::new(address, listener.port).to_string(),
            None => listener.port.to_string(),
        };
        let mutual = if listener.mutual_tls { " mutual TLS" } else { "" };
        let socket = format!("{} {socket}{mutual}", listener.protocol.as_str());
        for host in listener.hosts.sorted() {
            let object = Arc::clone(&host.origin.object);
            rows.push(vec![
                socket.clone(),
                paint.bold(&host.hostname),
                plural(host.routes.len(), "route"),
                paint.dim(object),
            ]);
        }
    }
    if rows.is_empty() { "no hosts\n\n".to_owned() } else { table(&rows) + "\n" }
}
