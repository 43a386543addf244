//! Probes: startup, readiness, liveness. A probe succeeds exactly if the container accepts connections, unless the app
//! itself fails its readiness or its liveness probe.
//!
//! Source: S28 `pkg/kubelet/prober`. A result is one step: the moment at which its threshold is reached (PRB-4). The
//! results reach the API only with the pod's status (PRB-9).

use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::observation::Process;
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::is_frozen;
use crate::cluster::Cluster;
use crate::state::Worker;

/// The containers of a pod are being stopped, and one runs still: the sync that stops them makes no status, and all count as they did when
/// it began, but for what a probe finds (STP-1 to STP-6, PW-14, CND-10). Where there is one container alone, its end is that of the pod.
fn are_being_stopped(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let containers = cluster.containers_of(pod);
    containers.len() > 1
        && cluster.pod(pod).kubelet.worker() == Worker::Terminating
        && containers.iter().any(|container| container.cached() == Process::Running)
}

/// The container has passed its startup probe, or has none and runs (CND-9).
pub fn is_started(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> bool {
    let state = cluster.container(pod, container);
    if are_being_stopped(cluster, pod) {
        return state.started_before_kill();
    }
    is_started_by_the_cache(cluster, pod, container)
}

fn is_started_by_the_cache(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> bool {
    let state = cluster.container(pod, container);
    state.cached() == Process::Running
        && !state.touched()
        && (cluster.rules.container(container).startup.is_none() || state.probe_started())
}

/// The pod begins to be stopped: what has started by now counts as started until all has stopped.
pub fn keep_what_has_started(cluster: &mut Cluster<'_>, pod: PodId) {
    if cluster.containers_of(pod).len() < 2 {
        return;
    }
    for container in cluster.container_ids() {
        let started = is_started_by_the_cache(cluster, pod, container);
        cluster.container_mut(pod, container).set_started_before_kill(started);
    }
}

/// A relist has looked at the containers of a pod: the prober of one that does not run has nothing to say for it (PRB-6), but while
/// others of its pod are being stopped it goes on, and finds nobody.
pub fn forget_what_has_ended(cluster: &mut Cluster<'_>, pod: PodId) {
    let being_stopped = are_being_stopped(cluster, pod);
    for container in cluster.containers_of_mut(pod) {
        if container.is_running() || (being_stopped && container.started_before_kill()) {
            continue;
        }
        container.set_probe_ready(false);
        container.set_probe_started(false);
        container.set_probe_failed(false);
        container.set_started_before_kill(false);
        container.set_unprobed(false);
    }
}

/// The container is ready (CND-9): its readiness probe says so, or it has none and has started.
pub fn is_ready(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> bool {
    is_started(cluster, pod, container)
        && (cluster.rules.container(container).readiness.is_none()
            || cluster.container(pod, container).probe_ready())
}

/// The results that probes of `pod` can come to.
pub fn candidates(cluster: &Cluster<'_>, node: NodeId, pod: PodId, out: &mut Vec<Action>) {
    let worker = cluster.pod(pod).kubelet.worker();
    // PRB-10: startup and liveness end when termination begins; readiness goes on until the containers have stopped.
    if !matches!(worker, Worker::Sync | Worker::Terminating) || is_frozen(cluster, node) {
        return;
    }
    // EVM-7: a pod that its kubelet evicts has Failed for its status manager, though the API is not told yet (STM-4), and a prober ends
    // with the phase (S28 `prober/worker.go` `doProbe`; kubernetes/kubernetes#124648).
    let has_failed = cluster.pod(pod).kubelet.evicted();
    if worker == Worker::Terminating && has_failed {
        return;
    }
    for container in cluster.container_ids() {
        let (state, rules) = (cluster.container(pod, container), cluster.rules.container(container));
        let started = is_started(cluster, pod, container);
        let is_seen_running = state.cached() == Process::Running && !state.touched();
        if !started && !is_seen_running {
            continue;
        }
        let may_flip = rules.readiness.is_some() && started && !state.unprobed();
        if may_flip && state.probe_ready() != state.answers_readiness() {
            out.push(Action::Kubelet(Kubelet::FlipReadiness { pod, container }));
        }
        if worker != Worker::Sync {
            continue;
        }
        // PRB-7: one that has failed for good waits for a new container.
        if !started && state.accepting() && !state.probe_failed() {
            out.push(Action::Kubelet(Kubelet::PassStartup { pod, container }));
        }
        let fails = match started {
            true => rules.liveness.is_some() && !state.answers_liveness(),
            false => rules.startup.is_some() && !state.accepting(),
        };
        // The detector is accurate: it fires while the container does not accept, or the app fails it, and not before one
        // that is on its way could have been found late (timers that one process started together keep their order).
        let may_fail = state.has_listened()
            || (started && state.fails_liveness())
            || rules.may_fail_before_listening
            || cluster.rules.scenario.inaccurate_detectors;
        if fails && state.is_running() && !state.stopping() && !state.probe_failed() && may_fail {
            out.push(Action::Kubelet(Kubelet::FailProbe { pod, container }));
        }
    }
}

/// A restarted kubelet takes up a pod whose containers run: from 1.35 on with the readiness that it finds in the API,
/// before that as not ready (PRB-12). From 1.35 on they count as started, too, also those that have not passed their startup probe
/// (kubernetes/kubernetes#142305): the first status is made before that probe has a worker, and is kept.
pub fn resume(cluster: &mut Cluster<'_>, pod: PodId, ready: bool) {
    if !cluster.rules.scenario.release.keeps_readiness_over_kubelet_restart() {
        return;
    }
    for container in cluster.container_ids() {
        let rules = cluster.rules.container(container);
        let state = cluster.container_mut(pod, container);
        if state.is_running() {
            state.set_probe_ready(ready && rules.readiness.is_some());
            state.set_probe_started(rules.startup.is_some());
        }
    }
}

/// A restarted kubelet takes up a pod that is to end: a worker for its probes begins with a sync that never comes (SP-8; S28 `SyncPod` is
/// the only one to call `AddPod`). Without one a container that runs counts as started and ready; from 1.35 on its readiness is what the
/// API says (PRB-12).
pub fn take_up_unprobed(cluster: &mut Cluster<'_>, pod: PodId, ready: bool) {
    let counts = ready || !cluster.rules.scenario.release.keeps_readiness_over_kubelet_restart();
    for container in cluster.container_ids() {
        let rules = cluster.rules.container(container);
        let state = cluster.container_mut(pod, container);
        if state.is_running() {
            state.set_probe_started(rules.startup.is_some());
            state.set_probe_ready(counts && rules.readiness.is_some());
            state.set_unprobed(rules.readiness.is_some());
        }
    }
}
