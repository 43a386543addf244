//! InterPodAffinity: affinity with its first pod, anti-affinity with its symmetry.

use podproof_vocabulary::scenario::PodAffinityTerm;

use super::super::filters::Filter;
use super::{Bench, HOST, Neighbour, ZONE, neighbour, term};

fn web(topology_key: &str) -> PodAffinityTerm {
    term(topology_key, &[("app", "web")])
}

fn db(topology_key: &str) -> PodAffinityTerm {
    term(topology_key, &[("app", "db")])
}

fn affinity(terms: Vec<PodAffinityTerm>) -> Bench {
    Bench::new(|s| {
        s.workload.template.pod_affinity = terms;
        s.neighbours.push(neighbour(1));
    })
}

fn anti_affinity(terms: Vec<PodAffinityTerm>) -> Bench {
    Bench::new(|s| {
        s.workload.template.pod_anti_affinity = terms;
        s.neighbours.push(neighbour(1));
    })
}

/// FLT-8.
#[test]
fn affinity_places_a_pod_in_the_domain_of_a_pod_that_it_selects() {
    assert_eq!(affinity(vec![db(HOST)]).passes(Filter::InterPodAffinity), [1]);
    assert_eq!(affinity(vec![db(ZONE)]).passes(Filter::InterPodAffinity), [0, 1]);
    assert!(affinity(vec![term(ZONE, &[("app", "cache")])]).passes(Filter::InterPodAffinity).is_empty());
}

/// FLT-8: a node without the key is in no domain.
#[test]
fn a_node_without_the_key_never_meets_an_affinity() {
    let bench = Bench::new(|s| {
        s.workload.template.pod_affinity = vec![web(ZONE)];
        s.nodes[0].labels.remove(ZONE);
    });
    assert_eq!(bench.passes(Filter::InterPodAffinity), [1, 2, 3]);
}

/// FLT-8, FLT-10, FLT-11: domains are what nodes are called now, of the pod's own terms and of a neighbour's.
#[test]
fn a_node_that_changes_its_labels_changes_its_domain() {
    let moves = |tweak: &dyn Fn(&mut podproof_vocabulary::scenario::Scenario)| {
        let bench = |relabelled| {
            let bench = Bench::new(|s| {
                s.nodes[1].later_labels = Some(super::labels(&[(ZONE, "b")]));
                tweak(s);
            });
            bench.with_node(1, |node| node.with_relabelled(relabelled)).passes(Filter::InterPodAffinity)
        };
        (bench(false), bench(true))
    };
    let own = moves(&|s| {
        s.workload.template.pod_affinity = vec![db(ZONE)];
        s.neighbours.push(neighbour(0));
    });
    assert_eq!(own, (vec![0, 1], vec![0]));
    let anti = moves(&|s| {
        s.workload.template.pod_anti_affinity = vec![db(ZONE)];
        s.neighbours.push(neighbour(0));
    });
    assert_eq!(anti, (vec![2, 3], vec![1, 2, 3]));
    let theirs = moves(&|s| {
        s.neighbours.push(Neighbour { pod_anti_affinity: vec![web(ZONE)], ..neighbour(1) });
    });
    assert_eq!(theirs, (vec![2, 3], vec![0]), "the neighbour's own node has moved");
    let first = moves(&|s| {
        s.workload.template.pod_affinity = vec![web(ZONE)];
        s.nodes[1].later_labels = Some(super::labels(&[]));
    });
    assert_eq!(first, (vec![0, 1, 2, 3], vec![0, 2, 3]), "a node without the key");
}

/// S28 `cache.go` `UpdateSnapshot`: a snapshot leaves out nodes without an object, and with them their pods.
#[test]
fn pods_on_a_node_that_is_gone_keep_nobody_away_and_attract_nobody() {
    let gone = |bench: Bench| bench.with(&[0]).with_node(0, |node| node.with_exists(false));
    let there = |bench: Bench| bench.passes(Filter::InterPodAffinity)[1..].to_vec();
    assert_eq!(there(gone(anti_affinity(vec![web(ZONE)]))), [1, 2, 3]);
    let forbidding = Bench::new(|s| {
        s.neighbours.push(Neighbour { pod_anti_affinity: vec![web(ZONE)], ..neighbour(0) });
    });
    assert_eq!(there(gone(forbidding)), [1, 2, 3]);
    let wanted = Bench::new(|s| {
        s.workload.template.pod_affinity = vec![db(ZONE)];
        s.neighbours.push(neighbour(0));
    });
    assert!(gone(wanted).passes(Filter::InterPodAffinity).is_empty());
}

/// FLT-8: an existing pod counts only if it matches all terms.
#[test]
fn two_terms_are_not_met_by_two_pods() {
    let both = || vec![db(ZONE), web(ZONE)];
    assert!(affinity(both()).with(&[0]).passes(Filter::InterPodAffinity).is_empty());
    let same_label = vec![web(ZONE), web(HOST)];
    assert_eq!(affinity(same_label).with(&[0]).passes(Filter::InterPodAffinity), [0]);
}

/// FLT-9.
#[test]
fn the_first_pod_may_go_anywhere_if_it_matches_its_own_terms() {
    assert_eq!(affinity(vec![web(ZONE)]).passes(Filter::InterPodAffinity), [0, 1, 2, 3]);
    assert_eq!(affinity(vec![web(ZONE)]).with(&[3]).passes(Filter::InterPodAffinity), [2, 3]);
}

/// FLT-10.
#[test]
fn anti_affinity_keeps_a_pod_out_of_the_domain_of_a_pod_that_it_selects() {
    assert_eq!(anti_affinity(vec![web(HOST)]).with(&[0, 2]).passes(Filter::InterPodAffinity), [1, 3]);
    assert_eq!(anti_affinity(vec![web(ZONE)]).with(&[0]).passes(Filter::InterPodAffinity), [2, 3]);
    assert_eq!(
        anti_affinity(vec![db(ZONE)]).passes(Filter::InterPodAffinity),
        [2, 3],
        "of another workload too"
    );
    assert_eq!(
        anti_affinity(vec![db(HOST), web(HOST)]).with(&[2]).passes(Filter::InterPodAffinity),
        [0, 3],
        "each term"
    );
}

/// FLT-10.
#[test]
fn a_node_without_the_key_meets_every_anti_affinity() {
    let bench = Bench::new(|s| {
        s.workload.template.pod_anti_affinity = vec![web("rack")];
        s.nodes[0].labels.insert("rack".into(), "1".into());
    });
    assert_eq!(bench.with(&[0, 1]).passes(Filter::InterPodAffinity), [1, 2, 3]);
}

/// FLT-11.
#[test]
fn the_anti_affinity_of_a_pod_that_is_there_keeps_the_incoming_one_out() {
    let guarded = |topology_key: &str, namespace: &str| {
        let neighbour = Neighbour {
            namespace: namespace.into(),
            pod_anti_affinity: vec![web(topology_key)],
            ..neighbour(1)
        };
        Bench::new(|s| s.neighbours.push(neighbour)).passes(Filter::InterPodAffinity)
    };
    assert_eq!(guarded(HOST, "default"), [0, 2, 3]);
    assert_eq!(guarded(ZONE, "default"), [2, 3]);
    assert_eq!(guarded(ZONE, "other"), [0, 1, 2, 3], "its term speaks of its own namespace");
}

/// FLT-12.
#[test]
fn a_term_speaks_of_its_own_namespace_unless_it_names_others() {
    for (terms, passes) in [
        (db(HOST), &[0, 1, 2, 3][..]),
        (PodAffinityTerm { namespaces: vec!["other".into()], ..db(HOST) }, &[0, 2, 3]),
        (PodAffinityTerm { all_namespaces: true, ..db(HOST) }, &[0, 2, 3]),
    ] {
        let bench = Bench::new(|s| {
            s.workload.template.pod_anti_affinity = vec![terms.clone()];
            s.neighbours.push(Neighbour { namespace: "other".into(), ..neighbour(1) });
        });
        assert_eq!(bench.passes(Filter::InterPodAffinity), passes, "{terms:?}");
    }
}

/// FLT-13.
#[test]
fn a_deleting_pod_still_counts_for_affinity_and_anti_affinity() {
    assert_eq!(affinity(vec![web(HOST)]).with_pod(2, 0, true).passes(Filter::InterPodAffinity), [2]);
    assert_eq!(
        anti_affinity(vec![web(HOST)]).with_pod(2, 0, true).passes(Filter::InterPodAffinity),
        [0, 1, 3]
    );
}

/// FLT-14.
#[test]
fn with_match_label_keys_only_pods_of_the_same_revision_count() {
    let bench =
        || anti_affinity(vec![PodAffinityTerm { same_revision: true, ..web(HOST) }]).with_pod(0, 0, false);
    assert_eq!(bench().passes_for(0, Filter::InterPodAffinity), [1, 2, 3]);
    assert_eq!(bench().passes_for(1, Filter::InterPodAffinity), [0, 1, 2, 3]);
}
