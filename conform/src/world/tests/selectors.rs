//! Tests of the Services and budgets of a workload.

use podproof_vocabulary::scenario::{BudgetAsk, IntOrPercent};
use serde_json::json;

use super::*;
use crate::world::Moment;

#[test]
fn a_workload_has_the_service_and_the_budget_that_select_it() {
    let wants = json!({"minAvailable": 1, "selector": {"matchExpressions": [
        {"key": "app", "operator": "In", "values": ["web", "db"]}, {"key": "old", "operator": "DoesNotExist"}]}});
    let other = service("db", json!({"selector": {"app": "db"}, "ports": [{"port": 80}]}));
    let elsewhere = with(web_service(), "/metadata/namespace", json!("elsewhere"));
    let elsewhere = with(with(elsewhere, "/metadata/uid", json!("x")), "/metadata/name", json!("aaa"));
    let observed = only(&[
        created(web_service()),
        created(other),
        created(budget(wants)),
        created(elsewhere),
        created(pod("a")),
    ]);
    assert_eq!(observed.service.as_ref().map(|service| &*service.name), Some("web"));
    assert_eq!(observed.scenario.service.as_ref().map(|service| service.name.as_str()), Some("web"));
    assert_eq!(observed.budgets[0].span.from, Moment(2));
    assert!(!says(&observed.warnings, "left out"), "{:?}", observed.warnings);
    assert_eq!(observed.scenario.budgets[0].ask, BudgetAsk::MinAvailable(IntOrPercent::Int(1)));
}

#[test]
fn budgets_are_not_scaled() {
    let wants = json!({"minAvailable": 40, "selector": {"matchLabels": {"app": "web"}}});
    let observed = only(&[created(budget(wants)), created(controller("ReplicaSet", "set", 50))]);
    assert_eq!(observed.scenario.budgets[0].ask, BudgetAsk::MinAvailable(IntOrPercent::Int(40)));
}

#[test]
fn an_empty_selector_selects_nothing_in_the_old_version() {
    let wants = || budget(json!({"minAvailable": 1, "selector": {}}));
    assert_eq!(only(&[created(wants()), created(pod("a"))]).budgets.len(), 1);
    let old = with(wants(), "/apiVersion", json!("policy/v1beta1"));
    assert_eq!(only(&[created(old), created(pod("a"))]).budgets.len(), 0);
    let old = json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}});
    let old = with(budget(old), "/apiVersion", json!("policy/v1beta1"));
    let observed = only(&[created(old), created(pod("a"))]);
    assert!(observed.budgets.len() == 1 && !says(&observed.warnings, "v1beta1"), "{:?}", observed.warnings);
}

#[test]
fn services_of_several_kinds_are_several_worlds() {
    let public = service(
        "public",
        json!({"selector": {"app": "web"}, "ports": [{"port": 80}], "publishNotReadyAddresses": true}),
    );
    let twin = service("twin", json!({"selector": {"app": "web"}, "ports": [{"port": 80}]}));
    let world = world(&[created(web_service()), created(public), created(twin), created(pod("a"))]);
    assert_eq!(names(&world), ["Pod/a behind Service/public", "Pod/a behind Service/twin"]);
    assert_eq!(world.workloads[1].service.as_ref().map(|service| &*service.name), Some("twin"));
    assert!(says(&world.workloads[1].assumptions, "Service/twin stands for Service/web too"));
}

#[test]
fn a_service_that_cannot_be_read_is_left_out() {
    let broken = service("web", json!({"selector": {"app": "web"}, "ports": [{"port": 0}]}));
    let observed = only(&[created(broken), created(pod("a"))]);
    assert!(observed.service.is_none());
    assert!(
        says(&observed.warnings, "Service/web: spec.ports[0].port: is 0; left out"),
        "{:?}",
        observed.warnings
    );
}

#[test]
fn a_service_that_was_there_at_another_time_is_none() {
    let gone = written(write(Verb::Delete, web_service()));
    assert!(only(&[created(web_service()), gone, created(pod("a"))]).service.is_none());
    let observed = only(&[created(pod("a")), created(web_service())]);
    assert_eq!(observed.service.map(|service| service.span.from), Some(Moment(1)));
    // Of two that had one name, the first.
    let gone = written(write(Verb::Delete, web_service()));
    let again = with(web_service(), "/metadata/uid", json!("again"));
    let observed = only(&[created(pod("a")), created(web_service()), gone, created(again)]);
    assert_eq!(observed.service.map(|service| service.span.to), Some(Some(Moment(2))));
}

#[test]
fn a_service_that_changes_is_said() {
    let changed = with(web_service(), "/spec/publishNotReadyAddresses", json!(true));
    let observed = only(&[created(web_service()), created(pod("a")), updated(changed)]);
    assert_eq!(observed.unfollowed, [(Moment(2), "the spec of Service/web".to_owned())]);
    assert_eq!(observed.scenario.service.map(|service| service.publish_not_ready_addresses), Some(false));
}

fn slice(uids: &[&str]) -> Value {
    let endpoints: Vec<_> = uids.iter().map(|uid| json!({"targetRef": {"uid": uid}})).collect();
    let labels = json!({"kubernetes.io/service-name": "web"});
    let metadata = json!({"name": "web-x", "namespace": "shop", "uid": "slice", "labels": labels});
    let ports = json!([{"name": "", "port": 8080, "protocol": "TCP"}]);
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, "endpoints": endpoints, "ports": ports})
}

#[test]
fn a_service_of_before_the_log_is_known_by_its_slices() {
    let mut given = pod("a");
    given["metadata"]["labels"]["pod-template-hash"] = json!("x");
    given["spec"]["containers"] = json!([
        {"name": "side", "image": "x"},
        {"name": "app", "image": "x", "ports": [{"containerPort": 8080}]}]);
    let world = world(&[created(given), created(pod("b")), updated(slice(&[])), updated(slice(&["a"]))]);
    let (a, b) = (&world.workloads[0], &world.workloads[1]);
    assert_eq!(
        a.service.as_ref().map(|service| (&*service.name, service.span.from)),
        Some(("web", Moment(0)))
    );
    assert_eq!(a.scenario.workload.template.serving, 1);
    assert!(says(&a.warnings, "only its EndpointSlices"), "{:?}", a.warnings);
    assert!(b.service.is_none());
}

#[test]
fn a_service_of_the_log_is_not_what_its_slices_say() {
    for entries in [
        [created(web_service()), created(slice(&[])), created(pod("a"))],
        [listed(vec![slice(&["b"])]), listed(vec![web_service()]), created(pod("a"))],
    ] {
        let observed = only(&entries);
        assert!(observed.service.is_some() && !says(&observed.warnings, "EndpointSlices"));
    }
}
