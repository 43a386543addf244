//! What fails by itself: machines, links, processes, watches.

use podproof_vocabulary::action::{
    Action, Container as ContainerStep, Environment, Kubelet, LostWrite, Process as Start, Watch, Watcher,
};
use podproof_vocabulary::catalogue;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::observation::{Deletion, NodeReady, Phase, Process, Sandbox};
use podproof_vocabulary::scenario::{Container, ContainerKind, Probe, RestartPolicy, WorkloadKind};

use super::{PROBE, events, once, with};
use crate::test_cluster::{C0, C1, N0, P0, P1, TestCluster, allow};

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

/// CPA-9, CLB-4: code 0 or not, policy Always starts it again, the second time after a back-off.
#[test]
fn an_app_that_ends_by_itself_is_started_again_as_one_that_crashes() {
    let finish = Environment::FinishContainer { pod: P0, container: C0 };
    let start = Action::Kubelet(Kubelet::StartContainer { pod: P0, container: C0 });
    let mut cluster = with(EventName::ContainerExit, 2, |_| {});
    cluster.take(finish);
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::ExitedOk);
    assert!(!cluster.can(finish));
    cluster.settle();
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::Running);
    cluster.take(finish);
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(cluster.can(start) && cluster.look(|cluster| crate::time::is_slow(cluster, &start)));
}

/// CPA-9, PHS-6: what ended well has done its work, where the policy says so.
#[test]
fn a_pod_whose_only_app_ended_well_has_succeeded_unless_it_is_always_restarted() {
    for (policy, phase) in [
        (RestartPolicy::Always, Phase::Running),
        (RestartPolicy::OnFailure, Phase::Succeeded),
        (RestartPolicy::Never, Phase::Succeeded),
    ] {
        let mut cluster = with(EventName::ContainerExit, 1, |s| {
            s.workload.kind = WorkloadKind::Pod;
            s.workload.template.restart_policy = policy;
        });
        cluster.take(Environment::FinishContainer { pod: P0, container: C0 });
        cluster.settle();
        assert_eq!(cluster.pod(P0).phase, phase, "{policy:?}");
    }
}

/// An init container ends by a step of its own, and a sidecar goes on.
#[test]
fn only_app_containers_end_by_an_event() {
    let cluster = with(EventName::ContainerExit, 1, |s| {
        let sidecar = Container { kind: ContainerKind::Sidecar, ports: Vec::new(), ..catalogue::app() };
        s.workload.template.containers.insert(0, sidecar);
        s.workload.template.serving = 1;
    });
    assert_eq!(events(&cluster), [Environment::FinishContainer { pod: P0, container: C1 }]);
}

/// PRB-8, PRB-9, as the recording of a readiness flap shows: the app serves all the time, and leaves the endpoints.
#[test]
fn an_app_that_fails_its_readiness_probe_is_not_ready_and_serves_on() {
    let change = Environment::ChangeReadiness { pod: P0, container: C0 };
    let mut cluster = with(EventName::ReadinessChange, 3, |s| {
        s.workload.template.containers[0].readiness_probe = Some(PROBE);
        s.workload.template.containers[0].liveness_probe = Some(PROBE);
    });
    let slot = |cluster: &TestCluster| cluster.seen().slots[0].clone();
    for ready in [false, true, false] {
        cluster.take(change);
        assert_ne!(cluster.pod(P0).ready, ready, "not before the probe and the report");
        cluster.settle();
        assert_eq!(cluster.pod(P0).ready, ready);
        assert_eq!(slot(&cluster).endpoint.unwrap().ready, ready);
        assert!(slot(&cluster).containers[0].accepting);
        assert_eq!(slot(&cluster).containers[0].process, Process::Running, "its liveness is as it was");
    }
}

/// PRB-7, CPA-10, as the recording of a liveness restart shows: the app is stopped, and the new process is alive.
#[test]
fn an_app_that_fails_its_liveness_probe_is_started_anew() {
    let change = Environment::ChangeLiveness { pod: P0, container: C0 };
    let fail = Kubelet::FailProbe { pod: P0, container: C0 };
    let alive = || {
        with(EventName::LivenessChange, 2, |s| {
            s.workload.template.containers[0].liveness_probe = Some(PROBE);
        })
    };
    let mut cluster = alive();
    cluster.take(change);
    assert!(cluster.can(fail) && cluster.seen().slots[0].containers[0].accepting);
    cluster.take(change);
    assert!(!cluster.can(fail), "it has come to itself in time");
    let mut cluster = alive();
    cluster.take(change);
    cluster.take(fail);
    assert!(cluster.pod(P0).ready, "nothing else is asked");
    cluster.take(Kubelet::StopContainer { pod: P0, container: C0 });
    cluster.settle();
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::Running);
    assert!(cluster.pod(P0).ready && !cluster.can(fail));
}

/// PRB-3: before the startup probe has succeeded nobody asks for the others; then an app that fails them has not to listen first.
#[test]
fn the_startup_probe_asks_for_connections_alone() {
    let mut cluster = TestCluster::web(1, 1, |s| {
        let container = &mut s.workload.template.containers[0];
        container.startup_probe = Some(PROBE);
        container.readiness_probe = Some(PROBE);
        container.liveness_probe = Some(PROBE);
    });
    let pass = Action::Kubelet(Kubelet::PassStartup { pod: P0, container: C0 });
    let fail = Kubelet::FailProbe { pod: P0, container: C0 };
    cluster.settle_until(|action| *action == pass);
    cluster.befall(Environment::ChangeLiveness { pod: P0, container: C0 });
    cluster.befall(Environment::ChangeReadiness { pod: P0, container: C0 });
    assert!(!cluster.can(fail) && cluster.can(pass));
    cluster.take(pass);
    assert!(cluster.can(fail) && !cluster.can(Kubelet::FlipReadiness { pod: P0, container: C0 }));

    let mut late = TestCluster::web(1, 1, |s| {
        let probe = Probe { failure_threshold: 30, ..PROBE };
        let container = &mut s.workload.template.containers[0];
        (container.liveness_probe, container.listens_after_seconds) = (Some(probe), 1);
    });
    late.settle_until(|action| matches!(action, Action::Container(ContainerStep::Listen { .. })));
    late.take_one(|action| matches!(action, Action::Kubelet(Kubelet::Relist { .. })));
    assert!(!late.can(fail), "it is on its way");
    late.befall(Environment::ChangeLiveness { pod: P0, container: C0 });
    assert!(late.can(fail));
}

/// A process that ends takes with it what it told its probes; a restart of its kubelet does not (RST-1).
#[test]
fn what_an_app_tells_its_probes_lives_as_long_as_its_process() {
    let failing = || {
        let mut cluster = with(EventName::KubeletRestart, 1, |s| {
            s.workload.template.containers[0].readiness_probe = Some(PROBE);
            s.workload.template.containers[0].liveness_probe = Some(PROBE);
        });
        cluster.befall(Environment::ChangeReadiness { pod: P0, container: C0 });
        cluster
    };
    let mut restarted = failing();
    restarted.take(Environment::StopKubelet { node: N0 });
    restarted.settle();
    assert!(!restarted.pod(P0).ready);
    restarted.befall(Environment::ChangeLiveness { pod: P0, container: C0 });
    restarted.befall(Environment::StopKubelet { node: N0 });
    restarted
        .settle_until(|action| *action == Action::Kubelet(Kubelet::FailProbe { pod: P0, container: C0 }));
    let mut crashed = failing();
    crashed.befall(Environment::CrashContainer { pod: P0, container: C0 });
    crashed.settle();
    assert!(crashed.pod(P0).ready);
}

#[test]
fn only_a_container_that_runs_and_has_the_probe_can_begin_to_fail_it() {
    for (event, readiness) in [(EventName::ReadinessChange, true), (EventName::LivenessChange, false)] {
        let possible = |has_readiness: bool, has_liveness: bool| {
            let cluster = with(event, 1, |s| {
                let container = &mut s.workload.template.containers[0];
                container.readiness_probe = has_readiness.then_some(PROBE);
                container.liveness_probe = has_liveness.then_some(PROBE);
            });
            events(&cluster).len()
        };
        assert_eq!((possible(true, false), possible(false, true)), (readiness.into(), (!readiness).into()));
    }
    let mut dead = with(EventName::ReadinessChange, 1, |s| {
        s.workload.template.containers[0].readiness_probe = Some(PROBE);
    });
    dead.befall(Environment::CrashContainer { pod: P0, container: C0 });
    assert!(events(&dead).is_empty());
}

/// PLEG-24, as the recording of a hung runtime shows: what was asked for meanwhile is done once it answers.
#[test]
fn a_hung_runtime_answers_again_and_its_kubelet_goes_on() {
    let recover = Environment::RecoverRuntime { node: N0 };
    let mut cluster = with(EventName::RuntimeRecovery, 2, |_| {});
    assert!(!cluster.can(recover));
    cluster.befall(Environment::HangRuntime { node: N0 });
    cluster.take(Kubelet::NoticeHang { node: N0 });
    cluster.delete(P0);
    cluster.settle();
    assert_eq!(cluster.pod(P0).deletion, Deletion::Graceful, "nobody stops its containers (NF-18)");
    cluster.take(recover);
    assert!(cluster.seen().nodes[0].runtime_answers && !cluster.can(recover));
    cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::RemovePod { pod: P0 }));
    cluster.settle();
    assert_eq!(cluster.seen().nodes[0].ready, NodeReady::True);
    let mut off = with(EventName::RuntimeRecovery, 1, |_| {});
    off.befall(Environment::HangRuntime { node: N0 });
    off.befall(Environment::CrashNode { node: N0 });
    assert!(!off.can(recover));
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
