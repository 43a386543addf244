//! Tests of kills that the whole kubelet would show only by chance: failures, retries, who waits for whom.

use super::container::HookState;
use super::*;
use crate::container_runtime::simulated::RuntimeStep;
use crate::container_runtime::{Answer, ContainerState};
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
