//! The engine inside a program of your own: documents in, decisions out.
//!
//! `cargo run -p examples --bin embed`

use gateway_core::{Options, Outcome, RequestHead, Resources, Router, Verdict, translate};
use std::error::Error;

const DOCUMENTS: &str = "
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
  - path: /coffee/{store}
    matches:
    - conditions: [{variable: $request_method, value: POST}]
      action: {return: {code: 403, type: text/plain, body: No orders here}}
    action: {pass: coffee}
";

fn main() -> Result<(), Box<dyn Error>> {
    // Strict: any error in any document ends here, with all of them listed.
    let resources = Resources::from_yaml(DOCUMENTS)?;
    let translation = translate(&resources, &Options::default());
    let router = Router::compile(&translation.rules)?;

    for (method, path) in [("GET", "/tea/green"), ("POST", "/coffee/central"), ("GET", "/cake")] {
        let request = RequestHead::new(method, "cafe.example.com", path);
        // 64 random bits of your own for weighted choices; here none is needed.
        let decision = router.decide(&request, 0);
        let fate = match decision.verdict() {
            Verdict::Open(Outcome::Forward(to)) => format!("{}:{}", to.service.name, to.port),
            Verdict::Open(Outcome::Respond(answer)) => answer.status.to_string(),
            Verdict::Open(Outcome::Redirect(to)) => to.status.to_string(),
            Verdict::Open(Outcome::Deny(_)) => "403".to_owned(),
            Verdict::Open(Outcome::NoRoute(reason)) => reason.status().to_string(),
            // Carry `steps` out, then go on with what `admitted` says.
            Verdict::Guarded => format!("{:?}", decision.steps(&request)),
        };
        println!("{method} {path} -> {fate}");
    }
    Ok(())
}
