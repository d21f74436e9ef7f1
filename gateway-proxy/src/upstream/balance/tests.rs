use super::super::circuit::{Circuit, History};
use super::super::endpoint::Endpoint;
use super::super::peer::Peer;
use super::super::standing::Health;
use super::*;
use gateway_core::rules::{
    AnswerTime, CircuitBreaker, FailureLimit, HealthCheck, Probe, Queue, StatusMatch, Template,
    Timeouts,
};
use gateway_core::{ObjectRef, Origin};
use http::StatusCode;
use std::collections::BTreeSet;
use std::time::Duration;

fn settings(balance: Balance) -> BackendSettings {
    let origin = Origin::new(ObjectRef::new("VirtualServer", "shop", "a"), "spec");
    BackendSettings { balance, ..BackendSettings::new("u", origin) }
}

fn member(port: u16) -> Member {
    Member {
        endpoint: Arc::new(Endpoint::new(Peer::plain(Address::new("127.0.0.1", port)))),
        standing: Arc::new(Standing::new()),
        workload: usize::from(port) - 1,
        circuit: None,
    }
}

/// Endpoints at the ports from 1 on, each a workload of its own.
fn with(n: u16, settings: BackendSettings) -> Arc<Group> {
    Arc::new(Group::new((1..=n).map(member).collect(), Arc::new(settings), false, None))
}

fn group(n: u16, balance: &Balance) -> Arc<Group> {
    with(n, settings(balance.clone()))
}

/// The same, where a failure is enough for an endpoint to pause.
fn breaking(n: u16, balance: &Balance) -> Arc<Group> {
    let breaker = CircuitBreaker {
        errors: 1,
        window: Duration::MAX,
        counts_5xx: false,
        fallback: None,
        origin: Origin::new(ObjectRef::new("CircuitBreaker", "shop", "a"), "spec"),
    };
    let circuit = || Some(Circuit::new(&breaker, Arc::new(History::new())));
    let members = (1..=n).map(|port| Member { circuit: circuit(), ..member(port) }).collect();
    Arc::new(Group::new(members, Arc::new(settings(balance.clone())), false, None))
}

fn choice<'c>(
    tried: &'c [Address],
    random: &'c Random,
) -> Choice<'c, impl Fn(usize) -> bool + use<>> {
    Choice { key: 7, kept: None, tried, random, reaches: |_| true }
}

/// The port of the endpoint that is taken, whichever workload it belongs to.
fn taken(group: &Arc<Group>, tried: &[Address], random: &Random) -> u16 {
    port(group.try_take(&choice(tried, random)).unwrap().endpoint().address())
}

fn by_key(group: &Arc<Group>, key: u64, tried: &[Address]) -> u16 {
    let random = Random::from_seed(key);
    let choice = Choice { key, ..choice(tried, &random) };
    port(group.try_take(&choice).unwrap().endpoint().address())
}

fn port(address: &Address) -> u16 {
    match address {
        Address::Socket(address) => address.port(),
        other @ Address::Name(..) => panic!("{other:?}"),
    }
}

fn fail(group: &Group, at: usize) {
    group.members[at].failed(&group.settings, None);
}

fn hold(group: &Arc<Group>, at: usize) -> Holding {
    Holding::take(group, at).unwrap()
}

fn addresses(members: &[Member]) -> Vec<Address> {
    members.iter().map(|member| member.address().clone()).collect()
}

fn all() -> Vec<Balance> {
    let hash = |consistent| Balance::Hash { key: Template::text("a"), consistent };
    let time = |inflight| Balance::LeastTime { until: AnswerTime::Head, inflight };
    vec![
        Balance::RoundRobin,
        Balance::Random,
        Balance::LeastConnections,
        Balance::RandomTwoLeastConnections,
        Balance::RandomTwoLeastTime(AnswerTime::Whole),
        time(false),
        time(true),
        Balance::ClientAddress,
        hash(false),
        hash(true),
    ]
}

/// Whether all requests with one key go to one endpoint.
fn goes_by_key(balance: &Balance) -> bool {
    matches!(balance, Balance::ClientAddress | Balance::Hash { .. })
}

#[test]
fn round_robin_takes_one_after_the_other() {
    let (group, random) = (group(3, &Balance::RoundRobin), Random::from_seed(1));
    let ports: Vec<u16> = (0..6).map(|_| taken(&group, &[], &random)).collect();
    assert_eq!(ports, [1, 2, 3, 1, 2, 3]);
}

#[test]
fn loads_of_a_ring_are_bounded_where_that_is_asked_for() {
    let balance = Balance::Hash { key: Template::text("a"), consistent: true };
    let group = |bound| {
        let members = (1..=4).map(member).collect();
        let group = Group::new(members, Arc::new(settings(balance.clone())), false, None);
        Arc::new(group.bounded(bound))
    };
    let random = Random::from_seed(1);
    for (bound, want) in [(None, [8, 0, 0, 0]), (Some(125), [3, 3, 2, 0]), (Some(100), [2; 4])] {
        let group = group(bound);
        let take = || group.try_take(&choice(&[], &random)).unwrap();
        let own = port(take().endpoint().address());
        let holdings: Vec<Holding> = (0..8).map(|_| take()).collect();
        let mut counts = [0; 4];
        for holding in &holdings {
            counts[usize::from(port(holding.endpoint().address())) - 1] += 1;
        }
        counts.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(counts, want, "{bound:?}");
        drop(holdings);
        assert_eq!(port(take().endpoint().address()), own, "it has room again");
    }
}

#[test]
fn random_takes_any() {
    let (group, random) = (group(3, &Balance::Random), Random::from_seed(5));
    let ports: Vec<u16> = (0..64).map(|_| taken(&group, &[], &random)).collect();
    for endpoint in 1..=3 {
        assert!(ports.windows(2).any(|two| two == [endpoint, endpoint]), "{ports:?}");
    }
}

#[test]
fn the_one_with_the_fewest_exchanges_is_taken() {
    let (group, random) = (group(3, &Balance::LeastConnections), Random::from_seed(1));
    let held = [0, 0, 2].map(|at| hold(&group, at));
    for _ in 0..4 {
        assert_eq!(taken(&group, &[], &random), 2);
    }
    drop(held);
    let seen: BTreeSet<u16> = (0..3).map(|_| taken(&group, &[], &random)).collect();
    assert_eq!(seen.len(), 3, "ties go round");
}

#[test]
fn two_choices_never_take_the_busiest() {
    let balance = Balance::RandomTwoLeastConnections;
    let (group, random) = (group(3, &balance), Random::from_seed(7));
    let _busy = [0, 0, 0].map(|at| hold(&group, at));
    for _ in 0..64 {
        assert_ne!(taken(&group, &[], &random), 1);
    }
}

#[test]
fn the_quickest_is_taken_unless_it_is_busy() {
    // virtualserver §14, `least_time`
    for inflight in [false, true] {
        let balance = Balance::LeastTime { until: AnswerTime::Head, inflight };
        let (group, random) = (group(3, &balance), Random::from_seed(1));
        for (member, millis) in group.members.iter().zip([40, 10, 30]) {
            member.standing.timed(Duration::from_millis(millis));
        }
        assert_eq!(taken(&group, &[], &random), 2);
        let _held: Vec<Holding> = (0..3).map(|_| hold(&group, 1)).collect();
        assert_eq!(taken(&group, &[], &random), 3, "four times 10 ms are more than 30 ms");
    }
    let balance = Balance::RandomTwoLeastTime(AnswerTime::Whole);
    let (group, random) = (group(3, &balance), Random::from_seed(1));
    for (member, millis) in group.members.iter().zip([40, 10, 30]) {
        member.standing.timed(Duration::from_millis(millis));
    }
    for _ in 0..64 {
        assert_ne!(taken(&group, &[], &random), 1, "the slowest of any two");
    }
}

#[test]
fn answers_are_timed_up_to_where_the_rule_says() {
    // virtualserver §14, `least_time header|last_byte`
    for (until, want) in [(AnswerTime::Head, [true, true]), (AnswerTime::Whole, [false, true])] {
        let group = group(1, &Balance::RandomTwoLeastTime(until));
        let known = || group.members[0].standing.expected(false).is_some();
        drop(hold(&group, 0));
        assert!(!known(), "no answer");
        let holding = hold(&group, 0);
        holding.answered();
        let at_head = known();
        drop(holding);
        assert_eq!([at_head, known()], want, "{until:?}");
    }
}

#[test]
fn a_failed_endpoint_is_left_out_unless_it_is_the_last() {
    for balance in all() {
        let (group, random) = (group(2, &balance), Random::from_seed(3));
        let first = usize::from(taken(&group, &[], &random) - 1);
        fail(&group, first);
        let (failed, other) = (first as u16 + 1, 2 - first as u16);
        for _ in 0..8 {
            assert_eq!(taken(&group, &[], &random), other, "{balance:?}");
        }
        let tried = addresses(&group.members[usize::from(other) - 1..usize::from(other)]);
        assert_eq!(taken(&group, &tried, &random), failed, "{balance:?}");
        group.members[first].answered(StatusCode::OK, &group.settings);
        let seen: BTreeSet<u16> = (0..64).map(|_| taken(&group, &[], &random)).collect();
        match goes_by_key(&balance) {
            true => assert_eq!(Vec::from_iter(seen), [failed], "{balance:?}: as before"),
            false => assert_eq!(seen.len(), 2, "{balance:?}"),
        }
    }
}

#[test]
fn limits_of_failures_are_those_of_the_upstream() {
    // virtualserver §4, `max-fails`
    let balance = Balance::RoundRobin;
    for (failures, times, want) in [(0, 9, true), (2, 1, true), (2, 2, false)] {
        let period = Duration::from_secs(60);
        let failure_limit = FailureLimit { failures, period, ..FailureLimit::default() };
        let group = with(2, BackendSettings { failure_limit, ..settings(balance.clone()) });
        (0..times).for_each(|_| fail(&group, 0));
        let random = Random::from_seed(1);
        let seen: BTreeSet<u16> = (0..4).map(|_| taken(&group, &[], &random)).collect();
        assert_eq!(seen.contains(&1), want, "{failures} {times}");
    }
}

#[test]
fn statuses_that_are_tried_again_are_failures() {
    // virtualserver §14: 403 and 404 never are
    use gateway_core::rules::{Retry, RetryCondition};
    for (counts_statuses, status, want) in [
        (true, 500, true),
        (true, 503, false),
        (true, 404, false),
        (true, 403, false),
        (false, 500, false),
    ] {
        let on = [500, 404, 403].map(|s| RetryCondition::Status(StatusCode::from_u16(s).unwrap()));
        let retry = Retry { on: on.into(), ..Retry::default() };
        let failure_limit = FailureLimit { counts_statuses, ..FailureLimit::default() };
        let rules = BackendSettings { retry, failure_limit, ..settings(Balance::RoundRobin) };
        let group = with(2, rules);
        group.members[0].answered(StatusCode::from_u16(status).unwrap(), &group.settings);
        assert_eq!(group.members[0].is_ejected(), want, "{status}");
    }
}

#[test]
fn an_endpoint_that_is_out_is_not_taken_even_if_it_is_the_last() {
    // smi N-10
    for balance in all() {
        let (group, random) = (breaking(3, &balance), Random::from_seed(3));
        fail(&group, 0);
        let tried = addresses(&group.members[1..]);
        for tried in [&[][..], &tried] {
            for _ in 0..16 {
                assert_ne!(taken(&group, tried, &random), 1, "{balance:?}");
            }
        }
        // Nothing but the circuit breaker leaves one out.
        group.members[1].standing.failed(FailureLimit::default());
        let seen: BTreeSet<u16> = (0..64).map(|n| by_key(&group, spread(n), &[])).collect();
        assert!(seen.contains(&2) && !seen.contains(&1), "{balance:?}");
        group.members[1].timed_out();
        assert!(group.has_any(|_| true));
        fail(&group, 2);
        assert!(!group.has_any(|_| true));
        let none = group.try_take(&choice(&[], &random));
        assert_eq!(none.err(), Some(Failure::CircuitOpen), "{balance:?}");
    }
}

#[test]
fn only_endpoints_that_admit_the_request_are_taken() {
    // smi T-15, T-17
    for balance in all() {
        let (group, random) = (group(3, &balance), Random::from_seed(3));
        let reaches = |workload: usize| workload == 1;
        assert_eq!(group.count(reaches), 1);
        fail(&group, 1);
        let tried = addresses(&group.members[1..2]);
        for tried in [&[][..], &tried] {
            for _ in 0..8 {
                let choice = Choice { key: 7, kept: None, tried, random: &random, reaches };
                let holding = group.try_take(&choice).unwrap();
                assert_eq!(port(holding.endpoint().address()), 2, "{balance:?}");
            }
        }
        let nobody = |_| false;
        let choice = Choice { key: 7, kept: None, tried: &[], random: &random, reaches: nobody };
        let denied = group.try_take(&choice);
        assert_eq!(denied.err(), Some(Failure::Denied), "{balance:?}");
        let none = with(0, settings(balance.clone())).try_take(&choice);
        assert_eq!(none.err(), Some(Failure::NoEndpoint), "{balance:?}");
    }
}

#[test]
fn requests_with_one_key_go_to_one_endpoint_and_keys_to_all() {
    // virtualserver §14, `ip_hash` and `hash`
    for balance in all().into_iter().filter(goes_by_key) {
        let group = group(5, &balance);
        let mut counts = [0; 5];
        for key in 0..5_000 {
            let key = hash(format!("key {key}").as_bytes());
            let first = by_key(&group, key, &[]);
            counts[usize::from(first) - 1] += 1;
            if key.is_multiple_of(16) {
                let seen: BTreeSet<u16> = (0..4).map(|_| by_key(&group, key, &[])).collect();
                assert_eq!(Vec::from_iter(seen), [first], "{balance:?}");
                let tried = addresses(&group.members[usize::from(first) - 1..usize::from(first)]);
                assert_ne!(by_key(&group, key, &tried), first, "{balance:?}: another try");
            }
        }
        assert!(counts.iter().all(|count| (650..=1400).contains(count)), "{balance:?} {counts:?}");
    }
}

#[test]
fn keys_of_an_endpoint_that_is_left_out_are_spread_over_the_others() {
    // virtualserver §14: those of the others stay
    for balance in all().into_iter().filter(goes_by_key) {
        let group = group(5, &balance);
        let keys: Vec<u64> = (0..2_000).map(|n| hash(format!("{n}").as_bytes())).collect();
        let before: Vec<u16> = keys.iter().map(|key| by_key(&group, *key, &[])).collect();
        fail(&group, 2);
        let mut moved = BTreeSet::new();
        for (key, before) in keys.iter().zip(before) {
            let now = by_key(&group, *key, &[]);
            if before == 3 {
                moved.insert(now);
            } else {
                assert_eq!(now, before, "{balance:?}");
            }
        }
        assert_eq!(Vec::from_iter(moved), [1, 2, 4, 5], "{balance:?}");
    }
}

#[test]
fn clients_of_a_network_have_one_key() {
    // virtualserver §14, `ip_hash`
    let of = |address: &str| network(address.parse().unwrap());
    assert_eq!(of("10.1.2.3"), of("10.1.2.200"));
    assert_eq!(of("10.1.2.3"), of("::ffff:10.1.2.9"));
    assert_ne!(of("10.1.2.3"), of("10.1.3.3"));
    assert_ne!(of("fd00::1"), of("fd00::2"));
}

#[test]
fn an_endpoint_that_is_back_gets_its_share_little_by_little() {
    // virtualserver §4, `slow-start`
    for balance in [
        Balance::RoundRobin,
        Balance::LeastConnections,
        Balance::LeastTime { until: AnswerTime::Head, inflight: false },
    ] {
        let slow_start = Some(Duration::from_secs(100_000));
        let slow = BackendSettings { slow_start, ..settings(balance.clone()) };
        let mut members: Vec<Member> = (1..=3).map(member).collect();
        members[1].standing = Arc::new(Standing::late());
        let group = Arc::new(Group::new(members, Arc::new(slow), false, None));
        let random = Random::from_seed(9);
        let mut counts = [0; 3];
        let mut held = Vec::new();
        for n in 0..600 {
            let holding = group.try_take(&choice(&[], &random)).unwrap();
            counts[holding.at()] += 1;
            held.push(holding);
            if n % 100 == 99 {
                held.clear();
            }
        }
        assert!(counts[1] < 30 && counts[0] > 200 && counts[2] > 200, "{balance:?} {counts:?}");
    }
}

#[test]
fn full_endpoints_get_no_more() {
    // virtualserver §4, `max-conns`
    for balance in all() {
        let most = BackendSettings { max_connections: Some(2), ..settings(balance.clone()) };
        let (group, random) = (with(3, most), Random::from_seed(2));
        let held: Vec<Holding> =
            (0..6).map(|_| group.try_take(&choice(&[], &random)).unwrap()).collect();
        let mut places: Vec<usize> = held.iter().map(Holding::at).collect();
        places.sort_unstable();
        assert_eq!(places, [0, 0, 1, 1, 2, 2], "{balance:?}");
        let none = group.try_take(&choice(&[], &random));
        assert_eq!(none.err(), Some(Failure::Busy), "{balance:?}");
        // One that is left out takes nobody's place.
        drop(held);
        fail(&group, 0);
        let _held: Vec<Holding> = (0..4)
            .map(|_| group.try_take(&choice(&[], &random)).unwrap())
            .inspect(|holding| assert_ne!(holding.at(), 0))
            .collect();
        let none = group.try_take(&choice(&[], &random));
        assert_eq!(none.err(), Some(Failure::Busy), "{balance:?}");
    }
}

#[test]
fn who_waits_goes_first_also_after_a_reload() {
    // virtualserver §4, `queue`
    let queue = Some(Queue { size: 2, timeout: Duration::from_secs(30) });
    let rules = BackendSettings { max_connections: Some(1), queue, ..settings(Balance::Random) };
    let before = with(1, rules.clone());
    let standing = Arc::clone(&before.members[0].standing);
    let members = vec![Member { standing, ..member(1) }];
    let after = Arc::new(Group::new(members, Arc::new(rules), false, Some(&before)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let random = Random::from_seed(1);
        let first = before.take(&choice(&[], &random)).await.unwrap();
        let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let wait = |group: &Arc<Group>, name: &'static str| {
            let (group, order) = (Arc::clone(group), std::rc::Rc::clone(&order));
            tokio::task::spawn_local(async move {
                let random = Random::from_seed(1);
                let holding = group.take(&choice(&[], &random)).await;
                order.borrow_mut().push((name, holding.is_ok()));
                tokio::task::yield_now().await;
            })
        };
        let tasks = [(&before, "one"), (&after, "two"), (&after, "too many")];
        let mut waiting = Vec::new();
        for (group, name) in tasks {
            waiting.push(wait(group, name));
            tokio::task::yield_now().await;
        }
        drop(first);
        waiting.push(wait(&after, "three"));
        for task in waiting {
            task.await.unwrap();
        }
        let want = [("too many", false), ("one", true), ("two", true), ("three", true)];
        assert_eq!(*order.borrow(), want);
    });
}

#[test]
fn where_there_is_a_backup_no_endpoint_is_the_last_resort() {
    // virtualserver §4, `backup`
    let most = BackendSettings { max_connections: Some(1), ..settings(Balance::RoundRobin) };
    let random = Random::from_seed(1);
    let of = |n: u16| {
        let members = (1..=n).map(member).collect();
        Arc::new(Group::new(members, Arc::new(most.clone()), true, None))
    };
    let taken =
        |group: &Arc<Group>, tried: &[Address]| group.try_take(&choice(tried, &random)).err();
    let none = Some(Failure::NoneWorks);
    assert!(!of(0).is_empty());
    assert_eq!(taken(&of(0), &[]), none);
    let group = of(1);
    assert_eq!(taken(&group, &[]), None);
    assert_eq!(taken(&group, &addresses(&group.members)), none, "it failed");
    let holding = hold(&group, 0);
    assert_eq!(taken(&group, &[]), none, "it is full");
    drop(holding);
    fail(&group, 0);
    assert_eq!(taken(&group, &[]), none, "it is left out, though it is alone");
}

#[test]
fn what_is_not_healthy_gets_no_request() {
    // virtualserver §4, `healthCheck`
    let check = |mandatory| HealthCheck {
        probe: Probe::Http {
            path: "/".into(),
            headers: Vec::new(),
            statuses: StatusMatch::default(),
        },
        interval: Duration::from_secs(5),
        jitter: Duration::ZERO,
        fails: 1,
        passes: 1,
        port: None,
        tls: false,
        timeouts: Timeouts::default(),
        mandatory,
        persistent: false,
        keepalive: Duration::from_secs(60),
    };
    for balance in all() {
        for (mandatory, unchecked) in [(false, None), (true, Some(Failure::NoEndpoint))] {
            let health_check = Some(check(mandatory));
            let rules = BackendSettings { health_check, ..settings(balance.clone()) };
            let (group, random) = (with(2, rules), Random::from_seed(4));
            let failed = || group.try_take(&choice(&[], &random)).err();
            assert_eq!(failed(), unchecked, "{balance:?} {mandatory}");
            for member in &group.members {
                member.standing.set_health(Health::Healthy);
            }
            assert_eq!(failed(), None);
            group.members[0].standing.set_health(Health::Unhealthy);
            for key in 0..8 {
                assert_eq!(by_key(&group, spread(key), &[]), 2, "{balance:?}");
            }
            group.members[1].standing.set_health(Health::Unhealthy);
            assert_eq!(failed(), Some(Failure::NoEndpoint), "not even as the last");
            assert!(!group.has_any(|_| true));
        }
    }
}

#[test]
fn who_is_kept_at_an_endpoint_goes_there_while_it_works() {
    // virtualserver §4, `sessionCookie`
    for balance in all() {
        let (group, random) = (group(3, &balance), Random::from_seed(4));
        let kept = |at| {
            let choice = Choice { kept: Some(at), ..choice(&[], &random) };
            group.try_take(&choice).unwrap().at()
        };
        for at in [0, 1, 2, 1] {
            assert_eq!(kept(at), at, "{balance:?}");
        }
        fail(&group, 1);
        assert_ne!(kept(1), 1, "{balance:?}");
        assert_ne!(kept(9), 1, "{balance:?}: there is no such place");
    }
}
