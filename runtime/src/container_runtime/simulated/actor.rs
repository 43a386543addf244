//! The simulated runtime as a process of the cluster. It goes on while its kubelet does not (RST-1), and never speaks to the API
//! server.

use std::cell::RefCell;
use std::rc::Rc;

use super::Simulated;
use crate::actor::Actor;
use crate::api::{ApiError, Resource, Response};
use crate::api_server::WatchEvent;
use crate::client::{CallId, WatchId};
use crate::clock::{Clock, Moment};
use crate::context::Context;
use crate::operation::{Component, NodeIndex, Operation, Refused, Step};

/// The runtime of a machine.
pub struct RuntimeProcess {
    index: NodeIndex,
    runtime: Rc<RefCell<Simulated>>,
}

impl RuntimeProcess {
    /// The runtime of a machine.
    pub const fn new(index: NodeIndex, runtime: Rc<RefCell<Simulated>>) -> Self {
        Self { index, runtime }
    }

    /// What may go wrong now in the runtime.
    pub fn faults(&self, operations: &mut Vec<Operation>) {
        let mut steps = Vec::new();
        self.runtime.borrow().call_faults(&mut steps);
        let component = Component::ContainerRuntime(self.index);
        operations.extend(steps.into_iter().map(|step| Operation::new(component, Step::Runtime(step))));
    }
}

impl Actor for RuntimeProcess {
    fn start(&mut self, context: &mut Context<'_>) {
        self.runtime.borrow_mut().set_slips(context.slips);
    }

    /// What it has of sandboxes and containers is not in its memory.
    fn stop(&mut self) {}

    fn watches(&self, _: &mut dyn FnMut(Resource, WatchId)) {}

    fn on_event(&mut self, _: Resource, _: WatchEvent, _: &mut Context<'_>) {}

    fn on_broken(&mut self, _: Resource, _: &mut Context<'_>) {}

    fn on_answer(&mut self, _: Component, _: CallId, _: Result<Response, ApiError>, _: &mut Context<'_>) {}

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        let mut steps = Vec::new();
        self.runtime.borrow().pending(clock.now(), &mut steps);
        let component = Component::ContainerRuntime(self.index);
        operations.extend(steps.into_iter().map(|step| Operation::new(component, Step::Runtime(step))));
    }

    fn complete(&mut self, operation: &Operation, context: &mut Context<'_>) -> Result<(), Refused> {
        match operation.step {
            Step::Runtime(step) => self.runtime.borrow_mut().complete(step, context.now()),
            _ => Err(Refused),
        }
    }

    fn next_deadline(&self, now: Moment) -> Option<Moment> {
        self.runtime.borrow().next_deadline(now)
    }
}
