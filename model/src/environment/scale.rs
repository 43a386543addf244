//! Scaling: by an operator at any moment, as `kubectl scale` does through the subresource `scale` (S28
//! `pkg/registry/apps/deployment/storage/storage.go`, `ScaleREST`), and by the story `scale-down`.

use podproof_vocabulary::action::Environment;
use podproof_vocabulary::event::{EventName, ScaleTarget, Story};
use podproof_vocabulary::scenario::{Scenario, WorkloadKind};

use crate::cluster::Cluster;
use crate::watch;

/// The wanted replicas.
fn replicas(cluster: &Cluster<'_>) -> u8 {
    match cluster.rules.scenario.workload.kind {
        WorkloadKind::Deployment => cluster.shared.deployment.replicas(),
        _ => cluster.replica_set(podproof_vocabulary::Revision(0)).replicas(),
    }
}

/// What a `scale` event would set the wanted replicas to, where the scenario names no numbers.
pub(super) fn scaled(cluster: &Cluster<'_>) -> Option<u8> {
    let scenario = &cluster.rules.scenario;
    let by_default = scenario.scale_targets.is_empty().then_some(ScaleTarget::By(-1));
    scenario.scale.or(by_default).map(|target| target.of(replicas(cluster)))
}

/// Where `scale` events may happen beside the story `scale-down`, what they scale to is not what the story does.
pub(super) fn is_the_storys_own(scenario: &Scenario) -> bool {
    scenario.story == Story::ScaleDown
        && scenario.events.count(EventName::Scale) > 0
        && scenario.scale_targets.is_empty()
}

/// One replica fewer, where that is not what a `scale` event does.
pub(super) fn of_the_story(cluster: &Cluster<'_>) -> Option<Environment> {
    let possible = is_the_storys_own(&cluster.rules.scenario)
        && crate::api_server::answers(cluster)
        && cluster.rules.scenario.workload.kind != WorkloadKind::Pod;
    let fewer = replicas(cluster).checked_sub(1)?;
    possible.then_some(Environment::ScaleTo { replicas: fewer })
}

/// Each `scale` event that changes the wanted replicas.
pub(super) fn targets(cluster: &Cluster<'_>, mut push: impl FnMut(Environment)) {
    let now = replicas(cluster);
    if scaled(cluster).is_some_and(|target| target != now) {
        push(Environment::Scale);
    }
    let targets = &cluster.rules.scenario.scale_targets;
    for (index, &replicas) in targets.iter().enumerate() {
        if replicas != now && !targets[..index].contains(&replicas) {
            push(Environment::ScaleTo { replicas });
        }
    }
}

/// Sets the wanted replicas.
pub(super) fn apply(cluster: &mut Cluster<'_>, target: u8) {
    if cluster.rules.scenario.workload.kind == WorkloadKind::Deployment {
        cluster.shared.deployment.set_replicas(target);
        watch::publish_deployment(cluster);
    } else {
        let revision = podproof_vocabulary::Revision(0);
        cluster.replica_set_mut(revision).set_replicas(target);
        watch::publish_replica_set(cluster, revision);
    }
}
