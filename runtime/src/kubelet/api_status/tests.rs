//! Tests of the status for the API: what a runtime says, and what the API is told.

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{
    Container, ContainerStateRunning, ContainerStatus as ApiContainer, Pod, PodCondition, PodReadinessGate,
    PodSpec,
};

use super::containers::{id_text, parse_id, reason, terminated};
use super::*;
use crate::container_runtime::{
    ContainerId, ContainerState, ContainerStatus, SandboxId, SandboxState, SandboxStatus,
};

/// Containers that run are started and ready.
struct NoProbes;

impl Readiness for NoProbes {
    fn update(&mut self, _: &KnownPod, status: &mut ApiStatus) {
        let lists = [&mut status.container_statuses, &mut status.init_container_statuses];
        for container in lists.into_iter().flat_map(|list| list.iter_mut().flatten()) {
            let runs = container.state.as_ref().is_some_and(|state| state.running.is_some());
            container.started = Some(runs);
            container.ready = runs;
        }
    }
}

fn pod(policy: &str, init: &[(&str, bool)], app: &[&str]) -> KnownPod {
    let container = |name: &str, sidecar: bool| Container {
        name: name.to_owned(),
        restart_policy: sidecar.then(|| "Always".to_owned()),
        ..Container::default()
    };
    let spec = PodSpec {
        restart_policy: Some(policy.to_owned()),
        init_containers: Some(init.iter().map(|&(name, sidecar)| container(name, sidecar)).collect()),
        containers: app.iter().map(|name| container(name, false)).collect(),
        ..PodSpec::default()
    };
    KnownPod::new(Arc::new(Pod { spec: Some(spec), ..Pod::default() }), Release::NEWEST)
}

/// Newest last: name, state, exit code.
fn runtime(containers: &[(&str, ContainerState, i32)]) -> PodStatus {
    let known = containers.iter().enumerate().map(|(index, &(name, state, exit_code))| ContainerStatus {
        id: ContainerId(u32::try_from(index).expect("a few")),
        sandbox: SandboxId(0),
        name: name.into(),
        attempt: u32::try_from(index).expect("a few"),
        spec_hash: 0,
        state,
        started_at: Some(Moment(1_000)),
        finished_at: (state == Exited).then_some(Moment(2_000)),
        exit_code,
    });
    let mut containers: Vec<_> = known.collect();
    containers.reverse();
    let address = Some(Ipv4Addr::new(10, 1, 0, 1));
    let sandbox = SandboxStatus {
        id: SandboxId(0),
        uid: Uid::from("a"),
        attempt: 0,
        state: SandboxState::Ready,
        host_network: false,
        address,
    };
    PodStatus { sandboxes: vec![sandbox], containers, address }
}

fn told(pod: &KnownPod, runtime: &PodStatus, old: Option<&ApiStatus>, is_terminal: bool) -> ApiStatus {
    let generation = Generation {
        pod,
        runtime,
        old,
        reasons: &Reasons::new(),
        is_terminal,
        release: Release::NEWEST,
        now: Moment(5_000),
    };
    generate(&generation, &mut NoProbes)
}

fn phase(pod: &KnownPod, containers: &[(&str, ContainerState, i32)], is_terminal: bool) -> String {
    told(pod, &runtime(containers), None, is_terminal).phase.expect("there is always one")
}

fn condition(status: &ApiStatus, type_: &str) -> bool {
    status.conditions.iter().flatten().any(|it| it.type_ == type_ && it.status == "True")
}

use ContainerState::{Created, Exited, Running};

/// PHS-3 to PHS-9 for a pod of two containers.
#[test]
fn the_phase_follows_from_the_containers() {
    for (policy, one, other, terminal, expected) in [
        ("Always", None, None, false, "Pending"),
        ("Always", Some((Running, 0)), None, false, "Pending"),
        ("Always", Some((Running, 0)), Some((Created, 0)), false, "Pending"),
        ("Always", Some((Running, 0)), Some((Running, 0)), false, "Running"),
        ("Always", Some((Running, 0)), Some((Exited, 1)), false, "Running"),
        ("Always", Some((Exited, 0)), Some((Exited, 0)), false, "Running"),
        ("OnFailure", Some((Exited, 0)), Some((Exited, 0)), false, "Succeeded"),
        ("OnFailure", Some((Exited, 0)), Some((Exited, 1)), false, "Running"),
        ("Never", Some((Exited, 0)), Some((Exited, 0)), false, "Succeeded"),
        ("Never", Some((Exited, 0)), Some((Exited, 1)), false, "Failed"),
        ("Never", Some((Exited, 0)), Some((Running, 0)), false, "Running"),
        ("Always", Some((Exited, 0)), Some((Exited, 0)), true, "Succeeded"),
        ("Always", Some((Exited, 0)), Some((Exited, 137)), true, "Failed"),
    ] {
        let pod = pod(policy, &[], &["one", "other"]);
        let known = [("one", one), ("other", other)];
        let known: Vec<_> =
            known.iter().filter_map(|&(name, it)| it.map(|(state, code)| (name, state, code))).collect();
        assert_eq!(phase(&pod, &known, terminal), expected, "{policy} {known:?}");
    }
}

/// PHS-1, PHS-2, PHS-12.
#[test]
fn init_containers_hold_a_pod_pending_and_sidecars_never_keep_it_running() {
    let with_init = |policy| pod(policy, &[("init", false)], &["app"]);
    assert_eq!(phase(&with_init("Always"), &[("init", Running, 0)], false), "Pending");
    assert_eq!(phase(&with_init("Always"), &[("init", Exited, 1)], false), "Pending", "MC-10");
    assert_eq!(phase(&with_init("Never"), &[("init", Exited, 1)], false), "Failed");
    let started = [("init", Exited, 0), ("app", Running, 0)];
    assert_eq!(phase(&with_init("Always"), &started, false), "Running");
    assert_eq!(
        phase(&with_init("Always"), &[("app", Running, 0)], false),
        "Running",
        "its last state is gone"
    );
    let with_sidecar = pod("Never", &[("side", true)], &["app"]);
    assert_eq!(phase(&with_sidecar, &[("side", Running, 0)], false), "Pending");
    assert_eq!(phase(&with_sidecar, &[("side", Exited, 1), ("app", Exited, 0)], true), "Succeeded");
}

/// PHS-10.
#[test]
fn a_terminal_phase_stays() {
    let pod = pod("Always", &[], &["app"]);
    let failed = ApiStatus {
        phase: Some("Failed".to_owned()),
        reason: Some("Evicted".to_owned()),
        ..ApiStatus::default()
    };
    let status = told(&pod, &runtime(&[("app", Running, 0)]), Some(&failed), false);
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("Evicted")));
    assert!(!condition(&status, "Ready") && !condition(&status, "ContainersReady"));
}

#[test]
fn the_newest_container_counts_and_the_one_before_is_its_last_state() {
    let pod = pod("Always", &[], &["app"]);
    let status = told(&pod, &runtime(&[("app", Exited, 3), ("app", Running, 0)]), None, false);
    let app = &status.container_statuses.as_ref().expect("there is one")[0];
    assert_eq!(app.restart_count, 1);
    assert_eq!(parse_id(app.container_id.as_deref().expect("it has one")), Some(ContainerId(1)));
    assert_eq!(terminated(app.last_state.as_ref()).expect("it ended").exit_code, 3);
    assert!(app.ready && status.pod_ip.as_deref() == Some("10.1.0.1"));
}

/// Its last state is what its runtime still has: what was said before is not kept (S28 `convertToAPIContainerStatuses`).
#[test]
fn the_last_state_is_forgotten_with_its_container() {
    let pod = pod("Always", &[], &["app"]);
    let first = told(&pod, &runtime(&[("app", Exited, 3), ("app", Running, 0)]), None, false);
    let later = told(&pod, &runtime(&[("app", Running, 0)]), Some(&first), false);
    assert_eq!(later.container_statuses.expect("there is one")[0].last_state, None);
    let gone = told(&pod, &runtime(&[]), Some(&first), false);
    let app = &gone.container_statuses.as_ref().expect("there is one")[0];
    assert_eq!(terminated(app.last_state.as_ref()).expect("it ended").exit_code, 3, "nothing is left");
}

/// STD-3 and MC's surprise: a container that ran and is gone ended somehow; unless its pod is deleted, it was restarted.
#[test]
fn a_container_that_vanished_has_ended() {
    let pod = pod("Always", &[], &["app"]);
    let running = ApiContainer {
        name: "app".to_owned(),
        container_id: Some(id_text(ContainerId(7))),
        restart_count: 2,
        state: Some(k8s_openapi::api::core::v1::ContainerState {
            running: Some(ContainerStateRunning::default()),
            ..Default::default()
        }),
        ..ApiContainer::default()
    };
    let old = ApiStatus { container_statuses: Some(vec![running]), ..ApiStatus::default() };
    let status = told(&pod, &runtime(&[]), Some(&old), false);
    let app = &status.container_statuses.as_ref().expect("there is one")[0];
    let end = terminated(app.last_state.as_ref()).expect("it ended");
    assert_eq!((end.exit_code, end.reason.as_deref()), (137, Some(reason::CONTAINER_STATUS_UNKNOWN)));
    assert_eq!(app.restart_count, 3);
    assert_eq!(status.phase.as_deref(), Some("Running"));
}

/// CND-1 to CND-5.
#[test]
fn conditions_say_how_far_the_pod_is() {
    let mut pod = pod("Always", &[("init", false)], &["app"]);
    let all = ["PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready", "PodScheduled"];
    let held = |pod: &KnownPod, runtime: &PodStatus| {
        let status = told(pod, runtime, None, false);
        all.map(|type_| condition(&status, type_))
    };
    assert_eq!(held(&pod, &PodStatus::default()), [false, false, false, false, true]);
    assert_eq!(held(&pod, &runtime(&[("init", Running, 0)])), [true, false, false, false, true]);
    let up = runtime(&[("init", Exited, 0), ("app", Running, 0)]);
    assert_eq!(held(&pod, &up), [true; 5]);
    // CND-5: a readiness gate that nobody has opened.
    let object = Arc::make_mut(&mut pod.object);
    let gate = PodReadinessGate { condition_type: "example.com/gate".to_owned() };
    object.spec.as_mut().expect("it has one").readiness_gates = Some(vec![gate]);
    assert_eq!(held(&pod, &up), [true, true, true, false, true]);
    let open = PodCondition {
        type_: "example.com/gate".to_owned(),
        status: "True".to_owned(),
        ..PodCondition::default()
    };
    Arc::make_mut(&mut pod.object).status =
        Some(ApiStatus { conditions: Some(vec![open]), ..ApiStatus::default() });
    assert_eq!(held(&pod, &up), [true; 5]);
    let status = told(&pod, &up, None, false);
    assert!(condition(&status, "example.com/gate"), "STM-3: it stays");
    // CND-2 is from 1.29 on.
    for (minor, said) in [(28, false), (29, true)] {
        let generation = Generation {
            pod: &pod,
            runtime: &up,
            old: None,
            reasons: &Reasons::new(),
            is_terminal: false,
            release: Release { minor },
            now: Moment(5_000),
        };
        let status = generate(&generation, &mut NoProbes);
        assert_eq!(condition(&status, "PodReadyToStartContainers"), said, "1.{minor}");
    }
}

#[test]
fn a_condition_keeps_the_moment_of_its_last_change() {
    let pod = pod("Always", &[], &["app"]);
    let up = runtime(&[("app", Running, 0)]);
    let first = told(&pod, &up, None, false);
    let generation = Generation {
        pod: &pod,
        runtime: &up,
        old: Some(&first),
        reasons: &Reasons::new(),
        is_terminal: false,
        release: Release::NEWEST,
        now: Moment(90_000),
    };
    assert_eq!(generate(&generation, &mut NoProbes), first, "nothing changed but the time");
}

/// CLB, CPA-14: a container whose start failed waits, and says why.
#[test]
fn a_container_whose_start_failed_waits() {
    let pod = pod("Always", &[], &["app"]);
    let reasons = Reasons::from([("app".into(), reason::CRASH_LOOP_BACK_OFF)]);
    let known = runtime(&[("app", Exited, 1)]);
    let generation = Generation {
        pod: &pod,
        runtime: &known,
        old: None,
        reasons: &reasons,
        is_terminal: false,
        release: Release::NEWEST,
        now: Moment(5_000),
    };
    let status = generate(&generation, &mut NoProbes);
    let app = &status.container_statuses.as_ref().expect("there is one")[0];
    let waits = app.state.as_ref().and_then(|state| state.waiting.as_ref());
    assert_eq!(waits.and_then(|it| it.reason.as_deref()), Some("CrashLoopBackOff"));
    assert_eq!(terminated(app.last_state.as_ref()).expect("it ended").exit_code, 1);
    assert_eq!(status.phase.as_deref(), Some("Running"), "PHS-14");
    // EVM-7, PHS-4: it is stopped for good while it is held back.
    for (code, policy, expected) in
        [(0, "Always", "Failed"), (1, "Always", "Failed"), (0, "OnFailure", "Succeeded")]
    {
        let (pod, known) = (self::pod(policy, &[], &["app"]), runtime(&[("app", Exited, code)]));
        let stopped = Generation { pod: &pod, runtime: &known, is_terminal: true, ..generation };
        let phase = generate(&stopped, &mut NoProbes).phase;
        assert_eq!(phase.as_deref(), Some(expected), "{code} {policy}");
    }
}
