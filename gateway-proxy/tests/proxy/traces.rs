//! Traces: what endpoints are told to be a part of, and what a collector hears.

use crate::backend::{Backend, field};
use crate::bodies::wait_until;
use crate::client::{Client, Response};
use crate::gateway::{address, cafe, config, service, start};
use gateway_proxy::{Server, Tracing};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Takes spans, after it has answered with these statuses, the last one first.
struct Collector {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&heard);
        let mut statuses = statuses.to_vec();
        // It ends with the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                while let Some(body) = post(&stream) {
                    let status = statuses.pop().unwrap_or(200);
                    if status == 200 {
                        shared.lock().unwrap().push(body);
                    }
                    let head =
                        format!("HTTP/1.1 {status} Whatever\r\ncontent-length: 2\r\n\r\n{{}}");
                    (&stream).write_all(head.as_bytes()).unwrap();
                }
            }
        });
        Self { address, heard }
    }

    /// All spans so far.
    fn spans(&self) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        let spans = heard.iter().map(|body| &body["resourceSpans"][0]["scopeSpans"][0]["spans"]);
        spans.flat_map(|spans| spans.as_array().unwrap().clone()).collect()
    }
}

fn post(stream: &TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    assert_eq!(field(&head, "content-type"), Some("application/json"));
    let mut body = vec![0; field(&head, "content-length").unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Some(serde_json::from_slice(&body).unwrap())
}

fn traced(backends: &[SocketAddr], collector: Option<&Collector>, ratio: f64) -> (Server, Client) {
    let mut config = config(&cafe(", lb-method: round_robin"));
    config.services = vec![service("tea", backends)];
    config.admin = Some("127.0.0.1:0".parse().unwrap());
    config.threads = std::num::NonZeroUsize::new(1);
    config.tracing = collector.map(|collector| Tracing {
        endpoint: format!("http://{}", collector.address),
        ratio,
        service: "edge".into(),
    });
    let server = start(config);
    let client = Client::connect(address(&server, 80));
    (server, client)
}

fn ask(client: &mut Client, flags: &str) -> Response {
    let lines = format!("traceparent: 00-{TRACE}-{PARENT}-{flags}\r\ntracestate: a=1,b=2\r\n");
    client.request("GET", "/x?y=1", &lines)
}

/// Trace, span and flags that the endpoint was told.
fn told(response: &Response) -> [String; 3] {
    let told = response.seen("traceparent").unwrap();
    let fields: Vec<&str> = told.split('-').collect();
    assert_eq!((fields[0], fields.len()), ("00", 4), "{told}");
    [fields[1].to_owned(), fields[2].to_owned(), fields[3].to_owned()]
}

fn attribute<'s>(span: &'s Value, key: &str) -> Option<&'s str> {
    let found = span["attributes"].as_array().unwrap().iter().find(|a| a["key"] == key)?;
    found["value"].as_object().unwrap().values().next().unwrap().as_str()
}

#[test]
fn without_a_collector_fields_are_passed_on_as_they_are() {
    let backend = Backend::start("tea");
    let (_server, mut client) = traced(&[backend.address], None, 1.0);
    let response = ask(&mut client, "01");
    assert_eq!(told(&response), [TRACE, PARENT, "01"]);
    assert_eq!(response.seen("tracestate").as_deref(), Some("a=1,b=2"));
    let broken = client.request("GET", "/", "traceparent: 00-x\r\ntracestate: a=1\r\n");
    assert_eq!(broken.seen("traceparent").as_deref(), Some("00-x"));
    assert_eq!(client.get("/").seen("traceparent"), None, "none is made up");
}

#[test]
fn a_trace_that_began_elsewhere_goes_on_through_the_proxy() {
    let (backend, nowhere) = (Backend::start("tea"), Backend::nowhere());
    let collector = Collector::start(&[]);
    let (server, mut client) = traced(&[nowhere, backend.address], Some(&collector), 0.0);
    // Each endpoint comes first once.
    let responses = [ask(&mut client, "01"), ask(&mut client, "01")];
    for response in &responses {
        assert_eq!(response.seen("tracestate").as_deref(), Some("a=1,b=2"));
    }
    drop(client);
    server.shutdown();
    let spans = collector.spans();
    let of_kind = |kind: u8| spans.iter().filter(move |span| span["kind"] == kind);
    assert_eq!((of_kind(2).count(), of_kind(3).count()), (2, 3), "{spans:#?}");
    assert!(spans.iter().all(|span| span["traceId"] == TRACE));
    for response in &responses {
        let [trace, told, flags] = told(response);
        assert_eq!((&*trace, &*flags), (TRACE, "01"));
        assert_ne!(told, PARENT);
        let attempt = of_kind(3).find(|span| span["spanId"] == told).unwrap();
        assert_eq!(attribute(attempt, "http.response.status_code"), Some("200"));
        let backend = backend.address.port().to_string();
        assert_eq!(attribute(attempt, "server.port"), Some(&*backend));
        let request = of_kind(2).find(|span| span["spanId"] == attempt["parentSpanId"]).unwrap();
        assert_eq!((&request["parentSpanId"], &request["name"]), (&PARENT.into(), &"GET".into()));
        for (key, want) in [
            ("http.request.method", "GET"),
            ("url.scheme", "http"),
            ("url.path", "/x"),
            ("url.query", "y=1"),
            ("server.address", "cafe.example.com"),
            ("client.address", "127.0.0.1"),
            ("network.protocol.version", "1.1"),
            ("http.response.status_code", "200"),
            ("gateway.route", "VirtualServer default/cafe"),
            ("gateway.rule", "spec.routes[0]"),
            ("gateway.service", "default/tea"),
        ] {
            assert_eq!(attribute(request, key), Some(want), "{key}: {request:#}");
        }
        let time = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u128>().unwrap();
        let (begin, end) = ("startTimeUnixNano", "endTimeUnixNano");
        assert!(
            time(request, begin) <= time(attempt, begin)
                && time(attempt, begin) < time(attempt, end)
        );
    }
    let failed = of_kind(3).find(|span| span["status"]["code"] == 2).unwrap();
    assert_eq!(attribute(failed, "error.type"), Some("connect"));
    let again = of_kind(3).filter(|span| attribute(span, "http.request.resend_count") == Some("1"));
    assert_eq!(again.count(), 1);
    let heard = collector.heard.lock().unwrap();
    let resource = &heard[0]["resourceSpans"][0]["resource"];
    assert_eq!(attribute(resource, "service.name"), Some("edge"));
}

#[test]
fn what_is_not_sampled_is_passed_on_and_not_told() {
    let backend = Backend::start("tea");
    let collector = Collector::start(&[]);
    let (server, mut client) = traced(&[backend.address], Some(&collector), 1.0);
    let [trace, span, flags] = told(&ask(&mut client, "00"));
    assert_eq!((&*trace, &*flags), (TRACE, "00"));
    assert_ne!(span, PARENT);
    // One that begins here is told at this ratio; what belonged to another is not passed on.
    let response = client.request("GET", "/", "traceparent: 00-x\r\ntracestate: a=1\r\n");
    let [begun, span, flags] = told(&response);
    assert_eq!((response.seen("tracestate"), &*flags), (None, "01"));
    server.shutdown();
    let spans = collector.spans();
    assert_eq!(spans.len(), 2, "{spans:#?}");
    assert!(spans.iter().all(|span| span["traceId"] == begun));
    assert_eq!(spans[0]["parentSpanId"], "");
    assert_eq!(
        (&spans[1]["spanId"], &spans[1]["parentSpanId"]),
        (&span.into(), &spans[0]["spanId"])
    );
}

#[test]
fn a_collector_that_has_no_time_is_asked_again_and_one_that_refuses_is_not() {
    let backend = Backend::start("tea");
    for (status, told, lost) in [(503, 2, 0), (400, 0, 2)] {
        let collector = Collector::start(&[status]);
        let (server, mut client) = traced(&[backend.address], Some(&collector), 1.0);
        assert_eq!(client.get("/").status, 200);
        let counted = |name: &str, count: u64| {
            let metrics = Client::connect(server.admin().unwrap()).get("/metrics").text();
            metrics.lines().any(|line| line == format!("{name} {count}"))
        };
        wait_until("they are counted", || {
            counted("gateway_trace_spans_total", told)
                && counted("gateway_trace_spans_lost_total", lost)
        });
        assert_eq!(collector.spans().len() as u64, told);
    }
}
