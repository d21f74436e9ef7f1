//! Service, EndpointSlice and Endpoints (`v1`, `discovery.k8s.io/v1`).
//!
//! Only what routing needs is read. These kinds have many more fields, which are nobody's typing
//! errors: the cluster has accepted them.

use super::document::{Kind, Mapping, Value};
use super::{Problems, Resource, meta};
use crate::diagnostic::Diagnostic;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A Service as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Service {
    /// The host name that a Service of type `ExternalName` stands for.
    pub(crate) external_name: Option<Box<str>>,
    pub(crate) ports: Vec<ServicePort>,
    /// The labels of its Pods; none where somebody else writes its endpoints.
    pub(crate) selector: BTreeMap<Box<str>, Box<str>>,
    /// The addresses that stand for it in its cluster; none for a headless one.
    pub(crate) cluster_ips: Vec<IpAddr>,
    /// Whether its cluster has no address for it on purpose.
    pub(crate) headless: bool,
    /// Whether its cluster sends a client to the same endpoint again (`sessionAffinity`).
    pub(crate) sticky: bool,
    /// Whether proxies that speak mutual TLS stand before its endpoints.
    pub(crate) mutual_tls: bool,
}

/// The annotation that tells so.
const MUTUAL_TLS: &str = "gateway/mutual-tls";

/// A port of a Service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServicePort {
    /// Empty for the only port of a Service.
    pub(crate) name: Box<str>,
    pub(crate) port: u16,
    /// `targetPort` if it is a number. Names are settled by whoever writes the endpoints.
    pub(crate) target: Option<u16>,
    pub(crate) is_tcp: bool,
    /// What is spoken there, as far as somebody says so.
    pub(crate) app_protocol: Option<Box<str>>,
}

/// An EndpointSlice, or an Endpoints object brought to the same form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EndpointSlice {
    pub(crate) subsets: Vec<Subset>,
}

/// Addresses that share their ports.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subset {
    /// Those that are ready.
    pub(crate) addresses: Vec<EndpointAddress>,
    pub(crate) ports: Vec<EndpointPort>,
}

/// An address, and who is there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EndpointAddress {
    /// An IP address, or a host name.
    pub(crate) host: Box<str>,
    /// The name of the Pod. It is in the same namespace.
    pub(crate) pod: Option<Box<str>>,
}

/// A port of endpoints.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EndpointPort {
    /// The name of the Service's port; empty for the only one.
    pub(crate) name: Box<str>,
    /// `None`: every port.
    pub(crate) port: Option<u16>,
}

impl Service {
    /// Reads a whole document. Problems are pushed; `None` only when nothing useful is left.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut spec = root.mapping(problems)?.required("spec", problems)?.mapping(problems)?;
        let kind = spec.field("type").and_then(|v| v.string(problems)).unwrap_or("ClusterIP");
        let external_name = match kind {
            "ExternalName" => spec.required("externalName", problems).and_then(|v| {
                let name = v.string(problems)?;
                host_name(v, name.strip_suffix('.').unwrap_or(name), problems)
            }),
            _ => None,
        };
        let ports = items(&mut spec, "ports", problems);
        if ports.is_empty() && external_name.is_some() {
            problems.push(
                Diagnostic::warning(
                    "no-ports",
                    &spec.value().origin(),
                    "without ports no request can be sent to the Service",
                )
                .help("list the ports of the host under `ports`"),
            );
        }
        let ports = ports.into_iter().filter_map(|v| ServicePort::read(v, problems)).collect();
        let selector = spec.field("selector").map(|v| meta::texts(v, problems));
        let mut written: Vec<Value<'_>> = spec.field("clusterIP").into_iter().collect();
        written.extend(items(&mut spec, "clusterIPs", problems));
        let says_none = |v: &Value<'_>| matches!(v.kind(), Kind::String(text) if &**text == "None");
        let headless = external_name.is_none() && written.iter().any(says_none);
        let cluster_ips = address_list(written, problems);
        let affinity = spec.field("sessionAffinity").and_then(|v| v.string(problems));
        let sticky = affinity.is_some_and(|affinity| affinity != "None");
        let mutual_tls = mutual_tls(root, problems);
        let selector = selector.unwrap_or_default();
        Some(Self { external_name, ports, selector, cluster_ips, headless, sticky, mutual_tls })
    }

    /// The ports that take TCP connections, and so HTTP.
    pub(crate) fn tcp_ports(&self) -> impl Iterator<Item = &ServicePort> {
        self.ports.iter().filter(|port| port.is_tcp)
    }
}

/// What is no text is reported with the other annotations.
fn mutual_tls(root: Value<'_>, problems: &mut Problems) -> bool {
    let path = ["metadata", "annotations", MUTUAL_TLS];
    let found = path
        .into_iter()
        .try_fold(root, |value, name| value.children().find(|field| field.key() == Some(name)));
    let Some(value) = found else { return false };
    match value.kind() {
        Kind::String(text) if &**text == "true" => true,
        Kind::String(text) if &**text == "false" => false,
        Kind::String(text) => {
            let text = super::document::shorten(text);
            let message = format!("`{text}` is neither `true` nor `false`");
            problems.push(
                Diagnostic::error("invalid-value", &value.origin(), message)
                    .help("`true` where proxies that speak mutual TLS stand before its endpoints"),
            );
            false
        }
        _ => false,
    }
}

impl ServicePort {
    fn read(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = value.mapping(problems)?;
        let name = text(&mut fields, "name", problems).unwrap_or_default();
        let is_tcp = is_tcp(&mut fields, problems);
        let app_protocol = text(&mut fields, "appProtocol", problems);
        let target = fields.field("targetPort").and_then(|v| match v.kind() {
            Kind::String(_) => None,
            _ => v.port(problems),
        });
        let port = fields.required("port", problems)?.port(problems)?;
        Some(Self { name, port, target, is_tcp, app_protocol })
    }
}

impl EndpointSlice {
    /// Reads a whole document of kind EndpointSlice.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = root.mapping(problems)?;
        let is_name = fields.required("addressType", problems)?.string(problems)? == "FQDN";
        let endpoints = items(&mut fields, "endpoints", problems);
        let addresses = endpoints.into_iter().flat_map(|v| ready(v, is_name, problems)).collect();
        let ports = ports(&mut fields, problems);
        Some(Self { subsets: vec![Subset { addresses, ports }] })
    }

    /// Reads a whole document of kind Endpoints.
    pub(crate) fn read_endpoints(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = root.mapping(problems)?;
        let mut subsets = Vec::new();
        for subset in items(&mut fields, "subsets", problems) {
            let Some(mut fields) = subset.mapping(problems) else { continue };
            let addresses = items(&mut fields, "addresses", problems);
            let addresses = addresses
                .into_iter()
                .filter_map(|v| {
                    let mut fields = v.mapping(problems)?;
                    let pod = pod(&mut fields, problems);
                    let ip = fields.required("ip", problems)?;
                    Some(EndpointAddress { host: address(ip, false, problems)?, pod })
                })
                .collect();
            subsets.push(Subset { addresses, ports: ports(&mut fields, problems) });
        }
        Some(Self { subsets })
    }
}

impl Resource<EndpointSlice> {
    /// The Service that the endpoints belong to, if any. It is in the same namespace.
    pub(crate) fn service(&self) -> Option<&str> {
        match &*self.object().kind {
            "Endpoints" => Some(&self.meta.name),
            _ => self.meta.labels.get("kubernetes.io/service-name").map(AsRef::as_ref),
        }
    }
}

/// The addresses of an endpoint of a slice, if it is ready. Not said means yes.
fn ready(value: Value<'_>, is_name: bool, problems: &mut Problems) -> Vec<EndpointAddress> {
    let Some(mut fields) = value.mapping(problems) else { return Vec::new() };
    let ready = fields
        .field("conditions")
        .and_then(|v| v.mapping(problems)?.field("ready")?.bool(problems))
        .unwrap_or(true);
    let pod = pod(&mut fields, problems);
    let addresses = items(&mut fields, "addresses", problems).into_iter();
    let addresses = addresses
        .filter_map(|v| address(v, is_name, problems))
        .map(|host| EndpointAddress { host, pod: pod.clone() })
        .collect();
    if ready { addresses } else { Vec::new() }
}

/// The Pod that `targetRef` of an endpoint names.
fn pod(fields: &mut Mapping<'_>, problems: &mut Problems) -> Option<Box<str>> {
    let mut target = fields.field("targetRef")?.mapping(problems)?;
    text(&mut target, "kind", problems).filter(|kind| &**kind == "Pod")?;
    text(&mut target, "name", problems)
}

/// The different IP addresses among texts, of which `None` and the empty one say that there is
/// none.
pub(super) fn address_list(written: Vec<Value<'_>>, problems: &mut Problems) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for value in written {
        let Some(text) = value.string(problems) else { continue };
        if !matches!(text, "" | "None")
            && let Some(address) = ip_address(value, text, problems)
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
    }
    addresses
}

/// The TCP ports of endpoints.
fn ports(fields: &mut Mapping<'_>, problems: &mut Problems) -> Vec<EndpointPort> {
    let mut ports = Vec::new();
    for value in items(fields, "ports", problems) {
        let Some(mut fields) = value.mapping(problems) else { continue };
        let name = text(&mut fields, "name", problems).unwrap_or_default();
        let is_tcp = is_tcp(&mut fields, problems);
        let port = match fields.field("port") {
            None => None,
            Some(value) => match value.port(problems) {
                None => continue,
                port => port,
            },
        };
        if is_tcp {
            ports.push(EndpointPort { name, port });
        }
    }
    ports
}

fn address(value: Value<'_>, is_name: bool, problems: &mut Problems) -> Option<Box<str>> {
    let text = value.string(problems)?;
    if is_name {
        return host_name(value, text, problems);
    }
    ip_address(value, text, problems).map(|address| address.to_string().into())
}

fn ip_address(value: Value<'_>, text: &str, problems: &mut Problems) -> Option<IpAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        let message = format!("`{}` is not an IP address", super::document::shorten(text));
        problems.push(Diagnostic::error("invalid-address", &value.origin(), message));
    }
    address
}

fn host_name(value: Value<'_>, text: &str, problems: &mut Problems) -> Option<Box<str>> {
    match text.parse() {
        Ok(crate::rules::HostPattern::Exact(name)) => Some(name),
        _ => {
            let message = format!("`{}` is not a host name", super::document::shorten(text));
            problems.push(Diagnostic::error("invalid-address", &value.origin(), message));
            None
        }
    }
}

fn is_tcp(fields: &mut Mapping<'_>, problems: &mut Problems) -> bool {
    text(fields, "protocol", problems).is_none_or(|protocol| &*protocol == "TCP")
}

/// The items of a list that may be missing.
fn items<'d>(
    fields: &mut Mapping<'d>,
    name: &'static str,
    problems: &mut Problems,
) -> Vec<Value<'d>> {
    fields.field(name).map(|v| v.list(problems).collect()).unwrap_or_default()
}

fn text(fields: &mut Mapping<'_>, name: &'static str, problems: &mut Problems) -> Option<Box<str>> {
    fields.field(name)?.string(problems).map(Box::from)
}

#[cfg(test)]
mod tests {
    use crate::Resources;

    fn shown(yaml: &str) -> Vec<String> {
        let mut resources = Resources::new();
        resources.add_yaml("f", yaml);
        resources.diagnostics().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn wrong_values_are_reported_and_unknown_fields_are_not() {
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: ";
        let slice = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\n\
                     addressType: IPv4\n";
        let endpoints = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: a}\nsubsets: ";
        for (start, rest, want) in [
            (service, "{anything: {at: all}, ports: [{port: 1, more: x}]}", None),
            (service, "{}", None),
            (
                service,
                "{ports: [{port: '80'}]}",
                Some(
                    "f:4:23: error[wrong-type]: Service default/a: spec.ports[0].port: expected a \
                     whole number, found the text `80`; did you mean `80`, without quotes?",
                ),
            ),
            (
                service,
                "{ports: [{port: 80, targetPort: 70000}]}",
                Some(
                    "f:4:39: error[out-of-range]: Service default/a: spec.ports[0].targetPort: \
                     `70000` is not between 1 and 65535",
                ),
            ),
            (
                service,
                "{type: ExternalName, ports: [{port: 80}]}",
                Some(
                    "f:4:7: error[missing-field]: Service default/a: spec.externalName: required \
                     field `externalName` is missing",
                ),
            ),
            (
                service,
                "{type: ExternalName, externalName: a b, ports: [{port: 80}]}",
                Some(
                    "f:4:42: error[invalid-address]: Service default/a: spec.externalName: `a b` \
                     is not a host name",
                ),
            ),
            (
                service,
                "{type: ExternalName, externalName: a.example}",
                Some(
                    "f:4:7: warning[no-ports]: Service default/a: spec: without ports no request \
                     can be sent to the Service; list the ports of the host under `ports`",
                ),
            ),
            (
                service,
                "{ports: [], selector: {app: 1}}",
                Some(
                    "f:4:35: error[wrong-type]: Service default/a: spec.selector.app: expected \
                     text, found the number `1`; put it in quotes",
                ),
            ),
            (
                service,
                "{clusterIPs: [10.0.0.1, tea]}",
                Some(
                    "f:4:31: error[invalid-address]: Service default/a: spec.clusterIPs[1]: `tea` \
                     is not an IP address",
                ),
            ),
            (slice, "endpoints: null\nports: null\nextra: 1", None),
            (
                slice,
                "endpoints: [{addresses: [a.example]}]",
                Some(
                    "f:5:26: error[invalid-address]: EndpointSlice default/a: \
                     endpoints[0].addresses[0]: `a.example` is not an IP address",
                ),
            ),
            (
                slice,
                "endpoints: [{conditions: {ready: perhaps}}]",
                Some(
                    "f:5:34: error[wrong-type]: EndpointSlice default/a: \
                     endpoints[0].conditions.ready: expected `true` or `false`, found the text \
                     `perhaps`",
                ),
            ),
            (
                slice,
                "ports: [{port: 0}]",
                Some(
                    "f:5:16: error[out-of-range]: EndpointSlice default/a: ports[0].port: `0` is \
                     not between 1 and 65535",
                ),
            ),
            (endpoints, "[{addresses: [{ip: 10.0.0.1, nodeName: n}]}]", None),
            (
                endpoints,
                "[{addresses: [10.0.0.1]}]",
                Some(
                    "f:4:24: error[wrong-type]: Endpoints default/a: subsets[0].addresses[0]: \
                     expected a mapping, found the text `10.0.0.1`; it has fields of its own: indent them below it, each as `name: value`",
                ),
            ),
        ] {
            let found = shown(&format!("{start}{rest}"));
            assert_eq!(found, Vec::from_iter(want), "{rest}");
        }
    }

    #[test]
    fn services_keep_their_selector_and_addresses() {
        for (spec, want) in [
            ("{}", "[] []"),
            ("{clusterIP: None, clusterIPs: [None]}", "[] []"),
            ("{clusterIP: '', selector: null}", "[] []"),
            (
                "{clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, 'FD00::1'], selector: {a: b, c: d}}",
                "[a=b, c=d] [10.0.0.1, fd00::1]",
            ),
        ] {
            let text =
                format!("apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {spec}");
            let mut resources = Resources::new();
            resources.add_yaml("f", text);
            assert_eq!(resources.diagnostics(), [], "{spec}");
            let service = &resources.services().next().unwrap().spec;
            let labels: Vec<_> =
                service.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let found = format!("[{}] {:?}", labels.join(", "), service.cluster_ips);
            assert_eq!(found, want, "{spec}");
        }
    }

    #[test]
    fn ports_keep_what_is_spoken_there() {
        // gateway-api §15.4
        let mut resources = Resources::new();
        let ports = "[{name: a, port: 1, appProtocol: kubernetes.io/h2c}, {name: b, port: 2}]";
        let text = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {{ports: {ports}}}"
        );
        resources.add_yaml("f", text);
        assert_eq!(resources.diagnostics(), []);
        let ports = &resources.services().next().unwrap().spec.ports;
        let spoken: Vec<_> = ports.iter().map(|port| port.app_protocol.as_deref()).collect();
        assert_eq!(spoken, [Some("kubernetes.io/h2c"), None]);
        assert_eq!(
            shown(
                "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n\
                 spec: {ports: [{port: 1, appProtocol: 2}]}"
            ),
            ["f:4:39: error[wrong-type]: Service default/a: spec.ports[0].appProtocol: expected \
              text, found the number `2`; put it in quotes"]
        );
    }

    #[test]
    fn services_without_an_address_on_purpose_are_headless() {
        // gateway-api §22
        for (spec, want) in [
            ("{clusterIP: None}", true),
            ("{clusterIPs: [None]}", true),
            ("{}", false),
            ("{clusterIP: ''}", false),
            ("{clusterIP: 10.0.0.1}", false),
            ("{type: ExternalName, externalName: a, ports: [{port: 1}], clusterIP: None}", false),
        ] {
            let mut resources = Resources::new();
            let text =
                format!("apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {spec}");
            resources.add_yaml("f", text);
            assert_eq!(resources.diagnostics(), [], "{spec}");
            let headless = resources.services().next().map(|service| service.spec.headless);
            assert_eq!(headless, Some(want), "{spec}");
        }
    }

    #[test]
    fn an_annotation_tells_that_proxies_speak_mutual_tls() {
        let read = |annotations: &str| {
            let mut resources = Resources::new();
            let text = format!(
                "apiVersion: v1\nkind: Service\nmetadata: {{name: a{annotations}}}\nspec: {{}}"
            );
            resources.add_yaml("f", text);
            let mutual = resources.services().next().map(|service| service.spec.mutual_tls);
            (mutual, resources.diagnostics().iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        for (annotations, want) in [
            ("", false),
            (", annotations: null", false),
            (", annotations: {other/mutual-tls: 'true'}", false),
            (", annotations: {gateway/mutual-tls: 'false'}", false),
            (", annotations: {gateway/mutual-tls: 'true'}", true),
        ] {
            assert_eq!(read(annotations), (Some(want), vec![]), "{annotations}");
        }
        // Nothing that was meant to be encrypted is sent: the document is refused.
        let told = "f:3:55: error[invalid-value]: Service default/a: \
                    metadata.annotations.gateway/mutual-tls: `yes` is neither `true` nor \
                    `false`; `true` where proxies that speak mutual TLS stand before its endpoints";
        assert_eq!(read(", annotations: {gateway/mutual-tls: 'yes'}"), (None, vec![told.into()]));
        let (found, told) = read(", annotations: {gateway/mutual-tls: true}");
        assert!(found.is_none() && told.len() == 1, "{told:?}");
    }

    #[test]
    fn endpoints_keep_the_pods_behind_them() {
        let text = "apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a}
addressType: IPv4
endpoints:
- {addresses: [10.0.0.1, 10.0.0.2], targetRef: {kind: Pod, name: p, namespace: default, uid: x}}
- {addresses: [10.0.0.3], targetRef: {kind: Node, name: n}}
- {addresses: [10.0.0.4]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: a}
subsets: [{addresses: [{ip: 10.0.0.5, targetRef: {kind: Pod, name: q}}, {ip: 10.0.0.6}]}]
";
        let mut resources = Resources::new();
        resources.add_yaml("f", text);
        assert_eq!(resources.diagnostics(), []);
        let found: Vec<_> = resources
            .endpoint_slices()
            .flat_map(|slice| &slice.spec.subsets)
            .flat_map(|subset| &subset.addresses)
            .map(|address| format!("{} {}", address.host, address.pod.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(
            found,
            ["10.0.0.1 p", "10.0.0.2 p", "10.0.0.3 -", "10.0.0.4 -", "10.0.0.5 q", "10.0.0.6 -"]
        );
    }
}
