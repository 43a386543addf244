//! NodeName: a pod that names its node runs there or nowhere.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::scenario::Scenario;

/// FLT-1 (S28 `plugins/nodename`): `spec.nodeName` is empty or the node's name.
pub struct NodeName {
    name_matches: Vec<bool>,
}

impl NodeName {
    pub(super) fn compile(scenario: &Scenario) -> Self {
        let wanted = scenario.workload.template.node_name.as_ref();
        let matches = |name: &String| wanted.is_none_or(|wanted| wanted == name);
        Self { name_matches: scenario.nodes.iter().map(|node| matches(&node.name)).collect() }
    }

    pub(super) fn passes(&self, node: NodeId) -> bool {
        self.name_matches[node.index()]
    }
}
