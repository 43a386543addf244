//! Topology spread: FLT-15 to FLT-19.

use k8s_openapi::api::core::v1::{Node, Pod, Taint, TopologySpreadConstraint};
use podproof_vocabulary::Release;

use super::{cache, feasible, feasible_with, labels, node, on, pod, rejected_by, selector, with};
use crate::scheduler::filter::{self, Plugin};
use crate::slip::{Slip, Slips};

fn constraint(key: &str, max_skew: i32) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        label_selector: Some(selector(&[("app", "web")])),
        max_skew,
        topology_key: key.to_owned(),
        when_unsatisfiable: "DoNotSchedule".to_owned(),
        ..TopologySpreadConstraint::default()
    }
}

fn spread(constraints: Vec<TopologySpreadConstraint>) -> Pod {
    with(pod("new"), |spec| spec.topology_spread_constraints = Some(constraints))
}

fn zones() -> [Node; 3] {
    [node("x1", &[("zone", "x")]), node("y1", &[("zone", "y")]), node("none", &[])]
}

/// So many pods on x1 and on y1.
fn pods(x: usize, y: usize) -> Vec<Pod> {
    let some = |count: usize, node: &'static str| {
        (0..count).map(move |index| on(pod(&format!("{node}-{index}")), node))
    };
    some(x, "x1").chain(some(y, "y1")).collect()
}

#[test]
fn skew_stays_within_bounds_and_the_key_must_be_there() {
    let new = spread(vec![constraint("zone", 1)]);
    assert_eq!(feasible(&zones(), &pods(0, 0), &new), Ok(vec!["x1".into(), "y1".into()]), "FLT-15");
    assert_eq!(feasible(&zones(), &pods(1, 0), &new), Ok(vec!["y1".into()]), "FLT-15");
    let looser = spread(vec![constraint("zone", 2)]);
    assert_eq!(feasible(&zones(), &pods(1, 0), &looser), Ok(vec!["x1".into(), "y1".into()]));
    rejected_by(&[node("none", &[])], &[], &new, Plugin::PodTopologySpread);
}

#[test]
fn a_pod_that_does_not_match_its_own_selector_adds_no_skew() {
    let mut other = spread(vec![constraint("zone", 1)]);
    other.metadata.labels = Some(labels(&[("app", "other")]));
    assert_eq!(feasible(&zones(), &pods(1, 0), &other), Ok(vec!["x1".into(), "y1".into()]), "FLT-15");
}

#[test]
fn with_too_few_domains_the_minimum_is_zero() {
    let mut three = constraint("zone", 1);
    three.min_domains = Some(3);
    rejected_by(&zones(), &pods(1, 1), &spread(vec![three]), Plugin::PodTopologySpread);
    assert!(feasible(&zones(), &pods(1, 1), &spread(vec![constraint("zone", 1)])).is_ok(), "FLT-16");
}

#[test]
fn nodes_that_the_pod_may_not_use_are_no_domains() {
    let mut new = spread(vec![constraint("zone", 1)]);
    super::spec(&mut new).node_selector = Some(labels(&[("zone", "x")]));
    // Zone y has none, but it does not count.
    assert_eq!(feasible(&zones(), &pods(1, 0), &new), Ok(vec!["x1".into()]), "FLT-17: affinity is honoured");
    let mut ignoring = constraint("zone", 1);
    ignoring.node_affinity_policy = Some("Ignore".to_owned());
    super::spec(&mut new).topology_spread_constraints = Some(vec![ignoring]);
    rejected_by(&zones(), &pods(1, 0), &new, Plugin::PodTopologySpread);

    let mut nodes = zones();
    nodes[1].spec.as_mut().expect("it has one").taints =
        Some(vec![Taint { key: "k".to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() }]);
    rejected_by(&nodes, &pods(1, 0), &spread(vec![constraint("zone", 1)]), Plugin::PodTopologySpread);
    let mut honouring = constraint("zone", 1);
    honouring.node_taints_policy = Some("Honor".to_owned());
    assert_eq!(feasible(&nodes, &pods(1, 0), &spread(vec![honouring])), Ok(vec!["x1".into()]), "FLT-17");
}

#[test]
fn a_node_counts_only_if_it_has_the_keys_of_all_constraints() {
    let new = spread(vec![constraint("zone", 1), constraint("rack", 1)]);
    let nodes = [
        node("x1", &[("zone", "x"), ("rack", "r")]),
        node("y1", &[("zone", "y")]),
        node("y2", &[("zone", "y"), ("rack", "s")]),
    ];
    // y1 has no rack: its pods do not count.
    assert!(
        feasible(&nodes, &pods(0, 5), &new).is_ok_and(|nodes| nodes.contains(&"y2".to_owned())),
        "FLT-17"
    );
}

#[test]
fn pods_that_are_being_deleted_do_not_count() {
    let mut leaving = pods(1, 0);
    leaving[0].metadata.deletion_timestamp = Some(crate::clock::Moment(0).to_time());
    let new = spread(vec![constraint("zone", 1)]);
    assert_eq!(feasible(&zones(), &leaving, &new), Ok(vec!["x1".into(), "y1".into()]), "FLT-18");
    let slip = Slips::only(Slip::SpreadCountsDeleting);
    assert_eq!(feasible_with(&zones(), &leaving, &new, slip), Ok(vec!["y1".into()]));
}

/// FLT-18, kubernetes/kubernetes#141339.
#[test]
fn an_empty_selector_counts_nobody() {
    let everybody = |keys: &[&str]| {
        let mut constraint = constraint("zone", 1);
        constraint.label_selector = Some(selector(&[]));
        constraint.match_label_keys = Some(keys.iter().map(|&key| key.to_owned()).collect());
        spread(vec![constraint])
    };
    for (minor, keys, expected) in [
        (26, &[][..], &["y1"][..]),
        (27, &[], &["x1", "y1"]),
        (36, &[], &["x1", "y1"]),
        (36, &["app"], &["y1"]),
        (36, &["none"], &["x1", "y1"]),
    ] {
        let mut cache = cache(&zones(), &pods(2, 0), Slips::NONE);
        cache.set_release(Release { minor });
        let nodes = filter::feasible(&everybody(keys), &cache, Slips::NONE).expect("some pass");
        let nodes: Vec<&str> = nodes.iter().map(|key| key.name()).collect();
        assert_eq!(nodes, expected, "1.{minor} {keys:?}");
    }
}

#[test]
fn other_namespaces_and_other_revisions_do_not_count() {
    let mut elsewhere = pods(1, 0);
    elsewhere[0].metadata.namespace = Some("other".to_owned());
    let new = spread(vec![constraint("zone", 1)]);
    assert_eq!(feasible(&zones(), &elsewhere, &new), Ok(vec!["x1".into(), "y1".into()]), "FLT-16");
    let mut by_revision = constraint("zone", 1);
    by_revision.match_label_keys = Some(vec!["revision".to_owned()]);
    let mut new = spread(vec![by_revision]);
    new.metadata.labels = Some(labels(&[("app", "web"), ("revision", "2")]));
    assert_eq!(feasible(&zones(), &pods(1, 0), &new), Ok(vec!["x1".into(), "y1".into()]), "FLT-19");
}

#[test]
fn a_soft_constraint_keeps_nobody_away() {
    let mut soft = constraint("zone", 1);
    soft.when_unsatisfiable = "ScheduleAnyway".to_owned();
    assert_eq!(feasible(&zones(), &pods(3, 0), &spread(vec![soft])).map(|nodes| nodes.len()), Ok(3));
}
