//! Walking back from the end of a path along what its steps read and wrote.

use std::collections::BTreeSet;

use podproof_model::ClusterState;
use podproof_model::reduced::partial_order::footprint;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::{PodId, Property, Resource};

use super::Numbered;
use crate::walk::{Walk, World};

/// What a step has read, as far as that says why it came as it did, and what it has written.
pub(super) struct Trail {
    pub(super) reads: Vec<Resource>,
    pub(super) writes: Vec<Resource>,
}

/// The trails of steps, which must be possible in their turn.
pub(super) fn trails(world: &World, first: &ClusterState, actions: &[Numbered]) -> Vec<Trail> {
    let mut walk = Walk::from_state(world, first.clone());
    let trail = |(_, action): &Numbered| {
        let declared = walk.reads(action);
        walk.step(action, None);
        let writes = walk.written();
        let mut reads = declared.unwrap_or_else(|| of_what_reads_anything(action, &writes));
        reads.retain(|resource| matters(action, *resource));
        Trail { reads, writes }
    };
    actions.iter().map(trail).collect()
}

/// What is read by a step that waits for nothing or lists everything: the things that it changes, and where copies come from.
fn of_what_reads_anything(action: &Action, writes: &[Resource]) -> Vec<Resource> {
    let copied = writes.iter().filter_map(|&resource| match action {
        Action::Watch(_) | Action::Process(_) => source_of(resource),
        _ => None,
    });
    writes.iter().copied().chain(copied).collect()
}

/// What a copy is a copy of.
const fn source_of(resource: Resource) -> Option<Resource> {
    Some(match resource {
        Resource::Scheduler(pod) | Resource::Controller(pod) | Resource::Kubelet(pod) => {
            Resource::Object(pod)
        }
        Resource::Rules(_, pod) => Resource::Slice(pod),
        Resource::SchedulerNode(node) | Resource::ControllerNode(node) => Resource::Node(node),
        Resource::DeploymentCopy => Resource::Deployment,
        _ => return None,
    })
}

/// Every step reads that the control plane runs, that no sync is choosing and that slots are free; only for some is that a reason.
const fn matters(action: &Action, resource: Resource) -> bool {
    match resource {
        Resource::Events | Resource::Choosing => false,
        Resource::ControlPlane => matches!(action, Action::Drain(_) | Action::Process(_)),
        Resource::Head(_) => {
            matches!(action, Action::Drain(_) | Action::Environment(_) | Action::Container(_))
        }
        _ => true,
    }
}

/// Those of `actions` that have written, directly or through others, what the last of them has read, or, of a lasso, what the
/// obligation is about: its bit, and the number of steps of the stem; what repeats belongs to it.
pub(super) fn walk_back(
    world: &World,
    first: &ClusterState,
    actions: &[Numbered],
    obligation: Option<(u32, usize)>,
) -> Vec<Numbered> {
    let trails = trails(world, first, actions);
    let mut wanted: BTreeSet<Resource> = BTreeSet::new();
    match obligation {
        Some((bit, _)) => wanted.extend(about(world, first, actions, bit)),
        None => {
            if let Some(last) = trails.last() {
                let pods: BTreeSet<PodId> =
                    last.writes.iter().filter_map(|resource| resource.pod()).collect();
                let all = everything(world, first);
                wanted.extend(all.into_iter().filter(|r| r.pod().is_some_and(|pod| pods.contains(&pod))));
            }
        }
    }
    let mut kept = Vec::new();
    for (place, (action, trail)) in actions.iter().zip(&trails).enumerate().rev() {
        let is_end = match obligation {
            Some((_, stem)) => action.0 > stem,
            None => place + 1 == actions.len(),
        };
        if is_end || trail.writes.iter().any(|resource| wanted.contains(resource)) {
            wanted.extend(&trail.reads);
            kept.push(*action);
        }
    }
    kept.reverse();
    kept
}

fn everything(world: &World, state: &ClusterState) -> Vec<Resource> {
    world.model().open(state, footprint::everything)
}

/// What an obligation looks at: all of the pod that it is about, and of the node that the pod is on in the end; everything, if it
/// is about no single pod.
fn about(world: &World, first: &ClusterState, actions: &[Numbered], bit: u32) -> Vec<Resource> {
    let model = world.model();
    let property = model.obligations.property_of(bit);
    let index = (bit - model.obligations.range(property).start) as usize;
    let pod = match property {
        Property::ScheduledIfFeasible
        | Property::DeletionCompletes
        | Property::UnreachableEndpointsLeave
        | Property::NoexecuteEvicts => PodId::from(index),
        Property::CrashRecovers => PodId::from(index / model.rules.containers.len()),
        _ => return everything(world, first),
    };
    let last = actions.iter().fold(first.clone(), |state, (_, action)| model.apply(&state, action));
    let node = model.open(&last, |cluster| cluster.pod(pod).head.node());
    let is_of = |resource: &Resource| match *resource {
        Resource::Node(of) | Resource::ControllerNode(of) | Resource::Machine(of) => node == Some(of),
        // A pod that is never bound is one for which every node is wrong.
        Resource::SchedulerNode(_) => property == Property::ScheduledIfFeasible,
        other => other.pod() == Some(pod),
    };
    everything(world, first).into_iter().filter(is_of).collect()
}
