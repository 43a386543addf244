//! Writes of PodDisruptionBudgets.

use podproof_model::{Cluster, step};
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Disruption, Drain, Environment, Watcher};
use podproof_vocabulary::scenario::DisruptionBudget;

use super::{Known, statuses};
use crate::matching::actor::Actor;
use crate::matching::plan::{Deed, Plan};
use crate::record::{BudgetFacts, Facts, Object, Write};

/// What a write of a PodDisruptionBudget asks of the model.
pub fn plan(known: &Known<'_, '_>, actor: &Actor, write: &Write) -> Plan {
    let subject = known.subject;
    if !subject.is_near(&write.namespace) || subject.budget.as_deref() != Some(&*write.name) {
        return Plan::NotHere;
    }
    let Some(object) = &write.object else { return Plan::NotModelled("budgets without their object".into()) };
    let Facts::PodDisruptionBudget(facts) = &object.facts else { return Plan::NotHere };
    if write.subresource.is_empty() {
        return Plan::Nothing;
    }
    if let Some(why) = statuses::observed(&object.whole) {
        return Plan::Wrong(why);
    }
    if object.whole["status"]["disruptionsAllowed"].as_i64().is_some_and(|allowed| allowed < 0) {
        return Plan::Wrong("fewer disruptions than none are allowed (PDB-4)".into());
    }
    if let Some(budget) = &subject.shared_budget {
        return shared(known, actor, write, budget, object, facts);
    }
    let wanted = Wanted::of(known, facts);
    match actor {
        // EVI-4: the eviction subresource writes the status before it deletes the pod.
        Actor::ApiServer => match wanted.newly_disrupted(known.cluster) {
            Some(pod) => eviction(known, &wanted, pod),
            None if wanted.is(known.cluster) => Plan::Nothing,
            None if facts.disrupted.iter().any(|name| known.names.pod(name, "").is_none()) => {
                Plan::NotModelled("evictions of other workloads' pods from the same budget".into())
            }
            None => Plan::Wrong("no eviction leaves such a status".into()),
        },
        _ if wanted.is(known.cluster) => Plan::Nothing,
        Actor::Controller(controller) if &**controller == "disruption-controller" => {
            let mut actions = vec![Action::Disruption(Disruption::UpdateStatus)];
            actions.extend(
                known.cluster.used_pods().map(|pod| Action::Disruption(Disruption::ForgetDisruption { pod })),
            );
            let says = format!(
                "{} disruptions allowed, {} healthy, {} desired",
                facts.allowed, facts.healthy, facts.desired
            );
            let after = move |cluster: &Cluster<'_>| wanted.is(cluster);
            Plan::By(Deed::steps(Watcher::ControllerManager, actions).then(says, Box::new(after)))
        }
        Actor::Client(_) => Plan::NotModelled("budget statuses that others write".into()),
        _ => super::not_theirs(write, "write the status of budgets"),
    }
}

/// A status that depends on what the model does not have of other workloads: it is taken as it is, if it fits together.
fn shared(
    known: &Known<'_, '_>,
    actor: &Actor,
    write: &Write,
    budget: &DisruptionBudget,
    object: &Object,
    facts: &BudgetFacts,
) -> Plan {
    let why = match actor {
        Actor::ApiServer => known.shared_budget.eviction_misfit(facts),
        Actor::Controller(controller) if &**controller == "disruption-controller" => {
            let ready = known.counts.map_or(0, |counts| counts.least_ready(known.at.from));
            known.shared_budget.misfit(budget, object, facts, ready)
        }
        Actor::Client(_) => return Plan::NotModelled("budget statuses that others write".into()),
        _ => return super::not_theirs(write, "write the status of budgets"),
    };
    match why {
        Some(why) => Plan::Wrong(why),
        None => Plan::NotModelled("statuses of budgets over pods of several workloads".into()),
    }
}

/// The API server grants an eviction: the status has the pod, and one disruption less (EVI-4).
fn eviction(known: &Known<'_, '_>, wanted: &Wanted, pod: PodId) -> Plan {
    let steps = [Action::Environment(Environment::EvictPod { pod }), Action::Drain(Drain::EvictPod { pod })];
    let mut state = known.cluster.copy();
    let mut after = Cluster::new(known.cluster.rules, &mut state);
    for action in &steps {
        step::apply(&mut after, action);
    }
    if wanted.is(&after) {
        return Plan::Befalls(steps.into());
    }
    let allowed = after.shared.budget.allowed();
    Plan::Wrong(format!(
        "an eviction that is granted leaves {allowed} disruptions allowed, and not {}",
        wanted.allowed
    ))
}

/// The status that an entry shows.
struct Wanted {
    allowed: u8,
    healthy: u8,
    desired: u8,
    disrupted: Vec<PodId>,
}

impl Wanted {
    fn of(known: &Known<'_, '_>, facts: &BudgetFacts) -> Self {
        let byte = |count: u32| count.min(255) as u8;
        let disrupted = facts.disrupted.iter().filter_map(|name| known.names.pod(name, "")).collect();
        Self {
            allowed: byte(facts.allowed),
            healthy: byte(facts.healthy),
            desired: byte(facts.desired),
            disrupted,
        }
    }

    fn is(&self, cluster: &Cluster<'_>) -> bool {
        let budget = cluster.shared.budget;
        budget.written()
            && (budget.allowed(), budget.healthy(), budget.desired())
                == (self.allowed, self.healthy, self.desired)
            && cluster
                .used_pods()
                .all(|pod| cluster.pod(pod).head.disrupted() == self.disrupted.contains(&pod))
    }

    fn newly_disrupted(&self, cluster: &Cluster<'_>) -> Option<PodId> {
        self.disrupted.iter().copied().find(|&pod| !cluster.pod(pod).head.disrupted())
    }
}
