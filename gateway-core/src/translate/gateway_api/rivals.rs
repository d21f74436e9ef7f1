//! Which routes of one kind keep those of another from a host of a listener: an HTTPRoute and a
//! GRPCRoute never share one (gateway-api §18.4).

use crate::origin::ObjectRef;
use crate::resource::gateway_route::RouteKind;
use crate::rules::HostPattern;
use std::collections::BTreeMap;

/// The hosts of routes in force, by listener and kind, each with the oldest route that has it.
#[derive(Default)]
pub(super) struct Rivals<'a> {
    hosts: BTreeMap<(usize, RouteKind, Key), &'a ObjectRef>,
}

/// A host backwards, so that hosts of one domain are neighbours: `com.example`, `com.example.*`.
/// Letters are backwards too.
type Key = Vec<u8>;

const ANY: &[u8] = b"*";

impl<'a> Rivals<'a> {
    /// Notes that a route, younger than all so far, has `host` on the listener `section`.
    pub(super) fn add(
        &mut self,
        section: usize,
        kind: RouteKind,
        host: &HostPattern,
        route: &'a ObjectRef,
    ) {
        self.hosts.entry((section, kind, key(host))).or_insert(route);
    }

    /// A route of another kind with a host on the listener `section` that `host` intersects.
    pub(super) fn rival(
        &self,
        section: usize,
        kind: RouteKind,
        host: &HostPattern,
    ) -> Option<&'a ObjectRef> {
        let mut others = RouteKind::ALL.into_iter().filter(|other| *other != kind);
        others.find_map(|other| self.intersecting(section, other, host))
    }

    fn intersecting(
        &self,
        section: usize,
        kind: RouteKind,
        host: &HostPattern,
    ) -> Option<&'a ObjectRef> {
        let at = |key: Key| self.hosts.get(&(section, kind, key)).copied();
        let under = |prefix: Key| {
            let (found, route) = self.hosts.range((section, kind, prefix.clone())..).next()?;
            let same = (found.0, found.1) == (section, kind) && found.2.starts_with(&prefix);
            same.then_some(*route)
        };
        let name = match host {
            HostPattern::Any => return under(Key::new()),
            HostPattern::Exact(name) | HostPattern::Wildcard(name) => name,
        };
        let own = match host {
            HostPattern::Wildcard(_) => under(backwards(name, b".")),
            HostPattern::Exact(_) | HostPattern::Any => at(key(host)),
        };
        let mut parents = name.match_indices('.').map(|(dot, _)| &name[dot + 1..]);
        own.or_else(|| parents.find_map(|parent| at(backwards(parent, b".*"))))
            .or_else(|| at(ANY.to_vec()))
    }
}

fn key(host: &HostPattern) -> Key {
    match host {
        HostPattern::Exact(name) => backwards(name, b""),
        HostPattern::Wildcard(name) => backwards(name, b".*"),
        HostPattern::Any => ANY.to_vec(),
    }
}

fn backwards(name: &str, end: &[u8]) -> Key {
    name.bytes().rev().chain(end.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn host() -> impl Strategy<Value = HostPattern> {
        let name = "[ab]{1,2}(\\.[ab]){0,2}";
        prop_oneof![
            Just(HostPattern::Any),
            name.prop_map(|name| HostPattern::Exact(name.into())),
            name.prop_map(|name| HostPattern::Wildcard(name.into())),
        ]
    }

    proptest! {
        #[test]
        fn a_rival_is_who_has_an_intersecting_host(hosts in vec(host(), 0..4), wanted in host()) {
            let route = ObjectRef::new("HTTPRoute", "default", "r");
            let mut rivals = Rivals::default();
            hosts.iter().for_each(|host| rivals.add(1, RouteKind::Http, host, &route));
            let want = hosts.iter().any(|host| host.intersection(&wanted).is_some());
            let found = rivals.rival(1, RouteKind::Grpc, &wanted).is_some();
            prop_assert_eq!(found, want, "{:?} {:?}", hosts, wanted);
            prop_assert_eq!(rivals.rival(1, RouteKind::Http, &wanted), None);
            prop_assert_eq!(rivals.rival(0, RouteKind::Grpc, &wanted), None);
            prop_assert_eq!(rivals.rival(2, RouteKind::Grpc, &wanted), None);
        }
    }
}
