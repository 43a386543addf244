//! Promises about pod objects: their end, their number, evictions.

use podproof_vocabulary::action::{Action, Drain, Environment, Kubelet, PodGarbageCollector};
use podproof_vocabulary::observation::{Deletion, Observation, Phase, Process, ReplicaSetSeen};
use podproof_vocabulary::scenario::{
    BudgetAsk, DisruptionBudget, IntOrPercent, Neighbour, Scenario, WorkloadKind,
};

use super::super::Judgement::{Broken, Kept, Silent};
use super::super::deletion::{stopped_before_gone, terminal_is_final};
use super::super::disruption::disruption_budget_kept;
use super::super::rollout::pods_within_surge;
use super::{judge, scenario, serving, world};
use crate::test_cluster::{P0, neighbour};

fn phase(seen: &mut Observation, phase: Phase) {
    seen.slots[0].pod.as_mut().unwrap().phase = phase;
}

#[test]
fn a_write_that_takes_a_terminal_phase_back_breaks_terminal_is_final() {
    let scenario = scenario();
    for (from, to, judgement) in [
        (Phase::Running, Phase::Running, Silent),
        (Phase::Running, Phase::Failed, Kept),
        (Phase::Failed, Phase::Failed, Kept),
        (Phase::Failed, Phase::Running, Broken),
        (Phase::Succeeded, Phase::Failed, Broken),
    ] {
        let (mut before, mut after) = (world(&scenario), world(&scenario));
        phase(&mut before, from);
        phase(&mut after, to);
        let half = if judgement == Kept { Silent } else { judgement };
        assert_eq!(
            judge(terminal_is_final, &scenario, &before, Action::Tick, &after),
            half,
            "{from:?} {to:?}, and nobody terminates it"
        );
        after.slots[0].sandbox.terminating = true;
        assert_eq!(
            judge(terminal_is_final, &scenario, &before, Action::Tick, &after),
            judgement,
            "{from:?} {to:?}"
        );
    }
    let mut before = world(&scenario);
    phase(&mut before, Phase::Failed);
    let mut after = world(&scenario);
    after.slots[0].pod = None;
    assert_eq!(
        judge(terminal_is_final, &scenario, &before, Action::Tick, &after),
        Silent,
        "another pod may come"
    );
}

#[test]
fn a_container_that_starts_in_a_terminating_pod_breaks_terminal_is_final() {
    let scenario = scenario();
    for (terminating, from, judgement) in [
        (true, Process::ExitedError, Broken),
        (true, Process::Absent, Broken),
        (true, Process::Running, Kept),
        (false, Process::Absent, Silent),
    ] {
        let (mut before, mut after) = (world(&scenario), world(&scenario));
        before.slots[0].sandbox.terminating = terminating;
        after.slots[0].sandbox.terminating = terminating;
        before.slots[0].containers[0].process = from;
        let half = if judgement == Kept { Silent } else { judgement };
        assert_eq!(judge(terminal_is_final, &scenario, &before, Action::Tick, &after), half, "{from:?}");
        phase(&mut before, Phase::Failed);
        phase(&mut after, Phase::Failed);
        let both = judge(terminal_is_final, &scenario, &before, Action::Tick, &after);
        assert_eq!(both, judgement, "{from:?}, and it has ended");
    }
}

#[test]
fn an_object_that_goes_while_a_container_runs_breaks_stopped_before_gone() {
    let scenario = scenario();
    let before = world(&scenario);
    let gone = |process| {
        let (mut before, mut after) = (before.clone(), before.clone());
        after.slots[0].pod = None;
        for seen in [&mut before, &mut after] {
            seen.slots[0].containers[0].process = process;
        }
        (before, after)
    };
    let remove = Kubelet::RemovePod { pod: P0 };
    for (process, judgement) in
        [(Process::Running, Broken), (Process::ExitedOk, Kept), (Process::Absent, Silent)]
    {
        let (before, after) = gone(process);
        assert_eq!(judge(stopped_before_gone, &scenario, &before, remove, &after), judgement, "{process:?}");
    }
    assert_eq!(judge(stopped_before_gone, &scenario, &before, remove, &before), Silent);
    let (before, after) = gone(Process::Running);
    let force = Environment::ForceDeletePod { pod: P0 };
    assert_eq!(judge(stopped_before_gone, &scenario, &before, force, &after), Silent, "excepted");
    // NF-2, NF-3: whoever says that a node is gone need not know.
    let collect = PodGarbageCollector::DeletePod { pod: P0 };
    let node = before.slots[0].pod.unwrap().node.unwrap();
    for (powered, connected, judgement) in
        [(true, true, Broken), (true, false, Broken), (false, false, Silent), (false, true, Silent)]
    {
        let (mut before, mut after) = gone(Process::Running);
        for seen in [&mut before, &mut after] {
            let node = &mut seen.nodes[node.index()];
            (node.powered, node.connected) = (powered, connected);
        }
        let says = judge(stopped_before_gone, &scenario, &before, collect, &after);
        assert_eq!(says, judgement, "{powered} {connected}");
        let kept = if judgement == Broken { Kept } else { Silent };
        for seen in [&mut before, &mut after] {
            seen.slots[0].containers[0].process = Process::ExitedOk;
        }
        assert_eq!(judge(stopped_before_gone, &scenario, &before, collect, &after), kept, "{powered}");
    }
}

fn budget(ask: BudgetAsk) -> Scenario {
    let budget = DisruptionBudget { name: "web".into(), ask, always_allow_unhealthy: false };
    Scenario { budgets: vec![budget], ..scenario() }
}

#[test]
fn an_eviction_that_leaves_too_few_healthy_pods_breaks_disruption_budget_kept() {
    let evict = Drain::DeletePod { pod: P0 };
    for (ask, other_is_ready, judgement) in [
        (BudgetAsk::MinAvailable(IntOrPercent::Int(1)), true, Kept),
        (BudgetAsk::MinAvailable(IntOrPercent::Int(1)), false, Broken),
        (BudgetAsk::MinAvailable(IntOrPercent::Percent(51)), true, Broken),
        (BudgetAsk::MaxUnavailable(IntOrPercent::Int(1)), true, Kept),
        (BudgetAsk::MaxUnavailable(IntOrPercent::Int(0)), true, Broken),
    ] {
        let scenario = budget(ask);
        let mut before = world(&scenario);
        before.slots[1].pod.as_mut().unwrap().ready = other_is_ready;
        let mut after = before.clone();
        after.slots[0].pod.as_mut().unwrap().deletion = Deletion::Graceful;
        assert_eq!(judge(disruption_budget_kept, &scenario, &before, evict, &after), judgement, "{ask:?}");
    }
}

#[test]
fn only_evictions_of_healthy_pods_under_one_budget_are_judged() {
    let scenario = budget(BudgetAsk::MinAvailable(IntOrPercent::Int(2)));
    let mut before = world(&scenario);
    let mut after = before.clone();
    after.slots[0].pod.as_mut().unwrap().deletion = Deletion::Graceful;
    let user = Environment::DeletePod { pod: P0 };
    assert_eq!(
        judge(disruption_budget_kept, &scenario, &before, user, &after),
        Silent,
        "a plain DELETE (PDB-5)"
    );
    let evict = Drain::DeletePod { pod: P0 };
    let free = super::scenario();
    assert_eq!(judge(disruption_budget_kept, &free, &before, evict, &after), Silent, "no budget");
    before.slots[0].pod.as_mut().unwrap().ready = false;
    assert_eq!(judge(disruption_budget_kept, &scenario, &before, evict, &after), Kept, "it was not healthy");
}

/// PDB-1.
#[test]
fn a_bare_replica_set_says_what_a_percentage_is_of() {
    let scenario = budget(BudgetAsk::MaxUnavailable(IntOrPercent::Percent(50)));
    for (replicas, judgement) in [(2, Kept), (4, Broken)] {
        let mut before = world(&scenario);
        before.deployment = None;
        before.replica_sets[0] = Some(ReplicaSetSeen { replicas, available: 2 });
        let mut after = before.clone();
        after.slots[0].pod = None;
        let evict = Drain::DeletePod { pod: P0 };
        assert_eq!(judge(disruption_budget_kept, &scenario, &before, evict, &after), judgement, "{replicas}");
    }
}

#[test]
fn one_more_pod_than_the_surge_allows_breaks_pods_within_surge() {
    let scenario = scenario();
    let pods = |count: usize| {
        let mut seen = world(&scenario);
        seen.slots.resize(count, serving(0, 1));
        seen.slots.resize(4, podproof_vocabulary::observation::SlotSeen { pod: None, ..serving(0, 1) });
        for slot in &mut seen.slots[count..] {
            slot.containers[0].process = Process::Absent;
        }
        seen
    };
    let judged = |before: &Observation, after: &Observation| {
        judge(pods_within_surge, &scenario, before, Action::Tick, after)
    };
    assert_eq!(judged(&pods(2), &pods(2)), Silent);
    assert_eq!(judged(&pods(2), &pods(3)), Kept, "replicas and surge");
    assert_eq!(judged(&pods(3), &pods(4)), Broken);
    assert_eq!(judged(&pods(4), &pods(4)), Kept, "only the step that adds one breaks it");
    let mut lingering = pods(4);
    lingering.slots[3].pod = None;
    assert_eq!(judged(&pods(3), &lingering), Broken, "a container that runs is alive without its object");
    let mut ended = pods(4);
    ended.slots[3].pod.as_mut().unwrap().phase = Phase::Failed;
    ended.slots[3].containers[0].process = Process::ExitedError;
    assert_eq!(judged(&pods(3), &ended), Kept, "a terminal one is not");
}

/// PDB-1: nobody wants a bare Pod, so a percentage is of none.
#[test]
fn a_percentage_of_bare_pods_asks_for_none() {
    for (kind, judgement) in [(WorkloadKind::Pod, Kept), (WorkloadKind::ReplicaSet, Broken)] {
        let mut scenario = budget(BudgetAsk::MinAvailable(IntOrPercent::Percent(100)));
        scenario.workload.kind = kind;
        let mut before = world(&scenario);
        before.deployment = None;
        let mut after = before.clone();
        after.slots[0].pod.as_mut().unwrap().deletion = Deletion::Graceful;
        let evict = Drain::DeletePod { pod: P0 };
        assert_eq!(judge(disruption_budget_kept, &scenario, &before, evict, &after), judgement, "{kind:?}");
    }
}

/// PDB-1, PDB-3: pods of other workloads that the budget selects are healthy, and wanted where somebody made them.
#[test]
fn neighbours_that_the_budget_selects_count_for_it() {
    let (two, all) =
        (BudgetAsk::MinAvailable(IntOrPercent::Int(2)), BudgetAsk::MinAvailable(IntOrPercent::Percent(100)));
    for (ask, in_budget, is_bare, judgement) in [
        (two, false, false, Broken),
        (two, true, false, Kept),
        (all, true, false, Broken),
        (all, true, true, Kept),
    ] {
        let mut scenario = budget(ask);
        scenario.neighbours.push(Neighbour { is_bare, in_budget, ..neighbour() });
        let before = world(&scenario);
        let mut after = before.clone();
        after.slots[0].pod.as_mut().unwrap().deletion = Deletion::Graceful;
        let evict = Drain::DeletePod { pod: P0 };
        let judged = judge(disruption_budget_kept, &scenario, &before, evict, &after);
        assert_eq!(judged, judgement, "{ask:?} {in_budget} {is_bare}");
    }
}
