//! What the access log tells, and that nobody can make it tell something else.

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::gateway::{address, cafe, config, service, start};
use crate::http2::{Client as Http2Client, block_on};
use gateway_core::rules::Network;
use gateway_proxy::{AccessLog, Config, LogFormat, LogTarget, Server};
use serde_json::{Value, json};
use std::io::Read;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// A proxy with one thread, and its log.
struct Logged {
    server: Server,
    path: PathBuf,
    address: SocketAddr,
}

impl Logged {
    fn start(name: &str, format: LogFormat, config: Config) -> Self {
        let path = std::env::temp_dir().join(format!("gateway-{name}-{}.log", std::process::id()));
        let access_log = Some(AccessLog { target: LogTarget::File(path.clone()), format });
        let server = start(Config { threads: NonZeroUsize::new(1), access_log, ..config });
        let address = address(&server, 80);
        Self { server, path, address }
    }

    fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Its lines, once the proxy has stopped.
    fn lines(self) -> Vec<String> {
        self.server.shutdown();
        let text = std::fs::read_to_string(&self.path).unwrap();
        std::fs::remove_file(&self.path).unwrap();
        assert!(text.is_ascii() || text.contains('{'), "text is ASCII alone");
        text.lines().map(str::to_owned).collect()
    }
}

fn split(addresses: &[SocketAddr]) -> Config {
    let split = "
  - path: /split
    splits:
    - {weight: 0, action: {return: {body: never}}}
    - {weight: 100, action: {pass: tea}}
";
    let mut config = config(&(cafe(", lb-method: round_robin") + split.trim_start_matches('\n')));
    config.services = vec![service("tea", addresses)];
    config
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn a_line_of_json_tells_everything() {
    let backend = Backend::start("tea");
    let logged = Logged::start("json", LogFormat::Json, split(&[backend.address]));
    let mut client = logged.client();
    let fields = format!(
        "Content-Length: 5\r\nUser-Agent: a \"b\" \\\u{1}\r\nReferer: http://x/\u{e9}\r\n\
         X-Request-Id: r-1\r\ntraceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n"
    )
    .replace('\u{1}', "\t");
    client
        .send(format!(
            "POST /split?q='1' HTTP/1.1\r\nHost: cafe.example.com:80\r\n{fields}\r\nhello"
        ))
        .unwrap();
    let answer = client.read("POST").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(client.get("/split").status, 200, "on the same connections");
    let lines = logged.lines();
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    for (name, want) in [
        ("identity", json!("")),
        ("listener", json!("default/cafe")),
        ("method", json!("POST")),
        ("host", json!("cafe.example.com:80")),
        ("target", json!("/split?q='1'")),
        ("protocol", json!("HTTP/1.1")),
        ("status", json!(200)),
        ("bytes_received", json!(5)),
        ("bytes_sent", json!(answer.body.len())),
        ("route", json!("VirtualServer default/cafe")),
        ("rule", json!("spec.routes[1]")),
        ("branch", json!("VirtualServer default/cafe: spec.routes[1].splits[1]")),
        ("service", json!("default/tea")),
        ("retries", json!(0)),
        ("problem", json!("")),
        ("request_id", json!("r-1")),
        ("trace_id", json!(TRACE)),
        ("tls_version", json!("")),
        ("server_name", json!("")),
        ("user_agent", json!("a \"b\" \\")),
        ("referer", json!("http://x/\u{e9}")),
    ] {
        assert_eq!(line[name], want, "{name}: {line:#}");
    }
    assert_eq!(line.as_object().unwrap().len(), 25, "{line:#}");
    assert!(line["client"].as_str().unwrap().starts_with("127.0.0.1:"));
    let upstream = &line["upstreams"][0];
    assert_eq!(upstream["address"], backend.address.to_string());
    assert_eq!((&upstream["status"], &upstream["problem"]), (&json!(200), &json!("")));
    assert!(upstream["connect_us"].is_u64() && upstream["head_us"].is_u64(), "{line:#}");
    assert!(line["duration_us"].as_u64() >= upstream["head_us"].as_u64(), "{line:#}");
    let second: Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!(second["upstreams"][0]["connect_us"], Value::Null, "used again");
    assert_eq!(lines.len(), 2);
}

#[test]
fn a_line_of_text_is_what_readers_of_combined_know() {
    let backend = Backend::start("tea");
    let logged = Logged::start("text", LogFormat::Text, split(&[backend.address]));
    let fields = "User-Agent: a \"b\" \\ \u{e9}\r\nReferer: x\" 200 5\r\n";
    let answer = logged.client().request("GET", "/a\"b", fields);
    let lines = logged.lines();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let (begin, rest) = line.split_once('[').unwrap();
    let (time, rest) = rest.split_once("] ").unwrap();
    assert_eq!(begin, "127.0.0.1 - - ");
    assert_eq!(time.len(), "26/Nov/2026:05:43:27 +0000".len(), "{line}");
    let sent = answer.body.len();
    let combined =
        format!(r#""GET /a\x22b HTTP/1.1" 200 {sent} "x\x22 200 5" "a \x22b\x22 \x5C \xC3\xA9" "#);
    let rest = rest.strip_prefix(&combined).unwrap_or_else(|| panic!("{line}"));
    let upstream = backend.address;
    let begin = format!(
        "host=\"cafe.example.com\" identity=\"-\" listener=\"default/cafe\" \
         route=\"VirtualServer default/cafe\" rule=\"spec.routes[0]\" branch=\"-\" \
         service=\"default/tea\" upstream=\"{upstream}\" upstream_status=\"200\" \
         upstream_connect_time=\"0."
    );
    assert!(rest.starts_with(&begin), "{line}");
    let end = "bytes_received=\"0\" retries=\"0\" request_id=\"-\" trace_id=\"-\" tls=\"-\" \
               server_name=\"-\" problem=-";
    assert!(rest.ends_with(end), "{line}");
}

#[test]
fn every_try_is_told_in_order() {
    let backend = Backend::start("tea");
    let nowhere = Backend::nowhere();
    let logged = Logged::start("tries", LogFormat::Json, split(&[nowhere, backend.address]));
    for _ in 0..2 {
        assert_eq!(logged.client().get("/").status, 200);
    }
    let lines = logged.lines();
    let lines: Vec<Value> = lines.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
    let line = lines.iter().find(|line| line["retries"] == 1);
    let line = line.unwrap_or_else(|| panic!("each endpoint comes first once: {lines:?}"));
    let upstreams = line["upstreams"].as_array().unwrap();
    let told: Vec<_> =
        upstreams.iter().map(|u| (&u["address"], &u["status"], &u["problem"])).collect();
    let (first, second) = (json!(nowhere.to_string()), json!(backend.address.to_string()));
    let want = [(&first, &Value::Null, &json!("connect")), (&second, &json!(200), &json!(""))];
    assert_eq!(told, want);
    assert_eq!((&line["status"], &line["problem"]), (&json!(200), &json!("")));
}

#[test]
fn a_tunnel_is_told_when_it_is_over() {
    let backend = Backend::start("tea");
    let logged = Logged::start("tunnel", LogFormat::Json, split(&[backend.address]));
    let mut client = logged.client();
    let lines = "Connection: upgrade\r\nUpgrade: websocket\r\n";
    assert_eq!(client.request("GET", "/websocket", lines).status, 101);
    client.send("hello").unwrap();
    client.reader().read_exact(&mut [0; 5]).unwrap();
    assert_eq!(std::fs::read(&logged.path).unwrap(), b"");
    client.end();
    assert_eq!(client.reader().read(&mut [0]).unwrap(), 0);
    let lines = logged.lines();
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&line["status"], &line["bytes_received"]), (&json!(101), &json!(5)));
    assert_eq!((&line["bytes_sent"], lines.len()), (&json!(5), 1));
}

#[test]
fn requests_of_http2_are_told_alike() {
    let backend = Backend::start("tea");
    let logged = Logged::start("http2", LogFormat::Json, split(&[backend.address]));
    block_on(async {
        let client = Http2Client::connect(logged.address).await;
        assert_eq!(client.post("/x?y", "hello").await.unwrap().status, 200);
    });
    let lines = logged.lines();
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    for (name, want) in [
        ("method", json!("POST")),
        ("target", json!("/x?y")),
        ("host", json!("cafe.example.com")),
        ("protocol", json!("HTTP/2.0")),
        ("bytes_received", json!(5)),
        ("status", json!(200)),
    ] {
        assert_eq!(line[name], want, "{name}: {line:#}");
    }
}

#[test]
fn a_client_that_leaves_is_told_as_499() {
    let backend = Backend::start("tea");
    let logged = Logged::start("left", LogFormat::Text, split(&[backend.address]));
    let mut client = logged.client();
    client.send("GET /until-the-client-leaves HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    wait_until("the request is under way", || backend.requests() == 1);
    drop(client);
    wait_until("it is given up", || backend.aborted() == 1);
    let lines = logged.lines();
    assert!(
        lines[0].contains(" 499 0 ") && lines[0].contains("upstream_status=\"-\""),
        "{lines:?}"
    );
}

#[test]
fn the_client_is_the_one_that_trusted_proxies_name() {
    let backend = Backend::start("tea");
    let mut config = split(&[backend.address]);
    config.trusted_proxies = ["127.0.0.0/8".parse::<Network>().unwrap()].into_iter().collect();
    for (format, name) in [(LogFormat::Json, "real-json"), (LogFormat::Text, "real-text")] {
        let logged = Logged::start(name, format, config.clone());
        let told = "X-Forwarded-For: 203.0.113.7\r\n";
        assert_eq!(logged.client().request("GET", "/", told).status, 200);
        let line = &logged.lines()[0];
        let is_told =
            line.starts_with("203.0.113.7 ") || line.contains(r#""client":"203.0.113.7""#);
        assert!(is_told, "{line}");
    }
}

/// What is no request has a line all the same: nobody has to look for it in a counter.
#[test]
fn what_is_no_request_is_told() {
    let backend = Backend::start("tea");
    let long =
        format!("GET / HTTP/1.1\r\nHost: cafe.example.com\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let refused = ["good day\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", &long];
    let ask = |name: &str, format| {
        let logged = Logged::start(name, format, split(&[backend.address]));
        for text in refused {
            let mut client = logged.client();
            client.send(text).unwrap();
            assert!(client.read("GET").unwrap().status >= 400, "{text}");
        }
        logged.lines()
    };
    let told = |line: &String| -> Value {
        let line: Value = serde_json::from_str(line).unwrap();
        json!([line["method"], line["target"], line["protocol"], line["status"], line["problem"]])
    };
    let lines: Vec<Value> = ask("refused-json", LogFormat::Json).iter().map(told).collect();
    assert_eq!(
        lines,
        [
            json!(["", "", "", 400, "bad_request"]),
            json!(["GET", "/", "HTTP/1.1", 400, "bad_request"]),
            json!(["", "", "", 431, "bad_request"]),
        ]
    );
    let lines = ask("refused-text", LogFormat::Text);
    assert!(lines[0].contains("] \"-\" 400 0 ") && lines[0].ends_with(" problem=bad_request"));
}
