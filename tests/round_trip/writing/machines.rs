//! What is seen beside the API: the events of container runtimes, what processes say of themselves, the rules of nodes, and
//! what was done to the cluster.

use podproof_model::traffic;
use podproof_vocabulary::action::{Container, Environment, Kubelet, Process, Proxy};
use podproof_vocabulary::observation::Process as Ran;
use podproof_vocabulary::{ContainerId, NodeId, PodId};
use serde_json::{Map, Value, json};

use super::audit::micros;
use super::cast::{Cast, Life};
use super::template;
use super::writer::{Taken, Writer};

/// Exit code of what was killed, by SIGKILL.
const KILLED: i32 = 137;

impl Writer<'_> {
    /// The files of a node.
    pub(super) fn open_machine(&mut self, node: NodeId) {
        let (name, at) = (self.node_name(node), self.clock.now);
        let line = json!({"t_us": at, "topic": "RIG_CONNECTED", "node": name});
        self.out.note(&format!("runtime-{name}.jsonl"), at, line);
        if self.model.rules.has_proxies() {
            let line = json!({"t_us": at, "start_us": at - 20_000, "src": "sample", "endpoints": {}});
            self.out.note(&format!("proxy-{name}.jsonl"), at, line);
        }
        for file in ["app.jsonl", "faults.jsonl"] {
            self.out.open(file);
        }
    }

    /// The nodes, as a watch begins with them.
    pub(super) fn list_nodes(&mut self) {
        let items: Vec<Value> = self.store.nodes.values().cloned().collect();
        let version = self.store.version().to_string();
        let event = json!({"type": "LIST", "resourceVersion": version, "items": items});
        self.out.note("nodes.jsonl", self.clock.now, json!({"t_us": self.clock.now, "event": event}));
    }

    fn container_name(&self, container: ContainerId) -> String {
        self.scenario.workload.template.containers[container.index()].name.clone()
    }

    /// An event of the container runtime of the node that a pod runs on; none is the sandbox.
    fn note_runtime(
        &mut self,
        node: NodeId,
        pod: PodId,
        container: Option<ContainerId>,
        topic: &str,
        extra: Value,
    ) {
        let now = self.clock.now;
        let node = self.node_name(node);
        let called = self.cast.pod(pod);
        let heard = now + self.clock.rng.i64(500..3_000);
        let mut line = json!({
            "t_us": heard, "ev_us": now, "topic": topic, "node": node, "ns": self.scenario.workload.namespace,
            "pod": called.name, "uid": called.uid, "kind": "sandbox", "container_id": called.sandbox,
        });
        if let Some(container) = container {
            line["kind"] = json!("container");
            line["container"] = json!(self.container_name(container));
            line["container_id"] = json!(called.lives.get(&container).map(|life| &life.id));
        }
        if topic == "/tasks/exit" {
            line["exited_at"] = json!(micros(now));
        }
        for (name, value) in extra.as_object().into_iter().flatten() {
            line[name] = value.clone();
        }
        self.out.note(&format!("runtime-{node}.jsonl"), heard, line);
    }

    /// A process says something of itself.
    fn note_app(&mut self, node: NodeId, pod: PodId, container: ContainerId, kind: &str, extra: Value) {
        let now = self.clock.now;
        let called = self.cast.pod(pod);
        let mut line = json!({
            "t_us": now, "kind": kind, "pod": called.name, "uid": called.uid, "node": self.node_name(node),
            "container": self.container_name(container),
        });
        for (name, value) in extra.as_object().into_iter().flatten() {
            line[name] = value.clone();
        }
        self.out.note("app.jsonl", now, line);
    }

    /// Somebody does something to the cluster.
    pub(super) fn note_fault(&mut self, fault: &str, target: &str) {
        let now = self.clock.now;
        self.out.note("faults.jsonl", now, json!({"t_us": now, "fault": fault, "target": target}));
    }

    pub(super) fn runtime(&mut self, taken: &Taken<'_, '_>, step: Kubelet) {
        let node_of = |pod: PodId| taken.was.pod(pod).kubelet.node().or(taken.is.pod(pod).kubelet.node());
        match step {
            Kubelet::CreateSandbox { pod } => {
                let (Some(node), Some(address)) = (node_of(pod), taken.is.pod(pod).kubelet.address()) else {
                    return;
                };
                self.cast.give_address(node, pod, address);
                let id = Cast::id(&mut self.clock.rng);
                self.cast.pod_mut(pod).sandbox = id;
                self.note_runtime(node, pod, None, "/tasks/start", Value::Null);
            }
            Kubelet::StartContainer { pod, container } => {
                let Some(node) = node_of(pod) else { return };
                self.start_container(taken, node, pod, container);
            }
            Kubelet::RunPreStop { pod, container } => {
                let Some(node) = node_of(pod) else { return };
                self.run_hook(node, pod, container);
            }
            Kubelet::FinishPreStop { pod, container } => {
                let Some(node) = node_of(pod) else { return };
                self.end_hook(node, pod, container, 0);
            }
            Kubelet::SendSigterm { pod, container } => {
                let Some(node) = node_of(pod) else { return };
                self.note_app(node, pod, container, "signal", json!({"sig": "terminated", "n": 1}));
            }
            Kubelet::SendSigkill { pod, container } => {
                let Some(node) = node_of(pod) else { return };
                self.exit(node, pod, container, KILLED);
            }
            Kubelet::StopSandbox { pod } => {
                let was_ready = taken.before.slots[pod.index()].sandbox.address.is_some();
                let (Some(node), true) = (node_of(pod), was_ready) else { return };
                if taken.was.pod(pod).kubelet.sandbox() == podproof_vocabulary::observation::Sandbox::Ready {
                    self.note_runtime(node, pod, None, "/tasks/exit", json!({"exit_status": KILLED}));
                }
            }
            _ => {}
        }
    }

    fn start_container(&mut self, taken: &Taken<'_, '_>, node: NodeId, pod: PodId, container: ContainerId) {
        let (id, now) = (Cast::id(&mut self.clock.rng), self.clock.now);
        let lives = &mut self.cast.pod_mut(pod).lives;
        let starts = lives.get(&container).map_or(0, |life| life.starts) + 1;
        lives.insert(container, Life { id, starts, started: now, exited: 0, code: 0, exec: None });
        self.note_runtime(node, pod, Some(container), "/tasks/start", json!({"pid": 4000}));
        let after = taken.after.slots[pod.index()].containers[container.index()];
        self.note_app(node, pod, container, "started", json!({"pid": 1}));
        if after.accepting {
            self.note_app(node, pod, container, "listening", Value::Null);
        }
        if after.process.has_exited() {
            self.exit(node, pod, container, 1);
        }
    }

    fn run_hook(&mut self, node: NodeId, pod: PodId, container: ContainerId) {
        let hook = self.scenario.workload.template.containers[container.index()].pre_stop;
        if !hook.is_some_and(|hook| template::is_exec(self.scenario, hook)) {
            return;
        }
        let id = Cast::id(&mut self.clock.rng);
        self.note_runtime(node, pod, Some(container), "/tasks/exec-started", json!({"exec_id": id}));
        if let Some(life) = self.cast.pod_mut(pod).lives.get_mut(&container) {
            life.exec = Some(id);
        }
    }

    /// The command of a hook ends, if it runs.
    fn end_hook(&mut self, node: NodeId, pod: PodId, container: ContainerId, code: i32) {
        let life = self.cast.pod_mut(pod).lives.get_mut(&container);
        if let Some(id) = life.and_then(|life| life.exec.take()) {
            let extra = json!({"exec_id": id, "exit_status": code});
            self.note_runtime(node, pod, Some(container), "/tasks/exit", extra);
        }
    }

    /// A process ends.
    fn exit(&mut self, node: NodeId, pod: PodId, container: ContainerId, code: i32) {
        // What runs beside it dies with it.
        self.end_hook(node, pod, container, KILLED);
        let now = self.clock.now;
        if let Some(life) = self.cast.pod_mut(pod).lives.get_mut(&container) {
            (life.exited, life.code) = (now, code);
        }
        if code != KILLED {
            self.note_app(node, pod, container, "exit", json!({"code": code}));
        }
        self.note_runtime(node, pod, Some(container), "/tasks/exit", json!({"exit_status": code}));
    }

    pub(super) fn process(&mut self, taken: &Taken<'_, '_>, step: Container) {
        let node_of = |pod: PodId| taken.was.pod(pod).kubelet.node();
        match step {
            Container::Listen { pod, container } => {
                let Some(node) = node_of(pod) else { return };
                self.note_app(node, pod, container, "listening", Value::Null);
            }
            Container::Exit { pod, container } => {
                let Some(node) = node_of(pod) else { return };
                self.exit(node, pod, container, 0);
            }
            Container::ReuseAddress { .. } => {}
        }
    }

    pub(super) fn proxy(&mut self, taken: &Taken<'_, '_>, step: Proxy) {
        let Proxy::ProgramRules { node } = step;
        let Some(service) = &self.scenario.service else { return };
        let destinations: Vec<Value> = traffic::destinations(self.scenario, taken.after, node)
            .map(|(pod, endpoint)| json!(format!("{}:8080", self.cast.address(pod, endpoint.address))))
            .collect();
        let key = format!("{}/{}", self.scenario.workload.namespace, service.name);
        let mut endpoints = Map::new();
        if !destinations.is_empty() {
            endpoints.insert(key, json!(destinations));
        }
        let (name, moments) = (self.node_name(node), self.clock.moments());
        let line = json!({
            "t_us": self.clock.now, "start_us": moments.received, "src": "restore", "rc": 0, "endpoints": endpoints,
        });
        self.out.note(&format!("proxy-{name}.jsonl"), self.clock.now, line);
    }

    /// A process is up again.
    pub(super) fn start(&mut self, step: Process) {
        match step {
            Process::StartKubelet { node } => {
                let name = self.node_name(node);
                self.note_fault("start-kubelet", &name);
            }
            Process::StartApiServer => self.note_fault("apiserver-ready", "apiserver"),
            Process::StartScheduler => self.note_fault("start-scheduler", "scheduler"),
            Process::StartControllerManager => self.note_fault("start-kcm", "kcm"),
        }
    }

    /// Something happens to the cluster beside the API.
    pub(super) fn befall(&mut self, taken: &Taken<'_, '_>, step: Environment) {
        let of_node = match step {
            Environment::CrashNode { node } => Some(("poweroff-node", node)),
            Environment::ReturnNode { node } => Some(("poweron-node", node)),
            Environment::PartitionNode { node } => Some(("partition-start", node)),
            Environment::HealPartition { node } => Some(("partition-heal", node)),
            Environment::StopKubelet { node } => Some(("sigterm-kubelet", node)),
            Environment::HangRuntime { node } => Some(("sigstop-containerd", node)),
            Environment::RecoverRuntime { node } => Some(("sigcont-containerd", node)),
            _ => None,
        };
        if let Some((fault, node)) = of_node {
            let name = self.node_name(node);
            self.note_fault(fault, &name);
        }
        match step {
            Environment::CrashNode { node } => self.lose_power(taken, node),
            Environment::CrashContainer { pod, container }
            | Environment::FinishContainer { pod, container } => {
                let Some(node) = taken.was.pod(pod).kubelet.node() else { return };
                let ended = taken.after.slots[pod.index()].containers[container.index()].process;
                self.exit(node, pod, container, i32::from(ended == Ran::ExitedError));
            }
            Environment::KillSandbox { pod } => {
                let Some(node) = taken.was.pod(pod).kubelet.node() else { return };
                let target = format!("Pod/{}", self.cast.pod(pod).name);
                self.note_fault("sigkill-sandbox", &target);
                self.note_runtime(node, pod, None, "/tasks/exit", json!({"exit_status": KILLED}));
            }
            Environment::ChangeReadiness { pod, .. } => {
                let target = self.cast.pod(pod).name.clone();
                self.note_fault("readiness-off", &target);
            }
            Environment::ChangeLiveness { pod, .. } => {
                let target = self.cast.pod(pod).name.clone();
                self.note_fault("liveness-off", &target);
            }
            Environment::StopApiServer => self.note_fault("apiserver-exited", "apiserver"),
            Environment::StopScheduler => self.note_fault("sigterm-scheduler", "scheduler"),
            Environment::StopControllerManager => self.note_fault("sigterm-kcm", "kcm"),
            _ => {}
        }
    }

    /// What runs on a node dies with it, and nobody is left to write that down.
    fn lose_power(&mut self, taken: &Taken<'_, '_>, node: NodeId) {
        let now = self.clock.now;
        for pod in taken.was.used_pods().filter(|&pod| taken.was.pod(pod).kubelet.node() == Some(node)) {
            for container in taken.was.container_ids() {
                if taken.was.container(pod, container).is_running()
                    && let Some(life) = self.cast.pod_mut(pod).lives.get_mut(&container)
                {
                    (life.exited, life.code, life.exec) = (now, 255, None);
                }
            }
        }
    }
}
