//! The addresses of a Gateway (gateway-api §5).

use crate::diagnostic::Diagnostic;
use crate::resource::Problems;
use crate::resource::document::{At, Value, shorten};
use crate::resource::scalar::{self, ADDRESS_TYPE};
use std::net::IpAddr;

/// What all listeners of a Gateway are bound to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Address {
    /// `type`.
    pub(crate) kind: Box<str>,
    /// `None`: any.
    pub(crate) value: Option<Box<str>>,
    pub(crate) at: At,
}

/// The most characters of a value.
const LONGEST: usize = 253;

impl Address {
    pub(super) fn read_list(list: Value<'_>, problems: &mut Problems) -> Vec<Self> {
        let items = scalar::items(list, 0, 16, problems);
        let addresses: Vec<_> = items.into_iter().filter_map(|v| read(v, problems)).collect();
        check_distinct(&addresses, list, problems);
        addresses
    }
}

fn read(value: Value<'_>, problems: &mut Problems) -> Option<Address> {
    let mut fields = value.mapping(problems)?;
    let kind = match fields.field("type") {
        Some(field) => ADDRESS_TYPE.read(field, problems),
        None => Some("IPAddress"),
    };
    let address = fields.field("value");
    fields.finish(problems);
    let kind = kind?;
    let text = match address {
        Some(address) => Some(read_value(address, kind, problems)?.into()),
        None => None,
    };
    Some(Address { kind: kind.into(), value: text, at: value.at() })
}

fn read_value<'d>(value: Value<'d>, kind: &str, problems: &mut Problems) -> Option<&'d str> {
    let text = value.string(problems)?;
    let length = text.chars().count();
    let (code, message) = match kind {
        "IPAddress" if text.parse::<IpAddr>().is_err() => {
            ("invalid-address", format!("`{}` is not an IP address", shorten(text)))
        }
        "Hostname" => return scalar::hostname(value, problems).map(|_| text),
        _ if length > LONGEST => {
            ("too-long", format!("an address has at most {LONGEST} characters, found {length}"))
        }
        _ => return Some(text),
    };
    let help = match kind {
        "IPAddress" => "a host name needs `type: Hostname`",
        _ => "",
    };
    let problem = Diagnostic::error(code, &value.origin(), message);
    problems.push(if help.is_empty() { problem } else { problem.help(help) });
    None
}

/// Addresses and host names are unique; of other types nothing is said.
fn check_distinct(addresses: &[Address], list: Value<'_>, problems: &mut Problems) {
    for (i, later) in addresses.iter().enumerate() {
        let is_same = |earlier: &Address| {
            matches!(&*later.kind, "IPAddress" | "Hostname")
                && (&earlier.kind, &earlier.value) == (&later.kind, &later.value)
        };
        if let Some(value) = later.value.as_deref().filter(|_| addresses[..i].iter().any(is_same)) {
            let message = format!("the address `{value}` stands here more than once");
            problems.push(Diagnostic::error("duplicate", &list.origin(), message));
        }
    }
}
