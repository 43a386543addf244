//! Users, and what happens to the machine.

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use podproof_runtime::api::constants::is_ready;
use podproof_runtime::api::patch::PodStatusPatch;
use podproof_runtime::api::{Key, Kind as _, Patch, Preconditions, Request, Resource, Uid};
use podproof_runtime::container_runtime::simulated::RuntimeStep;
use podproof_runtime::container_runtime::simulated::actor::RuntimeProcess;
use podproof_runtime::container_runtime::{ContainerId, SandboxId, SandboxState};
use podproof_runtime::kubelet::KubeletProcess;
use podproof_runtime::kubelet::pod::RestartPolicy;
use podproof_runtime::kubelet::pod_worker::{PodWorker, Work};
use podproof_runtime::operation::{Component, Process, Step};

use super::facts::changes;
use super::{Event, LABEL, Machine, NAMES, NODE, NODE_NAME, World as _};
use crate::stage::build::{container, deletion, key, pod};
use crate::stage::script::pick;

const KUBELET: Process = Process::Kubelet(NODE);

impl Machine {
    pub(super) fn happen(&mut self, event: Event) {
        let named = |which: u8| key(NAMES[usize::from(which) % NAMES.len()]);
        match event {
            Event::Nothing => {}
            Event::Create { pod, shape } => self.call(Request::Create(shape.pod(named(pod).name()).into())),
            Event::CreateElsewhere(which) => {
                self.call(Request::Create(pod(named(which).name(), vec![container("app")]).into()));
            }
            Event::Delete { pod, grace } => {
                let gone = named(pod);
                let heir = self.heir_of(&gone).filter(|_| grace % 8 == 7);
                let grace = match grace % 8 {
                    0 | 4 => Some(0),
                    1 => Some(4),
                    _ => None,
                };
                self.call(Request::Delete(Resource::Pod, gone, deletion(grace)));
                heir.into_iter().for_each(|heir| self.call(Request::Create(heir.into())));
            }
            Event::Label { pod, value } => {
                self.patch(
                    named(pod),
                    Patch::Label { name: "mark".to_owned(), value: Some(value.to_string()) },
                );
            }
            Event::WriteStatus(which) => self.write_status(&named(which), which / 2),
            Event::Evict(which) => self.evict(&named(which)),
            Event::Crash { container, code } => {
                if let Some(id) = self.some_running(container) {
                    let now = self.now();
                    self.runtime.borrow_mut().crash(id, i32::from(code % 2), now);
                }
            }
            Event::KillSandbox(which) => self.kill_sandbox(which),
            Event::Prune => self.prune(),
            Event::ChangeReadiness(which) => {
                self.some_running(which)
                    .into_iter()
                    .for_each(|id| self.runtime.borrow_mut().change_readiness(id));
            }
            Event::ChangeLiveness(which) => {
                self.some_running(which)
                    .into_iter()
                    .for_each(|id| self.runtime.borrow_mut().change_liveness(id));
            }
            Event::Restart => self.restart(),
            Event::Connect(connected) => self.connect(connected),
            Event::Hang(hung) => self.hang(hung),
            Event::HideContainers(hidden) => self.hide(hidden),
            Event::Fault(answer) => self.go_wrong(answer),
            Event::FailCall(answer) => {
                let mut faults = Vec::new();
                let process: Option<&RuntimeProcess> =
                    self.stage.cluster.actor(Process::ContainerRuntime(NODE));
                process.into_iter().for_each(|process| process.faults(&mut faults));
                self.one_goes_wrong(&faults, answer);
            }
        }
    }

    fn call(&mut self, request: Request) {
        self.stage.call(request);
    }

    fn patch(&mut self, pod: Key, patch: Patch) {
        self.call(Request::Patch(Resource::Pod, pod, Preconditions::NONE, patch));
    }

    /// A user labels the node, and its kubelet hears of it.
    pub(super) fn label_node(&mut self) {
        let (name, value) = LABEL;
        let label = Patch::Label { name: name.to_owned(), value: Some(value.to_owned()) };
        let node = Key::global(NODE_NAME);
        self.call(Request::Patch(Resource::Node, node, Preconditions::NONE, label));
        self.rest();
    }

    /// As the node lifecycle controller, the disruption controller and the pod garbage collector do.
    fn write_status(&mut self, pod: &Key, what: u8) {
        let Some(uid) = self.stage.cluster.server().store().get::<Pod>(pod).map(Pod::uid) else { return };
        let uid = uid.as_str().to_owned();
        let is_false = |type_: &str| PodCondition {
            type_: type_.to_owned(),
            status: "False".to_owned(),
            ..PodCondition::default()
        };
        let status = match what % 8 {
            0 => {
                PodStatusPatch { conditions: vec![is_false("DisruptionTarget")], ..PodStatusPatch::default() }
            }
            1 => {
                self.facts.failed_by_others.insert(uid);
                PodStatusPatch { phase: Some("Failed".to_owned()), ..PodStatusPatch::default() }
            }
            _ => {
                self.facts.doubted.insert(uid);
                PodStatusPatch { conditions: vec![is_false("Ready")], ..PodStatusPatch::default() }
            }
        };
        self.patch(pod.clone(), Patch::PodStatus(status));
    }

    /// A pod like this one, with the other name.
    fn heir_of(&self, key: &Key) -> Option<Pod> {
        let stored = self.stage.cluster.server().store().get::<Pod>(key)?;
        let name = NAMES.iter().find(|name| **name != key.name())?;
        Some(Pod { spec: stored.spec.clone(), ..pod(name, Vec::new()) })
    }

    fn some_running(&self, which: u8) -> Option<ContainerId> {
        let runtime = self.runtime.borrow();
        let running: Vec<ContainerId> =
            runtime.containers().filter(|(_, it)| it.process.is_some()).map(|(id, _)| id).collect();
        pick(&running, which).copied()
    }

    fn evict(&mut self, key: &Key) {
        let uid = self.stage.cluster.server().store().get::<Pod>(key).map(Pod::uid);
        let Some(uid) = uid else { return };
        let evict = |process: &mut KubeletProcess, context: &mut podproof_runtime::Context<'_>| {
            process.evict(&uid, context)
        };
        if self.stage.cluster.act(KUBELET, evict) == Some(true) {
            self.facts.evicted.insert(uid.as_str().to_owned());
        }
    }

    fn kill_sandbox(&mut self, which: u8) {
        let mut runtime = self.runtime.borrow_mut();
        let ready: Vec<(SandboxId, Uid)> = runtime
            .sandboxes()
            .filter(|(_, sandbox)| sandbox.state == SandboxState::Ready)
            .map(|(id, sandbox)| (id, sandbox.config.uid.clone()))
            .collect();
        if let Some((id, uid)) = pick(&ready, which) {
            runtime.kill_sandbox(*id);
            self.facts.lost_sandbox.insert(uid.as_str().to_owned());
        }
    }

    fn prune(&mut self) {
        let kubelet = self.stage.cluster.actor::<KubeletProcess>(KUBELET).and_then(KubeletProcess::kubelet);
        let workers = kubelet.into_iter().flat_map(|kubelet| kubelet.workers().iter());
        // SyncTerminatedPod computes the status once more: of a pod that is always restarted, whose containers are gone by then, how they
        // ended is lost (STM-8 keeps only what never comes back; S28 `convertToAPIContainerStatuses`, `TerminatePod`).
        let is_kept = |worker: &PodWorker| {
            worker.is_finished()
                || worker.pod().is_some_and(|pod| pod.spec.restart_policy != RestartPolicy::Always)
        };
        let stopped = workers.filter(|(_, worker)| worker.work() == Work::Terminated && is_kept(worker));
        self.facts.looked_at.extend(stopped.map(|(uid, _)| uid.as_str().to_owned()));
        self.facts.pruned = true;
        self.runtime.borrow_mut().prune();
    }

    fn restart(&mut self) {
        self.facts.trouble = Some(self.now());
        self.facts.restarted = Some(self.now());
        self.facts.newest_then = self.runtime.borrow().containers().map(|(id, _)| id).max();
        self.facts.failures.clear();
        let ready = self.stage.cluster.server().store().all::<Pod>().filter(|(_, pod)| is_ready(pod));
        self.facts.ready_then = ready.map(|(_, pod)| pod.uid().as_str().to_owned()).collect();
        let mut pending = Vec::new();
        self.stage.cluster.pending(&mut pending);
        let runtime = self.runtime.borrow();
        self.facts.late |= pending.iter().any(|operation| match operation.step {
            Step::Runtime(RuntimeStep::Perform(call)) => runtime.request(call).is_some_and(changes),
            _ => false,
        });
        drop(runtime);
        self.stage.cluster.stop(KUBELET);
        self.stage.cluster.start(KUBELET);
    }

    fn connect(&mut self, connected: bool) {
        if connected != self.is_connected() {
            self.facts.trouble = Some(self.now());
            self.stage.cluster.connect(KUBELET, connected);
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.stage.cluster.is_connected(KUBELET)
    }

    fn hang(&mut self, hung: bool) {
        let now = self.now();
        if self.facts.hung.is_some() != hung {
            self.facts.trouble = Some(now);
            self.facts.hung = hung.then_some(now);
            self.runtime.borrow_mut().faults_mut().hung = hung;
        }
    }

    fn hide(&mut self, hidden: bool) {
        let limit = hidden.then_some(0);
        if self.runtime.borrow().faults().list_limit != limit {
            self.facts.trouble = Some(self.now());
            self.runtime.borrow_mut().faults_mut().list_limit = limit;
        }
    }

    /// Everything is well again, and everything is deleted.
    pub(super) fn heal_and_delete(&mut self) {
        self.connect(true);
        self.hang(false);
        self.hide(false);
        self.rest();
        for name in NAMES {
            self.call(Request::Delete(Resource::Pod, key(name), deletion(None)));
        }
    }

    /// Is a write of this component the kubelet's?
    pub(super) fn is_own(component: Component) -> bool {
        component == Component::Kubelet(NODE)
    }
}
