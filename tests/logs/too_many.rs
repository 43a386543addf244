//! Workloads that are larger than a state of the model: where that is so nothing is sure, and the limit is the reason.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, judge};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// An audit log that is written by hand.
#[derive(Default)]
struct Audit {
    lines: Vec<String>,
}

const ADMIN: &str = "rig-admin";
const DEPLOYMENTS: &str = "system:serviceaccount:kube-system:deployment-controller";
const REPLICA_SETS: &str = "system:serviceaccount:kube-system:replicaset-controller";
const SCHEDULER: &str = "system:kube-scheduler";

impl Audit {
    /// A request, 20 ms after the one before.
    fn add(&mut self, user: &str, verb: &str, (resource, subresource): (&str, &str), mut object: Value) {
        let number = i64::try_from(self.lines.len()).expect("few lines");
        let at = |micros: i64| {
            let at = 1_795_334_574_000_000 + number * 20_000 + micros;
            format!("{:.6}", jiff::Timestamp::from_microsecond(at).expect("a time"))
        };
        object["metadata"]["resourceVersion"] = json!((100 + number).to_string());
        object["metadata"]["namespace"] = json!("shop");
        let (name, asked) = (object["metadata"]["name"].clone(), object.clone());
        let is_binding = subresource == "binding";
        let answer = if is_binding { json!({"kind": "Status", "status": "Success"}) } else { object };
        let event = json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "stage": "ResponseComplete",
            "auditID": format!("number {number}"), "verb": verb, "user": {"username": user},
            "objectRef": {"resource": resource, "subresource": subresource, "namespace": "shop", "name": name,
                "apiGroup": if resource == "pods" { "" } else { "apps" }},
            "responseStatus": {"code": if verb == "create" { 201 } else { 200 }},
            "requestObject": asked, "responseObject": answer,
            "requestReceivedTimestamp": at(0), "stageTimestamp": at(5_000),
        });
        self.lines.push(event.to_string());
    }

    fn deployment(&mut self, verb: &str, replicas: u32, template: usize) {
        let object = json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", "uid": "web"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": pods(template)}});
        self.add(ADMIN, verb, ("deployments", ""), object);
    }

    fn set_of_deployment(&mut self, replicas: u32, template: usize) {
        let name = format!("web-{template}");
        let owner = json!([{"kind": "Deployment", "name": "web", "uid": "web", "controller": true}]);
        let annotations = json!({"deployment.kubernetes.io/desired-replicas": replicas.to_string()});
        let object = json!({"kind": "ReplicaSet", "apiVersion": "apps/v1",
            "metadata": {"name": name, "uid": name, "ownerReferences": owner, "annotations": annotations},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": pods(template)}});
        self.add(DEPLOYMENTS, "create", ("replicasets", ""), object);
    }

    fn bare_set(&mut self, replicas: u32) {
        let object = json!({"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": {"name": "web", "uid": "web"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": pods(0)}});
        self.add(ADMIN, "create", ("replicasets", ""), object);
    }

    /// The ReplicaSet controller makes a pod of a ReplicaSet.
    fn pod(&mut self, set: &str, number: usize) {
        let name = format!("{set}-{number:03}");
        let mut object = pods(0);
        object["kind"] = json!("Pod");
        object["apiVersion"] = json!("v1");
        object["status"] = json!({"phase": "Pending"});
        let owner = json!([{"kind": "ReplicaSet", "name": set, "uid": set, "controller": true}]);
        object["metadata"] = json!({"name": name, "uid": name, "labels": object["metadata"]["labels"],
            "generateName": format!("{set}-"), "ownerReferences": owner});
        self.add(REPLICA_SETS, "create", ("pods", ""), object);
    }

    fn bind(&mut self, set: &str, number: usize, node: &str) {
        let name = format!("{set}-{number:03}");
        let target = json!({"kind": "Node", "name": node});
        let object =
            json!({"kind": "Binding", "apiVersion": "v1", "metadata": {"name": name}, "target": target});
        self.add(SCHEDULER, "create", ("pods", "binding"), object);
    }

    fn said(self) -> (Verdict, String) {
        let report = judge(&Files::from([(AUDIT.to_owned(), self.lines)]), MOST);
        assert!(report.followed.iter().any(|followed| followed.name.ends_with("/web")), "it is followed");
        let why = report.first_unexplained().map(|found| found.why.clone());
        let left_out = report.tally.left_out.iter().map(|(_, why)| why.clone());
        (report.verdict(), why.into_iter().chain(left_out).collect::<Vec<_>>().join("; "))
    }
}

/// A template of pods, by its number.
fn pods(number: usize) -> Value {
    let container = json!({"name": "app", "image": format!("app:{number}")});
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}})
}

/// The verdict is `incomplete`, and this is the reason.
fn is_too_large(audit: Audit, reason: &str) {
    let (verdict, why) = audit.said();
    assert_eq!(verdict, Verdict::Incomplete, "{why}");
    assert!(why.contains(reason), "{why}");
}

/// A ReplicaSet whose pods come to so many nodes, each to one of its own.
fn spread_over(nodes: usize) -> Audit {
    let mut audit = Audit::default();
    audit.bare_set(u32::try_from(nodes).expect("few nodes"));
    for number in 0..nodes {
        audit.pod("web", number);
        audit.bind("web", number, &format!("node-{number:03}"));
    }
    audit
}

#[test]
fn pods_on_more_nodes_than_a_state_holds_leave_doubt() {
    is_too_large(spread_over(61), "more than the 60 nodes that a state holds");
}

/// A Deployment of so many replicas, of which one has been created.
fn of_replicas(replicas: u32) -> Audit {
    let mut audit = Audit::default();
    audit.deployment("create", replicas, 0);
    audit.set_of_deployment(replicas, 0);
    audit.pod("web-0", 0);
    audit
}

#[test]
fn a_deployment_has_as_many_replicas_as_it_says() {
    for replicas in [100, 150, 255] {
        assert_eq!(of_replicas(replicas).said(), (Verdict::Lawful, String::new()), "{replicas}");
    }
    is_too_large(of_replicas(256), "256 replicas are more than the 255 that a state holds");
}

#[test]
fn a_replica_set_of_another_size_is_found_out() {
    let mut audit = Audit::default();
    audit.deployment("create", 150, 0);
    audit.set_of_deployment(149, 0);
    audit.pod("web-0", 0);
    assert_eq!(audit.said().0, Verdict::Unexplained);
}

/// A Deployment whose template changes so many times.
fn of_templates(changes: usize) -> Audit {
    let mut audit = Audit::default();
    audit.deployment("create", 0, 0);
    audit.set_of_deployment(0, 0);
    for template in 1..=changes {
        audit.deployment("update", 0, template);
        audit.set_of_deployment(0, template);
    }
    audit
}

#[test]
fn more_templates_than_a_state_holds_leave_doubt() {
    assert_eq!(of_templates(59).said(), (Verdict::Lawful, String::new()));
    is_too_large(of_templates(60), "more than the 59 changes of its template that a state holds");
}

/// A ReplicaSet that has so many pods at once.
fn of_pods(pods: usize) -> Audit {
    let mut audit = Audit::default();
    audit.bare_set(255);
    (0..pods).for_each(|number| audit.pod("web", number));
    audit
}

#[test]
fn more_pods_than_a_state_holds_leave_doubt() {
    is_too_large(of_pods(251), "the 250 pods that a state holds");
}
