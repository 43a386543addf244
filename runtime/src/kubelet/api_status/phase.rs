//! The phase of a pod (PHS-1 to PHS-15; S28 `kubelet_pods.go` `getPhase`).

use k8s_openapi::api::core::v1::{ContainerStatus as ApiContainer, PodStatus as ApiStatus};

use super::containers::terminated;
use crate::api::constants::phase::{FAILED, PENDING, RUNNING, SUCCEEDED};
use crate::kubelet::pod::{KnownPod, RestartPolicy, Role};

#[derive(Default)]
struct Counts {
    waiting: usize,
    running: usize,
    stopped: usize,
    succeeded: usize,
    unknown: usize,
}

/// The phase that containers of these states make. `is_terminal`: they are stopped for good.
pub(super) fn phase_of(pod: &KnownPod, status: &ApiStatus, is_terminal: bool) -> &'static str {
    let statuses = |list: &Option<Vec<ApiContainer>>, name: &str| {
        list.iter().flatten().find(|status| status.name == name).cloned()
    };
    let (mut pending_init, mut failed_init) = (0, 0);
    let mut counts = Counts::default();
    for container in pod.spec.init() {
        let known = statuses(&status.init_container_statuses, &container.name);
        if container.role == Role::Sidecar {
            count_sidecar(known.as_ref(), &mut counts, &mut pending_init);
        } else {
            count_init(known.as_ref(), &mut pending_init, &mut failed_init);
        }
    }
    // Whether an app container was ever started: then the pod was initialised once.
    let mut started = false;
    for container in pod.spec.app() {
        let known = statuses(&status.container_statuses, &container.name);
        started |= known.as_ref().is_some_and(has_started);
        count_app(known.as_ref(), &mut counts);
    }
    let never = pod.spec.restart_policy == RestartPolicy::Never;
    if failed_init > 0 && never {
        return FAILED;
    }
    if (pending_init > 0 && !started) || counts.waiting > 0 {
        return PENDING;
    }
    if counts.running > 0 && counts.unknown == 0 {
        return RUNNING;
    }
    if counts.running > 0 || counts.stopped == 0 || counts.unknown > 0 {
        return PENDING;
    }
    let all_succeeded = counts.stopped == counts.succeeded;
    match pod.spec.restart_policy {
        _ if is_terminal && all_succeeded => SUCCEEDED,
        _ if is_terminal => FAILED,
        RestartPolicy::Always => RUNNING,
        _ if all_succeeded => SUCCEEDED,
        RestartPolicy::Never => FAILED,
        RestartPolicy::OnFailure => RUNNING,
    }
}

fn has_started(status: &ApiContainer) -> bool {
    let state = status.state.as_ref();
    state.is_some_and(|state| state.running.is_some())
        || terminated(state).is_some()
        || terminated(status.last_state.as_ref()).is_some()
}

fn count_init(known: Option<&ApiContainer>, pending: &mut usize, failed: &mut usize) {
    let Some(known) = known else {
        *pending += 1;
        return;
    };
    let end = terminated(known.state.as_ref())
        .or_else(|| known.state.as_ref()?.waiting.as_ref().and(terminated(known.last_state.as_ref())));
    match end {
        Some(end) if end.exit_code != 0 => *failed += 1,
        Some(_) => {}
        None => *pending += 1,
    }
}

/// Sidecars count as running, and as waiting before they were started; never as stopped (PHS-12).
fn count_sidecar(known: Option<&ApiContainer>, counts: &mut Counts, pending: &mut usize) {
    let Some(known) = known else {
        counts.unknown += 1;
        return;
    };
    let state = known.state.as_ref();
    if state.is_some_and(|state| state.running.is_some()) {
        if known.started != Some(true) {
            *pending += 1;
        }
        counts.running += 1;
    } else if terminated(state).is_none() && terminated(known.last_state.as_ref()).is_none() {
        counts.waiting += 1;
        *pending += 1;
    }
}

fn count_app(known: Option<&ApiContainer>, counts: &mut Counts) {
    let Some(known) = known else {
        counts.unknown += 1;
        return;
    };
    let state = known.state.as_ref();
    if state.is_some_and(|state| state.running.is_some()) {
        counts.running += 1;
        return;
    }
    if let Some(end) = terminated(state) {
        counts.stopped += 1;
        counts.succeeded += usize::from(end.exit_code == 0);
    } else if state.is_some_and(|state| state.waiting.is_some()) {
        // One that is held back has stopped, but not well, however it ended.
        match terminated(known.last_state.as_ref()) {
            Some(_) => counts.stopped += 1,
            None => counts.waiting += 1,
        }
    } else {
        counts.unknown += 1;
    }
}
