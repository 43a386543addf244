//! What an obligation asks for, with the object that it is about.

use podproof_vocabulary::{NodeId, PodId, Property};

use crate::names::Names;
use crate::walk::World;

/// What is pending for ever, by its bit in the model's layout, which must be one of the layout.
pub(crate) fn obligation(world: &World, names: &Names, bit: u32) -> String {
    let model = world.model();
    let property = model.obligations.property_of(bit);
    let index = (bit - model.obligations.range(property).start) as usize;
    let containers = model.rules.containers.len();
    let pod = |index: usize| names.pod(PodId::from(index));
    let node = |index: usize| names.node(NodeId::from(index));
    match property {
        Property::ScheduledIfFeasible => format!("{} fits on a node and is never bound", pod(index)),
        Property::DeletionCompletes => format!("{} is deleting and never removed", pod(index)),
        Property::UnreachableEndpointsLeave => {
            format!(
                "{} was on a node that failed for good, and some node's rules send connections to it for ever",
                pod(index)
            )
        }
        Property::NoexecuteEvicts => {
            format!("{} does not tolerate a NoExecute taint of its node and stays", pod(index))
        }
        Property::CrashRecovers => {
            let container = names.container((index % containers).into());
            format!("{container} of {} has exited and is never started again", pod(index / containers))
        }
        Property::RuntimeHangDetected if index.is_multiple_of(2) => {
            format!("the container runtime on {} hangs, and the node stays Ready", node(index / 2))
        }
        Property::RuntimeHangDetected => {
            format!(
                "the container runtime on {} hangs, and the pods are never replaced elsewhere",
                node(index / 2)
            )
        }
        Property::ReplacedAfterNodeFailure => {
            format!(
                "a node failed for good, and {} never has its wanted number of ready pods again",
                names.workload()
            )
        }
        Property::RolloutCompletes => format!("the rollout of {} never completes", names.deployment()),
        Property::EndpointsConverge => {
            format!("the rules of some node never come to equal what the pods of {} ask for", names.service())
        }
        // The layout holds progress properties only.
        other => other.facts().says.to_owned(),
    }
}
