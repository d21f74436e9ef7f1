//! Tells what the octets of a connection are: heads, bodies and what is around these. It finds where
//! they are not HTTP/1 as RFC 9112 writes it: another program on the way might mend that in another
//! way, and read other messages.
//!
//! A few words of state, no buffer: it goes on at any octet, and what it has passed it never sees
//! again. Limits of sizes and counts are somebody else's, as is everything about what fields mean but
//! for those that frame.

const LENGTH: &[u8] = b"content-length";
const CODING: &[u8] = b"transfer-encoding";
const CHUNKED: &[u8] = b"chunked";

/// Most octets of a chunk's extensions.
const EXTENSION_LIMIT: u16 = 1024;

/// The same of a whole body: nobody sends them to be read.
const EXTENSIONS_LIMIT: u16 = 16 << 10;

/// Most digits of a chunk's size.
const SIZE_DIGITS: u8 = 16;

/// What octets are that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A part of a head or trailers, or something around the data of a body.
    Framing,
    /// The same, up to the end of a request's head.
    Head,
    /// A part of a body's data.
    Data,
    /// Framing, up to the end of the trailers, with which the message ends.
    End,
}

/// What must not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The first octet that must not be passed on.
    pub(crate) at: usize,
    pub(crate) part: Part,
}

/// Where something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// In a request's line or fields, before its head ends.
    Head,
    /// In a body, its chunks or trailers.
    Body,
    /// Behind a head with a transfer coding that nobody here knows: a request that is refused by
    /// whoever looks at its fields. Where its body ends is a guess.
    Unknown,
}

/// Reads what comes on one connection.
#[derive(Debug, Clone)]
pub(crate) struct Scanner {
    state: State,
    message: Message,
    field: Field,
    chunk: Chunk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a request's line, perhaps behind an empty one.
    Start {
        skipped: bool,
    },
    StartLf,
    Method,
    TargetStart,
    Target,
    Version(usize),
    VersionCr,
    VersionLf,
    FieldStart,
    Name,
    ValueStart,
    Value,
    FieldLf,
    EndLf,
    Counted(u64),
    SizeStart,
    Size,
    SizeBlank,
    Extension,
    SizeLf,
    Data(u64),
    DataCr,
    DataLf,
    Refused(Part),
}

impl State {
    /// Before a message.
    const START: Self = Self::Start { skipped: false };
}

/// What the head says about its body.
#[derive(Debug, Clone, Copy, Default)]
struct Message {
    is_1_0: bool,
    length: Option<u64>,
    coding: Coding,
    /// Whether fields are those behind the last chunk.
    in_trailers: bool,
    /// How many octets of extensions its chunks had.
    extensions: u16,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    None,
    Chunked,
    Other,
}

/// The field that is being read, as far as it is one that frames.
#[derive(Debug, Clone, Copy, Default)]
struct Field {
    /// Whether the name is one of these so far.
    is_length: bool,
    is_coding: bool,
    /// How much of such a name was read.
    name_len: u8,
    number: Option<u64>,
    /// How much of [`CHUNKED`] was read.
    word_len: u8,
    /// Whether blanks have ended the value.
    ended: bool,
    illegal: bool,
}

/// The chunk whose size is being read.
#[derive(Debug, Clone, Copy, Default)]
struct Chunk {
    size: u64,
    digits: u8,
    extension: u16,
}

impl Scanner {
    /// Before the first request of a connection.
    pub(crate) fn new() -> Self {
        Self {
            state: State::START,
            message: Message::default(),
            field: Field::default(),
            chunk: Chunk::default(),
        }
    }

    /// Before a body of so many octets, behind which the next request would begin.
    pub(crate) fn of_length(length: u64) -> Self {
        let state = if length > 0 { State::Counted(length) } else { State::START };
        Self { state, ..Self::new() }
    }

    /// The same, before a body in chunks.
    pub(crate) fn of_chunks() -> Self {
        Self { state: State::SizeStart, ..Self::new() }
    }

    /// Whether a message has come to its end, and no other one has begun.
    pub(crate) fn is_between(&self) -> bool {
        self.state == State::START
    }

    /// Whether the last chunk is behind it, and the end of the trailers is not.
    pub(crate) fn is_in_trailers(&self) -> bool {
        self.message.in_trailers && !self.is_between()
    }

    /// How many octets of data are to come, of a body that is not in chunks.
    pub(crate) fn rest(&self) -> Option<u64> {
        match self.state {
            State::START => Some(0),
            State::Counted(left) => Some(left),
            _ => None,
        }
    }

    /// How many octets of data come next for sure.
    pub(crate) fn data(&self) -> u64 {
        match self.state {
            State::Counted(left) | State::Data(left) => left,
            _ => 0,
        }
    }

    /// Reads octets that are one piece, as many as there are; says how many, and what they are.
    ///
    /// # Errors
    ///
    /// At the first octet that is wrong; nothing behind it can be read, either.
    pub(crate) fn next(&mut self, octets: &[u8]) -> Result<(usize, Piece), Violation> {
        let mut at = 0;
        while let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) {
            let before = self.state;
            let is_data = matches!(before, State::Counted(_) | State::Data(_));
            if is_data && at > 0 {
                break;
            }
            match self.step(rest) {
                Ok(read) => at += read,
                Err(part) => {
                    self.state = State::Refused(part);
                    return Err(Violation { at, part });
                }
            }
            match before {
                _ if is_data => return Ok((at, Piece::Data)),
                State::EndLf if self.message.in_trailers => return Ok((at, Piece::End)),
                State::EndLf => return Ok((at, Piece::Head)),
                // Trailers are kept until their end; what was before them need not be.
                State::SizeLf => break,
                _ => {}
            }
        }
        Ok((at, Piece::Framing))
    }

    /// Reads octets of `rest`, which is not empty, or finds what they are about; says how many.
    fn step(&mut self, rest: &[u8]) -> Result<usize, Part> {
        let Some(&octet) = rest.first() else { return Ok(0) };
        let next = match self.state {
            State::Start { skipped } => self.start(skipped, octet)?,
            State::StartLf => expect(octet, b'\n', State::Start { skipped: true }, Part::Head)?,
            State::Method if octet == b' ' => State::TargetStart,
            State::Method => return run(rest, is_token, Part::Head),
            State::TargetStart if is_target(octet) => State::Target,
            State::Target if octet == b' ' => State::Version(0),
            State::TargetStart | State::Target => return run(rest, is_target, Part::Head),
            State::Version(matched) => self.version(matched, octet)?,
            State::VersionCr => expect(octet, b'\r', State::VersionLf, Part::Head)?,
            State::VersionLf => expect(octet, b'\n', State::FieldStart, Part::Head)?,
            State::FieldStart if octet == b'\r' => State::EndLf,
            State::FieldStart if is_token(octet) => {
                self.field = Field::begun();
                self.state = State::Name;
                return Ok(0);
            }
            State::Name if octet == b':' => {
                self.field.name_ended();
                State::ValueStart
            }
            State::FieldStart | State::Name => return self.name(rest),
            State::ValueStart if is_blank(octet) => State::ValueStart,
            State::Value | State::ValueStart if octet == b'\r' => State::FieldLf,
            State::Value | State::ValueStart => return self.value(rest),
            State::FieldLf | State::EndLf if octet != b'\n' => return Err(self.part()),
            State::FieldLf => {
                self.field_read()?;
                State::FieldStart
            }
            State::EndLf => self.after_fields(),
            State::Counted(left) => {
                let (read, left) = skipped(left, rest.len());
                self.state = if left > 0 { State::Counted(left) } else { State::START };
                return Ok(read);
            }
            State::SizeStart if octet.is_ascii_hexdigit() => {
                self.chunk = Chunk::default();
                self.state = State::Size;
                return Ok(0);
            }
            State::Size | State::SizeBlank if octet == b';' => State::Extension,
            State::Size | State::SizeBlank if is_blank(octet) => {
                self.extension(1)?;
                State::SizeBlank
            }
            State::Size | State::Extension if octet == b'\r' => State::SizeLf,
            State::Size => {
                self.size(octet)?;
                State::Size
            }
            State::SizeStart | State::SizeBlank => return Err(Part::Body),
            State::Extension => {
                let text = run(rest, is_text, Part::Body)?;
                // The octet beyond the limit is the first that is refused.
                let room = (EXTENSION_LIMIT - self.chunk.extension)
                    .min(EXTENSIONS_LIMIT - self.message.extensions);
                let room = usize::from(room).max(1);
                let read = text.min(room);
                self.extension(read)?;
                return Ok(read);
            }
            State::SizeLf if octet != b'\n' => return Err(Part::Body),
            State::SizeLf if self.chunk.size > 0 => State::Data(self.chunk.size),
            State::SizeLf => {
                self.message.in_trailers = true;
                State::FieldStart
            }
            State::Data(left) => {
                let (read, left) = skipped(left, rest.len());
                self.state = if left > 0 { State::Data(left) } else { State::DataCr };
                return Ok(read);
            }
            State::DataCr => expect(octet, b'\r', State::DataLf, Part::Body)?,
            State::DataLf => expect(octet, b'\n', State::SizeStart, Part::Body)?,
            State::Refused(part) => return Err(part),
        };
        self.state = next;
        Ok(1)
    }

    fn start(&mut self, skipped: bool, octet: u8) -> Result<State, Part> {
        match octet {
            // Old clients end a body with an empty line that is not a part of it (section 2.2).
            b'\r' if !skipped => Ok(State::StartLf),
            octet if is_token(octet) => {
                self.message = Message::default();
                Ok(State::Method)
            }
            _ => Err(Part::Head),
        }
    }

    fn version(&mut self, matched: usize, octet: u8) -> Result<State, Part> {
        const VERSION: &[u8] = b"HTTP/1.";
        match VERSION.get(matched) {
            Some(expected) if *expected == octet => Ok(State::Version(matched + 1)),
            None if matches!(octet, b'0' | b'1') => {
                self.message.is_1_0 = octet == b'0';
                Ok(State::VersionCr)
            }
            _ => Err(Part::Head),
        }
    }

    fn name(&mut self, rest: &[u8]) -> Result<usize, Part> {
        let read = run(rest, is_token, self.part())?;
        for octet in &rest[..read] {
            if !self.field.frames() {
                break;
            }
            self.field.name(*octet);
        }
        Ok(read)
    }

    fn value(&mut self, rest: &[u8]) -> Result<usize, Part> {
        // Most of a head is text: blocks of it take a few instructions each.
        let (blocks, _) = rest.as_chunks::<16>();
        let is_all_text =
            |block: &&[u8; 16]| block.iter().fold(true, |all, octet| all & is_text(*octet));
        let whole = blocks.iter().take_while(is_all_text).count() * 16;
        let tail = rest[whole..].iter().position(|octet| !is_text(*octet));
        let read = tail.map_or(rest.len(), |tail| whole + tail);
        if read == 0 {
            return Err(self.part());
        }
        self.state = State::Value;
        if self.field.frames() {
            rest[..read].iter().for_each(|octet| self.field.value(*octet));
        }
        Ok(read)
    }

    /// Takes in what a field says about the body.
    fn field_read(&mut self) -> Result<(), Part> {
        let (field, message) = (&self.field, &mut self.message);
        if !field.frames() {
            return Ok(());
        }
        if message.in_trailers {
            // They would come too late (RFC 9110, section 6.5.1).
            return Err(Part::Body);
        }
        if field.is_length {
            // Once, and a number; nor may chunks tell the end as well.
            let length = field.length().ok_or(Part::Head)?;
            if message.length.is_some() || message.coding != Coding::None {
                return Err(Part::Head);
            }
            message.length = Some(length);
            return Ok(());
        }
        if message.length.is_some() || message.is_1_0 {
            return Err(Part::Head);
        }
        let known = message.coding == Coding::None && field.is_chunked();
        message.coding = if known { Coding::Chunked } else { Coding::Other };
        Ok(())
    }

    fn after_fields(&self) -> State {
        let Message { length, coding, in_trailers, .. } = self.message;
        match (coding, length) {
            _ if in_trailers => State::START,
            (Coding::Chunked, _) => State::SizeStart,
            (Coding::Other, _) => State::Refused(Part::Unknown),
            (Coding::None, Some(length)) if length > 0 => State::Counted(length),
            (Coding::None, _) => State::START,
        }
    }

    fn size(&mut self, octet: u8) -> Result<(), Part> {
        let digit = char::from(octet).to_digit(16).ok_or(Part::Body)?;
        if self.chunk.digits == SIZE_DIGITS {
            return Err(Part::Body);
        }
        self.chunk.digits += 1;
        self.chunk.size = self.chunk.size << 4 | u64::from(digit);
        Ok(())
    }

    /// Counts octets between a chunk's size and the end of its line.
    fn extension(&mut self, octets: usize) -> Result<(), Part> {
        for (sum, most) in [
            (&mut self.chunk.extension, EXTENSION_LIMIT),
            (&mut self.message.extensions, EXTENSIONS_LIMIT),
        ] {
            let more = u16::try_from(usize::from(*sum) + octets).ok();
            *sum = more.filter(|sum| *sum <= most).ok_or(Part::Body)?;
        }
        Ok(())
    }

    /// What is wrong where a field is.
    fn part(&self) -> Part {
        if self.message.in_trailers { Part::Body } else { Part::Head }
    }
}

impl Field {
    /// A field whose name may still be any.
    fn begun() -> Self {
        Self { is_length: true, is_coding: true, ..Self::default() }
    }

    fn frames(&self) -> bool {
        self.is_length || self.is_coding
    }

    fn name(&mut self, octet: u8) {
        let at = usize::from(self.name_len);
        self.is_length &= LENGTH.get(at) == Some(&octet.to_ascii_lowercase());
        self.is_coding &= CODING.get(at) == Some(&octet.to_ascii_lowercase());
        if self.frames() {
            self.name_len += 1;
        }
    }

    fn name_ended(&mut self) {
        self.is_length &= usize::from(self.name_len) == LENGTH.len();
        self.is_coding &= usize::from(self.name_len) == CODING.len();
    }

    /// Reads an octet of the value, behind the blanks that it may begin with.
    fn value(&mut self, octet: u8) {
        if is_blank(octet) {
            self.ended = true;
        } else if self.ended {
            self.illegal = true;
        } else if self.is_length {
            let digit = octet.is_ascii_digit().then(|| u64::from(octet - b'0'));
            let so_far = self.number.unwrap_or(0);
            self.number = digit.and_then(|digit| so_far.checked_mul(10)?.checked_add(digit));
            self.illegal |= self.number.is_none();
        } else if CHUNKED.get(usize::from(self.word_len)) == Some(&octet.to_ascii_lowercase()) {
            self.word_len += 1;
        } else {
            self.illegal = true;
        }
    }

    fn length(&self) -> Option<u64> {
        self.number.filter(|_| !self.illegal)
    }

    fn is_chunked(&self) -> bool {
        !self.illegal && usize::from(self.word_len) == CHUNKED.len()
    }
}

fn expect(octet: u8, wanted: u8, then: State, part: Part) -> Result<State, Part> {
    if octet == wanted { Ok(then) } else { Err(part) }
}

/// How many octets at the beginning are `allowed`: one at least.
fn run(rest: &[u8], allowed: impl Fn(u8) -> bool, part: Part) -> Result<usize, Part> {
    match rest.iter().position(|octet| !allowed(*octet)).unwrap_or(rest.len()) {
        0 => Err(part),
        read => Ok(read),
    }
}

/// How much of what is available belongs to the `left` octets of a body, and how many are missing then.
fn skipped(left: u64, available: usize) -> (usize, u64) {
    let read = usize::try_from(left).map_or(available, |left| left.min(available));
    (read, left - read as u64)
}

fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// RFC 9110, section 5.6.2.
fn is_token(octet: u8) -> bool {
    KINDS[usize::from(octet)] & TOKEN != 0
}

/// What a target may be made of here; whoever reads it as a URI refuses more.
fn is_target(octet: u8) -> bool {
    KINDS[usize::from(octet)] & TARGET != 0
}

/// RFC 9110, section 5.5.
fn is_text(octet: u8) -> bool {
    // Compared, not looked up, so that a block takes a few instructions.
    matches!(octet, b'\t' | b' '..=b'~' | 0x80..)
}

const TOKEN: u8 = 1;
const TARGET: u8 = 2;

/// What each octet may be a part of.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut at = 0;
    while at < kinds.len() {
        let octet = at as u8;
        if matches!(octet, b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'z' | b'|' | b'~' | b'!'
            | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.')
        {
            kinds[at] |= TOKEN;
        }
        if octet > b' ' && octet != 0x7f {
            kinds[at] |= TARGET;
        }
        at += 1;
    }
    kinds
};

#[cfg(test)]
pub(super) mod tests;
