//! The files as they are written.

use super::{Case, DiagnosticExpectation, Expectation, StatusExpectation, Suite};
use crate::OwnedRequest;
use gateway_core::rules::{Protocol, ServiceAccount, ServiceName};
use gateway_core::{AccessMode, Channel, Options};
use http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Whoever asks.
const CLIENT: ([u8; 4], u16) = ([127, 0, 0, 1], 4711);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: Option<String>,
    documents: Documents,
    #[serde(default)]
    options: FileOptions,
    #[serde(default)]
    requests: Vec<FileCase>,
    #[serde(default)]
    diagnostics: Vec<DiagnosticExpectation>,
    #[serde(default)]
    statuses: Vec<StatusExpectation>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Documents {
    One(String),
    Several(Vec<String>),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct FileOptions {
    strict: bool,
    http_port: Option<u16>,
    https_port: Option<u16>,
    standard_channel: bool,
    service_hosts: Option<bool>,
    client_namespace: Option<String>,
    ingress_class: Option<String>,
    gateway_class: Option<String>,
    known_services: Vec<String>,
    assume_services: Option<bool>,
    access_mode: FileAccessMode,
    gateway_identity: Option<String>,
    skip_empty_backends: bool,
    smi_strict: bool,
    mesh: bool,
    addresses: Vec<IpAddr>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileAccessMode {
    #[default]
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCase {
    name: Option<String>,
    request: String,
    target: Option<String>,
    #[serde(default)]
    without_host: bool,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(rename = "serverName")]
    server_name: Option<String>,
    address: Option<IpAddr>,
    draw: Option<Draw>,
    backend: Option<u16>,
    expect: Expectation,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Draw {
    Fraction(f64),
    Bits(String),
}

pub(super) fn read(file: &str, text: &str) -> Result<Vec<Suite>, String> {
    let scenarios: Vec<Scenario> =
        serde_saphyr::from_multiple(text).map_err(|error| error.to_string())?;
    let suite = |scenario: Scenario| {
        let documents = match scenario.documents {
            Documents::One(text) => text,
            Documents::Several(texts) => texts.join("\n---\n"),
        };
        Ok(Suite {
            name: scenario.name.map_or(file.to_owned(), |name| format!("{file}: {name}")),
            documents,
            options: options(scenario.options)?,
            cases: scenario.requests.into_iter().map(case).collect::<Result<_, _>>()?,
            diagnostics: scenario.diagnostics,
            statuses: scenario.statuses,
        })
    };
    scenarios.into_iter().map(suite).collect()
}

fn options(file: FileOptions) -> Result<Options, String> {
    let mut options = Options {
        strict: file.strict,
        ingress_class: file.ingress_class.map(Into::into),
        gateway_class: file.gateway_class.map(Into::into),
        assume_services: file.assume_services,
        skip_empty_backends: file.skip_empty_backends,
        smi_strict: file.smi_strict,
        mesh: file.mesh,
        addresses: file.addresses,
        access_mode: match file.access_mode {
            FileAccessMode::Allow => AccessMode::Allow,
            FileAccessMode::Deny => AccessMode::Deny,
        },
        ..Options::default()
    };
    if file.standard_channel {
        options.channel = Channel::Standard;
    }
    options.http_port = file.http_port.unwrap_or(options.http_port);
    options.https_port = file.https_port.unwrap_or(options.https_port);
    options.service_hosts = file.service_hosts.unwrap_or(options.service_hosts);
    options.client_namespace = file.client_namespace.map_or(options.client_namespace, Into::into);
    if let Some(text) = file.gateway_identity {
        let parts = text.split_once('/').ok_or(format!("`{text}` is no `namespace/name`"))?;
        options.gateway_identity = Some(ServiceAccount::new(parts.0, parts.1));
    }
    for text in file.known_services {
        let parts = text.split_once('/').and_then(|(namespace, rest)| {
            let (name, port) = rest.split_once(':')?;
            Some((ServiceName::new(namespace, name), port.parse().ok()?))
        });
        options.known_services.push(parts.ok_or(format!("`{text}` is no `namespace/name:port`"))?);
    }
    Ok(options)
}

fn case(file: FileCase) -> Result<Case, String> {
    let fault = |what: &str| format!("request `{}`: {what}", file.request);
    let (method, url) = file.request.split_once(' ').ok_or(fault("is no `METHOD URL`"))?;
    let (scheme, rest) = url.split_once("://").ok_or(fault("the URL is not absolute"))?;
    let (protocol, default_port) = match scheme {
        "http" => (Protocol::Http, 80),
        "https" => (Protocol::Https, 443),
        _ => return Err(fault("the URL is neither http nor https")),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port = match authority.rsplit_once(':') {
        Some((_, port)) => port.parse().map_err(|_| fault("the port is no number"))?,
        None => default_port,
    };
    let target = file.target.as_deref().unwrap_or(if path.is_empty() { "/" } else { path });
    let mut request = OwnedRequest::new(method, authority, port, target);
    request.connection.protocol = protocol;
    request.connection.peer = Some(CLIENT.into());
    request.connection.listener.address = file.address;
    request.server_name.clone_from(&file.server_name);
    if file.without_host {
        request.headers.clear();
    }
    for line in &file.headers {
        let (name, value) = line.split_once(':').ok_or(fault("a header has no `:`"))?;
        request = request.header(name, value.trim_start_matches(' '));
    }
    let attributes = file.attributes.iter();
    request.attributes = attributes.map(|(n, v)| (n.clone(), v.clone().into_bytes())).collect();
    let draw = match &file.draw {
        None => None,
        Some(Draw::Fraction(part)) if (0.0..1.0).contains(part) => {
            Some((part * 2f64.powi(64)) as u64)
        }
        Some(Draw::Fraction(_)) => return Err(fault("the draw is not in [0, 1)")),
        Some(Draw::Bits(text)) => {
            let digits = text.strip_prefix("0x").ok_or(fault("the draw is no number"))?;
            Some(u64::from_str_radix(digits, 16).map_err(|_| fault("the draw is no number"))?)
        }
    };
    let name = file.name.clone().unwrap_or_else(|| file.request.clone());
    let backend = file.backend.map(StatusCode::from_u16).transpose();
    let backend = backend.map_err(|_| fault("the backend's status is none"))?;
    Ok(Case { name, request, draw, backend, expect: file.expect })
}
