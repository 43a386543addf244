//! What the death of a sandbox does, and a network plugin that fails.

use podproof_vocabulary::Release;
use podproof_vocabulary::action::{Action, Container as ContainerStep, Environment, Kubelet};
use podproof_vocabulary::catalogue::app;
use podproof_vocabulary::observation::{Address, Phase, Process, Sandbox};
use podproof_vocabulary::scenario::{ContainerKind, PreStop, RestartPolicy, Scenario};

use super::container;
use crate::api_server::pods;
use crate::kubelet::status::status;
use crate::state::Worker;
use crate::test_cluster::{C0, C1, C2, N0, N1, P0, TestCluster};

const CREATE: Action = Action::Kubelet(Kubelet::CreateSandbox { pod: P0 });
const STOP: Action = Action::Kubelet(Kubelet::StopContainer { pod: P0, container: C0 });

fn struck(tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = TestCluster::running(1, 1, tweak);
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster
}

/// SBX-2, CPA-4.
#[test]
fn containers_outlive_their_sandbox_until_the_kubelet_stops_them() {
    let mut cluster = struck(|s| s.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(1)));
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::Running);
    assert_eq!(cluster.seen().slots[0].sandbox.sandbox, Sandbox::Dead);
    assert!(!cluster.can(STOP) && !cluster.can(CREATE), "not before the PLEG has seen it");
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(!cluster.can(CREATE), "first the containers are stopped");
    cluster.take(STOP);
    assert!(cluster.can(Kubelet::RunPreStop { pod: P0, container: C0 }), "with hook and grace");
}

/// CPA-4, KIL-8: the kill for a dead sandbox is that of the whole pod, and has its order.
#[test]
fn sidecars_of_a_dead_sandbox_get_sigterm_after_the_app() {
    let mut cluster = struck(|s| {
        s.workload.template.containers = vec![container(ContainerKind::Sidecar, "sidecar"), app()];
        s.workload.template.serving = 1;
    });
    cluster.take(Kubelet::Relist { node: N0 });
    let [sidecar, main] = [C0, C1].map(|container| Kubelet::SendSigterm { pod: P0, container });
    cluster.take(STOP);
    cluster.take(Kubelet::StopContainer { pod: P0, container: C1 });
    assert!(cluster.can(main) && !cluster.can(sidecar));
    cluster.take(main);
    assert!(!cluster.can(sidecar), "the app has not exited");
    cluster.take(ContainerStep::Exit { pod: P0, container: C1 });
    assert!(cluster.can(sidecar));
}

/// CPA-10, KIL-8: the kill for a failed probe is that of one container, whatever is seen of the sandbox meanwhile.
#[test]
fn a_sidecar_that_is_stopped_for_its_probe_waits_for_nobody_if_its_sandbox_dies() {
    let mut cluster = TestCluster::running(1, 1, |s| {
        s.workload.template.containers = vec![container(ContainerKind::Sidecar, "sidecar"), app()];
        s.workload.template.serving = 1;
    });
    cluster.change(|cluster| cluster.container_mut(P0, C0).set_probe_failed(true));
    cluster.take(STOP);
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.take(Kubelet::Relist { node: N0 });
    let sidecar = Kubelet::SendSigterm { pod: P0, container: C0 };
    assert!(cluster.can(sidecar), "although the app runs");
    cluster.take(Kubelet::StopContainer { pod: P0, container: C1 });
    assert!(cluster.can(sidecar));
    cluster.take(sidecar);
    cluster.take(ContainerStep::Exit { pod: P0, container: C0 });
    assert!(!cluster.look(|cluster| cluster.container(P0, C0).stops_alone()));
}

/// CPA-4, as the recording of a killed sandbox shows: a new address, a restart, phase Running throughout.
#[test]
fn a_new_sandbox_has_a_new_address_and_the_pod_stays_running() {
    let before = TestCluster::running(1, 1, |_| {}).pod(P0).address;
    let mut cluster = struck(|_| {});
    cluster.run_until(|cluster| {
        assert_eq!(cluster.look(|cluster| status(cluster, P0).0), Phase::Running);
        cluster.enabled().is_empty()
    });
    assert_ne!(cluster.pod(P0).address, before);
    assert!(cluster.pod(P0).ready);
}

/// Nodes are alike: nothing may depend on which of them has the lower number.
#[test]
fn which_address_is_given_away_does_not_depend_on_the_node_that_remembers_it() {
    let reuse = Action::Container(ContainerStep::ReuseAddress { pod: P0 });
    let given_away = |remembered: [u8; 2]| {
        let mut cluster = TestCluster::running(1, 2, |s| s.addresses_are_reused = true);
        cluster.change(|cluster| {
            for (node, address) in [N0, N1].into_iter().zip(remembered) {
                cluster.proxy_mut(node, P0).rule.set_address(Some(Address(address)));
            }
        });
        cluster.take(reuse);
        cluster.look(|cluster| cluster.pod(P0).head.reused_address())
    };
    assert_eq!(given_away([1, 2]), Some(Address(1)));
    assert_eq!(given_away([2, 1]), given_away([1, 2]));
}

/// CPA-4, MC-9.
#[test]
fn in_a_new_sandbox_init_containers_run_again() {
    let mut cluster = struck(|s| {
        s.workload.template.containers = vec![container(ContainerKind::Init, "init"), app()];
        s.workload.template.serving = 1;
    });
    cluster.settle_until(|action| *action == CREATE);
    cluster.take(CREATE);
    assert!(cluster.can(Kubelet::StartContainer { pod: P0, container: C0 }));
    assert!(!cluster.can(Kubelet::StartContainer { pod: P0, container: C1 }));
}

/// CPA-4: restart counts continue.
#[test]
fn the_back_off_goes_on_in_a_new_sandbox() {
    let mut cluster = struck(|_| {});
    cluster.change(|cluster| cluster.container_mut(P0, C0).set_backoff(3));
    cluster.settle_until(|action| *action == CREATE);
    cluster.take(CREATE);
    assert_eq!(cluster.look(|cluster| cluster.container(P0, C0).backoff()), 3);
}

/// CPA-2.
#[test]
fn a_pod_that_never_restarts_does_not_survive_its_sandbox() {
    let mut cluster = struck(|s| s.workload.template.restart_policy = RestartPolicy::Never);
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(cluster.can(STOP), "its containers are stopped");
    cluster.settle_until(|action| {
        assert_ne!(*action, CREATE);
        *action == Action::Kubelet(Kubelet::BeginTermination { pod: P0 })
    });
    cluster.settle_but(|action| matches!(action, Action::ReplicaSet(_)));
    assert!(cluster.pod(P0).phase.is_terminal());
}

/// SP-4, CPA-13.
#[test]
fn without_a_network_plugin_there_is_no_new_sandbox_and_the_node_is_not_ready() {
    let mut cluster = TestCluster::web(1, 1, |_| {});
    cluster.settle_until(|action| *action == CREATE);
    cluster.befall(Environment::FailCni { node: N0 });
    assert!(!cluster.can(CREATE));
    cluster.take(Kubelet::ReportNodeStatus { node: N0 });
    assert_eq!(cluster.seen().nodes[0].ready, podproof_vocabulary::observation::NodeReady::False);
}

/// SBX-4: StopPodSandbox asks the plugin to tear the network down, and fails without one.
#[test]
fn without_a_network_plugin_a_pod_is_not_done_with_its_termination() {
    let stop = Action::Kubelet(Kubelet::StopSandbox { pod: P0 });
    let mut cluster = TestCluster::running(1, 1, |_| {});
    cluster.delete(P0);
    cluster.settle_until(|action| *action == stop);
    cluster.befall(Environment::FailCni { node: N0 });
    assert!(!cluster.can(stop));
    cluster.settle();
    assert_eq!(
        cluster.seen().slots[0].containers[0].process,
        Process::ExitedOk,
        "its containers are stopped"
    );
    assert!(cluster.owes(podproof_vocabulary::Property::DeletionCompletes));
    // A pod that has got no sandbox yet has no network to be torn down.
    let mut early = TestCluster::web(1, 1, |_| {});
    early.settle_until(|action| *action == CREATE);
    early.befall(Environment::FailCni { node: N0 });
    early.delete(P0);
    early.settle();
    assert!(!early.owes(podproof_vocabulary::Property::DeletionCompletes));
}

/// SP-4: a sync ends before it comes to the runtime, but for one that is there by then.
#[test]
fn without_a_network_plugin_nobody_promises_a_restart_or_a_stop_for_a_probe() {
    let start = Action::Kubelet(Kubelet::StartContainer { pod: P0, container: C0 });
    let mut crashed = TestCluster::running(1, 1, |_| {});
    crashed.befall(Environment::CrashContainer { pod: P0, container: C0 });
    crashed.settle_until(|action| *action == start);
    let mut failing = TestCluster::running(1, 1, |_| {});
    failing.change(|cluster| cluster.container_mut(P0, C0).set_probe_failed(true));
    for (mut cluster, step) in [(crashed, start), (failing, STOP)] {
        let is_fair = |cluster: &TestCluster| {
            cluster.look(|cluster| crate::fairness::unit_of(cluster, &step).is_some())
        };
        assert!(cluster.can(step) && is_fair(&cluster), "{step:?}");
        cluster.befall(Environment::FailCni { node: N0 });
        assert!(cluster.can(step) && !is_fair(&cluster), "{step:?}");
    }
}

/// CPA-13, PLEG-11.
#[test]
fn the_api_shows_an_address_only_after_relist_and_report_and_keeps_it() {
    let mut cluster = TestCluster::web(1, 1, |_| {});
    cluster.settle_until(|action| *action == CREATE);
    cluster.take(CREATE);
    assert_eq!(cluster.pod(P0).address, None);
    assert!(!cluster.can(Kubelet::ReportStatus { pod: P0 }));
    cluster.take(Kubelet::Relist { node: N0 });
    cluster.take(Kubelet::ReportStatus { pod: P0 });
    let address = cluster.pod(P0).address;
    assert_eq!(address, cluster.seen().slots[0].sandbox.address);
    assert!(address.is_some());

    cluster.settle();
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(
        !cluster.can(Kubelet::ReportStatus { pod: P0 }),
        "without a ready sandbox the last address stays"
    );
    assert_eq!(cluster.pod(P0).address, address);
    assert_eq!(cluster.look(|cluster| cluster.pod(P0).kubelet.address_cached()), address);
}

/// CPA-3, CPA-9: `computePodActions` leaves out what succeeded of a pod that restarts on failure.
#[test]
fn an_app_that_is_done_is_not_started_again_in_a_new_sandbox() {
    let start = |container| Kubelet::StartContainer { pod: P0, container };
    for (policy, again) in [(RestartPolicy::OnFailure, false), (RestartPolicy::Always, true)] {
        let mut cluster = TestCluster::running(1, 1, |s| {
            s.workload.template.restart_policy = policy;
            s.workload.template.containers.push(container(ContainerKind::App, "helper"));
        });
        cluster.befall(Environment::FinishContainer { pod: P0, container: C0 });
        cluster.befall(Environment::KillSandbox { pod: P0 });
        cluster.settle_until(|action| *action == CREATE);
        cluster.take(CREATE);
        cluster.settle_but(|action| *action == Action::Kubelet(start(C0)));
        let processes =
            || cluster.seen().slots[0].containers.iter().map(|own| own.process).collect::<Vec<_>>();
        let (first, second) = match again {
            true => (Process::Absent, Process::Absent),
            false => (Process::ExitedOk, Process::Running),
        };
        assert_eq!(processes(), [first, second], "{policy:?}");
        assert_eq!(cluster.can(start(C0)), again, "{policy:?}");
    }
}

/// CPA-3, CPA-4: an app that was stopped for a new sandbox starts in it although it ended with 0, by the sync that stopped it. Once that
/// one has failed, as its new sandbox died as well, the app has succeeded.
#[test]
fn an_app_that_was_stopped_for_a_new_sandbox_is_done_when_that_one_dies_too() {
    let start = |container| Kubelet::StartContainer { pod: P0, container };
    let relist = Kubelet::Relist { node: N0 };
    let mut cluster = TestCluster::running(1, 1, |s| {
        s.workload.template.restart_policy = RestartPolicy::OnFailure;
        s.workload.template.containers.push(container(ContainerKind::App, "helper"));
    });
    cluster.befall(Environment::CrashContainer { pod: P0, container: C1 });
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.take(relist);
    cluster.take(STOP);
    cluster.take(Kubelet::SendSigterm { pod: P0, container: C0 });
    cluster.take(ContainerStep::Exit { pod: P0, container: C0 });
    cluster.take(relist);
    cluster.take(CREATE);
    assert!(cluster.can(start(C0)) && cluster.can(start(C1)));
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.take(relist);
    cluster.take(CREATE);
    assert!(!cluster.can(start(C0)) && cluster.can(start(C1)));
}

/// CPA-4, CPA-6: what an app of the sandbox before has done does not save the init containers their work.
#[test]
fn init_containers_run_again_although_an_app_is_done() {
    let mut cluster = TestCluster::running(1, 1, |s| {
        s.workload.template.restart_policy = RestartPolicy::OnFailure;
        let helper = container(ContainerKind::App, "helper");
        s.workload.template.containers = vec![container(ContainerKind::Init, "init"), app(), helper];
        s.workload.template.serving = 1;
    });
    cluster.befall(Environment::FinishContainer { pod: P0, container: C1 });
    cluster.befall(Environment::CrashContainer { pod: P0, container: C2 });
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.settle_until(|action| *action == CREATE);
    cluster.take(CREATE);
    let starts = |action: &Action| matches!(action, Action::Kubelet(Kubelet::StartContainer { .. }));
    assert_eq!(cluster.take_one(starts), Action::Kubelet(Kubelet::StartContainer { pod: P0, container: C0 }));
    cluster.settle_until(starts);
    assert_eq!(cluster.take_one(starts), Action::Kubelet(Kubelet::StartContainer { pod: P0, container: C2 }));
}

/// PHS-2, PHS-3: an app that has run in a sandbox before does not wait, although the API has not heard that it ran.
#[test]
fn a_pod_whose_apps_have_run_is_running_in_its_new_sandbox_from_the_start() {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    let is_report = |action: &Action| matches!(action, Action::Kubelet(Kubelet::ReportStatus { .. }));
    cluster.change(|cluster| pods::update(cluster, P0, |pod| pod.with_phase(Phase::Pending)));
    // The second time nothing has run in the sandbox that dies.
    for _ in 0..2 {
        cluster.befall(Environment::KillSandbox { pod: P0 });
        cluster.settle_but(|action| is_report(action) || *action == CREATE);
        cluster.take(CREATE);
        assert_eq!(cluster.look(|cluster| status(cluster, P0)).0, Phase::Running);
        cluster.take(Kubelet::Relist { node: N0 });
        assert_eq!(cluster.look(|cluster| status(cluster, P0)).0, Phase::Running);
    }
}

/// STP-6: the last status of a container is told of, whichever sandbox it ran in.
#[test]
fn a_pod_that_ends_before_anything_starts_in_its_new_sandbox_ends_as_it_did_in_the_old_one() {
    for (how, phase) in [(Process::ExitedOk, Phase::Succeeded), (Process::ExitedError, Phase::Failed)] {
        let mut cluster = struck(|_| {});
        cluster.take(Kubelet::Relist { node: N0 });
        cluster.change(|cluster| crate::kubelet::container_runtime::exit(cluster, P0, C0, how));
        for _ in 0..2 {
            cluster.settle_until(|action| *action == CREATE);
            cluster.take(CREATE);
            cluster.take(Kubelet::Relist { node: N0 });
            cluster.befall(Environment::KillSandbox { pod: P0 });
        }
        cluster.delete(P0);
        cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::RemovePod { pod: P0 }));
        assert_eq!(cluster.pod(P0).phase, phase);
    }
}

/// CPA-3: a sync leaves out the apps that it sees to have ended well. It may have begun before the relist that shows an end, and starts that
/// app anew then; if an init container comes first, a later sync does, which sees it. While another sync stops the app none begins.
#[test]
fn an_app_that_ends_by_itself_after_its_sandbox_has_died_is_done_or_started_anew() {
    let start = Kubelet::StartContainer { pod: P0, container: C1 };
    let stop = Kubelet::StopContainer { pod: P0, container: C1 };
    let ended = |has_init: bool, is_seen: bool, ends_late: bool| {
        let mut cluster = TestCluster::running(1, 1, |s| {
            let template = &mut s.workload.template;
            template.restart_policy = RestartPolicy::OnFailure;
            let kind = if has_init { ContainerKind::Init } else { ContainerKind::App };
            template.containers = vec![container(kind, "first"), app()];
            template.serving = 1;
        });
        let end = Environment::FinishContainer { pod: P0, container: C1 };
        if !ends_late {
            cluster.befall(end);
        }
        cluster.befall(Environment::KillSandbox { pod: P0 });
        cluster.take(Kubelet::Relist { node: N0 });
        if ends_late {
            assert!(cluster.can(stop));
            cluster.befall(end);
        }
        if is_seen {
            cluster.take(Kubelet::Relist { node: N0 });
        }
        if !has_init {
            cluster.take(STOP);
            cluster.settle_until(|action| *action == CREATE);
        }
        cluster.take(CREATE);
        cluster
    };
    assert!(ended(false, false, true).can(start), "no sync can have seen that end");
    assert!(ended(false, true, true).can(start), "one may have begun before");
    assert!(!ended(false, false, false).can(start), "each sync sees that end");
    let mut with_init = ended(true, false, true);
    with_init.settle_but(|action| *action == Action::Kubelet(start));
    assert!(!with_init.can(start), "by then it is seen");
    let mut ends = ended(false, true, true);
    ends.befall(Environment::DeletePod { pod: P0 });
    ends.settle_until(|action| *action == Action::Kubelet(Kubelet::BeginTermination { pod: P0 }));
    ends.take(Kubelet::BeginTermination { pod: P0 });
    assert!(!ends.can(start), "nothing of a pod that is to end starts");
}

/// CPA-4, CPA-11: a sync that finds a pod done stops what is left of it for good, with its worker, though its sandbox is dead. One that
/// began before that was seen stops it for a new sandbox.
#[test]
fn what_is_left_of_a_pod_that_is_done_is_stopped_by_a_sync_that_began_before_or_for_good() {
    let stop = Kubelet::StopContainer { pod: P0, container: C0 };
    let begin = Kubelet::BeginTermination { pod: P0 };
    let relist = Kubelet::Relist { node: N0 };
    for policy in [RestartPolicy::OnFailure, RestartPolicy::Never] {
        let with_sidecar = || {
            TestCluster::running(1, 1, |s| {
                s.workload.template.restart_policy = policy;
                s.workload.template.containers = vec![container(ContainerKind::Sidecar, "sidecar"), app()];
                s.workload.template.serving = 1;
            })
        };
        let end = |cluster: &mut TestCluster| {
            cluster.change(|cluster| {
                crate::kubelet::container_runtime::exit(cluster, P0, C1, Process::ExitedOk);
            });
        };
        let mut at_once = with_sidecar();
        end(&mut at_once);
        at_once.befall(Environment::KillSandbox { pod: P0 });
        at_once.take(relist);
        assert!(at_once.can(begin) && !at_once.can(stop), "{policy:?}");
        let mut one_by_one = with_sidecar();
        one_by_one.befall(Environment::KillSandbox { pod: P0 });
        one_by_one.take(relist);
        assert!(!one_by_one.can(begin) && one_by_one.can(stop), "{policy:?}");
        end(&mut one_by_one);
        one_by_one.take(relist);
        assert!(one_by_one.can(begin) && one_by_one.can(stop), "{policy:?}");
    }
}

/// STM-8, STD-3: the status manager takes no status in which an init container that had ended well waits. One that is to run again, for an
/// app that is done, waits if its new sandbox died before it was started; that its pod has succeeded is never told then.
#[test]
fn a_pod_whose_new_sandbox_dies_before_its_init_container_starts_has_failed_though_it_is_done() {
    let end = |minor: u8, between: &dyn Fn(&mut TestCluster)| {
        let mut cluster = TestCluster::running(1, 1, |s| {
            s.release = Release { minor };
            s.workload.template.restart_policy = RestartPolicy::OnFailure;
            s.workload.template.containers = vec![container(ContainerKind::Init, "init"), app()];
            s.workload.template.serving = 1;
        });
        let relist = Kubelet::Relist { node: N0 };
        let stop = Kubelet::StopContainer { pod: P0, container: C1 };
        cluster.befall(Environment::KillSandbox { pod: P0 });
        cluster.take(relist);
        cluster.take(stop);
        cluster.take(Kubelet::SendSigterm { pod: P0, container: C1 });
        cluster.take(ContainerStep::Exit { pod: P0, container: C1 });
        cluster.take(CREATE);
        between(&mut cluster);
        cluster.settle_but(|action| matches!(action, Action::ReplicaSet(_)));
        (cluster.pod(P0).phase, cluster.look(|cluster| cluster.pod(P0).kubelet.worker()))
    };
    let dies = |cluster: &mut TestCluster| cluster.befall(Environment::KillSandbox { pod: P0 });
    assert_eq!(end(36, &dies), (Phase::Failed, Worker::Finished));
    assert_eq!(end(26, &dies), (Phase::Running, Worker::Finished), "PHS-11: before 1.27 nobody says so");
    let dies_seen = |cluster: &mut TestCluster| {
        let known = |cluster: &TestCluster| cluster.look(|cluster| cluster.pod(P0).kubelet.address_cached());
        let before = known(cluster);
        cluster.take(Kubelet::Relist { node: N0 });
        assert_eq!(known(cluster), before, "nor is its new address told");
        dies(cluster);
        cluster.take(Kubelet::Relist { node: N0 });
    };
    assert_eq!(end(36, &dies_seen), (Phase::Failed, Worker::Finished));
    let starts = |cluster: &mut TestCluster| {
        cluster.take(Kubelet::StartContainer { pod: P0, container: C0 });
        dies(cluster);
    };
    assert_eq!(end(36, &starts), (Phase::Succeeded, Worker::Finished), "its end is told");
    let restarts = |cluster: &mut TestCluster| {
        dies_seen(cluster);
        cluster.befall(Environment::StopKubelet { node: N0 });
    };
    assert_eq!(end(36, &restarts), (Phase::Succeeded, Worker::Finished), "nobody knows of the failed start");
}

/// CPA-4, PHS-12: the record of a sidecar goes with its sandbox. A kubelet that starts anew before anything was told has never heard of it,
/// so it waits, and its pod has not ended although its app is done.
#[test]
fn a_sidecar_that_nobody_has_heard_of_keeps_its_pod_from_having_succeeded() {
    let end = |is_told: bool| {
        let mut cluster = TestCluster::running(1, 1, |s| {
            s.workload.template.restart_policy = RestartPolicy::OnFailure;
            s.workload.template.containers = vec![container(ContainerKind::Sidecar, "sidecar"), app()];
            s.workload.template.serving = 1;
        });
        if !is_told {
            cluster.change(|cluster| pods::update(cluster, P0, |pod| pod.with_phase(Phase::Pending)));
        }
        cluster.change(|cluster| {
            cluster.container_mut(P0, C0).set_process(Process::Absent);
            cluster.pod_mut(P0).kubelet.set_sandbox(Sandbox::Dead);
        });
        cluster.change(|cluster| {
            crate::kubelet::container_runtime::exit(cluster, P0, C1, Process::ExitedOk);
        });
        cluster.befall(Environment::StopKubelet { node: N0 });
        cluster.delete(P0);
        cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::RemovePod { pod: P0 }));
        cluster.pod(P0).phase
    };
    assert_eq!(end(true), Phase::Succeeded);
    assert_eq!(end(false), Phase::Failed);
}
