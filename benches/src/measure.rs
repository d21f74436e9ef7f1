//! Building, checking and timing engines.

use crate::alloc;
use crate::engine::{Built, Engine, GATEWAY, Maker};
use crate::workload::{Request, Workload};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::ops::AddAssign;

/// Nanoseconds of a round of one engine, more or less.
const ROUND: f64 = 20e6;
/// Nanoseconds up to which a round goes through all requests all the same: an engine that is asked
/// for fewer of them finds more of its data in the caches.
const PASS: f64 = 1e9;

/// What it took to make something.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// CPU time in nanoseconds.
    pub time: f64,
    /// Bytes that it holds.
    pub bytes: usize,
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.time += other.time;
        self.bytes += other.bytes;
    }
}

/// CPU time of this thread in nanoseconds: on a shared machine the wall clock measures the others.
pub fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// What `make` makes, and the cost of it.
pub fn building<T>(make: impl FnOnce() -> T) -> (T, Cost) {
    let (start, before) = (now(), alloc::live());
    let made = make();
    // What is dropped on the way may have been there before.
    let bytes = alloc::live().saturating_sub(before);
    (made, Cost { time: now() - start, bytes })
}

/// The middle one.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Keeps the compiler from leaving out what nobody looks at.
pub(crate) fn each<T>(requests: &[Request], mut decide: impl FnMut(&Request) -> T) {
    for request in requests {
        black_box(decide(black_box(request)));
    }
}

/// An engine with what was measured of it.
pub struct Measured {
    /// As the report calls it.
    pub name: &'static str,
    /// Of building it.
    pub cost: Cost,
    /// Median nanoseconds of a decision, of the last timing.
    pub decision: f64,
    /// Allocations of a decision, of the last timing.
    pub allocations: f64,
    engine: Box<dyn Engine>,
}

impl Measured {
    /// Fails with the reason where the engine cannot take the rules.
    ///
    /// # Panics
    ///
    /// If that is this engine.
    pub fn build(maker: &Maker, workload: &Workload) -> Result<Self, String> {
        let built = (maker.build)(workload);
        assert!(maker.name != GATEWAY || built.is_ok(), "{:?}", built.err());
        let Built { engine, cost } = built?;
        Ok(Self { name: maker.name, cost, decision: 0.0, allocations: 0.0, engine })
    }

    /// Compares the first requests with the rules, looked at one by one. Fails with the first
    /// that a peer decides otherwise.
    ///
    /// # Panics
    ///
    /// If this engine decides otherwise.
    pub fn check(&self, workload: &Workload, requests: &[Request]) -> Result<(), String> {
        check(self.name, &*self.engine, workload, requests)
    }

    /// Nanoseconds and allocations of a decision, over the first `count` requests.
    fn round(&mut self, requests: &[Request], count: usize, repeat: usize) -> (f64, f64) {
        let (start, before) = (now(), alloc::allocations());
        for _ in 0..repeat {
            self.engine.run(&requests[..count]);
        }
        let total = (count * repeat) as f64;
        ((now() - start) / total, (alloc::allocations() - before) as f64 / total)
    }
}

/// As [`Measured::check`].
pub fn check(
    name: &str,
    engine: &dyn Engine,
    workload: &Workload,
    requests: &[Request],
) -> Result<(), String> {
    for request in requests.iter().take((1_000_000 / workload.size).clamp(10, 500)) {
        let (want, got) = (workload.decide(request), engine.rule(request));
        let kind = workload.kind.id();
        assert!(name != GATEWAY || got == want, "{kind}: {got:?} for {want:?}: {request:?}");
        if got != want {
            let place = |at: Option<usize>| at.map_or("none".to_owned(), |at| at.to_string());
            let path = request.path;
            return Err(format!("takes rule {} for {}: `{path}`", place(got), place(want)));
        }
    }
    Ok(())
}

/// Times all engines, one after the other in each round.
pub fn time(engines: &mut [Measured], requests: &[Request], rounds: usize) {
    for measured in engines.iter_mut() {
        measured.engine.prepare(requests);
    }
    if rounds == 0 {
        engines.iter_mut().for_each(|measured| measured.engine.run(requests));
        return;
    }
    let plan = |measured: &mut Measured| {
        let fitting = |time, each| ((time / each) as usize).clamp(8, requests.len());
        // The first requests find nothing in the caches and say little.
        let (each, _) = measured.round(requests, 8, 1);
        let (each, _) = measured.round(requests, fitting(PASS / 4.0, each), 1);
        let pass = each * requests.len() as f64 <= PASS;
        let count = if pass { requests.len() } else { fitting(ROUND, each) };
        (count, (ROUND / each / count as f64) as usize + 1)
    };
    let plans: Vec<(usize, usize)> = engines.iter_mut().map(plan).collect();
    let mut times = vec![Vec::new(); engines.len()];
    for _ in 0..rounds {
        for ((engine, &(count, repeat)), times) in engines.iter_mut().zip(&plans).zip(&mut times) {
            let (each, allocations) = engine.round(requests, count, repeat);
            times.push(each);
            engine.allocations = allocations;
        }
    }
    for (engine, times) in engines.iter_mut().zip(times) {
        engine.decision = median(times);
    }
}
