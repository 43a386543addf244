//! Random small worlds, the same on every run: replicas, nodes, strategy, probes, hooks, budgets, stories and events.

use fastrand::Rng;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::catalogue::{app, web};
use podproof_vocabulary::event::{EventName, ScaleTarget, Story};
use podproof_vocabulary::property::{Kind, PropertySet};
use podproof_vocabulary::scenario::{
    BudgetAsk, ContainerKind, DisruptionBudget, HostPort, IntOrPercent, LabelSelector, OnSigterm,
    PodAffinityTerm, PreStop, Probe, RestartPolicy, Strategy, WorkloadKind,
};
use podproof_vocabulary::{Property, Scenario};

/// The safety promises.
pub fn safety() -> PropertySet {
    PropertySet::of(Property::all().filter(|property| property.facts().kind == Kind::Safety))
}

/// Those that are judged without clocks.
pub fn untimed_safety() -> PropertySet {
    PropertySet::of(safety().iter().filter(|property| !property.facts().timed))
}

/// So many worlds, untimed, with at most two replicas on two nodes.
pub fn random_worlds(count: u64) -> Vec<Scenario> {
    (0..count).map(random_world).collect()
}

fn random_world(seed: u64) -> Scenario {
    let mut rng = Rng::with_seed(seed);
    let one_in = |rng: &mut Rng, times: u32| rng.u32(..times) == 0;
    let story = Story::ALL[rng.usize(..Story::ALL.len())];
    // Two pods at once with a surge are many states: where there are two, one node or a story that makes no new ones.
    let replicas = rng.u8(1..=2);
    let nodes =
        if replicas == 2 && matches!(story, Story::Rollout | Story::Drain) { 1 } else { rng.usize(1..=2) };
    let mut scenario = web(&format!("random-{seed}"), story, replicas, nodes);
    scenario.approximations = scenario.approximations.without(Approximation::Focus);
    scenario.workload.kind = match (rng.u8(..6), story) {
        (0, Story::Create | Story::PodDeletion | Story::NodeFailure) => WorkloadKind::ReplicaSet,
        (1, Story::Create | Story::PodDeletion | Story::NodeFailure) if replicas == 1 => WorkloadKind::Pod,
        _ => WorkloadKind::Deployment,
    };
    if one_in(&mut rng, 5) {
        scenario.workload.strategy = Strategy::Recreate;
    } else if one_in(&mut rng, 4) {
        let (max_surge, max_unavailable) = (IntOrPercent::Int(0), IntOrPercent::Int(1));
        scenario.workload.strategy = Strategy::RollingUpdate { max_surge, max_unavailable };
    }
    if one_in(&mut rng, 6) {
        scenario.workload.min_ready_seconds = 5;
    }
    if story == Story::ScaleDown {
        scenario.scale = Some(ScaleTarget::By(-1));
    }
    random_template(&mut rng, &mut scenario);
    if one_in(&mut rng, 4) {
        let ask = BudgetAsk::MinAvailable(IntOrPercent::Int(rng.u32(0..=1)));
        scenario.budgets.push(DisruptionBudget {
            name: "web".into(),
            ask,
            always_allow_unhealthy: rng.bool(),
        });
    }
    match rng.u8(..6) {
        0 => scenario.service = None,
        1 => scenario.addresses_are_reused = true,
        2 => {
            if let Some(service) = &mut scenario.service {
                service.publish_not_ready_addresses = true;
            }
        }
        _ => {}
    }
    if replicas == 1 && one_in(&mut rng, 3) {
        let events = [
            EventName::ContainerCrash,
            EventName::SandboxDeath,
            EventName::KubeletRestart,
            EventName::CordonNode,
            EventName::WatchBreak,
            EventName::SchedulerRestart,
            EventName::ForceDeletePod,
            EventName::DeletePod,
            EventName::Rollout,
            EventName::TaintNode,
        ];
        scenario.events.set(events[rng.usize(..events.len())], 1);
        scenario.slots += 2;
    }
    scenario
}

fn random_template(rng: &mut Rng, scenario: &mut Scenario) {
    let one_in = |rng: &mut Rng, times: u32| rng.u32(..times) == 0;
    let small = scenario.workload.replicas == 1;
    let template = &mut scenario.workload.template;
    template.grace_seconds = [0, 2, 30][rng.usize(..3)];
    template.finalizer = one_in(rng, 8);
    if scenario.workload.kind == WorkloadKind::Pod {
        template.restart_policy =
            [RestartPolicy::Always, RestartPolicy::OnFailure, RestartPolicy::Never][rng.usize(..3)];
    }
    let container = &mut template.containers[0];
    container.pre_stop = [None, Some(PreStop::Seconds(5)), Some(PreStop::AnyTime)][rng.usize(..3)];
    container.on_sigterm =
        [OnSigterm::Exit, OnSigterm::Drain(5), OnSigterm::Close(5), OnSigterm::Ignore][rng.usize(..4)];
    container.listens_after_seconds = rng.u32(..2) * 5;
    let probe = Probe {
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    };
    if one_in(rng, 3) {
        container.readiness_probe = Some(probe);
    }
    if small && one_in(rng, 4) {
        container.startup_probe = Some(probe);
    }
    if small && one_in(rng, 4) {
        container.liveness_probe = Some(probe);
    }
    if one_in(rng, 8) {
        container.ports[0].host = Some(HostPort { port: 8080, ip: "0.0.0.0".into() });
    }
    if small && one_in(rng, 5) {
        let kind = if rng.bool() { ContainerKind::Init } else { ContainerKind::Sidecar };
        let helper = podproof_vocabulary::scenario::Container {
            name: "helper".into(),
            kind,
            ports: Vec::new(),
            ..app()
        };
        template.containers.insert(0, helper);
        template.serving = 1;
    }
    if one_in(rng, 8) {
        let labels = template.labels.clone();
        template.pod_anti_affinity.push(PodAffinityTerm {
            topology_key: "kubernetes.io/hostname".into(),
            selector: Some(LabelSelector { labels, expressions: Vec::new() }),
            namespaces: Vec::new(),
            all_namespaces: false,
            same_revision: false,
        });
    }
}
