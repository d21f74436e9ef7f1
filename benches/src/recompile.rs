//! One host among many changes, and the table is made again.

use crate::engine::rule_set;
use crate::measure::{building, median};
use crate::workload::{Kind, Workload};
use gateway_core::Router;
use gateway_core::rules::{RuleSet, VirtualHost};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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

/// Whether the engine can keep what did not change. Where it cannot, the changed rules are
/// compiled as if there were no table yet.
pub const SHARES: bool = false;

fn compile_from(_previous: &Router, rules: &RuleSet) -> Router {
    Router::compile(rules).unwrap()
}

/// Measures with about `rules` routes, of another changed host in each round.
pub fn run(rules: usize, rounds: usize) -> Recompile {
    let before = rule_set(&Workload::new(Kind::Hosts, rules));
    let hosts = before.listeners[0].hosts.len();
    let (router, cost) = building(|| Router::compile(&before).unwrap());
    let times = (0..rounds.max(1)).map(|round| {
        let at = round * 7919 % hosts;
        let mut after = before.clone();
        let host = &mut after.listeners[0].hosts[at];
        *host = Arc::new(without_first_route(host));
        let (router, cost) = building(|| compile_from(&router, &after));
        assert_eq!(router.rules().route_count(), before.route_count() - 1);
        cost.time
    });
    Recompile { hosts, full: cost.time, changed: median(times.collect()) }
}

fn without_first_route(host: &VirtualHost) -> VirtualHost {
    let mut host = host.clone();
    host.routes.remove(0);
    host
}
