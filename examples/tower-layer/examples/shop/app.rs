//! The service.

use axum::extract::{ConnectInfo, Request};
use axum::response::IntoResponse;
use axum::{Extension, Router, ServiceExt};
use gateway_core::Connection;
use gateway_tower::{Backend, GatewayLayer, Routes};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tower::ServiceBuilder;

/// What takes the place of backends here.
async fn serve(Extension(backend): Extension<Backend>, request: Request) -> String {
    format!("{} has {}\n", backend.service.name, request.uri().path())
}

/// Tells the engine who the client is, and which listener of the documents it came to.
fn introduce(mut request: Request) -> Request {
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = client.map(|ConnectInfo(address)| *address);
    request.extensions_mut().insert(Connection { peer, ..Connection::http(80) });
    request
}

/// Answers requests at `listener` by `routes`, for ever.
pub(crate) async fn run(listener: TcpListener, routes: Routes) -> std::io::Result<()> {
    // Around axum's router, so that this one sees the path that was rewritten.
    let service = ServiceBuilder::new()
        .map_request(introduce)
        .map_response(IntoResponse::into_response)
        .layer(GatewayLayer::new(routes))
        .service(Router::new().fallback(serve));
    axum::serve(listener, service.into_make_service_with_connect_info::<SocketAddr>()).await
}
