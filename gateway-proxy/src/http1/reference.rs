//! What the scanner has to come to: the same rules, written as a parser that has everything at
//! hand and keeps what it reads. The scanner's tests and its fuzz target compare with it.

use super::scan::{Part, Piece, Scanner, Violation};

/// What a client sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The bodies of messages that came to their end.
    pub(crate) bodies: Vec<Vec<u8>>,
    pub(crate) violation: Option<Violation>,
}

/// Why reading stops.
enum Stop {
    /// There is no more.
    Missing,
    At(usize, Part),
}

type Read<T> = Result<T, Stop>;

/// Reads all of it.
pub(crate) fn read(octets: &[u8]) -> Sent {
    let mut sent = Sent::default();
    let mut reader = Reader { octets, at: 0 };
    while reader.at < octets.len() {
        match reader.message() {
            Ok(body) => sent.bodies.push(body),
            Err(Stop::Missing) => break,
            Err(Stop::At(at, part)) => {
                sent.violation = Some(Violation { at, part });
                break;
            }
        }
    }
    sent
}

/// The body of the first message, and where that ends, if it does.
pub(crate) fn first(octets: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut reader = Reader { octets, at: 0 };
    reader.message().ok().map(|body| (body, reader.at))
}

struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Read<u8> {
        self.octets.get(self.at).copied().ok_or(Stop::Missing)
    }

    fn stop<T>(&self, part: Part) -> Read<T> {
        Err(Stop::At(self.at, part))
    }

    /// The next octet, which has to be one of those.
    fn one(&mut self, part: Part, allowed: impl Fn(u8) -> bool) -> Read<u8> {
        let octet = self.peek()?;
        if !allowed(octet) {
            return self.stop(part);
        }
        self.at += 1;
        Ok(octet)
    }

    /// The octets up to the first that is not one of those.
    fn many(&mut self, allowed: impl Fn(u8) -> bool) -> Read<Vec<u8>> {
        let mut found = Vec::new();
        while allowed(self.peek()?) {
            found.push(self.peek()?);
            self.at += 1;
        }
        Ok(found)
    }

    fn text(&mut self, part: Part, text: &[u8]) -> Read<()> {
        text.iter().try_for_each(|octet| self.one(part, |found| found == *octet).map(drop))
    }

    fn message(&mut self) -> Read<Vec<u8>> {
        if self.peek()? == b'\r' {
            self.text(Part::Head, b"\r\n")?;
        }
        self.one(Part::Head, is_token)?;
        self.many(is_token)?;
        self.text(Part::Head, b" ")?;
        let is_target = |octet| octet > 0x20 && octet != 0x7f;
        self.one(Part::Head, is_target)?;
        self.many(is_target)?;
        self.text(Part::Head, b" HTTP/1.")?;
        let is_1_0 = self.one(Part::Head, |octet| octet == b'0' || octet == b'1')? == b'0';
        self.text(Part::Head, b"\r\n")?;
        let (mut lengths, mut codings) = (Vec::new(), Vec::new());
        self.fields(Part::Head, |name, value| {
            match name {
                "content-length" => {
                    let digits = value.iter().all(u8::is_ascii_digit);
                    let number = std::str::from_utf8(value).ok().filter(|_| digits);
                    let Some(number) = number.and_then(|number| number.parse::<u64>().ok()) else {
                        return false;
                    };
                    lengths.push(number);
                }
                "transfer-encoding" => codings.push(value.to_ascii_lowercase()),
                _ => {}
            }
            let one_way = lengths.len() + usize::from(!codings.is_empty()) <= 1;
            one_way && (codings.is_empty() || !is_1_0)
        })?;
        match (&lengths[..], &codings[..]) {
            ([], []) => Ok(Vec::new()),
            ([length], []) => {
                let end = usize::try_from(*length).ok().and_then(|len| self.at.checked_add(len));
                self.data(end)
            }
            (_, [coding]) if coding == b"chunked" => self.chunks(),
            _ => {
                self.peek()?;
                self.stop(Part::Unknown)
            }
        }
    }

    fn data(&mut self, end: Option<usize>) -> Read<Vec<u8>> {
        let found = end.and_then(|end| self.octets.get(self.at..end)).ok_or(Stop::Missing)?;
        self.at += found.len();
        Ok(found.to_vec())
    }

    fn chunks(&mut self) -> Read<Vec<u8>> {
        let mut body = Vec::new();
        let mut extensions = 0;
        loop {
            let mut digits = vec![self.one(Part::Body, |octet| octet.is_ascii_hexdigit())?];
            while self.peek()?.is_ascii_hexdigit() {
                if digits.len() == 16 {
                    return self.stop(Part::Body);
                }
                digits.push(self.peek()?);
                self.at += 1;
            }
            self.extensions(&mut extensions)?;
            self.text(Part::Body, b"\r\n")?;
            let digits = String::from_utf8_lossy(&digits).into_owned();
            let size = u64::from_str_radix(&digits, 16).unwrap_or(u64::MAX);
            if size == 0 {
                break;
            }
            let end = usize::try_from(size).ok().and_then(|len| self.at.checked_add(len));
            body.extend(self.data(end)?);
            self.text(Part::Body, b"\r\n")?;
        }
        self.fields(Part::Body, |name, _| !matches!(name, "content-length" | "transfer-encoding"))?;
        Ok(body)
    }

    /// Blanks, then `;` and whatever is text: 1,024 octets besides the first `;`, and 16 KiB in `all`.
    fn extensions(&mut self, all: &mut usize) -> Read<()> {
        let mut count = 0;
        let mut inside = false;
        loop {
            match self.peek()? {
                b';' if !inside => inside = true,
                b' ' | b'\t' => count += 1,
                octet if inside && is_text(octet) => count += 1,
                b'\r' if inside || count == 0 => {
                    *all += count;
                    return Ok(());
                }
                _ => return self.stop(Part::Body),
            }
            if count > 1024 || *all + count > 16 << 10 {
                return self.stop(Part::Body);
            }
            self.at += 1;
        }
    }

    fn fields(&mut self, part: Part, mut is_legal: impl FnMut(&str, &[u8]) -> bool) -> Read<()> {
        while self.peek()? != b'\r' {
            let mut name = vec![self.one(part, is_token)?];
            name.extend(self.many(is_token)?);
            self.text(part, b":")?;
            let value = self.many(is_text)?;
            self.text(part, b"\r")?;
            let name = String::from_utf8_lossy(&name).to_ascii_lowercase();
            let ends = self.peek()? == b'\n';
            if !ends || !is_legal(&name, value.trim_ascii()) {
                return self.stop(part);
            }
            self.at += 1;
        }
        self.text(part, b"\r\n")
    }
}

fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

fn is_text(octet: u8) -> bool {
    octet == b'\t' || (octet >= b' ' && octet != 0x7f)
}

/// Whether the scanner comes to the same, however the octets are split.
///
/// # Panics
///
/// If it does not.
pub(crate) fn agree(octets: &[u8], seed: u64) {
    let wanted = read(octets);
    let mut state = seed | 1;
    let mut any = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % 7 + 1
    };
    let sizes: [&mut dyn FnMut() -> usize; 3] = [&mut || usize::MAX, &mut || 1, &mut any];
    for size in sizes {
        let mut scanner = Scanner::new();
        let mut sent = Sent::default();
        let mut body = Vec::new();
        let mut at = 0;
        while at < octets.len() && sent.violation.is_none() {
            let end = at.saturating_add(size()).min(octets.len());
            while at < end && sent.violation.is_none() {
                match scanner.next(&octets[at..end]) {
                    Ok((read, piece)) => {
                        if piece == Piece::Data {
                            body.extend_from_slice(&octets[at..at + read]);
                        }
                        if piece != Piece::Framing && scanner.is_between() {
                            sent.bodies.push(std::mem::take(&mut body));
                        }
                        at += read;
                    }
                    Err(violation) => {
                        sent.violation = Some(Violation { at: at + violation.at, ..violation });
                    }
                }
            }
        }
        let text = String::from_utf8_lossy(octets);
        assert_eq!(sent, wanted, "{text:?}");
        if let Some(Violation { part, .. }) = sent.violation {
            let again = scanner.next(b"GET / HTTP/1.1\r\n\r\n");
            assert_eq!(again, Err(Violation { at: 0, part }), "nothing passes any more");
        }
    }
}
