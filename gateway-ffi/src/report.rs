//! What is wrong with documents.

use crate::boundary::{boundary, or};
use crate::bytes::{gw_str, text};
use crate::handle::{self, Owned};
use crate::sized::{Out, sized, zeroed};
use crate::status::{GW_NONE, GW_OK, gw_status};
use gateway_core::{Diagnostic, Severity};

/// Everything that is wrong with, or worth knowing about, the documents of one
/// `gw_router_build`, in their order. To be used by one thread at a time. Yours from the call that
/// made it to `gw_report_free`; all texts of it live as long as it does.
#[derive(Debug)]
pub struct gw_report {
    entries: Vec<Entry>,
    json: String,
}

impl Owned for gw_report {}

#[derive(Debug)]
struct Entry {
    diagnostic: Diagnostic,
    line: String,
    object: String,
}

/// Worth knowing; nothing has to be done.
pub const GW_SEVERITY_NOTICE: i32 = 0;
/// Probably not what was meant; the document is in force all the same.
pub const GW_SEVERITY_WARNING: i32 = 1;
/// The document, or the field that is named, is not in force.
pub const GW_SEVERITY_ERROR: i32 = 2;

/// One entry of a report. Set `struct_size`; the texts live as long as the report.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_diagnostic {
    /// `sizeof(gw_diagnostic)`.
    pub struct_size: usize,
    /// One of `GW_SEVERITY_...`.
    pub severity: i32,
    /// From 1; 0 where no file stands behind it.
    pub line: u32,
    /// From 1, in characters; 0 where no file stands behind it.
    pub column: u32,
    /// Zero.
    pub reserved: u32,
    /// Stable: scripts may rely on it. For example "unknown-field".
    pub code: gw_str,
    /// The object, as "HTTPRoute shop/cart"; absent where that could not be made out.
    pub object: gw_str,
    /// The field within the object, as "spec.rules[2].backendRefs[0].name"; empty for all of it.
    pub field: gw_str,
    /// The name of the `gw_source`; absent where no file stands behind it.
    pub file: gw_str,
    /// What is wrong, in one sentence.
    pub message: gw_str,
    /// What was probably meant, or what to do; absent where that is not known.
    pub help: gw_str,
    /// All of it in one line, fit for a log: "routes.yaml:31:7: error[unknown-field]: HTTPRoute
    /// shop/cart: spec.rules[0].foo: unknown field; did you mean `for`?".
    pub text: gw_str,
}
sized!(gw_diagnostic);

impl gw_report {
    pub(crate) fn new(diagnostics: Vec<Diagnostic>) -> Self {
        let shown: Vec<_> = diagnostics.iter().map(gateway_json::diagnostic).collect();
        let entry = |diagnostic: Diagnostic| Entry {
            line: diagnostic.to_string(),
            object: diagnostic.object.as_ref().map(ToString::to_string).unwrap_or_default(),
            diagnostic,
        };
        let json = serde_json::Value::from(shown).to_string();
        Self { entries: diagnostics.into_iter().map(entry).collect(), json }
    }
}

impl Entry {
    fn shown(&self) -> gw_diagnostic {
        let Diagnostic { severity, code, object, field, span, message, help } = &self.diagnostic;
        gw_diagnostic {
            severity: match severity {
                Severity::Notice => GW_SEVERITY_NOTICE,
                Severity::Warning => GW_SEVERITY_WARNING,
                Severity::Error => GW_SEVERITY_ERROR,
            },
            line: span.as_ref().map_or(0, |span| span.line),
            column: span.as_ref().map_or(0, |span| span.column),
            code: text(code),
            object: object.as_ref().map_or(gw_str::ABSENT, |_| text(&self.object)),
            field: text(field),
            file: gw_str::of_option(span.as_ref().map(|span| span.file.as_bytes())),
            message: text(message),
            help: gw_str::of_option(help.as_ref().map(String::as_bytes)),
            text: text(&self.line),
            ..zeroed()
        }
    }
}

/// How many entries the report has; 0 for NULL.
///
/// # Safety
///
/// `report` is NULL or a report that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_report_count(report: *const gw_report) -> usize {
    // SAFETY: the caller vouches for the pointer.
    or(0, || unsafe { handle::shared(report) }.map_or(0, |report| report.entries.len()))
}

/// Fills `out` with the entry at `index`, from 0; `GW_NONE` where there is none.
///
/// # Safety
///
/// `report` is NULL or a report that has not been freed; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_report_get(
    report: *const gw_report,
    index: usize,
    out: *mut gw_diagnostic,
) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for both pointers.
        let (out, report) = unsafe { (Out::of(out)?, handle::shared(report)?) };
        let Some(entry) = report.entries.get(index) else { return Ok(GW_NONE) };
        out.write(entry.shown());
        Ok(GW_OK)
    })
}

/// The whole report as a JSON array of objects with `severity`, `code`, `kind`, `namespace`,
/// `name`, `field`, `file`, `line`, `column`, `message` and `help`, `null` where there is nothing
/// to say.
///
/// # Safety
///
/// `report` is NULL or a report that has not been freed; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_report_json(report: *const gw_report, out: *mut gw_str) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for both pointers.
        unsafe { handle::put(out, gw_str::of(handle::shared(report)?.json.as_bytes())) }?;
        Ok(GW_OK)
    })
}

/// Frees a report; nothing for NULL.
///
/// # Safety
///
/// `report` is NULL or a report that has not been freed, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_report_free(report: *mut gw_report) {
    // SAFETY: the caller gives it up.
    or((), || unsafe { handle::disown(report) });
}
