//! Where a redirect leads.

use super::template;
use super::{Decision, Outcome};
use crate::request::Request;
use crate::rules::{Location, Protocol, visible};
use http::HeaderValue;

impl Decision<'_> {
    /// Appends the value of `Location`; nothing where the outcome is no redirect. It holds no
    /// control characters.
    ///
    /// `request` is the one that was decided.
    pub fn write_location(&self, request: &impl Request, out: &mut Vec<u8>) {
        if let Some(location) = self.location(request) {
            out.extend_from_slice(location.as_bytes());
        }
    }

    pub(super) fn location(&self, request: &impl Request) -> Option<HeaderValue> {
        let Outcome::Redirect(redirect) = self.outcome else { return None };
        let mut location = Vec::new();
        match &redirect.location {
            Location::Url(url) => {
                self.with_view(request, |view| template::write(url, view, &mut location));
            }
            Location::Parts { scheme, host, port, path } => {
                let origin = NewOrigin { scheme: *scheme, host: host.as_deref(), port: *port };
                self.write_new_origin(origin, request, &mut location);
                self.write_path(path, request, &mut location);
            }
        }
        Some(visible(location))
    }

    /// Appends scheme, host and port by the rules of gateway-api §14.2.
    fn write_new_origin(&self, new: NewOrigin<'_>, request: &impl Request, out: &mut Vec<u8>) {
        let connection = request.connection();
        let scheme = new.scheme.unwrap_or(connection.protocol);
        let default_port = match scheme {
            Protocol::Http => 80,
            Protocol::Https => 443,
        };
        let port = new.port.unwrap_or(match new.scheme {
            Some(_) => default_port,
            None => connection.listener.port,
        });
        out.extend_from_slice(scheme.as_str().as_bytes());
        out.extend_from_slice(b"://");
        match new.host {
            Some(host) => out.extend_from_slice(host.as_bytes()),
            None => {
                self.with_view(request, |view| out.extend_from_slice(view.host()));
            }
        }
        if port != default_port {
            out.extend_from_slice(format!(":{port}").as_bytes());
        }
    }
}

/// What replaces the beginning of the request's URL; `None` for what stays.
struct NewOrigin<'r> {
    scheme: Option<Protocol>,
    host: Option<&'r str>,
    port: Option<u16>,
}
