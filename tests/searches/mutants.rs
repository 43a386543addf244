//! Every mutant is a wrong rule: under it the search finds each property broken that the mutant is said to break, with a
//! trace that replays; without it the same world keeps the property, and its premise is reached.

use podproof::plan::{self, Behind, Plan};
use podproof::progress::Line;
use podproof::search::{self, Limits};
use podproof::verdict::{Finding, Verdict};
use podproof_traces::{Replayed, replay};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::catalogue::{self, web};
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::{MUTANTS, Mutant};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::{
    ContainerKind, Labels, Neighbour, OnSigterm, PreStop, Probe, Resources, Scenario, Timing,
};
use podproof_vocabulary::{Property, mutant};

use crate::common;

const LIMITS: Limits = Limits { states: 3_000_000, ..common::LIMITS };

/// What a search says of `property` in `scenario`, in the timing in which it is judged.
fn judge(scenario: &Scenario, property: Property, exact: bool) -> Finding {
    let timing = if property.facts().timed { Timing::Timed } else { Timing::Untimed };
    let mut scenario = Scenario { timing, ..scenario.clone() };
    if exact {
        scenario.approximations = Approximations::NONE;
    } else if timing == Timing::Untimed {
        scenario.approximations = scenario.approximations.without(Approximation::Focus);
    }
    scenario.addresses_are_reused = plan::reuses_addresses(timing, PropertySet::of([property]));
    let judged = PropertySet::of([property]);
    let plan = Plan { story: scenario.story, timing, behind: Behind::default(), scenario, judged };
    let line = Line::new("test", LIMITS.states);
    let outcome = search::run(&plan, &LIMITS, &line).expect("the scenario fits");
    outcome.findings.into_iter().next().expect("one property was asked for")
}

/// A world in which `mutant` shows that `property` can fail: small, and keeping the property without the mutant.
pub fn world(mutant: Mutant, property: Property) -> Scenario {
    let named = |name: &str| catalogue::find(name).expect("a built-in scenario").scenario();
    let prestop = || named("rollout-prestop");
    match mutant {
        Mutant::SliceKeepsTerminatingReady if property == Property::ReadyMeansReady => named("rollout"),
        Mutant::SliceKeepsTerminatingReady => prestop(),
        Mutant::SliceIgnoresReadiness if property == Property::EndpointsConverge => {
            // An app that says for good that it is not ready.
            let mut scenario = web("unready", Story::Create, 1, 1);
            scenario.workload.template.containers[0].readiness_probe = Some(Probe {
                initial_delay_seconds: 0,
                period_seconds: 1,
                timeout_seconds: 1,
                success_threshold: 1,
                failure_threshold: 1,
            });
            scenario.events.set(EventName::ReadinessChange, 1);
            scenario
        }
        Mutant::SliceIgnoresReadiness => named("rollout"),
        Mutant::SliceKeepsEndedPods => {
            let mut scenario = web("evicted", Story::Create, 1, 1);
            scenario.events.set(EventName::ResourcePressure, 1);
            scenario
        }
        Mutant::ProxyNeverRemoves if property == Property::EndpointsConverge => named("rollout"),
        Mutant::ProxyNeverRemoves if property == Property::UnreachableEndpointsLeave => {
            named("node-crash-tolerated")
        }
        Mutant::ProxyNeverRemoves => prestop(),
        Mutant::ProxyNeverAdds => web("create", Story::Create, 1, 1),
        Mutant::SchedulerIgnoresResources => named("tight-resources"),
        Mutant::AdmissionIgnoresResources => {
            // A neighbour has taken the node, and the pod's nodeName passes the scheduler by.
            let mut scenario = named("pod-life");
            let requests = Resources { cpu_milli: 600, memory: 0, pods: 0 };
            scenario.workload.template.containers[0].requests = requests;
            scenario.workload.template.node_name = Some("node-1".into());
            scenario.nodes[0].allocatable.cpu_milli = 1_000;
            scenario.neighbours.push(Neighbour {
                name: "Deployment/db 0".into(),
                namespace: "default".into(),
                labels: Labels::new(),
                node: 0,
                requests: vec![(ContainerKind::App, requests)],
                host_ports: Vec::new(),
                pod_anti_affinity: Vec::new(),
                tolerations: Vec::new(),
                is_bare: false,
                in_service: false,
                in_budget: false,
            });
            scenario
        }
        Mutant::EvictionSpendsNothing | Mutant::BudgetStatusOverwritten => named("drain-pdb"),
        Mutant::DeploymentIgnoresSurge | Mutant::DeploymentIgnoresUnavailable => {
            web("rollout", Story::Rollout, 2, 1)
        }
        Mutant::RecreateDoesNotWait => named("rollout-recreate"),
        Mutant::WorkerStartsAfterTermination | Mutant::KubeletRemovesEarly | Mutant::KubeletNeverRemoves => {
            named("pod-life")
        }
        Mutant::SandboxStoppedFirst => named("pod-life"),
        Mutant::SigkillAtOnce => {
            let mut scenario = named("pod-life");
            scenario.workload.template.containers[0].on_sigterm = OnSigterm::Ignore;
            scenario
        }
        Mutant::SigtermDuringPreStop => {
            let mut scenario = named("pod-life");
            scenario.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(5));
            scenario
        }
        Mutant::AppsDoNotWaitForInit | Mutant::SidecarsStopWithApps => named("init-and-sidecar"),
        Mutant::AddressFreedEarly => named("rollout"),
        Mutant::HostPortsIgnored => named("host-ports"),
        Mutant::TaintEvictionNeverFires if property == Property::NoexecuteEvicts => named("taint-eviction"),
        Mutant::TaintEvictionNeverFires => named("node-crash"),
        Mutant::SchedulerNeverWakes => {
            // Only a node that joins later takes the pods.
            let mut scenario = named("control-plane-taint");
            scenario.spare_nodes = 1;
            scenario.events.set(EventName::AddNode, 1);
            scenario
        }
        Mutant::ReplicaSetStatusNeverWritten => named("rollout"),
        // With one replica the ReplicaSets say that the rollout is complete.
        Mutant::ReplicaSetNeverDeletes => web("rollout", Story::Rollout, 1, 1),
        Mutant::NodeLifecycleForgetsPods => named("node-crash-tolerated"),
        Mutant::KubeletNeverRestarts => named("crash-loop"),
        Mutant::PlegAlwaysHealthy => named("pleg-stuck"),
        Mutant::PodgcLooksOnce => {
            // The pod is bound to a node that has lost power and whose object has gone since the scheduler chose it.
            let mut scenario = web("ghost", Story::Create, 1, 2);
            scenario.events.set(EventName::NodeCrash, 1);
            scenario.events.set(EventName::RemoveNode, 1);
            scenario.slots += 2;
            scenario
        }
    }
}

fn found(facts: &mutant::Facts, property: Property, exact: bool) {
    let world = world(facts.mutant, property);
    let kept = judge(&world, property, exact);
    // A kubelet that refuses its pod keeps the promise by admitting nothing.
    let expected = match facts.mutant {
        Mutant::AdmissionIgnoresResources => Verdict::NotApplicable,
        _ => Verdict::Holds,
    };
    assert_eq!(
        kept.verdict, expected,
        "{property} in {} without {}: {:?}",
        world.name, facts.name, kept.note
    );
    let mutated = Scenario { mutant: Some(facts.mutant), ..world };
    let broken = judge(&mutated, property, exact);
    assert_eq!(
        broken.verdict,
        Verdict::Broken,
        "{property} in {} under {}: {:?}",
        mutated.name,
        facts.name,
        broken.note
    );
    let trace = broken.trace.expect("what is broken has a trace");
    assert!(
        matches!(replay(&trace), Ok(Replayed::StillBroken { .. })),
        "the trace of {property} under {} replays",
        facts.name
    );
}

macro_rules! mutants {
    ($($test:ident $mutant:ident;)*) => {
        $(#[test]
        fn $test() {
            let facts = Mutant::$mutant.facts();
            for &property in facts.breaks {
                found(facts, property, false);
            }
        })*

        #[test]
        fn every_mutant_is_tested() {
            let tested = [$(Mutant::$mutant),*];
            for facts in MUTANTS {
                assert!(tested.contains(&facts.mutant), "{} has no test here", facts.name);
            }
        }
    };
}

mutants! {
    slice_keeps_terminating_ready SliceKeepsTerminatingReady;
    slice_ignores_readiness SliceIgnoresReadiness;
    slice_keeps_ended_pods SliceKeepsEndedPods;
    proxy_never_removes ProxyNeverRemoves;
    proxy_never_adds ProxyNeverAdds;
    scheduler_ignores_resources SchedulerIgnoresResources;
    admission_ignores_resources AdmissionIgnoresResources;
    eviction_spends_nothing EvictionSpendsNothing;
    budget_status_overwritten BudgetStatusOverwritten;
    deployment_ignores_surge DeploymentIgnoresSurge;
    deployment_ignores_unavailable DeploymentIgnoresUnavailable;
    recreate_does_not_wait RecreateDoesNotWait;
    worker_starts_after_termination WorkerStartsAfterTermination;
    kubelet_removes_early KubeletRemovesEarly;
    sigkill_at_once SigkillAtOnce;
    sigterm_during_pre_stop SigtermDuringPreStop;
    apps_do_not_wait_for_init AppsDoNotWaitForInit;
    sidecars_stop_with_apps SidecarsStopWithApps;
    sandbox_stopped_first SandboxStoppedFirst;
    address_freed_early AddressFreedEarly;
    host_ports_ignored HostPortsIgnored;
    taint_eviction_never_fires TaintEvictionNeverFires;
    scheduler_never_wakes SchedulerNeverWakes;
    replica_set_status_never_written ReplicaSetStatusNeverWritten;
    replica_set_never_deletes ReplicaSetNeverDeletes;
    kubelet_never_removes KubeletNeverRemoves;
    node_lifecycle_forgets_pods NodeLifecycleForgetsPods;
    kubelet_never_restarts KubeletNeverRestarts;
    pleg_always_healthy PlegAlwaysHealthy;
    podgc_looks_once PodgcLooksOnce;
}

/// Progress with no fault in the way: what a mutant breaks is broken without any approximation too.
#[test]
fn exact_searches_find_the_small_ones_too() {
    for (mutant, property) in [
        (Mutant::WorkerStartsAfterTermination, Property::TerminalIsFinal),
        (Mutant::KubeletRemovesEarly, Property::StoppedBeforeGone),
        (Mutant::KubeletNeverRemoves, Property::DeletionCompletes),
        (Mutant::SandboxStoppedFirst, Property::SandboxHoldsNamespaces),
        (Mutant::SigkillAtOnce, Property::GraceHonoured),
        (Mutant::ProxyNeverAdds, Property::EndpointsConverge),
    ] {
        found(mutant.facts(), property, true);
    }
}

/// Its second half: the node is NotReady, and nobody replaces its pods.
#[test]
fn a_hang_that_is_detected_and_not_answered_breaks_runtime_hang_detected() {
    let property = Property::RuntimeHangDetected;
    let world = catalogue::find("pleg-stuck").expect("a built-in scenario").scenario();
    assert_eq!(judge(&world, property, false).verdict, Verdict::Holds);
    let mutated = Scenario { mutant: Some(Mutant::TaintEvictionNeverFires), ..world };
    assert_eq!(judge(&mutated, property, false).verdict, Verdict::Broken);
}
