//! The VirtualServerRoutes themselves: each is read once, whoever uses it (virtualserver §6.1).

use super::Taken;
use super::containment::Misfit;
use crate::diagnostic::did_you_mean;
use crate::origin::ObjectRef;
use crate::resource::Resource;
use crate::resource::document::At;
use crate::resource::virtual_server::Label;
use crate::resource::virtual_server_route::VirtualServerRoute;
use crate::translate::virtual_server::action::Actions;
use crate::translate::virtual_server::grammar;
use crate::translate::virtual_server::order::Location;
use crate::translate::virtual_server::path::NormalPath;
use crate::translate::virtual_server::policy::{Attachment, PolicySet};
use crate::translate::virtual_server::report::{Fault, Report};
use crate::translate::virtual_server::route::{self, Guards};
use crate::translate::virtual_server::upstream::Upstreams;
use crate::translate::virtual_server::{is_ours, status};
use crate::translate::{Context, State, Status};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The VirtualServerRoutes that are ours.
#[derive(Debug)]
pub(in crate::translate::virtual_server) struct VirtualServerRoutes<'d> {
    /// By namespace and name.
    list: Vec<Entry<'d>>,
    /// By host, and one label.
    by_label: BTreeMap<(&'d str, &'d str, &'d str), Vec<usize>>,
}

/// One VirtualServerRoute.
#[derive(Debug)]
pub(super) struct Entry<'d> {
    pub(super) resource: &'d Resource<VirtualServerRoute>,
    pub(super) refused: bool,
    /// One for each subroute, unless it is refused.
    pub(super) locations: Vec<Location>,
    /// The path of each subroute and its place, unless it is refused.
    pub(super) paths: Vec<(At, NormalPath)>,
    report: Report,
    used_by: BTreeSet<Arc<ObjectRef>>,
    /// Why VirtualServers that delegate to it do not use it.
    passed_over: BTreeMap<Arc<ObjectRef>, Misfit>,
}

impl<'d> Entry<'d> {
    fn read(
        resource: &'d Resource<VirtualServerRoute>,
        policies: &PolicySet,
        context: &mut Context<'d>,
    ) -> Self {
        let mut report = Report::new(Arc::clone(&resource.document));
        let locations = lower(resource, policies, &mut report, context);
        let paths = resource.spec.subroutes.iter().filter_map(|subroute| subroute.path.as_ref());
        let paths: Vec<_> = paths.map(|path| (path.at, NormalPath::of(path))).collect();
        one_kind(&paths, &mut report);
        let refused = report.refused() || resource.spec.errors > 0;
        Self {
            resource,
            refused,
            locations,
            paths,
            report,
            used_by: BTreeSet::new(),
            passed_over: BTreeMap::new(),
        }
    }

    /// The text of its host; empty if it has none.
    pub(super) fn host(&self) -> &'d str {
        self.resource.spec.host.as_ref().map_or("", |host| host)
    }

    fn name(&self) -> (&'d str, &'d str) {
        (&self.resource.meta.namespace, &self.resource.meta.name)
    }
}

/// The locations of a VirtualServerRoute, with no policies but its own.
fn lower(
    resource: &Resource<VirtualServerRoute>,
    policies: &PolicySet,
    report: &mut Report,
    context: &mut Context<'_>,
) -> Vec<Location> {
    let spec = &resource.spec;
    let namespace = &*resource.meta.namespace;
    if let Some(host) = &spec.host {
        report.check(host.at, grammar::host(host));
    }
    let upstreams = Upstreams::read(&spec.upstreams, namespace, &mut context.services, report);
    context.expressions.next_object();
    let server = spec.host.as_ref().map_or("", |host| host);
    let expressions = &mut context.expressions;
    let sticky_by = spec.sticky_by.as_ref();
    let mut actions = Actions { upstreams, report, expressions, sticky_by, server };
    // Which VirtualServers use it is not known yet.
    let name = format!("{namespace}/{}", resource.meta.name);
    let on =
        Attachment { namespace, server: &name, delegate: None, is_spec: false, has_tls: false };
    let guards = Guards { set: policies, of_server: &Arc::default(), on };
    route::lower_all(&spec.subroutes, guards, &mut actions).locations
}

/// All subroutes have paths of one kind (virtualserver §6.1).
fn one_kind(paths: &[(At, NormalPath)], report: &mut Report) {
    let Some(((_, first), others)) = paths.split_first() else { return };
    for (at, path) in others.iter().filter(|(_, path)| path.kind != first.kind) {
        report.error_with(*at, || {
            Fault::invalid(format!(
                "the path `{}` is {}, but that of the first subroute, `{}`, is {}",
                path.text,
                path.kind.as_str(),
                first.text,
                first.kind.as_str()
            ))
            .help("paths of subroutes are all of one kind")
        });
    }
}

impl<'d> VirtualServerRoutes<'d> {
    pub(in crate::translate::virtual_server) fn read(
        policies: &PolicySet,
        context: &mut Context<'d>,
    ) -> Self {
        let all = context.resources.virtual_server_routes();
        let ours = all.filter(|r| is_ours(r.spec.ingress_class.as_deref(), context.options));
        let ours: Vec<_> = ours.collect();
        let list: Vec<_> =
            ours.into_iter().map(|resource| Entry::read(resource, policies, context)).collect();
        let mut by_label: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (number, entry) in list.iter().enumerate() {
            for (key, value) in &entry.resource.meta.labels {
                by_label.entry((entry.host(), &**key, &**value)).or_default().push(number);
            }
        }
        Self { list, by_label }
    }

    pub(super) fn entry(&self, number: usize) -> &Entry<'d> {
        &self.list[number]
    }

    /// The number of the one with that name.
    pub(super) fn find(&self, namespace: &str, name: &str) -> Option<usize> {
        self.list.binary_search_by(|entry| entry.name().cmp(&(namespace, name))).ok()
    }

    /// What to say of a name that no VirtualServerRoute has.
    pub(super) fn unknown(&self, namespace: &str, name: &str) -> Fault {
        let message = format!(
            "there is no VirtualServerRoute `{namespace}/{name}`; nothing is served for it"
        );
        let begin = self.list.partition_point(|entry| entry.name().0 < namespace);
        let near = self.list[begin..].iter().map(Entry::name);
        let near = near.take_while(|(other, _)| *other == namespace).map(|(_, name)| name);
        Fault { help: did_you_mean(name, near), ..Fault::new("not-found", message) }
    }

    /// The numbers of those of `host` that have all of `labels`, by namespace and name.
    pub(super) fn selected(&self, host: &str, labels: &[Label]) -> Vec<usize> {
        let mut lists = Vec::with_capacity(labels.len());
        for label in labels {
            let with = self.by_label.get(&(host, &*label.key, &**label.value));
            lists.push(with.map_or(&[][..], |with| with));
        }
        let rarest = lists.into_iter().min_by_key(|list| list.len());
        let has = |number: usize, label: &Label| {
            self.list[number].resource.meta.labels.get(&label.key) == Some(&label.value.value)
        };
        let all = |number: &usize| labels.iter().all(|label| has(*number, label));
        rarest.into_iter().flatten().copied().filter(all).collect()
    }

    /// Remembers why `server` does not use one that it delegates to.
    pub(super) fn pass_over(&mut self, route: usize, server: &Arc<ObjectRef>, why: Misfit) {
        self.list[route].passed_over.entry(Arc::clone(server)).or_insert(why);
    }

    /// Remembers that `server` uses those that it has taken.
    pub(in crate::translate::virtual_server) fn use_all(
        &mut self,
        taken: &[Taken],
        server: &Arc<ObjectRef>,
    ) {
        for taken in taken {
            self.list[taken.route].used_by.insert(Arc::clone(server));
        }
    }

    /// Remembers why `server` does not use any that it has taken.
    pub(in crate::translate::virtual_server) fn leave_out_all(
        &mut self,
        taken: &[Taken],
        server: &Arc<ObjectRef>,
        why: &str,
    ) {
        for taken in taken {
            let why = Misfit { at: At::default(), message: why.to_owned() };
            self.pass_over(taken.route, server, why);
        }
    }

    /// Tells the problems and the states of all of them. `in_force` are the VirtualServers that
    /// serve their hosts, by the text of these.
    pub(in crate::translate::virtual_server) fn finish(
        self,
        in_force: &BTreeMap<&str, BTreeSet<Arc<ObjectRef>>>,
        context: &mut Context<'_>,
    ) {
        for mut entry in self.list {
            let servers = in_force.get(entry.host());
            let is_in_force =
                |server: &&Arc<ObjectRef>| servers.is_some_and(|s| s.contains(*server));
            let users = entry.used_by.iter().filter(is_in_force);
            let users: Vec<Box<str>> = users
                .map(|server| format!("{}/{}", server.namespace, server.name).into())
                .collect();
            let unused = (!entry.refused && users.is_empty()).then(|| match servers {
                Some(servers) => ("Ignored", entry.ignored(servers)),
                None => ("NoVirtualServerFound", entry.without_server()),
            });
            let state = match unused {
                Some((reason, Misfit { at, message })) => {
                    entry.report.warning(at, Fault::new("no-effect", message.as_str()));
                    State::new("Warning", reason, message)
                }
                None => {
                    let all = entry.resource.spec.diagnostics.iter().chain(entry.report.told());
                    status::state(entry.refused, all)
                }
            };
            let status = Status::VirtualServerRoute { state, referenced_by: users };
            context.statuses.push(status::of(entry.resource, status));
            context.problems.append(entry.report.into_problems());
            if entry.refused {
                context.refused.push(Arc::clone(entry.resource.object()));
            }
        }
    }
}

impl Entry<'_> {
    /// Why none of `servers`, which have its host, uses it.
    fn ignored(&self, servers: &BTreeSet<Arc<ObjectRef>>) -> Misfit {
        let passed_over = servers.iter().find_map(|s| Some((s, self.passed_over.get(s)?)));
        if let Some((server, why)) = passed_over {
            let message = format!("{server} does not use it: {}", why.message);
            return Misfit { at: why.at, message };
        }
        let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
        let message = match &servers[..] {
            [one] => format!("{one}, which has its host, does not delegate to it"),
            all => format!("{}, which have its host, do not delegate to it", all.join(" and ")),
        };
        Misfit { at: At::default(), message }
    }

    fn without_server(&self) -> Misfit {
        let message = format!("no VirtualServer in force has the host `{}`", self.host());
        let at = self.resource.spec.host.as_ref().map_or(At::default(), |host| host.at);
        Misfit { at, message }
    }
}
