//! `filters`: the filter predicates of the model, of the runtime and spelled out, each of each node.

use std::sync::Arc;

use arbitrary::Arbitrary;
use podproof_model::properties::placement::spelled_out::{Passes, SpelledOut};
use podproof_model::scheduler::filters::{Filter, FilterSet, Filters, Occupant, Placement};
use podproof_model::state::NodeObject;
use podproof_runtime::Slips;
use podproof_runtime::api::{Kind, Request, Response};
use podproof_runtime::api_server::ApiServer;
use podproof_runtime::client::CallId;
use podproof_runtime::clock::Moment;
use podproof_runtime::scheduler::cache::Cache;
use podproof_runtime::scheduler::filter::{
    feasible, node_affinity, node_name, node_ports, node_resources, node_unschedulable, pod_affinity,
    taint_toleration, topology_spread,
};
use podproof_runtime::scheduler::requests::{host_ports_of, requests_of};
use podproof_vocabulary::{NodeId, Release};

use k8s_openapi::api::core::v1::Pod;

use super::Log;
use crate::generators::situation::Situation;
use crate::objects;
use crate::runner::Checked;
use crate::telling::tell;

/// A moment of a cluster with a pod that is to be scheduled.
#[derive(Clone, Debug, Arbitrary)]
pub struct TestCase {
    situation: Situation,
}

/// Asks all three. Useful if some node is refused and another is not, or if the only one is refused.
///
/// # Panics
/// If they disagree.
pub fn check(case: &TestCase) -> Checked {
    check_with(case, Slips::NONE)
}

/// The same of a runtime with wrong mechanisms.
pub(crate) fn check_with(case: &TestCase, slips: Slips) -> Checked {
    let situation = &case.situation;
    tell(|| format!("{situation:#?}"));
    let placement = placement(situation);
    let spelled_out = SpelledOut::new(&situation.scenario, &placement, situation.revision);
    let filters = Filters::compile(&situation.scenario);
    let runtime = Runtime::new(situation, slips);
    let mut log = Log::default();
    let (mut feasible_nodes, mut refused) = (Vec::new(), 0);
    for node in NodeId::first(situation.nodes.len()) {
        let lawful = spelled_out.is_lawful(node);
        let feasible = filters.is_feasible(&placement, situation.revision, node);
        assert_eq!(feasible, lawful, "the model, not what is spelled out, of {node:?} in {situation:?}");
        log.note(&lawful);
        if !situation.nodes[node.index()].gone {
            let expected = spelled_out.passes(node);
            let model = as_passes(filters.rejections(&placement, situation.revision, node));
            let concrete = runtime.passes(situation, node);
            assert_eq!(model, expected, "the model, not what is spelled out, of {node:?} in {situation:?}");
            assert_eq!(
                concrete, expected,
                "the runtime, not what is spelled out, of {node:?} in {situation:?}"
            );
            log.note(&expected);
        }
        match lawful {
            true => feasible_nodes.push(situation.scenario.nodes[node.index()].name.clone()),
            false => refused += 1,
        }
    }
    let chosen = feasible(&runtime.pod, &runtime.cache, slips).unwrap_or_default();
    let chosen: Vec<String> = chosen.iter().map(|key| key.name().to_owned()).collect();
    assert_eq!(chosen, feasible_nodes, "the runtime's feasible nodes in {situation:#?}");
    log.checked(refused > 0)
}

/// The situation as the model's scheduler has it in its cache.
fn placement(situation: &Situation) -> Placement {
    let object = |state: &objects::NodeState| {
        let taints = state.taints;
        NodeObject::new()
            .with_exists(!state.gone)
            .with_unschedulable(state.unschedulable)
            .with_relabelled(state.relabelled)
            .with_not_ready_no_schedule(taints.not_ready_no_schedule)
            .with_unreachable_no_schedule(taints.unreachable_no_schedule)
            .with_unschedulable_no_schedule(taints.unschedulable_no_schedule)
            .with_not_ready_no_execute(taints.not_ready_no_execute)
            .with_unreachable_no_execute(taints.unreachable_no_execute)
            .with_custom(taints.custom)
    };
    let occupants = situation.placed.iter().map(|placed| Occupant {
        node: placed.node,
        revision: placed.revision,
        deleting: placed.deleting,
    });
    Placement { occupants: occupants.collect(), nodes: situation.nodes.iter().map(object).collect() }
}

fn as_passes(rejected: FilterSet) -> Passes {
    let passes = |filter: Filter| rejected.0 & 1 << filter as u8 == 0;
    Passes {
        node_name: passes(Filter::NodeName),
        node_unschedulable: passes(Filter::NodeUnschedulable),
        taint_toleration: passes(Filter::TaintToleration),
        node_affinity: passes(Filter::NodeAffinity),
        node_ports: passes(Filter::NodePorts),
        node_resources_fit: passes(Filter::NodeResourcesFit),
        pod_topology_spread: passes(Filter::PodTopologySpread),
        inter_pod_affinity: passes(Filter::InterPodAffinity),
    }
}

/// The situation as the runtime's scheduler has it in its cache.
struct Runtime {
    cache: Cache,
    pod: Arc<Pod>,
    release: Release,
    slips: Slips,
}

impl Runtime {
    fn new(situation: &Situation, slips: Slips) -> Self {
        let scenario = &situation.scenario;
        let mut server = ApiServer::new(scenario.release, slips);
        let mut calls = 0;
        let mut create = |pod: Pod| {
            calls += 1;
            let answer = server.serve(CallId(calls), &Request::Create(pod.into()), Moment(0));
            match answer {
                Some(Ok(Response::Object(object))) => Pod::of(&object).cloned().expect("it is a pod"),
                other => panic!("a generated pod is refused: {other:?}"),
            }
        };
        let mut cache = Cache::default();
        cache.set_release(scenario.release);
        for (index, &state) in situation.nodes.iter().enumerate() {
            cache.set_node(&Arc::new(objects::node(scenario, index.into(), state)));
        }
        for (index, placed) in situation.placed.iter().enumerate() {
            let mut pod = create(objects::pod(scenario, &format!("web-{index}"), placed.revision));
            let changed = Arc::make_mut(&mut pod);
            let spec = changed.spec.get_or_insert_default();
            spec.node_name = Some(scenario.nodes[placed.node.index()].name.clone());
            changed.metadata.deletion_timestamp = placed.deleting.then(|| Moment(0).to_time());
            cache.set_pod(&pod, slips);
        }
        for neighbour in &scenario.neighbours {
            cache.set_pod(&create(objects::neighbour(scenario, neighbour)), slips);
        }
        for (node, state) in scenario.nodes.iter().zip(&situation.nodes) {
            if state.gone {
                cache.remove_node(&node.name, slips);
            }
        }
        let pod = create(objects::pod(scenario, "incoming", situation.revision));
        Self { cache, pod, release: scenario.release, slips }
    }

    fn passes(&self, situation: &Situation, node: NodeId) -> Passes {
        let (pod, release, slips) = (&*self.pod, self.release, self.slips);
        let info =
            self.cache.node(&situation.scenario.nodes[node.index()].name).expect("every node is there");
        let node = info.node.as_ref().expect("with its object");
        Passes {
            node_name: node_name::passes(pod, node, slips),
            node_unschedulable: node_unschedulable::passes(pod, node, slips),
            taint_toleration: taint_toleration::passes(pod, node, slips),
            node_affinity: node_affinity::passes(pod, node, slips),
            node_ports: node_ports::passes(&host_ports_of(pod, release), info, slips),
            node_resources_fit: node_resources::passes(&requests_of(pod, release, slips), info),
            pod_topology_spread: topology_spread::TopologySpread::new(pod, &self.cache, slips).passes(node),
            inter_pod_affinity: pod_affinity::PodAffinity::new(pod, &self.cache, slips).passes(node),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;

    #[test]
    fn smoke() {
        assert_useful("filters", SMOKE_RUNS, check, 4);
    }
}
