//! Weights: Kubernetes quantities in v1alpha1, whole numbers since (smi §3.2).

use crate::diagnostic::Diagnostic;
use crate::resource::Problems;
use crate::resource::document::{Kind, Value};
use crate::resource::smi::Version;

/// Quantities count in units of 10^-9 (smi W-4).
const DECIMALS: i64 = 9;

/// The factors of decimal suffixes, as powers of ten.
const DECIMAL_SUFFIXES: [(&str, i64); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// The factors of binary suffixes, as powers of two.
const BINARY_SUFFIXES: [(&str, u32); 6] =
    [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// Reads a weight. Those of one document compare as numbers, whatever their unit.
pub(super) fn read(value: Value<'_>, version: Version, problems: &mut Problems) -> Option<u128> {
    if version > Version::V1alpha1 {
        return read_whole(value, problems);
    }
    // smi W-3
    let read = match value.kind() {
        Kind::Integer(number) => nanos(&number.to_string()),
        Kind::Number(text) | Kind::String(text) => nanos(text),
        _ => Err(NOT_A_QUANTITY),
    };
    read.map_err(|message| {
        problems.push(Diagnostic::error("invalid-weight", &value.origin(), message));
    })
    .ok()
}

/// smi W-2
fn read_whole(value: Value<'_>, problems: &mut Problems) -> Option<u128> {
    if let Kind::String(text) = value.kind() {
        let help = if text.parse::<u64>().is_ok() {
            "write it without quotes"
        } else {
            "quantities such as `500m` are of v1alpha1; multiply all weights until they are whole"
        };
        let message = "expected a whole number, found a text";
        problems.push(Diagnostic::error("wrong-type", &value.origin(), message).help(help));
        return None;
    }
    value.integer(0..=i64::MAX, problems).map(i64::unsigned_abs).map(u128::from)
}

/// Brings the quantities of a document to whole numbers in the same proportions (smi W-4); whole
/// numbers stay as written. `None` when the sum does not fit 63 bits.
pub(super) fn relative(weights: &[u128], version: Version) -> Option<Vec<u64>> {
    let divisor = match version {
        Version::V1alpha1 => weights.iter().copied().fold(0, greatest_common_divisor).max(1),
        _ => 1,
    };
    let weights: Option<Vec<u64>> =
        weights.iter().map(|weight| u64::try_from(weight / divisor).ok()).collect();
    let weights = weights?;
    let sum: u128 = weights.iter().copied().map(u128::from).sum();
    i64::try_from(sum).is_ok().then_some(weights)
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

const NEGATIVE: &str = "a weight is not negative";
const NOT_A_QUANTITY: &str = "expected a quantity such as `1`, `500m` or `0.5`";
const TOO_LONG: &str = "the weight is too large or has too many digits";

/// The value of a quantity in units of 10^-9, rounded up (smi W-3, W-4).
fn nanos(text: &str) -> Result<u128, &'static str> {
    if text.starts_with('-') {
        return Err(NEGATIVE);
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let (whole, rest) = split_digits(unsigned);
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => split_digits(rest),
        Some(_) => return Err(NOT_A_QUANTITY),
        None if whole.is_empty() => return Err(NOT_A_QUANTITY),
        None => ("", rest),
    };
    let (power_of_ten, power_of_two) = factor(suffix).ok_or(NOT_A_QUANTITY)?;
    let fraction = fraction.trim_end_matches('0');
    let mut number: u128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        let digit = u128::from(digit - b'0');
        number = number.checked_mul(10).and_then(|n| n.checked_add(digit)).ok_or(TOO_LONG)?;
    }
    if number == 0 {
        return Ok(0);
    }
    let number = number.checked_mul(1 << power_of_two).ok_or(TOO_LONG)?;
    let power = power_of_ten + DECIMALS - fraction.len() as i64;
    let ten_to_the = |power: i64| u32::try_from(power).ok().and_then(|p| 10u128.checked_pow(p));
    if power >= 0 {
        ten_to_the(power).and_then(|scale| number.checked_mul(scale)).ok_or(TOO_LONG)
    } else {
        // A divisor beyond 128 bits is larger than any number here.
        Ok(ten_to_the(-power).map_or(1, |scale| number.div_ceil(scale)))
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// The powers of ten and of two that a suffix stands for.
fn factor(suffix: &str) -> Option<(i64, u32)> {
    if let Some((_, power)) = DECIMAL_SUFFIXES.iter().find(|(name, _)| *name == suffix) {
        return Some((*power, 0));
    }
    if let Some((_, power)) = BINARY_SUFFIXES.iter().find(|(name, _)| *name == suffix) {
        return Some((0, *power));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // No weight has so many digits that a larger exponent would make a difference.
    let size = digits.parse::<i64>().unwrap_or(i64::MAX).min(1 << 40);
    Some((if exponent.starts_with('-') { -size } else { size }, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_count_in_billionths_and_round_up() {
        // smi W-3, W-4
        for (text, want) in [
            ("1", 1_000_000_000),
            ("+1", 1_000_000_000),
            ("01", 1_000_000_000),
            ("0", 0),
            ("0m", 0),
            ("0e99999999999999999999", 0),
            ("10m", 10_000_000),
            ("1500m", 1_500_000_000),
            ("1.5", 1_500_000_000),
            (".5", 500_000_000),
            ("+.5k", 500_000_000_000),
            ("1n", 1),
            ("1u", 1_000),
            ("0.1n", 1),
            ("1.1n", 2),
            ("0.0000000001", 1),
            ("1e-30", 1),
            ("1e-99999999999999999999", 1),
            ("3e2", 300_000_000_000),
            ("3E+2", 300_000_000_000),
            ("3E-3", 3_000_000),
            ("3E", 3_000_000_000_000_000_000_000_000_000),
            ("1k", 1_000_000_000_000),
            ("1Ki", 1_024_000_000_000),
            ("0.5Ki", 512_000_000_000),
            ("1Ei", (1 << 60) * 1_000_000_000),
            ("1.00000000000000000000000000000000000000000000000000", 1_000_000_000),
        ] {
            assert_eq!(nanos(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_quantity_is_refused() {
        // smi W-3
        for text in [
            "", "+", ".", "1.", "1.m", "m", "abc", "1 ", " 1", "1K", "1ki", "1mi", "1e", "1e+",
            "1E-", "1e1.5", "1e3k", "1,5", "++1", "1.5.5", "0x10", ".inf", ".nan", "١",
        ] {
            assert_eq!(nanos(text), Err(NOT_A_QUANTITY), "{text}");
        }
        for text in ["-1", "-0.5", "-500m", "-.inf"] {
            assert_eq!(nanos(text), Err(NEGATIVE), "{text}");
        }
        let long = format!("1.{}1", "0".repeat(60));
        for text in ["1e40", "1e99999999999999999999", &"9".repeat(40), &long] {
            assert_eq!(nanos(text), Err(TOO_LONG), "{text}");
        }
    }

    #[test]
    fn proportions_are_kept() {
        // smi W-4 and the vectors of smi §12
        for (weights, want) in [
            (&["1", "500m"][..], &[2, 1][..]),
            (&["1", "1000m"], &[1, 1]),
            (&["10m", "100m", "1500m"], &[1, 10, 150]),
            (&["0.5", "1.5"], &[1, 3]),
            (&["1k", "1Ki"], &[125, 128]),
            (&["90", "10"], &[9, 1]),
            (&["0", "100"], &[0, 1]),
            (&["0", "0"], &[0, 0]),
        ] {
            let parsed: Vec<u128> = weights.iter().map(|w| nanos(w).unwrap()).collect();
            assert_eq!(relative(&parsed, Version::V1alpha1).as_deref(), Some(want), "{weights:?}");
        }
    }

    #[test]
    fn the_sum_fits_63_bits() {
        let largest = i64::MAX as u128;
        for version in [Version::V1alpha1, Version::V1alpha4] {
            // Coprime, so that nothing cancels.
            assert!(relative(&[largest - 1, 1], version).is_some());
            assert!(relative(&[largest, 1], version).is_none());
            assert!(relative(&[largest * largest, 1], version).is_none());
        }
        let same = [largest * largest; 2];
        assert_eq!(relative(&same, Version::V1alpha1), Some(vec![1, 1]));
        assert_eq!(relative(&[90, 10], Version::V1alpha2), Some(vec![90, 10]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_text_panics(text in "[+-]?[0-9]{0,45}\\.?[0-9]{0,45}[a-zA-Z]{0,2}[+-]?[0-9]{0,25}") {
            let _ = nanos(&text);
        }

        #[test]
        fn milli_is_a_thousandth(number in 0..1u64 << 40) {
            let plain = nanos(&number.to_string()).unwrap();
            prop_assert_eq!(nanos(&format!("{number}000m")).unwrap(), plain);
            prop_assert_eq!(nanos(&format!("{number}e-3")).unwrap(), plain / 1000);
            prop_assert_eq!(nanos(&format!("{number}k")).unwrap(), plain * 1000);
        }
    }
}
