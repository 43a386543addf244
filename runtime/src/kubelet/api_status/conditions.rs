//! The conditions of a pod that its kubelet owns (CND-1 to CND-5; S28 `status/generate.go`).

use k8s_openapi::api::core::v1::{ContainerStatus as ApiContainer, PodCondition, PodStatus as ApiStatus};

use super::containers::terminated;
use super::{Generation, terminal_phase};
use crate::api::constants::condition::{DISRUPTION_TARGET, FALSE, POD_SCHEDULED, READY, TRUE};
use crate::api::constants::{phase, pod_condition};
use crate::api::patch::merge_pod_condition;
use crate::clock::Moment;
use crate::container_runtime::SandboxState;
use crate::kubelet::pod::{KnownPod, Role};

/// CND-2.
pub const READY_TO_START_CONTAINERS: &str = "PodReadyToStartContainers";
/// CND-3.
pub const INITIALIZED: &str = "Initialized";
/// CND-4.
pub const CONTAINERS_READY: &str = "ContainersReady";

/// Whether the kubelet owns a condition: what it says of it counts (STM-3).
pub fn is_owned(type_: &str) -> bool {
    matches!(type_, POD_SCHEDULED | READY_TO_START_CONTAINERS | INITIALIZED | CONTAINERS_READY | READY)
}

/// Sets every condition that the kubelet owns, and keeps those of others as the object has them. The one that it shares with others
/// stays as it was when the status was made before (CND-7; S28 `generateAPIPodStatus`).
pub(super) fn fill(generation: &Generation<'_>, old: Option<&ApiStatus>, status: &mut ApiStatus) {
    let stored = generation.pod.object.status.as_ref().and_then(|status| status.conditions.as_deref());
    let mut conditions: Vec<PodCondition> =
        stored.unwrap_or_default().iter().filter(|condition| !is_owned(&condition.type_)).cloned().collect();
    let before = old.and_then(|old| old.conditions.as_deref()).unwrap_or_default();
    if let Some(target) = before.iter().find(|condition| condition.type_ == DISRUPTION_TARGET) {
        merge_pod_condition(&mut conditions, target.clone());
    }
    let ready = containers_ready(generation.pod, status);
    let newest = generation.runtime.sandboxes.first();
    let has_network = newest.is_some_and(|sandbox| {
        sandbox.state == SandboxState::Ready && (sandbox.host_network || sandbox.address.is_some())
    });
    let gates = gates_hold(generation.pod);
    let owned = [
        (READY_TO_START_CONTAINERS, has_network),
        (INITIALIZED, is_initialized(generation, status)),
        (READY, ready && gates),
        (CONTAINERS_READY, ready),
        (POD_SCHEDULED, true),
    ];
    // CND-2 is from 1.29 on.
    let has_network_condition = generation.release.minor >= 29;
    let owned =
        owned.into_iter().filter(|&(type_, _)| type_ != READY_TO_START_CONTAINERS || has_network_condition);
    for (type_, holds) in owned {
        conditions.push(dated(type_, holds, before, generation.now));
    }
    status.conditions = Some(conditions);
}

/// A probe has spoken: Ready and ContainersReady follow at once (S28 `status_manager.go` `SetContainerReadiness`).
pub fn follow_probe(pod: &KnownPod, status: &mut ApiStatus, now: Moment) {
    let ready = containers_ready(pod, status);
    let before = status.conditions.take().unwrap_or_default();
    let mut conditions = before.clone();
    for (type_, holds) in [(READY, ready && gates_hold(pod)), (CONTAINERS_READY, ready)] {
        merge_pod_condition(&mut conditions, dated(type_, holds, &before, now));
    }
    status.conditions = Some(conditions);
}

/// The condition, with the moment at which it last changed.
fn dated(type_: &str, holds: bool, before: &[PodCondition], now: Moment) -> PodCondition {
    let value = if holds { TRUE } else { FALSE };
    let same = before.iter().find(|condition| condition.type_ == type_ && condition.status == value);
    PodCondition {
        type_: type_.to_owned(),
        status: value.to_owned(),
        last_transition_time: same
            .and_then(|same| same.last_transition_time.clone())
            .or_else(|| Some(now.to_time())),
        ..PodCondition::default()
    }
}

/// CND-4: of every app container and sidecar; a terminal pod is not ready.
fn containers_ready(pod: &KnownPod, status: &ApiStatus) -> bool {
    if status.phase.as_deref().and_then(terminal_phase).is_some() {
        return false;
    }
    let ready = |list: &Option<Vec<ApiContainer>>, name: &str| {
        list.iter().flatten().any(|status| status.name == name && status.ready)
    };
    pod.spec.containers.iter().all(|container| match container.role {
        Role::Init => true,
        Role::Sidecar => ready(&status.init_container_statuses, &container.name),
        Role::App => ready(&status.container_statuses, &container.name),
    })
}

/// CND-5: every readiness gate's condition is true in the object.
fn gates_hold(pod: &KnownPod) -> bool {
    gates(pod).all(|gate| gate == Some(TRUE))
}

/// What the object says of each readiness gate.
fn gates(pod: &KnownPod) -> impl Iterator<Item = Option<&str>> {
    let gates = pod.object.spec.as_ref().and_then(|spec| spec.readiness_gates.as_deref());
    gates.unwrap_or_default().iter().map(|gate| {
        let condition = pod_condition(&pod.object, &gate.condition_type);
        condition.map(|condition| condition.status.as_str())
    })
}

/// Does a pod with readiness gates say of itself that it is Ready, or not, where the rest of its object says otherwise? Or would it, its
/// containers being ready, have to say another thing of its gates than in the copy of before (S28 `NeedToReconcilePodReadiness`, which
/// compares messages, that statuses have not here)?
pub fn readiness_differs(old: Option<&KnownPod>, pod: &KnownPod) -> bool {
    let told = pod_condition(&pod.object, READY).filter(|_| gates(pod).next().is_some());
    let (Some(told), Some(status)) = (told, &pod.object.status) else { return false };
    let ready = containers_ready(pod, status);
    let value = if ready && gates_hold(pod) { TRUE } else { FALSE };
    told.status != value || ready && old.is_some_and(|old| !gates(old).eq(gates(pod)))
}

/// CND-3.
fn is_initialized(generation: &Generation<'_>, status: &ApiStatus) -> bool {
    if status.phase.as_deref() == Some(phase::SUCCEEDED) {
        return true;
    }
    let started = status.container_statuses.iter().flatten().any(|status| {
        let state = status.state.as_ref();
        state.is_some_and(|state| state.running.is_some())
            || terminated(state).is_some()
            || terminated(status.last_state.as_ref()).is_some()
    });
    started
        || generation.pod.spec.init().iter().all(|container| {
            let known =
                status.init_container_statuses.iter().flatten().find(|it| *it.name == *container.name);
            known.is_some_and(|known| match container.role {
                Role::Sidecar => known.started == Some(true),
                _ => terminated(known.state.as_ref()).is_some_and(|end| end.exit_code == 0),
            })
        })
}
