//! What one state of a search costs, part by part, on the rolling update of two replicas on two nodes: where the time of a
//! search goes that is not the checker's.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use foldhash::quality::FixedState;
use podproof_model::reduced::Reduced;
use podproof_model::reduced::symmetry::Symmetry;
use podproof_model::{ClusterState, Model};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::catalogue;
use podproof_vocabulary::scenario::{Scenario, Timing};
use std::hash::BuildHasher;

/// States that a round goes through.
const STATES: usize = 500;

fn rollout(timing: Timing) -> Scenario {
    let mut scenario = catalogue::find("rollout-prestop").expect("a built-in scenario").scenario();
    scenario.workload.replicas = 2;
    scenario.slots = 6;
    scenario.timing = timing;
    if timing == Timing::Untimed {
        scenario.approximations = scenario.approximations.without(Approximation::Focus);
    }
    scenario
}

/// States all over the search: every so many moves of a walk that takes each time another one of those possible.
fn states(reduced: &Reduced) -> Vec<ClusterState> {
    let mut states = Vec::new();
    let mut state = reduced.initial().swap_remove(0).0;
    for turn in 0.. {
        let mut outcomes = Vec::new();
        reduced.moves(&state, |outcome| outcomes.push(outcome.next));
        if outcomes.is_empty() {
            state = reduced.initial().swap_remove(0).0;
            continue;
        }
        let choice = turn * 7 % outcomes.len();
        state = outcomes.swap_remove(choice);
        states.push(state.clone());
        if states.len() == STATES {
            break;
        }
    }
    states
}

fn parts(criterion: &mut Criterion) {
    for timing in [Timing::Untimed, Timing::Timed] {
        let reduced = Reduced::new(Model::new(rollout(timing)).expect("it fits"));
        let (states, hasher) = (states(&reduced), FixedState::default());
        let symmetry = Symmetry::of(&reduced.model.rules);
        let mut group = criterion.benchmark_group(format!("a state, {timing:?}"));
        group.throughput(Throughput::Elements(STATES as u64));
        group.bench_function("clone", |b| {
            b.iter(|| states.iter().for_each(|state| drop(black_box(state.clone()))));
        });
        group.bench_function("hash", |b| {
            b.iter(|| states.iter().map(|state| hasher.hash_one(state)).fold(0, |sum: u64, hash| sum ^ hash));
        });
        group.bench_function("sort", |b| {
            let sort = |states: &mut Vec<ClusterState>| {
                states.iter_mut().for_each(|state| symmetry.sort(&reduced.model.rules, state));
            };
            b.iter_batched_ref(|| states.clone(), sort, BatchSize::SmallInput);
        });
        group.bench_function("enabled", |b| {
            let mut actions = Vec::new();
            b.iter(|| states.iter().for_each(|state| reduced.model.enabled(black_box(state), &mut actions)));
        });
        group.bench_function("apply, all enabled steps", |b| {
            let mut actions = Vec::new();
            b.iter(|| {
                for state in &states {
                    reduced.model.enabled(state, &mut actions);
                    for action in &actions {
                        black_box(reduced.model.apply(state, action));
                    }
                }
            });
        });
        group.bench_function("moves, judged", |b| {
            b.iter(|| {
                states.iter().for_each(|state| reduced.moves(state, |outcome| drop(black_box(outcome))));
            });
        });
        group.bench_function("owed", |b| {
            b.iter(|| {
                states.iter().for_each(|state| {
                    black_box(reduced.model.owed(state));
                });
            });
        });
        group.finish();
    }
}

criterion_group!(benches, parts);
criterion_main!(benches);
