//! The choices by weight behind a decision.

use super::{Candidate, Considered, Explanation, Failure, SplitSummary, show};
use crate::decision::split::{choose_for, kept, value_hash};
use crate::origin::Origin;
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{Action, Forward, GroupMatch, GroupMatches, Route, RuleSet, Service, Sticky};

/// Adds the choices of `route` and of the TrafficSplit behind it.
pub(super) fn explain<R: Request>(
    explanation: &mut Explanation,
    rules: &RuleSet,
    route: &Route,
    view: &View<'_, R>,
    draw: u64,
) {
    let (mut action, mut draw) = (&route.action, draw);
    while let Action::Split(split) = action {
        let branches = split.branches.iter();
        let candidates = branches.map(|branch| Contender {
            name: leads_to(&branch.action, rules),
            origin: &branch.origin,
            weight: branch.weight,
            left_out: (branch.weight == 0).then_some(NO_WEIGHT),
        });
        let sticky = split.sticky.as_deref();
        let session = split.session.as_deref();
        let kept = session.and_then(|session| Some((session, kept(session, view)?)));
        let (summary, rest) = match kept.filter(|(_, index)| *index < split.branches.len()) {
            Some((session, index)) => {
                let sticky = Some(format!("session {}", session.name));
                let (summary, _) = chosen(&split.origin, candidates.collect(), (None, draw), view);
                let chosen = Some(index);
                (SplitSummary { point: None, sticky, chosen, ..summary }, Some(draw))
            }
            None => chosen(&split.origin, candidates.collect(), (sticky, draw), view),
        };
        let next = summary.chosen.map(|index| &split.branches[index].action);
        explanation.splits.push(summary);
        let (Some(next), Some(rest)) = (next, rest) else { return };
        (action, draw) = (next, rest);
    }
    if let Action::Forward(forward) = action {
        explain_service(explanation, rules, forward, view, draw);
    }
}

const NO_WEIGHT: &str = "its weight is 0";

/// Adds the TrafficSplit that applies, and those that do not (smi §3.6).
fn explain_service<R: Request>(
    explanation: &mut Explanation,
    rules: &RuleSet,
    forward: &Forward,
    view: &View<'_, R>,
    draw: u64,
) {
    let root = rules.service(forward.target.service);
    if !forward.target.splits {
        return;
    }
    for split in &root.splits {
        let matched = match &split.matches {
            None => None,
            Some(matches) => match matches.iter().find(|m| first_failure(m, view).is_none()) {
                Some(matched) => Some(matched.origin.clone()),
                None => {
                    explanation.passed_over.extend(why_not(&split.origin, matches, view));
                    continue;
                }
            },
        };
        let candidates = split.backends.iter().map(|backend| {
            let service = rules.service(backend.service);
            Contender {
                name: service.name.to_string(),
                origin: &backend.origin,
                weight: backend.weight,
                left_out: left_out(service, backend.weight, forward.target.port),
            }
        });
        let by = (split.sticky.as_deref(), draw);
        let (summary, _) = chosen(&split.origin, candidates.collect(), by, view);
        let root = Some(root.name.to_string());
        explanation.splits.push(SplitSummary { root, matched, ..summary });
        return;
    }
}

/// Why a backend of a TrafficSplit takes no part (smi S-6).
fn left_out(service: &Service, weight: u64, port: u16) -> Option<&'static str> {
    if weight == 0 {
        Some(NO_WEIGHT)
    } else if !service.exists {
        Some("the Service does not exist")
    } else if !service.has_port(port) {
        Some("the Service does not have the port")
    } else if !service.takes_part(port) {
        Some("the Service has no ready endpoint")
    } else {
        None
    }
}

/// Every match of what refers to them, where none holds: each with the first condition that failed.
pub(super) fn why_not<R: Request>(
    by: &Origin,
    matches: &GroupMatches,
    view: &View<'_, R>,
) -> Vec<Considered> {
    if matches.is_empty() {
        // smi S-11
        let failed = Failure {
            field: "matches".to_owned(),
            wanted: "a match that can be used".to_owned(),
            actual: None,
        };
        return vec![Considered { origin: by.clone(), failed: Some(failed) }];
    }
    let considered =
        |m: &GroupMatch| Considered { origin: m.origin.clone(), failed: first_failure(m, view) };
    matches.iter().map(considered).collect()
}

fn first_failure<R: Request>(matched: &GroupMatch, view: &View<'_, R>) -> Option<Failure> {
    let failed = matched.conditions.iter().find(|condition| !view.holds(condition));
    failed.map(|condition| show::failure(condition, view))
}

/// What an action leads to, in a word.
fn leads_to(action: &Action, rules: &RuleSet) -> String {
    match action {
        Action::Forward(forward) => {
            let target = forward.target;
            format!("{}:{}", rules.service(target.service).name, target.port)
        }
        Action::Redirect(redirect) => format!("redirect {}", redirect.status.as_u16()),
        Action::Respond(respond) => format!("respond {}", respond.status.as_u16()),
        Action::Split(_) => "split".to_owned(),
        Action::Unmatched { .. } => "no match".to_owned(),
    }
}

/// One of several to choose from.
struct Contender<'r> {
    name: String,
    origin: &'r Origin,
    weight: u64,
    left_out: Option<&'static str>,
}

/// Chooses among those that are not left out. What is left of the draw comes second.
fn chosen<R: Request>(
    origin: &Origin,
    contenders: Vec<Contender<'_>>,
    (sticky, draw): (Option<&Sticky>, u64),
    view: &View<'_, R>,
) -> (SplitSummary, Option<u64>) {
    let weight = |c: &Contender<'_>| if c.left_out.is_none() { c.weight } else { 0 };
    let choice = choose_for(sticky, contenders.iter().map(weight), draw, view);
    let sticky = sticky.filter(|sticky| value_hash(sticky, view).is_some());
    let sum: u64 = contenders.iter().map(weight).sum();
    let point = (u128::from(draw) * u128::from(sum)) >> 64;
    let mut end = 0;
    let candidate = |contender: Contender<'_>| {
        let start = end;
        end += weight(&contender);
        Candidate {
            name: contender.name,
            origin: contender.origin.clone(),
            weight: contender.weight,
            range: start..end,
            left_out: contender.left_out,
        }
    };
    let summary = SplitSummary {
        origin: origin.clone(),
        root: None,
        matched: None,
        candidates: contenders.into_iter().map(candidate).collect(),
        // Less than the sum, of which no more than 64 bits are.
        point: choice.filter(|_| sticky.is_none()).map(|_| point as u64),
        sticky: sticky.map(|sticky| sticky.by().to_string()),
        chosen: choice.map(|(index, _)| index),
    };
    (summary, choice.map(|(_, rest)| rest))
}
