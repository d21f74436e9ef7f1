//! Asks another service about each request.

use super::BackendTls;
use crate::origin::Origin;
use crate::rules::action::FRAMING;
use crate::rules::{Certificate, UpstreamTarget};
use http::{HeaderName, StatusCode, header};
use std::sync::Arc;

/// Asks another service whether a request may pass (gateway-api §13.4).
#[derive(Debug, Clone, PartialEq)]
pub struct AuthCheck {
    /// How the question is put.
    pub protocol: AuthProtocol,
    /// The service.
    pub target: UpstreamTarget,
    /// TLS with the service; `None`: plain.
    pub tls: Option<Arc<BackendTls>>,
    /// What this proxy shows to the service if it asks for a certificate.
    pub certificate: Option<Arc<Certificate>>,
    /// How many octets of the body are sent along; 0 for none. A request with more is answered 413.
    pub max_body: u64,
    /// Whether pre-flight requests are asked about too, because the filter stands before that of
    /// cross-origin requests.
    pub before_cors: bool,
    /// What to print for it: `namespace/name:port` of the service.
    pub name: Box<str>,
    /// Where it was written.
    pub origin: Origin,
}

/// How an [`AuthCheck`] puts its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthProtocol {
    /// As a request with the method and the path of the one that is asked about: 200 lets it pass,
    /// any other answer goes to the client.
    Http {
        /// Stands before the path.
        path: Box<str>,
        /// Header fields that are sent besides those that always are.
        request_headers: Vec<HeaderName>,
        /// Header fields of the answer that the request goes on with; none: all.
        response_headers: Vec<HeaderName>,
    },
    /// As a call of Envoy's `ext_authz`, version 3.
    Grpc {
        /// Header fields that are told; none: all.
        request_headers: Vec<HeaderName>,
    },
}

impl AuthCheck {
    /// The answer to requests that nobody could be asked about.
    pub const FAILED: StatusCode = StatusCode::FORBIDDEN;

    /// Whether the question holds this header field of the request. Over HTTP never one that says
    /// where the message ends, or what becomes of the connection: the question has its own.
    pub fn sends(&self, name: &HeaderName) -> bool {
        match &self.protocol {
            AuthProtocol::Http { request_headers, .. } => {
                [header::HOST, header::AUTHORIZATION].contains(name)
                    || request_headers.contains(name) && !FRAMING.contains(name)
            }
            AuthProtocol::Grpc { request_headers } => {
                request_headers.is_empty() || request_headers.contains(name)
            }
        }
    }

    /// Whether the request goes on with this header field of the answer. Never with one that says
    /// where the answer ended: another length would make one request of the client's into two.
    pub fn takes(&self, name: &HeaderName) -> bool {
        match &self.protocol {
            AuthProtocol::Http { response_headers, .. } => {
                *name != header::HOST
                    && !FRAMING.contains(name)
                    && (response_headers.is_empty() || response_headers.contains(name))
            }
            // The answer to a call says itself what is changed.
            AuthProtocol::Grpc { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::ObjectRef;
    use crate::rules::ServiceId;

    fn check(protocol: AuthProtocol) -> AuthCheck {
        AuthCheck {
            protocol,
            target: UpstreamTarget { service: ServiceId(0), port: 80, splits: false },
            tls: None,
            certificate: None,
            max_body: 0,
            before_cors: false,
            name: "default/auth:80".into(),
            origin: Origin::new(ObjectRef::new("HTTPRoute", "default", "r"), "spec"),
        }
    }

    #[test]
    fn header_fields_of_questions_and_answers() {
        // gateway-api §13.4
        let name = HeaderName::from_static;
        let http = |request: &[&'static str], response: &[&'static str]| {
            check(AuthProtocol::Http {
                path: "/check".into(),
                request_headers: request.iter().map(|text| name(text)).collect(),
                response_headers: response.iter().map(|text| name(text)).collect(),
            })
        };
        for (header, bare, named) in [
            ("host", (true, false), (true, false)),
            ("authorization", (true, true), (true, false)),
            ("cookie", (false, true), (true, false)),
            ("x-user", (false, true), (false, true)),
            ("content-length", (false, false), (false, false)),
            ("transfer-encoding", (false, false), (false, false)),
        ] {
            let check = http(&[], &[]);
            assert_eq!((check.sends(&name(header)), check.takes(&name(header))), bare, "{header}");
            let check =
                http(&["cookie", "content-length"], &["x-user", "content-length", "connection"]);
            assert_eq!((check.sends(&name(header)), check.takes(&name(header))), named, "{header}");
        }
        let all = check(AuthProtocol::Grpc { request_headers: vec![] });
        let one = check(AuthProtocol::Grpc { request_headers: vec![header::COOKIE] });
        assert!(all.sends(&header::HOST) && all.sends(&header::COOKIE));
        assert!(!one.sends(&header::HOST) && one.sends(&header::COOKIE));
        assert!(!all.takes(&header::COOKIE));
    }
}
