use super::*;
use proptest::prelude::*;

/// The page whose tables other implementations are checked against.
const PAGE: &str = include_str!("../../../../docs/spec/sticky.md");

/// The cells of the page's table whose head begins with `first`, head included.
fn table(first: &str) -> Vec<Vec<&'static str>> {
    let from = PAGE.lines().skip_while(|line| !line.starts_with(&format!("| {first} |")));
    let lines = from.take_while(|line| line.starts_with('|'));
    let cell = |cell: &'static str| cell.trim().trim_matches('`');
    let rows = lines.map(|line| line.trim_matches('|').split('|').map(cell).collect());
    rows.filter(|row: &Vec<_>| row[0] != "---").collect()
}

fn number(hexadecimal: &str) -> u64 {
    u64::from_str_radix(hexadecimal, 16).unwrap()
}

const TEA: &[u8] = b"TrafficSplit/shop/tea";

/// Chooses between `shop/tea-v1`, `shop/tea-v2` and so on.
fn between(weights: &[u64], value: &[u8]) -> Option<usize> {
    let names = (1..).map(|version| identity(format!("shop/tea-v{version}").as_bytes()));
    choose(weights.iter().copied().zip(names), identity(TEA), identity(value))
}

#[test]
fn distances_are_those_of_the_page() {
    // decisions §4
    for row in &table("h")[1..] {
        assert_eq!(distance(number(row[0])).to_string(), row[1], "{row:?}");
    }
    let alice = [identity(TEA), identity(b"alice")];
    for row in &table("branch")[1..] {
        let branch = identity(row[0].as_bytes());
        let mut hash = SipHash::new(KEY);
        [alice[0], alice[1], branch].into_iter().for_each(|word| hash.write_word(word));
        assert_eq!(branch, number(row[1]), "{row:?}");
        assert_eq!(hash.finish(), number(row[2]), "{row:?}");
        assert_eq!(distance(hash.finish()).to_string(), row[3], "{row:?}");
    }
}

#[test]
fn choices_are_those_of_the_page() {
    // decisions §4, smi S-22
    let rows = table("value");
    let weights: Vec<Vec<u64>> = rows[0][2..]
        .iter()
        .map(|head| head.split(':').map(|weight| weight.parse().unwrap()).collect())
        .collect();
    for row in &rows[1..] {
        assert_eq!(identity(row[0].as_bytes()), number(row[1]), "{row:?}");
        for (weights, want) in weights.iter().zip(&row[2..]) {
            let chosen = between(weights, row[0].as_bytes()).unwrap();
            assert_eq!(format!("v{}", chosen + 1), *want, "{} {weights:?}", row[0]);
        }
    }
}

#[test]
fn the_tables_of_the_page_are_found() {
    for (first, rows, columns) in [("h", 10, 2), ("branch", 4, 4), ("value", 12, 7)] {
        let table = table(first);
        assert_eq!((table.len(), table[0].len()), (rows, columns), "{first}");
    }
}

#[test]
fn shares_are_those_of_the_weights() {
    // decisions §4. The values are fixed, so this passes always or never; a fair choice among
    // k + 1 branches stays below the bound for k in all but one of a thousand sets of values.
    let values: Vec<u64> =
        (0..100_000).map(|i| identity(format!("session-{i}").as_bytes())).collect();
    let bounds = [10.83, 13.82, 16.27];
    for weights in [&[1, 1][..], &[90, 10], &[99, 1], &[5, 2, 1], &[7, 7, 7, 7]] {
        let branches: Vec<(u64, u64)> = weights
            .iter()
            .zip(0..)
            .map(|(weight, i)| (*weight, identity(format!("shop/tea-{i}").as_bytes())))
            .collect();
        let mut counts = vec![0_u32; weights.len()];
        for value in &values {
            counts[choose(branches.iter().copied(), identity(TEA), *value).unwrap()] += 1;
        }
        let sum: u64 = weights.iter().sum();
        let chi_square: f64 = (weights.iter().zip(&counts))
            .map(|(weight, count)| {
                let want = (values.len() as u64 * weight) as f64 / sum as f64;
                (f64::from(*count) - want).powi(2) / want
            })
            .sum();
        assert!(chi_square < bounds[weights.len() - 2], "{weights:?} {counts:?} {chi_square}");
    }
}

#[test]
fn without_weight_nothing_is_chosen() {
    // smi S-14
    for weights in [&[][..], &[0], &[0, 0, 0]] {
        assert_eq!(between(weights, b"alice"), None, "{weights:?}");
    }
}

#[test]
fn of_equals_the_first_is_chosen() {
    for branches in [[(3, 7), (3, 7)], [(u64::MAX, 7), (u64::MAX, 7)]] {
        assert_eq!(choose(branches.into_iter(), 1, 2), Some(0), "{branches:?}");
    }
    assert_eq!(choose([(0, 7), (3, 7), (3, 7)].into_iter(), 1, 2), Some(1));
}

/// Branches of different identities.
fn branches() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let weight = prop_oneof![Just(0), 1..4u64, 1..1000u64, any::<u64>()];
    prop::collection::vec((weight, any::<u64>()), 1..6).prop_filter("told apart", |branches| {
        (1..branches.len()).all(|i| branches[..i].iter().all(|other| other.1 != branches[i].1))
    })
}

fn chosen(branches: &[(u64, u64)], split: u64, value: u64) -> Option<usize> {
    choose(branches.iter().copied(), split, value)
}

proptest! {
    #[test]
    fn a_distance_is_the_logarithm(hash: u64) {
        let want = (64.0 - (hash.max(1) as f64).log2()) * 2_f64.powi(32);
        let got = distance(hash);
        prop_assert!((1..=64 << 32).contains(&got));
        prop_assert!((got as f64 - want).abs() < 4.0, "{got} for {want}");
    }

    #[test]
    fn a_greater_hash_is_no_farther(a: u64, b: u64) {
        prop_assert!(distance(a.max(b)) <= distance(a.min(b)));
    }

    #[test]
    fn the_order_of_branches_does_not_matter(
        branches in branches(), split: u64, value: u64, by in 0..6usize,
    ) {
        let mut turned = branches.clone();
        turned.rotate_left(by % branches.len());
        let first = chosen(&branches, split, value).map(|i| branches[i]);
        let second = chosen(&turned, split, value).map(|i| turned[i]);
        prop_assert_eq!(first, second);
    }

    #[test]
    fn only_branches_with_weight_are_chosen(branches in branches(), split: u64, value: u64) {
        match chosen(&branches, split, value) {
            Some(index) => prop_assert!(branches[index].0 > 0),
            None => prop_assert!(branches.iter().all(|(weight, _)| *weight == 0)),
        }
    }

    #[test]
    fn raising_a_weight_moves_values_to_its_branch_alone(
        branches in branches(), at in 0..6usize, by in 1..2000u64, split: u64, value: u64,
    ) {
        let at = at % branches.len();
        let mut raised = branches.clone();
        raised[at].0 = raised[at].0.saturating_add(by);
        let (before, after) = (chosen(&branches, split, value), chosen(&raised, split, value));
        prop_assert!(after == before || after == Some(at), "{before:?} {after:?}");
        // The way back: lowering a weight, down to 0, moves values of its branch alone.
        prop_assert!(after == before || before != Some(at));
    }

    #[test]
    fn taking_a_branch_away_moves_its_values_alone(
        branches in branches(), at in 0..6usize, split: u64, value: u64,
    ) {
        let at = at % branches.len();
        let mut fewer = branches.clone();
        fewer.remove(at);
        let before = chosen(&branches, split, value);
        if before != Some(at) {
            let after = chosen(&fewer, split, value).map(|i| i + usize::from(i >= at));
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn a_value_may_come_in_pieces(value in prop::collection::vec(any::<u8>(), 0..64), at: usize) {
        let (first, second) = value.split_at(at % (value.len() + 1));
        let mut hash = ValueHash::new();
        hash.write(first);
        hash.write(second);
        prop_assert_eq!(hash.finish(), identity(&value));
    }
}
