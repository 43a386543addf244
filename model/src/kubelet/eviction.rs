//! Eviction by the kubelet, under pressure on its node (EVM-7).

use podproof_vocabulary::PodId;
use podproof_vocabulary::scenario::{ContainerKind, RestartPolicy};

use crate::cluster::Cluster;

/// No deletionTimestamp: the kubelet kills the pod, and then reports Failed. An app of it that waits for its restart is said to wait from
/// then on, whatever it exited with: no sync comes that would start it (S28 `convertToAPIContainerStatuses`, PHS-4). That it waits the sync
/// has found that follows the relist which saw it exit; here this sync always comes before the eviction. Or the sync finds it that stops
/// it for its probe, and would start it then (CPA-10, CLB-2): no eviction ends that one before (S28 `Kubelet.SyncPod` calls the runtime's
/// with `context.WithoutCancel`), so the app waits also if it runs still.
pub fn evict(cluster: &mut Cluster<'_>, pod: PodId) {
    cluster.pod_mut(pod).kubelet.set_evicted(true);
    if cluster.rules.scenario.workload.template.restart_policy != RestartPolicy::Always {
        return;
    }
    for container in cluster.rules.of_kind(ContainerKind::App) {
        let state = cluster.container_mut(pod, container);
        let is_seen = state.cached().has_exited() && !state.touched();
        let is_stopped = state.probe_failed() && (state.process().has_exited() || state.stopping());
        state.set_held_back((is_seen || is_stopped) && state.backoff() > 0);
    }
}
