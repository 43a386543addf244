//! Killing what runs of a pod: every container in parallel, sidecars after the app containers, then each sandbox (S28
//! `kuberuntime_container.go` `killContainersWithSyncResult`, `killPodWithSyncResult`).
//!
//! - [`container`]: one container: its preStop hook, its turn, its stop
//! - [`order`]: whose turn it is

pub mod container;
pub mod order;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::container::{KillContainer, KillStep};
use crate::api::Uid;
use crate::clock::Moment;
use crate::container_runtime::{
    CallId, ContainerId, ContainerStatus, Outcome, Request, RuntimeError, SandboxId,
};
use crate::kubelet::host::{Host, Waiter};
use crate::kubelet::pod::KnownPod;
use crate::kubelet::pod_cache::PodStatus;

/// The grace period that a kill of a pod is told to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// Each container's own (KIL-2).
    Own,
    /// So many seconds.
    Seconds(i64),
}

/// A kill that is going on.
#[derive(Clone, Debug)]
pub struct KillPod {
    uid: Uid,
    containers: Vec<KillContainer>,
    sandboxes: VecDeque<SandboxId>,
    stopping: Option<CallId>,
    error: Option<RuntimeError>,
}

/// How a kill ended.
pub type Killed = Result<(), RuntimeError>;

impl KillPod {
    /// Begins to kill what the status says that runs. The pod whose spec is known runs its preStop hooks; of one that is
    /// known to the runtime alone there are none (KIL-12).
    pub fn begin(
        uid: &Uid,
        pod: Option<&KnownPod>,
        status: &PodStatus,
        grace: Grace,
        host: &mut Host<'_, '_>,
    ) -> Self {
        let containers: Vec<KillContainer> =
            status.running().map(|running| KillContainer::new(running, pod, grace)).collect();
        let mut kill = Self {
            uid: uid.clone(),
            containers,
            sandboxes: status.sandboxes.iter().map(|sandbox| sandbox.id).collect(),
            stopping: None,
            error: None,
        };
        for index in 0..kill.containers.len() {
            kill.containers[index].begin(host);
        }
        kill
    }

    /// Begins to kill one container of a pod that goes on.
    pub fn one(pod: &KnownPod, running: &ContainerStatus, grace: Grace, host: &mut Host<'_, '_>) -> Self {
        let mut container = KillContainer::new(running, Some(pod), grace);
        container.begin(host);
        Self {
            uid: pod.uid.clone(),
            containers: vec![container],
            sandboxes: VecDeque::new(),
            stopping: None,
            error: None,
        }
    }

    /// Goes on as far as it can without waiting. Tells how it ended, if it did.
    pub fn advance(&mut self, host: &mut Host<'_, '_>) -> Option<Killed> {
        // One that is through may be whom another waits for.
        loop {
            let waiting = (0..self.containers.len()).find(|&index| {
                self.containers[index].awaits_turn()
                    && (self.containers[index].is_out_of_grace()
                        || order::is_turn(&self.containers, index, host.context.slips))
            });
            let Some(index) = waiting else { break };
            self.containers[index].stop(&self.uid, host);
        }
        if self.containers.iter().any(|container| !container.is_done()) || self.stopping.is_some() {
            return None;
        }
        if let Some(sandbox) = self.sandboxes.pop_front() {
            let waiter = Waiter::Worker(self.uid.clone());
            self.stopping = Some(host.call(waiter, Request::StopSandbox(sandbox)));
            return None;
        }
        let failed = self.containers.iter().find_map(KillContainer::error);
        Some(failed.or(self.error).map_or(Ok(()), Err))
    }

    /// A call of this kill was answered: one of a container's, or the stop of a sandbox.
    pub fn on_answer(&mut self, call: CallId, outcome: &Outcome, host: &mut Host<'_, '_>) -> Option<Killed> {
        if self.stopping == Some(call) {
            self.stopping = None;
            if let &Err(error) = outcome
                && error != RuntimeError::NotFound
            {
                self.error = Some(error);
            }
        }
        for index in 0..self.containers.len() {
            self.containers[index].on_answer(call, outcome, &self.uid, host);
        }
        self.advance(host)
    }

    /// The steps that containers may take by this moment without an answer.
    pub fn pending(&self, now: Moment) -> impl Iterator<Item = (ContainerId, KillStep)> {
        self.containers.iter().flat_map(move |container| {
            container.pending(now).into_iter().flatten().map(|step| (container.id(), step))
        })
    }

    /// When the next such step is due.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        self.containers.iter().filter_map(|container| container.next_deadline(now)).min()
    }

    /// A container takes a step. None if it may not.
    pub fn step(
        &mut self,
        id: ContainerId,
        step: KillStep,
        host: &mut Host<'_, '_>,
    ) -> Option<Option<Killed>> {
        let now = host.now();
        let container = self.containers.iter_mut().find(|container| container.id() == id)?;
        if !container.pending(now).into_iter().flatten().any(|pending| pending == step) {
            return None;
        }
        container.step(step, &self.uid, host);
        Some(self.advance(host))
    }

    /// The containers that are being killed.
    pub fn containers(&self) -> &[KillContainer] {
        &self.containers
    }
}
