//! `kubectl drain`: cordon, list once, evict each pod through the eviction API (DRN-1 to DRN-6, G33
//! `kubectl/pkg/drain`). Pods bound after the list are missed (DRN-6).

use podproof_vocabulary::action::{Action, Drain};

use crate::api_server::eviction::{self, Answer};
use crate::api_server::pods::{self, Grace};
use crate::cluster::Cluster;

/// The steps that a drain can take.
pub fn candidates(cluster: &Cluster<'_>, out: &mut Vec<Action>) {
    if cluster.shared.control_plane.draining().is_none() {
        return;
    }
    if cluster.shared.control_plane.drain_must_list() {
        out.push(Action::Drain(Drain::ListPods));
        return;
    }
    for pod in cluster.used_pods() {
        let head = cluster.pod(pod).head;
        // DRN-3: a refused eviction is asked for again and again.
        if head.drain_listed() && eviction::ask(cluster, pod) != Answer::Refused {
            out.push(Action::Drain(Drain::EvictPod { pod }));
        }
        if head.eviction_granted() {
            out.push(Action::Drain(Drain::DeletePod { pod }));
        }
    }
}

/// Takes a step of the drain.
pub fn apply(cluster: &mut Cluster<'_>, step: Drain) {
    match step {
        Drain::ListPods => {
            let node = cluster.shared.control_plane.draining();
            for pod in cluster.pod_ids() {
                let object = cluster.pod(pod).api;
                if object.exists() && object.node() == node {
                    cluster.pod_mut(pod).head.set_drain_listed(true);
                }
            }
            cluster.shared.control_plane.set_drain_must_list(false);
        }
        Drain::EvictPod { pod } => eviction::grant(cluster, pod),
        // EVI-6
        Drain::DeletePod { pod } => {
            cluster.pod_mut(pod).head.set_eviction_granted(false);
            pods::delete(cluster, pod, Grace::Own);
        }
    }
}

/// The eviction of a pod that is already deleting changes nothing (EVI-1, DEL-9) and is taken as done; a drain with
/// nothing left to evict is over.
pub fn settle(cluster: &mut Cluster<'_>) {
    let control = cluster.shared.control_plane;
    if control.draining().is_none() || control.drain_must_list() {
        return;
    }
    for column in cluster.pods.iter_mut().filter(|column| column.api.is_deleting()) {
        column.head.set_drain_listed(false);
        column.head.set_eviction_granted(false);
    }
    let busy = cluster.pods.iter().any(|column| column.head.drain_listed() || column.head.eviction_granted());
    if !busy {
        cluster.shared.control_plane.set_draining(None);
    }
}
