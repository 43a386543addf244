//! Admission: the only check of a pod that bypasses the scheduler.

use podproof_vocabulary::Revision;
use podproof_vocabulary::action::{Action, Environment, Kubelet, ReplicaSet, Watch, Watcher};
use podproof_vocabulary::observation::{Deletion, Phase, Process};
use podproof_vocabulary::release::Release;
use podproof_vocabulary::scenario::{
    CUSTOM_TAINT, HostPort, Neighbour, PreStop, Protocol, RestartPolicy, Scenario, TaintEffect, Toleration,
};

use crate::api_server::pods;
use crate::state::{PodObject, Worker};
use crate::test_cluster::{C0, N0, P0, P1, TestCluster, neighbour};

const CREATE: Action = Action::ReplicaSet(ReplicaSet::CreatePod { revision: Revision(0) });

/// Pods that name their node, settled but for the controllers.
fn bypassing(
    replicas: u8,
    tweak: impl FnOnce(&mut Scenario),
    before: impl FnOnce(&mut TestCluster),
) -> TestCluster {
    let mut cluster = TestCluster::web(replicas, 1, |s| {
        s.workload.template.node_name = Some("node-1".into());
        tweak(s);
    });
    before(&mut cluster);
    for _ in 0..replicas {
        cluster.settle_until(|action| *action == CREATE);
        cluster.take(CREATE);
    }
    cluster.settle_but(|action| {
        matches!(action, Action::ReplicaSet(_) | Action::TaintEviction(_) | Action::PodGarbageCollector(_))
    });
    cluster
}

fn workers(cluster: &TestCluster, pods: u8) -> Vec<Worker> {
    cluster.look(|cluster| {
        cluster.pods[..usize::from(pods)].iter().map(|column| column.kubelet.worker()).collect()
    })
}

/// ADM-5, ADM-12.
#[test]
fn a_pod_for_which_there_is_no_room_fails_without_ever_starting() {
    let cluster = bypassing(2, |s| s.nodes[0].allocatable.pods = 1, |_| {});
    assert_eq!(workers(&cluster, 2), [Worker::Sync, Worker::Rejected]);
    let (rejected, slot) = (cluster.pod(P1), &cluster.seen().slots[1]);
    assert_eq!((rejected.phase, rejected.ready, rejected.address), (Phase::Failed, false, None));
    assert_eq!(slot.containers[0].process, Process::Absent);
    assert!(cluster.pod(P0).ready);
}

/// ADM-6.
#[test]
fn a_pod_whose_node_selector_does_not_match_is_rejected() {
    let selector = |value: &str| {
        let value = value.to_owned();
        move |s: &mut Scenario| {
            s.workload.template.node_selector.insert("kubernetes.io/hostname".into(), value);
        }
    };
    assert_eq!(workers(&bypassing(1, selector("node-9"), |_| {}), 1), [Worker::Rejected]);
    assert_eq!(workers(&bypassing(1, selector("node-1"), |_| {}), 1), [Worker::Sync]);
}

/// ADM-6, ADM-13: the labels of the moment count, of a pod that was bound before they changed and of one that runs.
#[test]
fn a_node_that_lost_its_labels_rejects_the_pods_that_asked_for_them() {
    let selects = |s: &mut Scenario| {
        s.workload.template.node_selector.insert("kubernetes.io/hostname".into(), "node-1".into());
        s.nodes[0].later_labels = Some(podproof_vocabulary::scenario::Labels::new());
    };
    let relabel = |cluster: &mut TestCluster| cluster.befall(Environment::RelabelNode { node: N0 });
    assert_eq!(workers(&bypassing(1, selects, relabel), 1), [Worker::Rejected]);
    let mut running = bypassing(1, selects, |_| {});
    relabel(&mut running);
    running.settle();
    assert_eq!(workers(&running, 1), [Worker::Sync], "a kubelet that runs does not ask again");
    running.befall(Environment::StopKubelet { node: N0 });
    running.settle_until(|action| *action == Action::Kubelet(Kubelet::ReportStatus { pod: P0 }));
    assert_eq!(workers(&running, 1), [Worker::Rejected]);
    assert!(running.pod(P0).address.is_some());
    running.take(Kubelet::ReportStatus { pod: P0 });
    assert_eq!(
        (running.pod(P0).phase, running.pod(P0).address),
        (Phase::Failed, None),
        "its phase alone is told"
    );
}

/// ADM-8.
#[test]
fn a_pod_whose_host_port_is_taken_is_rejected() {
    let host = |s: &mut Scenario| {
        s.workload.template.containers[0].ports[0].host = Some(HostPort { port: 80, ip: String::new() });
    };
    assert_eq!(workers(&bypassing(2, host, |_| {}), 2), [Worker::Sync, Worker::Rejected]);
    assert_eq!(workers(&bypassing(2, |_| {}, |_| {}), 2), [Worker::Sync, Worker::Sync]);
}

/// ADM-9.
#[test]
fn only_a_no_execute_taint_that_is_not_tolerated_at_all_rejects() {
    let custom = |cluster: &mut TestCluster| cluster.change(|c| c.nodes[0].api.set_custom(true));
    let toleration = |s: &mut Scenario| {
        s.workload.template.tolerations.push(Toleration {
            key: CUSTOM_TAINT.into(),
            exists: true,
            value: String::new(),
            effect: Some(TaintEffect::NoExecute),
            seconds: Some(60),
        });
    };
    assert_eq!(workers(&bypassing(1, |_| {}, custom), 1), [Worker::Rejected]);
    assert_eq!(workers(&bypassing(1, toleration, custom), 1), [Worker::Sync], "for a time is enough");
    for (minor, worker) in [(23, Worker::Sync), (24, Worker::Rejected)] {
        let old = bypassing(1, |s| s.release = Release { minor }, custom);
        assert_eq!(workers(&old, 1), [worker], "1.{minor}");
    }
    let no_schedule = |cluster: &mut TestCluster| {
        cluster.change(|cluster| {
            cluster.nodes[0].api.set_unschedulable_no_schedule(true);
            cluster.nodes[0].api.set_unschedulable(true);
            cluster.nodes[0].controller = cluster.nodes[0].api;
        });
    };
    assert_eq!(workers(&bypassing(1, |_| {}, no_schedule), 1), [Worker::Sync], "NoSchedule is not asked");
}

/// ADM-14.
#[test]
fn a_terminating_pod_takes_up_room_until_its_containers_have_stopped() {
    let mut cluster = bypassing(1, |s| s.nodes[0].allocatable.pods = 1, |_| {});
    cluster.delete(P0);
    cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::SendSigterm { .. })));
    let admits =
        |cluster: &TestCluster| cluster.look(|cluster| crate::kubelet::admission::admits(cluster, N0, P1));
    assert!(!admits(&cluster));
    cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::StopSandbox { .. })));
    assert!(!admits(&cluster));
    cluster.take(Kubelet::StopSandbox { pod: P0 });
    assert!(admits(&cluster));
}

/// ADM-14: what is not configured any more does not count, however long it takes to stop.
#[test]
fn a_pod_that_was_force_deleted_takes_up_no_room_while_it_is_stopped() {
    let mut cluster = bypassing(1, |s| s.nodes[0].allocatable.pods = 1, |_| {});
    let admits =
        |cluster: &TestCluster| cluster.look(|cluster| crate::kubelet::admission::admits(cluster, N0, P1));
    cluster.befall(Environment::ForceDeletePod { pod: P0 });
    assert!(!admits(&cluster), "its kubelet has not heard of it");
    cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::BeginTermination { pod: P0 }));
    assert!(admits(&cluster));
    cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::SendSigterm { .. })));
    assert!(admits(&cluster));
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::Running);
}

/// ADM-13: a list shows what is gone first, and then pods that run before those that do not.
#[test]
fn a_restarted_kubelet_takes_up_the_pods_that_run_before_new_ones() {
    let mut cluster = bypassing(1, |s| s.nodes[0].allocatable.pods = 1, |_| {});
    let place =
        |cluster: &TestCluster, pod| cluster.look(|cluster| crate::kubelet::place_in_list(cluster, pod));
    assert_eq!((place(&cluster, P1), place(&cluster, P0)), (0, 1));
    let created = PodObject::new().with_exists(true).with_node(Some(N0));
    cluster.change(|cluster| cluster.pods[1].api = created);
    assert_eq!(place(&cluster, P1), 2);
}

/// ADM-12, STM-6, DEL-4.
#[test]
fn a_rejected_pod_stays_until_it_is_deleted_and_then_goes_at_once() {
    let mut cluster = bypassing(2, |s| s.nodes[0].allocatable.pods = 1, |_| {});
    assert_eq!(cluster.pod(P1).phase, Phase::Failed);
    cluster.delete(P1);
    assert!(!cluster.exists(P1));
    cluster.settle_but(|action| matches!(action, Action::ReplicaSet(_)));
    assert_eq!(workers(&cluster, 2)[1], Worker::None);
}

/// The pods ask for a label that their node may lose.
fn selects_labels_that_go(s: &mut Scenario) {
    s.workload.template.node_selector.insert("kubernetes.io/hostname".into(), "node-1".into());
    s.nodes[0].later_labels = Some(podproof_vocabulary::scenario::Labels::new());
}

/// ADM-13, PW-13, kubernetes/kubernetes#113145: before 1.27 housekeeping spared what is configured.
#[test]
fn what_runs_of_a_rejected_pod_is_stopped_by_housekeeping_from_1_27_on() {
    for (minor, is_stopped) in [(26, false), (27, true)] {
        let mut cluster = bypassing(
            1,
            |s| {
                s.release = Release { minor };
                selects_labels_that_go(s);
            },
            |_| {},
        );
        cluster.befall(Environment::RelabelNode { node: N0 });
        cluster.befall(Environment::StopKubelet { node: N0 });
        cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::ReportStatus { pod: P0 }));
        assert_eq!(workers(&cluster, 1), [Worker::Rejected]);
        let stop = Kubelet::BeginTermination { pod: P0 };
        assert_eq!(cluster.can(stop), is_stopped, "1.{minor}");
        let delete = |object: PodObject| object.with_deletion(Deletion::Graceful);
        cluster.change(|cluster| pods::update(cluster, P0, delete));
        cluster.take(Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 });
        assert!(cluster.can(stop), "1.{minor}: a deletion stops it");
    }
}

/// PW-12, PW-13: a sandbox alone is something, too.
#[test]
fn a_rejected_pod_is_not_forgotten_while_its_sandbox_is_there() {
    let mut cluster = TestCluster::web(1, 1, selects_labels_that_go);
    let create = Kubelet::CreateSandbox { pod: P0 };
    cluster.settle_until(|action| *action == Action::Kubelet(create));
    cluster.take(create);
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster.befall(Environment::RelabelNode { node: N0 });
    cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::ReportStatus { pod: P0 }));
    assert_eq!(workers(&cluster, 1), [Worker::Rejected]);
    cluster.change(|cluster| pods::update(cluster, P0, |_| PodObject::new()));
    cluster.take(Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 });
    assert!(!cluster.can(Kubelet::ForgetPod { pod: P0 }));
    assert!(cluster.can(Kubelet::BeginTermination { pod: P0 }));
}

/// ADM-1, kubernetes/kubernetes#126341: before 1.28 a kubelet that starts anew asks a pod that has ended.
#[test]
fn a_pod_that_has_ended_is_not_asked_again_from_1_28_on() {
    for (minor, phase) in [(27, Phase::Failed), (28, Phase::Succeeded), (36, Phase::Succeeded)] {
        let mut cluster = bypassing(
            1,
            |s| {
                s.release = Release { minor };
                s.workload.template.restart_policy = RestartPolicy::Never;
                s.workload.template.node_selector.insert("kubernetes.io/hostname".into(), "node-1".into());
                s.nodes[0].later_labels = Some(podproof_vocabulary::scenario::Labels::new());
            },
            |_| {},
        );
        cluster.befall(Environment::FinishContainer { pod: P0, container: C0 });
        let no_controller =
            |action: &Action| matches!(action, Action::ReplicaSet(_) | Action::PodGarbageCollector(_));
        cluster.settle_but(no_controller);
        assert_eq!(cluster.pod(P0).phase, Phase::Succeeded, "1.{minor}");
        cluster.befall(Environment::RelabelNode { node: N0 });
        cluster.befall(Environment::StopKubelet { node: N0 });
        cluster.settle_but(no_controller);
        assert_eq!(cluster.pod(P0).phase, phase, "1.{minor}");
    }
}

/// ADM-8: also by a pod of another workload.
#[test]
fn a_pod_whose_host_port_a_neighbour_holds_is_rejected() {
    let held = |port: u16| {
        move |s: &mut Scenario| {
            s.workload.template.containers[0].ports[0].host = Some(HostPort { port: 80, ip: String::new() });
            s.neighbours.push(Neighbour {
                host_ports: vec![(Protocol::Tcp, HostPort { port, ip: String::new() })],
                ..neighbour()
            });
        }
    };
    assert_eq!(workers(&bypassing(1, held(80), |_| {}), 1), [Worker::Rejected]);
    assert_eq!(workers(&bypassing(1, held(81), |_| {}), 1), [Worker::Sync]);
}

/// ADM-14, PW-2: what its kubelet has first seen being deleted takes up room until its worker has stopped it; what has ended does not.
#[test]
fn a_pod_that_is_first_seen_deleting_takes_up_room_until_it_is_stopped() {
    let news = Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 };
    let deleted = |ended: bool| {
        let mut cluster = TestCluster::web(1, 1, |s| {
            s.workload.template.node_name = Some("node-1".into());
            s.nodes[0].allocatable.pods = 1;
        });
        cluster.settle_until(|action| *action == CREATE);
        cluster.take(CREATE);
        cluster.delete(P0);
        if ended {
            cluster.change(|cluster| pods::set_phase(cluster, P0, Phase::Failed));
        }
        cluster.take(news);
        assert_eq!(workers(&cluster, 1), [Worker::None]);
        cluster
    };
    let admits =
        |cluster: &TestCluster| cluster.look(|cluster| crate::kubelet::admission::admits(cluster, N0, P1));
    let mut cluster = deleted(false);
    assert!(!admits(&cluster));
    cluster.take(Kubelet::BeginTermination { pod: P0 });
    assert!(!admits(&cluster));
    cluster.take(Kubelet::StopSandbox { pod: P0 });
    assert!(admits(&cluster));
    let mut ended = deleted(true);
    assert!(admits(&ended));
    ended.change(|cluster| cluster.container_mut(P0, C0).set_process(Process::Running));
    assert!(!admits(&ended), "but while something of it runs");
}

/// PW-3, ADM-14, kubernetes/kubernetes#105523: a pod that had ended before its kubelet started takes up no room, although its new worker
/// has still to let go of it.
#[test]
fn a_pod_that_had_ended_before_its_kubelet_started_takes_up_no_room() {
    let admits =
        |cluster: &TestCluster| cluster.look(|cluster| crate::kubelet::admission::admits(cluster, N0, P1));
    let mut cluster = bypassing(1, |s| s.nodes[0].allocatable.pods = 1, |_| {});
    cluster.befall(Environment::EvictUnderPressure { pod: P0 });
    cluster.take(Kubelet::BeginTermination { pod: P0 });
    assert!(!admits(&cluster), "it is being stopped");
    let waits = |action: &Action| matches!(action, Action::ReplicaSet(_));
    cluster.settle_but(waits);
    assert!(cluster.pod(P0).phase.is_terminal());
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::BeginTermination { pod: P0 }));
    assert!(admits(&cluster));
    cluster.take(Kubelet::BeginTermination { pod: P0 });
    assert_eq!(workers(&cluster, 1), [Worker::Ended]);
    assert!(admits(&cluster), "nothing of it is left that could be stopped");
    cluster.settle_but(waits);
    assert_eq!(workers(&cluster, 1), [Worker::Finished]);
}

/// ADM-1, ADM-12, kubernetes/kubernetes#118497: no worker is told to stop a pod that is deleted when its kubelet first sees it, so it is
/// asked for admission. One that is rejected has failed, and only housekeeping can let it go, from 1.28 on, unless another deletion follows.
#[test]
fn a_pod_that_is_first_seen_deleting_may_be_rejected_and_stays_before_1_28() {
    for (minor, goes) in [(27, false), (28, true)] {
        let mut cluster = TestCluster::web(1, 1, |s| {
            s.release = Release { minor };
            s.workload.template.node_name = Some("node-1".into());
            s.workload.template.node_selector.insert("kubernetes.io/hostname".into(), "node-9".into());
        });
        cluster.settle_until(|action| *action == CREATE);
        cluster.take(CREATE);
        cluster.delete(P0);
        let waits =
            |action: &Action| matches!(action, Action::ReplicaSet(_) | Action::PodGarbageCollector(_));
        let remove = Action::Kubelet(Kubelet::RemovePod { pod: P0 });
        cluster.settle_but(|action| *action == remove || waits(action));
        assert_eq!((workers(&cluster, 1)[0], cluster.pod(P0).phase), (Worker::Rejected, Phase::Failed));
        assert_eq!(cluster.can(Kubelet::RemovePod { pod: P0 }), goes, "1.{minor}");
    }
}

/// ADM-13, PW-13: of a pod that is deleted and is rejected after its kubelet's restart no worker knows the spec: housekeeping stops what
/// runs, from 1.27 on, without its hook. Another deletion, which a finalizer lets its object outlive, is told to a worker.
#[test]
fn what_runs_of_a_pod_that_is_rejected_while_it_is_deleted_is_stopped_like_an_orphan() {
    let (begin, hook) =
        (Kubelet::BeginTermination { pod: P0 }, Kubelet::RunPreStop { pod: P0, container: C0 });
    let rejected = |minor: u8| {
        let mut cluster = bypassing(
            1,
            |s| {
                s.release = Release { minor };
                selects_labels_that_go(s);
                s.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(1));
            },
            |_| {},
        );
        cluster.befall(Environment::RelabelNode { node: N0 });
        cluster.befall(Environment::StopKubelet { node: N0 });
        cluster.delete(P0);
        let waits =
            |action: &Action| matches!(action, Action::ReplicaSet(_)) || *action == Action::Kubelet(begin);
        cluster.settle_but(waits);
        assert_eq!((workers(&cluster, 1)[0], cluster.pod(P0).phase), (Worker::Rejected, Phase::Failed));
        cluster
    };
    let has_hook = |mut cluster: TestCluster| {
        cluster.take(begin);
        let is_stop = |action: &Action| {
            matches!(action, Action::Kubelet(Kubelet::RunPreStop { .. } | Kubelet::SendSigterm { .. }))
        };
        cluster.settle_until(is_stop);
        cluster.can(hook)
    };
    assert!(!rejected(26).can(begin), "1.26 spares what is configured");
    assert!(!has_hook(rejected(27)), "no worker knows its hook");
    for minor in [26, 27] {
        let mut cluster = rejected(minor);
        let delete = |object: PodObject| object.with_deletion(Deletion::Immediate);
        cluster.change(|cluster| pods::update(cluster, P0, delete));
        cluster.take(Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 });
        assert!(has_hook(cluster), "1.{minor}: a worker is told");
    }
}

/// ADM-12, CPA-2: the worker that a rejected pod gets for its deletion stops its sandbox, also one that is dead, before the object goes.
#[test]
fn the_object_of_a_rejected_pod_goes_after_its_sandbox() {
    let mut cluster = bypassing(1, selects_labels_that_go, |_| {});
    cluster.befall(Environment::RelabelNode { node: N0 });
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    cluster.befall(Environment::KillSandbox { pod: P0 });
    let remove = Action::Kubelet(Kubelet::RemovePod { pod: P0 });
    let begin = Action::Kubelet(Kubelet::BeginTermination { pod: P0 });
    let report = Action::Kubelet(Kubelet::ReportStatus { pod: P0 });
    let controllers = |action: &Action| matches!(action, Action::ReplicaSet(_));
    let waits = |action: &Action| controllers(action) || [remove, begin].contains(action);
    cluster.settle_but(|action| waits(action) || *action == report);
    assert_eq!(workers(&cluster, 1), [Worker::Rejected]);
    assert!(!cluster.enabled().contains(&begin), "nothing runs");
    cluster.delete(P0);
    cluster.settle_but(waits);
    assert!(cluster.enabled().contains(&begin) && !cluster.enabled().contains(&remove));
    assert_eq!(cluster.pod(P0).phase, Phase::Failed);
    cluster.settle_but(controllers);
    assert!(!cluster.exists(P0));
}
