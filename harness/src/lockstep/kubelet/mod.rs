//! The kubelets and their machines: the runtime's own.
//!
//! A step of the model is what an outsider sees of a kubelet or of a container runtime: a sandbox is made, a container starts, a
//! signal is sent, a status is written. Here a sync loop, a worker for each pod, the PLEG, probes and the status manager come to
//! that, call by call. So a step is what stands between, and then the one operation that is seen: everything that is seen and is
//! another step stays on its way.
//!
//! - this file: which scenarios, the beginning, and the step of each name
//! - `machine`: what is where, and waiting for a machine; `drive`: what nobody sees, and the worker of one pod
//! - `start`, `kill`, `probe`, `status`, `node_status`: a file for each part of a kubelet; `news`: what it hears of pods
//! - `harm`: what befalls machines; `seen`: what an outsider sees of them; [`pending`]: what is on its way; `linger`: what they do at rest

mod drive;
mod harm;
mod kill;
mod linger;
mod machine;
mod news;
mod node_status;
pub mod pending;
mod probe;
mod seen;
mod start;
mod status;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use podproof_model::kubelet::node_of;
use podproof_runtime::container_runtime::ContainerId as InstanceId;
use podproof_runtime::container_runtime::simulated::Simulated;
use podproof_runtime::container_runtime::simulated::actor::RuntimeProcess;
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_runtime::container_runtime::simulated::network::Network;
use podproof_runtime::kubelet::KubeletProcess;
use podproof_runtime::kubelet::parts::Settings;
use podproof_runtime::operation::{NodeIndex, Process};
use podproof_vocabulary::action::{Action, Component as Lane, Container, Kubelet};
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::observation::Observation;
use podproof_vocabulary::scenario::{Hang, Scenario};
use podproof_vocabulary::{NodeId, PodId};

use self::drive::Driven;
use super::Running;
use crate::objects::{self, NodeState};
use crate::system::Refusal;
use crate::{ModelSystem, Refused};

/// A kubelet finds its runtime unwell when the model's does: when its PLEG lists is up to the model, and the clock passes meanwhile.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Are the kubelets of this scenario played by the model? Hangs other than of all calls, which are made of a relist that is stuck, are
/// not driven.
pub(super) fn are_played(scenario: &Scenario) -> bool {
    let hangs = |event| [EventName::RuntimeHang, EventName::CniFailure].contains(&event);
    let may_hang =
        scenario.story == Story::RuntimeHang || scenario.events.iter().any(|(event, _)| hangs(event));
    may_hang && scenario.hang != Hang::RpcTimeout
}

/// The machines, and what only whoever drives them knows.
#[derive(Default)]
pub(super) struct Machines {
    runtimes: BTreeMap<NodeId, Rc<RefCell<Simulated>>>,
    /// Pods whose termination has begun, and where.
    begun: BTreeMap<PodId, NodeId>,
    /// Containers whose grace period ran out after their SIGTERM: their runtime tells nobody.
    expired: BTreeSet<(NodeId, InstanceId)>,
    /// Pods that their kubelet has forgotten; what is left of them is nobody's.
    forgotten: BTreeSet<PodId>,
    /// Pods whose dead sandbox counts as stopped: nobody stops it any more (PW-3, PW-13), and the model does.
    laid_down: BTreeSet<PodId>,
    /// Nodes whose workers have all synced once more since the last step.
    lingered: BTreeSet<NodeId>,
}

impl Machines {
    /// A slot has a new pod: nothing is known of it.
    pub(super) fn begin_slot(&mut self, slot: PodId) {
        self.begun.remove(&slot);
        self.forgotten.remove(&slot);
        self.laid_down.remove(&slot);
    }

    /// Something happens: what was so at rest is so no more.
    pub(super) fn begin_step(&mut self) {
        self.lingered.clear();
    }
}

const fn index(node: NodeId) -> NodeIndex {
    NodeIndex(node.0 as u16)
}

pub(super) const fn process(node: NodeId) -> Process {
    Process::Kubelet(index(node))
}

impl Running {
    /// A machine with its kubelet for each node: it knows what there is, and nothing runs yet.
    pub(super) fn begin_kubelets(&mut self, shown: &Observation) -> Result<(), Refused> {
        if !self.covered.has(Lane::Kubelet) {
            return Ok(());
        }
        for node in NodeId::first(shown.nodes.len()).filter(|node| shown.nodes[node.index()].exists) {
            self.begin_step();
            self.add_machine(node);
            self.settle_watches(process(node), 2)?;
            self.settle_machine(node)?;
            self.relist(node)?;
        }
        Ok(())
    }

    /// A machine boots for the first time, and its kubelet starts.
    fn add_machine(&mut self, node: NodeId) {
        let behaviours = self.scenario.workload.template.containers.iter();
        let behaviours = behaviours.map(|own| (Arc::from(own.name.as_str()), Behaviour::of(own)));
        let address = Ipv4Addr::new(10, 255, 255, node.0);
        let network = Network::new(address, Ipv4Addr::new(10, 255, node.0, 1), 250);
        let runtime = Rc::new(RefCell::new(Simulated::new(network, behaviours)));
        let object = objects::node(&self.scenario, node, NodeState::default());
        let settings =
            Settings { pleg_threshold: FOR_EVER, runtime_check_threshold: FOR_EVER, ..Settings::default() };
        let kubelet = KubeletProcess::new(index(node), object, settings, runtime.clone());
        let machine = RuntimeProcess::new(index(node), Rc::clone(&runtime));
        self.machines.runtimes.insert(node, runtime);
        self.cluster.add(Process::ContainerRuntime(index(node)), Box::new(machine));
        self.cluster.add(process(node), Box::new(kubelet));
    }

    /// A step of a kubelet, of a container runtime or of a process. Where a runtime hangs or a network is not there, it may stay so, and
    /// what waits for either does so for good. So does what waits for the start of a container that the model has only after it.
    pub(super) fn run_machine(
        &mut self,
        action: &Action,
        enabled: &[Action],
        rest: &ModelSystem,
    ) -> Result<(), Refused> {
        self.step_of_machine(action, enabled, rest).map_err(|refused| match refused.refusal {
            Refusal::Later if self.waits_for_good(action, rest) => Refused::for_good(refused.why),
            _ => refused,
        })
    }

    fn waits_for_good(&self, action: &Action, rest: &ModelSystem) -> bool {
        let (model, state) = rest.model();
        let Action::Kubelet(step) = *action else { return false };
        let node = match step {
            Kubelet::Relist { node } | Kubelet::ReportNodeStatus { node } | Kubelet::NoticeHang { node } => {
                Some(node)
            }
            _ => step.pod().and_then(|pod| model.open(state, |cluster| node_of(cluster, pod))),
        };
        let Some(node) = node else { return false };
        let is_ill = |runtime: &Simulated| runtime.faults().hung || runtime.faults().network_down;
        self.runtime(node).is_ok_and(|runtime| is_ill(&runtime)) || self.starts_another(node, step)
    }

    fn step_of_machine(
        &mut self,
        action: &Action,
        enabled: &[Action],
        rest: &ModelSystem,
    ) -> Result<(), Refused> {
        let step = match *action {
            Action::Kubelet(step) => step,
            Action::Container(Container::Listen { pod, container }) => return self.listen(pod, container),
            Action::Container(Container::Exit { pod, container }) => return self.exit(pod, container),
            _ => return Err(Refused::because("no machine does this")),
        };
        let waits_for_kill = matches!(
            step,
            Kubelet::CreateSandbox { .. } | Kubelet::SendSigterm { .. } | Kubelet::StopSandbox { .. }
        );
        let of = |own: &Self, pod| Ok(Driven { waits_for_kill, ..own.driven(pod, enabled, rest)? });
        match step {
            Kubelet::CreateSandbox { pod } => self.create_sandbox(&of(self, pod)?, rest),
            Kubelet::StartContainer { pod, container } => {
                self.start_container(&of(self, pod)?, container, rest)
            }
            Kubelet::StopContainer { pod, container } => self.begin_stop(&of(self, pod)?, container, rest),
            Kubelet::BeginTermination { pod } => self.begin_termination(&of(self, pod)?, rest),
            Kubelet::RunPreStop { pod, container } => self.run_pre_stop(&of(self, pod)?, container),
            Kubelet::FinishPreStop { pod, container } => self.finish_pre_stop(&of(self, pod)?, container),
            Kubelet::ExpireGrace { pod, container } => self.expire_grace(&of(self, pod)?, container),
            Kubelet::SendSigterm { pod, container } => self.send_sigterm(&of(self, pod)?, container),
            Kubelet::SendSigkill { pod, container } => self.send_sigkill(&of(self, pod)?, container),
            Kubelet::StopSandbox { pod } => self.stop_sandbox(&of(self, pod)?, rest),
            Kubelet::FinishPod { pod } => self.finish_pod(&of(self, pod)?),
            Kubelet::ForgetPod { pod } => self.forget_pod(&of(self, pod)?, rest),
            Kubelet::ReportStatus { pod } => self.report_status(&of(self, pod)?, rest),
            Kubelet::RemovePod { pod } => self.remove_pod(&of(self, pod)?),
            Kubelet::FlipReadiness { pod, container } => {
                self.flip_readiness(&of(self, pod)?, container, rest)
            }
            Kubelet::PassStartup { pod, container } => self.pass_startup(&of(self, pod)?, container),
            Kubelet::FailProbe { pod, container } => self.fail_probe(&of(self, pod)?, container, rest),
            Kubelet::Relist { node } => self.relist(node),
            Kubelet::ReportNodeStatus { node } => self.report_node_status(node, rest),
            Kubelet::NoticeHang { node } => self.notice_hang(node),
        }
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;

    use super::*;

    #[test]
    fn kubelets_are_played_where_relists_hang_alone_and_nowhere_else() {
        let mut scenario = catalogue::web("x", Story::RuntimeHang, 1, 1);
        scenario.events.set(EventName::CniFailure, 1);
        scenario.events.set(EventName::ResourcePressure, 1);
        scenario.hang = Hang::RpcTimeout;
        assert!(!are_played(&scenario));
        for hang in [Hang::StuckInspect, Hang::TooManyPods { limit: 1 }, Hang::CniStatus] {
            scenario.hang = hang;
            assert!(are_played(&scenario), "{hang:?}");
            let mut without = catalogue::web("x", Story::Create, 1, 1);
            without.hang = hang;
            assert!(!are_played(&without), "{hang:?}, and nothing hangs");
        }
    }
}
