//! The sandbox of a pod, which holds its network: made by the sync that finds none, and stopped after all containers.
//!
//! Source: S28 `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (`SyncPod`, `killPodWithSyncResult`), `kuberuntime_sandbox.go`.

use podproof_vocabulary::PodId;
use podproof_vocabulary::observation::{Address, Phase, Process, Sandbox};
use podproof_vocabulary::scenario::{ContainerKind, RestartPolicy};

use super::{eviction, pleg, status};
use crate::cluster::Cluster;
use crate::state::{Container, Worker};

/// SP-9, CPA-13: RunPodSandbox; CNI ADD gives an address that nobody remembers as this slot's.
pub fn create(cluster: &mut Cluster<'_>, pod: PodId) {
    let column = cluster.pod(pod);
    let recreated = column.kubelet.sandbox() != Sandbox::None
        || cluster.containers_of(pod).iter().any(|container| container.cached() != Process::Absent);
    let remembers = |address: Option<Address>| {
        let held = [
            column.api.address(),
            column.controller.view().address(),
            column.slice.address(),
            column.kubelet.address_cached(),
            column.head.reused_address(),
        ];
        held.contains(&address)
            || cluster
                .proxies_of(pod)
                .iter()
                .any(|proxy| [proxy.rule.address(), proxy.view.address()].contains(&address))
    };
    let free = (0..7).map(Address).find(|&address| !remembers(Some(address)));
    let Some(address) = free else {
        cluster.shared.control_plane.set_out_of_slots(true);
        return;
    };
    eviction::note_what_failed(cluster, pod);
    let kubelet = &mut cluster.pod_mut(pod).kubelet;
    kubelet.set_sandbox(Sandbox::Ready);
    kubelet.set_address(Some(address));
    kubelet.set_sandbox_touched(true);
    if recreated {
        // CPA-4: everything starts again from the first init container; the back-off goes on. CPA-3, CPA-9: of a pod that restarts on
        // failure, an app that ended well is done.
        let on_failure = cluster.rules.scenario.workload.template.restart_policy == RestartPolicy::OnFailure;
        let is_told = cluster.pod(pod).api.phase() == Phase::Running;
        for own in cluster.container_ids() {
            let state = cluster.container(pod, own);
            let is_app = cluster.rules.container(own).kind == ContainerKind::App;
            let is_done = on_failure && is_app && state.process() == Process::ExitedOk;
            let ended_before = match state.last_process() {
                _ if !is_app => Process::Absent,
                // PHS-2: a pod that the API shows as Running stays so, whatever has run of it.
                Process::Running | Process::ExitedError if is_told => Process::Absent,
                Process::Running => Process::ExitedError,
                ended => ended,
            };
            // What was of an init container is removed (CPA-4).
            let ended_earlier = is_app && (state.process() != Process::Absent || state.ended_earlier());
            let is_end_known = is_app && (state.cached().has_exited() || state.is_end_known());
            *cluster.container_mut(pod, own) = if is_done {
                state.with_cached(Process::ExitedOk)
            } else {
                Container::new()
                    .with_backoff(state.backoff())
                    .with_ended_before(ended_before)
                    .with_ended_earlier(ended_earlier)
                    .with_is_end_known(is_end_known)
                    .with_held_back(state.held_back())
            };
        }
    }
    // The sync that made it goes on, whatever was heard meanwhile.
    if cluster.pod(pod).kubelet.evicted() {
        eviction::hold_back(cluster, pod);
    }
}

/// SBX-4: StopPodSandbox; CNI DEL frees the address. With every container stopped the worker is done (PW-7).
pub fn stop(cluster: &mut Cluster<'_>, pod: PodId) {
    let all_stopped = cluster.containers_of(pod).iter().all(|container| !container.is_running());
    let has_heard = status::is_killed_as_rejected(cluster, pod) && pleg::has_told_all_ends(cluster, pod);
    let kubelet = &mut cluster.pod_mut(pod).kubelet;
    kubelet.set_sandbox(Sandbox::None);
    kubelet.set_address(None);
    kubelet.set_sandbox_touched(true);
    if all_stopped {
        // ADM-13, SRC-4: whoever stops what runs of a rejected pod is forgotten when it is done, and each end that the PLEG tells then makes
        // a worker. If it has told of all before the sandbox is stopped, no end is left to tell. Who spares the sandbox was done before, and
        // it is that worker which stops it.
        let is_forgotten = has_heard && !kubelet.spares_sandbox();
        kubelet.set_worker(if is_forgotten { Worker::Rejected } else { Worker::Terminated });
        kubelet.set_knows_spec(kubelet.knows_spec() || kubelet.spares_sandbox());
        kubelet.set_spares_sandbox(false);
    }
}
