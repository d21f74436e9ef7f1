//! `gateway explain`: where a request would go, and why.

mod hints;
mod report;
mod url;

use super::check::Loaded;
use super::paint::{Paint, print};
use super::{Documents, Output};
use clap::Args;
use gateway_core::rules::ServiceAccount;
use gateway_core::{Connection, ListenerKey, Pods, RequestHead, attributes};
use hints::hints;
use http::Method;
use report::report;
use std::error::Error;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use url::Url;

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
    #[arg(short = 'X', long, default_value = "GET", value_parser = method)]
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
        self.documents.are_there()?;
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
            Output::Json => {
                print(&format!("{}\n", gateway_json::explanation(&explanation, self.draw)))?
            }
            Output::Text => {
                let paint = Paint::stdout();
                let mut text = report(&self.method, &self.url, &explanation, paint);
                for hint in hints(&translation.diagnostics, &explanation) {
                    let _ = writeln!(text, "\n{}", paint.red(hint));
                }
                print(&text)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn method(text: &str) -> Result<String, String> {
    match Method::from_bytes(text.as_bytes()) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("`{text}` is not a method")),
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

#[cfg(test)]
mod tests {
    use super::*;

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
