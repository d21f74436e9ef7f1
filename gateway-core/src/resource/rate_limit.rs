//! RateLimit of `specs.smi.nginx.com` (smi §8.1).

use super::Problems;
use super::document::{At, Kind, Located, Mapping, Value, shorten};
use super::fields::{Text, count, required_text};
use super::smi::reference::{Allowed, Reference, RouteKind, Rule};
use super::smi::{self, Version};
use super::workload::WorkloadKind;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::rules::Rate;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RateLimit {
    /// What is protected.
    pub(crate) destination: Reference<Target>,
    /// Where `sources` stands, else where it would.
    pub(crate) sources_at: At,
    /// Whom it limits. None: every caller that no other RateLimit lists (smi N-4).
    pub(crate) sources: Vec<Reference<Target>>,
    /// A label without effect.
    pub(crate) name: Text,
    pub(crate) rate: Located<Rate>,
    /// How many requests may run ahead of the rate.
    pub(crate) burst: u32,
    /// How many of them go at once, while the others wait; `None`: all of them.
    pub(crate) delay: Option<u32>,
    /// Which requests are limited, all of them HTTPRouteGroups. None: every request.
    pub(crate) rules: Vec<Rule>,
}

/// What a RateLimit or CircuitBreaker refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Service,
    Workload(WorkloadKind),
}

const TARGETS: [Allowed<Target>; 5] = [
    ("Service", Version::V1alpha1, Target::Service),
    ("Deployment", Version::V1alpha1, Target::Workload(WorkloadKind::Deployment)),
    ("DaemonSet", Version::V1alpha1, Target::Workload(WorkloadKind::DaemonSet)),
    ("StatefulSet", Version::V1alpha1, Target::Workload(WorkloadKind::StatefulSet)),
    ("Pod", Version::V1alpha1, Target::Workload(WorkloadKind::Pod)),
];

const ROUTES: [Allowed<RouteKind>; 1] =
    [("HTTPRouteGroup", Version::V1alpha1, RouteKind::HttpRouteGroup)];

impl RateLimit {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (version, mut fields) = smi::open(root, problems)?;
        let spec = fields.required("spec", problems).and_then(|spec| spec.mapping(problems));
        fields.finish_with(smi::UNKNOWN_FIELD, problems);
        let mut spec = spec?;
        let destination = spec
            .required("destination", problems)
            .and_then(|v| read_target(v, "a destination", version, problems));
        let sources_at = spec.field("sources").map_or(spec.value().at(), Value::at);
        let sources = items(&mut spec, "sources", problems)
            .into_iter()
            .filter_map(|v| read_target(v, "a source", version, problems))
            .collect();
        let name = required_text(&mut spec, "name", problems);
        let rate = spec.required("rate", problems).and_then(|v| read_rate(v, problems));
        let burst = count(&mut spec, "burst", problems).unwrap_or(0);
        let delay = spec.field("delay").map_or(Some(0), |v| read_delay(v, problems));
        let rules = read_rules(&mut spec, version, problems);
        spec.finish_with(smi::UNKNOWN_FIELD, problems);
        let (destination, name, rate) = (destination?, name?, rate?);
        Some(Self { destination, sources_at, sources, name, rate, burst, delay, rules })
    }
}

fn read_target(
    value: Value<'_>,
    what: &str,
    version: Version,
    problems: &mut Problems,
) -> Option<Reference<Target>> {
    let mut fields = value.mapping(problems)?;
    let target = Reference::read(&mut fields, what, &TARGETS, version, problems);
    fields.finish_with(smi::UNKNOWN_FIELD, problems);
    target
}

fn read_rules(spec: &mut Mapping<'_>, version: Version, problems: &mut Problems) -> Vec<Rule> {
    if let Some(rules) = spec.field("rules")
        && version < Version::V1alpha2
    {
        let message = format!("{} has no `rules`; it is applied", version.as_str());
        smi::warn_misplaced(rules, message, problems);
    }
    let rules = items(spec, "rules", problems).into_iter();
    rules.filter_map(|rule| Rule::read(rule, &ROUTES, version, problems)).collect()
}

fn read_rate(value: Value<'_>, problems: &mut Problems) -> Option<Located<Rate>> {
    let text = value.string(problems)?;
    let Some(rate) = parse_rate(text) else {
        let message = format!("`{}` is not a rate", shorten(text));
        let told = Diagnostic::error("invalid-value", &value.origin(), message);
        problems.push(told.help(meant_by_rate(text)));
        return None;
    };
    Some(value.located(rate))
}

/// A whole number from 1 without leading zeros, and `r/s` or `r/m`.
fn parse_rate(text: &str) -> Option<Rate> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(3)?)?;
    let is_number = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
    let requests = number.parse().ok().filter(|_| is_number)?;
    match unit {
        "r/s" => Some(Rate::PerSecond(requests)),
        "r/m" => Some(Rate::PerMinute(requests)),
        _ => None,
    }
}

fn meant_by_rate(text: &str) -> String {
    let tidy: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let tidy = tidy.to_ascii_lowercase();
    // A comma is in the unit of the schema's pattern by mistake. In a number it could be anything.
    let tidy = tidy.trim_end_matches(',').replace("r/,", "r/");
    let tidy = match tidy.trim_start_matches('0') {
        unit @ ("r/s" | "r/m") if tidy.starts_with('0') => {
            return format!("the least is `1{unit}`");
        }
        number => number,
    };
    match parse_rate(tidy) {
        Some(_) => format!("did you mean `{tidy}`?"),
        None => "write it as `10r/s` or `10r/m`".to_owned(),
    }
}

fn read_delay(value: Value<'_>, problems: &mut Problems) -> Option<u32> {
    const NO_DELAY: &str = "nodelay";
    match value.kind() {
        Kind::String(text) if &**text == NO_DELAY => None,
        Kind::String(text) if text.parse::<u32>().is_err() => {
            let message = format!("`{}` is neither a whole number nor `{NO_DELAY}`", shorten(text));
            let mut told = Diagnostic::error("invalid-value", &value.origin(), message);
            let tidy: String = text.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
            told.help = did_you_mean(&tidy, [NO_DELAY]);
            problems.push(told);
            None
        }
        _ => value.integer(0..=i64::from(i32::MAX), problems).and_then(|n| u32::try_from(n).ok()),
    }
}

fn items<'d>(
    fields: &mut Mapping<'d>,
    name: &'static str,
    problems: &mut Problems,
) -> Vec<Value<'d>> {
    fields.field(name).map(|list| list.list(problems).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::tests::{read, shown};

    fn limit(version: &str, rest: &str) -> String {
        format!(
            "apiVersion: specs.smi.nginx.com/{version}\nkind: RateLimit\nmetadata: {{name: a}}\n\
             spec: {{{rest}}}"
        )
    }

    #[test]
    fn every_field_is_read() {
        // smi §8.1
        let rest = "destination: {kind: Service, name: a, namespace: b}, name: 10rs, \
                    sources: [{kind: Deployment, name: d}, {kind: DaemonSet, name: e, namespace: x}, \
                    {kind: StatefulSet, name: s}, {kind: Pod, name: p}], rate: 10r/s, burst: 5, \
                    delay: 3, rules: [{kind: HTTPRouteGroup, name: g, matches: [m]}]";
        let applied = "f.yaml:4:240: warning[SMI-W01]: RateLimit default/a: spec.rules: v1alpha1 \
                       has no `rules`; it is applied";
        for (version, warning) in [("v1alpha2", None), ("v1alpha1", Some(applied))] {
            let resources = read(&limit(version, rest));
            assert_eq!(shown(&resources), Vec::from_iter(warning), "{version}");
            let found = &resources.rate_limits().next().unwrap().spec;
            assert_eq!(found.destination.kind.value, Target::Service);
            assert_eq!(found.destination.namespace.as_ref().map(|n| &*n.value), Some("b"));
            let sources: Vec<_> = found.sources.iter().map(|s| s.kind.value).collect();
            let kinds = [
                WorkloadKind::Deployment,
                WorkloadKind::DaemonSet,
                WorkloadKind::StatefulSet,
                WorkloadKind::Pod,
            ];
            assert_eq!(sources, kinds.map(Target::Workload));
            assert_eq!((&*found.name.value, found.rate.value), ("10rs", Rate::PerSecond(10)));
            assert_eq!((found.burst, found.delay), (5, Some(3)));
            assert_eq!(&*found.rules[0].name.value, "g");
        }
    }

    #[test]
    fn burst_and_delay_are_none_unless_written() {
        // smi §8.1
        let start = "destination: {kind: Pod, name: a}, name: n, rate: 1r/m";
        for (rest, want) in [
            ("", (0, Some(0))),
            (", burst: 0, delay: 0", (0, Some(0))),
            (", delay: nodelay", (0, None)),
            (", delay: 7", (0, Some(7))),
        ] {
            let resources = read(&limit("v1alpha1", &format!("{start}{rest}")));
            assert_eq!(shown(&resources), [""; 0], "{rest}");
            let found = &resources.rate_limits().next().unwrap().spec;
            assert_eq!((found.burst, found.delay), want, "{rest}");
            assert_eq!(found.rate.value, Rate::PerMinute(1));
        }
    }

    #[test]
    fn what_is_no_rate_is_told_with_what_was_probably_meant() {
        // smi §8.1
        for (rate, help) in [
            ("100 r/m", "did you mean `100r/m`?"),
            ("10r / s", "did you mean `10r/s`?"),
            ("10R/S", "did you mean `10r/s`?"),
            ("10r/,s", "did you mean `10r/s`?"),
            ("10r/s,", "did you mean `10r/s`?"),
            ("010r/s", "did you mean `10r/s`?"),
            ("0r/s", "the least is `1r/s`"),
            ("00r/m", "the least is `1r/m`"),
            ("10r/,", "write it as `10r/s` or `10r/m`"),
            ("1,000r/s", "write it as `10r/s` or `10r/m`"),
            ("10r/h", "write it as `10r/s` or `10r/m`"),
            ("10", "write it as `10r/s` or `10r/m`"),
            ("r/s", "write it as `10r/s` or `10r/m`"),
            ("0r/é", "write it as `10r/s` or `10r/m`"),
            ("", "write it as `10r/s` or `10r/m`"),
            ("+1r/s", "write it as `10r/s` or `10r/m`"),
            ("4294967296r/s", "write it as `10r/s` or `10r/m`"),
        ] {
            let rest = format!("destination: {{kind: Pod, name: a}}, name: n, rate: '{rate}'");
            let want = format!(
                "f.yaml:4:58: error[invalid-value]: RateLimit default/a: spec.rate: `{rate}` is \
                 not a rate; {help}"
            );
            assert_eq!(shown(&read(&limit("v1alpha2", &rest))), [want]);
        }
    }

    #[test]
    fn wrong_limits_are_refused_with_a_reason() {
        // smi §8.1
        let d = "destination: {kind: Pod, name: a}";
        for (rest, want) in [
            (
                "name: n".to_owned(),
                &[
                    "7: error[missing-field]: spec.destination: required field `destination` is \
                     missing",
                    "7: error[missing-field]: spec.rate: required field `rate` is missing",
                ][..],
            ),
            (
                format!("{d}, rate: 1r/s"),
                &["7: error[missing-field]: spec.name: required field `name` is missing"],
            ),
            (
                "destination: {kind: ReplicaSet, name: a}, name: n, rate: 1r/s".into(),
                &["28: error[wrong-kind]: spec.destination.kind: a destination is of kind \
                   `Service`, `Deployment`, `DaemonSet`, `StatefulSet` or `Pod`, not `ReplicaSet`"],
            ),
            (
                format!("{d}, name: n, rate: 1r/s, sources: [{{kind: service, name: a}}]"),
                &["81: error[wrong-kind]: spec.sources[0].kind: a source is of kind `Service`, \
                   `Deployment`, `DaemonSet`, `StatefulSet` or `Pod`, not `service`; did you mean \
                   `Service`?"],
            ),
            (
                format!("{d}, name: n, rate: 1r/s, rules: [{{kind: TCPRoute, name: a}}]"),
                &["79: error[wrong-kind]: spec.rules[0].kind: a rule is of kind \
                   `HTTPRouteGroup`, not `TCPRoute`"],
            ),
            (
                format!("{d}, name: n, rate: 1r/s, burst: -1, delay: -1"),
                &[
                    "71: error[out-of-range]: spec.burst: `-1` is not between 0 and 2147483647",
                    "82: error[out-of-range]: spec.delay: `-1` is not between 0 and 2147483647",
                ],
            ),
            (
                format!("{d}, name: n, rate: 1r/s, delay: no-delay"),
                &[
                    "71: error[invalid-value]: spec.delay: `no-delay` is neither a whole number nor \
                   `nodelay`; did you mean `nodelay`?",
                ],
            ),
            (
                format!("{d}, name: n, rate: 1r/s, delay: '5'"),
                &[
                    "71: error[wrong-type]: spec.delay: expected a whole number, found the text `5`; \
                   did you mean `5`, without quotes?",
                ],
            ),
            (
                format!("{d}, name: n, rate: 5, bursts: 1"),
                &[
                    "58: error[wrong-type]: spec.rate: expected text, found the number `5`; put \
                     it in quotes",
                    "61: warning[SMI-W02]: spec.bursts: unknown field `bursts`; did you mean \
                     `burst`?",
                ],
            ),
        ] {
            let resources = read(&limit("v1alpha2", &rest));
            let found: Vec<_> = shown(&resources)
                .iter()
                .map(|text| text.replace("f.yaml:4:", "").replace(" RateLimit default/a:", ""))
                .collect();
            assert_eq!(found, want, "{rest}");
            assert_eq!(resources.rate_limits().count(), 0, "{rest}");
        }
    }
}
