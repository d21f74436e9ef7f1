//! An axum service whose handlers are chosen by documents: `cargo run -p gateway-tower --example
//! shop [FILE]`. SIGHUP reads FILE again.
//!
//! ```sh
//! curl -H 'Host: cafe.example.com' http://127.0.0.1:8080/tea/green
//! ```

mod app;

use gateway_core::Options;
use gateway_tower::Routes;
use std::error::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const CAFE: &str = "
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  upstreams:
  - {name: tea, service: tea-svc, port: 80}
  - {name: coffee, service: coffee-svc, port: 80}
  routes:
  - path: /tea
    action: {pass: tea}
  - path: /coffee
    splits:
    - {weight: 90, action: {pass: coffee}}
    - {weight: 10, action: {pass: tea}}
  - path: /old
    action: {redirect: {url: 'http://${host}/tea', code: 301}}
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1);
    let documents = || file.as_ref().map_or(Ok(CAFE.to_owned()), std::fs::read_to_string);
    let routes = Routes::new(&documents()?, Options::default())?;
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening {}", listener.local_addr()?);
    let mut hangup = signal(SignalKind::hangup())?;
    let mut server = std::pin::pin!(app::run(listener, routes.clone()));
    loop {
        tokio::select! {
            ended = &mut server => return Ok(ended?),
            _ = hangup.recv() => match documents() {
                Ok(text) => match routes.publish(&text) {
                    Ok(()) => println!("reloaded"),
                    Err(refused) => eprintln!("the routes stay as they are:\n{refused}"),
                },
                Err(error) => eprintln!("the routes stay as they are: {error}"),
            },
        }
    }
}
