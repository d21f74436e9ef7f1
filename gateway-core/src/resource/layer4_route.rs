//! TCPRoute and UDPRoute of `specs.smi-spec.io` (smi §5). They route nothing: TrafficTargets refer
//! to them. The kinds of the same names of the Gateway API are others (smi L-2).

use super::Problems;
use super::document::Value;
use super::smi::{self, Version};

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer4Route {
    /// The ports of the traffic. None: every port (smi L-1).
    pub(crate) ports: Vec<u16>,
}

impl Layer4Route {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let smi::Matches { version, outside, inside } = smi::matches(root, problems)?;
        let right = (version >= Version::V1alpha4).then_some("spec.matches");
        let matches = smi::settle([inside, outside], right, version, problems);
        let ports = matches.map_or_else(Vec::new, |matches| read_ports(matches, problems));
        Some(Self { ports })
    }
}

fn read_ports(matches: Value<'_>, problems: &mut Problems) -> Vec<u16> {
    let Some(mut fields) = matches.mapping(problems) else { return Vec::new() };
    // The SDK has it; nothing refers to it.
    fields.field("name").and_then(|name| name.string(problems));
    let ports: Vec<Value<'_>> =
        fields.field("ports").map_or_else(Vec::new, |list| list.list(problems).collect());
    fields.finish_with(smi::UNKNOWN_FIELD, problems);
    ports.into_iter().filter_map(|port| port.port(problems)).collect()
}

#[cfg(test)]
mod tests {
    use crate::resource::tests::{read, shown};

    fn route(kind: &str, version: &str, rest: &str) -> String {
        format!(
            "apiVersion: specs.smi-spec.io/{version}\nkind: {kind}\nmetadata: {{name: a}}\n{rest}"
        )
    }

    #[test]
    fn ports_are_read_from_wherever_versions_have_them() {
        // smi §5, L-1, D-4
        let ports = "{matches: {name: a, ports: [80, 65535]}}";
        let misplaced = |field: &str, text: &str| {
            let place = if field == "matches" { "f.yaml:4:1" } else { "f.yaml:4:8" };
            Some(format!("{place}: warning[SMI-W01]: TCPRoute default/a: {field}: {text}"))
        };
        for (version, rest, want, warning) in [
            ("v1alpha1", String::new(), vec![], None),
            ("v1alpha2", String::new(), vec![], None),
            ("v1alpha3", "spec: {}".into(), vec![], None),
            ("v1alpha4", String::new(), vec![], None),
            ("v1alpha4", "spec: {}".into(), vec![], None),
            ("v1alpha4", "spec: {matches: {}}".into(), vec![], None),
            ("v1alpha4", "spec: {matches: {ports: []}}".into(), vec![], None),
            ("v1alpha4", format!("spec: {ports}"), vec![80, 65535], None),
            (
                "v1alpha4",
                "matches: {ports: [80]}".into(),
                vec![80],
                misplaced("matches", "v1alpha4 has this at `spec.matches`; it is applied"),
            ),
            (
                "v1alpha3",
                format!("spec: {ports}"),
                vec![80, 65535],
                misplaced("spec.matches", "v1alpha3 has no `spec.matches`; it is applied"),
            ),
            (
                "v1alpha1",
                "matches: {ports: [80]}".into(),
                vec![80],
                misplaced("matches", "v1alpha1 has no `matches`; it is applied"),
            ),
        ] {
            let resources = read(&route("TCPRoute", version, &rest));
            assert_eq!(shown(&resources), Vec::from_iter(warning), "{version} {rest}");
            let found: Vec<_> = resources.tcp_routes().map(|r| &r.spec.ports).collect();
            assert_eq!(found, [&want], "{version} {rest}");
            assert_eq!(resources.udp_routes().count(), 0);
        }
        let udp = read(&route("UDPRoute", "v1alpha4", "spec: {matches: {ports: [53]}}"));
        assert_eq!(udp.udp_routes().map(|r| r.spec.ports.clone()).next(), Some(vec![53]));
        assert_eq!(udp.tcp_routes().count(), 0);
    }

    #[test]
    fn wrong_routes_are_refused_with_a_reason() {
        // smi L-1, P-2, P-8
        for (rest, want) in [
            (
                "spec: {matches: {ports: [80, 0]}}",
                "4:30: error[out-of-range]: TCPRoute default/a: spec.matches.ports[1]: `0` is not \
                 between 1 and 65535",
            ),
            (
                "spec: {matches: {ports: [65536]}}",
                "4:26: error[out-of-range]: TCPRoute default/a: spec.matches.ports[0]: `65536` is \
                 not between 1 and 65535",
            ),
            (
                "spec: {matches: {ports: ['80']}}",
                "4:26: error[wrong-type]: TCPRoute default/a: spec.matches.ports[0]: expected a \
                 whole number, found the text `80`; did you mean `80`, without quotes?",
            ),
            (
                "spec: {matches: [{ports: [80]}]}",
                "4:17: error[wrong-type]: TCPRoute default/a: spec.matches: expected a mapping, \
                 found a list; fields belong here, no list: leave out `- ` or `[ ]`",
            ),
            (
                "spec: {matches: {}}\nmatches: {}",
                "4:8: error[ambiguous-field]: TCPRoute default/a: spec.matches: `spec.matches` \
                 and `matches` are the same field; write all of it at `spec.matches`",
            ),
            (
                "spec: {matches: {port: [80]}}",
                "4:18: warning[SMI-W02]: TCPRoute default/a: spec.matches.port: unknown field \
                 `port`; did you mean `ports`?",
            ),
        ] {
            let resources = read(&route("TCPRoute", "v1alpha4", rest));
            assert_eq!(shown(&resources), [format!("f.yaml:{want}")], "{rest}");
            let kept = usize::from(want.contains("warning"));
            assert_eq!(resources.tcp_routes().count(), kept, "{rest}");
        }
    }

    #[test]
    fn routes_of_the_gateway_api_are_others() {
        // smi L-2
        let other = "apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: TCPRoute\n\
                     metadata: {name: a}\n\
                     spec: {rules: [{backendRefs: [{name: b, port: 1}]}]}";
        let ours = route("TCPRoute", "v1alpha4", "spec: {matches: {ports: [80]}}");
        for text in [format!("{other}\n---\n{ours}"), format!("{ours}\n---\n{other}")] {
            let resources = read(&text);
            let codes: Vec<_> = resources.diagnostics().iter().map(|d| d.code).collect();
            assert_eq!((codes, resources.refused()), (vec!["unsupported-kind"], &[][..]), "{text}");
            assert_eq!(resources.tcp_routes().map(|r| r.spec.ports.len()).sum::<usize>(), 1);
        }
    }
}
