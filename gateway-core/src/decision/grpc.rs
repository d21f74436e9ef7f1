//! Answers to gRPC calls that no backend gives.

use super::Decision;
use crate::request::Request;
use crate::rules::{Field, grpc_status};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

/// `UNKNOWN`.
const UNKNOWN: u8 = 2;
/// `UNAVAILABLE`: the client may try again.
const UNAVAILABLE: u8 = 14;

impl Decision<'_> {
    /// Makes the header of an answer of one's own with `status` the one that gRPC clients
    /// understand (gateway-api §18.5), and says whether it did: then the answer has the status 200
    /// and no body. Other answers are left as they are, as are all those that backends give.
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
    /// assert!(decision.edit_as_grpc(StatusCode::NOT_FOUND, &call, &mut header));
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
    ) -> bool {
        let tells = match (self.host, self.listener) {
            (Some(host), _) => host.tells_grpc,
            (None, listener) => listener.is_some_and(|listener| listener.tells_grpc),
        };
        if !tells || request.method() != "POST" {
            return false;
        }
        let content_type = Field::Header("content-type".into());
        let is_call = self.with_view(request, |view| {
            let mut text = Vec::new();
            view.read(&content_type).append_to(&mut text);
            const CALL: &[u8] = b"application/grpc";
            text.get(..CALL.len()).is_some_and(|start| start.eq_ignore_ascii_case(CALL))
        });
        if !is_call.unwrap_or(false) {
            return false;
        }
        let code = match status {
            // Another connection may do.
            StatusCode::MISDIRECTED_REQUEST => UNAVAILABLE,
            other => grpc_status(other).unwrap_or(UNKNOWN),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from(u16::from(code)));
        let reason = HeaderValue::from_static(status.canonical_reason().unwrap_or("error"));
        headers.insert(HeaderName::from_static("grpc-message"), reason);
        true
    }
}
