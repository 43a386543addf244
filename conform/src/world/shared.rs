//! Budgets that select pods of several workloads: the model has one workload, and cannot tell how healthy the pods of others are.

use std::rc::Rc;

use podproof_vocabulary::scenario::WorkloadKind;

use super::life::Span;
use super::observed::Followed;
use super::roots::Root;
use super::selectors::Selector;
use super::surveyor::Surveyor;

/// Does the status of a budget depend on what the model of a workload does not have? That is so where it selects pods of others while
/// the workload is followed, and where a controller of another kind says how many pods there should be.
pub(super) fn is_shared(
    budget: &Selector,
    root: &Root<'_>,
    roots: &[Rc<Root<'_>>],
    index: usize,
    surveyor: &Surveyor,
    followed: Followed,
) -> bool {
    if root.kind == WorkloadKind::Pod && root.owner.is_some() {
        return true;
    }
    let span = Span { from: followed.from, to: followed.to };
    let mut pods = surveyor.pods.register.by_uid.iter();
    let is_others = pods.any(|(uid, pod)| {
        let is_beside = pod.life.span().overlaps(span) && budget.selects(&pod.namespace, &pod.labels, uid);
        is_beside && !root.pods.contains(uid)
    });
    // Of those that were there before the log some pods may never be in it.
    let mut others = roots.iter().enumerate().filter(|&(other, _)| other != index).map(|(_, other)| other);
    is_others
        || others.any(|other| {
            let is_beside = other.life.existed && other.span(surveyor).overlaps(span);
            is_beside && budget.selects(&other.namespace, &other.labels(surveyor), "")
        })
}

/// What is said of such a budget.
pub(super) fn says(budget: &str) -> String {
    format!(
        "PodDisruptionBudget/{budget} selects pods of other workloads too, or of a controller that the model does not have: its status \
         is taken from the log"
    )
}
