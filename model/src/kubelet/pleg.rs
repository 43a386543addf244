//! The PLEG (pod lifecycle event generator): relists compare the runtime with the cache, and wake the pod workers.
//!
//! Source: S28 and M35 `pkg/kubelet/pleg/generic.go`. A relist fills the cache of every pod of its node at once; two
//! changes between relists coalesce. The events are not kept: a worker looks at the cache. Left out: the loss of events
//! on a full channel (PLEG-7) and the evented PLEG.

use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::{Process, Sandbox};
use podproof_vocabulary::scenario::Hang;
use podproof_vocabulary::{NodeId, PodId};

use super::{container_runtime, known, probes, status};
use crate::cluster::Cluster;
use crate::scope::Scope;
use crate::state::Container;

/// Does the container runtime answer calls other than a relist's?
pub fn runtime_answers(cluster: &Cluster<'_>, node: NodeId) -> bool {
    let machine = cluster.node(node).machine;
    machine.powered() && !(machine.hung() && cluster.rules.scenario.hang == Hang::RpcTimeout)
}

/// A relist of this node does not come to its end (PLEG-2, PLEG-4, PLEG-22).
pub fn is_stuck(cluster: &Cluster<'_>, node: NodeId) -> bool {
    let machine = cluster.node(node).machine;
    let sandboxes =
        || known(cluster, node).filter(|&pod| cluster.pod(pod).kubelet.sandbox() != Sandbox::None);
    match cluster.rules.scenario.hang {
        // F-7: the list call, or the inspection of one container, never returns.
        Hang::RpcTimeout | Hang::StuckInspect => machine.hung(),
        // Each pod makes it longer; with more than so many it takes longer than its threshold.
        Hang::TooManyPods { limit } => machine.hung() && sandboxes().count() > usize::from(limit),
        // The status of a sandbox includes its network.
        Hang::CniStatus => (machine.hung() || machine.cni_failed()) && sandboxes().next().is_some(),
    }
}

/// The cache of this node shows something else of a pod in `scope` than the runtime.
fn is_behind(cluster: &Cluster<'_>, scope: Scope, node: NodeId) -> bool {
    scope.pods(cluster).any(|pod| {
        let kubelet = cluster.pod(pod).kubelet;
        let differs = || {
            kubelet.sandbox_touched()
                || kubelet.sandbox_cached() != kubelet.sandbox()
                || cluster.containers_of(pod).iter().any(|c| c.touched() || c.cached() != c.process())
        };
        kubelet.node() == Some(node) && differs()
    })
}

/// Of nothing that was of this pod the next relist would find that it has died.
pub fn has_told_all_ends(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let kubelet = cluster.pod(pod).kubelet;
    let may_end = |container: &Container| container.touched() || container.cached() == Process::Running;
    kubelet.sandbox_cached() != Sandbox::Ready
        && !kubelet.sandbox_touched()
        && !cluster.containers_of(pod).iter().any(may_end)
}

/// The steps of the PLEG of `node`.
pub fn candidates(cluster: &Cluster<'_>, scope: Scope, node: NodeId, out: &mut Vec<Action>) {
    let machine = cluster.node(node).machine;
    let stuck = is_stuck(cluster, node);
    if !stuck && (machine.first_relist_pending() || machine.unhealthy() || is_behind(cluster, scope, node)) {
        out.push(Action::Kubelet(Kubelet::Relist { node }));
    }
    if !scope.is_everything() {
        return;
    }
    // PLEG-4, PLEG-20: the threshold passes only over a relist that is stuck.
    let detector_errs = cluster.rules.scenario.inaccurate_detectors && cluster.rules.has_hangs();
    if (stuck || detector_errs) && !machine.unhealthy() && !cluster.has_mutant(Mutant::PlegAlwaysHealthy) {
        out.push(Action::Kubelet(Kubelet::NoticeHang { node }));
    }
}

/// The sandbox that the kubelet has made, or has seen, is ready no more.
pub(super) fn has_lost_sandbox(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let kubelet = cluster.pod(pod).kubelet;
    (kubelet.sandbox_touched() || kubelet.sandbox_cached() == Sandbox::Ready)
        && kubelet.sandbox() != Sandbox::Ready
}

/// One relist: list, inspect, publish (PLEG-2 to PLEG-9). The first successful one makes the PLEG healthy (PLEG-24).
pub fn relist(cluster: &mut Cluster<'_>, node: NodeId) {
    let here: Vec<_> = known(cluster, node).collect();
    for pod in here {
        // The sync that was to start containers in it ends without having done so, and the next one sees which are done (CPA-3).
        let has_died = has_lost_sandbox(cluster, pod);
        status::note_what_is_not_told(cluster, pod);
        let is_told = !status::is_to_begin_anew(cluster, pod);
        let kubelet = &mut cluster.pod_mut(pod).kubelet;
        kubelet.set_sandbox_cached(kubelet.sandbox());
        kubelet.set_sandbox_touched(false);
        // PLEG-11: with no sandbox ready the last known address stays.
        if kubelet.sandbox() == Sandbox::Ready && is_told {
            kubelet.set_address_cached(kubelet.address());
        }
        for container in cluster.containers_of_mut(pod) {
            container.set_cached(container.process());
            container.set_touched(false);
            container.set_starts_anew(container.starts_anew() && !has_died);
            container.set_may_be_stopped(container.may_be_stopped() && !has_died);
            if container.process() == Process::Absent {
                container.set_is_end_known(container.ended_earlier());
            } else {
                container.set_ended_before(Process::Absent);
            }
        }
        container_runtime::note_what_a_sync_may_stop(cluster, pod);
        probes::forget_what_has_ended(cluster, pod);
    }
    let machine = &mut cluster.node_mut(node).machine;
    machine.set_first_relist_pending(false);
    machine.set_unhealthy(false);
}
