//! Wrong rules in the model that walks: worlds in which they show, and where in a walk they do.

use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::Action;
use podproof_vocabulary::event::EventName as E;
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::Observation;
use podproof_vocabulary::scenario::{HostPort, OnSigterm, PreStop, Resources, Scenario, Strategy};

use super::walk::Walk;
use super::worlds::{by_name, first, with, world};
use super::writing;

/// Why no log shows that a rule is wrong, if none does.
pub fn unseen(mutant: Mutant) -> Option<&'static str> {
    match mutant {
        Mutant::ProxyNeverAdds
        | Mutant::TaintEvictionNeverFires
        | Mutant::SchedulerNeverWakes
        | Mutant::ReplicaSetStatusNeverWritten
        | Mutant::ReplicaSetNeverDeletes
        | Mutant::KubeletNeverRemoves
        | Mutant::NodeLifecycleForgetsPods
        | Mutant::KubeletNeverRestarts
        | Mutant::PlegAlwaysHealthy => {
            Some("something is never done: a log ends, and nothing in it says that it had to come by then")
        }
        Mutant::PodgcLooksOnce => Some("what comes after the removal of a Node object is not followed"),
        Mutant::AddressFreedEarly => Some("who else gets an address that a pod had is in no file"),
        _ => None,
    }
}

/// Why a walk on which a rule is seen to be wrong may be lawful all the same: what happened is possible in another way.
pub fn other_way(mutant: Mutant) -> Option<&'static str> {
    match mutant {
        Mutant::DeploymentIgnoresSurge | Mutant::RecreateDoesNotWait => {
            Some("a controller that has not yet heard of the old ReplicaSet does the same")
        }
        Mutant::SliceIgnoresReadiness => {
            Some("a controller that has not yet heard that the pod is no longer ready does the same")
        }
        Mutant::SliceKeepsEndedPods => {
            Some("a controller that has not yet heard that the pod has ended does the same")
        }
        Mutant::BudgetStatusOverwritten => {
            Some("a controller that has heard of the eviction counts the same once the pod is being deleted")
        }
        Mutant::WorkerStartsAfterTermination => {
            Some("no file shows when a kubelet begins to terminate a pod")
        }
        Mutant::SigtermDuringPreStop => Some("no file shows when a hook that sleeps begins"),
        Mutant::AppsDoNotWaitForInit => {
            Some("no file shows when a kubelet learns that an init container has ended")
        }
        Mutant::SidecarsStopWithApps => Some("what two files say within 0.2 s may have been in either order"),
        _ => None,
    }
}

/// A world in which the wrong rule makes a difference.
pub fn scenario(mutant: Mutant) -> Scenario {
    let mut scenario = match mutant {
        Mutant::SliceKeepsTerminatingReady
        | Mutant::SliceIgnoresReadiness
        | Mutant::ReplicaSetNeverDeletes
        | Mutant::ProxyNeverRemoves
        | Mutant::ProxyNeverAdds
        | Mutant::DeploymentIgnoresSurge
        | Mutant::DeploymentIgnoresUnavailable
        | Mutant::ReplicaSetStatusNeverWritten
        | Mutant::AddressFreedEarly => by_name("rollout"),
        Mutant::RecreateDoesNotWait => with(by_name("rollout"), |s| s.workload.strategy = Strategy::Recreate),
        Mutant::SchedulerIgnoresResources | Mutant::SchedulerNeverWakes => with(world(2, 1, &[]), |s| {
            s.nodes[0].allocatable.cpu_milli = 1_000;
            first(s).requests = cpu(600);
        }),
        Mutant::AdmissionIgnoresResources => with(world(1, 1, &[]), |s| {
            // The pod's nodeName passes the scheduler by.
            first(s).requests = cpu(600);
            s.workload.template.node_name = Some("node-1".into());
            s.nodes[0].allocatable.cpu_milli = 500;
        }),
        Mutant::HostPortsIgnored => with(world(2, 1, &[]), |s| {
            first(s).ports[0].host = Some(HostPort { port: 8080, ip: "0.0.0.0".into() });
        }),
        Mutant::EvictionSpendsNothing | Mutant::BudgetStatusOverwritten => by_name("eviction"),
        Mutant::WorkerStartsAfterTermination
        | Mutant::KubeletRemovesEarly
        | Mutant::KubeletNeverRemoves
        | Mutant::SandboxStoppedFirst
        | Mutant::KubeletNeverRestarts => by_name("pod"),
        Mutant::SigkillAtOnce => with(by_name("pod"), |s| first(s).on_sigterm = OnSigterm::Ignore),
        Mutant::SigtermDuringPreStop => {
            with(by_name("pod"), |s| first(s).pre_stop = Some(PreStop::Seconds(5)))
        }
        Mutant::AppsDoNotWaitForInit => by_name("init"),
        Mutant::SidecarsStopWithApps => by_name("sidecar"),
        Mutant::TaintEvictionNeverFires | Mutant::NodeLifecycleForgetsPods => by_name("crash"),
        Mutant::PlegAlwaysHealthy => world(1, 1, &[(E::RuntimeHang, 1)]),
        // Nobody removes a Node object: what comes after that is not followed.
        Mutant::PodgcLooksOnce => world(1, 1, &[]),
        Mutant::SliceKeepsEndedPods => world(1, 1, &[(E::ResourcePressure, 1)]),
    };
    scenario.mutant = Some(mutant);
    scenario
}

fn cpu(cpu_milli: u64) -> Resources {
    Resources { cpu_milli, memory: 0, pods: 0 }
}

/// The first step of a walk, from 0, that a log shows and that the right model would not take, or with another outcome.
pub fn shows(walk: &Walk) -> Option<usize> {
    let right = Scenario { mutant: None, ..walk.model.rules.scenario.clone() };
    let right = Model::new(right).expect("it fits with the mutant");
    let seen = writing::seen(&walk.model, &walk.path, walk.seed);
    let mut wrong_state = walk.model.initial().swap_remove(0);
    let mut right_state = right.initial().swap_remove(0);
    let look = |model: &Model, state: &ClusterState| model.open(state, |cluster| Observation::of(cluster));
    let mut enabled: Vec<Action> = Vec::new();
    for (step, action) in walk.path.iter().enumerate() {
        let wrong_after = walk.model.apply(&wrong_state, action);
        right.enabled(&right_state, &mut enabled);
        if enabled.contains(action) {
            let right_after = right.apply(&right_state, action);
            let were_same = look(&right, &right_state) == look(&walk.model, &wrong_state);
            if seen[step] && were_same && look(&right, &right_after) != look(&walk.model, &wrong_after) {
                return Some(step);
            }
            right_state = right_after;
        } else if seen[step] {
            return Some(step);
        }
        wrong_state = wrong_after;
    }
    None
}
