//! Each way to get HTTP/1.1 wrong, alone and beside a backend that does not.

use crate::client::Client;
use crate::fault::{Fault, Result};
use crate::peers;
use crate::shop::{Shop, ask, is_whole};
use std::collections::BTreeMap;
use std::time::Duration;

const SIZE: usize = 400;

/// Long enough that it is not over by chance, and soon over where it has to be.
const PATIENCE: &str = ", read-timeout: 700ms";

#[test]
fn each_fault_has_its_status_and_its_reason() {
    for fault in Fault::HTTP1 {
        println!("{fault:?}");
        // So many announcements take a while to read.
        let patience = if fault == Fault::Informational { "" } else { PATIENCE };
        let shop = Shop::http1(&[fault], patience);
        let mut counted = BTreeMap::<String, u64>::new();
        for id in 1..=3 {
            let mut client = Client::connect(shop.address);
            let response = ask(&mut client, "GET", id, SIZE);
            let line = shop.line(id);
            assert_eq!(line.status, response.status, "{fault:?}");
            let problem = &*line.problem;
            match fault.alone() {
                Result::Whole => {
                    assert!(is_whole(&response, id, SIZE), "{fault:?}: {response:?}");
                    assert_eq!(problem, "", "{fault:?}");
                }
                Result::Broken => {
                    assert_eq!((response.status, response.complete), (200, false), "{fault:?}");
                    assert!(client.is_closed(), "{fault:?}");
                    assert_eq!(problem, "broken_body", "{fault:?}");
                }
                Result::Failed(status, reasons) => {
                    assert_eq!(response.status, status, "{fault:?}");
                    assert!(response.complete && reasons.contains(&problem), "{fault:?} {problem}");
                }
            }
            if !problem.is_empty() {
                *counted.entry(line.problem).or_default() += 1;
            }
        }
        // Everything that a client saw is counted once, by the word that the log has for it.
        assert_eq!(shop.metrics().failures(), counted, "{fault:?}");
    }
}

#[test]
fn a_backend_has_no_more_time_because_the_client_took_its_time() {
    let shop = Shop::http1(&[Fault::Hang], PATIENCE);
    // A client of HTTP/2, of whom the proxy hears nothing more once all is sent.
    peers::block_on(async {
        let client = peers::Client::connect(shop.address).await;
        let head = peers::Client::request("POST", "/?id=1").header("content-length", "10");
        let (answer, mut upload) = client.send(head, true).await;
        upload.send_data("hello".into(), false).unwrap();
        // Longer than the backend may take: by now it is known whom the exchange waits for.
        tokio::time::sleep(Duration::from_secs(2)).await;
        upload.send_data("hello".into(), true).unwrap();
        // The client may take a minute.
        let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
        assert_eq!(answer.expect("in time").unwrap().status(), 504);
    });
}

#[test]
fn a_client_is_told_that_its_connection_ends_with_a_body_that_came_to_nothing() {
    let shop = Shop::http1(&[Fault::ResetOnAccept], ", client-max-body-size: '0'");
    for id in 1..=20 {
        let mut client = Client::connect(shop.address);
        let sent = "x".repeat(1 << 20);
        let head = format!("PUT /?id={id} HTTP/1.1\r\nHost: cafe.example.com\r\n");
        // The proxy may answer before all is sent.
        let _ = client.send(format!("{head}Content-Length: {}\r\n\r\n{sent}", sent.len()));
        let response = client.read("PUT").unwrap();
        assert_eq!(response.status, 502);
        if response.field("connection") != Some("close") {
            assert_eq!(ask(&mut client, "GET", 100 + id, SIZE).status, 502, "{response:?}");
        }
    }
}

#[test]
fn another_endpoint_answers_what_may_be_asked_twice() {
    // virtualserver §14
    for fault in Fault::HTTP1 {
        println!("{fault:?}");
        let upstream = format!("{PATIENCE}, next-upstream: error timeout invalid_header");
        let shop = Shop::http1(&[fault, Fault::None], &upstream);
        let mut client = Client::connect(shop.address);
        for (id, method) in
            ["GET", "PUT", "DELETE", "OPTIONS"].into_iter().cycle().take(8).enumerate()
        {
            let id = id as u64 + 1;
            let response = ask(&mut client, method, id, SIZE);
            let is_broken = response.status == 200 && !response.complete;
            if is_broken && fault.alone() == Result::Broken {
                // The head was passed on: it is too late for another try.
                assert_eq!(shop.ledger.of(id), [fault], "{fault:?}");
                client = Client::connect(shop.address);
                continue;
            }
            assert!(is_whole(&response, id, SIZE), "{fault:?} {method}: {response:?}");
        }
    }
}

#[test]
fn nothing_that_may_have_been_done_is_asked_twice() {
    // virtualserver §14: `non_idempotent`
    for fault in Fault::HTTP1 {
        println!("{fault:?}");
        let upstream = format!("{PATIENCE}, next-upstream: error timeout invalid_header");
        let shop = Shop::http1(&[fault, fault, Fault::None], &upstream);
        let mut client = Client::connect(shop.address);
        for id in 1..=8 {
            let response = ask(&mut client, "POST", id, SIZE);
            let whole = is_whole(&response, id, SIZE);
            let seen = shop.ledger.done(id);
            assert!(seen <= 1, "{fault:?}: {:?}", shop.ledger.of(id));
            assert!(!whole || seen == 1, "{fault:?}");
            if !whole {
                // What a backend in order was sent always succeeds.
                assert_ne!(shop.ledger.of(id), [Fault::None], "{fault:?}: {response:?}");
            }
            if !response.complete {
                client = Client::connect(shop.address);
            }
        }
    }
}
