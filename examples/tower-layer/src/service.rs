//! The layer, and the service that it makes.

use crate::routes::Routes;
use bytes::Bytes;
use embedding::{Answer, draw, judge};
use gateway_core::rules::{BackendSettings, ServiceName};
use gateway_core::{Decision, Forwarding, Router};
use http::header::HOST;
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{Request, Response, StatusCode, Uri};
use http_body::{Body, SizeHint};
use http_body_util::{Either, Full};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`Gateway`] before a service.
#[derive(Clone)]
pub struct GatewayLayer {
    routes: Routes,
}

impl GatewayLayer {
    /// A layer that decides by these routes, whatever is published there later.
    pub fn new(routes: Routes) -> Self {
        Self { routes }
    }
}

impl<S> Layer<S> for GatewayLayer {
    type Service = Gateway<S>;

    fn layer(&self, inner: S) -> Gateway<S> {
        Gateway { routes: self.routes.clone(), inner }
    }
}

/// Decides, and carries out all but the sending.
///
/// Whoever accepts connections says by a [`Connection`](gateway_core::Connection) among a request's
/// extensions which listener of the documents it came to, and from whom; without it, it came to port
/// 80 from nobody, whom no `accessControl` lets in.
#[derive(Clone)]
pub struct Gateway<S> {
    routes: Routes,
    inner: S,
}

/// Where a request goes: among its extensions for the inner service.
#[derive(Debug, Clone)]
pub struct Backend {
    /// The Service that was chosen.
    pub service: ServiceName,
    /// Its port.
    pub port: u16,
    /// How it is to be spoken to: timeouts, retries, which endpoint. It is up to the inner service.
    pub settings: Arc<BackendSettings>,
}

impl fmt::Display for Backend {
    /// `namespace/name:port`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.port)
    }
}

/// The body of an answer: the inner service's, or one of the gateway's own.
pub type AnswerBody<B> = Either<B, Full<Bytes>>;

impl<S, B, R> Service<Request<B>> for Gateway<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
{
    type Response = Response<AnswerBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready handles the request.
        let next = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, next);
        let router = self.routes.current();
        Box::pin(async move { route(&router, inner, request).await })
    }
}

async fn route<S, B, R>(
    router: &Router,
    mut inner: S,
    request: Request<B>,
) -> Result<Response<AnswerBody<R>>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: Body,
{
    let (parts, body) = request.into_parts();
    let decision = router.decide(&parts, draw());
    let sent = match check(&decision, &parts, &body.size_hint()) {
        Ok(sent) => sent,
        Err(answer) => return Ok(own(answer.finished(&decision, &parts))),
    };
    let response = inner.call(Request::from_parts(sent, body)).await?;
    let status = response.status();
    if let Some(page) = Answer::page(status, status.as_str(), &decision, &parts) {
        return Ok(own(page));
    }
    let mut response = response.map(Either::Left);
    decision.edit_response(status, &parts, response.headers_mut());
    Ok(response)
}

/// The head that the inner service gets.
///
/// # Errors
///
/// What a request is answered that goes nowhere.
fn check(decision: &Decision<'_>, parts: &Parts, body: &SizeHint) -> Result<Parts, Box<Answer>> {
    let refused = |status| Box::new(Answer::refusal(status, decision, parts));
    let to = judge(decision, parts, Some(body.lower()), false).map_err(|turned| {
        if let Some(lack) = turned.lack {
            tracing::warn!("a request is answered 500: {lack}");
        }
        Box::new(turned.answer)
    })?;
    if let Some(most) = to.forward.settings.max_body
        && body.upper().is_none_or(|length| length > most)
    {
        // Nobody here counts what comes in pieces of which nobody knows how many there are.
        return Err(refused(StatusCode::LENGTH_REQUIRED));
    }
    sent(decision, &to, parts).ok_or_else(|| refused(StatusCode::INTERNAL_SERVER_ERROR))
}

/// The head as the rule has edited it; `None` if the rule's rewrites make no legal one.
fn sent(decision: &Decision<'_>, to: &Forwarding<'_>, parts: &Parts) -> Option<Parts> {
    let mut sent = parts.clone();
    let mut target = Vec::new();
    decision.write_target(parts, &mut target);
    decision.edit_request(parts, &mut sent.headers);
    let mut uri = std::mem::take(&mut sent.uri).into_parts();
    uri.path_and_query = Some(PathAndQuery::from_maybe_shared(Bytes::from(target)).ok()?);
    if let Some(host) = decision.host_header(parts) {
        // HTTP/2 has it in one place, HTTP/1 in the other; with an absolute target in both.
        if uri.authority.is_some() {
            uri.authority = Some(Authority::try_from(host.as_bytes()).ok()?);
        }
        if uri.authority.is_none() || sent.headers.contains_key(HOST) {
            sent.headers.insert(HOST, host);
        }
    }
    sent.uri = Uri::from_parts(uri).ok()?;
    let settings = Arc::clone(&to.forward.settings);
    sent.extensions.insert(Backend { service: to.service.name.clone(), port: to.port, settings });
    Some(sent)
}

fn own<R>(answer: Answer) -> Response<AnswerBody<R>> {
    let mut response = Response::new(Either::Right(Full::from(answer.body)));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}
