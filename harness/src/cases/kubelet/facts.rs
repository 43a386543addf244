//! What happened so far, as far as later steps are judged by it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use podproof_runtime::Operation;
use podproof_runtime::api::{Key, Kind as _, Request as ApiRequest, Resource};
use podproof_runtime::clock::Moment;
use podproof_runtime::container_runtime::simulated::RuntimeStep;
use podproof_runtime::container_runtime::{
    CallId, ContainerId, ContainerState, ProbeKind, Prober as _, Request,
};
use podproof_runtime::kubelet::probes::ProbeKey;
use podproof_runtime::kubelet::{KubeletProcess, KubeletStep};
use podproof_runtime::operation::{Process, Step};

use super::{Machine, NODE, shapes};

/// What happened so far.
#[derive(Default)]
pub(super) struct Facts {
    /// Every pod that was ever bound to the node, by UID, as it was last stored.
    pub pods: BTreeMap<String, Pod>,
    /// Pods whose objects went while something of them ran.
    pub forced: BTreeSet<String>,
    pub evicted: BTreeSet<String>,
    /// Pods with a sandbox that died, by UID.
    pub lost_sandbox: BTreeSet<String>,
    /// When the kill of each container began, when it was first told to stop, and when its hook began.
    pub killed: BTreeMap<ContainerId, Moment>,
    pub stopped: BTreeMap<ContainerId, Moment>,
    pub hooked: BTreeMap<ContainerId, Moment>,
    /// Containers that accepted connections once, and those that ceased to pass their readiness probe since.
    pub accepted: BTreeSet<ContainerId>,
    pub faltered: BTreeSet<ContainerId>,
    /// Failures in a row of each liveness and startup probe, whichever container it looked at (PRB-4): they begin anew with a success,
    /// with the last failure that there may be (PRB-7), and with the kubelet.
    pub failures: BTreeMap<ProbeKey, i32>,
    /// Containers whose probe has failed as often as it may, and when; of those since the kubelet last started it is known to it.
    pub failed: BTreeMap<ContainerId, Moment>,
    /// The probe that has just done so.
    pub just_failed: Option<(ContainerId, ProbeKind)>,
    pub exits: BTreeMap<ContainerId, i32>,
    /// Pods that were stopped and looked at, for the last time that counts, when their dead containers were removed.
    pub looked_at: BTreeSet<String>,
    /// Until when each pod took room.
    pub room: BTreeMap<String, Moment>,
    /// Pods whose Ready condition is not what their kubelet says, since when.
    pub differs: BTreeMap<String, Moment>,
    /// The runtime hangs since then.
    pub hung: Option<Moment>,
    /// Something last went wrong with the link, a call, the runtime or the kubelet then.
    pub trouble: Option<Moment>,
    /// A call that nobody waits for may still take effect.
    pub late: bool,
    /// The kubelet watches its pods since then.
    pub hears: Option<Moment>,
    /// Somebody removed containers.
    pub pruned: bool,
    /// When the kubelet last started anew.
    pub restarted: Option<Moment>,
    /// The newest container that there was then, started or not.
    pub newest_then: Option<ContainerId>,
    /// Pods that were ready then, as the API said.
    pub ready_then: BTreeSet<String>,
    /// Pods of which somebody else said that they are not ready.
    pub doubted: BTreeSet<String>,
    /// Pods of which somebody else said that they have failed.
    pub failed_by_others: BTreeSet<String>,
    /// The pod that the kubelet read last, to write its status.
    pub read: Option<Pod>,
    /// The request of the operation that is happening.
    pub request: Option<Request>,
    pub api_request: Option<ApiRequest>,
    /// The object that an API request is about, before it.
    pub stored: Option<Pod>,
    /// The last call to the runtime that was judged.
    pub last_call: u32,
}

impl Machine {
    /// What the operation that is about to happen is.
    pub(super) fn note(&mut self, operation: &Operation) {
        let (runtime, cluster) = (self.runtime.borrow(), &self.stage.cluster);
        let facts = &mut self.facts;
        facts.request = match operation.step {
            Step::Runtime(RuntimeStep::Perform(call)) => runtime.request(call).cloned(),
            _ => None,
        };
        facts.api_request = match operation.step {
            Step::Arrive(call) => cluster.calls().get(call).map(|call| call.request.clone()),
            _ => None,
        };
        let stored = |key| cluster.server().store().get(key).cloned();
        facts.stored = facts.api_request.as_ref().and_then(key_of).and_then(stored);
        if let Some(ApiRequest::Get(Resource::Pod, key)) = &facts.api_request
            && Self::is_own(operation.component)
        {
            facts.read = stored(key);
        }
        if operation.step.is_fault() || matches!(operation.step, Step::Kubelet(KubeletStep::TimeOut(_))) {
            facts.trouble = Some(cluster.now());
        }
        match &operation.step {
            Step::Kubelet(KubeletStep::TimeOut(call)) => {
                facts.late |= runtime.request(*call).is_some_and(changes);
            }
            Step::Kubelet(KubeletStep::FinishProbe(key)) if key.kind != ProbeKind::Readiness => {
                let kubelet = cluster.actor::<KubeletProcess>(Process::Kubelet(NODE));
                let probed = kubelet
                    .and_then(KubeletProcess::kubelet)
                    .and_then(|kubelet| kubelet.parts().probes.probed(key));
                if let Some(id) = probed {
                    let failures = facts.failures.entry(key.clone()).or_default();
                    *failures = if runtime.probe(id, key.kind) { 0 } else { *failures + 1 };
                    if *failures >= shapes::most_failures(key.kind) {
                        *failures = 0;
                        facts.failed.entry(id).or_insert(cluster.now());
                        facts.just_failed = Some((id, key.kind));
                    }
                }
            }
            _ => {}
        }
    }

    /// Looks at everything there is.
    pub(super) fn look(&mut self) {
        self.facts.hears = if self.hears_of_pods() { self.facts.hears.or(Some(self.now())) } else { None };
        let (runtime, now) = (self.runtime.borrow(), self.stage.now());
        let facts = &mut self.facts;
        let mut running = BTreeSet::new();
        for (id, container) in runtime.containers() {
            match &container.process {
                Some(process) => {
                    running.insert(container.uid.as_str().to_owned());
                    if process.passes(ProbeKind::Readiness) {
                        facts.accepted.insert(id);
                    } else if facts.accepted.contains(&id) {
                        facts.faltered.insert(id);
                    }
                }
                // One that was made and never started has not ended.
                None if container.status.state == ContainerState::Exited => {
                    facts.exits.insert(id, container.status.exit_code);
                }
                None => {}
            }
        }
        let mut stored = BTreeSet::new();
        for (_, pod) in self.stage.cluster.server().store().all::<Pod>() {
            let uid = pod.uid().as_str().to_owned();
            stored.insert(uid.clone());
            if podproof_runtime::api::constants::node_of(pod).is_some() {
                let ended = podproof_runtime::api::constants::is_terminal(pod);
                if !ended {
                    facts.room.insert(uid.clone(), now);
                }
                facts.pods.insert(uid, pod.clone());
            }
        }
        for uid in running {
            if !stored.contains(&uid) {
                facts.forced.insert(uid.clone());
            }
            facts.room.insert(uid, now);
        }
    }

    /// Has nothing gone wrong for so long?
    pub(super) fn is_calm_for(&self, time: Duration) -> bool {
        let sound = {
            let runtime = self.runtime.borrow();
            !runtime.faults().hung && runtime.faults().list_limit.is_none()
        };
        let now = self.now();
        sound && self.is_connected() && self.facts.trouble.is_none_or(|trouble| now.since(trouble) >= time)
    }

    /// The calls to the runtime that were sent since this was asked last.
    pub(super) fn new_calls(&mut self) -> Vec<Request> {
        let runtime = self.runtime.borrow();
        let mut calls = Vec::new();
        while let Some(request) = runtime.request(CallId(self.facts.last_call + 1)) {
            self.facts.last_call += 1;
            calls.push(request.clone());
        }
        calls
    }
}

/// The pod that a request to the API server is about.
pub(super) fn key_of(request: &ApiRequest) -> Option<&Key> {
    match request {
        ApiRequest::Patch(_, key, ..) | ApiRequest::Delete(_, key, _) => Some(key),
        _ => None,
    }
}

/// Does a call change something on the machine?
pub(super) const fn changes(request: &Request) -> bool {
    !matches!(
        request,
        Request::Status
            | Request::ListSandboxes { .. }
            | Request::ListContainers { .. }
            | Request::SandboxStatus(_)
            | Request::ContainerStatus(_)
    )
}
