//! `gateway demo`: a café with its own backends.

mod backend;

use super::serve::{AdminAddress, admin_address};
use clap::Args;
use gateway_core::Options;
use gateway_core::rules::ServiceName;
use gateway_proxy::{Config, KnownService, Source, run};
use std::collections::BTreeMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

/// What the café serves; also worth reading.
const SHOP: &str = include_str!("../../demo/shop.yaml");

/// A sample shop: its own backends, routes and gateway; prints requests to try
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gateway demo --http-port 8090")]
pub(super) struct Demo {
    /// Address of the gateway
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,

    /// Port of the gateway; 0 for any free one
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    http_port: u16,

    /// Address of the admin server, or `off`
    #[arg(long, value_name = "ADDR|off", default_value = "127.0.0.1:9901", value_parser = admin_address)]
    admin: AdminAddress,

    /// Print the documents and end
    #[arg(long)]
    print: bool,
}

impl Demo {
    pub(super) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        if self.print {
            print!("{SHOP}");
            return Ok(ExitCode::SUCCESS);
        }
        let names = ["tea-svc", "coffee-svc", "tea.1", "tea.2"];
        let services = backend::start(&names)?.into_iter().map(|(name, endpoint)| KnownService {
            name: ServiceName::new("default", name),
            port: 80,
            endpoints: vec![endpoint],
        });
        let config = Config {
            sources: vec![Source::Text { name: "shop.yaml".into(), text: SHOP.into() }],
            options: Options::default(),
            bind: self.bind,
            map_ports: BTreeMap::from([(80, self.http_port)]),
            services: services.collect(),
            admin: self.admin.0,
            watch: None,
            ..Config::default()
        };
        run(config, |server| {
            if let Some(gateway) = server.listening().first() {
                print!("{}", welcome(gateway.address, server.admin()));
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What to try, as lines to copy.
fn welcome(gateway: SocketAddr, admin: Option<SocketAddr>) -> String {
    let requests = [
        ("by path", "-H 'Host: cafe.example.com'", "/tea"),
        ("by path parameter", "-H 'Host: cafe.example.com'", "/coffee/central/brand"),
        (
            "by method: refused with 403",
            "-X POST -H 'Host: cafe.example.com'",
            "/coffee/central/brand",
        ),
        (
            "no such way in: 405 and what is allowed",
            "-i -X PUT -H 'Host: cafe.example.com'",
            "/coffee/central/brand",
        ),
        ("version 1, for everybody", "-H 'Host: tea.example.com'", "/"),
        (
            "version 2, the canary, by cookie",
            "-H 'Host: tea.example.com' -H 'Cookie: version=beta'",
            "/",
        ),
        ("one in ten goes to coffee", "-H 'Host: shop.example.com'", "/menu"),
        (
            "by header, with a rewritten path",
            "-H 'Host: shop.example.com' -H 'X-Taste: bitter'",
            "/menu/today",
        ),
        ("a redirect", "-i -H 'Host: shop.example.com'", "/"),
    ];
    let mut text = String::from("\nThe café is open. Try:\n");
    for (what, options, path) in requests {
        text.push_str(&format!("\n  # {what}\n  curl {options} http://{gateway}{path}\n"));
    }
    if let Some(admin) = admin {
        text.push_str(&format!(
            "\n  # what is in force, and numbers\n  curl http://{admin}/config\n"
        ));
        text.push_str(&format!("  curl http://{admin}/metrics\n"));
    }
    text.push_str(
        "\nWhy a request goes where it goes:\n
  gateway demo --print >shop.yaml
  gateway explain -f shop.yaml http://tea.example.com/ -H 'Cookie: version=beta'
\nCtrl-C closes the café.\n",
    );
    text
}
