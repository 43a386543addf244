//! Who may have written a pod.

use std::rc::Rc;

use super::{Unsigned, Writer, controller_of};
use crate::record::{ChangeKind, Facts, Object, PodFacts, Verb, Write};

/// The writes that a change of a pod may be. A removal with a grace period of 0 is told in two events (DEL-7), and is one write:
/// the second.
pub(super) fn writes(told: &Unsigned<'_>, now: &PodFacts, before: Option<&Object>) -> Vec<Write> {
    let object = &told.change.object;
    let was = before.and_then(|object| match &object.facts {
        Facts::Pod(facts) => Some(facts),
        _ => None,
    });
    let owner = object.owner.as_ref().and_then(|owner| controller_of(&owner.kind));
    match told.change.kind {
        ChangeKind::Added => told.by_any(&[owner.unwrap_or(Writer::Client)], Verb::Create, ""),
        ChangeKind::Deleted => removal(told, now, owner),
        ChangeKind::Modified => match was {
            Some(was) if is_binding(was, now) => vec![binding(told, now)],
            Some(was) if is_last_request(was, now) && now.finalizers => removal(told, now, owner),
            Some(was) if is_last_request(was, now) => Vec::new(),
            Some(was) if !was.deleting && now.deleting => deletion(told, owner),
            _ => change(told, now, was, before),
        },
    }
}

/// A binding changes nothing but the node, and the condition that says so.
fn is_binding(was: &PodFacts, now: &PodFacts) -> bool {
    let bound = PodFacts { node: now.node.clone(), ..was.clone() };
    was.node.is_none() && now.node.is_some() && bound == *now
}

/// The deletion with a grace period of 0, of a pod that has been deleted with more or is still there.
fn is_last_request(was: &PodFacts, now: &PodFacts) -> bool {
    let grace = |facts: &PodFacts| facts.deletion_grace_seconds.filter(|_| facts.deleting);
    grace(now) == Some(0) && grace(was) != Some(0)
}

fn binding(told: &Unsigned<'_>, now: &PodFacts) -> Write {
    let mut write = told.by(&Writer::Scheduler, Verb::Create, "binding");
    write.code = 201;
    write.target.clone_from(&now.node);
    write.object = None;
    write
}

/// A deletion with a grace period: by its controller, by an eviction, because of a taint, by the garbage collector, or by hand.
fn deletion(told: &Unsigned<'_>, owner: Option<Writer>) -> Vec<Write> {
    let mut eviction = told.by(&Writer::Client, Verb::Create, "eviction");
    eviction.code = 201;
    let writers: Vec<Writer> =
        owner.into_iter().chain([Writer::Controller("node-controller"), Writer::Client]).collect();
    let mut all = told.by_any(&writers, Verb::Delete, "");
    all.insert(all.len() - 1, eviction);
    all
}

/// A deletion with a grace period of 0: by its kubelet, that has finished with it; by the garbage collector; or, if it was never on a
/// node, by anybody who deletes pods.
fn removal(told: &Unsigned<'_>, now: &PodFacts, owner: Option<Writer>) -> Vec<Write> {
    let kubelet = now.node.as_ref().map(|node| Writer::Kubelet(Rc::clone(node)));
    let collector = [Writer::Controller("pod-garbage-collector")];
    let others = owner.into_iter().filter(|_| now.node.is_none());
    let writers: Vec<Writer> =
        kubelet.into_iter().chain(others).chain(collector).chain([Writer::Client]).collect();
    let mut all = told.by_any(&writers, Verb::Delete, "");
    for write in &mut all {
        // A pod that is on no node goes at once, whatever grace period it has.
        write.grace_seconds = now.node.is_some().then_some(0);
    }
    all
}

/// A change of a pod that is neither bound nor deleted by it.
fn change(
    told: &Unsigned<'_>,
    now: &PodFacts,
    was: Option<&PodFacts>,
    before: Option<&Object>,
) -> Vec<Write> {
    let object = &told.change.object;
    let status_changed = before.is_none_or(|before| before.whole["status"] != object.whole["status"]);
    if !status_changed {
        return told.by_any(&[Writer::Client], Verb::Patch, "");
    }
    let Some(node) = &now.node else {
        return told.by_any(&[Writer::Scheduler, Writer::Client], Verb::Patch, "status");
    };
    let kubelet = Writer::Kubelet(Rc::clone(node));
    let node_controller = Writer::Controller("node-controller");
    let only_ready_went = was.is_some_and(|was| {
        was.ready
            && !now.ready
            && (&was.phase, &was.containers, &was.ip) == (&now.phase, &now.containers, &now.ip)
    });
    let only_failed = was.is_some_and(|was| was.phase != now.phase && was.containers == now.containers);
    let writers = match (only_ready_went, only_failed) {
        (true, _) => vec![node_controller, kubelet],
        (_, true) => vec![kubelet, Writer::Controller("pod-garbage-collector")],
        _ => vec![kubelet],
    };
    told.by_any(&writers, Verb::Patch, "status")
}
