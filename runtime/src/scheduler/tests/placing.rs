//! Filters that look at one node and the pods on it: FLT-1 to FLT-7, FIT-1 to FIT-5.

use k8s_openapi::api::core::v1::{
    Affinity, ContainerPort, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Taint,
    Toleration,
};
use podproof_vocabulary::Release;

use super::{amounts, container, feasible, feasible_with, labels, node, on, pod, rejected_by, spec, with};
use crate::scheduler::filter::Plugin;
use crate::scheduler::requests::{host_ports_of, requests_of};
use crate::slip::{Slip, Slips};

fn taint(key: &str, effect: &str) -> Taint {
    Taint { key: key.to_owned(), value: Some("v".to_owned()), effect: effect.to_owned(), time_added: None }
}

fn toleration(key: &str, operator: &str, value: &str, effect: &str) -> Toleration {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Toleration {
        key: some(key),
        operator: some(operator),
        value: some(value),
        effect: some(effect),
        toleration_seconds: Some(1),
    }
}

#[test]
fn a_pod_that_names_its_node_goes_nowhere_else() {
    let nodes = [node("a", &[]), node("b", &[])];
    assert_eq!(feasible(&nodes, &[], &on(pod("web"), "b")), Ok(vec!["b".to_owned()]), "FLT-1");
    rejected_by(&nodes, &[], &on(pod("web"), "c"), Plugin::NodeName);
    let slip = Slips::only(Slip::NodeNameNotAsked);
    assert!(feasible_with(&nodes, &[], &on(pod("web"), "c"), slip).is_ok(), "FLT-1 is what the slip breaks");
}

#[test]
fn a_cordoned_node_takes_only_pods_that_tolerate_it() {
    let mut cordoned = node("a", &[]);
    cordoned.spec.as_mut().expect("it has one").unschedulable = Some(true);
    rejected_by(std::slice::from_ref(&cordoned), &[], &pod("web"), Plugin::NodeUnschedulable);
    let own = toleration("node.kubernetes.io/unschedulable", "Exists", "", "NoSchedule");
    let tolerant = with(pod("web"), |spec| spec.tolerations = Some(vec![own]));
    assert!(feasible(std::slice::from_ref(&cordoned), &[], &tolerant).is_ok(), "FLT-2");
    let slip = Slips::only(Slip::CordonNeedsTaint);
    assert!(feasible_with(&[cordoned], &[], &pod("web"), slip).is_ok(), "FLT-2 is what the slip breaks");
}

#[test]
fn every_taint_that_keeps_pods_away_must_be_tolerated() {
    let tainted = |effects: &[&str]| {
        let mut node = node("a", &[]);
        let taints = effects.iter().map(|effect| taint("k", effect)).collect();
        node.spec.as_mut().expect("it has one").taints = Some(taints);
        [node]
    };
    let tolerates = |toleration| with(pod("web"), |spec| spec.tolerations = Some(vec![toleration]));
    rejected_by(&tainted(&["NoSchedule"]), &[], &pod("web"), Plugin::TaintToleration);
    rejected_by(&tainted(&["NoExecute"]), &[], &pod("web"), Plugin::TaintToleration);
    let slip = Slips::only(Slip::NoExecuteLetsPodsIn);
    assert!(feasible_with(&tainted(&["NoExecute"]), &[], &pod("web"), slip).is_ok());
    assert!(feasible_with(&tainted(&["NoSchedule"]), &[], &pod("web"), slip).is_err());
    assert!(feasible(&tainted(&["PreferNoSchedule"]), &[], &pod("web")).is_ok(), "FLT-6: it only scores");
    let both = tainted(&["NoSchedule", "NoExecute"]);
    rejected_by(&both, &[], &tolerates(toleration("k", "Exists", "", "NoSchedule")), Plugin::TaintToleration);
    let matching = [
        (toleration("k", "Exists", "", ""), true),
        (toleration("", "Exists", "", ""), true),
        (toleration("k", "Equal", "v", ""), true),
        (toleration("k", "", "v", ""), true),
        (toleration("k", "Equal", "w", ""), false),
        (toleration("j", "Exists", "", ""), false),
        (toleration("", "Equal", "v", ""), false),
        (toleration("k", "Exists", "", "NoSchedule"), false),
    ];
    for (toleration, matches) in matching {
        let passes = feasible(&tainted(&["NoExecute"]), &[], &tolerates(toleration.clone())).is_ok();
        assert_eq!(passes, matches, "FLT-7: {toleration:?}");
    }
}

fn requirement(key: &str, operator: &str, values: &[&str]) -> NodeSelectorRequirement {
    NodeSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
    }
}

fn requires(terms: Vec<NodeSelectorTerm>) -> k8s_openapi::api::core::v1::Pod {
    with(pod("web"), |spec| {
        spec.affinity = Some(Affinity {
            node_affinity: Some(NodeAffinity {
                required_during_scheduling_ignored_during_execution: Some(NodeSelector {
                    node_selector_terms: terms,
                }),
                ..NodeAffinity::default()
            }),
            ..Affinity::default()
        });
    })
}

fn expressions(requirements: Vec<NodeSelectorRequirement>) -> NodeSelectorTerm {
    NodeSelectorTerm { match_expressions: Some(requirements), match_fields: None }
}

#[test]
fn a_node_selector_asks_for_every_pair() {
    let nodes = [node("a", &[("disk", "ssd")]), node("b", &[("disk", "ssd"), ("zone", "x")])];
    let picky = with(pod("web"), |spec| spec.node_selector = Some(labels(&[("disk", "ssd"), ("zone", "x")])));
    assert_eq!(feasible(&nodes, &[], &picky), Ok(vec!["b".to_owned()]), "FLT-5");
}

#[test]
fn node_affinity_means_what_its_operators_say() {
    let nodes = [node("a", &[("n", "5"), ("text", "x")])];
    let cases = [
        (requirement("n", "In", &["4", "5"]), true),
        (requirement("n", "In", &["4"]), false),
        (requirement("missing", "NotIn", &["4"]), true),
        (requirement("n", "NotIn", &["5"]), false),
        (requirement("n", "Exists", &[]), true),
        (requirement("missing", "DoesNotExist", &[]), true),
        (requirement("n", "Gt", &["4"]), true),
        (requirement("n", "Gt", &["5"]), false),
        (requirement("n", "Lt", &["6"]), true),
        (requirement("text", "Gt", &["4"]), false),
        (requirement("n", "Gt", &["text"]), false),
    ];
    for (requirement, passes) in cases {
        let found = feasible(&nodes, &[], &requires(vec![expressions(vec![requirement.clone()])])).is_ok();
        assert_eq!(found, passes, "FLT-5: {requirement:?}");
    }
}

#[test]
fn node_affinity_terms_are_alternatives_and_an_empty_one_matches_nothing() {
    let nodes = [node("a", &[("n", "5")])];
    let yes = || requirement("n", "Exists", &[]);
    let no = || requirement("missing", "Exists", &[]);
    let either = requires(vec![expressions(vec![no()]), expressions(vec![yes()])]);
    assert!(feasible(&nodes, &[], &either).is_ok());
    assert!(feasible_with(&nodes, &[], &either, Slips::only(Slip::AffinityTermsAllMatch)).is_err());
    rejected_by(&nodes, &[], &requires(vec![expressions(vec![yes(), no()])]), Plugin::NodeAffinity);
    rejected_by(&nodes, &[], &requires(vec![NodeSelectorTerm::default()]), Plugin::NodeAffinity);
    rejected_by(&nodes, &[], &requires(Vec::new()), Plugin::NodeAffinity);
    let field = |key: &str| NodeSelectorTerm {
        match_expressions: None,
        match_fields: Some(vec![requirement(key, "In", &["a"])]),
    };
    assert!(feasible(&nodes, &[], &requires(vec![field("metadata.name")])).is_ok(), "FLT-5");
    rejected_by(&nodes, &[], &requires(vec![field("metadata.uid")]), Plugin::NodeAffinity);
}

fn with_port(name: &str, ip: &str, protocol: &str, host_port: i32) -> k8s_openapi::api::core::v1::Pod {
    with(pod(name), |spec| {
        spec.containers[0].ports = Some(vec![ContainerPort {
            container_port: 80,
            host_port: Some(host_port),
            host_ip: (!ip.is_empty()).then(|| ip.to_owned()),
            protocol: Some(protocol.to_owned()),
            ..ContainerPort::default()
        }]);
    })
}

#[test]
fn a_port_of_the_host_is_held_once() {
    let fits_with = |slips, held: (&str, &str, i32), wanted: (&str, &str, i32)| {
        let holder = on(with_port("old", held.0, held.1, held.2), "a");
        let new = with_port("new", wanted.0, wanted.1, wanted.2);
        feasible_with(&[node("a", &[])], &[holder], &new, slips).is_ok()
    };
    let fits = |held, wanted| fits_with(Slips::NONE, held, wanted);
    assert!(!fits(("", "TCP", 80), ("", "TCP", 80)), "FLT-4");
    assert!(fits(("", "TCP", 80), ("", "TCP", 81)), "FLT-4: another port");
    assert!(fits(("", "TCP", 80), ("", "UDP", 80)), "FLT-4: another protocol");
    assert!(fits(("10.0.0.1", "TCP", 80), ("10.0.0.2", "TCP", 80)), "FLT-4: another address");
    assert!(!fits(("10.0.0.1", "TCP", 80), ("0.0.0.0", "TCP", 80)), "FLT-4: all addresses");
    let slip = Slips::only(Slip::PortOnAllAddressesIsFree);
    assert!(fits_with(slip, ("10.0.0.1", "TCP", 80), ("0.0.0.0", "TCP", 80)), "what the slip breaks");
    assert!(!fits_with(slip, ("10.0.0.1", "TCP", 80), ("10.0.0.1", "TCP", 80)));
}

/// FLT-4: those of sidecars from 1.34 on (kubernetes/kubernetes#132040), those of other init containers never.
#[test]
fn ports_of_sidecars_count_from_1_34_on() {
    let beside = |policy: Option<&str>| {
        with(with_port("web", "", "TCP", 80), |spec| {
            let mut container = spec.containers[0].clone();
            container.restart_policy = policy.map(str::to_owned);
            spec.init_containers = Some(vec![container]);
            spec.containers[0].ports = None;
        })
    };
    for (minor, policy, count) in [(33, Some("Always"), 0), (34, Some("Always"), 1), (36, None, 0)] {
        assert_eq!(host_ports_of(&beside(policy), Release { minor }).len(), count, "1.{minor} {policy:?}");
    }
}

#[test]
fn what_is_asked_for_must_be_free() {
    let nodes = [node("a", &[])];
    let asks = |name: &str, cpu: &str| with(pod(name), |spec| spec.containers = vec![container(cpu)]);
    assert!(feasible(&nodes, &[on(asks("old", "1"), "a")], &asks("new", "3")).is_ok(), "FLT-3: exactly");
    rejected_by(&nodes, &[on(asks("old", "1"), "a")], &asks("new", "3001m"), Plugin::NodeResourcesFit);
    // What is not asked for does not matter, even if the node is over-committed.
    assert!(feasible(&nodes, &[on(asks("old", "9"), "a")], &pod("new")).is_ok(), "FIT-5");
    let full: Vec<_> = (0..10).map(|n| on(pod(&format!("p{n}")), "a")).collect();
    assert!(feasible(&nodes, &full[1..], &pod("new")).is_ok());
    rejected_by(&nodes, &full, &pod("new"), Plugin::NodeResourcesFit);
    let unknown = with(pod("new"), |spec| {
        let mut greedy = container("1");
        greedy.resources.get_or_insert_default().requests = Some(amounts(&[("example.com/gpu", "1")]));
        spec.containers = vec![greedy];
    });
    rejected_by(&nodes, &[], &unknown, Plugin::NodeResourcesFit);
}

#[test]
fn deleting_pods_hold_their_room() {
    let mut leaving = with(pod("old"), |spec| spec.containers = vec![container("4")]);
    leaving.metadata.deletion_timestamp = Some(crate::clock::Moment(0).to_time());
    let new = with(pod("new"), |spec| spec.containers = vec![container("1")]);
    let pods = [on(leaving, "a")];
    rejected_by(&[node("a", &[])], &pods, &new, Plugin::NodeResourcesFit);
    let slip = Slips::only(Slip::DeletingPodsNotCounted);
    assert!(feasible_with(&[node("a", &[])], &pods, &new, slip).is_ok(), "SCH-1 is what the slip breaks");
}

#[test]
fn init_containers_and_sidecars_are_counted_as_they_run() {
    let cpu = |pod, slips| requests_of(&pod, Release::NEWEST, slips).get("cpu");
    let sidecar = |cpu: &str| {
        let mut container = container(cpu);
        container.restart_policy = Some("Always".to_owned());
        container
    };
    let mut mixed = pod("web");
    spec(&mut mixed).containers = vec![container("1"), container("1")];
    assert_eq!(cpu(mixed.clone(), Slips::NONE), 2_000, "FIT-1");
    spec(&mut mixed).init_containers = Some(vec![container("3")]);
    assert_eq!(cpu(mixed.clone(), Slips::NONE), 3_000, "FIT-3: the init container needs more");
    spec(&mut mixed).init_containers = Some(vec![sidecar("2"), container("3")]);
    assert_eq!(cpu(mixed.clone(), Slips::NONE), 5_000, "FIT-2: beside the sidecar before it");
    spec(&mut mixed).init_containers = Some(vec![container("3"), sidecar("2")]);
    assert_eq!(cpu(mixed.clone(), Slips::NONE), 4_000, "FIT-1: app containers and sidecars together");
    assert_eq!(cpu(mixed.clone(), Slips::only(Slip::SidecarsNotCounted)), 3_000);
    spec(&mut mixed).overhead = Some(amounts(&[("cpu", "1")]));
    assert_eq!(cpu(mixed.clone(), Slips::NONE), 5_000, "FIT-3: and the overhead");
    spec(&mut mixed).resources.get_or_insert_default().requests = Some(amounts(&[("cpu", "7")]));
    assert_eq!(cpu(mixed.clone(), Slips::NONE), 8_000, "FIT-4: the overhead comes on top");
    let of_1_33 = requests_of(&mixed, Release { minor: 33 }, Slips::NONE);
    assert_eq!(of_1_33.get("cpu"), 5_000, "FIT-4 is from 1.34 on");
    let whole = amounts(&[("cpu", "7"), ("example.com/gpu", "1")]);
    spec(&mut mixed).resources.get_or_insert_default().requests = Some(whole);
    assert_eq!(requests_of(&mixed, Release::NEWEST, Slips::NONE).get("example.com/gpu"), 0, "FIT-4");
    let limited = with(pod("web"), |spec| {
        spec.containers[0].resources.get_or_insert_default().limits = Some(amounts(&[("cpu", "2")]));
    });
    assert_eq!(cpu(limited, Slips::NONE), 2_000, "a limit without a request is the request");
}
