//! What an obligation asks for, with the object that it is about, and what stands in its way.

use podproof_model::{Cluster, ClusterState};
use podproof_vocabulary::{NodeId, PodId, Property};

use super::{pod, rules, workload};
use crate::names::Names;
use crate::trace::Trace;
use crate::walk::World;

/// Sentences that are told of what stands in the way.
const SENTENCES: usize = 8;

/// What is pending for ever at the end of a lasso, and what stands in its way all along what repeats: a sentence each. The model of
/// today must take its steps.
pub(crate) fn pending(trace: &Trace, world: &World, bit: u32) -> Vec<String> {
    let Some(mut walk) = world.begin(trace.observed_proxy) else { return Vec::new() };
    let mut names = Names::of(trace);
    for step in &trace.stem {
        names.see(&walk.step(&step.action, trace.followed));
    }
    let mut sentences = vec![obligation(world, &names, bit)];
    let mut hindered = hindrances(world, &names, bit, &walk.state);
    for step in &trace.cycle {
        names.see(&walk.step(&step.action, trace.followed));
        let here = hindrances(world, &names, bit, &walk.state);
        hindered.retain(|sentence| here.contains(sentence));
    }
    let told = hindered.len().min(SENTENCES);
    let more = hindered.len() - told;
    sentences.extend(hindered.into_iter().take(told));
    if more > 0 {
        sentences.push(format!("and {more} more like these"));
    }
    sentences
}

/// What stands in the way of an obligation in one state.
fn hindrances(world: &World, names: &Names, bit: u32, state: &ClusterState) -> Vec<String> {
    let model = world.model();
    let property = model.obligations.property_of(bit);
    let index = (bit - model.obligations.range(property).start) as usize;
    let containers = model.rules.containers.len();
    let waits = |cluster: &Cluster<'_>, index: usize| {
        pod::waits(cluster, names, PodId::from(index)).into_iter().collect::<Vec<String>>()
    };
    model.open(state, |cluster| match property {
        Property::ScheduledIfFeasible | Property::DeletionCompletes => waits(cluster, index),
        Property::NoexecuteEvicts => {
            pod::is_not_evicted(cluster, names, PodId::from(index)).into_iter().collect()
        }
        Property::CrashRecovers => {
            let (pod, container) = (PodId::from(index / containers), (index % containers).into());
            pod::waits_for_another(cluster, names, pod, container).into_iter().collect()
        }
        Property::UnreachableEndpointsLeave => rules::route_to(cluster, names, PodId::from(index)),
        Property::RuntimeHangDetected if index.is_multiple_of(2) => Vec::new(),
        Property::RuntimeHangDetected | Property::ReplacedAfterNodeFailure | Property::RolloutCompletes => {
            workload::lacks(cluster, names)
        }
        Property::EndpointsConverge => rules::differ(cluster, names),
        // The layout holds progress properties only.
        _ => Vec::new(),
    })
}

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
