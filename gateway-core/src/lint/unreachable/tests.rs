use super::*;
use crate::origin::ObjectRef;
use crate::rules::{Boundary, Condition, Field, PathPattern, PathTemplate};
use std::time::{Duration, Instant};

fn prefix(path: &str) -> PathPattern {
    let template = PathTemplate::parse(path).expect("a template");
    PathPattern::Prefix { template, boundary: Boundary::Byte }
}

fn exact(path: &str) -> PathPattern {
    PathPattern::Exact(PathTemplate::parse(path).expect("a template"))
}

fn route(path: PathPattern, conditions: Vec<Condition>) -> Route {
    let origin = Origin::new(ObjectRef::new("Rules", "", "test"), "");
    Route::new(path, conditions, Action::fault("test", origin.clone()), origin)
}

fn version(value: &str) -> Vec<Condition> {
    vec![Condition::equals(Field::Header("version".into()), value)]
}

#[test]
fn the_first_that_can_be_reached_is_named() {
    let unmatched =
        Route { action: Action::Unmatched { alternatives: 1 }, ..route(prefix("/a"), vec![]) };
    for (routes, want) in [
        (vec![route(prefix("/a"), vec![]), route(exact("/ab"), vec![])], vec![(1, 0)]),
        (vec![route(exact("/ab"), vec![]), route(prefix("/a"), vec![])], vec![]),
        (vec![route(prefix("/a"), version("1")), route(exact("/ab"), vec![])], vec![]),
        (vec![route(prefix("/a"), version("1")), route(exact("/ab"), version("1"))], vec![(1, 0)]),
        // Both are hidden by the one that is not.
        (
            vec![
                route(prefix("/"), vec![]),
                route(prefix("/a"), vec![]),
                route(exact("/a"), vec![]),
            ],
            vec![(1, 0), (2, 0)],
        ),
        // It hides what comes after it, and is never told itself.
        (
            vec![route(prefix("/a"), version("1")), unmatched.clone(), route(exact("/a"), vec![])],
            vec![(2, 1)],
        ),
        (vec![route(prefix("/a"), vec![]), unmatched], vec![]),
    ] {
        assert_eq!(hidden(&routes), want, "{routes:#?}");
    }
}

#[test]
fn a_place_has_room_for_routes_without_conditions_behind_many_with() {
    let mut routes: Vec<Route> =
        (0..300).map(|n| route(prefix("/a"), version(&n.to_string()))).collect();
    routes.push(route(prefix("/a"), vec![]));
    routes.push(route(exact("/ab"), version("299")));
    assert_eq!(hidden(&routes), [(301, 300)]);
}

/// Comparing each with each would take many minutes.
#[test]
fn many_routes_take_little_time() {
    let count = 100_000;
    let begin = Instant::now();
    let distinct = (0..count).map(|n| route(exact(&format!("/api/{n}")), vec![]));
    assert_eq!(hidden(&distinct.collect::<Vec<_>>()), []);
    let nested = (0..count).map(|n| route(prefix(&format!("/{}/{n}", "a".repeat(n % 50))), vec![]));
    hidden(&nested.collect::<Vec<_>>());
    let of_one_path = (0..count).map(|n| route(prefix("/a"), version(&n.to_string())));
    assert_eq!(hidden(&of_one_path.collect::<Vec<_>>()), []);
    let below = (0..count).map(|n| match n {
        0..100 => route(prefix("/"), version(&n.to_string())),
        _ => route(exact(&format!("/{n}")), vec![]),
    });
    assert_eq!(hidden(&below.collect::<Vec<_>>()), []);
    assert!(begin.elapsed() < Duration::from_secs(120), "{:?}", begin.elapsed());
}
