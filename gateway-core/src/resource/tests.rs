use super::*;
use proptest::prelude::*;

const TEA: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: tea}\nspec: {ports: [{port: 80}]}\n";

fn tea(namespace: &str, name: &str, port: u16) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         spec: {{ports: [{{port: {port}}}]}}\n"
    )
}

pub(super) fn read(text: &str) -> Resources {
    let mut resources = Resources::new();
    resources.add_yaml("f.yaml", text);
    resources
}

pub(super) fn shown(resources: &Resources) -> Vec<String> {
    resources.diagnostics().iter().map(ToString::to_string).collect()
}

/// What is wrong with an object of a kind of `gateway.networking.k8s.io` with this spec:
/// `field: message (help)`. Only with an error in it, it is refused, or kept with its errors.
pub(super) fn told_of_gateway_api(kind: &str, spec: &str) -> Vec<String> {
    let head = "apiVersion: gateway.networking.k8s.io/v1";
    let resources = read(&format!("{head}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}"));
    let told = resources.diagnostics();
    let is_faulty = told.iter().any(|d| d.severity == Severity::Error);
    let kept = resources.objects.values().filter(|object| object.errors() > 0).count();
    let refused = resources.refused().len();
    assert_eq!(refused + kept, usize::from(is_faulty), "{kind} {spec}: {told:?}");
    let say = |d: &Diagnostic| {
        let help = d.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}: {}{help}", d.field, d.message)
    };
    told.iter().map(say).collect()
}

fn names(resources: &Resources) -> Vec<String> {
    resources.services().map(|service| service.object().to_string()).collect()
}

fn refused(resources: &Resources) -> Vec<String> {
    let name = |r: &Refused| r.object.as_ref().map_or_else(String::new, ToString::to_string);
    resources.refused().iter().map(name).collect()
}

#[test]
fn objects_are_named_with_the_default_namespace() {
    // smi P-4
    let mut resources = Resources::with_defaults("shop", false);
    resources.add_yaml("f.yaml", TEA);
    assert_eq!(names(&resources), ["Service shop/tea"]);
    assert_eq!(resources.services().next().unwrap().meta.namespace, "shop".into());
}

#[test]
fn metadata_is_read_and_the_unused_rest_of_it_is_no_warning() {
    let resources = read(
        "apiVersion: v1
kind: Service
metadata:
  name: tea.1
  namespace: shop
  creationTimestamp: 2024-05-31T23:30:00-01:00
  uid: 7f1c
  generation: 3
  labels: {app: tea}
  annotations: {example.com/by: 'cookie:c', note: null}
  resourceVersion: '12'
  managedFields: [{manager: kubectl}]
  ownerReferences: []
  finalizers: []
spec: {clusterIP: None, sessionAffinity: None, ports: [{port: 80, nodePort: 30000}]}
status: {loadBalancer: {}}
",
    );
    assert_eq!(shown(&resources), [""; 0]);
    let meta = &resources.services().next().unwrap().meta;
    assert_eq!((&*meta.namespace, &*meta.name), ("shop", "tea.1"));
    assert_eq!(meta.creation_timestamp.as_deref(), Some("2024-06-01T00:30:00Z"));
    assert_eq!((meta.uid.as_deref(), meta.generation), (Some("7f1c"), Some(3)));
    assert_eq!(meta.labels["app"], "tea".into());
    assert_eq!(meta.annotations.len(), 1);
}

#[test]
fn what_is_wrong_with_a_document_is_said_with_object_field_and_place() {
    for (text, want) in [
        (
            "apiVersion: v1\nkind: Service\nmetadata: {}\nspec: {}",
            "f.yaml:3:11: error[missing-field]: metadata.name: required field `name` is missing",
        ),
        (
            "apiVersion: v1\nkind: Service\nspec: {}",
            "f.yaml:1:1: error[missing-field]: metadata: required field `metadata` is missing",
        ),
        (
            "apiVersion: v1\nmetadata: {name: a}",
            "f.yaml:1:1: error[missing-field]: kind: required field `kind` is missing",
        ),
        (
            "kind: Service\nmetadata: {name: a}",
            "f.yaml:1:1: error[missing-field]: Service default/a: apiVersion: required field \
             `apiVersion` is missing",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: 1",
            "f.yaml:3:8: error[wrong-type]: items: expected a list, found the number `1`; put each item on a line of its own, behind `- `",
        ),
        (
            "- 1",
            "f.yaml:1:1: error[wrong-type]: expected a mapping, found a list; fields belong here, no list: leave out `- ` or `[ ]`",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: Tea}\nspec: {}",
            "f.yaml:3:18: error[invalid-name]: Service default/Tea: metadata.name: `Tea` is not a \
             name; a name has 1 to 253 lower-case letters, digits, `-` and `.`, and begins and \
             ends with a letter or digit",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: tea, namespace: a.b}\nspec: {}",
            "f.yaml:3:34: error[invalid-name]: Service a.b/tea: metadata.namespace: `a.b` is not \
             a namespace; a namespace has 1 to 63 lower-case letters, digits, `-`, and begins and \
             ends with a letter or digit",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: b, labels: {a: true}}\nspec: {}",
            "f.yaml:3:33: error[wrong-type]: Service default/b: metadata.labels.a: expected \
             text, found the boolean `true`; put it in quotes",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: b, creationTimestamp: noon}\nspec: {}",
            "f.yaml:3:40: error[invalid-timestamp]: Service default/b: \
             metadata.creationTimestamp: `noon` is not a time; times are written as \
             `2024-05-31T23:59:59Z` (RFC 3339)",
        ),
        (
            "apiVersion: k8s.nginx.org/v1\nkind: VirtualSever\nmetadata: {name: a}",
            "f.yaml:2:7: error[unknown-kind]: VirtualSever default/a: kind: `k8s.nginx.org` has \
             no kind `VirtualSever`; did you mean `VirtualServer`?",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a\nspec: {}",
            "f.yaml:4:5: error[syntax]: not valid YAML: while parsing a flow mapping, did not find \
             expected ',' or '}'; check that each `{` has its `}`, and each `[` its `]`",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {",
            "f.yaml:5:1: error[syntax]: Service default/a: not valid YAML: while parsing a node, \
             did not find expected node content",
        ),
    ] {
        let resources = read(&format!("{text}\n---\n{TEA}"));
        assert_eq!(shown(&resources), [want], "{text}");
        assert_eq!(names(&resources), ["Service default/tea"], "{text}");
        assert_eq!(resources.refused().len(), 1, "{text}");
    }
}

#[test]
fn kinds_without_effect_are_told_apart() {
    let resources = read(
        "{apiVersion: k8s.nginx.org/v1, kind: TransportServer, metadata: {name: a}}
---
{apiVersion: metrics.smi-spec.io/v1alpha1, kind: TrafficMetrics, metadata: {name: a}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: a}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: b}}
---
{apiVersion: example.com/v1, kind: AllowList, metadata: {name: b}, items: [1]}
---
# nothing
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: b}}
",
    );
    assert_eq!(
        shown(&resources),
        [
            "f.yaml:1:38: warning[unsupported-kind]: TransportServer default/a: kind: this kind is not \
             supported yet and has no effect",
            "f.yaml:3:50: notice[SMI-N01]: TrafficMetrics default/a: kind: this kind is a query, \
             not a configuration, and has no effect",
            "f.yaml:5:30: notice[ignored-kind]: Job default/a: kind: Job of `batch/v1` is not a \
             routing document; ignored",
            "f.yaml:9:36: notice[ignored-kind]: AllowList default/b: kind: AllowList of \
             `example.com/v1` is not a routing document; ignored",
            "f.yaml:13:24: notice[ignored-kind]: ServiceAccount default/b: kind: ServiceAccount of `v1` \
             is not a routing document; ignored",
        ]
    );
    assert_eq!(refused(&resources), [""; 0]);
}

#[test]
fn items_of_lists_are_documents() {
    let resources = read(
        "apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: b}, spec: {ports: [{port: 0}]}}
- {apiVersion: v1, kind: Service, metadata: {name: c}, spec: {}}
- apiVersion: v1
  kind: ServiceList
  metadata: {resourceVersion: '1'}
  items:
  - {metadata: {name: a}, spec: {}}
  - 7
",
    );
    assert_eq!(names(&resources), ["Service default/a", "Service default/c"]);
    assert_eq!(
        shown(&resources),
        [
            "f.yaml:4:78: error[out-of-range]: Service default/b: spec.ports[0].port: `0` is not \
             between 1 and 65535",
            "f.yaml:11:5: error[wrong-type]: expected a mapping, found the number `7`; it has fields of its own: indent them below it, each as `name: value`",
        ]
    );
    assert_eq!(refused(&resources), ["Service default/b", ""]);
}

#[test]
fn of_two_documents_of_one_name_the_first_is_kept() {
    let resources = read(&format!("{}---\n{}", tea("shop", "tea", 80), tea("shop", "tea", 81)));
    assert_eq!(
        shown(&resources),
        ["f.yaml:6:1: error[duplicate-object]: Service shop/tea: Service shop/tea is written \
          twice; it stands at f.yaml:1:1 too; the first one is kept"]
    );
    assert_eq!(resources.service_ports()[&ServiceName::new("shop", "tea")], [80]);
    assert_eq!(refused(&resources), ["Service shop/tea"]);
}

#[test]
fn the_order_of_documents_does_not_matter() {
    let texts = [tea("b", "x", 1), tea("a", "z", 2), tea("a", "y", 3)];
    let want = ["Service a/y", "Service a/z", "Service b/x"];
    assert_eq!(names(&read(&texts.join("---\n"))), want);
    let reversed: Vec<_> = texts.into_iter().rev().collect();
    assert_eq!(names(&read(&reversed.join("---\n"))), want);
}

#[test]
fn strict_documents_have_no_unknown_fields() {
    // smi P-8
    let text = TEA.replace("{name: tea}", "{name: tea, lables: {}}");
    let want = "Service default/tea: metadata.lables: unknown field `lables`; did you mean \
                `labels`?";
    let mut strict = Resources::with_defaults("default", true);
    strict.add_yaml("f.yaml", &text);
    for (resources, severity, kept) in [(read(&text), "warning", 1), (strict, "error", 0)] {
        assert_eq!(shown(&resources), [format!("f.yaml:3:23: {severity}[unknown-field]: {want}")]);
        assert_eq!(names(&resources).len(), kept);
    }
}

#[test]
fn from_yaml_fails_with_everything_that_is_wrong() {
    assert!(Resources::from_yaml(TEA).is_ok());
    let text = format!("a: 1\n---\n{}", TEA.replace("name: tea", "name: tea, x: 1"));
    let errors = Resources::from_yaml(&text).unwrap_err();
    assert_eq!(errors.0.len(), 3);
    assert_eq!(errors.to_string().lines().count(), 3);
}

#[test]
fn the_last_good_version_of_a_refused_document_comes_back() {
    // decisions §5
    let last = read(&format!("{}---\n{}", tea("a", "x", 1), tea("a", "y", 2)));
    let port = |r: &Resources, name| r.service_ports().get(&ServiceName::new("a", name)).cloned();
    for (text, want) in [
        // Known by name, although the document cannot be read.
        (tea("a", "x", 0), &["Service a/x"][..]),
        (format!("{}  x: [", tea("a", "x", 3)), &["Service a/x"]),
        // Nobody knows what this was.
        ("{".to_owned(), &["Service a/x", "Service a/y"]),
        (format!("{}---\n{{", tea("a", "y", 9)), &["Service a/x"]),
        // The namespace was not reached.
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: x, labels: {,".to_owned(),
            &["Service a/x", "Service a/y"],
        ),
        // A new one, and the others removed on purpose.
        (tea("a", "z", 0), &[]),
        // Two documents in one.
        (format!("{}{}", tea("a", "x", 3), tea("a", "y", 3)), &["Service a/x", "Service a/y"]),
        // Removed on purpose.
        (tea("a", "y", 9), &[]),
    ] {
        let mut next = read(&text);
        let before = next.diagnostics().len();
        let restored: Vec<_> = next.restore(&[], &last).iter().map(ToString::to_string).collect();
        assert_eq!(restored, want, "{text}");
        assert_eq!(next.diagnostics().len(), before + want.len(), "{text}");
        for object in want {
            let name = &object[object.len() - 1..];
            assert_eq!(port(&next, name), port(&last, name), "{text}");
        }
    }
    // In another file nothing was lost.
    let mut other = Resources::new();
    other.add_yaml("g.yaml", "{");
    assert_eq!(other.restore(&[], &last), []);
}

#[test]
fn what_translating_refuses_is_replaced_and_never_becomes_a_last_good_version() {
    let x = [Arc::new(ObjectRef::new("Service", "a", "x"))];
    let last = read(&tea("a", "x", 1));
    let mut next = read(&tea("a", "x", 2));
    assert_eq!(next.restore(&x, &last), x);
    assert_eq!(next.service_ports()[&ServiceName::new("a", "x")], [1]);
    assert_eq!(
        shown(&next),
        ["f.yaml:1:1: warning[last-good]: Service a/x: the last good version stays in force"]
    );
    let mut first = read(&tea("a", "x", 1));
    first.forget(&x);
    assert_eq!(read(&tea("a", "x", 2)).restore(&x, &first), []);
}

const SAMPLE: &str = "apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: tea, labels: {a: b}}, spec: {ports: [{port: 80}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: tea-1
  creationTimestamp: 2024-05-31T23:59:59Z
addressType: IPv4
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]
ports: [{name: http, port: 8080, protocol: TCP}]
";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damage_is_refused_with_a_reason(
        at in 0..SAMPLE.len(),
        length in 0..16_usize,
        with in prop::sample::select(vec![
            "", "\n", ":", "- ", "[", "}", "null", "-1", "9999999999999999999", "'", "é", "\u{0}",
            "apiVersion: v1\n", "---\n", "kind: Service\n", "&a", "*a", "!!str ", ".", "T", "List",
        ]),
    ) {
        let mut text = SAMPLE.to_owned();
        let end = (at + length).min(text.len());
        text.replace_range(at..end, with);
        let resources = read(&text);
        let errors = resources.diagnostics().iter().filter(|d| d.severity == Severity::Error);
        let errors = errors.count();
        prop_assert!(resources.refused().len() <= errors, "{text}");
        prop_assert_eq!(resources.refused().is_empty(), errors == 0, "{}", text);
    }
}

#[test]
fn what_is_wrong_with_one_document_is_told_up_to_a_limit() {
    // decisions §5
    let fields: String = (0..MAX_PROBLEMS + 7).map(|n| format!("  field{n}: x\n")).collect();
    let split = "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {name: tea}\n\
                 spec:\n  service: tea\n  backends: [{service: tea-1, weight: 1}]\n";
    let text = format!("{split}{fields}");
    for (strict, want) in [(false, "and 7 more warnings"), (true, "and 7 more errors")] {
        let mut resources = Resources::with_defaults("default", strict);
        resources.add_yaml("f.yaml", &text);
        let [told @ .., last] = resources.diagnostics() else { panic!("nothing is told") };
        assert_eq!(told.len(), MAX_PROBLEMS);
        assert_eq!((last.code, &*last.message), ("more-problems", want));
        assert_eq!(resources.refused().len(), usize::from(strict), "strict: {strict}");
    }
}
