//! Actions (virtualserver §5.3, §12).

use super::grammar::{escaped, no_controls, plain_path, unescape};
use super::headers::{HIDDEN, headers, hidden};
use super::path::RoutePath;
use super::report::{Fault, Report};
use super::upstream::Upstreams;
use super::variables::Place;
use crate::resource::document::{At, Located};
use crate::resource::virtual_server::{self as written, Text};
use crate::rules::{
    Action, CaptureRegex, Field, Forward, HeaderOps, HostRewrite, PathRewrite, ResponseHeaderAdd,
    ResponseHeaderOps,
};
use crate::translate::expressions::Expressions;
use http::{StatusCode, header};
use std::sync::Arc;

/// What actions are lowered with.
pub(super) struct Actions<'d> {
    pub(super) upstreams: Upstreams<'d>,
    pub(super) report: &'d mut Report,
    pub(super) expressions: &'d mut Expressions,
    /// What the splits of the object go by.
    pub(super) sticky_by: Option<&'d Field>,
    /// The text of the VirtualServer's host.
    pub(super) server: &'d str,
}

/// Where an action stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'p> {
    /// The path of the route, if it is right.
    pub(super) path: Option<&'p RoutePath>,
    /// Whether the action is that of the route itself, not of a match or a split.
    pub(super) direct: bool,
}

impl Actions<'_> {
    /// What `action` does; `None` when something is wrong with it.
    pub(super) fn lower(
        &mut self,
        action: &Located<written::Action>,
        site: Site<'_>,
    ) -> Option<Action> {
        match &action.value {
            written::Action::Pass(name) => self.forward(name, action.at, Edits::default()),
            written::Action::Proxy(proxy) => {
                let edits = self.edits(proxy, site);
                self.forward(proxy.upstream.as_ref()?, action.at, edits?)
            }
            written::Action::Redirect(redirect) => self.redirect(redirect, action.at),
            written::Action::Return(respond) => self.respond(respond, action.at),
        }
    }

    fn forward(&mut self, name: &Text, at: At, edits: Edits) -> Option<Action> {
        let upstream = self.upstreams.find(name, self.report)?;
        let origin = self.report.origin(at);
        Some(Action::Forward(Arc::new(Forward {
            path: edits.path,
            host: edits.host,
            request_headers: edits.request_headers,
            response_headers: edits.response_headers,
            unavailable: StatusCode::BAD_GATEWAY,
            ..Forward::new(upstream.target, Arc::clone(&upstream.settings), origin)
        })))
    }

    fn edits(&mut self, proxy: &written::Proxy, site: Site<'_>) -> Option<Edits> {
        let path = match (&proxy.rewrite_path, site.path) {
            (Some(text), Some(path)) => {
                let rewrite = rewrite(text, path, site.direct);
                if let Some(slip) = rewrite.as_ref().ok().and_then(|to| group_slip(text, to)) {
                    self.report.warning(text.at, slip);
                }
                self.report.check(text.at, rewrite)
            }
            _ => Some(PathRewrite::Keep),
        };
        let mut host = HostRewrite::WithoutPort;
        let mut set = Vec::new();
        for (edit, header) in headers(&proxy.set, Place::Proxy, self.server, self.report) {
            if edit.name != header::HOST {
                set.push(edit);
            } else if edit.value.parts().is_empty() {
                let at = header.value.as_ref().or(header.name.as_ref()).map(|text| text.at);
                let message = "`Host` must not be set to an empty value";
                self.report.error(at.unwrap_or_default(), Fault::invalid(message));
            } else {
                host = HostRewrite::Set(edit.value);
            }
        }
        let add = headers(&proxy.add, Place::Proxy, self.server, self.report).into_iter();
        let add = add.map(|(edit, header)| ResponseHeaderAdd { edit, always: header.always });
        let add = add.collect();
        let (hidden, remove) = hidden(&proxy.hide, &proxy.pass, self.report);
        for text in &proxy.ignore {
            self.ignore(text);
        }
        Some(Edits {
            path: path?,
            host,
            request_headers: HeaderOps { drop_all: !proxy.pass_headers, set, ..passed_headers() },
            response_headers: ResponseHeaderOps {
                hidden,
                remove,
                add,
                ..ResponseHeaderOps::default()
            },
        })
    }

    fn ignore(&mut self, text: &Text) {
        const KNOWN: [&str; 9] = [
            "X-Accel-Redirect",
            "X-Accel-Expires",
            "X-Accel-Limit-Rate",
            "X-Accel-Buffering",
            "X-Accel-Charset",
            "Expires",
            "Cache-Control",
            "Set-Cookie",
            "Vary",
        ];
        if KNOWN.contains(&&*text.value) {
            let message = format!("`{}` has no effect that could be ignored", text.value);
            self.report.notice(text.at, Fault::new("no-effect", message));
        } else {
            self.report.error(text.at, Fault::unsupported("header to ignore", text, KNOWN));
        }
    }
}

/// What `action.proxy` changes.
struct Edits {
    path: PathRewrite,
    host: HostRewrite,
    request_headers: HeaderOps,
    response_headers: ResponseHeaderOps,
}

impl Default for Edits {
    /// What `action.pass` does.
    fn default() -> Self {
        Self {
            path: PathRewrite::Keep,
            host: HostRewrite::WithoutPort,
            request_headers: passed_headers(),
            response_headers: ResponseHeaderOps {
                hidden: Arc::clone(&HIDDEN),
                ..ResponseHeaderOps::default()
            },
        }
    }
}

/// The client's header as backends get it unless more is asked for (virtualserver §12.2).
fn passed_headers() -> HeaderOps {
    HeaderOps { drop_unusual: true, ..HeaderOps::default() }
}

/// `rewritePath` by the kind of the route's path (decisions §6, Q9): the same everywhere, directly
/// and under matches and splits.
fn rewrite(text: &Text, route: &RoutePath, direct: bool) -> Result<PathRewrite, Fault> {
    for (at, _) in text.match_indices('$') {
        if !text[at + 1..].starts_with(|c: char| c.is_ascii_digit()) {
            let message = format!("`{}` holds a `$` that is not before a digit", text.value);
            return Err(Fault::invalid(message).help("write groups as in `$1`"));
        }
    }
    if direct && !matches!(route, RoutePath::Regex(_)) {
        plain_path(text)?;
    }
    escaped(text)?;
    let plain = unescape(text);
    no_controls(&plain)?;
    if !plain.starts_with(['/', '$']) || plain.contains(char::is_whitespace) {
        let message = format!("`{plain}` is not a path: it begins with `/` and has no blanks");
        return Err(Fault::invalid(message));
    }
    let plain = plain.into_boxed_str();
    Ok(match route {
        RoutePath::Exact(_) => PathRewrite::Full(plain),
        RoutePath::Prefix { .. } => PathRewrite::Prefix(plain),
        RoutePath::Regex(regex) => PathRewrite::Pattern {
            regex: CaptureRegex::new(regex.source(), regex.ignore_case())
                .map_err(|error| Fault::invalid(error.to_string()))?,
            replacement: plain,
        },
    })
}

/// A `$` in a rewrite that names no group.
fn group_slip(text: &Text, rewrite: &PathRewrite) -> Option<Fault> {
    let PathRewrite::Pattern { regex, .. } = rewrite else {
        let message = format!("`$` in `{}` stands for itself", text.value);
        let fault = Fault::new("no-effect", message);
        return text
            .contains('$')
            .then(|| fault.help("only a path that is an expression has groups"));
    };
    let named = text.split('$').skip(1).filter_map(|after| after.chars().next());
    let missing =
        named.filter(|group| group.to_digit(10).is_some_and(|n| n as usize > regex.groups()));
    let message = format!("`${}` in `{}` is always empty", missing.min()?, text.value);
    let help = match regex.groups() {
        0 => "the path has no groups, which stand in `(` and `)`".to_owned(),
        1 => "the path has only one group".to_owned(),
        groups => format!("the path has only {groups} groups"),
    };
    Some(Fault::new("always-empty", message).help(help))
}
