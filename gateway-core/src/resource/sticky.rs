//! The annotations that make splits sticky, read alike for all kinds (decisions §4, smi S-22).

use super::Problems;
use super::document::{Kind, Value, shorten};
use super::fields::quoted;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::rules::Field;
use http::HeaderName;

/// An annotation and the ways that it knows to tell clients apart.
struct Annotation {
    name: &'static str,
    ways: &'static [&'static str],
}

/// In every language.
const ANY: Annotation =
    Annotation { name: "gateway/sticky-by", ways: &["cookie", "header", "source", "claim"] };

/// Of TrafficSplits too (smi S-22).
const SMI: Annotation = Annotation { name: "smi.gateway/sticky-by", ways: &["cookie", "header"] };

/// What the splits of an object go by. `has_splits` says whether there are any.
pub(super) fn read(root: Value<'_>, has_splits: bool, problems: &mut Problems) -> Option<Field> {
    if let Some(value) = SMI.find(root) {
        let told = no_effect(value, "belongs to a TrafficSplit and has no effect here");
        problems.push(told.help(format!("write `{}`", ANY.name)));
    }
    let value = ANY.find(root)?;
    let field = ANY.read(value, problems);
    // What else is wrong may be why there is no split.
    if !has_splits && problems.errors() == 0 {
        problems.push(no_effect(value, "has no effect: nothing here is split by weight"));
    }
    field
}

/// What a TrafficSplit goes by.
pub(super) fn read_traffic_split(root: Value<'_>, problems: &mut Problems) -> Option<Field> {
    let any = ANY.find(root).and_then(|value| ANY.read(value, problems));
    let Some(value) = SMI.find(root) else { return any };
    let own = SMI.read(value, problems);
    if let (Some(any), Some(own)) = (&any, &own)
        && any != own
    {
        let message = format!("`{}` says something else than `{}`", SMI.name, ANY.name);
        let told = Diagnostic::error("conflicting-fields", &value.origin(), message);
        problems.push(told.help("leave one of them out"));
    }
    any.or(own)
}

/// Warns of the annotations on an object of a kind that splits nothing.
pub(super) fn warn_without_splits(root: Value<'_>, problems: &mut Problems) {
    for value in [ANY, SMI].iter().filter_map(|annotation| annotation.find(root)) {
        let told = no_effect(value, "has no effect: objects of this kind split nothing");
        problems.push(told.help("it belongs to the object that has the weights"));
    }
}

fn no_effect(value: Value<'_>, why: &str) -> Diagnostic {
    let message = format!("the annotation `{}` {why}", value.key().unwrap_or_default());
    Diagnostic::warning("no-effect", &value.key_origin(), message)
}

impl Annotation {
    fn find<'d>(&self, root: Value<'d>) -> Option<Value<'d>> {
        root.annotation(self.name)
    }

    fn read(&self, value: Value<'_>, problems: &mut Problems) -> Option<Field> {
        // Annotations that are no text are told of where `metadata` is read.
        let Kind::String(text) = value.kind() else { return None };
        match self.parse(text) {
            Ok(field) => Some(field),
            Err(Fault { code, message, help }) => {
                let told = Diagnostic::error(code, &value.origin(), message);
                problems.push(Diagnostic { help, ..told });
                None
            }
        }
    }

    fn parse(&self, text: &str) -> Result<Field, Fault> {
        if text.is_empty() {
            let fault = Fault::new("missing-field", format!("`{}` must not be empty", self.name));
            return Err(fault.help(format!("write {}", self.forms("or"))));
        }
        if text.contains(char::is_whitespace) {
            let without: String = text.split_whitespace().collect();
            let fault = Fault::invalid(format!("`{}` holds blanks", shorten(text)));
            return Err(match self.parse(&without) {
                Ok(_) => fault.help(format!("write `{}`", shorten(&without))),
                Err(_) => fault,
            });
        }
        let (way, name) = match text.split_once(':') {
            Some((way, name)) => (way, Some(name)),
            None => (text, None),
        };
        if !self.ways.contains(&way) {
            return Err(self.unknown(way, text));
        }
        match (way, name) {
            ("source", None) => Ok(Field::PeerAddress),
            ("source", Some(_)) => {
                let fault = Fault::invalid(format!("`{}` has a name", shorten(text)));
                Err(fault.help("write `source`: there is only one address"))
            }
            (_, None | Some("")) => {
                let fault = Fault::invalid(format!("`{text}` has no name"));
                Err(fault.help(format!("write `{way}:NAME`")))
            }
            ("cookie", Some(name)) => cookie(name),
            ("header", Some(name)) => header(name),
            (_, Some(name)) => claim(name),
        }
    }

    fn unknown(&self, way: &str, text: &str) -> Fault {
        let message = format!("unknown way `{}` to tell clients apart", shorten(way));
        let fault = Fault::new("unsupported-value", message);
        if ANY.ways.contains(&way) {
            return fault.help(format!("write `{}: {}`", ANY.name, shorten(text)));
        }
        match did_you_mean(way, self.ways.iter().copied()) {
            Some(help) => fault.help(help),
            None => fault.help(format!("known are {}", self.forms("and"))),
        }
    }

    /// `` `cookie:NAME` and `header:NAME` ``.
    fn forms(&self, last: &str) -> String {
        let form = |way: &&str| match *way {
            "source" => "source".to_owned(),
            way => format!("{way}:NAME"),
        };
        let forms: Vec<String> = self.ways.iter().map(form).collect();
        quoted(&forms.iter().map(String::as_str).collect::<Vec<_>>(), last)
    }
}

fn cookie(name: &str) -> Result<Field, Fault> {
    // A cookie's name is a token, as that of a header field is.
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(not_a_token(name, "the name of a cookie"));
    }
    Ok(Field::Cookie { name: name.into(), ignore_case: false })
}

fn header(name: &str) -> Result<Field, Fault> {
    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(name) => Ok(Field::Header(name.as_str().into())),
        Err(_) => Err(not_a_token(name, "the name of a header field")),
    }
}

fn not_a_token(name: &str, what: &str) -> Fault {
    let fault = Fault::invalid(format!("`{}` is not {what}", shorten(name)));
    fault.help("it has letters, digits and any of ``!#$%&'*+-.^_`|~``")
}

/// As claims of policies are named (virtualserver §17.9).
fn claim(name: &str) -> Result<Field, Fault> {
    if name.contains(|c: char| c.is_control() || "$\"\\".contains(c)) {
        let message = format!("`{}` is not a claim: it holds `$`, `\"` or `\\`", shorten(name));
        return Err(Fault::invalid(message));
    }
    Ok(Field::Attribute(format!("jwt_claim_{name}").into()))
}

/// Why a text is refused.
struct Fault {
    code: &'static str,
    message: String,
    help: Option<String>,
}

impl Fault {
    fn new(code: &'static str, message: String) -> Self {
        Self { code, message, help: None }
    }

    fn invalid(message: String) -> Self {
        Self::new("invalid-value", message)
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests;
