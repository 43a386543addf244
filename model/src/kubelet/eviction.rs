//! Eviction by the kubelet, under pressure on its node (EVM-7).

use podproof_vocabulary::PodId;
use podproof_vocabulary::observation::{Process, Sandbox};
use podproof_vocabulary::scenario::{ContainerKind, RestartPolicy};

use super::container_runtime;
use crate::cluster::Cluster;

/// No deletionTimestamp: the kubelet kills the pod, and then reports Failed.
pub fn evict(cluster: &mut Cluster<'_>, pod: PodId) {
    cluster.pod_mut(pod).kubelet.set_evicted(true);
    hold_back(cluster, pod);
}

/// An app of an evicted pod that waits for its restart is said to wait from then on, whatever it exited with: no sync comes that would
/// start it (S28 `convertToAPIContainerStatuses`, PHS-4). That it waits the sync has found that follows the relist which saw it exit; here
/// this sync always comes before the eviction. Or the sync finds it that stops it for its probe (CPA-10), or makes a new sandbox (CPA-4),
/// and would start it then (CLB-2): no eviction ends that one before (S28 `Kubelet.SyncPod` calls the runtime's with
/// `context.WithoutCancel`).
pub fn hold_back(cluster: &mut Cluster<'_>, pod: PodId) {
    if cluster.rules.scenario.workload.template.restart_policy != RestartPolicy::Always {
        return;
    }
    hold_back_what_failed(cluster, pod);
    let is_their_turn = has_come_to_apps(cluster, pod);
    for container in cluster.rules.of_kind(ContainerKind::App) {
        let state = cluster.container_mut(pod, container);
        let is_seen = state.cached().has_exited() && !state.touched();
        let is_remade = state.process() == Process::Absent && is_their_turn;
        let is_stopped = state.probe_failed() && (state.process().has_exited() || state.stopping());
        let waits = (is_seen || is_remade || is_stopped) && state.backoff() > 0;
        state.set_held_back(state.held_back() || waits);
    }
}

/// Where the newest sandbox has died before an app was started in it, that start has failed, and the app waits for that, whatever its
/// back-off, until one succeeds (S28 `startContainer`, `ErrCreateContainer`; `reasonCache`).
fn hold_back_what_failed(cluster: &mut Cluster<'_>, pod: PodId) {
    if cluster.pod(pod).kubelet.sandbox() == Sandbox::Dead && has_come_to_apps(cluster, pod) {
        for container in cluster.rules.of_kind(ContainerKind::App) {
            let state = cluster.container_mut(pod, container);
            state.set_held_back(state.held_back() || state.process() == Process::Absent);
        }
    }
}

/// A sandbox is about to be made in place of one that has died: what failed to start in that waits if its pod is evicted later.
pub fn note_what_failed(cluster: &mut Cluster<'_>, pod: PodId) {
    let restarts = cluster.rules.scenario.workload.template.restart_policy == RestartPolicy::Always;
    if restarts && cluster.rules.has_evictions_under_pressure() {
        hold_back_what_failed(cluster, pod);
    }
}

/// The sync that made the newest sandbox has come to the apps: what is before them is through.
fn has_come_to_apps(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let mut comes_to_apps = false;
    container_runtime::startable(cluster, pod, |container| {
        comes_to_apps |= cluster.rules.container(container).kind == ContainerKind::App;
    });
    comes_to_apps
}
