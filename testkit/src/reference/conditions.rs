//! What is read from a request, and the conditions on it (decisions §3).

use super::path::{match_path, octet_of};
use super::target::{Target, authority, normal_host};
use gateway_core::rules::{Anchor, Condition, Field, Protocol, Regex, Test};
use gateway_core::{Connection, InvalidTarget, PathPolicy, Request};
use http::Version;
use regex_automata::{PatternID, meta, util::syntax};
use std::cell::RefCell;
use std::collections::HashMap;

/// A request with everything read.
pub(super) struct View<'a, R> {
    request: &'a R,
    /// The host in normal form.
    pub(super) host: String,
    /// The match path; `None` for `OPTIONS *` and CONNECT.
    pub(super) path: Option<Vec<u8>>,
    authority: Vec<u8>,
    query: Option<Vec<u8>>,
    /// The target but for scheme and authority.
    without_authority: Vec<u8>,
}

/// A field: the value that positive conditions look at, and each line (cookie, argument) of it.
pub(super) struct Value {
    pub(super) joined: Option<Vec<u8>>,
    each: Vec<Vec<u8>>,
}

impl Value {
    fn one(value: Option<Vec<u8>>) -> Self {
        Self { joined: value, each: Vec::new() }
    }

    /// Several of one name, of which the first counts.
    fn first_of(all: Vec<Vec<u8>>) -> Self {
        Self { joined: all.first().cloned(), each: all }
    }
}

impl<'a, R: Request> View<'a, R> {
    pub(super) fn of(request: &'a R, policy: &PathPolicy) -> Result<Self, InvalidTarget> {
        let target = Target::of(request)?;
        let authority = authority(request, &target)?;
        let host = normal_host(&authority)?;
        let path = match &target.path {
            Some(path) => Some(match_path(path, policy)?),
            None => None,
        };
        target.check_rest(policy)?;
        let Target { query, without_authority, .. } = target;
        Ok(Self { request, host, path, authority, query, without_authority })
    }

    pub(super) fn holds(&self, condition: &Condition) -> bool {
        let value = self.value(&condition.field);
        let joined_passes = passes(&condition.test, value.joined.as_deref());
        if condition.negated {
            // A deny cannot be bypassed by adding a line.
            !joined_passes && !value.each.iter().any(|line| passes(&condition.test, Some(line)))
        } else {
            joined_passes
        }
    }

    pub(super) fn request(&self) -> &R {
        self.request
    }

    pub(super) fn value(&self, field: &Field) -> Value {
        let request = self.request;
        let Connection { protocol, peer, .. } = request.connection();
        let secure = protocol == Protocol::Https;
        let text = |text: &str| Value::one(Some(text.as_bytes().to_vec()));
        match field {
            Field::Method => text(request.method()),
            Field::Scheme => text(if secure { "https" } else { "http" }),
            Field::Host => text(&self.host),
            Field::Path => Value::one(self.path.clone()),
            Field::Target => Value::one(Some(self.without_authority.clone())),
            Field::Query => Value::one(self.query.clone()),
            Field::RequestLine => {
                let mut line = format!("{} ", request.method()).into_bytes();
                line.extend(request.target());
                line.extend(format!(" {:?}", request.version()).into_bytes());
                Value::one(Some(line))
            }
            Field::PeerAddress => Value::one(peer.map(|peer| peer.ip().to_string().into_bytes())),
            Field::PeerPort => Value::one(peer.map(|peer| peer.port().to_string().into_bytes())),
            Field::Https => Value::one(secure.then(|| b"on".to_vec())),
            Field::Http2 if request.version() != Version::HTTP_2 => Value::one(None),
            Field::Http2 => text(if secure { "h2" } else { "h2c" }),
            Field::Header(name) if **name == *"host" => Value::one(Some(self.authority.clone())),
            Field::Header(name) => {
                let lines = self.lines(name);
                let separator: &[u8] = if **name == *"cookie" { b"; " } else { b", " };
                let joined = (!lines.is_empty()).then(|| lines.join(separator));
                Value { joined, each: lines }
            }
            Field::Cookie { name, ignore_case } => {
                Value::first_of(self.cookies(name.as_bytes(), *ignore_case))
            }
            Field::Argument { name, ignore_case, decoded } => {
                Value::first_of(self.arguments(name.as_bytes(), *ignore_case, *decoded))
            }
            Field::Attribute(name) => Value::one(request.attribute(name).map(<[u8]>::to_vec)),
        }
    }

    fn lines(&self, name: &str) -> Vec<Vec<u8>> {
        self.request.headers(name).map(<[u8]>::to_vec).collect()
    }

    /// The values of all cookies of a name: raw, up to the `;`, without the blanks around the `=`
    /// (virtualserver §10.1).
    fn cookies(&self, name: &[u8], ignore_case: bool) -> Vec<Vec<u8>> {
        let joined = self.lines("cookie").join(&b"; "[..]);
        let mut values = Vec::new();
        for pair in joined.split(|&b| b == b';') {
            let Some((written, value)) = split_once(pair, b'=') else { continue };
            if same(written.trim_ascii(), name, ignore_case) {
                let blanks = value.iter().take_while(|&&b| b == b' ').count();
                values.push(value[blanks..].to_vec());
            }
        }
        values
    }

    /// The values of all arguments of a name.
    fn arguments(&self, name: &[u8], ignore_case: bool, decoded: bool) -> Vec<Vec<u8>> {
        let query = self.query.clone().unwrap_or_default();
        let mut values = Vec::new();
        for argument in query.split(|&b| b == b'&') {
            let (written, value) = match split_once(argument, b'=') {
                Some((written, value)) => (written, value),
                // An argument without `=` is absent when raw, and empty when decoded.
                None if decoded => (argument, &b""[..]),
                None => continue,
            };
            if decoded {
                if same(&decode(written), name, ignore_case) {
                    values.push(decode(value));
                }
            } else if same(written, name, ignore_case) {
                values.push(value.to_vec());
            }
        }
        values
    }
}

pub(super) fn passes(test: &Test, value: Option<&[u8]>) -> bool {
    match test {
        Test::Empty => value.is_none_or(<[u8]>::is_empty),
        Test::Equals { value: wanted, ignore_case } => {
            value.is_some_and(|value| same(value, wanted.as_bytes(), *ignore_case))
        }
        Test::Matches { regex, empty_matches } => value
            .is_some_and(|value| (*empty_matches || !value.is_empty()) && matches(regex, value)),
    }
}

fn same(a: &[u8], b: &[u8], ignore_case: bool) -> bool {
    if ignore_case { a.eq_ignore_ascii_case(b) } else { a == b }
}

fn split_once(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&b| b == at)?;
    Some((&text[..at], &text[at + 1..]))
}

/// `%XX` decoded, `+` read as blank; what is not an escape stays (gateway-api §11.4).
fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match (text[at], octet_of(text.get(at + 1..at + 3))) {
            (b'%', Some(octet)) => {
                out.push(octet);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (octet, _) => out.push(octet),
        }
        at += 1;
    }
    out
}

thread_local! {
    /// What was compiled before: rule sets are asked many times.
    static COMPILED: RefCell<HashMap<(Anchor, bool), HashMap<String, meta::Regex>>> =
        RefCell::default();
}

/// Whether the expression matches, compiled from its text by another engine than the router's.
pub(super) fn matches(regex: &Regex, value: &[u8]) -> bool {
    with_compiled(regex, |compiled| compiled.is_match(value))
}

/// The groups that took part in the first match, by name, or by number where they have none.
pub(super) fn groups(regex: &Regex, value: &[u8]) -> Vec<(String, Vec<u8>)> {
    with_compiled(regex, |compiled| {
        let mut captures = compiled.create_captures();
        compiled.captures(value, &mut captures);
        let names = compiled.group_info().pattern_names(PatternID::ZERO);
        let mut groups = Vec::new();
        for (number, name) in names.enumerate().skip(1) {
            if let Some(span) = captures.get_group(number) {
                let name = name.map_or_else(|| number.to_string(), str::to_owned);
                groups.push((name, value[span.range()].to_vec()));
            }
        }
        groups
    })
}

fn with_compiled<T>(regex: &Regex, run: impl FnOnce(&meta::Regex) -> T) -> T {
    COMPILED.with_borrow_mut(|compiled| {
        let of_anchor = compiled.entry((regex.anchor(), regex.ignore_case())).or_default();
        if !of_anchor.contains_key(regex.source()) {
            let made = compile(regex.source(), regex.anchor(), regex.ignore_case());
            of_anchor.insert(regex.source().to_owned(), made);
        }
        run(&of_anchor[regex.source()])
    })
}

fn compile(source: &str, anchor: Anchor, ignore_case: bool) -> meta::Regex {
    let anchored = match anchor {
        Anchor::None => source.to_owned(),
        Anchor::Start => format!(r"\A(?:{source})"),
        Anchor::Both => format!(r"\A(?:{source})\z"),
    };
    let build = |unicode| {
        let config =
            syntax::Config::new().unicode(unicode).utf8(false).case_insensitive(ignore_case);
        meta::Regex::builder()
            .configure(meta::Config::new().utf8_empty(false))
            .syntax(config)
            .build(&anchored)
            .ok()
    };
    let octets = source.is_ascii() || !ignore_case;
    let compiled = if octets { build(false).or_else(|| build(true)) } else { build(true) };
    compiled.expect("the rule set holds only expressions that compile")
}
