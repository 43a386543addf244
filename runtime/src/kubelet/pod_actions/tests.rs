//! Tests of what a sync has to do: a pod, what runs of it, and the actions.

use std::net::Ipv4Addr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, Probe};
use podproof_vocabulary::Release;

use super::*;
use crate::api::Uid;
use crate::clock::Moment;
use crate::container_runtime::{SandboxId, SandboxStatus};

fn container(name: &str) -> Container {
    Container { name: name.to_owned(), image: Some("i".to_owned()), ..Container::default() }
}

fn sidecar(name: &str) -> Container {
    Container {
        restart_policy: Some("Always".to_owned()),
        startup_probe: Some(Probe::default()),
        liveness_probe: Some(Probe::default()),
        ..container(name)
    }
}

fn pod(policy: &str, init: Vec<Container>) -> KnownPod {
    let mut pod = Pod::default();
    pod.metadata.uid = Some("a".to_owned());
    pod.spec = Some(PodSpec {
        restart_policy: Some(policy.to_owned()),
        init_containers: Some(init),
        containers: vec![container("app"), container("helper")],
        ..PodSpec::default()
    });
    KnownPod::new(Arc::new(pod), Release::NEWEST)
}

/// A status with one ready sandbox and these containers, oldest first: name, state, exit code.
fn status(pod: &KnownPod, containers: &[(&str, ContainerState, i32)]) -> PodStatus {
    let known = containers.iter().enumerate().map(|(index, &(name, state, exit_code))| ContainerStatus {
        id: ContainerId(u32::try_from(index).expect("a few")),
        sandbox: SandboxId(0),
        name: name.into(),
        attempt: 0,
        spec_hash: pod.spec.find(name).expect("it is in the spec").1.hash,
        state,
        started_at: Some(Moment(0)),
        finished_at: None,
        exit_code,
    });
    let mut containers: Vec<_> = known.collect();
    containers.reverse();
    PodStatus { sandboxes: vec![sandbox(0, SandboxState::Ready)], containers, address: None }
}

fn sandbox(attempt: u32, state: SandboxState) -> SandboxStatus {
    SandboxStatus {
        id: SandboxId(attempt),
        uid: Uid::from("a"),
        attempt,
        state,
        host_network: false,
        address: Some(Ipv4Addr::new(10, 1, 0, 1)),
    }
}

fn actions(pod: &KnownPod, status: &PodStatus, results: &[(ProbeKind, u32, ProbeResult)]) -> PodActions {
    actions_in(Release::NEWEST, pod, status, results)
}

fn actions_in(
    release: Release,
    pod: &KnownPod,
    status: &PodStatus,
    results: &[(ProbeKind, u32, ProbeResult)],
) -> PodActions {
    let mut all = ProbeResults::new();
    for &(kind, id, result) in results {
        all.set(&pod.uid, kind, ContainerId(id), result);
    }
    compute(&Situation { pod, status, results: &all, release, slips: Slips::NONE })
}

use ContainerState::{Created, Exited, Running, Unknown};

#[test]
fn a_new_pod_begins_with_a_sandbox_and_its_first_init_container() {
    let expected = PodActions { kill_pod: true, create_sandbox: Some(0), ..PodActions::default() };
    let with_init = pod("Always", vec![container("first"), container("second")]);
    let begins = actions(&with_init, &PodStatus::default(), &[]);
    assert_eq!(begins, PodActions { init_to_start: vec![0], ..expected.clone() });
    let without = pod("Always", Vec::new());
    let begins = actions(&without, &PodStatus::default(), &[]);
    assert_eq!(begins, PodActions { to_start: vec![0, 1], ..expected });
}

/// CPA-1 to CPA-3.
#[test]
fn a_sandbox_that_is_lost_is_replaced_unless_there_is_nothing_to_run() {
    let lost = |policy: &str, code| {
        let pod = pod(policy, Vec::new());
        let mut status = status(&pod, &[("app", Exited, code), ("helper", Exited, code)]);
        status.sandboxes = vec![sandbox(3, SandboxState::NotReady)];
        let actions = actions(&pod, &status, &[]);
        assert!(actions.kill_pod);
        actions.create_sandbox
    };
    assert_eq!(lost("Always", 0), Some(4));
    assert_eq!(lost("OnFailure", 1), Some(4));
    assert_eq!(lost("OnFailure", 0), None, "CPA-3");
    assert_eq!(lost("Never", 1), None, "CPA-2");
}

/// CPA-3: a pod whose apps are all done gets no new sandbox, whatever is known of its init containers and sidecars. Before 1.29 an init
/// container that had failed since brought one.
#[test]
fn a_pod_whose_work_is_done_needs_no_sandbox() {
    let lost = |minor, init: Container, known: (&str, ContainerState, i32)| {
        let pod = pod("OnFailure", vec![init]);
        let mut status = status(&pod, &[known, ("app", Exited, 0), ("helper", Exited, 0)]);
        status.sandboxes = vec![sandbox(0, SandboxState::NotReady)];
        let actions = actions_in(Release { minor }, &pod, &status, &[]);
        assert!(actions.kill_pod);
        actions.create_sandbox
    };
    assert_eq!(lost(36, sidecar("side"), ("side", Exited, 1)), None, "a sidecar that is held back");
    assert_eq!(lost(36, sidecar("side"), ("side", Running, 0)), None, "nobody has probed it yet");
    assert_eq!(lost(36, container("init"), ("init", Exited, 1)), None);
    assert_eq!(lost(28, container("init"), ("init", Exited, 1)), Some(1));
}

#[test]
fn two_ready_sandboxes_or_one_without_an_address_are_replaced() {
    let pod = pod("Always", Vec::new());
    let mut both = status(&pod, &[]);
    both.sandboxes = vec![sandbox(1, SandboxState::Ready), sandbox(0, SandboxState::Ready)];
    assert_eq!(actions(&pod, &both, &[]).create_sandbox, Some(2));
    both.sandboxes.pop();
    assert_eq!(actions(&pod, &both, &[]).create_sandbox, None);
    both.sandboxes[0].address = None;
    assert_eq!(actions(&pod, &both, &[]).create_sandbox, Some(2));
}

/// CPA-9, row by row: what starts again of `app`, while `helper` runs.
#[test]
fn whether_a_container_starts_again_depends_on_its_end_and_the_policy() {
    for (policy, state, code, starts) in [
        ("Always", Exited, 0, true),
        ("Always", Exited, 1, true),
        ("OnFailure", Exited, 0, false),
        ("OnFailure", Exited, 1, true),
        ("Never", Exited, 0, false),
        ("Never", Exited, 1, false),
        ("Never", Created, 0, true),
        ("Never", Unknown, 0, true),
        ("Always", Running, 0, false),
    ] {
        let pod = pod(policy, Vec::new());
        let known = status(&pod, &[("app", state, code), ("helper", Running, 0)]);
        let actions = actions(&pod, &known, &[]);
        assert_eq!(actions.to_start == [0], starts, "{policy} {state:?} {code}");
        let killed = actions.to_kill.iter().any(|&(id, ..)| id == ContainerId(0));
        assert_eq!(killed, state == Unknown, "an unknown one is killed first");
        assert!(!actions.kill_pod);
    }
    let mut gone = pod("Always", Vec::new());
    Arc::make_mut(&mut gone.object).metadata.deletion_timestamp = Some(Moment(0).to_time());
    assert!(actions(&gone, &status(&gone, &[("app", Exited, 1)]), &[]).to_start.is_empty());
}

/// CPA-11.
#[test]
fn a_pod_with_nothing_left_to_run_is_killed_with_its_sidecars() {
    let pod = pod("Never", vec![sidecar("side")]);
    let ended = [("side", Running, 0), ("app", Exited, 0), ("helper", Exited, 0)];
    let actions = actions(&pod, &status(&pod, &ended), &[(ProbeKind::Startup, 0, ProbeResult::Success)]);
    assert!(actions.kill_pod && actions.init_to_start.is_empty() && actions.create_sandbox.is_none());
}

/// CPA-10.
#[test]
fn a_failed_probe_or_a_changed_spec_kills_a_running_container() {
    let run = [("app", Running, 0), ("helper", Running, 0)];
    for (policy, starts) in [("Always", true), ("Never", false)] {
        let pod = pod(policy, Vec::new());
        let known = status(&pod, &run);
        for kind in [ProbeKind::Liveness, ProbeKind::Startup] {
            let actions = actions(&pod, &known, &[(kind, 0, ProbeResult::Failure)]);
            assert_eq!(actions.to_kill.len(), 1);
            assert_eq!(actions.to_start == [0], starts, "{policy} {kind:?}");
        }
        let unready = actions(&pod, &known, &[(ProbeKind::Readiness, 0, ProbeResult::Failure)]);
        assert_eq!(unready, PodActions::default(), "readiness restarts nothing");
        let mut changed = known.clone();
        changed.containers[0].spec_hash += 1;
        let actions = actions(&pod, &changed, &[]);
        assert_eq!(
            (actions.to_start.as_slice(), actions.to_kill.len()),
            (&[1][..], 1),
            "whatever the policy"
        );
    }
}

/// CPA-6, CPA-7, row by row: two init containers, and what starts next.
#[test]
fn init_containers_run_one_after_the_other() {
    let two = || vec![container("first"), container("second")];
    for (policy, known, init, kills, app) in [
        ("Always", &[("first", Running, 0)][..], &[][..], false, false),
        ("Always", &[("first", Exited, 0)], &[1], false, false),
        ("Always", &[("first", Exited, 1)], &[0], false, false),
        ("Never", &[("first", Exited, 1)], &[], true, false),
        ("Always", &[("first", Created, 0)], &[0], false, false),
        ("Always", &[("first", Exited, 0), ("second", Running, 0)], &[], false, false),
        ("Always", &[("first", Exited, 0), ("second", Exited, 0)], &[], false, true),
        ("Always", &[("second", Exited, 0)], &[], false, true),
        ("Always", &[("app", Running, 0), ("helper", Running, 0)], &[], false, false),
    ] {
        let pod = pod(policy, two());
        let actions = actions(&pod, &status(&pod, known), &[]);
        assert_eq!(actions.init_to_start, init, "{policy} {known:?}");
        assert_eq!(actions.kill_pod, kills, "{policy} {known:?}");
        assert_eq!(!actions.to_start.is_empty(), app, "{policy} {known:?}");
    }
}

/// CPA-8: a sidecar, then an init container.
#[test]
fn a_sidecar_lets_the_next_start_once_it_has_started_itself() {
    use ProbeResult::{Failure, Success};
    let mixed = || vec![sidecar("side"), container("init")];
    let started = (ProbeKind::Startup, 0, Success);
    for (known, results, init, kills) in [
        (&[("side", Running, 0)][..], &[][..], &[][..], 0),
        (&[("side", Running, 0)], &[started], &[1], 0),
        (&[("side", Running, 0)], &[(ProbeKind::Startup, 0, Failure)], &[0], 1),
        (&[("side", Running, 0)], &[started, (ProbeKind::Liveness, 0, Failure)], &[0, 1], 1),
        (&[("side", Exited, 0)], &[], &[0], 0),
        (&[("side", Exited, 0), ("init", Exited, 0)], &[], &[0], 0),
        (&[("side", Exited, 1), ("init", Exited, 0), ("app", Running, 0)], &[], &[0], 0),
    ] {
        let pod = pod("Never", mixed());
        let actions = actions(&pod, &status(&pod, known), results);
        assert_eq!(actions.init_to_start, init, "{known:?} {results:?}");
        assert_eq!(actions.to_kill.len(), kills, "{known:?} {results:?}");
    }
}
