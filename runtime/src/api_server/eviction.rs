//! API-initiated eviction: a deletion that asks the disruption budget first (EVI-1 to EVI-7).
//!
//! The budget is spent in one write and the pod deleted in another: between the two anything may happen (EVI-5).

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::ApiServer;
use crate::api::constants::{condition, is_ready, is_terminal, phase, phase_of};
use crate::api::patch::{PodStatusPatch, new_pod_condition};
use crate::api::selector::selects;
use crate::api::{ApiError, DeleteOptions, Key, Kind, Object, Patch, Resource, Response};
use crate::client::CallId;
use crate::clock::Moment;
use crate::slip::Slip;

/// More entries in `disruptedPods` than this are refused.
const DISRUPTED_PODS_MAX: usize = 2_000;

/// An eviction that may go on to delete its pod.
#[derive(Debug)]
pub struct Granted {
    pod: Key,
    options: DeleteOptions,
    /// That nobody has written the pod since is asked for by the server, and not by the caller.
    asks_itself: bool,
}

/// What a budget says to an eviction.
enum Verdict {
    /// The pod may be deleted at once; if so told, only if nobody wrote it since.
    Delete { unchanged: bool },
    /// The budget, so spent, has to be written first.
    Spend(Box<PodDisruptionBudget>),
}

impl ApiServer {
    /// Evicts a pod. No answer yet means that the budget is spent and the pod is deleted by [`ApiServer::proceed`].
    pub(super) fn evict(
        &mut self,
        call: CallId,
        key: &Key,
        options: &DeleteOptions,
        now: Moment,
    ) -> Option<Result<Response, ApiError>> {
        let Some(pod) = self.store.get::<Pod>(key) else { return Some(Err(ApiError::NotFound)) };
        let version = pod.version();
        let verdict = match self.judge(pod, key, now) {
            Ok(verdict) => verdict,
            Err(refused) => return Some(Err(refused)),
        };
        let mut options = options.clone();
        match verdict {
            Verdict::Delete { unchanged } => {
                let asks_itself = unchanged && options.preconditions.version.is_none();
                if asks_itself {
                    options.preconditions.version = Some(version);
                }
                Some(self.delete_evicted(&Granted { pod: key.clone(), options, asks_itself }, now))
            }
            Verdict::Spend(budget) => {
                let budget = Object::from(*budget);
                if !self.slips.has(Slip::BudgetNotSpent) {
                    self.store.put(budget.key(), budget, now);
                }
                let granted = Granted { pod: key.clone(), options, asks_itself: false };
                self.evictions.insert(call, granted);
                None
            }
        }
    }

    /// The pod gets the condition DisruptionTarget and is deleted with its own grace or the caller's (EVI-6). A conflict with what
    /// the server asks for itself is told as "try again" (EVI-7), one with what the caller asks for as what it is.
    pub(super) fn delete_evicted(&mut self, granted: &Granted, now: Moment) -> Result<Response, ApiError> {
        let told = |error| match error {
            ApiError::Conflict if granted.asks_itself => ApiError::TooManyRequests,
            other => other,
        };
        self.mark_and_delete(granted, now).map_err(told)
    }

    fn mark_and_delete(&mut self, granted: &Granted, now: Moment) -> Result<Response, ApiError> {
        let preconditions = &granted.options.preconditions;
        let mut options = granted.options.clone();
        // Whatever becomes of the pod, or has (S28 `eviction.go` `addConditionAndDeletePod`).
        if self.release.minor >= 26 {
            let target = new_pod_condition(
                condition::DISRUPTION_TARGET,
                condition::TRUE,
                "EvictionByEvictionAPI",
                now,
            );
            let patch =
                Patch::PodStatus(PodStatusPatch { conditions: vec![target], ..PodStatusPatch::default() });
            let marked = self.patch(Resource::Pod, &granted.pod, preconditions, &patch, now)?;
            if options.preconditions.version.is_some() {
                options.preconditions.version = Some(marked.version());
            }
        }
        self.delete(Resource::Pod, &granted.pod, &options, now).map(|_| Response::Done)
    }

    fn judge(&self, pod: &Pod, key: &Key, now: Moment) -> Result<Verdict, ApiError> {
        // EVI-1: these do not disturb anything.
        if is_terminal(pod) || pod.is_deleting() {
            return Ok(Verdict::Delete { unchanged: false });
        }
        if phase_of(pod) == phase::PENDING {
            return Ok(Verdict::Delete { unchanged: true });
        }
        // EVI-2
        let labels = pod.metadata.labels.as_ref();
        let mut budgets = self.store.all::<PodDisruptionBudget>().filter(|(budget_key, budget)| {
            let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            budget_key.namespace() == key.namespace()
                && selector.is_some_and(|selector| selects(selector, labels))
        });
        let Some((_, budget)) = budgets.next() else { return Ok(Verdict::Delete { unchanged: false }) };
        if budgets.next().is_some() {
            return Err(ApiError::Internal);
        }
        // EVI-3
        if !is_ready(pod) {
            let policy = budget.spec.as_ref().and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref());
            let status = budget.status.clone().unwrap_or_default();
            let healthy_without =
                status.current_healthy >= status.desired_healthy && status.desired_healthy > Some(0);
            let always = policy == Some("AlwaysAllow") && self.release.has_unhealthy_pod_eviction_policy();
            if always || healthy_without {
                return Ok(Verdict::Delete { unchanged: true });
            }
        }
        spend(budget, key, now).map(|budget| Verdict::Spend(Box::new(budget)))
    }
}

/// The budget with one disruption less (EVI-4).
fn spend(budget: &PodDisruptionBudget, pod: &Key, now: Moment) -> Result<PodDisruptionBudget, ApiError> {
    let mut budget = budget.clone();
    let generation = budget.metadata.generation.unwrap_or(0);
    let status = budget.status.get_or_insert_default();
    if status.observed_generation.unwrap_or(0) < generation {
        return Err(ApiError::TooManyRequests);
    }
    let allowed = status.disruptions_allowed.unwrap_or(0);
    let disrupted = status.disrupted_pods.get_or_insert_default();
    if allowed < 0 || disrupted.len() > DISRUPTED_PODS_MAX {
        return Err(ApiError::Forbidden);
    }
    if allowed == 0 {
        return Err(ApiError::TooManyRequests);
    }
    status.disruptions_allowed = Some(allowed - 1);
    disrupted.insert(pod.name().to_owned(), now.to_time());
    Ok(budget)
}
