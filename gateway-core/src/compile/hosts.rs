//! Builds the table of a listener's host names.

use crate::matcher::NONE;
use crate::matcher::hosts::{HostName, HostNames, name_key};
use crate::rules::{HostPattern, VirtualHost};
use hashbrown::HashTable;
use std::sync::Arc;

/// The table of `hosts`, whose names differ.
pub(super) fn build(hosts: &[Arc<VirtualHost>]) -> HostNames {
    let mut text = Vec::new();
    let mut entries = HashTable::with_capacity(hosts.len());
    let mut any = NONE;
    let mut has_wildcards = false;
    for (host, index) in hosts.iter().zip(0..) {
        let (name, wildcard) = match &host.hostname {
            HostPattern::Exact(name) => (name, false),
            HostPattern::Wildcard(suffix) => (suffix, true),
            HostPattern::Any => {
                any = index;
                continue;
            }
        };
        has_wildcards |= wildcard;
        let start = text.len() as u32;
        text.extend_from_slice(name.as_bytes());
        let entry = HostName { start, end: text.len() as u32, wildcard, host: index };
        entries.insert_unique(name_key(name.as_bytes(), wildcard), entry, |e: &HostName| {
            name_key(e.text(&text), e.wildcard)
        });
    }
    let mut names =
        HostNames { entries, text: text.into(), has_wildcards, any, next: Box::default() };
    names.next = (0..hosts.len()).map(|at| next(hosts, &names, at)).collect();
    names
}

/// Where a miss of the host leads: to the next less specific host of its section.
fn next(hosts: &[Arc<VirtualHost>], names: &HostNames, at: usize) -> u32 {
    let host = &hosts[at];
    if !host.falls_through {
        return NONE;
    }
    let mut pattern = &host.hostname;
    loop {
        let less_specific = match pattern {
            HostPattern::Exact(name) | HostPattern::Wildcard(name) => {
                names.find_less_specific(name.as_bytes())
            }
            HostPattern::Any => None,
        };
        let Some(index) = less_specific else { return NONE };
        let candidate = &hosts[index as usize];
        if candidate.section == host.section {
            return index;
        }
        pattern = &candidate.hostname;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ObjectRef, Origin};

    fn hosts(hosts: &[(&str, u32, bool)]) -> Vec<Arc<VirtualHost>> {
        let host = |&(name, section, falls_through): &(&str, u32, bool)| {
            let hostname = match name {
                "*" => HostPattern::Any,
                _ => HostPattern::parse(name).unwrap(),
            };
            let origin = Origin::new(ObjectRef::new("Test", "", name), "");
            Arc::new(VirtualHost { hostname, section, falls_through, routes: Vec::new(), origin })
        };
        hosts.iter().map(host).collect()
    }

    #[test]
    fn the_most_specific_host_is_found() {
        let names = ["a.b.c", "*.b.c", "*.c", "b.c", "x"];
        let list: Vec<_> = names.iter().map(|&name| (name, 0, true)).collect();
        for (list, any) in
            [(list.clone(), None), ([&list[..], &[("*", 0, true)]].concat(), Some(5))]
        {
            let table = build(&hosts(&list));
            for (name, want) in [
                ("a.b.c", Some(0)),
                ("z.b.c", Some(1)),
                ("z.a.b.c", Some(1)),
                ("z.c", Some(2)),
                ("b.c", Some(3)),
                ("x", Some(4)),
                ("c", any),
                ("y", any),
                ("z.x", any),
                ("[::1]", any),
            ] {
                assert_eq!(table.find(name.as_bytes()), want, "{name}");
            }
        }
    }

    #[test]
    fn a_miss_leads_to_the_next_host_of_the_section() {
        let list = [
            ("a.b.c", 1, true),
            ("*.b.c", 2, true),
            ("*.c", 1, true),
            ("*", 1, false),
            ("z.b.c", 2, false),
            ("y.b.c", 2, true),
        ];
        let table = build(&hosts(&list));
        let next: Vec<_> = (0..list.len() as u32).map(|host| table.next(host)).collect();
        assert_eq!(next, [Some(2), None, Some(3), None, None, Some(1)]);
    }
}
