//! The kubelet of a node: admission, pod workers, PLEG, probes, status, heartbeat. It acts on its own copy of its pods
//! and on what the PLEG has last seen of the runtime, never on the store.
//!
//! - [`admission`]: may this pod run here
//! - [`pod_worker`]: from sync over terminating and terminated to finished
//! - [`container_runtime`]: containers, starting and stopping them; [`sandbox`]: what holds their network; [`addresses`]: those that were freed
//! - [`back_off`]: how long a restart waits; [`eviction`]: what the kubelet does when its node lacks resources
//! - [`pleg`]: relists, and what makes them stuck
//! - [`probes`]: startup, readiness and liveness
//! - [`status`]: what is reported of a pod, and its final deletion
//! - [`node_status`]: what is reported of the node
//!
//! Left out: static and ephemeral pods, volumes, image pulls, postStart hooks, the pod resync of 60 s, cgroups.

pub mod addresses;
pub mod admission;
pub mod back_off;
pub mod container_runtime;
pub mod eviction;
pub mod node_status;
pub mod pleg;
pub mod pod_worker;
pub mod probes;
pub mod sandbox;
pub mod status;
#[cfg(test)]
mod tests;

use podproof_vocabulary::action::{Action, Kubelet, Watcher};
use podproof_vocabulary::observation::{Hook, Phase, Process, Sandbox};
use podproof_vocabulary::scenario::ContainerKind;
use podproof_vocabulary::{NodeId, PodId};

use crate::cluster::Cluster;
use crate::scope::{Part, Parts, Scope};
use crate::state::{Container, KubeletPod, KubeletView, Worker};
use crate::watch;

/// The parts whose candidates are its.
pub const PARTS: Parts = Parts::of(&[Part::Reactions]);

/// The kubelet's process runs on a machine with power.
pub fn runs(cluster: &Cluster<'_>, node: NodeId) -> bool {
    let machine = cluster.node(node).machine;
    machine.powered() && machine.kubelet_runs()
}

/// SRC-5: with an unhealthy runtime or PLEG, or before the first relist, the sync loop does nothing: no additions, no
/// deletions, no reaction to probes.
pub fn is_frozen(cluster: &Cluster<'_>, node: NodeId) -> bool {
    let machine = cluster.node(node).machine;
    machine.unhealthy() || machine.first_relist_pending()
}

/// The node whose kubelet has to do with a pod: the one that knows it, else the one that it is bound to.
pub fn node_of(cluster: &Cluster<'_>, pod: PodId) -> Option<NodeId> {
    let column = cluster.pod(pod);
    column.kubelet.node().or(column.api.node()).filter(|node| node.index() < cluster.rules.nodes)
}

/// The pods that the kubelet or the runtime of `node` knows.
pub fn known<'c>(cluster: &'c Cluster<'_>, node: NodeId) -> impl Iterator<Item = PodId> + 'c {
    cluster.used_pods().filter(move |&pod| cluster.pod(pod).kubelet.node() == Some(node))
}

/// The steps that the kubelets can take.
pub fn candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    if scope.is_everything() {
        local_candidates(cluster, scope, out);
    } else {
        node_candidates(cluster, scope, out);
        scope.pods(cluster).for_each(|pod| reactions(cluster, pod, out));
    }
}

/// Everything that kubelets, runtimes and processes can do with the pods in `scope`.
pub fn local_candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    node_candidates(cluster, scope, out);
    scope.pods(cluster).for_each(|pod| pod_candidates(cluster, pod, out));
}

/// The steps of kubelets that are about no single pod.
fn node_candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    for node in cluster.node_ids().filter(|&node| scope.has_pod_of(cluster, node) && runs(cluster, node)) {
        pleg::candidates(cluster, scope, node, out);
        if scope.is_everything() {
            node_status::candidates(cluster, node, out);
        }
    }
}

/// The node whose kubelet has to do with a pod that somebody there knows.
fn node_that_knows(cluster: &Cluster<'_>, pod: PodId) -> Option<NodeId> {
    node_of(cluster, pod).filter(|_| cluster.pod(pod).kubelet != KubeletPod::new())
}

/// Of the steps for one pod those with which its kubelet reacts to what it has seen: the others never follow at once, but
/// for those of a [kill](may_be_killed).
fn reactions(cluster: &Cluster<'_>, pod: PodId, out: &mut Vec<Action>) {
    let Some(node) = node_that_knows(cluster, pod).filter(|&node| runs(cluster, node)) else { return };
    pod_worker::candidates(cluster, node, pod, out);
    container_runtime::stops(cluster, node, pod, out);
    probes::candidates(cluster, node, pod, out);
}

/// A kill of this pod may be under way: without, no step carries one on.
pub fn may_be_killed(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let ends = |container| {
        let state = cluster.container(pod, container);
        let by_itself = cluster.rules.container(container).kind == ContainerKind::Init;
        state.is_running() && (state.stopping() || state.sigterm() || by_itself)
    };
    matches!(cluster.pod(pod).kubelet.worker(), Worker::Terminating | Worker::Ended)
        || cluster.container_ids().any(ends)
}

/// The steps of a kubelet, and of the runtime below it, for one pod.
pub fn pod_candidates(cluster: &Cluster<'_>, pod: PodId, out: &mut Vec<Action>) {
    addresses::candidates(cluster, pod, out);
    let Some(node) = node_that_knows(cluster, pod) else { return };
    if runs(cluster, node) {
        pod_worker::candidates(cluster, node, pod, out);
        container_runtime::candidates(cluster, node, pod, out);
        probes::candidates(cluster, node, pod, out);
        status::candidates(cluster, node, pod, out);
    }
    container_runtime::process_candidates(cluster, node, pod, out);
}

/// Takes a step of a kubelet.
pub fn apply(cluster: &mut Cluster<'_>, step: Kubelet) {
    match step {
        Kubelet::BeginTermination { pod } => pod_worker::begin_termination(cluster, pod),
        Kubelet::FinishPod { pod } => pod_worker::finish(cluster, pod),
        Kubelet::ForgetPod { pod } => forget(cluster, pod),
        Kubelet::CreateSandbox { pod } => sandbox::create(cluster, pod),
        Kubelet::StartContainer { pod, container } => container_runtime::start(cluster, pod, container),
        Kubelet::StopContainer { pod, container } => container_runtime::stop(cluster, pod, container),
        Kubelet::RunPreStop { pod, container } => {
            cluster.container_mut(pod, container).set_hook(Hook::Running);
        }
        Kubelet::FinishPreStop { pod, container } => {
            cluster.container_mut(pod, container).set_hook(Hook::Done);
        }
        Kubelet::ExpireGrace { pod, container } => container_runtime::expire_grace(cluster, pod, container),
        Kubelet::SendSigterm { pod, container } => container_runtime::send_sigterm(cluster, pod, container),
        Kubelet::SendSigkill { pod, container } => {
            container_runtime::exit(cluster, pod, container, Process::ExitedError);
        }
        Kubelet::StopSandbox { pod } => sandbox::stop(cluster, pod),
        Kubelet::ReportStatus { pod } => status::report(cluster, pod),
        Kubelet::RemovePod { pod } => status::remove(cluster, pod),
        Kubelet::FlipReadiness { pod, container } => {
            let ready = cluster.container(pod, container).answers_readiness();
            cluster.container_mut(pod, container).set_probe_ready(ready);
        }
        Kubelet::PassStartup { pod, container } => {
            cluster.container_mut(pod, container).set_probe_started(true);
        }
        Kubelet::FailProbe { pod, container } => cluster.container_mut(pod, container).set_probe_failed(true),
        Kubelet::Relist { node } => pleg::relist(cluster, node),
        Kubelet::NoticeHang { node } => cluster.node_mut(node).machine.set_unhealthy(true),
        Kubelet::ReportNodeStatus { node } => node_status::report(cluster, node),
    }
}

/// News of a pod reach its kubelet and the sync loop handles them (SRC-2, SRC-8).
pub fn observe_pod(cluster: &mut Cluster<'_>, node: NodeId, pod: PodId, view: KubeletView) {
    let stored = cluster.pod(pod).api.phase();
    let kubelet = &mut cluster.pod_mut(pod).kubelet;
    let before = kubelet.view();
    kubelet.set_view(view);
    kubelet.set_node(Some(node));
    // Its own end is told once and for all; only what others wrote is gone again.
    let is_foreign = !stored.is_terminal() || kubelet.overwritten().is_some();
    let end_is_gone = before.terminal() && view.present() && !view.terminal() && is_foreign;
    kubelet.set_heard_of_end(kubelet.heard_of_end() || (end_is_gone && kubelet.worker() == Worker::Sync));
    if view.present() && !before.present() && kubelet.worker() == Worker::None {
        kubelet.set_knows_spec(true);
        // What it says first of a pod that the collector has failed already, it says without having heard of that (STM-1).
        let has_failed = stored == Phase::Failed && !view.terminal();
        kubelet.set_overwritten(has_failed.then_some(Phase::Pending));
        if view.is_deleting() {
            probes::take_up_unprobed(cluster, pod, view.ready());
        }
        // ADM-1: a pod that a worker is to stop is not asked for admission, and here it has none; nor is one that has ended.
        if view.terminal() && !cluster.rules.scenario.release.admits_ended_pods_anew() {
            return;
        }
        if !admission::admits(cluster, node, pod) {
            admission::reject(cluster, pod);
        } else if !view.is_deleting() {
            cluster.pod_mut(pod).kubelet.set_worker(Worker::Sync);
        }
        if !view.is_deleting() {
            probes::resume(cluster, pod, view.ready());
        }
    } else if kubelet.worker() == Worker::Rejected && view.present() && view.deletion() != before.deletion() {
        // ADM-12: a deletion is told to a worker, which so gets to know its spec.
        kubelet.set_knows_spec(true);
    }
}

/// The order in which a kubelet takes up what a list shows: what is gone before what is there (SRC-3), and of that the oldest first
/// (ADM): pods that run already are taken to be older than those that do not.
pub fn place_in_list(cluster: &Cluster<'_>, pod: PodId) -> u8 {
    let runs = || cluster.containers_of(pod).iter().any(|container| container.process() == Process::Running);
    match cluster.pod(pod).api.exists() {
        false => 0,
        true if runs() => 1,
        true => 2,
    }
}

/// PW-12: a worker whose pod is gone from the config is purged.
fn forget(cluster: &mut Cluster<'_>, pod: PodId) {
    cluster.pod_mut(pod).kubelet = KubeletPod::new();
    cluster.containers_of_mut(pod).fill(Container::new());
}

/// The kubelet stops: worker states, probe results, back-off, the progress of a kill and the cache are lost; the
/// containers live on (RST-1, RST-2).
pub fn stop(cluster: &mut Cluster<'_>, node: NodeId) {
    let here: Vec<_> = known(cluster, node).collect();
    for pod in here {
        let kubelet = cluster.pod(pod).kubelet;
        let remains = kubelet.sandbox() != Sandbox::None
            || cluster.containers_of(pod).iter().any(|container| container.last_process() != Process::Absent);
        if !remains {
            forget(cluster, pod);
            continue;
        }
        cluster.pod_mut(pod).kubelet = KubeletPod::new()
            .with_sandbox(kubelet.sandbox())
            .with_address(kubelet.address())
            .with_node(Some(node));
        for container in cluster.containers_of_mut(pod) {
            *container = Container::new()
                .with_process(container.process())
                .with_accepting(container.accepting())
                .with_has_listened(container.has_listened())
                .with_ended_before(container.ended_before())
                .with_ended_earlier(container.ended_earlier())
                .with_sigterm(container.sigterm())
                .with_fails_readiness(container.fails_readiness())
                .with_fails_liveness(container.fails_liveness());
        }
        status::forget_sidecars(cluster, pod);
    }
    let has_object = cluster.node(node).api.exists();
    let machine = &mut cluster.node_mut(node).machine;
    // NOD-5: the next one registers the node, if it has to.
    let must_register = machine.must_register() || (machine.kubelet_runs() && !has_object);
    machine.set_must_register(must_register);
    machine.set_kubelet_runs(false);
    machine.set_unhealthy(false);
    machine.set_first_relist_pending(false);
    machine.set_kubelet_must_list(false);
    watch::clear(cluster, Watcher::Kubelet(node));
}

/// The kubelet starts: it must list its pods and relist its containers before it does anything (SRC-6, RST-3).
pub fn start(cluster: &mut Cluster<'_>, node: NodeId) {
    let machine = &mut cluster.node_mut(node).machine;
    machine.set_kubelet_runs(true);
    machine.set_kubelet_must_list(true);
    machine.set_first_relist_pending(true);
}
