//! `check --hunt`: what is broken is found, with a trace that replays, and nothing is ever said to hold.

use std::process::Output;
use std::time::Duration;

use clap::Parser;
use podproof::arguments::{self, Arguments, SymmetryChoice};
use podproof::progress::Line;
use podproof::search::Limits;
use podproof::verdict::{Outcome, Verdict};
use podproof::{hunt, input, plan};
use podproof_checker::fingerprint::Bits;
use podproof_traces::{Replayed, replay};
use podproof_vocabulary::Property;
use podproof_vocabulary::catalogue::ENTRIES;
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::property::{Kind, PropertySet};
use serde_json::Value;

use crate::run;

/// The time is there so that nothing hangs; the states end a hunt before it.
const LIMITS: Limits = Limits {
    states: 200_000,
    depth: u64::MAX,
    memory: 1 << 30,
    time: Some(Duration::from_secs(300)),
    threads: 2,
    bits: Bits::B64,
    symmetry: SymmetryChoice::Any,
};

/// What hunts say of these promises in a world of the command line, one for each search of a check.
fn hunts(world: &[&str], asked: PropertySet, limits: &Limits, seed: u64) -> Vec<Outcome> {
    let line = ["podproof", "check"].iter().chain(world);
    let arguments::Command::Check(arguments) = Arguments::parse_from(line).command else {
        panic!("a check was asked for")
    };
    let input = input::read(&arguments.input).expect("a built-in scenario");
    let (plans, _) = plan::searches(&input.workloads[0], &arguments.world, asked);
    let line = Line::new("test", limits.states);
    plans.iter().map(|plan| hunt::run(plan, limits, seed, &line).expect("it fits")).collect()
}

/// Fails unless nothing is claimed, and what is broken is.
fn check(outcome: &Outcome, world: &[&str]) {
    assert!(!outcome.stopped.is_empty(), "{world:?}: it is not complete");
    for finding in &outcome.findings {
        let property = finding.property;
        match finding.verdict {
            Verdict::Broken => {
                let trace = finding.trace.as_ref().expect("what is broken has a trace");
                let replayed = replay(trace);
                assert!(matches!(replayed, Ok(Replayed::StillBroken { .. })), "{world:?}: {property}");
            }
            Verdict::Incomplete => assert!(finding.trace.is_none()),
            Verdict::Holds | Verdict::NotApplicable => {
                panic!("{world:?}: a hunt says that {property} {}", finding.verdict.name())
            }
        }
    }
}

#[test]
fn nothing_holds_in_any_built_in_scenario_not_even_where_everything_was_seen() {
    let limits = Limits { states: 20_000, ..LIMITS };
    let (mut broken, mut ended) = (0, 0);
    for entry in ENTRIES {
        let world = ["--scenario", entry.name];
        for outcome in hunts(&world, PropertySet::of(Property::all()), &limits, 1) {
            check(&outcome, &world);
            broken += outcome.findings.iter().filter(|finding| finding.verdict == Verdict::Broken).count();
            ended += usize::from(outcome.stopped.len() == 1);
        }
    }
    assert!(broken > 20, "{broken}");
    assert!(ended > 3, "some are so small that all of their states were seen: {ended}");
}

/// Fails unless a hunt under `mutant` finds what it is said to break in this scenario.
fn found(mutant: Mutant, scenario: &str, property: Property) {
    assert!(mutant.facts().breaks.contains(&property));
    let world = ["--scenario", scenario, "--mutant", mutant.facts().name];
    let outcomes = hunts(&world, PropertySet::of([property]), &LIMITS, 1);
    outcomes.iter().for_each(|outcome| check(outcome, &world));
    let is_broken = |outcome: &Outcome| outcome.findings[0].verdict == Verdict::Broken;
    let said: Vec<_> = outcomes.iter().map(|outcome| (&outcome.findings[0].note, &outcome.stopped)).collect();
    assert!(outcomes.iter().any(is_broken), "{world:?}: {property} is not found broken: {said:?}");
}

#[test]
fn wrong_rules_are_found_by_what_they_break() {
    for (mutant, scenario, property) in [
        (Mutant::SliceKeepsTerminatingReady, "rollout", Property::ReadyMeansReady),
        (Mutant::ProxyNeverRemoves, "rollout-prestop", Property::NoFailedRequest),
        (Mutant::SchedulerIgnoresResources, "tight-resources", Property::PlacementLawful),
        (Mutant::EvictionSpendsNothing, "drain-pdb", Property::DisruptionBudgetKept),
        (Mutant::RecreateDoesNotWait, "rollout-recreate", Property::PodsWithinSurge),
        (Mutant::WorkerStartsAfterTermination, "pod-life", Property::TerminalIsFinal),
        (Mutant::KubeletRemovesEarly, "pod-life", Property::StoppedBeforeGone),
        (Mutant::SandboxStoppedFirst, "pod-life", Property::SandboxHoldsNamespaces),
        (Mutant::SidecarsStopWithApps, "init-and-sidecar", Property::InitBeforeApp),
        (Mutant::AddressFreedEarly, "rollout", Property::OneAddressOnePod),
        (Mutant::HostPortsIgnored, "host-ports", Property::OneAddressOnePod),
    ] {
        assert_eq!(property.facts().kind, Kind::Safety);
        found(mutant, scenario, property);
    }
}

#[test]
fn promises_that_a_rest_breaks_are_found_broken() {
    for (mutant, scenario, property) in [
        (Mutant::KubeletNeverRemoves, "pod-life", Property::DeletionCompletes),
        (Mutant::ReplicaSetStatusNeverWritten, "rollout", Property::RolloutCompletes),
        (Mutant::TaintEvictionNeverFires, "node-crash", Property::ReplacedAfterNodeFailure),
        (Mutant::KubeletNeverRestarts, "crash-loop", Property::CrashRecovers),
    ] {
        assert_eq!(property.facts().kind, Kind::Liveness);
        found(mutant, scenario, property);
    }
}

fn podproof(arguments: &[&str]) -> Output {
    let traces = concat!(env!("CARGO_TARGET_TMPDIR"), "/hunt");
    run::podproof(&[&["check", "--trace-dir", traces], arguments].concat())
}

/// The document, without what depends on the machine.
fn document(arguments: &[&str]) -> (Option<i32>, Value) {
    let output = podproof(&[arguments, &["--format", "json"]].concat());
    let mut document: Value = serde_json::from_slice(&output.stdout).expect("one document");
    let workload = &mut document["workloads"][0];
    workload["seconds"].take();
    workload["searches"].as_array_mut().expect("searches").iter_mut().for_each(|search| {
        search["seconds"].take();
    });
    (output.status.code(), document)
}

const ROLLOUT: [&str; 6] = ["--hunt", "--scenario", "rollout", "--timing", "timed", "--max-states=30000"];

#[test]
fn the_same_seed_says_the_same_on_any_number_of_threads() {
    let with = |seed: &str, threads: &str| {
        document(&[&ROLLOUT[..], &["--time-limit", "10min", "--seed", seed, "--threads", threads]].concat())
    };
    let (status, one) = with("7", "1");
    assert_eq!(status, Some(1), "{one}");
    let search = &one["workloads"][0]["searches"][0];
    assert_eq!((&search["hunt"]["seed"], &search["complete"]), (&7.into(), &false.into()));
    for threads in ["1", "2", "4"] {
        assert_eq!(with("7", threads).1, one, "{threads} threads");
    }
    assert_ne!(with("8", "2").1, one, "another seed takes other ways");
}

#[test]
fn a_hunt_ends_with_broken_or_incomplete_and_tells_its_seed() {
    let about = |property| [&ROLLOUT[..], &["--property", property]].concat();
    let (status, said) = document(&about("no-failed-request"));
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said["workloads"][0]["searches"][0]["hunt"]["seed"].is_u64(),
        "a seed that is drawn is told: {said}"
    );
    let output = podproof(&[&about("stopped-before-gone")[..], &["--seed", "12"]].concat());
    let said = String::from_utf8(output.stdout).expect("reports are text");
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("incomplete: a hunt with seed 12"), "{said}");
    assert!(said.contains("0 hold, 0 not applicable"), "{said}");
}

#[test]
fn what_a_hunt_cannot_honour_is_refused() {
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/hunt-kept");
    for (option, value) in [
        ("--engine", "stateright-bfs"),
        ("--engine", "stateright-dfs"),
        ("--checkpoint", folder),
        ("--resume", folder),
        ("--fingerprint-bits", "128"),
    ] {
        let output = podproof(&["--hunt", "--scenario", "pod-life", option, value]);
        let said = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(2), "{option} {value}: {said}");
        assert!(said.contains("--hunt") && said.contains("accepted is"), "{option} {value}: {said}");
    }
    let output = podproof(&["--seed", "1", "--scenario", "pod-life"]);
    let said = String::from_utf8(output.stderr).expect("messages are text");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--hunt"), "{said}");
}
