//! The kubelet of one machine. It follows the pods of its node, admits them, and has a worker for each that brings the machine to
//! what the pod's spec says; it looks at its container runtime through the PLEG, at its containers through probes, and tells the
//! API server what it sees.
//!
//! Read in this order:
//!
//! - [`pod`]: what it reads of a pod object; [`config`]: where pods come from
//! - [`sync_loop`]: one thing at a time from its sources; [`housekeeping`]: what nobody wants any more; [`admission`]
//! - [`pod_worker`]: one worker for each pod; [`sync_pod`]: what a sync does, [`pod_actions`]: computed from what;
//!   [`kill`]: how containers are stopped; [`back_off`]: when a crashed one starts again
//! - [`pleg`]: what the runtime has; [`inspect`]: one pod in full; [`pod_cache`]: what is known of it
//! - [`probes`]; [`api_status`]: the status for the API; [`status`]: how it is written, and the object removed at last
//! - [`node_status`]: registration, Ready, lease; [`runtime_state`]: whether the runtime is well
//! - [`collector`]: the removal of dead containers
//! - [`host`], [`parts`]: what these share; [`process`]: the kubelet as a process of the cluster
//!
//! Left out: static and mirror pods, ephemeral containers, node pressure (but for an eviction by the environment), graceful node
//! shutdown, in-place resize, device and resource managers, Evented PLEG (off in every release, EPLEG-1 to EPLEG-9).

pub mod admission;
pub mod api_status;
pub mod back_off;
pub mod collector;
pub mod config;
pub mod eviction;
pub mod host;
pub mod housekeeping;
pub mod inspect;
pub mod kill;
pub mod node_status;
pub mod parts;
pub mod pleg;
pub mod pod;
pub mod pod_actions;
pub mod pod_cache;
pub mod pod_worker;
pub mod probes;
pub mod process;
pub mod runtime_state;
pub mod status;
pub mod step;
pub mod sync_loop;
pub mod sync_pod;
#[cfg(test)]
mod test_host;

use k8s_openapi::api::core::v1::{Node, Pod, PodStatus};

use self::admission::Rejection;
use self::collector::Collection;
use self::config::PodConfig;
use self::host::Host;
use self::housekeeping::Housekeeping;
use self::node_status::{NodeStatus, Readiness};
use self::parts::{Parts, Settings};
use self::pod::KnownPod;
use self::pod_worker::PodWorkers;
use self::runtime_state::RuntimeState;
use crate::api::constants::{is_terminal, phase};
use crate::api::{Key, Selector};
use crate::client::{Cache, Informer};
use crate::clock::Moment;
use crate::operation::{Component, NodeIndex};
use crate::slip::Slip;

pub use process::KubeletProcess;
pub use step::KubeletStep;

/// The memory of a kubelet that runs.
#[derive(Debug)]
pub struct Kubelet {
    /// The Node object that it registers.
    node: Node,
    nodes: Informer<Node>,
    pods: Informer<Pod>,
    config: PodConfig,
    workers: PodWorkers,
    parts: Parts,
    runtime_state: RuntimeState,
    node_status: NodeStatus,
    housekeeping: Option<Housekeeping>,
    next_housekeeping: Moment,
    collection: Option<Collection>,
    next_collection: Moment,
    was_ready: bool,
    loop_ignores_health: bool,
}

impl Kubelet {
    /// A kubelet that starts: it knows nothing (RST-2).
    fn new(index: NodeIndex, node: Node, settings: Settings, host: &Host<'_, '_>) -> Self {
        let (now, component) = (host.now(), Component::Kubelet(index));
        let key = Key::of(&node.metadata);
        let own_pods = Selector::OnNode(key.name().into());
        let node_status = NodeStatus::new(
            node.clone(),
            settings.node_status_period,
            settings.node_status_report_period,
            settings.lease_duration,
            now,
        );
        let mut config = PodConfig::default();
        if host.context.has(Slip::HousekeepingBeforeSources) {
            config.trust();
        }
        Self {
            node,
            nodes: Informer::new(component, Selector::Named(key), &[], &[]),
            pods: Informer::new(component, own_pods, &[], &[]),
            config,
            workers: PodWorkers::default(),
            runtime_state: RuntimeState::new(now),
            node_status,
            housekeeping: None,
            next_housekeeping: now + settings.housekeeping_period,
            collection: None,
            next_collection: now + settings.collection_period,
            was_ready: false,
            loop_ignores_health: sync_loop::ignores_health(host),
            parts: Parts::new(settings, host.context.release, host.context.slips, now),
        }
    }

    /// Its copy of the pods of its node.
    pub const fn pods(&self) -> &Cache<Pod> {
        self.pods.cache()
    }

    /// The workers of its pods.
    pub const fn workers(&self) -> &PodWorkers {
        &self.workers
    }

    /// What its workers share.
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// NOD-3.
    pub fn readiness(&self, now: Moment) -> Readiness {
        if self.runtime_state.is_well(&self.parts, now) && self.parts.network_ready {
            Readiness::Ready
        } else {
            Readiness::NotReady
        }
    }

    /// A node that becomes ready for the first time says so at once.
    fn note_readiness(&mut self, now: Moment) {
        if !self.was_ready && self.readiness(now) == Readiness::Ready {
            self.was_ready = true;
            self.node_status.trigger(now);
        }
    }

    /// A pod that was admitted has ended, as the API or the kubelet itself says.
    fn is_terminal(&self, pod: &KnownPod) -> bool {
        let computed = self.parts.status.get(&pod.uid).and_then(|status| status.phase.as_deref());
        is_terminal(&pod.object) || computed.is_some_and(|it| matches!(it, phase::SUCCEEDED | phase::FAILED))
    }

    /// ADM-12: a pod that is not admitted has failed; no worker is told of it. Nothing else is said of it any more: neither its addresses
    /// nor its containers nor its conditions (S28 `rejectPod`; `updateStatusInternal` for the time of its start).
    fn reject(&mut self, pod: &KnownPod, rejection: &Rejection, now: Moment) {
        let known = pod.object.status.as_ref();
        let status = PodStatus {
            phase: Some(phase::FAILED.to_owned()),
            reason: Some(rejection.reason.clone()),
            message: Some(rejection.message.to_owned()),
            qos_class: known.and_then(|known| known.qos_class.clone()),
            start_time: known.and_then(|known| known.start_time.clone()).or_else(|| Some(now.to_time())),
            ..PodStatus::default()
        };
        self.parts.status.set(pod, status);
    }
}
