//! One host among many changes, and the table is made again. Copying and changing the rules is not
//! counted.

use crate::engine::rule_set;
use crate::measure::{building, median};
use crate::workload::{Kind, Workload};
use gateway_core::Router;
use gateway_core::rules::VirtualHost;
use serde::{Deserialize, Serialize};

/// What it costs at one number of hosts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recompile {
    /// With ten routes each.
    pub hosts: usize,
    /// Nanoseconds to compile all of them.
    pub full: f64,
    /// Median nanoseconds to compile again after one changed.
    pub changed: f64,
}

/// Measures with about `rules` routes, of another changed host in each round.
pub fn run(rules: usize, rounds: usize) -> Recompile {
    let before = rule_set(&Workload::new(Kind::Hosts, rules));
    let hosts = before.listeners[0].hosts.iter();
    let names: Vec<_> = hosts.map(|host| host.hostname.clone()).collect();
    let (router, cost) = building(|| Router::compile(&before).unwrap());
    let times = (0..rounds.max(1)).map(|round| {
        let name = &names[round * 7919 % names.len()];
        let mut after = before.clone();
        let hosts = &mut after.listeners[0].hosts;
        let changed = without_first_route(hosts.get(name).unwrap());
        hosts.insert(changed);
        let (router, cost) = building(|| Router::compile_from(&router, &after).unwrap());
        assert_eq!(router.rules().route_count(), before.route_count() - 1);
        cost.time
    });
    Recompile { hosts: names.len(), full: cost.time, changed: median(times.collect()) }
}

fn without_first_route(host: &VirtualHost) -> VirtualHost {
    let mut host = host.clone();
    host.routes.remove(0);
    host
}
