//! Why nodes refuse a pod: the filter plugins, by their names in Kubernetes, and what each of them misses, as the scheduler says it in its
//! event `FailedScheduling`.

use podproof_model::properties::placement::spelled_out::{SpelledOut, first_without_a_node};
use podproof_vocabulary::scenario::Scenario;
use podproof_vocabulary::{NodeId, Revision};

/// Each node with what it refuses a pod for, as `node-1, node-2 (NodeResourcesFit: insufficient cpu)`. A node that is not there is told so.
pub(super) fn each_refuses(
    spelled_out: &SpelledOut<'_>,
    nodes: impl Iterator<Item = (NodeId, String, bool)>,
) -> String {
    let mut refused: Vec<(String, Vec<String>)> = Vec::new();
    for (node, name, exists) in nodes {
        let why = match exists {
            true => refusals(spelled_out, node).join(" and "),
            false => "is not there".to_owned(),
        };
        match refused.iter_mut().find(|(other, _)| *other == why) {
            Some((_, nodes)) => nodes.push(name),
            None => refused.push((why, vec![name])),
        }
    }
    let because: Vec<String> =
        refused.into_iter().map(|(why, nodes)| format!("{} ({why})", nodes.join(", "))).collect();
    because.join("; ")
}

/// Says so if not all pods that are wanted find a node as the nodes are, even where none of them is anywhere yet and nothing has failed.
pub fn unschedulable(scenario: &Scenario) -> Option<String> {
    // One that names its node passes the scheduler by.
    if scenario.workload.template.node_name.is_some() {
        return None;
    }
    let placement = first_without_a_node(scenario)?;
    let spelled_out = SpelledOut::new(scenario, &placement, Revision(0));
    let nodes = NodeId::first(placement.nodes.len()).filter(|node| placement.nodes[node.index()].exists());
    let named = nodes.map(|node| (node, scenario.nodes[node.index()].name.clone(), true));
    let refuse = each_refuses(&spelled_out, named);
    // Where other workloads' pods are is a guess: in a real cluster they may be elsewhere.
    let alone = Scenario { neighbours: Vec::new(), ..scenario.clone() };
    let is_alone = scenario.neighbours.is_empty() || first_without_a_node(&alone).is_some();
    let others = if is_alone { "" } else { "with the pods of other workloads where they are put here, " };
    Some(match placement.occupants.len() {
        0 => format!("{others}no node takes a pod of it: {refuse}"),
        placed => format!(
            "{others}only {placed} of {} pods find a node: the next is refused by {refuse}",
            scenario.workload.replicas
        ),
    })
}

/// The filter plugins that refuse a node.
fn refusals(spelled_out: &SpelledOut<'_>, node: NodeId) -> Vec<String> {
    let passes = spelled_out.passes(node);
    let lacks = spelled_out.lacks(node);
    let short = [
        lacks.cpu.then_some("insufficient cpu"),
        lacks.memory.then_some("insufficient memory"),
        lacks.pods.then_some("too many pods"),
    ];
    let short: Vec<&str> = short.into_iter().flatten().collect();
    let taint = spelled_out.untolerated_taint(node).map(|key| format!("untolerated taint {key}"));
    let port = spelled_out.taken_port(node).map(|port| format!("host port {port} is taken"));
    let named = [
        (passes.node_name, "NodeName", None),
        (passes.node_unschedulable, "NodeUnschedulable", None),
        (passes.taint_toleration, "TaintToleration", taint),
        (passes.node_affinity, "NodeAffinity", Some("its labels are not those asked for".to_owned())),
        (passes.node_ports, "NodePorts", port),
        (passes.node_resources_fit, "NodeResourcesFit", Some(short.join(", "))),
        (passes.pod_topology_spread, "PodTopologySpread", None),
        (passes.inter_pod_affinity, "InterPodAffinity", None),
    ];
    let says = |(_, name, what): (bool, &str, Option<String>)| match what {
        Some(what) => format!("{name}: {what}"),
        None => name.to_owned(),
    };
    named.into_iter().filter(|(passed, ..)| !passed).map(says).collect()
}
