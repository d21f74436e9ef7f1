//! New configurations while requests go on.

use crate::process::{Envoy, Folder, installed};
use crate::setup::{Setup, cluster, discovered, discovery, listener};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use testkit::socket::{EchoBackend, get};

fn config(service: &str) -> Value {
    let documents = format!(
        "
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {{name: cafe}}
spec:
  host: cafe.example.com
  upstreams: [{{name: it, service: {service}, port: 80}}]
  routes: [{{path: /, action: {{pass: it}}}}]
"
    );
    json!({"documents": documents, "port": 80})
}

/// The backend that answers.
fn ask(address: SocketAddr) -> String {
    let answer = get(address, "cafe.example.com", "/", "").unwrap();
    assert_eq!(answer.status, 200);
    answer.backend().unwrap().to_owned()
}

#[test]
fn a_new_configuration_takes_over_and_a_bad_one_does_not() {
    if installed().is_none() {
        return;
    }
    let names = ["default/one:80", "default/two:80", "default/three:80"];
    let backends = names.map(|name| EchoBackend::start(name).unwrap());
    let folder = Folder::new();
    let path = folder.put("filter.json", &discovery(1, config("one")));
    let clusters = backends.iter().map(|it| cluster(it.name(), it.address)).collect();
    let listeners = vec![listener("web", vec![discovered(&path)])];
    let mut envoy = Envoy::start(&Setup { listeners, clusters }).unwrap();
    let address = envoy.address();
    assert_eq!(ask(address), "default/one:80");
    let stopped = AtomicBool::new(false);
    thread::scope(|scope| {
        // No request fails meanwhile.
        let client = scope.spawn(|| {
            while !stopped.load(Ordering::SeqCst) {
                ask(address);
            }
        });
        folder.put("filter.json", &discovery(2, config("two")));
        envoy.wait_for("second configuration", |_| (ask(address) == names[1]).then_some(()));
        folder.put("filter.json", &discovery(3, config("'not a name'")));
        envoy.wait_for("refusal", |envoy| {
            envoy.log().contains("Failed to initialize dynamic module").then_some(())
        });
        assert_eq!(ask(address), names[1]);
        folder.put("filter.json", &discovery(4, config("three")));
        envoy.wait_for("fourth configuration", |_| (ask(address) == names[2]).then_some(()));
        stopped.store(true, Ordering::SeqCst);
        client.join().unwrap();
    });
}
