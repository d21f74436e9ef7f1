//! The filter's configuration, as it stands in Envoy's.

use gateway_core::Options;
use gateway_core::rules::ServiceName;
use serde::Deserialize;
use std::path::PathBuf;

/// `filter_config` of the filter, a `google.protobuf.Struct` or the same as JSON text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Config {
    /// Files with documents, and folders of them, which are read when Envoy loads the filter.
    #[serde(default)]
    pub(crate) files: Vec<PathBuf>,
    /// Documents, as they would stand in a file.
    pub(crate) documents: Option<String>,
    /// The port that documents name for this listener; without it, it is Envoy's own.
    pub(crate) port: Option<Whole>,
    /// What becomes of documents with errors.
    #[serde(default)]
    pub(crate) errors: Errors,
    /// What becomes of routes that ask for what this module does not do.
    #[serde(default)]
    pub(crate) unsupported: Unsupported,
    /// Who speaks TLS with backends that documents want it for.
    #[serde(default)]
    pub(crate) backend_tls: BackendTls,
    /// Only VirtualServers of this class.
    ingress_class: Option<String>,
    /// Only Gateways of this class.
    gateway_class: Option<String>,
    /// Unknown fields are errors.
    #[serde(default)]
    pub(crate) strict: bool,
    /// Whether Services without a document exist.
    assume_services: Option<bool>,
    /// Services that do: `namespace/name:port`.
    #[serde(default)]
    known_services: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Errors {
    /// The whole configuration is refused.
    #[default]
    Refuse,
    /// What is wrong is left out.
    LeaveOut,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unsupported {
    /// Requests to them are answered 500.
    #[default]
    Answer500,
    /// The whole configuration is refused.
    Refuse,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BackendTls {
    /// Nobody: requests to such backends are answered 500.
    #[default]
    None,
    /// Envoy, as the cluster's `transport_socket` says.
    Cluster,
}

/// A port. A `Struct` has no whole numbers: 80 comes as 80.0.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Whole(pub(crate) u16);

impl TryFrom<f64> for Whole {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        let whole = number as u16;
        if f64::from(whole) == number && whole > 0 {
            Ok(Self(whole))
        } else {
            Err(format!("{number} is no port"))
        }
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn read(text: &[u8]) -> Result<Self, String> {
        let config: Self =
            serde_json::from_slice(text).map_err(|error| format!("filter_config: {error}"))?;
        if config.files.is_empty() && config.documents.is_none() {
            return Err("filter_config: neither `files` nor `documents` is given".into());
        }
        Ok(config)
    }

    /// What translating depends on besides the documents.
    ///
    /// # Errors
    ///
    /// What is no Service.
    pub(crate) fn options(&self) -> Result<Options, String> {
        let service = |text: &String| {
            let (namespace, rest) = text.split_once('/')?;
            let (name, port) = rest.split_once(':')?;
            Some((ServiceName::new(namespace, name), port.parse().ok()?))
        };
        let known = self.known_services.iter().map(|text| {
            let fault = || format!("knownServices: `{text}` is no `namespace/name:port`");
            service(text).ok_or_else(fault)
        });
        Ok(Options {
            ingress_class: self.ingress_class.as_deref().map(Into::into),
            gateway_class: self.gateway_class.as_deref().map(Into::into),
            strict: self.strict,
            assume_services: self.assume_services,
            known_services: known.collect::<Result<_, _>>()?,
            ..Options::default()
        })
    }
}
