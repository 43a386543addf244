//! Tests of the progress promises: when each is owed, and when it is paid.

use podproof_vocabulary::action::{Action, Environment, Kubelet, Proxy, Scheduler};
use podproof_vocabulary::catalogue::app;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::Phase;
use podproof_vocabulary::property::Kind;
use podproof_vocabulary::scenario::{
    ContainerKind, Hang, Probe, RestartPolicy, Scenario, Taint, TaintEffect,
};
use podproof_vocabulary::{NodeId, Property};

use super::endpoints::asked_for;
use super::unsettles_endpoints;
use crate::api_server::pods;
use crate::test_cluster::{C0, N0, N1, P0, P1, TestCluster, allow};

/// Whether the premise of a promise is true, and whether it is owed.
fn of(cluster: &TestCluster, property: Property) -> (bool, bool) {
    (cluster.reaches(property), cluster.owes(property))
}

const IDLE: (bool, bool) = (false, false);
const PAID: (bool, bool) = (true, false);
const OWED: (bool, bool) = (true, true);

/// One pod of room on each of two nodes.
fn tight(s: &mut Scenario) {
    for node in &mut s.nodes {
        node.allocatable.pods = 1;
    }
}

#[test]
fn a_quiet_cluster_owes_nothing() {
    let cluster = TestCluster::running(2, 2, |_| {});
    for property in Property::all().filter(|property| property.facts().kind == Kind::Liveness) {
        assert!(!cluster.owes(property), "{property}");
    }
}

#[test]
fn a_pod_that_fits_somewhere_is_to_be_bound() {
    let property = Property::ScheduledIfFeasible;
    let mut cluster = TestCluster::web(2, 1, |s| {
        tight(s);
        s.workload.kind = podproof_vocabulary::scenario::WorkloadKind::ReplicaSet;
    });
    assert_eq!(of(&cluster, property), IDLE);
    cluster.settle_but(|action| matches!(action, Action::Scheduler(_)));
    assert_eq!(of(&cluster, property), OWED);
    cluster.take(Scheduler::AssumePod { pod: P0, node: N0 });
    assert_eq!(of(&cluster, property), OWED, "a choice is not a binding");
    cluster.take(Scheduler::BindPod { pod: P0 });
    assert_eq!(of(&cluster, property), PAID, "the other fits nowhere");
    cluster.change(|cluster| pods::set_phase(cluster, P0, Phase::Failed));
    assert_eq!(of(&cluster, property), OWED, "in truth there is room, whatever the scheduler sees");
}

/// A filter that refuses too much does not take the premise away.
#[test]
fn a_pod_that_a_filter_refuses_for_no_reason_is_to_be_bound() {
    let mut cluster = TestCluster::web(1, 1, |s| {
        let (key, effect) = ("gpu".into(), TaintEffect::NoSchedule);
        s.nodes[0].taints.push(Taint { key, value: String::new(), effect });
    });
    cluster.settle_but(|action| matches!(action, Action::Scheduler(_)));
    assert_eq!(of(&cluster, Property::ScheduledIfFeasible), IDLE);
    cluster.make_rules_wrong(|s| s.nodes[0].taints.clear());
    assert!(!cluster.can(Scheduler::AssumePod { pod: P0, node: N0 }));
    assert_eq!(of(&cluster, Property::ScheduledIfFeasible), OWED);
}

#[test]
fn a_pod_that_is_deleting_or_terminal_is_not_to_be_bound() {
    let property = Property::ScheduledIfFeasible;
    let mut cluster = TestCluster::web(1, 1, |s| s.workload.template.finalizer = true);
    cluster.settle_but(|action| matches!(action, Action::Scheduler(_)));
    assert_eq!(of(&cluster, property), OWED);
    cluster.delete(P0);
    assert_eq!(of(&cluster, property), IDLE);
}

#[test]
fn a_deleted_pod_on_a_living_connected_node_is_to_go() {
    let property = Property::DeletionCompletes;
    let mut cluster = TestCluster::running(1, 2, |_| {});
    assert_eq!(of(&cluster, property), IDLE);
    cluster.delete(P0);
    assert_eq!(of(&cluster, property), OWED);
    for change in [Environment::PartitionNode { node: N0 }, Environment::CrashNode { node: N0 }] {
        let mut cluster = TestCluster::running(1, 2, |_| {});
        cluster.delete(P0);
        cluster.befall(change);
        assert_eq!(of(&cluster, property), IDLE, "{change:?}");
    }
    cluster.settle();
    assert_eq!(of(&cluster, property), IDLE);
    let mut kept = TestCluster::running(1, 1, |s| s.workload.template.finalizer = true);
    kept.delete(P0);
    assert_eq!(of(&kept, property), IDLE, "a finalizer");
}

#[test]
fn a_pod_on_a_node_that_failed_for_good_is_to_leave_the_rules() {
    let property = Property::UnreachableEndpointsLeave;
    let mut cluster = TestCluster::running(1, 2, |_| {});
    cluster.befall(Environment::CrashNode { node: N0 });
    assert_eq!(of(&cluster, property), OWED);
    cluster.settle();
    cluster.take(podproof_vocabulary::action::NodeLifecycle::MarkNodeUnknown { node: N0 });
    cluster.settle_but(|action| matches!(action, Action::Proxy(_)));
    assert_eq!(of(&cluster, property), OWED);
    cluster.take(Proxy::ProgramRules { node: N1 });
    assert_eq!(of(&cluster, property), PAID);
    let mut returns = TestCluster::running(1, 2, |s| allow(s, EventName::NodeReturn, 1));
    returns.befall(Environment::CrashNode { node: N0 });
    assert_eq!(of(&returns, property), OWED, "it may come back, and nobody promises it");
    returns.take(Environment::ReturnNode { node: N0 });
    assert_eq!(of(&returns, property), IDLE, "it has come back");
    let cut = |tweak: fn(&mut Scenario)| {
        let mut cluster = TestCluster::running(1, 2, tweak);
        cluster.befall(Environment::PartitionNode { node: N0 });
        of(&cluster, property)
    };
    assert_eq!(cut(|_| {}), OWED);
    assert_eq!(cut(|s| allow(s, EventName::PartitionHeal, 1)), OWED, "it may heal, and nobody promises it");
    assert_eq!(cut(|s| s.story = podproof_vocabulary::event::Story::Partition), IDLE, "it is to heal");
    let mut stopped = TestCluster::running(1, 2, |_| {});
    stopped.befall(Environment::StopProxy { node: N1 });
    stopped.befall(Environment::CrashNode { node: N0 });
    stopped.settle();
    stopped.take(podproof_vocabulary::action::NodeLifecycle::MarkNodeUnknown { node: N0 });
    stopped.settle();
    assert_eq!(of(&stopped, property), OWED, "a node without a kube-proxy keeps its rules");
}

#[test]
fn a_pod_that_does_not_tolerate_a_no_execute_taint_is_to_leave() {
    let property = Property::NoexecuteEvicts;
    let mut cluster = TestCluster::running(1, 1, |_| {});
    assert_eq!(of(&cluster, property), IDLE);
    cluster.befall(Environment::TaintNode { node: N0 });
    assert_eq!(of(&cluster, property), OWED);
    cluster.befall(Environment::PartitionNode { node: N0 });
    assert_eq!(of(&cluster, property), IDLE);
    cluster.befall(Environment::HealPartition { node: N0 });
    cluster.change(|cluster| pods::set_phase(cluster, P0, Phase::Failed));
    assert_eq!(of(&cluster, property), IDLE, "a terminal pod has left");
    let mut tolerant = TestCluster::running(1, 1, |_| {});
    tolerant.change(|cluster| cluster.nodes[0].api.set_not_ready_no_execute(true));
    assert_eq!(of(&tolerant, property), IDLE, "for 300 s it does");
}

#[test]
fn a_crashed_container_of_a_pod_that_should_run_is_to_run_again() {
    let property = Property::CrashRecovers;
    let crash = Environment::CrashContainer { pod: P0, container: C0 };
    let crashed = |tweak: fn(&mut Scenario)| {
        let mut cluster = TestCluster::running(1, 1, tweak);
        cluster.befall(crash);
        cluster
    };
    let mut cluster = crashed(|_| {});
    assert_eq!(of(&cluster, property), OWED);
    cluster.settle();
    assert_eq!(of(&cluster, property), IDLE);
    let never = crashed(|s| s.workload.template.restart_policy = RestartPolicy::Never);
    assert_eq!(of(&never, property), IDLE);
    let mut deleted = crashed(|_| {});
    deleted.delete(P0);
    assert_eq!(of(&deleted, property), IDLE);
    let mut cut = crashed(|_| {});
    cut.befall(Environment::PartitionNode { node: N0 });
    assert_eq!(of(&cut, property), IDLE);
    let mut evicted = TestCluster::running(1, 1, |_| {});
    evicted.befall(Environment::EvictUnderPressure { pod: P0 });
    evicted.befall(crash);
    assert_eq!(of(&evicted, property), IDLE);
}

#[test]
fn a_hung_runtime_is_to_be_detected_and_its_pods_to_be_replaced() {
    let property = Property::RuntimeHangDetected;
    let mut cluster = TestCluster::running(1, 2, |_| {});
    assert_eq!(of(&cluster, property), IDLE);
    cluster.befall(Environment::HangRuntime { node: N0 });
    assert_eq!(of(&cluster, property), OWED);
    cluster.take(Kubelet::NoticeHang { node: N0 });
    cluster.take(Kubelet::ReportNodeStatus { node: N0 });
    assert_eq!(of(&cluster, property), OWED, "detected, not replaced");
    cluster.settle();
    cluster.take(podproof_vocabulary::action::TaintEviction::DeletePod { pod: P0 });
    cluster.settle();
    assert_eq!(cluster.pod(P1).node, Some(N1));
    assert_eq!(of(&cluster, property), PAID);

    let mut alone = TestCluster::running(1, 1, |_| {});
    alone.befall(Environment::HangRuntime { node: N0 });
    alone.take(Kubelet::NoticeHang { node: N0 });
    alone.take(Kubelet::ReportNodeStatus { node: N0 });
    assert_eq!(of(&alone, property), PAID, "without room elsewhere nothing more is promised");
}

#[test]
fn after_a_node_failure_the_wanted_pods_are_to_be_ready_elsewhere_if_there_is_room() {
    let property = Property::ReplacedAfterNodeFailure;
    let failed = |tweak: fn(&mut Scenario)| {
        let mut cluster = TestCluster::running(1, 2, tweak);
        assert_eq!(of(&cluster, property), IDLE);
        cluster.befall(Environment::CrashNode { node: N0 });
        cluster
    };
    let mut cluster = failed(|_| {});
    assert_eq!(of(&cluster, property), OWED, "a pod that only looks ready does not count");
    cluster.settle();
    cluster.run_until(|cluster| !cluster.owes(property));
    assert_eq!(of(&cluster, property), PAID);
    let bound = failed(|s| {
        s.workload.template.node_selector.insert("kubernetes.io/hostname".into(), "node-1".into());
    });
    assert_eq!(of(&bound, property), IDLE, "nowhere else to go");
    let mut cordoned = failed(|_| {});
    cordoned.befall(Environment::CordonNode { node: N1 });
    assert_eq!(of(&cordoned, property), IDLE);
    // Two pods that stand apart by one at most: the dead node has none, and counts as long as it is there.
    let mut spread = TestCluster::running(2, 2, |s| {
        s.workload.template.spread = vec![podproof_vocabulary::scenario::SpreadConstraint {
            max_skew: 1,
            topology_key: "kubernetes.io/hostname".into(),
            selector: Some(podproof_vocabulary::scenario::LabelSelector::default()),
            min_domains: 1,
            honour_node_affinity: true,
            honour_node_taints: false,
            same_revision: false,
        }];
    });
    spread.befall(Environment::CrashNode { node: N0 });
    assert_eq!(of(&spread, property), OWED, "room remains on the other");
    let never_ready = failed(|s| s.workload.template.containers.push(app()));
    assert_eq!(of(&never_ready, property), IDLE, "two containers want one port");
    let one_after_the_other = failed(|s| {
        let first = podproof_vocabulary::scenario::Container {
            name: "migrate".into(),
            kind: ContainerKind::Init,
            ..app()
        };
        s.workload.template.containers.insert(0, first);
        s.workload.template.serving = 1;
    });
    assert_eq!(of(&one_after_the_other, property), OWED, "an init container has ended by then");
}

#[test]
fn a_rollout_is_to_complete_if_all_new_pods_fit_at_once() {
    let property = Property::RolloutCompletes;
    let rolling = |tweak: fn(&mut Scenario)| {
        let mut cluster = TestCluster::running(2, 2, |s| {
            allow(s, EventName::Rollout, 1);
            tweak(s);
        });
        assert_eq!(of(&cluster, property), IDLE);
        cluster.take(Environment::ChangeTemplate);
        cluster
    };
    let mut cluster = rolling(|_| {});
    assert_eq!(of(&cluster, property), OWED);
    cluster.settle();
    assert_eq!(of(&cluster, property), PAID);
    assert_eq!(of(&rolling(tight), property), OWED, "the old ones are not counted");
    let mut short = rolling(tight);
    short.befall(Environment::CordonNode { node: N1 });
    assert_eq!(of(&short, property), IDLE);
    let mut back = TestCluster::running(1, 1, |s| {
        allow(s, EventName::Rollout, 2);
        s.rollouts = vec![1, 0];
    });
    back.take(Environment::ChangeTemplate);
    back.settle();
    back.take(Environment::ChangeTemplate);
    assert_eq!(of(&back, property), OWED, "back to the first template");
    back.settle();
    assert_eq!(of(&back, property), PAID);
    let blocked = rolling(|s| {
        s.release = podproof_vocabulary::Release { minor: 28 };
        let sidecar = podproof_vocabulary::scenario::Container {
            kind: ContainerKind::Sidecar,
            ports: Vec::new(),
            ..app()
        };
        s.workload.template.containers.insert(0, sidecar);
        s.workload.template.serving = 1;
    });
    assert_eq!(of(&blocked, property), IDLE, "an init container that never ends");

    let mut wrong = TestCluster::running(1, 1, |s| {
        allow(s, EventName::Rollout, 1);
        s.mutant = Some(Mutant::ReplicaSetNeverDeletes);
    });
    wrong.take(Environment::ChangeTemplate);
    wrong.settle();
    assert!(wrong.look(crate::controllers::deployment::is_complete), "by what the ReplicaSets say");
    assert_eq!(of(&wrong, property), OWED, "an old pod goes on");
}

/// What an app says of itself is no promise of Kubernetes'.
#[test]
fn nothing_waits_for_an_app_that_says_it_is_not_ready() {
    let probed = |s: &mut Scenario| {
        s.workload.template.containers[0].readiness_probe = Some(Probe {
            initial_delay_seconds: 0,
            period_seconds: 1,
            timeout_seconds: 1,
            success_threshold: 1,
            failure_threshold: 1,
        });
    };
    let refuses = |pod| Environment::ChangeReadiness { pod, container: C0 };
    let mut rolling = TestCluster::running(1, 1, |s| {
        probed(s);
        allow(s, EventName::Rollout, 1);
    });
    rolling.befall(refuses(P0));
    rolling.take(Environment::ChangeTemplate);
    assert_eq!(of(&rolling, Property::RolloutCompletes), OWED, "the old one is not waited for");
    rolling.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::FlipReadiness { pod: P1, .. })));
    rolling.befall(refuses(P1));
    assert_eq!(of(&rolling, Property::RolloutCompletes), IDLE);
    rolling.befall(refuses(P1));
    rolling.settle();
    assert_eq!(of(&rolling, Property::RolloutCompletes), PAID);

    for (fault, property) in [
        (Environment::CrashNode { node: N0 }, Property::ReplacedAfterNodeFailure),
        (Environment::HangRuntime { node: N0 }, Property::RuntimeHangDetected),
    ] {
        let mut cluster = TestCluster::running(2, 2, |s| {
            probed(s);
            s.nodes[0].allocatable.pods = 1;
        });
        cluster.befall(fault);
        assert!(cluster.owes(property), "{fault:?}");
        if property == Property::RuntimeHangDetected {
            cluster.take(Kubelet::NoticeHang { node: N0 });
            cluster.take(Kubelet::ReportNodeStatus { node: N0 });
            assert!(cluster.owes(property), "detected, not replaced");
        }
        cluster.befall(refuses(P1));
        assert!(!cluster.owes(property), "{fault:?}: nobody can say when it is ready");
    }
}

#[test]
fn the_rules_of_living_connected_nodes_are_to_follow_the_api() {
    let property = Property::EndpointsConverge;
    let mut cluster = TestCluster::running(1, 2, |_| {});
    assert_eq!(of(&cluster, property), PAID);
    cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(false)));
    assert_eq!(of(&cluster, property), OWED);
    cluster.settle_but(|action| {
        matches!(action, Action::Kubelet(_) | Action::Proxy(Proxy::ProgramRules { node: N1 }))
    });
    assert_eq!(of(&cluster, property), OWED, "one node is behind");
    cluster.befall(Environment::PartitionNode { node: N1 });
    assert_eq!(of(&cluster, property), PAID, "it is cut off");
    let mut stopped = TestCluster::running(1, 2, |_| {});
    stopped.befall(Environment::StopProxy { node: N1 });
    stopped.delete(P0);
    stopped.settle();
    assert_eq!(of(&stopped, property), OWED, "a node without a kube-proxy keeps its rules");
    let mut wrong = TestCluster::running(1, 2, |s| s.mutant = Some(Mutant::SliceIgnoresReadiness));
    wrong.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(false)));
    wrong.settle_but(|action| matches!(action, Action::Kubelet(_)));
    assert_eq!(of(&wrong, property), OWED, "the controller does not say what is right");
    let headless = TestCluster::running(1, 2, |s| s.service.as_mut().unwrap().headless = true);
    assert_eq!(of(&headless, property), IDLE);
}

#[test]
fn the_endpoints_are_not_settled_while_pods_or_machines_change() {
    let cluster = TestCluster::running(1, 2, |_| {});
    let unsettles = |change: &dyn Fn(&mut TestCluster)| {
        let mut after = TestCluster::running(1, 2, |_| {});
        change(&mut after);
        cluster.look(|before| after.look(|after| unsettles_endpoints(before, after)))
    };
    assert!(!unsettles(&|_| {}));
    assert!(unsettles(&|after| after.delete(P0)));
    assert!(unsettles(&|after| after.befall(Environment::PartitionNode { node: NodeId(0) })));
    assert!(!unsettles(&|after| after.change(|cluster| cluster.pod_mut(P0).controller.set_available(true))));
}

/// EPS-1 to EPS-5: an entry by what the API says, whatever the controller has made of it.
#[test]
fn the_api_asks_for_the_entry_of_a_pod() {
    let asked = |tweak: fn(&mut Scenario), change: &dyn Fn(&mut TestCluster)| {
        let mut cluster = TestCluster::running(1, 1, tweak);
        change(&mut cluster);
        let entry = cluster.look(|cluster| asked_for(cluster, P0));
        entry.is_present().then(|| (entry.ready(), entry.serving(), entry.terminating()))
    };
    let publishes = |s: &mut Scenario| s.service.as_mut().unwrap().publish_not_ready_addresses = true;
    let unready = |c: &mut TestCluster| c.change(|c| pods::update(c, P0, |object| object.with_ready(false)));
    let failed = |c: &mut TestCluster| c.change(|c| pods::set_phase(c, P0, Phase::Failed));
    let without_node = |c: &mut TestCluster| c.change(|c| c.nodes[0].api.set_exists(false));
    assert_eq!(asked(|_| {}, &|_| {}), Some((true, true, false)));
    assert_eq!(asked(|_| {}, &unready), Some((false, false, false)));
    assert_eq!(asked(publishes, &unready), Some((true, false, false)));
    assert_eq!(asked(|_| {}, &|c| c.delete(P0)), Some((false, true, true)));
    assert_eq!(asked(publishes, &|c| c.delete(P0)), Some((true, true, true)));
    assert_eq!(asked(|s| s.release.minor = 21, &|c| c.delete(P0)), None);
    assert_eq!(asked(|_| {}, &failed), None);
    assert_eq!(asked(|_| {}, &without_node), None);
    assert_eq!(asked(publishes, &without_node), Some((true, true, false)));
}

/// MC-6: a container whose port another one of its pod holds exits as often as it is started, which is nobody's fault.
#[test]
fn a_container_whose_port_is_taken_is_not_to_run_again() {
    let property = Property::CrashRecovers;
    let mut cluster = TestCluster::running(1, 1, |s| {
        s.workload.template.containers.push(app());
    });
    assert!(cluster.seen().slots[0].containers[1].process.has_exited());
    assert_eq!(of(&cluster, property), IDLE);
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    assert_eq!(of(&cluster, property), OWED, "the port is free");
}

/// PRB-4: nobody promises that a pod becomes ready whose probe may give up before its process listens.
#[test]
fn nothing_waits_for_a_process_that_its_probe_may_kill_before_it_listens() {
    for (failure_threshold, judgement) in [(2, IDLE), (7, OWED)] {
        let mut cluster = TestCluster::running(1, 2, |s| {
            let container = &mut s.workload.template.containers[0];
            container.listens_after_seconds = 5;
            container.liveness_probe = Some(Probe {
                initial_delay_seconds: 0,
                period_seconds: 1,
                timeout_seconds: 1,
                success_threshold: 1,
                failure_threshold,
            });
        });
        cluster.befall(Environment::CrashNode { node: N0 });
        assert_eq!(
            of(&cluster, Property::ReplacedAfterNodeFailure),
            judgement,
            "{failure_threshold} failures"
        );
    }
}

/// F-7: with few pods a slow runtime sticks no relist, so there is nothing to detect.
#[test]
fn a_runtime_that_is_slow_with_many_pods_alone_is_not_to_be_detected_with_few() {
    for (limit, judgement) in [(1, IDLE), (0, OWED)] {
        let mut cluster = TestCluster::running(1, 2, |s| {
            s.hang = Hang::TooManyPods { limit };
        });
        cluster.befall(Environment::HangRuntime { node: N0 });
        assert_eq!(of(&cluster, Property::RuntimeHangDetected), judgement, "more than {limit}");
    }
}
