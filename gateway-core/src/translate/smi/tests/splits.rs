//! TrafficSplit (smi §3) and the first example (smi §9).

use super::*;

const BETA: Request<'static> = Request { headers: &[("cookie", "version=beta")], ..PLAIN };

/// Draws spread over the whole range.
fn draws() -> impl Iterator<Item = u64> {
    (0..1000).map(|i| i * (u64::MAX / 1000))
}

/// How many of 1000 requests each Service gets; 503 is `None`.
fn shares(outcome: &Outcome, root: &str, request: &Request<'_>) -> Vec<(Option<String>, u32)> {
    let mut shares = std::collections::BTreeMap::new();
    for draw in draws() {
        let chosen = outcome.resolve(root, 80, request, draw).map(str::to_owned);
        *shares.entry(chosen).or_insert(0) += 1;
    }
    shares.into_iter().collect()
}

fn all(name: &str) -> Vec<(Option<String>, u32)> {
    vec![(Some(name.into()), 1000)]
}

/// smi §9.1, with these weights and the rest of the split.
fn example(weights: [u32; 2], matches: &str, group: &str) -> Outcome {
    let [one, two] = weights;
    of(&format!(
        "
apiVersion: split.smi-spec.io/v1alpha3
kind: TrafficSplit
metadata:
  name: tea-svc
spec:
  service: tea.1
  backends:
  - service: tea.1
    weight: {one}
  - service: tea.2
    weight: {two}
{matches}{group}"
    ))
}

const MATCHES: &str = "  matches:
  - kind: HTTPRouteGroup
    name: tea-hrg
";
const GROUP: &str = "---
apiVersion: specs.smi-spec.io/v1alpha3
kind: HTTPRouteGroup
metadata:
  name: tea-hrg
  namespace: default
spec:
  matches:
  - name: beta-session-cookie
    headers:
    - cookie: \"version=beta\"
";

#[test]
fn the_first_example_does_what_section_9_2_says() {
    let other = Request { headers: &[("cookie", "version=BETA")], ..PLAIN };
    let outcome = example([0, 100], MATCHES, GROUP);
    assert_eq!(outcome.found(Severity::Warning), []);
    let lines: Vec<_> = outcome.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(lines, ["SMI-L02", "SMI-N02"]);
    assert_eq!(shares(&outcome, "tea.1", &BETA), all("tea.2"));
    assert_eq!(shares(&outcome, "tea.1", &PLAIN), all("tea.1"));
    assert_eq!(shares(&outcome, "tea.1", &other), all("tea.1"));
    // Addressed directly.
    assert_eq!(shares(&outcome, "tea.2", &BETA), all("tea.2"));

    let half = example([50, 50], MATCHES, GROUP);
    let halves = [(Some("tea.1".to_owned()), 500), (Some("tea.2".to_owned()), 500)];
    for ((name, count), (want, about)) in shares(&half, "tea.1", &BETA).into_iter().zip(halves) {
        assert!(name == want && count.abs_diff(about) <= 1, "{name:?} {count}");
    }
    assert_eq!(shares(&half, "tea.1", &PLAIN), all("tea.1"));

    // smi S-14
    let none = example([0, 0], MATCHES, GROUP);
    assert_eq!(shares(&none, "tea.1", &BETA), [(None, 1000)]);
    assert_eq!(shares(&none, "tea.1", &PLAIN), all("tea.1"));

    // smi S-11
    let missing = example([0, 100], MATCHES, "");
    assert_eq!(missing.found(Severity::Warning), [("SMI-W05", "spec.matches[0].name")]);
    assert_eq!(shares(&missing, "tea.1", &BETA), all("tea.1"));

    // smi S-9
    for matches in ["", "  matches: []\n", "  matches: null\n"] {
        let plain = example([0, 100], matches, "");
        assert_eq!(shares(&plain, "tea.1", &PLAIN), all("tea.2"), "{matches}");
    }
}

#[test]
fn without_a_separator_the_first_example_is_refused() {
    // smi P-9
    let outcome = example([0, 100], MATCHES, GROUP.strip_prefix("---\n").unwrap());
    assert!(outcome.diagnostics.iter().any(|d| d.severity == Severity::Error));
    assert!(outcome.services.is_empty());
}

#[test]
fn weights_are_read_by_version() {
    // smi W-1 to W-4, W-9 and the vectors of smi §12
    for (version, weights, want) in [
        (1, &["1", "500m"][..], &[2, 1][..]),
        (1, &["10m", "100m", "1500m"], &[1, 10, 150]),
        (1, &["0.5", "1.5"], &[1, 3]),
        (1, &["1k", "1Ki"], &[125, 128]),
        (1, &["'1'", "1e3"], &[1, 1000]),
        (2, &["90", "10"], &[90, 10]),
        (3, &["0", "100"], &[0, 100]),
        (4, &["5", "2", "1"], &[5, 2, 1]),
        (4, &["9223372036854775807"], &[i64::MAX as u64]),
    ] {
        let outcome = of(&weighted(version, weights));
        assert_eq!(outcome.found(Severity::Error), [], "v1alpha{version} {weights:?}");
        let got: Vec<u64> =
            outcome.service("tea").splits[0].backends.iter().map(|b| b.weight).collect();
        assert_eq!(got, want, "v1alpha{version} {weights:?}");
    }
}

/// A split of `tea` with backends `tea-0`, `tea-1`, … of these weights.
fn weighted(version: u32, weights: &[&str]) -> String {
    let backends: Vec<String> = weights
        .iter()
        .enumerate()
        .map(|(i, weight)| format!("{{service: tea-{i}, weight: {weight}}}"))
        .collect();
    format!(
        "apiVersion: split.smi-spec.io/v1alpha{version}
kind: TrafficSplit
metadata: {{name: s}}
spec: {{service: tea, backends: [{}]}}",
        backends.join(", ")
    )
}

#[test]
fn wrong_weights_refuse_the_split() {
    // smi W-2, W-3
    let largest = "9223372036854775807";
    for (version, weights, want) in [
        (2, &["-1"][..], ("out-of-range", "spec.backends[0].weight")),
        (3, &["1", "0.5"], ("wrong-type", "spec.backends[1].weight")),
        (4, &["10.0"], ("wrong-type", "spec.backends[0].weight")),
        (4, &["'10'"], ("wrong-type", "spec.backends[0].weight")),
        (3, &["500m"], ("wrong-type", "spec.backends[0].weight")),
        (3, &["null"], ("missing-field", "spec.backends[0].weight")),
        (3, &["true"], ("wrong-type", "spec.backends[0].weight")),
        (3, &[largest, "1"], ("weights-too-large", "spec.backends")),
        (3, &[], ("no-backends", "spec.backends")),
        (1, &["-1"], ("invalid-weight", "spec.backends[0].weight")),
        (1, &["''"], ("invalid-weight", "spec.backends[0].weight")),
        (1, &["10x"], ("invalid-weight", "spec.backends[0].weight")),
        (1, &["true"], ("invalid-weight", "spec.backends[0].weight")),
        (1, &["null"], ("missing-field", "spec.backends[0].weight")),
        (1, &["1", "8E", "8E"], ("weights-too-large", "spec.backends")),
    ] {
        let outcome = of(&weighted(version, weights));
        assert_eq!(outcome.found(Severity::Error), [want], "v1alpha{version} {weights:?}");
        assert_eq!(outcome.refused, ["TrafficSplit default/s"], "v1alpha{version} {weights:?}");
    }
}

#[test]
fn ports_decide_who_takes_part() {
    // smi S-1 to S-7
    let options = Options::default();
    let services = service("tea", "[{port: 80, name: web}, {port: 81, name: more}]")
        + &service("tea-1", "[{port: 80, name: other, targetPort: 8080}]")
        + &service("tea-2", "[{port: 80}, {port: 81, name: x}]");
    let outcome = super::outcome(&(split("s", "") + &services), &options);
    assert_eq!(outcome.found(Severity::Warning), [("SMI-W03", "spec.backends[0].service")]);
    assert_eq!(outcome.resolve("tea", 80, &PLAIN, 0), Some("tea-1"));
    assert_eq!(outcome.resolve("tea", 81, &PLAIN, 0), Some("tea-2"));
    assert_eq!(outcome.resolve("tea", 82, &PLAIN, 0), None);

    let outcome =
        of(&(split("s", "") + &service("tea", "[{port: 80}]") + &service("tea-1", "[{port: 80}]")));
    assert_eq!(outcome.found(Severity::Warning), [("SMI-W04", "spec.backends[1].service")]);
    assert_eq!(shares(&outcome, "tea", &PLAIN), all("tea-1"));
}

#[test]
fn conditional_splits_go_first_then_age_then_name() {
    // smi S-10, S-17 to S-19, and the choice of smi §12
    let groups = group("x", "  - {name: a, headers: {x: y}}")
        + &group("y", "  - {name: a, headers: {y: y}}");
    let one = |name: &str, backend: &str, created: &str, matches: &str| {
        format!(
            "
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {{name: {name}{created}}}
spec:
  service: tea
  backends: [{{service: {backend}, weight: 1}}]
  matches: [{matches}]"
        )
    };
    let old = ", creationTimestamp: '2023-01-01T00:00:00Z'";
    let new = ", creationTimestamp: '2024-01-01T00:00:00Z'";
    let (x, y) = ("{kind: HTTPRouteGroup, name: x}", "{kind: HTTPRouteGroup, name: y}");
    let a = one("a", "of-a", new, x);
    let b = one("b", "of-b", old, y);
    let c = one("c", "of-c", old, "");
    let both = Request { headers: &[("x", "y"), ("y", "y")], ..PLAIN };
    let x_only = Request { headers: &[("x", "y")], ..PLAIN };
    for documents in [[&a, &b, &c, &groups], [&groups, &c, &b, &a]] {
        let outcome = of(&documents.map(String::as_str).concat());
        assert_eq!(outcome.found(Severity::Warning), []);
        for (request, want) in [(&both, "of-b"), (&x_only, "of-a"), (&PLAIN, "of-c")] {
            assert_eq!(outcome.resolve("tea", 80, request, 0), Some(want));
        }
    }
    let outcome = of(&[&*a, &*b, &*groups].concat());
    assert_eq!(outcome.resolve("tea", 80, &PLAIN, 0), Some("tea"));
    // Any of several groups, and each of them once.
    let outcome = of(&(one("a", "of-a", "", &format!("{x}, {y}, {x}")) + &groups));
    assert_eq!(outcome.service("tea").splits[0].matches.as_ref().unwrap().iter().count(), 2);

    for (first, second, want) in [
        ("", "", "of-a"),
        (new, old, "of-b"),
        ("", new, "of-b"),
        (new, "", "of-a"),
        (old, old, "of-a"),
    ] {
        let outcome = of(&(one("a", "of-a", first, "") + &one("b", "of-b", second, "")));
        assert_eq!(outcome.resolve("tea", 80, &PLAIN, 0), Some(want), "{first} {second}");
    }
}

#[test]
fn splits_that_never_act_are_named() {
    // smi S-20
    let group = group("g", "  - headers: {x: y}")
        + &group("same", "  - headers: {x: y}")
        + &group("all", "  - name: all")
        + &group("none", "    []");
    let refer = |name: &str| format!("  matches: [{{kind: HTTPRouteGroup, name: {name}}}]");
    for (first, second, shadowed) in [
        ("", "", true),
        (&*refer("g"), "", false),
        (&refer("g"), &refer("g"), true),
        (&refer("g"), &refer("same"), true),
        (&refer("g"), &refer("none"), false),
        (&refer("none"), &refer("none"), false),
        (&refer("all"), "", true),
        (&refer("all"), &refer("g"), true),
    ] {
        let outcome = of(&(split("a", first) + &split("b", second) + &group));
        let found: Vec<_> = outcome.diagnostics.iter().filter(|d| d.code == "SMI-W06").collect();
        assert_eq!(found.len(), usize::from(shadowed), "{first} {second}");
        for diagnostic in found {
            assert_eq!(diagnostic.object.as_ref().unwrap().name, "b".into());
            assert!(diagnostic.message.contains("TrafficSplit default/a"), "{diagnostic}");
        }
    }
}

#[test]
fn spellings_of_services_are_one_service() {
    // smi P-6, S-21, W-8
    let outcome = of(&split("s", "").replace("tea-1", "tea.default.svc.cluster.local"));
    let root = outcome.service("tea");
    let first = root.splits[0].backends[0].service;
    assert_eq!(outcome.services[first.0 as usize].name, root.name);
    assert_eq!(outcome.found(Severity::Notice), [("SMI-N02", "spec.backends[0].service")]);

    let twice = of(&split("s", "").replace("tea-1", "tea-2.default.svc"));
    assert_eq!(twice.found(Severity::Notice), [("duplicate-backend", "spec.backends[1].service")]);
    assert_eq!(twice.refused, ["TrafficSplit default/s"]);
}

#[test]
fn groups_and_services_are_of_the_splits_namespace() {
    // smi P-4, P-5
    let outcome = of(&(split("s", "  matches: [{kind: HTTPRouteGroup, name: g}]")
        + &group("g", "  - name: all").replace("name: g", "name: g\n  namespace: other")));
    assert_eq!(outcome.found(Severity::Warning), [("SMI-W05", "spec.matches[0].name")]);
}

#[test]
fn a_faulty_document_is_refused_alone() {
    // smi P-10, S-11
    let matches =
        "  matches: [{kind: HTTPRouteGroup, name: bad}, {kind: HTTPRouteGroup, name: good}]";
    let outcome = of(&(split("s", matches)
        + &split("t", "").replace("service: tea\n", "service: tea/1\n")
        + &group("bad", "  - pathRegex: '/a('")
        + &group("good", "  - headers: {x: y}")));
    assert_eq!(outcome.refused, ["HTTPRouteGroup default/bad", "TrafficSplit default/t"]);
    let splits = &outcome.service("tea").splits;
    assert_eq!(splits.len(), 1);
    assert_eq!(splits[0].matches.as_ref().unwrap().iter().count(), 1);
    assert!(outcome.found(Severity::Warning).contains(&("SMI-W05", "spec.matches[0].name")));
}

#[test]
fn an_annotation_makes_a_split_sticky() {
    // smi S-22
    for annotation in ["smi.gateway/sticky-by", "gateway/sticky-by"] {
        let metadata = format!("metadata:\n  annotations: {{{annotation}: 'cookie:id'}}\n");
        let yaml = split("s", "").replace("metadata:\n", &metadata);
        // smi P-6: however the root is spelt
        let spelt = yaml.replace("service: tea\n", "service: tea.default.svc\n");
        for yaml in [yaml, spelt] {
            let outcome = of(&yaml);
            assert_eq!(outcome.found(Severity::Notice), [], "{yaml}");
            let sticky = outcome.service("tea").splits[0].sticky.as_deref().unwrap();
            assert_eq!(*sticky.by(), Field::Cookie { name: "id".into(), ignore_case: false });
            assert_eq!(sticky.name(), "TrafficSplit/default/tea");
            let branches: Vec<&str> = sticky.branches().collect();
            assert_eq!(branches, ["default/tea-1", "default/tea-2"]);
        }
    }
    assert_eq!(of(&split("s", "")).service("tea").splits[0].sticky, None);
}

#[test]
fn a_split_with_a_bad_annotation_is_refused() {
    // smi S-22, P-10
    let metadata = "metadata:\n  annotations: {smi.gateway/sticky-by: source}\n";
    let outcome = of(&split("s", "").replace("metadata:\n", metadata));
    assert_eq!(
        outcome.found(Severity::Notice),
        [("unsupported-value", "metadata.annotations[\"smi.gateway/sticky-by\"]")]
    );
    assert_eq!(outcome.refused, ["TrafficSplit default/s"]);
}

#[test]
fn backends_of_weight_0_are_checked_too() {
    // smi W-5
    let yaml = split("s", "").replace("weight: 10", "weight: 0")
        + &service("tea", "[{port: 80}]")
        + &service("tea-1", "[{port: 80}]");
    let outcome = of(&yaml);
    assert_eq!(outcome.found(Severity::Warning), [("SMI-W04", "spec.backends[1].service")]);
    assert_eq!(shares(&outcome, "tea", &PLAIN), all("tea-1"));
}

/// The ready endpoints of a Service, all of port 80, and one that is not ready.
fn endpoints(name: &str, ready: u32) -> String {
    let ready: String = (1..=ready).map(|i| format!("{{addresses: [10.0.0.{i}]}}, ")).collect();
    format!(
        "
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
endpoints: [{ready}{{addresses: [10.0.0.99], conditions: {{ready: false}}}}]
ports: [{{port: 80}}]"
    )
}

#[test]
fn shares_do_not_depend_on_how_many_endpoints_there_are() {
    // smi W-7, S-8
    for (one, two, skip, want) in [
        (1, 9, false, &[("tea-1", 500), ("tea-2", 500)][..]),
        (1, 9, true, &[("tea-1", 500), ("tea-2", 500)]),
        (0, 9, false, &[("tea-1", 500), ("tea-2", 500)]),
        (0, 9, true, &[("tea-2", 1000)]),
    ] {
        let yaml = split("s", "").replace("weight: 90", "weight: 10")
            + &service("tea", "[{port: 80}]")
            + &service("tea-1", "[{port: 80}]")
            + &service("tea-2", "[{port: 80}]")
            + &endpoints("tea-1", one)
            + &endpoints("tea-2", two);
        let options = Options { skip_empty_backends: skip, ..Options::default() };
        let got = shares(&super::outcome(&yaml, &options), "tea", &PLAIN);
        assert_eq!(got.len(), want.len(), "{one} {two} {skip}: {got:?}");
        for ((name, count), (want, about)) in got.iter().zip(want) {
            let near = count.abs_diff(*about) <= 1;
            assert!(near && name.as_deref() == Some(*want), "{one} {two} {skip}: {got:?}");
        }
    }
    // smi S-8: nobody is left.
    let yaml = split("s", "") + &service("tea", "[{port: 80}]") + &service("tea-1", "[{port: 80}]");
    let options = Options { skip_empty_backends: true, ..Options::default() };
    let outcome = super::outcome(&(yaml + &endpoints("tea-1", 0)), &options);
    assert_eq!(shares(&outcome, "tea", &PLAIN), [(None, 1000)]);
}

#[test]
fn a_backend_that_is_the_root_is_an_error_to_the_letter_of_smi() {
    // smi S-21
    let yaml = split("s", "").replace("tea-2", "tea");
    let strict = Options { smi_strict: true, ..Options::default() };
    let refused = super::outcome(&yaml, &strict);
    assert_eq!(refused.found(Severity::Error), [("SMI-N02", "spec.backends[1].service")]);
    assert_eq!(refused.refused, ["TrafficSplit default/s"]);
    let accepted = of(&yaml);
    assert_eq!(accepted.found(Severity::Notice), [("SMI-N02", "spec.backends[1].service")]);
    assert!(accepted.refused.is_empty());
}

#[test]
fn a_port_that_is_known_twice_is_told_once() {
    // smi S-3
    let known_services = vec![(ServiceName::new("default", "tea"), 8080)];
    let options = Options { known_services, ..Options::default() };
    let services = service("tea", "[{port: 8080}]") + &service("tea-1", "[{port: 80}]");
    let outcome = outcome(&(split("s", "") + &services), &options);
    let told = outcome.diagnostics.iter().find(|d| d.code == "SMI-W03").unwrap();
    assert_eq!(
        told.message,
        "`tea-1` has no port 8080, by which `tea` is addressed; it is left out there"
    );
}
