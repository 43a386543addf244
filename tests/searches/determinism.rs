//! The same search says the same: again, and with any number of threads, down to the last state of each path.

use crate::common::{Checked, with_pre_stop};
use podproof_model::reduced::fusion::Fusions;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::scenario::Timing;
use podproof_vocabulary::{Scenario, catalogue};

const STATES: u64 = 400_000;

/// Everything that a report says, states and steps of all its paths included.
fn text(checked: &Checked, threads: usize, states: u64) -> String {
    format!("{:#?}", checked.report(threads, states))
}

fn says_the_same(scenario: &Scenario) {
    let one = text(&Checked::new(scenario.clone()), 1, STATES);
    assert!(one.contains("Violation"), "{}: a report with a path", scenario.name);
    for threads in [1, 2, 4] {
        // A model of its own, so that nothing is left over from the search before.
        let again = text(&Checked::new(scenario.clone()), threads, STATES);
        assert!(again == one, "{} with {threads} threads differs from the first report", scenario.name);
    }
}

#[test]
fn untimed_reports_do_not_depend_on_threads() {
    says_the_same(&catalogue::web("drain, 1 on 2", Story::Drain, 1, 2));
    says_the_same(&catalogue::web("rollout, 2 on 1", Story::Rollout, 2, 1));
    let mut crashing = catalogue::web("partition, 1 on 2, with a crash", Story::Partition, 1, 2);
    crashing.events.set(EventName::ContainerCrash, 1);
    says_the_same(&crashing);
}

#[test]
fn reports_with_lassos_do_not_depend_on_threads() {
    for (story, mutant) in [
        (Story::NodeFailure, Mutant::TaintEvictionNeverFires),
        (Story::Drain, Mutant::KubeletNeverRemoves),
        (Story::PodDeletion, Mutant::ProxyNeverRemoves),
        (Story::Rollout, Mutant::ReplicaSetStatusNeverWritten),
    ] {
        let scenario = Scenario { mutant: Some(mutant), ..catalogue::web(mutant.name(), story, 1, 2) };
        let report = Checked::new(scenario.clone()).report(1, STATES);
        assert!(!report.lassos.is_empty(), "{mutant}: a fair run keeps something for ever");
        says_the_same(&scenario);
    }
}

#[test]
fn timed_reports_do_not_depend_on_threads() {
    let scenario =
        Scenario { timing: Timing::Timed, ..catalogue::web("timed pod-deletion", Story::PodDeletion, 1, 1) };
    says_the_same(&with_pre_stop(scenario, 3));
}

#[test]
fn single_steps_do_not_depend_on_threads() {
    let scenario = catalogue::web("single steps", Story::Rollout, 1, 1);
    let report = |threads| text(&Checked::with(scenario.clone(), Fusions::none()), threads, STATES);
    assert!(report(1) == report(4), "single steps with 1 and with 4 threads");
}

#[test]
fn a_search_that_is_cut_short_is_cut_at_the_same_state() {
    let scenario = catalogue::web("cut short", Story::Drain, 2, 1);
    let report = |threads| text(&Checked::new(scenario.clone()), threads, 20_000);
    let one = report(1);
    assert!(one.contains("States("), "the bound ended the search");
    assert!(report(2) == one && report(4) == one, "cut short with 1, 2 and 4 threads");
}
