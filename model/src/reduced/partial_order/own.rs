//! The process of a pod: whose steps its are, and that what they change is its own.

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Container, Scheduler, Watch, Watcher};

use crate::cluster::Cluster;
use crate::reduced::fusion::node_pod;
use crate::state::{ControllerView, SchedulerView};

/// Is this a step of the process of `pod`: a try of the scheduler, or what its kubelet, its runtime and its containers do
/// with it?
pub fn is_step_of(action: &Action, pod: PodId) -> bool {
    match *action {
        Action::Scheduler(Scheduler::AssumePod { pod: of, .. }) => of == pod,
        // It is the neighbour's runtime that takes the address.
        Action::Container(Container::ReuseAddress { .. }) => false,
        _ => node_pod(action) == Some(pod),
    }
}

/// Is this the news of `pod` to the controller manager?
pub fn is_news_to_controllers(action: &Action, pod: PodId) -> bool {
    *action == Action::Watch(Watch::DeliverPod { to: Watcher::ControllerManager, pod })
}

/// A move changed nothing but what is known of `pod`. News of it may also change how many pods its ReplicaSet counts as
/// available.
pub fn changes_only(before: &Cluster<'_>, after: &Cluster<'_>, pod: PodId, is_news: bool) -> bool {
    let others = || before.pod_ids().filter(|&other| other != pod);
    let same_replica_sets = before.revision_ids().all(|revision| {
        let (old, new) = (before.replica_set(revision), after.replica_set(revision));
        let counted = is_news && revision == before.revision_of(pod);
        old == new
            || (counted
                && new == old.with_available(new.available()).with_available_seen(new.available_seen()))
    });
    *before.shared == *after.shared
        && before.nodes == after.nodes
        && same_replica_sets
        && others().all(|other| {
            before.pod(other) == after.pod(other)
                && before.containers_of(other) == after.containers_of(other)
                && before.proxies_of(other) == after.proxies_of(other)
        })
}

/// What a move wrote of the object of `pod` nobody is about to see: scheduler and controller manager have seen what was
/// there before, or may see it whenever they like (`is_seen_freely`).
pub fn is_read_by_nobody(
    before: &Cluster<'_>,
    after: &Cluster<'_>,
    pod: PodId,
    is_seen_freely: bool,
) -> bool {
    let (old, new) = (before.pod(pod), after.pod(pod));
    if old.api == new.api {
        return true;
    }
    let scheduler_has_seen = SchedulerView::of(old.api) == old.scheduler.view();
    let controllers_have_seen = ControllerView::of(old.api) == old.controller.view()
        && (old.api.exists() || !old.controller.expects_creation());
    let unchanged_for_scheduler = SchedulerView::of(old.api) == SchedulerView::of(new.api);
    (scheduler_has_seen || unchanged_for_scheduler) && (controllers_have_seen || is_seen_freely)
}
