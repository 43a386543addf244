//! One machine, its kubelet and an API server, driven by a seeded choice of what comes next.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;

use fastrand::Rng;
use k8s_openapi::api::core::v1::{
    Container, Node, NodeStatus, Pod, PodCondition, PodSpec, ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use podproof_runtime::api::patch::PodStatusPatch;
use podproof_runtime::api::{DeleteOptions, Key, Kind, Object, Patch, Preconditions, Request, Resource, Uid};
use podproof_runtime::chooser::First;
use podproof_runtime::clock::Moment;
use podproof_runtime::container_runtime::simulated::actor::RuntimeProcess;
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_runtime::container_runtime::simulated::network::Network;
use podproof_runtime::container_runtime::simulated::{Container as Running, RuntimeStep, Simulated};
use podproof_runtime::container_runtime::{ContainerId, ContainerState, Request as Call};
use podproof_runtime::kubelet::parts::Settings;
use podproof_runtime::kubelet::{Kubelet, KubeletProcess};
use podproof_runtime::operation::{NodeIndex, Process, Step};
use podproof_runtime::{Cluster, Operation, Slips};
use podproof_vocabulary::Release;

pub const NODE: NodeIndex = NodeIndex(0);
const KUBELET: Process = Process::Kubelet(NODE);

/// A machine with its kubelet, and an API server.
pub struct Rig {
    pub cluster: Cluster,
    pub runtime: Rc<RefCell<Simulated>>,
    random: Rng,
    pub log: Vec<String>,
    /// Whether the kubelet gives up calls to its runtime after their time-out.
    pub calls_time_out: bool,
}

impl Rig {
    pub fn new(seed: u64, behaviours: &[(&str, Behaviour)]) -> Self {
        Self::with(seed, behaviours, Release::NEWEST, Slips::NONE)
    }

    pub fn with(seed: u64, behaviours: &[(&str, Behaviour)], release: Release, slips: Slips) -> Self {
        let network = Network::new(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 1, 0, 1), 8);
        let behaviours = behaviours.iter().map(|&(name, behaviour)| (Arc::from(name), behaviour));
        let runtime = Rc::new(RefCell::new(Simulated::new(network, behaviours)));
        let mut cluster = Cluster::new(release, slips, Box::new(First));
        let process = RuntimeProcess::new(NODE, Rc::clone(&runtime));
        cluster.add(Process::ContainerRuntime(NODE), Box::new(process));
        let kubelet = KubeletProcess::new(NODE, node(), Settings::default(), runtime.clone());
        cluster.add(KUBELET, Box::new(kubelet));
        Self { cluster, runtime, random: Rng::with_seed(seed), log: Vec::new(), calls_time_out: true }
    }

    /// One step: something that is pending, or, if nothing is, time passes. Now and then it passes anyhow.
    pub fn step(&mut self) {
        let mut operations = Vec::new();
        self.cluster.pending(&mut operations);
        let gives_up = |it: &Operation| {
            matches!(it.step, Step::Kubelet(podproof_runtime::kubelet::KubeletStep::TimeOut(_)))
        };
        operations.retain(|operation| self.calls_time_out || !gives_up(operation));
        let hurry = self.random.u8(..) < 2;
        if operations.is_empty() || hurry {
            let next = self.cluster.next_deadline().expect("a kubelet always has a timer");
            let soon = self.now() + std::time::Duration::from_millis(50);
            let moment = if operations.is_empty() { next } else { next.min(soon) };
            self.log.push(format!("time {moment}"));
            self.cluster.pass_until(moment);
            return;
        }
        let operation = operations.swap_remove(self.random.usize(..operations.len()));
        self.log.push(self.describe(&operation));
        self.cluster.complete(&operation).unwrap_or_else(|_| panic!("{operation} was pending"));
    }

    fn describe(&self, operation: &Operation) -> String {
        match operation.step {
            Step::Runtime(RuntimeStep::Perform(call)) => {
                format!("runtime {call:?} {:?}", self.runtime.borrow().request(call))
            }
            _ => operation.to_string(),
        }
    }

    /// Steps until it is so, or so many seconds have passed. Tells whether it became so.
    pub fn until(&mut self, seconds: u64, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now() + std::time::Duration::from_secs(seconds);
        while self.now() <= end {
            if holds(self) {
                return true;
            }
            self.step();
        }
        false
    }

    /// Steps until it is so.
    ///
    /// # Panics
    /// If it does not become so in 10 minutes.
    pub fn eventually(&mut self, what: &str, holds: impl FnMut(&Self) -> bool) {
        assert!(self.until(600, holds), "not in 10 minutes: {what}\n{}", self.tail());
    }

    pub fn tail(&self) -> String {
        self.log[self.log.len().saturating_sub(60)..].join("\n")
    }

    pub fn now(&self) -> Moment {
        self.cluster.now()
    }

    /// The next call to the runtime of this kind fails; steps until there is one.
    pub fn fail_next(&mut self, wanted: impl Fn(&Call) -> bool) {
        loop {
            let mut operations = Vec::new();
            self.cluster.pending(&mut operations);
            let runtime = self.runtime.borrow();
            let found = operations.iter().find_map(|operation| match operation.step {
                Step::Runtime(RuntimeStep::Perform(call)) if runtime.request(call).is_some_and(&wanted) => {
                    Some(Operation::new(operation.component, Step::Runtime(RuntimeStep::Fail(call))))
                }
                _ => None,
            });
            drop(runtime);
            if let Some(fail) = found {
                self.log.push(fail.to_string());
                self.cluster.complete(&fail).expect("it may fail");
                return;
            }
            self.step();
        }
    }

    /// Is nothing pending but that time passes?
    pub fn is_quiet(&self) -> bool {
        let mut operations = Vec::new();
        self.cluster.pending(&mut operations);
        operations.is_empty()
    }

    pub fn label(&mut self, name: &str, value: &str) {
        let patch = Patch::Label { name: "changed".to_owned(), value: Some(value.to_owned()) };
        let request = Request::Patch(Resource::Pod, key(name), Preconditions::NONE, patch);
        self.cluster.call(request).expect("the label is set");
    }

    /// Somebody else says that the pod is not ready.
    pub fn say_not_ready(&mut self, name: &str) {
        let condition =
            PodCondition { type_: "Ready".to_owned(), status: "False".to_owned(), ..PodCondition::default() };
        let status = PodStatusPatch { conditions: vec![condition], ..PodStatusPatch::default() };
        let request = Request::Patch(Resource::Pod, key(name), Preconditions::NONE, Patch::PodStatus(status));
        self.cluster.call(request).expect("the condition is set");
    }

    pub fn create(&mut self, pod: Pod) {
        self.cluster.call(Request::Create(Object::from(pod))).expect("the pod is created");
    }

    pub fn delete(&mut self, name: &str, grace_seconds: Option<i64>) {
        let options = DeleteOptions { grace_seconds, preconditions: Preconditions::NONE };
        self.cluster.call(Request::Delete(Resource::Pod, key(name), options)).expect("the pod is deleted");
    }

    pub fn pod(&self, name: &str) -> Option<Pod> {
        self.cluster.server().store().get::<Pod>(&key(name)).cloned()
    }

    pub fn phase(&self, name: &str) -> Option<String> {
        self.pod(name)?.status?.phase
    }

    pub fn condition(&self, name: &str, type_: &str) -> bool {
        let conditions = self.pod(name).and_then(|pod| pod.status).and_then(|status| status.conditions);
        conditions.is_some_and(|all| all.iter().any(|it| it.type_ == type_ && it.status == "True"))
    }

    pub fn is_ready(&self, name: &str) -> bool {
        self.condition(name, "Ready")
    }

    pub fn node_is_ready(&self) -> bool {
        let node = self.cluster.server().store().get::<Node>(&Key::global("n")).cloned();
        let conditions = node.and_then(|node| node.status).and_then(|status| status.conditions);
        conditions.is_some_and(|all| all.iter().any(|it| it.type_ == "Ready" && it.status == "True"))
    }

    pub fn kubelet(&self) -> Option<&Kubelet> {
        self.cluster.actor::<KubeletProcess>(KUBELET)?.kubelet()
    }

    pub fn restart_kubelet(&mut self) {
        self.cluster.stop(KUBELET);
        self.cluster.start(KUBELET);
    }

    /// All containers of this name, oldest first.
    pub fn containers(&self, name: &str) -> Vec<Running> {
        self.runtime
            .borrow()
            .containers()
            .map(|(_, it)| it.clone())
            .filter(|it| *it.status.name == *name)
            .collect()
    }

    /// The running container of this name.
    pub fn running(&self, name: &str) -> Option<ContainerId> {
        self.containers(name)
            .iter()
            .find(|it| it.status.state == ContainerState::Running)
            .map(|it| it.status.id)
    }

    pub fn started(&self, id: ContainerId) -> Option<Moment> {
        let runtime = self.runtime.borrow();
        runtime.containers().find(|(own, _)| *own == id).and_then(|(_, it)| it.status.started_at)
    }

    pub fn restarts(&self, name: &str, container: &str) -> i32 {
        let statuses = self.pod(name).and_then(|pod| pod.status).and_then(|status| status.container_statuses);
        let found = statuses.into_iter().flatten().find(|status| status.name == container);
        found.map_or(0, |status| status.restart_count)
    }

    pub fn anything_runs(&self) -> bool {
        self.runtime.borrow().containers().any(|(_, it)| it.status.state == ContainerState::Running)
    }

    /// The kubelet evicts the pod.
    pub fn evict(&mut self, name: &str) -> bool {
        let uid = self.pod(name).map(|pod| pod.uid()).unwrap_or_else(|| Uid::from(""));
        self.log.push(format!("evict {name}"));
        self.cluster.act::<KubeletProcess, bool>(KUBELET, |process, context| process.evict(&uid, context))
            == Some(true)
    }

    pub fn crash(&mut self, name: &str, exit_code: i32) {
        let id = self.running(name).unwrap_or_else(|| panic!("{name} does not run\n{}", self.tail()));
        let now = self.now();
        self.log.push(format!("crash {name}"));
        self.runtime.borrow_mut().crash(id, exit_code, now);
    }
}

pub fn key(name: &str) -> Key {
    Key::new("default", name)
}

fn node() -> Node {
    let mut node = Node::default();
    node.metadata.name = Some("n".to_owned());
    let quantity = |name: &str, amount: &str| (name.to_owned(), Quantity(amount.to_owned()));
    let allocatable = [quantity("cpu", "4"), quantity("memory", "8Gi"), quantity("pods", "10")];
    node.status = Some(NodeStatus { allocatable: Some(allocatable.into()), ..NodeStatus::default() });
    node
}

/// A pod on the node with one app container, `app`.
pub fn pod(name: &str) -> Pod {
    let mut pod = Pod::default();
    pod.metadata.name = Some(name.to_owned());
    pod.metadata.namespace = Some("default".to_owned());
    pod.spec = Some(PodSpec {
        node_name: Some("n".to_owned()),
        containers: vec![container("app")],
        termination_grace_period_seconds: Some(30),
        ..PodSpec::default()
    });
    pod
}

pub fn container(name: &str) -> Container {
    Container { name: name.to_owned(), image: Some("image:1".to_owned()), ..Container::default() }
}

/// The pod with its spec changed.
pub fn with(mut pod: Pod, change: impl FnOnce(&mut PodSpec)) -> Pod {
    change(pod.spec.as_mut().expect("it has a spec"));
    pod
}

/// A pod that asks for so much CPU.
pub fn asking(name: &str, cpu: &str) -> Pod {
    with(pod(name), |spec| {
        let requests = Some([("cpu".to_owned(), Quantity(cpu.to_owned()))].into());
        spec.containers[0].resources =
            Some(ResourceRequirements { requests, ..ResourceRequirements::default() });
    })
}
