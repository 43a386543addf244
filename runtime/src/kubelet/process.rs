//! The kubelet as a process of the cluster: it starts, stops, and loses its memory; its containers stay with their runtime
//! (RST-1, RST-2), and its images on the disk.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;

use super::Kubelet;
use super::host::{Host, RuntimeCalls};
use super::parts::Settings;
use crate::actor::Actor;
use crate::api::{ApiError, Resource, Response, Uid};
use crate::api_server::WatchEvent;
use crate::client::informer::Follower;
use crate::client::{CallId, WatchId};
use crate::clock::{Clock, Moment};
use crate::container_runtime::Machine;
use crate::context::Context;
use crate::operation::{Component, NodeIndex, Operation, Refused, Step, Timer};
use crate::slip::Slips;

/// The kubelet of a machine, running or not.
pub struct KubeletProcess {
    index: NodeIndex,
    node: Node,
    settings: Settings,
    machine: Rc<RefCell<dyn Machine>>,
    calls: RuntimeCalls,
    kubelet: Option<Kubelet>,
    /// The images that were on the disk when the last kubelet stopped (S28 `EnsureImageExists` asks the runtime for each).
    images: BTreeSet<Arc<str>>,
    slips: Slips,
}

impl KubeletProcess {
    /// The kubelet of a machine. `node` is the object that it registers: name, labels, capacity.
    pub fn new(index: NodeIndex, node: Node, settings: Settings, machine: Rc<RefCell<dyn Machine>>) -> Self {
        Self {
            index,
            node,
            settings,
            machine,
            calls: RuntimeCalls::default(),
            kubelet: None,
            images: BTreeSet::new(),
            slips: Slips::NONE,
        }
    }

    /// Its memory, if it runs.
    pub const fn kubelet(&self) -> Option<&Kubelet> {
        self.kubelet.as_ref()
    }

    /// From now on its PLEG may list, and its runtime may answer, so late at most before the runtime counts as unwell (PLEG-4, SRC-5):
    /// for whoever drives the clock by other rules.
    pub fn set_patience(&mut self, pleg: Duration, status: Duration) {
        self.settings.pleg_threshold = pleg;
        self.settings.runtime_check_threshold = status;
        if let Some(kubelet) = &mut self.kubelet {
            kubelet.parts.set_patience(pleg, status);
        }
    }

    /// The node runs short of something, and the kubelet evicts a pod (EVM-1). Tells whether there was one to evict.
    pub fn evict(&mut self, uid: &Uid, context: &mut Context<'_>) -> bool {
        self.with(context, |kubelet, host| kubelet.evict(uid, host)).unwrap_or(false)
    }

    /// Lets the kubelet act, if it runs.
    fn with<T>(
        &mut self,
        context: &mut Context<'_>,
        act: impl FnOnce(&mut Kubelet, &mut Host<'_, '_>) -> T,
    ) -> Option<T> {
        let kubelet = self.kubelet.as_mut()?;
        let mut machine = self.machine.borrow_mut();
        let mut host = Host {
            context,
            runtime: &mut *machine,
            calls: &mut self.calls,
            node: self.index,
            request_timeout: self.settings.runtime_request_timeout,
        };
        Some(act(kubelet, &mut host))
    }
}

impl Actor for KubeletProcess {
    fn start(&mut self, context: &mut Context<'_>) {
        self.slips = context.slips;
        let mut machine = self.machine.borrow_mut();
        let mut host = Host {
            context,
            runtime: &mut *machine,
            calls: &mut self.calls,
            node: self.index,
            request_timeout: self.settings.runtime_request_timeout,
        };
        let mut kubelet = Kubelet::new(self.index, self.node.clone(), self.settings.clone(), &host);
        kubelet.parts.images.clone_from(&self.images);
        kubelet.start(&mut host);
        self.kubelet = Some(kubelet);
    }

    fn stop(&mut self) {
        if let Some(kubelet) = self.kubelet.take() {
            self.images = kubelet.parts.images;
        }
        let mut machine = self.machine.borrow_mut();
        for call in std::mem::take(&mut self.calls).ids() {
            machine.abandon(call);
        }
    }

    fn watches(&self, tell: &mut dyn FnMut(Resource, WatchId)) {
        let Some(kubelet) = &self.kubelet else { return };
        kubelet.pods.watch().into_iter().for_each(|watch| tell(Resource::Pod, watch));
        kubelet.nodes.watch().into_iter().for_each(|watch| tell(Resource::Node, watch));
    }

    fn on_event(&mut self, resource: Resource, event: WatchEvent, context: &mut Context<'_>) {
        self.with(context, |kubelet, host| kubelet.on_event(resource, event, host));
    }

    fn on_broken(&mut self, resource: Resource, context: &mut Context<'_>) {
        let Some(kubelet) = &mut self.kubelet else { return };
        match resource {
            Resource::Pod => kubelet.pods.on_broken(context),
            Resource::Node => kubelet.nodes.on_broken(context),
            _ => {}
        }
    }

    fn on_answer(
        &mut self,
        _: Component,
        call: CallId,
        answer: Result<Response, ApiError>,
        context: &mut Context<'_>,
    ) {
        self.with(context, |kubelet, host| kubelet.on_api_answer(call, answer, host));
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        let Some(kubelet) = &self.kubelet else { return };
        kubelet.nodes.pending(clock, operations);
        kubelet.pods.pending(clock, operations);
        let component = Component::Kubelet(self.index);
        kubelet.pending(clock.now(), self.slips, &self.calls, &*self.machine.borrow(), &mut |step| {
            operations.push(Operation::new(component, Step::Kubelet(step)));
        });
    }

    fn complete(&mut self, operation: &Operation, context: &mut Context<'_>) -> Result<(), Refused> {
        match &operation.step {
            Step::Kubelet(step) => {
                self.with(context, |kubelet, host| kubelet.step(step, host)).flatten().ok_or(Refused)
            }
            Step::Wake(Timer::Reflect(resource)) => {
                let kubelet = self.kubelet.as_mut().ok_or(Refused)?;
                match resource {
                    Resource::Pod => kubelet.pods.wake(context),
                    Resource::Node => kubelet.nodes.wake(context),
                    _ => Err(Refused),
                }
            }
            _ => Err(Refused),
        }
    }

    fn next_deadline(&self, now: Moment) -> Option<Moment> {
        self.kubelet.as_ref()?.next_deadline(now, &self.calls)
    }
}
