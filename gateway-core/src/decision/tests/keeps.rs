//! What goes on as it came.

use super::*;
use crate::Keeps;
use crate::rules::Balance;

#[test]
fn answers_are_kept_where_nothing_changes_them() {
    let keeps = |ops: ResponseHeaderOps, change: fn(&mut Route)| {
        let action = Action::Forward(Arc::new(Forward { response_headers: ops, ..forward() }));
        let mut route = route(prefix("/"), Vec::new(), action);
        change(&mut route);
        Fixture::new(vec![route]).decision().keeps_answers()
    };
    let names = || [HeaderName::from_static("server")];
    let line = |name| edit(name, Template::text("x"));
    let nothing = ResponseHeaderOps::default();
    let hiding = ResponseHeaderOps { hidden: names().into(), ..nothing.clone() };
    assert_eq!(keeps(nothing.clone(), |_| {}), Keeps::All);
    assert_eq!(keeps(hiding.clone(), |_| {}), Keeps::Usual);
    for ops in [
        ResponseHeaderOps { remove: names().into(), ..nothing.clone() },
        ResponseHeaderOps { set: vec![line("x-a")], ..hiding.clone() },
        ResponseHeaderOps {
            add: vec![ResponseHeaderAdd { edit: line("x-a"), always: false }],
            ..nothing.clone()
        },
    ] {
        assert_eq!(keeps(ops.clone(), |_| {}), Keeps::Less, "{ops:?}");
    }
    let with_pages: fn(&mut Route) = |route| route.error_pages = Some(Arc::new([]));
    assert_eq!(keeps(nothing.clone(), with_pages), Keeps::Less);
    let told = |route: &mut Route| {
        let value = HeaderValue::from_static("max-age=1");
        let hsts = Hsts { value, behind_proxy: false, origin: origin() };
        route.policies =
            Some(Arc::new(Policies { hsts: Some(hsts.into()), ..Policies::default() }));
    };
    assert_eq!(keeps(nothing, told), Keeps::Less);
    let redirect = redirect(Location::Url(Template::text("/")));
    assert_eq!(Fixture::action(prefix("/"), redirect).decision().keeps_answers(), Keeps::Less);
}

#[test]
fn requests_are_kept_where_nothing_changes_them() {
    let keeps = |change: fn(&mut Forward), is_plain, target_is_normal| {
        let mut forward = forward();
        change(&mut forward);
        let fixture = Fixture::forward(prefix("/"), forward);
        Decision { is_plain, target_is_normal, ..fixture.decision() }.keeps_request()
    };
    let nothing: fn(&mut Forward) = |_| {};
    let without_port: fn(&mut Forward) = |to| to.host = HostRewrite::WithoutPort;
    for (change, is_plain, target_is_normal, want) in [
        (nothing, true, true, Keeps::All),
        (nothing, false, true, Keeps::All),
        (nothing, false, false, Keeps::Less),
        (without_port, true, true, Keeps::All),
        (without_port, false, true, Keeps::Less),
        (|to| to.request_headers.drop_unusual = true, true, true, Keeps::Usual),
        (|to| to.request_headers.drop_all = true, true, true, Keeps::Less),
        (|to| to.request_headers.remove = vec![http::header::TE], true, true, Keeps::Less),
        (|to| to.request_headers.set = vec![edit("x-a", header("x-b"))], true, true, Keeps::Less),
        (|to| to.request_headers.add = vec![edit("x-a", header("x-b"))], true, true, Keeps::Less),
        (|to| to.host = HostRewrite::Set(Template::text("a")), true, true, Keeps::Less),
        (|to| to.path = PathRewrite::Full("/a".into()), true, true, Keeps::Less),
        (
            |to| {
                let hash = Balance::Hash { key: header("x-user"), consistent: true };
                Arc::make_mut(&mut to.settings).balance = hash;
            },
            true,
            true,
            Keeps::Less,
        ),
    ] {
        assert_eq!(keeps(change, is_plain, target_is_normal), want);
    }
}
