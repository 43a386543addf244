//! States a second: this engine beside stateright's, on two-phase commit, the full state space each time.

#[path = "peers/two_phase_commit.rs"]
mod two_phase_commit;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use podproof_checker::{Plain, Search};
use stateright::{Checker, Model};
use two_phase_commit::{Packed, TwoPhaseCommit};

const MANAGERS: u8 = 6;

fn engines(criterion: &mut Criterion) {
    let model = TwoPhaseCommit { managers: MANAGERS };
    let packed = Packed { managers: MANAGERS.into() };
    let states = Search::new(&packed).run().states;
    let mut group = criterion.benchmark_group("two-phase commit");
    group.sample_size(10).throughput(Throughput::Elements(states));
    for threads in [1, 2] {
        group.bench_function(BenchmarkId::new("packed", threads), |bencher| {
            bencher.iter(|| assert_eq!(Search::new(&packed).threads(threads).run().states, states));
        });
        group.bench_function(BenchmarkId::new("plain", threads), |bencher| {
            let plain = Plain::new(model).expect("no eventually property");
            bencher.iter(|| assert_eq!(Search::new(&plain).threads(threads).run().states, states));
        });
        group.bench_function(BenchmarkId::new("stateright-bfs", threads), |bencher| {
            bencher.iter(|| {
                let checker = model.checker().threads(threads).spawn_bfs().join();
                assert_eq!(checker.unique_state_count() as u64, states);
            });
        });
        group.bench_function(BenchmarkId::new("stateright-dfs", threads), |bencher| {
            bencher.iter(|| {
                let checker = model.checker().threads(threads).spawn_dfs().join();
                assert_eq!(checker.unique_state_count() as u64, states);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, engines);
criterion_main!(benches);
