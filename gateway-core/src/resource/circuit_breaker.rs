//! CircuitBreaker of `specs.smi.nginx.com` (smi §8.2).

use super::Problems;
use super::document::{At, Located, Mapping, Value, shorten};
use super::rate_limit::Target;
use super::smi;
use super::smi::reference::{Allowed, Reference};
use crate::diagnostic::Diagnostic;
use crate::rules::ServiceName;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CircuitBreaker {
    /// A Service.
    pub(crate) destination: Reference<Target>,
    /// So many failures within the window trip it; 0: it never trips.
    pub(crate) errors: u32,
    /// How long the window is, and the pause after it.
    pub(crate) timeout_seconds: u32,
    pub(crate) fallback: Option<Fallback>,
}

/// Where requests go in the pause.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fallback {
    pub(crate) at: At,
    /// A name without namespace is one of `default`, whatever the breaker's own is.
    pub(crate) service: Located<ServiceName>,
    pub(crate) port: u16,
}

const TARGETS: [Allowed<Target>; 1] = [("Service", smi::Version::V1alpha1, Target::Service)];

impl CircuitBreaker {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (version, mut fields) = smi::open(root, problems)?;
        let spec = fields.required("spec", problems).and_then(|spec| spec.mapping(problems));
        fields.finish_with(smi::UNKNOWN_FIELD, problems);
        let mut spec = spec?;
        let destination = spec.required("destination", problems).and_then(|v| {
            let mut fields = v.mapping(problems)?;
            let what = "a destination";
            let destination = Reference::read(&mut fields, what, &TARGETS, version, problems);
            fields.finish_with(smi::UNKNOWN_FIELD, problems);
            destination
        });
        let errors = required_count(&mut spec, "errors", problems);
        let timeout_seconds = required_count(&mut spec, "timeoutSeconds", problems);
        let fallback = spec.field("fallback").and_then(|v| Fallback::read(v, problems));
        spec.finish_with(smi::UNKNOWN_FIELD, problems);
        let (destination, errors) = (destination?, errors?);
        Some(Self { destination, errors, timeout_seconds: timeout_seconds?, fallback })
    }
}

fn required_count(
    fields: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<u32> {
    let value = fields.required(name, problems)?;
    value.integer(0..=i64::from(i32::MAX), problems).and_then(|n| u32::try_from(n).ok())
}

impl Fallback {
    fn read(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        const DEFAULT_PORT: u16 = 80;
        let mut fields = value.mapping(problems)?;
        // The guide of NGINX Service Mesh calls it so; its schema does not.
        let slip = fields.field("name");
        if let Some(name) = slip {
            let severity = problems.unknown_field_severity();
            let (code, at) = (smi::UNKNOWN_FIELD, name.key_origin());
            let told = Diagnostic::new(severity, code, &at, "unknown field `name`");
            problems.push(told.help("the Service stands under `service`"));
        }
        let service = match slip {
            Some(_) => fields.field("service"),
            None => fields.required("service", problems),
        };
        let service = service.and_then(|v| read_service(v, problems));
        let port = match fields.field("port") {
            Some(port) => port.port(problems),
            None => Some(DEFAULT_PORT),
        };
        fields.finish_with(smi::UNKNOWN_FIELD, problems);
        Some(Self { at: value.at(), service: service?, port: port? })
    }
}

/// `namespace/name`, or `name` of the namespace `default`.
fn read_service(value: Value<'_>, problems: &mut Problems) -> Option<Located<ServiceName>> {
    let text = value.string(problems)?;
    let (namespace, name) = text.split_once('/').unwrap_or(("default", text));
    if namespace.is_empty() || name.is_empty() || name.contains('/') {
        let message = format!("`{}` does not name a Service", shorten(text));
        let told = Diagnostic::error("invalid-value", &value.origin(), message);
        problems.push(told.help("write it as `namespace/name`"));
        return None;
    }
    Some(value.located(ServiceName::new(namespace, name)))
}

#[cfg(test)]
mod tests {
    use crate::Resources;
    use crate::resource::tests::{read, shown};

    fn breaker(rest: &str) -> Resources {
        read(&format!(
            "apiVersion: specs.smi.nginx.com/v1alpha1\nkind: CircuitBreaker\n\
             metadata: {{name: a, namespace: shop}}\n\
             spec: {{destination: {{kind: Service, name: a}}, errors: 3, timeoutSeconds: 30{rest}}}"
        ))
    }

    #[test]
    fn fallbacks_have_a_namespace_and_a_port_of_their_own() {
        // smi §8.2
        for (rest, want) in [
            ("", None),
            (", fallback: {service: b}", Some("default/b 80")),
            (", fallback: {service: shop/b, port: 8080}", Some("shop/b 8080")),
        ] {
            let resources = breaker(rest);
            assert_eq!(shown(&resources), [""; 0], "{rest}");
            let found = &resources.circuit_breakers().next().unwrap().spec;
            assert_eq!((&*found.destination.name.value, found.errors), ("a", 3));
            assert_eq!((found.timeout_seconds, &found.destination.namespace), (30, &None));
            let fallback = found.fallback.as_ref();
            let fallback = fallback.map(|f| format!("{} {}", f.service.value, f.port));
            assert_eq!(fallback.as_deref(), want, "{rest}");
        }
    }

    #[test]
    fn wrong_breakers_are_refused_with_a_reason() {
        // smi §8.2, P-8
        for (rest, want) in [
            (
                ", fallback: {name: b, port: 80}",
                "89: warning[SMI-W02]: spec.fallback.name: unknown field `name`; the Service \
                 stands under `service`",
            ),
            (
                ", fallback: {port: 80}",
                "88: error[missing-field]: spec.fallback.service: required field `service` is \
                 missing",
            ),
            (
                ", fallback: {service: a/b/c}",
                "98: error[invalid-value]: spec.fallback.service: `a/b/c` does not name a \
                 Service; write it as `namespace/name`",
            ),
            (
                ", fallback: {service: /b}",
                "98: error[invalid-value]: spec.fallback.service: `/b` does not name a Service; \
                 write it as `namespace/name`",
            ),
            (
                ", fallback: {service: b, port: 0}",
                "107: error[out-of-range]: spec.fallback.port: `0` is not between 1 and 65535",
            ),
            (
                ", timeout: 1",
                "78: warning[SMI-W02]: spec.timeout: unknown field `timeout`; known are \
                 `destination`, `errors`, `timeoutSeconds`, `fallback`",
            ),
        ] {
            let resources = breaker(rest);
            let found: Vec<_> = shown(&resources)
                .iter()
                .map(|text| text.replace("f.yaml:4:", "").replace(" CircuitBreaker shop/a:", ""))
                .collect();
            assert_eq!(found, [want], "{rest}");
            let kept = usize::from(want.contains("warning"));
            assert_eq!(resources.circuit_breakers().count(), kept, "{rest}");
        }
        let resources = read(
            "apiVersion: specs.smi.nginx.com/v1alpha1\nkind: CircuitBreaker\nmetadata: {name: a}\n\
             spec: {destination: {kind: Deployment, name: a}, errors: -1}",
        );
        assert_eq!(
            shown(&resources),
            [
                "f.yaml:4:28: error[wrong-kind]: CircuitBreaker default/a: spec.destination.kind: \
                 a destination is of kind `Service`, not `Deployment`",
                "f.yaml:4:58: error[out-of-range]: CircuitBreaker default/a: spec.errors: `-1` is \
                 not between 0 and 2147483647",
                "f.yaml:4:7: error[missing-field]: CircuitBreaker default/a: spec.timeoutSeconds: \
                 required field `timeoutSeconds` is missing",
            ]
        );
    }
}
