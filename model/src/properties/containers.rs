//! Promises inside a pod.

use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::observation::{Observe, Process, Sandbox};
use podproof_vocabulary::scenario::{ContainerKind, Scenario};
use podproof_vocabulary::{ContainerId, NodeId};

use super::{Judgement, Step};

fn of_kind(scenario: &Scenario, kind: ContainerKind) -> impl Iterator<Item = ContainerId> + '_ {
    let native = scenario.release.has_native_sidecars();
    let containers = scenario.workload.template.containers.iter().enumerate();
    containers
        .filter(move |(_, c)| c.kind == kind && (native || kind != ContainerKind::Sidecar))
        .map(|(index, _)| index.into())
}

/// `init-before-app`: □ (an app container starts ⇒ all init containers have finished with success, and every sidecar
/// has started) ∧ □ (an init container starts ⇒ those before it have) ∧ □ (a sidecar of a terminating pod gets SIGTERM ⇒
/// no app container runs, unless the grace ran out) (I-70, I-71). Premise: an app container starts in a pod that has
/// init containers or sidecars.
pub fn init_before_app<O: Observe>(step: &Step<'_, O>) -> Judgement {
    let containers = &step.scenario.workload.template.containers;
    let process = |pod, container| step.before.container(pod, container).process;
    let inits = || of_kind(step.scenario, ContainerKind::Init);
    let sidecars = || of_kind(step.scenario, ContainerKind::Sidecar);
    match *step.action {
        Action::Kubelet(Kubelet::StartContainer { pod, container }) => {
            let inits_before = inits().filter(|&other| {
                other < container || containers[container.index()].kind == ContainerKind::App
            });
            let in_order = inits_before.into_iter().all(|init| process(pod, init) == Process::ExitedOk);
            match containers[container.index()].kind {
                ContainerKind::App => {
                    let started = sidecars().all(|sidecar| process(pod, sidecar) != Process::Absent);
                    let premise = inits().next().is_some() || sidecars().next().is_some();
                    Judgement::of(premise, !(in_order && started))
                }
                ContainerKind::Init => Judgement::of(false, !in_order),
                ContainerKind::Sidecar => Judgement::Silent,
            }
        }
        Action::Kubelet(Kubelet::SendSigterm { pod, container }) => {
            let is_sidecar = sidecars().any(|sidecar| sidecar == container);
            let app_runs =
                of_kind(step.scenario, ContainerKind::App).any(|app| process(pod, app) == Process::Running);
            let terminating = step.before.sandbox(pod).terminating;
            let in_grace = !step.before.container(pod, container).grace_expired;
            Judgement::of(false, is_sidecar && terminating && app_runs && in_grace)
        }
        _ => Judgement::Silent,
    }
}

/// `sandbox-holds-namespaces`: □ (a container runs ⇒ its pod's sandbox lives and has an address) (I-78, SBX-1). Premise: a
/// container runs.
pub fn sandbox_holds_namespaces<O: Observe>(step: &Step<'_, O>) -> Judgement {
    let powered = |node: Option<NodeId>| node.is_none_or(|node| step.after.node(node).powered);
    let mut premise = false;
    for pod in step.after.slots_in_use() {
        let runs = ContainerId::first(step.after.containers())
            .any(|container| step.after.container(pod, container).process == Process::Running);
        let node = step.after.pod(pod).and_then(|pod| pod.node);
        if runs && powered(node) {
            premise = true;
            let sandbox = step.after.sandbox(pod);
            if sandbox.sandbox != Sandbox::Ready || sandbox.address.is_none() {
                return Judgement::Broken;
            }
        }
    }
    Judgement::of(premise, false)
}
