//! Builds the tables of TrafficSplits.

use super::dispatch;
use crate::limits::Limits;
use crate::matcher::NONE;
use crate::matcher::hosts::Facts;
use crate::matcher::splits::{Place, SplitTable, SplitTables};
use crate::rules::{Condition, GroupMatch, GroupMatches, Service, ServiceSplit};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The tables of `services`. What they take is added to `facts`; nothing is built beyond the limit
/// of routes, which is told from there.
pub(super) fn compile(services: &[Service], limits: &Limits, facts: &mut Facts) -> SplitTables {
    let mut known: BTreeMap<Vec<GroupIds>, Arc<SplitTable>> = BTreeMap::new();
    let mut table = |service: &Service| {
        let splits = &service.splits[..];
        splits.iter().any(|split| split.matches.is_some()).then(|| {
            let ids = splits.iter().map(group_ids).collect();
            Arc::clone(known.entry(ids).or_insert_with(|| build(splits, limits, facts).into()))
        })
    };
    services.iter().map(&mut table).collect()
}

/// The groups of a split by their addresses; `None` for a split without conditions.
type GroupIds = Option<Vec<usize>>;

fn group_ids(split: &ServiceSplit) -> GroupIds {
    let groups = split.matches.as_ref().map(GroupMatches::groups)?;
    Some(groups.iter().map(address).collect())
}

fn address(group: &Arc<[GroupMatch]>) -> usize {
    Arc::as_ptr(group).cast::<GroupMatch>().addr()
}

fn build(splits: &[ServiceSplit], limits: &Limits, facts: &mut Facts) -> SplitTable {
    let (mut places, mut conditions) = (Vec::new(), Vec::<&[Condition]>::new());
    // Where a group has not held for one split, it does not hold for a later one.
    let mut seen = BTreeSet::new();
    for (split, number) in splits.iter().zip(0..) {
        let Some(matches) = &split.matches else {
            places.push(Place { split: number, group: NONE, at: 0 });
            conditions.push(&[]);
            break;
        };
        for (group, of) in matches.groups().iter().zip(0..) {
            if seen.insert(address(group)) {
                places.extend((0..group.len() as u32).map(|at| Place {
                    split: number,
                    group: of,
                    at,
                }));
                conditions.extend(group.iter().map(|m| &*m.conditions));
            }
        }
    }
    let count = u32::try_from(places.len()).unwrap_or(u32::MAX);
    facts.routes = facts.routes.saturating_add(count);
    if facts.routes as usize > limits.routes {
        (places, conditions) = (Vec::new(), Vec::new());
    }
    let ranks: Vec<u32> = (0..places.len() as u32).collect();
    let groups = (!ranks.is_empty()).then_some(&ranks[..]);
    let (dispatch, automata_bytes) = dispatch::build(&conditions, &[], groups.into_iter());
    facts.automata_bytes = facts.automata_bytes.saturating_add(automata_bytes);
    SplitTable { dispatch, places: places.into() }
}
