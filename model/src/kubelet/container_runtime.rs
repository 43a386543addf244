//! Containers: what SyncPod starts and stops, and what the processes do by themselves.
//!
//! Source: S28 `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (`computePodActions`, `SyncPod`),
//! `kuberuntime_container.go` (`killContainer`), M33 `kuberuntime_termination_order.go`. Every call is a step of its own.

use podproof_vocabulary::action::{Action, Container as ContainerStep, Kubelet};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::{Hook, Process, Sandbox};
use podproof_vocabulary::scenario::{ContainerKind, OnSigterm, PreStop, RestartPolicy};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::back_off::LAST_BACKOFF;
use super::{addresses, is_frozen, pleg, status};
use crate::cluster::Cluster;
use crate::state::{Container, Worker};

/// The grace period of the kill that is under way, in seconds (KIL-2, PW-18).
pub fn grace_seconds(cluster: &Cluster<'_>, pod: PodId) -> u32 {
    if cluster.pod(pod).kubelet.minimum_grace() {
        // An override of 0 becomes 1 s; the floor of 2 s applies to the signal (KIL-5).
        crate::time::OVERRIDDEN_GRACE
    } else {
        cluster.rules.scenario.workload.template.grace_seconds
    }
}

/// The least that the grace period of the kill may be: a deletion may ask for another than the pod's own (DEL-2, DEL-11, KIL-2).
fn least_grace(cluster: &Cluster<'_>, pod: PodId) -> u32 {
    let own = grace_seconds(cluster, pod);
    let asked = cluster.rules.scenario.deletion_graces.iter().copied();
    match cluster.pod(pod).kubelet.view().is_deleting() {
        true => asked.fold(own, u32::min),
        false => own,
    }
}

/// What the kubelet believes of a container: the cache, and what it did since (PW-16).
pub fn believed(container: Container) -> Process {
    if container.touched() { Process::Running } else { container.cached() }
}

/// Will an exited container be started again? (CPA-9)
pub fn restarts(cluster: &Cluster<'_>, container: ContainerId, exited: Process) -> bool {
    let policy = cluster.rules.scenario.workload.template.restart_policy;
    match cluster.rules.container(container).kind {
        ContainerKind::Sidecar => true,
        ContainerKind::Init => exited == Process::ExitedError && policy != RestartPolicy::Never,
        ContainerKind::App => match policy {
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => exited == Process::ExitedError,
            RestartPolicy::Never => false,
        },
    }
}

/// The containers that a sync would start now, in the order of CPA-12.
pub(super) fn startable(cluster: &Cluster<'_>, pod: PodId, mut start: impl FnMut(ContainerId)) {
    let rules = cluster.rules;
    let state = |container| believed(cluster.container(pod, container));
    let initialized = is_initialized(cluster, pod);
    let skips_init = cluster.has_mutant(Mutant::AppsDoNotWaitForInit);
    let mut waits = false;
    for container in cluster.container_ids() {
        let kind = rules.container(container).kind;
        if kind == ContainerKind::App || waits {
            continue;
        }
        match (state(container), kind) {
            (Process::Absent, _) if !initialized || kind == ContainerKind::Sidecar => {
                start(container);
                waits = !initialized;
            }
            // CPA-8: a sidecar is done when it runs and has passed its startup probe.
            (Process::Running, ContainerKind::Sidecar) => {
                let started = rules.container(container).startup.is_none()
                    || cluster.container(pod, container).probe_started();
                waits = !started && !initialized;
            }
            (Process::Running, _) => waits = !initialized,
            (exited, ContainerKind::Sidecar) if exited.has_exited() => {
                start(container);
                waits = !initialized;
            }
            // CPA-7
            (Process::ExitedError, _) if !initialized => {
                if restarts(cluster, container, Process::ExitedError) {
                    start(container);
                }
                waits = true;
            }
            _ => {}
        }
    }
    if waits && !skips_init {
        return;
    }
    // CPA-12: one after the other, in spec order, without waiting for readiness.
    let mut first_start = true;
    for container in rules.of_kind(ContainerKind::App) {
        match state(container) {
            // CPA-10: the sync that stopped it goes on.
            _ if cluster.container(pod, container).starts_anew() => start(container),
            // CPA-3: what is done is left out by what the sync saw when it began, and that may have been before the end.
            Process::ExitedOk if cluster.container(pod, container).may_be_stopped() => start(container),
            Process::Absent if first_start => {
                start(container);
                first_start = false;
            }
            exited if exited.has_exited() && restarts(cluster, container, exited) => start(container),
            _ => {}
        }
    }
}

/// CPA-6: an app runs, or the last of what comes before the apps is through. An app that exited proves nothing: it may be one of the
/// sandbox before this one.
fn is_initialized(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let rules = cluster.rules;
    let state = |container| believed(cluster.container(pod, container));
    let is_through = |container: ContainerId| match rules.container(container).kind {
        ContainerKind::Sidecar => {
            state(container) == Process::Running
                && (rules.container(container).startup.is_none()
                    || cluster.container(pod, container).probe_started())
        }
        ContainerKind::Init | ContainerKind::App => state(container) == Process::ExitedOk,
    };
    let mut before_apps =
        cluster.container_ids().filter(|&own| rules.container(own).kind != ContainerKind::App);
    rules.of_kind(ContainerKind::App).any(|app| state(app) == Process::Running)
        || before_apps.next_back().is_some_and(is_through)
}

/// CPA-6, CPA-11: a pod whose apps are all done is stopped by the sync that finds nothing else to start, or as its phase says so. In a new
/// sandbox its sidecars come first: while one of them runs it has not ended (PHS-12), and the next is started (S28
/// `computeInitContainerActions`, `getPhase`).
fn begins_anew(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let runs = |own| believed(cluster.container(pod, own)) == Process::Running;
    cluster.rules.of_kind(ContainerKind::Sidecar).any(runs)
        && !is_initialized(cluster, pod)
        && !lacks_sandbox(cluster, pod)
}

/// A sync that begins now finds that the pod has ended, and stops what is left of it for good (CPA-11).
pub fn is_done(cluster: &Cluster<'_>, pod: PodId) -> bool {
    status::completed(cluster, pod).is_some() && !begins_anew(cluster, pod)
}

/// CPA-10: a sync that stops an app whose probe failed starts it anew, whatever it exits with, and so does one that stops it for a new
/// sandbox, if no init container comes first (CPA-4). A pod that restarts on failure would else take one that exits with 0 for done.
pub fn stop(cluster: &mut Cluster<'_>, pod: PodId, container: ContainerId) {
    let starts_anew = is_started_by_the_sync_that_stops_it(cluster, pod, container);
    let is_sidecar = cluster.rules.container(container).kind == ContainerKind::Sidecar;
    let is_alone = is_sidecar && !lacks_sandbox(cluster, pod);
    let state = cluster.container_mut(pod, container);
    state.set_stopping(true);
    state.set_starts_anew(starts_anew);
    state.set_stops_alone(is_alone);
}

/// Of a pod that restarts on failure, does a sync that finds this container running, and stops it, start it anew?
pub fn is_started_by_the_sync_that_stops_it(
    cluster: &Cluster<'_>,
    pod: PodId,
    container: ContainerId,
) -> bool {
    let rules = cluster.rules;
    let is_app = |own| rules.container(own).kind == ContainerKind::App;
    rules.scenario.workload.template.restart_policy == RestartPolicy::OnFailure
        && cluster.pod(pod).kubelet.worker() == Worker::Sync
        && is_app(container)
        && (!lacks_sandbox(cluster, pod) || cluster.container_ids().all(is_app))
}

/// After a relist that shows a dead sandbox a sync may begin that is to stop what runs (CPA-4). It has perhaps not stopped it before the
/// next relist, which may show that some of it has ended well, and is done, or that the whole pod is.
pub fn note_what_a_sync_may_stop(cluster: &mut Cluster<'_>, pod: PodId) {
    if !lacks_sandbox(cluster, pod) {
        return;
    }
    for container in cluster.container_ids() {
        let state = cluster.container(pod, container);
        // Another sync goes on that stops it already.
        let is_seen_running = state.cached() == Process::Running && !state.stopping();
        let is_app = cluster.rules.container(container).kind == ContainerKind::App;
        let matters = match is_app {
            true => is_started_by_the_sync_that_stops_it(cluster, pod, container),
            false => may_end(cluster) && !is_done(cluster, pod),
        };
        if is_seen_running && matters {
            cluster.container_mut(pod, container).set_may_be_stopped(true);
        }
    }
}

/// An app that ended well is done (CPA-9), unless the sync that stopped it is about to start it anew. That sync fails where the app
/// is held back by its back-off, which goes by an earlier end of it (CLB-2), where the sandbox has died (for good once the PLEG has
/// found that), or where the runtime hangs: the next one then takes it for done.
pub fn may_count_as_done(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> bool {
    let state = cluster.container(pod, container);
    !state.starts_anew()
        || state.backoff() > 0
        || cluster.pod(pod).kubelet.sandbox() != Sandbox::Ready
        || cluster.rules.has_hangs()
}

/// All that it has to do may have been done (CPA-9, PHS-4).
fn may_end(cluster: &Cluster<'_>) -> bool {
    cluster.rules.scenario.workload.template.restart_policy != RestartPolicy::Always
}

/// The kubelet sees no sandbox that is ready (CPA-1).
fn lacks_sandbox(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let kubelet = cluster.pod(pod).kubelet;
    kubelet.sandbox_cached() != Sandbox::Ready && !kubelet.sandbox_touched()
}

/// A new sandbox may be made: a pod that never restarts does not survive the death of its first (CPA-2).
fn may_have_sandbox(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let policy = cluster.rules.scenario.workload.template.restart_policy;
    let ran = cluster.containers_of(pod).iter().any(|container| container.cached() != Process::Absent);
    !(policy == RestartPolicy::Never && ran)
}

/// The steps of the kubelet towards the runtime.
pub fn candidates(cluster: &Cluster<'_>, node: NodeId, pod: PodId, out: &mut Vec<Action>) {
    if !pleg::runtime_answers(cluster, node) {
        return;
    }
    let kubelet = cluster.pod(pod).kubelet;
    if may_sync(cluster, node, pod) {
        sync_candidates(cluster, node, pod, out);
    }
    kill_candidates(cluster, pod, out);
    let all_stopped = cluster.containers_of(pod).iter().all(|container| !container.is_running());
    let early = cluster.has_mutant(Mutant::SandboxStoppedFirst) && kubelet.sandbox() == Sandbox::Ready;
    // SBX-4: after all containers. CNI DEL needs the plugin: without it StopPodSandbox fails, and the pod is not done
    // (rancher/rke2#3749 "failed to destroy network for sandbox: cni plugin not initialized").
    let has_network = !cluster.node(node).machine.cni_failed() || kubelet.sandbox() == Sandbox::None;
    // ADM-13, SRC-4: who spares it is done with the last container; the worker that stops it is made when the PLEG tells of that.
    let has_who_stops_it = !kubelet.spares_sandbox() || pleg::has_told_all_ends(cluster, pod);
    let may_stop = has_network && has_who_stops_it && (all_stopped || early);
    if matches!(kubelet.worker(), Worker::Terminating | Worker::Ended) && may_stop {
        out.push(Action::Kubelet(Kubelet::StopSandbox { pod }));
    }
}

/// The worker of this pod may sync it (SRC-5, PW-16).
fn may_sync(cluster: &Cluster<'_>, node: NodeId, pod: PodId) -> bool {
    let worker = cluster.pod(pod).kubelet.worker();
    let late = || cluster.has_mutant(Mutant::WorkerStartsAfterTermination) && worker == Worker::Terminating;
    (worker == Worker::Sync || late()) && !is_frozen(cluster, node) && !pleg::is_stuck(cluster, node)
}

/// Of the steps towards the runtime those with which a sync stops containers of a pod that should run.
pub fn stops(cluster: &Cluster<'_>, node: NodeId, pod: PodId, out: &mut Vec<Action>) {
    if may_sync(cluster, node, pod) && pleg::runtime_answers(cluster, node) {
        stop_candidates(cluster, pod, out);
    }
}

fn sync_candidates(cluster: &Cluster<'_>, node: NodeId, pod: PodId, out: &mut Vec<Action>) {
    let kubelet = cluster.pod(pod).kubelet;
    let containers = cluster.containers_of(pod);
    if lacks_sandbox(cluster, pod) {
        let running = containers.iter().any(|container| container.is_running());
        if !running && may_have_sandbox(cluster, pod) && !cluster.node(node).machine.cni_failed() {
            out.push(Action::Kubelet(Kubelet::CreateSandbox { pod }));
        }
    } else if kubelet.sandbox() == Sandbox::Ready {
        // A start in a sandbox that has died fails and changes nothing.
        let never_restarts = cluster.has_mutant(Mutant::KubeletNeverRestarts);
        startable(cluster, pod, |container| {
            let state = containers[container.index()];
            let is_restart = believed(state).has_exited();
            let is_left = is_restart && never_restarts;
            if !state.is_running() && !is_left {
                out.push(Action::Kubelet(Kubelet::StartContainer { pod, container }));
            }
        });
    }
    stop_candidates(cluster, pod, out);
}

/// CPA-4: before a new sandbox every container that still runs is stopped. CPA-10: a failed startup or liveness probe.
/// What is left of a pod that is done is stopped for good, but by a sync that began before that was seen.
fn stop_candidates(cluster: &Cluster<'_>, pod: PodId, out: &mut Vec<Action>) {
    let lacks_sandbox = lacks_sandbox(cluster, pod);
    let all = lacks_sandbox && !is_done(cluster, pod);
    for container in cluster.container_ids() {
        let state = cluster.container(pod, container);
        let is_for_sandbox = all || (lacks_sandbox && state.may_be_stopped());
        if (is_for_sandbox || state.probe_failed()) && state.is_running() && !state.stopping() {
            out.push(Action::Kubelet(Kubelet::StopContainer { pod, container }));
        }
    }
}

/// The steps of the kills that are under way (KIL-1 to KIL-16). They go on while the sync loop is frozen.
fn kill_candidates(cluster: &Cluster<'_>, pod: PodId, out: &mut Vec<Action>) {
    for container in cluster.container_ids() {
        let state = cluster.container(pod, container);
        if !(state.stopping() && state.is_running()) {
            continue;
        }
        let hook = hook_of(cluster, pod, container);
        if hook.is_some() && state.hook() == Hook::None && !state.grace_expired() {
            out.push(Action::Kubelet(Kubelet::RunPreStop { pod, container }));
        }
        if state.hook() == Hook::Running {
            out.push(Action::Kubelet(Kubelet::FinishPreStop { pod, container }));
        }
        if !state.grace_expired() && grace_may_expire(cluster, pod, container) {
            out.push(Action::Kubelet(Kubelet::ExpireGrace { pod, container }));
        }
        // KIL-3: after the hook, or when the grace has run out over it.
        let hook_over = hook.is_none() || state.hook() == Hook::Done || state.grace_expired();
        let during_hook = cluster.has_mutant(Mutant::SigtermDuringPreStop) && state.hook() == Hook::Running;
        if !state.sigterm() && (hook_over || during_hook) && its_turn(cluster, pod, container) {
            out.push(Action::Kubelet(Kubelet::SendSigterm { pod, container }));
        }
        let at_once = cluster.has_mutant(Mutant::SigkillAtOnce);
        if state.sigterm() && (at_once || (state.grace_expired() && floor_may_pass(cluster, pod, container)))
        {
            out.push(Action::Kubelet(Kubelet::SendSigkill { pod, container }));
        }
    }
}

/// The hook that a kill of this container runs (KIL-3: only with grace, and with a known spec; KIL-12).
pub fn hook_of(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> Option<PreStop> {
    let kubelet = cluster.pod(pod).kubelet;
    let known = kubelet.knows_spec() && grace_seconds(cluster, pod) > 0;
    cluster.rules.container(container).hook.filter(|_| known)
}

/// KIL-8, KIL-10: a sidecar waits for the apps and for the sidecars after it, as long as the grace lasts, whatever the whole pod is killed
/// for: its end, or a sandbox that is dead (CPA-4). Who is killed alone, for a probe (S28 `SyncPod`, `ContainersToKill`), waits for nobody,
/// whatever is seen of the sandbox meanwhile. KIL-12: an orphan is killed by a pod made up from what runs, all containers of which are plain.
fn its_turn(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> bool {
    let (rules, state) = (cluster.rules, cluster.container(pod, container));
    let is_terminating = cluster.pod(pod).kubelet.worker() == Worker::Terminating;
    if rules.container(container).kind != ContainerKind::Sidecar
        || state.grace_expired()
        || !is_terminating && (state.stops_alone() || !lacks_sandbox(cluster, pod))
        || !cluster.pod(pod).kubelet.knows_spec()
        || cluster.has_mutant(Mutant::SidecarsStopWithApps)
    {
        return true;
    }
    let later_sidecars = rules.of_kind(ContainerKind::Sidecar).filter(|&other| other > container);
    let others = rules.of_kind(ContainerKind::App).chain(later_sidecars);
    others.into_iter().all(|other| !cluster.container(pod, other).is_running())
}

/// Untimed, timers that one process started together keep their order: the grace does not run out before a hook, or a
/// process that exits by itself, that takes less time. With clocks the clocks say so.
fn grace_may_expire(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> bool {
    let expire = Action::Kubelet(Kubelet::ExpireGrace { pod, container });
    if cluster.rules.scenario.inaccurate_detectors || crate::time::is_clocked(cluster, &expire) {
        return true;
    }
    let grace = least_grace(cluster, pod);
    let state = cluster.container(pod, container);
    let hook_seconds = match hook_of(cluster, pod, container) {
        None => 0,
        Some(PreStop::Seconds(seconds)) => seconds,
        // It takes any time up to the grace, and may have taken all of it.
        Some(PreStop::AtLeast(_) | PreStop::AnyTime) if state.hook() == Hook::Done => grace,
        Some(PreStop::AtLeast(_) | PreStop::AnyTime) => return state.hook() == Hook::Running,
    };
    let exits_after = cluster.rules.container(container).exits_after();
    match state.hook() {
        // The hook, or the signal, comes first: both are immediate.
        Hook::None if !state.sigterm() => {
            let waits_for_others = !its_turn(cluster, pod, container);
            hook_of(cluster, pod, container).is_none() && waits_for_others
        }
        Hook::Running => hook_seconds >= grace,
        _ if !state.sigterm() => !its_turn(cluster, pod, container),
        _ => exits_after.is_none_or(|exit| hook_seconds + exit >= grace),
    }
}

/// KIL-5: no SIGKILL within the floor after SIGTERM. Untimed, a process that exits sooner is never killed.
fn floor_may_pass(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> bool {
    if let Some(passed) = crate::time::floor_has_passed(cluster, pod, container) {
        return passed;
    }
    let floor = cluster.rules.scenario.latencies.minimum_grace;
    cluster.rules.scenario.inaccurate_detectors
        || cluster.rules.container(container).exits_after().is_none_or(|exit| exit >= floor)
}

/// What processes do by themselves.
pub fn process_candidates(cluster: &Cluster<'_>, node: NodeId, pod: PodId, out: &mut Vec<Action>) {
    if !cluster.node(node).machine.powered() {
        return;
    }
    let step = Action::Container;
    for container in cluster.container_ids() {
        let (state, rules) = (cluster.container(pod, container), cluster.rules.container(container));
        if !state.is_running() {
            continue;
        }
        // By the time it listens its probe has failed for good (PRB-4, PRB-7), but for a pod that is stopped, which is not probed (PRB-10).
        let is_too_late = rules.fails_before_listening
            && !state.probe_failed()
            && cluster.pod(pod).kubelet.worker() == Worker::Sync;
        if !state.has_listened() && !state.sigterm() && !is_too_late && rules.kind != ContainerKind::Init {
            out.push(step(ContainerStep::Listen { pod, container }));
        }
        let done = match rules.kind {
            ContainerKind::Init => rules.completes || state.sigterm(),
            ContainerKind::Sidecar | ContainerKind::App => state.sigterm() && rules.exits_after().is_some(),
        };
        if done {
            out.push(step(ContainerStep::Exit { pod, container }));
        }
    }
}

/// Takes a step of a process or of the network plugin.
pub fn apply(cluster: &mut Cluster<'_>, step: ContainerStep) {
    match step {
        ContainerStep::Listen { pod, container } => {
            let state = cluster.container_mut(pod, container);
            state.set_accepting(true);
            state.set_has_listened(true);
        }
        ContainerStep::Exit { pod, container } => exit(cluster, pod, container, Process::ExitedOk),
        ContainerStep::ReuseAddress { pod } => addresses::reuse(cluster, pod),
    }
}

/// A process is gone. What the kubelet knew of stopping it is settled.
pub fn exit(cluster: &mut Cluster<'_>, pod: PodId, container: ContainerId, how: Process) {
    let is_app = cluster.rules.container(container).kind == ContainerKind::App;
    let state = cluster.container_mut(pod, container);
    let starts_anew = how == Process::ExitedOk && state.starts_anew();
    let may_be_stopped = how == Process::ExitedOk && is_app && state.may_be_stopped();
    *state = state
        .with_process(how)
        .with_accepting(false)
        .with_has_listened(false)
        .with_fails_readiness(false)
        .with_fails_liveness(false)
        .with_sigterm(false)
        .with_stopping(false)
        .with_grace_expired(false)
        .with_hook(Hook::None)
        .with_starts_anew(starts_anew)
        .with_stops_alone(false)
        .with_may_be_stopped(may_be_stopped);
}

/// A container starts: image, create, start (CPA-12).
pub fn start(cluster: &mut Cluster<'_>, pod: PodId, container: ContainerId) {
    let rules = cluster.rules.container(container);
    let before = cluster.container(pod, container);
    let is_restart = before.counts_as_restart();
    // MC-6: another process of the pod holds the port; the new one fails to bind and exits.
    let port_taken = rules.port_conflicts.iter().any(|&other| cluster.container(pod, other).is_running());
    let listens = rules.listens_after == 0 && rules.kind != ContainerKind::Init && !port_taken;
    let process = if port_taken { Process::ExitedError } else { Process::Running };
    *cluster.container_mut(pod, container) = Container::new()
        .with_process(process)
        .with_accepting(listens)
        .with_has_listened(listens)
        .with_cached(before.cached())
        .with_ended_before(before.ended_before())
        .with_touched(true)
        .with_backoff((before.backoff() + u8::from(is_restart)).min(LAST_BACKOFF));
}

/// The grace of a stop has run out: a hook that still runs is left alone, and the signal follows (KIL-4).
pub fn expire_grace(cluster: &mut Cluster<'_>, pod: PodId, container: ContainerId) {
    let state = cluster.container_mut(pod, container);
    state.set_grace_expired(true);
    if state.hook() == Hook::Running {
        state.set_hook(Hook::Done);
    }
}

/// KIL-6: the stop signal to the main process.
pub fn send_sigterm(cluster: &mut Cluster<'_>, pod: PodId, container: ContainerId) {
    let closes = matches!(cluster.rules.container(container).on_sigterm, OnSigterm::Close(_));
    let state = cluster.container_mut(pod, container);
    state.set_sigterm(true);
    if closes {
        state.set_accepting(false);
        state.set_has_listened(true);
    }
}
