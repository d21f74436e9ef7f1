//! What the engine says, as JSON: the same on the command line, from the admin server and through
//! the C interface.

use gateway_core::rules::{Retry, Timeouts};
use gateway_core::{
    AccessSummary, Considered, Diagnostic, Explanation, HandshakeSummary, HeaderChange,
    MirrorSummary, Origin, PageSummary, PolicySummary, SplitSummary,
};
use serde_json::{Value, json};
use std::time::Duration;

/// A diagnostic with the keys `severity`, `code`, `kind`, `namespace`, `name`, `field`, `file`,
/// `line`, `column`, `message` and `help`; `null` where there is nothing to say.
pub fn diagnostic(d: &Diagnostic) -> Value {
    let object = d.object.as_deref();
    let span = d.span.as_ref();
    json!({
        "severity": d.severity.as_str(),
        "code": d.code,
        "kind": object.map(|o| &o.kind),
        "namespace": object.map(|o| &o.namespace),
        "name": object.map(|o| &o.name),
        "field": &*d.field,
        "file": span.map(|s| &*s.file),
        "line": span.map(|s| s.line),
        "column": span.map(|s| s.column),
        "message": d.message,
        "help": d.help,
    })
}

/// Object, field path and place of a rule.
pub fn origin(origin: &Origin) -> Value {
    json!({
        "kind": &origin.object.kind,
        "namespace": &origin.object.namespace,
        "name": &origin.object.name,
        "field": &*origin.field,
        "file": origin.span.as_ref().map(|s| &*s.file),
        "line": origin.span.as_ref().map(|s| s.line),
        "column": origin.span.as_ref().map(|s| s.column),
    })
}

/// The decision, and every rule looked at.
pub fn explanation(e: &Explanation, draw: u64) -> Value {
    let host = |h: &gateway_core::ConsideredHost| json!({ "hostname": h.hostname, "owner": origin(&h.origin) });
    json!({
        "outcome": e.outcome.as_str(),
        "status": e.status.map(|s| s.as_u16()),
        "reason": e.reason,
        "no_route": e.no_route.map(|why| why.as_str()),
        "notes": e.notes,
        "allow": e.allow,
        "service": e.service,
        "port": e.port,
        "backend": e.backend,
        "protocol": e.protocol,
        "tls": e.tls.as_ref().map(|t| json!({
            "origin": t.origin.as_ref().map(origin),
            "server_name": t.server_name,
            "trusts": t.trusts,
            "names": t.names,
            "shows_certificate": t.shows_certificate,
        })),
        "timeouts": e.timeouts.as_ref().map(timeouts),
        "retries": e.retry.as_ref().map(retries),
        "session": e.session,
        "mirrors": e.mirrors.iter().map(mirror).collect::<Vec<_>>(),
        "grpc_status": e.grpc_status,
        "listener": e.listener,
        "handshake": e.handshake.as_ref().map(handshake),
        "host": e.host,
        "hosts": e.hosts.iter().map(host).collect::<Vec<_>>(),
        "route": e.route.as_ref().map(|r| json!({
            "origin": origin(&r.origin),
            "path": r.path,
            "conditions": r.conditions,
        })),
        "match_path": e.match_path,
        "forward_path": e.forward_path,
        "target": e.target,
        "host_header": e.host_header,
        "location": e.location,
        // As text: JSON numbers of 64 bits lose digits in many readers.
        "draw": draw.to_string(),
        "splits": e.splits.iter().map(split).collect::<Vec<_>>(),
        "passed_over": e.passed_over.iter().map(considered).collect::<Vec<_>>(),
        "caller": e.caller,
        "access": e.access.iter().map(access).collect::<Vec<_>>(),
        "breaker": e.breaker.as_ref().map(|b| json!({
            "origin": origin(&b.origin),
            "errors": b.errors,
            "seconds": b.seconds,
            "fallback": b.fallback,
        })),
        "policies": e.policies.iter().map(policy).collect::<Vec<_>>(),
        "error_pages": e.error_pages.iter().map(page).collect::<Vec<_>>(),
        "request_headers": e.request_headers.iter().map(header_change).collect::<Vec<_>>(),
        "response_headers": e.response_headers.iter().map(header_change).collect::<Vec<_>>(),
        "considered": e.considered.iter().map(considered).collect::<Vec<_>>(),
        "left_out": e.left_out,
        "nearest": e.nearest.iter().map(considered).collect::<Vec<_>>(),
    })
}

fn handshake(h: &HandshakeSummary) -> Value {
    json!({
        "server_name": h.server_name,
        "certificates": h.certificates.iter().map(origin).collect::<Vec<_>>(),
        "clients": h.clients.as_ref().map(|c| json!({
            "required": c.required,
            "origin": origin(&c.origin),
        })),
        "failure": h.failure,
    })
}

/// In seconds; `null` for no limit.
fn timeouts(t: &Timeouts) -> Value {
    let seconds = |limit: Option<Duration>| limit.map(|limit| limit.as_secs_f64());
    json!({
        "request": seconds(t.request),
        "backend_request": seconds(t.backend_request),
        "connect": seconds(t.connect),
        "read": seconds(t.read),
        "send": seconds(t.send),
    })
}

fn retries(r: &Retry) -> Value {
    json!({
        "on": r.on.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "tries": r.tries,
        "timeout": r.timeout.map(|time| time.as_secs_f64()),
        "backoff": r.backoff.map(|time| time.as_secs_f64()),
        "non_idempotent": r.non_idempotent.as_str(),
    })
}

fn page(p: &PageSummary) -> Value {
    json!({ "statuses": p.statuses, "answer": p.answer, "origin": origin(&p.origin) })
}

fn mirror(m: &MirrorSummary) -> Value {
    json!({
        "origin": origin(&m.origin),
        "service": m.service,
        "port": m.port,
        "numerator": m.numerator,
        "denominator": m.denominator,
        "sent": m.target.is_some(),
        "target": m.target,
    })
}

fn policy(p: &PolicySummary) -> Value {
    json!({ "kind": p.kind, "origin": origin(&p.origin), "asks": p.asks })
}

fn access(a: &AccessSummary) -> Value {
    json!({
        "workload": a.workload,
        "admitted": a.admitted,
        "by": a.by.as_ref().map(origin),
        "matched": a.matched.as_ref().map(origin),
        "tried": a.tried.iter().map(considered).collect::<Vec<_>>(),
    })
}

fn split(s: &SplitSummary) -> Value {
    let candidate = |c: &gateway_core::Candidate| {
        json!({
            "name": c.name,
            "origin": origin(&c.origin),
            "weight": c.weight,
            "from": c.range.start,
            "to": c.range.end,
            "left_out": c.left_out,
        })
    };
    json!({
        "origin": origin(&s.origin),
        "root": s.root,
        "matched": s.matched.as_ref().map(origin),
        "candidates": s.candidates.iter().map(candidate).collect::<Vec<_>>(),
        "point": s.point,
        "sticky": s.sticky,
        "chosen": s.chosen.and_then(|i| s.candidates.get(i)).map(|c| &c.name),
    })
}

fn considered(c: &Considered) -> Value {
    json!({
        "origin": origin(&c.origin),
        "failed": c.failed.as_ref().map(|f| json!({
            "field": f.field,
            "wanted": f.wanted,
            "actual": f.actual,
        })),
    })
}

fn header_change(c: &HeaderChange) -> Value {
    json!({ "operation": c.operation.as_str(), "name": c.name, "value": c.value })
}
