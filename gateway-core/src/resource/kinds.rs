//! Which kinds of which groups are read, and what to say of others.

use super::GATEWAY_GROUP;
use crate::diagnostic::did_you_mean;

/// What a document of a known kind is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    VirtualServer,
    VirtualServerRoute,
    GlobalConfiguration,
    TrafficSplit,
    HttpRouteGroup,
    Layer4Route,
    TrafficTarget,
    IdentityBinding,
    RateLimit,
    CircuitBreaker,
    Gateway,
    GatewayClass,
    ListenerSet,
    ReferenceGrant,
    BackendTlsPolicy,
    HttpRoute,
    GrpcRoute,
    /// Read, but without effect.
    StreamRoute,
    Policy,
    Secret,
    ConfigMap,
    Namespace,
    Service,
    EndpointSlice,
    Endpoints,
    Workload,
    /// Understood by nobody yet; has no effect.
    Unsupported,
    /// A query API that people may have in their files; has no effect (smi §2.1).
    Metrics,
}

impl Reader {
    /// Whether objects of the kind may choose by weight.
    pub(super) fn splits(self) -> bool {
        matches!(
            self,
            Self::VirtualServer
                | Self::VirtualServerRoute
                | Self::TrafficSplit
                | Self::HttpRoute
                | Self::GrpcRoute
        )
    }
}

/// A kind of a group, and the versions of it that are read, the preferred one last.
#[derive(Debug)]
struct Known {
    group: &'static str,
    kind: &'static str,
    versions: &'static [&'static str],
    reader: Reader,
}

const fn known(
    group: &'static str,
    kind: &'static str,
    versions: &'static [&'static str],
    reader: Reader,
) -> Known {
    Known { group, kind, versions, reader }
}

const NGINX: &str = "k8s.nginx.org";
const SPLIT: &str = "split.smi-spec.io";
const SPECS: &str = "specs.smi-spec.io";
const ACCESS: &str = "access.smi-spec.io";
const METRICS: &str = "metrics.smi-spec.io";
const MESH: &str = "specs.smi.nginx.com";
const GATEWAY_X: &str = "gateway.networking.x-k8s.io";

/// Groups whose every kind concerns us: one that is not in the table is a mistake.
const OURS: [&str; 8] = [NGINX, SPLIT, SPECS, ACCESS, METRICS, MESH, GATEWAY_GROUP, GATEWAY_X];

const ALPHA1: &[&str] = &["v1alpha1"];
const ALPHA2: &[&str] = &["v1alpha2", "v1alpha1"];
const APPS: &[&str] = &["v1beta1", "v1beta2", "v1"];
const SMI: &[&str] = &["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"];

/// virtualserver §1, smi §2.1, gateway-api §2.
#[rustfmt::skip]
const KNOWN: &[Known] = &[
    known(NGINX, "VirtualServer", &["v1"], Reader::VirtualServer),
    known(NGINX, "VirtualServerRoute", &["v1"], Reader::VirtualServerRoute),
    known(NGINX, "Policy", &["v1alpha1", "v1"], Reader::Policy),
    known(NGINX, "TransportServer", &["v1alpha1", "v1"], Reader::Unsupported),
    known(NGINX, "GlobalConfiguration", &["v1alpha1", "v1"], Reader::GlobalConfiguration),
    known(SPLIT, "TrafficSplit", SMI, Reader::TrafficSplit),
    known(SPECS, "HTTPRouteGroup", SMI, Reader::HttpRouteGroup),
    known(SPECS, "TCPRoute", SMI, Reader::Layer4Route),
    known(SPECS, "UDPRoute", &["v1alpha4"], Reader::Layer4Route),
    known(ACCESS, "TrafficTarget", SMI, Reader::TrafficTarget),
    known(ACCESS, "IdentityBinding", &["v1alpha4"], Reader::IdentityBinding),
    known(METRICS, "TrafficMetrics", ALPHA2, Reader::Metrics),
    known(MESH, "RateLimit", &["v1alpha1", "v1alpha2"], Reader::RateLimit),
    known(MESH, "CircuitBreaker", ALPHA1, Reader::CircuitBreaker),
    known(GATEWAY_GROUP, "GatewayClass", &["v1beta1", "v1"], Reader::GatewayClass),
    known(GATEWAY_GROUP, "Gateway", &["v1beta1", "v1"], Reader::Gateway),
    known(GATEWAY_GROUP, "HTTPRoute", &["v1beta1", "v1"], Reader::HttpRoute),
    known(GATEWAY_GROUP, "GRPCRoute", &["v1"], Reader::GrpcRoute),
    known(GATEWAY_GROUP, "ReferenceGrant", &["v1beta1", "v1"], Reader::ReferenceGrant),
    known(GATEWAY_GROUP, "ListenerSet", &["v1"], Reader::ListenerSet),
    known(GATEWAY_GROUP, "BackendTLSPolicy", &["v1alpha3", "v1"], Reader::BackendTlsPolicy),
    known(GATEWAY_GROUP, "TLSRoute", &["v1alpha2", "v1alpha3", "v1"], Reader::StreamRoute),
    known(GATEWAY_GROUP, "TCPRoute", &["v1alpha2", "v1"], Reader::StreamRoute),
    known(GATEWAY_GROUP, "UDPRoute", &["v1alpha2", "v1"], Reader::StreamRoute),
    known(GATEWAY_X, "XListenerSet", ALPHA1, Reader::Unsupported),
    known(GATEWAY_X, "XBackendTrafficPolicy", ALPHA1, Reader::Unsupported),
    known(GATEWAY_X, "XBackend", ALPHA1, Reader::Unsupported),
    known(GATEWAY_X, "XMesh", ALPHA1, Reader::Unsupported),
    known("", "Secret", &["v1"], Reader::Secret),
    known("", "ConfigMap", &["v1"], Reader::ConfigMap),
    known("", "Namespace", &["v1"], Reader::Namespace),
    known("", "Service", &["v1"], Reader::Service),
    known("", "Endpoints", &["v1"], Reader::Endpoints),
    known("discovery.k8s.io", "EndpointSlice", &["v1beta1", "v1"], Reader::EndpointSlice),
    known("", "Pod", &["v1"], Reader::Workload),
    known("apps", "Deployment", APPS, Reader::Workload),
    known("apps", "StatefulSet", APPS, Reader::Workload),
    known("apps", "DaemonSet", APPS, Reader::Workload),
    known("apps", "ReplicaSet", APPS, Reader::Workload),
];

/// What `apiVersion` and `kind` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recognised {
    Known(Reader),
    /// A kind that has nothing to do with routing.
    Foreign,
    /// Meant for us, but wrong: which field (`apiVersion` or `kind`), what, and what is right.
    Wrong {
        code: &'static str,
        field: &'static str,
        message: String,
        help: Option<String>,
    },
}

/// Looks a kind up.
pub(super) fn recognise(api_version: &str, kind: &str) -> Recognised {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let wrong = |code, field, message: String, help: Option<String>| Recognised::Wrong {
        code,
        field,
        message,
        help,
    };
    let full = |k: &Known| {
        let version = k.versions.last().copied().unwrap_or_default();
        if k.group.is_empty() { version.to_owned() } else { format!("{}/{version}", k.group) }
    };
    if let Some(found) = KNOWN.iter().find(|k| k.group == group && k.kind == kind) {
        if found.versions.contains(&version) {
            return Recognised::Known(found.reader);
        }
        let message = format!("`{version}` is not a version of {kind} that is read");
        let help = format!("write `apiVersion: {}`", full(found));
        return wrong("unknown-version", "apiVersion", message, Some(help));
    }
    let ours = OURS.contains(&group);
    // A group that is nearly one of ours, or `smi.specs.nginx.com` (smi P-3).
    let help = if group == "smi.specs.nginx.com" {
        Some(format!("did you mean `{MESH}`?"))
    } else if ours || group.is_empty() {
        None
    } else {
        did_you_mean(group, OURS)
    };
    if help.is_some() {
        let message = format!("unknown group `{group}`");
        return wrong("unknown-group", "apiVersion", message, help);
    }
    let elsewhere = KNOWN.iter().find(|k| k.kind == kind);
    // `apiVersion: v1` is what is left when the group is forgotten.
    if !ours && (elsewhere.is_none() || !group.is_empty()) {
        return Recognised::Foreign;
    }
    let message = format!("`{}` has no kind `{kind}`", if ours { group } else { api_version });
    let help = match elsewhere {
        Some(k) => Some(format!("{kind} belongs to `apiVersion: {}`", full(k))),
        None => did_you_mean(kind, KNOWN.iter().filter(|k| k.group == group).map(|k| k.kind)),
    };
    wrong("unknown-kind", "kind", message, help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_recognised_by_group_version_and_name() {
        for (api_version, kind, want) in [
            ("k8s.nginx.org/v1", "VirtualServer", Reader::VirtualServer),
            ("k8s.nginx.org/v1", "VirtualServerRoute", Reader::VirtualServerRoute),
            ("k8s.nginx.org/v1alpha1", "GlobalConfiguration", Reader::GlobalConfiguration),
            ("split.smi-spec.io/v1alpha1", "TrafficSplit", Reader::TrafficSplit),
            ("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", Reader::HttpRouteGroup),
            ("gateway.networking.k8s.io/v1", "HTTPRoute", Reader::HttpRoute),
            ("gateway.networking.k8s.io/v1", "GRPCRoute", Reader::GrpcRoute),
            ("gateway.networking.k8s.io/v1beta1", "Gateway", Reader::Gateway),
            ("v1", "Service", Reader::Service),
            ("v1", "Endpoints", Reader::Endpoints),
            ("discovery.k8s.io/v1", "EndpointSlice", Reader::EndpointSlice),
            ("k8s.nginx.org/v1", "Policy", Reader::Policy),
            ("v1", "Secret", Reader::Secret),
            ("v1", "ConfigMap", Reader::ConfigMap),
            ("v1", "Namespace", Reader::Namespace),
            ("gateway.networking.k8s.io/v1", "ListenerSet", Reader::ListenerSet),
            ("gateway.networking.x-k8s.io/v1alpha1", "XListenerSet", Reader::Unsupported),
            ("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", Reader::ReferenceGrant),
            ("gateway.networking.k8s.io/v1alpha3", "BackendTLSPolicy", Reader::BackendTlsPolicy),
            ("gateway.networking.k8s.io/v1alpha3", "TLSRoute", Reader::StreamRoute),
            ("k8s.nginx.org/v1", "TransportServer", Reader::Unsupported),
            // smi L-2
            ("specs.smi-spec.io/v1alpha3", "TCPRoute", Reader::Layer4Route),
            ("specs.smi-spec.io/v1alpha4", "UDPRoute", Reader::Layer4Route),
            ("gateway.networking.k8s.io/v1alpha2", "UDPRoute", Reader::StreamRoute),
            ("access.smi-spec.io/v1alpha1", "TrafficTarget", Reader::TrafficTarget),
            ("access.smi-spec.io/v1alpha4", "IdentityBinding", Reader::IdentityBinding),
            ("specs.smi.nginx.com/v1alpha2", "RateLimit", Reader::RateLimit),
            ("specs.smi.nginx.com/v1alpha1", "CircuitBreaker", Reader::CircuitBreaker),
            ("v1", "Pod", Reader::Workload),
            ("apps/v1", "Deployment", Reader::Workload),
            ("gateway.networking.k8s.io/v1alpha2", "TCPRoute", Reader::StreamRoute),
            ("metrics.smi-spec.io/v1alpha1", "TrafficMetrics", Reader::Metrics),
        ] {
            let found = recognise(api_version, kind);
            assert_eq!(found, Recognised::Known(want), "{api_version} {kind}");
        }
        for (api_version, kind) in [
            ("batch/v1", "Job"),
            ("apps/v1", "ControllerRevision"),
            ("extensions/v1beta1", "Deployment"),
            ("v1", "ServiceAccount"),
            ("example.com/v1", "ConfigMap"),
            ("networking.k8s.io/v1", "Ingress"),
            ("networking.istio.io/v1", "Gateway"),
            ("metrics.k8s.io/v1beta1", "NodeMetrics"),
            ("discovery.k8s.io/v1", "Other"),
        ] {
            let found = recognise(api_version, kind);
            assert_eq!(found, Recognised::Foreign, "{api_version} {kind}");
        }
    }

    #[test]
    fn mistakes_name_what_was_meant() {
        // smi P-3; gateway-api §2
        for (api_version, kind, want_code, want_help) in [
            (
                "smi.specs.nginx.com/v1alpha1",
                "RateLimit",
                "unknown-group",
                "did you mean `specs.smi.nginx.com`?",
            ),
            ("k8s.nginx.com/v1", "VirtualServer", "unknown-group", "did you mean `k8s.nginx.org`?"),
            (
                "gateway.networking.k8s.io/v1alpha2",
                "HTTPRoute",
                "unknown-version",
                "write `apiVersion: gateway.networking.k8s.io/v1`",
            ),
            (
                "split.smi-spec.io/v1",
                "TrafficSplit",
                "unknown-version",
                "write `apiVersion: split.smi-spec.io/v1alpha4`",
            ),
            (
                "v1",
                "VirtualServer",
                "unknown-kind",
                "VirtualServer belongs to `apiVersion: k8s.nginx.org/v1`",
            ),
            ("v2", "Service", "unknown-version", "write `apiVersion: v1`"),
            ("k8s.nginx.org/v1", "VirtualSever", "unknown-kind", "did you mean `VirtualServer`?"),
            (
                "specs.smi-spec.io/v1alpha3",
                "TrafficSplit",
                "unknown-kind",
                "TrafficSplit belongs to `apiVersion: split.smi-spec.io/v1alpha4`",
            ),
        ] {
            match recognise(api_version, kind) {
                Recognised::Wrong { code, help, .. } => {
                    assert_eq!((code, help.as_deref()), (want_code, Some(want_help)));
                }
                other => panic!("{api_version} {kind}: {other:?}"),
            }
        }
    }
}
