//! Promises about the end of a pod.

use podproof_vocabulary::action::{Action, Environment, PodGarbageCollector};
use podproof_vocabulary::observation::{Observe, Process};
use podproof_vocabulary::{ContainerId, NodeId};

use super::{Judgement, Step};

/// `terminal-is-final`: □ (phase Succeeded or Failed ⇒ no write turns it into another phase) ∧ □ (a pod's worker has
/// begun to terminate it ⇒ no container of it starts) (I-8, PW-5). Premise: a pod that has both, a terminal phase and a worker
/// that terminates it, so that neither half of the promise is kept for want of such a pod.
pub fn terminal_is_final<O: Observe>(step: &Step<'_, O>) -> Judgement {
    let mut premise = false;
    for pod in step.before.slots_in_use() {
        let mut is_terminal = false;
        if let (Some(before), Some(after)) = (step.before.pod(pod), step.after.pod(pod)) {
            is_terminal = after.phase.is_terminal();
            if before.phase.is_terminal() && before.phase != after.phase {
                return Judgement::Broken;
            }
        }
        // The state after the step shows it already: whichever step comes next shows no more.
        let terminates = step.before.sandbox(pod).terminating || step.after.sandbox(pod).terminating;
        premise |= is_terminal && terminates;
        if !step.before.sandbox(pod).terminating {
            continue;
        }
        let started = |container| {
            let process = |cluster: &O| cluster.container(pod, container).process;
            process(step.before) != Process::Running && process(step.after) == Process::Running
        };
        if step.after.sandbox(pod).terminating && ContainerId::first(step.after.containers()).any(started) {
            return Judgement::Broken;
        }
    }
    Judgement::of(premise, false)
}

/// `stopped-before-gone`: □ (a pod object is removed ⇒ none of its containers runs), but for a force deletion and for
/// the garbage collector where the node is off (I-7, STM-6). That somebody says that a node is gone or out of service, which may run as
/// before, is no exception (PGC-6, NF-2, NF-3). Premise: the object of a pod that had containers is removed.
pub fn stopped_before_gone<O: Observe>(step: &Step<'_, O>) -> Judgement {
    if matches!(step.action, Action::Environment(Environment::ForceDeletePod { .. })) {
        return Judgement::Silent;
    }
    let collects = matches!(step.action, Action::PodGarbageCollector(PodGarbageCollector::DeletePod { .. }));
    let is_off = |node: NodeId| node.index() < step.before.nodes() && !step.before.node(node).powered;
    let mut premise = false;
    for pod in step.before.slots_in_use() {
        let Some(object) = step.before.pod(pod).filter(|_| step.after.pod(pod).is_none()) else { continue };
        if collects && object.node.is_some_and(is_off) {
            continue;
        }
        for container in ContainerId::first(step.after.containers()) {
            premise |= step.before.container(pod, container).process != Process::Absent;
            if step.after.container(pod, container).process == Process::Running {
                return Judgement::Broken;
            }
        }
    }
    Judgement::of(premise, false)
}
