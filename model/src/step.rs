//! The transition functions: which steps are enabled, and what each does. Everything that explores, replays or compares
//! stands on these two and no others.

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{
    Action, Container, Deployment, Drain, Environment, Kubelet, NodeLifecycle, Process, ReplicaSet,
    Scheduler, Watch, Watcher,
};
use podproof_vocabulary::approximation::Approximation;

use crate::buffer::with_actions;
use crate::cluster::Cluster;
use crate::scope::{Part, Parts, Scope};
use crate::{
    api_server, controllers, drain, endpoints, environment, fairness, kubelet, proxy, scheduler, time, watch,
};

/// The search goes no further from here: something that the scenario bounds has run out.
pub fn is_cut_off(cluster: &Cluster<'_>) -> bool {
    cluster.shared.control_plane.out_of_slots() || cluster.shared.control_plane.ring_overflow()
}

/// The steps that components can take, but for time.
pub fn candidates(cluster: &Cluster<'_>, out: &mut Vec<Action>) {
    first_candidate(cluster, Scope::EVERYTHING, out, |_| false);
}

/// The first of the steps within `scope` that components can take, but for time, for which `wanted` holds. If it holds for none,
/// `out` has them all: where the scope is not everything, those that may follow at once.
pub fn first_candidate(
    cluster: &Cluster<'_>,
    scope: Scope,
    out: &mut Vec<Action>,
    wanted: impl Fn(&Action) -> bool,
) -> Option<Action> {
    if let Some(revision) = controllers::replica_set::choosing(cluster).filter(|_| !is_cut_off(cluster)) {
        out.clear();
        controllers::replica_set::choices(cluster, revision, out);
        return out.iter().copied().find(wanted);
    }
    first_of_all(cluster, scope, out, wanted)
}

/// The same, as if no sync were choosing.
fn first_of_all(
    cluster: &Cluster<'_>,
    scope: Scope,
    out: &mut Vec<Action>,
    wanted: impl Fn(&Action) -> bool,
) -> Option<Action> {
    type Candidates = fn(&Cluster<'_>, Scope, &mut Vec<Action>);
    const COMPONENTS: [(Parts, Candidates); 8] = [
        (watch::PARTS, watch::candidates),
        (scheduler::PARTS, scheduler::candidates),
        (controllers::PARTS, controllers::candidates),
        (endpoints::PARTS, endpoints::candidates),
        (kubelet::PARTS, kubelet::candidates),
        (proxy::PARTS, proxy::candidates),
        (drain::PARTS, drain::candidates),
        (Parts::of(&[Part::Others]), process_candidates),
    ];
    out.clear();
    if is_cut_off(cluster) {
        return None;
    }
    let answers = api_server::answers(cluster);
    for (_, candidates) in COMPONENTS.into_iter().filter(|(parts, _)| scope.asks_any(*parts)) {
        let known = out.len();
        candidates(cluster, scope, out);
        if !answers {
            out.retain(|action| !needs_api_server(action));
        }
        let found = out.get(known..).and_then(|new| new.iter().copied().find(&wanted));
        if found.is_some() {
            return found;
        }
    }
    None
}

/// What can happen on nodes to the pods in `scope`, but for time, and what the PLEGs of their nodes can do.
pub fn local_candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    out.clear();
    if is_cut_off(cluster) || controllers::replica_set::choosing(cluster).is_some() {
        return;
    }
    watch::kubelet_news(cluster, scope, out);
    kubelet::local_candidates(cluster, scope, out);
    if !api_server::answers(cluster) {
        out.retain(|action| !needs_api_server(action));
    }
}

/// Processes that were stopped come back by themselves.
fn process_candidates(cluster: &Cluster<'_>, _scope: Scope, out: &mut Vec<Action>) {
    let control = cluster.shared.control_plane;
    if control.api_server_down() {
        out.push(Action::Process(Process::StartApiServer));
    }
    if control.scheduler_down() {
        out.push(Action::Process(Process::StartScheduler));
    }
    if control.controller_manager_down() {
        out.push(Action::Process(Process::StartControllerManager));
    }
    for node in cluster.node_ids() {
        let machine = cluster.node(node).machine;
        if machine.powered() && !machine.kubelet_runs() {
            out.push(Action::Process(Process::StartKubelet { node }));
        }
    }
}

/// The step is a request to the API server, or news from it.
fn needs_api_server(action: &Action) -> bool {
    match action {
        Action::Watch(_)
        | Action::Scheduler(Scheduler::BindPod { .. })
        | Action::Deployment(_)
        | Action::NodeLifecycle(_)
        | Action::TaintEviction(_)
        | Action::PodGarbageCollector(_)
        | Action::Disruption(_)
        | Action::EndpointSlice(_)
        | Action::Drain(_)
        | Action::Process(Process::StartScheduler | Process::StartControllerManager) => true,
        Action::ReplicaSet(step) => {
            matches!(
                step,
                ReplicaSet::CreatePod { .. } | ReplicaSet::DeletePod { .. } | ReplicaSet::UpdateStatus { .. }
            )
        }
        Action::Kubelet(step) => matches!(
            step,
            Kubelet::ReportStatus { .. } | Kubelet::RemovePod { .. } | Kubelet::ReportNodeStatus { .. }
        ),
        Action::Tick
        | Action::Scheduler(_)
        | Action::Container(_)
        | Action::Proxy(_)
        | Action::Process(_)
        | Action::Environment(_) => false,
    }
}

/// The steps of the followed pod's pipeline that can have a clock, but for time: its news on their way to the rules, and what
/// its kubelet and its containers do.
pub fn followed_candidates(cluster: &Cluster<'_>, pod: PodId, out: &mut Vec<Action>) {
    out.clear();
    if is_cut_off(cluster) || controllers::replica_set::choosing(cluster).is_some() {
        return;
    }
    watch::followed_candidates(cluster, pod, out);
    endpoints::candidates(cluster, Scope::EVERYTHING, out);
    kubelet::pod_candidates(cluster, pod, out);
    proxy::candidates(cluster, Scope::EVERYTHING, out);
    if !api_server::answers(cluster) {
        out.retain(|action| !needs_api_server(action));
    }
}

/// Every enabled step, in a fixed order.
pub fn enabled(cluster: &Cluster<'_>, out: &mut Vec<Action>) {
    enabled_but(cluster, out, |_| {});
}

/// The same. What is possible and cannot be taken for a reason that is the model's alone goes to `hold_back`: slow timers that run
/// and may not fire because something else can move, with the approximation only; and all that others can do while a sync is
/// choosing, which takes no time.
pub fn enabled_but(cluster: &Cluster<'_>, out: &mut Vec<Action>, mut hold_back: impl FnMut(&Action)) {
    candidates(cluster, out);
    if is_cut_off(cluster) {
        return;
    }
    if controllers::replica_set::choosing(cluster).is_some() {
        with_actions(|others| {
            first_of_all(cluster, Scope::EVERYTHING, others, |_| false);
            let runs = cluster.rules.clocks.run();
            others.iter().filter(|action| !runs || time::allows(cluster, action)).for_each(hold_back);
        });
        return;
    }
    let busy = is_busy(cluster, out);
    if busy && cluster.rules.approximates(Approximation::SlowTimersWhenQuiet) {
        out.retain(|action| {
            let slow = time::is_slow(cluster, action);
            if slow {
                hold_back(action);
            }
            !slow
        });
    }
    if cluster.rules.clocks.run() {
        out.retain(|action| time::allows(cluster, action));
    }
    environment::candidates(cluster, !busy, out);
    if time::may_tick(cluster) {
        out.push(Action::Tick);
    }
}

/// Can somebody move who has to at last? Nobody has to use an address again, or to do what nobody promises.
fn is_busy(cluster: &Cluster<'_>, candidates: &[Action]) -> bool {
    let has_to = |action: &Action| {
        !matches!(action, Action::Container(Container::ReuseAddress { .. }))
            && !fairness::is_left_open(cluster, action)
    };
    candidates.iter().any(|action| has_to(action) && !time::is_slow(cluster, action))
}

/// Takes a step. The step must be enabled.
pub fn apply(cluster: &mut Cluster<'_>, action: &Action) {
    match *action {
        Action::Tick => {
            time::tick(cluster);
            // The only guard that reads a clock: what it has held up until now is due at once.
            if time::passes_a_floor(cluster) {
                restart_clocks(cluster, None);
            }
            return;
        }
        Action::Watch(step) => watch::apply(cluster, step),
        Action::Scheduler(step) => scheduler::apply(cluster, step),
        Action::Deployment(step) => controllers::deployment::apply(cluster, step),
        Action::ReplicaSet(step) => controllers::replica_set::apply(cluster, step),
        Action::NodeLifecycle(step) => controllers::node_lifecycle::apply(cluster, step),
        Action::TaintEviction(step) => controllers::taint_eviction::apply(cluster, step),
        Action::PodGarbageCollector(step) => controllers::pod_garbage_collector::apply(cluster, step),
        Action::Disruption(step) => controllers::disruption::apply(cluster, step),
        Action::EndpointSlice(step) => endpoints::apply(cluster, step),
        Action::Kubelet(step) => kubelet::apply(cluster, step),
        Action::Container(step) => kubelet::container_runtime::apply(cluster, step),
        Action::Proxy(step) => proxy::apply(cluster, step),
        Action::Drain(step) => drain::apply(cluster, step),
        Action::Process(step) => start_process(cluster, step),
        Action::Environment(step) => environment::apply(cluster, step),
    }
    drain::settle(cluster);
    kubelet::addresses::settle(cluster);
    api_server::pods::reclaim_slots(cluster);
    // While a sync is choosing, everything else only seems impossible: its clocks go on.
    if time::is_running(cluster) && controllers::replica_set::choosing(cluster).is_none() {
        restart_clocks(cluster, Some(action));
    }
}

/// Starts and stops the clocks that run, after the step `taken`.
pub fn restart_clocks(cluster: &mut Cluster<'_>, taken: Option<&Action>) {
    with_actions(|possible| {
        match cluster.shared.control_plane.followed() {
            Some(pod) => followed_candidates(cluster, pod, possible),
            None => candidates(cluster, possible),
        }
        time::restart(cluster, taken, possible);
    });
}

fn start_process(cluster: &mut Cluster<'_>, step: Process) {
    match step {
        Process::StartApiServer => cluster.shared.control_plane.set_api_server_down(false),
        // A restarted leader acts only on copies that it has just listed (API-37 is left out: the list is current).
        Process::StartScheduler => {
            cluster.shared.control_plane.set_scheduler_down(false);
            watch::list(cluster, Watcher::Scheduler);
        }
        Process::StartControllerManager => {
            cluster.shared.control_plane.set_controller_manager_down(false);
            watch::list(cluster, Watcher::ControllerManager);
        }
        Process::StartKubelet { node } => kubelet::start(cluster, node),
    }
}

/// Does this step end in a write to the API server? Its order is what an audit log shows.
pub fn is_write(action: &Action) -> bool {
    match action {
        Action::Scheduler(step) => matches!(step, Scheduler::BindPod { .. }),
        Action::Deployment(step) => !matches!(step, Deployment::ExceedProgressDeadline),
        Action::ReplicaSet(step) => {
            matches!(
                step,
                ReplicaSet::CreatePod { .. } | ReplicaSet::DeletePod { .. } | ReplicaSet::UpdateStatus { .. }
            )
        }
        Action::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { .. }) => true,
        Action::NodeLifecycle(_)
        | Action::TaintEviction(_)
        | Action::PodGarbageCollector(_)
        | Action::Disruption(_)
        | Action::EndpointSlice(_) => true,
        Action::Kubelet(step) => matches!(
            step,
            Kubelet::ReportStatus { .. } | Kubelet::RemovePod { .. } | Kubelet::ReportNodeStatus { .. }
        ),
        Action::Drain(step) => !matches!(step, Drain::ListPods),
        Action::Environment(step) => matches!(
            step,
            Environment::ChangeTemplate
                | Environment::Scale
                | Environment::ScaleTo { .. }
                | Environment::DeletePod { .. }
                | Environment::ForceDeletePod { .. }
                | Environment::CordonNode { .. }
                | Environment::UncordonNode { .. }
                | Environment::DrainNode { .. }
                | Environment::TaintNode { .. }
                | Environment::UntaintNode { .. }
                | Environment::RelabelNode { .. }
                | Environment::RemoveNode { .. }
        ),
        Action::Tick
        | Action::Watch(Watch::DeliverPod { .. })
        | Action::Watch(_)
        | Action::Container(Container::Listen { .. })
        | Action::Container(_)
        | Action::Proxy(_)
        | Action::Process(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::approximation::Approximations;

    use super::*;
    use crate::test_cluster::{C0, N0, N1, P0, TestCluster};

    /// A back-off is slow: it waits, and with the approximation it waits for the cluster to be quiet.
    #[test]
    fn slow_timers_fire_when_nothing_else_can_move() {
        let start = Kubelet::StartContainer { pod: P0, container: C0 };
        for (waits, approximations) in [(true, Approximations::ALL), (false, Approximations::NONE)] {
            let mut cluster = TestCluster::running(1, 1, |s| s.approximations = approximations);
            cluster.change(|cluster| cluster.container_mut(P0, C0).set_backoff(2));
            cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
            cluster.take(Kubelet::Relist { node: N0 });
            assert!(cluster.can(Kubelet::ReportStatus { pod: P0 }));
            assert_eq!(cluster.can(start), !waits, "{approximations:?}");
            cluster.settle();
            cluster.take(start);
        }
    }

    /// Nobody has to use an address again: a cluster in which nothing else can move is quiet.
    #[test]
    fn slow_timers_do_not_wait_for_an_address_to_be_used_again() {
        let start = Kubelet::StartContainer { pod: P0, container: C0 };
        let reuse = Action::Container(Container::ReuseAddress { pod: P0 });
        let mut cluster = TestCluster::running(1, 2, |s| {
            s.approximations = Approximations::ALL;
            s.addresses_are_reused = true;
        });
        let node = cluster.look(|cluster| cluster.pod(P0).kubelet.node()).expect("it runs");
        let other = if node == N0 { N1 } else { N0 };
        cluster.befall(Environment::PartitionNode { node: other });
        cluster.change(|cluster| {
            cluster.container_mut(P0, C0).set_backoff(2);
            let proxy = cluster.proxy_mut(other, P0);
            proxy.rule.set_address(Some(podproof_vocabulary::observation::Address(3)));
            proxy.view = proxy.rule;
        });
        cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
        cluster.settle_but(|action| *action == reuse || *action == Action::Kubelet(start));
        assert!(cluster.can(reuse), "{:?}", cluster.enabled());
        assert!(cluster.can(start));
    }

    #[test]
    fn a_write_of_the_audit_log_is_told_from_what_stays_inside_a_process() {
        assert!(is_write(&Action::Scheduler(Scheduler::BindPod { pod: P0 })));
        assert!(!is_write(&Action::Scheduler(Scheduler::FlushPod { pod: P0 })));
        assert!(is_write(&Action::Environment(Environment::DeletePod { pod: P0 })));
        assert!(!is_write(&Action::Environment(Environment::CrashNode { node: N0 })));
        assert!(is_write(&Action::Kubelet(Kubelet::RemovePod { pod: P0 })));
        assert!(!is_write(&Action::Kubelet(Kubelet::Relist { node: N0 })));
        assert!(!is_write(&Action::Tick));
    }
}
