//! Monitors: clocks of no step, that promises read.

use podproof_vocabulary::observation::Deletion;
use podproof_vocabulary::{ContainerId, PodId};
use smallvec::SmallVec;

use super::clocks::{Clock, OfContainer, OfPod, index};
use crate::cluster::Cluster;

/// The clocks that only watch: they run down, stay there, and hold up no tick.
pub(super) fn monitors(cluster: &Cluster<'_>) -> SmallVec<[(usize, bool, u32); 8]> {
    let mut monitors = SmallVec::new();
    let latencies = &cluster.rules.scenario.latencies;
    let mut add = |clock, runs, length| {
        if let Some(index) = index(cluster, clock) {
            monitors.push((index, runs, length));
        }
    };
    let followed = cluster.shared.control_plane.followed();
    let watched = |pod: &PodId| followed.is_none_or(|followed| followed == *pod);
    for pod in cluster.used_pods().filter(watched) {
        let column = cluster.pod(pod);
        add(
            Clock::Pod(OfPod::Steady, pod),
            is_reachable_and_ready(cluster, pod),
            latencies.propagation() + cluster.rules.clocks.unit,
        );
        for container in cluster.container_ids() {
            let state = cluster.container(pod, container);
            // From when it is being stopped, as the kubelet's own timer: a kill that a probe or a lost sandbox has begun goes on when a
            // deletion comes (S28 `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `killContainer`), and has begun before it.
            let dying = state.is_running() && state.stopping();
            add(
                Clock::Container(OfContainer::Floor, pod, container),
                state.is_running() && state.sigterm(),
                latencies.minimum_grace,
            );
            let grace = match column.api.deletion() {
                Deletion::Graceful if !column.kubelet.evicted() => {
                    cluster.rules.scenario.workload.template.grace_seconds.max(latencies.minimum_grace)
                }
                Deletion::Graceful | Deletion::None | Deletion::Immediate => latencies.minimum_grace,
            };
            add(Clock::Container(OfContainer::Deletion, pod, container), dying, grace);
        }
    }
    monitors
}

fn has_run_down(cluster: &Cluster<'_>, clock: Clock) -> Option<bool> {
    index(cluster, clock).map(|index| cluster.clocks[index] == 1)
}

/// The least time between SIGTERM and SIGKILL has passed; none without a clock (KIL-5).
pub fn floor_has_passed(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> Option<bool> {
    has_run_down(cluster, Clock::Container(OfContainer::Floor, pod, container))
}

/// The grace of the pod's deletion has passed since it began; none without a clock.
pub fn grace_has_passed(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> Option<bool> {
    has_run_down(cluster, Clock::Container(OfContainer::Deletion, pod, container))
}

/// Ready in the API, not deleting, and accepting at the address that the API gives.
fn is_reachable_and_ready(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let column = cluster.pod(pod);
    let listens = cluster.container(pod, cluster.rules.serving()).accepting();
    let (object, kubelet) = (column.api, column.kubelet);
    let reachable = listens && kubelet.address().is_some() && kubelet.address() == object.address();
    object.exists() && object.ready() && !object.is_deleting() && reachable
}

/// The pod has been steady (accepting, Ready in the API, not deleting) for longer than the propagation bound; untimed,
/// it is steady.
pub fn is_steady(cluster: &Cluster<'_>, pod: PodId) -> bool {
    if !cluster.rules.clocks.run() {
        return is_reachable_and_ready(cluster, pod);
    }
    has_run_down(cluster, Clock::Pod(OfPod::Steady, pod)) == Some(true)
}
