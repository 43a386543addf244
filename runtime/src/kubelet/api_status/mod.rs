//! The status of a pod for the API, computed from its spec, from what its runtime says, and from the status that was
//! computed before (S28 `kubelet_pods.go` `generateAPIPodStatus`).
//!
//! - [`containers`]: the status of each container
//! - [`phase`]: the phase
//! - [`conditions`]: the conditions

pub mod conditions;
pub mod containers;
pub mod phase;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{PodIP, PodStatus as ApiStatus};
use podproof_vocabulary::Release;

use self::containers::Reasons;
use super::pod::KnownPod;
use super::pod_cache::PodStatus;
use crate::api::Uid;
use crate::api::constants::{phase as phases, phase_of};
use crate::clock::Moment;

/// What a kubelet's status generation reads beside the pod itself.
pub struct Generation<'a> {
    /// The pod.
    pub pod: &'a KnownPod,
    /// What its runtime says of it.
    pub runtime: &'a PodStatus,
    /// The status that was computed before, if any was.
    pub old: Option<&'a ApiStatus>,
    /// Why containers could not be started the last time.
    pub reasons: &'a Reasons,
    /// The pod's containers are stopped for good (PHS-11).
    pub is_terminal: bool,
    /// The Kubernetes release.
    pub release: Release,
    /// What time it is.
    pub now: Moment,
}

/// The readiness and the start of containers, as probes found them.
pub trait Readiness {
    /// Sets `started` and `ready` of every container status (CND-9).
    fn update(&mut self, pod: &KnownPod, status: &mut ApiStatus);
}

/// Computes the status.
pub fn generate(generation: &Generation<'_>, readiness: &mut impl Readiness) -> ApiStatus {
    let Generation { pod, runtime, .. } = *generation;
    let known = pod.object.status.as_ref();
    let old = generation.old.or(known);
    let mut status = ApiStatus {
        host_ip: None,
        pod_ip: runtime.address.map(|address| address.to_string()),
        pod_ips: runtime.address.map(|address| vec![PodIP { ip: address.to_string() }]),
        start_time: old.and_then(|old| old.start_time.clone()).or_else(|| Some(generation.now.to_time())),
        nominated_node_name: known.and_then(|known| known.nominated_node_name.clone()),
        qos_class: known.and_then(|known| known.qos_class.clone()),
        ..ApiStatus::default()
    };
    containers::fill(generation, old, &mut status);
    let mut phase = phase::phase_of(pod, &status, generation.is_terminal_for_phase());
    // PHS-10: whoever set a terminal phase, it stays.
    let terminal = [old.and_then(|old| old.phase.as_deref()), Some(phase_of(&pod.object))];
    if !is_terminal(phase)
        && let Some(before) = terminal.into_iter().flatten().find_map(terminal_phase)
    {
        phase = before;
    }
    if let Some(stored) = terminal_phase(phase_of(&pod.object)) {
        phase = stored;
    }
    if let Some(old) = old
        && old.phase.as_deref() == Some(phase)
    {
        status.reason.clone_from(&old.reason);
        status.message.clone_from(&old.message);
    }
    status.phase = Some(phase.to_owned());
    readiness.update(pod, &mut status);
    conditions::fill(generation, old, &mut status);
    status
}

impl Generation<'_> {
    /// PHS-11: before 1.27 nothing made a phase terminal but the containers' own ends.
    fn is_terminal_for_phase(&self) -> bool {
        self.is_terminal && self.release.writes_terminal_phase_before_removal()
    }
}

fn is_terminal(phase: &str) -> bool {
    terminal_phase(phase).is_some()
}

/// The phase, if it is a terminal one.
pub fn terminal_phase(phase: &str) -> Option<&'static str> {
    match phase {
        phases::SUCCEEDED => Some(phases::SUCCEEDED),
        phases::FAILED => Some(phases::FAILED),
        _ => None,
    }
}

/// Why containers could not be started, for each pod (S28 `reason_cache.go`).
#[derive(Clone, Debug, Default)]
pub struct ReasonCache {
    pods: BTreeMap<Uid, Reasons>,
    none: Reasons,
}

impl ReasonCache {
    /// The reasons of one pod.
    pub fn of(&self, uid: &Uid) -> &Reasons {
        self.pods.get(uid).unwrap_or(&self.none)
    }

    /// A start failed, or succeeded.
    pub fn set(&mut self, uid: &Uid, container: &Arc<str>, reason: Option<&'static str>) {
        match reason {
            Some(reason) => {
                self.pods.entry(uid.clone()).or_default().insert(container.clone(), reason);
            }
            None => {
                if let Some(reasons) = self.pods.get_mut(uid) {
                    reasons.remove(container);
                }
            }
        }
    }

    /// Forgets pods that are gone.
    pub fn retain(&mut self, keep: impl Fn(&Uid) -> bool) {
        self.pods.retain(|uid, _| keep(uid));
    }
}
