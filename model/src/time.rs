//! Time: which clock each step runs against, and the tick.
//!
//! A clock runs exactly while one of its steps is possible and its component is up; it starts when that becomes so, and
//! stops when it ceases or when the step is taken. A step with a bound may be taken at once and must be before the
//! clock runs out; a timer's step only when it has. A tick is possible only when no clock has run out. Bounds are
//! closed and ties interleave: everything that is due now may happen in any order before time goes on.
//!
//! A period with nothing to find has no clock: a probe's clock starts when its next result would change something,
//! and a threshold of n results takes between n − 1 and n periods and the time-out of a call.

use podproof_vocabulary::action::{
    Action, Container, Deployment, Disruption, Drain, Kubelet, NodeLifecycle, PodGarbageCollector, Process,
    ReplicaSet, Scheduler, Watch, Watcher,
};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::observation::Deletion;
use podproof_vocabulary::scenario::{Hang, OnSigterm, PreStop, Probe, Scenario, Timing};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};
use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::controllers::taint_eviction;
use crate::endpoints;
use crate::kubelet::{container_runtime, probes};
use crate::rules::Tolerated;
use crate::state::Worker;

/// A clock of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OfPod {
    ToScheduler,
    ToControllerManager,
    ToKubelet,
    Schedule,
    Flush,
    Planned,
    Mark,
    Available,
    Evict,
    Collect,
    Disruption,
    Drain,
    Worker,
    Status,
    Removal,
    /// Monitor: the pod accepts, is Ready in the API and is not deleting.
    Steady,
}

/// A clock of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OfContainer {
    Start,
    Signal,
    Hook,
    Grace,
    Process,
    Readiness,
    Probe,
    /// Monitor: since SIGTERM.
    Floor,
    /// Monitor: since a deletion began to stop it.
    Deletion,
}

/// A clock of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OfNode {
    ToScheduler,
    ToControllerManager,
    ToProxy,
    KubeletList,
    ProxyList,
    Program,
    Relist,
    Notice,
    Status,
    Silence,
    TaintNoSchedule,
    TaintNoExecute,
    Start,
}

/// A clock of a ReplicaSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OfReplicaSet {
    Delivery,
    Sync,
}

/// A clock that there is once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Once {
    ToDeployment,
    ToBudget,
    DeploymentSync,
    Deadline,
    BudgetSync,
    SliceSync,
    DrainList,
    ApiServerStart,
    SchedulerStart,
    SchedulerList,
    ControllerManagerStart,
    ControllerManagerList,
}

/// Seconds of a grace period that a kubelet overrides with 0 (PW-18).
pub const OVERRIDDEN_GRACE: u32 = 1;

const POD_CLOCKS: usize = OfPod::Steady as usize + 1;
const CONTAINER_CLOCKS: usize = OfContainer::Deletion as usize + 1;
const NODE_CLOCKS: usize = OfNode::Start as usize + 1;
const REPLICA_SET_CLOCKS: usize = OfReplicaSet::Sync as usize + 1;
const ONCE_CLOCKS: usize = Once::ControllerManagerList as usize + 1;

/// A clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Pod(OfPod, PodId),
    Container(OfContainer, PodId, ContainerId),
    Node(OfNode, NodeId),
    ReplicaSet(OfReplicaSet, Revision),
    Once(Once),
}

/// When a step may be taken, in seconds since its clock started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    from: u32,
    to: u32,
}

impl Window {
    const fn within(bound: u32) -> Self {
        Self { from: 0, to: bound }
    }

    const fn exactly(length: u32) -> Self {
        Self { from: length, to: length }
    }
}

/// Which clocks a scenario runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// None: untimed.
    None,
    /// Those of the pod that is followed, with its pipeline.
    Followed,
    /// All.
    All,
}

/// The clocks of a scenario: how many, where, and how long a tick is.
#[derive(Clone, Debug)]
pub struct Clocks {
    mode: Mode,
    pods: usize,
    nodes: usize,
    containers: usize,
    revisions: usize,
    /// Seconds in a tick.
    pub unit: u32,
}

impl Clocks {
    /// The clocks of `scenario`.
    pub(crate) fn of(scenario: &Scenario, pods: usize, nodes: usize, containers: usize, revisions: usize) -> Self {
        let mode = match scenario.timing {
            Timing::Untimed => Mode::None,
            Timing::Timed if scenario.approximations.has(Approximation::Focus) => Mode::Followed,
            Timing::Timed => Mode::All,
        };
        Self { mode, pods, nodes, containers, revisions, unit: unit(scenario, mode) }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        match self.mode {
            Mode::None => 0,
            Mode::Followed => 3 + 2 * self.nodes + CONTAINER_CLOCKS * self.containers,
            Mode::All => {
                self.pods * (POD_CLOCKS + CONTAINER_CLOCKS * self.containers)
                    + self.nodes * NODE_CLOCKS
                    + self.revisions * REPLICA_SET_CLOCKS
                    + ONCE_CLOCKS
            }
        }
    }

    /// Are there clocks at all?
    pub fn run(&self) -> bool {
        self.mode != Mode::None
    }

    /// Does the search follow one pod?
    pub fn follow(&self) -> bool {
        self.mode == Mode::Followed
    }

    fn ticks(&self, seconds: u32) -> u16 {
        u16::try_from(seconds.div_ceil(self.unit)).unwrap_or(u16::MAX - 2).min(u16::MAX - 2)
    }
}

/// The greatest common divisor of every length that a clock of this scenario can have, in seconds, at least 1. All
/// lengths are divided by it before the search, which changes no verdict, as all bounds are closed.
fn unit(scenario: &Scenario, mode: Mode) -> u32 {
    let latencies = &scenario.latencies;
    let template = &scenario.workload.template;
    let mut lengths = vec![latencies.watch, latencies.endpoint_slice_sync, latencies.proxy_sync, template.grace_seconds];
    let mut grace_may_run_out = false;
    for container in &template.containers {
        lengths.push(container.listens_after_seconds);
        let (hook, exit) = (container.pre_stop, container.on_sigterm);
        let hook = match hook {
            None => Some(0),
            Some(PreStop::Seconds(seconds)) => Some(seconds),
            Some(PreStop::AnyTime) => None,
        };
        let exit = match exit {
            OnSigterm::Exit => Some(0),
            OnSigterm::Drain(seconds) | OnSigterm::Close(seconds) => Some(seconds),
            OnSigterm::Ignore => None,
        };
        lengths.extend(hook.into_iter().chain(exit));
        let longest = hook.zip(exit).map(|(hook, exit)| hook + exit);
        grace_may_run_out |= longest.is_none_or(|longest| longest >= template.grace_seconds);
    }
    let forced = [EventName::ForceDeletePod, EventName::ResourcePressure, EventName::KubeletRestart, EventName::NodeReturn];
    let forced = forced.into_iter().any(|event| scenario.events.count(event) > 0);
    if grace_may_run_out || forced {
        lengths.push(latencies.minimum_grace);
    }
    if forced {
        lengths.push(OVERRIDDEN_GRACE);
    }
    if mode == Mode::All {
        lengths.extend(Latencies::ROWS.iter().map(|row| row.value(latencies)));
        lengths.extend([scenario.workload.min_ready_seconds, scenario.workload.progress_deadline_seconds.unwrap_or(0)]);
        lengths.extend(template.tolerations.iter().filter_map(|toleration| toleration.seconds));
        let probes = template.containers.iter().flat_map(|c| [c.startup_probe, c.readiness_probe, c.liveness_probe]);
        lengths.extend(probes.flatten().flat_map(|p| [p.initial_delay_seconds, p.period_seconds, p.timeout_seconds]));
    }
    let gcd = |mut a: u32, mut b: u32| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    lengths.into_iter().fold(0, gcd).max(1)
}

/// Where a clock is among the words of a state; nowhere if it does not run.
fn index(cluster: &Cluster<'_>, clock: Clock) -> Option<usize> {
    let clocks = &cluster.rules.clocks;
    match clocks.mode {
        Mode::None => None,
        Mode::Followed => followed_index(cluster, clock),
        Mode::All => {
            let pod_width = POD_CLOCKS + CONTAINER_CLOCKS * clocks.containers;
            let nodes = clocks.pods * pod_width;
            let replica_sets = nodes + clocks.nodes * NODE_CLOCKS;
            let once = replica_sets + clocks.revisions * REPLICA_SET_CLOCKS;
            Some(match clock {
                Clock::Pod(kind, pod) => pod.index() * pod_width + kind as usize,
                Clock::Container(kind, pod, container) => {
                    pod.index() * pod_width + POD_CLOCKS + container.index() * CONTAINER_CLOCKS + kind as usize
                }
                Clock::Node(kind, node) => nodes + node.index() * NODE_CLOCKS + kind as usize,
                Clock::ReplicaSet(kind, revision) => replica_sets + revision.index() * REPLICA_SET_CLOCKS + kind as usize,
                Clock::Once(kind) => once + kind as usize,
            })
        }
    }
}

/// The clocks of the followed pod: its way from the store to the rules of each node, and its containers' timers. What
/// others wait for takes any time, so this only adds behaviours.
fn followed_index(cluster: &Cluster<'_>, clock: Clock) -> Option<usize> {
    let clocks = &cluster.rules.clocks;
    let followed = cluster.shared.control_plane.followed()?;
    let containers = 3 + 2 * clocks.nodes;
    match clock {
        Clock::Pod(OfPod::ToControllerManager, pod) if pod == followed => Some(0),
        Clock::Pod(OfPod::Steady, pod) if pod == followed => Some(1),
        Clock::Once(Once::SliceSync) if endpoints::is_stale(cluster, followed) => Some(2),
        Clock::Node(OfNode::ToProxy, node) => {
            let behind = cluster.proxy(node, followed).view != cluster.pod(followed).slice;
            behind.then_some(3 + 2 * node.index())
        }
        Clock::Node(OfNode::Program, node) => {
            let proxy = cluster.proxy(node, followed);
            (proxy.rule != proxy.view).then_some(4 + 2 * node.index())
        }
        Clock::Container(
            kind @ (OfContainer::Signal
            | OfContainer::Hook
            | OfContainer::Grace
            | OfContainer::Process
            | OfContainer::Floor
            | OfContainer::Deletion),
            pod,
            container,
        ) if pod == followed => Some(containers + container.index() * CONTAINER_CLOCKS + kind as usize),
        _ => None,
    }
}

/// A result of a probe that takes `threshold` runs (PRB-4).
fn probe_window(probe: Probe, threshold: u32, from_start: bool) -> Window {
    let delay = if from_start { probe.initial_delay_seconds } else { 0 };
    Window {
        from: delay + (threshold - 1) * probe.period_seconds,
        to: delay + threshold * probe.period_seconds + probe.timeout_seconds,
    }
}

/// A step that waits much longer than messages take: a toleration, the node-monitor grace, a back-off. With the
/// approximation that they fire when quiet they have no clocks.
pub fn is_slow(cluster: &Cluster<'_>, action: &Action) -> bool {
    match *action {
        Action::TaintEviction(podproof_vocabulary::action::TaintEviction::DeletePod { pod }) => {
            taint_eviction::tolerated(cluster, pod) != Tolerated::No
        }
        Action::Kubelet(Kubelet::StartContainer { pod, container }) => {
            let state = cluster.container(pod, container);
            state.cached().has_exited() && state.backoff() > 0
        }
        Action::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { .. })
        | Action::Scheduler(Scheduler::FlushPod { .. })
        | Action::Deployment(Deployment::ExceedProgressDeadline)
        | Action::PodGarbageCollector(PodGarbageCollector::FailPod { .. })
        | Action::Disruption(Disruption::ForgetDisruption { .. })
        | Action::Kubelet(Kubelet::NoticeHang { .. }) => true,
        _ => false,
    }
}

/// The clock that a step runs against, and when it may be taken; none takes any time.
fn timing(cluster: &Cluster<'_>, action: &Action) -> Option<(Clock, Window)> {
    use Window as W;
    let scenario = &cluster.rules.scenario;
    let l = &scenario.latencies;
    if cluster.rules.approximates(Approximation::SlowTimersWhenQuiet) && is_slow(cluster, action) {
        return None;
    }
    Some(match *action {
        Action::Tick | Action::Environment(_) => return None,
        Action::Watch(watch) => (watch_clock(watch), W::within(l.watch)),
        Action::Scheduler(step) => match step {
            Scheduler::AssumePod { pod, .. } | Scheduler::ParkPod { pod } | Scheduler::BindPod { pod } => {
                (Clock::Pod(OfPod::Schedule, pod), W::within(l.scheduler))
            }
            Scheduler::FlushPod { pod } => (Clock::Pod(OfPod::Flush, pod), W::exactly(l.unschedulable_flush)),
        },
        Action::Deployment(Deployment::ExceedProgressDeadline) => {
            let deadline = scenario.workload.progress_deadline_seconds.unwrap_or(0);
            (Clock::Once(Once::Deadline), W::exactly(deadline))
        }
        Action::Deployment(_) => (Clock::Once(Once::DeploymentSync), W::within(l.controller_sync)),
        Action::ReplicaSet(step) => match step {
            ReplicaSet::PlanReplicas { revision }
            | ReplicaSet::CreatePod { revision }
            | ReplicaSet::UpdateStatus { revision } => {
                (Clock::ReplicaSet(OfReplicaSet::Sync, revision), W::within(l.controller_sync))
            }
            ReplicaSet::ChooseVictim { .. } => return None,
            ReplicaSet::DeletePod { pod } => (Clock::Pod(OfPod::Planned, pod), W::within(l.controller_sync)),
            ReplicaSet::CountAvailable { pod } => {
                (Clock::Pod(OfPod::Available, pod), W::exactly(scenario.workload.min_ready_seconds))
            }
        },
        Action::NodeLifecycle(step) => match step {
            // NLC-3: the silence is counted from the last renewal, up to a period before it began, and noticed by a
            // pass up to a period later (9.1).
            NodeLifecycle::MarkNodeUnknown { node } => {
                let window = W { from: l.node_monitor_grace.saturating_sub(l.heartbeat), to: l.node_monitor_grace + l.heartbeat };
                (Clock::Node(OfNode::Silence, node), window)
            }
            NodeLifecycle::MarkPodNotReady { pod } => (Clock::Pod(OfPod::Mark, pod), W::within(l.controller_sync)),
            NodeLifecycle::TaintNoSchedule { node } => {
                (Clock::Node(OfNode::TaintNoSchedule, node), W::within(l.controller_sync))
            }
            NodeLifecycle::TaintNoExecute { node } => {
                (Clock::Node(OfNode::TaintNoExecute, node), W::within(l.controller_sync))
            }
        },
        Action::TaintEviction(podproof_vocabulary::action::TaintEviction::DeletePod { pod }) => {
            let window = match taint_eviction::tolerated(cluster, pod) {
                Tolerated::For(seconds) if seconds > 0 => W::exactly(seconds),
                _ => W::within(l.controller_sync),
            };
            (Clock::Pod(OfPod::Evict, pod), window)
        }
        Action::PodGarbageCollector(step) => match step {
            PodGarbageCollector::FailPod { pod } => (Clock::Pod(OfPod::Collect, pod), W::exactly(l.orphan_quarantine)),
            PodGarbageCollector::DeletePod { pod } => (Clock::Pod(OfPod::Collect, pod), W::within(l.controller_sync)),
        },
        Action::Disruption(step) => match step {
            Disruption::UpdateStatus => (Clock::Once(Once::BudgetSync), W::within(l.controller_sync)),
            Disruption::ForgetDisruption { pod } => (Clock::Pod(OfPod::Disruption, pod), W::exactly(l.disruption_timeout)),
        },
        Action::EndpointSlice(_) => (Clock::Once(Once::SliceSync), W::within(l.endpoint_slice_sync)),
        Action::Kubelet(step) => return kubelet_timing(cluster, step),
        Action::Container(step) => return process_timing(cluster, step),
        Action::Proxy(podproof_vocabulary::action::Proxy::ProgramRules { node }) => {
            (Clock::Node(OfNode::Program, node), W::within(l.proxy_sync))
        }
        Action::Drain(step) => match step {
            Drain::ListPods => (Clock::Once(Once::DrainList), W::within(l.eviction_retry)),
            Drain::EvictPod { pod } => (Clock::Pod(OfPod::Drain, pod), W::within(l.eviction_retry)),
            Drain::DeletePod { pod } => (Clock::Pod(OfPod::Drain, pod), W::within(l.controller_sync)),
        },
        Action::Process(step) => {
            let clock = match step {
                Process::StartApiServer => Clock::Once(Once::ApiServerStart),
                Process::StartScheduler => Clock::Once(Once::SchedulerStart),
                Process::StartControllerManager => Clock::Once(Once::ControllerManagerStart),
                Process::StartKubelet { node } => Clock::Node(OfNode::Start, node),
            };
            (clock, W::within(l.process_start))
        }
    })
}

fn watch_clock(watch: Watch) -> Clock {
    match watch {
        Watch::DeliverPod { to: Watcher::Scheduler, pod } => Clock::Pod(OfPod::ToScheduler, pod),
        Watch::DeliverPod { to: Watcher::ControllerManager, pod } => Clock::Pod(OfPod::ToControllerManager, pod),
        Watch::DeliverPod { to: _, pod } => Clock::Pod(OfPod::ToKubelet, pod),
        Watch::DeliverNode { to: Watcher::Scheduler, node } => Clock::Node(OfNode::ToScheduler, node),
        Watch::DeliverNode { to: _, node } => Clock::Node(OfNode::ToControllerManager, node),
        Watch::DeliverDeployment => Clock::Once(Once::ToDeployment),
        Watch::DeliverReplicaSet { revision } => Clock::ReplicaSet(OfReplicaSet::Delivery, revision),
        Watch::DeliverBudget => Clock::Once(Once::ToBudget),
        Watch::DeliverSlice { node } => Clock::Node(OfNode::ToProxy, node),
        Watch::List { watcher } => match watcher {
            Watcher::Scheduler => Clock::Once(Once::SchedulerList),
            Watcher::ControllerManager => Clock::Once(Once::ControllerManagerList),
            Watcher::Kubelet(node) => Clock::Node(OfNode::KubeletList, node),
            Watcher::Proxy(node) => Clock::Node(OfNode::ProxyList, node),
        },
    }
}

fn kubelet_timing(cluster: &Cluster<'_>, step: Kubelet) -> Option<(Clock, Window)> {
    use Window as W;
    let l = &cluster.rules.scenario.latencies;
    Some(match step {
        Kubelet::BeginTermination { pod }
        | Kubelet::CreateSandbox { pod }
        | Kubelet::StopSandbox { pod }
        | Kubelet::FinishPod { pod }
        | Kubelet::ForgetPod { pod } => (Clock::Pod(OfPod::Worker, pod), W::within(l.kubelet_reaction)),
        Kubelet::StartContainer { pod, container } => {
            let state = cluster.container(pod, container);
            let waits = if state.cached().has_exited() { container_runtime::backoff_seconds(cluster, state) } else { 0 };
            (Clock::Container(OfContainer::Start, pod, container), W { from: waits, to: waits + l.kubelet_reaction })
        }
        Kubelet::StopContainer { pod, container } => {
            (Clock::Container(OfContainer::Start, pod, container), W::within(l.kubelet_reaction))
        }
        // What a kill does next it does at once.
        Kubelet::RunPreStop { pod, container }
        | Kubelet::SendSigterm { pod, container }
        | Kubelet::SendSigkill { pod, container } => (Clock::Container(OfContainer::Signal, pod, container), W::within(0)),
        Kubelet::FinishPreStop { pod, container } => {
            let window = match container_runtime::hook_of(cluster, pod, container) {
                Some(PreStop::Seconds(seconds)) => W::exactly(seconds),
                _ => W::within(container_runtime::grace_seconds(cluster, pod)),
            };
            (Clock::Container(OfContainer::Hook, pod, container), window)
        }
        Kubelet::ExpireGrace { pod, container } => {
            (Clock::Container(OfContainer::Grace, pod, container), W::exactly(container_runtime::grace_seconds(cluster, pod)))
        }
        Kubelet::ReportStatus { pod } => (Clock::Pod(OfPod::Status, pod), W::within(l.status_report)),
        Kubelet::RemovePod { pod } => (Clock::Pod(OfPod::Removal, pod), W::within(l.final_deletion)),
        Kubelet::FlipReadiness { pod, container } => {
            let probe = cluster.rules.container(container).readiness?;
            let turns_ready = cluster.container(pod, container).accepting();
            let threshold = if turns_ready { probe.success_threshold } else { probe.failure_threshold };
            let window = probe_window(probe, threshold, false);
            // The first probe waits for its initial delay; how much of it has passed is not kept.
            let to = if turns_ready { window.to + probe.initial_delay_seconds } else { window.to };
            (Clock::Container(OfContainer::Readiness, pod, container), W { from: window.from, to })
        }
        Kubelet::PassStartup { pod, container } => {
            let probe = cluster.rules.container(container).startup?;
            let window = probe_window(probe, 1, false);
            (Clock::Container(OfContainer::Probe, pod, container), W { from: 0, to: window.to + probe.initial_delay_seconds })
        }
        Kubelet::FailProbe { pod, container } => {
            let rules = cluster.rules.container(container);
            let started = probes::is_started(cluster, pod, container);
            let probe = if started { rules.liveness } else { rules.startup }?;
            let fresh = !cluster.container(pod, container).has_listened();
            (Clock::Container(OfContainer::Probe, pod, container), probe_window(probe, probe.failure_threshold, fresh))
        }
        Kubelet::Relist { node } => (Clock::Node(OfNode::Relist, node), W::within(l.pleg_relist)),
        Kubelet::NoticeHang { node } => {
            let after = match cluster.rules.scenario.hang {
                Hang::RpcTimeout => l.runtime_timeout.min(l.pleg_threshold),
                _ => l.pleg_threshold,
            };
            (Clock::Node(OfNode::Notice, node), W { from: after, to: after + l.heartbeat })
        }
        Kubelet::ReportNodeStatus { node } => (Clock::Node(OfNode::Status, node), W::within(l.heartbeat)),
    })
}

fn process_timing(cluster: &Cluster<'_>, step: Container) -> Option<(Clock, Window)> {
    match step {
        Container::Listen { pod, container } => {
            let after = cluster.rules.container(container).listens_after;
            Some((Clock::Container(OfContainer::Process, pod, container), Window::exactly(after)))
        }
        Container::Exit { pod, container } if cluster.container(pod, container).sigterm() => {
            let after = cluster.rules.container(container).exits_after()?;
            Some((Clock::Container(OfContainer::Process, pod, container), Window::exactly(after)))
        }
        // How long an init container takes nobody says; nor when CNI uses an address again.
        Container::Exit { .. } | Container::ReuseAddress { .. } => None,
    }
}

/// Does a clock run for this step?
pub fn is_clocked(cluster: &Cluster<'_>, action: &Action) -> bool {
    timing(cluster, action).is_some_and(|(clock, _)| index(cluster, clock).is_some())
}

/// May this step be taken now, as far as time is concerned?
pub fn allows(cluster: &Cluster<'_>, action: &Action) -> bool {
    let Some((clock, window)) = timing(cluster, action) else { return true };
    let Some(index) = index(cluster, clock) else { return true };
    match cluster.clocks[index] {
        0 => true,
        value => {
            let left = value - 1;
            let clocks = &cluster.rules.clocks;
            left <= clocks.ticks(window.to) - clocks.ticks(window.from)
        }
    }
}

/// The clocks that only watch: they run down, stay there, and hold up no tick.
fn monitors(cluster: &Cluster<'_>) -> SmallVec<[(usize, bool, u32); 8]> {
    let mut monitors = SmallVec::new();
    let latencies = &cluster.rules.scenario.latencies;
    let mut add = |clock, runs, length| {
        if let Some(index) = index(cluster, clock) {
            monitors.push((index, runs, length));
        }
    };
    for pod in cluster.used_pods() {
        let column = cluster.pod(pod);
        let accepting = cluster.container(pod, cluster.rules.serving()).accepting();
        let steady = column.api.exists() && column.api.ready() && !column.api.is_deleting() && accepting;
        add(Clock::Pod(OfPod::Steady, pod), steady, latencies.propagation() + cluster.rules.clocks.unit);
        for container in cluster.container_ids() {
            let state = cluster.container(pod, container);
            let dying = state.is_running() && state.stopping() && column.kubelet.worker() == Worker::Terminating;
            add(Clock::Container(OfContainer::Floor, pod, container), state.is_running() && state.sigterm(), latencies.minimum_grace);
            let grace = match column.api.deletion() {
                Deletion::Graceful => cluster.rules.scenario.workload.template.grace_seconds.max(latencies.minimum_grace),
                Deletion::None | Deletion::Immediate => latencies.minimum_grace,
            };
            add(Clock::Container(OfContainer::Deletion, pod, container), dying, grace);
        }
    }
    monitors
}

/// After a step: clocks whose steps are no longer possible stop, those whose steps have become possible start.
/// `candidates` are the steps that are possible but for time; `taken` is the step.
pub fn restart(cluster: &mut Cluster<'_>, taken: Option<&Action>, candidates: &[Action]) {
    if !cluster.rules.clocks.run() {
        return;
    }
    let mut runs: SmallVec<[bool; 128]> = SmallVec::from_elem(false, cluster.clocks.len());
    let taken_clock = taken.and_then(|action| timing(cluster, action)).and_then(|(clock, _)| index(cluster, clock));
    if let Some(index) = taken_clock {
        cluster.clocks[index] = 0;
    }
    let mut start = |cluster: &mut Cluster<'_>, index: usize, seconds: u32| {
        runs[index] = true;
        if cluster.clocks[index] == 0 {
            cluster.clocks[index] = cluster.rules.clocks.ticks(seconds) + 1;
        }
    };
    for action in candidates {
        let Some((clock, window)) = timing(cluster, action) else { continue };
        if let Some(index) = index(cluster, clock) {
            start(cluster, index, window.to);
        }
    }
    for (index, watches, seconds) in monitors(cluster) {
        if watches {
            start(cluster, index, seconds);
        }
    }
    for (clock, runs) in cluster.clocks.iter_mut().zip(runs) {
        if !runs {
            *clock = 0;
        }
    }
}

/// A tick is possible: a clock runs, and none that holds it up has run out.
pub fn may_tick(cluster: &Cluster<'_>) -> bool {
    if !cluster.rules.clocks.run() {
        return false;
    }
    let mut watching: SmallVec<[bool; 128]> = SmallVec::from_elem(false, cluster.clocks.len());
    for (index, ..) in monitors(cluster) {
        watching[index] = true;
    }
    let due = cluster.clocks.iter().zip(&watching).any(|(&clock, &watches)| clock == 1 && !watches);
    !due && cluster.clocks.iter().any(|&clock| clock > 1)
}

/// One unit of time passes.
pub fn tick(cluster: &mut Cluster<'_>) {
    for clock in cluster.clocks.iter_mut().filter(|clock| **clock > 1) {
        *clock -= 1;
    }
}

fn has_run_down(cluster: &Cluster<'_>, clock: Clock) -> Option<bool> {
    index(cluster, clock).map(|index| cluster.clocks[index] == 1)
}

/// The least time between SIGTERM and SIGKILL has passed; none without a clock (KIL-5).
pub fn floor_has_passed(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> Option<bool> {
    has_run_down(cluster, Clock::Container(OfContainer::Floor, pod, container))
}

/// The grace of the pod's deletion has passed since it began; none without a clock.
pub fn grace_has_passed(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> Option<bool> {
    has_run_down(cluster, Clock::Container(OfContainer::Deletion, pod, container))
}

/// The pod has been steady (accepting, Ready in the API, not deleting) for longer than the propagation bound; untimed,
/// it is steady.
pub fn is_steady(cluster: &Cluster<'_>, pod: PodId) -> bool {
    if !cluster.rules.clocks.run() {
        let object = cluster.pod(pod).api;
        let accepting = cluster.container(pod, cluster.rules.serving()).accepting();
        return object.exists() && object.ready() && !object.is_deleting() && accepting;
    }
    has_run_down(cluster, Clock::Pod(OfPod::Steady, pod)) == Some(true)
}
