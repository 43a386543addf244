//! Promises that read a component's copy or a clock: judged on steps of the model, right ones and those of a mutant.

use podproof_vocabulary::action::{
    Action, Deployment, EndpointSlice, Kubelet, Proxy, Scheduler, Watch, Watcher,
};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::scenario::{
    IntOrPercent, OnSigterm, PreStop, Scenario, Strategy, Taint, TaintEffect, Timing,
};
use podproof_vocabulary::{Property, Revision};

use super::super::Judged;
use crate::api_server::pods;
use crate::state::ReplicaSetColumn;
use crate::test_cluster::{C0, N0, N1, P0, P1, TestCluster, allow};

/// Whether a step reaches a property's premise, and whether it breaks it.
fn of(judged: Judged, property: Property) -> (bool, bool) {
    (judged.reached.contains(property), judged.broken.contains(property))
}

const SILENT: (bool, bool) = (false, false);
const KEPT: (bool, bool) = (true, false);
const BROKEN: (bool, bool) = (true, true);

fn mutant(mutant: Option<Mutant>) -> impl FnOnce(&mut Scenario) {
    move |s| s.mutant = mutant
}

#[test]
fn a_slice_that_calls_a_deleting_pod_ready_breaks_ready_means_ready() {
    for (wrong, judgement) in [(None, KEPT), (Some(Mutant::SliceKeepsTerminatingReady), BROKEN)] {
        let mut cluster = TestCluster::running(1, 1, mutant(wrong));
        cluster.delete(P0);
        let news = cluster.judge(Watch::DeliverPod { to: Watcher::ControllerManager, pod: P0 });
        assert_eq!(of(news, Property::ReadyMeansReady), SILENT);
        assert_eq!(of(cluster.judge(EndpointSlice::WriteSlice), Property::ReadyMeansReady), judgement);
    }
}

#[test]
fn a_choice_that_a_filter_rejects_breaks_placement_lawful() {
    for (wrong, judgement) in [(None, KEPT), (Some(Mutant::SchedulerIgnoresResources), BROKEN)] {
        let mut cluster = TestCluster::web(2, 1, |s| {
            s.nodes[0].allocatable.pods = 1;
            s.mutant = wrong;
        });
        cluster.settle_but(|action| matches!(action, Action::Scheduler(_)));
        let first = cluster.judge(Scheduler::AssumePod { pod: P0, node: N0 });
        assert_eq!(of(first, Property::PlacementLawful), KEPT);
        if wrong.is_some() {
            let second = cluster.judge(Scheduler::AssumePod { pod: P1, node: N0 });
            assert_eq!(of(second, Property::PlacementLawful), judgement);
        } else {
            assert!(!cluster.can(Scheduler::AssumePod { pod: P1, node: N0 }));
        }
    }
}

/// The promise does not ask the scheduler's own filters: it judges what they let through.
#[test]
fn a_choice_that_no_filter_rejects_may_break_placement_lawful_all_the_same() {
    for (node, judgement) in [(N0, KEPT), (N1, BROKEN)] {
        let mut cluster = TestCluster::web(1, 2, |_| ());
        cluster.make_rules_wrong(|s| {
            let (key, effect) = ("gpu".into(), TaintEffect::NoSchedule);
            s.nodes[1].taints.push(Taint { key, value: String::new(), effect });
        });
        cluster.settle_but(|action| matches!(action, Action::Scheduler(_)));
        let chosen = cluster.judge(Scheduler::AssumePod { pod: P0, node });
        assert_eq!(of(chosen, Property::PlacementLawful), judgement, "{node:?}");
    }
}

#[test]
fn an_admission_beyond_the_room_breaks_placement_lawful() {
    for (wrong, judgement) in [(None, KEPT), (Some(Mutant::AdmissionIgnoresResources), BROKEN)] {
        let mut cluster = TestCluster::web(2, 1, |s| {
            s.nodes[0].allocatable.pods = 1;
            s.workload.template.node_name = Some("node-1".into());
            s.mutant = wrong;
        });
        let seen = |pod| Action::Watch(Watch::DeliverPod { to: Watcher::Kubelet(N0), pod });
        cluster.settle_until(|action| *action == seen(P0));
        cluster.take(seen(P0));
        cluster.settle_until(|action| *action == seen(P1));
        assert_eq!(of(cluster.judge(seen(P1)), Property::PlacementLawful), judgement);
    }
}

fn rollout(replicas: u8, wrong: Option<Mutant>) -> TestCluster {
    let mut cluster = TestCluster::running(replicas, 1, |s| {
        let (max_surge, max_unavailable) = (IntOrPercent::Int(1), IntOrPercent::Int(0));
        s.workload.strategy = Strategy::RollingUpdate { max_surge, max_unavailable };
        s.mutant = wrong;
        allow(s, EventName::Rollout, 1);
    });
    cluster.take(podproof_vocabulary::action::Environment::ChangeTemplate);
    cluster.settle_until(|action| matches!(action, Action::Deployment(Deployment::CreateReplicaSet { .. })));
    cluster
}

#[test]
fn a_write_that_wants_too_many_pods_breaks_rollout_within_bounds() {
    for (wrong, judgement) in [(None, KEPT), (Some(Mutant::DeploymentIgnoresSurge), BROKEN)] {
        let mut cluster = rollout(2, wrong);
        let create = cluster.enabled().into_iter().find(|a| matches!(a, Action::Deployment(_))).unwrap();
        assert_eq!(of(cluster.judge(create), Property::RolloutWithinBounds), judgement, "{create:?}");
    }
}

#[test]
fn a_write_that_takes_too_many_available_pods_breaks_rollout_within_bounds() {
    for (wrong, judgement) in [(None, KEPT), (Some(Mutant::DeploymentIgnoresUnavailable), BROKEN)] {
        let mut cluster = rollout(2, wrong);
        let old = |action: &Action| matches!(action, Action::Deployment(Deployment::ScaleReplicaSet { revision, .. }) if revision.0 == 0);
        cluster.settle_until(old);
        let write = cluster.enabled().into_iter().find(old).unwrap();
        assert_eq!(of(cluster.judge(write), Property::RolloutWithinBounds), judgement, "{write:?}");
    }
}

#[test]
fn a_sigterm_during_the_hook_breaks_grace_honoured() {
    let sigterm = Kubelet::SendSigterm { pod: P0, container: C0 };
    for (wrong, judgement) in [(None, KEPT), (Some(Mutant::SigtermDuringPreStop), BROKEN)] {
        let mut cluster = TestCluster::running(1, 1, |s| {
            s.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(3));
            s.mutant = wrong;
        });
        cluster.delete(P0);
        cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::RunPreStop { .. })));
        let hook = cluster.judge(Kubelet::RunPreStop { pod: P0, container: C0 });
        assert_eq!(of(hook, Property::GraceHonoured), SILENT);
        if wrong.is_none() {
            cluster.take(Kubelet::FinishPreStop { pod: P0, container: C0 });
        }
        assert_eq!(of(cluster.judge(sigterm), Property::GraceHonoured), judgement);
    }
}

/// A pod that ignores SIGTERM and is killed at once or in its time, untimed or with every clock.
#[test]
fn a_sigkill_before_the_grace_has_run_out_breaks_grace_honoured() {
    let sigkill = Kubelet::SendSigkill { pod: P0, container: C0 };
    for (timing, wrong, judgement) in [
        (Timing::Untimed, None, KEPT),
        (Timing::Untimed, Some(Mutant::SigkillAtOnce), BROKEN),
        (Timing::Timed, None, KEPT),
        (Timing::Timed, Some(Mutant::SigkillAtOnce), BROKEN),
    ] {
        let mut cluster = TestCluster::running(1, 1, |s| {
            s.timing = timing;
            s.approximations = Approximations::NONE.with(Approximation::CoalescedWatchEvents);
            s.mutant = wrong;
            s.workload.template.grace_seconds = 5;
            s.workload.template.containers[0].on_sigterm = OnSigterm::Ignore;
            allow(s, EventName::DeletePod, 1);
        });
        cluster.take(podproof_vocabulary::action::Environment::DeletePod { pod: P0 });
        cluster.run_until(|cluster| cluster.can(sigkill));
        assert_eq!(of(cluster.judge(sigkill), Property::GraceHonoured), judgement, "{timing:?} {wrong:?}");
    }
}

/// EVM-6: while its kubelet evicts a pod, a deletion that comes on top asks for no more than the override gives.
#[test]
fn the_smallest_grace_in_force_is_that_of_an_eviction_under_pressure() {
    let sigkill = Kubelet::SendSigkill { pod: P0, container: C0 };
    let mut cluster = TestCluster::running(1, 1, |s| {
        s.timing = Timing::Timed;
        s.approximations = Approximations::NONE.with(Approximation::CoalescedWatchEvents);
        s.workload.template.containers[0].on_sigterm = OnSigterm::Ignore;
        allow(s, EventName::DeletePod, 1);
        allow(s, EventName::ResourcePressure, 1);
    });
    cluster.take(podproof_vocabulary::action::Environment::DeletePod { pod: P0 });
    cluster.take(podproof_vocabulary::action::Environment::EvictUnderPressure { pod: P0 });
    cluster.run_until(|cluster| cluster.can(sigkill));
    assert_eq!(of(cluster.judge(sigkill), Property::GraceHonoured), KEPT);
}

#[test]
fn a_node_without_a_rule_to_a_pod_that_has_long_been_ready_breaks_no_avoidable_blackout() {
    let program = Proxy::ProgramRules { node: N0 };
    let mut cluster = TestCluster::running(1, 1, |s| s.mutant = Some(Mutant::ProxyNeverAdds));
    cluster.delete(P0);
    let report = cluster.judge(Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 });
    assert_eq!(of(report, Property::NoAvoidableBlackout), SILENT, "a deleting pod is not steady");

    let mut cluster = TestCluster::web(1, 1, |_| {});
    cluster.settle_but(|action| *action == Action::Proxy(program));
    let kept = cluster.judge(program);
    assert_eq!(of(kept, Property::NoAvoidableBlackout), KEPT);

    let mut dark = TestCluster::running(1, 1, mutant(Some(Mutant::ProxyNeverAdds)));
    dark.change(|cluster| pods::update(cluster, P0, |object| object.with_finalizer(true)));
    dark.befall(podproof_vocabulary::action::Environment::CordonNode { node: N0 });
    let any = dark.judge(Watch::DeliverNode { to: Watcher::Scheduler, node: N0 });
    assert_eq!(of(any, Property::NoAvoidableBlackout), BROKEN);
}

/// PRX-21: connections from inside and from outside have a policy each, and a node that has no pod of its own takes none that are to stay
/// there; whoever sends them from outside knows.
#[test]
fn a_blackout_is_judged_for_each_origin_of_connections() {
    for (external, internal_local, external_local, judgement) in [
        (false, false, false, KEPT),
        (true, false, false, KEPT),
        (false, true, false, BROKEN),
        (true, true, false, BROKEN),
        (true, false, true, KEPT),
        (true, true, true, BROKEN),
    ] {
        let mut cluster = TestCluster::running(1, 2, |s| {
            let service = s.service.as_mut().unwrap();
            service.external = external;
            service.internal_local = internal_local;
            service.external_local = external_local;
        });
        cluster.befall(podproof_vocabulary::action::Environment::CordonNode { node: N0 });
        let any = cluster.judge(Watch::DeliverNode { to: Watcher::Scheduler, node: N0 });
        let says = format!("{external} {internal_local} {external_local}");
        assert_eq!(of(any, Property::NoAvoidableBlackout), judgement, "{says}");
    }
}

/// A node with a pod has to take what comes from outside and is to stay there, whatever it knows of others.
#[test]
fn a_node_without_a_rule_to_its_own_pod_is_dark_to_those_outside() {
    let dark_to = |external_local| {
        let mut cluster = TestCluster::running(2, 2, |s| {
            let service = s.service.as_mut().unwrap();
            (service.external, service.external_local) = (true, external_local);
            s.one_proxy = false;
            s.nodes.iter_mut().for_each(|node| node.allocatable.pods = 1);
        });
        cluster.change(|cluster| {
            let here = cluster.used_pods().find(|&pod| cluster.pod(pod).api.node() == Some(N0)).unwrap();
            cluster.proxy_mut(N0, here).rule = crate::state::Endpoint::default();
        });
        cluster.look(|cluster| {
            let (scenario, subject) = (&cluster.rules.scenario, crate::properties::Subject::Any);
            crate::properties::traffic::dark_to(scenario, cluster, subject, N0)
        })
    };
    assert_eq!(dark_to(false), None);
    assert_eq!(dark_to(true), Some(crate::traffic::Origin::Outside));
}

/// Timed, the promise leaves the propagation bound of time.
#[test]
fn a_blackout_is_avoidable_only_after_the_propagation_bound() {
    let mut cluster = TestCluster::web(1, 1, |s| {
        s.timing = Timing::Timed;
        s.approximations = Approximations::NONE.with(Approximation::CoalescedWatchEvents);
        s.mutant = Some(Mutant::ProxyNeverAdds);
    });
    cluster.run_until(|cluster| cluster.exists(P0) && cluster.pod(P0).ready);
    cluster.settle();
    let mut seconds = 0;
    while of(cluster.judge(Action::Tick), Property::NoAvoidableBlackout) == SILENT {
        seconds += 1;
        assert!(seconds < 20, "it is broken at some time");
    }
    assert_eq!(seconds, 4, "watch, slice, watch, proxy, and a tick more");
}

/// DEP-10: a write that gives a ReplicaSet its share of a new number is no step of the update.
#[test]
fn a_write_that_scales_in_proportion_may_leave_fewer_available() {
    let mut cluster = TestCluster::web(5, 1, |s| {
        let (max_surge, max_unavailable) = (IntOrPercent::Int(3), IntOrPercent::Int(0));
        s.workload.strategy = Strategy::RollingUpdate { max_surge, max_unavailable };
        allow(s, EventName::Rollout, 1);
    });
    cluster.change(|cluster| {
        cluster.shared.deployment = cluster.shared.deployment.with_replicas(5).with_revision(1);
        cluster.shared.deployment_view = cluster.shared.deployment;
        // It wanted 10; the newest has had its share.
        for (column, (replicas, available, desired)) in
            cluster.replica_sets.iter_mut().zip([(4, 4, 10), (6, 0, 5)])
        {
            let set = ReplicaSetColumn::new().with_exists(true).with_replicas(replicas);
            *column = set.with_available(available).with_desired(desired).seen();
        }
    });
    let share = Deployment::ScaleReplicaSet { revision: Revision(0), replicas: 2 };
    assert_eq!(of(cluster.judge(share), Property::RolloutWithinBounds), KEPT);
}
