//! Workloads that were there before the log began.
//!
//! A log begins at some moment, and what runs by then is in no entry of it. But every write is in the log, so an object was,
//! until its first write there, what it had been when the log began; and that write shows it with the times of its last
//! changes. From these it is told how it stood in the beginning ([`first_sight`]: one pod; [`target`]: the whole workload),
//! and the model is led there from nothing, without a fault, step by step ([`lead`]). The replay goes on from that state, and the
//! steps to it are the beginning of every trace: nobody saw them, no promise is judged on them, and how the workload came
//! there in truth is not known.
//!
//! What was under way when the log began has more than one such state. A pod that was being deleted is taken as one whose kubelet
//! has not heard of it yet, and what the log shows of it leads on from there; a workload on a node that was not Ready is left out.

pub mod first_sight;
pub mod lead;
pub mod target;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use podproof_model::ClusterState;
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::Action;

pub use target::Target;

use crate::record::Micros;

/// Where a workload stood when the log began.
#[derive(Clone, Debug)]
pub struct Before {
    /// The state.
    pub state: ClusterState,
    /// How the model was led there.
    pub steps: Vec<Action>,
    /// When the log began.
    pub began: Micros,
    /// Every pod that the model created on the way, one after the other, with its slot then; none is one that was gone when the log
    /// began.
    pub pods: Vec<(PodId, Option<target::PodBefore>)>,
    /// Names and UIDs of its ReplicaSets, by revision.
    pub replica_sets: Vec<(Rc<str>, Rc<str>)>,
    /// The number of the Deployment's template, as [`crate::record::DeploymentFacts::template`].
    pub template: Option<u64>,
}
