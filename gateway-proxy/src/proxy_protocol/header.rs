//! What a header of the PROXY protocol says: version 1, a line of text, and version 2, octets
//! (<https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Most octets of a header. Senders have to fit theirs into the smallest segment there is.
pub(crate) const LIMIT: usize = 536;

/// Most octets of a header of version 1.
const LINE_LIMIT: usize = 107;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A header so far, whose end is missing.
    Part,
    /// A header of that many octets.
    Whole { len: usize, client: Option<SocketAddr> },
}

/// Reads the header that `octets` begin with. `None` where they begin with none.
pub(crate) fn find(octets: &[u8]) -> Option<Found> {
    let shared = octets.iter().zip(SIGNATURE).take_while(|(one, other)| one == other).count();
    if shared == SIGNATURE.len() {
        return find_binary(octets);
    }
    if shared == octets.len() {
        return Some(Found::Part);
    }
    find_line(octets)
}

fn find_line(octets: &[u8]) -> Option<Found> {
    let line = &octets[..octets.len().min(LINE_LIMIT)];
    let Some(end) = line.iter().position(|octet| *octet == b'\n') else {
        let begins = b"PROXY ".iter().zip(line).all(|(wanted, octet)| wanted == octet);
        return (begins && line.len() < LINE_LIMIT).then_some(Found::Part);
    };
    let text = str::from_utf8(line[..end].strip_suffix(b"\r")?).ok()?;
    let told = text.strip_prefix("PROXY ")?;
    let len = end + 1;
    if told == "UNKNOWN" || told.starts_with("UNKNOWN ") {
        return Some(Found::Whole { len, client: None });
    }
    let mut words = told.split(' ');
    let client = match words.next()? {
        "TCP4" => source::<Ipv4Addr>(&mut words)?,
        "TCP6" => source::<Ipv6Addr>(&mut words)?,
        _ => return None,
    };
    words.next().is_none().then_some(Found::Whole { len, client: Some(client) })
}

/// The first of two addresses with their ports, all of which have to be ones.
fn source<'a, A: FromStr + Into<IpAddr>>(
    words: &mut impl Iterator<Item = &'a str>,
) -> Option<SocketAddr> {
    let source: A = words.next()?.parse().ok()?;
    let _: A = words.next()?.parse().ok()?;
    let source_port = port(words.next()?)?;
    port(words.next()?)?;
    Some(SocketAddr::new(source.into(), source_port))
}

fn port(text: &str) -> Option<u16> {
    let plain = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    plain.then(|| text.parse().ok()).flatten()
}

fn find_binary(octets: &[u8]) -> Option<Found> {
    let Some((&[command, family, high, low], rest)) =
        octets.get(SIGNATURE.len()..).and_then(<[u8]>::split_first_chunk)
    else {
        return Some(Found::Part);
    };
    let told = usize::from(u16::from_be_bytes([high, low]));
    let len = SIGNATURE.len() + 4 + told;
    // Version 2, of a client (1) or of the balancer itself (0).
    if !matches!(command, 0x20 | 0x21) || len > LIMIT {
        return None;
    }
    let Some(addresses) = rest.get(..told) else { return Some(Found::Part) };
    let client = match (command, family) {
        (0x20, _) => None,
        (_, 0x11) => {
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *addresses.first_chunk()?;
            Some((Ipv4Addr::new(a, b, c, d).into(), [high, low]))
        }
        (_, 0x21) => {
            let (source, rest) = addresses.split_first_chunk::<16>()?;
            let (_, ports) = rest.split_first_chunk::<16>()?;
            let [high, low, _, _] = *ports.first_chunk()?;
            Some((Ipv6Addr::from(*source).into(), [high, low]))
        }
        // Neither known, nor on a stream, nor with an address that rules could ask for.
        (_, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => None,
        _ => return None,
    };
    let socket = |(ip, port): (IpAddr, _)| SocketAddr::new(ip, u16::from_be_bytes(port));
    Some(Found::Whole { len, client: client.map(socket) })
}

// With its path, since the fuzz target includes this file from elsewhere.
#[cfg(test)]
#[path = "header/tests.rs"]
mod tests;
