//! The status of one pod, as a kubelet reads it from its runtime: a list of the pod's sandboxes, the status of each, a list of
//! its containers, the status of each (S28 `kuberuntime_manager.go` `GetPodStatus`). One call after the other: what it finds
//! is no snapshot.

use std::collections::VecDeque;

use super::host::{Host, Waiter};
use super::pod_cache::PodStatus;
use crate::api::Uid;
use crate::container_runtime::{
    Answer, CallId, ContainerId, Outcome, Request, RuntimeError, SandboxId, SandboxState,
};

/// An inspection that is going on.
#[derive(Clone, Debug)]
pub struct Inspection {
    uid: Uid,
    waiter: Waiter,
    call: CallId,
    sandboxes: VecDeque<SandboxId>,
    containers: VecDeque<ContainerId>,
    containers_listed: bool,
    found: PodStatus,
}

impl Inspection {
    /// Begins to inspect a pod.
    pub fn begin(uid: Uid, waiter: Waiter, host: &mut Host<'_, '_>) -> Self {
        let call = host.call(waiter.clone(), Request::ListSandboxes { uid: Some(uid.clone()) });
        Self {
            uid,
            waiter,
            call,
            sandboxes: VecDeque::new(),
            containers: VecDeque::new(),
            containers_listed: false,
            found: PodStatus::default(),
        }
    }

    /// The pod.
    pub const fn uid(&self) -> &Uid {
        &self.uid
    }

    /// A call was answered. Gives the status of the pod once it is complete, or the error that ended the inspection. What is
    /// gone since the list is left out.
    pub fn on_answer(
        &mut self,
        call: CallId,
        outcome: Outcome,
        host: &mut Host<'_, '_>,
    ) -> Option<Result<PodStatus, RuntimeError>> {
        if call != self.call {
            return None;
        }
        match outcome {
            Ok(Answer::Sandboxes(list)) => self.sandboxes = list.into_iter().map(|it| it.id).collect(),
            Ok(Answer::Sandbox(status)) => self.found.sandboxes.push(status),
            Ok(Answer::Containers(list)) => self.containers = list.into_iter().map(|it| it.id).collect(),
            Ok(Answer::Container(status)) => self.found.containers.push(status),
            Ok(_) | Err(RuntimeError::NotFound) => {}
            Err(error) => return Some(Err(error)),
        }
        let request = if let Some(id) = self.sandboxes.pop_front() {
            Request::SandboxStatus(id)
        } else if !self.containers_listed {
            self.containers_listed = true;
            Request::ListContainers { uid: Some(self.uid.clone()) }
        } else if let Some(id) = self.containers.pop_front() {
            Request::ContainerStatus(id)
        } else {
            return Some(Ok(std::mem::take(&mut self.found).sorted()));
        };
        self.call = host.call(self.waiter.clone(), request);
        None
    }
}

impl PodStatus {
    /// Newest first, with the address of the newest sandbox if that is ready.
    fn sorted(mut self) -> Self {
        self.sandboxes.sort_by_key(|sandbox| std::cmp::Reverse(sandbox.attempt));
        self.containers.sort_by_key(|container| std::cmp::Reverse(container.id));
        let newest = self.sandboxes.first().filter(|sandbox| sandbox.state == SandboxState::Ready);
        self.address = newest.and_then(|sandbox| sandbox.address);
        self
    }
}
