//! Parser events to a tree of values.

use super::super::document::{Document, Kind, Place, Step, is_word};
use super::{Fault, Limits, Reading, json, scalar};
use hashbrown::HashMap;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};
use std::borrow::Cow;
use std::sync::Arc;

/// Reads the one document of `text`, which begins at `line` of `file`. `alias_values` is what
/// aliases may still repeat in this source.
pub(super) fn build(
    file: &Arc<str>,
    text: &str,
    line: u32,
    limits: &Limits,
    alias_values: &mut usize,
) -> Reading {
    let normal = json::normalise(text);
    let place = |mark: &Marker| {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let place =
            Place { line: number(mark.line()), column: number(mark.col()).saturating_add(1) };
        let place = normal.place(place);
        Place { line: place.line.saturating_add(line - 1), ..place }
    };
    let mut builder = Builder {
        document: Document::new(Arc::clone(file)),
        faults: Vec::new(),
        joined: false,
        frames: Vec::new(),
        anchors: HashMap::new(),
        limits,
        alias_values,
    };
    for event in Parser::new_from_str(&normal.text) {
        let done = match event {
            Ok((event, span)) => builder.event(event, place(&span.start)),
            Err(error) => {
                let fault = syntax(&normal.text, &error, place(error.marker()), limits);
                Err(match missing_blank(&normal.text, error.marker().line()) {
                    Some(help) => fault.help(help),
                    None => fault,
                })
            }
        };
        if let Err(fault) = done {
            builder.faults.push(fault);
            break;
        }
    }
    Reading { document: builder.document, faults: builder.faults, joined: builder.joined }
}

/// The parser's message in our words where a frequent slip is behind it.
fn syntax(text: &str, error: &ScanError, place: Place, limits: &Limits) -> Fault {
    let info = error.info();
    if info == "recursion limit exceeded" {
        return too_deep(place, limits);
    }
    let fault = Fault::new("syntax", place, format!("not valid YAML: {info}"));
    let line = text.lines().nth(error.marker().line().saturating_sub(1));
    let at = line.and_then(|line| line.chars().nth(error.marker().col()));
    if info.contains("tab") {
        fault.help("indent with blanks")
    } else if info.contains("mapping values are not allowed") {
        fault.help("put text that contains `: ` in quotes, or check the indentation")
    } else if info.contains("simple key") {
        fault.help("check that each key ends in `:`, here and in the line before")
    } else if let Some(sign @ ('*' | '&' | '@' | '`' | '%')) = at {
        fault.help(format!("put text that begins with `{sign}` in quotes"))
    } else if info.contains("parsing a flow") {
        fault.help(match at {
            Some('{' | '}' | '[' | ']') => "put text that holds braces or brackets in quotes",
            _ => "check that each `{` has its `}`, and each `[` its `]`",
        })
    } else if info.contains("parsing a block") {
        fault.help("check the indentation of this line and of those before it")
    } else {
        fault
    }
}

/// Help where an item of a list begins like `-name: tea`, in the line of an error or the one
/// before: YAML takes `-name` for a key there.
fn missing_blank(text: &str, line: usize) -> Option<String> {
    let before = text.lines().skip(line.saturating_sub(2)).take(2);
    before.filter_map(|line| dashed_key(line.trim_start().split_once(':')?.0)).next()
}

fn dashed_key(key: &str) -> Option<String> {
    let name = key.strip_prefix('-').filter(|name| is_word(name) && !name.starts_with('-'))?;
    Some(format!("did you mean `- {name}:`? YAML needs a blank after the dash"))
}

fn too_deep(place: Place, limits: &Limits) -> Fault {
    let message = format!("nested deeper than {} levels", limits.depth);
    Fault::new("limit", place, message)
}

struct Builder<'t, 'l> {
    document: Document,
    faults: Vec<Fault>,
    joined: bool,
    /// The lists and mappings that are open, from the outermost on.
    frames: Vec<Frame<'t>>,
    anchors: HashMap<usize, Anchor>,
    limits: &'l Limits,
    alias_values: &'l mut usize,
}

/// A list or mapping whose end has not been seen.
struct Frame<'t> {
    node: u32,
    anchor: usize,
    /// Levels below it so far.
    height: usize,
    slot: Slot<'t>,
}

/// Where the next value goes.
enum Slot<'t> {
    /// To the item with this index.
    Item(u32),
    /// To the pending key; without one, a key comes next.
    Key {
        /// The lines of the keys so far.
        lines: HashMap<Cow<'t, str>, u32>,
        pending: Option<(Box<str>, Place)>,
    },
}

/// A value that aliases can repeat.
struct Anchor {
    node: u32,
    /// Levels of lists and mappings, itself included.
    height: usize,
}

impl<'t> Builder<'t, '_> {
    fn event(&mut self, event: Event<'t>, place: Place) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if self.wants_key() {
                    return self.key(text, style, tag.as_deref(), place);
                }
                let kind = scalar::resolve(&text, style, tag.as_deref())
                    .map_err(|message| self.wrong_tag(message, place))?;
                let node = self.value(kind, place)?;
                self.remember(anchor, node, 0);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Kind::List, Slot::Item(0), anchor, tag.as_deref(), place)
            }
            Event::MappingStart(anchor, tag) => {
                let slot = Slot::Key { lines: HashMap::new(), pending: None };
                self.open(Kind::Mapping, slot, anchor, tag.as_deref(), place)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.close();
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::DocumentStart(_) if self.document.len() > 0 => {
                Err(Fault::new("syntax", place, "a second document begins without a `---` line"))
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    /// The error of a tag. The values of Secrets are not shown: one that begins with `!` or holds
    /// a number looks like a tag that does not fit.
    fn wrong_tag(&self, mut message: String, place: Place) -> Fault {
        let is_secret = |key: &str| matches!(key, "data" | "stringData");
        let keys = self.frames.iter().filter_map(|frame| self.document.key_of(frame.node));
        if keys.into_iter().any(is_secret) {
            message = "the tag of the value is not supported".to_owned();
        }
        Fault::new("tag", place, message).help("put the value in quotes if it begins with `!`")
    }

    fn wants_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { slot: Slot::Key { pending: None, .. }, .. }))
    }

    /// Kubernetes tools take numbers and booleans as keys by their text, and so do we.
    fn key(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        place: Place,
    ) -> Result<(), Fault> {
        let kind = scalar::resolve(&text, style, tag)
            .map_err(|message| Fault::new("tag", place, message))?;
        if matches!(kind, Kind::Null) {
            return Err(not_a_key("nothing", place));
        }
        if text == "<<" && style == ScalarStyle::Plain {
            return Err(Fault::new("merge-key", place, "the merge key `<<` is not supported")
                .help("write the fields out; an alias can stand for a whole value"));
        }
        let is_root = self.frames.len() == 1;
        let Some(Frame { slot: Slot::Key { lines, pending }, .. }) = self.frames.last_mut() else {
            return Ok(());
        };
        *pending = Some((text.as_ref().into(), place));
        match lines.get(&text) {
            None => {
                lines.insert(text, place.line);
            }
            // What follows a lost separator is another document: one error says it all.
            Some(_) if is_root && self.joined => {}
            Some(&first) => {
                let message = format!(
                    "the key `{text}` stands twice, in line {first} and line {}",
                    place.line
                );
                let fault = Fault::new("duplicate-key", place, message);
                let separator = is_root && matches!(&*text, "apiVersion" | "kind");
                self.joined |= separator;
                self.faults.push(if separator {
                    fault.help(format!(
                        "a separator line `---` is probably missing between line {first} and \
                         line {}",
                        place.line
                    ))
                } else if let Some(help) = dashed_key(&text) {
                    fault.help(help)
                } else {
                    fault
                });
            }
        }
        Ok(())
    }

    /// Takes the place in the tree that is next in turn: parent, step and place of the key.
    fn next_slot(&mut self, place: Place) -> Result<(u32, Step, Place), Fault> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok((0, Step::Root, place));
        };
        match &mut frame.slot {
            Slot::Item(index) => {
                let step = Step::Item(*index);
                *index += 1;
                Ok((frame.node, step, place))
            }
            Slot::Key { pending, .. } => match pending.take() {
                Some((key, key_at)) => Ok((frame.node, Step::Key(key), key_at)),
                None => Err(not_a_key("an alias", place)),
            },
        }
    }

    /// Adds a value where it belongs.
    fn value(&mut self, kind: Kind, place: Place) -> Result<u32, Fault> {
        self.room_for(1, place)?;
        let (parent, step, key_at) = self.next_slot(place)?;
        // A value that is not there stands where its key does.
        let at = if kind == Kind::Null { key_at } else { place };
        Ok(self.document.push(parent, step, kind, key_at, at))
    }

    fn room_for(&self, values: usize, place: Place) -> Result<(), Fault> {
        if self.document.len() + values > self.limits.values {
            let message = format!("the document has more than {} values", self.limits.values);
            return Err(Fault::new("limit", place, message));
        }
        Ok(())
    }

    fn open(
        &mut self,
        kind: Kind,
        slot: Slot<'t>,
        anchor: usize,
        tag: Option<&Tag>,
        place: Place,
    ) -> Result<(), Fault> {
        let (found, name) =
            if kind == Kind::List { ("a list", "seq") } else { ("a mapping", "map") };
        if self.wants_key() {
            return Err(not_a_key(found, place));
        }
        if let Some(tag) = tag.filter(|tag| !scalar::fits_collection(tag, name)) {
            let message =
                format!("the tag `{}` is not supported for {found}", scalar::written(tag));
            return Err(self.wrong_tag(message, place));
        }
        if self.frames.len() >= self.limits.depth {
            return Err(too_deep(place, self.limits));
        }
        let node = self.value(kind, place)?;
        self.frames.push(Frame { node, anchor, height: 0, slot });
        Ok(())
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        let height = frame.height + 1;
        self.grow(height);
        self.remember(frame.anchor, frame.node, height);
    }

    /// Notes that the innermost open value holds one of this height.
    fn grow(&mut self, height: usize) {
        if let Some(parent) = self.frames.last_mut() {
            parent.height = parent.height.max(height);
        }
    }

    fn remember(&mut self, anchor: usize, node: u32, height: usize) {
        // The parser numbers anchors from 1.
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node, height });
        }
    }

    /// Repeats a value.
    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Fault> {
        let Some(&Anchor { node, height }) = self.anchors.get(&anchor) else {
            // Remembered when they end: a value within itself is never found here.
            return Err(Fault::new("alias", place, "the alias is part of the value it names"));
        };
        if self.frames.len() + height > self.limits.depth {
            return Err(too_deep(place, self.limits));
        }
        let size = self.document.size_of(node);
        self.room_for(size, place)?;
        *self.alias_values = self.alias_values.checked_sub(size).ok_or_else(|| {
            let most = self.limits.alias_values;
            let message = format!("the aliases of the file repeat more than {most} values");
            Fault::new("limit", place, message)
        })?;
        let (parent, step, key_at) = self.next_slot(place)?;
        let copy = self.document.subtree(node);
        self.document.graft(parent, step, key_at, &copy);
        self.grow(height);
        Ok(())
    }
}

fn not_a_key(found: &str, place: Place) -> Fault {
    let fault = Fault::new("bad-key", place, format!("a key must be text, found {found}"));
    if found == "a mapping" {
        fault.help("if this is a template with `{{ … }}`, render it first")
    } else {
        fault
    }
}
