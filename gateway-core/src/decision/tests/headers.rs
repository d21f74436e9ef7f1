//! What rules change in headers.

use super::*;
use crate::EditHeaders;
use std::borrow::Cow;

#[test]
fn request_headers_are_removed_set_and_added() {
    // gateway-api §13.1, virtualserver §12.2
    let client = [("x-a", "1"), ("x-a", "2"), ("x-b", "3"), ("content-length", "5")];
    let name = HeaderName::from_static;
    for (ops, want) in [
        (HeaderOps::default(), &["content-length: 5", "x-a: 1", "x-a: 2", "x-b: 3"][..]),
        (
            HeaderOps { remove: vec![name("x-a"), name("x-none")], ..Default::default() },
            &["content-length: 5", "x-b: 3"],
        ),
        (
            HeaderOps { set: vec![edit("x-a", Template::text("new"))], ..Default::default() },
            &["content-length: 5", "x-a: new", "x-b: 3"],
        ),
        (
            HeaderOps { add: vec![edit("x-b", Template::text("4"))], ..Default::default() },
            &["content-length: 5", "x-a: 1", "x-a: 2", "x-b: 3", "x-b: 4"],
        ),
        // an empty value removes, or adds nothing
        (
            HeaderOps {
                set: vec![edit("x-a", header("x-none"))],
                add: vec![edit("x-c", header("x-none"))],
                ..Default::default()
            },
            &["content-length: 5", "x-b: 3"],
        ),
        // values are those that the client sent
        (
            HeaderOps {
                remove: vec![name("x-b")],
                set: vec![edit("x-a", header("x-b")), edit("x-c", header("x-a"))],
                ..Default::default()
            },
            &["content-length: 5", "x-a: 3", "x-c: 1, 2"],
        ),
        // nothing of the client's but what frames its message
        (
            HeaderOps {
                drop_all: true,
                set: vec![edit("x-d", header("x-b"))],
                ..Default::default()
            },
            &["content-length: 5", "x-d: 3"],
        ),
    ] {
        let fixture =
            Fixture::forward(prefix("/"), Forward { request_headers: ops.clone(), ..forward() });
        let request = RequestHead::get("h", "/").headers(&client);
        let mut headers = header_map(&client);
        fixture.decision().edit_request(&request, &mut headers);
        assert_eq!(lines(&headers), want, "{ops:?}");
    }
}

#[test]
fn unusual_names_are_dropped_where_backends_take_them_for_others() {
    // virtualserver §12.2
    let client = [("x_real_ip", "1"), ("x-a1", "2"), ("x.real.ip", "3"), ("x_real_ip", "4")];
    let request = RequestHead::get("h", "/").headers(&client);
    let usual = &["x-a1: 2"][..];
    for (drop_unusual, want) in
        [(true, usual), (false, &["x-a1: 2", "x.real.ip: 3", "x_real_ip: 1", "x_real_ip: 4"])]
    {
        let request_headers = HeaderOps { drop_unusual, ..HeaderOps::default() };
        let fixture = Fixture::forward(prefix("/"), Forward { request_headers, ..forward() });
        let mut headers = header_map(&client);
        fixture.decision().edit_request(&request, &mut headers);
        assert_eq!(lines(&headers), want);
    }
}

#[test]
fn response_headers_are_added_by_status() {
    // virtualserver §12.3
    let add = |name, always| ResponseHeaderAdd { edit: edit(name, Template::text("1")), always };
    let empty = ResponseHeaderAdd { edit: edit("x-empty", header("x-none")), always: true };
    let ops = ResponseHeaderOps {
        of_backends: false,
        hidden: [HeaderName::from_static("x-hidden")].into(),
        remove: vec![HeaderName::from_static("x-old")],
        set: vec![edit("x-set", Template::text("2"))],
        add: vec![add("x-some", false), add("x-always", true), empty],
    };
    let fixture = Fixture::forward(prefix("/"), Forward { response_headers: ops, ..forward() });
    let usual = [200, 201, 204, 206, 301, 302, 303, 304, 307, 308];
    for status in (200..=599).filter_map(|code| StatusCode::from_u16(code).ok()) {
        let mut headers =
            header_map(&[("x-old", "0"), ("x-set", "0"), ("x-some", "0"), ("x-hidden", "0")]);
        fixture.decision().edit_response(status, &RequestHead::get("h", "/"), &mut headers);
        let want = if usual.contains(&status.as_u16()) {
            &["x-always: 1", "x-set: 2", "x-some: 0", "x-some: 1"][..]
        } else {
            &["x-always: 1", "x-set: 2", "x-some: 0"]
        };
        assert_eq!(lines(&headers), want, "{status}");
    }
}

/// Values, and whether each is the rule's own.
#[derive(Default)]
struct Values(Vec<(String, bool)>);

impl<'r> EditHeaders<'r> for Values {
    fn drop_all(&mut self) {}

    fn drop_unusual(&mut self) {}

    fn remove(&mut self, _: &'r HeaderName) {}

    fn set(&mut self, _: &'r HeaderName, value: Cow<'r, HeaderValue>) {
        let is_own = matches!(value, Cow::Borrowed(_));
        self.0.push((value.to_str().unwrap().to_owned(), is_own));
    }

    fn append(&mut self, name: &'r HeaderName, value: Cow<'r, HeaderValue>) {
        self.set(name, value);
    }
}

#[test]
fn values_that_are_the_same_for_all_requests_are_made_once() {
    let text = |text: &str| TemplatePart::Text(text.into());
    let own = || edit("x-own", Template::new([text("a\r\nb"), text("c")]));
    let long = || edit("x-long", Template::text(&"a".repeat(2000)));
    let field = || edit("x-field", header("x-user"));
    let add = |edit| ResponseHeaderAdd { edit, always: true };
    for (edits, want) in [
        (vec![own()], vec![("abc", true)]),
        (vec![own(), field()], vec![("abc", true), ("ann", false)]),
        (vec![edit("x-none", Template::default())], vec![]),
        (vec![long()], vec![(&*"a".repeat(2000), false)]),
    ] {
        let fixture = Fixture::forward(
            prefix("/"),
            Forward {
                request_headers: HeaderOps { add: edits.clone(), ..Default::default() },
                response_headers: ResponseHeaderOps {
                    add: edits.into_iter().map(add).collect(),
                    ..Default::default()
                },
                ..forward()
            },
        );
        let headers = [("x-user", "ann")];
        let request = RequestHead::get("h", "/").headers(&headers);
        let decision = fixture.decision();
        let want: Vec<_> = want.iter().map(|(value, own)| ((*value).to_owned(), *own)).collect();
        let (mut sent, mut answered) = (Values::default(), Values::default());
        decision.edit_request(&request, &mut sent);
        decision.edit_response(StatusCode::OK, &request, &mut answered);
        assert_eq!((sent.0, answered.0), (want.clone(), want));
    }
}
