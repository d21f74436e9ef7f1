//! Answers to gRPC calls that no backend gives.

use super::{Decision, Outcome};
use crate::request::Request;
use crate::rules::{Field, grpc_status};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// `UNKNOWN`.
const UNKNOWN: u8 = 2;
/// `UNAVAILABLE`: the client may try again.
const UNAVAILABLE: u8 = 14;

impl Decision<'_> {
    /// Makes the header of an answer of one's own with `status` the one that gRPC clients
    /// understand, and says which status the answer has then, without a body: 200 where a listener
    /// or a host is for gRPC (gateway-api §18.5), 204 where the upstream of a VirtualServer is
    /// (virtualserver §13). Other answers are left as they are, as are all those that backends give.
    ///
    /// `request` is the one that was decided.
    ///
    /// ```
    /// # use gateway_core::{Options, RequestHead, Resources, Router, translate};
    /// # use http::{HeaderMap, StatusCode};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[cfg(feature = "yaml")] {
    /// # let resources = Resources::from_yaml("
    /// # apiVersion: gateway.networking.k8s.io/v1
    /// # kind: Gateway
    /// # metadata: {name: gw}
    /// # spec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP}]}
    /// # ")?;
    /// # let router = Router::compile(&translate(&resources, &Options::default()).rules)?;
    /// let header = [("content-type", "application/grpc")];
    /// let call = RequestHead::new("POST", "a.example", "/shop.Carts/Get").headers(&header);
    /// let decision = router.decide(&call, 0);
    /// let mut header = HeaderMap::new();
    /// let status = decision.edit_as_grpc(StatusCode::NOT_FOUND, &call, &mut header);
    /// assert_eq!(status, Some(StatusCode::OK));
    /// assert_eq!(header["grpc-status"], "12");
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    pub fn edit_as_grpc(
        &self,
        status: StatusCode,
        request: &impl Request,
        headers: &mut HeaderMap,
    ) -> Option<StatusCode> {
        let type_of_grpc = HeaderValue::from_static("application/grpc");
        if let Outcome::Forward(to) = &self.outcome
            && to.forward.settings.tells_as_grpc(status)
        {
            headers.insert(CONTENT_TYPE, type_of_grpc);
            headers.insert(GRPC_STATUS, HeaderValue::from(u16::from(grpc_status(status)?)));
            return Some(StatusCode::NO_CONTENT);
        }
        let tells = match (self.host, self.listener) {
            (Some(host), _) => host.tells_grpc,
            (None, listener) => listener.is_some_and(|listener| listener.tells_grpc),
        };
        if !tells || request.method() != "POST" {
            return None;
        }
        let content_type = Field::Header("content-type".into());
        let is_call = self.with_view(request, |view| {
            let mut text = Vec::new();
            view.read(&content_type).append_to(&mut text);
            const CALL: &[u8] = b"application/grpc";
            text.get(..CALL.len()).is_some_and(|start| start.eq_ignore_ascii_case(CALL))
        });
        if !is_call.unwrap_or(false) {
            return None;
        }
        let code = match status {
            // Another connection may do.
            StatusCode::MISDIRECTED_REQUEST => UNAVAILABLE,
            other => grpc_status(other).unwrap_or(UNKNOWN),
        };
        headers.insert(CONTENT_TYPE, type_of_grpc);
        headers.insert(GRPC_STATUS, HeaderValue::from(u16::from(code)));
        let reason = HeaderValue::from_static(status.canonical_reason().unwrap_or("error"));
        headers.insert(HeaderName::from_static("grpc-message"), reason);
        Some(StatusCode::OK)
    }
}
