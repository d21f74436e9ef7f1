//! Service references to endpoints.

use crate::rules::{ServiceAccount, ServiceName};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Where a Service's requests can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// An address, or a host name for an ExternalName Service.
    pub host: Box<str>,
    /// The target port.
    pub port: u16,
    /// Who answers there.
    pub behind: Behind,
}

impl Endpoint {
    /// An endpoint at an address or host name, of which nothing else is known.
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.into(), port, behind: Behind::default() }
    }
}

/// Who answers at an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Behind {
    /// The position in [`Access::workloads`](crate::rules::Access) of the Service, for
    /// [`Decision::admits`](crate::Decision).
    pub workload: usize,
    /// The service account, where documents tell it: of the Pod, or of all that the Service selects.
    pub account: Option<Arc<ServiceAccount>>,
    /// What it may be: labels of the Pods of each candidate.
    pub(super) labels: Arc<[PodLabels]>,
}

/// The labels of a Pod, or those that a workload gives to all of its Pods, which may have more.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct PodLabels {
    pub(super) labels: BTreeMap<Box<str>, Box<str>>,
    pub(super) is_pod: bool,
}

impl Behind {
    /// Whether the Pod that answers there carries all these labels; `None` where documents do not
    /// tell (virtualserver §4, `subselector`).
    pub fn carries(&self, wanted: &[(Box<str>, Box<str>)]) -> Option<bool> {
        let carries = |pod: &PodLabels| {
            wanted.iter().all(|(name, value)| pod.labels.get(name) == Some(value))
        };
        let candidates = &*self.labels;
        if candidates.is_empty() {
            None
        } else if candidates.iter().all(carries) {
            Some(true)
        } else {
            let certainly_not = |pod: &PodLabels| pod.is_pod && !carries(pod);
            candidates.iter().all(certainly_not).then_some(false)
        }
    }

    /// Those of `all` that carry the labels for certain; `None` where documents tell it of none of
    /// them: then a request to any would be a wrong route.
    pub fn narrow<T>(
        all: Vec<T>,
        behind: impl Fn(&T) -> &Self,
        wanted: &[(Box<str>, Box<str>)],
    ) -> Option<Vec<T>> {
        let carries = |one: &T| behind(one).carries(wanted);
        let is_known = all.is_empty() || all.iter().any(|one| carries(one).is_some());
        is_known.then(|| all.into_iter().filter(|one| carries(one) == Some(true)).collect())
    }
}

/// The ready endpoints that documents name, by Service and Service port.
///
/// ```
/// use gateway_core::{Endpoint, Endpoints, rules::ServiceName};
/// let tea = ServiceName::new("default", "tea");
/// let mut endpoints = Endpoints::default();
/// endpoints.insert(&tea, 80, [Endpoint::new("10.0.0.2", 8080), Endpoint::new("10.0.0.1", 8080)]);
/// assert_eq!(endpoints.of_service(&tea, 80)[0], Endpoint::new("10.0.0.1", 8080));
/// assert!(endpoints.of_service(&tea, 81).is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Endpoints {
    by_service: BTreeMap<ServiceName, BTreeMap<u16, Vec<Endpoint>>>,
    /// Who answers at endpoints that no document names.
    unknown: BTreeMap<ServiceName, BTreeMap<u16, Behind>>,
    /// The addresses of Services themselves.
    cluster_ips: BTreeMap<ServiceName, IpAddr>,
}

impl Endpoints {
    /// Adds endpoints to a port of a Service. Those that are there already stay as they are.
    pub fn insert(
        &mut self,
        service: &ServiceName,
        port: u16,
        endpoints: impl IntoIterator<Item = Endpoint>,
    ) {
        let mut endpoints = endpoints.into_iter().peekable();
        if endpoints.peek().is_none() {
            return;
        }
        let list = self.by_service.entry(service.clone()).or_default().entry(port).or_default();
        list.extend(endpoints);
        list.sort_unstable();
        list.dedup_by(|a, b| (&a.host, a.port) == (&b.host, b.port));
    }

    /// Says which address stands for a Service in its cluster.
    pub(super) fn set_cluster_ip(&mut self, service: &ServiceName, address: IpAddr) {
        self.cluster_ips.insert(service.clone(), address);
    }

    /// The address that stands for a Service in its cluster, the first one if there are two; `None`
    /// for a headless one (virtualserver §4, `use-cluster-ip`).
    pub fn cluster_ip(&self, service: &ServiceName) -> Option<IpAddr> {
        self.cluster_ips.get(service).copied()
    }

    /// Says who answers at endpoints of a port that no document names.
    pub(super) fn set_unknown(&mut self, service: &ServiceName, port: u16, behind: Behind) {
        self.unknown.entry(service.clone()).or_default().insert(port, behind);
    }

    /// Who answers at an endpoint of a port that no document names: all that is known is what the
    /// Service selects.
    pub fn unknown(&self, service: &ServiceName, port: u16) -> Behind {
        self.unknown.get(service).and_then(|ports| ports.get(&port)).cloned().unwrap_or_default()
    }

    /// Gives the workloads of a Service other positions, from each to its new one.
    pub(super) fn renumber(&mut self, service: &ServiceName, places: &[usize]) {
        let named = self.by_service.get_mut(service).into_iter().flat_map(BTreeMap::values_mut);
        let named = named.flatten().map(|endpoint| &mut endpoint.behind);
        let unknown = self.unknown.get_mut(service).into_iter().flat_map(BTreeMap::values_mut);
        for behind in named.chain(unknown) {
            // Endpoints by name alone have no kind of their own.
            behind.workload = places.get(behind.workload).copied().unwrap_or_default();
        }
    }

    /// The ready endpoints of a port of a Service, sorted; empty when there are none or the
    /// Service is not known.
    pub fn of_service(&self, service: &ServiceName, port: u16) -> &[Endpoint] {
        self.by_service.get(service).and_then(|ports| ports.get(&port)).map_or(&[], Vec::as_slice)
    }

    /// Every port of a Service that has ready endpoints, with them, sorted by Service and port.
    pub fn iter(&self) -> impl Iterator<Item = (&ServiceName, u16, &[Endpoint])> {
        self.by_service.iter().flat_map(|(service, ports)| {
            ports.iter().map(move |(port, list)| (service, *port, list.as_slice()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Resources;
    use crate::translate::workloads::Population;

    fn endpoints(yaml: &str) -> Vec<String> {
        let mut resources = Resources::new();
        resources.add_yaml("f.yaml", yaml);
        assert_eq!(resources.diagnostics(), [], "{yaml}");
        let show = |(service, port, list): (&ServiceName, u16, &[Endpoint])| {
            let list: Vec<_> = list.iter().map(|e| format!("{}:{}", e.host, e.port)).collect();
            format!("{service}:{port} = {}", list.join(" "))
        };
        Population::of(&resources, &[]).1.iter().map(show).collect()
    }

    fn slice(name: &str, rest: &str) -> String {
        format!(
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: {name}\n  \
             labels: {{kubernetes.io/service-name: tea}}\naddressType: IPv4\n{rest}\n"
        )
    }

    const TEA: &str = "apiVersion: v1
kind: Service
metadata: {name: tea}
spec:
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: admin, port: 81, targetPort: admin}
  - {name: dns, port: 53, protocol: UDP}
";

    #[test]
    fn ports_of_slices_belong_to_the_service_port_of_their_name() {
        let slices = slice(
            "tea-1",
            "endpoints: [{addresses: [10.0.0.2]}, {addresses: [10.0.0.1]}]
ports: [{name: http, port: 8080}, {name: admin, port: 9000}, {name: other, port: 1}]",
        ) + &slice(
            "tea-2",
            "endpoints: [{addresses: [10.0.0.1, 10.0.0.3]}]
ports: [{name: http, port: 8081}, {name: http, port: 8080, protocol: TCP}, {name: dns, port: 53, protocol: UDP}]",
        );
        assert_eq!(
            endpoints(&format!("{TEA}{slices}")),
            [
                "default/tea:80 = 10.0.0.1:8080 10.0.0.1:8081 10.0.0.2:8080 10.0.0.3:8080 \
                 10.0.0.3:8081",
                "default/tea:81 = 10.0.0.1:9000 10.0.0.2:9000",
            ]
        );
        // Documents count in any order.
        assert_eq!(endpoints(&format!("{slices}---\n{TEA}")).len(), 2);
    }

    #[test]
    fn only_ready_endpoints_count_and_not_said_is_ready() {
        let ready = |conditions: &str| {
            let rest = format!(
                "endpoints: [{{addresses: [10.0.0.1]{conditions}}}]\nports: [{{name: http, port: 1}}]"
            );
            !endpoints(&format!("{TEA}{}", slice("tea-1", &rest))).is_empty()
        };
        for (conditions, want) in [
            ("", true),
            (", conditions: {}", true),
            (", conditions: {ready: null}", true),
            (", conditions: {ready: true}", true),
            (", conditions: {ready: true, serving: false}", true),
            (", conditions: {ready: false}", false),
            (", conditions: {ready: false, serving: true, terminating: true}", false),
        ] {
            assert_eq!(ready(conditions), want, "{conditions}");
        }
    }

    #[test]
    fn a_slice_port_without_a_number_is_every_port() {
        let rest = "endpoints: [{addresses: [10.0.0.1]}]\nports: [{name: http}, {name: admin}]";
        assert_eq!(
            endpoints(&format!("{TEA}{}", slice("tea-1", rest))),
            ["default/tea:80 = 10.0.0.1:8080", "default/tea:81 = 10.0.0.1:81"]
        );
    }

    #[test]
    fn unnamed_ports_belong_together() {
        let service =
            "apiVersion: v1\nkind: Service\nmetadata: {name: tea}\nspec: {ports: [{port: 80}]}\n";
        for port in ["{port: 8080}", "{name: '', port: 8080}", "{name: null, port: 8080}"] {
            let rest = format!("endpoints: [{{addresses: [10.0.0.1]}}]\nports: [{port}]");
            assert_eq!(
                endpoints(&format!("{service}{}", slice("tea-1", &rest))),
                ["default/tea:80 = 10.0.0.1:8080"],
                "{port}"
            );
        }
    }

    #[test]
    fn endpoints_documents_count_like_slices() {
        let document = "---
apiVersion: v1
kind: Endpoints
metadata: {name: tea}
subsets:
- addresses: [{ip: 10.0.0.1}, {ip: 'FD00::1', hostname: a}]
  notReadyAddresses: [{ip: 10.0.0.9}]
  ports: [{name: http, port: 8080}]
- addresses: [{ip: 10.0.0.2}]
  ports: [{name: admin, port: 9000}]
";
        assert_eq!(
            endpoints(&format!("{TEA}{document}")),
            ["default/tea:80 = 10.0.0.1:8080 fd00::1:8080", "default/tea:81 = 10.0.0.2:9000"]
        );
        // Of another Service or namespace, or of no Service that there is.
        for other in [
            document.replace("name: tea", "name: tea2"),
            document.replace("name: tea", "name: tea, namespace: b"),
        ] {
            assert_eq!(endpoints(&format!("{TEA}{other}")), [""; 0], "{other}");
        }
    }

    #[test]
    fn the_first_address_of_a_service_stands_for_it() {
        // virtualserver §4, `use-cluster-ip`
        for (spec, want) in [
            ("clusterIP: 10.0.0.9", Some("10.0.0.9")),
            ("clusterIP: 10.0.0.9, clusterIPs: [10.0.0.9, 'fd00::9']", Some("10.0.0.9")),
            ("clusterIP: None", None),
            ("type: ClusterIP", None),
        ] {
            let yaml = format!(
                "{{apiVersion: v1, kind: Service, metadata: {{name: tea}}, \
                 spec: {{ports: [{{port: 80}}], {spec}}}}}"
            );
            let mut resources = Resources::new();
            resources.add_yaml("f.yaml", yaml);
            let endpoints = Population::of(&resources, &[]).1;
            let got = endpoints.cluster_ip(&ServiceName::new("default", "tea"));
            assert_eq!(got, want.map(|address| address.parse().unwrap()), "{spec}");
        }
    }

    #[test]
    fn labels_are_those_of_the_pod_behind_an_endpoint() {
        // virtualserver §4, `subselector`
        let pod = |name: &str, labels: &str| {
            format!(
                "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{{labels}}}}}, \
                 status: {{podIP: 10.0.0.1}}}}\n"
            )
        };
        let maker = "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: tea}, \
                     spec: {template: {metadata: {labels: {app: tea, v: '1'}}}}}\n";
        let selecting = TEA.replace("spec:\n", "spec:\n  selector: {app: tea}\n");
        let named = "endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: a}}]
ports: [{name: http, port: 1}]";
        for (others, wanted, want) in [
            (String::new(), &[("app", "tea")][..], None),
            (pod("a", "app: tea, v: '1'"), &[("v", "1")], Some(true)),
            (pod("a", "app: tea, v: '1'"), &[("v", "1"), ("app", "tea")], Some(true)),
            (pod("a", "app: tea, v: '1'"), &[("v", "2")], Some(false)),
            (pod("a", "v: '1'") + &pod("b", "v: '1'"), &[("v", "1")], Some(true)),
            (pod("a", "v: '1'") + &pod("b", "v: '2'"), &[("v", "1")], None),
            (maker.to_owned(), &[("v", "1")], Some(true)),
            (maker.to_owned(), &[("v", "2")], None),
        ] {
            let mut resources = Resources::new();
            resources.add_yaml("f.yaml", format!("{selecting}{}{others}", slice("tea-1", named)));
            assert_eq!(resources.diagnostics(), []);
            let endpoints = Population::of(&resources, &[]).1;
            let found = endpoints.of_service(&ServiceName::new("default", "tea"), 80);
            let wanted: Vec<(Box<str>, Box<str>)> =
                wanted.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            assert_eq!(found[0].behind.carries(&wanted), want, "{wanted:?} of {others}");
            let narrowed = Behind::narrow(found.iter().collect(), |e| &e.behind, &wanted);
            assert_eq!(narrowed.map(|those| those.len()), want.map(usize::from));
            let none = Behind::narrow(Vec::<Behind>::new(), |behind| behind, &wanted);
            assert_eq!(none, Some(Vec::new()));
        }
    }

    #[test]
    fn an_external_name_is_its_own_endpoint() {
        assert_eq!(
            endpoints(
                "apiVersion: v1
kind: Service
metadata: {name: tea}
spec: {type: ExternalName, externalName: Tea.example.com., ports: [{port: 443, targetPort: 1}]}
"
            ),
            ["default/tea:443 = tea.example.com:443"]
        );
    }
}
