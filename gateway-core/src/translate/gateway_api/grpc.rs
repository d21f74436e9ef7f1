//! The calls that a match of a GRPCRoute is for (gateway-api §18.2).
//!
//! A call is a POST to `/service/method` whose content type begins with `application/grpc`.

use super::path;
use super::route::TargetPrecedence;
use crate::resource::document::{At, Located};
use crate::resource::gateway_route::grpc_match::GrpcMatch;
use crate::rules::{Anchor, Boundary, Condition, Field, PathPattern, PathTemplate, Test};
use crate::translate::expressions::Expressions;
use std::cmp::Reverse;

/// What tells calls from other requests.
pub(super) fn every_call(expressions: &mut Expressions) -> Result<Vec<Condition>, String> {
    let regex = expressions.compile("application/grpc", Anchor::Start, true);
    let regex = regex.map_err(|error| error.to_string())?;
    let content_type = Field::Header("content-type".into());
    Ok(vec![
        Condition::equals(Field::Method, "POST"),
        Condition::new(content_type, Test::Matches { regex, empty_matches: false }),
    ])
}

/// The path of the calls, and its place in the order of gateway-api §18.3.
pub(super) fn target(
    wanted: &GrpcMatch,
    expressions: &mut Expressions,
) -> Result<(PathPattern, TargetPrecedence), (At, String)> {
    let length = |part: &Option<Located<Box<str>>>| {
        Reverse(part.as_ref().map_or(0, |part| part.value.chars().count()))
    };
    let precedence =
        TargetPrecedence::Grpc { service: length(&wanted.service), method: length(&wanted.method) };
    let pattern = if wanted.regex { matching(wanted, expressions)? } else { exactly(wanted)? };
    Ok((pattern, precedence))
}

fn exactly(wanted: &GrpcMatch) -> Result<PathPattern, (At, String)> {
    let template =
        |text: &str| PathTemplate::parse(text).map_err(|error| (wanted.at, error.to_string()));
    Ok(match (&wanted.service, &wanted.method) {
        (Some(service), Some(method)) => {
            PathPattern::Exact(template(&format!("/{}/{}", service.value, method.value))?)
        }
        (Some(service), None) => {
            let template = template(&format!("/{}/", service.value))?;
            PathPattern::Prefix { template, boundary: Boundary::Byte }
        }
        // The method is what follows the last `/`.
        (None, Some(method)) => {
            PathPattern::Exact(template(&format!("/{{*service}}/{}", method.value))?)
        }
        (None, None) => path::prefix("/").map_err(|message| (wanted.at, message))?,
    })
}

fn matching(
    wanted: &GrpcMatch,
    expressions: &mut Expressions,
) -> Result<PathPattern, (At, String)> {
    let (service, method) = match (&wanted.service, &wanted.method) {
        (None, None) => return exactly(wanted),
        (service, method) => {
            (part(service.as_ref(), expressions)?, part(method.as_ref(), expressions)?)
        }
    };
    let source = format!("/(?:{})/(?:{})", service.unwrap_or(".+"), method.unwrap_or(".*"));
    let regex = expressions.compile(&source, Anchor::Both, false);
    let regex = regex.map_err(|error| (wanted.at, super::route::describe(&source, &error)))?;
    Ok(PathPattern::Regex(regex))
}

/// The expression of a part as it may stand inside of another one: it has to match the whole part
/// anyway, so that anchors at its ends can go.
fn part<'w>(
    wanted: Option<&'w Located<Box<str>>>,
    expressions: &mut Expressions,
) -> Result<Option<&'w str>, (At, String)> {
    let Some(wanted) = wanted else { return Ok(None) };
    let whole = &*wanted.value;
    // By itself, so that it cannot close the group that it is put into.
    expressions
        .compile(whole, Anchor::Both, false)
        .map_err(|error| (wanted.at, super::route::describe(whole, &error)))?;
    let inner = whole.strip_prefix('^').unwrap_or(whole);
    let inner = inner.strip_suffix('$').filter(|rest| !ends_escaped(rest)).unwrap_or(inner);
    if holds_anchor(inner) {
        let whole = crate::resource::document::shorten(whole);
        let message = format!("`{whole}` has an anchor elsewhere than at its two ends");
        return Err((wanted.at, message));
    }
    Ok(Some(inner))
}

/// Whether what follows `text` is escaped.
fn ends_escaped(text: &str) -> bool {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

fn holds_anchor(expression: &str) -> bool {
    let mut depth = 0_usize;
    let mut characters = expression.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if matches!(characters.next(), Some('A' | 'z')) => return true,
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '^' | '$' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// Whether requests name the service otherwise: its full name begins with a dot in documents of
/// Protocol Buffers only.
pub(super) fn has_leading_dot(wanted: &GrpcMatch) -> Option<&Located<Box<str>>> {
    wanted.service.as_ref().filter(|service| !wanted.regex && service.value.starts_with('.'))
}
