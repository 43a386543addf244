//! How large generated worlds are. Small ones find as much as large ones, and faster.

use podproof_vocabulary::scenario::limits;

/// Nodes of a scenario, spare ones counted.
pub const NODES_MAX: usize = 3;
/// Wanted replicas.
pub const REPLICAS_MAX: u8 = 3;
/// Slots beside those for twice the pods of a rollout.
pub const SPARE_SLOTS: u8 = 2;
/// Init containers and sidecars of a pod.
pub const INIT_CONTAINERS_MAX: usize = 2;
/// App containers of a pod.
pub const APP_CONTAINERS_MAX: usize = 2;
/// Pods of other workloads.
pub const NEIGHBOURS_MAX: usize = 2;
/// Terms of one kind of affinity, and spread constraints.
pub const TERMS_MAX: usize = 2;
/// Taints of a node, and tolerations of a pod beside those of admission.
pub const TAINTS_MAX: usize = 2;
/// Events of one kind.
pub const EVENTS_MAX: u8 = 2;
/// Kinds of events in one scenario.
pub const EVENT_KINDS_MAX: usize = 4;
/// Seconds of a hook, a grace period, a delay.
pub const SECONDS_MAX: u32 = 4;
/// Pods of the workload in a situation for the filters.
pub const PLACED_MAX: usize = 5;
/// Requests in a conversation with the API server.
pub const REQUESTS_MAX: usize = 120;
/// Steps of a walk.
pub const STEPS_MAX: usize = 400;
/// Edits of a text.
pub const EDITS_MAX: usize = 6;

/// Zones and hosts and one more label: what nodes, selectors and terms are about.
pub const TOPOLOGY_KEYS: [&str; 3] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone", "disk"];
/// Values of labels.
pub const VALUES: [&str; 3] = ["1", "2", "ssd"];
/// Keys of taints.
pub const TAINT_KEYS: [&str; 3] = ["gpu", "dedicated", "node.kubernetes.io/unschedulable"];
/// Keys of the taints of a node that is not well, which tolerations alone name: who sets them is the node lifecycle controller.
pub const HEALTH_KEYS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
/// Namespaces; the workload is in the first.
pub const NAMESPACES: [&str; 2] = ["default", "other"];

// What a scenario can hold bounds what is generated.
const _: () = assert!(
    NODES_MAX <= limits::NODES_MAX && INIT_CONTAINERS_MAX + APP_CONTAINERS_MAX <= limits::CONTAINERS_MAX
);
const _: () = assert!(4 * REPLICAS_MAX as usize + SPARE_SLOTS as usize <= limits::SLOTS_MAX);
