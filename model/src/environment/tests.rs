//! Tests of what happens to the cluster: when each event is possible, what it does, what it costs.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{
    Action, Environment, Kubelet, LostWrite, Process as Start, Scheduler, TaintEviction, Watch, Watcher,
};
use podproof_vocabulary::event::{EventName, ScaleTarget, Story};
use podproof_vocabulary::observation::{Deletion, Process, Sandbox};
use podproof_vocabulary::scenario::{Scenario, Toleration, WorkloadKind};

use crate::api_server::pods;
use crate::test_cluster::{C0, IntoAction, N0, N1, P0, P1, TestCluster, allow};

/// A quiet cluster of two nodes with one pod, on the first, in which `event` may happen `count` times.
fn with(event: EventName, count: u8, tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = TestCluster::web(1, 2, |s| {
        allow(s, event, count);
        tweak(s);
    });
    cluster.settle();
    cluster
}

fn once(event: EventName) -> TestCluster {
    with(event, 1, |_| {})
}

fn events(cluster: &TestCluster) -> Vec<Environment> {
    let step = |action| match action {
        Action::Environment(step) => Some(step),
        _ => None,
    };
    cluster.enabled().into_iter().filter_map(step).collect()
}

#[test]
fn an_event_happens_as_often_as_its_budget_allows() {
    let mut cluster = with(EventName::ContainerCrash, 2, |_| {});
    let crash = Environment::CrashContainer { pod: P0, container: C0 };
    cluster.take(crash);
    cluster.settle();
    cluster.take(crash);
    cluster.settle();
    assert!(events(&cluster).is_empty());
    assert!(events(&TestCluster::running(1, 2, |_| {})).is_empty(), "without a budget nothing happens");
}

#[test]
fn events_of_a_budget_may_happen_at_any_moment() {
    let cluster = TestCluster::web(1, 1, |s| allow(s, EventName::NodeCrash, 1));
    assert!(cluster.can(Environment::CrashNode { node: N0 }));
}

#[test]
fn the_event_of_a_story_happens_once_and_when_the_creation_is_quiet() {
    let mut cluster = TestCluster::web(1, 2, |s| s.story = Story::NodeFailure);
    assert!(events(&cluster).is_empty());
    cluster.settle();
    assert_eq!(events(&cluster), [Environment::CrashNode { node: N0 }, Environment::CrashNode { node: N1 }]);
    cluster.take(Environment::CrashNode { node: N0 });
    cluster.settle();
    assert!(events(&cluster).is_empty());
}

#[test]
fn a_partition_story_heals_when_it_is_quiet() {
    let mut cluster = TestCluster::running(1, 2, |s| s.story = Story::Partition);
    cluster.take(Environment::PartitionNode { node: N0 });
    let heal = Environment::HealPartition { node: N0 };
    cluster.settle();
    assert_eq!(events(&cluster), [heal]);
    assert!(cluster.look(|cluster| super::is_promised(cluster, &heal)));
    cluster.take(heal);
    cluster.settle();
    assert!(events(&cluster).is_empty());
    let other = TestCluster::web(1, 2, |s| allow(s, EventName::PartitionHeal, 1));
    assert!(!other.look(|cluster| super::is_promised(cluster, &heal)), "only that story promises it");
}

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
    assert!(cluster.seen().nodes[0].taints.custom_no_execute && !cluster.can(taint));
}

/// TEC-1, as the recording of a NoExecute taint shows: it is taken back, and the pods that tolerated it for a time stay.
#[test]
fn the_taint_of_a_node_goes_and_with_it_the_timers_of_its_pods() {
    let untaint = Environment::UntaintNode { node: N0 };
    let evict = TaintEviction::DeletePod { pod: P0 };
    let mut cluster = with(EventName::UntaintNode, 2, |s| {
        s.workload.template.tolerations.push(Toleration {
            key: crate::rules::CUSTOM_TAINT.into(),
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
    assert!(!cluster.seen().nodes[0].taints.custom_no_execute && !cluster.can(untaint));
    assert!(cluster.can(evict), "until it is seen");
    cluster.settle();
    assert!(!cluster.can(evict) && cluster.pod(P0).deletion == Deletion::None);
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

/// 9.1: containers, kubelet and rules die at once; the API knows of nothing.
#[test]
fn a_crash_kills_everything_on_the_machine_and_nothing_in_the_api() {
    let mut cluster = once(EventName::NodeCrash);
    let before = cluster.seen();
    cluster.take(Environment::CrashNode { node: N0 });
    let after = cluster.seen();
    assert_eq!(after.slots[0].pod, before.slots[0].pod);
    assert_eq!(after.slots[0].endpoint, before.slots[0].endpoint);
    assert_ne!(after.slots[0].containers[0].process, Process::Running);
    assert_eq!(after.slots[0].sandbox.address, None);
    assert_eq!((after.slots[0].rules[0], after.slots[0].rules[1]), (None, before.slots[0].rules[1]));
    let node = after.nodes[0];
    assert!(node.exists && !node.powered && !node.connected && !node.kubelet_runs);
    assert!(!cluster.any(|action| matches!(action, Action::Kubelet(_) | Action::Container(_))));
}

/// SBX-3, NF-1, NF-20.
#[test]
fn a_node_that_returns_runs_its_pods_again_in_new_sandboxes() {
    let mut cluster = with(EventName::NodeCrash, 1, |s| allow(s, EventName::NodeReturn, 1));
    let address = cluster.pod(P0).address;
    let back = Environment::ReturnNode { node: N0 };
    assert!(!cluster.can(back));
    cluster.take(Environment::CrashNode { node: N0 });
    cluster.take(back);
    cluster.settle();
    assert!(cluster.pod(P0).ready);
    assert_ne!(cluster.pod(P0).address, address);
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::Running);
}

/// NF-1.
#[test]
fn a_node_that_returns_finishes_what_was_deleted_meanwhile() {
    let mut cluster = with(EventName::NodeCrash, 1, |s| allow(s, EventName::NodeReturn, 1));
    cluster.take(Environment::CrashNode { node: N0 });
    cluster.delete(P0);
    cluster.settle_but(|action| matches!(action, Action::Environment(_)));
    assert_eq!(cluster.pod(P0).deletion, Deletion::Graceful, "it waits for its node (NF-5)");
    cluster.take(Environment::ReturnNode { node: N0 });
    cluster.settle();
    assert!(
        !cluster.exists(P0) || cluster.pod(P0).deletion == Deletion::None,
        "gone, or its slot was used again"
    );
}

/// SRC-7, NF-10, NF-11: a node that is cut off serves on and hears nothing.
#[test]
fn a_partition_cuts_the_control_plane_and_nothing_else() {
    let cut = Environment::PartitionNode { node: N0 };
    let mut cluster = with(EventName::NodePartition, 2, |s| allow(s, EventName::PartitionHeal, 1));
    let heal = Environment::HealPartition { node: N0 };
    assert!(!cluster.can(heal));
    cluster.take(cut);
    assert!(!cluster.can(cut));
    let node = cluster.seen().nodes[0];
    assert!(node.powered && node.kubelet_runs && node.proxy_runs && !node.connected);
    assert!(cluster.seen().slots[0].containers[0].accepting);
    cluster.delete(P0);
    assert!(!cluster.can(Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 }));
    cluster.take(heal);
    assert!(
        cluster.can(Watch::List { watcher: Watcher::Kubelet(N0) }),
        "each comes back with a list (NF-13)"
    );
    assert!(cluster.can(Watch::List { watcher: Watcher::Proxy(N0) }));
    cluster.settle();
    assert!(cluster.pod(P1).ready);
}

#[test]
fn a_stopped_kubelet_comes_back_by_itself() {
    let stop = Environment::StopKubelet { node: N0 };
    let mut cluster = with(EventName::KubeletRestart, 2, |_| {});
    cluster.take(stop);
    assert!(!cluster.can(stop));
    cluster.take(Start::StartKubelet { node: N0 });
    assert!(cluster.can(stop));
}

#[test]
fn a_container_that_runs_may_crash_and_a_sandbox_that_lives_may_die() {
    let crash = Environment::CrashContainer { pod: P0, container: C0 };
    let mut cluster = with(EventName::ContainerCrash, 2, |_| {});
    cluster.take(crash);
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::ExitedError);
    assert!(!cluster.can(crash));
    let kill = Environment::KillSandbox { pod: P0 };
    let mut cluster = with(EventName::SandboxDeath, 2, |_| {});
    cluster.take(kill);
    assert_eq!(cluster.seen().slots[0].sandbox.sandbox, Sandbox::Dead);
    assert!(cluster.seen().slots[0].sandbox.address.is_some(), "its network goes only with StopPodSandbox");
    assert!(!cluster.can(kill));
}

#[test]
fn a_runtime_hangs_and_a_network_plugin_fails_for_good() {
    let mut cluster = with(EventName::RuntimeHang, 2, |_| {});
    cluster.take(Environment::HangRuntime { node: N0 });
    assert!(!cluster.seen().nodes[0].runtime_answers && cluster.seen().nodes[1].runtime_answers);
    assert!(!cluster.can(Environment::HangRuntime { node: N0 }));
    let mut cluster = with(EventName::CniFailure, 2, |_| {});
    cluster.take(Environment::FailCni { node: N0 });
    assert!(cluster.seen().nodes[0].runtime_answers);
    assert!(!cluster.can(Environment::FailCni { node: N0 }));
}

#[test]
fn the_watches_of_every_consumer_that_is_connected_may_break() {
    let cluster = with(EventName::WatchBreak, 1, |s| {
        s.nodes.truncate(1);
        allow(s, EventName::NodePartition, 1);
    });
    let breaks = |watcher| Environment::BreakWatches { watcher };
    let watchers = [Watcher::Scheduler, Watcher::ControllerManager, Watcher::Kubelet(N0), Watcher::Proxy(N0)];
    for watcher in watchers {
        assert!(cluster.can(breaks(watcher)), "{watcher:?}");
        let mut broken = with(EventName::WatchBreak, 2, |_| {});
        broken.take(breaks(watcher));
        assert!(!broken.can(breaks(watcher)) && broken.can(Watch::List { watcher }), "{watcher:?}");
    }
    let mut cut = with(EventName::WatchBreak, 1, |s| allow(s, EventName::NodePartition, 1));
    cut.take(Environment::PartitionNode { node: N0 });
    assert!(!cut.can(breaks(Watcher::Kubelet(N0))));
}

/// MOD-3.
#[test]
fn the_answer_to_a_write_that_is_due_may_be_lost_either_way() {
    let mut cluster = TestCluster::web(1, 1, |s| allow(s, EventName::LostResponse, 1));
    cluster.settle_until(|action| {
        matches!(
            action,
            Action::Environment(Environment::LoseResponse { write: LostWrite::BindPod { .. }, .. })
        )
    });
    let lose = |committed| Environment::LoseResponse { write: LostWrite::BindPod { pod: P0 }, committed };
    assert!(cluster.can(lose(false)) && cluster.can(lose(true)));
    cluster.befall(Environment::StopApiServer);
    assert!(!cluster.can(lose(true)), "nobody answers at all");
}

#[test]
fn processes_of_the_control_plane_stop_and_start() {
    for (event, stop, start) in [
        (
            EventName::ControllerManagerRestart,
            Environment::StopControllerManager,
            Start::StartControllerManager,
        ),
        (EventName::SchedulerRestart, Environment::StopScheduler, Start::StartScheduler),
        (EventName::ApiServerRestart, Environment::StopApiServer, Start::StartApiServer),
    ] {
        let mut cluster = with(event, 2, |_| {});
        cluster.take(stop);
        assert!(!cluster.can(stop), "{event}");
        cluster.take(start);
        assert!(cluster.can(stop), "{event}");
        cluster.settle();
        cluster.delete(P0);
        cluster.settle();
        assert!(cluster.pod(P1).ready, "everything works again after {event}");
    }
}

/// STM-10, MOD-3: without an API server nobody writes and nobody hears.
#[test]
fn without_an_api_server_only_what_needs_none_goes_on() {
    let mut cluster = once(EventName::ApiServerRestart);
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    cluster.take(Environment::StopApiServer);
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(!cluster.can(Kubelet::ReportStatus { pod: P0 }));
    assert!(
        !cluster
            .any(|action| matches!(action, Action::Watch(_) | Action::EndpointSlice(_) | Action::Drain(_)))
    );
    cluster.take(Kubelet::StartContainer { pod: P0, container: C0 });
    cluster.befall(Environment::StopScheduler);
    assert!(!cluster.can(Start::StartScheduler), "a leader needs its lease");
}

#[test]
fn a_kube_proxy_stops_for_good() {
    let stop = Environment::StopProxy { node: N0 };
    let mut cluster = with(EventName::ProxyStop, 2, |_| {});
    cluster.take(stop);
    assert!(!cluster.can(stop) && !cluster.seen().nodes[0].proxy_runs);
    cluster.settle();
    assert!(!cluster.seen().nodes[0].proxy_runs);
}

/// EVM-1, EVM-7.
#[test]
fn a_living_kubelet_evicts_a_pod_that_it_runs_once() {
    let evict = Environment::EvictUnderPressure { pod: P0 };
    let mut cluster = with(EventName::ResourcePressure, 3, |_| {});
    cluster.take(evict);
    assert_eq!(cluster.pod(P0).deletion, Deletion::None);
    assert!(!cluster.can(evict) && cluster.can(Kubelet::BeginTermination { pod: P0 }));
    let mut cluster = once(EventName::ResourcePressure);
    cluster.befall(Environment::StopKubelet { node: N0 });
    assert!(!cluster.can(evict));
}

/// Without an API server no user reaches the cluster, but machines still fail.
#[test]
fn users_need_the_api_server_and_faults_do_not() {
    let mut cluster = TestCluster::web(1, 2, |s| {
        for event in EventName::all() {
            allow(s, event, 1);
        }
        s.spare_nodes = 1;
    });
    cluster.settle_but(|action| matches!(action, Action::Environment(_)));
    cluster.befall(Environment::StopApiServer);
    for step in events(&cluster) {
        let event = super::event_of(&step);
        let needs_no_api = [
            EventName::NodeCrash,
            EventName::NodePartition,
            EventName::KubeletRestart,
            EventName::ContainerCrash,
            EventName::SandboxDeath,
            EventName::RuntimeHang,
            EventName::CniFailure,
            EventName::ControllerManagerRestart,
            EventName::SchedulerRestart,
            EventName::ProxyStop,
            EventName::ResourcePressure,
        ];
        assert!(needs_no_api.contains(&event), "{step:?}");
    }
    assert!(cluster.can(Environment::CrashNode { node: NodeId(0) }));
}

/// F-12.
#[test]
fn an_address_that_somebody_still_routes_to_may_go_to_a_neighbour_once_its_sandbox_is_gone() {
    let reuse = podproof_vocabulary::action::Container::ReuseAddress { pod: P0 };
    let mut cluster = TestCluster::running(1, 1, |s| s.addresses_are_reused = true);
    assert!(!cluster.can(reuse));
    cluster.delete(P0);
    cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::StopSandbox { pod: P0 }));
    cluster.settle_but(|action| {
        matches!(action, Action::Watch(Watch::DeliverSlice { .. }) | Action::Kubelet(_))
    });
    assert!(!cluster.can(reuse), "the sandbox holds it");
    let address = cluster.pod(P0).address;
    cluster.take(Kubelet::StopSandbox { pod: P0 });
    assert!(cluster.can(reuse));
    cluster.settle_but(|action| {
        matches!(action, Action::Watch(Watch::DeliverSlice { .. }) | Action::Container(_))
    });
    assert!(!cluster.exists(P0), "its kubelet has forgotten it");
    cluster.take(reuse);
    assert_eq!(cluster.seen().slots[0].reused_address, address);
    assert!(!cluster.can(reuse));
    cluster.settle();
    assert!(
        cluster.seen().slots.iter().all(|slot| slot.reused_address.is_none()),
        "nobody routes to it any more"
    );
    assert!(!TestCluster::running(1, 1, |_| {}).can(reuse));
}

#[test]
fn no_event_touches_a_pod_that_is_gone() {
    let mut cluster = with(EventName::DeletePod, 1, |s| s.workload.kind = WorkloadKind::Pod);
    cluster.change(|cluster| pods::delete(cluster, P0, pods::Grace::Zero));
    cluster.settle();
    assert!(events(&cluster).is_empty());
}
