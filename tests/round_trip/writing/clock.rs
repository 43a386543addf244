//! When each step happens. A step that waits for nothing comes a little after the one before it; a timer comes no earlier
//! than its length after it was started.

use std::collections::BTreeMap;

use fastrand::Rng;
use podproof_conform::record::Micros;
use podproof_model::controllers::taint_eviction;
use podproof_model::kubelet::{back_off, container_runtime, probes};
use podproof_model::rules::Tolerated;
use podproof_model::{Cluster, step};
use podproof_vocabulary::action::{
    Action, Container, Deployment, Disruption, Kubelet, NodeLifecycle, PodGarbageCollector, ReplicaSet,
    Scheduler, TaintEviction,
};
use podproof_vocabulary::observation::Hook;
use podproof_vocabulary::scenario::{Hang, PreStop, Probe};
use podproof_vocabulary::{ContainerId, PodId};

use crate::round_trip::mail::Mail;

const SECOND: Micros = 1_000_000;

/// Who is connected has seen what was written longer ago than this: half of what a reader of the log allows for.
const LAG: Micros = 2_500_000;

/// How long a step takes that waits for nothing.
fn draw(rng: &mut Rng) -> Micros {
    match rng.u8(..12) {
        0 => rng.i64(20_000..3 * SECOND),
        _ => rng.i64(2_000..20_000),
    }
}

/// A write to the API server: received, committed, answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moments {
    pub received: Micros,
    pub committed: Micros,
    pub answered: Micros,
}

/// Something of a container that a timer is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Since {
    /// The kubelet began to stop it.
    Stop,
    /// Its preStop hook began.
    Hook,
    /// It got SIGTERM.
    Sigterm,
    /// It was started.
    Start,
}

const ALL: [Since; 4] = [Since::Stop, Since::Hook, Since::Sigterm, Since::Start];

/// The time, and when timers were started.
pub(super) struct Clock {
    pub now: Micros,
    /// Nothing that happens from now on was received earlier than this.
    before: Micros,
    pub rng: Rng,
    /// When steps became possible that are possible since.
    possible: BTreeMap<Action, Micros>,
    /// When what is so of a container came to be so.
    containers: BTreeMap<(Since, PodId, ContainerId), Micros>,
    /// What is on its way, and since when.
    mail: Mail<Micros>,
}

impl Clock {
    pub fn new(begins: Micros, seed: u64) -> Self {
        Self {
            now: begins,
            before: begins,
            rng: Rng::with_seed(seed),
            possible: BTreeMap::new(),
            containers: BTreeMap::new(),
            mail: Mail::new(),
        }
    }

    /// It is as late as it is when `action` is taken in `before`.
    pub fn go_to(&mut self, before: &Cluster<'_>, action: &Action) {
        self.before = self.now;
        let soon = self.now + self.pace_of(before);
        let due =
            self.since(action).map_or(soon, |since| since + SECOND * Micros::from(waits(before, action)));
        self.now = soon.max(due).max(self.floor(before, action));
    }

    /// A step that waits for nothing is soon taken, and sooner while news is on its way.
    fn pace_of(&mut self, cluster: &Cluster<'_>) -> Micros {
        let drawn = draw(&mut self.rng);
        let news = self.mail.oldest(cluster);
        news.map_or(drawn, |sent| drawn.min((sent + LAG - self.now).max(2_000)))
    }

    /// A moment after the last, for what is no step of the model.
    pub fn pass(&mut self) {
        self.before = self.now;
        self.now += self.rng.i64(1_000..6_000);
    }

    /// A write that happens now: it was received after everything that came before, and is answered soon.
    pub fn moments(&mut self) -> Moments {
        let earliest = self.before.max(self.now - 30_000) + 1;
        Moments {
            received: self.rng.i64(earliest..=self.now.max(earliest)),
            committed: self.now,
            answered: self.now + self.rng.i64(500..15_000),
        }
    }

    /// From when on the time that `action` waits is counted.
    fn since(&self, action: &Action) -> Option<Micros> {
        let of = |since, pod, container| self.containers.get(&(since, pod, container)).copied();
        match *action {
            Action::Kubelet(Kubelet::ExpireGrace { pod, container }) => of(Since::Stop, pod, container),
            Action::Kubelet(Kubelet::FinishPreStop { pod, container }) => of(Since::Hook, pod, container),
            Action::Container(Container::Listen { pod, container }) => of(Since::Start, pod, container),
            Action::Container(Container::Exit { pod, container }) => of(Since::Sigterm, pod, container),
            _ => self.possible.get(action).copied(),
        }
    }

    /// What else a step waits for, beside what it waits for since it is possible.
    fn floor(&self, cluster: &Cluster<'_>, action: &Action) -> Micros {
        let of = |since, pod, container| self.containers.get(&(since, pod, container)).copied().unwrap_or(0);
        let after = |at: Micros, seconds: u32| at + SECOND * Micros::from(seconds);
        match *action {
            Action::Kubelet(Kubelet::SendSigkill { pod, container }) => {
                after(of(Since::Sigterm, pod, container), cluster.rules.scenario.latencies.minimum_grace)
            }
            // PRB-2: the first run waits for the initial delay.
            Action::Kubelet(
                step @ (Kubelet::FailProbe { pod, container } | Kubelet::FlipReadiness { pod, container }),
            ) => {
                let rules = cluster.rules.container(container);
                let probe = match step {
                    Kubelet::FlipReadiness { .. } => rules.readiness,
                    _ if probes::is_started(cluster, pod, container) => rules.liveness,
                    _ => rules.startup,
                };
                let delay = probe.map_or(0, |probe| probe.initial_delay_seconds);
                after(of(Since::Start, pod, container), delay + waits_of_kubelet(cluster, step))
            }
            _ => 0,
        }
    }

    /// Takes note of what has come to be so.
    pub fn learn(&mut self, after: &Cluster<'_>) {
        let mut possible = Vec::new();
        step::candidates(after, &mut possible);
        self.mail.note(after, self.now);
        possible.retain(|action| waits(after, action) > 0);
        self.possible.retain(|action, _| possible.contains(action));
        for action in possible {
            self.possible.entry(action).or_insert(self.now);
        }
        for pod in after.pod_ids() {
            for container in after.container_ids() {
                let state = after.container(pod, container);
                for since in ALL {
                    let is = match since {
                        Since::Stop => state.stopping(),
                        Since::Hook => state.hook() == Hook::Running,
                        Since::Sigterm => state.sigterm(),
                        Since::Start => state.is_running(),
                    };
                    let key = (since, pod, container);
                    match is {
                        true => {
                            self.containers.entry(key).or_insert(self.now);
                        }
                        false => {
                            self.containers.remove(&key);
                        }
                    }
                }
            }
        }
    }
}

/// Seconds that a step waits at least, since whatever it is counted from.
pub fn waits(cluster: &Cluster<'_>, action: &Action) -> u32 {
    let scenario = &cluster.rules.scenario;
    let latencies = &scenario.latencies;
    match *action {
        Action::Deployment(Deployment::ExceedProgressDeadline) => {
            scenario.workload.progress_deadline_seconds.unwrap_or(0)
        }
        Action::ReplicaSet(ReplicaSet::CountAvailable { .. }) => scenario.workload.min_ready_seconds,
        Action::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { .. }) => latencies.node_monitor_grace,
        Action::TaintEviction(TaintEviction::DeletePod { pod }) => {
            match taint_eviction::tolerated(cluster, pod) {
                Tolerated::For(seconds) => seconds,
                Tolerated::No | Tolerated::Always => 0,
            }
        }
        Action::PodGarbageCollector(PodGarbageCollector::FailPod { .. }) => latencies.orphan_quarantine,
        Action::Disruption(Disruption::ForgetDisruption { .. }) => latencies.disruption_timeout,
        Action::Scheduler(Scheduler::FlushPod { .. }) => latencies.unschedulable_flush,
        Action::Kubelet(step) => waits_of_kubelet(cluster, step),
        Action::Container(Container::Listen { container, .. }) => {
            cluster.rules.container(container).listens_after
        }
        Action::Container(Container::Exit { pod, container })
            if cluster.container(pod, container).sigterm() =>
        {
            cluster.rules.container(container).exits_after().unwrap_or(0)
        }
        _ => 0,
    }
}

fn waits_of_kubelet(cluster: &Cluster<'_>, step: Kubelet) -> u32 {
    let latencies = &cluster.rules.scenario.latencies;
    let runs = |probe: Option<Probe>, threshold: fn(&Probe) -> u32| {
        probe.map_or(0, |probe| threshold(&probe).saturating_sub(1).saturating_mul(probe.period_seconds))
    };
    match step {
        Kubelet::FinishPreStop { pod, container } => {
            match container_runtime::hook_of(cluster, pod, container) {
                Some(PreStop::Seconds(seconds) | PreStop::AtLeast(seconds)) => seconds,
                Some(PreStop::AnyTime) | None => 0,
            }
        }
        Kubelet::ExpireGrace { pod, .. } => container_runtime::grace_seconds(cluster, pod),
        Kubelet::StartContainer { pod, container } => {
            let state = cluster.container(pod, container);
            match state.cached().has_exited() || state.is_end_known() {
                true => back_off::backoff_seconds(cluster, state),
                false => 0,
            }
        }
        Kubelet::FlipReadiness { pod, container } => {
            let readiness = cluster.rules.container(container).readiness;
            match cluster.container(pod, container).accepting() {
                true => runs(readiness, |probe| probe.success_threshold),
                false => runs(readiness, |probe| probe.failure_threshold),
            }
        }
        Kubelet::FailProbe { pod, container } => {
            let rules = cluster.rules.container(container);
            let started = probes::is_started(cluster, pod, container);
            runs(if started { rules.liveness } else { rules.startup }, |probe| probe.failure_threshold)
        }
        Kubelet::NoticeHang { .. } => match cluster.rules.scenario.hang {
            Hang::RpcTimeout => latencies.runtime_timeout.min(latencies.pleg_threshold),
            _ => latencies.pleg_threshold,
        },
        _ => 0,
    }
}
