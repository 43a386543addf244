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

/// The container has passed its startup probe, or has none and runs (CND-9).
pub fn is_started(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> bool {
    let state = cluster.container(pod, container);
    state.cached() == Process::Running
        && !state.touched()
        && (cluster.rules.container(container).startup.is_none() || state.probe_started())
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
    for container in cluster.container_ids() {
        let (state, rules) = (cluster.container(pod, container), cluster.rules.container(container));
        if state.cached() != Process::Running || state.touched() {
            continue;
        }
        let started = is_started(cluster, pod, container);
        if rules.readiness.is_some() && started && state.probe_ready() != state.answers_readiness() {
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
