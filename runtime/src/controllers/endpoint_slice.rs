//! The EndpointSlice controller: which pods take part in a Service, and in what condition (EPS-1 to EPS-16).
//!
//! - [`endpoints`]: what an endpoint says of its pod
//! - [`tracker`]: what this controller wrote and has not seen yet
//!
//! Left out: dual stack (slices are IPv4), topology hints, several port sets for one Service, Services without a selector.

pub mod endpoints;
mod sync;
pub mod tracker;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};

use super::Controller;
use super::informers::{Informers, SERVICE_NAME_LABEL};
use crate::api::selector::contains;
use crate::api::{ApiError, Key, Kind, Request, Resource, Response};
use crate::client::{Backoff, CallId, Notification, WorkQueue};
use crate::clock::{Clock, Moment};
use crate::context::Context;
use crate::operation::{Component, Operation, Queue, Refused, Step};
use crate::slip::{Slip, Slips};

use tracker::Tracker;

/// So many workers (C-31).
const WORKERS: usize = 5;

/// 1 s doubling to 1000 s (EPS-8).
const BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), max: Duration::from_secs(1_000) };

/// After so many failures a key waits for the next event (EPS-8).
const RETRIES_MAX: u32 = 15;

/// The controller.
#[derive(Debug)]
pub struct EndpointSliceController {
    queue: WorkQueue,
    tracker: Tracker,
    /// What each worker still has to write, and whether the sync has failed already.
    plans: BTreeMap<Key, Plan>,
    calls: BTreeMap<CallId, Key>,
}

/// Writes that one sync makes one after the other (EPS-10).
#[derive(Debug, Default)]
struct Plan {
    writes: VecDeque<Request>,
    failed: bool,
    /// The write in flight is a deletion.
    deletes: bool,
}

impl Default for EndpointSliceController {
    fn default() -> Self {
        Self {
            queue: WorkQueue::new(Component::EndpointSlice, Queue::Main, WORKERS, BACKOFF),
            tracker: Tracker::default(),
            plans: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }
}

impl EndpointSliceController {
    fn on_pod(&mut self, informers: &mut Informers, slips: Slips) -> Result<(), Refused> {
        match informers.pods.next_notification(Component::EndpointSlice)? {
            Notification::Added(_, pod) | Notification::Deleted(_, pod) => self.add_services(&pod, informers),
            Notification::Updated(_, old, pod) => {
                if old.version() == pod.version() || !endpoints::changed(&old, &pod, slips) {
                    return Ok(());
                }
                self.add_services(&pod, informers);
                if old.metadata.labels != pod.metadata.labels {
                    self.add_services(&old, informers);
                }
            }
        }
        Ok(())
    }

    /// Every Service that selects the pod (EPS-12).
    fn add_services(&mut self, pod: &Pod, informers: &Informers) {
        for (key, service) in informers.services.cache().iter() {
            if selects(service, pod) {
                self.queue.add(key.clone());
            }
        }
    }

    /// A slice of this controller that somebody else changed or removed brings its Service back.
    fn on_slice(&mut self, informers: &mut Informers) -> Result<(), Refused> {
        let notification = informers.endpoint_slices.next_notification(Component::EndpointSlice)?;
        let slice = Arc::clone(notification.object());
        if slice.label(sync::MANAGED_BY.0) != Some(sync::MANAGED_BY.1) {
            return Ok(());
        }
        let Some(service) = slice.label(SERVICE_NAME_LABEL).map(|name| slice.key().sibling(name)) else {
            return Ok(());
        };
        let unexpected = match notification {
            Notification::Deleted(..) => self.tracker.misses(&service, &slice),
            _ => !self.tracker.is_known(&service, &slice),
        };
        if unexpected {
            self.queue.add(service);
        }
        Ok(())
    }

    fn begin(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        let plan = match informers.services.cache().get(key).cloned() {
            None => {
                self.tracker.forget(key);
                Plan::default()
            }
            Some(service) => sync::plan(key, &service, &self.tracker, informers, context),
        };
        self.plans.insert(key.clone(), plan);
        self.write_next(key, context);
    }

    fn write_next(&mut self, key: &Key, context: &mut Context<'_>) {
        let Some(plan) = self.plans.get_mut(key) else { return };
        if let Some(write) = plan.writes.pop_front() {
            plan.deletes = matches!(write, Request::Delete(..));
            let call = context.calls.send(Component::EndpointSlice, write);
            self.calls.insert(call, key.clone());
            return;
        }
        let failed = plan.failed;
        self.plans.remove(key);
        if failed && self.queue.failures(key) < RETRIES_MAX {
            self.queue.add_rate_limited(key.clone(), context.now());
        } else {
            self.queue.forget(key);
        }
        self.queue.done(key);
    }
}

/// Does the Service select the pod? One without a selector selects none (EPS-17).
fn selects(service: &Service, pod: &Pod) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    service.metadata.namespace == pod.metadata.namespace
        && selector
            .is_some_and(|selector| !selector.is_empty() && contains(pod.metadata.labels.as_ref(), selector))
}

impl Controller for EndpointSliceController {
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
            Resource::Service => {
                let notification = informers.services.next_notification(Component::EndpointSlice)?;
                self.queue.add(notification.key().clone());
                Ok(())
            }
            Resource::Pod => self.on_pod(informers, context.slips),
            Resource::EndpointSlice => self.on_slice(informers),
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
        _: &Informers,
        context: &mut Context<'_>,
    ) {
        let Some(key) = self.calls.remove(&call) else { return };
        let Some(plan) = self.plans.get_mut(&key) else { return };
        match answer {
            Ok(Response::Object(object)) if !context.has(Slip::StaleSlicesTrusted) => {
                if plan.deletes {
                    self.tracker.expect_deletion(&key, &object);
                } else {
                    self.tracker.wrote(&key, &object);
                }
            }
            Ok(_) => {}
            Err(_) => {
                plan.writes.clear();
                plan.failed = true;
            }
        }
        self.write_next(&key, context);
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        self.queue.pending(clock, operations);
    }

    fn next_deadline(&self) -> Option<Moment> {
        self.queue.next_deadline()
    }
}
