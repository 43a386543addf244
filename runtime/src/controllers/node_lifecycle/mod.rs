//! The node lifecycle controller: it judges nodes by their heartbeats, marks the pods of silent ones, and taints (NLC-1 to NLC-19).
//!
//! - `health`: is a node silent? [`zones`]: how fast may nodes be tainted?
//! - `pass`: every 5 s, all nodes; `taints`: which taints a node should have
//!
//! The writes of one pass are in flight together; the next pass begins 5 s after the last answer.
//! A patch of taints names only the taints that it sets and removes, and so never undoes another's (in Kubernetes it carries a
//! version and is tried again). A failed write of conditions is tried again at once, not after 20 ms (C-10).

mod health;
mod pass;
mod taints;
pub mod zones;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::Controller;
use super::informers::Informers;
use crate::api::constants::{condition, is_ready, node_of};
use crate::api::patch::{PodStatusPatch, new_pod_condition};
use crate::api::{ApiError, Key, Kind, Patch, Preconditions, Request, Resource, Response};
use crate::client::{Backoff, CallId, Notification, WorkQueue};
use crate::clock::{Clock, Moment, earlier};
use crate::context::Context;
use crate::operation::{Component, Operation, Queue, Refused, Step, Timer};

use health::Health;
use pass::{Pass, Purpose};
use taints::Turns;
use zones::Zones;

/// So many workers for nodes and for pods. Kubernetes: `UpdateWorkerSize`.
const WORKERS: usize = 8;

/// The controller.
#[derive(Debug)]
pub struct NodeLifecycle {
    nodes: WorkQueue,
    pods: WorkQueue,
    health: BTreeMap<Key, Health>,
    zones: Zones,
    /// Nodes whose pods could not all be marked (NLC-8).
    retry_marks: BTreeSet<Key>,
    /// When the next pass begins; none while one is under way.
    monitor_at: Option<Moment>,
    pass: Option<Pass>,
    calls: BTreeMap<CallId, Purpose>,
    /// What follows a patch of taints.
    turns: BTreeMap<CallId, Turns>,
}

impl Default for NodeLifecycle {
    fn default() -> Self {
        let queue = |queue| WorkQueue::new(Component::NodeLifecycle, queue, WORKERS, Backoff::DEFAULT);
        Self {
            nodes: queue(Queue::Nodes),
            pods: queue(Queue::Pods),
            health: BTreeMap::new(),
            zones: Zones::default(),
            retry_marks: BTreeSet::new(),
            monitor_at: None,
            pass: None,
            calls: BTreeMap::new(),
            turns: BTreeMap::new(),
        }
    }
}

impl NodeLifecycle {
    /// Has it looked at this node before?
    pub fn knows(&self, node: &Key) -> bool {
        self.health.contains_key(node)
    }

    /// Is every zone dark, as of the last pass (NLC-16)?
    pub fn is_dark(&self) -> bool {
        self.zones.are_dark()
    }

    /// Does this node wait for its NoExecute taint in a zone whose rate is nought (NLC-15, NLC-16)?
    pub fn is_held_back(&self, node: &Key) -> bool {
        self.zones.is_held_back(node)
    }

    /// A pod that was bound just now is looked at: its node may be silent already (NLC-7).
    fn on_pod(&mut self, informers: &mut Informers) -> Result<(), Refused> {
        match informers.pods.next_notification(Component::NodeLifecycle)? {
            Notification::Added(key, pod) if node_of(&pod).is_some() => self.pods.add(key),
            Notification::Updated(key, old, pod)
                if node_of(&pod).is_some() && node_of(&old) != node_of(&pod) =>
            {
                self.pods.add(key);
            }
            _ => {}
        }
        Ok(())
    }

    /// A pod on a node that is not Ready becomes not ready (NLC-7).
    fn sync_pod(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        let pod = informers.pods.cache().get(key);
        let node = pod.and_then(|pod| node_of(pod)).map(Key::global);
        let health = node.and_then(|node| self.health.get(&node)).and_then(Health::ready);
        match pod {
            Some(pod) if health.is_some_and(|ready| ready != condition::TRUE) && is_ready(pod) => {
                let call = mark_not_ready(pod, context);
                self.calls.insert(call, Purpose::MarkOne(key.clone()));
            }
            _ => {
                self.pods.forget(key);
                self.pods.done(key);
            }
        }
    }
}

/// Sets Ready=False of a pod, and of no other pod of its name.
fn mark_not_ready(pod: &Arc<Pod>, context: &mut Context<'_>) -> CallId {
    let ready = new_pod_condition(condition::READY, condition::FALSE, "NodeNotReady", context.now());
    let patch = Patch::PodStatus(PodStatusPatch { conditions: vec![ready], ..PodStatusPatch::default() });
    let patch = Request::Patch(Resource::Pod, pod.key(), Preconditions::uid(pod.uid()), patch);
    context.calls.send(Component::NodeLifecycle, patch)
}

impl Controller for NodeLifecycle {
    fn start(&mut self, context: &Context<'_>) {
        self.nodes.set_slips(context.slips);
        self.pods.set_slips(context.slips);
        self.monitor_at = Some(context.now());
    }

    fn notify(
        &mut self,
        resource: Resource,
        informers: &mut Informers,
        _: &mut Context<'_>,
    ) -> Result<(), Refused> {
        match resource {
            Resource::Node => {
                let notification = informers.nodes.next_notification(Component::NodeLifecycle)?;
                self.nodes.add(notification.key().clone());
                Ok(())
            }
            Resource::Pod => self.on_pod(informers),
            _ => Err(Refused),
        }
    }

    fn act(&mut self, step: &Step, informers: &Informers, context: &mut Context<'_>) -> Result<(), Refused> {
        match step {
            Step::Wake(Timer::NodeMonitor) => self.begin_pass(informers, context),
            Step::Wake(Timer::TaintPass) => self.taint_next(informers, context),
            Step::Wake(Timer::Delayed(Queue::Pods, key)) => self.pods.wake(key, context.clock),
            Step::Work(Queue::Nodes, key) => {
                self.nodes.take(key)?;
                self.mirror_conditions(key, informers, context);
                Ok(())
            }
            Step::Work(Queue::Pods, key) => {
                self.pods.take(key)?;
                self.sync_pod(key, informers, context);
                Ok(())
            }
            _ => Err(Refused),
        }
    }

    fn on_answer(
        &mut self,
        call: CallId,
        answer: Result<Response, ApiError>,
        informers: &Informers,
        context: &mut Context<'_>,
    ) {
        let Some(purpose) = self.calls.remove(&call) else { return };
        let Some(purpose) = self.take_turn(call, purpose, answer.is_ok(), context) else { return };
        match purpose {
            // Not tried again before the next event. Kubernetes: `doNodeProcessingPassWorker`.
            Purpose::Mirror(node) => self.nodes.done(&node),
            Purpose::MarkOne(pod) => {
                if matches!(answer, Ok(_) | Err(ApiError::NotFound)) {
                    self.pods.forget(&pod);
                } else {
                    self.pods.add_rate_limited(pod.clone(), context.now());
                }
                self.pods.done(&pod);
            }
            Purpose::Taint(node) if answer.is_ok() => self.zones.serve(&node),
            Purpose::Taint(node) => self.zones.fail(&node),
            purpose => self.proceed_pass(purpose, answer, informers, context),
        }
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        self.nodes.pending(clock, operations);
        self.pods.pending(clock, operations);
        let mut wake = |timer| operations.push(Operation::new(Component::NodeLifecycle, Step::Wake(timer)));
        if self.monitor_at.is_some_and(|at| clock.is_due(at)) {
            wake(Timer::NodeMonitor);
        }
        if self.next_taint().is_some_and(|at| clock.is_due(at)) {
            wake(Timer::TaintPass);
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        let queues = earlier(self.nodes.next_deadline(), self.pods.next_deadline());
        earlier(queues, earlier(self.monitor_at, self.next_taint()))
    }
}
