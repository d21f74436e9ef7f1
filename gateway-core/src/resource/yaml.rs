//! Text to documents: YAML 1.2 (core schema), and JSON as the part of it that it is.
//!
//! ```text
//!  bytes ──► split ──► json ──► saphyr-parser ──► build ──► Document
//!            at `---`  what YAML   events with     a tree, within limits
//!                      lacks       places          and without recursion
//! ```
//!
//! Each document is parsed by itself, so that one with a syntax error harms no other.

mod build;
mod json;
mod scalar;
mod split;

use super::document::{Document, Place};
use std::sync::Arc;

/// How large documents may be. Whoever writes documents must not be able to exhaust memory or the
/// stack of whoever reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Most bytes of one source (a file). Default 64 MiB.
    pub(crate) source_bytes: usize,
    /// Most documents of one source. Default 200,000.
    pub(crate) documents: usize,
    /// Most lists and mappings within each other. Default 64.
    pub(crate) depth: usize,
    /// Most values of one document, those that aliases repeat included. Default 1,000,000.
    pub(crate) values: usize,
    /// Most values that all aliases of one source repeat. Default 1,000,000.
    pub(crate) alias_values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source_bytes: 64 << 20,
            documents: 200_000,
            depth: 64,
            values: 1_000_000,
            alias_values: 1_000_000,
        }
    }
}

/// Something that makes a document unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) place: Place,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Fault {
    fn new(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { code, place, message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// One document as far as it could be read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) document: Document,
    /// Empty when the whole document was read.
    pub(crate) faults: Vec<Fault>,
    /// Whether more than one object may be written in it, a separator being lost.
    pub(crate) joined: bool,
}

/// Reads a source and hands each of its documents to `each`, in order. What is wrong with the
/// source as a whole comes as an empty document with a fault.
pub(crate) fn read(file: &Arc<str>, source: &[u8], limits: &Limits, mut each: impl FnMut(Reading)) {
    let unread = |fault: Fault, joined: bool| {
        let document = Document::new(Arc::clone(file));
        Reading { document, faults: vec![fault], joined }
    };
    let start = Place { line: 1, column: 1 };
    if source.len() > limits.source_bytes {
        let most = limits.source_bytes;
        let message = format!("the file has {} bytes; at most {most} are read", source.len());
        return each(unread(Fault::new("limit", start, message), true));
    }
    if source.starts_with(&[0xFE, 0xFF]) || source.starts_with(&[0xFF, 0xFE]) {
        let fault = Fault::new("encoding", start, "the text is UTF-16");
        return each(unread(fault.help("save the file as UTF-8"), true));
    }
    let mut alias_values = limits.alias_values;
    for (count, chunk) in split::chunks(source).enumerate() {
        let first = Place { line: chunk.line, column: 1 };
        if count == limits.documents {
            let message = format!("the file has more than {count} documents; the rest is not read");
            return each(unread(Fault::new("limit", first, message), true));
        }
        each(match text_of(&chunk) {
            Ok(text) => build::build(file, text, chunk.line, limits, &mut alias_values),
            Err(fault) => unread(fault, false),
        });
    }
}

/// The text of a chunk, if it is UTF-8 without control characters (YAML 1.2 §5.1).
fn text_of<'t>(chunk: &split::Chunk<'t>) -> Result<&'t str, Fault> {
    let bad =
        |valid: &str, message: String| Fault::new("encoding", end_of(valid, chunk.line), message);
    let text = std::str::from_utf8(chunk.bytes).map_err(|error| {
        let valid = &chunk.bytes[..error.valid_up_to()];
        let byte = chunk.bytes[error.valid_up_to()];
        bad(&String::from_utf8_lossy(valid), format!("the byte 0x{byte:02x} is not UTF-8"))
            .help("save the file as UTF-8")
    })?;
    let control = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    match text.bytes().position(control) {
        None => Ok(text),
        Some(at) => {
            let byte = text.as_bytes()[at];
            let message = format!("the control character 0x{byte:02x} may not be written here");
            Err(bad(&text[..at], message).help("write it as an escape in double quotes"))
        }
    }
}

/// The place right behind `text`, which begins at `line`.
fn end_of(text: &str, line: u32) -> Place {
    let mut place = Place { line, column: 1 };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\n' || c == '\r' && chars.peek() != Some(&'\n') {
            place.line = place.line.saturating_add(1);
            place.column = 1;
        } else {
            place.column = place.column.saturating_add(1);
        }
    }
    place
}

#[cfg(test)]
mod tests;
