//! Verdicts that are known: what holds, what is broken and what does not apply, by hand.

use podproof::plan::{Behind, Plan};
use podproof::progress::Line;
use podproof::search::{self, Limits};
use podproof::verdict::{Finding, Outcome, Verdict};
use podproof_traces::Kind;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::{
    HostPort, IntOrPercent, PreStop, Probe, Scenario, Strategy, Taint, TaintEffect, Timing, WorkloadKind,
};
use podproof_vocabulary::{Property, catalogue};

use crate::common;

const LIMITS: Limits = Limits { states: 1_000_000, ..common::LIMITS };

fn named(name: &str) -> Scenario {
    catalogue::find(name).expect("a built-in scenario").scenario()
}

fn judge(scenario: Scenario, timing: Timing, property: Property) -> Finding {
    let outcome = searched(scenario, timing, property);
    assert!(outcome.stopped.is_empty(), "{:?}", outcome.stopped);
    outcome.findings.into_iter().next().expect("one was asked for")
}

fn searched(scenario: Scenario, timing: Timing, property: Property) -> Outcome {
    let mut scenario = Scenario { timing, ..scenario };
    if timing == Timing::Untimed {
        scenario.approximations = scenario.approximations.without(Approximation::Focus);
    }
    let judged = PropertySet::of([property]);
    let plan = Plan { story: scenario.story, timing, behind: Behind::default(), scenario, judged };
    search::run(&plan, &LIMITS, &Line::new("test", LIMITS.states)).expect("it fits")
}

fn with_pre_stop(seconds: u32) -> Scenario {
    let mut scenario = named("rollout");
    scenario.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(seconds));
    scenario
}

#[test]
fn a_pre_stop_of_the_propagation_bound_is_broken_and_one_more_holds() {
    let bound = with_pre_stop(0).latencies.propagation();
    for property in [Property::NoFailedRequest, Property::NoTrafficAfterSigterm] {
        let at = |seconds| judge(with_pre_stop(seconds), Timing::Timed, property).verdict;
        assert_eq!((at(bound), at(bound + 1)), (Verdict::Broken, Verdict::Holds), "{property}");
    }
}

#[test]
fn untimed_no_pre_stop_keeps_traffic_away() {
    for scenario in [named("rollout"), named("rollout-prestop")] {
        let finding = judge(scenario, Timing::Untimed, Property::NoTrafficAfterSigterm);
        assert_eq!(finding.verdict, Verdict::Broken);
    }
}

/// A pod that is force-deleted goes on for a while (PW-18), and holds its port.
#[test]
fn a_host_port_is_held_twice_after_a_force_deletion() {
    let mut scenario = catalogue::web("host-port", Story::Create, 1, 1);
    scenario.workload.template.containers[0].ports[0].host = Some(HostPort { port: 80, ip: String::new() });
    let property = Property::OneAddressOnePod;
    assert_eq!(judge(scenario.clone(), Timing::Untimed, property).verdict, Verdict::Holds);
    scenario.events.set(EventName::ForceDeletePod, 1);
    // Pods that are rejected meanwhile are replaced again and again, as long as there are slots.
    assert_eq!(searched(scenario, Timing::Untimed, property).findings[0].verdict, Verdict::Broken);
}

/// DEL-17: without a grace period the object of a pod goes first, and its place and its ports are given away while it still runs.
#[test]
fn without_a_grace_period_a_place_is_given_away_early() {
    let mut scenario = catalogue::web("no-grace", Story::Rollout, 1, 1);
    scenario.nodes[0].allocatable.pods = 1;
    scenario.workload.template.containers[0].ports[0].host = Some(HostPort { port: 80, ip: String::new() });
    scenario.workload.strategy =
        Strategy::RollingUpdate { max_surge: IntOrPercent::Int(0), max_unavailable: IntOrPercent::Int(1) };
    for property in [Property::PlacementLawful, Property::OneAddressOnePod] {
        let verdict = |grace_seconds: u32| {
            let mut scenario = scenario.clone();
            scenario.workload.template.grace_seconds = grace_seconds;
            searched(scenario, Timing::Untimed, property).findings[0].verdict
        };
        assert_ne!(verdict(30), Verdict::Broken, "{property}");
        assert_eq!(verdict(0), Verdict::Broken, "{property}");
    }
}

#[test]
fn a_crashed_node_s_pods_are_replaced_where_there_is_room() {
    let property = Property::ReplacedAfterNodeFailure;
    assert_eq!(judge(named("node-crash"), Timing::Untimed, property).verdict, Verdict::Holds);
    assert_eq!(judge(named("node-crash-no-room"), Timing::Untimed, property).verdict, Verdict::NotApplicable);
    let mutated = Scenario { mutant: Some(Mutant::TaintEvictionNeverFires), ..named("node-crash") };
    let broken = judge(mutated, Timing::Untimed, property);
    assert_eq!(broken.verdict, Verdict::Broken);
    assert_eq!(broken.trace.expect("a lasso").kind, Kind::Lasso);
}

/// PGC-6, NF-2, NF-3: whoever says that a node is gone, or out of service, may be wrong. Where it has no power nothing runs.
#[test]
fn what_is_collected_from_a_node_with_power_goes_too_early() {
    let verdict = |events: &[EventName]| {
        let mut scenario = named("pod-life");
        for &event in events {
            scenario.events.set(event, 1);
        }
        scenario.event_taint = Some(Taint {
            key: "node.kubernetes.io/out-of-service".into(),
            value: String::new(),
            effect: TaintEffect::NoExecute,
        });
        scenario.slots += 2;
        judge(scenario, Timing::Untimed, Property::StoppedBeforeGone).verdict
    };
    assert_eq!(verdict(&[]), Verdict::Holds);
    assert_eq!(verdict(&[EventName::RemoveNode]), Verdict::Broken);
    assert_eq!(verdict(&[EventName::NodePartition, EventName::TaintNode]), Verdict::Broken);
    assert_eq!(verdict(&[EventName::NodeCrash, EventName::TaintNode]), Verdict::Holds);
}

#[test]
fn with_all_clocks_the_verdict_is_that_of_one_pod_s_clocks() {
    for seconds in [4, 5] {
        let focused = judge(with_pre_stop(seconds), Timing::Timed, Property::NoFailedRequest);
        let mut scenario = with_pre_stop(seconds);
        scenario.nodes.truncate(1);
        scenario.approximations = scenario.approximations.without(Approximation::Focus);
        let clocked = judge(scenario, Timing::Timed, Property::NoFailedRequest);
        assert_eq!(clocked.verdict, focused.verdict, "preStop {seconds}");
    }
}

/// A back-off runs on while other things happen: a container that waits for it starts again, although another one of its
/// pod is killed and restarted for ever, each time when the approximation lets a slow timer fire.
#[test]
fn a_container_in_back_off_is_not_starved_by_another_that_crashes_for_ever() {
    let mut scenario = catalogue::web("two-that-crash", Story::Create, 1, 1);
    scenario.workload.kind = WorkloadKind::Pod;
    scenario.service = None;
    let container = &mut scenario.workload.template.containers[0];
    container.listens_after_seconds = 60;
    container.liveness_probe = Some(Probe {
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    });
    let mut other = container.clone();
    other.name = "other".into();
    other.ports.clear();
    scenario.workload.template.containers.push(other);
    assert_eq!(judge(scenario, Timing::Untimed, Property::CrashRecovers).verdict, Verdict::Holds);
}
