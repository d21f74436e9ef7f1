//! Settings of SMI: what the language leaves to whoever runs it.

use super::mesh::HEADING;
use super::namespaced;
use clap::{Args, ValueEnum};
use gateway_core::rules::ServiceAccount;
use gateway_core::{AccessMode, Options};

/// How SMI documents are taken.
#[derive(Debug, Args)]
pub(super) struct Smi {
    /// Namespace whose clients may use bare Service names [default: that of --namespace]
    #[arg(help_heading = HEADING, long, value_name = "NS")]
    client_namespace: Option<String>,

    /// Do not answer hosts that are named after Services
    #[arg(help_heading = HEADING, long)]
    no_service_hosts: bool,

    /// Who may call workloads that no TrafficTarget speaks for: everybody, or nobody
    #[arg(help_heading = HEADING, long, value_enum, default_value_t = Mode::Allow)]
    access_mode: Mode,

    /// Service account of callers that have none of their own
    #[arg(help_heading = HEADING, long, value_name = "NS/NAME", value_parser = account)]
    gateway_identity: Option<ServiceAccount>,

    /// TrafficSplits leave out Services without a ready endpoint
    #[arg(help_heading = HEADING, long)]
    skip_empty_backends: bool,

    /// Answers with a status from 500 on trip circuit breakers
    #[arg(help_heading = HEADING, long)]
    breaker_counts_5xx: bool,

    /// What SMI itself forbids is an error
    #[arg(help_heading = HEADING, long)]
    smi_strict: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Allow,
    Deny,
}

impl Smi {
    /// Adds the settings to `options`.
    pub(super) fn apply(&self, options: &mut Options) {
        if let Some(namespace) = &self.client_namespace {
            options.client_namespace = namespace.as_str().into();
        }
        options.service_hosts = !self.no_service_hosts;
        options.access_mode = match self.access_mode {
            Mode::Allow => AccessMode::Allow,
            Mode::Deny => AccessMode::Deny,
        };
        options.gateway_identity.clone_from(&self.gateway_identity);
        options.skip_empty_backends = self.skip_empty_backends;
        options.breaker_counts_5xx = self.breaker_counts_5xx;
        options.smi_strict = self.smi_strict;
    }
}

/// `shop/website`
pub(super) fn account(text: &str) -> Result<ServiceAccount, String> {
    let (namespace, name) = namespaced(text)
        .filter(|(_, name)| !name.contains('/'))
        .ok_or_else(|| format!("`{text}` is not NAMESPACE/NAME of a service account"))?;
    Ok(ServiceAccount::new(namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_a_namespace_and_a_name() {
        assert_eq!(account("shop/website"), Ok(ServiceAccount::new("shop", "website")));
        for text in ["", "website", "/website", "shop/", "a/b/c"] {
            let want = format!("`{text}` is not NAMESPACE/NAME of a service account");
            assert_eq!(account(text), Err(want));
        }
    }
}
