//! Writes of Deployments and ReplicaSets.

use jiff::Timestamp;
use podproof_model::Cluster;
use podproof_vocabulary::Revision;
use podproof_vocabulary::action::{Action, Deployment, Environment, ReplicaSet, Watcher};
use podproof_vocabulary::scenario::WorkloadKind;

use super::Known;
use crate::matching::actor::Actor;
use crate::matching::plan::{Deed, Plan};
use crate::matching::sighting::Condition;
use crate::reading::template_of;
use crate::record::{DeploymentFacts, Facts, Object, ReplicaSetFacts, Verb, Write};

/// What a write of a Deployment or a ReplicaSet asks of the model.
pub fn plan(known: &Known<'_, '_>, actor: &Actor, write: &Write) -> Plan {
    if !known.subject.is_near(&write.namespace) {
        return Plan::NotHere;
    }
    // The answer may be a Status, or not in the log.
    if (&*write.resource, &*write.subresource, write.verb) == ("replicasets", "", Verb::Delete)
        && known.subject.is_near(&write.namespace)
        && let Some(revision) = known.names.replica_set(&write.name, "")
    {
        if matches!(actor, Actor::Kubelet(_) | Actor::Scheduler) {
            return super::not_theirs(write, "remove ReplicaSets");
        }
        return removal(known, actor, revision);
    }
    let Some(object) = &write.object else {
        return match *write.name == *known.subject.name {
            true => Plan::NotModelled(format!("{} without their object", write.resource)),
            false => Plan::NotHere,
        };
    };
    if &*write.subresource == "scale" {
        return scale(known, actor, write, object);
    }
    let is_own =
        known.subject.is(object) || object.owner.as_ref().is_some_and(|owner| owner.uid == known.subject.uid);
    if is_own && matches!(actor, Actor::Kubelet(_) | Actor::Scheduler) {
        return super::not_theirs(write, "write Deployments and ReplicaSets");
    }
    match &object.facts {
        Facts::Deployment(facts) if known.subject.is(object) => {
            deployment(known, actor, write, object, facts)
        }
        Facts::ReplicaSet(facts) => {
            let owner = object.owner.as_ref().map(|owner| &*owner.uid);
            let own = known.subject.is(object) || owner == Some(&*known.subject.uid);
            match own {
                true => replica_set(known, actor, write, facts, object),
                false => Plan::NotHere,
            }
        }
        _ => Plan::NotHere,
    }
}

/// A ReplicaSet goes: its controller removes old ones that have no pods (`pkg/controller/deployment/deployment_controller.go`,
/// `cleanupDeployment`).
fn removal(known: &Known<'_, '_>, actor: &Actor, revision: Revision) -> Plan {
    let by_its_own =
        matches!(actor, Actor::Controller(controller) if &**controller == "deployment-controller");
    match by_its_own && known.cluster.replica_set(revision).replicas() > 0 {
        true => Plan::Wrong("a Deployment removes no ReplicaSet that has pods".into()),
        false => Plan::NotModelled("the removal of old ReplicaSets".into()),
    }
}

/// Subresource `scale`, as `kubectl scale` and an autoscaler write it: it is answered with a Scale, and changes the workload.
fn scale(known: &Known<'_, '_>, actor: &Actor, write: &Write, scale: &Object) -> Plan {
    let subject = known.subject;
    let (kind, now) = match subject.kind() {
        WorkloadKind::Deployment => ("deployments", known.cluster.shared.deployment.replicas()),
        WorkloadKind::ReplicaSet => ("replicasets", known.cluster.replica_set(Revision(0)).replicas()),
        WorkloadKind::Pod => return Plan::NotHere,
    };
    if kind != &*write.resource || write.name != subject.name {
        let is_owned = known.names.replica_set(&write.name, "").is_some();
        return if is_owned { by_hand() } else { Plan::NotHere };
    }
    match scale.whole["spec"]["replicas"].as_u64().map(u8::try_from) {
        Some(Ok(replicas)) if replicas == now => Plan::Nothing,
        Some(Ok(_)) if never_scales(actor) => super::not_theirs(write, "scale workloads"),
        Some(Ok(replicas)) => Plan::Befalls(vec![Action::Environment(Environment::ScaleTo { replicas })]),
        Some(Err(_)) => Plan::NotModelled("more than 255 replicas".into()),
        None => Plan::NotModelled("a Scale without replicas".into()),
    }
}

/// Of what is part of Kubernetes an autoscaler alone scales. One that does not say which controller it is may be that.
fn never_scales(actor: &Actor) -> bool {
    match actor {
        Actor::Kubelet(_) | Actor::Scheduler => true,
        Actor::Controller(controller) => !SCALING.contains(&&**controller),
        Actor::ApiServer | Actor::Client(_) => false,
    }
}

/// The controllers that may set the replicas of a workload.
const SCALING: [&str; 2] = ["horizontal-pod-autoscaler", "kube-controller-manager"];

fn by_hand() -> Plan {
    Plan::NotModelled("ReplicaSets of a Deployment that are scaled by hand".into())
}

fn deployment(
    known: &Known<'_, '_>,
    actor: &Actor,
    write: &Write,
    object: &Object,
    facts: &DeploymentFacts,
) -> Plan {
    let now = known.cluster.shared.deployment;
    match (write.verb, &*write.subresource) {
        (Verb::Create, "") => return Plan::Nothing,
        (Verb::Delete, _) => return Plan::NotModelled("the deletion of Deployments".into()),
        (_, "status") => {
            let counts = known.counts.filter(|_| !matches!(actor, Actor::Client(_)));
            if let Some(why) = super::statuses::controller(&object.whole) {
                return Plan::Wrong(why);
            }
            if let Some(why) =
                counts.and_then(|counts| counts.deployment_misfit(&object.whole, known.at.from))
            {
                return Plan::Unseen(why);
            }
            if !facts.paused && known.templates.is_new(facts.template) {
                return Plan::Wrong("a write of the status shows another template".into());
            }
            if facts.replicas != u32::from(now.replicas()) {
                return Plan::Wrong("a write of the status shows other replicas".into());
            }
            return match facts.deadline_exceeded == now.deadline_exceeded() {
                true => Plan::Nothing,
                false if facts.deadline_exceeded => {
                    if let Some(why) = deadline_ahead(known, object) {
                        return Plan::Wrong(why);
                    }
                    let exceed = Action::Deployment(Deployment::ExceedProgressDeadline);
                    Plan::By(Deed::steps(Watcher::ControllerManager, vec![exceed]))
                }
                // That it progresses again goes with the ReplicaSet's status here.
                false => Plan::Nothing,
            };
        }
        _ => {}
    }
    let mut steps = Vec::new();
    // DEP-10: a paused Deployment only scales; its template counts when it goes on.
    if !facts.paused && known.templates.is_new(facts.template) {
        steps.push(Action::Environment(Environment::ChangeTemplate));
    }
    if facts.replicas != u32::from(now.replicas()) {
        match u8::try_from(facts.replicas) {
            Ok(replicas) => steps.push(Action::Environment(Environment::ScaleTo { replicas })),
            Err(_) => return Plan::NotModelled("more than 255 replicas".into()),
        }
    }
    match (steps.is_empty(), actor) {
        (true, _) => Plan::Nothing,
        // `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go`: an autoscaler writes subresource `scale`, and whoever
        // else may write Deployments at all changes neither.
        (false, Actor::Controller(_)) => {
            super::not_theirs(write, "change the template or the replicas of Deployments")
        }
        (false, _) => Plan::Befalls(steps),
    }
}

/// Why the progress deadline of a Deployment cannot be exceeded yet: it has not been there for so long.
fn deadline_ahead(known: &Known<'_, '_>, object: &Object) -> Option<String> {
    let deadline = known.subject.scenario().workload.progress_deadline_seconds?;
    let created = object.whole["metadata"]["creationTimestamp"].as_str()?.parse::<Timestamp>().ok()?;
    (!known.has_passed(created.as_microsecond(), deadline))
        .then(|| format!("its progress deadline is {deadline} s, and it was created less than that ago"))
}

fn replica_set(
    known: &Known<'_, '_>,
    actor: &Actor,
    write: &Write,
    facts: &ReplicaSetFacts,
    object: &Object,
) -> Plan {
    let bare = known.subject.kind() == WorkloadKind::ReplicaSet;
    let Ok(replicas) = u8::try_from(facts.replicas) else {
        return Plan::NotModelled("more than 255 replicas".into());
    };
    let is_controller = |name: &str| matches!(actor, Actor::Controller(controller) if &**controller == name);
    if write.verb == Verb::Create {
        if bare {
            return Plan::Nothing;
        }
        if !is_controller("deployment-controller") {
            return Plan::Wrong("only the deployment controller creates ReplicaSets of a Deployment".into());
        }
        if known.is_to_come(write, &known.subject.uid) {
            return Plan::Wrong("a ReplicaSet of a Deployment before that is created".into());
        }
        // `getNewReplicaSet`, `pkg/controller/deployment/sync.go`. What admission changes comes after the request.
        let is_strange = |pods| known.templates.made_none_of(pods);
        if !known.began_late && !write.only_asked && write.made_of.is_some_and(is_strange) {
            return Plan::Wrong("it is made of a template that its Deployment never had".into());
        }
        return create(known, object, replicas, facts.desired);
    }
    let Some(revision) = known.names.replica_set(&object.name, &object.uid) else {
        let began_late = known.began_late;
        return match write.verb {
            // An old one without pods, of before the log: of that it comes back nobody can tell that it was there.
            Verb::Update | Verb::Patch if began_late && replicas == 0 => Plan::Nothing,
            Verb::Update | Verb::Patch if began_late && is_controller("deployment-controller") => {
                create(known, object, replicas, facts.desired)
            }
            _ => Plan::Wrong("a ReplicaSet whose creation the log does not show".into()),
        };
    };
    let now = known.cluster.replica_set(revision);
    if &*write.subresource == "status" {
        if now.replicas() != replicas {
            return Plan::Wrong("a write of the status shows other replicas".into());
        }
        let unseen =
            known.counts.and_then(|counts| counts.set_misfit(revision, &object.whole, known.at.from));
        // Labels of pods that somebody has taken away before the log began are in no file, and of a bare one the template may change.
        let labelled = || super::statuses::labelled(&object.whole).filter(|_| !bare && !known.began_late);
        let wrong = super::statuses::controller(&object.whole).or_else(labelled);
        let available = facts.available.min(255) as u8;
        // One write may not be answered yet that the controller has seen.
        let counted = unseen.map(|(why, is_near)| if is_near { Plan::Unseen(why) } else { Plan::Wrong(why) });
        let misfit = wrong.map(Plan::Wrong).or(counted);
        match (misfit, actor) {
            (None, _) if now.available() == available => return Plan::Nothing,
            (_, Actor::Client(_)) => {
                return Plan::NotModelled("statuses of ReplicaSets that others write".into());
            }
            (Some(misfit), _) => return misfit,
            (None, _) => {}
        }
        if !is_controller("replicaset-controller") {
            return Plan::Wrong(format!("{} does not write the status of ReplicaSets", write.user));
        }
        let update = Action::ReplicaSet(ReplicaSet::UpdateStatus { revision });
        let after = move |cluster: &Cluster<'_>| cluster.replica_set(revision).available() == available;
        return Plan::By(
            Deed::steps(Watcher::ControllerManager, vec![update])
                .then(format!("{available} available replicas"), Box::new(after)),
        );
    }
    let desired = facts.desired.map_or(now.desired(), |desired| desired.min(255) as u8);
    if now.replicas() == replicas && (bare || now.desired() == desired) {
        return Plan::Nothing;
    }
    match is_controller("deployment-controller") {
        true => {
            let scale = Action::Deployment(Deployment::ScaleReplicaSet { revision, replicas });
            Plan::By(
                Deed::steps(Watcher::ControllerManager, vec![scale])
                    .then(format!("{replicas} replicas wanted"), was_for(revision, facts.desired)),
            )
        }
        false if !matches!(actor, Actor::Client(_)) => super::not_theirs(write, "scale ReplicaSets"),
        false if bare => Plan::Befalls(vec![Action::Environment(Environment::ScaleTo { replicas })]),
        false => by_hand(),
    }
}

/// The controller makes a ReplicaSet of a template.
fn create(known: &Known<'_, '_>, set: &Object, replicas: u8, desired: Option<u32>) -> Plan {
    let revision = known.templates.of_new_set(template_of(&set.whole), known.names);
    let create = Action::Deployment(Deployment::CreateReplicaSet { revision, replicas });
    Plan::By(
        Deed::steps(Watcher::ControllerManager, vec![create])
            .then(format!("{replicas} replicas"), was_for(revision, desired)),
    )
}

/// The annotation `deployment.kubernetes.io/desired-replicas` says how many replicas of the Deployment its controller had seen
/// (DEP-10); a log without it says nothing of that.
fn was_for(revision: Revision, desired: Option<u32>) -> Condition {
    let desired = desired.map(|desired| desired.min(255) as u8);
    Box::new(move |cluster| desired.is_none_or(|desired| cluster.replica_set(revision).desired() == desired))
}
