//! What there is once: the Deployment, its ReplicaSets, the budget, the processes of the control plane, and what the
//! environment may still do.

use bitfield_struct::bitfield;
use bytemuck::{Pod, Zeroable};
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::{NodeId, PodId};

use super::pod::{node_from_bits, node_into_bits};

/// What there is once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct Shared {
    /// The Deployment in the store.
    pub deployment: DeploymentObject,
    /// The controller manager's copy of it.
    pub deployment_view: DeploymentObject,
    /// The status of the PodDisruptionBudget in the store.
    pub budget: BudgetObject,
    /// The processes of the control plane, the drain and the story.
    pub control_plane: ControlPlane,
    /// How often each event may still happen; up to a whole word.
    pub events_left: [u8; EventName::COUNT.next_multiple_of(8)],
}

const _: () = assert!(size_of::<Shared>().is_multiple_of(8), "sections are whole words");

/// A Deployment.
#[bitfield(u32)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct DeploymentObject {
    /// It exists.
    pub exists: bool,
    /// `spec.replicas`
    pub replicas: u8,
    /// The hash of `spec.template`.
    #[bits(6)]
    pub revision: u8,
    /// Condition Progressing is False: the deadline was exceeded.
    pub deadline_exceeded: bool,
    /// Condition Progressing says NewReplicaSetAvailable: this template's rollout was complete once, and has no deadline any more.
    pub completed: bool,
    #[bits(15)]
    __: u16,
}

impl DeploymentObject {
    /// What it says without its condition Progressing, which nobody reads.
    pub const fn without_condition(self) -> Self {
        self.with_deadline_exceeded(false).with_completed(false)
    }
}

/// A ReplicaSet: object, copy and plans.
#[bitfield(u64)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct ReplicaSetColumn {
    /// It exists in the store.
    pub exists: bool,
    /// `spec.replicas`
    pub replicas: u8,
    /// `status.availableReplicas`
    pub available: u8,
    /// Annotation `deployment.kubernetes.io/desired-replicas`
    pub desired: u8,
    /// The controller manager's copy has it.
    pub exists_seen: bool,
    /// The copy's `spec.replicas`
    pub replicas_seen: u8,
    /// The copy's `status.availableReplicas`
    pub available_seen: u8,
    /// The copy's annotation.
    pub desired_seen: u8,
    /// Pods that a sync decided to create and has not created.
    #[bits(7)]
    pub creations_left: u8,
    /// Pods that a sync decided to delete and has not chosen.
    #[bits(7)]
    pub victims_left: u8,
}

impl ReplicaSetColumn {
    /// The copy equals the object: an update would not meet a conflict (API-1).
    pub fn is_seen(self) -> bool {
        (self.exists(), self.replicas(), self.available(), self.desired())
            == (self.exists_seen(), self.replicas_seen(), self.available_seen(), self.desired_seen())
    }

    /// The same object, of which the controller manager knows nothing.
    #[must_use]
    pub fn forgotten(self) -> Self {
        Self::new()
            .with_exists(self.exists())
            .with_replicas(self.replicas())
            .with_available(self.available())
            .with_desired(self.desired())
    }

    /// The same column with the copy equal to the object.
    #[must_use]
    pub fn seen(self) -> Self {
        self.with_exists_seen(self.exists())
            .with_replicas_seen(self.replicas())
            .with_available_seen(self.available())
            .with_desired_seen(self.desired())
    }
}

/// The status of a PodDisruptionBudget, but for `disruptedPods`.
#[bitfield(u32)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct BudgetObject {
    /// `disruptionsAllowed`
    pub allowed: u8,
    /// `currentHealthy`
    pub healthy: u8,
    /// `desiredHealthy`
    pub desired: u8,
    /// The disruption controller has written it once.
    pub written: bool,
    /// The controller manager has not seen the newest version: an update would meet a conflict (API-1).
    pub unseen: bool,
    #[bits(6)]
    __: u8,
}

pub(super) const fn pod_from_bits(bits: u8) -> Option<PodId> {
    if bits == 0 { None } else { Some(PodId(bits - 1)) }
}

pub(super) const fn pod_into_bits(pod: Option<PodId>) -> u8 {
    match pod {
        None => 0,
        Some(pod) => pod.0 + 1,
    }
}

/// The processes of the control plane, the drain and the story.
#[bitfield(u32)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct ControlPlane {
    /// The API server does not answer.
    pub api_server_down: bool,
    /// The scheduler does not run.
    pub scheduler_down: bool,
    /// The scheduler must list before it sees anything more.
    pub scheduler_must_list: bool,
    /// The controller manager does not run.
    pub controller_manager_down: bool,
    /// The controller manager must list before it sees anything more.
    pub controller_manager_must_list: bool,
    /// The story's event has happened, or there is none.
    pub story_told: bool,
    /// A pod could not be created because every slot is remembered by somebody: the search ends here, incomplete.
    pub out_of_slots: bool,
    /// An event ring overflowed: the search ends here, incomplete.
    pub ring_overflow: bool,
    /// The node that is being drained.
    #[bits(6, from = node_from_bits, into = node_into_bits)]
    pub draining: Option<NodeId>,
    /// The drain has not listed its pods.
    pub drain_must_list: bool,
    /// The pod that a timed search follows.
    #[bits(8, from = pod_from_bits, into = pod_into_bits)]
    pub followed: Option<PodId>,
    /// The neighbour's new pod has taken an address.
    pub neighbour_moved: bool,
    /// The node whose kube-proxy is modelled; none is all.
    #[bits(6, from = node_from_bits, into = node_into_bits)]
    pub observed_proxy: Option<NodeId>,
    /// A client evicts a pod without a drain.
    pub evicting: bool,
    #[bits(1)]
    __: u8,
}

impl ControlPlane {
    /// Pods are evicted through the API: by a drain, or one by one.
    pub fn evicts(self) -> bool {
        self.draining().is_some() || self.evicting()
    }
}
