//! Which init containers and sidecars a sync starts (CPA-6 to CPA-8; S28 `kuberuntime_container.go`
//! `computeInitContainerActions`).

use super::{KillReason, PodActions, Situation};
use crate::container_runtime::{ContainerState, ContainerStatus, ProbeKind};
use crate::kubelet::pod::{ContainerSpec, RestartPolicy, Role};
use crate::kubelet::probes::results::{ProbeResult, ProbeResults};
use crate::slip::Slip;

/// Adds what is to be done for init containers and sidecars. Tells whether the app containers may start.
pub(super) fn compute(situation: &Situation<'_>, actions: &mut PodActions) -> bool {
    let &Situation { pod, status, results, .. } = situation;
    let init = pod.spec.init();
    let Some(last) = init.len().checked_sub(1) else { return true };
    // CPA-6. An app container that exited proves nothing: it may be one of the sandbox before this one.
    let app_is_there = pod.spec.app().iter().any(|container| {
        let state = status.find(&container.name).map(|known| known.state);
        matches!(state, Some(ContainerState::Created | ContainerState::Running))
    });
    let mut initialized = app_is_there && !situation.slips.has(Slip::InitRunsAgainBesideApp);
    // Whether the container in hand is known to have been through before.
    let mut before = initialized;
    let restarts = pod.spec.restart_policy != RestartPolicy::Never;
    // Backwards: those before the last one that is known may have been removed after they were done.
    for (place, container) in init.iter().enumerate().rev() {
        let sidecar = container.role == Role::Sidecar;
        let Some(known) = status.find(&container.name) else {
            if before && sidecar {
                actions.init_to_start.push(place);
            }
            continue;
        };
        if before && !sidecar {
            continue;
        }
        match known.state {
            ContainerState::Created => actions.init_to_start.push(place),
            ContainerState::Running if sidecar => {
                if sidecar_runs(container, known, results, place, actions) && !before {
                    next(place, last, actions, &mut initialized);
                }
            }
            ContainerState::Running => {}
            ContainerState::Exited if sidecar => actions.init_to_start.push(place),
            ContainerState::Exited if known.exit_code == 0 => next(place, last, actions, &mut initialized),
            ContainerState::Exited | ContainerState::Unknown => {
                // CPA-7: of a pod that is never restarted, one failed init container is the end.
                if !sidecar && !restarts {
                    actions.kill_pod = true;
                    actions.init_to_start.clear();
                    return false;
                }
                if known.state == ContainerState::Unknown {
                    actions.to_kill.push((known.id, place, KillReason::Unknown));
                }
                actions.init_to_start.push(place);
            }
        }
        before = true;
    }
    if !before {
        actions.init_to_start.push(0);
    }
    actions.init_to_start.sort_unstable();
    initialized
}

/// One is through: the next may start, or the pod is initialised.
fn next(place: usize, last: usize, actions: &mut PodActions, initialized: &mut bool) {
    if place == last {
        *initialized = true;
    } else {
        actions.init_to_start.push(place + 1);
    }
}

/// CPA-8: whether a running sidecar counts as started. One that failed its startup or liveness probe is restarted.
fn sidecar_runs(
    container: &ContainerSpec,
    known: &ContainerStatus,
    results: &ProbeResults,
    place: usize,
    actions: &mut PodActions,
) -> bool {
    let mut restart = |reason| {
        actions.to_kill.push((known.id, place, reason));
        actions.init_to_start.push(place);
    };
    if container.probe(ProbeKind::Startup).is_some() {
        match results.get(ProbeKind::Startup, known.id) {
            Some(ProbeResult::Success) => {}
            Some(ProbeResult::Failure) => {
                restart(KillReason::StartupProbe);
                return false;
            }
            Some(ProbeResult::Unknown) | None => return false,
        }
    }
    if results.get(ProbeKind::Liveness, known.id) == Some(ProbeResult::Failure) {
        restart(KillReason::LivenessProbe);
    } else if known.spec_hash != container.hash {
        restart(KillReason::SpecChanged);
    }
    true
}
