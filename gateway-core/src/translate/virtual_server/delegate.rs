//! Which subroutes of VirtualServerRoutes a VirtualServer serves (virtualserver §6).

mod containment;
mod routes;

pub(super) use routes::VirtualServerRoutes;

use super::grammar::qualified_name;
use super::labels;
use super::order::{Location, Place};
use super::outside;
use super::path::{NormalPath, PathKey, PathKind};
use super::policy::{Attachment, merged, shared};
use super::report::{Fault, Report};
use super::route::Guards;
use crate::origin::{ObjectRef, Origin};
use crate::resource::document::{At, Located};
use crate::resource::virtual_server::{Delegate, Label, Route, Text};
use containment::{Misfit, fit};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most VirtualServerRoutes that the selectors of a VirtualServer look at. One that several
/// selectors find counts as often.
const MAX_SELECTED: usize = 1 << 20;

/// A route that VirtualServerRoutes take over. It is no location itself.
#[derive(Debug)]
pub(super) struct Delegation<'r> {
    /// The whole route.
    at: At,
    /// Its path, as written.
    written: &'r Text,
    path: NormalPath,
    /// Its list of policies.
    policies: Option<At>,
    to: To<'r>,
    /// What subroutes inherit: a place without rules.
    place: Place,
}

/// To whom a route is delegated.
#[derive(Debug)]
enum To<'r> {
    Name { at: At, namespace: Option<&'r str>, name: &'r str },
    Labels(&'r Located<Vec<Label>>),
}

impl<'r> Delegation<'r> {
    /// `None` when something is wrong with it.
    pub(super) fn lower(
        route: &'r Route,
        to: &'r Delegate,
        place: Place,
        report: &mut Report,
    ) -> Option<Self> {
        let to = match to {
            Delegate::Name(text) => {
                let (namespace, name) = report.check(text.at, qualified_name(text))?;
                To::Name { at: text.at, namespace, name }
            }
            Delegate::Labels(labels) => {
                let mut all_right = labels::check(labels, report);
                for Label { value, .. } in labels.iter().filter(|label| label.value.is_empty()) {
                    report.error(value.at, Fault::invalid("it must not be empty"));
                    all_right = false;
                }
                if !all_right {
                    return None;
                }
                To::Labels(labels)
            }
        };
        let written = route.path.as_ref()?;
        let path = NormalPath::of(written);
        let policies = route.policies.as_ref().map(|list| list.at);
        Some(Self { at: route.at, written, path, policies, to, place })
    }

    /// Where it says who takes over.
    fn to_at(&self) -> At {
        match &self.to {
            To::Name { at, .. } => *at,
            To::Labels(labels) => labels.at,
        }
    }
}

/// The VirtualServer that delegates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delegator<'a> {
    pub(super) object: &'a Arc<ObjectRef>,
    /// The text of its host.
    pub(super) host: &'a str,
    pub(super) guards: Guards<'a>,
}

/// A VirtualServerRoute that is to serve a VirtualServer, by its number, and its locations there.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) route: usize,
    pub(super) locations: Vec<Location>,
}

/// The VirtualServerRoutes that take over, in the order of virtualserver §6.3. Those that cannot
/// are a warning each, and nothing is served for them. `own` are the locations of the
/// VirtualServer itself.
pub(super) fn collect(
    delegations: &[Delegation<'_>],
    own: &[Location],
    delegator: Delegator<'_>,
    routes: &mut VirtualServerRoutes<'_>,
    report: &mut Report,
) -> Vec<Taken> {
    let paths = own.iter().map(|location| (location.path.key(), location.origin.clone()));
    let mut collection = Collection {
        delegator,
        routes,
        report,
        paths: paths.collect(),
        selected: 0,
        kept: BTreeSet::new(),
        taken: Vec::new(),
    };
    // Of each name, the routes with it. Several are of use only for expressions, whose paths
    // are known when all of them are.
    let mut named: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut groups: Vec<((&str, &str), Vec<&Delegation<'_>>)> = Vec::new();
    for delegation in delegations {
        match &delegation.to {
            To::Labels(labels) => collection.select(labels, delegation),
            To::Name { namespace, name, .. } => {
                let name = (namespace.unwrap_or(delegator.guards.on.namespace), *name);
                let next = groups.len();
                let group = *named.entry(name).or_insert(next);
                if group == next {
                    groups.push((name, vec![delegation]));
                    if delegation.path.kind != PathKind::Regex {
                        collection.add_named(name, &[delegation]);
                    }
                } else if collection.may_share(name, groups[group].1[0], delegation) {
                    groups[group].1.push(delegation);
                }
            }
        }
    }
    for (name, group) in &groups {
        if group[0].path.kind == PathKind::Regex {
            collection.add_named(*name, group);
        }
    }
    collection.taken
}

struct Collection<'c, 'd> {
    delegator: Delegator<'c>,
    routes: &'c mut VirtualServerRoutes<'d>,
    report: &'c mut Report,
    /// Which paths have locations already, and where they were written.
    paths: BTreeMap<PathKey, Origin>,
    /// How many were selected, those that several selectors find more than once.
    selected: usize,
    /// Those that are taken, by number.
    kept: BTreeSet<usize>,
    taken: Vec<Taken>,
}

impl Collection<'_, '_> {
    /// Whether `later` may share a VirtualServerRoute with the `first` route that names it: both
    /// are expressions (virtualserver §3, §6.2).
    fn may_share(
        &mut self,
        (namespace, name): (&str, &str),
        first: &Delegation<'_>,
        later: &Delegation<'_>,
    ) -> bool {
        let field = || self.report.origin(first.at).field;
        if first.path.kind != later.path.kind {
            let message = format!(
                "the path `{}` is {}, but that of `{}`, which delegates to `{namespace}/{name}` \
                 too, is {}",
                later.written.value,
                later.path.kind.as_str(),
                field(),
                first.path.kind.as_str(),
            );
            self.report.error(later.written.at, Fault::invalid(message));
            return false;
        }
        if first.path.kind != PathKind::Regex {
            let message = format!(
                "`{}` delegates to `{namespace}/{name}` already; nothing is served for this route",
                field()
            );
            let fault = Fault::new("duplicate-value", message)
                .help("only routes with expressions can share a VirtualServerRoute");
            self.report.warning(later.to_at(), fault);
            return false;
        }
        true
    }

    fn add_named(&mut self, (namespace, name): (&str, &str), from: &[&Delegation<'_>]) {
        match self.routes.find(namespace, name) {
            Some(route) => self.add(route, from),
            None => {
                let routes = &self.routes;
                self.report.warning_with(from[0].to_at(), || routes.unknown(namespace, name));
            }
        }
    }

    /// Adds those of the host that have the labels, wherever they stand (virtualserver §6.3).
    fn select(&mut self, labels: &[Label], from: &Delegation<'_>) {
        let host = self.delegator.host;
        let selected = self.routes.selected(host, labels);
        if selected.is_empty() {
            let message = format!("no VirtualServerRoute of the host `{host}` has these labels");
            self.report.warning(from.to_at(), Fault::new("not-found", message));
        }
        self.selected += selected.len();
        if self.selected > MAX_SELECTED {
            let message = format!(
                "the selectors of the routes up to this one find VirtualServerRoutes more than \
                 {MAX_SELECTED} times"
            );
            self.report.error(from.to_at(), Fault::new("too-many", message));
            return;
        }
        for route in selected {
            self.add(route, &[from]);
        }
    }

    /// Takes a VirtualServerRoute that `from` delegate to, or tells why not.
    fn add(&mut self, route: usize, from: &[&Delegation<'_>]) {
        if let Some((code, why)) = self.obstacle(route) {
            self.warn(route, from, code, || why);
            return;
        }
        let found = self.routes.entry(route);
        match fit(from, found).and_then(|fitting| Ok((fitting, self.free_paths(found)?))) {
            Ok((fitting, paths)) => {
                let locations = inherit(found, &fitting, self.delegator.guards, self.report);
                self.paths.extend(paths);
                self.kept.insert(route);
                self.taken.push(Taken { route, locations });
            }
            Err(misfit) => {
                self.warn(route, from, "no-effect", || {
                    let field = found.resource.origin(misfit.at).field;
                    let colon = if field.is_empty() { "" } else { ": " };
                    format!("is not used: {field}{colon}{}", misfit.message).into()
                });
                self.routes.pass_over(route, self.delegator.object, misfit);
            }
        }
    }

    /// What keeps a VirtualServerRoute from being of use, whatever stands in its subroutes.
    fn obstacle(&self, route: usize) -> Option<(&'static str, Cow<'static, str>)> {
        if self.kept.contains(&route) {
            return Some(("duplicate-value", "is reached a second time, without effect".into()));
        }
        let found = self.routes.entry(route);
        if found.refused {
            return Some(("no-effect", "is refused; nothing is served for it".into()));
        }
        let (own, host) = (found.host(), self.delegator.host);
        let why = || format!("is not used: its host `{own}` must be equal to `{host}`");
        (own != host).then(|| ("no-effect", why().into()))
    }

    /// The paths of a VirtualServerRoute and where they were written, if none of them has a
    /// location already.
    fn free_paths(&self, found: &routes::Entry<'_>) -> Result<Vec<(PathKey, Origin)>, Misfit> {
        let free = found.locations.iter().zip(&found.paths).map(|(location, (at, path))| {
            let key = location.path.key();
            match self.paths.get(&key) {
                None => Ok((key, location.origin.clone())),
                Some(owner) => {
                    let message = format!("the path `{}` is that of {owner} already", path.text);
                    Err(Misfit { at: *at, message })
                }
            }
        });
        free.collect()
    }

    fn warn(
        &mut self,
        route: usize,
        from: &[&Delegation<'_>],
        code: &'static str,
        why: impl FnOnce() -> Cow<'static, str>,
    ) {
        let object = self.routes.entry(route).resource.object();
        let fault = || Fault::new(code, format!("{object} {}", why()));
        self.report.warning_with(from[0].to_at(), fault);
    }
}

/// The locations of a VirtualServerRoute, with what they inherit from the routes that each of
/// them is `from` (virtualserver §6.4).
fn inherit(
    found: &routes::Entry<'_>,
    from: &[&Delegation<'_>],
    guards: Guards<'_>,
    report: &mut Report,
) -> Vec<Location> {
    let meta = &found.resource.meta;
    let name = format!("{}/{}", meta.namespace, meta.name);
    let on = Attachment { namespace: &meta.namespace, delegate: Some(&name), ..guards.on };
    // What is wrong with the policies was told when the VirtualServerRoute was read.
    let mut told = Report::new(Arc::clone(&found.resource.document));
    let mut locations = found.locations.clone();
    let subroutes = &found.resource.spec.subroutes;
    for ((location, subroute), from) in locations.iter_mut().zip(subroutes).zip(from) {
        let Place { policies, error_pages, .. } = &mut location.place;
        let own = subroute.policies.as_ref();
        let own = own.map(|list| merged(guards.of_server, guards.set.resolve(list, on, &mut told)));
        if let (Some(own), Some(of_route), Some(at)) = (&own, &from.place.policies, from.policies)
            && merged(of_route, own.as_deref().cloned().unwrap_or_default()) != *own
        {
            report.notice(at, loses_policies(found, subroute));
        }
        *policies = own.unwrap_or_else(|| from.place.policies.clone());
        if subroute.dos.is_some() {
            let mut with_fault = policies.as_deref().cloned().unwrap_or_default();
            outside::dos(subroute.dos.as_ref(), &mut with_fault, &mut told);
            *policies = shared(with_fault);
        }
        // A list of its own goes before, even an empty one.
        if subroute.error_pages.is_none() {
            error_pages.clone_from(&from.place.error_pages);
        }
    }
    locations
}

/// What to say of policies of a route that nothing takes the place of in a subroute, which has a
/// list of its own.
fn loses_policies(found: &routes::Entry<'_>, subroute: &Route) -> Fault {
    let origin = found.resource.origin(subroute.at);
    let path = subroute.path.as_ref().map_or("", |path| path);
    let message = format!("these policies do not hold for `{path}` of {}", origin.object);
    Fault::new("no-effect", message).help(format!(
        "`{}.policies` takes the place of the whole list: name there what is to hold, too",
        origin.field
    ))
}
