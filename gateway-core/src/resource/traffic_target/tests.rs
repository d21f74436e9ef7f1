use super::*;
use crate::resource::tests::{read, shown};

fn target(version: &str, rest: &str) -> String {
    format!(
        "apiVersion: access.smi-spec.io/{version}\nkind: TrafficTarget\nmetadata: {{name: a}}\n{rest}"
    )
}

/// What is read, in short, and the warnings without place and object.
fn read_target(version: &str, rest: &str) -> (String, Vec<String>) {
    let resources = read(&target(version, rest));
    let warnings = shown(&resources).into_iter().map(|text| {
        let (_, text) = text.split_once("warning").expect(&text);
        text.replace(" TrafficTarget default/a:", "")
    });
    let read: Vec<String> = resources.traffic_targets().map(|t| short(&t.spec)).collect();
    (read.join(" | "), warnings.collect())
}

fn short(target: &TrafficTarget) -> String {
    let identity = |of: &Reference<Identity>| {
        let namespace = of.namespace.as_ref().map_or("", |n| &n.value);
        format!("{:?} {namespace}/{}", of.kind.value, &**of.name)
    };
    let port = target.port.as_ref().map(|port| port.value);
    let rules: Vec<String> = target
        .rules
        .iter()
        .map(|rule| {
            let matches: Vec<&str> = rule.matches.iter().map(|name| &*name.value).collect();
            format!("{:?} {}{matches:?}", rule.kind.value, &**rule.name)
        })
        .collect();
    let sources: Vec<String> = target.sources.iter().map(identity).collect();
    format!(
        "{} {port:?} <- {} <- {}",
        identity(&target.destination),
        rules.join(", "),
        sources.join(", ")
    )
}

const DESTINATION: &str = "{kind: ServiceAccount, name: api, namespace: default, port: 80}";
const RULES: &str = "[{kind: TCPRoute, name: t}, {kind: HTTPRouteGroup, name: g, matches: [m, n]}]";
const SOURCES: &str =
    "[{kind: ServiceAccount, name: web, namespace: b, port: 1}, {kind: ServiceAccount, name: c}]";
const READ: &str = "ServiceAccount default/api Some(80) <- TcpRoute t[], HttpRouteGroup g[\"m\", \"n\"] <- \
     ServiceAccount b/web, ServiceAccount /c";

#[test]
fn every_version_is_read_at_its_place_and_at_that_of_the_others() {
    // smi §6.1, P-2
    let at_top = format!("destination: {DESTINATION}\nspecs: {RULES}\nsources: {SOURCES}\n");
    let in_spec =
        format!("spec:\n  destination: {DESTINATION}\n  rules: {RULES}\n  sources: {SOURCES}\n");
    let port = |version: &str, path: &str| {
        format!("[SMI-W01]: {path}.port: {version} has no `port` here; it is applied")
    };
    let moved = |version: &str, from: &str, to: &str| {
        format!("[SMI-W01]: {from}: {version} has this at `{to}`; it is applied")
    };
    let inwards = |version: &str| {
        vec![
            moved(version, "destination", "spec.destination"),
            moved(version, "specs", "spec.rules"),
            moved(version, "sources", "spec.sources"),
        ]
    };
    for (version, text, warnings) in [
        ("v1alpha1", &at_top, vec![]),
        ("v1alpha2", &in_spec, vec![]),
        ("v1alpha3", &in_spec, vec![port("v1alpha3", "spec.destination")]),
        ("v1alpha4", &in_spec, vec![port("v1alpha4", "spec.destination")]),
        (
            "v1alpha1",
            &in_spec,
            vec![
                moved("v1alpha1", "spec.destination", "destination"),
                moved("v1alpha1", "spec.rules", "specs"),
                moved("v1alpha1", "spec.sources", "sources"),
            ],
        ),
        ("v1alpha2", &at_top, inwards("v1alpha2")),
        ("v1alpha1", &at_top.replace("specs", "rules"), vec![moved("v1alpha1", "rules", "specs")]),
        (
            "v1alpha2",
            &in_spec.replace("rules", "specs"),
            vec![moved("v1alpha2", "spec.specs", "spec.rules")],
        ),
        (
            "v1alpha4",
            &at_top,
            [inwards("v1alpha4"), vec![port("v1alpha4", "destination")]].concat(),
        ),
    ] {
        let (found, told) = read_target(version, text);
        assert_eq!((&*found, told), (READ, warnings), "{version} {text}");
    }
}

#[test]
fn kinds_of_later_versions_are_applied() {
    // smi §6.1, D-4
    let rest = "spec:
  destination: {kind: IdentityBinding, name: d, group: access.smi-spec.io}
  rules: [{kind: UDPRoute, name: u}]
  sources: [{kind: IdentityBinding, name: s, namespace: ''}, {kind: ServiceAccount, name: a, group: ''}]
";
    let want = "IdentityBinding /d None <- UdpRoute u[] <- IdentityBinding /s, ServiceAccount /a";
    let no = |version: &str, path: &str, kind: &str| {
        format!("[SMI-W01]: {path}.kind: {version} has no {kind} here; it is applied")
    };
    for (version, warnings) in [
        ("v1alpha4", vec![]),
        (
            "v1alpha3",
            vec![
                no("v1alpha3", "spec.destination", "IdentityBinding"),
                no("v1alpha3", "spec.sources[0]", "IdentityBinding"),
            ],
        ),
        (
            "v1alpha2",
            vec![
                no("v1alpha2", "spec.destination", "IdentityBinding"),
                no("v1alpha2", "spec.rules[0]", "UDPRoute"),
                no("v1alpha2", "spec.sources[0]", "IdentityBinding"),
            ],
        ),
    ] {
        assert_eq!(read_target(version, rest), (want.to_owned(), warnings), "{version}");
    }
}

#[test]
fn rules_and_sources_may_be_missing_up_to_v1alpha2() {
    // smi T-12
    let d = "destination: {kind: ServiceAccount, name: a}";
    for (version, rest) in [
        ("v1alpha1", d.to_owned()),
        ("v1alpha1", format!("{d}\nspecs: []\nsources: []")),
        ("v1alpha2", format!("spec: {{{d}}}")),
        ("v1alpha2", format!("spec: {{{d}, rules: [], sources: []}}")),
    ] {
        let want = ("ServiceAccount /a None <-  <- ".to_owned(), vec![]);
        assert_eq!(read_target(version, &rest), want, "{version} {rest}");
    }
}

#[test]
fn wrong_targets_are_refused_with_a_reason() {
    // smi §6.1, P-2, P-7, T-12
    let with = |destination: &str, rule: &str, source: &str| {
        format!(
            "spec:\n  destination: {{{destination}}}\n  rules: [{rule}]\n  sources: [{source}]\n"
        )
    };
    let d = "kind: ServiceAccount, name: a";
    let r = "{kind: TCPRoute, name: a}";
    let s = "{kind: ServiceAccount, name: a}";
    for (version, rest, want) in [
        (
            "v1alpha3",
            with(d, "", ""),
            &[
                "6:10: error[no-rules]: spec.rules: a TrafficTarget has at least one rule",
                "7:12: error[no-sources]: spec.sources: a TrafficTarget has at least one source",
            ][..],
        ),
        (
            "v1alpha4",
            format!("spec: {{destination: {{{d}}}}}"),
            &[
                "4:7: error[missing-field]: spec.rules: required field `rules` is missing",
                "4:7: error[missing-field]: spec.sources: required field `sources` is missing",
            ],
        ),
        (
            "v1alpha1",
            String::new(),
            &["1:1: error[missing-field]: destination: required field `destination` is missing"],
        ),
        (
            "v1alpha2",
            String::new(),
            &["1:1: error[missing-field]: spec: required field `spec` is missing"],
        ),
        (
            "v1alpha2",
            "spec: x".into(),
            &["4:7: error[wrong-type]: spec: expected a mapping, found the text `x`; it has \
               fields of its own: indent them below it, each as `name: value`"],
        ),
        (
            "v1alpha3",
            format!("{}specs: []", with(d, r, s)),
            &["6:3: error[ambiguous-field]: spec.rules: `spec.rules` and `specs` are the same \
               field; write all of it at `spec.rules`"],
        ),
        (
            "v1alpha2",
            with(
                "kind: Group, name: a",
                "{kind: HttpRouteGroup, name: a}",
                "{kind: Service, name: a}",
            ),
            &[
                "5:23: error[wrong-kind]: spec.destination.kind: a destination is of kind \
                 `ServiceAccount` or `IdentityBinding`, not `Group`",
                "6:18: error[wrong-kind]: spec.rules[0].kind: a rule is of kind `HTTPRouteGroup`, \
                 `TCPRoute` or `UDPRoute`, not `HttpRouteGroup`; did you mean `HTTPRouteGroup`?",
                "7:20: error[wrong-kind]: spec.sources[0].kind: a source is of kind \
                 `ServiceAccount` or `IdentityBinding`, not `Service`",
            ],
        ),
        (
            "v1alpha4",
            with(
                "kind: IdentityBinding, name: a, group: smi-spec.io",
                r,
                "{kind: ServiceAccount, name: a, group: access.smi-spec.io}",
            ),
            &[
                "5:56: error[wrong-group]: spec.destination.group: the API group of \
                 IdentityBinding is `access.smi-spec.io`, not `smi-spec.io`",
                "7:52: error[wrong-group]: spec.sources[0].group: a ServiceAccount has no API \
                 group; leave it out",
            ],
        ),
        (
            "v1alpha2",
            with("kind: ServiceAccount, name: '', port: 0", "{kind: TCPRoute}", "{name: a}"),
            &[
                "5:45: error[missing-field]: spec.destination.name: `name` must not be empty",
                "5:55: error[out-of-range]: spec.destination.port: `0` is not between 1 and 65535",
                "6:11: error[missing-field]: spec.rules[0].name: required field `name` is missing",
                "7:13: error[missing-field]: spec.sources[0].kind: required field `kind` is missing",
            ],
        ),
        (
            "v1alpha2",
            with(d, "{kind: HTTPRouteGroup, name: a, matches: [true], matchs: []}", s),
            &[
                "6:53: error[wrong-type]: spec.rules[0].matches[0]: expected text, found the \
                 boolean `true`; put it in quotes",
                "6:60: warning[SMI-W02]: spec.rules[0].matchs: unknown field `matchs`; did you mean \
                 `matches`?",
            ],
        ),
    ] {
        let resources = read(&target(version, &rest));
        let found: Vec<_> = shown(&resources)
            .iter()
            .map(|text| text.replace("f.yaml:", "").replace(" TrafficTarget default/a:", ""))
            .collect();
        assert_eq!(found, want, "{version} {rest}");
        assert_eq!(resources.traffic_targets().count(), 0, "{rest}");
    }
}
