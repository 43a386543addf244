//! The ReplicaSet controller: as many pods as are wanted.
//!
//! - `sync`: what a worker does with a key, from its pods to its status
//! - [`victims`]: which pods go first; [`status`]: what it says of itself
//!
//! Pods of the same labels without an owner are adopted after a live look at the ReplicaSet, and pods whose labels no longer
//! match are released (GC-1, GC-2, RS-8). From 1.36 a sync waits until the caches show what the controller last wrote (API-42).

mod handlers;
pub mod status;
mod sync;
pub mod victims;

use std::collections::BTreeMap;

use crate::api::{ApiError, Key, Resource, Response, Version};
use crate::client::{Backoff, CallId, Expectations, WorkQueue};
use crate::clock::{Clock, Moment};
use crate::context::Context;
use crate::operation::{Component, Operation, Queue, Refused, Step};

use super::Controller;
use super::informers::Informers;
use sync::{Purpose, Sync};

/// So many workers (C-42).
const WORKERS: usize = 5;

/// The controller.
#[derive(Debug)]
pub struct ReplicaSetController {
    queue: WorkQueue,
    expectations: Expectations,
    /// The versions of the last writes for each ReplicaSet: of its pods, and its own (API-42).
    wrote: BTreeMap<Key, [Version; 2]>,
    /// What each worker is at.
    syncs: BTreeMap<Key, Sync>,
    calls: BTreeMap<CallId, (Key, Purpose)>,
}

impl Default for ReplicaSetController {
    fn default() -> Self {
        Self {
            queue: WorkQueue::new(Component::ReplicaSet, Queue::Main, WORKERS, Backoff::DEFAULT),
            expectations: Expectations::default(),
            wrote: BTreeMap::new(),
            syncs: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }
}

impl ReplicaSetController {
    /// Does it wait for pods of this ReplicaSet that it has created and not seen (CTL-3)?
    pub fn awaits_creations(&self, set: &Key) -> bool {
        self.expectations.awaits_creations(set)
    }

    /// Does what it waits for keep it at `now` from creating and deleting pods of this ReplicaSet? After five minutes nothing does (C-15).
    pub fn is_kept_back(&self, set: &Key, now: Moment) -> bool {
        !self.expectations.satisfied(set, now)
    }

    /// Does it wait for pods of this ReplicaSet that it has created or deleted and not seen come or go (CTL-3)?
    pub fn awaits_pods(&self, set: &Key) -> bool {
        self.expectations.awaits_any(set)
    }

    /// A write of a sync succeeded.
    fn remember(&mut self, key: &Key, answer: &Result<Response, ApiError>) {
        let Ok(Response::Object(object)) = answer else { return };
        let wrote = self.wrote.entry(key.clone()).or_default();
        let last = &mut wrote[usize::from(object.resource() == Resource::ReplicaSet)];
        *last = object.version().max(*last);
    }

    /// Do the caches show what was last written for this ReplicaSet (API-42)?
    fn sees_own_writes(&self, key: &Key, informers: &Informers) -> bool {
        let [pods, sets] = self.wrote.get(key).copied().unwrap_or_default();
        pods <= informers.pods.version() && sets <= informers.replica_sets.version()
    }
}

impl Controller for ReplicaSetController {
    fn start(&mut self, context: &Context<'_>) {
        self.queue.set_slips(context.slips);
    }

    fn notify(
        &mut self,
        resource: Resource,
        informers: &mut Informers,
        context: &mut Context<'_>,
    ) -> Result<(), Refused> {
        match resource {
            Resource::ReplicaSet => self.on_replica_set(informers, context),
            Resource::Pod => self.on_pod(informers, context),
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
        if let Some((key, purpose)) = self.calls.remove(&call) {
            if !matches!(purpose, Purpose::Recheck | Purpose::Reread) {
                self.remember(&key, &answer);
            }
            self.proceed(&key, &purpose, answer, informers, context);
        }
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        self.queue.pending(clock, operations);
    }

    fn next_deadline(&self) -> Option<Moment> {
        self.queue.next_deadline()
    }
}
