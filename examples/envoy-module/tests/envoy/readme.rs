//! The README's configuration works as it stands.

use crate::process::{Envoy, Folder};
use testkit::socket::{EchoBackend, get};

const README: &str = include_str!("../../README.md");

#[test]
fn the_configuration_of_the_readme_works() {
    let blocks: Vec<&str> = README.split("```yaml\n").skip(1).collect();
    let blocks: Vec<&str> = blocks.iter().map(|it| it.split_once("```").unwrap().0).collect();
    let routes = blocks.iter().find(|it| it.contains("kind: VirtualServer")).unwrap();
    let folder = Folder::new();
    let path = folder.put("routes.yaml", routes);
    let tea = EchoBackend::start("tea").unwrap();
    // Free ports, and a file of the test's own.
    let mut config = blocks.iter().find(|it| it.starts_with("admin:")).unwrap().to_string();
    for (from, to) in [
        ("port_value: 9901", "port_value: 0"),
        ("0.0.0.0, port_value: 8080", "127.0.0.1, port_value: 0"),
        ("port_value: 9001", &*format!("port_value: {}", tea.address.port())),
        ("/etc/gateway/routes.yaml", path.to_str().unwrap()),
    ] {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, to);
    }
    let Some(envoy) = Envoy::start_as_written(&config) else { return };
    let ask = |target| get(envoy.address(), "cafe.example.com", target, "").unwrap().text();
    assert_eq!(ask("/tea/green").lines().next(), Some("GET /green HTTP/1.1"));
    assert_eq!(ask("/hello"), "Hello from cafe.example.com\n");
}
