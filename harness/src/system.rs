//! What it takes to be driven through a scenario step by step, and compared with others that are.
//!
//! The model is a [`System`]; whoever writes a scheduler, a controller, a kubelet or a proxy can make theirs one, and
//! drive it beside the model with [`agree`](crate::oracles::agreement::agree). `examples/own_proxy.rs` does so.

use std::fmt;

use podproof_vocabulary::action::Action;
use podproof_vocabulary::observation::{Observation, Observe, SlotSeen};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision, Scenario};

/// Something that runs a scenario.
pub trait System {
    /// Begins a scenario anew; nothing of an earlier one is left.
    ///
    /// # Errors
    /// If it cannot run this scenario at all.
    fn reset(&mut self, scenario: &Scenario) -> Result<(), Unfit>;

    /// What it could do next, in the words of actions: every one of these may be applied. In any order; that of the system
    /// that chooses decides what the choices of a script mean.
    fn pending(&self, operations: &mut Vec<Action>);

    /// Does one step, and nothing else.
    ///
    /// # Errors
    /// If it could not do this step now; it has then done nothing.
    fn apply(&mut self, action: &Action) -> Result<(), Refused>;

    /// All that an outsider can see now.
    fn observation(&self) -> Observation;

    /// It goes no further, as the scenario is too small for what happened.
    fn is_stuck(&self) -> bool {
        false
    }

    /// Nothing is left to do: what it does by its clocks alone, and nobody sees, happens once more. Nothing of what is pending then may
    /// be new.
    ///
    /// # Errors
    /// If that never ends.
    fn linger(&mut self) -> Result<(), Refused> {
        Ok(())
    }

    /// What its last step broke of the promises that no outsider can judge: those that read a component's copy.
    fn broken(&self) -> PropertySet {
        PropertySet::NONE
    }

    /// Brings `seen`, which is what could be seen when this was called last, up to date, and says what it wrote. After a
    /// [`reset`](Self::reset) that is everything.
    fn observe(&mut self, seen: &mut Observation) -> Parts {
        *seen = self.observation();
        Parts::everything(seen)
    }
}

/// Parts of an observation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Slots.
    pub slots: Vec<PodId>,
    /// Everything but the slots: nodes, ReplicaSets, the Deployment, the budget.
    pub others: bool,
}

impl Parts {
    /// Everything.
    pub fn everything(seen: &Observation) -> Self {
        Self { slots: PodId::first(seen.slots.len()).collect(), others: true }
    }

    /// What is different in two observations of one system.
    pub fn changed(before: &Observation, after: &Observation) -> Self {
        let differs = |pod: &PodId| before.slots.get(pod.index()) != after.slots.get(pod.index());
        let others = |seen: &Observation| (seen.deployment, seen.budget);
        Self {
            slots: PodId::first(after.slots.len()).filter(differs).collect(),
            others: before.nodes != after.nodes
                || before.replica_sets != after.replica_sets
                || others(before) != others(after),
        }
    }

    /// Brings these parts of `old`, in which everything else is as in `seen`, up to date.
    pub fn bring(&self, seen: &Observation, old: &mut Observation) {
        if seen.slots.len() != old.slots.len() {
            old.clone_from(seen);
            return;
        }
        for pod in &self.slots {
            old.slots[pod.index()].clone_from(&seen.slots[pod.index()]);
        }
        if self.others {
            old.nodes.clone_from(&seen.nodes);
            old.replica_sets.clone_from(&seen.replica_sets);
            (old.deployment, old.budget) = (seen.deployment, seen.budget);
        }
    }
}

/// What an outsider can see of one slot of `cluster`.
pub fn slot_of(cluster: &impl Observe, pod: PodId) -> SlotSeen {
    SlotSeen {
        pod: cluster.pod(pod),
        sandbox: cluster.sandbox(pod),
        containers: ContainerId::first(cluster.containers()).map(|c| cluster.container(pod, c)).collect(),
        reused_address: cluster.reused_address(pod),
        endpoint: cluster.endpoint(pod),
        rules: NodeId::first(cluster.nodes()).map(|node| cluster.rule(node, pod)).collect(),
    }
}

/// Brings everything but the slots up to date.
pub fn observe_others(cluster: &impl Observe, seen: &mut Observation) {
    for node in NodeId::first(cluster.nodes()) {
        seen.nodes[node.index()] = cluster.node(node);
    }
    for revision in Revision::first(cluster.revisions()) {
        seen.replica_sets[revision.index()] = cluster.replica_set(revision);
    }
    seen.deployment = cluster.deployment();
    seen.budget = cluster.budget();
}

/// The step is not possible now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why, in a sentence.
    pub why: String,
    /// What that means.
    pub refusal: Refusal,
}

/// What it means that a step is refused which the reference has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The two differ.
    Difference,
    /// The system keeps to an order that the reference leaves open: the step comes later, at the latest when nothing else is left to do.
    Later,
    /// The reference is coarser here, and the step may never come: lawfully, also when nothing else is left to do.
    ForGood,
}

impl Refused {
    /// It is not possible, and why.
    pub fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), refusal: Refusal::Difference }
    }

    /// It is not possible yet, lawfully, and why.
    pub fn later(why: impl Into<String>) -> Self {
        Self { why: why.into(), refusal: Refusal::Later }
    }

    /// It may never be possible, lawfully, and why.
    pub fn for_good(why: impl Into<String>) -> Self {
        Self { why: why.into(), refusal: Refusal::ForGood }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Refused {}

/// The scenario is not one that the system can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Why, in a sentence.
    pub why: String,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Unfit {}
