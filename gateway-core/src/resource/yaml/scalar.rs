//! What a scalar is (YAML 1.2 §10.3, the core schema).

use super::super::document::Kind;
use saphyr_parser::{ScalarStyle, Tag};

/// The value of a scalar: text in quotes and blocks is a string, plain text goes by its form, a
/// core tag overrides both. The error is a sentence.
pub(super) fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Kind, String> {
    let Some(tag) = tag else {
        return Ok(if style == ScalarStyle::Plain { plain(text) } else { string(text) });
    };
    let name = format!("{}{}", tag.handle, tag.suffix);
    let (kind, fits) = match name.strip_prefix("tag:yaml.org,2002:") {
        Some("str") => return Ok(string(text)),
        None if name == "!" => return Ok(string(text)),
        Some("null") => (plain(text), matches!(plain(text), Kind::Null)),
        Some("bool") => (plain(text), matches!(plain(text), Kind::Bool(_))),
        Some("int") => (plain(text), is_whole(text)),
        Some("float") => (plain(text), matches!(plain(text), Kind::Integer(_) | Kind::Number(_))),
        _ => return Err(format!("the tag `{}` is not supported", written(tag))),
    };
    if fits {
        Ok(kind)
    } else {
        Err(format!("`{text}` is not what its tag `{}` says", written(tag)))
    }
}

/// A tag as people write it: `!!str`, `!Ref`.
pub(super) fn written(tag: &Tag) -> String {
    let handle = if tag.is_yaml_core_schema() { "!!" } else { &tag.handle };
    format!("{handle}{}", tag.suffix)
}

/// Whether the tag of a list or a mapping, `seq` or `map`, may stand there.
pub(super) fn fits_collection(tag: &Tag, name: &str) -> bool {
    let full = format!("{}{}", tag.handle, tag.suffix);
    full == "!" || full.strip_prefix("tag:yaml.org,2002:") == Some(name)
}

fn string(text: &str) -> Kind {
    Kind::String(text.into())
}

fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    if is_whole(text) {
        // What 64 bits cannot hold keeps its text.
        let value = match text.split_at_checked(2) {
            Some(("0x", digits)) => i64::from_str_radix(digits, 16),
            Some(("0o", digits)) => i64::from_str_radix(digits, 8),
            _ => text.parse(),
        };
        return value.map_or_else(|_| Kind::Number(text.into()), Kind::Integer);
    }
    if is_float(text) { Kind::Number(text.into()) } else { string(text) }
}

fn is_whole(text: &str) -> bool {
    let all = |digits: &str, test: fn(&u8) -> bool| {
        !digits.is_empty() && digits.as_bytes().iter().all(test)
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, u8::is_ascii_hexdigit);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |b| (b'0'..=b'7').contains(b));
    }
    all(text.strip_prefix(['-', '+']).unwrap_or(text), u8::is_ascii_digit)
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, infinities, `.nan`.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|e| e.strip_prefix(['-', '+']).unwrap_or(e));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|e| !e.is_empty() && digits(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let number = |text: &str| Kind::Number(text.into());
        for (text, want) in [
            ("", Kind::Null),
            ("~", Kind::Null),
            ("NULL", Kind::Null),
            ("nULL", string("nULL")),
            ("True", Kind::Bool(true)),
            ("FALSE", Kind::Bool(false)),
            ("yes", string("yes")),
            ("on", string("on")),
            ("0", Kind::Integer(0)),
            ("-7", Kind::Integer(-7)),
            ("+12", Kind::Integer(12)),
            ("010", Kind::Integer(10)),
            ("0x1F", Kind::Integer(31)),
            ("0o17", Kind::Integer(15)),
            ("0x", string("0x")),
            ("0x+1", string("0x+1")),
            ("0o8", string("0o8")),
            ("1_000", string("1_000")),
            ("9223372036854775807", Kind::Integer(i64::MAX)),
            ("9223372036854775808", number("9223372036854775808")),
            ("0xFFFFFFFFFFFFFFFFFF", number("0xFFFFFFFFFFFFFFFFFF")),
            ("10.0", number("10.0")),
            ("1.", number("1.")),
            (".5", number(".5")),
            (".", string(".")),
            ("-", string("-")),
            ("1e3", number("1e3")),
            ("1E-3", number("1E-3")),
            ("1e", string("1e")),
            ("e1", string("e1")),
            ("-.inf", number("-.inf")),
            ("-.nan", string("-.nan")),
            ("1.2.3", string("1.2.3")),
            ("500m", string("500m")),
            ("éé", string("éé")),
            ("2024-01-01T00:00:00Z", string("2024-01-01T00:00:00Z")),
        ] {
            assert_eq!(resolve(text, ScalarStyle::Plain, None), Ok(want), "{text:?}");
        }
    }

    #[test]
    fn quotes_and_tags_override_the_form() {
        let core =
            |suffix: &str| Tag { handle: "tag:yaml.org,2002:".into(), suffix: suffix.into() };
        for style in [ScalarStyle::SingleQuoted, ScalarStyle::DoubleQuoted, ScalarStyle::Literal] {
            assert_eq!(resolve("true", style, None), Ok(string("true")), "{style:?}");
        }
        let plain = ScalarStyle::Plain;
        assert_eq!(resolve("1", plain, Some(&core("str"))), Ok(string("1")));
        assert_eq!(
            resolve("1", ScalarStyle::SingleQuoted, Some(&core("int"))),
            Ok(Kind::Integer(1))
        );
        for (text, tag) in
            [("x", core("int")), ("1.5", core("int")), ("x", core("float")), ("1", core("bool"))]
        {
            assert!(resolve(text, plain, Some(&tag)).is_err(), "{tag} {text}");
        }
        for tag in [core("binary"), Tag { handle: "!".into(), suffix: "Ref".into() }] {
            assert!(resolve("x", plain, Some(&tag)).unwrap_err().contains("not supported"));
        }
    }
}
