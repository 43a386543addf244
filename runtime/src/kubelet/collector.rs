//! The removal of what is dead: of each container name of a pod one dead container is kept for its status, and of a pod that is
//! gone nothing (CPA-16, SBX-5; S28 `pod_container_deletor.go`, `kuberuntime_gc.go`). Removals are sent and not waited for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Kubelet;
use super::host::{Host, Waiter};
use super::pod_cache::PodStatus;
use crate::api::Uid;
use crate::container_runtime::{
    Answer, CallId, ContainerId, ContainerState, ContainerStatus, ListedContainer, ListedSandbox, Outcome,
    Request, SandboxState,
};
use crate::slip::Slip;

/// How many dead containers of one name of a pod are kept.
const KEPT: usize = 1;

/// A collection that is going on.
#[derive(Clone, Debug)]
pub enum Collection {
    /// It lists the sandboxes.
    Sandboxes(CallId),
    /// It lists the containers.
    Containers(CallId, Vec<ListedSandbox>),
}

impl Kubelet {
    /// A container of a pod died: dead ones of its name are removed, but the newest; of a pod of which nothing is needed, all.
    pub(super) fn prune(&mut self, uid: &Uid, died: ContainerId, host: &mut Host<'_, '_>) {
        let Ok(status) = self.parts.cache.get(uid) else { return };
        let name = name_of(&status, died);
        let is_unneeded = self.is_content_removed(uid);
        let is_meant = |it: &&ContainerStatus| is_unneeded || Some(&it.name) == name.as_ref();
        let kept = if is_unneeded || host.context.has(Slip::LastDeadContainerRemoved) { 0 } else { KEPT };
        let dead = status.containers.iter().filter(|it| it.state == ContainerState::Exited);
        for container in dead.filter(is_meant).skip(kept) {
            host.call(Waiter::Collector, Request::RemoveContainer(container.id));
        }
    }

    /// Nothing of the pod is needed any more: it was evicted, or it was deleted and its containers are stopped (S28
    /// `ShouldPodContentBeRemoved`).
    fn is_content_removed(&self, uid: &Uid) -> bool {
        match self.workers.get(uid) {
            Some(worker) => worker.evicted || (worker.deleted && worker.terminated_at.is_some()),
            None => self.workers.are_synced,
        }
    }

    /// The periodic collection begins: it lists what there is.
    pub(super) fn begin_collection(&mut self, host: &mut Host<'_, '_>) {
        self.next_collection = host.now() + self.parts.settings.collection_period;
        let call = host.call(Waiter::Collector, Request::ListSandboxes { uid: None });
        self.collection = Some(Collection::Sandboxes(call));
    }

    /// One of its calls was answered; it may be one that nobody waits for.
    pub(super) fn on_collection_answer(&mut self, call: CallId, outcome: Outcome, host: &mut Host<'_, '_>) {
        match self.collection.take() {
            Some(Collection::Sandboxes(expected)) if expected == call => {
                if let Ok(Answer::Sandboxes(sandboxes)) = outcome {
                    let call = host.call(Waiter::Collector, Request::ListContainers { uid: None });
                    self.collection = Some(Collection::Containers(call, sandboxes));
                }
            }
            Some(Collection::Containers(expected, sandboxes)) if expected == call => {
                if let Ok(Answer::Containers(containers)) = outcome {
                    self.collect(&sandboxes, &containers, host);
                }
            }
            other => self.collection = other,
        }
    }

    fn collect(&self, sandboxes: &[ListedSandbox], containers: &[ListedContainer], host: &mut Host<'_, '_>) {
        let mut dead: BTreeMap<(&Uid, &Arc<str>), Vec<ContainerId>> = BTreeMap::new();
        // Whatever does not run, started or not (S28 `evictableContainers`).
        for container in containers.iter().filter(|it| it.state != ContainerState::Running) {
            dead.entry((&container.uid, &container.name)).or_default().push(container.id);
        }
        let mut removed = Vec::new();
        for ((uid, _), mut ids) in dead {
            ids.sort_unstable_by(|one, other| other.cmp(one));
            let kept = if self.is_content_removed(uid) { 0 } else { KEPT };
            removed.extend(ids.into_iter().skip(kept));
        }
        for &id in &removed {
            host.call(Waiter::Collector, Request::RemoveContainer(id));
        }
        for sandbox in sandboxes.iter().filter(|it| it.state == SandboxState::NotReady) {
            let newest = !sandboxes.iter().any(|it| it.uid == sandbox.uid && it.attempt > sandbox.attempt);
            let holds = containers.iter().any(|it| it.sandbox == sandbox.id && !removed.contains(&it.id));
            if !holds && (!newest || self.is_content_removed(&sandbox.uid)) {
                host.call(Waiter::Collector, Request::RemoveSandbox(sandbox.id));
            }
        }
    }
}

fn name_of(status: &PodStatus, id: ContainerId) -> Option<Arc<str>> {
    status.containers.iter().find(|container| container.id == id).map(|container| container.name.clone())
}
