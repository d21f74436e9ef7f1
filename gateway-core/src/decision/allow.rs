//! With which methods a path can be taken, where the request's is not among them (decisions §7).

use crate::request::Request;
use crate::request::field::{Value, View};
use crate::rules::{Condition, Field, Route, Test};

/// The methods of RFC 9110 and RFC 5789, in order.
const STANDARD: [&str; 9] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// The methods with which one of `alternatives` takes the request of `view`. Those that no
/// condition names and no standard defines are left out; some may come twice.
pub(crate) fn methods<'r, R: Request>(
    alternatives: &'r [Route],
    view: &View<'_, R>,
) -> impl Iterator<Item = &'r str> {
    let about_method = |condition: &&Condition| condition.field == Field::Method;
    let possible = alternatives.iter().filter(move |route| {
        let mut others = route.conditions.iter().filter(|c| !about_method(c));
        others.all(|condition| view.holds(condition))
    });
    possible.flat_map(move |route| {
        let candidates = STANDARD.into_iter().chain(named_methods(alternatives));
        candidates.filter(move |method| {
            let value = Value::<R>::Slice(method.as_bytes());
            let mut conditions = route.conditions.iter().filter(about_method);
            conditions.all(|c| value.passes(&c.test) != c.negated)
        })
    })
}

/// The methods that conditions name; standard ones in upper case if case does not matter.
fn named_methods(routes: &[Route]) -> impl Iterator<Item = &str> {
    let conditions = routes.iter().flat_map(|route| &route.conditions);
    conditions.filter(|c| c.field == Field::Method).filter_map(|condition| match &condition.test {
        Test::Equals { value, ignore_case: false } => Some(&**value),
        Test::Equals { value, ignore_case: true } => {
            let standard = STANDARD.iter().any(|method| method.eq_ignore_ascii_case(value));
            (!standard).then_some(&**value)
        }
        Test::Empty | Test::Matches { .. } => None,
    })
}

/// The routes right before the one at `rank`, whose conditions it is about.
pub(crate) fn alternatives(routes: &[Route], rank: usize, count: u32) -> &[Route] {
    &routes[rank - count as usize..rank]
}
