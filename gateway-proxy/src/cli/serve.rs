//! `gateway serve`: the proxy.

use super::Documents;
use clap::{Args, ValueEnum};
use gateway_proxy::{AccessLog, Config, LogFormat, LogTarget, run};
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Route and proxy requests; reload when a file changes or on SIGHUP; SIGTERM drains
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gateway serve -f routes.yaml --http-port 8080
  gateway serve -f k8s/ --map-port 80=8080 --endpoint shop/cart:80=127.0.0.1:9000
  gateway serve -f k8s/ --access-log - --log-format json --admin off")]
pub(super) struct Serve {
    #[command(flatten)]
    documents: Documents,

    /// Address of all listeners
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED))]
    bind: IpAddr,

    /// Bind listener port FROM as TO; TO may be 0 for any free port
    #[arg(long = "map-port", value_name = "FROM=TO", value_parser = port_pair)]
    map_ports: Vec<(u16, u16)>,

    /// Address of the admin server (/ready, /healthz, /metrics, /config), or `off`
    #[arg(long, value_name = "ADDR|off", default_value = "127.0.0.1:9901", value_parser = admin_address)]
    admin: AdminAddress,

    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Resolve Services without documents by DNS
    #[arg(long)]
    dns: bool,

    /// File with a secret of 32 octets or more that proves the sessions of clients, the same for all
    /// replicas; without it sessions of the Gateway API end with the process
    #[arg(long, value_name = "FILE")]
    session_key: Option<PathBuf>,

    /// Where requests are logged: a file, `-` for standard output, or `off`
    #[arg(long, value_name = "PATH|-|off", default_value = "off")]
    access_log: String,

    /// How requests are logged
    #[arg(long, value_enum, default_value_t = LogFormatName::Text)]
    log_format: LogFormatName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormatName {
    Text,
    Json,
}

/// Where the admin server listens; `None` for nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AdminAddress(pub(super) Option<SocketAddr>);

pub(super) fn admin_address(text: &str) -> Result<AdminAddress, String> {
    if text == "off" {
        return Ok(AdminAddress(None));
    }
    let address = text.parse().map_err(|_| "neither ADDRESS:PORT nor `off`")?;
    Ok(AdminAddress(Some(address)))
}

/// `80=8080`
fn port_pair(text: &str) -> Result<(u16, u16), String> {
    let (from, to) = text.split_once('=').ok_or("`=` is missing")?;
    let port = |text: &str| text.parse().map_err(|_| format!("`{text}` is not a port"));
    Ok((port(from)?, port(to)?))
}

/// The secret in a file. One that could be guessed would prove nothing.
fn session_key(path: &Path) -> Result<Vec<u8>, String> {
    const LEAST: usize = 32;
    let told = |why: &dyn std::fmt::Display| format!("--session-key {}: {why}", path.display());
    let key = std::fs::read(path).map_err(|error| told(&error))?;
    let length = key.trim_ascii().len();
    if length < LEAST {
        return Err(told(&format!("{length} octets are fewer than {LEAST}")));
    }
    Ok(key.trim_ascii().to_vec())
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        // One that goes away later is told, and what was read of it stays in force.
        self.documents.are_there()?;
        let settings = &self.documents.settings;
        let access_log = match &*self.access_log {
            "off" => None,
            target => Some(AccessLog {
                target: match target {
                    "-" => LogTarget::Stdout,
                    path => LogTarget::File(path.into()),
                },
                format: match self.log_format {
                    LogFormatName::Text => LogFormat::Text,
                    LogFormatName::Json => LogFormat::Json,
                },
            }),
        };
        let session_key = self.session_key.as_deref().map(session_key).transpose()?;
        let config = Config {
            session_key,
            sources: self.documents.sources(),
            namespace: settings.namespace.clone(),
            options: settings.options(),
            bind: self.bind,
            map_ports: self.map_ports.iter().copied().collect(),
            services: settings.endpoints.clone(),
            dns: self.dns,
            trust_pod_ips: settings.mesh.trust_pod_ips,
            admin: self.admin.0,
            threads: self.threads,
            access_log,
            ..Config::default()
        };
        run(config, |_| ())?;
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_addresses() {
        assert_eq!(port_pair("80=8080"), Ok((80, 8080)));
        assert_eq!(port_pair("80"), Err("`=` is missing".into()));
        assert_eq!(port_pair("80=x"), Err("`x` is not a port".into()));
        assert_eq!(admin_address("off"), Ok(AdminAddress(None)));
        assert!(admin_address("127.0.0.1:1").is_ok());
        assert!(admin_address("here").is_err());
    }
}
