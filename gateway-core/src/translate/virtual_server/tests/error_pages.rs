//! Error pages (virtualserver §5.6, §13).

use super::*;
use crate::rules::{ErrorPage, Page};

/// The error pages of the first route, in few words.
fn pages(routes: &[Route]) -> Vec<String> {
    let pages = routes[0].error_pages.iter().flat_map(|pages| pages.iter());
    pages.map(tell_page).collect()
}

fn tell_page(page: &ErrorPage) -> String {
    let statuses: Vec<_> = page.statuses.iter().map(|status| status.as_str()).collect();
    let what = match &page.page {
        Page::Redirect { status, url } => format!("{} {}", status.as_u16(), text(url)),
        Page::Respond { status, content_type, body, headers } => {
            let status = status.map_or_else(|| "same".to_owned(), |s| s.as_str().to_owned());
            let headers: Vec<_> =
                headers.iter().map(|h| format!(" {}={}", h.name, text(&h.value))).collect();
            format!("{status} {content_type} {}{}", text(body), headers.concat())
        }
    };
    format!("{}: {what} ({})", statuses.join(" "), page.origin.field)
}

#[test]
fn pages_take_the_place_of_answers() {
    // virtualserver §5.6, §17.3, §17.4
    let yaml = one_route(
        "/",
        "action: {pass: tea}\n\
         errorPages:\n\
         - codes: [300, 499, 599]\n\
         \x20 redirect: {url: '${scheme}://a.example/${http_x_forwarded_proto}'}\n\
         - codes: [404]\n\
         \x20 redirect: {url: 'https://a.example', code: 307}\n\
         - codes: [502, 503]\n\
         \x20 return:\n\
         \x20   code: 200\n\
         \x20   type: application/json\n\
         \x20   body: '{\\\"was\\\": ${upstream_status}}\\n'\n\
         \x20   headers: [{name: x-was, value: 'a ${upstream_status}'}, {name: x-none}]\n\
         - {codes: [500], return: {body: sorry}}",
    );
    assert_eq!(
        pages(&routes(&yaml)),
        [
            "300 499 599: 301 <scheme>://a.example/<header `x-forwarded-proto`> \
             (spec.routes[0].errorPages[0])",
            "404: 307 https://a.example (spec.routes[0].errorPages[1])",
            "502 503: 200 application/json {\"was\": <attribute `upstream_status`>}\n \
             x-was=a <attribute `upstream_status`> x-none= (spec.routes[0].errorPages[2])",
            "500: same text/html sorry (spec.routes[0].errorPages[3])",
        ]
    );
}

#[test]
fn pages_belong_to_all_branches_of_a_route() {
    // virtualserver §13
    let yaml = one_route(
        "/",
        "errorPages: [{codes: [502], return: {body: sorry}}]\n\
         matches:\n\
         - {conditions: [{header: a}], action: {pass: tea}}\n\
         splits:\n\
         - {weight: 50, action: {pass: tea}}\n\
         - {weight: 50, action: {return: {body: hi}}}",
    );
    let routes = routes(&yaml);
    assert_eq!(routes.len(), 2);
    for route in &routes {
        assert_eq!(route.error_pages, routes[0].error_pages);
        assert!(route.error_pages.is_some());
    }
    assert_eq!(
        pages(&self::routes(&one_route("/", "errorPages: []\naction: {pass: tea}"))),
        [""; 0]
    );
}

#[test]
fn the_first_page_of_a_status_counts() {
    // virtualserver §5.6
    let yaml = one_route(
        "/",
        "action: {pass: tea}\n\
         errorPages:\n\
         - {codes: [502, 404, 502], return: {body: a}}\n\
         - {codes: [404], return: {body: b}}\n\
         - {codes: [503, 404], return: {body: c}}",
    );
    let translation = translation(&yaml, &Options::default());
    let same = |field: &str, code: u16, at: usize| {
        let first = format!("spec.routes[0].errorPages[0].codes[{at}]");
        format!(
            "warning[duplicate-value]: spec.routes[0].errorPages{field}: `{code}` has no effect: \
             `{first}` is the same"
        )
    };
    assert_eq!(
        told(&translation.diagnostics),
        [same("[0].codes[2]", 502, 0), same("[1].codes[0]", 404, 1), same("[2].codes[1]", 404, 1)]
    );
    assert_eq!(
        pages(&translation.rules.listeners[0].hosts.sorted()[0].routes),
        [
            "502 404: same text/html a (spec.routes[0].errorPages[0])",
            "503: same text/html c (spec.routes[0].errorPages[2])",
        ]
    );
}

#[test]
fn pages_of_routes_that_send_nothing_have_no_effect() {
    // virtualserver §13
    for (action, told_of) in [
        ("return: {body: hi}", true),
        ("redirect: {url: 'https://a.example'}", true),
        ("pass: tea", false),
        ("proxy: {upstream: tea}", false),
    ] {
        let pages = "errorPages: [{codes: [500], return: {body: sorry}}]";
        let yaml = one_route("/", &format!("action: {{{action}}}\n{pages}"));
        let want = "warning[no-effect]: spec.routes[0].errorPages: `errorPages` has no effect: \
                    nothing here is sent to an upstream";
        let got = told(&translation(&yaml, &Options::default()).diagnostics);
        assert_eq!(got, if told_of { vec![want] } else { vec![] }, "{action}");
    }
}

#[test]
fn refusals() {
    // virtualserver §5.6; the cases are the error pages of a route
    for (pages, want) in [
        (
            "x",
            &[
                "error[wrong-type]: {}: expected a list, found the text `x`; put each item on a line of its own, behind `- `",
            ][..],
        ),
        (
            "[{}]",
            &[
                "error[missing-field]: {}[0].codes: required field `codes` is missing",
                "error[missing-field]: {}[0]: expected exactly one of `redirect` or `return`, \
                 found none of them",
            ],
        ),
        (
            "[{codes: [], redirect: {url: 'a://b'}, return: {body: x}}, \
             {codes: 404, return: {body: x}}]",
            &[
                "error[missing-field]: {}[0].codes: `codes` must not be empty",
                "error[conflicting-fields]: {}[0]: expected exactly one of `redirect` or \
                 `return`, found `redirect` and `return`",
                "error[wrong-type]: {}[1].codes: expected a list, found the number `404`; put each item on a line of its own, behind `- `",
            ],
        ),
        (
            "[{codes: [299, 300, 599, 600, '404'], return: {body: x}}]",
            &[
                "error[out-of-range]: {}[0].codes[0]: `299` is not between 300 and 599",
                "error[out-of-range]: {}[0].codes[3]: `600` is not between 300 and 599",
                "error[wrong-type]: {}[0].codes[4]: expected a whole number, found the text `404`; did you mean `404`, without quotes?",
            ],
        ),
        (
            "[{codes: [404], redirect: {}}, {codes: [405], return: {}}]",
            &[
                "error[missing-field]: {}[0].redirect.url: required field `url` is missing",
                "error[missing-field]: {}[1].return.body: required field `body` is missing",
            ],
        ),
        (
            "[{codes: [404], redirect: {url: '/a', code: 303}}, \
             {codes: [405], redirect: {url: 'https://${host}'}}]",
            &[
                "error[invalid-value]: {}[0].redirect.url: `/a` is not an absolute URL; begin \
                 with `https://` or `${scheme}://`",
                "error[unsupported-value]: {}[0].redirect.code: `303` is not a status to \
                 redirect with; use 301, 302, 307 or 308",
                "error[unsupported-value]: {}[1].redirect.url: unknown variable `host`; known \
                 are `scheme`, `http_x_forwarded_proto`",
            ],
        ),
        (
            "[{codes: [404], return: {code: 302, type: 'a;b', body: '${request_uri}'}}]",
            &[
                "error[invalid-value]: {}[0].return.code: `302` is not a status to return; use \
                 200 to 299 or 400 to 599",
                "error[invalid-value]: {}[0].return.type: `a;b` is not a media type: it holds `;`",
                "error[unsupported-value]: {}[0].return.body: unknown variable `request_uri`; \
                 known are `upstream_status`",
            ],
        ),
        (
            "[{codes: [404], return: {body: 'a\"', headers: [{name: a_b, value: '$x'}, {}]}}]",
            &[
                "error[missing-field]: {}[0].return.headers[1].name: required field `name` is \
                 missing",
                "error[invalid-value]: {}[0].return.body: `a\"` holds a `\"` that is not escaped; \
                 write `\\\"`, but not between double quotes, where YAML takes the `\\` away",
                "error[invalid-value]: {}[0].return.headers[0].name: `a_b` is not a header name: \
                 it may hold only letters, digits and `-`",
                "error[invalid-value]: {}[0].return.headers[0].value: `$x` holds a `$` without a \
                 name in braces; write variables as in `${x}`",
            ],
        ),
    ] {
        let yaml = one_route("/", &format!("action: {{pass: tea}}\nerrorPages: {pages}"));
        let translation = translation(&yaml, &Options::default());
        let want: Vec<_> =
            want.iter().map(|text| text.replace("{}", "spec.routes[0].errorPages")).collect();
        assert_eq!(told(&translation.diagnostics), want, "{pages}");
        assert_eq!(translation.rules.route_count(), 0, "{pages}");
    }
}

#[test]
fn grpc_answers_some_statuses_itself() {
    // virtualserver §13
    let codes = "[400, 401, 402, 403, 404, 405, 408, 413, 414, 415, 426, 429, 495, 496, 497, 498, \
                 500, 501, 502, 503, 504, 505]";
    let of = |kind: &str| {
        translation(
            &server(&format!(
                "host: a.example\n\
                 upstreams:\n\
                 - {{name: tea, service: tea, port: 80}}\n\
                 - {{name: rpc, service: rpc, port: 80, type: {kind}}}\n\
                 routes:\n\
                 - path: /\n\
                 \x20 errorPages: [{{codes: {codes}, return: {{body: sorry}}}}]\n\
                 \x20 splits: [{{weight: 50, action: {{pass: tea}}}}, \
                 {{weight: 50, action: {{pass: rpc}}}}]"
            )),
            &Options::default(),
        )
    };
    assert_eq!(told(&of("http").diagnostics), Vec::<String>::new());
    let told = told(&of("grpc").diagnostics);
    assert_eq!(
        told[0],
        "warning[no-effect]: spec.routes[0].errorPages[0].codes[0]: `400` has no effect on the \
         gRPC upstream `rpc`: it is answered with a `grpc-status`"
    );
    let ignored = told.iter().filter_map(|told| told.split('`').nth(1));
    assert_eq!(
        ignored.collect::<Vec<_>>().join(" "),
        "400 401 403 404 405 408 413 414 415 426 429 495 496 497 500 501 502 503 504"
    );
}
