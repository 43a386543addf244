//! A node: its object in the store, the copies of it, and its machine.

use bitfield_struct::bitfield;
use bytemuck::{Pod, Zeroable};
use podproof_vocabulary::observation::{NodeReady, TaintsSeen};

/// A node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct NodeColumn {
    /// The object in the API server's store.
    pub api: NodeObject,
    /// The scheduler's copy, without the condition.
    pub scheduler: NodeObject,
    /// The controller manager's copy.
    pub controller: NodeObject,
    /// The machine and the processes on it.
    pub machine: Machine,
}

impl NodeColumn {
    /// It has been a node of the cluster, whether or not somebody has deleted its object since.
    pub fn has_joined(&self) -> bool {
        self.api.exists() || self.machine.kubelet_runs() || self.machine.must_register()
    }
}

/// A Node object.
#[bitfield(u16)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct NodeObject {
    /// It exists.
    pub exists: bool,
    /// Condition Ready.
    #[bits(2)]
    pub ready: NodeReady,
    /// `spec.unschedulable`
    pub unschedulable: bool,
    /// Taint `node.kubernetes.io/not-ready:NoSchedule`
    pub not_ready_no_schedule: bool,
    /// Taint `node.kubernetes.io/unreachable:NoSchedule`
    pub unreachable_no_schedule: bool,
    /// Taint `node.kubernetes.io/unschedulable:NoSchedule`
    pub unschedulable_no_schedule: bool,
    /// Taint `node.kubernetes.io/not-ready:NoExecute`
    pub not_ready_no_execute: bool,
    /// Taint `node.kubernetes.io/unreachable:NoExecute`
    pub unreachable_no_execute: bool,
    /// The taint of a `taint-node` event.
    pub custom: bool,
    /// Its labels are those that the scenario has in store for it.
    pub relabelled: bool,
    #[bits(5)]
    __: u8,
}

impl NodeObject {
    /// What the scheduler sees of it: no predicate reads the condition (FLT-2, FLT-6).
    #[must_use]
    pub fn for_scheduler(self) -> Self {
        self.with_ready(NodeReady::True)
    }

    /// The same object with the taints of `other`.
    #[must_use]
    pub fn with_taints_of(self, other: Self) -> Self {
        self.with_not_ready_no_schedule(other.not_ready_no_schedule())
            .with_unreachable_no_schedule(other.unreachable_no_schedule())
            .with_unschedulable_no_schedule(other.unschedulable_no_schedule())
            .with_not_ready_no_execute(other.not_ready_no_execute())
            .with_unreachable_no_execute(other.unreachable_no_execute())
            .with_custom(other.custom())
    }

    /// Its taints that come and go.
    pub fn taints(self) -> TaintsSeen {
        TaintsSeen {
            not_ready_no_schedule: self.not_ready_no_schedule(),
            unreachable_no_schedule: self.unreachable_no_schedule(),
            unschedulable_no_schedule: self.unschedulable_no_schedule(),
            not_ready_no_execute: self.not_ready_no_execute(),
            unreachable_no_execute: self.unreachable_no_execute(),
            custom: self.custom(),
        }
    }
}

/// The machine of a node and the processes on it.
#[bitfield(u16)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct Machine {
    /// It has power.
    pub powered: bool,
    /// Its link to the control plane works.
    pub connected: bool,
    /// Its kubelet runs.
    pub kubelet_runs: bool,
    /// The kubelet's watches are broken and it has not listed again.
    pub kubelet_must_list: bool,
    /// The PLEG has not finished a relist since the kubelet started.
    pub first_relist_pending: bool,
    /// The kubelet has noticed that the runtime or the PLEG is stuck: the sync loop is frozen.
    pub unhealthy: bool,
    /// Its kube-proxy runs.
    pub proxy_runs: bool,
    /// The kube-proxy has not listed since it started, or its watch broke.
    pub proxy_must_list: bool,
    /// What a `runtime-hang` event does is in force.
    pub hung: bool,
    /// The network plugin fails.
    pub cni_failed: bool,
    /// Its Node object is gone, and its kubelet is the next to register it: one that was started, or will be, since then.
    pub must_register: bool,
    #[bits(5)]
    __: u8,
}
