//! What rules say that was probably not meant: rules that can never act, and those that hold for
//! more than they seem to.
//!
//! A lint reads rules, never documents: it tells what happens, with a request or a value that shows
//! it. `docs/lints.md` has an example of each. The cost is about linear in the size of the rules,
//! whatever they are; where looking at everything would cost more, something may go untold, but
//! what is told is true.

mod access;
mod example;
mod expression;
mod implied;
mod longer_words;
mod unanchored_path;
mod unanchored_regex;
mod unescaped_dot;
mod unreachable;

use crate::diagnostic::{Diagnostic, Severity};
use crate::origin::{Origin, Span};
use crate::rules::{Condition, Field, Route, RuleSet};
use std::collections::{BTreeMap, BTreeSet};

/// Tells what in `rules` was probably not meant, as warnings and notices: each once, by file, line
/// and column, then by code. Of the notices of one code, three are told of an object, of the
/// warnings a hundred; the last of them says how many more there are.
///
/// ```
/// # use gateway_core::{Options, Resources, lint, translate};
/// # #[cfg(feature = "yaml")] {
/// let resources = Resources::from_yaml("
/// apiVersion: k8s.nginx.org/v1
/// kind: VirtualServer
/// metadata: {name: cafe}
/// spec:
///   host: cafe.example.com
///   routes:
///   - path: /tea
///     action: {return: {body: tea}}
/// ").unwrap();
/// let found = lint(&translate(&resources, &Options::default()).rules);
/// assert_eq!(found[0].code, "prefix-takes-longer-words");
/// assert_eq!(found[0].message, "the prefix `/tea` also takes `/teas`");
/// # }
/// ```
pub fn lint(rules: &RuleSet) -> Vec<Diagnostic> {
    let mut found = Findings::default();
    longer_words::lint(rules, &mut found);
    unanchored_path::lint(rules, &mut found);
    unanchored_regex::lint(rules, &mut found);
    unescaped_dot::lint(rules, &mut found);
    access::lint(rules, &mut found);
    unreachable::lint(rules, &mut found);
    found.told()
}

/// How many findings of one code are told of one object; of the others, their number is.
fn most(severity: Severity) -> usize {
    match severity {
        Severity::Notice => 3,
        Severity::Warning | Severity::Error => 100,
    }
}

/// What was found. Rules that were made of one document for several hosts or listeners say the
/// same, which is told once.
#[derive(Default)]
struct Findings {
    by_place: BTreeSet<(Option<Span>, &'static str, Diagnostic)>,
}

impl Findings {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.by_place.insert((diagnostic.span.clone(), diagnostic.code, diagnostic));
    }

    fn told(self) -> Vec<Diagnostic> {
        let mut told: Vec<Diagnostic> = Vec::new();
        // Of each object and code: how many there are, and where the last one that is told stands.
        let mut counts: BTreeMap<_, (usize, usize)> = BTreeMap::new();
        for (_, code, diagnostic) in self.by_place {
            let (count, last) = counts.entry((diagnostic.object.clone(), code)).or_default();
            *count += 1;
            if *count <= most(diagnostic.severity) {
                *last = told.len();
                told.push(diagnostic);
            }
        }
        for ((_, code), (count, last)) in counts {
            let last = &mut told[last];
            if let Some(more) = count.checked_sub(most(last.severity)).filter(|more| *more > 0) {
                let note = format!("`{code}` holds for {more} more of this object");
                let help = last.help.take();
                last.help = Some(help.map_or(note.clone(), |help| format!("{help}; {note}")));
            }
        }
        told
    }
}

/// The routes of each host, the most specific host of a listener first.
fn routes_of_hosts(rules: &RuleSet) -> impl Iterator<Item = &[Route]> {
    let hosts = rules.listeners.iter().flat_map(|listener| listener.hosts.sorted());
    hosts.map(|host| &*host.routes)
}

/// The last of the routes of each path that stand together: the one without conditions, where there
/// is one, which is written where the path is.
fn last_of_paths(rules: &RuleSet) -> impl Iterator<Item = &Route> {
    let of_hosts = routes_of_hosts(rules);
    let of_paths = of_hosts.flat_map(|routes| routes.chunk_by(|a, b| a.path == b.path));
    of_paths.filter_map(|routes| routes.last())
}

/// All conditions, of routes and of splits, with the place of what they belong to.
fn conditions(rules: &RuleSet) -> impl Iterator<Item = (&Origin, &Condition)> {
    let routes = routes_of_hosts(rules).flatten();
    let of_routes = routes.map(|route| (&route.origin, &route.conditions));
    let splits = rules.services.iter().flat_map(|service| &service.splits);
    let matches = splits.filter_map(|split| split.matches.as_ref()).flat_map(|m| m.iter());
    let of_splits = matches.map(|one| (&one.origin, &one.conditions));
    of_routes.chain(of_splits).flat_map(|(origin, all)| all.iter().map(move |c| (origin, c)))
}

/// Whether the field is the host, with its port or without.
fn is_host(field: &Field) -> bool {
    match field {
        Field::Host => true,
        Field::Header(name) => **name == *"host",
        _ => false,
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests;
