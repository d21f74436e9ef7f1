//! Documents in, claims and problems out.

mod actions;
mod addresses;
mod auth;
mod backend_tls;
mod calls;
mod cors;
mod defaults;
mod hosts;
mod in_force;
mod listeners;
mod mesh;
mod mirrors;
mod order;
mod problems;
mod protocols;
mod rivals;
mod sessions;
mod statuses;
mod sticky;
mod tls;

use super::*;
use crate::resource::Resources;
use crate::rules::{
    Action, Branch, Certificate, Condition, Field, Forward, HostPattern, HostRewrite, Location,
    NonIdempotent, PathPattern, PathRewrite, Protocol, Respond, RetryCondition, Route,
};
use crate::translate::hosts::Claim;
use crate::translate::{ObjectStatus, Options, Status};
use std::sync::Arc;
use std::time::Duration;

const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: default}
spec:
  gatewayClassName: ours
  listeners:
  - {name: http, port: 80, protocol: HTTP}
";

/// A Gateway named `gw` with these listeners, as flow mappings.
fn gateway(listeners: &[&str]) -> String {
    named_gateway("gw", "", listeners)
}

fn named_gateway(name: &str, meta: &str, listeners: &[&str]) -> String {
    let listeners: String = listeners.iter().map(|l| format!("  - {{{l}}}\n")).collect();
    format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: {name}, {meta}}}
spec:
  gatewayClassName: ours
  listeners:
{listeners}"
    )
}

/// An HTTPRoute; `spec` is indented by two blanks.
fn route(name: &str, meta: &str, spec: &str) -> String {
    route_of_kind("HTTPRoute", name, meta, spec)
}

/// The same as a GRPCRoute.
fn grpc_route(name: &str, meta: &str, spec: &str) -> String {
    route_of_kind("GRPCRoute", name, meta, spec)
}

fn route_of_kind(kind: &str, name: &str, meta: &str, spec: &str) -> String {
    format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: {kind}
metadata: {{name: {name}, {meta}}}
spec:
{spec}
"
    )
}

/// An HTTPRoute attached to `gw` with one rule, whose fields are indented by four blanks.
fn rule(fields: &str) -> String {
    route("r", "", &format!("  parentRefs: [{{name: gw}}]\n  rules:\n  -\n{fields}"))
}

/// A GRPCRoute attached to `gw` with one rule, whose fields are indented by four blanks.
fn grpc_rule(fields: &str) -> String {
    grpc_route("r", "", &format!("  parentRefs: [{{name: gw}}]\n  rules:\n  -\n{fields}"))
}

struct Translated {
    claims: Vec<Claim>,
    diagnostics: Vec<String>,
    statuses: Vec<ObjectStatus>,
    refused: Vec<String>,
}

fn translated(options: &Options, documents: &[String]) -> Translated {
    let mut resources = Resources::new();
    for document in documents {
        resources.add_yaml("t.yaml", document);
    }
    let mut context = Context::new(&resources, options);
    translate(&mut context).finish(&Losses::default(), &mut context);
    let problems = context.problems.into_list();
    let say = |d: &Diagnostic| {
        let help = d.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{} {}: {}: {}{help}", d.severity, d.code, d.field, d.message)
    };
    Translated {
        diagnostics: resources.diagnostics().iter().chain(&problems).map(say).collect(),
        claims: context.claims,
        statuses: context.statuses,
        refused: context.refused.iter().map(ToString::to_string).collect(),
    }
}

fn default_options() -> Options {
    Options { assume_services: Some(true), ..Options::default() }
}

/// Translates documents that nothing is wrong with.
fn clean(documents: &[String]) -> Translated {
    let translated = translated(&default_options(), documents);
    assert_eq!(translated.diagnostics, [""; 0], "{documents:?}");
    translated
}

impl Translated {
    /// `section host: routes`, in the order of their names.
    fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self
            .claims
            .iter()
            .map(|claim| {
                let routes: Vec<String> =
                    claim.routes.iter().map(|route| route.origin.object.name.to_string()).collect();
                let section = claim.section.trim_start_matches("gateway:default/");
                format!("{section} {}: {}", claim.hostname, routes.join(" "))
            })
            .collect();
        hosts.sort();
        hosts
    }

    /// The routes of the only claim.
    fn routes(&self) -> &[Route] {
        match &*self.claims {
            [only] => &only.routes,
            claims => panic!("not one claim: {claims:#?}"),
        }
    }

    fn action(&self) -> &Action {
        match self.routes() {
            [only] => &only.action,
            routes => panic!("not one route: {routes:#?}"),
        }
    }

    fn forward(&self) -> &Forward {
        match self.action() {
            Action::Forward(forward) => forward,
            other => panic!("not forwarded: {other:#?}"),
        }
    }

    /// What the object shows.
    fn status(&self, kind: &str, name: &str) -> &ObjectStatus {
        status_of(&self.statuses, kind, name)
    }

    /// As [`conditions_of`].
    fn conditions(&self, kind: &str, name: &str) -> Vec<String> {
        conditions_of(self.status(kind, name))
    }
}

fn status_of<'s>(statuses: &'s [ObjectStatus], kind: &str, name: &str) -> &'s ObjectStatus {
    let of = |s: &&ObjectStatus| (&*s.object.kind, &*s.object.name) == (kind, name);
    statuses.iter().find(of).unwrap_or_else(|| panic!("no status of {kind} {name}"))
}

/// The conditions of an object's status: `part kind=status/reason`, where the part is a listener or
/// a parent.
fn conditions_of(status: &ObjectStatus) -> Vec<String> {
    let (own, parts): (&[_], Vec<_>) = match &status.status {
        Status::GatewayClass { conditions, .. } => (conditions, Vec::new()),
        Status::Gateway { conditions, listeners, .. }
        | Status::ListenerSet { conditions, listeners } => {
            (conditions, listeners.iter().map(|l| (&*l.name, &*l.conditions)).collect())
        }
        Status::Route { parents } => {
            (&[], parents.iter().map(|p| (&*p.parent.name, &*p.conditions)).collect())
        }
        Status::BackendTlsPolicy { ancestors } => {
            (&[], ancestors.iter().map(|a| (&*a.ancestor.name, &*a.conditions)).collect())
        }
        // Other kinds have no conditions.
        _ => (&[], Vec::new()),
    };
    let say = |(part, conditions): (&str, &[crate::translate::StatusCondition])| {
        let say = |c: &crate::translate::StatusCondition| {
            format!("{part} {}={}/{}", c.kind, c.status, c.reason)
        };
        conditions.iter().map(say).collect::<Vec<_>>()
    };
    std::iter::once(("", own)).chain(parts).flat_map(say).collect()
}

fn fault(action: &Action) -> &str {
    let (status, reason) = answered(action);
    assert_eq!(status, 500, "{reason}");
    reason
}

/// The status and the reason of an answer.
fn answered(action: &Action) -> (u16, &str) {
    match action {
        Action::Respond(respond) => {
            let Respond { status, reason, .. } = &**respond;
            (status.as_u16(), reason.as_deref().unwrap_or("no reason"))
        }
        other => panic!("not answered: {other:#?}"),
    }
}
