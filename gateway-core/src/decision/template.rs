//! Text with fields of the request in it.

use super::{Decision, Outcome};
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{Template, TemplatePart, visible};
use http::HeaderValue;
use std::borrow::Cow;

impl Decision<'_> {
    /// Appends the body of a canned answer; nothing for other outcomes.
    ///
    /// `request` is the one that was decided.
    pub fn write_body(&self, request: &impl Request, out: &mut Vec<u8>) {
        if let Outcome::Respond(respond) = self.outcome {
            self.with_view(request, |view| write(&respond.body, view, out));
        }
    }
}

/// Appends `template` with its fields filled in.
pub(super) fn write<R: Request>(template: &Template, view: &View<'_, R>, out: &mut Vec<u8>) {
    for part in template.parts() {
        match part {
            TemplatePart::Text(text) => out.extend_from_slice(text.as_bytes()),
            TemplatePart::Field(field) => view.read(field).append_to(out),
        }
    }
}

/// The value of a header field that is the same for all requests; empty where it is not.
pub(super) fn constant(template: &Template) -> Cow<'_, HeaderValue> {
    template.constant().map_or_else(|| Cow::Owned(HeaderValue::from_static("")), Cow::Borrowed)
}

/// `template` with its fields filled in, as the value of a header field. Control characters are
/// dropped, so that nothing that a client sends can begin another line.
pub(crate) fn header_value<'r, R: Request>(
    template: &'r Template,
    view: &View<'_, R>,
) -> Cow<'r, HeaderValue> {
    if let Some(constant) = template.constant() {
        return Cow::Borrowed(constant);
    }
    let mut text = Vec::new();
    write(template, view, &mut text);
    Cow::Owned(visible(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestHead;
    use crate::request::PathPolicy;
    use crate::rules::Field;

    fn rendered(parts: &[TemplatePart]) -> (Vec<u8>, HeaderValue) {
        let headers = [("x-a", "one"), ("x-a", "two"), ("x-evil", "a\r\nset-cookie: b\0\tc")];
        let request = RequestHead::get("Shop.example.com:8080", "/t%65a?x=1").headers(&headers);
        let template = Template::new(parts.iter().cloned());
        View::with(&request, &PathPolicy::default(), |view| {
            let view = view.unwrap();
            let mut out = b"before ".to_vec();
            write(&template, view, &mut out);
            (out, header_value(&template, view).into_owned())
        })
    }

    #[test]
    fn fields_are_filled_in() {
        let text = |t: &str| TemplatePart::Text(t.into());
        let header = |name: &str| TemplatePart::Field(Field::Header(name.into()));
        for (parts, want) in [
            (vec![], ""),
            (vec![text("a"), TemplatePart::Field(Field::Host)], "ashop.example.com"),
            (vec![TemplatePart::Field(Field::Target)], "/t%65a?x=1"),
            (vec![TemplatePart::Field(Field::Path)], "/tea"),
            (vec![header("x-a"), text("!")], "one, two!"),
            (vec![header("x-none"), text("!")], "!"),
        ] {
            let (plain, value) = rendered(&parts);
            assert_eq!(plain, format!("before {want}").as_bytes(), "{parts:?}");
            assert_eq!(value, want, "{parts:?}");
        }
        // A body takes everything; a header value no line break.
        let (plain, value) = rendered(&[header("x-evil")]);
        assert_eq!(plain, b"before a\r\nset-cookie: b\0\tc");
        assert_eq!(value, "aset-cookie: b\tc");
    }
}
