//! One document as written: a tree of values, each with its field path and its place in a file.
//!
//! Readers of kinds use [`Value`] and [`Mapping`]. They never stop at the first problem: a value of
//! the wrong type is reported and left out, and the reader goes on.

mod meant;

use super::Problems;
use crate::diagnostic::Diagnostic;
use crate::origin::{ObjectRef, Origin, Span};
use std::fmt::Write as _;
use std::sync::Arc;

const NONE: u32 = u32::MAX;

/// A document: the values in the order in which they were written, each knowing its parent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    file: Arc<str>,
    object: Arc<ObjectRef>,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq)]
struct Node {
    parent: u32,
    step: Step,
    kind: Kind,
    /// Where the value stands (line, column).
    at: Place,
    /// Where its key stands; the same as `at` for list items.
    key_at: Place,
    first_child: u32,
    last_child: u32,
    next: u32,
}

/// How a value is reached from its parent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// The document itself.
    Root,
    /// The value of this key.
    Key(Box<str>),
    /// The list item with this index.
    Item(u32),
}

/// What a value is. Children of lists and mappings are separate nodes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Integer(i64),
    /// A number that is not a whole number of 64 bits, as it was written.
    Number(Box<str>),
    String(Box<str>),
    List,
    Mapping,
}

/// Line and column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Document {
    pub(crate) fn new(file: Arc<str>) -> Self {
        Self { file, object: Arc::new(ObjectRef::new("", "", "")), nodes: Vec::new() }
    }

    /// Adds a value below `parent` (ignored for the first one, which is the root) and returns its
    /// index.
    pub(crate) fn push(
        &mut self,
        parent: u32,
        step: Step,
        kind: Kind,
        key_at: Place,
        at: Place,
    ) -> u32 {
        let index = self.nodes.len() as u32;
        let parent = if index == 0 { NONE } else { parent };
        self.nodes.push(Node {
            parent,
            step,
            kind,
            at,
            key_at,
            first_child: NONE,
            last_child: NONE,
            next: NONE,
        });
        if parent != NONE {
            let before = std::mem::replace(&mut self.nodes[parent as usize].last_child, index);
            if before == NONE {
                self.nodes[parent as usize].first_child = index;
            } else {
                self.nodes[before as usize].next = index;
            }
        }
        index
    }

    /// The number of values that `node` is made of, itself included. Values are kept in the order
    /// in which they were written, so they are neighbours.
    pub(crate) fn size_of(&self, node: u32) -> usize {
        let below = self.nodes.iter().skip(node as usize + 1);
        1 + below.take_while(|n| n.parent != NONE && n.parent >= node).count()
    }

    /// A document that `node` is the root of, in the same file.
    pub(crate) fn subtree(&self, node: u32) -> Self {
        let mut document = Self::new(Arc::clone(&self.file));
        let root = &self.nodes[node as usize];
        document.push(NONE, Step::Root, root.kind.clone(), root.key_at, root.at);
        for below in self.nodes.iter().skip(node as usize + 1).take(self.size_of(node) - 1) {
            let parent = below.parent - node;
            document.push(parent, below.step.clone(), below.kind.clone(), below.key_at, below.at);
        }
        document
    }

    /// The same document, with the texts and numbers in it gone, so that nothing shows them; the
    /// places of its values are kept.
    pub(crate) fn without_values(&self) -> Self {
        let mut document = self.clone();
        for node in &mut document.nodes {
            if !matches!(node.kind, Kind::List | Kind::Mapping) {
                node.kind = Kind::Null;
            }
        }
        document
    }

    /// Adds the root of `other` and all that is in it below `parent`.
    pub(crate) fn graft(&mut self, parent: u32, step: Step, key_at: Place, other: &Self) {
        if let [root, below @ ..] = other.nodes.as_slice() {
            let base = self.push(parent, step, root.kind.clone(), key_at, root.at);
            for node in below {
                let parent = base + node.parent;
                self.push(parent, node.step.clone(), node.kind.clone(), node.key_at, node.at);
            }
        }
    }

    /// The number of values in the document.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The object that the document describes, as far as it could be read.
    pub(crate) fn object(&self) -> &Arc<ObjectRef> {
        &self.object
    }

    pub(crate) fn set_object(&mut self, object: ObjectRef) {
        self.object = Arc::new(object);
    }

    /// The whole document; `None` when it is empty.
    pub(crate) fn root(&self) -> Option<Value<'_>> {
        (!self.nodes.is_empty()).then_some(Value { document: self, index: 0 })
    }

    /// The key under which `node` stands, if its parent is a mapping.
    pub(crate) fn key_of(&self, node: u32) -> Option<&str> {
        Value { document: self, index: node }.key()
    }

    /// Where the value that `at` remembers was written.
    pub(crate) fn origin(&self, at: At) -> Origin {
        Value { document: self, index: at.0 }.origin()
    }

    /// The origin of the whole object.
    pub(crate) fn object_origin(&self) -> Origin {
        let mut origin = self.origin(At(0));
        origin.field = "".into();
        origin
    }
}

/// Remembers where a value stands in its document, for problems that show up after reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct At(u32);

/// A value that was read, and where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) at: At,
}

impl<T> std::ops::Deref for Located<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// One value of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'d> {
    document: &'d Document,
    index: u32,
}

impl<'d> Value<'d> {
    fn node(self) -> &'d Node {
        &self.document.nodes[self.index as usize]
    }

    pub(crate) fn kind(self) -> &'d Kind {
        &self.node().kind
    }

    pub(crate) fn at(self) -> At {
        At(self.index)
    }

    /// Where the value stands in its file.
    pub(crate) fn place(self) -> Place {
        self.node().at
    }

    /// Whether nothing was added to the document behind this value.
    pub(crate) fn is_last(self) -> bool {
        self.index as usize + 1 == self.document.len()
    }

    /// A document of its own that this value is the root of.
    pub(crate) fn to_document(self) -> Document {
        self.document.subtree(self.index)
    }

    /// Wraps what was read from this value.
    pub(crate) fn located<T>(self, value: T) -> Located<T> {
        Located { value, at: self.at() }
    }

    /// The key under which the value stands, if its parent is a mapping.
    pub(crate) fn key(self) -> Option<&'d str> {
        match &self.node().step {
            Step::Key(key) => Some(key),
            _ => None,
        }
    }

    /// `spec.rules[2].backendRefs[0].name`.
    pub(crate) fn path(self) -> String {
        let mut steps = Vec::new();
        let mut node = self.node();
        while node.parent != NONE {
            steps.push(&node.step);
            node = &self.document.nodes[node.parent as usize];
        }
        let mut path = String::new();
        for step in steps.into_iter().rev() {
            match step {
                Step::Root => {}
                // A key with a dot or bracket of its own (a label, say) is quoted, so that the
                // path stays readable by machines.
                Step::Key(key) if key.contains(['.', '[', ']', ' ']) || key.is_empty() => {
                    let _ = write!(path, "[{key:?}]");
                }
                Step::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Step::Item(index) => {
                    let _ = write!(path, "[{index}]");
                }
            }
        }
        path
    }

    fn span(self, place: Place) -> Span {
        Span { file: Arc::clone(&self.document.file), line: place.line, column: place.column }
    }

    /// Object, field path and place of the value.
    pub(crate) fn origin(self) -> Origin {
        Origin {
            object: Arc::clone(&self.document.object),
            field: self.path().into(),
            span: Some(self.span(self.node().at)),
        }
    }

    /// The annotation of that name, of a whole document.
    pub(crate) fn annotation(self, name: &str) -> Option<Self> {
        let below = |value: Self, name| value.children().find(|v| v.key() == Some(name));
        let annotations = below(below(self, "metadata")?, "annotations")?;
        below(annotations, name)
    }

    /// As [`Value::origin`], with the place of the key.
    pub(crate) fn key_origin(self) -> Origin {
        Origin { span: Some(self.span(self.node().key_at)), ..self.origin() }
    }

    /// The values directly below a list or a mapping, in the order in which they were written.
    pub(crate) fn children(self) -> impl Iterator<Item = Value<'d>> {
        let document = self.document;
        let mut next = self.node().first_child;
        std::iter::from_fn(move || {
            if next == NONE {
                return None;
            }
            let value = Value { document, index: next };
            next = value.node().next;
            Some(value)
        })
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self.kind(), Kind::Null)
    }

    /// Reports that the value is not `wanted`, with the slip that was probably made.
    fn wrong_type(self, wanted: &str, problems: &mut Problems) {
        let found = match self.kind() {
            Kind::Null => "nothing".to_owned(),
            Kind::Bool(value) => format!("the boolean `{value}`"),
            Kind::Integer(value) => format!("the number `{value}`"),
            Kind::Number(text) => format!("the number `{text}`"),
            Kind::String(text) => format!("the text `{}`", shorten(text)),
            Kind::List => "a list".to_owned(),
            Kind::Mapping => "a mapping".to_owned(),
        };
        let mut diagnostic = Diagnostic::error(
            "wrong-type",
            &self.origin(),
            format!("expected {wanted}, found {found}"),
        );
        if let Some(help) = self.slip(wanted) {
            diagnostic = diagnostic.help(help);
        }
        problems.push(diagnostic);
    }

    /// The text of a string.
    pub(crate) fn string(self, problems: &mut Problems) -> Option<&'d str> {
        match self.kind() {
            Kind::String(text) => Some(text),
            _ => {
                self.wrong_type("text", problems);
                None
            }
        }
    }

    /// A boolean.
    pub(crate) fn bool(self, problems: &mut Problems) -> Option<bool> {
        match self.kind() {
            Kind::Bool(value) => Some(*value),
            // `on`, `off`, `yes`, `no` are booleans of YAML 1.1, which Kubernetes tools read.
            Kind::String(text) => match &**text {
                "on" | "On" | "ON" | "yes" | "Yes" | "YES" => Some(true),
                "off" | "Off" | "OFF" | "no" | "No" | "NO" => Some(false),
                _ => {
                    self.wrong_type("`true` or `false`", problems);
                    None
                }
            },
            _ => {
                self.wrong_type("`true` or `false`", problems);
                None
            }
        }
    }

    /// A whole number within `range`.
    pub(crate) fn integer(
        self,
        range: std::ops::RangeInclusive<i64>,
        problems: &mut Problems,
    ) -> Option<i64> {
        match self.kind() {
            Kind::Integer(value) if range.contains(value) => Some(*value),
            Kind::Integer(value) => {
                let message = if *range.end() == i64::MAX {
                    format!("`{value}` is below {}", range.start())
                } else {
                    format!("`{value}` is not between {} and {}", range.start(), range.end())
                };
                problems.push(Diagnostic::error("out-of-range", &self.origin(), message));
                None
            }
            _ => {
                self.wrong_type("a whole number", problems);
                None
            }
        }
    }

    /// A port number, 1 to 65535.
    pub(crate) fn port(self, problems: &mut Problems) -> Option<u16> {
        self.integer(1..=65535, problems).and_then(|n| u16::try_from(n).ok())
    }

    /// The items of a list; a value of another type is reported and has none.
    pub(crate) fn list(self, problems: &mut Problems) -> impl Iterator<Item = Value<'d>> {
        let is_list = matches!(self.kind(), Kind::List);
        if !is_list {
            self.wrong_type("a list", problems);
        }
        self.children().filter(move |_| is_list)
    }

    /// The fields of a mapping.
    pub(crate) fn mapping(self, problems: &mut Problems) -> Option<Mapping<'d>> {
        if matches!(self.kind(), Kind::Mapping) {
            return Some(Mapping { value: self, asked: Vec::new() });
        }
        self.wrong_type("a mapping", problems);
        None
    }
}

/// The fields of a mapping, read one by one. [`Mapping::finish`] reports those nobody asked for.
#[derive(Debug)]
pub(crate) struct Mapping<'d> {
    value: Value<'d>,
    asked: Vec<&'static str>,
}

impl<'d> Mapping<'d> {
    /// The mapping itself.
    pub(crate) fn value(&self) -> Value<'d> {
        self.value
    }

    /// The field `name`; `None` when it is absent or null, which mean the same in Kubernetes.
    pub(crate) fn field(&mut self, name: &'static str) -> Option<Value<'d>> {
        self.asked.push(name);
        self.value.children().find(|c| c.key() == Some(name)).filter(|v| !v.is_null())
    }

    /// The field `name`; its absence is an error.
    pub(crate) fn required(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<Value<'d>> {
        let found = self.field(name);
        if found.is_none() {
            problems.push(match self.left_empty(name) {
                Some(empty) => {
                    let message = format!("required field `{name}` is empty");
                    let told = Diagnostic::error("missing-field", &empty.key_origin(), message);
                    told.help(format!("if something belongs to it, indent that below `{name}:`"))
                }
                None => {
                    let mut origin = self.value.origin();
                    origin.field = join(&origin.field, name).into();
                    let message = format!("required field `{name}` is missing");
                    Diagnostic::error("missing-field", &origin, message)
                }
            });
        }
        found
    }

    /// The field `name`, if it is written without a value.
    pub(crate) fn left_empty(&self, name: &str) -> Option<Value<'d>> {
        self.value.children().find(|c| c.key() == Some(name)).filter(|v| v.is_null())
    }

    /// Refuses the field `name` of older versions, which secures something; newer ones have
    /// `instead`.
    pub(crate) fn refuse_older(
        &mut self,
        name: &'static str,
        instead: &str,
        problems: &mut Problems,
    ) {
        let Some(found) = self.value.children().find(|child| child.key() == Some(name)) else {
            return;
        };
        self.asked.push(name);
        let message = format!("`{name}` is of an older version and is not read");
        let problem = Diagnostic::error("older-field", &found.key_origin(), message);
        problems.push(problem.help(format!("newer versions have `{instead}`")));
    }

    /// Reports every field that was written but never asked for: a warning, or an error in strict
    /// mode.
    pub(crate) fn finish(self, problems: &mut Problems) {
        self.finish_with("unknown-field", problems);
    }

    /// As [`Mapping::finish`], for dialects with a code of their own for unknown fields.
    pub(crate) fn finish_with(self, code: &'static str, problems: &mut Problems) {
        for child in self.value.children() {
            let key = child.key().unwrap_or_default();
            if self.asked.contains(&key) {
                continue;
            }
            let severity = problems.unknown_field_severity();
            problems.push_with(self.value.document.object(), severity, || {
                let message = format!("unknown field `{}`", shorten(key));
                let diagnostic = Diagnostic::new(severity, code, &child.key_origin(), message);
                match self.meant(key) {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                }
            });
        }
    }
}

/// `path.name`, or `name` at the root.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// At most 60 characters of the first line of `text`, so that messages stay readable.
pub(crate) fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < text.trim_end().len() => format!("{line}…"),
        None => line.to_owned(),
    }
}

/// As [`shorten`], of the part of `text` that holds the octet `at`.
pub(crate) fn shorten_around(text: &str, at: usize) -> String {
    const BEFORE: usize = 20;
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let shown = shorten(&text[line..]);
    match text[line..at].char_indices().nth_back(BEFORE) {
        Some((start, _)) if shown.ends_with('…') => {
            format!("…{}", shorten(&text[line + start..]))
        }
        _ => shown,
    }
}
