use super::super::document::{Document, Kind, Place, Step};
use super::*;

/// What `read` makes of `text`, and the problems.
fn check<T>(text: &str, read: impl Fn(Value<'_>, &mut Problems) -> Option<T>) -> Result<T, String> {
    let mut document = Document::new("t.yaml".into());
    let place = Place { line: 1, column: 1 };
    document.push(0, Step::Root, Kind::String(text.into()), place, place);
    let mut problems = Problems::new(false);
    let read = read(document.root().unwrap(), &mut problems);
    let problems: Vec<_> = problems.into_list().into_iter().map(|d| d.message).collect();
    assert_eq!(read.is_none(), !problems.is_empty(), "`{text}`: {problems:?}");
    read.ok_or(problems.join("; "))
}

#[test]
fn durations() {
    // gateway-api §2
    for (text, milliseconds) in [
        ("0s", 0),
        ("150m", 9_000_000),
        ("7230s", 7_230_000),
        ("100ms200ms300ms", 600),
        ("1s1h", 3_601_000),
        ("00010s", 10_000),
        ("99999h99999h99999h99999h", 399_996 * 3_600_000),
    ] {
        assert_eq!(check(text, duration), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in
        ["1", "1m1", "1d", "1h30m10s20ms50h", "999999h", "1.5h", "-15m", "", "1us", " 1s", "s"]
    {
        let want = format!("`{text}` is not a duration");
        assert_eq!(check(text, duration), Err(want), "{text}");
    }
}

#[test]
fn hostnames() {
    // gateway-api §2
    for text in ["a", "example.com", "*.example.com", "1a.example", "xn--caf-dma.example"] {
        assert_eq!(check(text, hostname).map(|h| h.to_string()), Ok(text.into()), "{text}");
    }
    for (text, reason) in [
        ("*", "`*` stands only as the whole first label"),
        ("Example.com", "a host name is written in lower case"),
        ("1.2.3.4", "an IP address is not a host name"),
        ("example.com.", "a host name has no empty labels"),
        ("example.com:80", "a label holds only letters, digits and `-`"),
        ("a.*.example", "`*` stands only as the whole first label"),
        ("", "a host name must not be empty"),
    ] {
        let want = format!("`{text}` is not a valid host name: {reason}");
        assert_eq!(check(text, hostname).map(|h| h.to_string()), Err(want), "{text}");
    }
    let wildcard = check("*.example.com", precise_hostname);
    let want = "`*.example.com` is not a valid host name: a wildcard cannot stand here";
    assert_eq!(wildcard, Err(want.into()));
}

#[test]
fn forms() {
    // gateway-api §2
    let long = "a".repeat(254);
    for (scalar, good, bad) in [
        (
            SECTION_NAME,
            vec!["a", "a-b.c", &long[..253]],
            vec!["", "A", "a_b", ".a", "a.", "-a", &long],
        ),
        (OBJECT_NAME, vec!["a", "A b"], vec!["", &long]),
        (NAMESPACE, vec!["a-1", &long[..63]], vec!["", "a.b", "A", &long[..64]]),
        (GROUP, vec!["", "gateway.networking.k8s.io"], vec!["A", "a/b"]),
        (KIND, vec!["Service", "a-1"], vec!["", "1a", "a-", "a.b", &long[..64]]),
        (HEADER_NAME, vec!["X-A", "!#$%&'*+-.^_`|~"], vec!["", ":path", "a b", "é"]),
        (QUERY_NAME, vec!["animal"], vec!["", "a=b"]),
        (HEADER_VALUE, vec!["a", "a  b", "é"], vec!["", "a\nb", "a\rb", "a\0b"]),
        (QUERY_VALUE, vec!["a b"], vec![""]),
        (COOKIE_NAME, vec!["__Host-a"], vec!["", "a=b", "a;b"]),
        (COOKIE_PATH, vec!["", "/", "/a b"], vec!["/;", "/\n", "/\u{7f}", "/é"]),
        (AUTH_PATH, vec!["/", "a", "%2F%aB"], vec!["", "/é", "%", "%2", "%2%41", "a%zz", "#"]),
        (PROTOCOL, vec!["HTTP", "example.com/Foo"], vec!["", "a b", "example.com/", "/a"]),
        (CONTROLLER, vec!["example.com/gateway/v1"], vec!["", "example.com", "example.com/"]),
        (
            ADDRESS_TYPE,
            vec!["IPAddress", "Hostname", "NamedAddress", "example.com/a/b"],
            vec!["", "ipaddress", "example.com", "example.com/"],
        ),
        (
            LABEL_KEY,
            vec!["a", "A_b.c-d", "a.example/A", &long[..63], "1"],
            vec!["", "-a", "a-", "a/", "/a", "A/b", "a/b/c", "a b", &long[..64], "é"],
        ),
        (LABEL_VALUE, vec!["", "A_b.c-d", "1"], vec!["-a", "a.", "a/b", &long[..64]]),
        (ANNOTATION_KEY, vec!["a.example/A_b"], vec!["", "a b", &long[..64]]),
        (ANNOTATION_VALUE, vec!["", "{any: 'text'}\n"], vec![&"a".repeat(4097)]),
        (
            WELL_KNOWN_AUTHORITIES,
            vec!["System", "example.com/a"],
            vec!["", "system", "Other", "example.com/", "/a"],
        ),
        (
            ABSOLUTE_URI,
            vec![
                "spiffe://a.example/b",
                "https://a.example:8443",
                "a+b://[::1]/c?d#e",
                "a://b/%20",
            ],
            vec![
                "",
                "/a",
                "a",
                "a:b",
                "mailto:a@b",
                "://a",
                "1a://b",
                "a_b://c",
                "a:///b",
                "a://?b",
                "a://b c",
                "a://é",
            ],
        ),
        (DESCRIPTION, vec!["", &long[..64]], vec![&long[..65]]),
    ] {
        for text in good {
            assert!(check(text, |v, p| scalar.read(v, p).map(|_| ())).is_ok(), "{text}");
        }
        for text in bad {
            assert!(check(text, |v, p| scalar.read(v, p).map(|_| ())).is_err(), "{text}");
        }
    }
    let read = |text| check(text, |v, p| NAMESPACE.read(v, p).map(|_| ()));
    assert_eq!(read("Shop"), Err("`Shop` is not a namespace".into()));
    assert_eq!(read(""), Err("a namespace must not be empty".into()));
    assert_eq!(read(&long), Err("a namespace has at most 63 characters, found 254".into()));
}

#[test]
fn strict_header_values() {
    // gateway-api §2, experimental channel
    for (text, want) in [
        ("a", true),
        ("a b\tc", true),
        ("a, b", true),
        ("a  b", false),
        (" a", false),
        ("a ", false),
        ("é", false),
    ] {
        assert_eq!(is_strict_field_value(text), want, "`{text}`");
    }
}
