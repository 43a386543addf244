//! NodeAffinity: node selector and required node affinity.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::scenario::{Labels, NodeSelectorTerm, Scenario};

use super::{ByLabels, meets};
use crate::state::NodeObject;

/// FLT-5 (S28 `plugins/nodeaffinity`): every pair of `nodeSelector` equals, and one of the required terms matches:
/// all of its expressions and fields. A term with neither matches nothing.
#[derive(Clone)]
pub struct NodeAffinity {
    matches: ByLabels<bool>,
}

fn term_matches(term: &NodeSelectorTerm, name: &str, labels: &Labels) -> bool {
    let fields = Labels::from([("metadata.name".to_owned(), name.to_owned())]);
    !(term.expressions.is_empty() && term.fields.is_empty())
        && term.expressions.iter().all(|requirement| meets(labels, requirement))
        && term.fields.iter().all(|requirement| meets(&fields, requirement))
}

impl NodeAffinity {
    pub(super) fn compile(scenario: &Scenario) -> Self {
        let template = &scenario.workload.template;
        let matches = |node: usize, labels: &Labels| {
            let name = &scenario.nodes[node].name;
            template.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value))
                && template
                    .node_affinity
                    .as_ref()
                    .is_none_or(|terms| terms.iter().any(|term| term_matches(term, name, labels)))
        };
        Self { matches: ByLabels::of(&scenario.nodes, matches) }
    }

    /// Do the labels that the node's object has match what the pod asks for?
    pub fn passes(&self, object: NodeObject, node: NodeId) -> bool {
        self.matches.at(object, node)
    }

    /// Does it say the same of two nodes, with either labels?
    pub(super) fn treats_alike(&self, a: NodeId, b: NodeId) -> bool {
        self.matches.0[a.index()] == self.matches.0[b.index()]
    }
}
