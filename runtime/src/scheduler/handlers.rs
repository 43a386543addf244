//! The event handlers: what a change in the caches means to the scheduler's own cache and to the queue.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};

use super::queue::ClusterEvent;
use super::{SCHEDULER_NAME, Scheduler};
use crate::api::Kind;
use crate::api::constants::node_of;
use crate::client::Notification;
use crate::context::Context;
use crate::operation::{Component, Refused};
use crate::slip::Slip;

impl Scheduler {
    /// A node changed.
    pub(super) fn on_node(&mut self, context: &Context<'_>) -> Result<(), Refused> {
        match self.nodes.next_notification(Component::Scheduler)? {
            Notification::Added(_, node) => {
                self.cache.set_node(&node);
                self.queue.on_event(ClusterEvent::NodeAdded, context.clock);
            }
            Notification::Updated(_, old, node) => {
                self.cache.set_node(&node);
                for event in changes(&old, &node) {
                    self.queue.on_event(event, context.clock);
                }
            }
            Notification::Deleted(key, _) => {
                self.cache.remove_node(key.name(), context.slips);
                self.queue.on_event(ClusterEvent::NodeRemoved, context.clock);
            }
        }
        Ok(())
    }

    /// A pod changed. A bound pod belongs to the cache, an unbound one to the queue.
    pub(super) fn on_pod(&mut self, context: &Context<'_>) -> Result<(), Refused> {
        self.queue.configure(context.slips, context.release.minor >= 33);
        self.cache.set_release(context.release);
        match self.pods.next_notification(Component::Scheduler)? {
            Notification::Added(_, pod) => self.on_pod_set(None, &pod, context),
            Notification::Updated(_, old, pod) => {
                if old.uid() != pod.uid() {
                    self.on_pod_gone(&old, context);
                    self.on_pod_set(None, &pod, context);
                } else {
                    self.on_pod_set(Some(&old), &pod, context);
                }
            }
            Notification::Deleted(_, pod) => self.on_pod_gone(&pod, context),
        }
        Ok(())
    }

    fn on_pod_set(&mut self, old: Option<&Arc<Pod>>, pod: &Arc<Pod>, context: &Context<'_>) {
        if node_of(pod).is_some() {
            self.queue.remove(&pod.key());
            self.cache.set_pod(pod, context.slips);
            let seen = old.is_some_and(|old| node_of(old).is_some());
            let event = if seen { ClusterEvent::AssignedPodChanged } else { ClusterEvent::AssignedPodAdded };
            self.queue.on_event(event, context.clock);
        } else if is_own(pod) && !self.cache.is_assumed(&pod.uid()) {
            match old {
                Some(old) => self.queue.update(old, Arc::clone(pod), context.clock),
                None => self.queue.add(Arc::clone(pod), context.now()),
            }
        } else if frees_deleted_pods(context)
            && pod.is_deleting()
            && old.is_some_and(|old| !old.is_deleting())
        {
            self.forget(pod, context);
        }
    }

    fn on_pod_gone(&mut self, pod: &Arc<Pod>, context: &Context<'_>) {
        self.queue.remove(&pod.key());
        if node_of(pod).is_none() && !self.cache.is_assumed(&pod.uid()) {
            return;
        }
        let binding = self.bindings.values_mut().find(|binding| binding.is_of(pod));
        if node_of(pod).is_none()
            && !frees_deleted_pods(context)
            && let Some(binding) = binding
        {
            binding.note_gone();
            return;
        }
        if !context.has(Slip::DeletedPodsKeepRoom) {
            self.cache.remove_pod(&pod.uid());
        }
        self.queue.on_event(ClusterEvent::AssignedPodGone, context.clock);
    }
}

/// Does a pod that is being bound give its room back as soon as its deletion is seen? Before 1.35 it does when its binding fails
/// (kubernetes#134157).
const fn frees_deleted_pods(context: &Context<'_>) -> bool {
    context.release.minor >= 35
}

/// Is it this scheduler's to schedule (SCH-2)?
fn is_own(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.scheduler_name.as_deref()).unwrap_or(SCHEDULER_NAME)
        == SCHEDULER_NAME
}

/// What about a node changed that may help a pod.
fn changes(old: &Node, new: &Node) -> impl Iterator<Item = ClusterEvent> + use<> {
    let allocatable = |node: &Node| node.status.as_ref().and_then(|status| status.allocatable.clone());
    let spec = |node: &Node| node.spec.clone().unwrap_or_default();
    let (old_spec, new_spec) = (spec(old), spec(new));
    let taints = old_spec.taints != new_spec.taints || old_spec.unschedulable != new_spec.unschedulable;
    [
        (allocatable(old) != allocatable(new), ClusterEvent::NodeAllocatableChanged),
        (old.metadata.labels != new.metadata.labels, ClusterEvent::NodeLabelsChanged),
        (taints, ClusterEvent::NodeTaintsChanged),
    ]
    .into_iter()
    .filter_map(|(changed, event)| changed.then_some(event))
}
