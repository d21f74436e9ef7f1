//! Building, checking and timing engines.

use crate::alloc;
use crate::engines::Engine;
use crate::workload::{Request, Workload};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;

/// Nanoseconds of a round of one engine, more or less.
const ROUND: f64 = 20e6;

/// An engine with what was measured of it.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    /// Nanoseconds to build it.
    pub(crate) build: f64,
    /// Bytes that it holds.
    pub(crate) bytes: usize,
    /// Median nanoseconds of a decision, of the last timing.
    pub(crate) decision: f64,
    /// Allocations of a decision, of the last timing.
    pub(crate) allocations: f64,
    engine: Box<dyn Engine>,
}

/// CPU time of this thread in nanoseconds: on a shared machine the wall clock measures the others.
pub(crate) fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

impl Measured {
    /// `None` if the engine cannot do the workload.
    pub(crate) fn build(
        name: &'static str,
        workload: &Workload,
        build: &dyn Fn(&Workload) -> Option<Box<dyn Engine>>,
    ) -> Option<Self> {
        let before = alloc::live();
        let start = now();
        let engine = build(workload)?;
        let (build, bytes) = (now() - start, alloc::live() - before);
        let (build, bytes) = engine.own(build, bytes);
        Some(Self { name, build, bytes, decision: 0.0, allocations: 0.0, engine })
    }

    /// Nanoseconds and allocations of a decision, over the first `count` requests.
    fn round(&self, requests: &[Request], count: usize, repeat: usize) -> (f64, f64) {
        let (start, before) = (now(), alloc::allocations());
        for _ in 0..repeat {
            self.engine.run(&requests[..count]);
        }
        let total = (count * repeat) as f64;
        ((now() - start) / total, (alloc::allocations() - before) as f64 / total)
    }
}

/// Panics unless all engines decide the first requests as the rules say, looked at one by one.
pub(crate) fn agree(engines: &[Measured], workload: &Workload, requests: &[Request]) {
    for request in requests.iter().take((1_000_000 / workload.size).clamp(10, 500)) {
        let want = workload.decide(request);
        for engine in engines {
            let got = engine.engine.rule(request);
            assert_eq!(got, want, "{} in {}: {request:?}", engine.name, workload.kind.name());
        }
    }
}

/// Times all engines, one after the other in each round.
pub(crate) fn time(engines: &mut [Measured], requests: &[Request], rounds: usize) {
    if rounds == 0 {
        engines.iter().for_each(|engine| engine.engine.run(requests));
        return;
    }
    let plans: Vec<(usize, usize)> = engines
        .iter()
        .map(|engine| {
            let (each, _) = engine.round(requests, requests.len().min(8), 1);
            let count = ((ROUND / each) as usize).clamp(8, requests.len());
            let (each, _) = engine.round(requests, count, 1);
            (count, (ROUND / each / count as f64) as usize + 1)
        })
        .collect();
    let mut times = vec![Vec::new(); engines.len()];
    for _ in 0..rounds {
        for ((engine, &(count, repeat)), times) in engines.iter_mut().zip(&plans).zip(&mut times) {
            let (each, allocations) = engine.round(requests, count, repeat);
            times.push(each);
            engine.allocations = allocations;
        }
    }
    for (engine, times) in engines.iter_mut().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        engine.decision = times[times.len() / 2];
    }
}

/// Keeps the compiler from leaving out what nobody looks at.
pub(crate) fn each<T>(requests: &[Request], mut decide: impl FnMut(&Request) -> T) {
    for request in requests {
        black_box(decide(black_box(request)));
    }
}
