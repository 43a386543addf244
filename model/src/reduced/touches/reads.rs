//! What is read: by the guards of what may follow at once, and by the promises about states. Each is painted as bits of a
//! state; what is painted too much costs time, and what is painted too little is found by the tests of this module and by
//! `tests/touched.rs`.

use bytemuck::Zeroable;
use podproof_vocabulary::observation::{Deletion, Hook, Phase, Process, Sandbox};
use podproof_vocabulary::{PodId, Property};

use crate::cluster::Cluster;
use crate::scope::Part;
use crate::state::{
    Container, Endpoint, KubeletPod, NodeColumn, PodColumn, PodHead, PodObject, ProxyPod, ReplicaSetColumn,
    Shared, Worker,
};

/// The parts of what may follow at once.
pub const PARTS: [Part; 9] = [
    Part::SchedulerNews,
    Part::ReplicaSetNews,
    Part::SliceNews,
    Part::Bindings,
    Part::ReplicaSets,
    Part::PlannedWrites,
    Part::Slice,
    Part::Reactions,
    Part::Rules,
];

/// The promises that speak of states. The others speak of a choice, and so of the step itself.
pub const PROMISES: [Property; 10] = [
    Property::NoTrafficAfterSigterm,
    Property::NoFailedRequest,
    Property::NoMisroutedRequest,
    Property::NoAvoidableBlackout,
    Property::PlacementLawful,
    Property::PodsWithinSurge,
    Property::TerminalIsFinal,
    Property::StoppedBeforeGone,
    Property::SandboxHoldsNamespaces,
    Property::OneAddressOnePod,
];

/// What so many guards read that after it everything may be possible.
pub fn common(cluster: &mut Cluster<'_>) {
    *cluster.shared = all_ones();
    cluster.nodes.fill(all_ones::<NodeColumn>());
    // While a sync is choosing nothing else is possible, and after it everything is again.
    cluster.replica_sets.fill(ReplicaSetColumn::new().with_victims_left(127));
    cluster.rings.fill(u64::MAX);
}

/// Everything of one pod.
pub fn column(pod: PodId, cluster: &mut Cluster<'_>) {
    *cluster.pod_mut(pod) = all_ones();
    cluster.containers_of_mut(pod).fill(all_ones());
    for node in cluster.node_ids() {
        *cluster.proxy_mut(node, pod) = all_ones();
    }
}

/// What the guards of this part read of pods and ReplicaSets; what else they read is [`common`].
pub fn part(part: Part, cluster: &mut Cluster<'_>) {
    // Which pod it is of what template on what node: written at its creation and its binding.
    let mut column = PodColumn::default();
    column.head = all_ones();
    match part {
        Part::SchedulerNews => {
            column.api = all_ones();
            column.scheduler = all_ones();
        }
        Part::ReplicaSetNews => cluster.replica_sets.fill(all_ones()),
        Part::SliceNews => {
            column.slice = all_ones();
            proxies(cluster, ProxyPod { view: all_ones(), rule: Endpoint::new() });
        }
        Part::Bindings => column.scheduler = all_ones(),
        Part::ReplicaSets => {
            column.controller = all_ones();
            cluster.replica_sets.fill(all_ones());
        }
        Part::PlannedWrites => {
            column.api = all_ones();
            column.controller = all_ones();
        }
        Part::Slice => {
            column.controller = all_ones();
            column.slice = all_ones();
        }
        Part::Reactions => {
            column.kubelet = all_ones();
            let all: Container = all_ones();
            let without_kills = all.with_hook(Hook::None).with_sigterm(false).with_grace_expired(false);
            cluster.containers.fill(without_kills.with_backoff(0).with_has_listened(false));
        }
        Part::Rules => proxies(cluster, all_ones()),
        // What makes one of these follow touches everything.
        Part::Others => return,
    }
    cluster.pods.fill(column);
}

/// What a promise about states reads.
pub fn promise(property: Property, cluster: &mut Cluster<'_>) {
    *cluster.shared = all_ones::<Shared>();
    cluster.nodes.fill(all_ones::<NodeColumn>());
    let mut column = PodColumn::default();
    column.head = all_ones::<PodHead>();
    let process = container(|all| all.with_process(Process::Absent));
    let accepting = container(|all| all.with_accepting(false));
    let rule = ProxyPod { view: Endpoint::new(), rule: all_ones() };
    match property {
        Property::NoTrafficAfterSigterm => {
            column.api = object(|all| all.with_exists(false).with_deletion(Deletion::None));
            column.kubelet = kubelet(|all| all.with_address(None));
            cluster.containers.fill(container(|all| all.with_sigterm(false)));
            proxies(cluster, rule);
        }
        Property::NoFailedRequest => {
            column.api = object(|all| all.with_exists(false).with_deletion(Deletion::None));
            column.kubelet = kubelet(|all| all.with_address(None));
            cluster.containers.fill(accepting);
            proxies(cluster, rule);
        }
        Property::NoMisroutedRequest => proxies(cluster, rule),
        Property::NoAvoidableBlackout => {
            column.api = all_ones();
            column.kubelet = kubelet(|all| all.with_address(None));
            cluster.containers.fill(accepting);
            proxies(cluster, rule);
        }
        Property::PlacementLawful => {
            column.kubelet = kubelet(|all| all.with_node(None).with_worker(Worker::None));
        }
        Property::PodsWithinSurge => {
            column.api = object(|all| all.with_exists(false).with_phase(Phase::Pending));
            cluster.containers.fill(process);
        }
        Property::TerminalIsFinal => {
            column.api = object(|all| all.with_exists(false).with_phase(Phase::Pending));
            column.kubelet = kubelet(|all| all.with_worker(Worker::None));
            cluster.containers.fill(process);
        }
        Property::StoppedBeforeGone => column.api = object(|all| all.with_exists(false)),
        Property::SandboxHoldsNamespaces => {
            column.api = object(|all| all.with_exists(false).with_node(None));
            column.kubelet = kubelet(|all| all.with_sandbox(Sandbox::None).with_address(None));
            cluster.containers.fill(process);
        }
        Property::OneAddressOnePod => {
            column.api = object(|all| all.with_exists(false).with_node(None));
            column.kubelet = kubelet(|all| all.with_sandbox(Sandbox::None).with_address(None));
            let either = u32::from(process) | u32::from(accepting);
            cluster.containers.fill(either.into());
        }
        // These are asked where a step is a choice that they speak of.
        _ => unreachable!("{} speaks of no state", property.name()),
    }
    cluster.pods.fill(column);
}

fn proxies(cluster: &mut Cluster<'_>, column: ProxyPod) {
    cluster.proxies.fill(column);
}

/// The bits that `without` takes from an object with all bits.
fn object(without: impl FnOnce(PodObject) -> PodObject) -> PodObject {
    (u32::MAX ^ u32::from(without(u32::MAX.into()))).into()
}

/// The same of what a kubelet knows.
fn kubelet(without: impl FnOnce(KubeletPod) -> KubeletPod) -> KubeletPod {
    (u32::MAX ^ u32::from(without(u32::MAX.into()))).into()
}

/// The same of a container.
fn container(without: impl FnOnce(Container) -> Container) -> Container {
    (u32::MAX ^ u32::from(without(u32::MAX.into()))).into()
}

fn all_ones<T: bytemuck::Pod + Zeroable>() -> T {
    let mut value = T::zeroed();
    bytemuck::bytes_of_mut(&mut value).fill(u8::MAX);
    value
}

const _: () = {
    // What is zero in a field is none of its bits, so the values above leave out all bits of theirs.
    assert!(Phase::Pending as u8 == 0 && Deletion::None as u8 == 0 && Process::Absent as u8 == 0);
    assert!(Sandbox::None as u8 == 0 && Worker::None as u8 == 0);
};
