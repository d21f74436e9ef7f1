//! Header fields that documents name (virtualserver §5.3).

use super::grammar::header_name;
use super::report::Report;
use super::variables::{Place, template};
use crate::resource::virtual_server::{Header, Text};
use crate::rules::{HeaderEdit, Template};
use http::HeaderName;

/// Header fields, each with what was written. Those that something is wrong with are left out.
pub(super) fn headers<'h>(
    list: &'h [Header],
    place: Place,
    server: &str,
    report: &mut Report,
) -> Vec<(HeaderEdit, &'h Header)> {
    let mut edits = Vec::with_capacity(list.len());
    for header in list {
        let name = header.name.as_ref();
        let name = name.and_then(|name| report.check(name.at, header_name(name)));
        let value = match &header.value {
            None => Some(Template::default()),
            Some(text) => report.check(text.at, template(text, place, server)),
        };
        if let (Some(name), Some(value)) = (name, value) {
            edits.push((HeaderEdit { name, value }, header));
        }
    }
    edits
}

/// The names of header fields.
pub(super) fn names(list: &[Text], report: &mut Report) -> Vec<HeaderName> {
    list.iter().filter_map(|text| report.check(text.at, header_name(text))).collect()
}
