//! States a second: this engine beside stateright's, on two-phase commit, the full state space each time, with states packed
//! into a number (this engine alone), of plain arrays, and of vectors and a set.

#[path = "peers/two_phase_commit.rs"]
mod two_phase_commit;

use std::fmt::Debug;
use std::hash::Hash;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use podproof_checker::{Plain, Search, System};
use stateright::{Checker, Model};
use two_phase_commit::{Flat, Packed, TwoPhaseCommit};

const MANAGERS: u8 = 6;

fn engines(criterion: &mut Criterion) {
    let packed = Packed { managers: MANAGERS.into() };
    let states = Search::new(&packed).run().states;
    let mut group = criterion.benchmark_group("two-phase commit");
    group.sample_size(10).throughput(Throughput::Elements(states));
    for threads in [1, 2] {
        ours(&mut group, "packed", &packed, threads, states);
        all(&mut group, "flat", Flat { managers: MANAGERS }, threads, states);
        all(&mut group, "owning", TwoPhaseCommit { managers: MANAGERS }, threads, states);
    }
    group.finish();
}

fn ours<Y: System>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    kind: &str,
    system: &Y,
    threads: usize,
    states: u64,
) {
    group.bench_function(BenchmarkId::new(format!("podproof, {kind}"), threads), |bencher| {
        bencher.iter(|| assert_eq!(Search::new(system).threads(threads).run().states, states));
    });
}

fn all<M>(group: &mut BenchmarkGroup<'_, WallTime>, kind: &str, model: M, threads: usize, states: u64)
where
    M: Model + Copy + Send + Sync + 'static,
    M::State: Clone + Eq + Hash + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    ours(group, kind, &Plain::new(model).expect("no eventually property"), threads, states);
    group.bench_function(BenchmarkId::new(format!("stateright-bfs, {kind}"), threads), |bencher| {
        bencher.iter(|| {
            let checker = model.checker().threads(threads).spawn_bfs().join();
            assert_eq!(checker.unique_state_count() as u64, states);
        });
    });
    group.bench_function(BenchmarkId::new(format!("stateright-dfs, {kind}"), threads), |bencher| {
        bencher.iter(|| {
            let checker = model.checker().threads(threads).spawn_dfs().join();
            assert_eq!(checker.unique_state_count() as u64, states);
        });
    });
}

criterion_group!(benches, engines);
criterion_main!(benches);
