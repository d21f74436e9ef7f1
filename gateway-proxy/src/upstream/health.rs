//! Checks of endpoints by requests of our own (virtualserver §4, `healthCheck`).

mod probe;

use super::balance::Group;
use super::endpoint::Endpoint;
use super::peer::PeerTls;
use super::standing::{Health, Standing};
use crate::worker::Random;
use gateway_core::ObjectRef;
use gateway_core::rules::{BackendSettings, HealthCheck};
use probe::Prober;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle as Task;

/// An endpoint that is checked for an upstream.
#[derive(Clone)]
pub(crate) struct Checked {
    settings: Arc<BackendSettings>,
    /// The Service and its port.
    service: Arc<str>,
    endpoint: Arc<Endpoint>,
    standing: Arc<Standing>,
    /// How TLS is spoken, where checks speak it.
    tls: Option<Arc<PeerTls>>,
}

impl Checked {
    /// The endpoints of a group of a Service, if its upstream has them checked.
    pub(crate) fn of<'g>(
        group: &'g Group,
        service: &Arc<str>,
    ) -> impl Iterator<Item = Self> + use<'g> {
        let settings = group.settings();
        let members = settings.health_check.iter().flat_map(|_| group.members());
        let service = Arc::clone(service);
        members.map(move |member| Self {
            settings: Arc::clone(settings),
            service: Arc::clone(&service),
            endpoint: Arc::clone(&member.endpoint),
            standing: Arc::clone(&member.standing),
            tls: group.check_tls().map(Arc::clone),
        })
    }

    fn check(&self) -> Option<&HealthCheck> {
        self.settings.health_check.as_ref()
    }

    /// The object that asks for it, with the name of the upstream there; the Service; and where
    /// the endpoint listens.
    pub(crate) fn labels(&self) -> (&ObjectRef, &str, &str, String) {
        let object = &self.settings.origin.object;
        (object, &self.settings.name, &self.service, self.endpoint.address().to_string())
    }

    /// Whether requests are sent there.
    pub(crate) fn is_healthy(&self) -> bool {
        self.check().is_none_or(|check| self.standing.is_healthy(check))
    }

    /// What it is the same by in another table.
    fn key(&self) -> usize {
        Arc::as_ptr(&self.standing).addr()
    }
}

/// Checks endpoints, on a thread of its own. Dropped, it ends.
pub(crate) struct Checker {
    checked: Option<watch::Sender<Vec<Checked>>>,
    thread: Option<JoinHandle<()>>,
}

impl Checker {
    /// # Errors
    ///
    /// Where the system has no thread or runtime to give.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (checked, changes) = watch::channel(Vec::new());
        let work = move || {
            tokio::task::LocalSet::new().block_on(&runtime, follow(changes));
            // Names that are being resolved are not waited for.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("health".into()).spawn(work)?;
        Ok(Self { checked: Some(checked), thread: Some(thread) })
    }

    /// Checks these from now on. Checks that stay as they are go on.
    pub(crate) fn check(&self, checked: Vec<Checked>) {
        if let Some(sender) = &self.checked {
            // The thread lives as long as this does.
            sender.send_replace(checked);
        }
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.checked = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to finish.
            let _ = thread.join();
        }
    }
}

/// Between two checks of an endpoint, whatever a rule says.
const SHORTEST: Duration = Duration::from_millis(20);

/// Between the first checks of two endpoints that are new at the same time.
const APART: Duration = Duration::from_millis(1);

/// Runs a task for each endpoint, until there will be no more changes.
async fn follow(mut changes: watch::Receiver<Vec<Checked>>) {
    let mut running: HashMap<usize, (Checked, Task<()>)> = HashMap::new();
    while changes.changed().await.is_ok() {
        let wanted = changes.borrow_and_update().clone();
        let mut next = HashMap::new();
        // Not all new ones at once: connections and memory are needed for requests.
        let mut delay = Duration::ZERO;
        for checked in wanted {
            let known = running.remove(&checked.key());
            let same = |(known, _): &(Checked, _)| {
                known.check() == checked.check()
                    && known.endpoint.peer == checked.endpoint.peer
                    && known.tls == checked.tls
            };
            let task = match known {
                Some(known) if same(&known) => known.1,
                other => {
                    other.iter().for_each(|(_, task)| task.abort());
                    delay += APART;
                    tokio::task::spawn_local(watch_over(checked.clone(), delay))
                }
            };
            next.insert(checked.key(), (checked, task));
        }
        running.drain().for_each(|(_, (_, task))| task.abort());
        running = next;
    }
}

/// Checks an endpoint again and again, for the first time after `delay`.
async fn watch_over(checked: Checked, delay: Duration) {
    let Some(check) = checked.check() else { return };
    tokio::time::sleep(delay).await;
    let random = Random::from_system();
    let mut prober = Prober::new(check, &checked.endpoint.peer, checked.tls.clone());
    let mut tally = Tally::default();
    loop {
        let passed = prober.probe().await;
        if let Some(health) = tally.count(passed, check, checked.standing.health()) {
            checked.standing.set_health(health);
        }
        let interval = check.interval.max(SHORTEST);
        tokio::time::sleep(interval + within(check.jitter, &random)).await;
    }
}

/// A time from nothing to `most`.
fn within(most: Duration, random: &Random) -> Duration {
    let micros = usize::try_from(most.as_micros()).unwrap_or(usize::MAX);
    Duration::from_micros(random.below(micros.saturating_add(1)) as u64)
}

/// Checks of the same result in a row.
#[derive(Debug, Default)]
struct Tally {
    passed: bool,
    count: u32,
}

impl Tally {
    /// What a check changes, if it does.
    fn count(&mut self, passed: bool, check: &HealthCheck, health: Health) -> Option<Health> {
        let before = if self.passed == passed { self.count } else { 0 };
        *self = Self { passed, count: before.saturating_add(1) };
        match (passed, health) {
            (true, Health::Unchecked) => Some(Health::Healthy),
            (true, Health::Unhealthy) if self.count >= check.passes => Some(Health::Healthy),
            (false, Health::Unchecked | Health::Healthy) if self.count >= check.fails => {
                Some(Health::Unhealthy)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::rules::{Probe, StatusMatch, Timeouts};

    #[test]
    fn it_takes_so_many_checks_in_a_row() {
        // virtualserver §4, `fails` and `passes`
        let probe =
            Probe::Http { path: "/".into(), headers: Vec::new(), statuses: StatusMatch::default() };
        let check = HealthCheck {
            probe,
            interval: Duration::from_secs(5),
            jitter: Duration::ZERO,
            fails: 2,
            passes: 3,
            port: None,
            tls: false,
            timeouts: Timeouts::default(),
            mandatory: true,
            persistent: false,
            keepalive: Duration::from_secs(60),
        };
        use Health::{Healthy, Unchecked, Unhealthy};
        let mut tally = Tally::default();
        let mut health = Unchecked;
        for (passed, want) in [
            (false, Unchecked),
            (true, Healthy),
            (false, Healthy),
            (true, Healthy),
            (false, Healthy),
            (false, Unhealthy),
            (true, Unhealthy),
            (true, Unhealthy),
            (false, Unhealthy),
            (true, Unhealthy),
            (true, Unhealthy),
            (true, Healthy),
        ] {
            health = tally.count(passed, &check, health).unwrap_or(health);
            assert_eq!(health, want);
        }
        // Nothing asks for no check at all.
        let none = HealthCheck { fails: 0, passes: 0, ..check };
        assert_eq!(Tally::default().count(false, &none, Healthy), Some(Unhealthy));
        assert_eq!(Tally::default().count(true, &none, Unhealthy), Some(Healthy));
    }

    #[test]
    fn intervals_are_longer_by_at_most_the_jitter() {
        let random = Random::from_seed(4);
        let most = Duration::from_millis(10);
        let times: Vec<Duration> = (0..100).map(|_| within(most, &random)).collect();
        assert!(times.iter().all(|time| *time <= most) && times[0] != times[1]);
        assert_eq!(within(Duration::ZERO, &random), Duration::ZERO);
    }
}
