//! PodTopologySpread: pods stay spread over topology domains.

use podproof_vocabulary::scenario::{Scenario, SpreadConstraint};
use podproof_vocabulary::{NodeId, Revision};

use super::node_affinity::NodeAffinity;
use super::taint_toleration::TaintToleration;
use super::{Placement, domains, selects};

/// FLT-15 to FLT-19 (S28 `plugins/podtopologyspread`), constraints with DoNotSchedule only.
pub struct PodTopologySpread {
    constraints: Vec<Constraint>,
    taints: TaintToleration,
}

/// A constraint, compiled.
struct Constraint {
    max_skew: u32,
    min_domains: u32,
    domains: Vec<Option<u8>>,
    selects_own: bool,
    same_revision: bool,
    neighbours: Vec<NodeId>,
    /// The node has the keys of all constraints and passes the node affinity policy (FLT-17).
    eligible: Vec<bool>,
    honour_node_taints: bool,
}

impl PodTopologySpread {
    pub(super) fn compile(scenario: &Scenario, affinity: &NodeAffinity, taints: TaintToleration) -> Self {
        let template = &scenario.workload.template;
        let keys: Vec<_> =
            template.spread.iter().map(|c| domains(&scenario.nodes, &c.topology_key)).collect();
        let compile = |(constraint, domains): (&SpreadConstraint, &Vec<Option<u8>>)| {
            let selected = |labels| selects(constraint.selector.as_ref(), labels);
            let neighbours = scenario.neighbours.iter().filter(|neighbour| {
                neighbour.namespace == scenario.workload.namespace
                    && selected(&neighbour.labels)
                    && !constraint.same_revision
            });
            let eligible = NodeId::first(scenario.nodes.len()).map(|node| {
                keys.iter().all(|domains| domains[node.index()].is_some())
                    && (!constraint.honour_node_affinity || affinity.passes(node))
            });
            Constraint {
                max_skew: constraint.max_skew,
                min_domains: constraint.min_domains,
                domains: domains.clone(),
                selects_own: selected(&template.labels),
                same_revision: constraint.same_revision,
                neighbours: neighbours.map(|neighbour| NodeId(neighbour.node)).collect(),
                eligible: eligible.collect(),
                honour_node_taints: constraint.honour_node_taints,
            }
        };
        Self { constraints: template.spread.iter().zip(&keys).map(compile).collect(), taints }
    }

    /// The pod has no constraint.
    pub(super) fn is_empty(&self) -> bool {
        self.constraints.is_empty()
    }

    pub(super) fn passes(&self, placement: &Placement, revision: Revision, node: NodeId) -> bool {
        self.constraints.iter().all(|constraint| constraint.passes(placement, revision, node, &self.taints))
    }
}

impl Constraint {
    fn passes(
        &self,
        placement: &Placement,
        revision: Revision,
        node: NodeId,
        taints: &TaintToleration,
    ) -> bool {
        let Some(domain) = self.domains[node.index()] else { return false };
        let is_eligible = |node: NodeId| {
            let object = placement.nodes[node.index()];
            object.exists()
                && self.eligible[node.index()]
                && (!self.honour_node_taints || taints.passes(object, node))
        };
        // FLT-18: deleting pods do not count, unlike for affinity and resources. Pods on nodes that are not eligible
        // do not count either.
        let matching = |domain: u8| {
            let own = placement.occupants.iter().filter(|occupant| {
                self.selects_own
                    && !occupant.deleting
                    && (!self.same_revision || occupant.revision == revision)
            });
            let nodes = own.map(|occupant| occupant.node).chain(self.neighbours.iter().copied());
            nodes
                .filter(|&other| self.domains.get(other.index()) == Some(&Some(domain)) && is_eligible(other))
                .count() as u32
        };
        let mut eligible: Vec<u8> = NodeId::first(placement.nodes.len())
            .filter(|&node| is_eligible(node))
            .filter_map(|node| self.domains[node.index()])
            .collect();
        eligible.sort_unstable();
        eligible.dedup();
        // FLT-16: the least of all eligible domains; 0 if there are fewer than minDomains.
        let least = if (eligible.len() as u32) < self.min_domains {
            0
        } else {
            eligible.iter().map(|&domain| matching(domain)).min().unwrap_or(0)
        };
        matching(domain) + u32::from(self.selects_own) - least.min(matching(domain)) <= self.max_skew
    }
}
