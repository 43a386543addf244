//! PodTopologySpread with DoNotSchedule.

use podproof_vocabulary::action::{Action, Environment, ReplicaSet, Scheduler};
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::scenario::{Scenario, SpreadConstraint, Taint, TaintEffect};

use super::super::filters::{Filter, FilterSet};
use super::{Bench, HOST, Neighbour, ZONE, neighbour, selector};
use crate::test_cluster::{TestCluster, allow};
use podproof_vocabulary::{NodeId, Release, Revision};

fn constraint(topology_key: &str, max_skew: u32) -> SpreadConstraint {
    SpreadConstraint {
        max_skew,
        topology_key: topology_key.into(),
        selector: selector(&[("app", "web")]),
        min_domains: 1,
        honour_node_affinity: true,
        honour_node_taints: false,
        same_revision: false,
    }
}

fn spread(constraint: SpreadConstraint) -> impl FnOnce(&mut Scenario) {
    move |s| s.workload.template.spread.push(constraint)
}

/// FLT-15.
#[test]
fn a_pod_goes_where_it_keeps_the_skew() {
    let bench = |max_skew, pods: &[u8]| Bench::new(spread(constraint(ZONE, max_skew))).with(pods);
    assert_eq!(bench(1, &[]).passes(Filter::PodTopologySpread), [0, 1, 2, 3]);
    assert_eq!(bench(1, &[0]).passes(Filter::PodTopologySpread), [2, 3]);
    assert_eq!(bench(2, &[0]).passes(Filter::PodTopologySpread), [0, 1, 2, 3]);
    assert_eq!(bench(2, &[0, 1]).passes(Filter::PodTopologySpread), [2, 3]);
    assert_eq!(bench(1, &[0, 2]).passes(Filter::PodTopologySpread), [0, 1, 2, 3]);
}

/// FLT-15, FLT-17: a node that changes its labels changes its domain, and whether it counts.
#[test]
fn a_node_that_changes_its_labels_counts_in_another_domain() {
    let bench = |later: &[(&str, &str)], relabelled| {
        let bench = Bench::new(|s| {
            spread(constraint(ZONE, 1))(s);
            s.nodes[1].later_labels = Some(super::labels(later));
            s.workload.template.node_affinity = Some(vec![super::expression(
                "gone",
                podproof_vocabulary::scenario::Operator::DoesNotExist,
                &[],
            )]);
        });
        let bench = bench.with_node(1, |node| node.with_relabelled(relabelled)).with(&[1]);
        let passes = |node: &u8| {
            let rejected = bench.filters.rejections(&bench.placement, Revision(0), NodeId(*node));
            rejected.0 & FilterSet::of(&[Filter::PodTopologySpread]).0 == 0
        };
        (0..4).filter(passes).collect::<Vec<u8>>()
    };
    assert_eq!(bench(&[(ZONE, "b")], false), [2, 3]);
    assert_eq!(bench(&[(ZONE, "b")], true), [0]);
    assert_eq!(bench(&[], true), [0, 2, 3], "without the key its pod counts nowhere");
    assert_eq!(bench(&[(ZONE, "a"), ("gone", "")], true), [0, 1, 2, 3], "nor where the affinity excludes it");
}

/// FLT-15.
#[test]
fn all_constraints_hold_at_once() {
    let bench = Bench::new(|s| s.workload.template.spread = vec![constraint(ZONE, 1), constraint(HOST, 1)]);
    assert_eq!(bench.with(&[0, 2]).passes(Filter::PodTopologySpread), [1, 3]);
}

/// FLT-15.
#[test]
fn a_node_without_the_key_takes_no_such_pod() {
    let bench = Bench::new(|s| {
        spread(constraint(ZONE, 5))(s);
        s.nodes[1].labels.remove(ZONE);
    });
    assert_eq!(bench.passes(Filter::PodTopologySpread), [0, 2, 3]);
}

/// FLT-15: a pod that its own selector does not match does not count itself.
#[test]
fn a_pod_counts_itself_only_if_the_selector_matches_it() {
    let bench = Bench::new(|s| {
        spread(SpreadConstraint { selector: selector(&[("app", "db")]), ..constraint(ZONE, 1) })(s);
        s.neighbours.push(neighbour(0));
    });
    assert_eq!(bench.passes(Filter::PodTopologySpread), [0, 1, 2, 3]);
}

/// FLT-16.
#[test]
fn pods_of_other_workloads_count_if_they_match_and_share_the_namespace() {
    let bench = |namespace: &'static str, node: u8| {
        Bench::new(move |s| {
            spread(SpreadConstraint { selector: selector(&[("tier", "x")]), ..constraint(ZONE, 1) })(s);
            s.workload.template.labels.insert("tier".into(), "x".into());
            let labels = super::labels(&[("tier", "x")]);
            s.neighbours.push(Neighbour { namespace: namespace.into(), labels, ..neighbour(node) });
        })
    };
    assert_eq!(bench("default", 0).passes(Filter::PodTopologySpread), [2, 3]);
    assert_eq!(bench("other", 0).passes(Filter::PodTopologySpread), [0, 1, 2, 3]);
}

/// FLT-16.
#[test]
fn with_fewer_domains_than_min_domains_the_least_is_zero() {
    let bench = |min_domains| {
        Bench::new(spread(SpreadConstraint { min_domains, ..constraint(ZONE, 1) })).with(&[0, 2])
    };
    assert_eq!(bench(2).passes(Filter::PodTopologySpread), [0, 1, 2, 3]);
    assert!(bench(3).passes(Filter::PodTopologySpread).is_empty());
}

/// FLT-17: nodes that the pod cannot go to for its affinity do not make a domain.
#[test]
fn nodes_outside_the_node_selector_count_only_if_the_policy_ignores_it() {
    let passes = |honour_node_affinity| {
        let bench = Bench::new(|s| {
            spread(SpreadConstraint { honour_node_affinity, ..constraint(ZONE, 1) })(s);
            s.workload.template.node_selector = super::labels(&[(ZONE, "a")]);
        });
        let bench = bench.with(&[0]);
        let rejected = bench.filters.rejections(&bench.placement, Revision(0), NodeId(0));
        rejected.0 & FilterSet::of(&[Filter::PodTopologySpread]).0 == 0
    };
    assert!(passes(true), "zone b is no domain, so the least is one");
    assert!(!passes(false), "zone b is empty");
}

/// FLT-17.
#[test]
fn nodes_with_untolerated_taints_count_unless_the_policy_honours_them() {
    let passes = |honour_node_taints| {
        let bench = Bench::new(|s| {
            spread(SpreadConstraint { honour_node_taints, ..constraint(ZONE, 1) })(s);
            for node in &mut s.nodes[2..] {
                let taint =
                    Taint { key: "gpu".into(), value: String::new(), effect: TaintEffect::NoSchedule };
                node.taints.push(taint);
            }
        });
        let bench = bench.with(&[0]);
        let rejected = bench.filters.rejections(&bench.placement, Revision(0), NodeId(0));
        rejected.0 & FilterSet::of(&[Filter::PodTopologySpread]).0 == 0
    };
    assert!(!passes(false) && passes(true));
}

/// FLT-18: unlike for resources and affinity.
#[test]
fn deleting_pods_do_not_count() {
    let bench = Bench::new(spread(constraint(ZONE, 1))).with_pod(0, 0, true);
    assert_eq!(bench.passes(Filter::PodTopologySpread), [0, 1, 2, 3]);
}

/// FLT-18, kubernetes/kubernetes#141339: but the pod itself is selected.
#[test]
fn an_empty_selector_counts_nobody() {
    let passes = |minor, same_revision, pods: &[u8], min_domains| {
        let selector = selector(&[]);
        let empty = SpreadConstraint { selector, same_revision, min_domains, ..constraint(HOST, 1) };
        let bench = Bench::new(|s| {
            spread(empty)(s);
            s.release = Release { minor };
        });
        bench.with(pods).passes(Filter::PodTopologySpread)
    };
    assert_eq!(passes(26, false, &[0, 0], 1), [1, 2, 3]);
    assert_eq!(passes(27, false, &[0, 0], 1), [0, 1, 2, 3]);
    assert_eq!(passes(36, false, &[0, 0], 9), [0, 1, 2, 3]);
    assert_eq!(passes(36, true, &[0, 0], 1), [1, 2, 3], "the revision is part of the selector");
}

/// FLT-19.
#[test]
fn with_match_label_keys_only_pods_of_the_same_revision_count() {
    let bench =
        Bench::new(spread(SpreadConstraint { same_revision: true, ..constraint(ZONE, 1) })).with(&[0]);
    assert_eq!(bench.passes_for(0, Filter::PodTopologySpread), [2, 3]);
    assert_eq!(bench.passes_for(1, Filter::PodTopologySpread), [0, 1, 2, 3]);
}

/// How many pods of the new revision the nodes have after a rollout of two pods on two nodes with maxSkew 1, if each goes where the most of
/// them are, as far as it may; the least first.
fn rolled_out(same_revision: bool) -> Vec<usize> {
    let mut cluster = TestCluster::running(2, 2, |s| {
        spread(SpreadConstraint { same_revision, ..constraint(HOST, 1) })(s);
        allow(s, EventName::Rollout, 1);
    });
    let placed = |cluster: &TestCluster, node| {
        let pods = cluster.seen().slots.into_iter().filter_map(|slot| slot.pod);
        pods.filter(|pod| pod.revision == Revision(1) && pod.node == Some(node)).count()
    };
    let is_choice = |action: &Action| {
        matches!(
            action,
            Action::Scheduler(Scheduler::AssumePod { .. })
                | Action::ReplicaSet(ReplicaSet::ChooseVictim { .. })
        )
    };
    cluster.take(Environment::ChangeTemplate);
    loop {
        cluster.settle_but(is_choice);
        let choices = cluster.enabled().into_iter().filter(is_choice);
        let next = choices.max_by_key(|choice| match choice {
            Action::Scheduler(Scheduler::AssumePod { node, .. }) => placed(&cluster, *node),
            _ => 0,
        });
        match next {
            Some(choice) => cluster.take(choice),
            None => break,
        }
    }
    let mut new = [NodeId(0), NodeId(1)].map(|node| placed(&cluster, node)).to_vec();
    new.sort_unstable();
    new
}

/// FLT-15, FLT-19, kubernetes/kubernetes#98215: the old pods count, and nobody looks again once they have gone.
#[test]
fn a_rollout_ends_skewed_where_pods_of_the_old_revision_count() {
    assert_eq!(rolled_out(false), [0, 2]);
    assert_eq!(rolled_out(true), [1, 1]);
}
