//! Promises about the number of pods.

use podproof_vocabulary::action::{Action, Deployment};
use podproof_vocabulary::observation::Observe;
use podproof_vocabulary::scenario::{Scenario, Strategy};
use podproof_vocabulary::{ContainerId, Revision};

use super::{Judgement, Step};
use crate::cluster::Cluster;

/// `rollout-within-bounds`: □ (the Deployment controller writes a ReplicaSet in a rolling update ⇒ the write does not
/// raise the sum of wanted replicas above replicas + maxSurge, and does not scale an old ReplicaSet down so far that
/// fewer than replicas − maxUnavailable are available in the controller's own copy) (I-35, I-36). Premise: such a write.
/// Model-only.
pub fn rollout_within_bounds(step: &Step<'_, Cluster<'_>>) -> Judgement {
    let (Action::Deployment(write), Strategy::RollingUpdate { .. }) =
        (step.action, step.scenario.workload.strategy)
    else {
        return Judgement::Silent;
    };
    let (&Deployment::CreateReplicaSet { revision, replicas }
    | &Deployment::ScaleReplicaSet { revision, replicas }) = write
    else {
        return Judgement::Silent;
    };
    let view = step.before.shared.deployment_view;
    let (surge, unavailable) = step.scenario.workload.strategy.fenceposts(view.replicas());
    let before = step.before.replica_set(revision);
    let total: u32 = step.after.replica_sets.iter().map(|column| u32::from(column.replicas())).sum();
    let raises = replicas > before.replicas();
    let too_many = raises && total > u32::from(view.replicas()) + u32::from(surge);
    let is_old = revision != Revision(view.revision());
    let scales = before.desired_seen() != view.replicas();
    let too_few = is_old && !scales && replicas < before.available_seen() && {
        let others = step.before.revision_ids().filter(|&other| other != revision);
        let left: u32 = others.map(|other| u32::from(step.before.replica_set(other).available_seen())).sum();
        left + u32::from(replicas) + u32::from(unavailable) < u32::from(view.replicas())
    };
    let premise = raises || (is_old && replicas < before.replicas());
    Judgement::of(premise, too_many || too_few)
}

/// Pods of the workload that are alive: the object exists and is not terminal, or a container runs.
fn alive<O: Observe>(cluster: &O) -> usize {
    let runs = |pod| {
        ContainerId::first(cluster.containers()).any(|container| {
            cluster.container(pod, container).process == podproof_vocabulary::observation::Process::Running
        })
    };
    cluster
        .slots_in_use()
        .filter(|&pod| cluster.pod(pod).is_some_and(|pod| !pod.phase.is_terminal()) || runs(pod))
        .count()
}

fn most(scenario: &Scenario, replicas: u8) -> usize {
    usize::from(replicas) + usize::from(scenario.workload.strategy.fenceposts(replicas).0)
}

/// `pods-within-surge` (an expectation): □ (a step makes one more pod alive ⇒ there are no more than replicas + maxSurge,
/// terminating ones counted). Kubernetes does not promise it: its arithmetic never sees terminating pods (DEP-4).
/// Premise: as many as that are alive.
pub fn pods_within_surge<O: Observe>(step: &Step<'_, O>) -> Judgement {
    let Some(deployment) = step.after.deployment() else { return Judgement::Silent };
    let (now, most) = (alive(step.after), most(step.scenario, deployment.replicas));
    Judgement::of(now >= most, now > most && now > alive(step.before))
}
