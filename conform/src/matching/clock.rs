//! How long things take at least. A log has times, and some steps cannot come before their time: a grace period does not run out
//! early, a hook that sleeps for three seconds does not end after one. For each pod the earliest moment is kept at which what
//! was done with it so far can have been done; a step that is seen earlier than it can be is none.
//!
//! Only lower bounds: nothing here says that anything must happen soon.

use std::collections::{BTreeMap, VecDeque};

use podproof_model::Cluster;
use podproof_model::kubelet::{back_off, container_runtime};
use podproof_vocabulary::action::{Action, Container, Environment, Kubelet, ReplicaSet};
use podproof_vocabulary::observation::TaintsSeen;
use podproof_vocabulary::scenario::{PreStop, Probe};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use crate::record::Micros;

/// What a moment is the moment of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Mark {
    /// The container's process was started.
    Start,
    /// It began to be stopped.
    Stop,
    /// Its preStop hook began.
    Hook,
    /// It got SIGTERM.
    Term,
    /// Its process ended.
    Exit,
}

/// Moments that the store shows.
#[derive(Clone, Debug, Default)]
pub struct Dates {
    /// When the deletion of a pod was asked for.
    pub deleted: BTreeMap<PodId, Micros>,
    /// When a pod came to its node.
    pub bound: BTreeMap<PodId, Micros>,
    /// When a node got its first NoExecute taint, of those that it has.
    pub tainted: BTreeMap<NodeId, Micros>,
    /// The taints that a node had before somebody last took a NoExecute taint away from it, and when that was.
    pub relieved: BTreeMap<NodeId, (TaintsSeen, Micros)>,
    /// What the deletions of a pod give it: when each was asked for, and for how many seconds, each fewer than before.
    graces: BTreeMap<PodId, Vec<(Micros, u32)>>,
    /// Since when a pod is Ready.
    ready: BTreeMap<PodId, Micros>,
    /// Signs of life of a node, the newest last, no more than so many.
    pub signs: BTreeMap<NodeId, VecDeque<Micros>>,
}

/// Signs of life that are kept.
const SIGNS: usize = 64;

impl Dates {
    /// The store has come from `before` to `after`.
    pub fn note(&mut self, before: &Cluster<'_>, after: &Cluster<'_>, at: Micros) {
        for pod in after.pod_ids() {
            let (was, is) = (before.pod(pod).api, after.pod(pod).api);
            if is.is_deleting() && !was.is_deleting() || was.exists() && !is.exists() {
                self.deleted.entry(pod).or_insert(at);
            }
            if is.node().is_some() && was.node().is_none() {
                self.bound.insert(pod, at);
            }
            if is.ready() && !was.ready() {
                self.ready.insert(pod, at);
            }
        }
        let driven = |taints: TaintsSeen| {
            taints.not_ready_no_execute || taints.unreachable_no_execute || taints.custom
        };
        for node in after.node_ids() {
            let (had, has) = (before.node(node).api.taints(), after.node(node).api.taints());
            let is_relieved = had.not_ready_no_execute && !has.not_ready_no_execute
                || had.unreachable_no_execute && !has.unreachable_no_execute
                || had.custom && !has.custom;
            if is_relieved {
                self.relieved.insert(node, (had, at));
            }
            match (driven(had), driven(has)) {
                (false, true) => {
                    self.tainted.insert(node, at);
                }
                (true, false) => {
                    self.tainted.remove(&node);
                }
                _ => {}
            }
        }
    }

    /// A deletion that was asked for at `at` gives a pod so many seconds. A pod that has less already keeps that (DEL-10).
    pub fn give(&mut self, pod: PodId, at: Micros, seconds: u32) {
        let given = self.graces.entry(pod).or_default();
        if given.last().is_none_or(|&(_, before)| seconds < before) {
            given.push((at, seconds));
        }
    }

    /// When the grace period of a deleted pod is over whose kill began at `began`, at the earliest; none if it is not known how long
    /// it is. A kill under way may go on with a shorter one (DEL-11, PW-6).
    fn grace_over(&self, pod: PodId, began: Micros) -> Option<Micros> {
        let given = self.graces.get(&pod)?.iter();
        given.map(|&(at, length)| began.max(at).saturating_add(seconds(length))).min()
    }

    /// Is a pod that is Ready so since this moment, or longer?
    pub fn is_ready_since(&self, pod: PodId, at: Micros) -> bool {
        self.ready.get(&pod).is_none_or(|&since| since <= at)
    }

    /// The kubelet of `node` was heard of.
    pub fn sign(&mut self, node: NodeId, at: Micros) {
        let signs = self.signs.entry(node).or_default();
        signs.push_back(at);
        if signs.len() > SIGNS {
            signs.pop_front();
        }
    }

    /// For how long `node` was silent at `at`, and for how long it is silent between two signs of life at least, as one that has much to do
    /// may be late; none if too little is known of it.
    pub fn silence(&self, node: NodeId, at: Micros) -> Option<(Micros, Micros)> {
        let signs = self.signs.get(&node)?;
        let mut before: Vec<Micros> = signs.iter().copied().filter(|&sign| sign <= at).collect();
        before.sort_unstable();
        let least = before.windows(2).map(|pair| pair[1] - pair[0]).min()?;
        Some((at - before.last()?, least))
    }

    /// A pod is forgotten.
    pub fn forget(&mut self, pod: PodId) {
        self.deleted.remove(&pod);
        self.bound.remove(&pod);
        self.graces.remove(&pod);
        self.ready.remove(&pod);
    }
}

/// The earliest moments of one process' pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Clock {
    floors: BTreeMap<PodId, Micros>,
    marks: BTreeMap<(PodId, ContainerId, Mark), Micros>,
}

const SECOND: Micros = 1_000_000;

fn seconds(seconds: u32) -> Micros {
    Micros::from(seconds) * SECOND
}

/// A probe comes to its result after so many runs at the earliest; the first is at once after the initial delay (PRB-2, PRB-4).
fn probe_time(probe: &Probe, threshold: u32) -> Micros {
    seconds(probe.initial_delay_seconds)
        + seconds(probe.period_seconds) * Micros::from(threshold.saturating_sub(1))
}

impl Clock {
    /// The earliest moment at which everything so far can have been done with `pod`.
    pub fn floor(&self, pod: PodId) -> Micros {
        self.floors.get(&pod).copied().unwrap_or_default()
    }

    fn mark(&self, pod: PodId, container: ContainerId, mark: Mark) -> Micros {
        self.marks.get(&(pod, container, mark)).copied().unwrap_or_default()
    }

    /// Is nothing earlier by `other`? All are lower bounds, so whatever can be by `other` can be by this.
    pub fn is_no_later(&self, other: &Self) -> bool {
        self.floors.iter().all(|(pod, floor)| *floor <= other.floor(*pod))
            && self.marks.iter().all(|(&(pod, container, mark), at)| *at <= other.mark(pod, container, mark))
    }

    /// What was done with `pod` so far was done by this moment.
    pub fn raise(&mut self, pod: PodId, to: Micros) {
        let floor = self.floors.entry(pod).or_default();
        *floor = (*floor).max(to);
    }

    /// The pod that a step of a kubelet or of a container is about, and the earliest moment at which it can be taken in
    /// `cluster`.
    pub fn earliest(&self, cluster: &Cluster<'_>, dates: &Dates, action: &Action) -> Option<(PodId, Micros)> {
        let (pod, own) = match *action {
            Action::Kubelet(step) => {
                let pod = step.pod()?;
                (pod, self.of_kubelet(cluster, dates, step))
            }
            // RS-7: from the `lastTransitionTime` on, which is cut to a second (S28 `pkg/api/v1/pod` `IsPodAvailable`).
            Action::ReplicaSet(ReplicaSet::CountAvailable { pod }) => {
                let since = dates.ready.get(&pod).copied().unwrap_or_default() - seconds(1);
                (pod, since + seconds(cluster.rules.scenario.workload.min_ready_seconds))
            }
            Action::Container(Container::Listen { pod, .. } | Container::Exit { pod, .. })
            | Action::Environment(
                Environment::CrashContainer { pod, .. } | Environment::KillSandbox { pod },
            ) => (pod, 0),
            _ => return None,
        };
        Some((pod, own.max(self.floor(pod))))
    }

    fn of_kubelet(&self, cluster: &Cluster<'_>, dates: &Dates, step: Kubelet) -> Micros {
        let rules = |container: ContainerId| cluster.rules.container(container);
        match step {
            Kubelet::BeginTermination { pod } if cluster.pod(pod).kubelet.view().is_deleting() => {
                dates.deleted.get(&pod).copied().unwrap_or_default()
            }
            // KIL-3
            Kubelet::FinishPreStop { pod, container } => match rules(container).hook {
                Some(PreStop::Seconds(length)) => self.mark(pod, container, Mark::Hook) + seconds(length),
                _ => 0,
            },
            // KIL-2, KIL-4
            Kubelet::ExpireGrace { pod, container } => {
                let began = self.mark(pod, container, Mark::Stop);
                let kubelet = cluster.pod(pod).kubelet;
                let is_of_deletion = kubelet.view().is_deleting() && !kubelet.minimum_grace();
                let given = dates.grace_over(pod, began).filter(|_| is_of_deletion);
                given.unwrap_or_else(|| began + seconds(container_runtime::grace_seconds(cluster, pod)))
            }
            // KIL-5
            Kubelet::SendSigkill { pod, container } => {
                let floor = cluster.rules.scenario.latencies.minimum_grace;
                self.mark(pod, container, Mark::Term) + seconds(floor)
            }
            Kubelet::FailProbe { pod, container } => {
                let started = cluster.container(pod, container).probe_started();
                let startup = rules(container).startup.as_ref().filter(|_| !started);
                let probe = startup.or(rules(container).liveness.as_ref());
                let time = probe.map_or(0, |probe| probe_time(probe, probe.failure_threshold));
                self.mark(pod, container, Mark::Start) + time
            }
            Kubelet::FlipReadiness { pod, container } if !cluster.container(pod, container).probe_ready() => {
                let probe = rules(container).readiness.as_ref();
                let time = probe.map_or(0, |probe| probe_time(probe, probe.success_threshold));
                self.mark(pod, container, Mark::Start) + time
            }
            Kubelet::PassStartup { pod, container } => {
                let time = rules(container).startup.as_ref().map_or(0, |probe| probe_time(probe, 1));
                self.mark(pod, container, Mark::Start) + time
            }
            // CLB-1, CLB-2: also one of the sandbox before is waited for.
            Kubelet::StartContainer { pod, container } => {
                let state = cluster.container(pod, container);
                let wait = match state.cached().has_exited() || state.is_end_known() {
                    true => back_off::backoff_seconds(cluster, state),
                    false => 0,
                };
                self.mark(pod, container, Mark::Exit) + seconds(wait)
            }
            _ => 0,
        }
    }

    /// `action` is taken in `cluster`, at `at` if it was seen.
    pub fn note(&mut self, cluster: &Cluster<'_>, dates: &Dates, action: &Action, at: Option<Micros>) {
        let Some((pod, earliest)) = self.earliest(cluster, dates, action) else { return };
        let moment = at.unwrap_or(earliest).max(earliest);
        // When a process begins to listen is no business of who stops it.
        if !matches!(action, Action::Container(Container::Listen { .. })) {
            self.raise(pod, moment);
        }
        let marked = match *action {
            Action::Kubelet(Kubelet::StartContainer { container, .. }) => Some((container, Mark::Start)),
            Action::Kubelet(Kubelet::StopContainer { container, .. }) => Some((container, Mark::Stop)),
            Action::Kubelet(Kubelet::RunPreStop { container, .. }) => Some((container, Mark::Hook)),
            Action::Kubelet(Kubelet::SendSigterm { container, .. }) => Some((container, Mark::Term)),
            Action::Kubelet(Kubelet::SendSigkill { container, .. })
            | Action::Container(Container::Exit { container, .. })
            | Action::Environment(
                Environment::CrashContainer { container, .. }
                | Environment::FinishContainer { container, .. },
            ) => Some((container, Mark::Exit)),
            _ => None,
        };
        if let Some((container, mark)) = marked {
            if mark == Mark::Start {
                // A new process, and no stop of it.
                self.marks
                    .retain(|&(of, which, mark), _| (of, which) != (pod, container) || mark == Mark::Exit);
            }
            self.marks.insert((pod, container, mark), moment);
        }
        if matches!(action, Action::Kubelet(Kubelet::BeginTermination { .. })) {
            for container in cluster.container_ids() {
                self.marks.insert((pod, container, Mark::Stop), moment);
            }
        }
    }

    /// A pod that is gone has no moments.
    pub fn forget(&mut self, pod: PodId) {
        self.floors.remove(&pod);
        self.marks.retain(|&(of, ..), _| of != pod);
    }
}
