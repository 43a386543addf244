//! From the queue to the binding.
//!
//! The cycle decides on the cache as it is when the pod is taken, and assumes the pod; the binding is a call that is in flight
//! while other cycles run (SCH-3, SCH-4). A pod without a node is set aside in a step of its own: what happens in between is
//! remembered (SCH-8).

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::Scheduler;
use super::filter::{self, Plugins};
use super::queue::ClusterEvent;
use crate::api::constants::{condition, node_of, pod_condition};
use crate::api::patch::{PodStatusPatch, new_pod_condition};
use crate::api::{ApiError, Key, Kind, Patch, Preconditions, Request, Resource, Response};
use crate::chooser::Question;
use crate::client::CallId;
use crate::context::Context;
use crate::operation::{Component, Refused};
use crate::slip::Slip;

/// A binding in flight.
#[derive(Debug)]
pub struct Binding {
    pod: Arc<Pod>,
    /// The pod is gone, and has kept its room.
    is_gone: bool,
}

impl Binding {
    /// Is it of this pod?
    pub fn is_of(&self, pod: &Pod) -> bool {
        self.pod.uid() == pod.uid()
    }

    /// The pod is gone: it keeps its room until the answer.
    pub const fn note_gone(&mut self) {
        self.is_gone = true;
    }
}

/// A cycle that found no node.
#[derive(Debug)]
pub struct Failed {
    pod: Arc<Pod>,
    key: Key,
    rejectors: Plugins,
}

impl Failed {
    /// The pod.
    pub const fn key(&self) -> &Key {
        &self.key
    }
}

impl Scheduler {
    /// One scheduling cycle.
    pub(super) fn schedule(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), Refused> {
        if self.failed.is_some() || self.writing.is_some() {
            return Err(Refused);
        }
        let queued = self.queue.take(key)?;
        // SCH-2
        if queued.pod.is_deleting() || self.cache.is_assumed(&queued.pod.uid()) {
            self.queue.remove(key);
            return Ok(());
        }
        match filter::feasible(&queued.pod, &self.cache, context.slips) {
            Ok(nodes) => {
                let node = nodes[context.choose(&Question::Node { pod: key, candidates: &nodes })].clone();
                self.cache.assume(&queued.pod, node.name(), context.slips);
                let bind = Request::Bind {
                    pod: key.clone(),
                    preconditions: Preconditions::uid(queued.pod.uid()),
                    node: node.name().into(),
                };
                let call = context.calls.send(Component::Scheduler, bind);
                self.bindings.insert(call, Binding { pod: queued.pod, is_gone: false });
            }
            Err(rejectors) => self.failed = Some(Failed { pod: queued.pod, key: key.clone(), rejectors }),
        }
        Ok(())
    }

    /// Sets a pod aside for which the cycle found no node (SCH-7).
    pub(super) fn park(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), Refused> {
        match self.failed.take() {
            Some(failed) if failed.key() == key => {
                let written = self.on_failure(&failed.pod, failed.rejectors, context);
                // Before 1.34 the cycle ends with the answer to what it writes (SCH-13).
                self.writing = written.filter(|_| context.release.minor < 34);
                Ok(())
            }
            other => {
                self.failed = other;
                Err(Refused)
            }
        }
    }

    /// The answer to a binding. Any error, an unknown outcome among them, forgets the assumed pod and tries again (SCH-6).
    pub(super) fn on_bound(
        &mut self,
        binding: &Binding,
        answer: Result<Response, ApiError>,
        context: &mut Context<'_>,
    ) {
        if answer.is_ok() {
            if context.has(Slip::AssumedPodExpires) {
                self.cache.forget(&binding.pod.uid());
            }
            // Its deletion was missed, and so was that it had been bound.
            if binding.is_gone {
                self.forget(&binding.pod, context);
            }
            self.queue.remove_if(&binding.pod);
            return;
        }
        if context.has(Slip::FailedBindingNotForgotten) {
            self.queue.on_event(ClusterEvent::AssignedPodGone, context.clock);
        } else {
            self.forget(&binding.pod, context);
        }
        self.on_failure(&binding.pod, Plugins::default(), context);
    }

    /// An assumed pod gives its room back, and others are tried as if it had been deleted. One that was seen on its node since, or is
    /// gone, has none to give (S28 `schedule_one.go` `handleBindingCycleError`).
    pub(super) fn forget(&mut self, pod: &Pod, context: &Context<'_>) {
        if self.cache.forget(&pod.uid()) {
            self.queue.on_event(ClusterEvent::AssignedPodGone, context.clock);
        }
    }

    /// The failure handler: a pod that is gone, or bound after all, is dropped; any other goes back to the queue, and its
    /// condition says why it is not scheduled (SCH-7): the call that writes it, if it is news.
    fn on_failure(
        &mut self,
        pod: &Arc<Pod>,
        rejectors: Plugins,
        context: &mut Context<'_>,
    ) -> Option<CallId> {
        let key = pod.key();
        let cached = self.pods.cache().get(&key).filter(|cached| cached.uid() == pod.uid());
        let Some(cached) = cached.filter(|cached| node_of(cached).is_none()).cloned() else {
            self.queue.remove_if(pod);
            return None;
        };
        let reason = if rejectors.is_empty() { "SchedulerError" } else { "Unschedulable" };
        self.queue.requeue(Arc::clone(&cached), rejectors, context.clock);
        let told = pod_condition(&cached, condition::POD_SCHEDULED)
            .is_some_and(|old| old.status == condition::FALSE && old.reason.as_deref() == Some(reason));
        if told {
            return None;
        }
        let why = new_pod_condition(condition::POD_SCHEDULED, condition::FALSE, reason, context.now());
        let patch = Patch::PodStatus(PodStatusPatch { conditions: vec![why], ..PodStatusPatch::default() });
        let patch = Request::Patch(Resource::Pod, key, Preconditions::uid(pod.uid()), patch);
        Some(context.calls.send(Component::Scheduler, patch))
    }
}
