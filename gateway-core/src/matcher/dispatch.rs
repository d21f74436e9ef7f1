//! Routes of one path, told apart by their conditions.
//!
//! Routes with the same path pattern form a group. A large group is divided by *signature*: the
//! fields that a route wants to have exactly some value. One hash probe per signature finds the
//! few routes whose values are those of the request; all their conditions are then verified.

use super::regexes::{Finder, Scan};
use super::{NONE, range};
use crate::hash::{hash, mix};
use crate::request::Request;
use crate::request::field::{Value, View};
use crate::rules::{Condition, Field};
use hashbrown::HashTable;

/// The longest value that a probe looks for; routes that want a longer one are verified one by
/// one.
pub(crate) const LONGEST_KEY: usize = 256;

/// The groups of one host. Ranks are positions in the host's list of routes.
pub(crate) struct Dispatch {
    pub(crate) groups: Box<[Group]>,
    pub(crate) signatures: Box<[Signature]>,
    /// The columns of all signatures.
    pub(crate) columns: Box<[Column]>,
    /// Ranks, in ascending runs.
    pub(crate) lists: Box<[u32]>,
    /// What [`Candidates::scanned`] stands for.
    pub(crate) scanned: Box<[Scanned]>,
    pub(crate) probes: HashTable<Probe>,
    /// The fields that conditions look at.
    pub(crate) fields: Box<[Field]>,
    /// The conditions of all routes.
    pub(crate) checks: Box<[Check]>,
    /// Where the conditions of a route begin, by rank; one more at the end.
    pub(crate) first_check: Box<[u32]>,
    /// The texts of [`Wanted::Text`], one after the other.
    pub(crate) text: Box<[u8]>,
    /// What [`Wanted::Other`] stands for.
    pub(crate) others: Box<[Condition]>,
}

/// Routes of one path pattern.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    /// The best of their ranks.
    pub(crate) best: u32,
    pub(crate) members: Members,
}

/// How the route of a group is found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Members {
    /// The best one has no conditions, so that it takes whatever comes here.
    Unconditional,
    /// A few, looked at one by one.
    Few(List),
    /// By their signatures, best rank first.
    Signatures(u32, u32),
}

/// Routes of a group that want to have exactly some value in the same fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signature {
    /// The best of their ranks.
    pub(crate) best: u32,
    /// The fields; none where the routes want no value exactly.
    pub(crate) columns: (u32, u32),
    /// Without columns: the routes.
    pub(crate) candidates: Candidates,
}

/// Ranks in [`Dispatch::lists`], in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl List {
    pub(crate) const EMPTY: Self = Self { start: 0, end: 0 };
}

/// Routes that may hold: a list, or what is found by their expressions. In two words, since there
/// is one for nearly every route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidates {
    /// Of a list, or an index into [`Dispatch::scanned`].
    start: u32,
    /// Of a list, or [`NONE`].
    end: u32,
}

impl From<List> for Candidates {
    fn from(List { start, end }: List) -> Self {
        Self { start, end }
    }
}

impl Candidates {
    /// Those of [`Dispatch::scanned`].
    pub(crate) fn scanned(index: u32) -> Self {
        Self { start: index, end: NONE }
    }

    /// The list, else the index into [`Dispatch::scanned`].
    #[inline]
    fn list(self) -> Result<List, u32> {
        let Self { start, end } = self;
        if end == NONE { Err(start) } else { Ok(List { start, end }) }
    }
}

/// Routes that are found by their expressions.
pub(crate) struct Scanned {
    /// Best rank first.
    pub(crate) scans: Box<[Scan]>,
    /// The routes that none of these finds.
    pub(crate) rest: List,
}

/// A field whose value is part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Column {
    /// Index into [`Dispatch::fields`].
    pub(crate) field: u32,
    /// Whether letters are folded to lower case.
    pub(crate) ignore_case: bool,
}

/// The routes of a signature that want the same values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) key: u64,
    pub(crate) candidates: Candidates,
}

/// A condition of a route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    /// Index into [`Dispatch::fields`].
    pub(crate) field: u32,
    pub(crate) wanted: Wanted,
}

/// What a condition wants.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    /// Exactly this text, in [`Dispatch::text`].
    Text(u32, u32),
    /// This text in any case.
    TextInAnyCase(u32, u32),
    /// Index into [`Dispatch::others`].
    Other(u32),
}

/// The hash of several values; `None` when one of them cannot be part of a key.
#[inline]
pub(crate) fn values_key(mut values: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    values.try_fold(0, |key, value| Some(mix(key, value?)))
}

/// The key of a probe.
#[inline]
pub(crate) fn probe_key(signature: u32, values: u64) -> u64 {
    mix(values, u64::from(signature))
}

/// The hash of a value in a key: never 0.
pub(crate) fn value_key(text: &[u8]) -> u64 {
    hash(text, 0) | 1
}

impl Dispatch {
    /// Whether there are conditions at all.
    pub(crate) fn has_conditions(&self) -> bool {
        !self.checks.is_empty()
    }

    /// Lowers `best` to the rank of the best route of `group`, which has no conditions.
    #[inline]
    pub(crate) fn take(&self, group: u32, best: &mut u32) {
        *best = self.groups[group as usize].best.min(*best);
    }

    /// Lowers `best` to the rank of the best route of `group` whose conditions hold.
    #[inline]
    pub(crate) fn evaluate<'v, R: Request>(
        &'v self,
        group: u32,
        values: &mut Values<'v, R>,
        best: &mut u32,
    ) {
        let group = &self.groups[group as usize];
        if group.best >= *best {
            return;
        }
        match group.members {
            Members::Unconditional => *best = group.best,
            Members::Few(list) => self.evaluate_list(list, values, best),
            Members::Signatures(start, end) => {
                self.evaluate_signatures((start, end), values, best);
            }
        }
    }

    #[inline(never)]
    fn evaluate_signatures<'v, R: Request>(
        &'v self,
        signatures: (u32, u32),
        values: &mut Values<'v, R>,
        best: &mut u32,
    ) {
        for (signature, index) in self.signatures[range(signatures)].iter().zip(signatures.0..) {
            if signature.best >= *best {
                return;
            }
            let candidates = match signature.columns {
                (start, end) if start == end => Some(signature.candidates),
                columns => self.probe(index, columns, values),
            };
            match candidates.map(Candidates::list) {
                Some(Ok(list)) => self.evaluate_list(list, values, best),
                Some(Err(scanned)) => self.evaluate_scanned(scanned, values, best),
                None => {}
            }
        }
    }

    /// Evaluates the routes whose expressions are found in the values of their fields.
    #[inline(never)]
    fn evaluate_scanned<'v, R: Request>(
        &'v self,
        scanned: u32,
        values: &mut Values<'v, R>,
        best: &mut u32,
    ) {
        let Scanned { scans, rest } = &self.scanned[scanned as usize];
        for scan in scans {
            if scan.best >= *best {
                break;
            }
            let value = *values.read(&self.fields, scan.field);
            match &scan.finder {
                // What is absent matches nothing.
                _ if !value.is_present() => {}
                Finder::Automaton(automaton) => {
                    let mut run = automaton.run();
                    value.pieces(|piece| {
                        run.feed(piece);
                        true
                    });
                    let mut found = run.finish();
                    while found != 0 {
                        let list = automaton.lists[found.trailing_zeros() as usize];
                        self.evaluate_list(list, values, best);
                        found &= found - 1;
                    }
                }
                Finder::Literals(literals) => {
                    let mut run = literals.run();
                    value.pieces(|piece| {
                        run.feed(piece, |list| self.evaluate_list(list, values, best));
                        true
                    });
                }
            }
        }
        self.evaluate_list(*rest, values, best);
    }

    #[inline]
    fn probe<'v, R: Request>(
        &'v self,
        signature: u32,
        columns: (u32, u32),
        values: &mut Values<'v, R>,
    ) -> Option<Candidates> {
        let columns = self.columns[range(columns)].iter();
        let keys = columns.map(|column| values.key(&self.fields, *column));
        let key = probe_key(signature, values_key(keys)?);
        self.probes.find(key, |probe| probe.key == key).map(|probe| probe.candidates)
    }

    #[inline(never)]
    fn evaluate_list<'v, R: Request>(
        &'v self,
        list: List,
        values: &mut Values<'v, R>,
        best: &mut u32,
    ) {
        for &rank in &self.lists[range((list.start, list.end))] {
            if rank >= *best {
                return;
            }
            let checks = (self.first_check[rank as usize], self.first_check[rank as usize + 1]);
            if self.checks[range(checks)].iter().all(|check| self.holds(check, values)) {
                *best = rank;
                return;
            }
        }
    }

    #[inline]
    fn holds<'v, R: Request>(&'v self, check: &Check, values: &mut Values<'v, R>) -> bool {
        let view = values.view;
        let value = values.read(&self.fields, check.field);
        match check.wanted {
            Wanted::Text(start, end) => value.equals(&self.text[range((start, end))], false),
            Wanted::TextInAnyCase(start, end) => {
                value.equals(&self.text[range((start, end))], true)
            }
            Wanted::Other(other) => self.holds_other(other, value, view),
        }
    }

    /// Apart, so that the usual case does not pay for what this needs.
    #[inline(never)]
    fn holds_other<R: Request>(
        &self,
        other: u32,
        value: &Value<'_, R>,
        view: &View<'_, R>,
    ) -> bool {
        view.holds_for(&self.others[other as usize], value)
    }
}

/// How many fields are remembered; others are read again whenever they are looked at.
const SLOTS: usize = 8;

/// The values of fields, each read and hashed when it is first looked at.
pub(crate) struct Values<'v, R> {
    view: &'v View<'v, R>,
    /// `None` until it is looked at. The last one is of a field that is not remembered.
    values: [Option<Value<'v, R>>; SLOTS + 1],
    /// The keys, plain and folded; 0 until they are made, and for what cannot be part of a key.
    keys: [[u64; 2]; SLOTS],
}

impl<'v, R: Request> Values<'v, R> {
    #[inline]
    pub(crate) fn new(view: &'v View<'v, R>) -> Self {
        Self { view, values: [None; SLOTS + 1], keys: [[0; 2]; SLOTS] }
    }

    #[inline]
    fn read(&mut self, fields: &'v [Field], field: u32) -> &Value<'v, R> {
        let field = field as usize;
        let value = &mut self.values[field.min(SLOTS)];
        if field >= SLOTS {
            *value = None;
        }
        value.get_or_insert_with(|| self.view.read(&fields[field]))
    }

    /// The value as part of a key; `None` when no key holds it.
    #[inline]
    fn key(&mut self, fields: &'v [Field], column: Column) -> Option<u64> {
        let Column { field, ignore_case } = column;
        let known = self.keys.get(field as usize).map_or(0, |keys| keys[usize::from(ignore_case)]);
        if known != 0 {
            return Some(known);
        }
        let key = key_of(self.read(fields, field), ignore_case);
        if let Some(keys) = self.keys.get_mut(field as usize) {
            keys[usize::from(ignore_case)] = key;
        }
        (key != 0).then_some(key)
    }
}

#[inline]
fn key_of<R: Request>(value: &Value<'_, R>, ignore_case: bool) -> u64 {
    match value {
        Value::Absent => 0,
        Value::Slice(slice) if !ignore_case && slice.len() <= LONGEST_KEY => value_key(slice),
        _ => key_of_copy(value, ignore_case),
    }
}

/// Puts the pieces together to hash them as one.
#[inline(never)]
fn key_of_copy<R: Request>(value: &Value<'_, R>, ignore_case: bool) -> u64 {
    let mut copy = [0; LONGEST_KEY];
    let mut len = 0;
    let fits = value.pieces(|piece| match copy.get_mut(len..len + piece.len()) {
        Some(room) => {
            room.copy_from_slice(piece);
            len += piece.len();
            true
        }
        None => false,
    });
    if !fits {
        return 0;
    }
    let copy = &mut copy[..len];
    if ignore_case {
        copy.make_ascii_lowercase();
    }
    value_key(copy)
}
