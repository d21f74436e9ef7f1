//! How often Services are asked (smi §8.1): a meter for each limit, which all threads share.

use crate::error::Failure;
use crate::upstream::Address;
use gateway_core::rules::{RuleSet, ServiceLimit, WorkloadName};
use gateway_core::state::{Admission, Bucket, Delay, Leak};
use gateway_core::{Counted, ObjectRef};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The meters of the limits of a rule set, which the next rule set goes on with.
#[derive(Default)]
pub(crate) struct Meters {
    /// By the limit's address, which it has as long as its rules live.
    by_limit: HashMap<usize, Arc<Meter>>,
    by_identity: HashMap<Identity, Arc<Meter>>,
}

impl Meters {
    /// Those of `rules`. Limits that are as in `previous` have its meters.
    pub(crate) fn new(rules: &RuleSet, previous: Option<&Self>) -> Self {
        let mut meters = Self::default();
        for limit in rules.services.iter().flat_map(|service| &service.limits) {
            let identity = Identity::of(limit);
            let known = previous.and_then(|p| p.by_identity.get(&identity)).map(Arc::clone);
            let new = || known.unwrap_or_else(|| Arc::new(Meter::new(limit)));
            let meter = Arc::clone(meters.by_identity.entry(identity).or_insert_with(new));
            meters.by_limit.insert(Arc::as_ptr(limit).addr(), meter);
        }
        meters
    }

    fn of(&self, limit: &Arc<ServiceLimit>) -> Option<&Meter> {
        self.by_limit.get(&Arc::as_ptr(limit).addr()).map(|meter| &**meter)
    }
}

/// What a limit is the same by, in another rule set or for another Service with the same endpoints.
#[derive(PartialEq, Eq, Hash)]
struct Identity {
    object: Arc<ObjectRef>,
    /// Buckets know them by their position.
    sources: Vec<WorkloadName>,
    numbers: (u32, Duration, u32, Option<u32>),
}

impl Identity {
    fn of(limit: &ServiceLimit) -> Self {
        Self {
            object: Arc::clone(&limit.origin.object),
            sources: limit.sources.clone(),
            numbers: (limit.requests, limit.per, limit.burst, limit.at_once),
        }
    }
}

/// The buckets of a limit.
struct Meter {
    leak: Leak,
    born: Instant,
    buckets: Mutex<Buckets>,
}

/// A source of the limit and an endpoint, each where the limit makes that difference (smi N-3).
type Key = (Option<usize>, Option<Address>);

struct Buckets {
    by_key: HashMap<Key, Bucket>,
    /// With so many, those that are spent are forgotten.
    most: usize,
}

/// So many buckets are kept without another look.
const FEW: usize = 64;

impl Meter {
    fn new(limit: &ServiceLimit) -> Self {
        let delay = limit.at_once.map_or(Delay::None, Delay::After);
        let leak = Leak { requests: limit.requests, per: limit.per, burst: limit.burst, delay };
        let buckets = Mutex::new(Buckets { by_key: HashMap::new(), most: FEW });
        Self { leak, born: Instant::now(), buckets }
    }

    /// Takes a request into the bucket of `key`, at a time since the meter was made.
    fn take(&self, key: Key, now: Duration) -> Admission {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let before = buckets.by_key.get(&key).copied();
        let (after, admission) = Bucket::take(before, &self.leak, now);
        if before.is_none() && buckets.by_key.len() >= buckets.most {
            buckets.by_key.retain(|_, bucket| !bucket.is_spent(&self.leak, now));
            buckets.most = FEW.max(2 * buckets.by_key.len());
        }
        buckets.by_key.insert(key, after);
        admission
    }
}

/// The limits that a request falls under.
#[derive(Clone)]
pub(crate) struct ServiceLimits<'a> {
    pub(crate) meters: &'a Meters,
    pub(crate) counted: Vec<Counted<'a>>,
}

impl ServiceLimits<'_> {
    /// Passes those that count whichever endpoint is asked.
    ///
    /// # Errors
    ///
    /// [`Failure::RateLimit`], where one has no room.
    pub(crate) async fn pass(&self) -> Result<(), Failure> {
        for counted in self.counted.iter().filter(|counted| !counted.by_endpoint) {
            self.wait_for(counted, None).await?;
        }
        Ok(())
    }

    /// Passes those of an endpoint, which is one of this workload.
    ///
    /// # Errors
    ///
    /// [`Failure::RateLimit`], where one has no room.
    pub(crate) async fn pass_at(&self, endpoint: &Address, workload: usize) -> Result<(), Failure> {
        for counted in self.counted.iter().filter(|counted| counted.by_endpoint) {
            let protected = counted.limit.workloads.as_ref();
            if protected.is_none_or(|workloads| workloads.contains(&workload)) {
                self.wait_for(counted, Some(endpoint)).await?;
            }
        }
        Ok(())
    }

    /// smi N-1
    async fn wait_for(
        &self,
        counted: &Counted<'_>,
        endpoint: Option<&Address>,
    ) -> Result<(), Failure> {
        // Each limit of the rules that decided has a meter.
        let Some(meter) = self.meters.of(counted.limit) else { return Err(Failure::RateLimit) };
        match meter.take((counted.source, endpoint.cloned()), meter.born.elapsed()) {
            Admission::Pass => Ok(()),
            Admission::Wait(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Admission::Refuse => Err(Failure::RateLimit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::Origin;
    use gateway_core::rules::{Service, ServiceName};

    fn limit(name: &str, requests: u32, burst: u32) -> ServiceLimit {
        ServiceLimit {
            requests,
            per: Duration::from_secs(1),
            sources: Vec::new(),
            burst,
            at_once: None,
            matches: None,
            workloads: None,
            origin: Origin::new(ObjectRef::new("RateLimit", "shop", name), "spec"),
        }
    }

    /// A Service for each list of limits.
    fn rules(services: &[&[ServiceLimit]]) -> RuleSet {
        let service = |limits: &&[ServiceLimit]| {
            let name = ServiceName::new("shop", "any");
            let limits = limits.iter().cloned().map(Arc::new).collect();
            Service { limits, ..Service::new(name, None) }
        };
        let services = Arc::new(services.iter().map(service).collect());
        RuleSet { services, ..RuleSet::default() }
    }

    fn key(source: Option<usize>, port: Option<u16>) -> Key {
        (source, port.map(|port| Address::new("10.0.0.1", port)))
    }

    #[test]
    fn each_source_and_each_endpoint_has_a_bucket() {
        // smi N-2, N-3
        let meter = Meter::new(&limit("a", 1, 0));
        for (source, port, want) in [
            (None, None, Admission::Pass),
            (None, None, Admission::Refuse),
            (None, Some(1), Admission::Pass),
            (None, Some(2), Admission::Pass),
            (None, Some(1), Admission::Refuse),
            (Some(0), Some(1), Admission::Pass),
            (Some(1), Some(1), Admission::Pass),
            (Some(0), Some(1), Admission::Refuse),
        ] {
            let got = meter.take(key(source, port), Duration::ZERO);
            assert_eq!(got, want, "{source:?} {port:?}");
        }
    }

    #[test]
    fn requests_beyond_the_rate_wait_or_go_at_once() {
        // smi N-1
        let second = Duration::from_secs(1);
        for (at_once, want) in [
            (None, [Admission::Pass, Admission::Pass, Admission::Pass]),
            (Some(1), [Admission::Pass, Admission::Pass, Admission::Wait(second)]),
            (Some(0), [Admission::Pass, Admission::Wait(second), Admission::Wait(2 * second)]),
        ] {
            let meter = Meter::new(&ServiceLimit { at_once, ..limit("a", 1, 2) });
            let got = [(); 3].map(|()| meter.take(key(None, None), second));
            assert_eq!(got, want, "{at_once:?}");
        }
    }

    #[test]
    fn buckets_that_are_spent_are_forgotten() {
        let meter = Meter::new(&limit("a", 1, 0));
        let second = Duration::from_secs(1);
        for round in 0..20 {
            for port in 0..100 {
                let admission =
                    meter.take(key(None, Some(100 * round + port)), second * round.into());
                assert_eq!(admission, Admission::Pass, "{round} {port}");
            }
        }
        let kept = meter.buckets.lock().unwrap().by_key.len();
        assert!((100..=300).contains(&kept), "{kept}");
        // None that still counts was among them.
        for port in 1900..2000 {
            let admission = meter.take(key(None, Some(port)), second * 19);
            assert_eq!(admission, Admission::Refuse, "{port}");
        }
    }

    #[test]
    fn a_limit_that_stays_goes_on_after_a_reload() {
        let take = |meters: &Meters, rules: &RuleSet, service: usize| {
            let meter = meters.of(&rules.services[service].limits[0]).unwrap();
            meter.take(key(None, None), Duration::ZERO)
        };
        let before = rules(&[&[limit("a", 1, 0)], &[limit("b", 1, 0)], &[limit("c", 1, 0)]]);
        let meters = Meters::new(&before, None);
        for service in 0..3 {
            assert_eq!(take(&meters, &before, service), Admission::Pass);
        }
        let moved = ServiceLimit {
            origin: Origin::new(ObjectRef::new("RateLimit", "shop", "a"), "elsewhere"),
            ..limit("a", 1, 0)
        };
        let after = rules(&[&[limit("c", 2, 0)], &[moved], &[limit("d", 1, 0)]]);
        let meters = Meters::new(&after, Some(&meters));
        for (service, want, what) in [
            (0, Admission::Pass, "other numbers"),
            (1, Admission::Refuse, "the same"),
            (2, Admission::Pass, "another object"),
        ] {
            assert_eq!(take(&meters, &after, service), want, "{what}");
        }
        assert_eq!(meters.by_identity.len(), 3, "`b` is gone");
    }

    #[test]
    fn services_with_one_limit_share_its_buckets() {
        // smi N-3: the endpoints are protected, by whatever Service they are called.
        let rules = rules(&[&[limit("a", 1, 0)], &[limit("a", 1, 0)]]);
        let meters = Meters::new(&rules, None);
        let take = |service: usize| {
            let meter = meters.of(&rules.services[service].limits[0]).unwrap();
            meter.take(key(None, Some(1)), Duration::ZERO)
        };
        assert_eq!((take(0), take(1)), (Admission::Pass, Admission::Refuse));
    }
}
