//! Progress with and without time: each promise has the same verdict in an untimed search and in one with all clocks, wherever
//! both finish; where it has not, the difference stands here with its reason. Edges on disk change neither.
#![expect(clippy::print_stdout, reason = "which scenarios are compared is what one reads the test for")]

use podproof::plan::{Behind, Plan};
use podproof::progress::Line;
use podproof::search::{self, Limits};
use podproof::searched::Searched;
use podproof::verdict::Verdict;
use podproof_checker::{Bounds, Report, Search};
use podproof_model::reduced::{Move, Reduced};
use podproof_model::{ClusterState, Model};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::catalogue::ENTRIES;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::property::{Kind, PropertySet};
use podproof_vocabulary::scenario::{Scenario, Timing};
use podproof_vocabulary::{Property, catalogue};

use crate::common;

/// No search of these tests has more states.
const LIMITS: Limits = Limits { states: 100_000, ..common::LIMITS };

/// What is said of each progress promise; nothing if the search does not finish.
fn judge(scenario: &Scenario, timing: Timing) -> Option<Vec<(Property, Verdict)>> {
    let approximations = scenario.approximations.without(Approximation::Focus);
    let scenario = Scenario { timing, approximations, ..scenario.clone() };
    let judged = PropertySet::of(Property::all().filter(|property| property.facts().kind == Kind::Liveness));
    let plan = Plan { story: scenario.story, timing, behind: Behind::default(), scenario, judged };
    let outcome = search::run(&plan, &LIMITS, &Line::new("test", LIMITS.states)).expect("it fits");
    let findings = outcome.findings.into_iter().map(|finding| (finding.property, finding.verdict)).collect();
    outcome.stopped.is_empty().then_some(findings)
}

/// Scenario, promise, verdict without time and with it, and why.
const DIFFERENT: &[(&str, Property, Verdict, Verdict, &str)] = &[];

#[test]
fn time_changes_no_verdict_of_progress_but_those_that_are_listed() {
    let (mut compared, mut found) = (0, Vec::new());
    for entry in ENTRIES {
        let scenario = entry.scenario();
        let Some(untimed) = judge(&scenario, Timing::Untimed) else { continue };
        let Some(timed) = judge(&scenario, Timing::Timed) else { continue };
        compared += 1;
        println!("{}: {timed:?}", entry.name);
        for (&(property, without), &(other, with)) in untimed.iter().zip(&timed) {
            assert_eq!(property, other);
            if without != with {
                found.push((entry.name, property, without, with));
            }
        }
    }
    let expected: Vec<_> =
        DIFFERENT.iter().map(|&(name, property, a, b, _)| (name, property, a, b)).collect();
    assert_eq!(found, expected);
    assert!(compared >= 8, "{compared} scenarios finish in both");
}

/// A false alarm may come, and never has to: what is broken without any is so where detectors err.
#[test]
fn detectors_that_err_take_no_verdict_of_progress_away() {
    let verdict = |inaccurate_detectors: bool| {
        let mut scenario = catalogue::find("anti-affinity").expect("it is built in").scenario();
        scenario.inaccurate_detectors = inaccurate_detectors;
        let judged = PropertySet::of([Property::RolloutCompletes]);
        let timing = Timing::Untimed;
        scenario.timing = timing;
        let plan = Plan { story: scenario.story, timing, behind: Behind::default(), scenario, judged };
        let limits = Limits { states: 500_000, ..LIMITS };
        let outcome = search::run(&plan, &limits, &Line::new("test", limits.states)).expect("it fits");
        outcome.findings[0].verdict
    };
    assert_eq!([false, true].map(verdict), [Verdict::Broken; 2]);
}

/// Nobody promises that a node that crashed comes back: that it may takes no verdict away.
#[test]
fn a_node_that_may_come_back_has_failed_all_the_same() {
    let verdict = |returns: u8| {
        let mut scenario = catalogue::web("x", Story::NodeFailure, 1, 2);
        scenario.mutant = Some(Mutant::TaintEvictionNeverFires);
        scenario.events.set(EventName::NodeReturn, returns);
        let judged = PropertySet::of([Property::ReplacedAfterNodeFailure]);
        let timing = Timing::Untimed;
        let plan = Plan { story: scenario.story, timing, behind: Behind::default(), scenario, judged };
        let limits = Limits { states: 500_000, ..LIMITS };
        let outcome = search::run(&plan, &limits, &Line::new("test", limits.states)).expect("it fits");
        outcome.findings[0].verdict
    };
    assert_eq!([0, 1].map(verdict), [Verdict::Broken; 2]);
}

/// The ReplicaSet controller may choose a pod again and again that is gone, as it has not heard of that yet: what others can do all
/// that time they do in a fair run. It was called unfair to nobody once, as nothing else can be taken in the midst of a choice.
#[test]
fn a_choice_that_is_made_again_and_again_keeps_nobody_from_what_he_can_do() {
    let mut scenario = catalogue::web("x", Story::Rollout, 1, 1);
    scenario.service = None;
    scenario.events.set(EventName::TaintNode, 1);
    let judged = PropertySet::of([Property::DeletionCompletes, Property::NoexecuteEvicts]);
    let timing = Timing::Untimed;
    let plan = Plan { story: scenario.story, timing, behind: Behind::default(), scenario, judged };
    let limits = Limits { states: 200_000, ..LIMITS };
    let outcome = search::run(&plan, &limits, &Line::new("test", limits.states)).expect("it fits");
    let said: Vec<_> = outcome.findings.iter().map(|finding| (finding.property, finding.verdict)).collect();
    let holds = [Property::DeletionCompletes, Property::NoexecuteEvicts].map(|it| (it, Verdict::Holds));
    assert_eq!(said, holds);
}

#[test]
fn mutants_of_progress_are_found_with_and_without_time() {
    for (name, mutant, property) in [
        ("pod-life", Mutant::KubeletNeverRemoves, Property::DeletionCompletes),
        ("node-crash-tolerated", Mutant::NodeLifecycleForgetsPods, Property::UnreachableEndpointsLeave),
        ("node-crash-tolerated", Mutant::ProxyNeverRemoves, Property::UnreachableEndpointsLeave),
        ("pleg-stuck", Mutant::PlegAlwaysHealthy, Property::RuntimeHangDetected),
        ("crash-loop", Mutant::KubeletNeverRestarts, Property::CrashRecovers),
        ("kubelet-restart", Mutant::ProxyNeverAdds, Property::EndpointsConverge),
    ] {
        let scenario = catalogue::find(name).expect("a built-in scenario").scenario();
        let scenario = Scenario { mutant: Some(mutant), ..scenario };
        for timing in [Timing::Untimed, Timing::Timed] {
            let findings = judge(&scenario, timing).expect("it finishes");
            assert!(
                findings.contains(&(property, Verdict::Broken)),
                "{name}, {mutant}, {timing:?}: {findings:?}"
            );
        }
    }
}

/// What must not depend on where edges are.
fn found(report: &Report<ClusterState, Move>) -> String {
    let Report { states, transitions, depth, violations, lassos, starved, owed, .. } = report;
    format!("{states} {transitions} {depth} {starved:x} {owed:x} {violations:?} {lassos:?}")
}

#[test]
fn edges_on_disk_change_no_verdict_of_a_built_in_scenario() {
    for (name, broken) in [("anti-affinity", 1), ("drain-pdb", 0), ("rollout-recreate", 0)] {
        let scenario = catalogue::find(name).expect("a built-in scenario").scenario();
        let scenario = Scenario { timing: Timing::Untimed, ..scenario };
        let model = Model::new(scenario).expect("the scenario fits");
        let searched =
            Searched::new(Reduced::new(model), PropertySet::of(Property::all())).without_symmetry();
        let search = |memory, threads| {
            let bounds = Bounds { memory, ..Bounds::default() };
            Search::new(&searched).bounds(bounds).threads(threads).one_lasso_per(|bit| bit).run()
        };
        let roomy = search(u64::MAX, 2);
        assert!(roomy.is_complete() && roomy.spilled_edges == 0);
        assert!(roomy.lassos.len() >= broken, "{name}: {} lassos", roomy.lassos.len());
        // Less and less, until it is too little to judge runs.
        let mut spilled = 0;
        for tenths in (5..=10).rev() {
            for threads in [1, 2, 4] {
                let report = search(roomy.peak / 10 * tenths, threads);
                if report.is_complete() && report.spilled_edges > 0 {
                    assert!(found(&report) == found(&roomy), "{name}, {tenths} tenths, {threads} threads");
                    spilled += 1;
                }
            }
        }
        assert!(spilled >= 3, "{name}: no bound sends edges to disk and lets the search finish");
        println!("{name}: {} states, {spilled} searches with edges on disk", roomy.states);
    }
}
