//! Whose part of a state is whose. Components share nothing but the store and what happens to the cluster, so a state falls
//! into what is *common* (the store, the machines, the budget of events) and one part for each process: its copies, its
//! queues, its plans, its containers, its rules. A part with what is common is a state in which the other processes know
//! nothing and do nothing; what its process can do there is what it can do in the whole, and does the same there.
//!
//! For who follows a recorded run: there every write is known, so each process can be followed on its own. A part goes on in three
//! ways: its process takes a step ([`step::apply`](crate::step::apply), then [`keep_only`]); another process writes ([`hear`]); or
//! something happens that is no process' step ([`process_of`] says none): it is applied to each part, and again [`keep_only`]. The
//! first and the last free the slots of pods that this part remembers nothing of, so slots are held ([`hold_slot`]). In states
//! without clocks all this is exact, but where a rule looks beyond its process' memory:
//!
//! - `node_lifecycle::is_silent` reads whether a kubelet runs, for the lease that it renews, which is no object; in the part of the
//!   controller manager every kubelet seems to be silent, so there a node may be marked Unknown too early.
//! - `sandbox::create` gives an address that nobody remembers; in the part of a kubelet nobody else remembers one,
//!   so there it may be one that the rules of a node still have.
//! - `addresses::candidates` and `addresses::settle` ask who still routes to an address that was freed; they matter only
//!   where addresses are used again.
//! - `replica_set::choosing`: while a sync chooses whom to delete no other process does anything, as that is one computation; in
//!   the parts of the others nothing stops.
//! - A response that is lost is what happens to the process that waits for it, and to no other's part.

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Container, Kubelet, Process, Proxy, Watch, Watcher};
use podproof_vocabulary::observation::Deletion;

use crate::cluster::Cluster;
use crate::controllers::replica_set;
use crate::state::Container as ContainerState;
use crate::state::{
    ControllerPod, DeploymentObject, KubeletPod, Machine, NodeObject, PodColumn, ProxyPod, SchedulerPod,
};
use crate::watch::ring::{self, Stream};
use crate::{api_server, kubelet, step, watch};

/// The process whose step it is; none for time, the API server, clients and what happens to the cluster.
pub fn process_of(cluster: &Cluster<'_>, action: &Action) -> Option<Watcher> {
    match *action {
        Action::Watch(watch) => Some(match watch {
            Watch::DeliverPod { to, .. } | Watch::DeliverNode { to, .. } | Watch::List { watcher: to } => to,
            Watch::DeliverDeployment | Watch::DeliverReplicaSet { .. } | Watch::DeliverBudget => {
                Watcher::ControllerManager
            }
            Watch::DeliverSlice { node } => Watcher::Proxy(node),
        }),
        Action::Scheduler(_) => Some(Watcher::Scheduler),
        Action::Deployment(_)
        | Action::ReplicaSet(_)
        | Action::NodeLifecycle(_)
        | Action::TaintEviction(_)
        | Action::PodGarbageCollector(_)
        | Action::Disruption(_)
        | Action::EndpointSlice(_) => Some(Watcher::ControllerManager),
        Action::Kubelet(
            Kubelet::Relist { node } | Kubelet::NoticeHang { node } | Kubelet::ReportNodeStatus { node },
        )
        | Action::Process(Process::StartKubelet { node }) => Some(Watcher::Kubelet(node)),
        Action::Kubelet(step) => kubelet::node_of(cluster, step.pod()?).map(Watcher::Kubelet),
        Action::Container(
            Container::Listen { pod, .. } | Container::Exit { pod, .. } | Container::ReuseAddress { pod },
        ) => kubelet::node_of(cluster, pod).map(Watcher::Kubelet),
        Action::Proxy(Proxy::ProgramRules { node }) => Some(Watcher::Proxy(node)),
        Action::Process(Process::StartScheduler) => Some(Watcher::Scheduler),
        Action::Process(Process::StartControllerManager) => Some(Watcher::ControllerManager),
        Action::Tick
        | Action::Drain(_)
        | Action::Process(Process::StartApiServer)
        | Action::Environment(_) => None,
    }
}

/// The processes of a cluster: each has a part of its own.
pub fn processes(cluster: &Cluster<'_>) -> Vec<Watcher> {
    let of_nodes = cluster.node_ids().flat_map(|node| [Watcher::Kubelet(node), Watcher::Proxy(node)]);
    [Watcher::Scheduler, Watcher::ControllerManager].into_iter().chain(of_nodes).collect()
}

/// Takes from a state what belongs to any process but `whose`; with none, all parts.
pub fn keep_only(cluster: &mut Cluster<'_>, whose: Option<Watcher>) {
    let is = |process| whose == Some(process);
    for slot in cluster.pod_ids() {
        let column = cluster.pod_mut(slot);
        if !is(Watcher::Scheduler) {
            column.scheduler = SchedulerPod::new();
        }
        if !is(Watcher::ControllerManager) {
            column.controller = ControllerPod::new();
        }
        if !column.kubelet.node().is_some_and(|node| is(Watcher::Kubelet(node))) {
            column.kubelet = KubeletPod::new();
            cluster.containers_of_mut(slot).fill(ContainerState::new());
        }
        for node in cluster.node_ids().filter(|&node| !is(Watcher::Proxy(node))) {
            *cluster.proxy_mut(node, slot) = ProxyPod::default();
        }
    }
    for node in cluster.node_ids() {
        let column = cluster.node_mut(node);
        if !is(Watcher::Scheduler) {
            column.scheduler = NodeObject::new();
        }
        if !is(Watcher::ControllerManager) {
            column.controller = NodeObject::new();
        }
        column.machine = with_own(
            without_own(column.machine),
            column.machine,
            is(Watcher::Kubelet(node)),
            is(Watcher::Proxy(node)),
        );
    }
    let control = &mut cluster.shared.control_plane;
    if !is(Watcher::Scheduler) {
        control.set_scheduler_down(false);
        control.set_scheduler_must_list(false);
    }
    if !is(Watcher::ControllerManager) {
        control.set_controller_manager_down(false);
        control.set_controller_manager_must_list(false);
        cluster.shared.deployment_view = DeploymentObject::new();
        cluster.shared.budget.set_unseen(false);
        for column in cluster.replica_sets.iter_mut() {
            *column = column.forgotten();
        }
    }
    for process in processes(cluster) {
        if !is(process) {
            watch::clear(cluster, process);
        }
    }
}

/// A machine without what belongs to its kubelet and its kube-proxy.
fn without_own(machine: Machine) -> Machine {
    with_own(machine, Machine::new(), true, true)
}

/// `machine` with what belongs to its kubelet, and to its kube-proxy, from `own`.
fn with_own(machine: Machine, own: Machine, kubelet: bool, proxy: bool) -> Machine {
    let mut result = machine;
    if kubelet {
        result = result
            .with_kubelet_runs(own.kubelet_runs())
            .with_kubelet_must_list(own.kubelet_must_list())
            .with_first_relist_pending(own.first_relist_pending())
            .with_unhealthy(own.unhealthy())
            .with_must_register(own.must_register());
    }
    if proxy {
        result = result.with_proxy_runs(own.proxy_runs()).with_proxy_must_list(own.proxy_must_list());
    }
    result
}

/// What is common comes to be as it is in `now`, by a step of another process: the news of it are on their way to whoever is in
/// this part. Plain copies of the store go to exact rings alone; without rings news are a function of store and copy.
pub fn hear(cluster: &mut Cluster<'_>, now: &Cluster<'_>) {
    let mut slice_changed = false;
    for pod in cluster.pod_ids() {
        let (before, after) = (cluster.pod(pod).api, now.pod(pod).api);
        let column = cluster.pod_mut(pod);
        column.head = now.pod(pod).head;
        column.api = after;
        slice_changed |= column.slice != now.pod(pod).slice;
        column.slice = now.pod(pod).slice;
        kubelet::status::remember_said(cluster, pod, before);
        if before.exists() && !after.exists() {
            // DEL-7: a removal is two events.
            let last = before.with_deletion(Deletion::Immediate);
            watch::publish_pod(cluster, pod, before, last);
            watch::publish_pod(cluster, pod, last, after);
        } else if before != after {
            watch::publish_pod(cluster, pod, before, after);
        }
    }
    cluster.recount_slots();
    if slice_changed {
        watch::publish_slice(cluster);
    }
    for node in cluster.node_ids() {
        let (before, after) = (cluster.node(node).api, now.node(node).api);
        let machine = cluster.node(node).machine;
        let column = cluster.node_mut(node);
        column.api = after;
        column.machine = with_own(now.node(node).machine, machine, true, true);
        if before != after {
            watch::publish_node(cluster, node, before, after);
        }
    }
    for revision in cluster.revision_ids() {
        let (mine, theirs) = (cluster.replica_set(revision), now.replica_set(revision));
        let after = mine
            .with_exists(theirs.exists())
            .with_replicas(theirs.replicas())
            .with_available(theirs.available())
            .with_desired(theirs.desired());
        if after != mine {
            *cluster.replica_set_mut(revision) = after;
            watch::publish_replica_set(cluster, revision);
        }
    }
    if cluster.shared.deployment != now.shared.deployment {
        cluster.shared.deployment = now.shared.deployment;
        watch::publish_deployment(cluster);
    }
    let unseen = cluster.shared.budget.unseen();
    cluster.shared.budget = now.shared.budget.with_unseen(unseen);
    let (mine, theirs) = (cluster.shared.control_plane, now.shared.control_plane);
    cluster.shared.control_plane = theirs
        .with_scheduler_down(mine.scheduler_down())
        .with_scheduler_must_list(mine.scheduler_must_list())
        .with_controller_manager_down(mine.controller_manager_down())
        .with_controller_manager_must_list(mine.controller_manager_must_list())
        .with_ring_overflow(mine.ring_overflow());
    cluster.shared.events_left = now.shared.events_left;
}

/// The queues of `whose` process, with how many events are in each.
pub fn queues(cluster: &Cluster<'_>, whose: Watcher) -> Vec<(Stream, usize)> {
    if !ring::is_kept(cluster) {
        return Vec::new();
    }
    let streams = Stream::all(cluster.rules.nodes).filter(|stream| stream.watcher() == whose);
    streams.map(|stream| (stream, ring::length(cluster, stream))).collect()
}

/// The oldest event on its way to `whose` process in one of these queues, if it can be delivered.
pub fn next_of(cluster: &Cluster<'_>, whose: Watcher, queues: &[Stream]) -> Option<Action> {
    if queues.is_empty() || !watch::takes_events(cluster, whose) {
        return None;
    }
    let mut possible = Vec::new();
    step::candidates(cluster, &mut possible);
    let is_of = |action: &Action, stream: Stream| match (action, stream) {
        (Action::Watch(Watch::DeliverPod { to, .. }), stream) => {
            *to == whose && !matches!(whose, Watcher::Proxy(_)) && stream == Stream::pods(whose)
        }
        (Action::Watch(Watch::DeliverNode { to, .. }), Stream::SchedulerNodes | Stream::ControllerNodes) => {
            *to == whose
        }
        (Action::Watch(Watch::DeliverReplicaSet { .. }), Stream::ReplicaSets)
        | (Action::Watch(Watch::DeliverDeployment), Stream::Deployments) => true,
        (Action::Watch(Watch::DeliverSlice { node }), Stream::Slices(of)) => *node == of,
        _ => false,
    };
    possible.into_iter().find(|action| queues.iter().any(|&stream| is_of(action, stream)))
}

/// The list that `whose` process has to make, if it can make it now.
pub fn list(cluster: &Cluster<'_>, whose: Watcher) -> Option<Action> {
    let may = watch::may_list(cluster, whose) && api_server::answers(cluster);
    let is_held_up = step::is_cut_off(cluster) || replica_set::choosing(cluster).is_some();
    (may && !is_held_up).then_some(Action::Watch(Watch::List { watcher: whose }))
}

/// Nobody in this part remembers the pod, nor is news of it on the way.
pub fn forgets(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let mut nothing = PodColumn::default();
    nothing.head = cluster.pod(pod).head;
    *cluster.pod(pod) == nothing
        && cluster.containers_of(pod).iter().all(|&container| container == ContainerState::new())
        && cluster.proxies_of(pod).iter().all(|&proxy| proxy == ProxyPod::default())
        && !watch::is_pending(cluster, pod)
}

/// Keeps the slot of a pod from being used again, however little of it is remembered in this part; or lets it go.
pub fn hold_slot(cluster: &mut Cluster<'_>, pod: PodId, held: bool) {
    cluster.pod_mut(pod).head.set_held(held);
    if !held && forgets(cluster, pod) {
        cluster.free_slot(pod);
    }
}
