//! What a sync starts: sandbox, init containers, sidecars, apps; restarts and their back-off.

use podproof_vocabulary::ContainerId;
use podproof_vocabulary::action::{Action, Container as ContainerStep, Environment, Kubelet};
use podproof_vocabulary::catalogue::app;
use podproof_vocabulary::observation::{Phase, Process};
use podproof_vocabulary::release::Release;
use podproof_vocabulary::scenario::{
    Container, ContainerKind, ContainerPort, Probe, Protocol, RestartPolicy, Scenario,
};

use super::container;
use crate::test_cluster::{C0, C1, C2, N0, P0, TestCluster};

const RELIST: Kubelet = Kubelet::Relist { node: N0 };

fn start(container: ContainerId) -> Kubelet {
    Kubelet::StartContainer { pod: P0, container }
}

fn exit(container: ContainerId) -> ContainerStep {
    ContainerStep::Exit { pod: P0, container }
}

/// The containers that may be started.
fn startable(cluster: &TestCluster) -> Vec<u8> {
    let container = |action: &Action| match action {
        Action::Kubelet(Kubelet::StartContainer { container, .. }) => Some(container.0),
        _ => None,
    };
    cluster.enabled().iter().filter_map(container).collect()
}

/// A pod in its sandbox, with nothing started.
fn in_sandbox(containers: Vec<Container>, tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = TestCluster::web(1, 1, |s| {
        let serving = containers.iter().position(|container| container.kind == ContainerKind::App);
        s.workload.template.serving = serving.unwrap() as u8;
        s.workload.template.containers = containers;
        tweak(s);
    });
    cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::CreateSandbox { pod: P0 }));
    assert!(startable(&cluster).is_empty(), "nothing starts before the sandbox (CPA-12)");
    cluster.take(Kubelet::CreateSandbox { pod: P0 });
    cluster
}

fn always_probe() -> Probe {
    Probe {
        initial_delay_seconds: 0,
        period_seconds: 1,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    }
}

/// CPA-12, as the recording of a pod with a helper shows: one after the other, without waiting for readiness.
#[test]
fn app_containers_start_in_spec_order_without_waiting_for_readiness() {
    let helper = container(ContainerKind::App, "helper");
    let main = Container { listens_after_seconds: 5, readiness_probe: Some(always_probe()), ..app() };
    let mut cluster = in_sandbox(vec![main, helper], |_| {});
    assert_eq!(startable(&cluster), [0]);
    cluster.take(start(C0));
    assert_eq!(startable(&cluster), [1]);
    cluster.take(start(C1));
    assert!(startable(&cluster).is_empty());
}

/// CPA-6, CPA-7, MC-9.
#[test]
fn init_containers_run_one_after_the_other_before_any_app() {
    let init = |name| container(ContainerKind::Init, name);
    let mut cluster = in_sandbox(vec![init("init1"), init("init2"), app()], |_| {});
    assert_eq!(startable(&cluster), [0]);
    cluster.take(start(C0));
    assert!(startable(&cluster).is_empty());
    cluster.take(exit(C0));
    assert!(startable(&cluster).is_empty(), "not before the PLEG has seen it (PLEG-21)");
    cluster.take(RELIST);
    assert_eq!(startable(&cluster), [1]);
    cluster.take(start(C1));
    assert!(startable(&cluster).is_empty());
    cluster.take(exit(C1));
    cluster.take(RELIST);
    assert_eq!(startable(&cluster), [2]);
}

/// PHS-2.
#[test]
fn a_pod_stays_pending_until_all_its_app_containers_were_started() {
    let mut cluster = in_sandbox(
        vec![container(ContainerKind::Init, "init"), app(), container(ContainerKind::App, "helper")],
        |_| {},
    );
    for phase in [Phase::Pending, Phase::Pending, Phase::Running] {
        cluster.take_one(|action| matches!(action, Action::Kubelet(Kubelet::StartContainer { .. })));
        if cluster.can(exit(C0)) {
            cluster.take(exit(C0));
        }
        cluster.settle_but(|action| matches!(action, Action::Kubelet(Kubelet::StartContainer { .. })));
        assert_eq!(cluster.pod(P0).phase, phase);
    }
    assert!(cluster.pod(P0).ready);
}

fn fails_init(policy: RestartPolicy) -> TestCluster {
    let mut cluster = in_sandbox(vec![container(ContainerKind::Init, "init"), app()], |s| {
        s.workload.template.restart_policy = policy;
    });
    cluster.take(start(C0));
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    cluster.take(RELIST);
    cluster
}

/// CPA-7, MC-10.
#[test]
fn a_failed_init_container_is_run_again_unless_the_policy_is_never() {
    for policy in [RestartPolicy::Always, RestartPolicy::OnFailure] {
        assert_eq!(startable(&fails_init(policy)), [0], "{policy:?}");
    }
}

/// CPA-7, PHS-1.
#[test]
fn a_failed_init_container_fails_a_pod_that_never_restarts() {
    let mut cluster = fails_init(RestartPolicy::Never);
    assert!(startable(&cluster).is_empty());
    cluster.settle_but(|action| matches!(action, Action::ReplicaSet(_)));
    assert_eq!(cluster.pod(P0).phase, Phase::Failed);
}

fn sidecar(startup_probe: Option<Probe>) -> Container {
    Container { startup_probe, listens_after_seconds: 1, ..container(ContainerKind::Sidecar, "proxy") }
}

/// CPA-8.
#[test]
fn a_sidecar_starts_before_the_apps_and_goes_on() {
    let mut cluster = in_sandbox(vec![sidecar(None), app()], |_| {});
    assert_eq!(startable(&cluster), [0]);
    cluster.take(start(C0));
    assert_eq!(startable(&cluster), [1], "it need not be ready");
    assert!(!cluster.can(exit(C0)));
}

/// CPA-8.
#[test]
fn a_sidecar_with_a_startup_probe_holds_up_the_apps_until_it_has_passed() {
    let mut cluster = in_sandbox(vec![sidecar(Some(always_probe())), app()], |_| {});
    cluster.take(start(C0));
    cluster.take(RELIST);
    assert!(startable(&cluster).is_empty());
    cluster.take(ContainerStep::Listen { pod: P0, container: C0 });
    cluster.take(Kubelet::PassStartup { pod: P0, container: C0 });
    assert_eq!(startable(&cluster), [1]);
}

/// CPA-8.
#[test]
fn a_sidecar_is_restarted_whatever_the_policy_and_however_it_exits() {
    let mut cluster =
        in_sandbox(vec![sidecar(None), app()], |s| s.workload.template.restart_policy = RestartPolicy::Never);
    cluster.settle();
    for how in [Process::ExitedError, Process::ExitedOk] {
        cluster.change(|cluster| crate::kubelet::container_runtime::exit(cluster, P0, C0, how));
        cluster.take(RELIST);
        cluster.change(|cluster| cluster.container_mut(P0, C0).set_backoff(0));
        assert_eq!(startable(&cluster), [0], "{how:?}");
        cluster.take(start(C0));
        cluster.settle();
    }
}

/// CPA-11, PHS-12.
#[test]
fn a_sidecar_does_not_keep_a_completed_pod_alive() {
    let mut cluster =
        in_sandbox(vec![sidecar(None), app()], |s| s.workload.template.restart_policy = RestartPolicy::Never);
    cluster.settle();
    cluster.change(|cluster| crate::kubelet::container_runtime::exit(cluster, P0, C1, Process::ExitedOk));
    cluster.settle_but(|action| matches!(action, Action::ReplicaSet(_)));
    assert_eq!(cluster.pod(P0).phase, Phase::Succeeded);
}

/// CPA-6, CPA-11: in a new sandbox the sidecars start one after the other although the app is done, and are stopped then.
#[test]
fn sidecars_of_a_new_sandbox_start_before_a_completed_pod_is_stopped() {
    let begin = Kubelet::BeginTermination { pod: P0 };
    let mut cluster = in_sandbox(vec![sidecar(None), sidecar(Some(always_probe())), app()], |s| {
        s.workload.template.restart_policy = RestartPolicy::OnFailure;
    });
    cluster.take(start(C0));
    cluster.take(RELIST);
    cluster.change(|cluster| {
        let done = cluster.container_mut(P0, C2);
        done.set_process(Process::ExitedOk);
        done.set_cached(Process::ExitedOk);
    });
    assert!(!cluster.can(begin), "the second one is to start");
    cluster.take(start(C1));
    cluster.take(RELIST);
    assert!(!cluster.can(begin), "and to pass its probe");
    cluster.take(ContainerStep::Listen { pod: P0, container: C1 });
    cluster.take(Kubelet::PassStartup { pod: P0, container: C1 });
    assert!(cluster.can(begin));
    cluster.change(|cluster| {
        for own in [C0, C1] {
            let container = cluster.container_mut(P0, own);
            container.set_process(Process::ExitedError);
            container.set_cached(Process::ExitedError);
            container.set_touched(false);
        }
    });
    assert!(cluster.can(begin), "nothing of it runs, so its phase says that it has ended");
}

/// 13.2: before 1.29 the field was dropped.
#[test]
fn before_native_sidecars_a_sidecar_is_an_init_container_that_never_ends() {
    let mut cluster = in_sandbox(vec![sidecar(None), app()], |s| s.release = Release { minor: 28 });
    cluster.settle();
    assert_eq!(cluster.pod(P0).phase, Phase::Pending);
    assert_eq!(cluster.seen().slots[0].containers[1].process, Process::Absent);
}

/// CPA-9, with the exits that the runtime shows.
#[test]
fn an_app_container_restarts_as_its_policy_says() {
    use RestartPolicy::{Always, Never, OnFailure};
    for (policy, how, restarts) in [
        (Always, Process::ExitedOk, true),
        (Always, Process::ExitedError, true),
        (OnFailure, Process::ExitedError, true),
        (OnFailure, Process::ExitedOk, false),
        (Never, Process::ExitedError, false),
        (Never, Process::ExitedOk, false),
    ] {
        let mut cluster = TestCluster::running(1, 1, |s| s.workload.template.restart_policy = policy);
        cluster.change(|cluster| crate::kubelet::container_runtime::exit(cluster, P0, C0, how));
        assert!(startable(&cluster).is_empty(), "not before the PLEG has seen it");
        cluster.take(RELIST);
        assert_eq!(!startable(&cluster).is_empty(), restarts, "{policy:?} {how:?}");
    }
}

/// MC-7, as the recording of a pod with a helper shows.
#[test]
fn the_crash_of_one_container_leaves_the_others_alone() {
    let mut cluster = TestCluster::running(1, 1, |s| {
        s.workload.template.containers.push(container(ContainerKind::App, "helper"));
    });
    cluster.befall(Environment::CrashContainer { pod: P0, container: C1 });
    cluster.settle_but(|action| *action == Action::Kubelet(start(C1)));
    assert!(!cluster.pod(P0).ready, "MC-15");
    assert_eq!(cluster.pod(P0).phase, Phase::Running);
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::Running);
    cluster.take(start(C1));
    cluster.settle();
    assert!(cluster.pod(P0).ready);
}

/// MC-6, CPA-13: an init container has ended before an app starts, and runs beside the sidecars before it.
#[test]
fn an_init_container_shares_its_port_with_those_alone_that_run_beside_it() {
    let port = ContainerPort { name: String::new(), port: 8080, protocol: Protocol::Tcp, host: None };
    let of = |kind, name| Container { ports: vec![port.clone()], ..container(kind, name) };
    let conflicts = |containers: Vec<Container>| {
        let cluster = TestCluster::web(1, 1, |s| {
            s.workload.template.serving = (containers.len() - 1) as u8;
            s.workload.template.containers = containers;
        });
        cluster.look(|cluster| {
            cluster
                .container_ids()
                .map(|id| cluster.rules.container(id).port_conflicts.clone())
                .collect::<Vec<_>>()
        })
    };
    let init = || of(ContainerKind::Init, "init");
    let sidecar = || of(ContainerKind::Sidecar, "sidecar");
    assert_eq!(conflicts(vec![init(), app()]), [vec![], vec![]]);
    assert_eq!(conflicts(vec![sidecar(), init(), app()]), [vec![C1, C2], vec![C0], vec![C0]]);
    assert_eq!(conflicts(vec![init(), sidecar(), app()]), [vec![], vec![C2], vec![C1]]);
}

/// MC-6.
#[test]
fn of_two_containers_on_one_port_the_second_fails_to_start() {
    let port = ContainerPort { name: String::new(), port: 8080, protocol: Protocol::Tcp, host: None };
    let second = Container { ports: vec![port.clone()], ..container(ContainerKind::App, "second") };
    let mut cluster = in_sandbox(vec![app(), second], |_| {});
    cluster.take(start(C0));
    cluster.take(start(C1));
    let containers = cluster.seen().slots[0].containers.clone();
    assert_eq!(containers[0].process, Process::Running);
    assert_eq!((containers[1].process, containers[1].accepting), (Process::ExitedError, false));

    let other = ContainerPort { protocol: Protocol::Udp, ..port };
    let second = Container { ports: vec![other], ..container(ContainerKind::App, "second") };
    let mut cluster = in_sandbox(vec![app(), second], |_| {});
    cluster.take(start(C0));
    cluster.take(start(C1));
    assert_eq!(
        cluster.seen().slots[0].containers[1].process,
        Process::Running,
        "another protocol is another port"
    );
}

/// A process accepts connections when it is ready to, an init container never.
#[test]
fn a_process_listens_when_its_annotation_says() {
    let late = Container { listens_after_seconds: 5, ..app() };
    let mut cluster = in_sandbox(vec![container(ContainerKind::Init, "init"), late], |_| {});
    cluster.take(start(C0));
    assert!(!cluster.can(ContainerStep::Listen { pod: P0, container: C0 }));
    assert!(!cluster.seen().slots[0].containers[0].accepting);
    cluster.settle_until(|action| *action == Action::Kubelet(start(C1)));
    cluster.take(start(C1));
    assert!(!cluster.seen().slots[0].containers[1].accepting);
    cluster.take(ContainerStep::Listen { pod: P0, container: C1 });
    assert!(cluster.seen().slots[0].containers[1].accepting);
    assert!(!cluster.can(ContainerStep::Listen { pod: P0, container: C1 }));
}

/// PW-16: what the kubelet has started itself it does not judge before the next relist.
#[test]
fn a_container_that_dies_at_once_is_started_again_only_after_a_relist() {
    let mut cluster = in_sandbox(vec![app()], |_| {});
    cluster.take(start(C0));
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    assert!(startable(&cluster).is_empty());
    cluster.take(RELIST);
    assert_eq!(startable(&cluster), [0]);
}

/// SRC-5, F-7.
#[test]
fn with_a_stuck_relist_nothing_starts() {
    let mut cluster = TestCluster::web(1, 1, |_| {});
    cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::CreateSandbox { pod: P0 }));
    cluster.befall(Environment::HangRuntime { node: N0 });
    assert!(!cluster.can(Kubelet::CreateSandbox { pod: P0 }));
}
