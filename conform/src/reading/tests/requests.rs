//! What writes left behind of which only the request is in the log.

use serde_json::{Value, json};

use super::{audit, event, over};
use crate::record::{Facts, Object, PodFacts, Seen, Write};

/// A write of which the log has the request alone.
fn asked(verb: &str, resource: &str, name: &str, at: u64, request: Value, more: Value) -> Value {
    let mut event =
        event(verb, resource, name, (at, at + 5), json!({"level": "Request", "requestObject": request}));
    over(&mut event, more);
    event
}

fn of(subresource: &str) -> Value {
    json!({"objectRef": {"subresource": subresource}})
}

/// The writes of a log.
fn writes(events: &[Value]) -> Vec<Write> {
    let writes = audit(events).into_iter().filter_map(|entry| match entry.seen {
        Seen::Write(write) => Some(*write),
        _ => None,
    });
    writes.collect()
}

fn object(write: &Write) -> &Object {
    write.object.as_ref().expect("what it left is known")
}

fn facts(write: &Write) -> &PodFacts {
    match &object(write).facts {
        Facts::Pod(facts) => facts,
        facts => panic!("{facts:?} is no pod"),
    }
}

fn pod(name: Option<&str>) -> Value {
    let metadata = name.map_or(json!({"generateName": "web-5d-"}), |name| json!({"name": name}));
    json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {"terminationGracePeriodSeconds": 7}})
}

fn create(name: Option<&str>, at: u64) -> Value {
    asked("create", "pods", name.unwrap_or_default(), at, pod(name), json!({}))
}

fn bind(name: &str, uid: &str, at: u64) -> Value {
    let binding = json!({"kind": "Binding", "metadata": {"name": name, "uid": uid}, "target": {"kind": "Node", "name": "node-b"}});
    asked("create", "pods", name, at, binding, of("binding"))
}

fn ready(name: &str, at: u64) -> Value {
    let conditions = json!([{"type": "Ready", "status": "True"}]);
    let status = json!({"phase": "Running", "podIP": "10.0.0.1", "conditions": conditions});
    asked("patch", "pods", name, at, json!({"status": status, "spec": {"nodeName": "other"}}), of("status"))
}

fn delete(name: &str, at: u64, grace: Option<i64>) -> Value {
    let options = json!({"kind": "DeleteOptions", "gracePeriodSeconds": grace});
    asked("delete", "pods", name, at, options, json!({}))
}

#[test]
fn a_pod_is_what_its_requests_have_made_of_it() {
    let events = [
        create(Some("p"), 0),
        bind("p", "u-1", 10),
        ready("p", 20),
        delete("p", 30, None),
        delete("p", 40, Some(0)),
    ];
    let writes = writes(&events);
    let [created, bound, ready, deleting, gone] = &writes[..] else { panic!("five writes") };
    assert_eq!((&*object(created).uid, &*created.uid), ("u-1", "u-1"), "its binding tells");
    assert_eq!(object(created).whole["metadata"]["creationTimestamp"], "2026-11-22T07:37:00Z");
    assert!(bound.object.is_none(), "it is answered with a Status");
    let running = facts(ready);
    assert_eq!((running.node.as_deref(), &*running.phase, running.ready), (Some("node-b"), "Running", true));
    assert_eq!(running.ip.as_deref(), Some("10.0.0.1"));
    assert_eq!((facts(deleting).deleting, facts(deleting).deletion_grace_seconds), (true, Some(7)));
    assert_eq!((facts(gone).deleting, facts(gone).deletion_grace_seconds), (true, Some(0)));
    assert!(writes.iter().all(|write| write.resource_version.is_none()));
}

#[test]
fn who_was_never_bound_is_gone_at_once_and_the_next_of_its_name_is_another() {
    let events = [
        create(Some("p"), 0),
        bind("p", "u-1", 5),
        delete("p", 10, Some(0)),
        create(Some("p"), 20),
        delete("p", 25, Some(30)),
        create(Some("p"), 30),
        bind("p", "u-3", 40),
    ];
    let writes = writes(&events);
    let uids: Vec<&str> = writes.iter().map(|write| &*write.uid).collect();
    assert_eq!(uids[..3], ["u-1", "u-1", "u-1"]);
    assert_eq!(uids[5..], ["u-3", "u-3"]);
    assert_eq!(facts(&writes[4]).deletion_grace_seconds, Some(0), "no node has it (DEL-3)");
    assert_eq!(facts(&writes[5]).deletion_grace_seconds, None);
}

#[test]
fn a_deletion_of_what_is_being_deleted_shortens_its_time_or_does_nothing() {
    let events = [create(Some("p"), 0), bind("p", "u", 5)];
    let after = |deletions: &[Option<i64>]| {
        let mut events = events.to_vec();
        events.extend((1..).zip(deletions).map(|(number, grace)| delete("p", 10 * number, *grace)));
        facts(writes(&events).last().expect("a deletion")).deletion_grace_seconds
    };
    assert_eq!(after(&[None]), Some(7));
    assert_eq!(after(&[Some(3), None]), Some(3), "DEL-9");
    assert_eq!(after(&[None, Some(2)]), Some(2));
    assert_eq!(after(&[Some(2), Some(9)]), Some(2));
}

#[test]
fn generated_names_are_those_that_are_heard_of_next() {
    let other = bind("web-5d-zzzzz", "other", 0);
    let events = [
        other,
        create(None, 10),
        create(None, 12),
        bind("web-5d-bbbbb", "b", 20),
        bind("web-5d-ccccc", "c", 22),
    ];
    let names = |events: &[Value]| -> Vec<String> {
        let created = writes(events).into_iter().filter(|write| write.subresource.is_empty());
        created.map(|write| format!("{} {}", write.name, write.uid)).collect()
    };
    assert_eq!(names(&events), ["web-5d-bbbbb b", "web-5d-ccccc c"]);
    // One that was never bound comes first all the same, as the other was not there by then.
    let mut deletion = delete("web-5d-ccccc", 15, None);
    deletion["user"]["username"] = json!("somebody");
    let events = [create(None, 10), deletion, create(None, 20), bind("web-5d-bbbbb", "b", 30)];
    assert_eq!(names(&events), ["web-5d-ccccc ", "web-5d-ccccc ", "web-5d-bbbbb b"]);
    // Another prefix, and a name that nobody has made up.
    let events = [create(None, 10), bind("web-5d-b-bbbbb", "x", 20), bind("web-5d-AEIOU", "y", 22)];
    assert_eq!(names(&events), ["web-5d-?1 "]);
}

#[test]
fn a_pod_that_asks_for_its_node_has_the_name_that_is_bound_to_it() {
    let mut pinned = pod(None);
    let field = json!([{"key": "metadata.name", "operator": "In", "values": ["node-b"]}]);
    let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": field}]}}});
    pinned["spec"]["affinity"] = affinity;
    let mut elsewhere = bind("web-5d-bbbbb", "b", 20);
    elsewhere["requestObject"]["target"]["name"] = json!("node-a");
    let events =
        [asked("create", "pods", "", 10, pinned, json!({})), elsewhere, bind("web-5d-ccccc", "c", 22)];
    assert_eq!(&*writes(&events)[0].name, "web-5d-ccccc");
}

fn deployment(spec: Value, generation: u64) -> Value {
    json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", "uid": "d", "generation": generation}, "spec": spec})
}

#[test]
fn a_deployment_is_as_its_controller_writes_it_back() {
    let group = json!({"objectRef": {"apiGroup": "apps"}});
    let by_controller = || {
        let mut more =
            json!({"user": {"username": "system:serviceaccount:kube-system:deployment-controller"}});
        over(&mut more, group.clone());
        over(&mut more, of("status"));
        more
    };
    let of = |verb, at, request, more| asked(verb, "deployments", "web", at, request, more);
    let full = |image: &str| json!({"replicas": 1, "template": {"spec": {"containers": [{"name": "a", "image": image, "x": 1}]}}});
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "v2"}]}}}});
    let events = [
        of(
            "create",
            0,
            json!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "v1"}]}}}}),
            group.clone(),
        ),
        of("update", 10, deployment(full("v1"), 1), by_controller()),
        of("patch", 20, patch, group.clone()),
        of("update", 30, deployment(full("v2"), 2), by_controller()),
        of("patch", 40, json!({"spec": {"paused": true}}), group.clone()),
    ];
    let writes = writes(&events);
    assert_eq!(object(&writes[0]).whole["spec"], full("v1"));
    assert_eq!(&*object(&writes[0]).uid, "d");
    assert_eq!(object(&writes[2]).whole["spec"], full("v2"));
    assert_eq!(object(&writes[3]).whole["spec"], full("v2"));
    assert!(writes[4].object.is_none(), "nobody writes it back");
}

/// It was scaled and had another template before its controller wrote anything of it.
#[test]
fn a_deployment_is_as_it_was_asked_for_before_it_was_changed() {
    let group = json!({"objectRef": {"apiGroup": "apps"}});
    let by_controller = |more: Value| {
        let user = "system:serviceaccount:kube-system:deployment-controller";
        let mut all = json!({"user": {"username": user}, "objectRef": {"apiGroup": "apps"}});
        over(&mut all, more);
        all
    };
    let template = |image: &str, labels: Value| {
        let containers = json!([{"name": "a", "image": image, "imagePullPolicy": "IfNotPresent"}]);
        json!({"metadata": {"labels": labels}, "spec": {"containers": containers}})
    };
    let asked_for = json!({
        "replicas": 2,
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "v1"}]}},
    });
    let set = json!({
        "kind": "ReplicaSet",
        "metadata": {"name": "web-5d", "ownerReferences": [{"kind": "Deployment", "name": "web", "uid": "d"}]},
        "spec": {"replicas": 2, "template": template("v1", json!({"app": "web", "pod-template-hash": "5d"}))},
    });
    let written = json!({"replicas": 3, "paused": false, "template": template("v2", json!({"app": "web"}))});
    let of_web = |verb, at, request, more| asked(verb, "deployments", "web", at, request, more);
    let created = json!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": asked_for});
    let changed = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "v2"}]}}}});
    let scale = json!({"kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 3}});
    let events = [
        of_web("create", 0, created, group.clone()),
        asked("create", "replicasets", "web-5d", 10, set, by_controller(json!({}))),
        of_web("update", 20, scale, json!({"objectRef": {"apiGroup": "apps", "subresource": "scale"}})),
        of_web("patch", 30, changed, group),
        of_web("update", 40, deployment(written, 3), by_controller(of("status"))),
    ];
    let writes = writes(&events);
    let first = &object(&writes[0]).whole["spec"];
    assert_eq!(first["template"], template("v1", json!({"app": "web"})));
    assert_eq!((&first["replicas"], &first["paused"]), (&json!(2), &json!(false)));
    assert_eq!(object(&writes[3]).whole["spec"]["template"], template("v2", json!({"app": "web"})));
}

#[test]
fn of_what_the_log_never_shows_whole_nothing_is_made_up_but_a_part_of_a_node() {
    let status = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    let of_pod = ready("old", 0);
    let of_node = asked("patch", "nodes", "node-a", 5, status, of("status"));
    let writes = writes(&[of_pod, of_node]);
    assert!(writes[0].object.is_none());
    let Facts::Node(facts) = &object(&writes[1]).facts else { panic!("a node") };
    assert_eq!(facts.ready.as_deref(), Some("False"));
    assert!(object(&writes[1]).uid.is_empty());
}

#[test]
fn what_is_scaled_is_answered_with_its_scale() {
    let scale = json!({"kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 4}});
    let more = json!({"objectRef": {"apiGroup": "apps", "subresource": "scale"}});
    let writes = writes(&[asked("update", "deployments", "web", 0, scale, more)]);
    assert_eq!(object(&writes[0]).whole["spec"]["replicas"], 4);
    assert!(matches!(&object(&writes[0]).facts, Facts::Other(kind) if &**kind == "Scale"));
}

#[test]
fn nothing_is_made_of_what_is_no_object() {
    let odd = [
        json!(null),
        json!([]),
        json!({"spec": "x"}),
        json!({"spec": []}),
        json!({"spec": {"tolerations": 1}}),
    ];
    let resources =
        [("pods", ""), ("nodes", ""), ("deployments", "apps"), ("endpointslices", "discovery.k8s.io")];
    for (resource, group) in resources {
        for request in &odd {
            let mut events = Vec::new();
            let verbs = [
                ("create", ""),
                ("patch", ""),
                ("update", ""),
                ("create", "binding"),
                ("patch", "status"),
                ("update", "status"),
                ("update", "scale"),
                ("create", "eviction"),
                ("delete", ""),
            ];
            for (at, (verb, subresource)) in (0..).zip(verbs) {
                let more = json!({"objectRef": {"apiGroup": group, "subresource": subresource}});
                events.push(asked(verb, resource, "x", 10 * at, request.clone(), more));
            }
            assert_eq!(writes(&events).len(), events.len(), "{resource} {request}");
        }
    }
}
