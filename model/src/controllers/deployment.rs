//! The Deployment controller: rolling update and Recreate, by arithmetic on ReplicaSets alone (DEP-4).
//!
//! A sync writes one ReplicaSet and is done; with more to write it runs again, on the copy of that moment. An update
//! carries the resource version of the copy, so while a ReplicaSet's copy is stale its update meets a conflict and
//! nothing happens (API-1); the retry is no step.
//!
//! Left out: paused Deployments, rollback, the history limit (old ReplicaSets of size 0 stay), status other than the
//! progress deadline.

use podproof_vocabulary::Revision;
use podproof_vocabulary::action::{Action, Deployment};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::scenario::{Strategy, WorkloadKind};
use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::state::ReplicaSetColumn;
use crate::watch;

/// What the controller reads: its copies.
struct Copies<'c, 'a> {
    cluster: &'c Cluster<'a>,
    replicas: u8,
    newest: Revision,
}

impl<'c, 'a> Copies<'c, 'a> {
    fn of(cluster: &'c Cluster<'a>) -> Option<Self> {
        let view = cluster.shared.deployment_view;
        view.exists().then(|| Self { cluster, replicas: view.replicas(), newest: Revision(view.revision()) })
    }

    fn replica_sets(&self) -> impl DoubleEndedIterator<Item = (Revision, ReplicaSetColumn)> + '_ {
        let all = self.cluster.revision_ids().map(|revision| (revision, self.cluster.replica_set(revision)));
        all.filter(|(_, column)| column.exists_seen())
    }

    /// The ReplicaSets of other templates, oldest first.
    fn old(&self) -> impl DoubleEndedIterator<Item = (Revision, ReplicaSetColumn)> + '_ {
        self.replica_sets().filter(|&(revision, _)| revision != self.newest)
    }

    fn total(&self) -> u32 {
        self.replica_sets().map(|(_, column)| u32::from(column.replicas_seen())).sum()
    }

    /// Sets the replicas of a ReplicaSet, if its copy is current.
    fn scale(&self, revision: Revision, replicas: u32) -> Option<Deployment> {
        let current = self.cluster.replica_set(revision).is_seen();
        current.then(|| Deployment::ScaleReplicaSet { revision, replicas: replicas.min(255) as u8 })
    }

    /// DEP-2 (S28 `NewRSNewReplicas`).
    fn new_replicas(&self, now: u32) -> u32 {
        let strategy = self.cluster.rules.scenario.workload.strategy;
        let replicas = u32::from(self.replicas);
        if strategy == Strategy::Recreate || self.cluster.has_mutant(Mutant::DeploymentIgnoresSurge) {
            return replicas;
        }
        let most = replicas + u32::from(strategy.fenceposts(self.replicas).0);
        let room = most.saturating_sub(self.total());
        now + room.min(replicas.saturating_sub(now))
    }
}

/// The next write of a sync, if there is one that meets no conflict.
fn sync(cluster: &Cluster<'_>) -> Option<Deployment> {
    let copies = Copies::of(cluster)?;
    let newest = cluster.replica_set(copies.newest);
    let strategy = cluster.rules.scenario.workload.strategy;
    if only_scales(&copies) {
        return scale(&copies);
    }
    match strategy {
        Strategy::Recreate => recreate(&copies, newest),
        Strategy::RollingUpdate { .. } => rolling_update(&copies, newest),
    }
}

/// A sync that finds the wanted replicas changed only scales (S28 `deployment_controller.go` `isScalingEvent`).
fn only_scales(copies: &Copies<'_, '_>) -> bool {
    let mut active = copies.replica_sets().filter(|(_, column)| column.replicas_seen() > 0);
    active.any(|(_, column)| column.desired_seen() != copies.replicas)
}

/// Each sync only scales, and there is nothing left to scale: a rollout goes no further (kubernetes/kubernetes#138036).
pub fn scales_in_vain(cluster: &Cluster<'_>) -> bool {
    let is_vain = |copies: Copies<'_, '_>| {
        let are_seen = copies.replica_sets().all(|(_, column)| column.is_seen());
        are_seen && only_scales(&copies) && scale(&copies).is_none()
    };
    Copies::of(cluster).is_some_and(is_vain)
}

fn create(copies: &Copies<'_, '_>) -> Option<Deployment> {
    // API-6: a name that is taken is refused; the copy will show it.
    let taken = copies.cluster.replica_set(copies.newest).exists();
    let replicas = copies.new_replicas(0).min(255) as u8;
    (!taken).then_some(Deployment::CreateReplicaSet { revision: copies.newest, replicas })
}

/// DEP-7 (S28 `recreate.go`): old ReplicaSets to 0, wait until no old pod is left running, then the new one.
fn recreate(copies: &Copies<'_, '_>, newest: ReplicaSetColumn) -> Option<Deployment> {
    let skips = copies.cluster.has_mutant(Mutant::RecreateDoesNotWait);
    if !skips {
        if let Some((revision, _)) = copies.old().find(|(_, column)| column.replicas_seen() > 0) {
            return copies.scale(revision, 0);
        }
        if old_pods_running(copies) {
            return None;
        }
    }
    if !newest.exists_seen() {
        return create(copies);
    }
    if newest.replicas_seen() != copies.replicas {
        return copies.scale(copies.newest, copies.replicas.into());
    }
    let old = copies.old().find(|(_, column)| column.replicas_seen() > 0)?;
    copies.scale(old.0, 0)
}

/// DEP-7 (S28 `oldPodsRunning`): terminating pods count, terminal ones do not.
fn old_pods_running(copies: &Copies<'_, '_>) -> bool {
    let cluster = copies.cluster;
    cluster.used_pods().any(|pod| {
        let view = cluster.pod(pod).controller.view();
        cluster.revision_of(pod) != copies.newest && view.present() && !view.phase().is_terminal()
    })
}

/// DEP-6 (S28 `rolloutRolling`): scale up first; if that changed nothing, scale down.
fn rolling_update(copies: &Copies<'_, '_>, newest: ReplicaSetColumn) -> Option<Deployment> {
    if !newest.exists_seen() {
        return create(copies);
    }
    let now = u32::from(newest.replicas_seen());
    let replicas = u32::from(copies.replicas);
    let wanted = if now > replicas { replicas } else { copies.new_replicas(now) };
    if wanted != now {
        return copies.scale(copies.newest, wanted);
    }
    scale_down_old(copies, newest)
}

/// DEP-3 (S28 `rolling.go` `reconcileOldReplicaSets`).
fn scale_down_old(copies: &Copies<'_, '_>, newest: ReplicaSetColumn) -> Option<Deployment> {
    if copies.old().all(|(_, column)| column.replicas_seen() == 0) {
        return None;
    }
    if copies.cluster.has_mutant(Mutant::DeploymentIgnoresUnavailable) {
        let (revision, _) = copies.old().find(|(_, column)| column.replicas_seen() > 0)?;
        return copies.scale(revision, 0);
    }
    let (_, unavailable) = copies.cluster.rules.scenario.workload.strategy.fenceposts(copies.replicas);
    let at_least = u32::from(copies.replicas) - u32::from(unavailable);
    let new_unavailable = u32::from(newest.replicas_seen().saturating_sub(newest.available_seen()));
    let most = copies.total().saturating_sub(at_least + new_unavailable);
    if most == 0 {
        return None;
    }
    // Unhealthy old pods first, oldest ReplicaSet first (`cleanupUnhealthyReplicas`). A status that still counts more
    // than are wanted is an error there, and ends the sync: nothing is scaled down on stale numbers.
    for (revision, column) in copies.old().filter(|(_, column)| column.replicas_seen() > 0) {
        let unhealthy = column.replicas_seen().checked_sub(column.available_seen())?;
        if unhealthy > 0 {
            let fewer = most.min(unhealthy.into());
            return copies.scale(revision, u32::from(column.replicas_seen()) - fewer);
        }
    }
    // Then as many available ones as there are to spare (`scaleDownOldReplicaSetsForRollingUpdate`).
    let available: u32 = copies.replica_sets().map(|(_, column)| u32::from(column.available_seen())).sum();
    let spare = available.saturating_sub(at_least);
    let (revision, column) = copies.old().find(|(_, column)| column.replicas_seen() > 0)?;
    let fewer = spare.min(column.replicas_seen().into());
    if fewer == 0 { None } else { copies.scale(revision, u32::from(column.replicas_seen()) - fewer) }
}

/// DEP-10 (S28 `sync.go` `scale`): one active ReplicaSet takes the whole change; a saturated new one empties the old
/// ones; else every active one takes its share, but not of a Deployment that recreates.
///
/// One that has the new size already is not written, not even its annotation: each later sync finds the wanted replicas changed again, and
/// comes to nothing else. The rollout is stuck until somebody scales once more (kubernetes/kubernetes#138036).
fn scale(copies: &Copies<'_, '_>) -> Option<Deployment> {
    let replicas = u32::from(copies.replicas);
    let active: Vec<_> = copies.replica_sets().filter(|(_, column)| column.replicas_seen() > 0).collect();
    if let [(revision, column)] = active.as_slice() {
        let changes_size = u32::from(column.replicas_seen()) != replicas;
        return if changes_size { copies.scale(*revision, replicas) } else { None };
    }
    let newest = copies.cluster.replica_set(copies.newest);
    let saturated = newest.exists_seen()
        && newest.replicas_seen() == copies.replicas
        && newest.desired_seen() == copies.replicas
        && newest.available_seen() == copies.replicas;
    if saturated {
        let (revision, _) = copies.old().find(|(_, column)| column.replicas_seen() > 0)?;
        return copies.scale(revision, 0);
    }
    match copies.cluster.rules.scenario.workload.strategy {
        Strategy::Recreate => None,
        Strategy::RollingUpdate { .. } => scale_proportionally(copies, &active),
    }
}

/// DEP-10 (S28 `deployment/util` `GetProportion`): each active ReplicaSet changes as the sum of all does, the largest first, which also
/// takes what rounding leaves. One that carries the new annotation has had its share, but it may be the largest.
fn scale_proportionally(
    copies: &Copies<'_, '_>,
    active: &[(Revision, ReplicaSetColumn)],
) -> Option<Deployment> {
    let strategy = copies.cluster.rules.scenario.workload.strategy;
    let most_of = |replicas: u8| match replicas {
        0 => 0,
        _ => i64::from(replicas) + i64::from(strategy.fenceposts(replicas).0),
    };
    let most = most_of(copies.replicas);
    let mut left = most - i64::from(copies.total());
    let changes_size = left != 0;
    let mut sets = active.to_vec();
    // Of two of one size the newer grows first and the older shrinks first.
    let grows = left > 0;
    // S28 `sync.go` `scale`: nothing is sorted if nothing changes; the newest comes last, of the others the order is any.
    sets.sort_by_key(|&(revision, _)| revision == copies.newest);
    if changes_size {
        sets.sort_by_key(|&(revision, column)| {
            let age = i16::from(revision.0);
            (std::cmp::Reverse(column.replicas_seen()), if grows { -age } else { age })
        });
    }
    let mut sizes: SmallVec<[i64; 8]> = SmallVec::new();
    for (_, column) in &sets {
        let (now, before) = (i64::from(column.replicas_seen()), most_of(column.desired_seen()).max(1));
        let share = (2 * now * most + before) / (2 * before) - now;
        let change = match left {
            0 => 0,
            1.. => share.min(left),
            _ => share.max(left),
        };
        left -= change;
        sizes.push(now + change);
    }
    if changes_size {
        *sizes.first_mut()? += left;
    }
    let is_written = |column: &ReplicaSetColumn, size: i64| {
        i64::from(column.replicas_seen()) != size || column.desired_seen() != copies.replicas
    };
    let planned = sets.iter().zip(sizes).map(|((revision, column), size)| (revision, column, size.max(0)));
    let mut writes = planned.filter(|(_, column, size)| is_written(column, *size));
    let (revision, _, size) = writes.next()?;
    copies.scale(*revision, size.min(255) as u32)
}

/// The steps that the controller can take.
pub fn candidates(cluster: &Cluster<'_>, out: &mut Vec<Action>) {
    if cluster.rules.scenario.workload.kind != WorkloadKind::Deployment {
        return;
    }
    out.extend(sync(cluster).map(Action::Deployment));
    if cluster.rules.scenario.workload.progress_deadline_seconds.is_some()
        && !cluster.shared.deployment.deadline_exceeded()
        && !cluster.shared.deployment.completed()
        && !is_complete(cluster)
    {
        out.push(Action::Deployment(Deployment::ExceedProgressDeadline));
    }
}

/// All wanted pods are of the newest template and available, and no ReplicaSet of another template wants any (S28
/// `deployment/util` `DeploymentComplete`).
pub fn is_complete(cluster: &Cluster<'_>) -> bool {
    let deployment = cluster.shared.deployment;
    cluster.revision_ids().all(|revision| {
        let column = cluster.replica_set(revision);
        if revision.0 == deployment.revision() {
            column.replicas() == deployment.replicas() && column.available() == deployment.replicas()
        } else {
            column.replicas() == 0
        }
    })
}

/// The controller reports that the rollout is complete. Until there is another template nothing is late any more, whatever becomes of the
/// pods (DEP-8; S28 `progress.go` `syncRolloutStatus`: `isCompleteDeployment`).
pub fn report_completion(cluster: &mut Cluster<'_>) {
    if cluster.rules.scenario.workload.progress_deadline_seconds.is_some() && is_complete(cluster) {
        cluster.shared.deployment.set_deadline_exceeded(false);
        cluster.shared.deployment.set_completed(true);
    }
}

/// Takes a step of the controller.
pub fn apply(cluster: &mut Cluster<'_>, step: Deployment) {
    let desired = cluster.shared.deployment_view.replicas();
    match step {
        Deployment::CreateReplicaSet { revision, replicas } => {
            let column = cluster.replica_set_mut(revision);
            *column = column.with_exists(true).with_replicas(replicas).with_desired(desired);
            watch::publish_replica_set(cluster, revision);
        }
        Deployment::ScaleReplicaSet { revision, replicas } => {
            let column = cluster.replica_set_mut(revision);
            *column = column.with_replicas(replicas).with_desired(desired);
            watch::publish_replica_set(cluster, revision);
            report_completion(cluster);
        }
        // DEP-8: a condition, and no more than that.
        Deployment::ExceedProgressDeadline => cluster.shared.deployment.set_deadline_exceeded(true),
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::event::Story;
    use podproof_vocabulary::scenario::IntOrPercent;

    use super::*;
    use crate::state::DeploymentObject;
    use crate::test_cluster::TestCluster;

    /// `cleanupUnhealthyReplicas` ends the sync with an error where a status is older than the wanted replicas.
    #[test]
    fn nothing_is_scaled_down_while_a_status_counts_more_than_are_wanted() {
        for (available, fewer) in [(37, None), (36, Some(35)), (35, Some(35))] {
            let mut cluster = TestCluster::web(1, 2, |s| s.story = Story::Rollout);
            cluster.change(|cluster| {
                let deployment = DeploymentObject::new().with_exists(true).with_replicas(50).with_revision(1);
                cluster.shared.deployment = deployment;
                cluster.shared.deployment_view = deployment;
                let column = |replicas, available| {
                    let column = ReplicaSetColumn::new().with_exists(true).with_desired(50);
                    column.with_replicas(replicas).with_available(available).seen()
                };
                cluster.replica_sets[0] = column(36, available);
                cluster.replica_sets[1] = column(27, 3);
            });
            let scales = cluster.look(sync);
            let down = |replicas| Deployment::ScaleReplicaSet { revision: Revision(0), replicas };
            assert_eq!(scales, fewer.map(down), "{available} available of 36, and 3 of 27 new ones");
        }
    }
    /// DEP-10: what is left over goes to the largest, also if that was made when the new number was known, beside a copy that did not
    /// show the other yet.
    #[test]
    fn what_is_too_many_is_taken_from_the_largest_whatever_it_says_of_what_is_wanted() {
        let mut cluster = TestCluster::web(2, 2, |s| {
            s.story = Story::Rollout;
            let (max_surge, max_unavailable) = (IntOrPercent::Int(0), IntOrPercent::Int(1));
            s.workload.strategy = Strategy::RollingUpdate { max_surge, max_unavailable };
        });
        let sets = |cluster: &mut TestCluster, sizes: [(u8, u8); 2]| {
            cluster.change(|cluster| {
                let deployment = DeploymentObject::new().with_exists(true).with_replicas(3).with_revision(0);
                cluster.shared.deployment = deployment;
                cluster.shared.deployment_view = deployment;
                for (column, (replicas, desired)) in cluster.replica_sets.iter_mut().zip(sizes) {
                    let set = ReplicaSetColumn::new().with_exists(true).with_desired(desired);
                    *column = set.with_replicas(replicas).seen();
                }
            });
            cluster.look(sync)
        };
        let to =
            |revision, replicas| Some(Deployment::ScaleReplicaSet { revision: Revision(revision), replicas });
        assert_eq!(sets(&mut cluster, [(2, 2), (3, 3)]), to(1, 0));
        assert_eq!(sets(&mut cluster, [(2, 2), (0, 3)]), to(0, 3));
        assert_eq!(sets(&mut cluster, [(2, 2), (1, 3)]), to(0, 2), "of the right size: it is told alone");
        assert_eq!(sets(&mut cluster, [(2, 2), (1, 2)]), to(1, 1), "the newest is told last");
    }
}
