//! Progress with and without time: each promise has the same verdict in an untimed search and in one with all clocks, wherever
//! both finish; where it has not, the difference stands here with its reason.

use podproof::arguments::SymmetryChoice;
use podproof::plan::Plan;
use podproof::progress::Line;
use podproof::search::{self, Limits};
use podproof::verdict::Verdict;
use podproof_checker::fingerprint::Bits;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::catalogue::ENTRIES;
use podproof_vocabulary::property::{Kind, PropertySet};
use podproof_vocabulary::scenario::{Scenario, Timing};
use podproof_vocabulary::{Property, catalogue};

/// No search of these tests has more states.
const LIMITS: Limits = Limits {
    states: 40_000,
    depth: u64::MAX,
    memory: 1 << 30,
    time: None,
    threads: 2,
    bits: Bits::B64,
    symmetry: SymmetryChoice::Any,
};

/// What is said of each progress promise; nothing if the search does not finish.
fn judge(scenario: &Scenario, timing: Timing, memory: u64) -> Option<Vec<(Property, Verdict)>> {
    let approximations = scenario.approximations.without(Approximation::Focus);
    let scenario = Scenario { timing, approximations, ..scenario.clone() };
    let judged = PropertySet::of(Property::all().filter(|property| property.facts().kind == Kind::Liveness));
    let plan = Plan { story: scenario.story, timing, services: Vec::new(), scenario, judged };
    let limits = Limits { memory, ..LIMITS };
    let outcome = search::run(&plan, &limits, &Line::new("test", limits.states)).expect("it fits");
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
        let Some(untimed) = judge(&scenario, Timing::Untimed, LIMITS.memory) else { continue };
        let Some(timed) = judge(&scenario, Timing::Timed, LIMITS.memory) else { continue };
        compared += 1;
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
    assert!(compared >= 10, "{compared} scenarios finish in both");
}
