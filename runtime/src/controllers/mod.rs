//! kube-controller-manager: controllers that share one set of informers, each with event handlers and a queue of its own.
//!
//! - [`informers`]: the caches that all of them read
//! - [`deployment`], [`replica_set`]: from a template to pods
//! - [`node_lifecycle`], [`taint_eviction`], [`pod_garbage_collector`]: what becomes of pods when a node fails
//! - [`disruption`]: the status of budgets; [`endpoint_slice`]: which pods take part in a Service
//!
//! A controller is level-triggered: a handler only adds a key, and a worker that takes the key looks at the caches (CTL-1).
//! Where a worker waits for an answer, what it will do with it is kept by the number of the call.
//!
//! Left out: leader election (CTL-5), StatefulSet, DaemonSet, Job, the garbage collector of owned objects, namespaces.

pub mod deployment;
pub mod disruption;
pub mod endpoint_slice;
pub mod informers;
pub mod node_lifecycle;
pub mod pod_garbage_collector;
pub mod replica_set;
pub mod taint_eviction;

#[cfg(test)]
mod tests;

use crate::actor::Actor;
use crate::api::{ApiError, Resource, Response};
use crate::api_server::WatchEvent;
use crate::client::{CallId, WatchId};
use crate::clock::{Clock, Moment, earlier};
use crate::context::Context;
use crate::operation::{Component, Operation, Refused, Step, Timer};

use deployment::DeploymentController;
use disruption::DisruptionController;
use endpoint_slice::EndpointSliceController;
use informers::Informers;
use node_lifecycle::NodeLifecycle;
use pod_garbage_collector::PodGarbageCollector;
use replica_set::ReplicaSetController;
use taint_eviction::TaintEviction;

/// A controller.
trait Controller {
    /// It begins: periodic work is armed.
    fn start(&mut self, context: &Context<'_>);

    /// Its event handler is told of the next change of a resource.
    fn notify(
        &mut self,
        resource: Resource,
        informers: &mut Informers,
        context: &mut Context<'_>,
    ) -> Result<(), Refused>;

    /// A worker takes a key, or a timer is due.
    fn act(&mut self, step: &Step, informers: &Informers, context: &mut Context<'_>) -> Result<(), Refused>;

    /// An answer to one of its calls.
    fn on_answer(
        &mut self,
        call: CallId,
        answer: Result<Response, ApiError>,
        informers: &Informers,
        context: &mut Context<'_>,
    );

    /// Keys that a worker may take, and timers that are due.
    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>);

    /// When its next timer is due.
    fn next_deadline(&self) -> Option<Moment>;
}

/// The controller manager.
#[derive(Debug, Default)]
pub struct ControllerManager {
    informers: Informers,
    deployment: DeploymentController,
    replica_set: ReplicaSetController,
    node_lifecycle: NodeLifecycle,
    taint_eviction: TaintEviction,
    pod_garbage_collector: PodGarbageCollector,
    disruption: DisruptionController,
    endpoint_slice: EndpointSliceController,
    started: bool,
}

impl ControllerManager {
    /// What its controllers know.
    pub const fn informers(&self) -> &Informers {
        &self.informers
    }

    /// The ReplicaSet controller.
    pub const fn replica_sets(&self) -> &ReplicaSetController {
        &self.replica_set
    }

    /// The node lifecycle controller.
    pub const fn node_lifecycle(&self) -> &NodeLifecycle {
        &self.node_lifecycle
    }

    fn controllers(&self) -> [&dyn Controller; 7] {
        [
            &self.deployment,
            &self.replica_set,
            &self.node_lifecycle,
            &self.taint_eviction,
            &self.pod_garbage_collector,
            &self.disruption,
            &self.endpoint_slice,
        ]
    }

    /// A controller, and the informers beside it.
    fn controller(&mut self, component: Component) -> Option<(&mut dyn Controller, &mut Informers)> {
        let controller: &mut dyn Controller = match component {
            Component::Deployment => &mut self.deployment,
            Component::ReplicaSet => &mut self.replica_set,
            Component::NodeLifecycle => &mut self.node_lifecycle,
            Component::TaintEviction => &mut self.taint_eviction,
            Component::PodGarbageCollector => &mut self.pod_garbage_collector,
            Component::Disruption => &mut self.disruption,
            Component::EndpointSlice => &mut self.endpoint_slice,
            _ => return None,
        };
        Some((controller, &mut self.informers))
    }

    /// Controllers begin when every cache has its first list.
    fn start_controllers(&mut self, context: &Context<'_>) {
        if self.started || !self.informers.are_synced() {
            return;
        }
        self.started = true;
        self.deployment.start(context);
        self.replica_set.start(context);
        self.node_lifecycle.start(context);
        self.taint_eviction.start(context);
        self.pod_garbage_collector.start(context);
        self.disruption.start(context);
        self.endpoint_slice.start(context);
    }
}

impl Actor for ControllerManager {
    fn start(&mut self, context: &mut Context<'_>) {
        self.informers.start(context);
    }

    fn stop(&mut self) {
        *self = Self::default();
    }

    fn watches(&self, tell: &mut dyn FnMut(Resource, WatchId)) {
        self.informers.watches(tell);
    }

    fn on_event(&mut self, resource: Resource, event: WatchEvent, _: &mut Context<'_>) {
        self.informers.on_event(resource, event);
    }

    fn on_broken(&mut self, resource: Resource, context: &mut Context<'_>) {
        self.informers.on_broken(resource, context);
    }

    fn on_answer(
        &mut self,
        caller: Component,
        call: CallId,
        answer: Result<Response, ApiError>,
        context: &mut Context<'_>,
    ) {
        match self.controller(caller) {
            Some((controller, informers)) => controller.on_answer(call, answer, informers, context),
            None => {
                self.informers.on_answer(call, &answer, context);
                self.start_controllers(context);
            }
        }
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        self.informers.pending(clock, operations);
        if self.started {
            for controller in self.controllers() {
                controller.pending(clock, operations);
            }
        }
    }

    fn complete(&mut self, operation: &Operation, context: &mut Context<'_>) -> Result<(), Refused> {
        if let Step::Wake(Timer::Reflect(resource)) = operation.step {
            return self.informers.wake(resource, context);
        }
        let started = self.started;
        let (controller, informers) = self.controller(operation.component).ok_or(Refused)?;
        match &operation.step {
            Step::Notify(resource) => controller.notify(*resource, informers, context),
            step if started => controller.act(step, informers, context),
            _ => Err(Refused),
        }
    }

    fn next_deadline(&self, _: Moment) -> Option<Moment> {
        let controllers = self.controllers().into_iter().filter(|_| self.started);
        let next = controllers.filter_map(Controller::next_deadline).min();
        earlier(next, self.informers.next_deadline())
    }
}
