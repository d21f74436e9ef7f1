//! Text with fields of the request in it: `${scheme}://${host}/tea`.

use super::Field;

/// Text to print for a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Template {
    parts: Box<[TemplatePart]>,
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
        Self { parts: parts.into_iter().filter(kept).collect() }
    }

    /// The pieces, in order.
    pub fn parts(&self) -> &[TemplatePart] {
        &self.parts
    }
}
