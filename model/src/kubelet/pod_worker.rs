//! The pod worker: none → sync → terminating → terminated → finished → forgotten (PW-1 to PW-19).
//!
//! Source: S28 `pkg/kubelet/pod_workers.go`. A worker steps only on a cache newer than its last action (PW-16): what it
//! started itself it does not judge before the next relist.

use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::observation::{Deletion, Process, Sandbox};
use podproof_vocabulary::scenario::ContainerKind;
use podproof_vocabulary::{NodeId, PodId};

use super::{container_runtime, is_frozen, pleg, probes, status};
use crate::cluster::Cluster;
use crate::state::{Container, Worker};

/// The cache shows what the runtime has of the pod (PLEG-10).
fn cache_is_fresh(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let kubelet = cluster.pod(pod).kubelet;
    !kubelet.sandbox_touched()
        && kubelet.sandbox_cached() == kubelet.sandbox()
        && cluster
            .containers_of(pod)
            .iter()
            .all(|container| !container.touched() && container.cached() == container.process())
}

/// The pod has to be terminated.
fn must_terminate(cluster: &Cluster<'_>, node: NodeId, pod: PodId) -> bool {
    let kubelet = cluster.pod(pod).kubelet;
    let view = kubelet.view();
    let listed = !cluster.node(node).machine.kubelet_must_list();
    match kubelet.worker() {
        // PW-5: deletionTimestamp, gone from the config, a terminal phase in the API or by the containers' own ends,
        // or the kubelet's own eviction.
        Worker::Sync => {
            // Who tells the worker (a relist, a probe, the resync of each minute) tells it once and for all.
            let ended = view.terminal() || kubelet.heard_of_end() || container_runtime::is_done(cluster, pod);
            view.is_deleting() || !view.present() || ended || kubelet.evicted()
        }
        // PW-2, PW-3, PW-4
        Worker::None if view.present() => view.is_deleting() || view.terminal(),
        // PW-13: in the runtime and not in the config (SRC-6: not before the first list).
        Worker::None => {
            let remains = kubelet.sandbox_cached() != Sandbox::None
                || cluster.containers_of(pod).iter().any(|container| container.cached() == Process::Running);
            listed && remains
        }
        // A rejected pod has no worker; but what is left of it after a restart is stopped: by the worker that it gets for its deletion, or
        // by housekeeping, like an orphan, which spared what is configured before 1.27 (ADM-13, PW-13; S28 `HandlePodCleanups`,
        // kubernetes/kubernetes#113145).
        Worker::Rejected => {
            let is_orphan =
                !view.present() || cluster.rules.scenario.release.stops_what_runs_of_rejected_pods();
            (is_orphan && has_remains(cluster, pod))
                || (is_taken_up(cluster, pod) && !has_nothing_to_stop(cluster, pod))
        }
        Worker::Terminating | Worker::Ended | Worker::Terminated | Worker::Finished => false,
    }
}

/// PW-3: the pod had ended before its worker heard of it first, and nothing of it runs.
fn has_ended_before(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let kubelet = cluster.pod(pod).kubelet;
    let runs = |container: &Container| container.cached() == Process::Running;
    kubelet.worker() == Worker::None
        && kubelet.view().present()
        && kubelet.view().terminal()
        && kubelet.sandbox_cached() != Sandbox::Ready
        && !cluster.containers_of(pod).iter().any(runs)
        && !has_remains(cluster, pod)
}

/// The steps of the worker of `pod`.
pub fn candidates(cluster: &Cluster<'_>, node: NodeId, pod: PodId, out: &mut Vec<Action>) {
    let kubelet = cluster.pod(pod).kubelet;
    // PW-16 and SRC-5: with a stuck relist no new step begins.
    let may_step = !is_frozen(cluster, node) && !pleg::is_stuck(cluster, node);
    if may_step && must_terminate(cluster, node, pod) {
        out.push(Action::Kubelet(Kubelet::BeginTermination { pod }));
    }
    // STD-1, STD-2: after the relist that shows everything stopped.
    if may_step && kubelet.worker() == Worker::Terminated && cache_is_fresh(cluster, pod) {
        out.push(Action::Kubelet(Kubelet::FinishPod { pod }));
    }
    let done = match kubelet.worker() {
        Worker::Finished => true,
        Worker::Rejected => !has_remains(cluster, pod),
        Worker::None => {
            kubelet.node().is_some() && kubelet.sandbox() == Sandbox::None && !has_remains(cluster, pod)
        }
        Worker::Sync | Worker::Terminating | Worker::Ended | Worker::Terminated => false,
    };
    if done && !kubelet.view().present() && !cluster.node(node).machine.kubelet_must_list() {
        out.push(Action::Kubelet(Kubelet::ForgetPod { pod }));
    }
}

/// ADM-12: a rejected pod gets a worker, which knows its spec, when its deletion is told; if that was known when it was rejected, from
/// housekeeping, once nothing of it runs and the API says that it has ended (S28 `filterTerminalPodsToDelete`,
/// kubernetes/kubernetes#118497).
fn is_taken_up(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let column = cluster.pod(pod);
    let by_housekeeping = || {
        cluster.rules.scenario.release.removes_rejected_pods_that_were_deleted_before()
            && column.kubelet.view().is_deleting()
            && column.api.phase().is_terminal()
            && !has_remains(cluster, pod)
    };
    column.kubelet.knows_spec() || by_housekeeping()
}

/// A rejected pod that is deleted has a worker, which finds nothing in the runtime that it could stop or tell of.
pub fn has_nothing_to_stop(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let has_run = |container: &Container| container.last_process() != Process::Absent;
    is_taken_up(cluster, pod)
        && cluster.pod(pod).kubelet.sandbox() == Sandbox::None
        && !cluster.containers_of(pod).iter().any(has_run)
}

/// Something of the pod runs that housekeeping would find: a container, or its sandbox (S28 `GetPods`).
fn has_remains(cluster: &Cluster<'_>, pod: PodId) -> bool {
    cluster.pod(pod).kubelet.sandbox() == Sandbox::Ready
        || cluster.containers_of(pod).iter().any(|container| container.process() == Process::Running)
}

/// Nobody has told the worker to stop its pod, but its apps have all ended.
fn is_left_by_its_apps(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let kubelet = cluster.pod(pod).kubelet;
    let view = kubelet.view();
    let has_ended = view.terminal() || kubelet.heard_of_end();
    let is_told = view.is_deleting() || !view.present() || has_ended || kubelet.evicted();
    let mut apps = cluster.rules.of_kind(ContainerKind::App);
    kubelet.worker() == Worker::Sync
        && !is_told
        && apps.all(|app| container_runtime::believed(cluster.container(pod, app)).has_exited())
}

/// PW-5: no container of it starts any more; those that run are stopped, all in parallel (KIL-1).
pub fn begin_termination(cluster: &mut Cluster<'_>, pod: PodId) {
    let release = cluster.rules.scenario.release;
    // PW-18: a worker's grace is at least 1 s; that of the sync which finds no app to go on is the pod's own (CPA-11).
    let lacks_grace =
        cluster.rules.scenario.workload.template.grace_seconds == 0 && !is_left_by_its_apps(cluster, pod);
    let is_taken_up = cluster.pod(pod).kubelet.worker() == Worker::Rejected && is_taken_up(cluster, pod);
    status::note_what_is_not_told(cluster, pod);
    let stage = if has_ended_before(cluster, pod) { Worker::Ended } else { Worker::Terminating };
    let kubelet = &mut cluster.pod_mut(pod).kubelet;
    // SRC-8: a rejected one that is gone gets a worker for that, which is told its last spec.
    let is_gone = kubelet.worker() == Worker::Rejected && !kubelet.view().present();
    kubelet.set_knows_spec(kubelet.knows_spec() || is_taken_up || is_gone);
    kubelet.set_worker(stage);
    let is_killed_as_rejected = kubelet.view().present() && !kubelet.knows_spec();
    kubelet.set_spares_sandbox(is_killed_as_rejected && kubelet.sandbox() == Sandbox::Dead);
    // PW-13: an orphan is killed with the least grace. PW-18, EVM-6: so is a pod that was force-deleted (also one that a
    // finalizer keeps), or that its kubelet evicts, but for the releases that took 0 for "unset".
    let overridden =
        !kubelet.view().present() || kubelet.view().deletion() == Deletion::Immediate || kubelet.evicted();
    if !kubelet.knows_spec() || lacks_grace || (overridden && release.force_deletion_uses_minimum_grace()) {
        kubelet.set_minimum_grace(true);
    }
    status::take_over(cluster, pod);
    probes::keep_what_has_started(cluster, pod);
    for container in cluster.containers_of_mut(pod) {
        container.set_starts_anew(false);
        container.set_may_be_stopped(false);
        container.set_stops_alone(false);
        if container.is_running() {
            container.set_stopping(true);
        }
    }
}

/// STP-6. Whoever stopped what ran of a rejected pod forgets it (S28 `completeTerminatingRuntimePod`); the relist that shows its end makes
/// a worker for it, which finds nothing to stop and tells of it as of any pod (SRC-4, PW-3).
pub fn finish(cluster: &mut Cluster<'_>, pod: PodId) {
    let kubelet = &mut cluster.pod_mut(pod).kubelet;
    kubelet.set_worker(Worker::Finished);
    kubelet.set_knows_spec(kubelet.knows_spec() || kubelet.view().present());
    status::settle_end(cluster, pod);
}
