use super::*;
use crate::resource::Problems;
use crate::resource::document::{Kind, Value};
use proptest::prelude::*;

fn readings_within(source: &[u8], limits: &Limits) -> Vec<Reading> {
    let mut readings = Vec::new();
    read(&"f.yaml".into(), source, limits, |reading| readings.push(reading));
    readings
}

fn readings(source: &str) -> Vec<Reading> {
    readings_within(source.as_bytes(), &Limits::default())
}

/// The only document of `source`, which must be fine.
fn document(source: &str) -> Document {
    let mut found = readings(source);
    assert_eq!(found.len(), 1, "{source}");
    let reading = found.remove(0);
    assert_eq!(reading.faults, [], "{source}");
    reading.document
}

/// Faults as `line:column code: message (help)`.
fn faults(source: &str) -> Vec<String> {
    faults_within(source, &Limits::default())
}

fn faults_within(source: &str, limits: &Limits) -> Vec<String> {
    let show = |fault: Fault| {
        let Place { line, column } = fault.place;
        let help = fault.help.map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{line}:{column} {}: {}{help}", fault.code, fault.message)
    };
    let readings = readings_within(source.as_bytes(), limits);
    readings.into_iter().flat_map(|r| r.faults).map(show).collect()
}

/// The document as one line of JSON-like text.
fn shown(value: Value<'_>) -> String {
    let children = |open: &str, close: &str| {
        let items: Vec<String> = value
            .children()
            .map(|c| match c.key() {
                Some(key) => format!("{key}:{}", shown(c)),
                None => shown(c),
            })
            .collect();
        format!("{open}{}{close}", items.join(","))
    };
    match value.kind() {
        Kind::Null => "null".into(),
        Kind::Bool(b) => b.to_string(),
        Kind::Integer(n) => n.to_string(),
        Kind::Number(text) => format!("#{text}"),
        Kind::String(text) => format!("{text:?}"),
        Kind::List => children("[", "]"),
        Kind::Mapping => children("{", "}"),
    }
}

#[test]
fn documents_are_trees_of_values() {
    for (source, want) in [
        ("a: 1\nb: [x, 'y', \"1\"]\n", r#"{a:1,b:["x","y","1"]}"#),
        ("a:\n- b: 1\n  c: ~\n-\n- d", r#"{a:[{b:1,c:null},null,"d"]}"#),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", r#"{a:"x\ny\n",b:"x y"}"#),
        ("a: |\n  true\nb: !!str 1", r#"{a:"true\n",b:"1"}"#),
        ("1: a\ntrue: b\n1.5: c", r#"{1:"a",true:"b",1.5:"c"}"#),
        ("a: &x {b: [1, 2]}\nc: *x\nd: [*x]", "{a:{b:[1,2]},c:{b:[1,2]},d:[{b:[1,2]}]}"),
        ("a: &x 1\nb: *x", "{a:1,b:1}"),
        ("a: &x 1\nb: &x 2\nc: *x", "{a:1,b:2,c:2}"),
        ("\u{FEFF}a: 1", "{a:1}"),
        ("a: 1\r\nb: |\r\n  x\r\n", r#"{a:1,b:"x\n"}"#),
        ("--- {a: 1} # x\n", "{a:1}"),
        ("--- # x\na: 1\n", "{a:1}"),
        ("--- |\n x\n", r#""x\n""#),
        ("%YAML 1.2\n---\na: 1\n...\n", "{a:1}"),
        ("a: x%\nb: '---'\n", r#"{a:"x%",b:"---"}"#),
    ] {
        assert_eq!(shown(document(source).root().unwrap()), want, "{source:?}");
    }
}

#[test]
fn json_is_read_too() {
    for (source, want) in [
        (r#"{"a":1,"b":[true,null,-1.5e3]}"#, "{a:1,b:[true,null,#-1.5e3]}"),
        ("{\n\t\"a\":\t1,\n\t\"b\"\t:\t[\n\t\t2\t]\n}\n", "{a:1,b:[2]}"),
        ("\t{\"a\": 1}", "{a:1}"),
        ("{\"a\":\n1\n,\n\"b\"\n:\n2}", "{a:1,b:2}"),
        (r#"{"a":"\ud83d\ude00 \u00e9 \/ \b\f\n\r\t\\\""}"#, {
            "{a:\"😀 é / \\u{8}\\u{c}\\n\\r\\t\\\\\\\"\"}"
        }),
        (r#"{"":"","a b":"- x: y # z"}"#, r#"{:"",a b:"- x: y # z"}"#),
        ("[]", "[]"),
        (r#"{"a":{}}"#, "{a:{}}"),
        (r#"{"a":"x","b":"---"}"#, r#"{a:"x",b:"---"}"#),
    ] {
        assert_eq!(shown(document(source).root().unwrap()), want, "{source:?}");
    }
}

#[test]
fn values_and_keys_know_their_place() {
    let source = "# c\n---\né: x\nlist:\n  - k: v\n  - 'q'\nnone:\nflow: {a: [1, \"é\", b]}\n";
    let document = document(source);
    let mut found = Vec::new();
    let mut open = vec![document.root().unwrap()];
    while let Some(value) = open.pop() {
        let place = |origin: crate::Origin| {
            let span = origin.span.unwrap();
            format!("{}:{}", span.line, span.column)
        };
        found.push(format!(
            "{} key {} value {}",
            value.path(),
            place(value.key_origin()),
            place(value.origin())
        ));
        open.extend(value.children());
    }
    found.sort();
    assert_eq!(
        found,
        [
            " key 3:1 value 3:1",
            "flow key 8:1 value 8:7",
            "flow.a key 8:8 value 8:11",
            "flow.a[0] key 8:12 value 8:12",
            "flow.a[1] key 8:15 value 8:15",
            "flow.a[2] key 8:20 value 8:20",
            "list key 4:1 value 5:3",
            "list[0] key 5:5 value 5:5",
            "list[0].k key 5:5 value 5:8",
            "list[1] key 6:5 value 6:5",
            "none key 7:1 value 7:1",
            "é key 3:1 value 3:4",
        ]
    );
}

#[test]
fn a_faulty_document_harms_no_other() {
    // smi P-10
    let readings = readings("a: 1\n---\nb: [\n---\nc: 1\n---\n\"d\n---\ne: 1\n");
    let fine: Vec<_> = readings.iter().map(|r| r.faults.is_empty()).collect();
    assert_eq!(fine, [true, false, true, false, true]);
    assert_eq!(shown(readings[4].document.root().unwrap()), "{e:1}");
    let bytes = readings_within(b"a: 1\n---\nb: \xFF\n---\nc: 1\n", &Limits::default());
    assert_eq!(bytes.iter().map(|r| r.faults.len()).collect::<Vec<_>>(), [0, 1, 0]);
}

#[test]
fn what_is_unreadable_is_said_with_its_place() {
    for (source, want) in [
        (
            "a: 1\n\u{1}",
            "2:1 encoding: the control character 0x01 may not be written here (write it as an escape in double quotes)",
        ),
        (
            "<<: 1",
            "1:1 merge-key: the merge key `<<` is not supported (write the fields out; an alias can stand for a whole value)",
        ),
        ("a: 1\n? [x]\n: 1", "2:3 bad-key: a key must be text, found a list"),
        (
            "a: {{ .Values.x }}",
            "1:5 bad-key: a key must be text, found a mapping (if this is a template with `{{ … }}`, render it first)",
        ),
        ("a: &x 1\n*x : 2", "2:1 bad-key: a key must be text, found an alias"),
        ("~: 1", "1:1 bad-key: a key must be text, found nothing"),
        ("a: &x [*x]", "1:8 alias: the alias is part of the value it names"),
        (
            "a: !Ref x",
            "1:4 tag: the tag `!Ref` is not supported (put the value in quotes if it begins with `!`)",
        ),
        (
            "stringData: {a: !hunter2 }",
            "1:17 tag: the tag of the value is not supported (put the value in quotes if it \
             begins with `!`)",
        ),
        (
            "- data:\n    b: [!!int hunter2]",
            "2:9 tag: the tag of the value is not supported (put the value in quotes if it begins \
             with `!`)",
        ),
        (
            "a: !!set {x}",
            "1:4 tag: the tag `!!set` is not supported for a mapping (put the value in quotes if it begins with `!`)",
        ),
        (
            "\n\na: *x",
            "3:4 syntax: not valid YAML: while parsing node, found unknown anchor (put text that begins with `*` in quotes)",
        ),
        (
            "a: *",
            "1:4 syntax: not valid YAML: while scanning an anchor or alias, did not find expected \
             alphabetic or numeric character (put text that begins with `*` in quotes)",
        ),
        (
            "é: {a: ${b}}",
            "1:9 syntax: not valid YAML: while parsing a flow mapping, did not find expected ',' \
             or '}' (put text that holds braces or brackets in quotes)",
        ),
        (
            "- a: 1\n b: 2",
            "2:2 syntax: not valid YAML: while parsing a block collection, did not find expected '-' \
             indicator (check the indentation of this line and of those before it)",
        ),
        (
            "- a: 1\n  b\n    c: 1",
            "3:6 syntax: not valid YAML: simple key expect ':' (check that each key ends in `:`, here and in the line before)",
        ),
        ("{a: 1}\n{b: 1}", "2:1 syntax: not valid YAML: did not find expected <document start>"),
        (
            "a:\n\tb: 1",
            "2:2 syntax: not valid YAML: tabs disallowed within this context (block indentation) (indent with blanks)",
        ),
    ] {
        assert_eq!(faults(source), [want], "{source:?}");
    }
    let found = readings_within("é: x\n é\u{80}".as_bytes(), &Limits::default());
    assert_eq!(found[0].faults, []);
    let found = readings_within(b"\xC3\xA9: x\n\xC3\xA9\xFFb", &Limits::default());
    assert_eq!(found[0].faults[0].place, Place { line: 2, column: 2 });
    assert_eq!(found[0].faults[0].message, "the byte 0xff is not UTF-8");
    let found = readings_within(b"\xFF\xFEa\0", &Limits::default());
    assert_eq!(found[0].faults[0].message, "the text is UTF-16");
}

#[test]
fn a_repeated_key_is_refused_with_both_lines() {
    assert_eq!(
        faults("spec:\n  a: 1\n  b: 2\n  a: 3\n  b: 4\n"),
        [
            "4:3 duplicate-key: the key `a` stands twice, in line 2 and line 4",
            "5:3 duplicate-key: the key `b` stands twice, in line 3 and line 5",
        ]
    );
    // Texts that are one key to everybody else.
    assert_eq!(faults("a: 1\n\"a\": 2\n").len(), 1);
    assert_eq!(faults("a: {b: 1}\nc: {b: 1}\n"), [""; 0]);
}

#[test]
fn a_lost_separator_is_named() {
    // smi P-9 and §9.1
    let page = "apiVersion: split.smi-spec.io/v1alpha3
kind: TrafficSplit
metadata:
  name: tea-svc
spec:
  service: tea.1
  backends:
  - service: tea.1
    weight: 0
  - service: tea.2
    weight: 100
  matches:
  - kind: HTTPRouteGroup
    name: tea-hrg
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
    assert_eq!(
        faults(page),
        ["15:1 duplicate-key: the key `apiVersion` stands twice, in line 1 and line 15 \
          (a separator line `---` is probably missing between line 1 and line 15)"]
    );
    assert!(readings(page)[0].joined);
    assert_eq!(faults(&page.replace("\napiVersion: specs", "\n---\napiVersion: specs")), [""; 0]);
    // Within a list item the slip is another one.
    assert!(!readings("a:\n- kind: x\n  kind: y\n")[0].joined);
}

#[test]
fn bytes_of_a_source_are_limited() {
    let limits = Limits { source_bytes: 4, ..Limits::default() };
    assert_eq!(faults_within("a: 1", &limits), [""; 0]);
    assert_eq!(
        faults_within("a: 12", &limits),
        ["1:1 limit: the file has 5 bytes; at most 4 are read"]
    );
}

#[test]
fn documents_of_a_source_are_limited() {
    let limits = Limits { documents: 2, ..Limits::default() };
    assert_eq!(faults_within("a\n---\nb\n", &limits), [""; 0]);
    assert_eq!(
        faults_within("a\n---\nb\n---\nc\n---\nd\n", &limits),
        ["4:1 limit: the file has more than 2 documents; the rest is not read"]
    );
}

#[test]
fn depth_is_limited() {
    let limits = Limits { depth: 3, ..Limits::default() };
    assert_eq!(faults_within("[[[x]]]", &limits), [""; 0]);
    for (source, place) in [
        ("[[[[x]]]]", "1:4"),
        ("a:\n b:\n  c:\n   d: 1", "4:4"),
        ("- - - - x", "1:7"),
        ("{a: {b: {c: {d: 1}}}}", "1:13"),
        // Through aliases: two levels within two.
        ("- &a [[x]]\n- [*a]", "2:4"),
        ("- &a [x]\n- &b [*a]\n- [*b]", "3:4"),
    ] {
        let want = format!("{place} limit: nested deeper than 3 levels");
        assert_eq!(faults_within(source, &limits), [want], "{source}");
    }
    for source in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
        let found = faults(&source);
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("limit: nested deeper than 64 levels"), "{found:?}");
    }
}

#[test]
fn values_of_a_document_are_limited() {
    let limits = Limits { values: 4, ..Limits::default() };
    assert_eq!(faults_within("[1, 2, 3]", &limits), [""; 0]);
    for (source, place) in [("[1, 2, 3, 4]", "1:11"), ("[&a [1], *a]", "1:10")] {
        let want = format!("{place} limit: the document has more than 4 values");
        assert_eq!(faults_within(source, &limits), [want], "{source}");
    }
}

#[test]
fn what_aliases_repeat_is_limited() {
    let limits = Limits { alias_values: 4, ..Limits::default() };
    let fine = "[&a [1], *a]\n";
    assert_eq!(faults_within(&format!("{fine}---\n{fine}"), &limits), [""; 0]);
    // All documents of a source draw on one stock.
    assert_eq!(
        faults_within(&format!("{fine}---\n{fine}---\n{fine}"), &limits),
        ["5:10 limit: the aliases of the file repeat more than 4 values"]
    );
    let mut laughs = String::from("a0: &a0 [x]\n");
    for i in 1..40 {
        let before = i - 1;
        laughs += &format!("a{i}: &a{i} [*a{before}, *a{before}, *a{before}]\n");
    }
    let found = faults(&laughs);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains(" limit: "), "{found:?}");
}

#[test]
fn a_dash_without_a_blank_is_found_behind_what_it_breaks() {
    let help = " (did you mean `- name:`? YAML needs a blank after the dash)";
    for (source, want) in [
        (
            "a:\n  -name: x\n   port: 1\n",
            "3:8 syntax: not valid YAML: mapping values are not allowed in this context",
        ),
        (
            "a:\n  -name: x\n  -name: y\n",
            "3:3 duplicate-key: the key `-name` stands twice, in line 2 and line 3",
        ),
    ] {
        assert_eq!(faults(source), [format!("{want}{help}")], "{source:?}");
    }
    for other in ["a: --name: x: y\n", "a: -1\n b: c: 1\n"] {
        assert!(!faults(other)[0].contains("dash"), "{other:?}");
    }
}

#[test]
fn unknown_fields_show_the_slips_of_the_layout() {
    let document = document("spec:\n  -name: x\n  pass:tea: 1\n");
    let mut problems = Problems::new(false);
    let spec = document.root().unwrap().children().next().unwrap();
    spec.mapping(&mut problems).unwrap().finish(&mut problems);
    let help: Vec<_> = problems.into_list().into_iter().filter_map(|d| d.help).collect();
    assert_eq!(
        help,
        [
            "did you mean `- name:`? YAML needs a blank after the dash",
            "did you mean `pass: tea`? YAML needs a blank after the colon",
        ]
    );
}

/// Text made of the parts that mean something to YAML.
fn yamlish() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "a",
            "b: ",
            "c:\n",
            "- ",
            "\n",
            "\n  ",
            "\n- ",
            "[",
            "]",
            "{",
            "}",
            ",",
            ": ",
            "? ",
            "&x ",
            "*x",
            "!!str ",
            "!t ",
            "\"",
            "'",
            "|\n",
            ">+1\n",
            "#",
            "%TAG ! x\n",
            "\n---\n",
            "\n...\n",
            "\t",
            "\r",
            "\u{FEFF}",
            "\\u12",
            "\\ud83d\\ude00",
            "<<: ",
            "~",
            "0x",
            "é",
            "\u{85}",
            "\u{2028}",
            "kind: ",
            "apiVersion: ",
            "null",
            "@",
            "`",
            "\0",
            "---",
            "-",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

const SAMPLE: &str = "# shop
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe, labels: {\"a.b/c\": 'd'}}
spec:
  host: &h cafe.example.com
  alias: *h
  routes:
  - path: /tea
    action: {return: {code: 200, body: \"\\u00e9\\n\"}}
  - path: \"~ ^/coffee\"
    body: |
      text: not yaml
---
{\"kind\": \"Service\", \"x\": [\"\\ud83d\\ude00\", 1.5, null, {\"y\": true}]}
";

/// Every value can be asked for its path and place, and parents come before children.
fn check(readings: &[Reading]) {
    for reading in readings {
        let mut open: Vec<_> = reading.document.root().into_iter().collect();
        let mut count = 0;
        while let Some(value) = open.pop() {
            count += 1;
            assert!(value.origin().span.is_some_and(|span| span.line > 0 && span.column > 0));
            open.extend(value.children());
        }
        assert_eq!(count, reading.document.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_is_too_much(text in yamlish()) {
        check(&readings(&text));
    }

    #[test]
    fn no_bytes_are_too_much(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        check(&readings_within(&bytes, &Limits::default()));
    }

    #[test]
    fn no_damage_to_a_document_is_too_much(
        at in 0..SAMPLE.len(),
        length in 0..20_usize,
        with in yamlish(),
    ) {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, with.bytes().take(12));
        check(&readings_within(&bytes, &Limits::default()));
    }

    #[test]
    fn a_document_reads_the_same_among_others(text in yamlish(), before in yamlish()) {
        // The last line keeps comments of `before` from belonging to the document behind it.
        let alone = readings(&format!("---\n{text}"));
        let among = readings(&format!("---\n{before}\nx\n---\n{text}"));
        let tail = among.get(among.len().saturating_sub(alone.len())..).unwrap_or_default();
        let show = |r: &Reading| (r.document.root().map(shown), r.faults.len());
        prop_assert_eq!(
            tail.iter().map(show).collect::<Vec<_>>(),
            alone.iter().map(show).collect::<Vec<_>>()
        );
    }
}
