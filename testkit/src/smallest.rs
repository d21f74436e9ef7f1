//! A small case of what goes wrong, out of a large one.

use crate::OwnedRequest;
use gateway_core::rules::{RuleSet, VirtualHost};
use std::sync::Arc;

/// Leaves out of `rules` and `request` what `fails` does not need.
///
/// `fails` has to hold for what is handed in. It says no for rules that do not compile.
pub fn smallest(
    rules: &RuleSet,
    request: &OwnedRequest,
    fails: impl Fn(&RuleSet, &OwnedRequest) -> bool,
) -> (RuleSet, OwnedRequest) {
    let (mut rules, mut request) = (rules.clone(), request.clone());
    loop {
        let before = size(&rules, &request);
        thin(&mut rules, |r| &mut r.listeners, |rules| fails(rules, &request));
        for at in 0..rules.listeners.len() {
            let mut hosts: Hosts = rules.listeners[at].hosts.iter().cloned().collect();
            let with = |hosts: &Hosts| {
                let mut rules = rules.clone();
                rules.listeners[at].hosts = hosts.iter().cloned().collect();
                rules
            };
            let fails = |hosts: &Hosts| fails(&with(hosts), &request);
            thin(&mut hosts, |hosts| hosts, fails);
            for host in 0..hosts.len() {
                thin(&mut hosts, |hosts| &mut edit(hosts, host).routes, fails);
                for route in 0..hosts[host].routes.len() {
                    thin(
                        &mut hosts,
                        |hosts| &mut edit(hosts, host).routes[route].conditions,
                        fails,
                    );
                }
            }
            rules = with(&hosts);
        }
        for at in 0..rules.services.len() {
            thin(
                &mut rules,
                |r| &mut Arc::make_mut(&mut r.services)[at].splits,
                |rules| fails(rules, &request),
            );
        }
        thin(&mut request, |r| &mut r.headers, |request| fails(&rules, request));
        thin(&mut request, |r| &mut r.attributes, |request| fails(&rules, request));
        thin(&mut request, |r| &mut r.target, |request| fails(&rules, request));
        if size(&rules, &request) == before {
            return (rules, request);
        }
    }
}

type Hosts = Vec<Arc<VirtualHost>>;

fn edit(hosts: &mut Hosts, host: usize) -> &mut VirtualHost {
    Arc::make_mut(&mut hosts[host])
}

/// Takes runs of items away, long ones first, as long as `fails`.
fn thin<T: Clone, I>(
    whole: &mut T,
    items: impl Fn(&mut T) -> &mut Vec<I>,
    fails: impl Fn(&T) -> bool,
) {
    let mut run = items(whole).len();
    while run > 0 {
        let mut at = 0;
        while at < items(whole).len() {
            let mut less = whole.clone();
            let list = items(&mut less);
            let end = (at + run).min(list.len());
            list.drain(at..end);
            if fails(&less) {
                *whole = less;
            } else {
                at += run;
            }
        }
        run /= 2;
    }
}

fn size(rules: &RuleSet, request: &OwnedRequest) -> usize {
    let routes = |host: &Arc<VirtualHost>| {
        1 + host.routes.iter().map(|route| 1 + route.conditions.len()).sum::<usize>()
    };
    let hosts = rules.listeners.iter().flat_map(|listener| listener.hosts.iter());
    let hosts: usize = hosts.map(routes).sum();
    let splits = rules.services.iter().map(|service| service.splits.len()).sum::<usize>();
    let of_request = request.headers.len() + request.attributes.len() + request.target.len();
    rules.listeners.len() + hosts + splits + of_request
}
