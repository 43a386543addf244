//! The status manager: it keeps the newest status that was computed of each pod, patches the API when that changes, repairs
//! what others wrote, and removes the object of a deleted pod when nothing of it is left (S28 `status/status_manager.go`).
//!
//! - this file: what is kept, and what is set
//! - [`merge`]: the status that is written, from the one in the API and the one that was computed
//! - [`write`]: the writes: read the pod, patch its status, delete it

pub mod merge;
#[cfg(test)]
mod tests;
pub mod write;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus as ApiContainer, PodStatus as ApiStatus};

use self::write::Writing;
use super::api_status::conditions::follow_probe;
use super::api_status::containers::{id_text, lost, terminated};
use super::api_status::terminal_phase;
use super::pod::{KnownPod, RestartPolicy, Role};
use crate::api::constants::phase;
use crate::api::{Key, Uid};
use crate::clock::Moment;
use crate::container_runtime::ContainerId;
use podproof_vocabulary::Release;

/// A status that was computed, and how often it changed.
#[derive(Clone, Debug)]
pub struct Versioned {
    /// The status.
    pub status: ApiStatus,
    /// It is the n-th that was computed of this pod.
    pub version: u64,
    /// The pod's object.
    pub key: Key,
    /// Nothing is left of the pod (STD-3).
    pub is_finished: bool,
}

/// The status manager of a kubelet.
#[derive(Clone, Debug)]
pub struct StatusManager {
    statuses: BTreeMap<Uid, Versioned>,
    /// The version of each pod's status that the API has.
    written: BTreeMap<Uid, u64>,
    /// Something was set since the last batch began.
    signalled: bool,
    /// When the next full comparison is due (STM-1).
    next_reconcile: Moment,
    period: Duration,
    writing: Option<Writing>,
}

impl StatusManager {
    /// A status manager that knows no pod, and compares everything once in a period (K-29).
    pub fn new(period: Duration, now: Moment) -> Self {
        Self {
            statuses: BTreeMap::new(),
            written: BTreeMap::new(),
            signalled: false,
            next_reconcile: now + period,
            period,
            writing: None,
        }
    }

    /// The newest status of a pod.
    pub fn get(&self, uid: &Uid) -> Option<&ApiStatus> {
        self.statuses.get(uid).map(|versioned| &versioned.status)
    }

    /// A status was computed. Nothing happens if it says what the one before said, unless the pod is deleting.
    pub fn set(&mut self, pod: &KnownPod, status: ApiStatus) {
        let forced = pod.is_deleting();
        self.update(pod, status, forced, false);
    }

    fn update(&mut self, pod: &KnownPod, status: ApiStatus, forced: bool, is_finished: bool) {
        let cached = self.statuses.get(&pod.uid);
        let old = cached.map(|versioned| &versioned.status).or(pod.object.status.as_ref());
        if old.is_some_and(|old| is_illegal(pod, old, &status)) {
            return;
        }
        if !forced && cached.is_some_and(|versioned| versioned.status == status) {
            return;
        }
        let version = cached.map_or(1, |versioned| versioned.version + 1);
        let is_finished = is_finished || cached.is_some_and(|versioned| versioned.is_finished);
        let versioned = Versioned { status, version, key: pod.key.clone(), is_finished };
        self.statuses.insert(pod.uid.clone(), versioned);
        self.signalled = true;
    }

    /// Nothing is left of a pod (STD-3): what nobody knows the end of has failed, and so has a pod without a terminal phase.
    pub fn terminate(&mut self, pod: &KnownPod, release: Release) {
        let known = self.get(&pod.uid).or(pod.object.status.as_ref());
        let mut status = known.cloned().unwrap_or_default();
        if was_initialized(pod) {
            status.container_statuses.iter_mut().flatten().for_each(end);
        }
        let init = status.init_container_statuses.as_deref_mut().unwrap_or_default();
        let reached = init.iter().rposition(has_run).unwrap_or(0);
        init.iter_mut().take(reached + 1).for_each(end);
        let is_terminal = status.phase.as_deref().and_then(terminal_phase).is_some();
        if !is_terminal && release.writes_terminal_phase_before_removal() {
            status.phase = Some(phase::FAILED.to_owned());
        }
        self.update(pod, status, true, true);
    }

    /// A readiness probe has spoken.
    pub fn set_readiness(&mut self, pod: &KnownPod, container: ContainerId, ready: bool, now: Moment) {
        self.set_flag(pod, container, now, |status| status.ready = ready);
    }

    /// A startup probe has spoken.
    pub fn set_started(&mut self, pod: &KnownPod, container: ContainerId, started: bool, now: Moment) {
        self.set_flag(pod, container, now, |status| status.started = Some(started));
    }

    fn set_flag(
        &mut self,
        pod: &KnownPod,
        container: ContainerId,
        now: Moment,
        set: impl Fn(&mut ApiContainer),
    ) {
        let Some(versioned) = self.statuses.get(&pod.uid) else { return };
        let mut status = versioned.status.clone();
        let id = id_text(container);
        for list in [&mut status.container_statuses, &mut status.init_container_statuses] {
            let mut all = list.iter_mut().flatten();
            if let Some(found) = all.find(|status| status.container_id.as_deref() == Some(&id)) {
                set(found);
            }
        }
        follow_probe(pod, &mut status, now);
        self.update(pod, status, false, false);
    }

    /// Forgets pods that are neither configured nor worked on.
    pub fn retain(&mut self, keep: impl Fn(&Uid) -> bool) {
        self.statuses.retain(|uid, _| keep(uid));
        self.written.retain(|uid, _| keep(uid));
    }
}

/// Ends what has not ended, as far as anybody knows.
fn end(container: &mut ApiContainer) {
    if terminated(container.state.as_ref()).is_none() {
        container.state = Some(lost());
    }
}

/// Does its status show that it was ever started?
fn has_run(status: &ApiContainer) -> bool {
    let waits = status.state.as_ref().is_some_and(|state| state.waiting.is_some());
    !waits || terminated(status.last_state.as_ref()).is_some()
}

/// Had the apps their turn, by what the object says (STD-3; S28 `status_manager.go` `hasPodInitialized`)?
fn was_initialized(pod: &KnownPod) -> bool {
    let Some(last) = pod.spec.init().last() else { return true };
    let Some(told) = &pod.object.status else { return false };
    let ended_well =
        |state: &Option<ContainerState>| terminated(state.as_ref()).is_some_and(|end| end.exit_code == 0);
    let is_through = |status: &ApiContainer| match last.role {
        Role::Sidecar => {
            status.started == Some(true) && status.state.as_ref().is_some_and(|state| state.running.is_some())
        }
        _ => ended_well(&status.last_state) || ended_well(&status.state),
    };
    let is_last = |status: &&ApiContainer| *status.name == *last.name;
    told.container_statuses.iter().flatten().any(has_run)
        || told.init_container_statuses.iter().flatten().find(is_last).is_some_and(is_through)
}

/// STM-8: a container that ended and is never restarted does not come back. A sidecar always may (kubernetes/kubernetes#123323, in
/// patches of 1.28 and 1.29 too).
fn is_illegal(pod: &KnownPod, old: &ApiStatus, new: &ApiStatus) -> bool {
    if pod.spec.restart_policy == RestartPolicy::Always {
        return false;
    }
    let ended = |list: &Option<Vec<ApiContainer>>, name: &str| {
        let found = list.iter().flatten().find(|status| status.name == name);
        found.map(|status| terminated(status.state.as_ref()).map(|end| end.exit_code))
    };
    pod.spec.containers.iter().filter(|container| container.role != Role::Sidecar).any(|container| {
        let (old, new) = match container.role {
            Role::App => (&old.container_statuses, &new.container_statuses),
            _ => (&old.init_container_statuses, &new.init_container_statuses),
        };
        let Some(Some(code)) = ended(old, &container.name) else { return false };
        let restarts = pod.spec.restart_policy == RestartPolicy::OnFailure && code != 0;
        !restarts && ended(new, &container.name) == Some(None)
    })
}
