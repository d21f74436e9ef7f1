//! Settings of a proxy that stands among Services.

use super::{about_service, namespaced};
use clap::Args;
use gateway_core::{Inbound, Options};

/// What the help calls these settings and those of SMI. Said of each, since a heading for all that
/// comes next would not end with them.
pub(super) const HEADING: &str = "Service mesh";

/// For whom calls are taken, and who the proxy is to others.
#[derive(Debug, Args)]
pub(super) struct Mesh {
    /// Answer Services at the addresses that stand for them in the cluster, too
    #[arg(help_heading = HEADING, long)]
    mesh: bool,

    /// The Secret with the certificate that the proxy shows in mutual TLS
    #[arg(help_heading = HEADING, long, value_name = "NS/NAME", value_parser = secret)]
    identity: Option<(Box<str>, Box<str>)>,

    /// Take calls of other proxies for a workload, in mutual TLS: `shop/cart:80=10.0.0.7:15443`.
    /// Without --mesh, hosts that are named after Services are not answered then
    #[arg(help_heading = HEADING, long, value_name = "NS/NAME:PORT=ADDR:PORT", value_parser = inbound)]
    inbound: Vec<Inbound>,

    /// Take a client without a certificate for the Pod that documents give its address to
    #[arg(help_heading = HEADING, long)]
    pub(super) trust_pod_ips: bool,
}

impl Mesh {
    /// Adds the settings to `options`.
    pub(super) fn apply(&self, options: &mut Options) {
        options.mesh = self.mesh;
        options.identity.clone_from(&self.identity);
        options.inbound.clone_from(&self.inbound);
    }

    /// Whether hosts that are named after Services may be answered: a proxy that is before
    /// workloads alone takes nothing in plain HTTP.
    pub(super) fn takes_service_hosts(&self) -> bool {
        self.mesh || self.inbound.is_empty()
    }
}

/// `shop/web`
fn secret(text: &str) -> Result<(Box<str>, Box<str>), String> {
    let (namespace, name) =
        namespaced(text).ok_or_else(|| format!("`{text}` is not NAMESPACE/NAME of a Secret"))?;
    Ok((namespace.into(), name.into()))
}

/// `shop/cart:80=10.0.0.7:15443`
fn inbound(text: &str) -> Result<Inbound, String> {
    let (service, port, address) = about_service(text)?;
    let address = address.parse().map_err(|_| format!("`{address}` is not ADDRESS:PORT"))?;
    Ok(Inbound { service, port, address })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::rules::ServiceName;

    #[test]
    fn calls_of_other_proxies_come_to_an_address() {
        let got = inbound("shop/cart:80=10.0.0.7:15443").unwrap();
        assert_eq!((got.service, got.port), (ServiceName::new("shop", "cart"), 80));
        assert_eq!(got.address, "10.0.0.7:15443".parse().unwrap());
        for (text, want) in [
            ("cart:80", "`=` is missing"),
            ("cart:80=15443", "`15443` is not ADDRESS:PORT"),
            ("cart:80=localhost:15443", "`localhost:15443` is not ADDRESS:PORT"),
        ] {
            assert_eq!(inbound(text), Err(want.to_owned()), "{text}");
        }
    }

    #[test]
    fn secrets_have_a_namespace_and_a_name() {
        assert_eq!(secret("shop/web"), Ok(("shop".into(), "web".into())));
        for text in ["", "web", "/web", "shop/"] {
            let want = format!("`{text}` is not NAMESPACE/NAME of a Secret");
            assert_eq!(secret(text), Err(want));
        }
    }
}
