//! The engines under criterion: `decide/exact_hit/10k` is this one, `matchit/exact_hit/10k` a peer.
//!
//! Peers that look at one rule after the other are in the tables of the binary.
#![expect(clippy::unwrap_used, reason = "benches fail by panicking")]

use benches::engine::{ENGINES, Engine, Maker};
use benches::label;
use benches::measure::check;
use benches::workload::{Kind, Request, Traffic, Workload};
use criterion::{Criterion, criterion_group, criterion_main};
use std::cell::LazyCell;
use std::time::{Duration, Instant};

/// What is ample for criterion and does not take long to build.
fn sizes(kind: Kind) -> &'static [usize] {
    match kind {
        Kind::Crossing => &[64],
        _ if kind.has_regexes() => &[100],
        _ => &[1_000, 10_000],
    }
}

fn decide(c: &mut Criterion) {
    for kind in Kind::ALL {
        for &size in sizes(kind) {
            // Nothing is made for benches that the command line leaves out.
            let workload = LazyCell::new(|| Workload::new(kind, size));
            for (traffic, result) in [(Traffic::Uniform, "hit"), (Traffic::Miss, "miss")] {
                let requests = LazyCell::new(|| workload.requests(traffic));
                for maker in ENGINES.iter().filter(|maker| (maker.most)(kind) >= 100_000) {
                    let name = format!("{}/{}_{result}/{}", maker.stage, kind.shape(), label(size));
                    bench(c, &name, maker, &workload, &requests);
                }
            }
        }
    }
}

/// Times decisions, once those on the first requests are right.
fn bench(
    c: &mut Criterion,
    name: &str,
    maker: &Maker,
    workload: &LazyCell<Workload, impl FnOnce() -> Workload>,
    requests: &LazyCell<Vec<Request>, impl FnOnce() -> Vec<Request>>,
) {
    let mut engine = None;
    c.bench_function(name, |b| {
        let engine = engine.get_or_insert_with(|| {
            let mut engine = (maker.build)(workload).unwrap().engine;
            check(maker.name, &*engine, workload, requests).unwrap();
            engine.prepare(requests);
            engine
        });
        b.iter_custom(|times| run(&mut **engine, requests, times));
    });
}

fn run(engine: &mut dyn Engine, requests: &[Request], times: u64) -> Duration {
    let mut left = times as usize;
    let start = Instant::now();
    while left > 0 {
        let count = left.min(requests.len());
        engine.run(&requests[..count]);
        left -= count;
    }
    start.elapsed()
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50);
    targets = decide
}
criterion_main!(benches);
