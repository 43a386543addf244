//! What a sync of a pod has to do, computed from the pod's spec and what the pod cache says of it (S28
//! `kuberuntime_manager.go` `computePodActions`). Nothing is done here.
//!
//! - `init`: init containers and sidecars
//! - this file: the sandbox and the app containers

mod init;
#[cfg(test)]
mod tests;

use podproof_vocabulary::Release;

use crate::container_runtime::{ContainerId, ContainerState, ContainerStatus, ProbeKind, SandboxState};
use crate::kubelet::pod::{ContainerSpec, KnownPod, RestartPolicy};
use crate::kubelet::pod_cache::PodStatus;
use crate::kubelet::probes::results::{ProbeResult, ProbeResults};
use crate::slip::Slips;

/// Why a container is killed while its pod goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillReason {
    /// Its liveness probe failed.
    LivenessProbe,
    /// Its startup probe failed.
    StartupProbe,
    /// Its spec changed.
    SpecChanged,
    /// The runtime cannot say whether it runs.
    Unknown,
}

/// What a sync has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodActions {
    /// Everything of the pod is killed first.
    pub kill_pod: bool,
    /// A new sandbox is made, with this attempt.
    pub create_sandbox: Option<u32>,
    /// Places of the init containers and sidecars to start, in this order.
    pub init_to_start: Vec<usize>,
    /// Places of the app containers to start, in this order.
    pub to_start: Vec<usize>,
    /// Containers to kill, with the place of each in the spec.
    pub to_kill: Vec<(ContainerId, usize, KillReason)>,
}

/// What the actions are computed from.
pub struct Situation<'a> {
    /// The pod.
    pub pod: &'a KnownPod,
    /// What runs of it.
    pub status: &'a PodStatus,
    /// What its probes found.
    pub results: &'a ProbeResults,
    /// The Kubernetes release.
    pub release: Release,
    /// Which wrong mechanisms are on.
    pub slips: Slips,
}

/// Whether a new sandbox is needed, and its attempt (CPA-1).
fn new_sandbox(pod: &KnownPod, status: &PodStatus) -> Option<u32> {
    let Some(newest) = status.sandboxes.first() else { return Some(0) };
    let ready = status.sandboxes.iter().filter(|sandbox| sandbox.state == SandboxState::Ready).count();
    let changed = ready > 1
        || newest.state != SandboxState::Ready
        || newest.host_network != pod.spec.host_network
        || (!pod.spec.host_network && newest.address.is_none());
    changed.then_some(newest.attempt + 1)
}

/// Computes what a sync has to do.
pub fn compute(situation: &Situation<'_>) -> PodActions {
    let &Situation { pod, status, .. } = situation;
    if let Some(attempt) = new_sandbox(pod, status) {
        return with_new_sandbox(situation, attempt);
    }
    let mut actions = PodActions::default();
    let initialized = init::compute(situation, &mut actions);
    if actions.kill_pod || !initialized {
        return actions;
    }
    let mut kept = 0;
    for (place, container) in pod.spec.containers.iter().enumerate().skip(pod.spec.init_count) {
        let Some(known) = status.find(&container.name).filter(|it| it.state == ContainerState::Running)
        else {
            if should_be_restarted(pod, container, status) {
                actions.to_start.push(place);
                if let Some(lost) = unknown(status.find(&container.name)) {
                    actions.to_kill.push((lost.id, place, KillReason::Unknown));
                }
            }
            continue;
        };
        let Some(reason) = kill_reason(container, known, situation.results) else {
            kept += 1;
            continue;
        };
        // CPA-10: a changed spec restarts a container whatever the policy says.
        if reason == KillReason::SpecChanged || pod.spec.restart_policy != RestartPolicy::Never {
            actions.to_start.push(place);
        }
        actions.to_kill.push((known.id, place, reason));
    }
    if kept == 0 && actions.to_start.is_empty() {
        // CPA-11: sidecars alone keep no pod alive.
        actions.kill_pod = true;
        actions.init_to_start.clear();
    }
    actions
}

/// CPA-1 to CPA-4: all is killed, and the pod begins anew in a new sandbox, unless it has nothing left to do.
fn with_new_sandbox(situation: &Situation<'_>, attempt: u32) -> PodActions {
    let &Situation { pod, status, .. } = situation;
    let mut actions = PodActions { kill_pod: true, ..PodActions::default() };
    let never = pod.spec.restart_policy == RestartPolicy::Never;
    if never && attempt != 0 && !status.containers.is_empty() {
        return actions;
    }
    let succeeded = |container: &ContainerSpec| {
        pod.spec.restart_policy == RestartPolicy::OnFailure
            && status
                .find(&container.name)
                .is_some_and(|known| known.state == ContainerState::Exited && known.exit_code == 0)
    };
    let app = pod.spec.containers.iter().enumerate().skip(pod.spec.init_count);
    let to_start: Vec<usize> = app.filter(|(_, it)| !succeeded(it)).map(|(place, _)| place).collect();
    // CPA-3. Where there are native sidecars, apps that ended say themselves that the pod was initialised, whatever its init containers
    // and sidecars say (S28 `hasAnyRegularContainerCreated`).
    let was_initialized =
        || situation.release.has_native_sidecars() || init::compute(situation, &mut PodActions::default());
    if to_start.is_empty() && was_initialized() {
        return actions;
    }
    actions.create_sandbox = Some(attempt);
    if pod.spec.init_count > 0 {
        actions.init_to_start.push(0);
    } else {
        actions.to_start = to_start;
    }
    actions
}

/// CPA-9: whether a container that does not run is started (again).
pub fn should_be_restarted(pod: &KnownPod, container: &ContainerSpec, status: &PodStatus) -> bool {
    if pod.is_deleting() {
        return false;
    }
    let Some(known) = status.find(&container.name) else { return true };
    match known.state {
        ContainerState::Running => false,
        ContainerState::Unknown | ContainerState::Created => true,
        ContainerState::Exited => match pod.spec.restart_policy {
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => known.exit_code != 0,
            RestartPolicy::Never => false,
        },
    }
}

fn unknown(status: Option<&ContainerStatus>) -> Option<&ContainerStatus> {
    status.filter(|status| status.state == ContainerState::Unknown)
}

/// CPA-10: why a running container is killed.
fn kill_reason(
    container: &ContainerSpec,
    known: &ContainerStatus,
    results: &ProbeResults,
) -> Option<KillReason> {
    let failed = |kind| results.get(kind, known.id) == Some(ProbeResult::Failure);
    if known.spec_hash != container.hash {
        Some(KillReason::SpecChanged)
    } else if failed(ProbeKind::Liveness) {
        Some(KillReason::LivenessProbe)
    } else if failed(ProbeKind::Startup) {
        Some(KillReason::StartupProbe)
    } else {
        None
    }
}
