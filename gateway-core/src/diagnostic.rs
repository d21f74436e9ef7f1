//! What is wrong with documents, and where.

use crate::origin::{ObjectRef, Origin, Span};
use std::fmt;
use std::sync::Arc;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Notice,
    /// Probably not what was meant; the document is in force all the same.
    Warning,
    /// The document, or the part that the field path names, is not in force.
    Error,
}

impl Severity {
    /// `error`, `warning` or `notice`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong, or worth knowing, about a document.
///
/// `code` is stable: scripts may rely on it. `message` is one sentence without a full stop, with
/// the user's own text in backticks; `help` says what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// Stable code, for example `unknown-field` or `SMI-W05`.
    pub code: &'static str,
    /// The object, as far as it could be read.
    pub object: Option<Arc<ObjectRef>>,
    /// The field path within the object; empty when the whole document is meant.
    pub field: Arc<str>,
    /// The place in a file.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What was probably meant, or what to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic about the value at `origin`.
    pub fn new(
        severity: Severity,
        code: &'static str,
        origin: &Origin,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code,
            object: Some(Arc::clone(&origin.object)),
            field: Arc::clone(&origin.field),
            span: origin.span.clone(),
            message: message.into(),
            help: None,
        }
    }

    /// An [`Severity::Error`] about the value at `origin`.
    pub fn error(code: &'static str, origin: &Origin, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, origin, message)
    }

    /// A [`Severity::Warning`] about the value at `origin`.
    pub fn warning(code: &'static str, origin: &Origin, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, origin, message)
    }

    /// A [`Severity::Notice`] about the value at `origin`.
    pub fn notice(code: &'static str, origin: &Origin, message: impl Into<String>) -> Self {
        Self::new(Severity::Notice, code, origin, message)
    }

    /// The same with a hint: what was probably meant, or what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    /// One line: `routes.yaml:31:7: error: HTTPRoute shop/cart: spec.rules[0]: message (help)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(span) = &self.span {
            write!(f, "{span}: ")?;
        }
        write!(f, "{}[{}]: ", self.severity, self.code)?;
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

/// Help with the name among `known` that was probably meant by `written`, if one is near enough.
pub(crate) fn did_you_mean<'k>(
    written: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<String> {
    nearest(written, known).map(|name| format!("did you mean `{name}`?"))
}

/// Help with what was probably meant by an object of a namespace that there is none of: one of a
/// similar name, or one of another namespace. `from` lists namespaces and names in their order, from
/// those of a namespace on.
pub(crate) fn did_you_mean_object<'k, I: Iterator<Item = (&'k str, &'k str)>>(
    namespace: &'k str,
    name: &str,
    from: impl Fn(&'k str) -> I,
) -> Option<String> {
    let siblings = from(namespace).take_while(|(of, _)| *of == namespace);
    did_you_mean(name, siblings.map(|(_, name)| name)).or_else(|| {
        let (namespace, _) = from("").take(MAX_NAMES).find(|(_, other)| *other == name)?;
        Some(format!("there is one in namespace `{namespace}`"))
    })
}

/// The name among `known` that is nearest to `written`, if one is near enough to be meant.
fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // Longer words may differ in more places; words of one or two letters in none but case.
    let most = written.chars().count().min(12) / 3;
    let lowered = lowered(written);
    known
        .into_iter()
        .take(MAX_NAMES)
        .filter_map(|name| Some((distance(&lowered, name, most)?, name)))
        .min()
        .map(|(_, name)| name)
}

/// How many names are compared, so that many mistakes among many names do not take long.
const MAX_NAMES: usize = 1_000;

/// The beginning of a name, in lower case.
fn lowered(name: &str) -> Vec<char> {
    name.chars().take(64).flat_map(char::to_lowercase).collect()
}

/// Optimal string alignment distance between `a` and the lower-cased `b`: insertions, deletions,
/// substitutions and swaps of neighbours count 1 each. `None` if it is more than `most`.
fn distance(a: &[char], b: &str, most: usize) -> Option<usize> {
    let b = lowered(b);
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = vec![usize::MAX; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            let replace = above[j] + usize::from(a[i] != b[j]);
            row[j + 1] = replace.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        // A row is made of the two above it and never less than both.
        if row.iter().chain(&above).all(|distance| *distance > most) {
            return None;
        }
        before = std::mem::replace(&mut above, row);
    }
    Some(above[b.len()]).filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_forgives_typos_but_does_not_guess() {
        let known = ["host", "routes", "upstreams", "action", "pass"];
        for (written, want) in [
            ("hots", Some("host")),
            ("Host", Some("host")),
            ("upstream", Some("upstreams")),
            ("atcion", Some("action")),
            ("pas", Some("pass")),
            ("upsterams", Some("upstreams")),
            ("PASS", Some("pass")),
            ("apsstreams", Some("upstreams")),
            ("bqsstreams", Some("upstreams")),
            ("bqssteeams", None),
            ("x", None),
            ("", None),
            ("completely-different", None),
        ] {
            assert_eq!(nearest(written, known), want, "{written}");
        }
    }
}
