//! What a log says of each promise: of some it says nothing, as what they speak of is not in it.
//!
//! - `needs`: what a promise needs of a log
//! - `blackout`: the one that is judged with the times of the log
//! - `requests`: connections of clients against the path; `causes`: why they can fail
//! - `again`: what is broken after the first time

mod again;
mod blackout;
mod causes;
mod needs;
mod requests;

pub use again::{Again, again};
pub use causes::{Cause, Causes};
pub use requests::{Connections, Odd, Requests, Traffic, Watched, connections};

use std::collections::BTreeSet;
use std::rc::Rc;

use podproof_vocabulary::scenario::{ContainerKind, Scenario, WorkloadKind};
use podproof_vocabulary::{NodeId, PodId, Property};

use crate::matching::Replay;
use crate::matching::whole::Whole;
use crate::reading::{Log, Source};
use crate::record::Micros;

/// What can be seen in a log.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The writes to the API server, with who made them or may have.
    pub writes: bool,
    /// The nodes of which the rules are there.
    pub rules: BTreeSet<Rc<str>>,
    /// The nodes of which the events of the container runtime are there.
    pub runtimes: BTreeSet<Rc<str>>,
    /// What processes say of themselves.
    pub processes: bool,
    /// What clients say of their connections.
    pub requests: bool,
    /// When the log ends.
    pub until: Micros,
}

impl Evidence {
    /// What can be seen in `log`, which ends at this moment.
    pub fn of(log: &Log, until: Micros) -> Self {
        Self {
            writes: log.has(Source::Audit) || log.has(Source::Watch),
            rules: log.nodes_with_rules().into_iter().collect(),
            runtimes: log.nodes_with_runtime().into_iter().collect(),
            processes: log.has(Source::App),
            requests: log.has(Source::Requests),
            until,
        }
    }
}

/// What a log says of a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It was broken: the first time here.
    Broken(Breach),
    /// Its premise was met, and it was kept.
    Kept,
    /// Nothing in the log has to do with it.
    NotMet,
    /// The log cannot tell, for this reason.
    NotJudged(String),
}

/// Where a promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The step of the path, from 0, that did it; where time did it, the last one before.
    pub step: usize,
    /// When.
    pub at: Micros,
    /// Of a blackout: the node whose rules led nowhere, and a pod that they could have led to.
    pub dark: Option<(NodeId, PodId)>,
}

/// Why a budget over pods of several workloads is not judged.
const SHARED: &str =
    "its budget selects pods of other workloads too, and how healthy these are is not followed";

/// What the path of a workload says of every promise, in the order of the promises.
pub fn judge(replay: &Replay, whole: &Whole, evidence: &Evidence) -> Vec<(Property, Judgement)> {
    let subject = &replay.subject;
    let homes: BTreeSet<Rc<str>> = replay
        .names
        .pods()
        .filter_map(|pod| replay.names.home(pod))
        .filter_map(|node| subject.nodes.get(node.index()).cloned())
        .collect();
    let places = needs::Places { all: &subject.nodes, homes: &homes };
    let of = |property: Property| {
        if property == Property::DisruptionBudgetKept && subject.shared_budget.is_some() {
            return Judgement::NotJudged(SHARED.into());
        }
        if !concerns(subject.scenario(), property) {
            return Judgement::NotMet;
        }
        if let Some(why) = needs::lacks(property, subject.scenario(), evidence, &places) {
            return Judgement::NotJudged(why);
        }
        if property == Property::NoAvoidableBlackout {
            return blackout(replay, whole, evidence);
        }
        let broken = whole.broken.get(&property).and_then(|&step| Some((step, whole.steps.get(step)?)));
        match broken {
            Some((step, taken)) => Judgement::Broken(Breach { step, at: taken.moment.at, dark: None }),
            None if property == Property::NoFailedRequest
                && let Some(why) = needs::unheard(evidence, &places) =>
            {
                Judgement::NotJudged(why)
            }
            None if whole.reached.contains(property) => Judgement::Kept,
            None => Judgement::NotMet,
        }
    };
    Property::all().map(|property| (property, of(property))).collect()
}

fn blackout(replay: &Replay, whole: &Whole, evidence: &Evidence) -> Judgement {
    let watched = |(_, name): &(usize, &Rc<str>)| evidence.rules.contains(*name);
    let nodes = replay.subject.nodes.iter().enumerate();
    let nodes = nodes.filter(watched).map(|(index, _)| NodeId::from(index)).collect();
    blackout::judge(&replay.models(), whole, &nodes, evidence.until)
}

/// Can a promise have anything to do with such a workload?
fn concerns(scenario: &Scenario, property: Property) -> bool {
    let containers = &scenario.workload.template.containers;
    match property {
        Property::NoTrafficAfterSigterm
        | Property::NoFailedRequest
        | Property::NoMisroutedRequest
        | Property::NoAvoidableBlackout => scenario.service.as_ref().is_some_and(|service| !service.headless),
        Property::ReadyMeansReady => scenario.service.is_some(),
        Property::DisruptionBudgetKept => !scenario.budgets.is_empty(),
        Property::RolloutWithinBounds | Property::PodsWithinSurge => {
            scenario.workload.kind == WorkloadKind::Deployment
        }
        Property::InitBeforeApp => containers.iter().any(|container| container.kind != ContainerKind::App),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
