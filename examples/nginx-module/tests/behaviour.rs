//! What the module does besides deciding.

use crate::backend::Backend;
use crate::module::{self, module};
use crate::nginx::{Folder, Nginx, addresses};
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use testkit::socket::{Response, exchange};
use testkit::suite::ANSWERED;

/// A VirtualServer of `cafe.example.com` with the upstreams `tea` and `coffee`, and these routes.
fn cafe(routes: &str) -> String {
    format!(
        "apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {{name: cafe}}\nspec:\n  \
         host: cafe.example.com\n  upstreams:\n  - {{name: tea, service: tea, port: 80}}\n  \
         - {{name: coffee, service: coffee, port: 80}}\n  routes:\n{routes}"
    )
}

/// A request on a connection of its own.
fn get(address: SocketAddr, host: &str, target: &str) -> io::Result<Response> {
    testkit::socket::get(address, host, target, "Connection: close\r\n")
}

/// Names of backends as upstreams, and their addresses.
type Upstreams<'a> = &'a [(&'a str, SocketAddr)];

/// A server that asks the module, with more directives for its location.
fn server(address: SocketAddr, upstreams: Upstreams<'_>, more: &str) -> String {
    let upstreams: String = upstreams
        .iter()
        .map(|(name, address)| format!("upstream {name} {{ server {address}; }}\n"))
        .collect();
    format!(
        "gateway_config documents.yaml;\n{upstreams}server {{\nlisten {address};\nlocation / {{\n\
         gateway on;\nproxy_set_header Host $gw_host;\nproxy_http_version 1.1;\n\
         proxy_set_header Connection \"\";\nproxy_pass http://$gw_backend$gw_target;\n{more}\n\
         }}\n}}\n"
    )
}

/// nginx with these documents, and its address.
fn start(documents: &str, upstreams: Upstreams<'_>, more: &str) -> (Nginx, SocketAddr) {
    let address = addresses(1)[0];
    let folder = Folder::new();
    folder.write("documents.yaml", documents);
    folder.configure(1, &server(address, upstreams, more));
    (folder.start(address), address)
}

fn test(documents: &str, http: &str) -> (bool, String) {
    let folder = Folder::new();
    folder.write("documents.yaml", documents);
    folder.configure(1, http);
    let output = folder.test();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// The configuration of the README is that of the folder, and works.
#[test]
fn the_demo_works_as_the_readme_shows_it() {
    let read = |name: &str| std::fs::read_to_string(module::folder().join(name)).unwrap();
    let (readme, mut conf) = (read("README.md"), read("demo/nginx.conf"));
    let routes = read("demo/routes.yaml");
    assert!(readme.contains(&format!("```nginx\n{conf}```")), "its nginx.conf is another");
    assert!(readme.contains(&format!("```yaml\n{routes}```")), "its routes.yaml is another");
    let Some(built) = module() else { return };
    let free = addresses(3);
    for (port, address) in ["8880", "8881", "8882"].iter().zip(&free) {
        conf = conf.replace(&format!("127.0.0.1:{port}"), &address.to_string());
    }
    let folder = Folder::new();
    let conf = conf
        .replace("../build/ngx_http_gateway_module.so", &built.display().to_string())
        .replace("daemon off;", "")
        .replace("stderr notice", "error.log notice")
        .replace("/dev/stdout", "access.log")
        .replace("../build/", "");
    folder.write("nginx.conf", &conf);
    folder.write("routes.yaml", &routes);
    let nginx = folder.start(free[0]);
    let ask = |target: &str| get(free[0], "shop.example.com", target).unwrap();
    assert!(ask("/").text().ends_with(": shop.example.com/, X-Shop: main\n"));
    assert_eq!(ask("/").field("x-frame-options"), Some("DENY"));
    assert_eq!(ask("/beta/x?y=1").text(), "version 2: v2.shop.internal/x?y=1, X-Shop: \n");
    assert_eq!(ask("/old").status, 301);
    assert_eq!(get(free[0], "other.example.com", "/").unwrap().status, 404);
    drop(nginx);
}

#[test]
fn bad_documents_are_told_by_nginx_t() {
    if module().is_none() {
        return;
    }
    let documents =
        cafe("  - {path: /a, action: {pass: tee}}\n  - {path: b, action: {pass: tea}}\n");
    let (passed, told) = test(&documents, "gateway_config documents.yaml;\n");
    assert!(!passed, "{told}");
    // All at once, each with its place.
    for line in ["documents.yaml:10:", "documents.yaml:11:"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(told.contains("error[") && told.contains("did you mean"), "{told}");
    let lenient = "gateway_option lenient;\ngateway_config documents.yaml;\n";
    assert!(test(&documents, lenient).0);
}

#[test]
fn sessions_that_are_not_kept_are_told_by_nginx_t() {
    if module().is_none() {
        return;
    }
    let plain = cafe("  - {path: /a, action: {pass: tea}}\n");
    let cookie = ", port: 80, sessionCookie: {enable: true, name: srv}}";
    for (documents, is_told) in [(plain.replacen(", port: 80}", cookie, 1), true), (plain, false)] {
        let (passed, told) = test(&documents, "gateway_config documents.yaml;\n");
        let line = ": gateway: sessions of the documents are not kept\n";
        assert!(passed && told.contains(line) == is_told, "{told}");
    }
}

#[test]
fn bad_directives_are_told_by_nginx_t() {
    if module().is_none() {
        return;
    }
    let good = cafe("  - {path: /a, action: {pass: tea}}\n");
    for (http, want) in [
        ("gateway on;", "without \"gateway_config\""),
        ("gateway_config none.yaml;", "none.yaml\" failed (2: No such file or directory)"),
        ("gateway_config documents.yaml; gateway_option tea;", "unknown option \"tea\""),
        ("gateway_config documents.yaml; gateway_option strict on;", "wrong number of values"),
        ("gateway_config documents.yaml; gateway_option http_port x;", "has an invalid port"),
        ("gateway_config documents.yaml; gateway_address tea;", "has an invalid address"),
        ("gateway_config documents.yaml; gateway_http2 tea;", "has to name a location: @name"),
        ("gateway_config documents.yaml; gateway_port 0;", "value must be between 1 and 65535"),
        (
            "gateway_config documents.yaml; upstream a { server 127.0.0.1; gateway_upstream; }",
            "stands alone in its upstream",
        ),
        (
            "gateway_config documents.yaml; upstream a { gateway_upstream; server 127.0.0.1; }",
            "stands alone in its upstream",
        ),
    ] {
        let (passed, told) = test(&good, http);
        assert!(!passed && told.contains(want), "{http}: {told}");
    }
    // Files by pattern; upstreams that there are not.
    let (passed, told) = test(&good, "gateway_config *.yaml;");
    assert!(passed && told.contains("no upstream \"default.tea.80\""), "{told}");
}

#[test]
fn what_no_route_takes_is_404_and_what_nginx_does_not_enforce_is_500() {
    if module().is_none() {
        return;
    }
    let documents = cafe(
        "  - {path: /tea, action: {pass: tea}}\n  - path: /guarded\n    \
         policies: [{name: limit}]\n    action: {pass: tea}\n",
    ) + "---\napiVersion: k8s.nginx.org/v1\nkind: Policy\nmetadata: {name: limit}\nspec:\n  \
           rateLimit: {rate: 10r/s, key: '${binary_remote_addr}', zoneSize: 10M}\n";
    let tea = Backend::start("tea");
    let more = "add_header x-kind $gw_kind always;";
    let (nginx, address) = start(&documents, &[("default.tea.80", tea.address)], more);
    for (host, target, status, kind) in [
        ("cafe.example.com", "/tea", 200, "forward"),
        ("cafe.example.com", "/milk", 404, "no-route"),
        ("bar.example.com", "/tea", 404, "no-route"),
        ("cafe.example.com", "/guarded", 500, "refuse"),
    ] {
        let response = get(address, host, target).unwrap();
        assert_eq!((response.status, response.field("x-kind")), (status, Some(kind)), "{target}");
        assert_eq!(response.field("x-backend").is_some(), status == 200);
    }
    let log = nginx.log();
    assert!(log.contains("VirtualServer default/cafe asks for what nginx does not do"), "{log}");
    // It is told when nginx starts, too.
    assert!(nginx.log().contains("warning["), "{log}");
}

#[test]
fn reloading_under_load_loses_nothing() {
    if module().is_none() {
        return;
    }
    let version =
        |upstream: &str| cafe(&format!("  - {{path: /, action: {{pass: {upstream}}}}}\n"));
    let (tea, coffee) = (Backend::start("tea"), Backend::start("coffee"));
    let address = addresses(1)[0];
    let folder = Folder::new();
    let upstreams = [("default.tea.80", tea.address), ("default.coffee.80", coffee.address)];
    folder.write("documents.yaml", &version("tea"));
    folder.configure(2, &server(address, &upstreams, ""));
    let mut nginx = folder.start(address);
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let seen = thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = BTreeSet::new();
                    while !stop.load(Ordering::SeqCst) {
                        let response = get(address, "cafe.example.com", "/").unwrap();
                        assert_eq!(response.status, 200);
                        seen.insert(response.field("x-backend").unwrap().to_owned());
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                    seen
                })
            })
            .collect();
        let mut reload = || {
            for name in ["coffee", "tea", "coffee"] {
                nginx.folder.write("documents.yaml", &version(name));
                nginx.signal("HUP");
                nginx.wait("the new rules are in force", || {
                    let response = get(address, "cafe.example.com", "/");
                    response.is_ok_and(|response| response.field("x-backend") == Some(name))
                });
            }
            // A bad file changes nothing.
            nginx.folder.write("documents.yaml", &version("milk"));
            nginx.signal("HUP");
            let folder = nginx.folder.0.clone();
            nginx.wait("the bad file is told", || {
                let log = std::fs::read_to_string(folder.join("error.log"));
                log.is_ok_and(|log| log.contains("documents.yaml:10:") && log.contains("error["))
            });
            let so_far = done.load(Ordering::SeqCst);
            nginx.wait("requests go on", || done.load(Ordering::SeqCst) > so_far + 50);
        };
        let reloaded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut reload));
        stop.store(true, Ordering::SeqCst);
        let seen: BTreeSet<_> =
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        reloaded.unwrap();
        seen
    });
    assert_eq!(seen, BTreeSet::from(["coffee".to_owned(), "tea".to_owned()]));
    let response = get(address, "cafe.example.com", "/").unwrap();
    assert_eq!(response.field("x-backend"), Some("coffee"));
}

#[test]
fn watched_files_are_taken_without_a_reload() {
    if module().is_none() {
        return;
    }
    let say = |text: &str| {
        cafe(&format!("  - {{path: /, action: {{return: {{code: 200, body: '{text}'}}}}}}\n"))
    };
    let address = addresses(1)[0];
    let folder = Folder::new();
    folder.write("documents.yaml", &say("one"));
    folder.configure(2, &(server(address, &[], "") + "gateway_watch 20ms;\n"));
    let mut nginx = folder.start(address);
    // Either worker may answer: both have to have it.
    let all_say = |text: &str| {
        let answers = (0..40).map(|_| get(address, "cafe.example.com", "/").unwrap().text());
        answers.into_iter().all(|answer| answer == text)
    };
    assert!(all_say("one"));
    nginx.folder.write("documents.yaml", &say("two"));
    nginx.wait("both workers say two", || all_say("two"));
    nginx.folder.write("documents.yaml", &cafe("  - {path: /, action: {pass: milk}}\n"));
    let log = nginx.folder.0.join("error.log");
    let told = || std::fs::read_to_string(&log).unwrap().matches("stay as they were").count();
    nginx.wait("both workers tell of the bad file", || told() == 2);
    assert!(all_say("two") && nginx.log().contains("documents.yaml:10:"));
    nginx.folder.write("documents.yaml", &say("three"));
    nginx.wait("both workers say three", || all_say("three"));
    // Once for each worker.
    assert_eq!(told(), 2);
}

#[test]
fn error_pages_take_the_place_of_answers() {
    if module().is_none() {
        return;
    }
    let documents = cafe(
        "  - path: /tea\n    errorPages:\n    \
         - {codes: [404, 502], return: {code: 200, type: text/plain, body: 'sorry: ${upstream_status}'}}\n    \
         - {codes: [500], redirect: {code: 302, url: 'https://example.com/'}}\n    action: {pass: tea}\n  \
         - {path: /coffee, action: {pass: coffee}}\n",
    );
    let tea = Backend::start("tea");
    // Nobody listens there.
    let nowhere = addresses(1)[0];
    let upstreams = [("default.tea.80", tea.address), ("default.coffee.80", nowhere)];
    let (_nginx, address) = start(&documents, &upstreams, "add_header x-kind $gw_kind always;");
    let ask = |target| get(address, "cafe.example.com", target).unwrap();
    tea.answer_with(404);
    let page = ask("/tea");
    assert_eq!((page.status, &*page.text()), (200, "sorry: 404"), "{page:?}");
    assert_eq!(page.field("content-type"), Some("text/plain"));
    // Nothing of the backend's header is left.
    assert!(page.field("x-backend").is_none() && page.field("etag").is_none(), "{page:?}");
    tea.answer_with(500);
    let page = ask("/tea");
    assert_eq!((page.status, page.field("location")), (302, Some("https://example.com/")));
    assert!(!page.text().contains("tea"), "{page:?}");
    // One without a page keeps that of nginx.
    let failed = ask("/coffee");
    assert_eq!((failed.status, failed.field("x-kind")), (502, Some("forward")));
    assert!(failed.text().contains("502 Bad Gateway"), "{failed:?}");
    drop(tea);
}

#[test]
fn a_backend_that_is_not_there_has_an_error_page_too() {
    if module().is_none() {
        return;
    }
    let documents = cafe(
        "  - path: /\n    errorPages:\n    \
         - {codes: [502], return: {code: 503, type: text/plain, body: 'sorry'}}\n    action: {pass: tea}\n",
    );
    let (_nginx, address) = start(&documents, &[("default.tea.80", addresses(1)[0])], "");
    let page = get(address, "cafe.example.com", "/").unwrap();
    assert_eq!((page.status, &*page.text()), (503, "sorry"), "{page:?}");
}

#[test]
fn bodies_go_where_requests_go() {
    if module().is_none() {
        return;
    }
    let documents = cafe(
        "  - {path: /tea, action: {pass: tea}}\n  \
         - {path: /old, action: {redirect: {url: 'https://example.com/', code: 301}}}\n",
    )
    .replace("service: tea, port: 80", "service: tea, port: 80, client-max-body-size: 1k");
    let tea = Backend::start("tea");
    let (_nginx, address) = start(&documents, &[("default.tea.80", tea.address)], "");
    let post = |target: &str, length: usize| {
        let head = format!("POST {target} HTTP/1.1\r\nHost: cafe.example.com\r\n");
        let request = format!("{head}Content-Length: {length}\r\n\r\n{}", "x".repeat(length));
        exchange(address, "POST", request.as_bytes()).unwrap()
    };
    assert!(post("/tea", 1000).text().ends_with("body: 1000\r\n"));
    assert_eq!(post("/tea", 2000).status, 413);
    assert_eq!(post("/old", 1000).field("location"), Some("https://example.com/"));
}

#[test]
fn a_request_is_decided_once() {
    if module().is_none() {
        return;
    }
    let documents = cafe(
        "  - {path: /, splits: [{weight: 50, action: {pass: tea}}, \
                          {weight: 50, action: {pass: coffee}}]}\n",
    );
    let coffee = Backend::start("coffee");
    // Of the other backend nginx redirects to a location that tells what was decided.
    let upstreams = [("default.tea.80", addresses(1)[0]), ("default.coffee.80", coffee.address)];
    let address = addresses(1)[0];
    let folder = Folder::new();
    folder.write("documents.yaml", &documents);
    let http = server(address, &upstreams, "error_page 502 = /fallback;").replace(
        "location / {",
        "location /fallback { gateway on; return 200 \"$gw_backend $gw_kind\"; }\nlocation / {",
    );
    folder.configure(1, &http);
    let _nginx = folder.start(address);
    let mut told = BTreeSet::new();
    for _ in 0..60 {
        let response = get(address, "cafe.example.com", "/").unwrap();
        match response.field("x-backend") {
            Some(name) => told.insert(name.to_owned()),
            None => told.insert(response.text()),
        };
    }
    // Both are drawn, and what is drawn stays.
    let expected = ["coffee".to_owned(), "default.tea.80 forward".to_owned()];
    assert_eq!(told, BTreeSet::from(expected));
}

#[test]
fn an_upstream_stands_for_those_that_the_rules_choose() {
    if module().is_none() {
        return;
    }
    let documents = cafe(
        "  - {path: /tea, action: {pass: tea}}\n  \
         - {path: /milk, action: {pass: milk}}\n  \
         - {path: /hot, action: {proxy: {upstream: coffee, rewritePath: /cup}}}\n",
    )
    .replace("  routes:", "  - {name: milk, service: milk, port: 80}\n  routes:");
    let (tea, coffee) = (Backend::start("tea"), Backend::start("coffee"));
    let address = addresses(1)[0];
    let upstreams = [("default.tea.80", tea.address), ("default.coffee.80", coffee.address)];
    let folder = Folder::new();
    folder.write("documents.yaml", &documents);
    let http = "upstream rules { gateway_upstream; }\n".to_owned()
        + &server(address, &upstreams, "gateway_request_uri on;")
            .replace("http://$gw_backend$gw_target", "http://rules")
            .replace(
                "location / {",
                "location /off { proxy_pass http://rules; }\nlocation / {\ngateway_port 80;",
            );
    folder.configure(1, &http);
    let nginx = folder.start(address);
    let ask = |target: &str| get(address, "cafe.example.com", target).unwrap();
    for (target, backend, sent) in [
        ("/tea/a%62?x=1", "tea", "GET /tea/a%62?x=1 "),
        ("/tea?x=%62", "tea", "GET /tea?x=%62 "),
        ("/hot/a?x=1", "coffee", "GET /cup/a?x=1 "),
    ] {
        let response = ask(target);
        assert_eq!((response.status, response.field("x-backend")), (200, Some(backend)));
        assert!(response.text().starts_with(sent), "{target}: {}", response.text());
    }
    // Neither is there anything to choose.
    assert_eq!(ask("/milk").status, 500);
    assert_eq!(ask("/off").status, 500);
    let log = nginx.log();
    assert!(log.contains("no upstream for backend \"default/milk:80\""), "{log}");
    assert!(log.contains("nothing was decided that upstream \"rules\" could stand for"), "{log}");
}

#[test]
fn what_nginx_is_told_to_pass_on_is_dropped_all_the_same() {
    if module().is_none() {
        return;
    }
    // virtualserver §12.2, §12.3
    let documents = cafe("  - {path: /, action: {pass: tea}}\n");
    let tea = Backend::start("tea");
    let upstreams = [("default.tea.80", tea.address)];
    for told in [false, true] {
        let address = addresses(1)[0];
        let folder = Folder::new();
        folder.write("documents.yaml", &documents);
        let (names, fields) = match told {
            true => ("underscores_in_headers on;\n", "proxy_pass_header Server;"),
            false => ("", ""),
        };
        folder.configure(1, &(names.to_owned() + &server(address, &upstreams, fields)));
        let _nginx = folder.start(address);
        let more = "x_user: ann\r\nx-user: bob\r\nConnection: close\r\n";
        let response = testkit::socket::get(address, "cafe.example.com", "/", more).unwrap();
        let echo = response.text();
        assert!(echo.contains("x-user: bob") && !echo.contains("x_user"), "{told}: {echo}");
        let (_, server) = ANSWERED.iter().find(|(name, _)| *name == "server").unwrap();
        assert_ne!(response.field("server"), Some(*server), "{told}");
    }
}
