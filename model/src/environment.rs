//! What happens *to* the cluster: operators and faults, each with a budget, and the story.

mod scale;
#[cfg(test)]
mod tests;

use podproof_vocabulary::action::{Action, Environment, LostWrite, Watcher};
use podproof_vocabulary::event::{Budget, EventName};
use podproof_vocabulary::observation::{Process, Sandbox};
use podproof_vocabulary::scenario::{ContainerKind, WorkloadKind};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use crate::api_server::pods::{self, Grace};
use crate::cluster::Cluster;
use crate::controllers::{self, node_lifecycle, replica_set};
use crate::kubelet::{self, container_runtime};
use crate::state::{Container, Endpoint, KubeletPod, Machine, NodeObject, ProxyPod, Worker};
use crate::{drain, scheduler, watch};

/// The event that a step of the environment is an instance of.
pub fn event_of(step: &Environment) -> EventName {
    match step {
        Environment::ChangeTemplate => EventName::Rollout,
        Environment::Scale | Environment::ScaleTo { .. } => EventName::Scale,
        Environment::DeletePod { .. } => EventName::DeletePod,
        Environment::ForceDeletePod { .. } => EventName::ForceDeletePod,
        Environment::EvictPod { .. } => EventName::EvictPod,
        Environment::CordonNode { .. } => EventName::CordonNode,
        Environment::UncordonNode { .. } => EventName::UncordonNode,
        Environment::DrainNode { .. } => EventName::DrainNode,
        Environment::TaintNode { .. } => EventName::TaintNode,
        Environment::UntaintNode { .. } => EventName::UntaintNode,
        Environment::RelabelNode { .. } => EventName::LabelNode,
        Environment::AddNode { .. } => EventName::AddNode,
        Environment::RemoveNode { .. } => EventName::RemoveNode,
        Environment::CrashNode { .. } => EventName::NodeCrash,
        Environment::ReturnNode { .. } => EventName::NodeReturn,
        Environment::PartitionNode { .. } => EventName::NodePartition,
        Environment::HealPartition { .. } => EventName::PartitionHeal,
        Environment::StopKubelet { .. } => EventName::KubeletRestart,
        Environment::CrashContainer { .. } => EventName::ContainerCrash,
        Environment::FinishContainer { .. } => EventName::ContainerExit,
        Environment::ChangeReadiness { .. } => EventName::ReadinessChange,
        Environment::ChangeLiveness { .. } => EventName::LivenessChange,
        Environment::KillSandbox { .. } => EventName::SandboxDeath,
        Environment::HangRuntime { .. } => EventName::RuntimeHang,
        Environment::RecoverRuntime { .. } => EventName::RuntimeRecovery,
        Environment::FailCni { .. } => EventName::CniFailure,
        Environment::BreakWatches { .. } => EventName::WatchBreak,
        Environment::LoseResponse { .. } => EventName::LostResponse,
        Environment::StopControllerManager => EventName::ControllerManagerRestart,
        Environment::StopScheduler => EventName::SchedulerRestart,
        Environment::StopProxy { .. } => EventName::ProxyStop,
        Environment::StopApiServer => EventName::ApiServerRestart,
        Environment::EvictUnderPressure { .. } => EventName::ResourcePressure,
    }
}

/// A repair that the story promises: fair, and possible when the cluster is quiet.
pub fn is_promised(cluster: &Cluster<'_>, step: &Environment) -> bool {
    cluster.rules.scenario.story.promises() == Some(event_of(step))
}

/// The story's event, where it may happen now.
fn due_event(cluster: &Cluster<'_>, quiet: bool) -> Option<EventName> {
    let may_begin = quiet && !cluster.shared.control_plane.story_told();
    cluster.rules.scenario.story.event().filter(|_| may_begin)
}

/// The steps that the environment can take. `quiet`: no component can, but for slow timers.
pub fn candidates(cluster: &Cluster<'_>, quiet: bool, out: &mut Vec<Action>) {
    let due = due_event(cluster, quiet);
    let promised = cluster.rules.scenario.story.promises().filter(|_| quiet);
    for &event in &cluster.rules.events {
        let has_budget = cluster.shared.events_left[event as usize] > 0;
        let is_due = due == Some(event);
        let scales_by_itself = is_due && event == EventName::Scale;
        if scales_by_itself {
            out.extend(scale::of_the_story(cluster).map(Action::Environment));
        }
        let is_its_own = scales_by_itself && scale::is_the_storys_own(&cluster.rules.scenario);
        if has_budget || (is_due && !is_its_own) || promised == Some(event) {
            targets(cluster, event, out);
        }
    }
}

fn targets(cluster: &Cluster<'_>, event: EventName, out: &mut Vec<Action>) {
    let mut push = |step| out.push(Action::Environment(step));
    let workload = &cluster.rules.scenario.workload;
    let api_answers = crate::api_server::answers(cluster);
    match event {
        EventName::Rollout => {
            let deployment = cluster.shared.deployment;
            let template = next_template(cluster);
            if api_answers
                && deployment.exists()
                && template != deployment.revision()
                && usize::from(template) < cluster.rules.revisions
            {
                push(Environment::ChangeTemplate);
            }
        }
        EventName::Scale => {
            if api_answers && workload.kind != WorkloadKind::Pod {
                scale::targets(cluster, push);
            }
        }
        EventName::DeletePod | EventName::ForceDeletePod | EventName::EvictPod if api_answers => {
            for pod in cluster.used_pods() {
                let (object, head) = (cluster.pod(pod).api, cluster.pod(pod).head);
                let lives = object.exists() && !object.is_deleting();
                match event {
                    EventName::DeletePod if lives => push(Environment::DeletePod { pod }),
                    EventName::EvictPod if lives && !head.drain_listed() => {
                        push(Environment::EvictPod { pod });
                    }
                    EventName::ForceDeletePod if object.exists() => push(Environment::ForceDeletePod { pod }),
                    _ => {}
                }
            }
        }
        EventName::ContainerCrash
        | EventName::ContainerExit
        | EventName::ReadinessChange
        | EventName::LivenessChange
        | EventName::SandboxDeath
        | EventName::ResourcePressure => {
            pod_targets(cluster, event, push);
        }
        EventName::WatchBreak => {
            let nodes = cluster.node_ids().flat_map(|node| [Watcher::Kubelet(node), Watcher::Proxy(node)]);
            let watchers = [Watcher::Scheduler, Watcher::ControllerManager].into_iter().chain(nodes);
            for watcher in watchers.filter(|&watcher| watch::receives(cluster, watcher)) {
                push(Environment::BreakWatches { watcher });
            }
        }
        EventName::LostResponse if api_answers => lost_writes(cluster, |write| {
            for committed in [false, true] {
                push(Environment::LoseResponse { write, committed });
            }
        }),
        EventName::ControllerManagerRestart if controllers::run(cluster) => {
            push(Environment::StopControllerManager);
        }
        EventName::SchedulerRestart if !cluster.shared.control_plane.scheduler_down() => {
            push(Environment::StopScheduler);
        }
        EventName::ApiServerRestart if api_answers => push(Environment::StopApiServer),
        EventName::ControllerManagerRestart
        | EventName::SchedulerRestart
        | EventName::ApiServerRestart
        | EventName::LostResponse
        | EventName::DeletePod
        | EventName::ForceDeletePod
        | EventName::EvictPod => {}
        _ => {
            for node in cluster.node_ids() {
                if let Some(step) = node_target(cluster, event, node, api_answers) {
                    push(step);
                }
            }
        }
    }
}

fn pod_targets(cluster: &Cluster<'_>, event: EventName, mut push: impl FnMut(Environment)) {
    for pod in cluster.used_pods() {
        let kubelet = cluster.pod(pod).kubelet;
        match event {
            EventName::SandboxDeath if kubelet.sandbox() == Sandbox::Ready => {
                push(Environment::KillSandbox { pod });
            }
            EventName::ResourcePressure if kubelet.worker() == Worker::Sync && !kubelet.evicted() => {
                let runs = kubelet.node().is_some_and(|node| kubelet::runs(cluster, node));
                if runs {
                    push(Environment::EvictUnderPressure { pod });
                }
            }
            _ => {
                let running = |&container: &ContainerId| cluster.container(pod, container).is_running();
                for container in cluster.container_ids().filter(running) {
                    if let Some(step) = container_target(cluster, event, pod, container) {
                        push(step);
                    }
                }
            }
        }
    }
}

/// What may happen to a container that runs.
fn container_target(
    cluster: &Cluster<'_>,
    event: EventName,
    pod: PodId,
    container: ContainerId,
) -> Option<Environment> {
    let rules = cluster.rules.container(container);
    let (possible, step) = match event {
        EventName::ContainerCrash => (true, Environment::CrashContainer { pod, container }),
        EventName::ContainerExit => {
            (rules.kind == ContainerKind::App, Environment::FinishContainer { pod, container })
        }
        EventName::ReadinessChange => {
            (rules.readiness.is_some(), Environment::ChangeReadiness { pod, container })
        }
        EventName::LivenessChange => {
            (rules.liveness.is_some(), Environment::ChangeLiveness { pod, container })
        }
        _ => return None,
    };
    possible.then_some(step)
}

fn node_target(
    cluster: &Cluster<'_>,
    event: EventName,
    node: NodeId,
    api_answers: bool,
) -> Option<Environment> {
    let column = cluster.node(node);
    let (object, machine) = (column.api, column.machine);
    let in_api = object.exists() && api_answers;
    let (possible, step) = match event {
        EventName::CordonNode => (in_api && !object.unschedulable(), Environment::CordonNode { node }),
        EventName::UncordonNode => (in_api && object.unschedulable(), Environment::UncordonNode { node }),
        EventName::DrainNode => {
            // DRN-2: unmanaged pods are refused without --force.
            let managed = cluster.rules.scenario.workload.kind != WorkloadKind::Pod;
            let free = cluster.shared.control_plane.draining().is_none();
            (in_api && managed && free, Environment::DrainNode { node })
        }
        EventName::TaintNode => (in_api && !object.custom(), Environment::TaintNode { node }),
        EventName::UntaintNode => (in_api && object.custom(), Environment::UntaintNode { node }),
        EventName::LabelNode => {
            let has_others = cluster.rules.scenario.nodes[node.index()].later_labels.is_some();
            (in_api && has_others, Environment::RelabelNode { node })
        }
        EventName::AddNode => (!column.has_joined() && api_answers, Environment::AddNode { node }),
        EventName::RemoveNode => (in_api, Environment::RemoveNode { node }),
        EventName::NodeCrash => (machine.powered(), Environment::CrashNode { node }),
        EventName::NodeReturn => {
            (column.has_joined() && !machine.powered(), Environment::ReturnNode { node })
        }
        EventName::NodePartition => {
            (machine.powered() && machine.connected(), Environment::PartitionNode { node })
        }
        EventName::PartitionHeal => {
            (machine.powered() && !machine.connected(), Environment::HealPartition { node })
        }
        EventName::KubeletRestart => (kubelet::runs(cluster, node), Environment::StopKubelet { node }),
        EventName::RuntimeHang => (machine.powered() && !machine.hung(), Environment::HangRuntime { node }),
        EventName::RuntimeRecovery => {
            (machine.powered() && machine.hung(), Environment::RecoverRuntime { node })
        }
        EventName::CniFailure => (machine.powered() && !machine.cni_failed(), Environment::FailCni { node }),
        EventName::ProxyStop => (machine.powered() && machine.proxy_runs(), Environment::StopProxy { node }),
        _ => unreachable!("{event} has no node"),
    };
    possible.then_some(step)
}

fn lost_writes(cluster: &Cluster<'_>, mut push: impl FnMut(LostWrite)) {
    if controllers::run(cluster) {
        for revision in cluster.revision_ids() {
            if cluster.replica_set(revision).creations_left() > 0 {
                push(LostWrite::CreatePod { revision });
            }
        }
        for pod in cluster.used_pods().filter(|&pod| cluster.pod(pod).controller.deletion_planned()) {
            push(LostWrite::DeletePod { pod });
        }
    }
    if !cluster.shared.control_plane.scheduler_down() {
        for pod in cluster.used_pods() {
            let scheduler = cluster.pod(pod).scheduler;
            if scheduler.assumed().is_some() && !scheduler.bound() {
                push(LostWrite::BindPod { pod });
            }
        }
    }
}

/// The template that the next `rollout` event changes to. A ReplicaSet of one that there was is that of the Deployment again: it is
/// found by its template (S28 `pkg/controller/deployment/util/deployment_util.go` `FindNewReplicaSet`).
fn next_template(cluster: &Cluster<'_>) -> u8 {
    let scenario = &cluster.rules.scenario;
    let left = cluster.shared.events_left[EventName::Rollout as usize];
    let done = scenario.events.count(EventName::Rollout).saturating_sub(left);
    let named = scenario.rollouts.get(usize::from(done)).copied();
    named.unwrap_or_else(|| cluster.shared.deployment.revision().saturating_add(1))
}

/// Something happens; its budget, or the story, is spent.
pub fn apply(cluster: &mut Cluster<'_>, step: Environment) {
    let template = next_template(cluster);
    spend(cluster, &step);
    match step {
        Environment::ChangeTemplate => {
            cluster.shared.deployment.set_revision(template);
            cluster.shared.deployment = cluster.shared.deployment.without_condition();
            watch::publish_deployment(cluster);
        }
        Environment::Scale => {
            if let Some(target) = scale::scaled(cluster) {
                scale::apply(cluster, target);
            }
        }
        Environment::ScaleTo { replicas } => scale::apply(cluster, replicas),
        Environment::DeletePod { pod } => pods::delete(cluster, pod, Grace::Own),
        Environment::ForceDeletePod { pod } => pods::delete(cluster, pod, Grace::Zero),
        Environment::EvictPod { pod } => drain::list_pod(cluster, pod),
        Environment::CordonNode { node } => {
            node_lifecycle::update(cluster, node, |object| object.with_unschedulable(true));
        }
        // DRN-1: the taint goes by a write of the node lifecycle controller's own (NLC-13).
        Environment::UncordonNode { node } => {
            node_lifecycle::update(cluster, node, |object| object.with_unschedulable(false));
        }
        Environment::DrainNode { node } => {
            node_lifecycle::update(cluster, node, |object| object.with_unschedulable(true));
            cluster.shared.control_plane.set_draining(Some(node));
            cluster.shared.control_plane.set_drain_must_list(true);
        }
        Environment::TaintNode { node } => {
            node_lifecycle::update(cluster, node, |object| object.with_custom(true));
        }
        // TEC-1: without a NoExecute taint the timers of the node's pods are cancelled.
        Environment::UntaintNode { node } => {
            node_lifecycle::update(cluster, node, |object| object.with_custom(false));
        }
        // F-13: nobody is told but those who watch nodes; pods that run stay where they are.
        Environment::RelabelNode { node } => {
            node_lifecycle::update(cluster, node, |object| object.with_relabelled(!object.relabelled()));
        }
        Environment::AddNode { node } => {
            // Its kubelet and its kube-proxy begin with a list.
            cluster.node_mut(node).machine =
                running_machine().with_kubelet_must_list(true).with_proxy_must_list(true);
            node_lifecycle::update(cluster, node, |object| object.with_exists(true));
        }
        Environment::RemoveNode { node } => remove(cluster, node),
        Environment::CrashNode { node } => crash(cluster, node),
        Environment::ReturnNode { node } => {
            // The kubelet starts by itself, in a step of its own (NF-1, SBX-3).
            let machine = &mut cluster.node_mut(node).machine;
            *machine = Machine::new()
                .with_powered(true)
                .with_connected(true)
                .with_proxy_runs(true)
                .with_proxy_must_list(true)
                .with_must_register(machine.must_register());
        }
        Environment::PartitionNode { node } => {
            cluster.node_mut(node).machine.set_connected(false);
        }
        // MOD-1, API-33, NF-13: kubelet and kube-proxy come back on their own, each where its watch was: in the recording of a
        // partition a kube-proxy programs one after the other what lay between. With too much between (API-36) it must list.
        Environment::HealPartition { node } => cluster.node_mut(node).machine.set_connected(true),
        Environment::StopKubelet { node } => kubelet::stop(cluster, node),
        Environment::CrashContainer { pod, container } => {
            container_runtime::exit(cluster, pod, container, Process::ExitedError);
        }
        // CPA-9: whether it is started again is up to the restart policy; CLB-4: the back-off asks for no exit code.
        Environment::FinishContainer { pod, container } => {
            container_runtime::exit(cluster, pod, container, Process::ExitedOk);
        }
        // F-17: what the app tells the probe is the app's own affair, and a new process tells it anew.
        Environment::ChangeReadiness { pod, container } => {
            let state = cluster.container_mut(pod, container);
            state.set_fails_readiness(!state.fails_readiness());
        }
        Environment::ChangeLiveness { pod, container } => {
            let state = cluster.container_mut(pod, container);
            state.set_fails_liveness(!state.fails_liveness());
        }
        Environment::KillSandbox { pod } => {
            // SBX-2: the containers live on until the kubelet notices; and so does the network, which goes only with
            // StopPodSandbox: the app of the recording of a killed sandbox answers until it gets its SIGTERM.
            cluster.pod_mut(pod).kubelet.set_sandbox(Sandbox::Dead);
            if cluster.pod(pod).kubelet.evicted() {
                kubelet::eviction::hold_back(cluster, pod);
            }
        }
        Environment::HangRuntime { node } => cluster.node_mut(node).machine.set_hung(true),
        // PLEG-24: the relist that was stuck comes to its end.
        Environment::RecoverRuntime { node } => cluster.node_mut(node).machine.set_hung(false),
        Environment::FailCni { node } => cluster.node_mut(node).machine.set_cni_failed(true),
        Environment::BreakWatches { watcher } => watch::break_watches(cluster, watcher),
        Environment::LoseResponse { write, committed } => match write {
            LostWrite::CreatePod { revision } => replica_set::lose_creation(cluster, revision, committed),
            LostWrite::DeletePod { pod } => replica_set::lose_deletion(cluster, pod, committed),
            LostWrite::BindPod { pod } => scheduler::lose_binding(cluster, pod, committed),
        },
        Environment::StopControllerManager => controllers::stop(cluster),
        Environment::StopScheduler => scheduler::stop(cluster),
        Environment::StopProxy { node } => {
            cluster.node_mut(node).machine.set_proxy_runs(false);
            watch::clear(cluster, Watcher::Proxy(node));
            for pod in cluster.pod_ids() {
                cluster.proxy_mut(node, pod).view = Endpoint::new();
            }
        }
        Environment::StopApiServer => stop_api_server(cluster),
        // EVM-7: no deletionTimestamp; the kubelet kills it and then reports Failed.
        Environment::EvictUnderPressure { pod } => kubelet::eviction::evict(cluster, pod),
    }
}

fn spend(cluster: &mut Cluster<'_>, step: &Environment) {
    let event = event_of(step);
    if matches!(step, Environment::ScaleTo { .. }) && scale::is_the_storys_own(&cluster.rules.scenario) {
        cluster.shared.control_plane.set_story_told(true);
        return;
    }
    let left = &mut cluster.shared.events_left[event as usize];
    match *left {
        Budget::NO_BOUND => {}
        1.. => *left -= 1,
        0 if cluster.rules.scenario.story.event() == Some(event) => {
            cluster.shared.control_plane.set_story_told(true);
        }
        0 => {}
    }
}

/// A machine with everything on it running.
pub fn running_machine() -> Machine {
    Machine::new().with_powered(true).with_connected(true).with_kubelet_runs(true).with_proxy_runs(true)
}

/// Somebody, or a cloud controller, deletes a Node object (NF-2): nobody asks its machine, and nothing on that stops. A kubelet that
/// runs goes on with its pods, and its reports of the node are refused as there is none; it registers the node when it starts, and never
/// again (S28 `pkg/kubelet/kubelet_node_status.go` `registerWithAPIServer`, `registrationCompleted`; kubernetes/kubernetes#71398).
fn remove(cluster: &mut Cluster<'_>, node: NodeId) {
    node_lifecycle::update(cluster, node, |_| NodeObject::new());
    let machine = &mut cluster.node_mut(node).machine;
    machine.set_must_register(!machine.kubelet_runs());
}

/// Power is lost: containers, kubelet, kube-proxy and rules die at once. What a node that never returns remembers is
/// of no consequence and is dropped.
fn crash(cluster: &mut Cluster<'_>, node: NodeId) {
    kubelet::stop(cluster, node);
    let returns = cluster.rules.nodes_may_return();
    let here: Vec<PodId> = kubelet::known(cluster, node).collect();
    for pod in here {
        if !returns {
            cluster.pod_mut(pod).kubelet = KubeletPod::new();
            cluster.containers_of_mut(pod).fill(Container::new());
            continue;
        }
        let kubelet = &mut cluster.pod_mut(pod).kubelet;
        if kubelet.sandbox() == Sandbox::Ready {
            kubelet.set_sandbox(Sandbox::Dead);
        }
        kubelet.set_address(None);
        for container in cluster.container_ids() {
            if cluster.container(pod, container).is_running() {
                container_runtime::exit(cluster, pod, container, Process::ExitedError);
            }
        }
    }
    let machine = &mut cluster.node_mut(node).machine;
    *machine = Machine::new().with_must_register(machine.must_register());
    watch::clear(cluster, Watcher::Proxy(node));
    for pod in cluster.pod_ids() {
        *cluster.proxy_mut(node, pod) = ProxyPod::default();
    }
}

/// Every watch ends; with the new watch cache every client has to list again (API-36; seen in the recording of a
/// restart), one whose link is cut as soon as it reaches the server.
fn stop_api_server(cluster: &mut Cluster<'_>) {
    cluster.shared.control_plane.set_api_server_down(true);
    let nodes = cluster.node_ids().flat_map(|node| [Watcher::Kubelet(node), Watcher::Proxy(node)]);
    let watchers: Vec<_> =
        [Watcher::Scheduler, Watcher::ControllerManager].into_iter().chain(nodes).collect();
    for watcher in watchers {
        if watch::follows(cluster, watcher) {
            watch::break_watches(cluster, watcher);
        }
    }
}
