//! The common suite through the layer, with a service behind it that says what it has received.

#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use embedding::judge;
use gateway_core::{Router, ServerName};
use gateway_tower::{Backend, GatewayLayer, Routes};
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};
use testkit::suite::{ANSWERED, Case, Observed, Received, Suite};
use tower::{Layer, ServiceExt, service_fn};

#[tokio::test]
async fn the_layer_does_what_the_suite_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/suite");
    let (mut run, mut refused) = (0, 0);
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for suite in Suite::load_all(&folder).unwrap() {
        let Ok(routes) = Routes::new(&suite.documents, suite.options.clone()) else {
            *left_out.entry("its documents have errors").or_default() += suite.cases.len();
            continue;
        };
        let router = Router::compile(&suite.translation().rules).unwrap();
        let layer = GatewayLayer::new(routes);
        for case in &suite.cases {
            let request = match request(case) {
                Ok(request) => request,
                Err(reason) => {
                    *left_out.entry(reason).or_default() += 1;
                    continue;
                }
            };
            let observed = ask(case, request, &layer).await;
            let decision = router.decide(&case.request, 0);
            let judged = judge(&decision, &case.request, Some(0), false);
            let fault = if judged.is_err_and(|turned| turned.lack.is_some()) {
                refused += 1;
                let is_through = observed.backend.is_some();
                is_through.then(|| format!("let through: {observed:?}"))
            } else {
                run += 1;
                case.check(&observed).err()
            };
            faults.extend(fault.map(|it| format!("{}: {}:\n{it}", suite.name, case.name)));
        }
    }
    println!("{run} ran, {refused} were refused; left out: {left_out:#?}");
    assert!(faults.is_empty(), "{} of {run}:\n{}", faults.len(), faults.join("\n\n"));
    assert!(run > 1_200 && refused > 40, "{run} ran, {refused} were refused");
}

/// A request as hyper would hand it on.
///
/// # Errors
///
/// Why there is none.
fn request(case: &Case) -> Result<Request<Full<Bytes>>, &'static str> {
    let from = &case.request;
    if case.draw.is_some() {
        return Err("the layer draws its own numbers");
    }
    if !from.attributes.is_empty() {
        return Err("requests of `http` have no attributes");
    }
    let uri = Uri::from_maybe_shared(Bytes::from(from.target.clone()));
    let uri = uri.map_err(|_| "its target is no `http::Uri`")?;
    let mut request = Request::builder().method(&*from.method).uri(uri).version(from.version);
    for (name, value) in &from.headers {
        request = request.header(name, &value[..]);
    }
    let mut request = request.body(Full::default()).map_err(|_| "its head is none of `http`")?;
    request.extensions_mut().insert(from.connection);
    if let Some(name) = &from.server_name {
        request.extensions_mut().insert(ServerName(name.as_str().into()));
    }
    Ok(request)
}

async fn ask(case: &Case, request: Request<Full<Bytes>>, layer: &GatewayLayer) -> Observed {
    let received = Arc::new(Mutex::new(None));
    let shared = Arc::clone(&received);
    let status = case.backend.unwrap_or_default();
    let inner = service_fn(move |request: Request<Full<Bytes>>| {
        let (head, _) = request.into_parts();
        let backend = head.extensions.get::<Backend>().unwrap();
        *shared.lock().unwrap() = Some(Received {
            service: backend.to_string(),
            target: head.uri.path_and_query().map(|target| target.as_str().into()),
            headers: Some(head.headers),
        });
        let mut response = Response::new(Full::<Bytes>::default());
        *response.status_mut() = status;
        for (name, value) in ANSWERED {
            let name = HeaderName::from_static(name);
            response.headers_mut().append(name, HeaderValue::from_static(value));
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let backend = received.lock().unwrap().take();
    let own = backend.is_none();
    let grpc = head.headers.get("grpc-status").and_then(|code| code.to_str().ok()?.parse().ok());
    // A page takes the place of what the backend has said.
    let backend = backend.filter(|_| !case.expect.page);
    Observed {
        backend,
        status: Some(head.status),
        headers: Some(head.headers),
        body: (own || case.expect.page).then(|| body.to_vec()),
        grpc: own.then_some(grpc),
        ..Observed::default()
    }
}
