//! Every fusion that is called exact changes no verdict: single steps and moves say the same of each promise, on stories,
//! faults, probes and wrong rules. Prints a table of states: none fused, all exact ones, and each alone.
#![expect(clippy::print_stdout, reason = "the table of states is what one reads the tests for")]

use std::collections::BTreeSet;

use crate::common::{Checked, Verdict, with_pre_stop};
use podproof_checker::System;
use podproof_model::ClusterState;
use podproof_model::cluster::Cluster;
use podproof_model::reduced::fusion::{Fusion, Fusions};
use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::event::{EventName, ScaleTarget, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::Observation;
use podproof_vocabulary::scenario::{OnSigterm, Probe, WorkloadKind};
use podproof_vocabulary::{Property, Scenario, catalogue};

/// No search of these tests has more states.
const STATES: u64 = 700_000;

/// `Deployment/web`, with no approximation that fuses.
fn web(story: Story, replicas: u8, nodes: usize) -> Scenario {
    let approximations = Approximations::NONE
        .with(Approximation::CoalescedWatchEvents)
        .with(Approximation::SlowTimersWhenQuiet);
    Scenario { approximations, ..catalogue::web("fusions", story, replicas, nodes) }
}

fn verdict(scenario: &Scenario, fusions: Fusions) -> Verdict {
    let checked = Checked::with(scenario.clone(), fusions);
    checked.verdict(STATES).expect("a scenario of these tests has fewer states")
}

/// The fusions that the scenario allows.
fn allowed(scenario: &Scenario) -> Fusions {
    Checked::new(scenario.clone()).0.fusions().clone()
}

/// The exact ones among them.
fn exact(scenario: &Scenario) -> Vec<Fusion> {
    let allowed = allowed(scenario);
    Fusion::EXACT.into_iter().filter(|&fusion| allowed.has(fusion)).collect()
}

fn only(scenario: &Scenario, fusion: Fusion) -> Fusions {
    let others = Fusion::EXACT.into_iter().filter(|&other| other != fusion);
    others.fold(allowed(scenario), Fusions::without)
}

/// Single steps and fused ones say the same, all fusions together and each alone; returns what they say.
fn same(name: &str, scenario: &Scenario) -> Verdict {
    let single = verdict(scenario, Fusions::none());
    let fused = verdict(scenario, allowed(scenario));
    let mut row = format!("{name:45} {:>7} {:>6}", single.states, fused.states);
    assert_eq!(fused, single, "{name}: all exact fusions against single steps");
    for fusion in exact(scenario) {
        let alone = verdict(scenario, only(scenario, fusion));
        row += &format!(" {fusion:?} {}", alone.states);
        assert_eq!(alone, single, "{name}: {fusion:?} alone against single steps");
    }
    println!("{row}");
    single
}

/// A false alarm of the PLEG is there to be seen until a relist takes it back, whatever follows at once.
#[test]
fn a_false_alarm_of_the_pleg_is_seen() {
    let mut scenario = web(Story::Create, 1, 1);
    scenario.inaccurate_detectors = true;
    scenario.events.set(EventName::RuntimeHang, 1);
    let checked = Checked::new(scenario);
    let mut states: Vec<ClusterState> = checked.initial().into_iter().map(|(state, ..)| state).collect();
    let (mut seen, mut alarms) = (BTreeSet::from_iter(states.clone()), Vec::new());
    let mut next = 0;
    while alarms.is_empty() && next < 2_000 {
        let mut found = Vec::new();
        checked.transitions(&states[next], &mut |transition| {
            if let Action::Kubelet(Kubelet::NoticeHang { node }) = transition.action.head {
                let unhealthy = |cluster: &Cluster<'_>| cluster.node(node).machine.unhealthy();
                alarms.push(checked.0.model.open(&transition.next, unhealthy));
            }
            found.push(transition.next);
        });
        states.extend(found.into_iter().filter(|state| seen.insert(state.clone())));
        next += 1;
    }
    assert_eq!(alarms, [true]);
}

/// Beside the approximations too, taking one exact fusion out changes nothing.
fn same_without(name: &str, scenario: &Scenario) {
    let all = verdict(scenario, allowed(scenario));
    let mut row = format!("{name:45} {:>14}", all.states);
    for fusion in exact(scenario) {
        let without = verdict(scenario, allowed(scenario).without(fusion));
        row += &format!(" -{fusion:?} {}", without.states);
        assert_eq!(without, all, "{name}: without {fusion:?} against all");
    }
    println!("{row}");
}

#[test]
fn stories_keep_their_verdicts() {
    for (story, replicas, nodes) in [
        (Story::Create, 2, 1),
        (Story::Rollout, 1, 1),
        (Story::ScaleDown, 1, 2),
        (Story::ScaleDown, 2, 1),
        (Story::NodeFailure, 1, 2),
        (Story::Partition, 1, 2),
        (Story::RuntimeHang, 1, 2),
    ] {
        same(&format!("{story}, {replicas} on {nodes}"), &web(story, replicas, nodes));
    }
}

#[test]
fn stories_keep_their_verdicts_beside_the_approximations() {
    for (story, replicas, nodes) in [
        (Story::Create, 2, 2),
        (Story::Rollout, 1, 2),
        (Story::PodDeletion, 1, 1),
        (Story::Drain, 1, 1),
        (Story::NodeFailure, 1, 2),
        (Story::Partition, 1, 2),
        (Story::RuntimeHang, 1, 2),
    ] {
        same_without(
            &format!("{story}, {replicas} on {nodes}"),
            &catalogue::web("fusions", story, replicas, nodes),
        );
    }
}

#[test]
fn faults_keep_their_verdicts() {
    for event in [
        EventName::CordonNode,
        EventName::NodeCrash,
        EventName::KubeletRestart,
        EventName::ContainerCrash,
        EventName::ContainerExit,
        EventName::SandboxDeath,
        EventName::RuntimeHang,
        EventName::CniFailure,
        EventName::WatchBreak,
        EventName::ControllerManagerRestart,
        EventName::SchedulerRestart,
        EventName::ProxyStop,
        EventName::ApiServerRestart,
    ] {
        let mut scenario = web(Story::Create, 1, 1);
        scenario.events.set(event, 1);
        same(&format!("create with {event}"), &scenario);
    }
    let mut evicted = web(Story::Create, 1, 1);
    evicted.workload.kind = WorkloadKind::Pod;
    evicted.events.set(EventName::EvictPod, 1);
    same("a bare pod with evict-pod", &evicted);
    let mut scaled = web(Story::Create, 1, 1);
    scaled.events.set(EventName::Scale, 1);
    scaled.scale = Some(ScaleTarget::By(-1));
    same("create with scale", &scaled);
}

/// The collector fails the pods of a node that is gone. Until its kubelet's worker is told, the kubelet says again what it has said.
#[test]
fn a_phase_that_the_collector_wrote_keeps_its_verdicts() {
    let mut scenario = web(Story::Create, 1, 1);
    scenario.workload.kind = WorkloadKind::Pod;
    scenario.service = None;
    scenario.slots = 1;
    scenario.events.set(EventName::RemoveNode, 1);
    let verdict = same("a bare pod with remove-node", &scenario);
    assert!(verdict.broken.contains(&Property::TerminalIsFinal), "{verdict:?}");
}

#[test]
fn a_node_that_is_not_ready_before_the_first_relist_is_seen() {
    let mut scenario = web(Story::Create, 1, 2);
    scenario.workload.kind = WorkloadKind::Pod;
    scenario.workload.template.tolerations.clear();
    scenario.service = None;
    scenario.slots = 2;
    scenario.mutant = Some(Mutant::TaintEvictionNeverFires);
    scenario.events.set(EventName::KubeletRestart, 1);
    let verdict = same("a bare pod with kubelet-restart", &scenario);
    assert!(
        verdict.reached.contains(&Property::NoexecuteEvicts),
        "the taint of the node is there for a while"
    );
}

const PROBE: Probe = Probe {
    initial_delay_seconds: 0,
    period_seconds: 10,
    timeout_seconds: 1,
    success_threshold: 1,
    failure_threshold: 3,
};

#[test]
fn what_an_app_tells_its_probes_keeps_its_verdicts() {
    for event in [EventName::ReadinessChange, EventName::LivenessChange] {
        let mut scenario = web(Story::Create, 1, 1);
        scenario.workload.template.containers[0].readiness_probe = Some(PROBE);
        scenario.workload.template.containers[0].liveness_probe = Some(PROBE);
        scenario.events.set(event, 2);
        same(&format!("create with {event}"), &scenario);
    }
}

#[test]
fn probes_hooks_and_signals_keep_their_verdicts() {
    let mut probed = with_pre_stop(web(Story::ScaleDown, 1, 1), 5);
    probed.workload.template.containers[0].readiness_probe = Some(PROBE);
    probed.workload.template.containers[0].liveness_probe = Some(PROBE);
    same("scale-down with probes and preStop", &probed);
    probed.workload.template.containers[0].startup_probe = Some(PROBE);
    probed.workload.template.containers[0].listens_after_seconds = 5;
    same("scale-down with all probes, listening late", &probed);
    for on_sigterm in [OnSigterm::Drain(5), OnSigterm::Close(5), OnSigterm::Ignore] {
        let mut scenario = web(Story::ScaleDown, 1, 1);
        scenario.workload.template.containers[0].on_sigterm = on_sigterm;
        same(&format!("scale-down, {on_sigterm:?}"), &scenario);
    }
}

/// Under a wrong rule the promise is broken with single steps and with moves.
fn broken(story: Story, nodes: usize, mutant: Mutant, property: Property) {
    let scenario = Scenario { mutant: Some(mutant), ..with_pre_stop(web(story, 1, nodes), 5) };
    let verdict = same(&format!("{story}, 1 on {nodes}, {mutant}"), &scenario);
    assert!(verdict.broken.contains(&property), "{mutant} breaks {property}: {verdict:?}");
}

#[test]
fn wrong_rules_of_termination_stay_broken() {
    broken(Story::ScaleDown, 1, Mutant::WorkerStartsAfterTermination, Property::TerminalIsFinal);
    broken(Story::ScaleDown, 1, Mutant::KubeletRemovesEarly, Property::StoppedBeforeGone);
    broken(Story::ScaleDown, 1, Mutant::SigkillAtOnce, Property::GraceHonoured);
    broken(Story::ScaleDown, 1, Mutant::SigtermDuringPreStop, Property::GraceHonoured);
    broken(Story::ScaleDown, 1, Mutant::SandboxStoppedFirst, Property::SandboxHoldsNamespaces);
    broken(Story::ScaleDown, 1, Mutant::KubeletNeverRemoves, Property::DeletionCompletes);
    broken(Story::Rollout, 1, Mutant::WorkerStartsAfterTermination, Property::TerminalIsFinal);
}

#[test]
fn wrong_rules_of_the_control_plane_stay_broken() {
    broken(Story::ScaleDown, 1, Mutant::SliceKeepsTerminatingReady, Property::ReadyMeansReady);
    broken(Story::NodeFailure, 2, Mutant::ProxyNeverRemoves, Property::EndpointsConverge);
    broken(Story::ScaleDown, 1, Mutant::ProxyNeverRemoves, Property::NoTrafficAfterSigterm);
    broken(Story::Create, 1, Mutant::ProxyNeverAdds, Property::EndpointsConverge);
    broken(Story::NodeFailure, 2, Mutant::TaintEvictionNeverFires, Property::ReplacedAfterNodeFailure);
    broken(Story::Rollout, 1, Mutant::ReplicaSetStatusNeverWritten, Property::RolloutCompletes);
    broken(Story::RuntimeHang, 2, Mutant::PlegAlwaysHealthy, Property::RuntimeHangDetected);
}

/// What an outsider sees in the states that a search reaches: in all of them, and in those where a fair run may rest.
fn visible(checked: &Checked) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut all, mut resting) = (BTreeSet::new(), BTreeSet::new());
    let mut queue: Vec<ClusterState> = checked.initial().into_iter().map(|(state, ..)| state).collect();
    let mut seen: BTreeSet<ClusterState> = queue.iter().cloned().collect();
    let mut transitions = Vec::new();
    while let Some(state) = queue.pop() {
        let sight = checked.0.model.open(&state, |cluster| format!("{:?}", Observation::of(cluster)));
        checked.transitions(&state, &mut |transition| transitions.push(transition));
        if transitions.iter().all(|transition| transition.unit.is_none()) {
            resting.insert(sight.clone());
        }
        all.insert(sight);
        queue.extend(
            transitions.drain(..).map(|transition| transition.next).filter(|next| seen.insert(next.clone())),
        );
    }
    (all, resting)
}

#[test]
fn moves_rest_where_single_steps_rest_and_show_nothing_that_they_do_not() {
    let mut restarted = web(Story::Create, 1, 1);
    restarted.events.set(EventName::KubeletRestart, 1);
    let mut recovered = web(Story::Create, 1, 1);
    recovered.events.set(EventName::ContainerCrash, 1);
    recovered.events.set(EventName::WatchBreak, 1);
    for scenario in [
        web(Story::Rollout, 1, 1),
        web(Story::ScaleDown, 1, 2),
        web(Story::NodeFailure, 1, 2),
        web(Story::RuntimeHang, 1, 2),
        restarted,
        recovered,
    ] {
        let (single, single_rests) = visible(&Checked::with(scenario.clone(), Fusions::none()));
        let (fused, fused_rests) = visible(&Checked::new(scenario.clone()));
        println!(
            "{}: {} sights, {} between moves, {} at rest",
            scenario.story,
            single.len(),
            fused.len(),
            fused_rests.len()
        );
        assert!(fused.is_subset(&single), "{}: a move ends where no single step does", scenario.story);
        assert_eq!(fused_rests, single_rests, "{}: what can be seen at rest", scenario.story);
        assert!(!fused_rests.is_empty(), "{}: there is rest", scenario.story);
    }
}
