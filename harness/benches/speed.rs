//! Steps a second on one core: of the model alone along a script, observed after every step, and of the runtime beside it; and of
//! the runtime alone on its stages. Time is processor time, so that whatever else runs on the machine does not count.

use std::hint::black_box;
use std::time::Duration;

use arbitrary::Unstructured;
use cpu_time::ThreadTime;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use podproof_harness::cases::CASES;
use podproof_harness::choices::Choices;
use podproof_harness::generators::limits::STEPS_MAX;
use podproof_harness::generators::scenario::{Shape, scenario};
use podproof_harness::lockstep::{RuntimeSystem, fit};
use podproof_harness::oracles::agreement::agree;
use podproof_harness::runner::input;
use podproof_harness::{ModelSystem, System as _};
use podproof_model::cluster::Cluster;
use podproof_model::{Model, step};
use podproof_runtime::Slips;
use podproof_vocabulary::Scenario;

/// The processor time of the thread.
struct ProcessorTime;

impl Measurement for ProcessorTime {
    type Intermediate = ThreadTime;
    type Value = Duration;

    fn start(&self) -> ThreadTime {
        ThreadTime::now()
    }

    fn end(&self, begun: ThreadTime) -> Duration {
        begun.elapsed()
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, time: &Duration) -> f64 {
        WallTime.to_f64(time)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Scripts that a round goes through.
const SCRIPTS: u32 = 40;

/// Scenarios that the lockstep covers, each with a script.
fn scripts() -> Vec<(Scenario, Vec<u8>)> {
    let script = |number| {
        let bytes = input(0, number);
        let mut unstructured = Unstructured::new(&bytes);
        let shape = Shape { faults: true, timed: false, placement: true, releases: false };
        let mut scenario = scenario(&mut unstructured, shape).expect("bytes that run out are zeros");
        fit(&mut scenario);
        (scenario, bytes)
    };
    (0..SCRIPTS).map(script).collect()
}

fn lockstep(scripts: &[(Scenario, Vec<u8>)]) -> usize {
    let drive = |(scenario, script): &(Scenario, Vec<u8>)| {
        let mut runtime = RuntimeSystem::new(Slips::NONE);
        let agreed = agree(&mut ModelSystem::default(), &mut runtime, scenario, script, STEPS_MAX);
        agreed.map_or(0, |agreed| agreed.actions.len())
    };
    scripts.iter().map(drive).sum()
}

fn observed(scripts: &[(Scenario, Vec<u8>)]) -> usize {
    let mut steps = 0;
    for (scenario, script) in scripts {
        let (mut system, mut enabled) = (ModelSystem::default(), Vec::new());
        system.reset(scenario).expect("it fits");
        let (mut seen, mut choices) = (system.observation(), Choices::new(script));
        // Where there is but one step for ever no byte is used up.
        for _ in 0..STEPS_MAX {
            if choices.is_over() {
                break;
            }
            enabled.clear();
            system.pending(&mut enabled);
            let Some(action) = choices.action(&enabled) else { break };
            system.apply(&action).expect("it was offered");
            system.observe(&mut seen);
            steps += 1;
        }
    }
    steps
}

/// The model alone, with nobody who looks: each state becomes the next in its place.
fn walks(models: &[(Model, Vec<u8>)]) -> usize {
    let (mut steps, mut enabled) = (0, Vec::new());
    for (model, script) in models {
        let mut state = model.initial().swap_remove(0);
        let mut cluster = Cluster::new(&model.rules, &mut state);
        let mut random = fastrand::Rng::with_seed(script.len() as u64);
        for _ in 0..STEPS_MAX {
            step::enabled(&cluster, &mut enabled);
            let Some(action) = random.choice(&enabled) else { break };
            step::apply(&mut cluster, action);
            steps += 1;
        }
        black_box(&cluster);
    }
    steps
}

/// The same, as a search has to: each state is kept, and the next is one of its own.
fn kept(models: &[(Model, Vec<u8>)]) -> usize {
    let (mut steps, mut enabled) = (0, Vec::new());
    for (model, script) in models {
        let mut state = model.initial().swap_remove(0);
        let mut random = fastrand::Rng::with_seed(script.len() as u64);
        for _ in 0..STEPS_MAX {
            model.enabled(&state, &mut enabled);
            let Some(action) = random.choice(&enabled) else { break };
            state = model.apply(&state, action);
            steps += 1;
        }
        black_box(&state);
    }
    steps
}

fn steps(criterion: &mut Criterion<ProcessorTime>) {
    let scripts = scripts();
    let mut group = criterion.benchmark_group("steps");
    group.sample_size(20);
    group.throughput(Throughput::Elements(lockstep(&scripts) as u64));
    group.bench_function("lockstep", |b| b.iter(|| lockstep(black_box(&scripts))));
    group.throughput(Throughput::Elements(observed(&scripts) as u64));
    group.bench_function("model, observed", |b| b.iter(|| observed(black_box(&scripts))));
    let models: Vec<(Model, Vec<u8>)> = scripts
        .iter()
        .map(|(scenario, script)| (Model::new(scenario.clone()).expect("it fits"), script.clone()))
        .collect();
    group.throughput(Throughput::Elements(walks(&models) as u64));
    group.bench_function("model", |b| b.iter(|| walks(black_box(&models))));
    group.bench_function("model, states kept", |b| b.iter(|| kept(black_box(&models))));
    group.finish();
}

fn inputs(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("inputs");
    group.sample_size(10);
    group.throughput(Throughput::Elements(SCRIPTS.into()));
    let bytes: Vec<Vec<u8>> = (0..SCRIPTS).map(|number| input(0, number)).collect();
    for case in CASES.iter().filter(|case| case.run_with.is_some()) {
        group.bench_function(case.name, |b| {
            b.iter(|| bytes.iter().filter_map(|bytes| (case.run)(black_box(bytes))).count());
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ProcessorTime);
    targets = steps, inputs
}
criterion_main!(benches);
