//! What a pod waits for, along its life, and on nodes that do not take it.

use podproof_model::controllers::deployment::scales_in_vain;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::catalogue;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::scenario::{
    Beginning, IntOrPercent, LabelSelector, Scenario, SpreadConstraint, Strategy, Taint, TaintEffect,
};
use podproof_vocabulary::{PodId, Release};

use super::{pod, unschedulable, workload};
use crate::names::Names;
use crate::walk::World;

/// Steps that a life takes at most.
const STEPS: usize = 400;

/// What the first pod waits for, one thing after the other, if nothing happens by chance: each thing once in a row.
fn life(scenario: Scenario) -> Vec<String> {
    life_of(scenario, false)
}

/// The same, with what happens by chance as soon as it can, or when nothing else does.
fn life_of(scenario: Scenario, chance_is_first: bool) -> Vec<String> {
    let names = Names::new(&scenario);
    let world = World::new(scenario).expect("it is small enough");
    let (observed_proxy, _) = world.beginnings().into_iter().next().expect("it begins");
    let mut walk = world.begin(observed_proxy).expect("it begins so");
    let mut names = names;
    let mut said: Vec<String> = Vec::new();
    for _ in 0..STEPS {
        let enabled = walk.enabled();
        let is_chance = |action: &&Action| matches!(action, Action::Environment(_));
        let next =
            enabled.iter().find(|action| is_chance(action) == chance_is_first).or_else(|| enabled.first());
        let Some(next) = next else { break };
        names.see(&walk.step(next, None));
        let waits = world.model().open(&walk.state, |cluster| pod::waits(cluster, &names, PodId(0)));
        said.extend(waits.filter(|waits| said.last() != Some(waits)));
    }
    said
}

#[test]
fn a_new_pod_waits_for_one_thing_after_the_other() {
    let life = life(catalogue::web("x", Story::Create, 1, 1));
    assert_eq!(
        life,
        [
            "pod web-l4f8/0 would fit on node-1, and the scheduler does not know it yet",
            "pod web-l4f8/0 would fit on node-1, and the scheduler does not bind it",
            "the kubelet on node-1 does not know pod web-l4f8/0 yet",
            "pod web-l4f8/0 has no sandbox yet",
            "pod web-l4f8/0 is not Ready: container app has not started",
            "pod web-l4f8/0 could be Ready, and the API does not show it"
        ]
    );
}

#[test]
fn a_pod_that_is_deleted_stays_for_one_reason_after_the_other() {
    let mut scenario = catalogue::web("x", Story::PodDeletion, 1, 1);
    scenario.begins = Beginning::Running;
    scenario.workload.template.finalizer = true;
    assert_eq!(
        life(scenario),
        [
            "pod web-l4f8/0 is deleting and stays: its container app runs and gets no SIGTERM",
            "pod web-l4f8/0 is deleting and stays: its container app has got SIGTERM and runs on",
            "pod web-l4f8/0 is deleting and stays: the kubelet on node-1 does not stop its sandbox",
            "pod web-l4f8/0 is deleting and stays: the kubelet on node-1 has not done with it",
            "pod web-l4f8/0 is deleting and stays: the kubelet on node-1 has stopped it, and its object is not removed",
            "pod web-l4f8/0 is deleting and has a finalizer that nobody removes"
        ]
    );
}

#[test]
fn a_pod_that_was_rejected_while_it_was_deleted_has_no_worker() {
    let mut scenario = catalogue::web("x", Story::Create, 1, 1);
    scenario.events.set(EventName::DeletePod, 1);
    scenario.release = Release { minor: 27 };
    scenario.workload.template.node_name = Some("node-1".into());
    scenario.workload.template.node_selector.insert("disk".into(), "ssd".into());
    let rejected = "pod web-l4f8/0 is deleting and stays: the kubelet on node-1 has rejected it, and has no worker to end it";
    let life = life_of(scenario, true);
    assert!(life.iter().any(|waits| waits == rejected), "{life:#?}");
}

#[test]
fn each_node_refuses_a_pod_for_reasons_of_its_own() {
    let mut scenario = catalogue::web("x", Story::Create, 1, 3);
    scenario.workload.template.node_selector.insert("disk".into(), "ssd".into());
    scenario.nodes[0].labels.insert("disk".into(), "ssd".into());
    scenario.nodes[0].allocatable.pods = 0;
    let taint = Taint { key: "gpu".into(), value: String::new(), effect: TaintEffect::NoSchedule };
    scenario.nodes[1].taints = vec![taint];
    assert_eq!(
        life(scenario),
        [
            "pod web-l4f8/0 is Pending, as no node takes it: node-1 (NodeResourcesFit: too many pods); node-2 (TaintToleration: untolerated taint gpu and NodeAffinity: its labels are not those asked for); node-3 (NodeAffinity: its labels are not those asked for)"
        ]
    );
}

/// kubernetes/kubernetes#138036: an old ReplicaSet of 1 is left of 2 as somebody scales to 1.
#[test]
fn a_rollout_that_a_scaling_to_nothing_new_has_stuck_says_so() {
    let mut scenario = catalogue::web("x", Story::Rollout, 2, 1);
    scenario.begins = Beginning::Running;
    let (max_surge, max_unavailable) = (IntOrPercent::Int(0), IntOrPercent::Int(1));
    scenario.workload.strategy = Strategy::RollingUpdate { max_surge, max_unavailable };
    scenario.events.set(EventName::Scale, 1);
    let names = Names::new(&scenario);
    let world = World::new(scenario).expect("it is small enough");
    let (observed_proxy, _) = world.beginnings().into_iter().next().expect("it begins");
    let found = (0..200_u64).find_map(|mut seed| {
        let mut walk = world.begin(observed_proxy).expect("it begins so");
        for _ in 0..STEPS {
            let enabled = walk.enabled();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let next = *enabled.get((seed >> 33) as usize % enabled.len().max(1))?;
            walk.step(&next, None);
            let stuck = world.model().open(&walk.state, |cluster| {
                scales_in_vain(cluster).then(|| workload::lacks(cluster, &names))
            });
            if stuck.is_some() {
                return stuck;
            }
        }
        None
    });
    let found = found.expect("a walk comes there");
    assert!(
        found.iter().any(|says| says.contains("whose replicas were changed to 1") && says.contains("138036")),
        "{found:?}"
    );
    assert!(!found.iter().any(|says| says.contains("maxSurge")), "{found:?}");
}

/// Said before any search, of the nodes as they are.
#[test]
fn a_workload_that_no_node_takes_is_told_at_once() {
    let with = |tweak: fn(&mut Scenario)| {
        let mut scenario = catalogue::web("x", Story::Create, 1, 2);
        tweak(&mut scenario);
        unschedulable(&scenario)
    };
    assert_eq!(with(|_| {}), None);
    assert_eq!(with(|s| s.nodes[0].allocatable.pods = 0), None, "there is another one");
    assert_eq!(
        with(|s| {
            s.workload.template.containers[0].requests.cpu_milli = u64::from(u32::MAX);
            s.workload.template.containers[0].requests.memory = 1;
            s.nodes[1].unschedulable = true;
            s.nodes[1].allocatable.memory = 0;
        })
        .expect("no node is large enough"),
        "no node takes a pod of it: node-1 (NodeResourcesFit: insufficient cpu); node-2 (NodeUnschedulable and TaintToleration: untolerated \
         taint node.kubernetes.io/unschedulable and NodeResourcesFit: insufficient cpu, insufficient memory)"
    );
    let one_fits = with(|s| {
        s.workload.replicas = 2;
        s.nodes[0].allocatable.pods = 1;
        s.nodes[1].allocatable.pods = 0;
    });
    assert_eq!(
        one_fits.expect("there is room for one"),
        "only 1 of 2 pods find a node: the next is refused by node-1, node-2 (NodeResourcesFit: too many pods)"
    );
    let pinned = with(|s| {
        s.workload.template.node_name = Some("node-1".into());
        s.nodes.iter_mut().for_each(|node| node.allocatable.pods = 0);
    });
    assert_eq!(pinned, None, "its kubelet is to say so");
}

/// Two constraints of which each can be met alone: of three nodes in two zones one has half of the pods, and may not have that many (Kivi C3).
#[test]
fn constraints_that_leave_no_node_are_told_at_once() {
    const ZONE: &str = "topology.kubernetes.io/zone";
    const HOST: &str = "kubernetes.io/hostname";
    let with = |replicas: u8, keys: &[&str]| {
        let mut scenario = catalogue::web("x", Story::Create, replicas, 3);
        scenario.nodes[2].labels.insert(ZONE.into(), "zone-2".into());
        let labels = scenario.workload.template.labels.clone();
        let constraint = |key: &&str| SpreadConstraint {
            max_skew: 1,
            topology_key: (*key).into(),
            selector: Some(LabelSelector { labels: labels.clone(), expressions: Vec::new() }),
            min_domains: 1,
            honour_node_affinity: true,
            honour_node_taints: false,
            same_revision: false,
        };
        scenario.workload.template.spread = keys.iter().map(constraint).collect();
        unschedulable(&scenario)
    };
    assert_eq!(with(5, &[ZONE, HOST]), None);
    assert_eq!((with(6, &[ZONE]), with(6, &[HOST])), (None, None), "alone each is met");
    let says = with(6, &[ZONE, HOST]).expect("the sixth finds no node");
    assert!(says.contains("of 6 pods find a node") && says.contains("PodTopologySpread"), "{says}");
}
