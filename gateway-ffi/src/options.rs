//! What a router is built from.

use crate::bytes::{array, gw_str};
use crate::router::gw_router;
use crate::sized::sized;
use crate::status::{GW_ERR_ARGUMENT, gw_status};
use gateway_core::rules::{ServiceAccount, ServiceName};
use gateway_core::{AccessMode, Channel, Options};
use std::net::IpAddr;

/// A text with documents: YAML (any number, divided by `---`) or JSON, in UTF-8; at most 64 MiB.
/// Borrowed for the call only.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_source {
    /// What diagnostics call it: the name of a file. Absent: "-".
    pub name: gw_str,
    /// The text.
    pub text: gw_str,
}

/// Unknown fields are errors, not warnings.
pub const GW_BUILD_STRICT: u64 = 1;
/// What is in error is left out, and the rest is in force; without this, one error means
/// `GW_ERR_CONFIG` and no router.
pub const GW_BUILD_LENIENT: u64 = 1 << 1;
/// Experimental fields of the Gateway API are refused.
pub const GW_BUILD_STANDARD_CHANNEL: u64 = 1 << 2;
/// Hosts named after Services are not answered.
pub const GW_BUILD_NO_SERVICE_HOSTS: u64 = 1 << 3;
/// Nobody may call workloads that no TrafficTarget speaks for; without this, everybody.
pub const GW_BUILD_DENY_BY_DEFAULT: u64 = 1 << 4;
/// TrafficSplits leave out Services without a ready endpoint.
pub const GW_BUILD_SKIP_EMPTY_BACKENDS: u64 = 1 << 5;
/// A TrafficSplit to its own root is an error.
pub const GW_BUILD_SMI_STRICT: u64 = 1 << 6;
/// Services are answered at their cluster addresses.
pub const GW_BUILD_MESH: u64 = 1 << 7;
/// Answers from 500 on trip circuit breakers.
pub const GW_BUILD_BREAKER_COUNTS_5XX: u64 = 1 << 8;
/// Services without a document are taken to exist. Without this and the next: where there is no
/// Service document and no `known_services` at all.
pub const GW_BUILD_ASSUME_SERVICES: u64 = 1 << 9;
/// Services without a document do not exist.
pub const GW_BUILD_ASSUME_NO_SERVICES: u64 = 1 << 10;
/// The report also tells what in the rules was probably not meant (`docs/lints.md`).
pub const GW_BUILD_LINT: u64 = 1 << 11;

/// How documents are read. Everything is borrowed for the call only. Set `struct_size`, and the
/// rest to zero: that is the default of each field.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_build_options {
    /// `sizeof(gw_build_options)`.
    pub struct_size: usize,
    /// Some of `GW_BUILD_...`.
    pub flags: u64,
    /// What deciders will be created with (`GW_DUTY_...`): the report warns of every policy that
    /// asks for something else, since its requests are answered 500.
    pub duties: u64,
    /// The router before this one, or NULL: tables of hosts that have not changed are shared with
    /// it, which makes a small change of a large configuration cheap. The result is the same.
    pub previous: *const gw_router,
    /// Port of HTTP listeners that a document leaves implicit; 0: 80.
    pub http_port: u16,
    /// Port of HTTPS listeners that a document leaves implicit; 0: 443.
    pub https_port: u16,
    /// Zero.
    pub reserved: u32,
    /// The namespace of documents that name none; absent: "default".
    pub default_namespace: gw_str,
    /// The namespace whose clients may use bare names of Services; absent: "default".
    pub client_namespace: gw_str,
    /// The DNS domain of the cluster; absent: "cluster.local".
    pub cluster_domain: gw_str,
    /// Only VirtualServers of this class, or of none, are ours; absent: all.
    pub ingress_class: gw_str,
    /// Only Gateways of this class are ours; absent: all.
    pub gateway_class: gw_str,
    /// The service account, as "namespace/name", by which callers go that have none; absent: none.
    pub gateway_identity: gw_str,
    /// Services that exist without a document, as "namespace/name:port".
    pub known_services: *const gw_str,
    /// How many.
    pub known_services_len: usize,
    /// Addresses at which Gateways can be reached, as text.
    pub addresses: *const gw_str,
    /// How many.
    pub addresses_len: usize,
}
sized!(gw_build_options);

/// What options say, read.
pub(crate) struct Build {
    pub(crate) options: Options,
    pub(crate) default_namespace: Box<str>,
    pub(crate) duties: u64,
    pub(crate) lenient: bool,
    pub(crate) lints: bool,
    pub(crate) previous: *const gw_router,
}

/// Every flag there is; others come from a newer header, and are refused rather than overlooked.
const FLAGS: u64 = (GW_BUILD_LINT << 1) - 1;

impl Build {
    /// # Safety
    ///
    /// The texts and arrays of `given` can be read.
    pub(crate) unsafe fn read(given: &gw_build_options) -> Result<Self, gw_status> {
        let has = |flag| given.flags & flag != 0;
        let both = GW_BUILD_ASSUME_SERVICES | GW_BUILD_ASSUME_NO_SERVICES;
        if given.flags & !FLAGS != 0 || given.flags & both == both {
            return Err(GW_ERR_ARGUMENT);
        }
        // SAFETY: the caller vouches for the texts.
        let text = |text: gw_str| unsafe { text.text() };
        // SAFETY: the caller vouches for the arrays.
        let (known, addresses) = unsafe {
            let known = array(given.known_services, given.known_services_len)?;
            (known, array(given.addresses, given.addresses_len)?)
        };
        let mut options = Options {
            strict: has(GW_BUILD_STRICT),
            service_hosts: !has(GW_BUILD_NO_SERVICE_HOSTS),
            skip_empty_backends: has(GW_BUILD_SKIP_EMPTY_BACKENDS),
            smi_strict: has(GW_BUILD_SMI_STRICT),
            mesh: has(GW_BUILD_MESH),
            breaker_counts_5xx: has(GW_BUILD_BREAKER_COUNTS_5XX),
            assume_services: (given.flags & both != 0).then(|| has(GW_BUILD_ASSUME_SERVICES)),
            ingress_class: text(given.ingress_class)?.map(Into::into),
            gateway_class: text(given.gateway_class)?.map(Into::into),
            ..Options::default()
        };
        if has(GW_BUILD_STANDARD_CHANNEL) {
            options.channel = Channel::Standard;
        }
        if has(GW_BUILD_DENY_BY_DEFAULT) {
            options.access_mode = AccessMode::Deny;
        }
        if given.http_port != 0 {
            options.http_port = given.http_port;
        }
        if given.https_port != 0 {
            options.https_port = given.https_port;
        }
        if let Some(namespace) = text(given.client_namespace)? {
            options.client_namespace = namespace.into();
        }
        if let Some(domain) = text(given.cluster_domain)? {
            options.cluster_domain = domain.into();
        }
        if let Some(account) = text(given.gateway_identity)? {
            let (namespace, name) = account.split_once('/').ok_or(GW_ERR_ARGUMENT)?;
            options.gateway_identity = Some(ServiceAccount::new(namespace, name));
        }
        for service in known {
            let service = text(*service)?.and_then(service_and_port);
            options.known_services.push(service.ok_or(GW_ERR_ARGUMENT)?);
        }
        for address in addresses {
            let address = text(*address)?.and_then(|text| text.parse::<IpAddr>().ok());
            options.addresses.push(address.ok_or(GW_ERR_ARGUMENT)?);
        }
        Ok(Self {
            options,
            default_namespace: text(given.default_namespace)?.unwrap_or("default").into(),
            duties: given.duties,
            lenient: has(GW_BUILD_LENIENT),
            lints: has(GW_BUILD_LINT),
            previous: given.previous,
        })
    }
}

/// `namespace/name:port`.
fn service_and_port(text: &str) -> Option<(ServiceName, u16)> {
    let (namespace, rest) = text.split_once('/')?;
    let (name, port) = rest.split_once(':')?;
    Some((ServiceName::new(namespace, name), port.parse().ok()?))
}
