//! Which listeners there are, which of them are at odds, and which of them owns a host
//! (gateway-api §5, §6, §8).

mod conflict;
mod gateway;
mod section;
mod tls;

pub(super) use gateway::{GatewayState, SetState};
pub(super) use section::{Cause, Owner, Section};

use super::fault::Fault;
use super::grants::Grants;
use super::{admit, age};
use crate::diagnostic::{Diagnostic, did_you_mean, did_you_mean_object};
use crate::resource::GATEWAY_GROUP;
use crate::resource::gateway::{Gateway, GatewayClass};
use crate::resource::listener_set::ListenerSet;
use crate::resource::{Resource, Resources};
use crate::rules::{HostPattern, Protocol};
use crate::translate::Context;
use crate::translate::hosts::Losses;
use conflict::InPlace;
use section::{Refusal, known, takes};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use tls::Frontends;

/// The listeners of all Gateways that are ours, oldest Gateway first, and then those of all their
/// ListenerSets, oldest set first.
pub(super) struct Listeners<'a> {
    sections: Vec<Section<'a>>,
    pub(super) gateways: Vec<GatewayState<'a>>,
    by_name: BTreeMap<(&'static str, &'a str, &'a str), Found>,
    /// The section that has a port and a hostname for itself.
    owners: HashMap<(u16, HostPattern), usize>,
    /// The protocol of a port is that of its first listener.
    ports: BTreeMap<u16, (Protocol, usize)>,
}

/// A Gateway or a ListenerSet by name.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// Of another class, or refused: its own document says why.
    NotServed,
    /// These sections are its listeners.
    Ours {
        sections: Range<usize>,
        /// Index into [`Listeners::gateways`].
        gateway: usize,
    },
}

/// What listeners of one Gateway and its ListenerSets have to know of each other.
#[derive(Default)]
struct Place {
    frontends: Frontends,
    taken: InPlace,
}

/// ListenerSets by group, kind, namespace and name of their parent.
type Sets<'a> = BTreeMap<(&'a str, &'a str, &'a str, &'a str), Vec<&'a Resource<ListenerSet>>>;

/// The group of Gateways and ListenerSets.
impl<'a> Listeners<'a> {
    pub(super) fn of(grants: &Grants<'a>, context: &mut Context<'a>) -> Self {
        let resources = context.resources;
        let mut all: Vec<&Resource<Gateway>> = resources.gateways().collect();
        all.sort_by_cached_key(|gateway| age(gateway));
        let mut sets = sets(resources);
        let mut listeners = Self {
            sections: Vec::new(),
            gateways: Vec::new(),
            by_name: BTreeMap::new(),
            owners: HashMap::new(),
            ports: BTreeMap::new(),
        };
        // By Gateway that is ours.
        let mut places: Vec<Place> = Vec::new();
        let mut taken: Vec<(usize, &Resource<ListenerSet>)> = Vec::new();
        for gateway in all {
            let name = (&*gateway.meta.namespace, &*gateway.meta.name);
            let own_sets =
                sets.remove(&(GATEWAY_GROUP, "Gateway", name.0, name.1)).unwrap_or_default();
            let ours =
                is_of_class(gateway, context) && admit(gateway, &gateway.spec.channels, context);
            if ours {
                warn_of_class(gateway, context);
                taken.extend(own_sets.into_iter().map(|set| (places.len(), set)));
                places.push(listeners.add(gateway, grants, context));
            } else {
                listeners.by_name.insert(("Gateway", name.0, name.1), Found::NotServed);
                for set in own_sets {
                    let (namespace, name) = (&*set.meta.namespace, &*set.meta.name);
                    listeners.by_name.insert(("ListenerSet", namespace, name), Found::NotServed);
                }
            }
        }
        // A set takes nothing from a Gateway that is there already, however old its own one is.
        taken.sort_by_cached_key(|(_, set)| age(set));
        for (index, set) in taken {
            listeners.add_set(index, set, &mut places[index], grants, context);
        }
        for (state, place) in listeners.gateways.iter_mut().zip(&places) {
            state.insecure = place.frontends.are_insecure(state.gateway);
        }
        listeners.warn_of_orphans(sets, context);
        listeners.find_overlaps();
        listeners
    }

    /// Adds a Gateway and its own listeners.
    fn add(
        &mut self,
        gateway: &'a Resource<Gateway>,
        grants: &Grants<'a>,
        context: &mut Context<'a>,
    ) -> Place {
        let mut state = GatewayState::of(gateway, grants, context);
        let mut place = Place::default();
        let first = self.sections.len();
        for listener in &gateway.spec.listeners {
            let mut section = Section::new(Owner::Gateway(gateway), gateway, listener);
            section.refusal = conflict::among(listener, &gateway.spec.listeners);
            if let Some(refusal) = &section.refusal {
                let fault = Fault::new(refusal.reason, &*refusal.message);
                fault.tell(&section.origin(), context);
            }
            self.push(section, &mut place, grants, context);
        }
        state.own = first..self.sections.len();
        let found = Found::Ours { sections: state.own.clone(), gateway: self.gateways.len() };
        self.by_name.insert(("Gateway", &gateway.meta.namespace, &gateway.meta.name), found);
        self.gateways.push(state);
        place
    }

    /// Adds a ListenerSet of a Gateway.
    fn add_set(
        &mut self,
        gateway: usize,
        set: &'a Resource<ListenerSet>,
        place: &mut Place,
        grants: &Grants<'a>,
        context: &mut Context<'a>,
    ) {
        let state = &self.gateways[gateway];
        let refused = self.refusal_of_set(state, set, context.resources);
        let parent = state.gateway;
        if let Some(fault) = &refused {
            let origin = set.origin(set.spec.parent.at);
            fault.warn(&origin, context);
        }
        let first = self.sections.len();
        let listeners = match refused {
            None => &set.spec.listeners[..],
            Some(_) => &[],
        };
        for listener in listeners {
            let mut section = Section::new(Owner::Set(set), parent, listener);
            section.refusal = place.taken.refusal(listener, &self.sections);
            if let Some(refusal) = &section.refusal {
                let fault = Fault::new(refusal.reason, &*refusal.message);
                fault.warn(&section.origin(), context);
            }
            self.push(section, place, grants, context);
        }
        let sections = first..self.sections.len();
        let found = Found::Ours { sections: sections.clone(), gateway };
        self.by_name.insert(("ListenerSet", &set.meta.namespace, &set.meta.name), found);
        self.gateways[gateway].sets.push(SetState { set, sections, refused });
    }

    /// Adds a section that is not at odds with others of its Gateway, or is refused already.
    fn push(
        &mut self,
        mut section: Section<'a>,
        place: &mut Place,
        grants: &Grants<'a>,
        context: &mut Context<'a>,
    ) {
        warn_of_kinds(&section, context);
        if section.refusal.is_none() {
            section.refusal = self.refusal(&section, context);
        }
        tls::resolve(&mut section, grants, &mut place.frontends, context);
        let (index, listener) = (self.sections.len(), section.listener);
        place.taken.add(index, &section);
        if section.keeps_place()
            && let Some(protocol) = section.served()
        {
            self.ports.entry(listener.port).or_insert((protocol, index));
            self.owners.insert((listener.port, listener.hostname.clone()), index);
        }
        self.sections.push(section);
    }

    fn refusal(&self, section: &Section<'a>, context: &mut Context<'_>) -> Option<Refusal> {
        let listener = section.listener;
        let Some(protocol) = section.served() else {
            let message = format!("the protocol `{}` is not supported", listener.protocol);
            let fault = Fault::new("UnsupportedProtocol", &*message);
            let fault = fault.help("the protocols are `HTTP` and `HTTPS`".to_owned());
            fault.warn(&section.origin(), context);
            return Some(Refusal { cause: Cause::Protocol, reason: fault.reason, message });
        };
        // Between Gateways the older one wins.
        let (reason, winner, what) = match self.ports.get(&listener.port) {
            Some((other, index)) if *other != protocol => {
                ("ProtocolConflict", *index, format!("speaks {}", other.as_str()))
            }
            _ => {
                let key = (listener.port, listener.hostname.clone());
                let index = *self.owners.get(&key)?;
                let host = &listener.hostname;
                ("HostnameConflict", index, format!("has a listener for host `{host}`"))
            }
        };
        let winner = self.sections[winner].owner.object();
        let message = format!("port {} {what} already, in {winner}", listener.port);
        let fault = Fault::new(reason, &*message)
            .help("the older Gateway wins, then the first by name".to_owned());
        fault.warn(&section.origin(), context);
        Some(Refusal { cause: Cause::Conflict, reason, message })
    }

    /// Why a Gateway does not take a ListenerSet (gateway-api §8.1).
    fn refusal_of_set(
        &self,
        state: &GatewayState<'a>,
        set: &Resource<ListenerSet>,
        resources: &Resources,
    ) -> Option<Fault> {
        let gateway = state.gateway;
        let from = &gateway.spec.allowed_listeners;
        if !takes(from, &gateway.meta.namespace, &set.meta.namespace, resources) {
            let message = format!(
                "{} takes no ListenerSets of namespace `{}`",
                gateway.object(),
                set.meta.namespace
            );
            let help = "see its `allowedListeners`".to_owned();
            return Some(Fault::new("NotAllowed", message).help(help));
        }
        if !self.is_accepted(state) {
            let message = format!("{} is not accepted", gateway.object());
            return Some(Fault::new("ParentNotAccepted", message));
        }
        None
    }

    /// Whether a Gateway is accepted: it has a listener that is (gateway-api §5.3).
    pub(super) fn is_accepted(&self, state: &GatewayState<'a>) -> bool {
        let own = &self.sections[state.own.clone()];
        state.refused.is_none() && own.iter().any(|section| section.refusal.is_none())
    }

    /// The Gateway or ListenerSet of a name, if there is one.
    pub(super) fn named(
        &self,
        kind: &'static str,
        namespace: &'a str,
        name: &'a str,
    ) -> Option<&Found> {
        self.by_name.get(&(kind, namespace, name))
    }

    /// Which Gateway or ListenerSet was meant by a name that there is none of.
    pub(super) fn meant(&self, kind: &'static str, namespace: &str, name: &str) -> Option<String> {
        did_you_mean_object(namespace, name, |namespace| {
            let keys = self.by_name.range((kind, namespace, "")..).map(|(key, _)| *key);
            keys.take_while(|key| key.0 == kind).map(|(_, namespace, name)| (namespace, name))
        })
    }

    pub(super) fn section(&self, index: usize) -> &Section<'a> {
        &self.sections[index]
    }

    pub(super) fn sections(&self, range: Range<usize>) -> &[Section<'a>] {
        &self.sections[range]
    }

    /// The listeners that have their hosts for themselves.
    pub(super) fn in_place(&self) -> impl Iterator<Item = (usize, &Section<'a>)> {
        self.sections.iter().enumerate().filter(|(_, section)| section.keeps_place())
    }

    /// The most specific section that covers `host`, on the port of `section` (gateway-api §6.2).
    pub(super) fn owner(&self, section: usize, host: &HostPattern) -> Option<usize> {
        let port = self.sections[section].listener.port;
        self.covering(port, host).next()
    }

    /// The sections of a port that cover `host`, from the most specific one on.
    fn covering(&self, port: u16, host: &HostPattern) -> impl Iterator<Item = usize> {
        let name = match host {
            HostPattern::Exact(name) | HostPattern::Wildcard(name) => name,
            HostPattern::Any => "",
        };
        let parents = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
        let own = (*host != HostPattern::Any).then(|| host.clone());
        own.into_iter()
            .chain(parents.map(|suffix| HostPattern::Wildcard(suffix.into())))
            .chain([HostPattern::Any])
            .filter_map(move |pattern| self.owners.get(&(port, pattern)).copied())
    }

    /// Marks the listeners that end TLS for names of each other (gateway-api §7.3).
    fn find_overlaps(&mut self) {
        let https = self.in_place().filter(|(_, section)| section.is_https());
        let overlapping: BTreeSet<usize> = https
            .flat_map(|(index, section)| {
                let all = self.covering(section.listener.port, &section.listener.hostname);
                let others: Vec<usize> = all.filter(|other| *other != index).collect();
                let this = (!others.is_empty()).then_some(index);
                this.into_iter().chain(others)
            })
            .collect();
        for index in overlapping {
            self.sections[index].overlaps = true;
        }
    }

    /// Takes the place from sections whose port speaks what another dialect says.
    pub(super) fn lose(&mut self, losses: &Losses) {
        for section in &mut self.sections {
            if let Some(message) = losses.of_section(&section.name()) {
                section.refusal = Some(Refusal {
                    cause: Cause::Conflict,
                    reason: "ProtocolConflict",
                    message: message.clone(),
                });
            }
        }
    }

    /// Counts a route that is attached to these sections and accepted.
    pub(super) fn count(&mut self, sections: impl Iterator<Item = usize>) {
        for section in sections.collect::<BTreeSet<_>>() {
            self.sections[section].attached_routes += 1;
        }
    }

    /// Says so where a ListenerSet has no Gateway; those of others are none of our business.
    fn warn_of_orphans(&mut self, orphans: Sets<'a>, context: &mut Context<'a>) {
        for ((_, kind, namespace, name), sets) in orphans {
            for set in sets {
                let key = ("ListenerSet", &*set.meta.namespace, &*set.meta.name);
                self.by_name.insert(key, Found::NotServed);
                if context.resources.is_refused(kind, namespace, name) {
                    continue;
                }
                let help = self.meant("Gateway", namespace, name);
                let message = format!("there is no {kind} `{namespace}/{name}`");
                let fault = Fault::new("unknown-parent", message).help(help);
                fault.warn(&set.origin(set.spec.parent.at), context);
            }
        }
    }
}

fn sets(resources: &Resources) -> Sets<'_> {
    let mut sets = Sets::new();
    for set in resources.listener_sets() {
        let parent = &set.spec.parent;
        let namespace = parent.namespace.as_deref().unwrap_or(&set.meta.namespace);
        let key = (&*parent.group, &*parent.kind, namespace, &*parent.name);
        sets.entry(key).or_default().push(set);
    }
    sets
}

fn is_of_class(gateway: &Resource<Gateway>, context: &Context<'_>) -> bool {
    match (&context.options.gateway_class, &gateway.spec.class) {
        (Some(ours), Some(class)) => *ours == class.value,
        _ => true,
    }
}

/// The class of a Gateway, if a document describes it.
pub(super) fn class<'a>(
    gateway: &Resource<Gateway>,
    resources: &'a Resources,
) -> Option<&'a Resource<GatewayClass>> {
    resources.gateway_class(gateway.spec.class.as_ref()?)
}

fn warn_of_class(gateway: &Resource<Gateway>, context: &mut Context<'_>) {
    let resources = context.resources;
    let classes = || resources.gateway_classes().map(|class| &*class.meta.name);
    if let Some(class) = &gateway.spec.class
        && classes().next().is_some()
        && resources.gateway_class(class).is_none()
    {
        let message = format!("no document describes the GatewayClass `{}`", class.value);
        let fault = Fault::new("unknown-class", message).help(did_you_mean(class, classes()));
        fault.warn(&gateway.origin(class.at), context);
    }
}

fn warn_of_kinds(section: &Section<'_>, context: &mut Context<'_>) {
    for kind in section.listener.routes.kinds.iter().filter(|kind| known(kind).is_none()) {
        let (group, name) = &kind.value;
        let message = format!("routes of kind `{name}` of group `{group}` are not supported");
        let origin = section.owner.origin(kind.at);
        context.problems.push(Diagnostic::warning("InvalidRouteKinds", &origin, message));
    }
}
