use super::*;

#[test]
fn durations() {
    // virtualserver §2, TIME
    for (text, want) in [
        ("90", Some(90_000)),
        ("100ms", Some(100)),
        ("1h 30m", Some(5_400_000)),
        ("1h30m", Some(5_400_000)),
        ("1m 5", Some(65_000)),
        ("1y1M1w1d1h1m1s1ms", Some(34_822_861_001)),
        ("0", Some(0)),
        ("0s", Some(0)),
        ("", None),
        (" ", None),
        ("1.5m", None),
        ("-1s", None),
        ("20 seconds", None),
        ("20 s", None),
        ("1s 1m", None),
        ("1s 1s", None),
        ("5 1m", None),
        ("s", None),
        ("99999999999y", None),
        ("99999999999999999999", None),
        ("1é", None),
    ] {
        let got = time(text).ok().map(|d| d.as_millis());
        assert_eq!(got, want, "{text:?}");
    }
}

#[test]
fn sizes() {
    // virtualserver §2, SIZE and OFFSET
    for (text, as_size, as_offset) in [
        ("0", Some(0), Some(0)),
        ("16", Some(16), Some(16)),
        ("4k", Some(4096), Some(4096)),
        ("2M", Some(2 << 20), Some(2 << 20)),
        ("1g", None, Some(1 << 30)),
        ("", None, None),
        ("k", None, None),
        ("1 k", None, None),
        ("-1", None, None),
        ("1kb", None, None),
        ("99999999999999999g", None, None),
    ] {
        assert_eq!(size(text).ok(), as_size, "{text:?}");
        assert_eq!(offset(text).ok(), as_offset, "{text:?}");
    }
}

#[test]
fn escapes() {
    // virtualserver §2
    for (text, want) in [
        (r#"say \"hi\""#, "say \"hi\""),
        (r"line1\nline2\t\r", "line1\nline2\t\r"),
        (r"a\\b", r"a\b"),
        (r"\d+\.", r"\d+\."),
        (r"it\'s", "it's"),
    ] {
        assert!(escaped(text).is_ok(), "{text}");
        assert_eq!(unescape(text), want, "{text}");
    }
    for text in [r#"say "hi""#, r"a\", r"a\\\"] {
        assert!(escaped(text).is_err(), "{text}");
    }
}

#[test]
fn names() {
    // virtualserver §2, DNS1123L, DNS1035L, DNS1123S, WILD, HDRNAME, COOKIE
    let long = "a".repeat(64);
    for (text, as_label, as_name, as_host) in [
        ("tea", true, true, true),
        ("tea-1", true, true, true),
        ("1tea", true, false, true),
        ("Tea", false, false, false),
        ("-tea", false, false, false),
        ("tea-", false, false, false),
        ("a.b", false, false, true),
        ("*.a.b", false, false, true),
        ("a.*.b", false, false, false),
        ("*", false, false, false),
        ("*.", false, false, false),
        ("a..b", false, false, false),
        ("", false, false, false),
        (&long, false, false, false),
    ] {
        assert_eq!(label(text).is_ok(), as_label, "{text}");
        assert_eq!(name(text).is_ok(), as_name, "{text}");
        assert_eq!(host(text).is_ok(), as_host, "{text}");
    }
    for (text, as_header, as_word) in
        [("x-a", true, false), ("x_a", false, true), ("X1", true, true), ("", false, false)]
    {
        assert_eq!(header_name(text).is_ok(), as_header, "{text}");
        assert_eq!(word(text).is_ok(), as_word, "{text}");
    }
}

#[test]
fn qualified_names() {
    // virtualserver §2, QNAME; values of labels are names that may be empty
    let long = "a".repeat(64);
    for (text, parts, as_value) in [
        ("tea", Some((None, "tea")), true),
        ("A_b.c-d", Some((None, "A_b.c-d")), true),
        ("shop/tea", Some((Some("shop"), "tea")), false),
        ("a.example/Tea_1.x", Some((Some("a.example"), "Tea_1.x")), false),
        ("", None, true),
        ("/a", None, false),
        ("a/", None, false),
        ("a/b/c", None, false),
        ("A/b", None, false),
        ("-a", None, false),
        ("_a", None, false),
        ("a.", None, false),
        ("a b", None, false),
        (&long[..63], Some((None, &long[..63])), true),
        (&long, None, false),
    ] {
        assert_eq!(qualified_name(text).ok(), parts, "{text}");
        assert_eq!(label_value(text).is_ok(), as_value, "{text}");
    }
}

#[test]
fn paths() {
    // virtualserver §2, PATH; parameters are an extension (smi §9.3)
    for (text, with_parameters, plain) in [
        ("/", true, true),
        ("/a/b", true, true),
        ("/a/...", true, true),
        ("/a/{b}", true, false),
        ("/a}", false, false),
        ("", false, false),
        ("a", false, false),
        ("//a", false, false),
        ("/a/../b", false, false),
        ("/..", false, false),
        ("/a b", false, false),
        ("/a;b", false, false),
        (r"/a\b", false, false),
    ] {
        assert_eq!(path(text).is_ok(), with_parameters, "{text}");
        assert_eq!(plain_path(text).is_ok(), plain, "{text}");
    }
}
