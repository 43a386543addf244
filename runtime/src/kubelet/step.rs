//! What a kubelet may do next, and what happens when it does.

use super::Kubelet;
use super::host::{Host, RuntimeCalls, Waiter};
use super::node_status::NodeStep;
use super::pod_worker::KnownPods;
use super::pod_worker::step::WorkerStep;
use super::probes::ProbeKey;
use super::probes::worker::Situation;
use super::sync_loop::Source;
use crate::api::{ApiError, Resource, Response, Uid};
use crate::api_server::WatchEvent;
use crate::client::CallId as ApiCallId;
use crate::client::informer::Follower;
use crate::clock::Moment;
use crate::container_runtime::{CallId, Machine, Outcome, Request, RuntimeError};
use crate::slip::{Slip, Slips};

/// Something that a kubelet may do next, beside what the API server sends it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KubeletStep {
    /// The sync loop takes something from a source.
    Take(Source),
    /// The worker of a pod goes on.
    Worker(Uid, WorkerStep),
    /// The answer of a call to the runtime comes back.
    Return(CallId),
    /// A call to the runtime took too long; nobody waits for it any more (K-19).
    TimeOut(CallId),
    /// The PLEG begins a relist.
    Relist,
    /// The runtime is asked whether it is well.
    CheckRuntime,
    /// Dead containers are collected.
    Collect,
    /// A probe worker's round is due.
    BeginProbe(ProbeKey),
    /// A probe that was sent is answered.
    FinishProbe(ProbeKey),
    /// The status manager writes what changed.
    WriteStatuses,
    /// The status manager compares everything (STM-1).
    ReconcileStatuses,
    /// The node's object or lease is written.
    Node(NodeStep),
}

impl Kubelet {
    /// What it may do by now.
    pub fn pending(
        &self,
        now: Moment,
        slips: Slips,
        calls: &RuntimeCalls,
        machine: &dyn Machine,
        tell: &mut impl FnMut(KubeletStep),
    ) {
        let mut answered = Vec::new();
        machine.answered(&mut answered);
        answered.into_iter().filter(|&call| calls.waits(call)).map(KubeletStep::Return).for_each(&mut *tell);
        calls.overdue(now).map(KubeletStep::TimeOut).for_each(&mut *tell);
        self.sources(now).map(KubeletStep::Take).for_each(&mut *tell);
        let mut own = Vec::new();
        for (uid, worker) in self.workers.iter() {
            worker.pending(uid, &self.parts.cache, slips, now, &mut own);
            own.drain(..).map(|step| KubeletStep::Worker(uid.clone(), step)).for_each(&mut *tell);
        }
        let due = |next: Option<Moment>| next.is_some_and(|next| next <= now);
        if due(self.parts.pleg.next_relist()) {
            tell(KubeletStep::Relist);
        }
        if due(self.runtime_state.next_check()) {
            tell(KubeletStep::CheckRuntime);
        }
        if due(self.collection_due()) {
            tell(KubeletStep::Collect);
        }
        self.parts.probes.due(now).cloned().map(KubeletStep::BeginProbe).for_each(&mut *tell);
        self.parts.probes.running().cloned().map(KubeletStep::FinishProbe).for_each(&mut *tell);
        if self.parts.status.has_signal() {
            tell(KubeletStep::WriteStatuses);
        }
        if due(self.parts.status.next_reconcile()) {
            tell(KubeletStep::ReconcileStatuses);
        }
        self.node_status.due(now).map(KubeletStep::Node).for_each(tell);
    }

    /// When more may happen that may not yet. What is due and waits for something else does not count.
    pub fn next_deadline(&self, now: Moment, calls: &RuntimeCalls) -> Option<Moment> {
        let housekeeping = self.housekeeping.is_none().then_some(self.next_housekeeping);
        let workers = self.workers.iter().filter_map(|(_, worker)| worker.next_deadline(now));
        let others = [
            calls.next_deadline(now),
            self.parts.pleg.next_relist(),
            self.runtime_state.next_check(),
            self.runtime_state.ill_at(&self.parts, now),
            self.collection_due(),
            housekeeping,
            self.parts.probes.next_deadline(now),
            self.parts.status.next_reconcile(),
            self.node_status.next_deadline(now),
            self.nodes.next_deadline(),
            self.pods.next_deadline(),
        ];
        workers.chain(others.into_iter().flatten()).filter(|&moment| moment > now).min()
    }

    fn collection_due(&self) -> Option<Moment> {
        self.collection.is_none().then_some(self.next_collection)
    }

    /// It does one of these things. None if that is not pending.
    pub fn step(&mut self, step: &KubeletStep, host: &mut Host<'_, '_>) -> Option<()> {
        let now = host.now();
        let due = |next: Option<Moment>| next.is_some_and(|next| next <= now).then_some(());
        match step {
            KubeletStep::Take(source) => self.take(*source, host),
            KubeletStep::Worker(uid, step) => self.workers.step(uid, *step, &mut self.parts, host),
            KubeletStep::Return(call) => {
                host.calls.waits(*call).then_some(())?;
                let outcome = host.runtime.take_answer(*call)?;
                self.on_runtime_answer(*call, outcome, host);
                Some(())
            }
            KubeletStep::TimeOut(call) => {
                host.calls.overdue(now).any(|overdue| overdue == *call).then_some(())?;
                host.runtime.abandon(*call);
                self.on_runtime_answer(*call, Err(RuntimeError::DeadlineExceeded), host);
                Some(())
            }
            KubeletStep::Relist => {
                due(self.parts.pleg.next_relist())?;
                self.parts.pleg.begin(host);
                Some(())
            }
            KubeletStep::CheckRuntime => {
                due(self.runtime_state.next_check())?;
                let call = host.call(Waiter::RuntimeCheck, Request::Status);
                self.runtime_state.begin(call);
                Some(())
            }
            KubeletStep::Collect => {
                due(self.collection_due())?;
                self.begin_collection(host);
                Some(())
            }
            KubeletStep::BeginProbe(key) => self.begin_probe(key, host),
            KubeletStep::FinishProbe(key) => self.finish_probe(key, host),
            KubeletStep::WriteStatuses => {
                self.parts.status.has_signal().then_some(())?;
                self.parts.status.begin_batch(host);
                Some(())
            }
            KubeletStep::ReconcileStatuses => {
                due(self.parts.status.next_reconcile())?;
                let pods = KnownPods { pods: &self.parts.pods, workers: &self.workers };
                self.parts.status.begin_reconcile(&pods, host);
                Some(())
            }
            KubeletStep::Node(step) => self.node_status.begin(*step, host),
        }
    }

    fn on_runtime_answer(&mut self, call: CallId, outcome: Outcome, host: &mut Host<'_, '_>) {
        match host.calls.end(call) {
            Some(Waiter::Worker(uid)) => {
                self.workers.on_answer(&uid, call, &outcome, &mut self.parts, host);
            }
            Some(Waiter::Pleg) => {
                self.parts.pleg.on_answer(call, outcome, &mut self.parts.cache, host);
            }
            Some(Waiter::RuntimeCheck) => {
                self.runtime_state.on_answer(call, &outcome, host.now(), &mut self.parts);
            }
            Some(Waiter::Housekeeping) => self.on_housekeeping_answer(call, outcome, host),
            Some(Waiter::Collector) => self.on_collection_answer(call, outcome, host),
            None => {}
        }
        self.note_readiness(host.now());
    }

    fn begin_probe(&mut self, key: &ProbeKey, host: &Host<'_, '_>) -> Option<()> {
        let situation = Situation {
            pod: self.parts.pods.get(&key.uid),
            status: self.parts.status.get(&key.uid),
            now: host.now(),
            release: host.context.release,
            slips: host.context.slips,
        };
        self.parts.probes.begin(key, &situation).then_some(())
    }

    fn finish_probe(&mut self, key: &ProbeKey, host: &Host<'_, '_>) -> Option<()> {
        let situation = Situation {
            pod: self.parts.pods.get(&key.uid),
            status: self.parts.status.get(&key.uid),
            now: host.now(),
            release: host.context.release,
            slips: host.context.slips,
        };
        let passes = |container| host.runtime.probe(container, key.kind);
        self.parts.probes.finish(key, &situation, passes).then_some(())
    }

    /// It begins: it lists its node first, and its pods when that list has come (kubernetes/kubernetes#99336, from 1.22 on and in the last
    /// of 1.18 to 1.21; S28 `config/apiserver.go` `NewSourceApiserver`). A list without the node will do (kubernetes/kubernetes#129463).
    pub(super) fn start(&mut self, host: &mut Host<'_, '_>) {
        self.nodes.start(host.context);
        if host.context.has(Slip::PodsBeforeOwnNode) {
            self.pods.start(host.context);
        }
    }

    /// An answer of the API server.
    pub(super) fn on_api_answer(
        &mut self,
        call: ApiCallId,
        answer: Result<Response, ApiError>,
        host: &mut Host<'_, '_>,
    ) {
        if self.pods.on_answer(call, &answer, host.context) {
            self.follow_pods(host);
            return;
        }
        let knew_node = self.nodes.is_synced();
        if self.nodes.on_answer(call, &answer, host.context) {
            if !knew_node && self.nodes.is_synced() && !host.context.has(Slip::PodsBeforeOwnNode) {
                self.pods.start(host.context);
            }
            return;
        }
        let ready = self.readiness(host.now());
        if self.node_status.on_answer(call, &answer, ready, host) {
            return;
        }
        let pods = KnownPods { pods: &self.parts.pods, workers: &self.workers };
        self.parts.status.on_answer(call, answer, &pods, host);
    }

    /// A watch event.
    pub(super) fn on_event(&mut self, resource: Resource, event: WatchEvent, host: &Host<'_, '_>) {
        match resource {
            Resource::Pod => {
                self.pods.on_event(event);
                self.follow_pods(host);
            }
            Resource::Node => self.nodes.on_event(event),
            _ => {}
        }
    }

    fn follow_pods(&mut self, host: &Host<'_, '_>) {
        if self.pods.is_synced() {
            self.config.set(self.pods.cache(), host.context.release);
        }
    }
}
