//! Watch events that coalesce and watch events in exact rings: the verdicts are the same on small scenarios.

use crate::common::{Checked, Verdict};
use podproof_model::reduced::fusion::Fusions;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::scenario::Timing;
use podproof_vocabulary::{Property, Scenario, catalogue};

/// No search of these tests has more states.
const STATES: u64 = 400_000;

fn web(story: Story, replicas: u8, nodes: usize) -> Scenario {
    catalogue::web("views", story, replicas, nodes)
}

fn in_rings(scenario: Scenario) -> Scenario {
    let approximations = scenario.approximations.without(Approximation::CoalescedWatchEvents);
    Scenario { approximations, ..scenario }
}

fn verdict(name: &str, checked: &Checked) -> Verdict {
    let report = checked.report(2, STATES);
    assert!(report.is_complete(), "{name}: {:?}", report.stopped);
    checked.verdict_of(&report)
}

/// Both kinds of watches say the same; returns what they say.
fn same(name: &str, scenario: Scenario) -> Verdict {
    let coalesced = verdict(name, &Checked::new(scenario.clone()));
    let exact = verdict(name, &Checked::new(in_rings(scenario)));
    assert_eq!(exact, coalesced, "{name}: rings against coalesced events");
    coalesced
}

#[test]
fn stories_keep_their_verdicts_with_exact_rings() {
    for (story, replicas, nodes) in [
        (Story::Create, 1, 2),
        (Story::Create, 2, 1),
        (Story::Rollout, 1, 1),
        (Story::Rollout, 1, 2),
        (Story::PodDeletion, 1, 1),
        (Story::Drain, 1, 1),
        (Story::NodeFailure, 1, 2),
        (Story::Partition, 1, 2),
        (Story::ScaleDown, 1, 2),
        (Story::RuntimeHang, 1, 2),
    ] {
        same(&format!("{story}, {replicas} on {nodes}"), web(story, replicas, nodes));
    }
}

#[test]
fn faults_of_watches_keep_their_verdicts_with_exact_rings() {
    for event in [
        EventName::WatchBreak,
        EventName::ApiServerRestart,
        EventName::ControllerManagerRestart,
        EventName::CordonNode,
    ] {
        let mut scenario = web(Story::Create, 1, 1);
        scenario.events.set(event, 1);
        same(&format!("create with {event}"), scenario);
    }
}

#[test]
fn wrong_rules_stay_broken_with_exact_rings() {
    for (story, nodes, mutant, property) in [
        (Story::Rollout, 1, Mutant::SliceKeepsTerminatingReady, Property::NoTrafficAfterSigterm),
        (Story::ScaleDown, 1, Mutant::ProxyNeverRemoves, Property::EndpointsConverge),
        (Story::ScaleDown, 1, Mutant::KubeletRemovesEarly, Property::StoppedBeforeGone),
        (Story::NodeFailure, 2, Mutant::TaintEvictionNeverFires, Property::ReplacedAfterNodeFailure),
        (Story::Rollout, 1, Mutant::ReplicaSetStatusNeverWritten, Property::RolloutCompletes),
    ] {
        let verdict = same(mutant.name(), Scenario { mutant: Some(mutant), ..web(story, 1, nodes) });
        assert!(verdict.broken.contains(&property), "{mutant} breaks {property}: {verdict:?}");
    }
}

#[test]
fn single_steps_and_moves_agree_with_exact_rings() {
    for (story, nodes) in [(Story::Create, 2), (Story::ScaleDown, 1), (Story::NodeFailure, 1)] {
        let mut scenario = in_rings(web(story, 1, nodes));
        scenario.approximations = scenario
            .approximations
            .without(Approximation::DecisionsWrittenAtOnce)
            .without(Approximation::CurrentNodeViews)
            .without(Approximation::CurrentSchedulerView);
        let single = verdict(story.name(), &Checked::with(scenario.clone(), Fusions::none()));
        let moves = verdict(story.name(), &Checked::new(scenario));
        assert_eq!(moves, single, "{story}: moves against single steps, with exact rings");
    }
}

#[test]
fn timed_verdicts_are_the_same_with_exact_rings() {
    for seconds in [4, 5] {
        let mut scenario = crate::common::with_pre_stop(web(Story::Rollout, 1, 1), seconds);
        scenario.timing = Timing::Timed;
        scenario.approximations = scenario.approximations.without(Approximation::Focus);
        let verdict = same(&format!("timed rollout, preStop {seconds}"), scenario);
        assert_eq!(verdict.broken.contains(&Property::NoFailedRequest), seconds == 4, "{verdict:?}");
    }
}
