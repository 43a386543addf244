//! kube-scheduler: its own cache with assumed pods, the filters, the unschedulable pods with their wake-up events, and
//! the binding that is written on its own.
//!
//! Left out: scoring (any feasible node may be chosen), preemption, scheduling gates, volumes, nominated nodes.

pub mod filters;
mod queue;
#[cfg(test)]
mod tests;

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Scheduler};
use podproof_vocabulary::mutant::Mutant;
use smallvec::SmallVec;

use crate::api_server::binding;
use crate::cluster::Cluster;
use crate::scope::{Part, Parts, Scope};
use crate::state::SchedulerPod;
use filters::{Filter, FilterSet, Occupant, Placement};

pub use queue::{observe_node, observe_pod};

/// The scheduler's cache: who is where by its copy, assumed pods counted (SCH-4).
pub fn cache(cluster: &Cluster<'_>) -> Placement {
    let occupant = |pod: PodId| {
        let column = cluster.pod(pod);
        let node = column.scheduler.assumed().or(column.scheduler.view().node())?;
        let deleting = column.scheduler.view().deleting();
        Some(Occupant { node, revision: cluster.revision_of(pod), deleting })
    };
    Placement {
        occupants: cluster.used_pods().filter_map(occupant).collect(),
        nodes: cluster.nodes.iter().map(|node| node.scheduler).collect(),
    }
}

/// The filters that the scheduler does not look at because of a mutant.
fn ignored(cluster: &Cluster<'_>) -> FilterSet {
    if cluster.has_mutant(Mutant::SchedulerIgnoresResources) {
        FilterSet::of(&[Filter::NodeResourcesFit])
    } else if cluster.has_mutant(Mutant::HostPortsIgnored) {
        FilterSet::of(&[Filter::NodePorts])
    } else {
        FilterSet::default()
    }
}

/// The pod waits in the active queue (SCH-2: unbound and not deleting).
fn is_active(pod: SchedulerPod) -> bool {
    let view = pod.view();
    view.present()
        && view.node().is_none()
        && !view.deleting()
        && pod.assumed().is_none()
        && pod.rejected_by() == 0
        && !pod.refused()
}

/// The parts whose candidates are its.
pub const PARTS: Parts = Parts::of(&[Part::Bindings]);

/// The steps that the scheduler can take.
pub fn candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    if cluster.shared.control_plane.scheduler_down() {
        return;
    }
    let mut placement = None;
    let ignored = ignored(cluster);
    for pod in scope.pods(cluster) {
        let scheduler = cluster.pod(pod).scheduler;
        if scheduler.assumed().is_some() {
            if !scheduler.bound() {
                out.push(Action::Scheduler(Scheduler::BindPod { pod }));
            }
            continue;
        }
        if !scope.is_everything() || !is_active(scheduler) && scheduler.rejected_by() == 0 {
            continue;
        }
        let placement = placement.get_or_insert_with(|| cache(cluster));
        let revision = cluster.revision_of(pod);
        let feasible: SmallVec<[_; 8]> = cluster
            .node_ids()
            .filter(|&node| {
                let rejected = cluster.rules.filters.rejections(placement, revision, node).0 & !ignored.0;
                placement.nodes[node.index()].exists() && rejected == 0
            })
            .collect();
        if scheduler.rejected_by() != 0 {
            // SCH-10: with nothing to find, the flush has no timer.
            if !feasible.is_empty() && !cluster.has_mutant(Mutant::SchedulerNeverWakes) {
                out.push(Action::Scheduler(Scheduler::FlushPod { pod }));
            }
        } else if feasible.is_empty() {
            out.push(Action::Scheduler(Scheduler::ParkPod { pod }));
        } else {
            out.extend(feasible.iter().map(|&node| Action::Scheduler(Scheduler::AssumePod { pod, node })));
        }
    }
}

/// Takes a step of the scheduler.
pub fn apply(cluster: &mut Cluster<'_>, step: Scheduler) {
    match step {
        // SCH-3, SCH-4
        Scheduler::AssumePod { pod, node } => cluster.pod_mut(pod).scheduler.set_assumed(Some(node)),
        Scheduler::ParkPod { pod } => {
            let placement = cache(cluster);
            let revision = cluster.revision_of(pod);
            let nodes = cluster.node_ids().filter(|node| placement.nodes[node.index()].exists());
            let blamed = |node| cluster.rules.filters.rejections(&placement, revision, node).blamed().0;
            let rejected = nodes.map(blamed);
            // Without any node there is no plugin to blame, and nothing helps but one that joins.
            let by = rejected.reduce(|a, b| a | b).unwrap_or(FilterSet::of(&[Filter::NodeName]).0);
            cluster.pod_mut(pod).scheduler.set_rejected_by(by);
        }
        Scheduler::BindPod { pod } => {
            let node = cluster.pod(pod).scheduler.assumed().expect("only assumed pods are bound");
            let written = binding::bind(cluster, pod, node);
            confirm(cluster, pod, written);
        }
        Scheduler::FlushPod { pod } => cluster.pod_mut(pod).scheduler.set_rejected_by(0),
    }
}

/// The scheduler learns what became of its binding. SCH-6, SCH-7: on a failure the pod is forgotten; the refusal says
/// that the store knows more, so it is tried again when the news of that arrive, not before.
fn confirm(cluster: &mut Cluster<'_>, pod: PodId, written: bool) {
    if written {
        cluster.pod_mut(pod).scheduler.set_bound(true);
    } else {
        queue::forget(cluster, pod);
        cluster.pod_mut(pod).scheduler.set_refused(true);
    }
}

/// A binding whose answer is lost (SCH-6): the scheduler takes it for failed and forgets the pod.
pub fn lose_binding(cluster: &mut Cluster<'_>, pod: PodId, committed: bool) {
    let node = cluster.pod(pod).scheduler.assumed().expect("only assumed pods are bound");
    let written = committed && binding::bind(cluster, pod, node);
    queue::forget(cluster, pod);
    // If it was written, a retry is refused until the informer shows the node; if not, the retry goes ahead.
    cluster.pod_mut(pod).scheduler.set_refused(written);
}

/// The scheduler's memory is lost.
pub fn stop(cluster: &mut Cluster<'_>) {
    for pod in cluster.pod_ids() {
        cluster.pod_mut(pod).scheduler = SchedulerPod::new();
    }
    for node in cluster.nodes.iter_mut() {
        node.scheduler = crate::state::NodeObject::new();
    }
    crate::watch::clear(cluster, podproof_vocabulary::action::Watcher::Scheduler);
    cluster.shared.control_plane.set_scheduler_down(true);
}
