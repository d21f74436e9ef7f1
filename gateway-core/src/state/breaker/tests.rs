use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

fn rule(errors: u32, seconds: u64) -> BreakerRule {
    BreakerRule { errors, window: Duration::from_secs(seconds) }
}

/// Plays what happens, each as second and sign, and shows where the endpoint was: `+` is a success,
/// `-` a failure, and `?` asks.
fn played(rule: &BreakerRule, happenings: &str) -> String {
    let mut breaker = Breaker::default();
    let mut shown = Vec::new();
    for happening in happenings.split(' ') {
        let (second, sign) = happening.split_at(happening.len() - 1);
        let now = Duration::from_secs(second.parse().unwrap());
        match sign {
            "?" => shown.push(if breaker.admits(rule, now) { "in" } else { "out" }),
            "+" => breaker = breaker.after(rule, now, Event::Success),
            "-" => breaker = breaker.after(rule, now, Event::Failure),
            _ => panic!("{happening}"),
        }
    }
    shown.join(" ")
}

#[test]
fn errors_within_the_window_put_an_endpoint_out_for_as_long() {
    // smi N-9
    for (rule, happenings, want) in [
        (rule(3, 10), "0? 1- 2- 2? 3- 3? 12? 13?", "in in out out in"),
        (rule(1, 10), "5- 5? 14? 15?", "out out in"),
        // The last failure may come a whole window after the first one.
        (rule(2, 10), "0- 10- 10? 19? 20?", "out out in"),
        (rule(2, 10), "0- 11- 11? 12- 12?", "in out"),
        // Those that lie farther apart never do.
        (rule(2, 10), "0- 11- 22- 33- 33?", "in"),
        // Successes among them clear nothing.
        (rule(3, 10), "1- 2+ 3- 4+ 5- 5?", "out"),
        // The window slides.
        (rule(3, 10), "0- 9- 11- 11? 12- 12?", "in out"),
        (rule(3, 10), "0- 6- 12- 18- 24- 24? 28- 28?", "in out"),
        // No time is a window for no pause.
        (rule(1, 0), "5- 5? 5- 6?", "in in"),
    ] {
        assert_eq!(played(&rule, happenings), want, "{rule:?} {happenings}");
    }
}

#[test]
fn after_the_pause_the_first_event_decides() {
    // smi N-9
    for (rule, happenings, want) in [
        // A failure puts it out again, for a whole window, and again.
        (rule(3, 10), "0- 0- 0- 10? 11- 11? 20? 21? 21- 30?", "in out out in out"),
        // However long nobody has tried.
        (rule(3, 10), "0- 0- 0- 999? 999- 999?", "in out"),
        // A success clears the count.
        (rule(3, 10), "0- 0- 0- 10+ 10? 11- 12- 12? 13- 13?", "in in out"),
    ] {
        assert_eq!(played(&rule, happenings), want, "{rule:?} {happenings}");
    }
}

#[test]
fn late_events_of_requests_sent_before_neither_end_nor_prolong_a_pause() {
    for (rule, happenings, want) in [
        (rule(1, 10), "0- 5- 9- 9? 10?", "out in"),
        (rule(1, 10), "0- 5+ 5? 9? 10?", "out out in"),
        (rule(1, 10), "0- 5+ 10- 10?", "out"),
    ] {
        assert_eq!(played(&rule, happenings), want, "{rule:?} {happenings}");
    }
}

#[test]
fn a_clock_that_goes_backwards_does_no_harm() {
    for (rule, happenings, want) in [
        // Failures before the first one are failures at the time of that one.
        (rule(2, 10), "20- 15- 15? 20? 29? 30?", "out out out in"),
        (rule(3, 10), "20- 15- 31- 31?", "in"),
        (rule(2, 10), "20- 5? 5- 29? 30?", "in out in"),
        // Out until the pause is over by the clock that began it.
        (rule(1, 10), "20- 5? 5- 5+ 29? 30?", "out out in"),
    ] {
        assert_eq!(played(&rule, happenings), want, "{rule:?} {happenings}");
    }
}

#[test]
fn another_rule_takes_the_endpoint_over() {
    let out = Breaker::default().after(&rule(1, 10), Duration::ZERO, Event::Failure);
    let at = Duration::from_secs;
    assert!(!out.admits(&rule(5, 20), at(19)));
    assert!(out.admits(&rule(5, 5), at(5)));
    assert!(out.admits(&rule(0, 20), at(1)));
}

#[test]
fn at_most_64_moments_are_kept_however_rules_change() {
    // Each rule has room for as many, besides those of the one before.
    let mut breaker = Breaker::default();
    let mut second = 0;
    for (window, failures) in [(640, 58), (6400, 10)] {
        for _ in 0..failures {
            second += window / 64 + 1;
            let now = Duration::from_secs(second);
            breaker = breaker.after(&rule(1000, window), now, Event::Failure);
        }
    }
    let Standing::In(moments) = breaker.0 else { panic!("out") };
    assert_eq!(moments.len(), MOMENTS as usize);
    assert_eq!(moments.iter().map(|moment| moment.failures).sum::<u32>(), 68);
}

fn rules() -> impl Strategy<Value = BreakerRule> {
    let window = prop_oneof![(0..6u64).prop_map(Duration::from_secs), any::<Duration>()];
    let errors = prop_oneof![1..5u32, any::<u32>()];
    (errors, window).prop_map(|(errors, window)| BreakerRule { errors, window })
}

fn events() -> impl Strategy<Value = Vec<(Duration, Event)>> {
    let time = prop_oneof![
        8 => (0..30u64).prop_map(Duration::from_secs),
        1 => any::<Duration>(),
        1 => Just(Duration::MAX),
    ];
    let event = prop_oneof![2 => Just(Event::Failure), 1 => Just(Event::Success)];
    prop::collection::vec((time, event), 0..40)
}

fn after(rule: &BreakerRule, events: &[(Duration, Event)]) -> Breaker {
    events
        .iter()
        .fold(Breaker::default(), |breaker, (now, event)| breaker.after(rule, *now, *event))
}

/// The breaker and the time after each of several failures in a row, with the number of failures in
/// so many seconds before it, until the endpoint is out.
fn failures(rule: &BreakerRule, pauses: &[u64], window: u64) -> Vec<(Breaker, Duration, usize)> {
    let (mut breaker, mut times, mut now) = (Breaker::default(), Vec::new(), 0);
    let mut steps = Vec::new();
    for pause in pauses {
        now += pause;
        times.push(now);
        let at = Duration::from_secs(now);
        breaker = breaker.after(rule, at, Event::Failure);
        let within = times.iter().filter(|time| now - *time <= window).count();
        steps.push((breaker.clone(), at, within));
        if !breaker.admits(rule, at) {
            break;
        }
    }
    steps
}

proptest! {
    #[test]
    fn without_errors_nothing_is_ever_out(
        before in rules(), first in events(), rule in rules(), second in events(), now: Duration,
    ) {
        // smi N-9: NGINX's `max_fails=0`, whatever there was before a reload.
        let rule = BreakerRule { errors: 0, ..rule };
        let breaker = after(&before, &first);
        prop_assert!(breaker.admits(&rule, now));
        let breaker = second.iter().fold(breaker, |b, (now, event)| b.after(&rule, *now, *event));
        prop_assert!(breaker.admits(&rule, now));
    }

    #[test]
    fn a_window_after_the_last_event_every_endpoint_is_in(
        rule in rules(), events in events(),
    ) {
        let last = events.iter().map(|(now, _)| *now).max().unwrap_or_default();
        let Some(then) = last.checked_add(rule.window) else { return Ok(()) };
        prop_assert!(after(&rule, &events).admits(&rule, then));
    }

    #[test]
    fn a_success_after_the_pause_clears_the_count(rule in rules(), events in events()) {
        let last = events.iter().map(|(now, _)| *now).max().unwrap_or_default();
        let Some(then) = last.checked_add(rule.window) else { return Ok(()) };
        let breaker = after(&rule, &events);
        if matches!(breaker.0, Standing::Out { .. }) {
            let cleared = breaker.clone().after(&rule, then, Event::Success);
            prop_assert_eq!(cleared, Breaker::default());
            let again = breaker.after(&rule, then, Event::Failure);
            prop_assert_eq!(again.admits(&rule, then), rule.window.is_zero());
        }
    }

    /// Seconds in order, so that failures are dense.
    #[test]
    fn an_endpoint_is_out_once_enough_failures_lie_within_a_window(
        errors in 1..5u32, window in 1..20u64, pauses in prop::collection::vec(0..8u64, 1..40),
    ) {
        // smi N-9
        let rule = rule(errors, window);
        for (breaker, now, within) in failures(&rule, &pauses, window) {
            prop_assert_eq!(!breaker.admits(&rule, now), within >= errors as usize);
        }
    }

    #[test]
    fn many_errors_are_never_counted_too_soon_and_hardly_too_late(
        errors in 65..90u32, pauses in prop::collection::vec(0..14u64, 1..400),
    ) {
        let rule = rule(errors, 640);
        for (breaker, now, within) in failures(&rule, &pauses, 640) {
            let out = !breaker.admits(&rule, now);
            prop_assert!(!out || within >= errors as usize, "too soon");
        }
        for (breaker, now, within) in failures(&rule, &pauses, 630) {
            let out = !breaker.admits(&rule, now);
            prop_assert!(out || within < errors as usize, "too late");
        }
    }

    #[test]
    fn memory_is_bounded(
        rules in prop::collection::vec(rules(), 1..6), events in events(), times: u8,
    ) {
        let mut breaker = Breaker::default();
        for rule in &rules {
            for round in 0..u64::from(times) {
                for (now, event) in &events {
                    let now = now.saturating_add(Duration::from_millis(31 * round));
                    breaker = breaker.after(rule, now, *event);
                    if let Standing::In(moments) = &breaker.0 {
                        prop_assert!(moments.len() <= MOMENTS as usize);
                    }
                }
            }
        }
    }

    #[test]
    fn asking_later_never_finds_out_what_was_in(
        rule in rules(), events in events(), a: Duration, b: Duration, at: Index,
    ) {
        let breaker = after(&rule, &events[..at.index(events.len() + 1)]);
        if breaker.admits(&rule, a.min(b)) {
            prop_assert!(breaker.admits(&rule, a.max(b)));
        }
    }
}
