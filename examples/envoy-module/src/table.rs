//! What one configuration of the filter means.

use crate::abi::{Level, log};
use crate::config::{BackendTls, Config, Errors, Unsupported};
use embedding::{Unsupported as Lack, unsupported};
use gateway_core::rules::RuleSet;
use gateway_core::{Resources, Router, Severity, translate};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Most names of clusters in a line of the log.
const NAMED: usize = 100;

/// What one configuration of the filter means. Envoy makes a new one for each that it loads; requests
/// that are under way keep the one that they began with.
pub(crate) struct Table {
    pub(crate) router: Router,
    /// The port that documents name for the listener.
    pub(crate) port: Option<u16>,
    /// Whether clusters speak TLS with their endpoints where documents say so.
    pub(crate) clusters_speak_tls: bool,
    /// How many requests were refused because of what is not done here.
    refused: AtomicU64,
}

impl Table {
    /// Reads the documents of a configuration.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, a line each.
    pub(crate) fn load(text: &[u8]) -> Result<Self, Vec<String>> {
        let one = |fault: String| vec![fault];
        let config = Config::read(text).map_err(one)?;
        let options = config.options().map_err(one)?;
        let mut resources = Resources::with_defaults("default", config.strict);
        for path in files(&config.files).map_err(one)? {
            let text = std::fs::read_to_string(&path);
            let name = path.display().to_string();
            resources.add_yaml(&name, &text.map_err(|error| one(format!("{name}: {error}")))?);
        }
        if let Some(text) = &config.documents {
            resources.add_yaml("documents", text);
        }
        let translation = translate(&resources, &options);
        let clusters_speak_tls = config.backend_tls == BackendTls::Cluster;
        let (severity, refuses) = match config.unsupported {
            Unsupported::Answer500 => (Severity::Warning, false),
            Unsupported::Refuse => (Severity::Error, true),
        };
        let lacks = unsupported(&translation.rules, clusters_speak_tls);
        let lacks = lacks.iter().map(|lack| lack.diagnostic(severity));
        let (mut errors, mut told): (Vec<_>, Vec<_>) =
            translation.diagnostics.into_iter().partition(|diagnostic| {
                diagnostic.severity == Severity::Error && config.errors == Errors::Refuse
            });
        if refuses { &mut errors } else { &mut told }.extend(lacks);
        told.iter().for_each(|it| log(Level::Warn, &format!("gateway: {it}")));
        if !errors.is_empty() {
            return Err(errors.iter().map(ToString::to_string).collect());
        }
        let router = Router::compile(&translation.rules)
            .map_err(|errors| errors.to_string().lines().map(str::to_owned).collect::<Vec<_>>())?;
        log(Level::Info, &format!("gateway: {}", summary(router.rules())));
        let port = config.port.map(|port| port.0);
        Ok(Self { router, port, clusters_speak_tls, refused: AtomicU64::new(0) })
    }

    /// Says in the log that a request is refused. After the first it is every second, fourth, eighth
    /// and so on, as clients must not fill the log.
    pub(crate) fn tell_refused(&self, why: &Lack<'_>) {
        let times = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        if times.is_power_of_two() {
            let text = format!("gateway: a request is answered 500: {why} (number {times})");
            log(Level::Warn, &text);
        }
    }
}

/// The files that are named, and those in the folders that are, in the order of their names.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let fault = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut all = Vec::new();
    for path in named {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(|error| fault(path, error))? {
            let file = entry.map_err(|error| fault(path, error))?.path();
            if file.extension().is_some_and(|it| it == "yaml" || it == "yml" || it == "json") {
                found.push(file);
            }
        }
        found.sort();
        all.append(&mut found);
    }
    Ok(all)
}

/// What the rules hold, and the clusters that Envoy should have.
fn summary(rules: &RuleSet) -> String {
    let routes = rules.listeners.iter().flat_map(|listener| listener.hosts.iter());
    let forwards = routes.flat_map(|host| &host.routes).flat_map(|route| route.action.forwards());
    let mut clusters = BTreeSet::new();
    for forward in forwards {
        let addressed = rules.service(forward.target.service);
        let port = forward.target.port;
        clusters.insert(format!("{}:{port}", addressed.name));
        let backends = addressed.splits.iter().flat_map(|split| &split.backends);
        let backends = backends.filter(|_| forward.target.splits);
        clusters.extend(backends.map(|it| format!("{}:{port}", rules.service(it.service).name)));
    }
    let named: Vec<&str> = clusters.iter().take(NAMED).map(String::as_str).collect();
    let more = if clusters.len() > NAMED { ", …" } else { "" };
    format!("{} routes to the clusters {}{more}", rules.route_count(), named.join(", "))
}
