//! The clocks of a scenario: which there are, where each is among the words of a state, and how long a tick is.

use std::ops::Range;

use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::scenario::{OnSigterm, PreStop, Scenario, Timing};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};

use super::OVERRIDDEN_GRACE;
use crate::cluster::Cluster;
use crate::controllers::pod_garbage_collector;
use crate::endpoints;
use crate::kubelet::back_off;
use crate::watch::ring::Stream;

/// A clock of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfPod {
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
pub(super) enum OfContainer {
    Start,
    Signal,
    Hook,
    Grace,
    Listen,
    Exit,
    Readiness,
    Probe,
    /// Monitor: since SIGTERM.
    Floor,
    /// Monitor: since a deletion began to stop it.
    Deletion,
}

/// A clock of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfNode {
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
pub(super) enum OfReplicaSet {
    Delivery,
    Sync,
}

/// A clock that there is once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Once {
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

const POD_CLOCKS: usize = OfPod::Steady as usize + 1;
const CONTAINER_CLOCKS: usize = OfContainer::Deletion as usize + 1;
const NODE_CLOCKS: usize = OfNode::Start as usize + 1;
const REPLICA_SET_CLOCKS: usize = OfReplicaSet::Sync as usize + 1;
const ONCE_CLOCKS: usize = Once::ControllerManagerList as usize + 1;
/// Where one pod is followed: its clocks that are of no node and no container.
const FOLLOWED_BEFORE_NODES: usize = 3;
/// Where one pod is followed: clocks of each node.
const FOLLOWED_NODE_CLOCKS: usize = 2;

/// A clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Pod(OfPod, PodId),
    Container(OfContainer, PodId, ContainerId),
    Node(OfNode, NodeId),
    ReplicaSet(OfReplicaSet, Revision),
    Once(Once),
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

/// Ticks that a clock counts at most.
pub(crate) const TICKS_MAX: u16 = u16::MAX - 2;

/// The clocks of a scenario: how many, where, and how long a tick is.
#[derive(Clone, Debug)]
pub struct Clocks {
    mode: Mode,
    pods: usize,
    nodes: usize,
    containers: usize,
    revisions: usize,
    /// Streams of an exact search, whose events have a clock each.
    streams: usize,
    ring_capacity: usize,
    /// Seconds in a tick.
    pub unit: u32,
    longest: u32,
}

impl Clocks {
    /// The clocks of `scenario`.
    pub(crate) fn of(
        scenario: &Scenario,
        pods: usize,
        nodes: usize,
        containers: usize,
        revisions: usize,
    ) -> Self {
        let mode = match scenario.timing {
            Timing::Untimed => Mode::None,
            Timing::Timed if scenario.approximations.has(Approximation::Focus) => Mode::Followed,
            Timing::Timed => Mode::All,
        };
        // Beside a followed pod events take any time, but for its own.
        let exact_views = !scenario.approximations.has(Approximation::CoalescedWatchEvents);
        let streams = if exact_views && mode == Mode::All { Stream::count(nodes) } else { 0 };
        let ring_capacity = scenario.ring_capacity.into();
        let (unit, longest) = unit(scenario, mode);
        Self { mode, pods, nodes, containers, revisions, streams, ring_capacity, unit, longest }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        match self.mode {
            Mode::None => 0,
            Mode::Followed => {
                FOLLOWED_BEFORE_NODES + FOLLOWED_NODE_CLOCKS * self.nodes + CONTAINER_CLOCKS * self.containers
            }
            Mode::All => self.events_start() + self.streams * self.ring_capacity,
        }
    }

    fn events_start(&self) -> usize {
        self.pods * (POD_CLOCKS + CONTAINER_CLOCKS * self.containers)
            + self.nodes * NODE_CLOCKS
            + self.revisions * REPLICA_SET_CLOCKS
            + ONCE_CLOCKS
    }

    /// Has each watch event a clock of its own, from its write to its delivery?
    pub(super) fn run_for_events(&self) -> bool {
        self.streams > 0
    }

    /// The clocks of a stream's events, the oldest first.
    pub(super) fn of_events(&self, stream: Stream) -> Range<usize> {
        let start = self.events_start() + stream.number(self.nodes) * self.ring_capacity;
        start..start + self.ring_capacity
    }

    /// The clocks of a pod and of its containers, in a row of their own. Those of a pod that is followed are in no row: there
    /// is one such pod.
    pub(crate) fn of_pod(&self, pod: PodId) -> Range<usize> {
        let width = match self.mode {
            Mode::None | Mode::Followed => 0,
            Mode::All => POD_CLOCKS + CONTAINER_CLOCKS * self.containers,
        };
        pod.index() * width..(pod.index() + 1) * width
    }

    /// The clocks of a node, in a row of their own.
    pub(crate) fn of_node(&self, node: NodeId) -> Range<usize> {
        let (start, width) = match self.mode {
            Mode::None => (0, 0),
            Mode::Followed => (FOLLOWED_BEFORE_NODES, FOLLOWED_NODE_CLOCKS),
            Mode::All => (self.pods * (POD_CLOCKS + CONTAINER_CLOCKS * self.containers), NODE_CLOCKS),
        };
        start + node.index() * width..start + (node.index() + 1) * width
    }

    /// Are there clocks at all?
    pub fn run(&self) -> bool {
        self.mode != Mode::None
    }

    /// Does the search follow one pod?
    pub fn follow(&self) -> bool {
        self.mode == Mode::Followed
    }

    /// The longest length in ticks, if clocks run and it is more than one can count.
    pub(crate) fn too_long(&self) -> Option<u32> {
        let ticks = self.longest.div_ceil(self.unit);
        (self.run() && ticks > TICKS_MAX.into()).then_some(ticks)
    }

    /// A window as ticks. One made of several lengths that together are more than a clock counts is cut to that.
    pub(super) fn ticks(&self, seconds: u32) -> u16 {
        u16::try_from(seconds.div_ceil(self.unit)).unwrap_or(TICKS_MAX).min(TICKS_MAX)
    }
}

/// The greatest common divisor of every length that a clock of this scenario can have, in seconds, at least 1. All
/// lengths are divided by it before the search, which changes no verdict, as all bounds are closed. With it, the longest
/// of them in seconds.
fn unit(scenario: &Scenario, mode: Mode) -> (u32, u32) {
    let latencies = &scenario.latencies;
    let template = &scenario.workload.template;
    let mut lengths =
        vec![latencies.watch, latencies.endpoint_slice_sync, latencies.proxy_sync, template.grace_seconds];
    let mut grace_may_run_out = false;
    for container in &template.containers {
        lengths.push(container.listens_after_seconds);
        let (hook, exit) = (container.pre_stop, container.on_sigterm);
        let hook = match hook {
            None => Some(0),
            Some(PreStop::Seconds(seconds)) => Some(seconds),
            Some(PreStop::AtLeast(seconds)) => {
                lengths.push(seconds);
                None
            }
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
    let forced = [
        EventName::ForceDeletePod,
        EventName::ResourcePressure,
        EventName::KubeletRestart,
        EventName::NodeReturn,
        EventName::RemoveNode,
    ];
    let forced = forced.into_iter().any(|event| scenario.events.count(event) > 0);
    if grace_may_run_out || forced {
        lengths.push(latencies.minimum_grace);
    }
    // A pod without a grace period has that of a deletion that is forced.
    if forced || template.grace_seconds == 0 {
        lengths.push(OVERRIDDEN_GRACE);
    }
    if mode == Mode::All {
        lengths.extend(Latencies::ROWS.iter().map(|row| row.value(latencies)));
        lengths.extend(back_off::all_retry_seconds(scenario));
        lengths.push(pod_garbage_collector::PERIOD);
        lengths.extend([
            scenario.workload.min_ready_seconds,
            scenario.workload.progress_deadline_seconds.unwrap_or(0),
        ]);
        lengths.extend(template.tolerations.iter().filter_map(|toleration| toleration.seconds));
        let probes =
            template.containers.iter().flat_map(|c| [c.startup_probe, c.readiness_probe, c.liveness_probe]);
        lengths.extend(
            probes.flatten().flat_map(|p| [p.initial_delay_seconds, p.period_seconds, p.timeout_seconds]),
        );
    }
    let gcd = |mut a: u32, mut b: u32| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let longest = lengths.iter().copied().max().unwrap_or(0);
    (lengths.into_iter().fold(0, gcd).max(1), longest)
}

/// Where a clock is among the words of a state; nowhere if it does not run.
pub(super) fn index(cluster: &Cluster<'_>, clock: Clock) -> Option<usize> {
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
                    pod.index() * pod_width
                        + POD_CLOCKS
                        + container.index() * CONTAINER_CLOCKS
                        + kind as usize
                }
                Clock::Node(kind, node) => nodes + node.index() * NODE_CLOCKS + kind as usize,
                Clock::ReplicaSet(kind, revision) => {
                    replica_sets + revision.index() * REPLICA_SET_CLOCKS + kind as usize
                }
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
    let of_node = |node| clocks.of_node(node).start;
    let containers = of_node(NodeId::from(clocks.nodes));
    match clock {
        Clock::Pod(OfPod::ToControllerManager, pod) if pod == followed => Some(0),
        Clock::Pod(OfPod::Steady, pod) if pod == followed => Some(1),
        Clock::Once(Once::SliceSync) if endpoints::is_stale(cluster, followed) => Some(2),
        Clock::Node(OfNode::ToProxy, node) => {
            let behind = cluster.proxy(node, followed).view != cluster.pod(followed).slice;
            behind.then_some(of_node(node))
        }
        Clock::Node(OfNode::Program, node) => {
            let proxy = cluster.proxy(node, followed);
            (proxy.rule != proxy.view).then_some(of_node(node) + 1)
        }
        Clock::Container(
            kind @ (OfContainer::Signal
            | OfContainer::Hook
            | OfContainer::Grace
            | OfContainer::Listen
            | OfContainer::Exit
            | OfContainer::Floor
            | OfContainer::Deletion),
            pod,
            container,
        ) if pod == followed => Some(containers + container.index() * CONTAINER_CLOCKS + kind as usize),
        _ => None,
    }
}
