//! Whether conditions follow from others.

use crate::request::RequestHead;
use crate::request::field::Value;
use crate::rules::{Condition, Field, Test};

/// Whether each of `wanted` surely holds wherever all of `given` do.
pub(super) fn all(wanted: &[Condition], given: &[Condition]) -> bool {
    wanted.iter().all(|wanted| given.iter().any(|given| follows(wanted, given)))
}

fn follows(wanted: &Condition, given: &Condition) -> bool {
    if wanted == given {
        return true;
    }
    if wanted.field != given.field || given.negated {
        return false;
    }
    match verdict(&wanted.test, &given.test) {
        Some(true) => !wanted.negated,
        // A negated condition looks at each line, cookie or argument by itself too.
        Some(false) => wanted.negated && is_single(given),
        None => false,
    }
}

/// Whether `wanted` says yes to all values, or no to all values, that `given` says yes to.
fn verdict(wanted: &Test, given: &Test) -> Option<bool> {
    let says = |value: Option<&[u8]>| {
        let value = value.map_or(Value::Absent, Value::<RequestHead<'_>>::Slice);
        value.passes(wanted)
    };
    match given {
        Test::Equals { value, ignore_case } => match wanted {
            Test::Matches { .. } if *ignore_case && has_letters(value) => None,
            Test::Equals { value: other, ignore_case: false }
                if *ignore_case && has_letters(value) =>
            {
                (!value.eq_ignore_ascii_case(other)).then_some(false)
            }
            _ => Some(says(Some(value.as_bytes()))),
        },
        Test::Empty => (says(None) == says(Some(b""))).then(|| says(None)),
        Test::Matches { .. } => (wanted == given).then_some(true),
    }
}

fn has_letters(text: &str) -> bool {
    text.bytes().any(|octet| octet.is_ascii_alphabetic())
}

/// Whether a request for which `given` holds has at most one value for its field.
fn is_single(given: &Condition) -> bool {
    match (&given.field, &given.test) {
        (Field::Cookie { .. } | Field::Argument { .. }, _) => false,
        (Field::Header(name), _) if **name == *"host" => true,
        // Several lines would be joined by one of these.
        (Field::Header(_), Test::Equals { value, .. }) => !value.contains([',', ';']),
        (Field::Header(_), Test::Matches { .. }) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Anchor, Regex};

    fn is(value: &str) -> Test {
        Test::Equals { value: value.into(), ignore_case: false }
    }

    fn in_any_case(value: &str) -> Test {
        Test::Equals { value: value.into(), ignore_case: true }
    }

    fn matches(source: &str) -> Test {
        let regex = Regex::new(source, Anchor::None, false).expect("an expression");
        Test::Matches { regex, empty_matches: true }
    }

    #[test]
    fn what_follows_from_a_test_of_the_same_field() {
        // given; what follows; what follows if negated, where there is one value; what does not
        for (given, yes, no, open) in [
            (
                is("v1"),
                vec![is("v1"), in_any_case("V1"), matches("v"), matches("^v1$")],
                vec![is("v2"), in_any_case("v2"), matches("V1"), Test::Empty],
                vec![],
            ),
            (
                in_any_case("v1"),
                vec![in_any_case("V1")],
                vec![is("v2"), in_any_case("v2"), Test::Empty],
                vec![is("v1"), is("V1"), matches("v1"), matches("x")],
            ),
            (in_any_case("1"), vec![is("1"), matches("1")], vec![is("2"), matches("2")], vec![]),
            (is(""), vec![Test::Empty, matches("x*")], vec![is("a")], vec![]),
            (Test::Empty, vec![Test::Empty], vec![is("a"), matches("a")], vec![is("")]),
            (matches("a"), vec![matches("a")], vec![], vec![matches("^a$"), is("a"), Test::Empty]),
        ] {
            let cookie = || Field::Cookie { name: "v".into(), ignore_case: false };
            for (field, single) in [(Field::Method, true), (cookie(), false)] {
                let given = Condition::new(field.clone(), given.clone());
                let holds = |test: &Test, negated| {
                    let wanted = Condition { field: field.clone(), test: test.clone(), negated };
                    all(&[wanted], std::slice::from_ref(&given))
                };
                for test in &yes {
                    assert!(holds(test, false) && !holds(test, true), "{given} {test:?}");
                }
                for test in &no {
                    assert!(!holds(test, false), "{given} {test:?}");
                    assert_eq!(holds(test, true), single, "{given} not {test:?}");
                }
                for test in &open {
                    assert!(!holds(test, false) && !holds(test, true), "{given} {test:?}");
                }
            }
        }
    }

    #[test]
    fn lists_of_conditions() {
        let header = |name: &str, test| Condition::new(Field::Header(name.into()), test);
        let (a, b) = (header("a", is("1")), header("b", is("1")));
        let not_a2 = header("a", is("2")).negate();
        for (wanted, given, want) in [
            (vec![], vec![], true),
            (vec![], vec![a.clone()], true),
            (vec![a.clone()], vec![], false),
            (vec![a.clone()], vec![b.clone(), a.clone()], true),
            (vec![a.clone(), b.clone()], vec![b.clone()], false),
            (vec![not_a2.clone()], vec![a.clone()], true),
            (vec![not_a2.clone()], vec![not_a2.clone()], true),
            (vec![a], vec![not_a2.clone()], false),
            // `1, 2` may be two lines, of which one is `2`.
            (vec![not_a2.clone()], vec![header("a", is("1, 2"))], false),
            (vec![not_a2], vec![header("a", matches("1"))], false),
        ] {
            assert_eq!(all(&wanted, &given), want, "{wanted:?} {given:?}");
        }
    }
}
