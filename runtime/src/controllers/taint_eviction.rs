//! The taint eviction controller: pods that do not tolerate a NoExecute taint of their node, or no longer, are deleted (TEC-1 to
//! TEC-12).
//!
//! Timers are in memory and start when this controller first saw the pod and the taint: a restart starts them anew (TEC-4,
//! TEC-5). A deletion names no UID (TEC-9).

mod timers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Taint};

use super::Controller;
use super::informers::{BY_NODE, Informers};
use crate::api::constants::{condition, node_of, taint};
use crate::api::patch::{PodStatusPatch, new_pod_condition};
use crate::api::{
    ApiError, DeleteOptions, Key, Kind, Object, Patch, Preconditions, Request, Resource, Response,
};
use crate::client::{Backoff, CallId, Notification, WorkQueue};
use crate::clock::{Clock, Moment, earlier};
use crate::context::Context;
use crate::operation::{Component, Operation, Queue, Refused, Step, Timer};
use crate::scheduler::filter::taint_toleration::{matches, tolerations};
use crate::slip::Slip;

use timers::Timers;

/// So many workers (C-11).
const WORKERS: usize = 8;

/// So often a deletion is tried (C-11).
const ATTEMPTS: u32 = 5;

/// So long after each try (C-11).
const RETRY: Duration = Duration::from_millis(10);

/// The controller.
#[derive(Debug)]
pub struct TaintEviction {
    nodes: WorkQueue,
    pods: WorkQueue,
    /// The NoExecute taints of nodes that have any.
    tainted: BTreeMap<Key, Vec<Taint>>,
    timers: Timers,
    /// Deletions under way, by pod.
    evictions: BTreeMap<Key, Eviction>,
    calls: BTreeMap<CallId, Key>,
}

/// A deletion under way.
#[derive(Debug)]
struct Eviction {
    stage: Stage,
    attempts: u32,
    retry_at: Option<Moment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A live look at the pod.
    Get,
    /// The condition DisruptionTarget (TEC-7).
    Mark,
    Delete,
}

impl Default for TaintEviction {
    fn default() -> Self {
        let queue = |queue| WorkQueue::new(Component::TaintEviction, queue, WORKERS, Backoff::DEFAULT);
        Self {
            nodes: queue(Queue::Nodes),
            pods: queue(Queue::Pods),
            tainted: BTreeMap::new(),
            timers: Timers::default(),
            evictions: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }
}

/// The NoExecute taints of a node (TEC-1).
fn no_execute(taints: Option<&Vec<Taint>>) -> Vec<Taint> {
    taints.into_iter().flatten().filter(|taint| taint.effect == taint::NO_EXECUTE).cloned().collect()
}

impl TaintEviction {
    fn on_node(&mut self, informers: &mut Informers) -> Result<(), Refused> {
        let taints = |node: &k8s_openapi::api::core::v1::Node| {
            no_execute(node.spec.as_ref().and_then(|spec| spec.taints.as_ref()))
        };
        match informers.nodes.next_notification(Component::TaintEviction)? {
            Notification::Updated(_, old, new) if taints(&old) == taints(&new) => {}
            notification => self.nodes.add(notification.key().clone()),
        }
        Ok(())
    }

    fn on_pod(&mut self, informers: &mut Informers) -> Result<(), Refused> {
        let tolerations = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.tolerations.clone());
        match informers.pods.next_notification(Component::TaintEviction)? {
            Notification::Updated(_, old, new)
                if old.uid() == new.uid()
                    && node_of(&old) == node_of(&new)
                    && tolerations(&old) == tolerations(&new) => {}
            notification => self.pods.add(notification.key().clone()),
        }
        Ok(())
    }

    /// A worker looks at a node and at all pods on it.
    fn sync_node(&mut self, key: &Key, informers: &Informers, context: &Context<'_>) {
        let node = informers.nodes.cache().get(key);
        let taints =
            no_execute(node.and_then(|node| node.spec.as_ref()).and_then(|spec| spec.taints.as_ref()));
        let before = if taints.is_empty() {
            self.tainted.remove(key)
        } else {
            self.tainted.insert(key.clone(), taints.clone())
        };
        let keys =
            |taints: &[Taint]| -> Vec<String> { taints.iter().map(|taint| taint.key.clone()).collect() };
        let swapped = before.is_some_and(|before| keys(&before) != keys(&taints));
        if node.is_some() {
            for (pod_key, pod) in informers.pods.cache().by_index(BY_NODE, key.name()) {
                if swapped && context.has(Slip::SwapRestartsToleration) {
                    self.timers.cancel(pod_key);
                }
                self.judge(pod_key, pod, &taints, context);
            }
        }
        self.nodes.done(key);
    }

    /// A worker looks at one pod.
    fn sync_pod(&mut self, key: &Key, informers: &Informers, context: &Context<'_>) {
        match informers.pods.cache().get(key).cloned() {
            None => self.timers.cancel(key),
            Some(pod) => {
                let taints = node_of(&pod).and_then(|node| self.tainted.get(&Key::global(node))).cloned();
                if let Some(taints) = taints {
                    self.judge(key, &pod, &taints, context);
                }
            }
        }
        self.pods.done(key);
    }

    fn judge(&mut self, key: &Key, pod: &Arc<Pod>, taints: &[Taint], context: &Context<'_>) {
        let now = context.now();
        if taints.is_empty() {
            // TEC-1
            self.timers.cancel(key);
            return;
        }
        let tolerating = |taint: &Taint| tolerations(pod).find(|toleration| matches(toleration, taint));
        let used: Vec<_> = taints.iter().map(tolerating).collect();
        if used.iter().any(Option::is_none) {
            // TEC-2, TEC-4
            self.timers.cancel(key);
            self.timers.start(key, now, now);
            return;
        }
        // TEC-3
        let seconds = used.into_iter().flatten().filter_map(|toleration| toleration.toleration_seconds).min();
        match seconds {
            None => {
                if !context.has(Slip::ForeverDoesNotCancel) {
                    self.timers.cancel(key);
                }
            }
            Some(seconds) => {
                if context.has(Slip::TolerationRestarts) {
                    self.timers.cancel(key);
                }
                let after = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
                self.timers.start(key, now, now + after);
            }
        }
    }

    /// A timer is due: the pod is deleted by name (TEC-7, TEC-9).
    fn evict(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), Refused> {
        self.timers.fire(key, context.clock)?;
        let stage = if context.release.minor >= 26 { Stage::Get } else { Stage::Delete };
        self.evictions.insert(key.clone(), Eviction { stage, attempts: 1, retry_at: None });
        self.send(key, None, context);
        Ok(())
    }

    /// A step that failed is tried again, from the beginning.
    fn retry(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), Refused> {
        let eviction = self.evictions.get_mut(key).ok_or(Refused)?;
        if !eviction.retry_at.is_some_and(|at| context.clock.is_due(at)) {
            return Err(Refused);
        }
        eviction.retry_at = None;
        eviction.attempts += 1;
        eviction.stage = if context.release.minor >= 26 { Stage::Get } else { Stage::Delete };
        self.send(key, None, context);
        Ok(())
    }

    fn send(&mut self, key: &Key, pod: Option<&Pod>, context: &mut Context<'_>) {
        let Some(eviction) = self.evictions.get(key) else { return };
        let request = match (eviction.stage, pod) {
            (Stage::Get, _) => Request::Get(Resource::Pod, key.clone()),
            (Stage::Mark, Some(pod)) => {
                let (name, reason) = (condition::DISRUPTION_TARGET, "DeletionByTaintManager");
                let target = new_pod_condition(name, condition::TRUE, reason, context.now());
                let patch = PodStatusPatch { conditions: vec![target], ..PodStatusPatch::default() };
                Request::Patch(
                    Resource::Pod,
                    key.clone(),
                    Preconditions::uid(pod.uid()),
                    Patch::PodStatus(patch),
                )
            }
            _ => Request::Delete(Resource::Pod, key.clone(), DeleteOptions::default()),
        };
        let call = context.calls.send(Component::TaintEviction, request);
        self.calls.insert(call, key.clone());
    }
}

impl Controller for TaintEviction {
    fn start(&mut self, context: &Context<'_>) {
        self.nodes.set_slips(context.slips);
        self.pods.set_slips(context.slips);
    }

    fn notify(
        &mut self,
        resource: Resource,
        informers: &mut Informers,
        _: &mut Context<'_>,
    ) -> Result<(), Refused> {
        match resource {
            Resource::Node => self.on_node(informers),
            Resource::Pod => self.on_pod(informers),
            _ => Err(Refused),
        }
    }

    fn act(&mut self, step: &Step, informers: &Informers, context: &mut Context<'_>) -> Result<(), Refused> {
        match step {
            Step::Work(Queue::Nodes, key) => {
                self.nodes.take(key)?;
                self.sync_node(key, informers, context);
                Ok(())
            }
            Step::Work(Queue::Pods, key) => {
                self.pods.take(key)?;
                self.sync_pod(key, informers, context);
                Ok(())
            }
            Step::Wake(Timer::Evict(key)) => self.evict(key, context),
            Step::Wake(Timer::Retry(key)) => self.retry(key, context),
            _ => Err(Refused),
        }
    }

    fn on_answer(
        &mut self,
        call: CallId,
        answer: Result<Response, ApiError>,
        _: &Informers,
        context: &mut Context<'_>,
    ) {
        let Some(key) = self.calls.remove(&call) else { return };
        let Some(eviction) = self.evictions.get_mut(&key) else { return };
        match (eviction.stage, answer) {
            (Stage::Get, Ok(Response::Object(Object::Pod(pod)))) => {
                eviction.stage = Stage::Mark;
                self.send(&key, Some(&pod), context);
            }
            (Stage::Mark, Ok(_)) => {
                eviction.stage = Stage::Delete;
                self.send(&key, None, context);
            }
            (Stage::Delete, Ok(_)) => {
                self.evictions.remove(&key);
            }
            // That it is gone is an error like any other, so that the next of its name is not forgotten (S28 `timed_workers.go`).
            _ if eviction.attempts < ATTEMPTS => eviction.retry_at = Some(context.now() + RETRY),
            _ => {
                // It is given up, until an event brings it back.
                self.evictions.remove(&key);
                self.timers.cancel(&key);
            }
        }
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        self.nodes.pending(clock, operations);
        self.pods.pending(clock, operations);
        let own = |timer| Operation::new(Component::TaintEviction, Step::Wake(timer));
        operations.extend(self.timers.due(clock).map(|key| own(Timer::Evict(key.clone()))));
        let due = |eviction: &Eviction| eviction.retry_at.is_some_and(|at| clock.is_due(at));
        let retries = self.evictions.iter().filter(|(_, eviction)| due(eviction));
        operations.extend(retries.map(|(key, _)| own(Timer::Retry(key.clone()))));
    }

    fn next_deadline(&self) -> Option<Moment> {
        let retries = self.evictions.values().filter_map(|eviction| eviction.retry_at).min();
        let queues = earlier(self.nodes.next_deadline(), self.pods.next_deadline());
        earlier(queues, earlier(self.timers.next_deadline(), retries))
    }
}
