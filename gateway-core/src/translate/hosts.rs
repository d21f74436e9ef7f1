//! Who owns which host of which listener (decisions §1).

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::origin::{ObjectRef, Origin};
use crate::request::PathPolicy;
use crate::rules::{HostPattern, Listener, Protocol, Route, ServerTls, VirtualHost};
use crate::sort::sort_by;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// A host that a dialect wants to own on a listener.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// The socket.
    pub(crate) socket: Socket,
    /// Claims of one `section` fall through to each other (a Gateway listener's hosts); empty
    /// for claims that stand alone.
    pub(crate) section: Box<str>,
    pub(crate) hostname: HostPattern,
    pub(crate) falls_through: bool,
    pub(crate) tls: Option<Arc<ServerTls>>,
    pub(crate) tells_grpc: bool,
    pub(crate) gunzip: bool,
    pub(crate) routes: Vec<Route>,
    pub(crate) rank: Rank,
    /// `metadata.creationTimestamp` of the oldest object behind the claim; `None` is newest.
    pub(crate) created: Option<Box<str>>,
    pub(crate) uid: Option<Box<str>>,
    /// The (oldest) object behind the claim.
    pub(crate) origin: Origin,
}

/// Which claims go before others whatever their age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Everything on a socket that whoever runs the proxy asks for.
    Ordered,
    /// A host that a document names: VirtualServer, HTTPRoute, GRPCRoute.
    Explicit,
    /// A host named after a Service (smi R-2).
    ServiceHost,
    /// A Gateway listener's host without routes, so that it answers 404 by itself.
    Empty,
}

/// A socket that a document asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Socket {
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    /// Whether clients have to show a certificate of the mesh.
    pub(crate) mutual_tls: bool,
    /// What to print for it.
    pub(crate) name: Box<str>,
    pub(crate) origin: Origin,
}

impl Socket {
    /// What is spoken on it.
    fn speech(&self) -> &'static str {
        if self.mutual_tls { "mutual TLS" } else { self.protocol.as_str() }
    }
}

impl Claim {
    /// The order in which claims win: by rank, then the older one (decisions §1). Claims of one
    /// age are told apart by the greater UID where all have one, as NGINX does, else by
    /// `namespace/name`, then kind (decisions §6, Q2).
    fn cmp_precedence(&self, other: &Self, by_uid: bool) -> Ordering {
        // No timestamp counts as newest.
        let age = |c: &Self| (c.rank, c.created.is_none(), c.created.clone());
        let name = |c: &Self| {
            let object = &c.origin.object;
            (object.namespace.clone(), object.name.clone(), object.kind.clone())
        };
        let uid = |c: &Self| c.uid.clone().filter(|_| by_uid);
        age(self)
            .cmp(&age(other))
            .then_with(|| uid(other).cmp(&uid(self)))
            .then_with(|| name(self).cmp(&name(other)))
    }
}

/// Who has lost which hosts.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// What losers are told of each host.
    of: BTreeMap<Arc<ObjectRef>, Vec<String>>,
    /// The objects that own a host on some listener.
    owners: BTreeSet<Arc<ObjectRef>>,
    /// What sections are told whose port speaks something else.
    sections: BTreeMap<Box<str>, String>,
}

impl Losses {
    /// What `object` is told of hosts that it has lost.
    pub(super) fn of(&self, object: &ObjectRef) -> &[String] {
        self.of.get(object).map_or(&[], |told| told)
    }

    /// Whether `object` has lost all that it claimed.
    pub(super) fn are_total(&self, object: &ObjectRef) -> bool {
        self.of.contains_key(object) && !self.owners.contains(object)
    }

    /// What a section is told if its port speaks something else.
    pub(super) fn of_section(&self, name: &str) -> Option<&String> {
        self.sections.get(name)
    }

    fn add(&mut self, loser: &Claim, told: String) {
        self.of.entry(Arc::clone(&loser.origin.object)).or_default().push(told);
    }
}

/// One owner for each host of each socket. Losers get a warning that names the winner.
pub(super) fn settle(context: &mut Context<'_>) -> (Vec<Listener>, Losses) {
    let mut sockets: BTreeMap<(Option<IpAddr>, u16), Vec<Claim>> = BTreeMap::new();
    for claim in std::mem::take(&mut context.claims) {
        sockets.entry((claim.socket.address, claim.socket.port)).or_default().push(claim);
    }
    let mut losses = Losses::default();
    let sockets = sockets.into_values();
    let listeners = sockets.filter_map(|claims| listener(claims, &mut losses, context)).collect();
    (listeners, losses)
}

fn listener(
    claims: Vec<Claim>,
    losses: &mut Losses,
    context: &mut Context<'_>,
) -> Option<Listener> {
    let socket = claims.iter().min_by(|a, b| a.cmp_precedence(b, false))?.socket.clone();
    let mut by_host: BTreeMap<String, Vec<Claim>> = BTreeMap::new();
    for claim in claims {
        if claim.socket.speech() == socket.speech() {
            by_host.entry(claim.hostname.to_string()).or_default().push(claim);
            continue;
        }
        // What is only implied gives way quietly.
        if claim.rank == Rank::ServiceHost {
            continue;
        }
        let message = format!(
            "port {} speaks {}, as {} says; it cannot speak {} too",
            socket.port,
            socket.speech(),
            socket.origin.object,
            claim.socket.speech()
        );
        losses.add(&claim, message.clone());
        losses.sections.insert(claim.section.clone(), message.clone());
        context.problems.push(Diagnostic::error("port-conflict", &claim.origin, message));
    }
    give_way(&mut by_host);
    let mut owners: Vec<Claim> = Vec::new();
    for mut claims in by_host.into_values() {
        let by_uid = claims.iter().all(|c| c.uid.is_some());
        sort_by(&mut claims, |a, b| a.cmp_precedence(b, by_uid));
        let mut claims = claims.into_iter();
        if let Some(owner) = claims.next() {
            claims.for_each(|loser| lost(&loser, &owner, losses, context));
            losses.owners.insert(Arc::clone(&owner.origin.object));
            owners.push(owner);
        }
    }
    let mut sections: BTreeMap<Box<str>, u32> = BTreeMap::new();
    let mut hosts: Vec<VirtualHost> = Vec::with_capacity(owners.len());
    for (index, claim) in owners.into_iter().enumerate() {
        // Claims that stand alone get a section of their own, under a name no dialect uses.
        let name = match claim.section.is_empty() {
            true => format!("\0{index}").into(),
            false => claim.section,
        };
        let next = sections.len() as u32;
        hosts.push(VirtualHost {
            hostname: claim.hostname,
            section: *sections.entry(name).or_insert(next),
            falls_through: claim.falls_through,
            tls: claim.tls,
            tells_grpc: claim.tells_grpc,
            gunzip: claim.gunzip,
            routes: claim.routes,
            origin: claim.origin,
        });
    }
    sort_by(&mut hosts, |a, b| a.hostname.cmp_specificity(&b.hostname));
    Some(Listener {
        tells_grpc: hosts.iter().any(|host| host.tells_grpc),
        mutual_tls: socket.mutual_tls,
        name: socket.name,
        address: socket.address,
        port: socket.port,
        protocol: socket.protocol,
        paths: PathPolicy::default(),
        hosts: hosts.into_iter().collect(),
        origin: socket.origin,
    })
}

/// Takes out the hosts named after Services that a document has a wildcard for (smi R-2).
fn give_way(by_host: &mut BTreeMap<String, Vec<Claim>>) {
    let is_explicit = |claims: &Vec<Claim>| claims.iter().any(|c| c.rank <= Rank::Explicit);
    let wildcards =
        by_host.iter().filter(|(host, claims)| host.starts_with('*') && is_explicit(claims));
    let wildcards: BTreeSet<String> = wildcards.map(|(host, _)| host.clone()).collect();
    let is_covered = |host: &str| {
        let mut suffixes = host.match_indices('.').map(|(at, _)| format!("*{}", &host[at..]));
        wildcards.contains("*") || suffixes.any(|wildcard| wildcards.contains(&wildcard))
    };
    by_host.retain(|host, claims| {
        let covered = !wildcards.is_empty() && is_covered(host);
        claims.retain(|claim| claim.rank != Rank::ServiceHost || !covered);
        !claims.is_empty()
    });
}

fn lost(loser: &Claim, winner: &Claim, losses: &mut Losses, context: &mut Context<'_>) {
    // Nothing is taken from a host without routes, nor from what is only implied.
    let silent = loser.rank != Rank::Explicit || loser.origin.object == winner.origin.object;
    if loser.rank == Rank::ServiceHost && winner.rank == loser.rank {
        let (name, of) = (&loser.socket.name, &winner.socket.name);
        if name != of {
            let message = format!(
                "on port {} the host `{}` is that of Service `{of}`, not of `{name}`",
                loser.socket.port, loser.hostname
            );
            context.problems.push(Diagnostic::warning("host-taken", &loser.origin, message));
        }
    }
    if silent {
        return;
    }
    let message = format!(
        "host `{}` on port {} belongs to {}; this one is not served there",
        loser.hostname, loser.socket.port, winner.origin.object
    );
    let why = match (&winner.created, &loser.created) {
        (Some(older), Some(newer)) if older == newer => {
            "both are of one age, and its name or UID decides"
        }
        (Some(_), Some(_)) => "it is older",
        (Some(_), None) => {
            "it has a creationTimestamp, and a document without one counts as newest"
        }
        (None, _) => "neither has a creationTimestamp, and its name or UID decides",
    };
    losses.add(loser, message.clone());
    context.problems.push(Diagnostic::warning("host-taken", &loser.origin, message).help(why));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::ObjectRef;
    use crate::resource::Resources;
    use crate::translate::Options;

    fn claim(port: u16, host: &str, owner: &str, created: Option<&str>) -> Claim {
        let origin = Origin::new(ObjectRef::new("VirtualServer", "default", owner), "spec.host");
        Claim {
            socket: Socket {
                address: None,
                port,
                protocol: Protocol::Http,
                mutual_tls: false,
                name: owner.into(),
                origin: origin.clone(),
            },
            section: "".into(),
            hostname: HostPattern::parse(host).unwrap_or(HostPattern::Any),
            falls_through: false,
            tls: None,
            tells_grpc: false,
            gunzip: false,
            routes: Vec::new(),
            rank: Rank::Explicit,
            created: created.map(Into::into),
            uid: None,
            origin,
        }
    }

    /// The owner of each host, and the warnings.
    fn settled(claims: Vec<Claim>) -> (Vec<String>, Vec<String>) {
        let (resources, options) = (Resources::default(), Options::default());
        let mut context = Context { claims, ..Context::new(&resources, &options) };
        let (listeners, _) = settle(&mut context);
        let owners = listeners.iter().flat_map(|l| {
            l.hosts
                .iter()
                .map(move |h| format!("{} {} {}", l.port, h.hostname, h.origin.object.name))
        });
        let warnings = context.problems.into_list().into_iter().map(|d| d.to_string());
        (owners.collect(), warnings.collect())
    }

    #[test]
    fn the_oldest_owns_the_host_whatever_the_order() {
        // decisions §1
        let (old, new) = (Some("2024-01-01T00:00:00Z"), Some("2025-01-01T00:00:00Z"));
        for (a, b, owner) in [
            (claim(80, "x.example", "a", new), claim(80, "x.example", "b", old), "b"),
            (claim(80, "x.example", "a", None), claim(80, "x.example", "b", new), "b"),
            (claim(80, "x.example", "b", None), claim(80, "x.example", "a", None), "a"),
            (claim(80, "x.example", "b", old), claim(80, "x.example", "a", old), "a"),
        ] {
            for claims in [vec![a.clone(), b.clone()], vec![b, a]] {
                let (owners, warnings) = settled(claims);
                assert_eq!(owners, [format!("80 x.example {owner}")]);
                assert_eq!(warnings.len(), 1);
            }
        }
    }

    #[test]
    fn equal_ages_are_settled_by_the_greater_uid_where_all_have_one() {
        // decisions §6, Q2
        let with = |name: &str, uid: &str| Claim {
            uid: Some(uid.into()),
            ..claim(80, "x.example", name, Some("2024-01-01T00:00:00Z"))
        };
        assert_eq!(settled(vec![with("a", "1"), with("b", "2")]).0, ["80 x.example b"]);
    }

    #[test]
    fn explicit_hosts_go_before_service_hosts_without_a_warning() {
        // decisions §1
        let implicit = Claim {
            rank: Rank::ServiceHost,
            ..claim(80, "tea", "service", Some("2020-01-01T00:00:00Z"))
        };
        let (owners, warnings) = settled(vec![implicit, claim(80, "tea", "explicit", None)]);
        assert_eq!(owners, ["80 tea explicit"]);
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn losers_learn_who_won_and_why() {
        let (_, warnings) = settled(vec![
            claim(80, "x.example", "young", None),
            claim(80, "x.example", "old", Some("2024-01-01T00:00:00Z")),
        ]);
        assert_eq!(
            warnings,
            [
                "warning[host-taken]: VirtualServer default/young: spec.host: host `x.example` on port \
              80 belongs to VirtualServer default/old; this one is not served there; it has a \
              creationTimestamp, and a document without one counts as newest"
            ]
        );
    }

    #[test]
    fn losers_learn_what_decided() {
        // decisions §1, §6 Q2
        let with = |name: &str, created: Option<&str>, uid: &str| Claim {
            uid: Some(uid.into()),
            ..claim(80, "x.example", name, created)
        };
        let (old, new) = (Some("2024-01-01T00:00:00Z"), Some("2025-01-01T00:00:00Z"));
        for (loser, winner, want) in [
            (with("a", new, "2"), with("b", old, "1"), "it is older"),
            (
                with("a", old, "1"),
                with("b", old, "2"),
                "both are of one age, and its name or UID decides",
            ),
            (
                with("a", None, "1"),
                with("b", None, "2"),
                "neither has a creationTimestamp, and its name or UID decides",
            ),
        ] {
            let (owners, warnings) = settled(vec![loser, winner]);
            assert_eq!(owners, ["80 x.example b"]);
            assert!(warnings[0].ends_with(want), "{warnings:?}");
        }
    }

    #[test]
    fn exact_and_wildcard_hosts_and_other_ports_do_not_collide() {
        let (owners, warnings) = settled(vec![
            claim(8080, "a.example", "c", None),
            claim(80, "*.example", "b", None),
            claim(80, "a.example", "a", None),
        ]);
        assert_eq!(owners, ["80 a.example a", "80 *.example b", "8080 a.example c"]);
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn a_port_speaks_one_protocol() {
        let mut https = claim(80, "b.example", "b", None);
        https.socket.protocol = Protocol::Https;
        let (owners, warnings) = settled(vec![claim(80, "a.example", "a", None), https]);
        assert_eq!(owners, ["80 a.example a"]);
        assert!(warnings[0].contains("port 80 speaks http, as VirtualServer default/a says"));
    }
}
