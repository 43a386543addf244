//! PodTopologySpread: pods stay spread over topology domains.

use podproof_vocabulary::scenario::{Labels, Scenario, SpreadConstraint};
use podproof_vocabulary::{NodeId, Revision};

use super::node_affinity::NodeAffinity;
use super::taint_toleration::TaintToleration;
use super::{ByLabels, Domains, Placement, selects};

/// FLT-15 to FLT-19 (S28 `plugins/podtopologyspread`), constraints with DoNotSchedule only.
pub struct PodTopologySpread {
    constraints: Vec<Constraint>,
    affinity: NodeAffinity,
    taints: TaintToleration,
}

/// A constraint, compiled.
struct Constraint {
    max_skew: u32,
    min_domains: u32,
    domains: Domains,
    selects_own: bool,
    /// FLT-18: the selector is `{}`, which counts nobody; the pod itself it selects.
    counts_nothing: bool,
    same_revision: bool,
    neighbours: Vec<NodeId>,
    /// The node has the keys of all constraints (FLT-17).
    has_keys: ByLabels<bool>,
    honour_node_affinity: bool,
    honour_node_taints: bool,
}

impl PodTopologySpread {
    pub(super) fn compile(scenario: &Scenario, affinity: NodeAffinity, taints: TaintToleration) -> Self {
        let template = &scenario.workload.template;
        let compile = |constraint: &SpreadConstraint| {
            let selected = |labels| selects(constraint.selector.as_ref(), labels);
            let neighbours = scenario.neighbours.iter().filter(|neighbour| {
                neighbour.namespace == scenario.workload.namespace
                    && selected(&neighbour.labels)
                    && !constraint.same_revision
            });
            let has_keys = |_, labels: &Labels| {
                template.spread.iter().all(|constraint| labels.contains_key(&constraint.topology_key))
            };
            Constraint {
                max_skew: constraint.max_skew,
                min_domains: constraint.min_domains,
                domains: Domains::of(&scenario.nodes, &constraint.topology_key),
                selects_own: selected(&template.labels),
                counts_nothing: constraint.counts_nothing(scenario.release),
                same_revision: constraint.same_revision,
                neighbours: neighbours.map(|neighbour| NodeId(neighbour.node)).collect(),
                has_keys: ByLabels::of(&scenario.nodes, has_keys),
                honour_node_affinity: constraint.honour_node_affinity,
                honour_node_taints: constraint.honour_node_taints,
            }
        };
        Self { constraints: template.spread.iter().map(compile).collect(), affinity, taints }
    }

    /// The pod has no constraint.
    pub(super) fn is_empty(&self) -> bool {
        self.constraints.is_empty()
    }

    pub(super) fn passes(&self, placement: &Placement, revision: Revision, node: NodeId) -> bool {
        self.constraints.iter().all(|constraint| self.is_kept(constraint, placement, revision, node))
    }

    fn is_kept(
        &self,
        constraint: &Constraint,
        placement: &Placement,
        revision: Revision,
        node: NodeId,
    ) -> bool {
        let Some(domain) = constraint.domains.at(placement, node) else { return false };
        let is_eligible = |node: NodeId| {
            let object = placement.nodes[node.index()];
            object.exists()
                && constraint.has_keys.at(object, node)
                && (!constraint.honour_node_affinity || self.affinity.passes(object, node))
                && (!constraint.honour_node_taints || self.taints.passes(object, node))
        };
        // FLT-18: deleting pods do not count, unlike for affinity and resources. Pods on nodes that are not eligible
        // do not count either.
        let matching = |domain: u8| {
            if constraint.counts_nothing {
                return 0;
            }
            let own = placement.occupants.iter().filter(|occupant| {
                constraint.selects_own
                    && !occupant.deleting
                    && (!constraint.same_revision || occupant.revision == revision)
            });
            let nodes = own.map(|occupant| occupant.node).chain(constraint.neighbours.iter().copied());
            nodes
                .filter(|&other| {
                    constraint.domains.at(placement, other) == Some(domain) && is_eligible(other)
                })
                .count() as u32
        };
        let mut eligible: Vec<u8> = NodeId::first(placement.nodes.len())
            .filter(|&node| is_eligible(node))
            .filter_map(|node| constraint.domains.at(placement, node))
            .collect();
        eligible.sort_unstable();
        eligible.dedup();
        // FLT-16: the least of all eligible domains; 0 if there are fewer than minDomains.
        let least = if (eligible.len() as u32) < constraint.min_domains {
            0
        } else {
            eligible.iter().map(|&domain| matching(domain)).min().unwrap_or(0)
        };
        matching(domain) + u32::from(constraint.selects_own) - least.min(matching(domain))
            <= constraint.max_skew
    }
}
