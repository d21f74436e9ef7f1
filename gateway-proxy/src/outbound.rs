//! What a backend is sent: the head of a request, made of the client's.

mod fields;

pub(crate) use fields::Fields;

use crate::head::{Client, ConnectionOptions, Head, address, is_hop_by_hop};
use crate::http1::lists;
use crate::trace::{Context, TRACEPARENT, TRACESTATE};
use crate::upstream::{Channel, HttpVersion};
use gateway_core::rules::HeaderOps;
use gateway_core::{Decision, Outcome};
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::uri::{Authority, Scheme};
use http::{Method, Request, Uri};
use std::borrow::Cow;

// Borrowed wherever they are told.
static FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
static TRACE: HeaderName = TRACEPARENT;

/// The head of a request to a backend.
pub(crate) struct Outbound<'a> {
    pub(crate) method: &'a Method,
    /// With scheme and authority for HTTP/2, else without.
    pub(crate) uri: Uri,
    pub(crate) fields: Fields<'a>,
}

impl<'a> Outbound<'a> {
    /// The one that a backend gets on a connection; `None` if the rule's rewrites make no legal one.
    pub(crate) fn new(head: &Head<'a>, decision: &Decision<'a>, channel: &Channel) -> Option<Self> {
        let client = head.parts;
        let is_http1 = channel.speech.version == HttpVersion::Http1;
        let mut fields = end_to_end(head);
        if let Some(authority) = client.uri.authority()
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            // An absolute target wins over the field (RFC 9112, section 3.2.2).
            fields.insert(Cow::Owned(HOST), Cow::Owned(host));
        }
        // The client's fields may be dropped, not what the proxy says itself unless the rule sets
        // it, be it to nothing.
        let drops = request_ops(decision).filter(|ops| ops.drop_all);
        let mut kept = drops.map(|ops| (ops, Vec::new()));
        tell(head, &mut fields, |fields, name, value| {
            if let Some((_, told)) = &mut kept {
                told.push((name, value.clone()));
            }
            fields.insert(Cow::Borrowed(name), value);
        });
        decision.edit_request(head, &mut fields);
        if let Some(host) = decision.host_header(head) {
            fields.insert(Cow::Owned(HOST), Cow::Owned(host));
        }
        if let Some((ops, told)) = kept {
            for (name, value) in told {
                if ops.set.iter().all(|edit| edit.name != *name) {
                    fields.insert(Cow::Borrowed(name), value);
                }
            }
            if let Some(host) = client.headers.get(HOST)
                && fields.get(&HOST).is_none()
            {
                fields.push(Cow::Owned(HOST), Cow::Borrowed(host));
            }
        }
        // The length follows from the body that is sent, whatever a rule says.
        fields.drop_lines(&CONTENT_LENGTH);
        fields.drop_lines(&TRANSFER_ENCODING);
        let mut say = |name, value| {
            fields.insert(Cow::Owned(name), Cow::Owned(HeaderValue::from_static(value)));
        };
        // The other protocol that a client would like is not offered in HTTP/2.
        if let Some(protocol) = head.upgrade().filter(|_| is_http1) {
            say(CONNECTION, "upgrade");
            fields.insert(Cow::Owned(UPGRADE), Cow::Borrowed(protocol));
        } else if lists(&client.headers, &TE, "trailers") {
            say(TE, "trailers");
            if is_http1 {
                say(CONNECTION, "te");
            }
        }
        let mut uri = target(head, decision)?;
        if !is_http1 {
            let mut parts = uri.into_parts();
            parts.authority = Some(Authority::try_from(fields.take(&HOST)?.as_bytes()).ok()?);
            let in_tls = channel.tls().is_some();
            parts.scheme = Some(if in_tls { Scheme::HTTPS } else { Scheme::HTTP });
            uri = Uri::from_parts(parts).ok()?;
        }
        Some(Self { method: &client.method, uri, fields })
    }

    /// The request with its body.
    pub(crate) fn with<B>(self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.fields.into_map();
        request
    }
}

/// What the rule makes of the target.
fn target(head: &Head<'_>, decision: &Decision<'_>) -> Option<Uri> {
    let own = head.parts.uri.path_and_query();
    let mut target = Vec::with_capacity(own.map_or(0, |own| own.as_str().len()));
    decision.write_target(head, &mut target);
    match own {
        Some(own) if own.as_str().as_bytes() == target => Some(Uri::from(own.clone())),
        _ => Uri::try_from(target).ok(),
    }
}

/// The client's fields without those meant for this proxy alone.
fn end_to_end<'a>(head: &Head<'a>) -> Fields<'a> {
    /// What is told besides.
    const TOLD: usize = 7;
    let from = &head.parts.headers;
    let named = ConnectionOptions::of(from);
    let mut to = Fields::with_capacity(from.len() + TOLD);
    for (name, value) in from {
        if !is_hop_by_hop(name) && *name != EXPECT && !named.contain(name) {
            to.push(Cow::Borrowed(name), Cow::Borrowed(value));
        }
    }
    to
}

/// Tells backends about the client, and about the trace that the request is a part of.
fn tell<'a>(
    head: &Head<'a>,
    fields: &mut Fields<'a>,
    mut insert: impl FnMut(&mut Fields<'a>, &'static HeaderName, Cow<'a, HeaderValue>),
) {
    let Client { address: own, port, peer, connection, .. } = head.client;
    let mut chain = Vec::new();
    for value in fields.values(&FOR) {
        chain.extend_from_slice(value.as_bytes());
        chain.extend_from_slice(b", ");
    }
    let mut told = Cow::Borrowed(own);
    if !chain.is_empty() {
        chain.extend_from_slice(own.as_bytes());
        // Of legal values, a list is one.
        told = HeaderValue::from_maybe_shared(bytes::Bytes::from(chain)).map_or(told, Cow::Owned);
    }
    insert(fields, &FOR, told);
    if let Some(host) = fields.get(&HOST).map(without_port) {
        insert(fields, &FORWARDED_HOST, host);
    }
    insert(fields, &PORT, Cow::Borrowed(port));
    let protocol = HeaderValue::from_static(connection.protocol.as_str());
    insert(fields, &PROTO, Cow::Owned(protocol));
    let real = if head.peer == *peer { None } else { address(head.peer) };
    insert(fields, &REAL_IP, real.map_or(Cow::Borrowed(own), Cow::Owned));
    if let Some(context) = head.attributes.trace.get() {
        if Context::read(&head.parts.headers).is_none() {
            // It belongs to the field that another one takes the place of.
            fields.drop_lines(&TRACESTATE);
        }
        insert(fields, &TRACE, Cow::Owned(context.into()));
    }
}

/// The rule's changes to the header that a backend gets.
fn request_ops<'r>(decision: &Decision<'r>) -> Option<&'r HeaderOps> {
    match decision.admitted() {
        Outcome::Forward(forwarding) => Some(&forwarding.forward.request_headers),
        _ => None,
    }
}

/// A host in lower case and without its port, which is told on its own.
fn without_port<'a>(host: &Cow<'a, HeaderValue>) -> Cow<'a, HeaderValue> {
    let octets = host.as_bytes();
    let end = match octets.iter().rposition(|b| *b == b':') {
        Some(colon) if octets[colon..].iter().skip(1).all(u8::is_ascii_digit) => colon,
        _ => octets.len(),
    };
    if end == octets.len() && !octets.iter().any(u8::is_ascii_uppercase) {
        return host.clone();
    }
    let lower = octets[..end].to_ascii_lowercase();
    let lower = HeaderValue::from_maybe_shared(bytes::Bytes::from(lower));
    lower.map_or_else(|_| host.clone(), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_without_their_port() {
        for (host, want) in [
            ("cafe.example.com", "cafe.example.com"),
            ("Cafe.Example.com:8080", "cafe.example.com"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("127.0.0.1:", "127.0.0.1"),
        ] {
            let host = Cow::Owned(HeaderValue::from_static(host));
            assert_eq!(*without_port(&host), want, "{host:?}");
        }
    }
}
