//! The disruption controller: how many pods a PodDisruptionBudget lets go (PDB-1 to PDB-6).
//!
//! Left out: the condition DisruptionAllowed of the status, and pods of controllers other than ReplicaSets and Deployments.

mod budget;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};

use super::Controller;
use super::informers::Informers;
use crate::api::constants::{TERMINATION_BY_KUBELET, condition, is_active, pod_condition};
use crate::api::patch::{PodStatusPatch, new_pod_condition};
use crate::api::selector::selects;
use crate::api::{ApiError, Key, Kind, Object, Patch, Preconditions, Request, Resource, Response};
use crate::client::{Backoff, CallId, Notification, WorkQueue};
use crate::clock::{Clock, Moment, earlier};
use crate::context::Context;
use crate::operation::{Component, Operation, Queue, Refused, Step, Timer};
use crate::slip::Slip;

/// An evicted pod that did not go counts again after this (C-27).
pub const DELETION_TIMEOUT: Duration = Duration::from_secs(120);

/// A condition DisruptionTarget of a pod that did not go is taken back after this (C-28).
const STALE_DISRUPTION: Duration = Duration::from_secs(120);

/// The controller.
#[derive(Debug)]
pub struct DisruptionController {
    queue: WorkQueue,
    /// Pods whose condition DisruptionTarget may be stale.
    stale: WorkQueue,
    calls: BTreeMap<CallId, Purpose>,
}

/// What an answer is for.
#[derive(Debug)]
enum Purpose {
    /// The status of a budget, and the copy that it was made from.
    Status(Key, Arc<PodDisruptionBudget>),
    /// That a budget allows nothing, and the copy that this was made from (PDB-4).
    FailSafe(Key, Arc<PodDisruptionBudget>),
    /// A newer copy of a budget, to write its status over whatever it says: only with a slip.
    Overwrite(Key),
    /// The condition of a pod.
    Stale(Key),
}

impl Default for DisruptionController {
    fn default() -> Self {
        let queue = |queue| WorkQueue::new(Component::Disruption, queue, 1, Backoff::DEFAULT);
        Self { queue: queue(Queue::Main), stale: queue(Queue::StaleDisruption), calls: BTreeMap::new() }
    }
}

impl DisruptionController {
    fn on_pod(&mut self, informers: &mut Informers, now: Moment) -> Result<(), Refused> {
        match informers.pods.next_notification(Component::Disruption)? {
            Notification::Added(key, pod) => {
                self.add_budgets(&pod, informers);
                self.watch_stale(&key, &pod, now);
            }
            // A budget that a pod leaves, by its labels, is not told (S28 `disruption.go` `updatePod`).
            Notification::Updated(key, _, pod) => {
                self.add_budgets(&pod, informers);
                self.watch_stale(&key, &pod, now);
            }
            Notification::Deleted(_, pod) => self.add_budgets(&pod, informers),
        }
        Ok(())
    }

    fn add_budgets(&mut self, pod: &Pod, informers: &Informers) {
        for (key, budget) in informers.budgets.cache().iter() {
            if matches(budget, pod) {
                self.queue.add(key.clone());
            }
        }
    }

    /// PDB-6
    fn watch_stale(&mut self, key: &Key, pod: &Pod, now: Moment) {
        if let Some(at) = stale_at(pod) {
            self.stale.add_at(key.clone(), at.max(now));
        }
    }

    /// Writes the status of a budget, if it differs.
    fn sync(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        let Some(budget) = informers.budgets.cache().get(key) else {
            self.finish(key, false, context);
            return;
        };
        let judged = budget::judge(budget, informers, context.slips, context.now());
        if let Some(at) = judged.recheck_at {
            self.queue.add_at(key.clone(), at);
        }
        if budget.status.as_ref() == Some(&judged.status) {
            // S28 `disruption.go` `failSafe`: a budget that allows nothing because a controller could not be found is written as well,
            // and what was written is not tried again; an event of a pod or of the budget brings the controller back.
            self.finish(key, false, context);
            return;
        }
        let purpose = if judged.failed { Purpose::FailSafe } else { Purpose::Status };
        self.write(budget, judged.status, purpose(key.clone(), Arc::clone(budget)), context);
    }

    /// Writes the status of a budget.
    fn write(
        &mut self,
        budget: &PodDisruptionBudget,
        status: PodDisruptionBudgetStatus,
        purpose: Purpose,
        context: &mut Context<'_>,
    ) {
        let budget = PodDisruptionBudget { status: Some(status), ..budget.clone() };
        let call = context.calls.send(Component::Disruption, Request::UpdateStatus(budget.into()));
        self.calls.insert(call, purpose);
    }

    /// A status that could not be written, and not because the copy is old: the budget allows nothing (PDB-4, S28 `disruption.go` `sync`).
    fn fail_safe(&mut self, key: Key, copy: Arc<PodDisruptionBudget>, context: &mut Context<'_>) {
        let old = copy.status.clone().unwrap_or_default();
        let status = PodDisruptionBudgetStatus { disruptions_allowed: Some(0), ..old };
        self.write(&copy, status, Purpose::FailSafe(key, Arc::clone(&copy)), context);
    }

    fn finish(&mut self, key: &Key, failed: bool, context: &Context<'_>) {
        if failed {
            self.queue.add_rate_limited(key.clone(), context.now());
        } else {
            self.queue.forget(key);
        }
        self.queue.done(key);
    }

    /// Takes a condition DisruptionTarget back if the pod was not deleted (PDB-6).
    fn sync_stale(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        let pod = informers.pods.cache().get(key);
        let Some(at) = pod.and_then(|pod| stale_at(pod)) else {
            self.stale.done(key);
            return;
        };
        let Some(pod) = pod.filter(|_| context.clock.is_due(at)) else {
            self.stale.add_at(key.clone(), at);
            self.stale.done(key);
            return;
        };
        let gone = new_pod_condition(condition::DISRUPTION_TARGET, condition::FALSE, "", context.now());
        let patch = Patch::PodStatus(PodStatusPatch { conditions: vec![gone], ..PodStatusPatch::default() });
        let patch = Request::Patch(Resource::Pod, key.clone(), Preconditions::uid(pod.uid()), patch);
        let call = context.calls.send(Component::Disruption, patch);
        self.calls.insert(call, Purpose::Stale(key.clone()));
    }

    /// With the slip, a status that conflicts is written over the newer budget.
    fn overwrite(&mut self, key: &Key, newer: &Object, informers: &Informers, context: &mut Context<'_>) {
        let (Object::PodDisruptionBudget(newer), Some(cached)) = (newer, informers.budgets.cache().get(key))
        else {
            self.finish(key, true, context);
            return;
        };
        let judged = budget::judge(cached, informers, context.slips, context.now());
        self.write(newer, judged.status, Purpose::Status(key.clone(), Arc::clone(newer)), context);
    }
}

/// Does the budget select the pod?
fn matches(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    budget.metadata.namespace == pod.metadata.namespace
        && selector.is_some_and(|selector| selects(selector, pod.metadata.labels.as_ref()))
}

/// When the condition DisruptionTarget of a pod that is not deleted becomes stale: that of a pod which has ended never, nor one that a
/// kubelet has set, which may take long to stop the pod (PDB-6; S28 `nonTerminatingPodHasStaleDisruptionCondition`).
fn stale_at(pod: &Pod) -> Option<Moment> {
    let target = pod_condition(pod, condition::DISRUPTION_TARGET)?;
    let since = target.last_transition_time.as_ref().map(Moment::from_time).unwrap_or_default();
    let by_kubelet = target.reason.as_deref() == Some(TERMINATION_BY_KUBELET);
    let waits = target.status == condition::TRUE && is_active(pod) && !by_kubelet;
    waits.then_some(since + STALE_DISRUPTION)
}

/// The pods that a budget selects.
fn pods_of<'a>(
    budget: &'a PodDisruptionBudget,
    informers: &'a Informers,
) -> impl Iterator<Item = &'a Arc<Pod>> {
    informers.pods.cache().iter().map(|(_, pod)| pod).filter(|pod| matches(budget, pod))
}

impl Controller for DisruptionController {
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
            Resource::PodDisruptionBudget => {
                let notification = informers.budgets.next_notification(Component::Disruption)?;
                self.queue.add(notification.key().clone());
                Ok(())
            }
            Resource::Pod => self.on_pod(informers, context.now()),
            _ => Err(Refused),
        }
    }

    fn act(&mut self, step: &Step, informers: &Informers, context: &mut Context<'_>) -> Result<(), Refused> {
        match step {
            Step::Work(Queue::Main, key) => {
                self.queue.take(key)?;
                self.sync(key, informers, context);
                Ok(())
            }
            Step::Work(Queue::StaleDisruption, key) => {
                self.stale.take(key)?;
                self.sync_stale(key, informers, context);
                Ok(())
            }
            Step::Wake(Timer::Delayed(Queue::Main, key)) => self.queue.wake(key, context.clock),
            Step::Wake(Timer::Delayed(Queue::StaleDisruption, key)) => self.stale.wake(key, context.clock),
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
        match self.calls.remove(&call) {
            Some(Purpose::Status(key, copy)) => match answer {
                Err(ApiError::Conflict) if context.has(Slip::BudgetStatusOverwritten) => {
                    let get = Request::Get(Resource::PodDisruptionBudget, key.clone());
                    let call = context.calls.send(Component::Disruption, get);
                    self.calls.insert(call, Purpose::Overwrite(key));
                }
                Ok(_) | Err(ApiError::Conflict) => self.finish(&key, answer.is_err(), context),
                Err(_) => self.fail_safe(key, copy, context),
            },
            Some(Purpose::FailSafe(key, copy)) => {
                // The event of this write brings it back; of one that changes nothing there is none here, and in Kubernetes one of the
                // condition that is left out.
                let is_heard = |answer: &Response| {
                    answer.object().is_some_and(|budget| budget.version() != copy.version())
                };
                self.finish(&key, !answer.as_ref().is_ok_and(is_heard), context);
            }
            Some(Purpose::Overwrite(key)) => match answer {
                Ok(Response::Object(newer)) => self.overwrite(&key, &newer, informers, context),
                _ => self.finish(&key, true, context),
            },
            Some(Purpose::Stale(key)) => {
                if !matches!(answer, Ok(_) | Err(ApiError::NotFound | ApiError::Conflict)) {
                    self.stale.add_rate_limited(key.clone(), context.now());
                }
                self.stale.done(&key);
            }
            None => {}
        }
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        self.queue.pending(clock, operations);
        self.stale.pending(clock, operations);
    }

    fn next_deadline(&self) -> Option<Moment> {
        earlier(self.queue.next_deadline(), self.stale.next_deadline())
    }
}
