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
    pub(crate) validation: Validation,
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
        let validation = fields.required("validation", problems);
        let validation = validation.and_then(|v| Validation::read(v, problems));
        fields.field("options").map(|v| scalar::options(v, problems));
        fields.finish(problems);
        Some(Self { targets, validation: validation? })
    }
}

impl Target {
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
        let section = fields.field("sectionName").map(|v| SECTION_NAME.read(v, problems));
        fields.finish(problems);
        let ObjectReference { group, kind, name, at, .. } = target?;
        // A section that cannot be read must not stand for all of them.
        let section = match section {
            Some(section) => Some(section?.into()),
            None => None,
        };
        Some(Self { group, kind, name, section, at })
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
