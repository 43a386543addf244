//! What users and operators do: deployments, pods, nodes.

use podproof_vocabulary::Revision;
use podproof_vocabulary::action::{Environment, Scheduler, TaintEviction, Watch, Watcher};
use podproof_vocabulary::event::{EventName, ScaleTarget};
use podproof_vocabulary::observation::Deletion;
use podproof_vocabulary::scenario::{CUSTOM_TAINT, Labels, Taint, TaintEffect, Toleration, WorkloadKind};

use super::{events, once, with};
use crate::controllers::taint_eviction;
use crate::kubelet::admission;
use crate::rules::Tolerated;
use crate::test_cluster::{IntoAction, N0, N1, P0, P1, TestCluster};

#[test]
fn a_rollout_changes_the_template_and_nothing_else() {
    let mut cluster = once(EventName::Rollout);
    let before = cluster.seen();
    cluster.take(Environment::ChangeTemplate);
    let mut after = cluster.seen();
    assert_eq!(after.deployment.unwrap().revision.0, 1);
    after.deployment = before.deployment;
    assert_eq!(after, before);
    let cluster = with(EventName::Rollout, 1, |s| s.workload.kind = WorkloadKind::ReplicaSet);
    assert!(events(&cluster).is_empty());
}

/// A rollback: the ReplicaSet of the template is there, and is the Deployment's again.
#[test]
fn a_rollout_goes_to_the_template_that_the_scenario_names() {
    let mut cluster = with(EventName::Rollout, 3, |s| s.rollouts = vec![1, 0]);
    for expected in [1, 0, 1] {
        cluster.take(Environment::ChangeTemplate);
        assert_eq!(cluster.seen().deployment.unwrap().revision.0, expected);
    }
    let same = with(EventName::Rollout, 2, |s| s.rollouts = vec![0]);
    assert!(events(&same).is_empty(), "it has that template");
}

#[test]
fn scaling_sets_the_wanted_replicas_and_is_no_event_where_it_changes_nothing() {
    for (kind, target, replicas) in [
        (WorkloadKind::Deployment, ScaleTarget::By(2), Some(3)),
        (WorkloadKind::ReplicaSet, ScaleTarget::To(0), Some(0)),
        (WorkloadKind::Deployment, ScaleTarget::To(1), None),
        (WorkloadKind::Pod, ScaleTarget::By(1), None),
    ] {
        let mut cluster = with(EventName::Scale, 1, |s| {
            s.workload.kind = kind;
            s.scale = Some(target);
        });
        assert_eq!(cluster.can(Environment::Scale), replicas.is_some(), "{kind:?} {target:?}");
        if let Some(replicas) = replicas {
            cluster.take(Environment::Scale);
            let seen = cluster.seen();
            let wanted = match kind {
                WorkloadKind::Deployment => seen.deployment.unwrap().replicas,
                _ => seen.replica_sets[0].unwrap().replicas,
            };
            assert_eq!(wanted, replicas, "{kind:?} {target:?}");
        }
    }
}

/// What may happen beside a story is not what the story does.
#[test]
fn a_scale_beside_a_scale_down_leaves_the_story_its_own() {
    let mut cluster = TestCluster::running(2, 1, |s| {
        s.story = podproof_vocabulary::event::Story::ScaleDown;
        s.scale = Some(ScaleTarget::By(1));
        s.events.set(EventName::Scale, 1);
    });
    let down = Environment::ScaleTo { replicas: 1 };
    assert_eq!(events(&cluster), [down, Environment::Scale], "either may come first");
    cluster.take(down);
    assert_eq!(cluster.seen().deployment.unwrap().replicas, 1);
    cluster.settle();
    assert_eq!(events(&cluster), [Environment::Scale], "the story is told");
    cluster.take(Environment::Scale);
    assert_eq!(cluster.seen().deployment.unwrap().replicas, 2);
    let alone = TestCluster::running(2, 1, |s| {
        s.story = podproof_vocabulary::event::Story::ScaleDown;
        s.scale = Some(ScaleTarget::By(-1));
    });
    assert_eq!(events(&alone), [Environment::Scale]);
}

#[test]
fn scaling_sets_any_of_the_numbers_that_a_scenario_names() {
    let to = |replicas| Environment::ScaleTo { replicas };
    for kind in [WorkloadKind::Deployment, WorkloadKind::ReplicaSet] {
        let mut cluster = with(EventName::Scale, 2, |s| {
            s.workload.kind = kind;
            s.scale_targets = vec![3, 1, 0, 3];
        });
        assert_eq!(events(&cluster), [to(3), to(0)], "{kind:?}: 1 is what there is");
        cluster.take(to(3));
        assert_eq!(events(&cluster), [to(1), to(0)], "{kind:?}");
        cluster.take(to(0));
        assert!(events(&cluster).is_empty(), "{kind:?}: as often as its budget allows");
        let seen = cluster.seen();
        let wanted = match kind {
            WorkloadKind::Deployment => seen.deployment.unwrap().replicas,
            _ => seen.replica_sets[0].unwrap().replicas,
        };
        assert_eq!(wanted, 0, "{kind:?}");
    }
    let both = with(EventName::Scale, 1, |s| {
        s.scale = Some(ScaleTarget::By(1));
        s.scale_targets = vec![3];
    });
    assert_eq!(events(&both), [Environment::Scale, to(3)]);
    let bare = with(EventName::Scale, 1, |s| {
        s.workload.kind = WorkloadKind::Pod;
        s.scale_targets = vec![3];
    });
    assert!(events(&bare).is_empty());
}

/// DEL-6, DEL-9, DEL-18.
#[test]
fn a_user_deletes_a_pod_gracefully_once_or_by_force_at_any_time() {
    let delete = Environment::DeletePod { pod: P0 };
    let mut cluster = with(EventName::DeletePod, 2, |_| {});
    cluster.take(delete);
    assert_eq!(cluster.pod(P0).deletion, Deletion::Graceful);
    assert!(!cluster.can(delete));
    let mut cluster = once(EventName::ForceDeletePod);
    cluster.delete(P0);
    cluster.take(Environment::ForceDeletePod { pod: P0 });
    assert!(!cluster.exists(P0));
}

/// DRN-1.
#[test]
fn a_node_is_cordoned_once_and_its_pods_stay() {
    let cordon = Environment::CordonNode { node: N0 };
    let mut cluster = with(EventName::CordonNode, 2, |_| {});
    cluster.take(cordon);
    assert!(cluster.seen().nodes[0].unschedulable && !cluster.can(cordon));
    cluster.settle();
    assert!(cluster.seen().nodes[0].taints.unschedulable_no_schedule);
    assert!(cluster.pod(P0).ready);
}

/// DRN-1, NLC-13, as the recording of unschedulable pods shows: the taint goes in a write of its own.
#[test]
fn only_a_cordoned_node_is_uncordoned_and_takes_pods_again() {
    let uncordon = Environment::UncordonNode { node: N0 };
    let mut cluster = with(EventName::UncordonNode, 2, |s| s.nodes[0].unschedulable = true);
    assert!(!cluster.can(Environment::UncordonNode { node: N1 }));
    cluster.take(uncordon);
    let node = cluster.seen().nodes[0];
    assert!(!node.unschedulable && node.taints.unschedulable_no_schedule && !cluster.can(uncordon));
    cluster.settle();
    assert!(!cluster.seen().nodes[0].taints.unschedulable_no_schedule);
    cluster.delete(P0);
    cluster.settle_until(|action| *action == Scheduler::AssumePod { pod: P1, node: N0 }.into_action());
}

/// DRN-2.
#[test]
fn one_node_at_a_time_is_drained_and_bare_pods_are_refused() {
    let mut cluster = with(EventName::DrainNode, 2, |_| {});
    cluster.take(Environment::DrainNode { node: N0 });
    assert!(!cluster.can(Environment::DrainNode { node: N1 }));
    cluster.settle();
    assert!(cluster.can(Environment::DrainNode { node: N1 }));
    let bare = with(EventName::DrainNode, 1, |s| s.workload.kind = WorkloadKind::Pod);
    assert!(events(&bare).is_empty());
}

#[test]
fn a_node_is_tainted_once_with_a_key_of_its_own() {
    let taint = Environment::TaintNode { node: N0 };
    let mut cluster = with(EventName::TaintNode, 2, |_| {});
    cluster.take(taint);
    assert!(cluster.seen().nodes[0].taints.custom && !cluster.can(taint));
}

/// TEC-1, as the recording of a NoExecute taint shows: it is taken back, and the pods that tolerated it for a time stay.
#[test]
fn the_taint_of_a_node_goes_and_with_it_the_timers_of_its_pods() {
    let untaint = Environment::UntaintNode { node: N0 };
    let evict = TaintEviction::DeletePod { pod: P0 };
    let mut cluster = with(EventName::UntaintNode, 2, |s| {
        s.workload.template.tolerations.push(Toleration {
            key: CUSTOM_TAINT.into(),
            exists: true,
            value: String::new(),
            effect: None,
            seconds: Some(8),
        });
    });
    assert!(!cluster.can(untaint));
    cluster.befall(Environment::TaintNode { node: N0 });
    cluster.settle();
    assert!(cluster.can(evict), "in 8 s");
    cluster.take(untaint);
    assert!(!cluster.seen().nodes[0].taints.custom && !cluster.can(untaint));
    assert!(cluster.can(evict), "until it is seen");
    cluster.settle();
    assert!(!cluster.can(evict) && cluster.pod(P0).deletion == Deletion::None);
}

/// FLT-6, TEC-1, ADM-9: the effect says who heeds the taint that a scenario names; FLT-7: key and value say who tolerates it.
#[test]
fn the_taint_of_a_scenario_is_heeded_and_tolerated_as_any_other() {
    use TaintEffect::{NoExecute, NoSchedule, PreferNoSchedule};
    // Taint and toleration of gpu; is the pod placed, admitted, and does it stay?
    for (effect, tolerated, placed, admitted, stays) in [
        (NoExecute, None, false, false, false),
        (NoExecute, Some("no"), false, false, false),
        (NoExecute, Some("yes"), true, true, true),
        (NoSchedule, None, false, true, true),
        (NoSchedule, Some("yes"), true, true, true),
        (PreferNoSchedule, None, true, true, true),
    ] {
        let mut cluster = TestCluster::running(1, 1, |s| {
            let gpu = || "gpu".to_owned();
            s.event_taint = Some(Taint { key: gpu(), value: "yes".into(), effect });
            s.workload.template.tolerations.extend(tolerated.map(|value| Toleration {
                key: gpu(),
                exists: false,
                value: value.into(),
                effect: None,
                seconds: None,
            }));
        });
        cluster.befall(Environment::TaintNode { node: N0 });
        for to in [Watcher::Scheduler, Watcher::ControllerManager] {
            cluster.take(Watch::DeliverNode { to, node: N0 });
        }
        cluster.look(|cluster| {
            let seen = crate::scheduler::cache(cluster);
            let (feasible, admits) = (
                cluster.rules.filters.is_feasible(&seen, Revision(0), N0),
                admission::admits(cluster, N0, P1),
            );
            let tolerates = taint_eviction::tolerated(cluster, P0) == Tolerated::Always;
            let expected = (placed, admitted, stays);
            assert_eq!((feasible, admits, tolerates), expected, "{effect:?} {tolerated:?}");
        });
    }
}

/// F-13.
#[test]
fn a_node_changes_its_labels_where_there_are_others_in_store_and_changes_them_back() {
    let label = Environment::RelabelNode { node: N0 };
    let mut cluster = with(EventName::LabelNode, 3, |s| s.nodes[0].later_labels = Some(Labels::new()));
    assert_eq!(events(&cluster), [label], "the other node has none in store");
    for relabelled in [true, false] {
        cluster.take(label);
        assert_eq!(cluster.look(|cluster| cluster.node(N0).api.relabelled()), relabelled);
        for to in [Watcher::Scheduler, Watcher::ControllerManager] {
            cluster.take(Watch::DeliverNode { to, node: N0 });
        }
    }
    cluster.settle();
    assert!(cluster.pod(P0).ready, "a pod that runs stays");
    cluster.befall(Environment::StopApiServer);
    assert!(!cluster.can(label));
}

#[test]
fn only_a_spare_node_joins() {
    let mut cluster = with(EventName::AddNode, 1, |s| s.spare_nodes = 1);
    assert!(!cluster.seen().nodes[1].exists);
    assert_eq!(events(&cluster), [Environment::AddNode { node: N1 }]);
    cluster.take(Environment::AddNode { node: N1 });
    let node = cluster.seen().nodes[1];
    assert!(node.exists && node.powered && node.connected && node.kubelet_runs && node.proxy_runs);
}
