//! A pod's column: everything that anybody in the cluster knows of it, but for its containers and the rules.

use bitfield_struct::{bitenum, bitfield};
use bytemuck::{Pod, Zeroable};
use podproof_vocabulary::NodeId;
use podproof_vocabulary::observation::{Address, Deletion, Phase, Sandbox, TaintsSeen};

pub(super) const fn node_from_bits(bits: u8) -> Option<NodeId> {
    if bits == 0 { None } else { Some(NodeId(bits - 1)) }
}

pub(super) const fn node_into_bits(node: Option<NodeId>) -> u8 {
    match node {
        None => 0,
        Some(node) => node.0 + 1,
    }
}

const fn address_from_bits(bits: u8) -> Option<Address> {
    if bits == 0 { None } else { Some(Address(bits - 1)) }
}

const fn address_into_bits(address: Option<Address>) -> u8 {
    match address {
        None => 0,
        Some(address) => address.0 + 1,
    }
}

const fn overwritten_from_bits(bits: u8) -> Option<Phase> {
    match bits {
        0 => None,
        1 => Some(Phase::Pending),
        2 => Some(Phase::Running),
        _ => Some(Phase::Succeeded),
    }
}

const fn overwritten_into_bits(phase: Option<Phase>) -> u8 {
    match phase {
        // Failed over Failed changes nothing.
        None | Some(Phase::Failed) => 0,
        Some(Phase::Pending) => 1,
        Some(Phase::Running) => 2,
        Some(Phase::Succeeded) => 3,
    }
}

const fn no_execute_from_bits(bits: u8) -> TaintsSeen {
    TaintsSeen {
        not_ready_no_schedule: false,
        unreachable_no_schedule: false,
        unschedulable_no_schedule: false,
        not_ready_no_execute: bits & 1 != 0,
        unreachable_no_execute: bits & 2 != 0,
        custom: bits & 4 != 0,
    }
}

const fn no_execute_into_bits(taints: TaintsSeen) -> u8 {
    taints.not_ready_no_execute as u8
        | (taints.unreachable_no_execute as u8) << 1
        | (taints.custom as u8) << 2
}

/// A pod's column without its containers and rules. All zero is a free slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct PodColumn {
    /// What belongs to no single component.
    pub head: PodHead,
    /// The object in the API server's store.
    pub api: PodObject,
    /// What the scheduler knows.
    pub scheduler: SchedulerPod,
    /// What the controller manager knows.
    pub controller: ControllerPod,
    /// What the kubelet of its node knows, and its sandbox.
    pub kubelet: KubeletPod,
    /// Its entry in the EndpointSlice.
    pub slice: Endpoint,
    pub(super) padding: [u8; 3],
}

/// Fields of a pod's column that hold a node.
pub(crate) const NODE_FIELDS: usize = 6;

impl PodColumn {
    /// The nodes that it names, a field each: every field of the column that holds a node, in a fixed order.
    pub(crate) fn nodes(&self) -> [Option<NodeId>; NODE_FIELDS] {
        [
            self.head.node(),
            self.api.node(),
            self.scheduler.view().node(),
            self.scheduler.assumed(),
            self.controller.view().node(),
            self.kubelet.node(),
        ]
    }

    /// Writes other nodes into the fields of [`nodes`](Self::nodes).
    pub(crate) fn set_nodes(&mut self, nodes: [Option<NodeId>; NODE_FIELDS]) {
        let [head, api, scheduler, assumed, controller, kubelet] = nodes;
        self.head.set_node(head);
        self.api.set_node(api);
        self.scheduler.set_view(self.scheduler.view().with_node(scheduler));
        self.scheduler.set_assumed(assumed);
        self.controller.set_view(self.controller.view().with_node(controller));
        self.kubelet.set_node(kubelet);
    }
}

/// What belongs to no single component.
#[bitfield(u32)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct PodHead {
    /// Somebody remembers this pod.
    pub used: bool,
    /// The template that it was made from.
    #[bits(6)]
    pub revision: u8,
    /// The address of this slot that the neighbour's new pod has.
    #[bits(3, from = address_from_bits, into = address_into_bits)]
    pub reused_address: Option<Address>,
    /// `kubectl drain`, or a client that evicts single pods, has it on its list and has not evicted it.
    pub drain_listed: bool,
    /// Its eviction was granted and the deletion is not yet written.
    pub eviction_granted: bool,
    /// It is in the budget's `disruptedPods`.
    pub disrupted: bool,
    /// The node that it was bound to, also after its object is gone.
    #[bits(6, from = node_from_bits, into = node_into_bits)]
    pub node: Option<NodeId>,
    /// Whoever follows a recorded run keeps the slot; never set in a search.
    pub held: bool,
    #[bits(12)]
    __: u32,
}

/// The object in the API server's store.
#[bitfield(u32)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct PodObject {
    /// It exists.
    pub exists: bool,
    /// `spec.nodeName`; a node beyond the scenario's is one that does not exist.
    #[bits(6, from = node_from_bits, into = node_into_bits)]
    pub node: Option<NodeId>,
    /// `status.phase`
    #[bits(2)]
    pub phase: Phase,
    /// `metadata.deletionTimestamp`
    #[bits(2)]
    pub deletion: Deletion,
    /// `metadata.finalizers` is not empty.
    pub finalizer: bool,
    /// Condition Ready.
    pub ready: bool,
    /// `status.podIP`
    #[bits(3, from = address_from_bits, into = address_into_bits)]
    pub address: Option<Address>,
    #[bits(16)]
    __: u32,
}

impl PodObject {
    /// `deletionTimestamp` is set.
    pub fn is_deleting(self) -> bool {
        self.deletion() != Deletion::None
    }

    /// It exists, has no terminal phase and is not being deleted (`IsPodActive`).
    pub fn is_active(self) -> bool {
        self.exists() && !self.phase().is_terminal() && !self.is_deleting()
    }
}

/// The scheduler's copy of a pod: only what it reads.
#[bitfield(u16)]
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct SchedulerView {
    /// It is there.
    pub present: bool,
    /// `spec.nodeName`
    #[bits(6, from = node_from_bits, into = node_into_bits)]
    pub node: Option<NodeId>,
    /// `deletionTimestamp` is set.
    pub deleting: bool,
    #[bits(8)]
    __: u16,
}

impl SchedulerView {
    /// What the scheduler sees of an object: terminal pods are filtered out (SCH-1, S28
    /// `pkg/scheduler/scheduler.go` `NewInformerFactory`).
    pub fn of(object: PodObject) -> Self {
        if !object.exists() || object.phase().is_terminal() {
            return Self::new();
        }
        Self::new().with_present(true).with_node(object.node()).with_deleting(object.is_deleting())
    }
}

/// What the scheduler knows of a pod.
#[bitfield(u32)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct SchedulerPod {
    /// Its copy.
    #[bits(16)]
    pub view: SchedulerView,
    /// The filters that rejected it, a bit each; not 0 while it is parked as unschedulable.
    pub rejected_by: u8,
    /// The node that it was assumed on, while the informer does not confirm.
    #[bits(6, from = node_from_bits, into = node_into_bits)]
    pub assumed: Option<NodeId>,
    /// Its binding was refused; it waits for the news that say why.
    pub refused: bool,
    /// The binding was sent, whether or not it was committed.
    pub bound: bool,
}

/// The controller manager's copy of a pod.
#[bitfield(u16)]
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct ControllerView {
    /// It is there.
    pub present: bool,
    /// `spec.nodeName`
    #[bits(6, from = node_from_bits, into = node_into_bits)]
    pub node: Option<NodeId>,
    /// `status.phase`
    #[bits(2)]
    pub phase: Phase,
    /// `deletionTimestamp` is set.
    pub deleting: bool,
    /// Condition Ready.
    pub ready: bool,
    /// `status.podIP`
    #[bits(3, from = address_from_bits, into = address_into_bits)]
    pub address: Option<Address>,
    #[bits(2)]
    __: u8,
}

impl ControllerView {
    /// What the controller manager sees of an object.
    pub fn of(object: PodObject) -> Self {
        if !object.exists() {
            return Self::new();
        }
        Self::new()
            .with_present(true)
            .with_node(object.node())
            .with_phase(object.phase())
            .with_deleting(object.is_deleting())
            .with_ready(object.ready())
            .with_address(object.address())
    }

    /// Counted by its ReplicaSet (RS-1, S28 `pkg/controller/controller_utils.go` `IsPodActive`).
    pub fn is_active(self) -> bool {
        self.present() && !self.phase().is_terminal() && !self.deleting()
    }
}

/// What the controller manager knows of a pod, and what it has decided to do with it.
#[bitfield(u32)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct ControllerPod {
    /// Its copy, shared by all controllers.
    #[bits(16)]
    pub view: ControllerView,
    /// The ReplicaSet controller created it and has not seen it.
    pub expects_creation: bool,
    /// The ReplicaSet controller decided to delete it and has not seen it deleting.
    pub expects_deletion: bool,
    /// The ReplicaSet controller decided to delete it and has not sent the deletion.
    pub deletion_planned: bool,
    /// The node lifecycle controller decided to mark it not ready and has not.
    pub mark_planned: bool,
    /// It has been Ready for `minReadySeconds`.
    pub available: bool,
    /// The pod garbage collector has written its phase and has not deleted it.
    pub collecting: bool,
    /// The copy of the budget has it in `disruptedPods`.
    pub disrupted: bool,
    /// Its node's object is gone, and the taint eviction controller has a timer for it all the same.
    pub timer_left: bool,
    /// The NoExecute taints that come and go which its node had then.
    #[bits(3, from = no_execute_from_bits, into = no_execute_into_bits)]
    pub timer_taints: TaintsSeen,
    /// Its node's object is gone, and the EndpointSlice controller looks at the Service for news of another pod: it is left out then.
    pub left_out_next: bool,
    #[bits(4)]
    __: u32,
}

/// The kubelet's copy of a pod.
#[bitfield(u8)]
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct KubeletView {
    /// It is there, bound to the kubelet's node.
    pub present: bool,
    /// `deletionTimestamp`
    #[bits(2)]
    pub deletion: Deletion,
    /// Condition Ready.
    pub ready: bool,
    /// The phase is Succeeded or Failed.
    pub terminal: bool,
    #[bits(3)]
    __: u8,
}

impl KubeletView {
    /// What the kubelet of `node` sees of an object (SRC-1: its watch selects `spec.nodeName`).
    pub fn of(object: PodObject, node: NodeId) -> Self {
        if !object.exists() || object.node() != Some(node) {
            return Self::new();
        }
        Self::new()
            .with_present(true)
            .with_deletion(object.deletion())
            .with_ready(object.ready())
            .with_terminal(object.phase().is_terminal())
    }

    /// `deletionTimestamp` is set.
    pub fn is_deleting(self) -> bool {
        self.deletion() != Deletion::None
    }
}

/// The state of a pod worker (PW-1 to PW-12).
#[bitenum]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Worker {
    /// The kubelet has no worker for this pod.
    #[fallback]
    None = 0,
    /// The pod should run.
    Sync = 1,
    /// Its containers are being stopped.
    Terminating = 2,
    /// They have stopped.
    Terminated = 3,
    /// Everything of it is cleaned up.
    Finished = 4,
    /// Admission rejected it; no worker was started.
    Rejected = 5,
    /// It had ended before its kubelet took it up, and nothing of it runs (PW-3): what is left of its sandbox is removed.
    Ended = 6,
}

/// What the kubelet of its node knows of a pod, and its sandbox.
#[bitfield(u32)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct KubeletPod {
    /// Its copy.
    #[bits(5)]
    pub view: KubeletView,
    /// Housekeeping stops what runs of a rejected pod, and not its sandbox, which was dead already.
    pub spares_sandbox: bool,
    /// The phase that it has said last, if somebody has written Failed over that.
    #[bits(2, from = overwritten_from_bits, into = overwritten_into_bits)]
    pub overwritten: Option<Phase>,
    /// The pod worker.
    #[bits(3)]
    pub worker: Worker,
    /// The kubelet evicts it under resource pressure.
    pub evicted: bool,
    /// It is killed with the least grace, not its own.
    pub minimum_grace: bool,
    /// The kubelet knows its spec from the API (else: it found it in the runtime).
    pub knows_spec: bool,
    /// The sandbox in the runtime.
    #[bits(2)]
    pub sandbox: Sandbox,
    /// The address that CNI gave the sandbox.
    #[bits(3, from = address_from_bits, into = address_into_bits)]
    pub address: Option<Address>,
    /// The sandbox in the PLEG's cache.
    #[bits(2)]
    pub sandbox_cached: Sandbox,
    /// The kubelet changed the sandbox after the cache was filled.
    pub sandbox_touched: bool,
    /// The address of the sandbox in the PLEG's cache.
    #[bits(3, from = address_from_bits, into = address_into_bits)]
    pub address_cached: Option<Address>,
    /// The node whose kubelet or runtime knows the pod.
    #[bits(6, from = node_from_bits, into = node_into_bits)]
    pub node: Option<NodeId>,
    /// Its worker was told of a terminal phase that somebody else wrote, or may have been: the kubelet had heard of it, and it is gone again.
    pub heard_of_end: bool,
}

/// An entry of an EndpointSlice, or of a node's rules.
#[bitfield(u8)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct Endpoint {
    /// Its address; without one there is no entry.
    #[bits(3, from = address_from_bits, into = address_into_bits)]
    pub address: Option<Address>,
    /// Condition `ready`
    pub ready: bool,
    /// Condition `serving`
    pub serving: bool,
    /// Condition `terminating`
    pub terminating: bool,
    #[bits(2)]
    __: u8,
}

impl Endpoint {
    /// There is an entry.
    pub fn is_present(self) -> bool {
        self.address().is_some()
    }
}

/// What the kube-proxy of one node knows of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct ProxyPod {
    /// Its entry in the slice as kube-proxy has seen it.
    pub view: Endpoint,
    /// Its entry in the rules of the node.
    pub rule: Endpoint,
}
