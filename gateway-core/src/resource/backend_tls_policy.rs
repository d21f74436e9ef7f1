//! BackendTLSPolicy of `gateway.networking.k8s.io` (gateway-api §20).

use super::Problems;
use super::document::{At, Located, Value};
use super::object_reference::ObjectReference;
use super::scalar::{self, ABSOLUTE_URI, SECTION_NAME, WELL_KNOWN_AUTHORITIES};
use crate::diagnostic::Diagnostic;
use crate::rules::HostPattern;

/// How backends are spoken to over TLS, as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BackendTlsPolicy {
    /// The backends. At least one.
    pub(crate) targets: Vec<Target>,
    /// `None` when something is wrong with it.
    pub(crate) validation: Option<Validation>,
    /// The number of errors in `validation`. The policy is kept with them, so that nothing is sent
    /// in plain text that was meant to be encrypted.
    pub(crate) errors: usize,
}

/// A backend, or a part of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    pub(crate) group: Box<str>,
    pub(crate) kind: Box<str>,
    pub(crate) name: Box<str>,
    /// The name of a port; `None`: all ports.
    pub(crate) section: Option<Box<str>>,
    pub(crate) at: At,
}

/// What is asked of the certificate of a backend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Validation {
    /// One of them has signed it. None where `well_known` is there.
    pub(crate) authorities: Vec<ObjectReference>,
    /// A set of authorities by its name.
    pub(crate) well_known: Option<Located<Box<str>>>,
    /// Whom connections ask for. It is in the certificate, unless there are `names`.
    pub(crate) hostname: Box<str>,
    /// One of them is in the certificate.
    pub(crate) names: Vec<SubjectName>,
    pub(crate) at: At,
}

/// A name that a certificate may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SubjectName {
    Hostname(HostPattern),
    Uri(Box<str>),
}

impl BackendTlsPolicy {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = scalar::spec(root, problems)?.mapping(problems)?;
        let targets = fields.required("targetRefs", problems);
        let targets = targets.map_or_else(Vec::new, |list| Target::read_list(list, problems));
        let before = problems.errors();
        let validation = fields.required("validation", problems);
        let validation = validation.and_then(|v| Validation::read(v, problems));
        let errors = problems.errors() - before;
        fields.field("options").map(|v| scalar::options(v, problems));
        fields.finish(problems);
        Some(Self { targets, validation: validation.filter(|_| errors == 0), errors })
    }
}

impl Target {
    /// Whether it is a Service of the core group; nothing else is supported.
    pub(crate) fn is_service(&self) -> bool {
        (&*self.group, &*self.kind) == ("", "Service")
    }

    fn read_list(list: Value<'_>, problems: &mut Problems) -> Vec<Self> {
        let items = scalar::items(list, 1, 16, problems);
        let targets: Vec<_> = items.into_iter().filter_map(|v| Self::read(v, problems)).collect();
        let of = |target: &Self| (target.group.clone(), target.kind.clone(), target.name.clone());
        let clash = targets.iter().enumerate().find(|(i, later)| {
            targets[..*i].iter().any(|earlier| {
                of(earlier) == of(later)
                    && (earlier.section.is_none()
                        || later.section.is_none()
                        || earlier.section == later.section)
            })
        });
        if let Some((_, target)) = clash {
            let message = format!(
                "several entries name {} `{}` without telling its ports apart",
                target.kind, target.name
            );
            let problem = Diagnostic::error("duplicate", &list.origin(), message);
            problems.push(problem.help("give each of them its own `sectionName`"));
        }
        targets
    }

    fn read(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = value.mapping(problems)?;
        let target = ObjectReference::read_local_fields(&mut fields, None, problems);
        let section = fields.field("sectionName").and_then(|v| SECTION_NAME.read(v, problems));
        fields.finish(problems);
        let ObjectReference { group, kind, name, at, .. } = target?;
        Some(Self { group, kind, name, section: section.map(Into::into), at })
    }
}

impl Validation {
    fn read(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = value.mapping(problems)?;
        let list = fields.field("caCertificateRefs");
        let items = list.map_or_else(Vec::new, |list| scalar::items(list, 0, 8, problems));
        let well_known_field = fields.field("wellKnownCACertificates");
        let source = match (items.is_empty(), well_known_field) {
            (true, None) => Some(("missing-field", "neither of them")),
            (false, Some(_)) => Some(("conflicting-fields", "both")),
            _ => None,
        };
        if let Some((code, found)) = source {
            let message = format!(
                "expected exactly one of `caCertificateRefs` and `wellKnownCACertificates`, found \
                 {found}"
            );
            problems.push(Diagnostic::error(code, &value.origin(), message));
        }
        let read = |v| ObjectReference::read_local(v, problems);
        let authorities = items.into_iter().filter_map(read).collect();
        let well_known = well_known_field.and_then(|v| {
            let text = WELL_KNOWN_AUTHORITIES.read(v, problems)?;
            Some(v.located(text.into()))
        });
        let hostname = fields.required("hostname", problems);
        let hostname = hostname.and_then(|v| scalar::precise_hostname(v, problems));
        let list = fields.field("subjectAltNames");
        let items = list.map_or_else(Vec::new, |list| scalar::items(list, 0, 5, problems));
        let names = items.into_iter().filter_map(|v| SubjectName::read(v, problems)).collect();
        fields.finish(problems);
        Some(Self { authorities, well_known, hostname: hostname?, names, at: value.at() })
    }
}

impl SubjectName {
    fn read(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = value.mapping(problems)?;
        let kinds = [("Hostname", ["hostname", "uri"]), ("URI", ["uri", "hostname"])];
        let kind = fields.required("type", problems);
        let kind = kind.and_then(|v| scalar::one_of(v, &kinds, problems));
        let (hostname, uri) = (fields.field("hostname"), fields.field("uri"));
        fields.finish(problems);
        if let Some([wanted, other]) = kind {
            let is_written = |name| if name == "uri" { uri.is_some() } else { hostname.is_some() };
            let mut tell = |code, message| {
                problems.push(Diagnostic::error(code, &value.origin(), message));
            };
            if !is_written(wanted) {
                tell("missing-field", format!("a name of this type needs `{wanted}`"));
            }
            if is_written(other) {
                tell("conflicting-fields", format!("a name of this type has no `{other}`"));
            }
        }
        let hostname = hostname.and_then(|v| scalar::hostname(v, problems));
        let uri = uri.and_then(|v| ABSOLUTE_URI.read(v, problems));
        match kind?[0] {
            "uri" => Some(Self::Uri(uri?.into())),
            _ => Some(Self::Hostname(hostname?)),
        }
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use super::*;
    use crate::resource::tests::{read, told_of_gateway_api};

    #[test]
    fn policies_are_read() {
        // gateway-api §1, §20.1
        for version in ["v1", "v1alpha3"] {
            let resources = read(&format!(
                "apiVersion: gateway.networking.k8s.io/{version}
kind: BackendTLSPolicy
metadata: {{name: a}}
spec:
  targetRefs:
  - {{group: '', kind: Service, name: s, sectionName: https}}
  - {{group: '', kind: Service, name: t}}
  options: {{example.com/a: b}}
  validation:
    caCertificateRefs: [{{group: '', kind: ConfigMap, name: ca}}]
    hostname: s.example
    subjectAltNames:
    - {{type: Hostname, hostname: '*.s.example'}}
    - {{type: URI, uri: 'spiffe://s.example/a'}}
"
            ));
            assert_eq!(resources.diagnostics(), [], "{version}");
            let policy = &resources.backend_tls_policies().next().unwrap().spec;
            let targets: Vec<_> =
                policy.targets.iter().map(|t| (&*t.kind, &*t.name, t.section.as_deref())).collect();
            assert_eq!(targets, [("Service", "s", Some("https")), ("Service", "t", None)]);
            let Validation { authorities, well_known, hostname, names, .. } =
                policy.validation.as_ref().unwrap();
            let authorities: Vec<_> = authorities.iter().map(|r| (&*r.kind, &*r.name)).collect();
            assert_eq!(authorities, [("ConfigMap", "ca")]);
            assert_eq!((well_known, &**hostname), (&None, "s.example"));
            let wildcard = HostPattern::Wildcard("s.example".into());
            let uri = SubjectName::Uri("spiffe://s.example/a".into());
            assert_eq!(names[..], [SubjectName::Hostname(wildcard), uri]);
        }
    }

    #[test]
    fn targets_are_distinct() {
        // gateway-api §20.1, §25
        let target = |fields: &str| format!("{{group: '', kind: Service, {fields}}}");
        let together = |first: &str, second: &str| format!("{}, {}", target(first), target(second));
        let twice = ": several entries name Service `s` without telling its ports apart (give each \
                     of them its own `sectionName`)";
        for (targets, want) in [
            (together("name: s, sectionName: a", "name: s, sectionName: b"), ""),
            (together("name: s", "name: t"), ""),
            ("{group: '', kind: Service, name: s}, {group: a, kind: Service, name: s}".into(), ""),
            (together("name: s", "name: s"), twice),
            (together("name: s", "name: s, sectionName: a"), twice),
            (together("name: s, sectionName: a", "name: s"), twice),
            (together("name: s, sectionName: a", "name: s, sectionName: a"), twice),
            (String::new(), ": at least one entry is needed"),
            (
                (0..17).map(|i| target(&format!("name: s{i}")) + ", ").collect(),
                ": at most 16 entries are allowed, found 17",
            ),
            (target("sectionName: a"), "[0].name: required field `name` is missing"),
            ("{kind: Service, name: s}".into(), "[0].group: required field `group` is missing"),
            ("{group: '', name: s}".into(), "[0].kind: required field `kind` is missing"),
            (
                target("name: s, namespace: n"),
                "[0].namespace: unknown field `namespace` (known are `group`, `kind`, `name`, \
                 `sectionName`)",
            ),
            (
                target("name: s, sectionName: A"),
                "[0].sectionName: `A` is not a section name (it is made of lower-case letters, \
                 digits, `-` and `.`)",
            ),
        ] {
            let want: Vec<_> = Some(want)
                .filter(|want| !want.is_empty())
                .map(|want| format!("spec.targetRefs{want}"))
                .into_iter()
                .collect();
            let validation = "{wellKnownCACertificates: System, hostname: a}";
            let spec = format!("{{targetRefs: [{targets}], validation: {validation}}}");
            assert_eq!(told_of_gateway_api("BackendTLSPolicy", &spec), want, "{targets}");
        }
    }

    #[test]
    fn validation_is_checked() {
        // gateway-api §2, §20.1, §25
        let authority = "{group: '', kind: ConfigMap, name: ca}";
        let name = |fields: &str| format!("{SYSTEM}, subjectAltNames: [{{{fields}}}]");
        const SYSTEM: &str = "wellKnownCACertificates: System, hostname: a";
        let one =
            "expected exactly one of `caCertificateRefs` and `wellKnownCACertificates`, found";
        let uri = "(it looks like `spiffe://example.com/a`)";
        for (fields, want) in [
            (SYSTEM.to_owned(), vec![]),
            (format!("caCertificateRefs: [], {SYSTEM}"), vec![]),
            ("wellKnownCACertificates: example.com/roots, hostname: a".into(), vec![]),
            (format!("caCertificateRefs: [{authority}], hostname: a"), vec![]),
            ("hostname: a".into(), vec![format!(": {one} neither of them")]),
            (
                "hostname: a, caCertificateRefs: []".into(),
                vec![format!(": {one} neither of them")],
            ),
            (
                format!("caCertificateRefs: [{authority}], {SYSTEM}"),
                vec![format!(": {one} both")],
            ),
            (
                format!("caCertificateRefs: [{}], hostname: a", [authority; 9].join(", ")),
                vec![".caCertificateRefs: at most 8 entries are allowed, found 9".into()],
            ),
            (
                "caCertificateRefs: [{kind: ConfigMap, name: ca}], hostname: a".into(),
                vec![".caCertificateRefs[0].group: required field `group` is missing".into()],
            ),
            (
                "wellKnownCACertificates: system, hostname: a".into(),
                vec![
                    ".wellKnownCACertificates: `system` is not a set of well-known authorities (it \
                     is `System`, or looks like `example.com/authorities`)"
                        .into(),
                ],
            ),
            (
                "wellKnownCACertificates: System".into(),
                vec![".hostname: required field `hostname` is missing".into()],
            ),
            (
                "wellKnownCACertificates: System, hostname: '*.a.example'".into(),
                vec![
                    ".hostname: `*.a.example` is not a valid host name: a wildcard cannot stand here"
                        .into(),
                ],
            ),
            (name("type: Hostname, hostname: '*.a.example'"), vec![]),
            (name("type: URI, uri: 'spiffe://a.example/b'"), vec![]),
            (
                name("hostname: a"),
                vec![".subjectAltNames[0].type: required field `type` is missing".into()],
            ),
            (
                name("type: Email, hostname: a"),
                vec![".subjectAltNames[0].type: `Email` is not one of `Hostname`, `URI`".into()],
            ),
            (
                name("type: Hostname"),
                vec![".subjectAltNames[0]: a name of this type needs `hostname`".into()],
            ),
            (
                name("type: Hostname, hostname: a, uri: 'a://b'"),
                vec![".subjectAltNames[0]: a name of this type has no `uri`".into()],
            ),
            (
                name("type: URI"),
                vec![".subjectAltNames[0]: a name of this type needs `uri`".into()],
            ),
            (
                name("type: URI, hostname: a"),
                vec![
                    ".subjectAltNames[0]: a name of this type needs `uri`".into(),
                    ".subjectAltNames[0]: a name of this type has no `hostname`".into(),
                ],
            ),
            (
                name("type: URI, uri: 'mailto:a'"),
                vec![format!(
                    ".subjectAltNames[0].uri: `mailto:a` is not an absolute URI {uri}"
                )],
            ),
            (
                format!(
                    "{SYSTEM}, subjectAltNames: [{}]",
                    ["{type: Hostname, hostname: a}"; 6].join(", ")
                ),
                vec![".subjectAltNames: at most 5 entries are allowed, found 6".into()],
            ),
        ] {
            let want: Vec<_> = want.iter().map(|want| format!("spec.validation{want}")).collect();
            let target = "{group: '', kind: Service, name: s}";
            let spec = format!("{{targetRefs: [{target}], validation: {{{fields}}}}}");
            assert_eq!(told_of_gateway_api("BackendTLSPolicy", &spec), want, "{fields}");
        }
    }

    #[test]
    fn there_are_not_too_many_options() {
        // gateway-api §20.1
        let options: String = (0..17).map(|i| format!("a{i}: b, ")).collect();
        let spec = format!(
            "{{targetRefs: [{{group: '', kind: Service, name: s}}], options: {{{options}}}, \
             validation: {{wellKnownCACertificates: System, hostname: a}}}}"
        );
        assert_eq!(
            told_of_gateway_api("BackendTLSPolicy", &spec),
            ["spec.options: at most 16 entries are allowed, found 17"]
        );
        assert_eq!(
            told_of_gateway_api("BackendTLSPolicy", "{}"),
            [
                "spec.targetRefs: required field `targetRefs` is missing",
                "spec.validation: required field `validation` is missing",
            ]
        );
    }
}
