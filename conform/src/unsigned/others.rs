//! Who may have written an object that is no pod.

use std::rc::Rc;

use super::{Unsigned, Writer, controller_of};
use crate::record::{BudgetFacts, ChangeKind, Facts, NodeFacts, Object, Verb, Write};

/// The verb of a change that a single writer makes.
pub(super) const fn verb(kind: ChangeKind) -> Verb {
    match kind {
        ChangeKind::Added => Verb::Create,
        ChangeKind::Modified => Verb::Update,
        ChangeKind::Deleted => Verb::Delete,
    }
}

/// Are these fields of the object as they were? Not, if it is not known how they were.
fn same(told: &Unsigned<'_>, before: Option<&Object>, field: &str) -> bool {
    before.is_some_and(|before| before.whole[field] == told.change.object.whole[field])
}

/// Taints that the node lifecycle controller sets.
const OF_CONDITIONS: &str = "node.kubernetes.io/";

/// A node: its conditions are its kubelet's, or the controller's who hears nothing of it; of its taints those that mirror
/// conditions are the controller's.
pub(super) fn node(told: &Unsigned<'_>, now: &NodeFacts, before: Option<&Object>) -> Vec<Write> {
    let kubelet = Writer::Kubelet(Rc::clone(&told.change.object.name));
    let controller = Writer::Controller("node-controller");
    if told.change.kind != ChangeKind::Modified {
        let writer = if told.change.kind == ChangeKind::Added { kubelet } else { Writer::Client };
        return told.by_any(&[writer], verb(told.change.kind), "");
    }
    let was = before.and_then(|object| match &object.facts {
        Facts::Node(facts) => Some(facts),
        _ => None,
    });
    let of_users = |facts: &NodeFacts| -> Vec<_> {
        facts.taints.iter().filter(|(key, ..)| !key.starts_with(OF_CONDITIONS)).cloned().collect()
    };
    if !same(told, before, "spec") {
        let by_user =
            was.is_none_or(|was| was.unschedulable != now.unschedulable || of_users(was) != of_users(now));
        let writers =
            if by_user { vec![Writer::Client, controller] } else { vec![controller, Writer::Client] };
        return told.by_any(&writers, Verb::Patch, "");
    }
    if same(told, before, "status") {
        return told.by_any(&[Writer::Client], Verb::Patch, "");
    }
    let became_unknown = now.ready.as_deref() == Some("Unknown")
        && was.is_none_or(|was| was.ready.as_deref() != Some("Unknown"));
    let writers = if became_unknown { vec![controller] } else { vec![kubelet, controller] };
    told.by_any(&writers, Verb::Patch, "status")
}

/// A Deployment: what is asked for comes from outside.
pub(super) fn deployment(told: &Unsigned<'_>, before: Option<&Object>) -> Vec<Write> {
    let controller = Writer::Controller("deployment-controller");
    match told.change.kind {
        ChangeKind::Modified if same(told, before, "spec") && !same(told, before, "status") => {
            told.by_any(&[controller], Verb::Update, "status")
        }
        kind => told.by_any(&[Writer::Client], verb(kind), ""),
    }
}

/// A ReplicaSet: what is wanted comes from its Deployment.
pub(super) fn replica_set(told: &Unsigned<'_>, before: Option<&Object>) -> Vec<Write> {
    let owner = told.change.object.owner.as_ref().and_then(|owner| controller_of(&owner.kind));
    let controller = Writer::Controller("replicaset-controller");
    let status = same(told, before, "spec") && !same(told, before, "status");
    match told.change.kind {
        ChangeKind::Modified if status => told.by_any(&[controller], Verb::Update, "status"),
        kind => {
            let writers: Vec<Writer> = owner.into_iter().chain([Writer::Client]).collect();
            told.by_any(&writers, verb(kind), "")
        }
    }
}

/// An EndpointSlice of a Service.
pub(super) fn slice(told: &Unsigned<'_>) -> Vec<Write> {
    told.by_any(&[Writer::Controller("endpointslice-controller"), Writer::Client], verb(told.change.kind), "")
}

/// A budget: a pod that is newly disrupted was evicted, and the API server has written so.
pub(super) fn budget(told: &Unsigned<'_>, now: &BudgetFacts, before: Option<&Object>) -> Vec<Write> {
    let was = before.and_then(|object| match &object.facts {
        Facts::PodDisruptionBudget(facts) => Some(facts),
        _ => None,
    });
    if told.change.kind != ChangeKind::Modified || same(told, before, "status") {
        return told.by_any(&[Writer::Client], verb(told.change.kind), "");
    }
    let is_new = |pod: &&Rc<str>| was.is_some_and(|was| !was.disrupted.contains(pod));
    let writer = match now.disrupted.iter().any(|pod| is_new(&pod)) {
        true => Writer::ApiServer,
        false => Writer::Controller("disruption-controller"),
    };
    told.by_any(&[writer], Verb::Update, "status")
}
