//! Admission: the kubelet's own check, the only one for pods that bypass the scheduler (ADM-1, ADM-5, ADM-6, ADM-8, ADM-9, ADM-12 to ADM-14).
//!
//! Source: S28 `pkg/kubelet/lifecycle/predicate.go`. Left out: sysctls, devices, topology, node pressure, and the
//! kubelet's lag on its own Node object. A rejected pod gets phase Failed and no worker (ADM-12).

use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::Process;
use podproof_vocabulary::{NodeId, PodId};

use crate::cluster::Cluster;
use crate::rules::Tolerated;
use crate::state::Worker;

/// Does this pod take up room by the kubelet's reckoning? It counts what its configuration has (`podManager.GetPods`): a pod that
/// was force-deleted is not of it any more, however long its containers take to stop. Of what is configured, those whose
/// containers have stopped do not count (`activePods`, ADM-14), nor do those that ended and are not being stopped, as those that had
/// ended before this kubelet took them up (PW-3, kubernetes/kubernetes#105523).
fn is_active(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let kubelet = cluster.pod(pod).kubelet;
    let view = kubelet.view();
    let runs = || cluster.containers_of(pod).iter().any(|container| container.process() == Process::Running);
    let counts = match kubelet.worker() {
        Worker::Sync | Worker::Terminating => true,
        // Its worker has been told to stop it, and has not begun (PW-2 to PW-4).
        Worker::None => runs() || (view.is_deleting() && !view.terminal()),
        Worker::Ended | Worker::Terminated | Worker::Finished | Worker::Rejected => false,
    };
    view.present() && counts
}

/// ADM-12: it has Failed, and has no worker, which would know its spec.
pub fn reject(cluster: &mut Cluster<'_>, pod: PodId) {
    let kubelet = &mut cluster.pod_mut(pod).kubelet;
    kubelet.set_worker(Worker::Rejected);
    kubelet.set_knows_spec(false);
}

/// May `pod` run on `node`? Asked once, when the kubelet first sees it, and again after a restart (ADM-13).
pub fn admits(cluster: &Cluster<'_>, node: NodeId, pod: PodId) -> bool {
    let filters = &cluster.rules.filters;
    let others =
        super::known(cluster, node).filter(|&other| other != pod && is_active(cluster, other)).count() as u64;
    // ADM-5
    let fits = others < filters.node_resources_fit.capacity[node.index()]
        || cluster.has_mutant(Mutant::AdmissionIgnoresResources);
    // ADM-6: against the labels that it has now, which need not be those that the scheduler saw.
    let object = cluster.node(node).api;
    let matches = filters.node_affinity.passes(object, node);
    // ADM-8
    let ports = &filters.node_ports;
    let ports_free = !ports.claims_any()
        || (others == 0 && ports.is_free_of_neighbours(node))
        || cluster.has_mutant(Mutant::HostPortsIgnored);
    // ADM-9: only NoExecute taints, however long they are tolerated; from 1.24 on.
    let tolerates = !cluster.rules.scenario.release.kubelet_asks_for_tolerations()
        || cluster.rules.tolerations.on(node, object.taints()) != Tolerated::No;
    fits && matches && ports_free && tolerates
}
