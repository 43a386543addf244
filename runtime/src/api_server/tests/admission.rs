//! Defaults and admission at creation.

use k8s_openapi::api::core::v1::{
    Affinity, ContainerPort, Node, PodAffinityTerm, PodAntiAffinity, PodStatus, Toleration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use podproof_vocabulary::Release;

use super::{Bench, pod};
use crate::api::constants::phase_of;
use crate::api::{ApiError, Request};

#[test]
fn a_new_pod_is_pending_whatever_its_maker_says() {
    let mut bench = Bench::new();
    let mut eager = pod("web", None);
    eager.status = Some(PodStatus {
        phase: Some("Running".to_owned()),
        pod_ip: Some("10.0.0.1".to_owned()),
        ..PodStatus::default()
    });
    let created = bench.create(eager);
    assert_eq!(phase_of(&created), "Pending", "API-9");
    assert_eq!(created.status.and_then(|status| status.pod_ip), None);
}

#[test]
fn tolerations_for_sick_nodes_last_300_seconds_unless_the_pod_has_its_own() {
    let seconds = |own: Option<Toleration>| {
        let mut bench = Bench::new();
        let mut with = pod("web", None);
        with.spec.as_mut().expect("it has one").tolerations = own.map(|own| vec![own]);
        let tolerations = bench.create(with).spec.and_then(|spec| spec.tolerations).unwrap_or_default();
        tolerations.into_iter().map(|toleration| toleration.toleration_seconds).collect::<Vec<_>>()
    };
    assert_eq!(seconds(None), [Some(300), Some(300)], "TEC-6");
    let own = Toleration {
        key: Some("node.kubernetes.io/unreachable".to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        toleration_seconds: Some(5),
        ..Toleration::default()
    };
    assert_eq!(seconds(Some(own.clone())), [Some(5), Some(300)], "TEC-6");
    let elsewhere = Toleration { effect: Some("NoSchedule".to_owned()), ..own };
    assert_eq!(seconds(Some(elsewhere)).len(), 3, "a toleration of another effect is none");
    let all = Toleration { operator: Some("Exists".to_owned()), ..Toleration::default() };
    assert_eq!(seconds(Some(all)), [None], "it tolerates everything already");
}

#[test]
fn a_new_node_is_tainted_until_it_was_seen_ready() {
    let mut bench = Bench::new();
    let mut node = Node::default();
    node.metadata.name = Some("node-0".to_owned());
    let taints = bench.create(node).spec.and_then(|spec| spec.taints).unwrap_or_default();
    assert_eq!(taints.len(), 1);
    assert_eq!((&*taints[0].key, &*taints[0].effect), ("node.kubernetes.io/not-ready", "NoSchedule"));
}

#[test]
fn ports_of_a_pod_on_the_hosts_network_are_the_hosts() {
    let port = |host_network| {
        let mut bench = Bench::new();
        let mut with = pod("web", None);
        let spec = with.spec.as_mut().expect("it has one");
        spec.host_network = Some(host_network);
        spec.containers[0].ports =
            Some(vec![ContainerPort { container_port: 80, ..ContainerPort::default() }]);
        let mut spec = bench.create(with).spec.expect("it has one");
        spec.containers.remove(0).ports.expect("it has one").remove(0)
    };
    assert_eq!(port(true).host_port, Some(80), "FLT-4");
    assert_eq!(port(false).host_port, None);
    assert_eq!(port(false).protocol.as_deref(), Some("TCP"));
}

#[test]
fn match_label_keys_become_part_of_the_selector() {
    let requirements = |release| {
        let mut bench = Bench::at(release);
        let mut with = pod("web", None);
        let term = PodAffinityTerm {
            label_selector: Some(LabelSelector::default()),
            match_label_keys: Some(vec!["app".to_owned(), "absent".to_owned()]),
            topology_key: "zone".to_owned(),
            ..PodAffinityTerm::default()
        };
        with.spec.as_mut().expect("it has one").affinity = Some(Affinity {
            pod_anti_affinity: Some(PodAntiAffinity {
                required_during_scheduling_ignored_during_execution: Some(vec![term]),
                ..PodAntiAffinity::default()
            }),
            ..Affinity::default()
        });
        let affinity =
            bench.create(with).spec.and_then(|spec| spec.affinity).and_then(|a| a.pod_anti_affinity);
        let terms = affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution);
        let selector = terms.and_then(|mut terms| terms.remove(0).label_selector).expect("it has one");
        selector.match_expressions.unwrap_or_default()
    };
    let merged = requirements(Release::NEWEST);
    assert_eq!(merged.len(), 1, "FLT-14: a key that the pod has not is left out");
    assert_eq!((&*merged[0].key, &*merged[0].operator), ("app", "In"));
    assert!(requirements(Release { minor: 30 }).is_empty());
}

#[test]
fn a_generated_name_is_new_and_a_nameless_object_is_refused() {
    let mut bench = Bench::new();
    let mut first = pod("", None);
    assert_eq!(bench.call(&Request::Create(first.clone().into())), Err(ApiError::Invalid));
    first.metadata.generate_name = Some("web-".to_owned());
    let names = [(); 2].map(|()| bench.create(first.clone()).metadata.name.expect("it has one"));
    assert!(names.iter().all(|name| name.starts_with("web-") && name.len() == 9));
    assert_ne!(names[0], names[1]);
}
