//! The status of each container for the API (S28 `kubelet_pods.go` `convertToAPIContainerStatuses`).

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    ContainerState as ApiState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus as ApiContainer, PodStatus as ApiStatus,
};

use super::Generation;
use crate::container_runtime::{ContainerId, ContainerState, ContainerStatus};
use crate::kubelet::pod::{ContainerSpec, KnownPod, Role};
use crate::kubelet::pod_actions::should_be_restarted;
use crate::kubelet::pod_cache::PodStatus;

/// Why the containers of one pod could not be started, by name.
pub type Reasons = BTreeMap<Arc<str>, &'static str>;

/// Reasons of a waiting or terminated container.
pub mod reason {
    #![expect(missing_docs, reason = "the names are Kubernetes' own")]
    pub const CONTAINER_CREATING: &str = "ContainerCreating";
    pub const POD_INITIALIZING: &str = "PodInitializing";
    pub const CRASH_LOOP_BACK_OFF: &str = "CrashLoopBackOff";
    pub const ERR_IMAGE_PULL: &str = "ErrImagePull";
    pub const IMAGE_PULL_BACK_OFF: &str = "ImagePullBackOff";
    pub const CREATE_CONTAINER_ERROR: &str = "CreateContainerError";
    pub const RUN_CONTAINER_ERROR: &str = "RunContainerError";
    pub const POST_START_HOOK_ERROR: &str = "PostStartHookError";
    pub const COMPLETED: &str = "Completed";
    pub const ERROR: &str = "Error";
    pub const CONTAINER_STATUS_UNKNOWN: &str = "ContainerStatusUnknown";
}

/// The exit code of a container whose end nobody saw.
const UNKNOWN_EXIT_CODE: i32 = 137;

const SCHEME: &str = "podproof://";

/// A container's `containerID`.
pub fn id_text(id: ContainerId) -> String {
    format!("{SCHEME}{}", id.0)
}

/// The container that a `containerID` stands for.
pub fn parse_id(text: &str) -> Option<ContainerId> {
    text.strip_prefix(SCHEME)?.parse().ok().map(ContainerId)
}

/// Fills in the statuses of init containers, sidecars and app containers.
pub(super) fn fill(generation: &Generation<'_>, old: Option<&ApiStatus>, status: &mut ApiStatus) {
    let spec = &generation.pod.spec;
    let has_init = spec.init_count > 0;
    let old_of = |of: fn(&ApiStatus) -> &Option<Vec<ApiContainer>>| {
        old.and_then(|old| of(old).as_deref()).unwrap_or_default()
    };
    let init_old = old_of(|old| &old.init_container_statuses);
    let init: Vec<ApiContainer> =
        spec.init().iter().map(|it| one(generation, it, init_old, reason::POD_INITIALIZING)).collect();
    let default = if has_init { reason::POD_INITIALIZING } else { reason::CONTAINER_CREATING };
    let app_old = old_of(|old| &old.container_statuses);
    let app = spec.app().iter().map(|it| one(generation, it, app_old, default)).collect();
    status.init_container_statuses = has_init.then_some(init);
    status.container_statuses = Some(app);
}

fn one(
    generation: &Generation<'_>,
    container: &ContainerSpec,
    old: &[ApiContainer],
    default: &'static str,
) -> ApiContainer {
    let Generation { pod, runtime, .. } = *generation;
    let old = old.iter().find(|old| *old.name == *container.name);
    let mut status = initial(container, old, default);
    let mut seen = runtime.containers.iter().filter(|known| known.name == container.name);
    match seen.next() {
        None => infer_lost(pod, old, &mut status),
        Some(newest) => {
            // What was said before of its last state is not kept: that is what the runtime still has.
            status = ApiContainer {
                name: status.name,
                state: Some(convert(newest, old)),
                restart_count: i32::try_from(newest.attempt).unwrap_or(i32::MAX),
                container_id: Some(id_text(newest.id)),
                ..ApiContainer::default()
            };
            // PRB-12: what was said of this very container is kept, from 1.35 on.
            let keeps = generation.release.keeps_readiness_over_kubelet_restart();
            let said = old.filter(|old| keeps && old.container_id == status.container_id);
            status.started = said.and_then(|old| old.started);
            if let Some(before) = seen.next() {
                status.last_state = Some(convert(before, None));
            }
        }
    }
    wait_for_restart(generation, container, &mut status);
    status.image = container.image.to_string();
    status
}

/// A container that waits, or that had ended when it was looked at last.
fn initial(container: &ContainerSpec, old: Option<&ApiContainer>, default: &str) -> ApiContainer {
    let mut status = ApiContainer {
        name: container.name.to_string(),
        state: Some(waiting(default)),
        ..ApiContainer::default()
    };
    if let Some(old) = old {
        if terminated(old.state.as_ref()).is_some() {
            status = old.clone();
            status.ready = false;
            status.started = None;
        } else {
            status.restart_count = old.restart_count;
            status.last_state.clone_from(&old.last_state);
        }
    }
    status
}

/// A container that ran when it was looked at last, and of which nothing is left, ended: nobody knows how.
fn infer_lost(pod: &KnownPod, old: Option<&ApiContainer>, status: &mut ApiContainer) {
    let ran = old.is_some_and(|old| old.state.as_ref().is_some_and(|state| state.running.is_some()));
    if !ran || terminated(status.last_state.as_ref()).is_some() {
        return;
    }
    status.last_state = Some(lost());
    if !pod.is_deleting() {
        status.restart_count += 1;
    }
}

/// A container that is to be started again waits, if its start failed the last time.
fn wait_for_restart(generation: &Generation<'_>, container: &ContainerSpec, status: &mut ApiContainer) {
    let Generation { pod, runtime, reasons, .. } = *generation;
    if container.role == Role::Init && is_done(runtime, container) {
        return;
    }
    let sidecar_restarts = container.role == Role::Sidecar && !pod.is_deleting();
    if !sidecar_restarts && !should_be_restarted(pod, container, runtime) {
        return;
    }
    let Some(reason) = reasons.get(&container.name) else { return };
    let runs = status.state.as_ref().is_some_and(|state| state.running.is_some());
    if runs {
        return;
    }
    if terminated(status.state.as_ref()).is_some() {
        status.last_state = status.state.take();
    }
    status.state = Some(waiting(reason));
}

fn is_done(runtime: &PodStatus, container: &ContainerSpec) -> bool {
    runtime
        .find(&container.name)
        .is_some_and(|known| known.state == ContainerState::Exited && known.exit_code == 0)
}

fn convert(known: &ContainerStatus, old: Option<&ApiContainer>) -> ApiState {
    match known.state {
        ContainerState::Running => ApiState {
            running: Some(ContainerStateRunning { started_at: known.started_at.map(|at| at.to_time()) }),
            ..ApiState::default()
        },
        ContainerState::Exited => {
            let reason = if known.exit_code == 0 { reason::COMPLETED } else { reason::ERROR };
            ApiState {
                terminated: Some(ContainerStateTerminated {
                    container_id: Some(id_text(known.id)),
                    exit_code: known.exit_code,
                    finished_at: known.finished_at.map(|at| at.to_time()),
                    reason: Some(reason.to_owned()),
                    started_at: known.started_at.map(|at| at.to_time()),
                    ..ContainerStateTerminated::default()
                }),
                ..ApiState::default()
            }
        }
        ContainerState::Unknown
            if old.is_some_and(|old| old.state.as_ref().is_some_and(|it| it.running.is_some())) =>
        {
            lost()
        }
        ContainerState::Created | ContainerState::Unknown => waiting(reason::CONTAINER_CREATING),
    }
}

/// A container whose end nobody saw.
pub fn lost() -> ApiState {
    ApiState {
        terminated: Some(ContainerStateTerminated {
            exit_code: UNKNOWN_EXIT_CODE,
            reason: Some(reason::CONTAINER_STATUS_UNKNOWN.to_owned()),
            ..ContainerStateTerminated::default()
        }),
        ..ApiState::default()
    }
}

fn waiting(reason: &str) -> ApiState {
    ApiState {
        waiting: Some(ContainerStateWaiting { reason: Some(reason.to_owned()), message: None }),
        ..ApiState::default()
    }
}

/// The end of a container, if it ended.
pub fn terminated(state: Option<&ApiState>) -> Option<&ContainerStateTerminated> {
    state.and_then(|state| state.terminated.as_ref())
}
