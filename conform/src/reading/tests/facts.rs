//! What matters of an object.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::reading::facts::object;
use crate::reading::names::Names;
use crate::reading::template::made_of;
use crate::record::{
    BudgetFacts, ContainerFacts, ContainerStateSeen, DeploymentFacts, EndpointFacts, Facts, NodeFacts,
    Object, Owner, PodFacts, ReplicaSetFacts, SliceFacts,
};

fn read(whole: Value) -> Object {
    object(whole, None, &mut Names::default())
}

fn facts(whole: Value) -> Facts {
    read(whole).facts
}

#[test]
fn an_object_has_its_name_its_labels_and_its_controller() {
    let whole = json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": "web-1", "namespace": "s", "uid": "u1", "labels": {"app": "web"},
            "ownerReferences": [
                {"kind": "Other", "name": "o", "uid": "u0"},
                {"kind": "ReplicaSet", "name": "web", "uid": "u2", "controller": true},
            ],
        },
    });
    let object = read(whole.clone());
    assert_eq!((&*object.namespace, &*object.name, &*object.uid), ("s", "web-1", "u1"));
    assert_eq!(*object.labels, BTreeMap::from([("app".to_owned(), "web".to_owned())]));
    assert_eq!(object.owner, Some(Owner { kind: "ReplicaSet".into(), name: "web".into(), uid: "u2".into() }));
    assert_eq!(*object.whole, whole);
}

#[test]
fn a_pod() {
    let whole = json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": "p", "deletionTimestamp": "2026-11-22T07:38:00Z", "deletionGracePeriodSeconds": 10,
            "finalizers": ["example.com/keep"],
        },
        "spec": {"nodeName": "node-b"},
        "status": {
            "phase": "Running", "podIP": "10.244.2.17", "podIPs": [{"ip": "10.244.2.17"}, {"ip": "fd00::17"}],
            "conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "True"}],
            "initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 3}}, "ready": true}],
            "containerStatuses": [
                {"name": "app", "state": {"running": {"startedAt": "2026-11-22T07:37:33Z"}}, "ready": true, "restartCount": 2},
                {"name": "helper", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "ready": false},
            ],
        },
    });
    let container = |name: &str, init, state, ready, restarts| ContainerFacts {
        name: name.into(),
        init,
        state,
        ready,
        restarts,
    };
    let expected = PodFacts {
        node: Some("node-b".into()),
        phase: "Running".into(),
        ready: true,
        ip: Some("10.244.2.17".into()),
        more_ips: vec!["fd00::17".into()],
        deleting: true,
        deletion_grace_seconds: Some(10),
        finalizers: true,
        containers: vec![
            container("init", true, ContainerStateSeen::Terminated(3), true, 0),
            container("app", false, ContainerStateSeen::Running, true, 2),
            container("helper", false, ContainerStateSeen::Waiting("CrashLoopBackOff".into()), false, 0),
        ],
    };
    assert!(matches!(facts(whole), Facts::Pod(pod) if pod == expected));
}

#[test]
fn a_pod_that_has_only_just_been_created() {
    let expected = PodFacts { phase: "Pending".into(), ..PodFacts::default() };
    let unready = json!({"conditions": [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "True"}]});
    for status in [Value::Null, json!({}), unready] {
        let whole =
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"finalizers": []}, "status": status});
        assert!(matches!(facts(whole), Facts::Pod(pod) if pod == expected));
    }
}

#[test]
fn a_node() {
    let whole = json!({
        "kind": "Node", "apiVersion": "v1", "metadata": {"name": "node-a"},
        "spec": {"unschedulable": true, "taints": [{"key": "k", "value": "v", "effect": "NoExecute"}, {"key": "l", "effect": "NoSchedule"}]},
        "status": {"conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "Unknown"}]},
    });
    let taint = |key: &str, value: &str, effect: &str| (key.into(), value.into(), effect.into());
    let expected = NodeFacts {
        ready: Some("Unknown".into()),
        unschedulable: true,
        taints: vec![taint("k", "v", "NoExecute"), taint("l", "", "NoSchedule")],
    };
    assert!(matches!(facts(whole), Facts::Node(node) if node == expected));
    let new = json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "node-a"}});
    assert!(matches!(facts(new), Facts::Node(node) if node == NodeFacts::default()));
}

#[test]
fn a_deployment() {
    let deployment = |spec: Value, status: Value| match facts(
        json!({"kind": "Deployment", "apiVersion": "apps/v1", "spec": spec, "status": status}),
    ) {
        Facts::Deployment(deployment) => deployment,
        facts => panic!("{facts:?}"),
    };
    let progressing = |status: &str, reason: &str| json!({"conditions": [{"type": "Progressing", "status": status, "reason": reason}]});
    let exceeded = progressing("False", "ProgressDeadlineExceeded");
    let found = deployment(json!({"replicas": 0, "paused": true, "template": {}}), exceeded);
    let (template, pods) = (found.template, made_of(&Value::Null));
    assert_eq!(found, DeploymentFacts { replicas: 0, template, pods, paused: true, deadline_exceeded: true });
    let found = deployment(json!({"template": {}}), progressing("False", "ReplicaSetCreateError"));
    assert_eq!(
        found,
        DeploymentFacts { replicas: 1, template, pods, paused: false, deadline_exceeded: false }
    );
    assert!(!deployment(json!({}), progressing("True", "NewReplicaSetAvailable")).deadline_exceeded);
}

#[test]
fn a_template_is_one_number_that_differs_when_it_does() {
    let number = |template: &str| {
        let template: Value = serde_json::from_str(template).expect("it is JSON");
        match facts(json!({"kind": "Deployment", "apiVersion": "apps/v1", "spec": {"template": template}})) {
            Facts::Deployment(deployment) => deployment.template,
            facts => panic!("{facts:?}"),
        }
    };
    let first = number(
        r#"{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","ports":[8080]}]}}"#,
    );
    let same = number(
        r#"{"spec":{"containers":[{"ports":[8080],"name":"app"}]},"metadata":{"creationTimestamp":null,"labels":{"app":"web"}}}"#,
    );
    // The same on every machine and in every release.
    assert_eq!((first, same), (2_398_072_619_793_433_162, first));
    let others = [
        r#"{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","ports":[8081]}]}}"#,
        r#"{"metadata":{"labels":{"app":"web2"}},"spec":{"containers":[{"name":"app","ports":[8080]}]}}"#,
        r#"{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","ports":["8080"]}]}}"#,
        r#"{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app"},{"ports":[8080]}]}}"#,
    ];
    assert!(others.iter().all(|other| number(other) != first));
}

#[test]
fn a_pod_is_made_of_its_labels_and_images() {
    let pod = |label: &str, image: &str| {
        let containers = json!([{"name": "app", "image": image, "terminationMessagePath": "/dev/log"}]);
        json!({"metadata": {"name": "web-1", "labels": {"app": label}}, "spec": {"containers": containers}})
    };
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "v1"}]}});
    assert_eq!(made_of(&pod("web", "v1")), made_of(&template), "all else may be set by the API server");
    assert_ne!(made_of(&pod("db", "v1")), made_of(&template));
    assert_ne!(made_of(&pod("web", "v2")), made_of(&template));
}

#[test]
fn a_replica_set() {
    let whole = json!({
        "kind": "ReplicaSet", "apiVersion": "apps/v1",
        "metadata": {"annotations": {"deployment.kubernetes.io/desired-replicas": "2"}},
        "spec": {"replicas": 3}, "status": {"replicas": 3, "availableReplicas": 1},
    });
    let expected =
        ReplicaSetFacts { replicas: 3, pods: made_of(&Value::Null), available: 1, desired: Some(2) };
    assert!(matches!(facts(whole), Facts::ReplicaSet(set) if set == expected));
    let bare = json!({"kind": "ReplicaSet", "apiVersion": "apps/v1"});
    let expected = ReplicaSetFacts { replicas: 1, pods: made_of(&Value::Null), available: 0, desired: None };
    assert!(matches!(facts(bare), Facts::ReplicaSet(set) if set == expected));
}

#[test]
fn an_endpoint_slice_of_both_versions() {
    let target = json!({"kind": "Pod", "name": "web-1", "uid": "u1"});
    for (version, family) in [("discovery.k8s.io/v1", "IPv4"), ("discovery.k8s.io/v1beta1", "IPv6")] {
        let whole = json!({
            "kind": "EndpointSlice", "apiVersion": version, "addressType": family,
            "metadata": {"labels": {"kubernetes.io/service-name": "web"}},
            "endpoints": [
                {"addresses": ["10.244.2.17", "10.244.2.18"], "targetRef": target,
                 "conditions": {"ready": false, "serving": true, "terminating": true}},
                {"addresses": ["10.244.2.19"], "conditions": {}, "targetRef": {"kind": "Node", "name": "node-a"}},
                {"addresses": ["10.244.2.20"], "conditions": {"ready": false}, "nodeName": "node-b",
                 "topology": {"kubernetes.io/hostname": "node-c"}},
                {"addresses": ["10.244.2.21"], "conditions": {"ready": false},
                 "topology": {"kubernetes.io/hostname": "node-c"}},
            ],
            "ports": [{"name": "", "port": 8080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}, {"port": null}],
        });
        let endpoint =
            |address: &str, pod: Option<&str>, [ready, serving, terminating]: [bool; 3]| EndpointFacts {
                address: address.into(),
                pod: pod.map(Into::into),
                ready,
                serving,
                terminating,
                ..EndpointFacts::default()
            };
        let first = endpoint("10.244.2.17", Some("web-1"), [false, true, true]);
        let third = endpoint("10.244.2.20", None, [false, false, false]);
        let fourth = endpoint("10.244.2.21", None, [false, false, false]);
        let expected = SliceFacts {
            service: "web".into(),
            family: family.into(),
            endpoints: vec![
                EndpointFacts { uid: Some("u1".into()), more_addresses: 1, ..first },
                endpoint("10.244.2.19", None, [true, true, false]),
                EndpointFacts { node: Some("node-b".into()), ..third },
                EndpointFacts { node: Some("node-c".into()), ..fourth },
            ],
            ports: BTreeSet::from([(53, "UDP".into()), (8080, "TCP".into())]),
        };
        assert!(matches!(facts(whole), Facts::EndpointSlice(slice) if slice == expected));
    }
    // The API server of 1.20 writes a slice without endpoints so.
    let empty = json!({"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1beta1", "endpoints": null});
    assert!(matches!(facts(empty), Facts::EndpointSlice(slice) if slice == SliceFacts::default()));
}

#[test]
fn a_budget_of_both_versions() {
    for version in ["policy/v1", "policy/v1beta1"] {
        let whole = json!({
            "kind": "PodDisruptionBudget", "apiVersion": version,
            "status": {
                "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 3, "expectedPods": 4,
                "disruptedPods": {"b": "2026-11-22T07:38:00Z", "a": "2026-11-22T07:38:00Z"},
            },
        });
        let expected =
            BudgetFacts { allowed: 1, healthy: 2, desired: 3, disrupted: vec!["a".into(), "b".into()] };
        assert!(matches!(facts(whole), Facts::PodDisruptionBudget(budget) if budget == expected));
    }
}

#[test]
fn a_kind_is_of_its_group() {
    let other = |kind: &str, version: &str| matches!(facts(json!({"kind": kind, "apiVersion": version})), Facts::Other(other) if &*other == kind);
    assert!(matches!(facts(json!({"kind": "Service", "apiVersion": "v1"})), Facts::Service));
    assert!(matches!(
        facts(json!({"kind": "Deployment", "apiVersion": "extensions/v1beta1"})),
        Facts::Deployment(_)
    ));
    assert!(other("Service", "serving.knative.dev/v1"));
    assert!(other("Deployment", "example.com/v1"));
    assert!(other("Endpoints", "v1"));
}

#[test]
fn fields_of_another_type_are_as_if_missing() {
    let wrong = json!({"a": [1, "b"]});
    for kind in [
        "Pod v1",
        "Node v1",
        "Deployment apps/v1",
        "ReplicaSet apps/v1",
        "EndpointSlice discovery.k8s.io/v1",
        "PodDisruptionBudget policy/v1",
    ] {
        let (kind, version) = kind.split_once(' ').expect("a kind and a version");
        for value in [wrong.clone(), json!("text"), json!(-1), json!([[], {}, 1])] {
            let field = |value: &Value| json!({"conditions": value, "containerStatuses": value, "replicas": value, "endpoints": value});
            let whole = json!({"kind": kind, "apiVersion": version, "metadata": value, "spec": field(&value), "status": field(&value), "endpoints": value});
            assert!(!matches!(facts(whole), Facts::Other(_)));
        }
    }
    let huge = json!({"kind": "ReplicaSet", "apiVersion": "apps/v1", "spec": {"replicas": 1_u64 << 40}, "status": {"availableReplicas": -3}});
    let expected =
        ReplicaSetFacts { replicas: u32::MAX, pods: made_of(&Value::Null), available: 0, desired: None };
    assert!(matches!(facts(huge), Facts::ReplicaSet(set) if set == expected));
}
