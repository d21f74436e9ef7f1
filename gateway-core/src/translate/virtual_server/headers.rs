//! Header fields that documents name (virtualserver §5.3, §12.3).

use super::grammar::header_name;
use super::report::{Fault, Report};
use super::variables::{Place, template};
use crate::resource::virtual_server::{Header, Text};
use crate::rules::{FRAMING, HeaderEdit, Template};
use http::{HeaderName, header};
use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

/// Header fields, each with what was written. Those that something is wrong with are left out.
pub(super) fn headers<'h>(
    list: &'h [Header],
    place: Place,
    server: &str,
    report: &mut Report,
) -> Vec<(HeaderEdit, &'h Header)> {
    let mut edits = Vec::with_capacity(list.len());
    for header in list {
        let name = header.name.as_ref().and_then(|name| editable(name, report));
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

/// What backends tell of themselves or to NGINX alone, which is hidden unless `pass` names it.
pub(super) static HIDDEN: LazyLock<Arc<[HeaderName]>> = LazyLock::new(|| {
    Arc::new([
        header::DATE,
        header::SERVER,
        HeaderName::from_static("x-pad"),
        HeaderName::from_static("x-accel-redirect"),
        HeaderName::from_static("x-accel-expires"),
        HeaderName::from_static("x-accel-limit-rate"),
        HeaderName::from_static("x-accel-buffering"),
        HeaderName::from_static("x-accel-charset"),
    ])
});

/// What clients do not get to see: what is hidden unasked, and what `hide` names; nothing that
/// `pass` names.
pub(super) fn hidden(
    hide: &[Text],
    pass: &[Text],
    report: &mut Report,
) -> (Arc<[HeaderName]>, Vec<HeaderName>) {
    let hide = names(hide, report);
    let pass = names(pass, report);
    let named: HashSet<&HeaderName> = hide.iter().map(|(name, _)| name).collect();
    let passed: HashSet<&HeaderName> = pass.iter().map(|(name, _)| name).collect();
    for (name, text) in &pass {
        if !named.contains(name) && !HIDDEN.contains(name) {
            let message = format!("`{}` is passed anyway, as far as it can be", text.value);
            report.notice(text.at, Fault::new("no-effect", message));
        }
    }
    for (_, text) in hide.iter().filter(|(name, _)| passed.contains(name)) {
        let message = format!("`{}` is not hidden, since `pass` names it", text.value);
        report.warning(text.at, Fault::new("no-effect", message));
    }
    let is_hidden = |name: &HeaderName| !passed.contains(name);
    let unasked = match HIDDEN.iter().all(is_hidden) {
        true => Arc::clone(&HIDDEN),
        false => HIDDEN.iter().filter(|name| is_hidden(name)).cloned().collect(),
    };
    let asked = hide.iter().map(|(name, _)| name).filter(|name| is_hidden(name)).cloned();
    (unasked, asked.collect())
}

/// The names of header fields, each with what was written.
fn names<'t>(list: &'t [Text], report: &mut Report) -> Vec<(HeaderName, &'t Text)> {
    list.iter().filter_map(|text| Some((editable(text, report)?, text))).collect()
}

/// A name that rules may do something about; others are warned of.
fn editable(text: &Text, report: &mut Report) -> Option<HeaderName> {
    let name = report.check(text.at, header_name(text))?;
    if FRAMING.contains(&name) {
        let message = format!("`{}` belongs to the connection and cannot be changed", text.value);
        report.warning(text.at, Fault::new("no-effect", message));
        return None;
    }
    Some(name)
}
