//! Affinity and anti-affinity between pods: FLT-8 to FLT-13.

use k8s_openapi::api::core::v1::{Affinity, Node, Pod, PodAffinity, PodAffinityTerm, PodAntiAffinity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{feasible, feasible_with, labels, node, on, pod, rejected_by, selector, with};
use crate::scheduler::filter::Plugin;
use crate::slip::{Slip, Slips};

fn term(app: &str, key: &str) -> PodAffinityTerm {
    PodAffinityTerm {
        label_selector: Some(selector(&[("app", app)])),
        topology_key: key.to_owned(),
        ..PodAffinityTerm::default()
    }
}

fn attracted(name: &str, terms: Vec<PodAffinityTerm>) -> Pod {
    with(pod(name), |spec| {
        spec.affinity.get_or_insert_default().pod_affinity = Some(PodAffinity {
            required_during_scheduling_ignored_during_execution: Some(terms),
            ..PodAffinity::default()
        });
    })
}

fn repelled(name: &str, terms: Vec<PodAffinityTerm>) -> Pod {
    with(pod(name), |spec| {
        spec.affinity = Some(Affinity {
            pod_anti_affinity: Some(PodAntiAffinity {
                required_during_scheduling_ignored_during_execution: Some(terms),
                ..PodAntiAffinity::default()
            }),
            ..Affinity::default()
        });
    })
}

fn labelled(mut pod: Pod, app: &str) -> Pod {
    pod.metadata.labels = Some(labels(&[("app", app)]));
    pod
}

/// Two nodes in zone x, one in zone y, one without a zone.
fn nodes() -> [Node; 4] {
    [
        node("x1", &[("zone", "x"), ("host", "x1")]),
        node("x2", &[("zone", "x"), ("host", "x2")]),
        node("y1", &[("zone", "y"), ("host", "y1")]),
        node("none", &[("host", "none")]),
    ]
}

fn names(found: Result<Vec<String>, crate::scheduler::filter::Plugins>) -> Vec<String> {
    found.expect("some node passes")
}

#[test]
fn affinity_wants_a_matching_pod_in_the_domain() {
    let db = on(labelled(pod("db"), "db"), "x1");
    let web = attracted("web", vec![term("db", "zone")]);
    assert_eq!(names(feasible(&nodes(), std::slice::from_ref(&db), &web)), ["x1", "x2"], "FLT-8");
    rejected_by(&nodes(), &[], &web, Plugin::InterPodAffinity);
}

#[test]
fn one_pod_must_match_all_terms() {
    let web = attracted("web", vec![term("db", "zone"), term("cache", "zone")]);
    let pods = [on(labelled(pod("db"), "db"), "x1"), on(labelled(pod("cache"), "cache"), "x2")];
    rejected_by(&nodes(), &pods, &web, Plugin::InterPodAffinity);
}

#[test]
fn the_first_of_a_group_that_wants_itself_may_start() {
    let web = attracted("web", vec![term("web", "zone")]);
    assert_eq!(names(feasible(&nodes(), &[], &web)), ["x1", "x2", "y1"], "FLT-9: where the key is");
    let other = on(pod("other"), "y1");
    assert_eq!(names(feasible(&nodes(), &[other], &web)), ["y1"], "FLT-9: it is no longer the first");
}

#[test]
fn anti_affinity_keeps_out_of_the_domain_of_matching_pods() {
    let other = on(pod("other"), "x1");
    let by_zone = repelled("web", vec![term("web", "zone")]);
    assert_eq!(names(feasible(&nodes(), std::slice::from_ref(&other), &by_zone)), ["none", "y1"], "FLT-10");
    let by_host = repelled("web", vec![term("web", "host")]);
    assert_eq!(names(feasible(&nodes(), &[other], &by_host)), ["none", "x2", "y1"], "FLT-10");
}

#[test]
fn a_pod_is_kept_away_by_those_that_do_not_want_it() {
    let hermit = on(repelled("hermit", vec![term("web", "zone")]), "x1");
    let pods = [hermit];
    assert_eq!(names(feasible(&nodes(), &pods, &pod("web"))), ["none", "y1"], "FLT-11");
    assert_eq!(names(feasible(&nodes(), &pods, &labelled(pod("db"), "db"))).len(), 4);
    let slip = Slips::only(Slip::SymmetricAntiAffinityIgnored);
    assert_eq!(names(feasible_with(&nodes(), &pods, &pod("web"), slip)).len(), 4);
}

#[test]
fn a_term_speaks_of_its_own_namespace_unless_it_says_otherwise() {
    let mut elsewhere = on(labelled(pod("db"), "db"), "x1");
    elsewhere.metadata.namespace = Some("data".to_owned());
    let pods = [elsewhere];
    let with_term = |change: fn(&mut PodAffinityTerm)| {
        let mut term = term("db", "zone");
        change(&mut term);
        feasible(&nodes(), &pods, &attracted("web", vec![term])).is_ok()
    };
    assert!(!with_term(|_| {}), "FLT-12");
    assert!(with_term(|term| term.namespaces = Some(vec!["data".to_owned()])), "FLT-12");
    assert!(with_term(|term| term.namespace_selector = Some(LabelSelector::default())), "FLT-12: all");
    assert!(with_term(|term| {
        term.namespace_selector = Some(selector(&[("kubernetes.io/metadata.name", "data")]));
    }));
    assert!(!with_term(|term| term.namespaces = Some(vec!["other".to_owned()])), "FLT-12");
}

#[test]
fn pods_that_are_being_deleted_still_count() {
    let mut leaving = on(pod("leaving"), "x1");
    leaving.metadata.deletion_timestamp = Some(crate::clock::Moment(0).to_time());
    let web = repelled("web", vec![term("web", "zone")]);
    assert_eq!(names(feasible(&nodes(), &[leaving], &web)), ["none", "y1"], "FLT-13");
}
