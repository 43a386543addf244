//! Promises about the EndpointSlice.

use podproof_vocabulary::action::Action;

use super::{Judgement, Step};
use crate::cluster::Cluster;

/// `ready-means-ready`: □ (a slice is written ⇒ each entry's `ready` = publishNotReadyAddresses ∨ (Ready ∧ ¬deleting) of
/// the writer's copy of the pod) (EPS-3). Premise: a slice with an entry is written. Model-only.
pub fn ready_means_ready(step: &Step<'_, Cluster<'_>>) -> Judgement {
    let (Action::EndpointSlice(_), Some(service)) = (step.action, &step.scenario.service) else {
        return Judgement::Silent;
    };
    let entries = || step.after.used_pods().filter(|&pod| step.after.pod(pod).slice.is_present());
    let broken = entries().any(|pod| {
        let view = step.before.pod(pod).controller.view();
        let ready = service.publish_not_ready_addresses || (view.ready() && !view.deleting());
        step.after.pod(pod).slice.ready() != ready
    });
    Judgement::of(entries().next().is_some(), broken)
}
