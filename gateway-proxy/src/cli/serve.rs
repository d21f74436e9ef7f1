//! `gateway serve`: the proxy.

use super::Documents;
use clap::{Args, ValueEnum};
use gateway_core::rules::Network;
use gateway_proxy::{AccessLog, Config, Limits, LogFormat, LogTarget, RealIpHeader, Tracing, run};
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
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

    /// Connections of this listener port begin with a header of the PROXY protocol (repeatable);
    /// only where nobody but load balancers can connect
    #[arg(long, value_name = "PORT")]
    proxy_protocol: Vec<u16>,

    /// Proxies in front that are believed about whose requests they pass on (repeatable)
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    trusted_proxies: Vec<Network>,

    /// Where they tell it
    #[arg(long, value_enum, ignore_case = true, default_value_t = RealIpHeaderName::XForwardedFor)]
    real_ip_header: RealIpHeaderName,

    /// Most connections of clients at a time; one more is answered 503 [default: any number]
    #[arg(long, value_name = "N")]
    max_connections: Option<NonZeroUsize>,

    /// Most connections of one client address at a time [default: any number]
    #[arg(long, value_name = "N")]
    max_connections_per_client: Option<NonZeroUsize>,

    /// Most requests under way at a time; one more is answered 503 [default: any number]
    #[arg(long, value_name = "N")]
    max_requests: Option<NonZeroUsize>,

    /// Fewest octets of a request body in each second that a client is waited for, beyond a minute
    /// in all; fewer is answered 408 [default: none]
    #[arg(long, value_name = "N")]
    min_body_rate: Option<NonZeroU64>,

    /// Most requests of an endpoint, in percent of the average of its upstream, before `hash …
    /// consistent` passes it over; 100 or more [default: any number]
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    hash_balance: Option<NonZeroU32>,

    /// Address of the admin server (/ready, /healthz, /metrics, /config), or `off`
    #[arg(long, value_name = "ADDR|off", default_value = "127.0.0.1:9901", value_parser = admin_address)]
    admin: AdminAddress,

    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Take the place of the proxy that runs with the same PATH, without losing a connection, and wait
    /// there for the next one
    #[arg(long, value_name = "PATH")]
    takeover: Option<PathBuf>,

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

    /// Tell traces to an OpenTelemetry collector: `http://127.0.0.1:4318`
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,

    /// Share of the traces that begin here that is told, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = ratio)]
    trace_ratio: f64,

    /// What this proxy is called in traces
    #[arg(long, value_name = "NAME", default_value = "gateway")]
    trace_service: String,

    /// How requests are logged
    #[arg(long, value_enum, default_value_t = LogFormatName::Text)]
    log_format: LogFormatName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormatName {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RealIpHeaderName {
    #[value(name = "X-Forwarded-For")]
    XForwardedFor,
    #[value(name = "Forwarded")]
    Forwarded,
    #[value(name = "X-Real-IP")]
    XRealIp,
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

fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "not a number from 0 to 1".to_owned())
}

/// With less than the average nobody would have room.
fn percent(text: &str) -> Result<NonZeroU32, String> {
    let percent = text.parse().ok().filter(|percent: &NonZeroU32| percent.get() >= 100);
    percent.ok_or_else(|| "not a whole number from 100 on".to_owned())
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
            hash_balance: self.hash_balance,
            sources: self.documents.sources(),
            namespace: settings.namespace.clone(),
            options: settings.options(),
            bind: self.bind,
            map_ports: self.map_ports.iter().copied().collect(),
            proxy_protocol: self.proxy_protocol.iter().copied().collect(),
            trusted_proxies: self.trusted_proxies.iter().copied().collect(),
            real_ip_header: match self.real_ip_header {
                RealIpHeaderName::XForwardedFor => RealIpHeader::XForwardedFor,
                RealIpHeaderName::Forwarded => RealIpHeader::Forwarded,
                RealIpHeaderName::XRealIp => RealIpHeader::XRealIp,
            },
            services: settings.endpoints.clone(),
            dns: self.dns,
            trust_pod_ips: settings.mesh.trust_pod_ips,
            admin: self.admin.0,
            threads: self.threads,
            takeover: self.takeover,
            access_log,
            tracing: self.otlp_endpoint.map(|endpoint| Tracing {
                endpoint,
                ratio: self.trace_ratio,
                service: self.trace_service,
            }),
            limits: Limits {
                connections: self.max_connections.map(NonZeroUsize::get),
                connections_per_client: self.max_connections_per_client.map(NonZeroUsize::get),
                requests: self.max_requests.map(NonZeroUsize::get),
                body_rate: self.min_body_rate,
                ..Limits::default()
            },
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

    #[test]
    fn bounds_of_loads() {
        assert_eq!(percent("125").map(NonZeroU32::get), Ok(125));
        assert!(["99", "0", "-1", "1.25", ""].iter().all(|text| percent(text).is_err()));
    }

    #[test]
    fn shares() {
        assert_eq!((ratio("0"), ratio("0.25"), ratio("1.0")), (Ok(0.0), Ok(0.25), Ok(1.0)));
        assert!(["1.1", "-0.1", "NaN", ""].iter().all(|text| ratio(text).is_err()));
    }
}
