//! Text with fields of the request in it: `${scheme}://${host}/tea`.

use super::Field;
use http::HeaderValue;

/// Text to print for a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    parts: Box<[TemplatePart]>,
    constant: Option<HeaderValue>,
}

/// The longest constant that is kept as the value of a header field as well: longer text is the body
/// of an answer.
const MAX_CONSTANT: usize = 1024;

impl Default for Template {
    fn default() -> Self {
        Self::new([])
    }
}

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TemplatePart {
    /// Printed as it stands.
    Text(Box<str>),
    /// Replaced by the field's value; an absent field prints nothing.
    Field(Field),
}

impl Template {
    /// Text without fields.
    pub fn text(text: &str) -> Self {
        Self::new([TemplatePart::Text(text.into())])
    }

    /// Puts pieces together. Empty text is dropped.
    pub fn new(parts: impl IntoIterator<Item = TemplatePart>) -> Self {
        let kept = |p: &TemplatePart| !matches!(p, TemplatePart::Text(t) if t.is_empty());
        let parts: Box<[_]> = parts.into_iter().filter(kept).collect();
        let constant = constant(&parts);
        Self { parts, constant }
    }

    /// The value of a header field where it is the same for all requests, which is not printed for
    /// each; `None` also for longer text than header fields have.
    pub(crate) fn constant(&self) -> Option<&HeaderValue> {
        self.constant.as_ref()
    }

    /// The pieces, in order.
    pub fn parts(&self) -> &[TemplatePart] {
        &self.parts
    }
}

fn constant(parts: &[TemplatePart]) -> Option<HeaderValue> {
    let mut all = String::new();
    for part in parts {
        match part {
            TemplatePart::Text(text) => all.push_str(text),
            TemplatePart::Field(_) => return None,
        }
    }
    (all.len() <= MAX_CONSTANT).then(|| visible(all.into_bytes()))
}

/// `text` without control characters (a tab may stay) as the value of a header field.
pub(crate) fn visible(mut text: Vec<u8>) -> HeaderValue {
    text.retain(|&byte| byte == b'\t' || !byte.is_ascii_control());
    HeaderValue::try_from(text).expect("header values may hold all but control characters")
}
