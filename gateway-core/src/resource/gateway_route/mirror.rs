//! Copies of requests (gateway-api §13.2).

use super::Reader;
use super::backend::{self, BackendTarget};
use crate::resource::document::{Mapping, Value};

/// `requestMirror`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RequestMirror {
    pub(crate) target: BackendTarget,
    /// The share of the requests that is copied.
    pub(crate) share: Fraction,
}

/// A part of a whole, at most all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fraction {
    pub(crate) numerator: u32,
    /// At least 1.
    pub(crate) denominator: u32,
}

impl Fraction {
    const ALL: Self = Self { numerator: 100, denominator: 100 };
}

pub(super) fn read(block: Value<'_>, reader: &mut Reader<'_>) -> Option<RequestMirror> {
    let mut fields = block.mapping(reader.problems)?;
    let target = fields.required("backendRef", reader.problems);
    let target = target.and_then(|v| backend::read_target(v, reader));
    let share = read_share(&mut fields, reader);
    fields.finish(reader.problems);
    Some(RequestMirror { target: target?, share: share? })
}

fn read_share(fields: &mut Mapping<'_>, reader: &mut Reader<'_>) -> Option<Fraction> {
    let percent = fields.field("percent");
    let fraction = fields.field("fraction");
    if percent.is_some() && fraction.is_some() {
        let message = "`percent` and `fraction` exclude each other";
        reader.error("conflicting-fields", fields.value(), message);
    }
    let percent = percent.map(|v| v.integer(0..=100, reader.problems));
    let fraction = fraction.map(|v| read_fraction(v, reader));
    match (percent, fraction) {
        (None, None) => Some(Fraction::ALL),
        (_, Some(fraction)) => fraction,
        (Some(percent), None) => {
            Some(Fraction { numerator: u32::try_from(percent?).ok()?, denominator: 100 })
        }
    }
}

/// A `Fraction` (gateway-api §2).
fn read_fraction(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Fraction> {
    const MOST: i64 = i32::MAX as i64;
    let mut fields = value.mapping(reader.problems)?;
    let numerator = fields.required("numerator", reader.problems);
    let numerator = numerator.and_then(|v| v.integer(0..=MOST, reader.problems));
    let denominator = match fields.field("denominator") {
        Some(field) => field.integer(1..=MOST, reader.problems),
        None => Some(100),
    };
    fields.finish(reader.problems);
    let (numerator, denominator) = (numerator?, denominator?);
    if numerator > denominator {
        let message = format!("`{numerator}/{denominator}` is more than the whole");
        reader.error("out-of-range", value, message);
        return None;
    }
    Some(Fraction {
        numerator: u32::try_from(numerator).ok()?,
        denominator: u32::try_from(denominator).ok()?,
    })
}
