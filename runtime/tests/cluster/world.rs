//! A whole cluster with a Deployment and its Service, and what must be true of it at every step.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    Container, Node, NodeStatus, Pod, PodSpec, PodTemplateSpec, Probe, Service, ServiceSpec,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use podproof_runtime::api::constants::{is_active, is_ready};
use podproof_runtime::api::{DeleteOptions, Key, Kind, Object, Preconditions, Request, Resource};
use podproof_runtime::chooser::First;
use podproof_runtime::container_runtime::SandboxState;
use podproof_runtime::container_runtime::simulated::Simulated;
use podproof_runtime::container_runtime::simulated::actor::RuntimeProcess;
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_runtime::container_runtime::simulated::network::Network;
use podproof_runtime::controllers::ControllerManager;
use podproof_runtime::kubelet::KubeletProcess;
use podproof_runtime::kubelet::parts::Settings;
use podproof_runtime::operation::{NodeIndex, Process, Step};
use podproof_runtime::proxy::{KubeProxy, ProxyStep};
use podproof_runtime::scheduler::Scheduler;
use podproof_runtime::{Cluster, Operation, Slips};
use podproof_vocabulary::Release;

pub struct World {
    pub cluster: Cluster,
    pub runtimes: Vec<Rc<RefCell<Simulated>>>,
    random: Rng,
    pub log: Vec<String>,
    /// Pods whose objects may go while their containers run.
    pub forced: BTreeSet<String>,
    check: bool,
    /// One step in so many is a fault; none if 0.
    pub faults_one_in: u32,
}

pub fn web() -> Key {
    Key::new("default", "web")
}

fn text(name: &str) -> Option<String> {
    Some(name.to_owned())
}

impl World {
    pub fn new(seed: u64, nodes: u16, behaviour: Behaviour) -> Self {
        Self::with(seed, nodes, behaviour, Slips::NONE)
    }

    pub fn with(seed: u64, nodes: u16, behaviour: Behaviour, slips: Slips) -> Self {
        let mut cluster = Cluster::new(Release::NEWEST, slips, Box::new(First));
        cluster.add(Process::Scheduler, Box::new(Scheduler::default()));
        cluster.add(Process::ControllerManager, Box::new(ControllerManager::default()));
        let mut runtimes = Vec::new();
        for index in 0..nodes {
            let octet = u8::try_from(index).expect("a few");
            let network =
                Network::new(Ipv4Addr::new(10, 0, 0, octet + 1), Ipv4Addr::new(10, 1, octet, 1), 20);
            let runtime = Rc::new(RefCell::new(Simulated::new(network, [(Arc::from("app"), behaviour)])));
            let (index, name) = (NodeIndex(index), format!("n{index}"));
            let process = RuntimeProcess::new(index, Rc::clone(&runtime));
            cluster.add(Process::ContainerRuntime(index), Box::new(process));
            let kubelet = KubeletProcess::new(index, node(&name), Settings::default(), runtime.clone());
            cluster.add(Process::Kubelet(index), Box::new(kubelet));
            cluster.add(Process::Proxy(index), Box::new(KubeProxy::new(index, &name)));
            runtimes.push(runtime);
        }
        let check = slips == Slips::NONE;
        Self {
            cluster,
            runtimes,
            random: Rng::with_seed(seed),
            log: Vec::new(),
            forced: BTreeSet::new(),
            check,
            faults_one_in: 0,
        }
    }

    /// One thing happens; if nothing is pending, or now and then, time passes.
    pub fn step(&mut self) {
        let mut operations = Vec::new();
        self.cluster.pending(&mut operations);
        let idle = operations.is_empty();
        if idle || self.random.u8(..64) == 0 {
            let next = self.cluster.next_deadline().expect("kubelets always have timers");
            let soon = self.cluster.now() + Duration::from_millis(100);
            self.cluster.pass_until(if idle { next } else { next.min(soon) });
            return;
        }
        if self.faults_one_in > 0 && self.random.u32(..self.faults_one_in) == 0 {
            let faults = self.faults();
            if !faults.is_empty() {
                operations = faults;
            }
        }
        let operation = operations.swap_remove(self.random.usize(..operations.len()));
        self.log.push(operation.to_string());
        self.cluster.complete(&operation).unwrap_or_else(|refused| panic!("{operation}: {refused}"));
        if self.check {
            self.check();
        }
    }

    /// Everything that may go wrong now.
    fn faults(&self) -> Vec<Operation> {
        let mut faults = Vec::new();
        self.cluster.faults(&mut faults);
        for index in 0..self.runtimes.len() {
            let process = Process::ContainerRuntime(NodeIndex(u16::try_from(index).expect("a few")));
            self.cluster.actor::<RuntimeProcess>(process).expect("it has one").faults(&mut faults);
        }
        let mut operations = Vec::new();
        self.cluster.pending(&mut operations);
        let programs = operations.iter().filter(|it| it.step == Step::Proxy(ProxyStep::Program));
        faults.extend(programs.map(|it| Operation::new(it.component, Step::Proxy(ProxyStep::FailToProgram))));
        faults
    }

    /// What is pending of a process is what is pending, of this process.
    fn check_pending(&self) {
        let (mut all, mut own) = (Vec::new(), Vec::new());
        self.cluster.pending(&mut all);
        let processes: BTreeSet<Process> = all.iter().map(|it| it.component.process()).collect();
        for process in processes {
            own.clear();
            self.cluster.pending_of(process, &mut own);
            assert!(all.iter().filter(|it| it.component.process() == process).eq(&own), "{process:?}");
        }
    }

    /// `stopped-before-gone`, `one-address-one-pod`, and one running instance of each container.
    fn check(&self) {
        self.check_pending();
        let known: BTreeSet<String> = self.pods().iter().map(|pod| pod.uid().as_str().to_owned()).collect();
        for runtime in &self.runtimes {
            let runtime = runtime.borrow();
            let mut running = BTreeSet::new();
            for (_, container) in runtime.containers().filter(|(_, it)| it.process.is_some()) {
                let uid = container.uid.as_str();
                assert!(
                    running.insert((uid, &container.status.name)),
                    "two instances of a container of {uid}"
                );
                assert!(
                    known.contains(uid) || self.forced.contains(uid),
                    "{uid} runs and its object is gone"
                );
            }
            let mut held = BTreeSet::new();
            for (_, sandbox) in runtime.sandboxes().filter(|(_, it)| it.state == SandboxState::Ready) {
                assert!(held.insert(sandbox.address), "two sandboxes hold {:?}", sandbox.address);
            }
        }
    }

    /// Steps until it is so, or so many seconds have passed.
    pub fn until(&mut self, seconds: u64, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let end = self.cluster.now() + Duration::from_secs(seconds);
        while self.cluster.now() <= end {
            if holds(self) {
                return true;
            }
            self.step();
        }
        false
    }

    pub fn eventually(&mut self, what: &str, holds: impl FnMut(&Self) -> bool) {
        let held = self.until(1_200, holds);
        let tail = self.log[self.log.len().saturating_sub(40)..].join("\n");
        assert!(held, "not in 20 minutes: {what}; {}\n{tail}", self.summary());
    }

    pub fn pass(&mut self, seconds: u64) {
        self.until(seconds, |_| false);
    }

    pub fn pods(&self) -> Vec<&Pod> {
        self.cluster.server().store().all::<Pod>().map(|(_, pod)| pod).collect()
    }

    fn summary(&self) -> String {
        let name = |pod: &&Pod| {
            let spec = pod.spec.as_ref().expect("it has one");
            let (phase, deleted) =
                (pod.status.as_ref().and_then(|it| it.phase.as_deref()), pod.is_deleting());
            format!(
                "{:?} on {:?} ready {} {phase:?} deleting {deleted}",
                pod.metadata.name,
                spec.node_name,
                is_ready(pod)
            )
        };
        self.pods().iter().map(name).collect::<Vec<_>>().join("; ")
    }

    /// Active, ready pods of this image.
    pub fn ready(&self, image: &str) -> usize {
        let of = |pod: &&Pod| {
            let spec = pod.spec.as_ref().expect("it has one");
            is_active(pod) && is_ready(pod) && spec.containers[0].image.as_deref() == Some(image)
        };
        self.pods().iter().filter(|pod| of(pod)).count()
    }

    /// The addresses that the rules of a machine send connections to.
    pub fn rules(&self, node: u16) -> BTreeSet<Ipv4Addr> {
        let proxy = self.cluster.actor::<KubeProxy>(Process::Proxy(NodeIndex(node))).expect("it has one");
        let rules = proxy.rules().get(&web());
        rules.iter().flat_map(|rules| &rules.internal).map(|it| it.address).collect()
    }

    /// The addresses of ready pods that are not being deleted.
    pub fn ready_addresses(&self) -> BTreeSet<Ipv4Addr> {
        let ready = self.pods().into_iter().filter(|pod| is_active(pod) && is_ready(pod));
        ready.filter_map(|pod| pod.status.as_ref()?.pod_ip.as_deref()?.parse().ok()).collect()
    }

    /// Every machine of these sends connections to all ready pods, and to nobody else.
    pub fn converged(&self, nodes: impl IntoIterator<Item = u16>) -> bool {
        let ready = self.ready_addresses();
        nodes.into_iter().all(|node| self.rules(node) == ready)
    }

    pub fn accepts(&self, address: Ipv4Addr) -> bool {
        self.runtimes.iter().any(|runtime| runtime.borrow().accepts(address))
    }

    pub fn call(&mut self, request: Request) {
        self.cluster.call(request).expect("it is accepted");
    }

    pub fn create(&mut self, replicas: i32, change: impl FnOnce(&mut PodSpec)) {
        let labels = [("app".to_owned(), "web".to_owned())];
        let metadata = ObjectMeta { name: text("web"), namespace: text("default"), ..ObjectMeta::default() };
        let app = Container {
            name: "app".to_owned(),
            image: text("web:1"),
            readiness_probe: Some(Probe { period_seconds: Some(1), ..Probe::default() }),
            ..Container::default()
        };
        let mut spec = PodSpec { containers: vec![app], ..PodSpec::default() };
        change(&mut spec);
        let template = PodTemplateSpec {
            metadata: Some(ObjectMeta { labels: Some(labels.clone().into()), ..ObjectMeta::default() }),
            spec: Some(spec),
        };
        let selector = LabelSelector { match_labels: Some(labels.clone().into()), match_expressions: None };
        let deployment =
            DeploymentSpec { replicas: Some(replicas), selector, template, ..DeploymentSpec::default() };
        self.call(Request::Create(Object::from(Deployment {
            metadata: metadata.clone(),
            spec: Some(deployment),
            status: None,
        })));
        let service = ServiceSpec { selector: Some(labels.into()), ..ServiceSpec::default() };
        self.call(Request::Create(Object::from(Service { metadata, spec: Some(service), status: None })));
    }

    /// The image changes.
    pub fn roll_out(&mut self, image: &str) {
        let mut deployment =
            self.cluster.server().store().get::<Deployment>(&web()).expect("it is there").clone();
        let template = &mut deployment.spec.as_mut().expect("it has one").template;
        template.spec.as_mut().expect("it has one").containers[0].image = text(image);
        deployment.metadata.resource_version = None;
        self.call(Request::Update(Object::from(deployment)));
    }

    pub fn delete(&mut self, pod: &Key, grace_seconds: Option<i64>) {
        let options = DeleteOptions { grace_seconds, preconditions: Preconditions::NONE };
        self.call(Request::Delete(Resource::Pod, pod.clone(), options));
    }

    /// A machine loses power.
    pub fn crash(&mut self, node: u16) {
        let index = NodeIndex(node);
        for process in [Process::Kubelet(index), Process::Proxy(index), Process::ContainerRuntime(index)] {
            self.cluster.stop(process);
        }
        let now = self.cluster.now();
        self.runtimes[usize::from(node)].borrow_mut().reboot(now);
        self.cluster.actor_mut::<KubeProxy>(Process::Proxy(index)).expect("it has one").reboot();
    }

    /// It boots.
    pub fn boot(&mut self, node: u16) {
        let index = NodeIndex(node);
        for process in [Process::ContainerRuntime(index), Process::Kubelet(index), Process::Proxy(index)] {
            self.cluster.start(process);
        }
    }

    /// The link between a machine and the control plane is cut, or works again.
    pub fn connect(&mut self, node: u16, connected: bool) {
        self.cluster.connect(Process::Kubelet(NodeIndex(node)), connected);
        self.cluster.connect(Process::Proxy(NodeIndex(node)), connected);
    }
}

fn node(name: &str) -> Node {
    let quantity = |name: &str, amount: &str| (name.to_owned(), Quantity(amount.to_owned()));
    let allocatable = [quantity("cpu", "4"), quantity("memory", "8Gi"), quantity("pods", "10")];
    Node {
        metadata: ObjectMeta {
            name: text(name),
            labels: Some([("kubernetes.io/hostname".to_owned(), name.to_owned())].into()),
            ..ObjectMeta::default()
        },
        status: Some(NodeStatus { allocatable: Some(allocatable.into()), ..NodeStatus::default() }),
        ..Node::default()
    }
}
