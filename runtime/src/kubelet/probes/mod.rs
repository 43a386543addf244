//! Probes: a worker for each probe of each container of each pod, and what they found (S28 `prober/prober_manager.go`).
//!
//! - [`worker`]: one worker: when it probes, what it counts, when its result changes
//! - [`results`]: the results, by container instance

pub mod results;
#[cfg(test)]
mod tests;
pub mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus as ApiContainer, PodStatus as ApiStatus};
use podproof_vocabulary::Release;

use self::results::{ProbeResult, ProbeResults};
use self::worker::{Situation, Worker};
use super::api_status::Readiness;
use super::api_status::containers::{parse_id, terminated};
use super::pod::{KnownPod, Role};
use crate::api::Uid;
use crate::api::constants::is_ready;
use crate::clock::Moment;
use crate::container_runtime::{ContainerId, ProbeKind};
use crate::slip::{Slip, Slips};

/// A worker's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeKey {
    /// The pod.
    pub uid: Uid,
    /// The container.
    pub container: Arc<str>,
    /// Which of its probes.
    pub kind: ProbeKind,
}

/// All probes of a kubelet.
#[derive(Clone, Debug)]
pub struct Probes {
    workers: BTreeMap<ProbeKey, Worker>,
    results: ProbeResults,
    /// Containers that started before this keep the readiness of their pod until a probe says another (PRB-12).
    keeps_before: Option<Moment>,
}

/// A container that started less than this before its kubelet counts as one that the kubelet started itself (M36
/// `prober/prober_manager.go` `kubeletRestartGracePeriod`).
const RESTART_GRACE: Duration = Duration::from_secs(10);

impl Probes {
    /// The probes of a kubelet that starts.
    pub fn new(release: Release, slips: Slips, now: Moment) -> Self {
        let keeps =
            release.keeps_readiness_over_kubelet_restart() && !slips.has(Slip::ReadinessLostOverRestart);
        let keeps_before = keeps.then(|| now - RESTART_GRACE);
        Self { workers: BTreeMap::new(), results: ProbeResults::new(), keeps_before }
    }

    /// What the probes found.
    pub const fn results(&self) -> &ProbeResults {
        &self.results
    }

    /// The results, for the sync loop to take changes from.
    pub const fn results_mut(&mut self) -> &mut ProbeResults {
        &mut self.results
    }

    /// SP-8: a worker begins for each probe, those of the app containers first, until one has a worker already: then the pod was added
    /// before, and a worker that is over stays so (S28 `AddPod`; until 1.36, kubernetes/kubernetes#138930). Init containers that end have
    /// no probes.
    pub fn add_pod(&mut self, pod: &KnownPod, now: Moment) {
        let sidecars = pod.spec.init().iter().filter(|container| container.role == Role::Sidecar);
        for container in pod.spec.app().iter().chain(sidecars) {
            for kind in ProbeKind::ALL {
                let Some(&spec) = container.probe(kind) else { continue };
                let key = ProbeKey { uid: pod.uid.clone(), container: container.name.clone(), kind };
                if self.workers.contains_key(&key) {
                    return;
                }
                self.workers.insert(key, Worker::new(spec, now));
            }
        }
    }

    /// PRB-10: a pod begins to terminate: its app containers are not restarted any more, readiness goes on.
    pub fn stop_liveness_and_startup(&mut self, pod: &KnownPod) {
        for container in pod.spec.app() {
            for kind in [ProbeKind::Liveness, ProbeKind::Startup] {
                self.stop(&ProbeKey { uid: pod.uid.clone(), container: container.name.clone(), kind });
            }
        }
    }

    /// STP-4: all probes of a pod end.
    pub fn remove_pod(&mut self, uid: &Uid) {
        let keys: Vec<_> = self.workers.keys().filter(|key| key.uid == *uid).cloned().collect();
        keys.iter().for_each(|key| self.stop(key));
    }

    /// Pods that are gone need no probes.
    pub fn retain(&mut self, keep: impl Fn(&Uid) -> bool) {
        let keys: Vec<_> = self.workers.keys().filter(|key| !keep(&key.uid)).cloned().collect();
        keys.iter().for_each(|key| self.stop(key));
    }

    fn stop(&mut self, key: &ProbeKey) {
        if let Some(worker) = self.workers.remove(key)
            && let Some(container) = worker.container()
        {
            self.results.remove(key.kind, container);
        }
    }

    /// The workers that have something to do by now.
    pub fn due(&self, now: Moment) -> impl Iterator<Item = &ProbeKey> {
        self.workers.iter().filter(move |(_, worker)| worker.is_due(now)).map(|(key, _)| key)
    }

    /// When the next worker has something to do that has not yet.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        self.workers.values().filter_map(Worker::next).filter(|&next| next > now).min()
    }

    /// When this worker has something to do next; none if it has a probe on its way, or there is no such worker.
    pub fn next_round(&self, key: &ProbeKey) -> Option<Moment> {
        self.workers.get(key).and_then(Worker::next)
    }

    /// The container that this worker looks at; none if it has seen none yet, or there is no such worker.
    pub fn probed(&self, key: &ProbeKey) -> Option<ContainerId> {
        self.workers.get(key).and_then(Worker::container)
    }

    /// The probes that are on their way.
    pub fn running(&self) -> impl Iterator<Item = &ProbeKey> {
        self.workers.iter().filter(|(_, worker)| worker.is_probing()).map(|(key, _)| key)
    }

    /// A worker begins its round. Tells whether it is due at all.
    pub fn begin(&mut self, key: &ProbeKey, situation: &Situation<'_>) -> bool {
        let Some(worker) = self.workers.get_mut(key).filter(|worker| worker.is_due(situation.now)) else {
            return false;
        };
        if worker.begin(key, situation, self.keeps_before, &mut self.results).is_over() {
            self.stop(key);
        }
        true
    }

    /// A probe that is on its way has its answer. Tells whether it was on its way at all.
    pub fn finish(
        &mut self,
        key: &ProbeKey,
        situation: &Situation<'_>,
        passes: impl FnOnce(ContainerId) -> bool,
    ) -> bool {
        match self.workers.get_mut(key) {
            Some(worker) if worker.is_probing() => {
                worker.finish(key, situation, passes, &mut self.results);
                true
            }
            _ => false,
        }
    }

    fn has_worker(&self, uid: &Uid, name: &str, kind: ProbeKind) -> bool {
        self.workers.contains_key(&ProbeKey { uid: uid.clone(), container: name.into(), kind })
    }

    /// CND-9. A startup probe that has no worker yet, because its kubelet has just started, does not count; from 1.35 on it is so for
    /// good, since the status that says so is kept (PRB-12, kubernetes/kubernetes#142305).
    fn is_started(&self, pod: &KnownPod, status: &ApiContainer) -> bool {
        let runs = status.state.as_ref().is_some_and(|state| state.running.is_some());
        let id = status.container_id.as_deref().and_then(parse_id);
        let result = id.and_then(|id| self.results.get(ProbeKind::Startup, id));
        runs && match result {
            Some(result) => result == ProbeResult::Success,
            None => {
                let is_kept = self.keeps_before.is_some() && status.started == Some(true);
                is_kept || !self.has_worker(&pod.uid, &status.name, ProbeKind::Startup)
            }
        }
    }

    /// CND-9: a container whose readiness probe has not run yet is not ready, and is probed at once.
    ///
    /// The status is made before the workers of a pod begin (SP-1, SP-8): so a container that a kubelet finds running when it
    /// starts counts as one without a probe, and is ready for a moment (kubernetes/kubernetes#135795). From 1.35 on it is as
    /// ready as its pod was, unless it started just before (PRB-12; M36 `setReadyStateOnKubeletRestart`).
    fn is_ready(&mut self, pod: &KnownPod, status: &ApiContainer) -> bool {
        let Some(running) = status.state.as_ref().and_then(|state| state.running.as_ref()) else {
            return false;
        };
        let id = status.container_id.as_deref().and_then(parse_id);
        let result = id.and_then(|id| self.results.get(ProbeKind::Readiness, id));
        if result == Some(ProbeResult::Success) {
            return true;
        }
        let key = ProbeKey {
            uid: pod.uid.clone(),
            container: status.name.as_str().into(),
            kind: ProbeKind::Readiness,
        };
        let worker = self.workers.get_mut(&key);
        let has_worker = worker.is_some();
        worker.into_iter().for_each(Worker::trigger);
        if worker::started_before(running, self.keeps_before) {
            let spec = pod.spec.find(&status.name).map(|(_, spec)| spec);
            let has_probe = spec.is_some_and(|spec| spec.probe(ProbeKind::Readiness).is_some());
            return (!has_worker || result.is_none()) && (!has_probe || is_ready(&pod.object));
        }
        !has_worker
    }
}

impl Readiness for Probes {
    fn update(&mut self, pod: &KnownPod, status: &mut ApiStatus) {
        for container in status.container_statuses.iter_mut().flatten() {
            let started = self.is_started(pod, container);
            container.started = Some(started);
            container.ready = started && self.is_ready(pod, container);
        }
        for container in status.init_container_statuses.iter_mut().flatten() {
            let role = pod.spec.find(&container.name).map(|(_, spec)| spec.role);
            if role == Some(Role::Sidecar) {
                let started = self.is_started(pod, container);
                container.started = Some(started);
                container.ready = started && self.is_ready(pod, container);
            } else {
                container.ready = terminated(container.state.as_ref()).is_some_and(|end| end.exit_code == 0);
            }
        }
    }
}
