//! Diagnostics as JSON: the same from the admin server and on the command line.

use gateway_core::Diagnostic;
use serde_json::{Value, json};

/// A diagnostic with the keys `severity`, `code`, `kind`, `namespace`, `name`, `field`, `file`,
/// `line`, `column`, `message` and `help`; `null` where there is nothing to say.
pub fn diagnostic_json(d: &Diagnostic) -> Value {
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
