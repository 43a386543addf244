//! Tests of kills that the whole kubelet would show only by chance: failures, retries, who waits for whom.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Lifecycle, LifecycleHandler, Pod, PodSpec, SleepAction};
use podproof_vocabulary::Release;

use super::container::HookState;
use super::*;
use crate::container_runtime::simulated::RuntimeStep;
use crate::container_runtime::{Answer, ContainerState};
use crate::kubelet::pod::Role;
use crate::kubelet::test_host::TestHost;
use crate::slip::Slips;

fn running(id: u32, name: &str) -> ContainerStatus {
    ContainerStatus {
        id: ContainerId(id),
        sandbox: SandboxId(1),
        name: name.into(),
        attempt: 0,
        spec_hash: 1,
        state: ContainerState::Running,
        started_at: None,
        finished_at: None,
        exit_code: 0,
    }
}

/// KIL-12: of a pod that the runtime alone knows there are no hooks, and its grace period is raised to 2 s (KIL-5). What failed to
/// stop does not keep the sandboxes from being stopped.
#[test]
fn an_orphan_gets_two_seconds() {
    let mut host = TestHost::new(Slips::NONE);
    let sandbox = host.sandbox("a", 0);
    let container = host.container(sandbox, "app", 0);
    let status = PodStatus { containers: vec![running(container.0, "app")], ..PodStatus::default() };
    let mut kill = host.with(|host| KillPod::begin(&Uid::from("a"), None, &status, Grace::Seconds(1), host));
    assert_eq!(host.with(|host| kill.advance(host)), None);
    assert_eq!(kill.containers()[0].hook(), HookState::None);
    let call = host.next_call().expect("a stop was sent");
    let Some(Request::StopContainer { timeout_seconds, .. }) = host.runtime.request(call) else {
        panic!("no stop")
    };
    assert_eq!(*timeout_seconds, 2);
    host.perform(call);
    host.runtime.complete(RuntimeStep::Exit(container), host.now()).expect("it got SIGTERM");
    let outcome = host.answer(call);
    assert_eq!(outcome, Ok(Answer::Done));
    assert_eq!(host.with(|host| kill.on_answer(call, &outcome, host)), Some(Ok(())));
}

#[test]
fn a_stop_that_fails_is_an_error_after_the_sandboxes() {
    let mut host = TestHost::new(Slips::NONE);
    let sandbox = host.sandbox("a", 0);
    let container = host.container(sandbox, "app", 0);
    let status = PodStatus {
        containers: vec![running(container.0, "app")],
        sandboxes: vec![crate::container_runtime::SandboxStatus {
            id: sandbox,
            uid: Uid::from("a"),
            attempt: 0,
            state: crate::container_runtime::SandboxState::Ready,
            host_network: false,
            address: None,
        }],
        address: None,
    };
    let mut kill = host.with(|host| KillPod::begin(&Uid::from("a"), None, &status, Grace::Seconds(1), host));
    host.with(|host| kill.advance(host));
    let stop = host.next_call().expect("a stop was sent");
    let failed = Err(RuntimeError::DeadlineExceeded);
    host.with(|host| host.runtime.abandon(stop));
    assert_eq!(host.with(|host| kill.on_answer(stop, &failed, host)), None, "the sandbox comes next");
    let mut calls = Vec::new();
    host.runtime.pending(host.now(), &mut calls);
    let stop = calls.iter().find_map(|step| match *step {
        RuntimeStep::Perform(call) if matches!(host.runtime.request(call), Some(Request::StopSandbox(_))) => {
            Some(call)
        }
        _ => None,
    });
    let stop = stop.expect("the sandbox is stopped");
    host.perform(stop);
    let outcome = host.answer(stop);
    assert_eq!(
        host.with(|host| kill.on_answer(stop, &outcome, host)),
        Some(Err(RuntimeError::DeadlineExceeded))
    );
}

/// KIL-8: a sidecar waits for the next one of the spec alone, and for none if that does not run.
#[test]
fn a_sidecar_that_does_not_run_breaks_the_chain() {
    let told = |runs: &[&str]| {
        let mut host = TestHost::new(Slips::NONE);
        let sandbox = host.sandbox("a", 0);
        let named = |name: &str, policy: Option<&str>| Container {
            name: name.to_owned(),
            restart_policy: policy.map(str::to_owned),
            ..Container::default()
        };
        let init = ["first", "second", "third"].map(|name| named(name, Some("Always")));
        let spec = PodSpec {
            init_containers: Some(init.to_vec()),
            containers: vec![named("app", None)],
            ..PodSpec::default()
        };
        let pod = KnownPod::new(Arc::new(Pod { spec: Some(spec), ..Pod::default() }), Release::NEWEST);
        let containers = runs.iter().map(|name| running(host.container(sandbox, name, 0).0, name)).collect();
        let status = PodStatus { containers, ..PodStatus::default() };
        let begin =
            |host: &mut Host<'_, '_>| KillPod::begin(&pod.uid, Some(&pod), &status, Grace::Seconds(9), host);
        let mut kill = host.with(begin);
        assert_eq!(host.with(|host| kill.advance(host)), None);
        let stops = |host: &TestHost, kill: &KillPod| {
            let is_told = |it: &&KillContainer| !it.awaits_turn() && !it.is_done();
            let ids: Vec<_> = kill.containers.iter().filter(is_told).map(KillContainer::id).collect();
            let name = |id: &ContainerId| host.runtime.containers().find(|(own, _)| own == id);
            ids.iter().filter_map(name).map(|(_, it)| it.status.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(stops(&host, &kill), ["app"]);
        let stop = host.next_call().expect("a stop was sent");
        host.perform(stop);
        let app = kill.containers.iter().find(|it| it.role() == Role::App).expect("it runs").id();
        host.runtime.complete(RuntimeStep::Exit(app), host.now()).expect("it got SIGTERM");
        let outcome = host.answer(stop);
        assert_eq!(host.with(|host| kill.on_answer(stop, &outcome, host)), None);
        stops(&host, &kill)
    };
    assert_eq!(told(&["first", "second", "third", "app"]), ["third"]);
    assert_eq!(told(&["first", "second", "app"]), ["second"]);
    assert_eq!(told(&["first", "third", "app"]), ["first", "third"]);
}

/// KIL-1, KIL-3: each container's hook begins by itself, and until it has, nothing else happens to that container.
#[test]
fn hooks_begin_one_by_one() {
    let mut host = TestHost::new(Slips::NONE);
    let sandbox = host.sandbox("a", 0);
    let hooked = |name: &str| Container {
        name: name.to_owned(),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                sleep: Some(SleepAction { seconds: 3 }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        ..Container::default()
    };
    let spec = PodSpec { containers: vec![hooked("app"), hooked("other")], ..PodSpec::default() };
    let pod = KnownPod::new(Arc::new(Pod { spec: Some(spec), ..Pod::default() }), Release::NEWEST);
    let ids = ["app", "other"].map(|name| host.container(sandbox, name, 0));
    let containers = vec![running(ids[0].0, "app"), running(ids[1].0, "other")];
    let status = PodStatus { containers, ..PodStatus::default() };
    let mut kill = host.with(|host| KillPod::begin(&pod.uid, Some(&pod), &status, Grace::Seconds(9), host));
    assert_eq!(host.with(|host| kill.advance(host)), None);
    let hooks = |kill: &KillPod| kill.containers().iter().map(KillContainer::hook).collect::<Vec<_>>();
    assert_eq!(hooks(&kill), [HookState::None, HookState::None]);
    assert!(kill.pending(host.now()).eq(ids.map(|id| (id, KillStep::BeginPreStop))));
    let now = host.now();
    assert_eq!(host.with(|host| kill.step(ids[1], KillStep::BeginPreStop, host)), Some(None));
    assert_eq!(hooks(&kill), [HookState::None, HookState::Running]);
    assert_eq!(kill.next_deadline(now), Some(now + std::time::Duration::from_secs(3)));
}
