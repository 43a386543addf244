//! kube-proxy as a process of the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::endpoint::endpoints_of;
use super::frequency::Frequency;
use super::rules::{Rules, compute};
use super::tracker::Tracker;
use crate::actor::Actor;
use crate::api::{ApiError, Key, Kind, Resource, Response, Selector};
use crate::api_server::WatchEvent;
use crate::client::informer::Follower;
use crate::client::{CallId, Informer, Notification, WatchId};
use crate::clock::{Clock, Moment, earlier};
use crate::context::Context;
use crate::controllers::informers::SERVICE_NAME_LABEL;
use crate::operation::{Component, NodeIndex, Operation, Refused, Step, Timer};
use crate::slip::{Slip, Slips};

/// P-2.
const MIN_SYNC_PERIOD: Duration = Duration::from_secs(1);
/// PRX-1.
const MAX_INTERVAL: Duration = Duration::from_secs(3_600);
/// After a failure the rules are programmed again after this (PRX-7).
const RETRY: Duration = Duration::from_secs(30);

/// What a kube-proxy does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProxyStep {
    /// The rules are computed from what has changed.
    Sync,
    /// The kernel has taken them.
    Program,
    /// A fault: the kernel refuses them.
    FailToProgram,
}

/// The memory of a kube-proxy that runs.
#[derive(Debug)]
struct Memory {
    services: Informer<Service>,
    slices: Informer<EndpointSlice>,
    service_changes: Tracker<Service>,
    slice_changes: Tracker<EndpointSlice>,
    frequency: Frequency,
    retry_at: Option<Moment>,
    /// Rules that were computed and are being programmed.
    programming: Option<Rules>,
    /// It has programmed rules since it began.
    has_programmed: bool,
    /// Both were known once, to the event handlers too.
    initialized: bool,
}

/// The kube-proxy of a machine, running or not, and the machine's rules.
pub struct KubeProxy {
    index: NodeIndex,
    node: Arc<str>,
    rules: Rules,
    memory: Option<Memory>,
}

impl KubeProxy {
    /// The kube-proxy of the machine whose node has this name. There are no rules yet.
    pub fn new(index: NodeIndex, node: &str) -> Self {
        Self { index, node: node.into(), rules: Rules::new(), memory: None }
    }

    /// The rules of the machine.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The slices that it has seen; none if it does not run.
    pub fn slices(&self) -> impl Iterator<Item = &Arc<EndpointSlice>> {
        self.memory.iter().flat_map(|memory| memory.slices.cache().iter()).map(|(_, slice)| slice)
    }

    /// The machine loses power: its kernel forgets its rules.
    pub fn reboot(&mut self) {
        self.rules.clear();
    }
}

impl Memory {
    /// PRX-6: before both are known no rules are written.
    fn note_sync(&mut self, component: Component) {
        self.initialized |= self.services.has_told(component) && self.slices.has_told(component);
    }

    /// The rules may be computed by now.
    fn is_due(&self, now: Moment) -> bool {
        let retry = self.retry_at.is_some_and(|at| at <= now);
        self.programming.is_none() && self.initialized && (retry || self.frequency.is_due(now))
    }

    fn compute(&mut self, node: &Arc<str>, context: &Context<'_>) -> Rules {
        self.service_changes.apply();
        self.slice_changes.apply();
        let mut slices: BTreeMap<Key, Vec<&Arc<EndpointSlice>>> = BTreeMap::new();
        for (key, slice) in self.slice_changes.applied() {
            if let Some(service) = slice.label(SERVICE_NAME_LABEL) {
                slices.entry(key.sibling(service)).or_default().push(slice);
            }
        }
        let rules = self.service_changes.applied().map(|(key, service)| {
            let slices = slices.remove(key).unwrap_or_default();
            let endpoints = endpoints_of(slices.into_iter(), node, context.release);
            let rules = compute(service, &endpoints, node, context.release, context.slips);
            (key.clone(), rules)
        });
        rules.collect()
    }

    /// An event handler is told of a change.
    fn notify(&mut self, resource: Resource, component: Component, slips: Slips) -> Result<(), Refused> {
        let forgotten = slips.has(Slip::ProxyLosesChangesWhileProgramming) && self.programming.is_some();
        match resource {
            Resource::Service => match self.services.next_notification(component)? {
                Notification::Deleted(key, _) => self.service_changes.change(key, None),
                Notification::Added(key, new) | Notification::Updated(key, _, new) => {
                    self.service_changes.change(key, Some(new));
                }
            },
            Resource::EndpointSlice => match self.slices.next_notification(component)? {
                Notification::Deleted(key, _) => {
                    if !slips.has(Slip::ProxyKeepsDeletedSlices) {
                        self.slice_changes.change(key, None);
                    }
                }
                Notification::Added(key, new) | Notification::Updated(key, _, new) => {
                    self.slice_changes.change(key, Some(new));
                }
            },
            _ => return Err(Refused),
        }
        if forgotten {
            self.slice_changes.forget();
        } else {
            self.frequency.want();
        }
        Ok(())
    }

    fn follower(&mut self, resource: Resource) -> Option<&mut dyn Follower> {
        match resource {
            Resource::Service => Some(&mut self.services),
            Resource::EndpointSlice => Some(&mut self.slices),
            _ => None,
        }
    }
}

impl Actor for KubeProxy {
    fn start(&mut self, context: &mut Context<'_>) {
        let component = Component::Proxy(self.index);
        let mut memory = Memory {
            services: Informer::new(component, Selector::Everything, &[], &[component]),
            slices: Informer::new(component, Selector::Everything, &[], &[component]),
            service_changes: Tracker::default(),
            slice_changes: Tracker::default(),
            frequency: Frequency::new(MIN_SYNC_PERIOD, MAX_INTERVAL),
            retry_at: None,
            programming: None,
            has_programmed: false,
            initialized: context.has(Slip::ProxyProgramsBeforeItIsSynced),
        };
        // The first sync waits for the first lists, and happens even if they are empty.
        memory.frequency.want();
        memory.services.start(context);
        memory.slices.start(context);
        self.memory = Some(memory);
    }

    fn stop(&mut self) {
        self.memory = None;
    }

    fn watches(&self, tell: &mut dyn FnMut(Resource, WatchId)) {
        let Some(memory) = &self.memory else { return };
        memory.services.watch().into_iter().for_each(|watch| tell(Resource::Service, watch));
        memory.slices.watch().into_iter().for_each(|watch| tell(Resource::EndpointSlice, watch));
    }

    fn on_event(&mut self, resource: Resource, event: WatchEvent, _: &mut Context<'_>) {
        if let Some(follower) = self.memory.as_mut().and_then(|memory| memory.follower(resource)) {
            follower.on_event(event);
        }
    }

    fn on_broken(&mut self, resource: Resource, context: &mut Context<'_>) {
        if let Some(follower) = self.memory.as_mut().and_then(|memory| memory.follower(resource)) {
            follower.on_broken(context);
        }
    }

    fn on_answer(
        &mut self,
        _: Component,
        call: CallId,
        answer: Result<Response, ApiError>,
        context: &mut Context<'_>,
    ) {
        let Some(memory) = &mut self.memory else { return };
        if !memory.services.on_answer(call, &answer, context) {
            memory.slices.on_answer(call, &answer, context);
        }
        memory.note_sync(Component::Proxy(self.index));
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        let Some(memory) = &self.memory else { return };
        memory.services.pending(clock, operations);
        memory.slices.pending(clock, operations);
        let mut push =
            |step| operations.push(Operation::new(Component::Proxy(self.index), Step::Proxy(step)));
        if memory.is_due(clock.now()) {
            push(ProxyStep::Sync);
        }
        if memory.programming.is_some() {
            push(ProxyStep::Program);
        }
    }

    fn complete(&mut self, operation: &Operation, context: &mut Context<'_>) -> Result<(), Refused> {
        let memory = self.memory.as_mut().ok_or(Refused)?;
        match operation.step {
            Step::Notify(resource) => {
                memory.notify(resource, operation.component, context.slips)?;
                memory.note_sync(operation.component);
                Ok(())
            }
            Step::Wake(Timer::Reflect(resource)) => memory.follower(resource).ok_or(Refused)?.wake(context),
            Step::Proxy(ProxyStep::Sync) if memory.is_due(context.now()) => {
                memory.frequency.run(context.now());
                memory.retry_at = None;
                memory.programming = Some(memory.compute(&self.node, context));
                Ok(())
            }
            Step::Proxy(ProxyStep::Program) => {
                let mut rules = memory.programming.take().ok_or(Refused)?;
                if context.has(Slip::ProxyComparesByPresence) && !memory.has_programmed {
                    let found = std::mem::take(&mut self.rules);
                    let kept = found.into_iter().filter(|(service, _)| rules.contains_key(service));
                    rules.extend(kept.collect::<Vec<_>>());
                }
                memory.has_programmed = true;
                self.rules = rules;
                Ok(())
            }
            Step::Proxy(ProxyStep::FailToProgram) => {
                // PRX-7: the rules stay as they were.
                memory.programming.take().ok_or(Refused)?;
                let forgets = context.has(Slip::ProxyForgetsFailedProgramming);
                memory.retry_at = (!forgets).then(|| context.now() + RETRY);
                Ok(())
            }
            _ => Err(Refused),
        }
    }

    fn next_deadline(&self, _: Moment) -> Option<Moment> {
        let memory = self.memory.as_ref()?;
        let followers = earlier(memory.services.next_deadline(), memory.slices.next_deadline());
        if memory.programming.is_some() || !memory.initialized {
            return followers;
        }
        earlier(followers, earlier(memory.frequency.next(), memory.retry_at))
    }
}
