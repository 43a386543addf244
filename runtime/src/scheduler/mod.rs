//! kube-scheduler: one scheduling cycle at a time, and bindings that run on beside it (SCH-3).
//!
//! - [`queue`]: pods that are to be scheduled, that back off, that wait for an event
//! - [`cache`]: nodes with the pods on them, those included whose binding is in flight
//! - [`filter`]: which nodes a pod may go to, one file for each plugin; [`requests`]: what a pod asks for
//! - `cycle`: from the queue to the binding
//!
//! Left out: preemption (PRE-1), scores (any node that passes may be chosen), volumes (FLT-21 to FLT-24), Permit.

pub mod cache;
mod cycle;
pub mod filter;
mod handlers;
pub mod queue;
pub mod requests;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};

use crate::actor::Actor;
use crate::api::{ApiError, Resource, Response, Selector};
use crate::api_server::WatchEvent;
use crate::client::informer::Follower as _;
use crate::client::{CallId, Informer, WatchId};
use crate::clock::{Clock, Moment, earlier};
use crate::context::Context;
use crate::operation::{Component, Operation, Refused, Step, Timer};

use cache::Cache;
use cycle::{Binding, Failed};
use queue::SchedulingQueue;

/// `spec.schedulerName` of the pods that it takes care of (SCH-2).
const SCHEDULER_NAME: &str = "default-scheduler";

/// The scheduler.
#[derive(Debug)]
pub struct Scheduler {
    pods: Informer<Pod>,
    nodes: Informer<Node>,
    queue: SchedulingQueue,
    cache: Cache,
    /// Bindings in flight.
    bindings: BTreeMap<CallId, Binding>,
    /// The cycle that ended without a node and has not been dealt with.
    failed: Option<Failed>,
    /// The condition that a cycle without a node writes: the next one waits for the answer (SCH-13).
    writing: Option<CallId>,
    /// Cycles may begin.
    ready: bool,
}

impl Default for Scheduler {
    fn default() -> Self {
        let own = Component::Scheduler;
        Self {
            // SCH-1
            pods: Informer::new(own, Selector::NotTerminal, &[], &[own]),
            nodes: Informer::new(own, Selector::Everything, &[], &[own]),
            queue: SchedulingQueue::default(),
            cache: Cache::default(),
            bindings: BTreeMap::new(),
            failed: None,
            writing: None,
            ready: false,
        }
    }
}

impl Scheduler {
    /// Nodes and pods as the scheduler counts them.
    pub const fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The pods that wait.
    pub const fn queue(&self) -> &SchedulingQueue {
        &self.queue
    }

    /// Cycles begin once the first lists have come and, from 1.28 on, the event handlers have been told of all of them: before that,
    /// pods that are on nodes already would not count (kubernetes#116717, S28 `cmd/kube-scheduler/app/server.go`
    /// `WaitForHandlersSync`).
    fn note_sync(&mut self, context: &Context<'_>) {
        let own = Component::Scheduler;
        let told = self.pods.has_told(own) && self.nodes.has_told(own);
        let listed = self.pods.is_synced() && self.nodes.is_synced();
        self.ready |= if context.release.minor >= 28 { told } else { listed };
    }
}

impl Actor for Scheduler {
    fn start(&mut self, context: &mut Context<'_>) {
        self.nodes.start(context);
        self.pods.start(context);
    }

    fn stop(&mut self) {
        *self = Self::default();
    }

    fn watches(&self, tell: &mut dyn FnMut(Resource, WatchId)) {
        self.nodes.watch().into_iter().for_each(|watch| tell(Resource::Node, watch));
        self.pods.watch().into_iter().for_each(|watch| tell(Resource::Pod, watch));
    }

    fn on_event(&mut self, resource: Resource, event: WatchEvent, _: &mut Context<'_>) {
        match resource {
            Resource::Node => self.nodes.on_event(event),
            _ => self.pods.on_event(event),
        }
    }

    fn on_broken(&mut self, resource: Resource, context: &mut Context<'_>) {
        match resource {
            Resource::Node => self.nodes.on_broken(context),
            _ => self.pods.on_broken(context),
        }
    }

    fn on_answer(
        &mut self,
        _: Component,
        call: CallId,
        answer: Result<Response, ApiError>,
        context: &mut Context<'_>,
    ) {
        if self.writing == Some(call) {
            self.writing = None;
        } else if let Some(binding) = self.bindings.remove(&call) {
            self.on_bound(&binding, answer, context);
        } else if !self.nodes.on_answer(call, &answer, context) {
            self.pods.on_answer(call, &answer, context);
        }
        self.note_sync(context);
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        self.nodes.pending(clock, operations);
        self.pods.pending(clock, operations);
        if !self.ready {
            return;
        }
        let own = |step| Operation::new(Component::Scheduler, step);
        self.queue.pending(clock, operations);
        match &self.failed {
            Some(failed) => operations.push(own(Step::Park(failed.key().clone()))),
            None if self.writing.is_some() => {}
            None => operations.extend(self.queue.next().map(|key| own(Step::Schedule(key.clone())))),
        }
    }

    fn complete(&mut self, operation: &Operation, context: &mut Context<'_>) -> Result<(), Refused> {
        match &operation.step {
            Step::Notify(resource) => {
                if *resource == Resource::Node {
                    self.on_node(context)?;
                } else {
                    self.on_pod(context)?;
                }
                self.note_sync(context);
                Ok(())
            }
            Step::Schedule(key) if self.ready => self.schedule(key, context),
            Step::Park(key) => self.park(key, context),
            Step::Wake(Timer::Reflect(Resource::Node)) => self.nodes.wake(context),
            Step::Wake(Timer::Reflect(Resource::Pod)) => self.pods.wake(context),
            Step::Wake(Timer::BackoffFlush) => self.queue.flush_backoff(context.clock),
            Step::Wake(Timer::UnschedulableFlush) => self.queue.flush_unschedulable(context.clock),
            _ => Err(Refused),
        }
    }

    fn next_deadline(&self, _: Moment) -> Option<Moment> {
        let reflectors = earlier(self.nodes.next_deadline(), self.pods.next_deadline());
        earlier(reflectors, self.queue.next_deadline())
    }
}
