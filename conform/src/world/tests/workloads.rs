//! Tests of which objects are workloads, and of what their manifests are made.

use podproof_vocabulary::scenario::{Strategy, WorkloadKind};
use serde_json::json;

use super::*;
use crate::world::Moment;

/// `Deployment/web`, its ReplicaSet `web-1` and a pod of it, created.
fn deployment() -> Vec<Entry> {
    vec![
        created(controller("Deployment", "web", 2)),
        created(owned(controller("ReplicaSet", "web-1", 2), "Deployment", "web")),
        created(owned(pod("web-1-a"), "ReplicaSet", "web-1")),
    ]
}

#[test]
fn the_pods_of_the_replica_sets_of_a_deployment_are_one_workload() {
    let mut entries = deployment();
    entries.push(created(owned(pod("web-1-b"), "ReplicaSet", "web-1")));
    let world = world(&entries);
    assert_eq!(names(&world), ["Deployment/web"]);
    let web = &world.workloads[0];
    assert_eq!((web.kind, &*web.uid, web.scenario.workload.replicas), (WorkloadKind::Deployment, "web", 2));
    assert_eq!(web.pods.iter().map(|uid| &**uid).collect::<Vec<_>>(), ["web-1-a", "web-1-b"]);
    assert_eq!(web.revisions[0].replica_set.as_deref(), Some("web-1"));
    assert!(world.not_modelled.is_empty() && web.controller.is_none());
}

#[test]
fn a_replica_set_without_its_deployment_is_a_workload() {
    let world = world(&deployment()[1..]);
    assert_eq!(names(&world), ["ReplicaSet/web-1"]);
    let web = &world.workloads[0];
    assert_eq!((web.pods.len(), web.controller.as_ref().map(|owner| &*owner.name)), (1, Some("web")));
    assert_eq!(web.scenario.workload.strategy, Strategy::Recreate);
    assert_eq!(world.not_modelled[0].what, "Deployment/web");
    assert!(world.not_modelled[0].why.contains("not in the log"));
}

#[test]
fn pods_of_other_controllers_are_workloads_of_their_own() {
    let again = |uid: &str| with(owned(pod("web-1"), "StatefulSet", "web"), "/metadata/uid", json!(uid));
    let gone = written(write(Verb::Delete, later(again("a"), 11)));
    let world = world(&[created(again("a")), gone, created(again("b")), created(pod("bare"))]);
    assert_eq!(names(&world), ["Pod/web-1", "Pod/web-1#2", "Pod/bare"]);
    let uids: Vec<_> = world.workloads.iter().map(|workload| &*workload.uid).collect();
    assert_eq!(uids, ["a", "b", "bare"]);
    assert_eq!(world.workloads[0].controller.as_ref().map(|owner| &*owner.kind), Some("StatefulSet"));
    assert_eq!(world.not_modelled.len(), 1);
    assert_eq!(world.not_modelled[0].what, "StatefulSet/web");
    assert_eq!(world.pod_names, BTreeSet::from(["bare".into(), "web-1".into()]));
}

#[test]
fn a_name_that_two_namespaces_have_is_told_apart() {
    let other = with(with(pod("web"), "/metadata/namespace", json!("other")), "/metadata/uid", json!("b"));
    assert_eq!(names(&world(&[created(pod("web")), created(other)])), ["Pod/shop/web", "Pod/other/web"]);
}

#[test]
fn the_pods_that_a_kubelet_runs_from_files_are_not_modelled() {
    let annotations = json!({"kubernetes.io/config.mirror": "x"});
    let mirror = with(owned(pod("etcd"), "Node", "a"), "/metadata/annotations", annotations);
    let world = world(&[created(mirror)]);
    assert!(world.workloads.is_empty());
    assert_eq!(world.not_modelled[0].what, "Pod/etcd");
    assert!(world.not_modelled[0].why.contains("from a file"));
}

#[test]
fn refused_writes_create_nothing() {
    let refused = Write { code: 403, ..write(Verb::Create, pod("a")) };
    assert!(world(&[written(refused)]).workloads.is_empty());
}

#[test]
fn objects_that_the_log_does_not_hold_are_counted() {
    let metadata = |name: &str| Write { object: None, ..write(Verb::Create, pod(name)) };
    let world = world(&[written(metadata("a")), written(metadata("b")), bound("a", "node-a")]);
    assert!(world.workloads.is_empty());
    assert_eq!(world.not_modelled[0].what, "2 objects that were created");
}

#[test]
fn what_the_model_cannot_hold_is_said() {
    let container = |number: usize| json!({"name": format!("c{number}"), "image": "x"});
    let containers: Vec<_> = (0..33).map(container).collect();
    let world = world(&[created(with(pod("large"), "/spec/containers", json!(containers)))]);
    assert!(world.workloads.is_empty());
    assert_eq!(world.not_modelled[0].what, "Pod/large");
    assert!(world.not_modelled[0].why.contains("33 containers"), "{:?}", world.not_modelled);
}

#[test]
fn fields_that_are_not_known_are_left_out_with_a_warning() {
    let given = with(with(pod("a"), "/spec/novelty", json!(true)), "/spec/containers/0/novelty", json!({}));
    let web = only(&[created(given)]);
    for field in ["spec.novelty", "spec.containers[0].novelty"] {
        assert!(says(&web.warnings, &format!("Pod/a: {field}:")), "{:?}", web.warnings);
    }
}

#[test]
fn what_the_api_server_sets_is_no_warning() {
    let defaults = json!({
        "schedulerName": "default-scheduler", "preemptionPolicy": "PreemptLowerPriority", "priority": 0,
        "dnsPolicy": "ClusterFirst", "enableServiceLinks": true, "serviceAccountName": "default",
        "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "securityContext": {},
        "volumes": [{"name": "kube-api-access-abc", "projected": {"sources": []}}],
        "containers": [{"name": "app", "image": "x", "resources": {}, "imagePullPolicy": "Always",
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            "volumeMounts": [{"name": "kube-api-access-abc", "mountPath": "/var/run/secrets"}]}],
    });
    let cluster_ip = json!({"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 80}],
        "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "ipFamilies": ["IPv4"], "type": "ClusterIP",
        "ipFamilyPolicy": "SingleStack", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"});
    let mut given = with(pod("a"), "/spec", defaults.clone());
    given["metadata"]["managedFields"] = json!([{"manager": "kubectl"}]);
    given["status"] = json!({"phase": "Pending", "qosClass": "BestEffort"});
    let mut set = controller("ReplicaSet", "set", 1);
    set["spec"]["template"]["spec"] = defaults;
    let entries =
        [created(node("node-a")), created(service("web", cluster_ip)), created(given), created(set)];
    let world = world(&entries);
    assert_eq!(names(&world), ["Pod/a", "ReplicaSet/set"]);
    for workload in &world.workloads {
        assert!(workload.warnings.is_empty(), "{:?}", workload.warnings);
        assert!(workload.service.is_some());
        assert!(!says(&workload.assumptions, "generated node"), "{:?}", workload.assumptions);
    }
}

#[test]
fn what_a_user_set_and_is_left_out_is_a_warning() {
    let web = only(&[created(with(pod("a"), "/spec/priority", json!(1000)))]);
    assert!(says(&web.warnings, "spec.priority is not represented"), "{:?}", web.warnings);
}

/// Admission adds tolerations, requests and whole containers to pods, and not to templates.
#[test]
fn the_pods_of_a_controller_are_as_they_were_created() {
    let mut entries = deployment();
    let mut given = owned(pod("web-1-b"), "ReplicaSet", "web-1");
    given["metadata"]["labels"]["pod-template-hash"] = json!("1");
    given["spec"]["containers"] = json!([{"name": "app", "image": "x"}, {"name": "proxy", "image": "y"}]);
    entries[2] = created(given);
    let template = only(&entries).scenario.workload.template;
    assert_eq!(template.containers.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["app", "proxy"]);
    assert_eq!(template.labels, [("app".to_owned(), "web".to_owned())].into());
    // Without a pod it is what the Deployment says.
    assert_eq!(only(&entries[..2]).scenario.workload.template.containers.len(), 1);
}

#[test]
fn a_node_is_named_by_the_creator_of_a_pod_alone() {
    let on_node = with(pod("a"), "/spec/nodeName", json!("node-a"));
    let node_of = |entries: &[Entry]| only(entries).scenario.workload.template.node_name;
    assert_eq!(node_of(&[created(on_node.clone())]).as_deref(), Some("node-a"));
    assert_eq!(node_of(&[listed(vec![on_node.clone()])]), None);
    let of_set = owned(later(on_node.clone(), 11), "ReplicaSet", "set");
    let mut set = controller("ReplicaSet", "set", 1);
    assert_eq!(node_of(&[created(set.clone()), updated(of_set.clone())]), None);
    set["spec"]["template"]["spec"]["nodeName"] = json!("node-a");
    assert_eq!(node_of(&[created(set), updated(of_set)]).as_deref(), Some("node-a"));
    // The manifest of the creation counts, also if another entry comes before it.
    let entries = [updated(later(on_node.clone(), 11)), created(on_node)];
    assert_eq!(node_of(&entries).as_deref(), Some("node-a"));
    assert!(only(&entries).existing.is_none());
}

#[test]
fn a_finalizer_that_somebody_removes_is_no_finalizer_of_the_model() {
    let held = with(pod("a"), "/metadata/finalizers", json!(["x/y"]));
    let lasting = only(&[created(held.clone())]);
    assert!(lasting.scenario.workload.template.finalizer && !says(&lasting.warnings, "finalizers"));
    let lost = only(&[created(held), updated(later(pod("a"), 11))]);
    assert!(!lost.scenario.workload.template.finalizer);
    assert!(says(&lost.warnings, "finalizers"), "{:?}", lost.warnings);
}

#[test]
fn a_pod_is_gone_with_its_last_deletion() {
    let graceful = with(later(pod("a"), 11), "/metadata/deletionGracePeriodSeconds", json!(30));
    let deleted = |whole: Value| written(write(Verb::Delete, whole));
    let gone = |entries: &[Entry]| only(entries).span.to.map(|at| at.0);
    assert_eq!(gone(&[created(pod("a")), deleted(graceful)]), None);
    assert_eq!(gone(&[created(pod("a")), removed("a")]), Some(1));
    let held = with(pod("a"), "/metadata/finalizers", json!(["x/y"]));
    let held_back = with(later(held.clone(), 11), "/metadata/deletionGracePeriodSeconds", json!(0));
    assert_eq!(gone(&[created(held), deleted(held_back)]), None);
    assert_eq!(gone(&[created(pod("a")), told(ChangeKind::Deleted, later(pod("a"), 12))]), Some(1));
    let no_object =
        |grace_seconds| written(Write { object: None, grace_seconds, ..write(Verb::Delete, pod("a")) });
    assert_eq!(gone(&[created(pod("a")), no_object(None)]), None);
    assert_eq!(gone(&[created(pod("a")), no_object(Some(0))]), Some(1));
    // What is seen late of a pod that is gone says nothing.
    let late = with(later(pod("a"), 98), "/metadata/labels", json!({}));
    let observed = only(&[created(pod("a")), no_object(Some(0)), updated(late)]);
    assert_eq!(observed.unfollowed, []);
}

#[test]
fn a_controller_is_gone_when_a_status_answers_its_deletion() {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
    let answer =
        Write { object: Some(object(status)), ..write(Verb::Delete, controller("Deployment", "web", 1)) };
    let web = only(&[created(controller("Deployment", "web", 1)), written(answer)]);
    assert_eq!(web.span.to.map(|at| at.0), Some(1));
}

#[test]
fn labels_that_change_are_said() {
    let web = only(&[created(pod("a")), updated(later(with(pod("a"), "/metadata/labels", json!({})), 11))]);
    assert_eq!(web.unfollowed, [(Moment(1), "what Pod/a has as labels".to_owned())]);
}

#[test]
fn the_release_is_the_logs_unless_it_is_given() {
    let agent = |name: &str| written(Write { agent: name.into(), ..write(Verb::Create, pod("a")) });
    let entries = [agent("kube-scheduler/v1.29.1 (linux/amd64)")];
    let shown = world(&entries);
    assert_eq!((shown.release.minor, shown.workloads[0].scenario.release.minor), (29, 29));
    assert!(shown.warnings.is_empty());
    let options = Options { release: Some(Release { minor: 25 }), manifests: Vec::new() };
    let given = world_with(&entries, &options);
    assert_eq!((given.release.minor, given.workloads[0].scenario.release.minor), (25, 25));
    assert!(world(&[created(pod("a"))]).warnings[0].contains("does not show the release"));
}
