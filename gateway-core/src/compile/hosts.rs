//! Builds the tables of a listener's hosts, shard by shard.

use super::check::Checker;
use super::host;
use crate::matcher::hosts::{Facts, Host, HostName, HostShard, HostTables};
use crate::rules::{HostPattern, Hosts, Listener, Shard, VirtualHost, name_key};
use hashbrown::HashTable;
use std::sync::Arc;

/// The hosts of a listener in a previous router, with their tables.
pub(super) type Known<'k> = (&'k Hosts, &'k HostTables);

/// The tables of the hosts of `listener`; what is the same as before is shared.
pub(super) fn compile(
    listener: &Listener,
    known: Option<Known<'_>>,
    checker: &mut Checker<'_>,
) -> HostTables {
    let shards = listener.hosts.shards().iter().enumerate().map(|(at, shard)| {
        let same = known.and_then(|(hosts, tables)| {
            let same = hosts.shards().len() == listener.hosts.shards().len()
                && Arc::ptr_eq(&hosts.shards()[at], shard);
            same.then(|| Arc::clone(&tables.shards[at]))
        });
        match same {
            Some(shard) if checker.allows(shard.facts) => shard,
            _ => Arc::new(compile_shard(shard, known.map(|(_, tables)| tables), checker)),
        }
    });
    let shards: Box<[Arc<HostShard>]> = shards.collect();
    HostTables {
        any: shards.iter().find_map(|shard| shard.any.clone()),
        has_wildcards: shards.iter().any(|shard| shard.has_wildcards),
        shards,
    }
}

fn compile_shard(
    shard: &Shard,
    known: Option<&HostTables>,
    checker: &mut Checker<'_>,
) -> HostShard {
    let compiled = shard.iter().filter_map(|host| compile_host(host, known, checker));
    let hosts: Vec<Host> = compiled.collect();
    let mut text = Vec::new();
    let mut names = HashTable::with_capacity(hosts.len());
    let mut any = None;
    let mut has_wildcards = false;
    let mut facts = Facts::default();
    for (host, index) in hosts.iter().zip(0..) {
        facts = facts + host.facts;
        let (name, wildcard) = match &host.rules.hostname {
            HostPattern::Exact(name) => (name, false),
            HostPattern::Wildcard(suffix) => (suffix, true),
            HostPattern::Any => {
                any = Some(host.clone());
                continue;
            }
        };
        has_wildcards |= wildcard;
        let start = text.len() as u32;
        text.extend_from_slice(name.as_bytes());
        let entry = HostName { start, end: text.len() as u32, wildcard, host: index };
        names.insert_unique(name_key(name.as_bytes(), wildcard), entry, |e: &HostName| {
            name_key(e.text(&text), e.wildcard)
        });
    }
    HostShard { names, text: text.into(), hosts: hosts.into(), any, has_wildcards, facts }
}

/// `None` where the host is refused.
fn compile_host(
    host: &Arc<VirtualHost>,
    known: Option<&HostTables>,
    checker: &mut Checker<'_>,
) -> Option<Host> {
    let known = known.and_then(|tables| tables.get(&host.hostname));
    if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.rules, host))
        && checker.allows(known.facts)
    {
        return Some(known.clone());
    }
    let mut facts = checker.host(host)?;
    let known = known.filter(|known| host::same_tables(&known.rules, host));
    let table = match known {
        Some(known) => {
            let Facts { regex_bytes, automata_bytes, .. } = known.facts;
            facts = Facts { regex_bytes, automata_bytes, ..facts };
            Arc::clone(&known.table)
        }
        None => match host::compile(host, checker.limits(), &mut facts) {
            Ok(table) => Arc::new(table),
            Err(error) => {
                checker.push(error);
                return None;
            }
        },
    };
    Some(Host { rules: Arc::clone(host), table, facts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::rules::RuleSet;
    use crate::{ObjectRef, Origin, Router};

    fn tables(hosts: &[(&str, u32, bool)]) -> HostTables {
        let host = |&(name, section, falls_through): &(&str, u32, bool)| {
            let hostname = match name {
                "*" => HostPattern::Any,
                _ => HostPattern::parse(name).unwrap(),
            };
            let origin = Origin::new(ObjectRef::new("Test", "", name), "");
            VirtualHost { section, falls_through, ..VirtualHost::new(hostname, Vec::new(), origin) }
        };
        let listener = Listener {
            tells_grpc: false,
            mutual_tls: false,
            name: "web".into(),
            address: None,
            port: 80,
            protocol: crate::rules::Protocol::Http,
            paths: crate::PathPolicy::default(),
            hosts: hosts.iter().map(host).collect(),
            origin: Origin::new(ObjectRef::new("Test", "", ""), ""),
        };
        let (rules, limits) = (RuleSet::default(), Limits::default());
        compile(&listener, None, &mut Checker::new(&rules, &limits))
    }

    fn name(host: Option<&Host>) -> Option<String> {
        host.map(|host| host.rules.hostname.to_string())
    }

    #[test]
    fn the_most_specific_host_is_found() {
        let names = ["a.b.c", "*.b.c", "*.c", "b.c", "x"];
        let list: Vec<_> = names.iter().map(|&name| (name, 0, true)).collect();
        for (list, any) in
            [(list.clone(), None), ([&list[..], &[("*", 0, true)]].concat(), Some("*"))]
        {
            let table = tables(&list);
            for (asked, want) in [
                ("a.b.c", Some("a.b.c")),
                ("z.b.c", Some("*.b.c")),
                ("z.a.b.c", Some("*.b.c")),
                ("z.c", Some("*.c")),
                ("b.c", Some("b.c")),
                ("x", Some("x")),
                ("c", any),
                ("y", any),
                ("z.x", any),
                ("[::1]", any),
            ] {
                assert_eq!(name(table.find(asked.as_bytes())).as_deref(), want, "{asked}");
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
        let table = tables(&list);
        for ((from, ..), want) in
            list.into_iter().zip([Some("*.c"), None, Some("*"), None, None, Some("*.b.c")])
        {
            let pattern = match from {
                "*" => HostPattern::Any,
                _ => HostPattern::parse(from).unwrap(),
            };
            let next = table.next(table.get(&pattern).unwrap());
            assert_eq!(name(next).as_deref(), want, "{from}");
        }
    }

    #[test]
    fn what_is_unchanged_is_shared() {
        let names: Vec<String> = (0..500).map(|n| format!("h{n}.example")).collect();
        let list: Vec<_> = names.iter().map(|name| (&**name, 0, true)).collect();
        let mut rules = RuleSet::default();
        let listener = |list: &[(&str, u32, bool)]| {
            let hosts = tables(list);
            let hosts = hosts.shards.iter().flat_map(|shard| shard.hosts.iter());
            Listener {
                tells_grpc: false,
                mutual_tls: false,
                name: "web".into(),
                address: None,
                port: 80,
                protocol: crate::rules::Protocol::Http,
                paths: crate::PathPolicy::default(),
                hosts: hosts.map(|host| Arc::clone(&host.rules)).collect(),
                origin: Origin::new(ObjectRef::new("Test", "", ""), ""),
            }
        };
        rules.listeners.push(listener(&list));
        let first = Router::compile(&rules).unwrap();
        let changed: HostPattern = "h7.example".parse().unwrap();
        let host = rules.listeners[0].hosts.get(&changed).unwrap();
        let host = VirtualHost { falls_through: false, ..(**host).clone() };
        rules.listeners[0].hosts.insert(host);
        let second = Router::compile_from(&first, &rules).unwrap();
        let shards = |router: &Router| router.tables.listeners[0].shards.clone();
        let (before, after) = (shards(&first), shards(&second));
        let same = before.iter().zip(&after).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!((before.len(), same), (8, 7));
        // Of the host that changed, the tables are shared still: its routes are the same.
        let all = |shards: &[Arc<HostShard>]| -> Vec<Host> {
            shards.iter().flat_map(|shard| shard.hosts.iter().cloned()).collect()
        };
        for (before, after) in all(&before).iter().zip(all(&after)) {
            assert!(Arc::ptr_eq(&before.table, &after.table));
            let same = before.rules.hostname != changed;
            assert_eq!(Arc::ptr_eq(&before.rules, &after.rules), same);
        }
    }
}
