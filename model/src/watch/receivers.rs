//! Whom news reaches: a consumer that runs and has listed hears of what is written, sooner or later, while its link works (MOD-1,
//! API-33).

use podproof_vocabulary::action::Watcher;

use crate::cluster::Cluster;
use crate::{api_server, kubelet};

/// Is news kept for this consumer, so that it need not list again? It is while its link is cut: a watch goes on where it
/// was (MOD-1, API-33).
pub fn follows(cluster: &Cluster<'_>, watcher: Watcher) -> bool {
    let control = cluster.shared.control_plane;
    match watcher {
        Watcher::Scheduler => !control.scheduler_down() && !control.scheduler_must_list(),
        Watcher::ControllerManager => {
            !control.controller_manager_down() && !control.controller_manager_must_list()
        }
        Watcher::Kubelet(node) => {
            let machine = cluster.node(node).machine;
            machine.kubelet_runs() && !machine.kubelet_must_list()
        }
        Watcher::Proxy(node) => {
            let machine = cluster.node(node).machine;
            cluster.models_proxy(node) && machine.proxy_runs() && !machine.proxy_must_list()
        }
    }
}

/// Its link to the API server works.
pub(super) fn is_linked(cluster: &Cluster<'_>, watcher: Watcher) -> bool {
    match watcher {
        Watcher::Scheduler | Watcher::ControllerManager => true,
        Watcher::Kubelet(node) | Watcher::Proxy(node) => cluster.node(node).machine.connected(),
    }
}

/// Does news reach this consumer, sooner or later, without its listing again?
pub fn receives(cluster: &Cluster<'_>, watcher: Watcher) -> bool {
    follows(cluster, watcher) && is_linked(cluster, watcher)
}

/// Can its events reach it now? A kubelet whose config channel nobody reads takes none (SRC-5).
pub fn takes_events(cluster: &Cluster<'_>, watcher: Watcher) -> bool {
    let frozen = matches!(watcher, Watcher::Kubelet(node) if kubelet::is_frozen(cluster, node));
    receives(cluster, watcher) && !frozen && api_server::answers(cluster)
}

/// Must it list, and can it?
pub fn may_list(cluster: &Cluster<'_>, watcher: Watcher) -> bool {
    let control = cluster.shared.control_plane;
    match watcher {
        Watcher::Scheduler => !control.scheduler_down() && control.scheduler_must_list(),
        Watcher::ControllerManager => {
            !control.controller_manager_down() && control.controller_manager_must_list()
        }
        Watcher::Kubelet(node) => {
            let machine = cluster.node(node).machine;
            machine.kubelet_runs()
                && machine.connected()
                && machine.kubelet_must_list()
                && !kubelet::is_frozen(cluster, node)
        }
        Watcher::Proxy(node) => {
            let machine = cluster.node(node).machine;
            cluster.models_proxy(node)
                && machine.proxy_runs()
                && machine.connected()
                && machine.proxy_must_list()
        }
    }
}
