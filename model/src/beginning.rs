//! Where a story begins: with a workload that has just been asked for, or with one that runs.

use std::collections::BTreeSet;

use podproof_vocabulary::action::Action;
use podproof_vocabulary::scenario::{Beginning, WorkloadKind};
use podproof_vocabulary::{NodeId, Revision};

use crate::buffer::with_actions;
use crate::cluster::Cluster;
use crate::environment::running_machine;
use crate::rules::Rules;
use crate::state::{ClusterState, DeploymentObject, NodeObject, ReplicaSetColumn};
use crate::{api_server, step, time, watch};

/// The states in which everything begins. With one kube-proxy modelled there is one for each kind of node that it may be on.
///
/// # Errors
/// Why the workload cannot run from the beginning, if it is to.
pub fn all(rules: &Rules) -> Result<Vec<ClusterState>, String> {
    let observed = match rules.observes_one_proxy() {
        true => rules.kinds_of_nodes().into_iter().map(Some).collect(),
        false => vec![None],
    };
    let nothing = observed.into_iter().map(|node| nothing(rules, node));
    match rules.scenario.begins {
        Beginning::Nothing => Ok(nothing.collect()),
        Beginning::Running => nothing.map(|state| running(rules, state)).collect(),
    }
}

/// The nodes are up and known to all, the workload's object is just created, nobody has seen it.
fn nothing(rules: &Rules, observed_proxy: Option<NodeId>) -> ClusterState {
    let mut state = ClusterState::zeroed(rules.layout.words());
    let scenario = &rules.scenario;
    let mut cluster = Cluster::new(rules, &mut state);
    for (event, count) in scenario.events.iter() {
        cluster.shared.events_left[event as usize] = count;
    }
    cluster.shared.control_plane.set_observed_proxy(observed_proxy);
    cluster.shared.control_plane.set_story_told(scenario.story.event().is_none());
    let spare = rules.nodes - usize::from(scenario.spare_nodes);
    for node in NodeId::first(spare) {
        let object = NodeObject::new()
            .with_exists(true)
            .with_unschedulable(scenario.nodes[node.index()].unschedulable)
            .with_unschedulable_no_schedule(scenario.nodes[node.index()].unschedulable);
        let column = cluster.node_mut(node);
        column.api = object;
        column.scheduler = object.for_scheduler();
        column.controller = object;
        column.machine = running_machine();
    }
    cluster.shared.budget.set_unseen(!scenario.budgets.is_empty());
    let replicas = scenario.workload.replicas;
    match scenario.workload.kind {
        WorkloadKind::Deployment => {
            cluster.shared.deployment = DeploymentObject::new().with_exists(true).with_replicas(replicas);
            watch::publish_deployment(&mut cluster);
        }
        WorkloadKind::ReplicaSet => {
            cluster.replica_sets[0] = ReplicaSetColumn::new().with_exists(true).with_replicas(replicas);
            watch::publish_replica_set(&mut cluster, Revision(0));
        }
        WorkloadKind::Pod => {
            api_server::pods::create(&mut cluster, Revision(0));
        }
    }
    let mut possible = Vec::new();
    step::candidates(&cluster, &mut possible);
    time::restart(&mut cluster, None, &possible);
    state
}

/// The workload is created, no fault happens, and all comes to rest. One way of many is taken: on one node they all end in the
/// same state but for the names of pods (`tests/searches/beginning.rs` takes them all). Each of its pods has come where the
/// scheduler put it, so with more nodes there would be no one state to begin in.
fn running(rules: &Rules, mut state: ClusterState) -> Result<ClusterState, String> {
    let name = &rules.scenario.name;
    let nodes = rules.nodes - usize::from(rules.scenario.spare_nodes);
    if nodes != 1 {
        return Err(format!(
            "{name}: a workload that runs from the beginning runs on one node; this cluster begins with {nodes}"
        ));
    }
    let mut passed = BTreeSet::new();
    with_actions(|possible| {
        loop {
            let mut cluster = Cluster::new(rules, &mut state);
            step::enabled(&cluster, possible);
            let of_the_cluster = |action: &&Action| !matches!(action, Action::Environment(_));
            let Some(action) = possible.iter().find(of_the_cluster).copied() else { return Ok(()) };
            step::apply(&mut cluster, &action);
            if !passed.insert(state.clone()) {
                return Err(format!(
                    "{name}: it never comes to rest, so there is no state in which it just runs"
                ));
            }
        }
    })?;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;
    use podproof_vocabulary::scenario::{Container, Timing};

    use super::*;
    use crate::Model;
    use crate::test_cluster::{C0, P0, P1, TestCluster};

    #[test]
    fn what_runs_is_at_rest_and_the_event_of_the_story_is_all_that_can_happen() {
        for timing in [Timing::Untimed, Timing::Timed] {
            let mut scenario = catalogue::termination("test", 2);
            scenario.timing = timing;
            let cluster = TestCluster::of(scenario);
            let enabled = cluster.enabled();
            assert!(matches!(enabled[..], [Action::Environment(_)]), "{timing:?}: {enabled:?}");
            for pod in [P0, P1] {
                assert!(cluster.pod(pod).ready && cluster.look(|c| c.container(pod, C0).accepting()));
            }
        }
    }

    #[test]
    fn a_workload_on_several_nodes_does_not_run_from_the_beginning() {
        let mut scenario = catalogue::web("test", Story::Create, 1, 2);
        scenario.begins = Beginning::Running;
        let refused = Model::new(scenario.clone()).err().expect("two nodes");
        assert!(refused.contains("runs on one node"), "{refused}");
        scenario.spare_nodes = 1;
        assert!(Model::new(scenario).is_ok(), "the second node joins later");
    }

    /// Two app containers that want the same port: the second one crashes for ever.
    #[test]
    fn a_workload_that_never_rests_does_not_run_from_the_beginning() {
        let mut scenario = catalogue::termination("test", 1);
        let containers = &mut scenario.workload.template.containers;
        containers.push(Container { name: "second".into(), ..catalogue::app() });
        let refused = Model::new(scenario).err().expect("a crash loop");
        assert!(refused.contains("never comes to rest"), "{refused}");
    }
}
