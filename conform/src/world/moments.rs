//! The scenario of a workload as it is at one entry of the log.

use std::collections::BTreeSet;

use podproof_vocabulary::scenario::{Node, Scenario, Taint, TaintEffect};

use super::life::Moment;
use super::observed::{Followed, Observed};
use super::story::target;

impl Observed {
    /// The scenario at an entry: with the neighbours that have a place on a node then, with the labels, the room and the
    /// taints that the nodes have then, and with the replicas that the next scaling asks for. A state of the model of one is
    /// a state of the model of any other.
    ///
    /// A NoExecute taint that a user sets during the log is not among the taints: it is a `taint-node` event of the model.
    pub fn scenario_at(&self, at: Moment) -> Scenario {
        let mut scenario = self.scenario.clone();
        let here = scenario.neighbours.into_iter().zip(&self.neighbours);
        scenario.neighbours =
            here.filter(|(_, seen)| seen.span.contains(at)).map(|(neighbour, _)| neighbour).collect();
        for change in self.node_changes.iter().filter(|change| change.at <= at) {
            if let Some(node) = scenario.nodes.get_mut(usize::from(change.node)) {
                *node = changed(node, &change.after);
            }
        }
        let next = self.scales.iter().find(|scaling| scaling.at >= at);
        scenario.scale = next.map(target);
        scenario
    }

    /// The entries at which the scenario becomes another one, while it is followed.
    pub fn changes(&self) -> BTreeSet<Moment> {
        let neighbours =
            self.neighbours.iter().flat_map(|neighbour| [Some(neighbour.span.from), neighbour.span.to]);
        let nodes = self.node_changes.iter().map(|change| change.at);
        // Until a scaling has happened it is the next.
        let scales = self.scales.iter().map(|scaling| Moment(scaling.at.0 + 1));
        let all = neighbours.flatten().chain(nodes).chain(scales);
        let Followed { from, to } = self.followed;
        all.filter(|&at| at > from && to.is_none_or(|to| at <= to)).collect()
    }
}

/// A node after a change. Cordons are events, and so are NoExecute taints that come; those that go are gone.
fn changed(before: &Node, after: &Node) -> Node {
    let is_event = |taint: &&Taint| taint.effect == TaintEffect::NoExecute;
    let stay = before.taints.iter().filter(|taint| is_event(taint) && after.taints.contains(taint));
    let come = after.taints.iter().filter(|taint| !is_event(taint));
    Node { taints: stay.chain(come).cloned().collect(), unschedulable: before.unschedulable, ..after.clone() }
}
