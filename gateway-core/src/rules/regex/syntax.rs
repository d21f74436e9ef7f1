//! From text to the syntax tree of an expression.

use super::{InvalidRegex, MAX_REGEX_BYTES, MAX_REGEX_LENGTH};
use regex_automata::util::syntax;
use regex_syntax::hir::Hir;

/// Parses the expression alone, so that a group cannot be closed by a stray parenthesis and
/// positions are those of the user's text.
pub(super) fn parse(source: &str, ignore_case: bool) -> Result<Hir, InvalidRegex> {
    if source.chars().count() > MAX_REGEX_LENGTH {
        let message = format!("the expression is longer than {MAX_REGEX_LENGTH} characters");
        return Err(InvalidRegex { message });
    }
    // ASCII case folding would miss capital letters beyond ASCII.
    if (source.is_ascii() || !ignore_case)
        && let Ok(hir) = syntax::parse_with(source, &config(false, ignore_case))
    {
        return Ok(hir);
    }
    syntax::parse_with(source, &config(true, ignore_case))
        .map_err(|error| InvalidRegex { message: describe(&error) })
}

fn config(unicode: bool, ignore_case: bool) -> syntax::Config {
    syntax::Config::new().unicode(unicode).utf8(false).case_insensitive(ignore_case).nest_limit(100)
}

fn describe(error: &regex_syntax::Error) -> String {
    let (what, span) = match error {
        regex_syntax::Error::Parse(e) => (e.kind().to_string(), *e.span()),
        regex_syntax::Error::Translate(e) => (e.kind().to_string(), *e.span()),
        _ => return "not a regular expression".into(),
    };
    // The parser adds what look-around includes.
    let what = match what.split_once(',') {
        Some(("look-around", _)) => "look-around is not supported",
        Some((what, _)) => what,
        None => &*what,
    };
    format!("{what} (at character {} of the expression)", span.start.column)
}

pub(super) fn too_large(error: &dyn std::error::Error) -> InvalidRegex {
    let message = if error.to_string().contains("word boundar") {
        r"Unicode word boundaries are not supported; use `(?-u:\b)`".to_owned()
    } else {
        format!("the compiled expression is larger than {MAX_REGEX_BYTES} bytes")
    };
    InvalidRegex { message }
}
