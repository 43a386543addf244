//! Filters: which nodes a pod may go to. One file for each plugin, each with its predicate; a node passes if every plugin lets
//! it pass, and the first that does not is the one that rejected it.

pub mod node_affinity;
pub mod node_name;
pub mod node_ports;
pub mod node_resources;
pub mod node_unschedulable;
pub mod pod_affinity;
pub mod taint_toleration;
pub mod topology_spread;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};

use super::cache::{Cache, NodeInfo};
use super::queue::ClusterEvent;
use super::requests::{HostPort, host_ports_of, requests_of};
use crate::api::quantity::Amounts;
use crate::api::{Key, Kind};
use crate::slip::Slips;

use pod_affinity::PodAffinity;
use topology_spread::TopologySpread;

/// A plugin with a filter, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the Kubernetes plugin of that name")]
pub enum Plugin {
    NodeUnschedulable,
    NodeName,
    TaintToleration,
    NodeAffinity,
    NodePorts,
    NodeResourcesFit,
    PodTopologySpread,
    InterPodAffinity,
}

impl Plugin {
    const ALL: [Self; 8] = [
        Self::NodeUnschedulable,
        Self::NodeName,
        Self::TaintToleration,
        Self::NodeAffinity,
        Self::NodePorts,
        Self::NodeResourcesFit,
        Self::PodTopologySpread,
        Self::InterPodAffinity,
    ];

    /// May this event make a pod schedulable that the plugin rejected (SCH-8)? Kubernetes: `EventsToRegister` of each plugin.
    const fn cares_for(self, event: ClusterEvent) -> bool {
        use ClusterEvent as Event;
        if matches!(event, Event::NodeAdded | Event::PodChanged) {
            return true;
        }
        match self {
            Self::NodeName => false,
            Self::NodeUnschedulable | Self::TaintToleration => matches!(event, Event::NodeTaintsChanged),
            Self::NodeAffinity => matches!(event, Event::NodeLabelsChanged),
            Self::NodePorts => matches!(event, Event::AssignedPodGone),
            Self::NodeResourcesFit => {
                matches!(event, Event::AssignedPodGone | Event::NodeAllocatableChanged)
            }
            Self::InterPodAffinity => matches!(
                event,
                Event::NodeLabelsChanged
                    | Event::AssignedPodAdded
                    | Event::AssignedPodChanged
                    | Event::AssignedPodGone
            ),
            // Which nodes count as domains depends on their taints too (FLT-17).
            Self::PodTopologySpread => !matches!(event, Event::NodeAllocatableChanged),
        }
    }
}

/// Some plugins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plugins(u8);

impl Plugins {
    /// None.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Is it one of them?
    pub const fn contains(self, plugin: Plugin) -> bool {
        self.0 & 1 << plugin as u8 != 0
    }

    /// One more.
    pub const fn insert(&mut self, plugin: Plugin) {
        self.0 |= 1 << plugin as u8;
    }

    /// May this event make a pod schedulable that these plugins rejected?
    pub fn care_for(self, event: ClusterEvent) -> bool {
        Plugin::ALL.into_iter().any(|plugin| self.contains(plugin) && plugin.cares_for(event))
    }
}

/// What the filters know of a pod before they look at a node.
pub struct Cycle<'a> {
    pod: &'a Pod,
    requests: Amounts,
    host_ports: Vec<HostPort>,
    affinity: PodAffinity<'a>,
    spread: TopologySpread<'a>,
    slips: Slips,
}

impl<'a> Cycle<'a> {
    /// Looks at the pod and at the cluster.
    pub fn new(pod: &'a Pod, cache: &Cache, slips: Slips) -> Self {
        Self {
            pod,
            requests: requests_of(pod, cache.release(), slips),
            host_ports: host_ports_of(pod, cache.release()),
            affinity: PodAffinity::new(pod, cache, slips),
            spread: TopologySpread::new(pod, cache, slips),
            slips,
        }
    }

    /// The first plugin that rejects the node.
    pub fn rejected_by(&self, node: &Node, info: &NodeInfo) -> Option<Plugin> {
        Plugin::ALL.into_iter().find(|plugin| !self.passes(*plugin, node, info))
    }

    fn passes(&self, plugin: Plugin, node: &Node, info: &NodeInfo) -> bool {
        match plugin {
            Plugin::NodeUnschedulable => node_unschedulable::passes(self.pod, node, self.slips),
            Plugin::NodeName => node_name::passes(self.pod, node, self.slips),
            Plugin::TaintToleration => taint_toleration::passes(self.pod, node, self.slips),
            Plugin::NodeAffinity => node_affinity::passes(self.pod, node, self.slips),
            Plugin::NodePorts => node_ports::passes(&self.host_ports, info, self.slips),
            Plugin::NodeResourcesFit => node_resources::passes(&self.requests, info),
            Plugin::PodTopologySpread => self.spread.passes(node),
            Plugin::InterPodAffinity => self.affinity.passes(node),
        }
    }
}

/// The nodes that pass every filter, by name; or the plugins that rejected the others.
pub fn feasible(pod: &Pod, cache: &Cache, slips: Slips) -> Result<Vec<Key>, Plugins> {
    let cycle = Cycle::new(pod, cache, slips);
    let (mut nodes, mut rejectors) = (Vec::new(), Plugins::default());
    for (node, info) in cache.nodes() {
        match cycle.rejected_by(node, info) {
            None => nodes.push(Arc::as_ref(node).key()),
            Some(plugin) => rejectors.insert(plugin),
        }
    }
    if !nodes.is_empty() {
        return Ok(nodes);
    }
    if rejectors.is_empty() {
        // There is no node at all: a new one may help.
        rejectors.insert(Plugin::NodeName);
    }
    Err(rejectors)
}

/// The value of a node's label.
fn label_of<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.metadata.labels.as_ref()?.get(key).map(String::as_str)
}
