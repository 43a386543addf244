//! The status manager: what the kubelet reports of a pod, and its final deletion.
//!
//! Source: S28 `pkg/kubelet/kubelet_pods.go` (`getPhase`, `generateAPIPodStatus`), `pkg/kubelet/status`. Several changes
//! collapse into the newest status (STM-9). A status patch carries the UID and no resource version (STM-2).

use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::{Address, Deletion, Phase, Process};
use podproof_vocabulary::scenario::{ContainerKind, RestartPolicy};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::{container_runtime, is_frozen, pleg, pod_worker, probes};
use crate::api_server::pods;
use crate::cluster::Cluster;
use crate::state::{PodObject, Worker};

/// What the kubelet would report: phase, Ready, address.
pub fn status(cluster: &Cluster<'_>, pod: PodId) -> (Phase, bool, Option<Address>) {
    let kubelet = cluster.pod(pod).kubelet;
    let api = cluster.pod(pod).api;
    let phase = if let Some(said) = says_again(cluster, pod) {
        said
    } else if kubelet.view().terminal() && api.phase().is_terminal() && kubelet.worker() != Worker::Rejected {
        // PHS-10: a terminal phase that it has heard of stays, but that of a pod which is rejected after its end (ADM-1). Over one that
        // it has not heard of it writes its own (STM-2; S28 `preparePatchBytesForPodStatus` takes no heed of the phase that it replaces).
        api.phase()
    } else {
        phase(cluster, pod)
    };
    let counted = |kind| kind != ContainerKind::Init;
    // CND-4, CND-5, STM-5
    let ready = !phase.is_terminal()
        && cluster
            .container_ids()
            .filter(|&container| counted(cluster.rules.container(container).kind))
            .all(|container| probes::is_ready(cluster, pod, container));
    // PLEG-11: the last address that the cache has seen; none after a restart that finds no living sandbox, as the recording of a
    // node that fails and returns shows: the first patch of its kubelet clears `podIP`. What is said of a pod that is rejected is its
    // phase alone (ADM-12; S28 `rejectPod`).
    (phase, ready, kubelet.address_cached().filter(|_| !is_rejected(cluster, pod)))
}

/// STM-1: what it has said it says again, over what others have written since. A phase that was not terminal: when it has heard of the
/// other, and nobody has told the worker, which would make that its own (SRC-2: RECONCILE tells none; S28 `needsReconcile`).
fn says_again(cluster: &Cluster<'_>, pod: PodId) -> Option<Phase> {
    let kubelet = cluster.pod(pod).kubelet;
    let is_untold = match kubelet.worker() {
        Worker::Sync => true,
        Worker::Terminating | Worker::Ended | Worker::Terminated => !kubelet.heard_of_end(),
        Worker::None | Worker::Finished | Worker::Rejected => false,
    } && kubelet.view().terminal();
    // ADM-12: of a rejected pod its kubelet has said Failed, sent or not.
    let may_differ = !is_rejected(cluster, pod);
    kubelet.overwritten().filter(|&said| may_differ && (said == Phase::Succeeded || is_untold))
}

/// STM-1: somebody else has written a terminal phase over the one of `before`: its kubelet remembers what it has said, as long as it runs.
pub fn remember_said(cluster: &mut Cluster<'_>, pod: PodId, before: PodObject) {
    let column = cluster.pod_mut(pod);
    let is_new = column.api.phase() == Phase::Failed && before.phase() != Phase::Failed;
    if is_new && column.kubelet.worker() != Worker::None {
        column.kubelet.set_overwritten(Some(before.phase()));
    }
}

/// A worker begins to stop the pod: it is told the copy of its kubelet, and makes a terminal phase of that its own.
pub(super) fn take_over(cluster: &mut Cluster<'_>, pod: PodId) {
    let kubelet = &mut cluster.pod_mut(pod).kubelet;
    let (view, heard) = (kubelet.view(), kubelet.heard_of_end());
    // A deletion comes with a copy of its own.
    let is_told = view.terminal() || (heard && !view.is_deleting());
    kubelet.set_heard_of_end(is_told && (heard || kubelet.overwritten().is_some()));
}

/// STP-6: how the pod has ended is computed, and is said over what others have written that its kubelet has not heard of.
pub(super) fn settle_end(cluster: &mut Cluster<'_>, pod: PodId) {
    let kubelet = cluster.pod(pod).kubelet;
    if kubelet.view().is_deleting() {
        // A sidecar that nobody has heard of is not heard of so either.
        for own in cluster.container_ids() {
            if cluster.rules.container(own).kind != ContainerKind::Sidecar {
                cluster.container_mut(pod, own).set_held_back(false);
            }
        }
    }
    let end = match kubelet.overwritten() {
        None | Some(Phase::Succeeded) => return,
        Some(_) if kubelet.view().terminal() => None,
        Some(_) => Some(phase(cluster, pod)),
    };
    cluster.pod_mut(pod).kubelet.set_overwritten(end);
}

/// Others have written a terminal phase, and the worker may not have been told.
pub fn is_disputed(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let kubelet = cluster.pod(pod).kubelet;
    kubelet.overwritten().is_some() || kubelet.heard_of_end()
}

/// What is said of the pod was computed when it was rejected, and is its phase alone.
pub fn is_rejected(cluster: &Cluster<'_>, pod: PodId) -> bool {
    cluster.pod(pod).kubelet.worker() == Worker::Rejected || is_killed_as_rejected(cluster, pod)
}

/// The terminal phase that the containers ask for, by the cache (PHS-1, PHS-6, PHS-7): the kubelet terminates such a
/// pod by itself (PW-5).
pub fn completed(cluster: &Cluster<'_>, pod: PodId) -> Option<Phase> {
    ended(cluster, pod, |container| {
        let believed = container_runtime::believed(cluster.container(pod, container));
        let is_app = cluster.rules.container(container).kind == ContainerKind::App;
        match believed {
            Process::ExitedOk if is_app && !container_runtime::may_count_as_done(cluster, pod, container) => {
                Process::Running
            }
            _ => believed,
        }
    })
}

/// The terminal phase of a pod whose containers are in these states.
fn ended(cluster: &Cluster<'_>, pod: PodId, state: impl Fn(ContainerId) -> Process) -> Option<Phase> {
    let policy = cluster.rules.scenario.workload.template.restart_policy;
    let init_failed =
        cluster.rules.of_kind(ContainerKind::Init).any(|container| state(container) == Process::ExitedError);
    if init_failed && policy == RestartPolicy::Never {
        return Some(Phase::Failed);
    }
    let all =
        |holds: fn(Process) -> bool| cluster.rules.of_kind(ContainerKind::App).all(|app| holds(state(app)));
    match policy {
        RestartPolicy::Always => None,
        _ if has_unheard_sidecar(cluster, pod) => None,
        _ if all(|process| process == Process::ExitedOk) => Some(Phase::Succeeded),
        RestartPolicy::Never if all(Process::has_exited) => Some(Phase::Failed),
        RestartPolicy::Never | RestartPolicy::OnFailure => None,
    }
}

/// PHS-1 to PHS-12.
fn phase(cluster: &Cluster<'_>, pod: PodId) -> Phase {
    match cluster.pod(pod).kubelet.worker() {
        // ADM-12
        Worker::Rejected => Phase::Failed,
        _ if is_killed_as_rejected(cluster, pod) => Phase::Failed,
        Worker::Terminating if is_evicted_at_once(cluster, pod) => Phase::Failed,
        Worker::None | Worker::Sync | Worker::Terminating | Worker::Ended => {
            phase_while_it_may_run(cluster, pod)
        }
        Worker::Terminated | Worker::Finished => match last_phase(cluster, pod) {
            // EVM-7: whoever evicts it says Failed when the kill begins, and that is withheld (STM-4). How its containers ended is
            // looked at once more, and if all ended well it has Succeeded after all (STP-6; S28 `generateAPIPodStatus` keeps the
            // phase of before only over one that is not terminal; kubernetes/kubernetes#105467).
            phase if phase.is_terminal() || !cluster.pod(pod).kubelet.evicted() => phase,
            _ => Phase::Failed,
        },
    }
}

/// A pod that was rejected, and of which housekeeping stops what runs from before: what is said of it stays (ADM-13, PW-13).
pub(super) fn is_killed_as_rejected(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let kubelet = cluster.pod(pod).kubelet;
    let is_stopped = matches!(kubelet.worker(), Worker::Terminating | Worker::Terminated | Worker::Finished);
    is_stopped && kubelet.view().present() && !kubelet.knows_spec()
}

/// EVM-7: before terminal phases were withheld, a pod that is evicted fails first, and is stopped then.
fn is_evicted_at_once(cluster: &Cluster<'_>, pod: PodId) -> bool {
    cluster.pod(pod).kubelet.evicted() && !cluster.rules.scenario.release.withholds_terminal_phase()
}

/// A terminal phase is withheld while containers could run: a pod that is done keeps the phase that it has (STM-4).
fn phase_while_it_may_run(cluster: &Cluster<'_>, pod: PodId) -> Phase {
    let has = cluster.pod(pod).api.phase();
    if let Some(phase) = completed(cluster, pod) {
        // Over a terminal phase that somebody else wrote meanwhile nothing is withheld (S28 `mergePodStatus`).
        let withheld = cluster.rules.scenario.release.withholds_terminal_phase() && !has.is_terminal();
        return if withheld || is_not_told(cluster, pod) { has } else { phase };
    }
    unended_phase(cluster, pod, |container| cluster.container(pod, container).last_cached())
}

/// PHS-2, PHS-5: a pod whose app containers have run is Running, also while a new sandbox is made for them: their last status is that of
/// the sandbox before.
fn unended_phase(cluster: &Cluster<'_>, pod: PodId, state: impl Fn(ContainerId) -> Process) -> Phase {
    let mut apps = cluster.rules.of_kind(ContainerKind::App).map(state);
    let started = last_said(cluster, pod) == Phase::Running || apps.all(|process| process != Process::Absent);
    if started && !has_unheard_sidecar(cluster, pod) { Phase::Running } else { Phase::Pending }
}

/// The phase of a pod of which everything is stopped: its worker has looked at what is left of its containers, past the cache (STP-5,
/// STP-6). Of a container that has not started in the newest sandbox that is the one of a sandbox before.
fn last_phase(cluster: &Cluster<'_>, pod: PodId) -> Phase {
    let process = |container| cluster.container(pod, container).last_process();
    let kubelet = cluster.pod(pod).kubelet;
    let is_deleted = kubelet.view().is_deleting() && kubelet.worker() != Worker::Finished;
    let is_told = (is_deleted || !is_not_told(cluster, pod)) && !has_unheard_sidecar(cluster, pod);
    if let Some(phase) = ended(cluster, pod, process).filter(|_| is_told) {
        return phase;
    }
    // PHS-11: a deleted pod ends in a terminal phase, from 1.27 on; STD-3: what never ran counts as failed.
    if !cluster.rules.scenario.release.writes_terminal_phase_before_removal() {
        return unended_phase(cluster, pod, process);
    }
    // PHS-4: an app that waits for its restart has not succeeded; one of a pod that is deleted does not wait, if its worker has heard of that
    // before it finished.
    let has_succeeded =
        |app| process(app) == Process::ExitedOk && (is_deleted || !cluster.container(pod, app).held_back());
    match is_told && cluster.rules.of_kind(ContainerKind::App).all(has_succeeded) {
        true => Phase::Succeeded,
        false => Phase::Failed,
    }
}

/// CPA-4: the first init container of a pod that is done is to run once more, in a new sandbox. Until it has, its status would be no end
/// where it was one, and the status manager takes none such (STM-8).
pub(super) fn is_to_begin_anew(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let policy = cluster.rules.scenario.workload.template.restart_policy;
    let process = |own| cluster.container(pod, own).process();
    // A kubelet that has started anew has told nothing.
    cluster.pod(pod).kubelet.worker() == Worker::Sync
        && first_init(cluster).is_some_and(|first| process(first) == Process::Absent)
        && policy == RestartPolicy::OnFailure
        && cluster.rules.of_kind(ContainerKind::App).all(|app| process(app) == Process::ExitedOk)
}

/// That container could not be started in the sandbox that was made for it, which has died: it waits for that, so no status of its pod is
/// taken any more, not even that it has succeeded, and what is left untold in the end has failed (STD-3; S28 `reasonCache`,
/// `checkContainerStateTransition`, `TerminatePod`).
pub(super) fn note_what_is_not_told(cluster: &mut Cluster<'_>, pod: PodId) {
    let is_in_vain = pleg::has_lost_sandbox(cluster, pod) && is_to_begin_anew(cluster, pod);
    if let Some(first) = first_init(cluster).filter(|_| is_in_vain) {
        cluster.container_mut(pod, first).set_held_back(true);
    }
}

fn is_not_told(cluster: &Cluster<'_>, pod: PodId) -> bool {
    first_init(cluster).is_some_and(|first| cluster.container(pod, first).held_back())
}

/// CPA-4, PHS-12: the records of init containers and sidecars are removed with the sandbox that they ran in. The next kubelet knows of a
/// sidecar only what the API was told; where that was nothing it waits, as one that has never run, and its pod has not ended.
pub(super) fn forget_sidecars(cluster: &mut Cluster<'_>, pod: PodId) {
    let process = |own| cluster.container(pod, own).process();
    let has_run = cluster.rules.of_kind(ContainerKind::App).all(|app| process(app).has_exited());
    if !has_run || cluster.pod(pod).api.phase() != Phase::Pending {
        return;
    }
    for sidecar in cluster.rules.of_kind(ContainerKind::Sidecar) {
        let state = cluster.container_mut(pod, sidecar);
        state.set_held_back(state.process() == Process::Absent);
    }
}

fn has_unheard_sidecar(cluster: &Cluster<'_>, pod: PodId) -> bool {
    cluster.rules.of_kind(ContainerKind::Sidecar).any(|own| cluster.container(pod, own).held_back())
}

/// The container that a pod begins with, if it has init containers.
fn first_init(cluster: &Cluster<'_>) -> Option<ContainerId> {
    cluster.container_ids().next().filter(|&first| cluster.rules.container(first).kind == ContainerKind::Init)
}

/// The phase that the kubelet has said last: what the store shows, but for what somebody else wrote over it and it has not heard.
fn last_said(cluster: &Cluster<'_>, pod: PodId) -> Phase {
    let column = cluster.pod(pod);
    column.kubelet.overwritten().unwrap_or(column.api.phase())
}

/// The kubelet reaches the API server from this node.
fn is_connected(cluster: &Cluster<'_>, node: NodeId) -> bool {
    cluster.node(node).machine.connected()
}

/// The status differs from what the API shows: by what the kubelet last sent, or by what somebody else wrote since
/// and the kubelet has seen (STM-1: reconcile).
fn is_due(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let column = cluster.pod(pod);
    let (phase, ready, address) = status(cluster, pod);
    let object = column.api;
    // Only the kubelet writes the address of a pod that it runs, so the store shows what it last sent; Ready is also written by the
    // node lifecycle controller, so there it is the copy that counts.
    let foreign_seen = column.kubelet.view().ready() != ready && object.ready() != ready;
    // What it has said once it does not say again, though others have written over it, before it has heard of that.
    let is_said =
        phase == last_said(cluster, pod) && !phase.is_terminal() && !column.kubelet.view().terminal();
    let sent = (phase != object.phase() && !is_said) || address != object.address();
    object.exists() && (sent || foreign_seen)
}

/// The steps of the status manager for `pod`.
pub fn candidates(cluster: &Cluster<'_>, node: NodeId, pod: PodId, out: &mut Vec<Action>) {
    let kubelet = cluster.pod(pod).kubelet;
    if !is_connected(cluster, node) || kubelet.node() != Some(node) {
        return;
    }
    // SRC-5b: a frozen sync loop computes no status. What a worker said when it had stopped the pod, or a sync before it acted, is sent all the
    // same (STP-6, SP-3, STM-10).
    let has_ended = matches!(kubelet.worker(), Worker::Terminated | Worker::Finished);
    let has_said = has_ended || has_synced(cluster, pod);
    let computes = has_said || !is_frozen(cluster, node);
    let is_computed = kubelet.knows_spec() && kubelet.worker() != Worker::None && computes;
    if (is_computed || is_rejected(cluster, pod)) && is_due(cluster, pod) {
        out.push(Action::Kubelet(Kubelet::ReportStatus { pod }));
    }
    if may_remove(cluster, pod) && !cluster.has_mutant(Mutant::KubeletNeverRemoves) {
        out.push(Action::Kubelet(Kubelet::RemovePod { pod }));
    }
}

/// SP-1, SP-3: a sync has acted on what the cache shows, and told the status manager of that before.
pub fn has_synced(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let kubelet = cluster.pod(pod).kubelet;
    let has_acted = || {
        kubelet.sandbox_touched() || cluster.containers_of(pod).iter().any(|container| container.touched())
    };
    kubelet.worker() == Worker::Sync && has_acted()
}

/// STM-6: deleting, finished, and (from 1.27 on) terminal in the API.
fn may_remove(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let column = cluster.pod(pod);
    let kubelet = column.kubelet;
    let release = cluster.rules.scenario.release;
    let terminal = column.api.phase().is_terminal() || !release.writes_terminal_phase_before_removal();
    let has_finished = match kubelet.worker() {
        Worker::Finished => true,
        Worker::Rejected => pod_worker::has_nothing_to_stop(cluster, pod),
        _ => false,
    };
    let early = cluster.has_mutant(Mutant::KubeletRemovesEarly) && kubelet.worker() == Worker::Terminating;
    let waits_for_finalizer = column.api.deletion() == Deletion::Immediate;
    kubelet.view().is_deleting()
        && column.api.exists()
        && !waits_for_finalizer
        && ((has_finished && terminal) || early)
}

/// The patch.
pub fn report(cluster: &mut Cluster<'_>, pod: PodId) {
    let (phase, ready, address) = status(cluster, pod);
    pods::update(cluster, pod, |object| object.with_phase(phase).with_ready(ready).with_address(address));
    // The kubelet knows what it wrote.
    let kubelet = &mut cluster.pod_mut(pod).kubelet;
    kubelet.set_overwritten(None);
    let view = kubelet.view();
    if view.present() {
        kubelet.set_heard_of_end(kubelet.heard_of_end() || (view.terminal() && !phase.is_terminal()));
        kubelet.set_view(view.with_ready(ready).with_terminal(phase.is_terminal()));
    }
}

/// The final deletion.
pub fn remove(cluster: &mut Cluster<'_>, pod: PodId) {
    pods::delete_finally(cluster, pod);
}

/// A crashed container of a pod that should run is one that the kubelet will start again.
pub fn should_run_again(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> bool {
    let process = cluster.container(pod, container).process();
    process.has_exited() && container_runtime::restarts(cluster, container, process)
}
