//! Expressions that collide, each compiled once, with texts that they match.

use super::Source;
use gateway_core::rules::{Anchor, Regex};
use std::sync::LazyLock;

/// An expression and texts that it matches.
pub(super) struct Expression {
    pub(super) regex: Regex,
    pub(super) hits: Vec<String>,
}

/// Expressions for values. The first are the simplest. Those at [`WITHOUT_LITERAL`] have no two
/// octets in common with all that they match.
pub(super) static VALUES: LazyLock<Vec<Expression>> = LazyLock::new(values);

pub(super) const WITHOUT_LITERAL: std::ops::Range<usize> = 121..121 + DIGITS;

/// Expressions for paths. The first [`SIMPLE_PATHS`] are the simplest. Those at [`LIKE_API`] begin
/// with the literal `/api/` and nothing longer; the last [`DIGITS`] of these have no other literal.
pub(super) static PATHS: LazyLock<Vec<Expression>> = LazyLock::new(paths);

pub(super) const SIMPLE_PATHS: usize = 36;
pub(super) const LIKE_API: std::ops::Range<usize> = SIMPLE_PATHS..SIMPLE_PATHS + 72 + DIGITS;

/// How many expressions there are of digits only.
pub(super) const DIGITS: usize = 100;

/// Some expressions of `pool`, `count` of them, few of them twice.
pub(super) fn some<'p>(
    pool: &'p [Expression],
    count: usize,
    source: &mut Source<'_>,
) -> impl Iterator<Item = &'p Regex> {
    let start = source.below(pool.len());
    let step = source.pick(&[1, 5, 7, 11, 13]);
    (0..count).map(move |at| &pool[(start + at * step) % pool.len()].regex)
}

/// A text that the expression matches, where one is known.
pub(super) fn hit(regex: &Regex, source: &mut Source<'_>) -> Option<&'static str> {
    let known = VALUES.iter().chain(&*PATHS).find(|known| known.regex == *regex)?;
    source.choose(&known.hits).map(String::as_str)
}

fn expression(source: &str, anchor: Anchor, ignore_case: bool, hits: &[&str]) -> Expression {
    let regex = Regex::new(source, anchor, ignore_case).expect("small expressions compile");
    Expression { regex, hits: hits.iter().map(|&hit| hit.to_owned()).collect() }
}

fn values() -> Vec<Expression> {
    use Anchor::{Both, None, Start};
    let long = "a".repeat(260);
    let mut all = vec![
        expression("a", None, false, &["a", "ba", "b, a"]),
        expression("^a$", None, false, &["a"]),
        expression("", None, false, &["", "b"]),
        expression("^$", None, false, &[""]),
        expression("b|^a", None, false, &["ab", "b", "a"]),
        expression(".*", None, false, &["a", ""]),
        expression("(^|; )a=b(;|$)", None, false, &["a=b", "b=a; a=b"]),
        expression("a", Both, true, &["a", "A"]),
        expression("ab?", Start, false, &["a", "abc"]),
        expression("", Both, false, &[""]),
        expression("k", None, true, &["k", "K"]),
        // Unicode folds more than ASCII letters: long s, Kelvin sign.
        expression("ské", None, true, &["ské", "SKÉ", "ſké", "s\u{212a}é"]),
        expression("skié", None, true, &["skié", "SKIÉ", "ſkié", "s\u{212a}ié"]),
        expression("caf[éè]$", None, false, &["café", "a cafè"]),
        expression("(?m)^item-3$", None, false, &["item-3", "x\nitem-3\ny"]),
        expression("m-1, it", None, false, &["item-1, item-2"]),
        expression("item-1$|^item-2", None, false, &["an item-1", "item-23"]),
        expression("^$|^item-9$", None, false, &["", "item-9"]),
        expression("it(?:em)?-7", Both, false, &["it-7", "item-7"]),
        expression("a{250,}", None, false, &[&long]),
        expression("^.{3}$", None, false, &["abc", "a.b"]),
        expression("x*", Both, false, &["", "xx"]),
        expression(r"(?-u)[\x80-\xff]", None, false, &["é"]),
        expression(r"^\s*item", None, false, &[" item", "item-4"]),
        expression(r"\.b$", None, false, &["a.b", "b.a.b"]),
    ];
    for n in 0..96_usize {
        let item = &*format!("item-{n}");
        let upper = &*format!("ITEM-{n}");
        let thing = &*format!("thing-{n}");
        let digits = "1234".repeat(2)[..n % 4 + 1].to_owned();
        all.push(match n % 12 {
            0 => expression(item, None, false, &[item, &format!("an {item}0")]),
            1 => expression(&format!("^{item}$"), None, false, &[item]),
            2 => expression(item, Start, false, &[item, &format!("{item}-x")]),
            3 => expression(&format!("Item-{n}"), Both, true, &[item, upper]),
            4 => expression(&format!("{item}|{thing}"), None, false, &[item, thing]),
            5 => expression(&format!("^(?:item|thing)-{n}$"), None, false, &[item, thing]),
            6 => expression(&format!("i.*-{n}$"), None, false, &[item, &format!("ii-{n}")]),
            7 => expression(&format!("[a-z]+-{n}[0-9]*"), Both, false, &[item, thing]),
            8 => expression(&format!(r"\b{item}\b"), None, false, &[item, &format!("a, {item}")]),
            9 => expression(&format!("^[^,]*, {item}$"), None, false, &[&format!("a, {item}")]),
            10 => expression(
                &format!("é{n}|{item}"),
                None,
                true,
                &[item, upper, &format!("É{n}"), &format!("\u{130}, é{n}")],
            ),
            _ => expression(
                &format!("^[0-9]{{{}}}[a-c]{{{}}}$", digits.len(), 1 + n / 48),
                None,
                false,
                &[&format!("{digits}{}", &"abc"[..1 + n / 48])],
            ),
        });
    }
    all.extend((0..DIGITS).map(|n| {
        let (digits, anchor, hit) = of_digits(n, "");
        let long = format!("{hit} {hit}");
        let hits = if anchor == None { [&*hit, &*long] } else { [&*hit, &*hit] };
        expression(&digits, anchor, n.is_multiple_of(7), &hits)
    }));
    all
}

/// Two digits, each of which may be an `x`; some are so far apart that automata of several grow
/// beyond measure.
fn of_digits(n: usize, before: &str) -> (String, Anchor, String) {
    let (a, b) = (n / 10, n % 10);
    let (between, anchor) = match n % 8 {
        0 => ("", Anchor::Both),
        1 | 2 => ("", Anchor::Start),
        3 => (".*", Anchor::None),
        4 => ("[0-9]*", Anchor::Both),
        _ => ("", Anchor::None),
    };
    let hit = if n.is_multiple_of(3) { format!("{before}x{b}") } else { format!("{before}{a}{b}") };
    let start = if before.is_empty() || anchor != Anchor::None { "" } else { "^" };
    (format!("{start}{before}[{a}x]{between}[{b}x]"), anchor, hit)
}

fn paths() -> Vec<Expression> {
    use Anchor::{Both, None, Start};
    let mut all = Vec::new();
    for anchor in [None, Start, Both] {
        // What they match depends on the anchor: the texts are likely, not certain.
        for (source, hits) in [
            ("/a", &["/a", "/b/a"][..]),
            ("/a/.*", &["/a/", "/a/b"]),
            ("^/(a|ab)/?$", &["/a", "/ab/"]),
            ("b$", &["/b", "/a/b"]),
            ("", &["/"]),
            ("(?i)/A/b", &["/a/b", "/A/B"]),
            ("/[ab]+/b", &["/ab/b", "/a/b"]),
            ("/a|/b", &["/a", "/b"]),
            ("/(a/)*", &["/", "/a/a/"]),
            ("^/api(?:/|$)", &["/api", "/api/x"]),
            ("/api/.*", &["/api/", "/api/r1"]),
            ("^/Api", &["/Api"]),
        ] {
            all.push(expression(source, anchor, false, hits));
        }
    }
    for n in 0..72_usize {
        let path = |text: &str| format!("/api/{text}{n}");
        all.push(match n % 6 {
            0 => {
                expression(&format!("/api/[a-z]+/{n}"), Start, false, &[&path("ab/"), &path("a/")])
            }
            1 => expression(
                &format!("^/api/(?P<kind>r|s){n}(?:/(x))?$"),
                None,
                false,
                &[&path("r"), &path("s"), &format!("/api/r{n}/x")],
            ),
            2 => expression(&format!("^/api/.*-{n}$"), None, false, &[&path("a/b-"), &path("-")]),
            3 => expression(
                &format!("/api/(?:[^/]*/)?r{n}"),
                Both,
                false,
                &[&path("r"), &path("b/r")],
            ),
            4 => expression(
                &format!("/api/(?i:R{n}|s{n}/x)"),
                Start,
                false,
                &[&path("R"), &path("r")],
            ),
            _ => expression(
                &format!("/api/([0-9]+)/(?P<last>[rs])?{n}"),
                Both,
                false,
                &[&path("12/r"), &path("1/")],
            ),
        });
    }
    all.extend((0..DIGITS).map(|n| {
        let (digits, anchor, hit) = of_digits(n, "/api/");
        expression(&digits, anchor, false, &[&hit])
    }));
    for n in 0..40_usize {
        let path = |text: &str| format!("/api/{text}{n}");
        all.push(match n % 5 {
            0 => expression(&format!("^/api/r{n}$"), None, false, &[&path("r")]),
            1 => expression(
                &format!("/api/r{n}"),
                Start,
                false,
                &[&path("r"), &format!("/api/r{n}1")],
            ),
            2 => expression(&format!("/API/r{n}(/.*)?"), Both, true, &[&path("r"), &path("R")]),
            3 => expression(
                &format!("/r{n}/"),
                None,
                false,
                &[&format!("/a/r{n}/"), &format!("/r{n}/x")],
            ),
            _ => expression(&format!("r{n}$"), None, false, &[&path("r"), &format!("/r{n}")]),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_as_described() {
        for known in &*VALUES {
            for hit in &known.hits {
                assert!(known.regex.is_match(hit.as_bytes()), "{} {hit}", known.regex);
            }
        }
        for (at, known) in PATHS.iter().enumerate() {
            let matching = known.hits.iter().filter(|hit| known.regex.is_match(hit.as_bytes()));
            let all = at < LIKE_API.start || matching.count() == known.hits.len();
            assert!(all, "{} {:?}", known.regex, known.hits);
        }
        assert!(PATHS[LIKE_API].iter().all(|known| known.regex.source().contains("/api/")));
        assert_eq!(VALUES.len(), WITHOUT_LITERAL.end);
        assert_eq!(PATHS.len(), LIKE_API.end + 40);
    }
}
