//! NodeAffinity: node selector and required node affinity.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::scenario::{Labels, Node, NodeSelectorTerm, Scenario};

use super::meets;

/// FLT-5 (S28 `plugins/nodeaffinity`): every pair of `nodeSelector` equals, and one of the required terms matches:
/// all of its expressions and fields. A term with neither matches nothing.
pub struct NodeAffinity {
    matches: Vec<bool>,
}

fn term_matches(term: &NodeSelectorTerm, node: &Node) -> bool {
    let fields = Labels::from([("metadata.name".to_owned(), node.name.clone())]);
    !(term.expressions.is_empty() && term.fields.is_empty())
        && term.expressions.iter().all(|requirement| meets(&node.labels, requirement))
        && term.fields.iter().all(|requirement| meets(&fields, requirement))
}

impl NodeAffinity {
    pub(super) fn compile(scenario: &Scenario) -> Self {
        let template = &scenario.workload.template;
        let matches = |node: &Node| {
            template.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
                && template
                    .node_affinity
                    .as_ref()
                    .is_none_or(|terms| terms.iter().any(|term| term_matches(term, node)))
        };
        Self { matches: scenario.nodes.iter().map(matches).collect() }
    }

    /// Do the node's labels match what the pod asks for?
    pub fn passes(&self, node: NodeId) -> bool {
        self.matches[node.index()]
    }
}
