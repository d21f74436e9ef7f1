//! Conditions of matches (virtualserver §10).

use super::grammar::{escaped, header_name, unescape, word};
use super::path::regex;
use super::report::{Fault, Report};
use super::variables::{argument, condition_field, cookie};
use crate::resource::virtual_server::{Condition as Written, Source};
use crate::rules::{Condition, Field, Test};
use crate::translate::expressions::Expressions;

/// What `written` asks of a request; `None` when something is wrong with it.
pub(super) fn condition(
    written: &Written,
    expressions: &mut Expressions,
    report: &mut Report,
) -> Option<Condition> {
    let field = written.source.as_ref().and_then(|(source, name)| {
        let field = field(*source, name);
        if matches!(&field, Ok(Field::Attribute(_))) {
            let message = "`$request_body` is always empty here: the body is not read yet";
            report.warning(name.at, Fault::new("always-empty", message));
        }
        report.check(name.at, field)
    });
    let (test, negated) = match &written.value {
        Some(value) => report.check(value.at, test(value, expressions))?,
        None => (Test::Empty, false),
    };
    Some(Condition { field: field?, test, negated })
}

fn field(source: Source, name: &str) -> Result<Field, Fault> {
    match source {
        Source::Header => Ok(Field::Header(header_name(name)?.as_str().into())),
        Source::Cookie => word(name).map(|()| cookie(name)),
        Source::Argument => word(name).map(|()| argument(name)),
        Source::Variable => condition_field(name),
    }
}

/// The test that a value stands for, and whether it is negated (virtualserver §10.2).
fn test(value: &str, expressions: &mut Expressions) -> Result<(Test, bool), Fault> {
    escaped(value)?;
    let (value, negated) = match value.strip_prefix('!') {
        Some(rest) => (rest, true),
        None => (value, false),
    };
    let mut search = |source: &str, ignore_case| {
        let regex = regex(source, ignore_case, expressions)?;
        Ok(Test::Matches { regex, empty_matches: false })
    };
    let test = if let Some(source) = value.strip_prefix("~*") {
        search(source, true)?
    } else if let Some(source) = value.strip_prefix('~') {
        search(source, false)?
    } else {
        let text = unescape(value);
        // One backslash lets a literal begin with `~` or `!`.
        match text.strip_prefix('\\').unwrap_or(&text) {
            "" => Test::Empty,
            text => Test::Equals { value: text.into(), ignore_case: true },
        }
    };
    Ok((test, negated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_syntax_of_a_value() {
        // virtualserver §10.2: value, and for some sources (empty is absent too) whether it holds
        for (value, cases) in [
            ("", &[("", true), ("x", false)][..]),
            ("!", &[("", false), ("x", true)]),
            ("get", &[("GET", true), ("get", true), ("", false), ("gets", false)]),
            ("!get", &[("GET", false), ("POST", true), ("", true)]),
            ("~^v[12]$", &[("v1", true), ("V1", false), ("v3", false), ("", false)]),
            ("~x*", &[("", false), ("abc", true)]),
            ("~*^v[12]$", &[("V2", true), ("", false)]),
            ("!~^v1$", &[("v1", false), ("V1", true), ("", true)]),
            ("!~*^v1$", &[("V1", false), ("v2", true), ("", true)]),
            ("!!x", &[("!x", false), ("x", true), ("", true)]),
            (r"\~x", &[("~x", true), ("x", false)]),
            (r"\!x", &[("!x", true), ("x", false)]),
            (r"!\~x", &[("~x", false), ("", true)]),
            (r"\x", &[("x", true), (r"\x", false)]),
            ("~^GET|HEAD$", &[("GETX", true), ("XHEAD", true), ("XGET", false)]),
            ("$host", &[("$host", true), ("host", false)]),
            ("*", &[("*", true), ("a", false)]),
            ("default", &[("DEFAULT", true), ("", false)]),
            ("hostnames", &[("hostnames", true)]),
            (r#"a\"b"#, &[("a\"b", true)]),
            (r"~^\d+\\.\d$", &[("12.3", true), ("12x3", false)]),
        ] {
            let (test, negated) = test(value, &mut Expressions::default()).unwrap();
            for (source, want) in cases {
                let held = match &test {
                    Test::Empty => source.is_empty(),
                    Test::Equals { value, ignore_case: true } => value.eq_ignore_ascii_case(source),
                    Test::Equals { .. } => unreachable!("literals ignore case"),
                    Test::Matches { regex, empty_matches } => {
                        (*empty_matches || !source.is_empty()) && regex.is_match(source.as_bytes())
                    }
                };
                assert_eq!(held != negated, *want, "{value:?} on {source:?}");
            }
        }
    }

    #[test]
    fn names_of_sources() {
        // virtualserver §10.1 and §17.1
        for (source, name, want) in [
            (Source::Header, "X-Foo", Some(Field::Header("x-foo".into()))),
            (Source::Header, "X_Foo", None),
            (Source::Cookie, "A_b", Some(cookie("A_b"))),
            (Source::Cookie, "a-b", None),
            (Source::Argument, "q", Some(argument("q"))),
            (Source::Argument, "q-r", None),
            (Source::Variable, "$args", Some(Field::Query)),
            (Source::Variable, "$query_string", Some(Field::Query)),
            (Source::Variable, "$http2", Some(Field::Http2)),
            (Source::Variable, "$https", Some(Field::Https)),
            (Source::Variable, "$remote_addr", Some(Field::PeerAddress)),
            (Source::Variable, "$remote_port", Some(Field::PeerPort)),
            (Source::Variable, "$request", Some(Field::RequestLine)),
            (Source::Variable, "$request_method", Some(Field::Method)),
            (Source::Variable, "$request_uri", Some(Field::Target)),
            (Source::Variable, "$scheme", Some(Field::Scheme)),
            (Source::Variable, "${scheme}", None),
            (Source::Variable, "$host", None),
        ] {
            assert_eq!(field(source, name).ok(), want, "{source:?} {name}");
        }
    }
}
