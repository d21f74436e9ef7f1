//! A [tower](https://docs.rs/tower) layer that routes by the documents of the gateway.
//!
//! ```text
//!  request ──► decide ──► own answer: redirect, canned answer, refusal, 404 …
//!                │
//!                └──────► path, host and header edited, `Backend` among the extensions
//!                                │
//!                                ▼
//!                          your service ──► header of the answer edited, error page in its place
//! ```
//!
//! It has no sockets and no clock: your service sends the request to the [`Backend`], or handles it
//! itself. What the documents ask for and nobody does here (rate limits, authentication, copies of
//! requests …) is a warning when they are read, and such requests are answered 500.
//!
//! ```
//! use gateway_core::Options;
//! use gateway_tower::{Backend, GatewayLayer, Routes};
//! use http::Request;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let documents = "
//! apiVersion: k8s.nginx.org/v1
//! kind: VirtualServer
//! metadata: {name: cafe}
//! spec:
//!   host: cafe.example.com
//!   upstreams: [{name: tea, service: tea-svc, port: 80}]
//!   routes: [{path: /, action: {pass: tea}}]
//! ";
//! let routes = Routes::new(documents, Options::default())?;
//! let inner = service_fn(|request: Request<String>| async move {
//!     let backend = request.extensions().get::<Backend>().map(Backend::to_string);
//!     Ok::<_, std::convert::Infallible>(http::Response::new(backend.unwrap_or_default()))
//! });
//! let service = GatewayLayer::new(routes.clone()).layer(inner);
//!
//! let request = Request::get("http://cafe.example.com/green").body(String::new())?;
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let response = service.oneshot(request).await.unwrap();
//! assert_eq!(response.status(), 200); // `default/tea-svc:80` handled it
//! # });
//! // New documents, while requests go on; those under way keep what they began with.
//! routes.publish(&documents.replace("tea-svc", "coffee-svc"))?;
//! # Ok(())
//! # }
//! ```

mod routes;
mod service;

pub use routes::{Refused, Routes};
pub use service::{AnswerBody, Backend, Gateway, GatewayLayer};
