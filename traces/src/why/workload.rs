//! Why a workload never comes to have what is wanted of it: which pods wait for what, and what keeps the controllers from making
//! others.

use podproof_model::controllers::deployment::scales_in_vain;
use podproof_model::{Cluster, progress};
use podproof_vocabulary::PodId;
use podproof_vocabulary::scenario::{Strategy, WorkloadKind};

use super::pod;
use crate::names::Names;

/// What stands between the workload and so many ready pods of its newest template.
pub(super) fn lacks(cluster: &Cluster<'_>, names: &Names) -> Vec<String> {
    let mut sentences: Vec<String> =
        cluster.used_pods().filter_map(|pod| pod::holds_on(cluster, names, pod)).collect();
    let waits = |&pod: &PodId| pod::holds_on(cluster, names, pod).is_none();
    sentences.extend(cluster.used_pods().filter(waits).filter_map(|pod| pod::waits(cluster, names, pod)));
    sentences.extend(match cluster.rules.scenario.workload.kind {
        WorkloadKind::Deployment => of_deployment(cluster, names),
        WorkloadKind::ReplicaSet => Vec::new(),
        WorkloadKind::Pod => vec!["no controller owns the pod: nobody makes another".to_owned()],
    });
    sentences.extend(too_few(cluster, names));
    sentences.extend(untold(cluster, names));
    sentences
}

/// What the status of a ReplicaSet, by which a rollout goes on, does not say of its pods.
fn untold(cluster: &Cluster<'_>, names: &Names) -> Vec<String> {
    let sentence = |revision| {
        let column = cluster.replica_set(revision);
        let is_available = |&pod: &PodId| {
            let own = cluster.pod(pod);
            own.api.is_active() && own.api.ready() && cluster.revision_of(pod) == revision
        };
        let ready = cluster.used_pods().filter(is_available).count();
        let says = usize::from(column.available());
        (column.exists() && says < ready).then(|| {
            format!(
                "the status of {} says that {says} are available, and {} Ready",
                names.replica_set(revision),
                are(ready)
            )
        })
    };
    cluster.revision_ids().filter_map(sentence).collect()
}

fn are(number: usize) -> String {
    if number == 1 { "1 pod is".to_owned() } else { format!("{number} pods are") }
}

/// A ReplicaSet has another number of pods than it wants.
fn too_few(cluster: &Cluster<'_>, names: &Names) -> Vec<String> {
    if cluster.rules.scenario.workload.kind == WorkloadKind::Pod {
        return Vec::new();
    }
    let sentence = |revision| {
        let column = cluster.replica_set(revision);
        let own = |&pod: &PodId| cluster.pod(pod).api.is_active() && cluster.revision_of(pod) == revision;
        let has = cluster.used_pods().filter(own).count();
        let wanted = usize::from(column.replicas());
        (column.exists() && has != wanted)
            .then(|| format!("{} wants {} and has {has}", names.replica_set(revision), pods(wanted)))
    };
    cluster.revision_ids().filter_map(sentence).collect()
}

/// What the two limits of a rolling update leave the Deployment controller to do.
fn of_deployment(cluster: &Cluster<'_>, names: &Names) -> Vec<String> {
    let deployment = cluster.shared.deployment;
    let newest = progress::newest(cluster);
    let old = || cluster.revision_ids().filter(|&revision| revision != newest);
    let old_wanted: usize = old().map(|revision| usize::from(cluster.replica_set(revision).replicas())).sum();
    let wanted = usize::from(deployment.replicas());
    let new_wanted = usize::from(cluster.replica_set(newest).replicas());
    if new_wanted == wanted && old_wanted == 0 {
        return Vec::new();
    }
    let name = names.deployment();
    if scales_in_vain(cluster) {
        return vec![format!(
            "the controller only scales {name}, whose replicas were changed to {wanted}: what there is has that size, so it writes nothing, and goes on to take it for changed (kubernetes/kubernetes#138036); who scales it once more ends that"
        )];
    }
    let strategy = cluster.rules.scenario.workload.strategy;
    if matches!(strategy, Strategy::Recreate) {
        let is_old = |&pod: &PodId| {
            let object = cluster.pod(pod).api;
            object.exists() && !object.phase().is_terminal() && cluster.revision_of(pod) != newest
        };
        let left = cluster.used_pods().filter(is_old).count();
        let first = format!(
            "{name} is recreated: {} of the old template must be gone before a new one is made",
            pods(left)
        );
        return if left > 0 { vec![first] } else { Vec::new() };
    }
    let (surge, unavailable) = strategy.fenceposts(deployment.replicas());
    let most = wanted + usize::from(surge);
    let fewest = wanted.saturating_sub(unavailable.into());
    let available: usize =
        cluster.revision_ids().map(|revision| usize::from(cluster.replica_set(revision).available())).sum();
    let mut sentences = Vec::new();
    if new_wanted < wanted && new_wanted + old_wanted >= most {
        sentences.push(format!(
            "no further pod of the new template may be made: the ReplicaSets of {name} want {} already, and replicas + maxSurge is {most}",
            new_wanted + old_wanted
        ));
    }
    if old_wanted > 0 && available <= fewest {
        sentences.push(format!(
            "no available pod of the old template may be taken away: by their status {available} are available, and replicas - maxUnavailable is {fewest}"
        ));
    }
    sentences
}

fn pods(number: usize) -> String {
    if number == 1 { "1 pod".to_owned() } else { format!("{number} pods") }
}
