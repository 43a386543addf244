//! The Deployment controller: from a template to ReplicaSets, step by step.
//!
//! - `sync`: what a worker does with a key
//! - [`rolling`]: how far to scale up and down in a rolling update; [`scaling`]: when the wanted number changes meanwhile
//! - `status`: what it says of itself, and the progress deadline
//!
//! All arithmetic is on what ReplicaSets say of themselves, never on pods (DEP-4); one sync scales in one direction (DEP-6).
//!
//! Left out: adoption of ReplicaSets, hash collisions, the annotation of revisions on the Deployment, rollback, and the removal
//! of old ReplicaSets beyond the history limit.

mod replica_sets;
pub mod rolling;
pub mod scaling;
mod status;
mod sync;

use std::collections::BTreeMap;

use crate::api::{ApiError, Key, Kind, Resource, Response};
use crate::client::{Backoff, CallId, Notification, WorkQueue};
use crate::clock::{Clock, Moment};
use crate::context::Context;
use crate::operation::{Component, Operation, Queue, Refused, Step};

use super::Controller;
use super::informers::{BY_CONTROLLER, Informers, controller_of};
use sync::Sync;

/// So many workers (C-42).
const WORKERS: usize = 5;

/// After so many failures a key waits for the next event. Kubernetes: `deployment_controller.go` `maxRetries`.
const RETRIES_MAX: u32 = 15;

/// The controller.
#[derive(Debug)]
pub struct DeploymentController {
    queue: WorkQueue,
    syncs: BTreeMap<Key, Sync>,
    calls: BTreeMap<CallId, Key>,
}

impl Default for DeploymentController {
    fn default() -> Self {
        Self {
            queue: WorkQueue::new(Component::Deployment, Queue::Main, WORKERS, Backoff::DEFAULT),
            syncs: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }
}

impl DeploymentController {
    fn on_replica_set(&mut self, informers: &mut Informers) -> Result<(), Refused> {
        let notification = informers.replica_sets.next_notification(Component::Deployment)?;
        if let Notification::Updated(_, old, new) = &notification
            && old.version() == new.version()
        {
            return Ok(());
        }
        let set = notification.object();
        if let Some(owner) = controller_of(&set.metadata) {
            self.queue.add(set.key().sibling(&owner.name));
        }
        Ok(())
    }

    /// A Deployment that recreates waits for its last old pod (DEP-7).
    fn on_pod(&mut self, informers: &mut Informers) -> Result<(), Refused> {
        let Notification::Deleted(_, pod) = informers.pods.next_notification(Component::Deployment)? else {
            return Ok(());
        };
        let set = controller_of(&pod.metadata).map(|owner| pod.key().sibling(&owner.name));
        let set = set.and_then(|set| informers.replica_sets.cache().get(&set));
        let Some(owner) = set.and_then(|set| controller_of(&set.metadata)) else { return Ok(()) };
        let key = pod.key().sibling(&owner.name);
        let Some(deployment) = informers.deployments.cache().get(&key) else { return Ok(()) };
        if sync::recreates(deployment) {
            let uid = deployment.metadata.uid.as_deref().unwrap_or("");
            let mut sets = informers.replica_sets.cache().by_index(BY_CONTROLLER, uid);
            let has_pods = sets.any(|(_, set)| {
                let uid = set.metadata.uid.as_deref().unwrap_or("");
                informers.pods.cache().by_index(BY_CONTROLLER, uid).next().is_some()
            });
            if !has_pods {
                self.queue.add(key);
            }
        }
        Ok(())
    }
}

impl Controller for DeploymentController {
    fn start(&mut self, context: &Context<'_>) {
        self.queue.set_slips(context.slips);
    }

    fn notify(
        &mut self,
        resource: Resource,
        informers: &mut Informers,
        _: &mut Context<'_>,
    ) -> Result<(), Refused> {
        match resource {
            Resource::Deployment => {
                let notification = informers.deployments.next_notification(Component::Deployment)?;
                self.queue.add(notification.key().clone());
                Ok(())
            }
            Resource::ReplicaSet => self.on_replica_set(informers),
            Resource::Pod => self.on_pod(informers),
            _ => Err(Refused),
        }
    }

    fn act(&mut self, step: &Step, informers: &Informers, context: &mut Context<'_>) -> Result<(), Refused> {
        if let Some(key) = self.queue.serve(step, context.clock)? {
            self.begin(key, informers, context);
        }
        Ok(())
    }

    fn on_answer(
        &mut self,
        call: CallId,
        answer: Result<Response, ApiError>,
        informers: &Informers,
        context: &mut Context<'_>,
    ) {
        if let Some(key) = self.calls.remove(&call) {
            self.proceed(&key, answer, informers, context);
        }
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        self.queue.pending(clock, operations);
    }

    fn next_deadline(&self) -> Option<Moment> {
        self.queue.next_deadline()
    }
}
