//! Tests of the safety promises: on observations made by hand for those that an outsider can judge, on steps of the model
//! for those that read copies and clocks.

mod containers;
mod copies;
mod objects;
mod traffic;

use podproof_vocabulary::action::Action;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::observation::{
    Address, ContainerSeen, Deletion, DeploymentSeen, EndpointSeen, NodeSeen, Observation, Phase, PodSeen,
    Process, Sandbox, SandboxSeen, SlotSeen,
};
use podproof_vocabulary::scenario::Scenario;
use podproof_vocabulary::{NodeId, Revision, catalogue};

use super::{Judgement, Step, Subject};
use crate::test_cluster::IntoAction;

/// Two nodes, two replicas.
fn scenario() -> Scenario {
    catalogue::web("test", Story::Create, 2, 2)
}

fn endpoint(node: u8) -> EndpointSeen {
    EndpointSeen {
        address: Address(0),
        node: Some(NodeId(node)),
        ready: true,
        serving: true,
        terminating: false,
    }
}

/// A pod that runs, is ready, and is in the slice and in every node's rules.
fn serving(node: u8, containers: usize) -> SlotSeen {
    SlotSeen {
        pod: Some(PodSeen {
            revision: Revision(0),
            node: Some(NodeId(node)),
            phase: Phase::Running,
            deletion: Deletion::None,
            finalizer: false,
            ready: true,
            address: Some(Address(0)),
        }),
        sandbox: SandboxSeen {
            sandbox: Sandbox::Ready,
            address: Some(Address(0)),
            terminating: false,
            runs_on: None,
        },
        containers: vec![
            ContainerSeen { process: Process::Running, accepting: true, ..Default::default() };
            containers
        ],
        reused_address: None,
        endpoint: Some(endpoint(node)),
        rules: vec![Some(endpoint(node)); 2],
    }
}

/// What is seen of a scenario of two nodes in which a pod serves on each.
fn world(scenario: &Scenario) -> Observation {
    let containers = scenario.workload.template.containers.len();
    let node = NodeSeen {
        exists: true,
        powered: true,
        connected: true,
        kubelet_runs: true,
        proxy_runs: true,
        runtime_answers: true,
        ..Default::default()
    };
    Observation {
        containers,
        slots: vec![serving(0, containers), serving(1, containers)],
        nodes: vec![node; 2],
        replica_sets: vec![None],
        deployment: Some(DeploymentSeen { replicas: 2, revision: Revision(0), deadline_exceeded: false }),
        budget: None,
    }
}

type Judge = fn(&Step<'_, Observation>) -> Judgement;

/// Judges a step of anybody's.
fn judge(
    judge: Judge,
    scenario: &Scenario,
    before: &Observation,
    action: impl IntoAction,
    after: &Observation,
) -> Judgement {
    judge(&Step { subject: Subject::Any, scenario, before, action: &action.into_action(), after })
}

/// Judges a state, whatever led to it.
fn judge_state(promise: Judge, scenario: &Scenario, change: impl FnOnce(&mut Observation)) -> Judgement {
    let mut after = world(scenario);
    change(&mut after);
    judge(promise, scenario, &after, Action::Tick, &after)
}
