//! What backends have seen of each request, which carries a number in its target.

use crate::fault::Fault;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// What all backends of a test have seen.
#[derive(Default)]
pub struct Ledger(Mutex<BTreeMap<u64, Vec<Fault>>>);

impl Ledger {
    /// Notes that a backend has the head of a request, and what it does about it.
    pub fn saw(&self, id: u64, fault: Fault) {
        self.0.lock().unwrap().entry(id).or_default().push(fault);
    }

    /// What became of a request, for each time that it came.
    pub fn of(&self, id: u64) -> Vec<Fault> {
        self.0.lock().unwrap().get(&id).cloned().unwrap_or_default()
    }

    /// How often a backend had a request and may have done what it asks for.
    pub fn done(&self, id: u64) -> usize {
        self.of(id).iter().filter(|fault| **fault != Fault::Refuse).count()
    }
}

/// The target of a request, of whose answer the body shall have `size` octets.
pub fn target(path: &str, id: u64, size: usize) -> String {
    format!("{path}?id={id}&size={size}")
}

/// What [`target`] asks for.
pub fn asked(target: &str) -> (u64, usize) {
    let field = |name: &str| {
        let (_, query) = target.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    (field("id").unwrap_or(0), field("size").unwrap_or(0) as usize)
}

/// The body that answers a request: of no other one, and none of its parts is like the whole.
pub fn body(id: u64, size: usize) -> String {
    let mut text = format!("{id} {size} ");
    let filler = char::from(b'a' + (id % 26) as u8);
    text.extend(std::iter::repeat_n(filler, size));
    text.push('.');
    text
}
