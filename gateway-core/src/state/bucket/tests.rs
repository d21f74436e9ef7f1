use super::*;
use proptest::prelude::*;

/// What becomes of requests at these milliseconds.
fn admissions(limit: &Leak, times: &[u64]) -> Vec<Admission> {
    let mut bucket = None;
    let admit = |time: &u64| {
        let (after, admission) = Bucket::take(bucket, limit, Duration::from_millis(*time));
        bucket = Some(after);
        admission
    };
    times.iter().map(admit).collect()
}

/// `P` is a pass, `-` a refusal, and a number is how many milliseconds a request waits.
fn shown(admissions: &[Admission]) -> String {
    let show = |admission: &Admission| match admission {
        Admission::Pass => "P".to_owned(),
        Admission::Wait(time) => time.as_millis().to_string(),
        Admission::Refuse => "-".to_owned(),
    };
    admissions.iter().map(show).collect::<Vec<_>>().join(" ")
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn leak(requests: u32, per: Duration, burst: u32, delay: Delay) -> Leak {
    Leak { requests, per, burst, delay }
}

#[test]
fn the_examples_of_smi() {
    // smi N-1
    for (limit, times, want) in [
        (leak(1, SECOND, 2, Delay::After(0)), &[0, 0, 0][..], "P 1000 2000"),
        (leak(1, SECOND, 2, Delay::None), &[0, 0, 0], "P P P"),
        (leak(1, SECOND, 2, Delay::After(1)), &[0, 0, 0], "P P 1000"),
        (leak(1, SECOND, 0, Delay::After(0)), &[0, 0, 0], "P - -"),
    ] {
        assert_eq!(shown(&admissions(&limit, times)), want, "{limit:?}");
    }
}

#[test]
fn requests_at_times() {
    // smi N-1, virtualserver §16.2
    for (limit, times, want) in [
        // The first one is free whenever it comes, and so is one after a pause.
        (leak(1, SECOND, 0, Delay::None), &[70_000, 71_000, 71_999, 72_000][..], "P P - P"),
        (leak(1, SECOND, 1, Delay::None), &[0, 10_000, 10_000, 10_000], "P P P -"),
        // What is refused is not counted.
        (leak(1, SECOND, 1, Delay::None), &[0, 0, 0, 0, 1000, 1000], "P P - - P -"),
        (leak(1, SECOND, 2, Delay::After(0)), &[0, 250, 500, 500], "P 750 1500 -"),
        (
            leak(1, SECOND, 3, Delay::After(1)),
            &[0, 0, 0, 0, 0, 500, 1000],
            "P P 1000 2000 - - 2000",
        ),
        // More go at once than there is room for.
        (leak(1, SECOND, 1, Delay::After(9)), &[0, 0, 0], "P P -"),
        (leak(10, SECOND, 1, Delay::After(0)), &[0, 0, 0, 50, 100, 101], "P 100 - - 100 -"),
        (leak(60, MINUTE, 1, Delay::After(0)), &[0, 0, 999, 1000], "P 1000 - 1000"),
        // smi N-2: `10r/m` for one of two sources, and for one of three.
        (leak(10, 2 * MINUTE, 0, Delay::None), &[0, 11_999, 12_000], "P - P"),
        (leak(10, 3 * MINUTE, 0, Delay::None), &[0, 17_999, 18_000], "P - P"),
        // `1r/m` for one of seven: no rounding adds up.
        (leak(1, 7 * MINUTE, 0, Delay::None), &[0, 420_000, 840_000, 1_259_999], "P P P -"),
        // A clock that goes backwards, and forth again.
        (leak(1, SECOND, 1, Delay::After(0)), &[5000, 4000, 4000, 5000, 6000], "P 1000 - - 1000"),
        // A bucket that never leaks, and one that is always empty.
        (leak(0, SECOND, 1, Delay::None), &[0, 1, 1_000_000_000], "P P -"),
        (leak(1, Duration::ZERO, 0, Delay::After(0)), &[0, 0, 0], "P P P"),
    ] {
        assert_eq!(shown(&admissions(&limit, times)), want, "{limit:?} {times:?}");
    }
}

#[test]
fn another_limit_takes_the_bucket_over() {
    // A reload changes the limit, not what has come.
    let wide = leak(1, SECOND, 9, Delay::None);
    let first = Bucket::take(None, &wide, SECOND).0;
    let full = (0..5).fold(first, |bucket, _| Bucket::take(Some(bucket), &wide, SECOND).0);
    let narrow = leak(1, SECOND, 1, Delay::None);
    assert_eq!(Bucket::take(Some(full), &narrow, SECOND), (full, Admission::Refuse));
    assert_eq!(Bucket::take(Some(full), &narrow, 6 * SECOND).1, Admission::Pass);
}

#[test]
fn a_bucket_is_spent_once_all_has_leaked() {
    // smi N-1
    for (limit, times, spent, now) in [
        (leak(1, SECOND, 0, Delay::None), &[5000][..], false, 5999),
        (leak(1, SECOND, 0, Delay::None), &[5000], true, 6000),
        (leak(1, SECOND, 2, Delay::After(0)), &[0, 0, 0], false, 2999),
        (leak(1, SECOND, 2, Delay::After(0)), &[0, 0, 0], true, 3000),
        // What is refused is not counted.
        (leak(1, SECOND, 1, Delay::None), &[0, 0, 0, 0], true, 2000),
        // A clock that goes backwards, a bucket that never leaks, and one that is always empty.
        (leak(1, SECOND, 0, Delay::None), &[5000], false, 0),
        (leak(0, SECOND, 0, Delay::None), &[0], false, 1_000_000_000),
        (leak(1, Duration::ZERO, 0, Delay::None), &[0], true, 0),
    ] {
        let take =
            |bucket, time: &u64| Some(Bucket::take(bucket, &limit, Duration::from_millis(*time)).0);
        let bucket = times.iter().fold(None, take).unwrap();
        let got = bucket.is_spent(&limit, Duration::from_millis(now));
        assert_eq!(got, spent, "{limit:?} {times:?} {now}");
    }
}

#[test]
fn a_bucket_is_two_words() {
    assert_eq!(size_of::<Bucket>(), 16);
}

fn delay() -> impl Strategy<Value = Delay> {
    prop_oneof![Just(Delay::None), (0..4u32).prop_map(Delay::After)]
}

prop_compose! {
    fn limit()(
        requests in 1..40u32, seconds in 1..200u64, burst in 0..5u32, delay in delay(),
    ) -> Leak {
        leak(requests, Duration::from_secs(seconds), burst, delay)
    }
}

prop_compose! {
    /// Any limit at all.
    fn wild()(
        requests in prop_oneof![Just(0), any::<u32>(), Just(u32::MAX)],
        per in time(),
        burst in prop_oneof![Just(0), any::<u32>(), Just(u32::MAX)],
        delay in prop_oneof![delay(), any::<u32>().prop_map(Delay::After)],
    ) -> Leak {
        leak(requests, per, burst, delay)
    }
}

fn time() -> impl Strategy<Value = Duration> {
    let nanoseconds = any::<u64>().prop_map(Duration::from_nanos);
    prop_oneof![Just(Duration::ZERO), nanoseconds, any::<Duration>(), Just(Duration::MAX)]
}

proptest! {
    /// The twin keeps the excess as a fraction, exact: its unit is a thousandth of a request over
    /// the nanoseconds of a period. It is told whether a request was admitted.
    #[test]
    fn agrees_with_exact_fractions(
        limit in limit(),
        pauses in prop::collection::vec(
            prop_oneof![Just(0), 0..3_000_000_000u64, 0..200_000_000_000u64], 1..60,
        ),
    ) {
        let per = limit.per.as_nanos() as i128;
        let rate = i128::from(limit.requests) * 1000;
        let burst = i128::from(limit.burst) * 1000;
        let (mut now, mut last, mut exact, mut admitted) = (0, 0, -1000 * per, 0);
        let mut bucket = None;
        for pause in pauses {
            now += pause;
            let (after, admission) = Bucket::take(bucket, &limit, Duration::from_nanos(now));
            let elapsed = i128::from(now - last);
            let want = (exact - rate * elapsed + 1000 * per).max(0);
            // Rounding loses less than a thousandth for each request that was admitted.
            let slack = i128::from(admitted + 1) * per;
            if admission == Admission::Refuse {
                prop_assert_eq!(bucket, Some(after));
                prop_assert!(want + slack > burst * per);
                continue;
            }
            let got = i128::from(after.excess) * per;
            prop_assert!(want <= got && got < want + slack, "{got} for {want}");
            prop_assert!(after.excess as i128 <= burst);
            let wait = match limit.delay {
                Delay::None => 0,
                // The least whole time that is long enough.
                Delay::After(n) => {
                    let ahead = (after.excess as i128 - i128::from(n) * 1000).max(0);
                    (ahead * per + rate - 1) / rate
                }
            };
            let said = match admission {
                Admission::Wait(time) => time.as_nanos() as i128,
                Admission::Pass | Admission::Refuse => 0,
            };
            prop_assert_eq!(said, wait);
            (bucket, last, exact, admitted) = (Some(after), now, want, admitted + 1);
        }
    }

    #[test]
    fn the_rate_is_never_exceeded(
        limit in limit(), pauses in prop::collection::vec(0..5_000_000_000u64, 1..100),
    ) {
        // Not beyond what the bucket holds, counted from the first request; those that wait go
        // later still.
        let (mut bucket, mut now, mut admitted) = (None, 0, 0_u128);
        for pause in pauses {
            let (after, admission) = Bucket::take(bucket, &limit, Duration::from_nanos(now));
            bucket = Some(after);
            admitted += u128::from(admission != Admission::Refuse);
            let beyond = (admitted - 1).saturating_sub(u128::from(limit.burst));
            let since = u128::from(now) * u128::from(limit.requests);
            prop_assert!(beyond * limit.per.as_nanos() <= since);
            now += pause;
        }
    }

    #[test]
    fn nobody_notices_that_a_spent_bucket_is_forgotten(
        limit in limit(),
        pauses in prop::collection::vec(0..5_000_000_000u64, 1..20),
        (until, later) in (0..100_000_000_000u64, 0..5_000_000_000u64),
    ) {
        let (mut bucket, mut now) = (None, 0);
        for pause in pauses {
            now += pause;
            bucket = Some(Bucket::take(bucket, &limit, Duration::from_nanos(now)).0);
        }
        now += until;
        if bucket.is_some_and(|bucket| bucket.is_spent(&limit, Duration::from_nanos(now))) {
            let then = Duration::from_nanos(now + later);
            prop_assert_eq!(Bucket::take(bucket, &limit, then), Bucket::take(None, &limit, then));
        }
    }

    #[test]
    fn no_limit_and_no_time_overflows(
        takes in prop::collection::vec((wild(), time()), 1..20),
    ) {
        let mut bucket: Option<Bucket> = None;
        for (limit, now) in takes {
            let (after, admission) = Bucket::take(bucket, &limit, now);
            prop_assert!(bucket.is_none_or(|before| after.last >= before.last));
            if bucket.is_none() {
                prop_assert_eq!(admission, Admission::Pass);
            }
            if limit.delay == Delay::None {
                prop_assert!(!matches!(admission, Admission::Wait(_)));
            }
            bucket = Some(after);
        }
    }

    #[test]
    fn a_time_before_the_last_one_counts_as_that_one(limit in wild(), a in time(), b in time()) {
        let first = Bucket::take(None, &limit, a.max(b)).0;
        let back = Bucket::take(Some(first), &limit, a.min(b));
        prop_assert_eq!(back, Bucket::take(Some(first), &limit, a.max(b)));
    }
}
