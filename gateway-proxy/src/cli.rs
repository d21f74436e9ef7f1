//! The command line.

mod check;
mod demo;
mod explain;
mod json;
mod mesh;
mod paint;
mod serve;
mod smi;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gateway_core::rules::ServiceName;
use gateway_core::{Channel, Endpoint, Options};
use gateway_proxy::{KnownService, Source, supported_features};
use std::error::Error;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Routes HTTP by the documents that Kubernetes teams already have: NGINX VirtualServer, SMI
/// TrafficSplit and HTTPRouteGroup, Gateway API.
#[derive(Debug, Parser)]
#[command(name = "gateway", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A sample shop: its own backends, routes and gateway; prints requests to try
    Demo(demo::Demo),
    /// Route and proxy requests; reload when a file changes or on SIGHUP; SIGTERM drains
    Serve(Box<serve::Serve>),
    /// Read documents and say what is wrong with them, and where
    Check(Box<check::Check>),
    /// Say where a request would go, and why
    Explain(Box<explain::Explain>),
}

impl Cli {
    pub(crate) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        match self.command {
            Command::Demo(demo) => demo.run(),
            Command::Serve(serve) => serve.run(),
            Command::Check(check) => check.run(),
            Command::Explain(explain) => explain.run(),
        }
    }
}

/// Which documents, and how they are read.
#[derive(Debug, Args)]
struct Documents {
    /// A file, a folder (every .yaml, .yml and .json below it), or `-` for standard input
    #[arg(short = 'f', long = "file", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

/// How documents are read.
#[derive(Debug, Args)]
struct Settings {
    /// Port of HTTP listeners that a document leaves implicit (VirtualServer)
    #[arg(long, value_name = "PORT", default_value_t = 80)]
    http_port: u16,

    /// Port of HTTPS listeners that a document leaves implicit (VirtualServer)
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    https_port: u16,

    /// Namespace of documents that name none
    #[arg(long, value_name = "NS", default_value = "default")]
    namespace: String,

    /// DNS domain of the cluster
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    cluster_domain: String,

    /// Only VirtualServers, VirtualServerRoutes and Policies of this class, or of none, are ours
    #[arg(long, value_name = "NAME")]
    ingress_class: Option<String>,

    /// Only Gateways of this class are ours
    #[arg(long, value_name = "NAME")]
    gateway_class: Option<String>,

    /// Address at which Gateways can be reached, for their status; may be repeated
    #[arg(long = "address", value_name = "IP")]
    addresses: Vec<IpAddr>,

    /// Which Gateway API channel's rules hold
    #[arg(long, value_enum, default_value_t = ChannelName::Experimental)]
    channel: ChannelName,

    /// Unknown fields are errors
    #[arg(long)]
    strict: bool,

    /// Endpoints of a Service without documents: `shop/cart:80=127.0.0.1:9000,127.0.0.1:9001`
    #[arg(long = "endpoint", value_name = "NS/NAME:PORT=HOST:PORT,…", value_parser = endpoints)]
    endpoints: Vec<KnownService>,

    #[command(flatten)]
    mesh: mesh::Mesh,

    #[command(flatten)]
    smi: smi::Smi,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ChannelName {
    Standard,
    Experimental,
}

impl Documents {
    /// Whether what `-f` names is there, whatever may be in it.
    fn are_there(&self) -> Result<(), String> {
        let missing = |path: &&PathBuf| !path.exists() && path.as_os_str() != "-";
        match self.files.iter().find(missing) {
            Some(path) => Err(format!("there is no file or folder `{}`", path.display())),
            None => Ok(()),
        }
    }

    fn sources(&self) -> Vec<Source> {
        let source = |path: &PathBuf| match path == Path::new("-") {
            true => Source::Stdin,
            false => Source::Path(path.clone()),
        };
        self.files.iter().map(source).collect()
    }
}

impl Settings {
    fn options(&self) -> Options {
        let mut options = Options {
            http_port: self.http_port,
            https_port: self.https_port,
            cluster_domain: self.cluster_domain.as_str().into(),
            client_namespace: self.namespace.as_str().into(),
            ingress_class: self.ingress_class.as_deref().map(Into::into),
            gateway_class: self.gateway_class.as_deref().map(Into::into),
            addresses: self.addresses.clone(),
            supported_features: supported_features(),
            channel: match self.channel {
                ChannelName::Standard => Channel::Standard,
                ChannelName::Experimental => Channel::Experimental,
            },
            strict: self.strict,
            known_services: self.endpoints.iter().map(|e| (e.name.clone(), e.port)).collect(),
            ..Options::default()
        };
        self.mesh.apply(&mut options);
        self.smi.apply(&mut options);
        options.service_hosts &= self.mesh.takes_service_hosts();
        options
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For machines
    Json,
}

/// `shop/cart:80=…`: a Service, its port, and what is said of them.
fn about_service(text: &str) -> Result<(ServiceName, u16, &str), String> {
    let (left, right) = text.split_once('=').ok_or("`=` is missing")?;
    let (name, port) = left.rsplit_once(':').ok_or("the Service port is missing before `=`")?;
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    let port: u16 = port.parse().map_err(|_| format!("`{port}` is not a port"))?;
    Ok((ServiceName::new(namespace, name), port, right))
}

/// `shop/web`: a namespace and a name, neither of them empty.
fn namespaced(text: &str) -> Option<(&str, &str)> {
    text.split_once('/').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
}

/// `shop/cart:80=127.0.0.1:9000,127.0.0.1:9001`
fn endpoints(text: &str) -> Result<KnownService, String> {
    let (name, port, right) = about_service(text)?;
    let endpoints = right.split(',').map(|address| {
        let (host, port) =
            address.rsplit_once(':').ok_or_else(|| format!("`{address}` has no port"))?;
        let port = port.parse().map_err(|_| format!("`{port}` is not a port"))?;
        Ok(Endpoint::new(host.trim_matches(['[', ']']), port))
    });
    Ok(KnownService { name, port, endpoints: endpoints.collect::<Result<_, String>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn endpoints_of_services() {
        let got = endpoints("shop/cart:80=127.0.0.1:9000,[::1]:9001").unwrap();
        assert_eq!(got.name, ServiceName::new("shop", "cart"));
        assert_eq!(got.port, 80);
        let hosts: Vec<_> = got.endpoints.iter().map(|e| (&*e.host, e.port)).collect();
        assert_eq!(hosts, [("127.0.0.1", 9000), ("::1", 9001)]);
        assert_eq!(endpoints("cart:80=a:1").unwrap().name, ServiceName::new("default", "cart"));
        for (text, want) in [
            ("cart", "`=` is missing"),
            ("cart=a:1", "the Service port is missing before `=`"),
            ("cart:x=a:1", "`x` is not a port"),
            ("cart:80=a", "`a` has no port"),
            ("cart:80=a:b", "`b` is not a port"),
        ] {
            assert_eq!(endpoints(text), Err(want.to_owned()), "{text}");
        }
    }
}
