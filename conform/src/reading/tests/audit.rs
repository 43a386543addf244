//! What an event of an audit log says.

use serde_json::{Value, json};

use super::{audit, entries, event, lines, only, only_write, pod, read, told, word};
use crate::record::{Facts, Seen, Verb};

/// An event of a resource that is in a group.
fn of_group(resource: &str, group: &str) -> Value {
    event("create", resource, "x", (0, 5), json!({"objectRef": {"apiGroup": group}}))
}

#[test]
fn a_write_has_its_user_its_answer_and_its_times() {
    let entry = only(pod("patch", "p", 7, (10, 30), json!({"objectRef": {"subresource": "status"}})));
    assert_eq!((entry.from, entry.to, entry.place.line), (super::at(10), super::at(30), 1));
    let Seen::Write(write) = entry.seen else { panic!("a write") };
    assert_eq!(
        (&*write.user, &*write.agent, write.verb),
        ("system:node:node-a", "kubelet/v1.20.2", Verb::Patch)
    );
    assert_eq!(
        (&*write.resource, &*write.subresource, &*write.namespace, &*write.name),
        ("pods", "status", "s", "p")
    );
    assert_eq!((write.code, write.resource_version), (200, Some(7)));
    assert!(matches!(write.object.expect("it was answered with one").facts, Facts::Pod(_)));
}

#[test]
fn only_the_whole_answer_counts() {
    let stages = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];
    let events = stages.map(|stage| pod("update", stage, 7, (0, 5), json!({ "stage": stage })));
    assert_eq!(told(&audit(&events)), ["ResponseComplete@7", "Panic!500"]);
}

#[test]
fn what_reads_is_no_write() {
    for verb in ["get", "list", "watch"] {
        assert_eq!(word(&only(event(verb, "pods", "p", (0, 5), json!({})))), "reads");
    }
}

#[test]
fn what_the_model_does_not_speak_of_has_the_name_of_its_resource() {
    let of_core = |resource| event("create", resource, "x", (0, 5), json!({}));
    for resource in ["events", "endpoints", "secrets", "configmaps"] {
        assert_eq!(word(&only(of_core(resource))), resource);
    }
    assert_eq!(word(&only(of_group("controllerrevisions", "apps"))), "controllerrevisions");
    assert_eq!(
        word(&only(event("create", "", "", (0, 5), json!({"objectRef": null})))),
        "requests of no resource"
    );
}

#[test]
fn each_resource_that_matters_is_a_write() {
    let written = [
        ("pods", ""),
        ("nodes", ""),
        ("namespaces", ""),
        ("services", ""),
        ("deployments", "apps"),
        ("replicasets", "apps"),
        ("statefulsets", "apps"),
        ("daemonsets", "apps"),
        ("jobs", "batch"),
        ("endpointslices", "discovery.k8s.io"),
        ("poddisruptionbudgets", "policy"),
    ];
    for (resource, group) in written {
        assert_eq!(&*only_write(of_group(resource, group)).resource, resource);
    }
}

#[test]
fn another_groups_resource_of_the_same_name_is_another() {
    assert_eq!(word(&only(of_group("services", "serving.knative.dev"))), "services.serving.knative.dev");
    assert_eq!(word(&only(of_group("pods", "metrics.k8s.io"))), "pods.metrics.k8s.io");
}

#[test]
fn what_opens_a_connection_or_tries_out_is_no_write() {
    let exec = event("create", "pods", "p", (0, 5), json!({"objectRef": {"subresource": "exec"}}));
    assert_eq!(word(&only(exec)), "pods/exec");
    let dry =
        pod("create", "p", 7, (0, 5), json!({"requestURI": "/api/v1/namespaces/s/pods?x=y&dryRun=All"}));
    assert_eq!(word(&only(dry)), "dry runs");
    let dry = json!({"dryRun": ["All"]});
    let deletion = pod("delete", "p", 7, (0, 5), json!({ "requestObject": dry }));
    assert_eq!(word(&only(deletion)), "dry runs");
    let more = json!({"objectRef": {"subresource": "eviction"}, "requestObject": {"deleteOptions": dry}});
    assert_eq!(word(&only(event("create", "pods", "p", (0, 5), more))), "dry runs");
    let wet = pod("delete", "p", 7, (0, 5), json!({"requestObject": {"dryRun": []}}));
    assert_eq!(told(&[only(wet)]), ["p@7"]);
}

#[test]
fn the_deletion_of_a_collection_is_that_of_each_object() {
    let item = |name: &str| json!({"metadata": {"name": name, "namespace": "s", "uid": name}});
    let more = json!({
        "auditID": "x",
        "requestObject": {"gracePeriodSeconds": 3},
        "responseObject": {"kind": "PodList", "items": [item("p"), item("q")]},
    });
    let entries = audit(&[event("deletecollection", "pods", "", (0, 5), more.clone())]);
    let writes: Vec<_> = entries
        .iter()
        .filter_map(|entry| match &entry.seen {
            Seen::Write(write) => Some((&*write.name, &*write.uid, write.verb, write.grace_seconds)),
            _ => None,
        })
        .collect();
    assert_eq!(writes, [("p", "p", Verb::Delete, Some(3)), ("q", "q", Verb::Delete, Some(3))]);
    // Nobody knows of what it is that nothing is answered to.
    let mut bare = event("deletecollection", "pods", "", (0, 5), more);
    bare["responseObject"] = json!({"kind": "Status"});
    assert_eq!(only_write(bare).verb, Verb::DeleteCollection);
}

#[test]
fn a_kubelet_that_renews_its_lease_is_alive() {
    let lease = |namespace: &str, user: &str, code: u16| {
        let reference = json!({"namespace": namespace, "apiGroup": "coordination.k8s.io"});
        let more =
            json!({"objectRef": reference, "user": {"username": user}, "responseStatus": {"code": code}});
        event("update", "leases", "node-a", (0, 5), more)
    };
    let events = [
        lease("kube-node-lease", "system:node:node-a", 200),
        lease("kube-node-lease", "system:node:node-a", 500),
        lease("kube-node-lease", "system:kube-controller-manager", 200),
        lease("kube-system", "system:node:node-a", 200),
    ];
    assert_eq!(told(&audit(&events)), ["renewal of node-a", "leases", "leases", "leases"]);
    let mut others = [events[0].clone(), events[0].clone()];
    others[0]["verb"] = json!("get");
    others[1]["verb"] = json!("delete");
    assert_eq!(told(&audit(&others)), ["reads", "leases"]);
}

#[test]
fn a_log_without_objects_gives_writes_without_them() {
    let write = only_write(event("update", "pods", "p", (0, 5), json!({"level": "Metadata"})));
    assert!(write.object.is_none() && write.resource_version.is_none());
    assert_eq!((&*write.name, write.code), ("p", 200));
}

#[test]
fn a_creation_without_its_answer_is_what_was_asked_for() {
    let asked = |name: &str, code: u16| {
        let object = json!({"kind": "Pod", "metadata": {"name": name, "resourceVersion": "3"}, "spec": {"nodeName": "n"}});
        let more = json!({"requestObject": object, "responseStatus": {"code": code}});
        only_write(event("create", "pods", "", (0, 5), more))
    };
    let created = asked("p", 201);
    assert_eq!(&*created.name, "p");
    let Facts::Pod(facts) = created.object.expect("the one that was asked for").facts else {
        panic!("a pod")
    };
    assert_eq!(facts.node.as_deref(), Some("n"));
    // What was asked for has no version of its own.
    assert_eq!(created.resource_version, None);
    // The API server makes up the name.
    assert_eq!(&*asked("", 201).name, "");
    assert!(asked("p", 409).object.is_none());
}

#[test]
fn a_patch_or_an_update_that_makes_an_object_is_a_creation() {
    let verb = |verb: &str, code: u16, subresource: &str| {
        let more = json!({"responseStatus": {"code": code}, "objectRef": {"subresource": subresource}});
        only_write(pod(verb, "p", 7, (0, 5), more)).verb
    };
    for asked in ["patch", "update"] {
        assert_eq!(verb(asked, 201, ""), Verb::Create);
        assert_ne!(verb(asked, 200, ""), Verb::Create);
        assert_ne!(verb(asked, 201, "status"), Verb::Create);
    }
}

#[test]
fn a_json_patch_is_read_over() {
    let operations = json!([{"op": "test"}, {"op": "add"}, {"op": "remove"}, {"op": "add", "path": "/spec/x", "value": 1}]);
    let write = only_write(pod("patch", "p", 7, (0, 5), json!({"requestObject": operations})));
    assert_eq!((write.resource_version, write.asked_version), (Some(7), None));
}

#[test]
fn a_generated_name_is_the_one_of_the_answer() {
    let write = only_write(pod("create", "web-x2mbb", 7, (0, 5), json!({"objectRef": {"name": ""}})));
    assert_eq!(&*write.name, "web-x2mbb");
}

#[test]
fn a_status_is_no_object() {
    let status =
        json!({"kind": "Status", "metadata": {"resourceVersion": "4"}, "status": "Success", "code": 201});
    let write = only_write(event("delete", "services", "web", (0, 5), json!({"responseObject": status})));
    assert!(write.object.is_none() && write.resource_version.is_none());
    let refused = json!({"responseStatus": {"code": 409}});
    let write = only_write(pod("update", "p", 4, (0, 5), refused));
    assert!(write.object.is_none() && write.resource_version.is_none());
    assert_eq!(write.code, 409);
}

#[test]
fn a_binding_has_its_target() {
    let binding =
        json!({"kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "node-b"}});
    let more = json!({"objectRef": {"subresource": "binding"}, "requestObject": binding});
    let write = only_write(event("create", "pods", "p", (0, 5), more));
    assert_eq!(write.target.as_deref(), Some("node-b"));
    assert!(write.object.is_none());
}

#[test]
fn a_deletion_has_its_grace_wherever_it_stands() {
    let delete = |more: Value| only_write(event("delete", "pods", "p", (0, 5), more)).grace_seconds;
    assert_eq!(delete(json!({})), None);
    assert_eq!(delete(json!({"requestObject": {"kind": "DeleteOptions", "gracePeriodSeconds": 0}})), Some(0));
    assert_eq!(delete(json!({"requestURI": "/api/v1/namespaces/s/pods/p?gracePeriodSeconds=7"})), Some(7));
    let eviction =
        json!({"kind": "Eviction", "metadata": {"name": "p"}, "deleteOptions": {"gracePeriodSeconds": 5}});
    let more = json!({"objectRef": {"subresource": "eviction"}, "requestObject": eviction});
    assert_eq!(only_write(event("create", "pods", "p", (0, 5), more)).grace_seconds, Some(5));
}

#[test]
fn a_scale_is_what_it_is() {
    let scale = json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "web", "resourceVersion": "9"}});
    let more = json!({"objectRef": {"apiGroup": "apps", "subresource": "scale"}, "responseObject": scale});
    let write = only_write(event("update", "deployments", "web", (0, 5), more));
    assert_eq!((&*write.subresource, write.resource_version), ("scale", Some(9)));
    let facts = write.object.expect("it was answered with one").facts;
    assert!(matches!(facts, Facts::Other(kind) if &*kind == "Scale"));
}

#[test]
fn a_list_of_events_is_each_of_them() {
    let items = [pod("create", "p", 7, (0, 5), json!({})), pod("create", "q", 8, (1, 6), json!({}))];
    let list = json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items});
    assert_eq!(told(&audit(&[list])), ["p@7", "q@8"]);
}

#[test]
fn a_line_without_a_time_is_a_problem() {
    for (times, says) in [
        (json!({"requestReceivedTimestamp": null, "stageTimestamp": null}), "there is neither"),
        (
            json!({"requestReceivedTimestamp": "yesterday"}),
            "`requestReceivedTimestamp` is \"yesterday\", which is no time",
        ),
        (
            json!({"stageTimestamp": "2026-13-01T00:00:00Z"}),
            "`stageTimestamp` is \"2026-13-01T00:00:00Z\", which is no time",
        ),
    ] {
        let lines = lines(&[pod("create", "p", 7, (0, 5), json!({})), pod("create", "q", 8, (0, 5), times)]);
        let problem = read(&[("audit.jsonl", &lines)]).into_iter().find_map(Result::err).expect("a problem");
        assert_eq!((problem.line, problem.accepted.as_str()), (2, "times as in RFC 3339"));
        assert!(problem.says.starts_with(says), "{problem}");
    }
    // A clock that was set back.
    let entry = only(pod("create", "q", 8, (5, 3), json!({})));
    assert_eq!((entry.from, entry.to), (super::at(3), super::at(5)));
    // One of the two is enough.
    let half = pod("create", "q", 8, (3, 5), json!({"requestReceivedTimestamp": null}));
    let entry = &entries(&[("audit.jsonl", &lines(&[half]))])[0];
    assert_eq!((entry.from, entry.to), (super::at(5), super::at(5)));
}

#[test]
fn a_line_of_another_kind_is_a_problem() {
    let lines = lines(&[pod("create", "p", 7, (0, 5), json!({})), json!({"kind": "Policy"})]);
    let problem = read(&[("audit.jsonl", &lines)]).into_iter().find_map(Result::err).expect("a problem");
    assert!(
        problem.to_string().contains("audit.jsonl:2: `kind` is \"Policy\"; accepted: an event"),
        "{problem}"
    );
}
