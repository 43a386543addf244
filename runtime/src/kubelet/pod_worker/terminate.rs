//! Stopping a pod (STP-1 to STP-6; S28 `kubelet.go` `SyncTerminatingPod`, `SyncTerminatingRuntimePod`).

use std::sync::Arc;

use k8s_openapi::api::core::v1::PodStatus as ApiStatus;

use super::activity::{End, SyncError};
use super::update::Eviction;
use crate::api::Uid;
use crate::api::constants::{TERMINATION_BY_KUBELET, condition, phase};
use crate::api::patch::{merge_pod_condition, new_pod_condition};
use crate::container_runtime::{CallId, ContainerId, Outcome, RuntimeError};
use crate::kubelet::host::{Host, Waiter};
use crate::kubelet::inspect::Inspection;
use crate::kubelet::kill::container::KillStep;
use crate::kubelet::kill::{Grace, KillPod, Killed};
use crate::kubelet::parts::Parts;
use crate::kubelet::pod::KnownPod;
use crate::kubelet::pod_cache::PodStatus;
use crate::slip::Slip;

/// A termination that is going on.
#[derive(Clone, Debug)]
pub struct Terminating {
    uid: Uid,
    /// None if the runtime alone knows the pod.
    pod: Option<KnownPod>,
    /// What was known when it began.
    status: Arc<PodStatus>,
    kill: KillPod,
    /// The look at what is left, once the kill is over (STP-5).
    inspection: Option<Inspection>,
}

impl Terminating {
    /// Begins to stop a configured pod.
    pub fn begin(
        pod: &KnownPod,
        status: Arc<PodStatus>,
        grace: i64,
        eviction: Option<&Eviction>,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Self {
        // STP-1.
        let mut api = parts.generate(pod, &status, false, host);
        apply(eviction, &mut api, host);
        parts.status.set(pod, api);
        // STP-2.
        parts.probes.stop_liveness_and_startup(pod);
        let kill = KillPod::begin(&pod.uid, Some(pod), &status, Grace::Seconds(grace), host);
        Self { uid: pod.uid.clone(), pod: Some(pod.clone()), status, kill, inspection: None }
    }

    /// Begins to stop what the runtime alone knows: no hooks, no status (PW-13, KIL-12).
    pub fn begin_running(uid: &Uid, status: &Arc<PodStatus>, grace: i64, host: &mut Host<'_, '_>) -> Self {
        let kill = KillPod::begin(uid, None, status, Grace::Seconds(grace), host);
        let status = status.clone();
        Self { uid: uid.clone(), pod: None, status, kill, inspection: None }
    }

    /// The kill.
    pub const fn kill(&self) -> &KillPod {
        &self.kill
    }

    /// Goes on as far as it can without waiting.
    pub fn advance(&mut self, parts: &mut Parts, host: &mut Host<'_, '_>) -> Option<End> {
        let killed = self.kill.advance(host)?;
        self.on_killed(killed, parts, host)
    }

    /// A call was answered.
    pub fn on_answer(
        &mut self,
        call: CallId,
        outcome: &Outcome,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Option<End> {
        if let Some(inspection) = &mut self.inspection {
            let found = inspection.on_answer(call, outcome.clone(), host)?;
            return Some(self.on_inspected(found, parts, host));
        }
        let killed = self.kill.on_answer(call, outcome, host)?;
        self.on_killed(killed, parts, host)
    }

    /// A container that is being killed gets further. None if it may not.
    pub fn on_kill_step(
        &mut self,
        id: ContainerId,
        step: KillStep,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Option<Option<End>> {
        let killed = self.kill.step(id, step, host)?;
        Some(killed.and_then(|killed| self.on_killed(killed, parts, host)))
    }

    fn on_killed(&mut self, killed: Killed, parts: &mut Parts, host: &mut Host<'_, '_>) -> Option<End> {
        if killed.is_err() {
            return Some(End::Failed(SyncError::Failed));
        }
        if self.pod.is_none() {
            return Some(End::RuntimeStopped);
        }
        // STP-4.
        parts.probes.remove_pod(&self.uid);
        if host.context.has(Slip::StopIsNotVerified) {
            let known = PodStatus::clone(&self.status);
            return Some(self.on_inspected(Ok(known), parts, host));
        }
        self.inspection = Some(Inspection::begin(self.uid.clone(), Waiter::Worker(self.uid.clone()), host));
        None
    }

    /// STP-5 and STP-6: nothing runs any more, and the phase says so.
    fn on_inspected(
        &mut self,
        found: Result<PodStatus, RuntimeError>,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> End {
        let (Ok(mut stopped), Some(pod)) = (found, &self.pod) else { return End::Failed(SyncError::Failed) };
        let verified = !host.context.has(Slip::StopIsNotVerified);
        if verified && stopped.running().next().is_some() {
            self.inspection = None;
            return End::Failed(SyncError::Failed);
        }
        stopped.address = stopped.address.or(self.status.address);
        // What the kubelet says of a pod that it evicts was said when the kill began; here it stays unless all containers ended well
        // (S28 `SyncTerminatingPod` applies `podStatusFn` once, and `generateAPIPodStatus` keeps a terminal phase only over one
        // that is not; kubernetes/kubernetes#105467).
        let api = parts.generate(pod, &stopped, true, host);
        parts.status.set(pod, api);
        End::Stopped
    }
}

/// EVM-7: a pod that its kubelet evicts has failed, as soon as it may be said (STM-4). From 1.26 on a condition says who did it (CND-7).
fn apply(eviction: Option<&Eviction>, status: &mut ApiStatus, host: &Host<'_, '_>) {
    let Some(eviction) = eviction else { return };
    status.phase = Some(phase::FAILED.to_owned());
    status.reason = Some(eviction.reason.to_owned());
    status.message = Some(eviction.message.to_owned());
    if host.context.release.minor >= 26 {
        let mut target = new_pod_condition(
            condition::DISRUPTION_TARGET,
            condition::TRUE,
            TERMINATION_BY_KUBELET,
            host.now(),
        );
        target.message = status.message.clone();
        merge_pod_condition(status.conditions.get_or_insert_default(), target);
    }
}
