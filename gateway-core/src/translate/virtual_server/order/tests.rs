use super::super::report::Fault;
use super::*;
use crate::origin::ObjectRef;
use crate::translate::expressions::Expressions;
use proptest::prelude::*;

fn parse(text: &str) -> Result<RoutePath, Fault> {
    RoutePath::parse(text, &mut Expressions::default())
}

/// A location whose one action is told by the text of its path.
fn location(path: &str, appends_slash: bool) -> Location {
    let origin = Origin::new(ObjectRef::new("VirtualServer", "shop", "cafe"), path);
    let action = Action::fault(path, origin.clone());
    let rules = vec![Rule { conditions: Vec::new(), action, origin: origin.clone() }];
    let place = Place { rules, policies: None, error_pages: None };
    Location { path: parse(path).unwrap(), place, appends_slash, origin }
}

/// Whether `template` is all of `path`, segment by segment.
fn equals(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(want, is)| match want.starts_with('{') {
            true => !is.is_empty(),
            false => want == is,
        })
}

/// Whether some beginning of `path` is `template`.
fn begins(template: &str, path: &str) -> bool {
    (0..=path.len()).any(|end| {
        let whole = path.len() == end || path[end..].starts_with('/');
        equals(template, &path[..end]) && (whole || !template.ends_with('}'))
    })
}

/// What the first rule that holds says.
fn first_that_holds(routes: &[Route], path: &str) -> Option<String> {
    let holds = |route: &&Route| {
        let on_path = match &route.path {
            PathPattern::Exact(template) => equals(&template.to_string(), path),
            PathPattern::Prefix { template, .. } => begins(&template.to_string(), path),
            PathPattern::Regex(regex) => regex.is_match(path.as_bytes()),
        };
        let on_condition = |condition: &Condition| {
            assert_eq!(condition.field, Field::Path);
            condition.negated
                != match &condition.test {
                    Test::Equals { value, .. } => **value == *path,
                    Test::Matches { regex, .. } => regex.is_match(path.as_bytes()),
                    Test::Empty => unreachable!("nobody asks whether a path is empty"),
                }
        };
        on_path && route.conditions.iter().all(on_condition)
    };
    Some(match &routes.iter().find(holds)?.action {
        Action::Respond(respond) => respond.reason.clone()?.into(),
        Action::Redirect(_) => "redirect".into(),
        other => unreachable!("{other:?}"),
    })
}

/// virtualserver §9.2, as it stands there.
fn nginx(paths: &[(String, bool)], path: &str) -> Option<String> {
    let key = |text: &str| {
        let template = PathTemplate::with_parameters(text).unwrap();
        (Reverse(template.rank_length()), shape(&template))
    };
    let strip = |text: &str, modifier: &str| {
        let rest = text.strip_prefix(modifier)?;
        rest.starts_with('/').then(|| rest.to_owned())
    };
    let exact = paths.iter().filter_map(|(text, _)| strip(text, "="));
    let exact = exact.filter(|t| equals(t, path)).min_by_key(|t| key(t).1);
    if let Some(exact) = exact {
        return Some(format!("={exact}"));
    }
    let prefixes: Vec<(String, &String)> = paths
        .iter()
        .filter_map(|(text, _)| Some((strip(text, "^~").or_else(|| strip(text, ""))?, text)))
        .collect();
    let slashed = paths.iter().filter(|(_, appends)| *appends).filter_map(|(text, _)| {
        let text = strip(text, "=").or_else(|| strip(text, "^~")).or_else(|| strip(text, ""))?;
        text.strip_suffix('/').filter(|bare| !bare.is_empty()).map(str::to_owned)
    });
    let taken = |bare: &String| prefixes.iter().any(|(t, _)| t == path || key(t) == key(bare));
    if slashed.filter(|bare| equals(bare, path)).any(|bare| !taken(&bare)) {
        return Some("redirect".into());
    }
    let longest = prefixes.iter().filter(|(t, _)| begins(t, path)).min_by_key(|(t, _)| key(t));
    if let Some((_, text)) = longest
        && text.starts_with("^~")
    {
        return Some((*text).clone());
    }
    let regex = paths.iter().find(|(text, _)| match parse(text).unwrap() {
        RoutePath::Regex(regex) => regex.is_match(path.as_bytes()),
        _ => false,
    });
    regex.map(|(text, _)| text.clone()).or_else(|| longest.map(|(_, text)| (*text).clone()))
}

#[test]
fn paths_are_taken_as_nginx_does() {
    // virtualserver §9.2
    let locations =
        |paths: &[&str]| order(paths.iter().map(|path| location(path, true)).collect()).unwrap();
    for (paths, cases) in [
        (
            &["/", "/tea", "=/tea", "~pot$", "^~/coffee", "/coffee/shop"][..],
            &[
                ("/tea", "=/tea"),
                ("/teapot", "~pot$"),
                ("/teas", "/tea"),
                ("/other", "/"),
                ("/pot", "~pot$"),
                ("/coffeepot", "^~/coffee"),
                // the longer prefix is not `^~`, so expressions are tried
                ("/coffee/shop", "/coffee/shop"),
                ("/coffee/shop/pot", "~pot$"),
            ][..],
        ),
        (&["~a", "~*A", "/"], &[("/a", "~a"), ("/A", "~*A"), ("/b", "/")]),
        (
            &["/coffee/{store}/brand", "/coffee", "/coffee/{store}", "/coffee/shop1"],
            &[
                ("/coffee/central/brand", "/coffee/{store}/brand"),
                ("/coffee/central/brand/2024", "/coffee/{store}/brand"),
                ("/coffee/central/x", "/coffee/{store}"),
                ("/coffee/shop1", "/coffee/shop1"),
                ("/coffee", "/coffee"),
                ("/coffee/", "/coffee"),
            ],
        ),
        // the trailing slash
        (&["/x/", "/"], &[("/x", "redirect"), ("/x/", "/x/"), ("/xy", "/")]),
        (&["/x/", "/x"], &[("/x", "/x")]),
        (&["/x/", "=/x"], &[("/x", "=/x")]),
        (&["^~/x/", "~x"], &[("/x", "redirect"), ("/xx", "~x")]),
        (&["=/x/", "/"], &[("/x", "redirect"), ("/x/", "=/x/"), ("/x/y", "/")]),
        (&["/"], &[("/", "/")]),
        (&["/c/{id}/", "/c/d"], &[("/c/e", "redirect"), ("/c/d", "/c/d"), ("/c/e/", "/c/{id}/")]),
    ] {
        let routes = locations(paths);
        for (path, want) in cases {
            assert_eq!(first_that_holds(&routes, path).as_deref(), Some(*want), "{paths:?} {path}");
        }
    }
    assert_eq!(first_that_holds(&locations(&["/tea"]), "/coffee"), None);
}

#[test]
fn expressions_are_copied_only_into_what_lies_within_a_longest_prefix() {
    for (paths, want) in [
        (&["/a", "/b", "~x", "~y"][..], 4),
        (&["/a", "^~/b", "~x", "~y"], 4),
        (&["^~/a", "/a/b", "/c", "~x", "~y"], 7),
        (&["^~/{p}", "/a/b", "~x"], 4),
    ] {
        let list = paths.iter().map(|path| location(path, false)).collect();
        assert_eq!(order(list).unwrap().len(), want, "{paths:?}");
    }
}

#[test]
fn copies_are_limited() {
    let within = (0..200).map(|i| location(&format!("/a/{i}"), false));
    let regexes = (0..200).map(|i| location(&format!("~{i}"), false));
    let list = within.chain(regexes).chain([location("^~/a", false)]).collect();
    assert_eq!(order(list), Err(TooMany::Copies));
}

#[test]
fn paths_with_parameters_have_a_limit_of_others_that_they_are_not() {
    let plain = |n: usize| (0..n).map(|i| location(&format!("/c/x{i}"), true));
    let asking = || location("/c/{id}/", true);
    assert!(order(plain(MAX_CONDITIONS).chain([asking()]).collect()).is_ok());
    let routes = order(plain(MAX_CONDITIONS + 1).chain([asking()]).collect());
    assert_eq!(routes, Err(TooMany::Exceptions));
    let many = (0..2100).map(|i| location(&format!("/{{id}}/x{i}/"), true));
    assert_eq!(order(many.chain(plain(2100)).collect()), Err(TooMany::Exceptions));
}

#[test]
fn of_two_paths_that_ask_for_a_slash_the_exact_one_rules() {
    // virtualserver §9.2
    for paths in [["/x/", "=/x/"], ["=/x/", "/x/"]] {
        let routes = order(paths.map(|path| location(path, true)).into()).unwrap();
        let redirects = routes.iter().filter(|r| matches!(r.action, Action::Redirect(_)));
        let origins: Vec<_> = redirects.map(|route| &*route.origin.field).collect();
        assert_eq!(origins, ["=/x/"], "{paths:?}");
    }
}

#[test]
fn rules_of_a_location_stay_together() {
    let mut many = location("~x", false);
    many.place.rules.push(Rule {
        action: Action::Unmatched { alternatives: 1 },
        ..many.place.rules[0].clone()
    });
    let routes = order(vec![location("^~/a", false), location("/a/b", false), many]).unwrap();
    let unmatched = |route: &Route| matches!(route.action, Action::Unmatched { .. });
    for at in 0..routes.len() {
        if unmatched(&routes[at]) {
            assert_eq!(routes[at].path, routes[at - 1].path);
            assert_eq!(routes[at].conditions, routes[at - 1].conditions);
        }
    }
    assert_eq!(routes.iter().filter(|route| unmatched(route)).count(), 2);
}

/// Paths of few segments, so that they meet.
fn written_path() -> impl Strategy<Value = (String, bool)> {
    let segment = prop::sample::select(vec!["a", "b", "ab", "{}"]);
    let string = (
        prop::sample::select(vec!["", "", "^~", "^~", "="]),
        prop::collection::vec(segment, 0..4),
        any::<bool>(),
    );
    let string = string.prop_map(|(modifier, segments, slash)| {
        let mut path = modifier.to_owned();
        for (i, segment) in segments.iter().enumerate() {
            path += &format!("/{}", segment.replace("{}", &format!("{{p{i}}}")));
        }
        if slash || segments.is_empty() {
            path.push('/');
        }
        path
    });
    let regex = prop::sample::select(vec!["~a", "~b$", "~^/a/", "~*A/B", "~^/[^/]*$"]);
    let text = prop_oneof![4 => string, 1 => regex.prop_map(str::to_owned)];
    (text, any::<bool>())
}

fn request_path() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "ab", "c", "A"]);
    (prop::collection::vec(segment, 0..5), any::<bool>()).prop_map(|(segments, slash)| {
        let path: String = segments.iter().map(|segment| format!("/{segment}")).collect();
        if slash || path.is_empty() { path + "/" } else { path }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_first_rule_that_holds_is_nginx_s_choice(
        written in prop::collection::vec(written_path(), 0..10),
        requests in prop::collection::vec(request_path(), 1..24),
    ) {
        let mut seen = BTreeSet::new();
        let unique: Vec<(String, bool)> = written
            .into_iter()
            .filter(|(path, _)| seen.insert(parse(path).unwrap().key()))
            .collect();
        let locations = unique.iter().map(|(path, appends)| location(path, *appends)).collect();
        let routes = order(locations).unwrap();
        for path in &requests {
            let want = nginx(&unique, path);
            prop_assert_eq!(first_that_holds(&routes, path), want, "{:?} {}", unique, path);
        }
    }
}
