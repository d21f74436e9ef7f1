//! Variables that rules print and this proxy has no values for.

use crate::attributes::are_supplied;
use gateway_core::Origin;
use gateway_core::rules::{
    Action, Balance, Field, Forward, HeaderEdit, HostRewrite, Location, Page, Route, Template,
    TemplatePart,
};

/// The names of those of a route, each with where the text that prints it was written.
pub(super) fn unknown_variables(route: &Route) -> impl Iterator<Item = (&Origin, &str)> {
    let mut texts = Vec::new();
    of_action(&route.action, &mut texts);
    for page in route.error_pages.iter().flat_map(|pages| &**pages) {
        match &page.page {
            Page::Redirect { url, .. } => texts.push((&page.origin, url)),
            Page::Respond { body, headers, .. } => {
                texts.push((&page.origin, body));
                texts.extend(values(headers).map(|value| (&page.origin, value)));
            }
        }
    }
    texts.into_iter().flat_map(|(origin, text)| {
        let names = text.parts().iter().filter_map(|part| match part {
            TemplatePart::Field(Field::Attribute(name)) => Some(&**name),
            _ => None,
        });
        // That one has a value wherever it may stand.
        let unknown = names.filter(|name| !are_supplied(name) && *name != "upstream_status");
        unknown.map(move |name| (origin, name))
    })
}

fn of_action<'r>(action: &'r Action, texts: &mut Vec<(&'r Origin, &'r Template)>) {
    match action {
        Action::Forward(forward) => {
            texts.extend(of_forward(forward).map(|text| (&forward.origin, text)));
            if let Balance::Hash { key, .. } = &forward.settings.balance {
                texts.push((&forward.settings.origin, key));
            }
        }
        Action::Redirect(redirect) => {
            if let Location::Url(url) = &redirect.location {
                texts.push((&redirect.origin, url));
            }
        }
        Action::Respond(respond) => {
            texts.push((&respond.origin, &respond.body));
            texts.extend(values(&respond.headers).map(|value| (&respond.origin, value)));
        }
        Action::Split(split) => {
            split.branches.iter().for_each(|branch| of_action(&branch.action, texts));
        }
        Action::Unmatched { .. } => {}
    }
}

fn of_forward(forward: &Forward) -> impl Iterator<Item = &Template> {
    let host = match &forward.host {
        HostRewrite::Set(value) => Some(value),
        HostRewrite::Keep | HostRewrite::WithoutPort => None,
    };
    let (request, response) = (&forward.request_headers, &forward.response_headers);
    let added = response.add.iter().map(|add| &add.edit.value);
    let edits = values(&request.set).chain(values(&request.add)).chain(values(&response.set));
    host.into_iter().chain(edits).chain(added)
}

fn values(edits: &[HeaderEdit]) -> impl Iterator<Item = &Template> {
    edits.iter().map(|edit| &edit.value)
}
