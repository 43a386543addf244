//! The ReplicaSet controller: expectations, the active-pod filter, the ranking of deletions, status.
//!
//! A sync only decides; each of its creations and deletions is a write of its own, and nothing of what the sync
//! decided is reconsidered between them. The next sync waits until everything that was expected has been seen.
//!
//! Left out: adoption and release by labels, `pod-deletion-cost`, and of the ranking what compares times and restart
//! counts: such pods are ties, and a tie may fall either way.

use podproof_vocabulary::action::{Action, ReplicaSet};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::Phase;
use podproof_vocabulary::scenario::WorkloadKind;
use podproof_vocabulary::{PodId, Revision};

use crate::api_server::pods::{self, Grace};
use crate::cluster::Cluster;
use crate::scope::{Part, Scope};
use crate::watch;

/// The pods of a ReplicaSet that it counts, by the controller manager's copy (RS-1).
fn active<'c>(cluster: &'c Cluster<'_>, revision: Revision) -> impl Iterator<Item = PodId> + 'c {
    cluster.used_pods().filter(move |&pod| {
        cluster.revision_of(pod) == revision && cluster.pod(pod).controller.view().is_active()
    })
}

/// Something that a sync decided or expects has not happened or was not seen (CTL-3).
fn is_waiting(cluster: &Cluster<'_>, revision: Revision) -> bool {
    let column = cluster.replica_set(revision);
    column.creations_left() > 0
        || column.victims_left() > 0
        || cluster.used_pods().any(|pod| {
            let controller = cluster.pod(pod).controller;
            cluster.revision_of(pod) == revision
                && (controller.expects_creation()
                    || controller.expects_deletion()
                    || controller.deletion_planned())
        })
}

/// Is the pod available by the controller manager's copy? (RS-7)
pub fn is_available(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let controller = cluster.pod(pod).controller;
    let view = controller.view();
    view.is_active()
        && view.ready()
        && (cluster.rules.scenario.workload.min_ready_seconds == 0 || controller.available())
}

fn available(cluster: &Cluster<'_>, revision: Revision) -> u8 {
    active(cluster, revision).filter(|&pod| is_available(cluster, pod)).count() as u8
}

/// How early a pod is deleted: the smaller goes first (RS-5, S28 `controller_utils.go` `ActivePodsWithRanks.Less`):
/// unassigned, pending, not ready, and the more active pods of the same Deployment share its node. A ReplicaSet without a Deployment
/// counts none of them (S28 `replica_set.go` `getReplicaSetsWithSameController`).
fn rank(cluster: &Cluster<'_>, pod: PodId) -> (bool, bool, bool, std::cmp::Reverse<usize>) {
    let view = cluster.pod(pod).controller.view();
    let has_owner = cluster.rules.scenario.workload.kind == WorkloadKind::Deployment;
    let beside = cluster.used_pods().filter(|&other| {
        let other = cluster.pod(other).controller.view();
        has_owner && other.is_active() && view.node().is_some() && other.node() == view.node()
    });
    (view.node().is_some(), view.phase() != Phase::Pending, view.ready(), std::cmp::Reverse(beside.count()))
}

/// The pods that may be deleted next: those of least rank.
fn victims(cluster: &Cluster<'_>, revision: Revision) -> Vec<PodId> {
    let left: Vec<_> =
        active(cluster, revision).filter(|&pod| !cluster.pod(pod).controller.deletion_planned()).collect();
    let least = left.iter().map(|&pod| rank(cluster, pod)).min();
    left.into_iter().filter(|&pod| Some(rank(cluster, pod)) == least).collect()
}

/// The ReplicaSet whose sync is choosing the pods to delete. The choice is one computation inside one process: while
/// it goes on, nothing else does.
pub fn choosing(cluster: &Cluster<'_>) -> Option<Revision> {
    cluster.revision_ids().find(|&revision| cluster.replica_set(revision).victims_left() > 0)
}

/// The choices of a sync that is choosing.
pub fn choices(cluster: &Cluster<'_>, revision: Revision, out: &mut Vec<Action>) {
    let choose = |pod| Action::ReplicaSet(ReplicaSet::ChooseVictim { pod });
    out.extend(victims(cluster, revision).into_iter().map(choose));
}

/// The steps that the controller can take.
pub fn candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    if cluster.rules.scenario.workload.kind == WorkloadKind::Pod {
        return;
    }
    if scope.asks(Part::ReplicaSets) {
        own_candidates(cluster, scope, out);
    }
    if scope.asks(Part::PlannedWrites) {
        pod_candidates(cluster, scope, out);
    }
}

fn own_candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    for revision in cluster.revision_ids() {
        let column = cluster.replica_set(revision);
        if column.creations_left() > 0 {
            out.push(Action::ReplicaSet(ReplicaSet::CreatePod { revision }));
        }
        if !column.exists_seen() {
            continue;
        }
        let keeps_surplus = cluster.has_mutant(Mutant::ReplicaSetNeverDeletes);
        let is_right = || {
            let (counted, wanted) = (active(cluster, revision).count(), usize::from(column.replicas_seen()));
            counted == wanted || (keeps_surplus && counted > wanted)
        };
        if scope.is_everything() && !is_right() && !is_waiting(cluster, revision) {
            out.push(Action::ReplicaSet(ReplicaSet::PlanReplicas { revision }));
        }
        // An update carries the resource version of the copy (API-1).
        let silent = cluster.has_mutant(Mutant::ReplicaSetStatusNeverWritten);
        if column.is_seen() && available(cluster, revision) != column.available_seen() && !silent {
            out.push(Action::ReplicaSet(ReplicaSet::UpdateStatus { revision }));
        }
    }
}

fn pod_candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    for pod in scope.pods(cluster) {
        let controller = cluster.pod(pod).controller;
        if controller.deletion_planned() {
            out.push(Action::ReplicaSet(ReplicaSet::DeletePod { pod }));
        }
        let waits = cluster.rules.scenario.workload.min_ready_seconds > 0;
        if waits && controller.view().is_active() && controller.view().ready() && !controller.available() {
            out.push(Action::ReplicaSet(ReplicaSet::CountAvailable { pod }));
        }
    }
}

/// Takes a step of the controller.
pub fn apply(cluster: &mut Cluster<'_>, step: ReplicaSet) {
    match step {
        // RS-3 (S28 `manageReplicas`): create what is missing or delete what is too much. `burst` is out of reach.
        ReplicaSet::PlanReplicas { revision } => {
            let counted = active(cluster, revision).count() as u8;
            let column = cluster.replica_set_mut(revision);
            let wanted = column.replicas_seen();
            column.set_creations_left(wanted.saturating_sub(counted).min(127));
            column.set_victims_left(counted.saturating_sub(wanted).min(127));
        }
        ReplicaSet::ChooseVictim { pod } => {
            let revision = cluster.revision_of(pod);
            let column = cluster.replica_set_mut(revision);
            column.set_victims_left(column.victims_left() - 1);
            let controller = &mut cluster.pod_mut(pod).controller;
            controller.set_deletion_planned(true);
            controller.set_expects_deletion(true);
        }
        // CTL-4: one after the other; the expectation was recorded before the first.
        ReplicaSet::CreatePod { revision } => {
            if let Some(pod) = pods::create(cluster, revision) {
                let column = cluster.replica_set_mut(revision);
                column.set_creations_left(column.creations_left() - 1);
                cluster.pod_mut(pod).controller.set_expects_creation(true);
            }
        }
        // CTL-6: by name, without a UID; the names of a ReplicaSet's pods are random.
        ReplicaSet::DeletePod { pod } => send_deletion(cluster, pod),
        ReplicaSet::UpdateStatus { revision } => {
            let available = available(cluster, revision);
            cluster.replica_set_mut(revision).set_available(available);
            watch::publish_replica_set(cluster, revision);
            super::deployment::report_completion(cluster);
        }
        ReplicaSet::CountAvailable { pod } => cluster.pod_mut(pod).controller.set_available(true),
    }
}

fn send_deletion(cluster: &mut Cluster<'_>, pod: PodId) {
    let exists = cluster.pod(pod).api.exists();
    let controller = &mut cluster.pod_mut(pod).controller;
    controller.set_deletion_planned(false);
    if exists {
        pods::delete(cluster, pod, Grace::Own);
    } else {
        // NotFound lowers the expectation at once (S28 `replica_set.go` `manageReplicas`).
        controller.set_expects_deletion(false);
    }
}

/// A creation whose answer is lost: the controller lowers its expectation and syncs again (MOD-3).
pub fn lose_creation(cluster: &mut Cluster<'_>, revision: Revision, committed: bool) {
    if committed && pods::create(cluster, revision).is_none() {
        return;
    }
    let column = cluster.replica_set_mut(revision);
    column.set_creations_left(column.creations_left() - 1);
}

/// A deletion whose answer is lost.
pub fn lose_deletion(cluster: &mut Cluster<'_>, pod: PodId, committed: bool) {
    if committed {
        send_deletion(cluster, pod);
    }
    let controller = &mut cluster.pod_mut(pod).controller;
    controller.set_deletion_planned(false);
    controller.set_expects_deletion(false);
}
