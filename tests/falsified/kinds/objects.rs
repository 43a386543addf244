//! Lies about what an object looks like after a write that has nothing to do with it.

use serde_json::json;

use super::Kind;
use crate::edit::SECOND;
use crate::life::{lives, other};
use crate::line::{Line, Micros, text};
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "report-hides-the-deletion",
        tells: "a report shows a pod that is not deleted, after its deletion",
        shows: "that report",
        by_the_api: true,
        falsify: report_hides_the_deletion,
    },
    Kind {
        name: "report-shows-a-deletion",
        tells: "a report shows a pod that is deleted, before its deletion",
        shows: "that report",
        by_the_api: true,
        falsify: report_shows_a_deletion,
    },
    Kind {
        name: "report-shows-another-node",
        tells: "a report shows a pod on another node than it was bound to",
        shows: "that report",
        by_the_api: true,
        falsify: report_shows_another_node,
    },
    Kind {
        name: "report-shows-another-restart-policy",
        tells: "a report shows a pod with another restartPolicy than it was created with",
        shows: "that report",
        by_the_api: true,
        falsify: report_shows_another_restart_policy,
    },
    Kind {
        name: "report-shows-one-container-less",
        tells: "a report shows a pod without its first container",
        shows: "that report",
        by_the_api: true,
        falsify: report_shows_one_container_less,
    },
    Kind {
        name: "report-answered-with-another-pod",
        tells: "a report is answered with a pod of another name",
        shows: "that report",
        by_the_api: true,
        falsify: report_answered_with_another_pod,
    },
    Kind {
        name: "replica-set-lives-on-after-its-removal",
        tells: "a ReplicaSet is removed when it has just been created, and its status is written all the same",
        shows: "the next write of its status",
        by_the_api: true,
        falsify: replica_set_lives_on_after_its_removal,
    },
    Kind {
        name: "deployment-status-shows-other-replicas",
        tells: "a write of a Deployment's status changes its replicas",
        shows: "that status",
        by_the_api: true,
        falsify: deployment_status_shows_other_replicas,
    },
    Kind {
        name: "deployment-status-shows-another-template",
        tells: "a write of a Deployment's status changes its template",
        shows: "that status",
        by_the_api: true,
        falsify: deployment_status_shows_another_template,
    },
    Kind {
        name: "replica-set-status-shows-other-replicas",
        tells: "a write of a ReplicaSet's status changes its replicas",
        shows: "that status",
        by_the_api: true,
        falsify: replica_set_status_shows_other_replicas,
    },
    Kind {
        name: "deadline-exceeded-at-once",
        tells: "a Deployment's deadline of minutes is exceeded after a moment",
        shows: "that status",
        by_the_api: true,
        falsify: deadline_exceeded_at_once,
    },
    Kind {
        name: "created-in-a-namespace-that-ends",
        tells: "a namespace is deleted, and six seconds later something is created in it",
        shows: "that creation",
        by_the_api: true,
        falsify: created_in_a_namespace_that_ends,
    },
];

/// The report that a pod is Ready.
fn ready(recording: &Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| life.ready(recording))
}

fn report_shows_another_restart_policy(recording: &mut Recording) -> Option<usize> {
    let report = ready(recording)?;
    recording.change(report, |line| {
        let is_never = line.text("/responseObject/spec/restartPolicy") == "Never";
        line.set("/responseObject/spec/restartPolicy", if is_never { "Always" } else { "Never" });
    });
    Some(report)
}

fn report_shows_one_container_less(recording: &mut Recording) -> Option<usize> {
    let report = ready(recording)?;
    recording.change(report, |line| {
        if let Some(containers) = line.value.pointer_mut("/responseObject/spec/containers") {
            containers.as_array_mut().expect("a list").remove(0);
        }
    });
    Some(report)
}

fn report_answered_with_another_pod(recording: &mut Recording) -> Option<usize> {
    let report = ready(recording)?;
    recording.change(report, |line| line.set("/responseObject/metadata/name", "another"));
    Some(report)
}

/// The removal is a hundredth of a second after the creation, and clocks may differ by two tenths.
const FOUND_AFTER: Micros = SECOND * 21 / 100;

/// Who removes it is answered with a Status, as it is gone at once.
fn replica_set_lives_on_after_its_removal(recording: &mut Recording) -> Option<usize> {
    let created = recording.audit().find(|line| line.is("create", "replicasets"))?;
    let (id, uid, at) = (created.id, created.uid().to_owned(), created.at());
    let is_next = |line: &&Line| {
        line.is("update", "replicasets/status") && line.uid() == uid && line.received() > at + FOUND_AFTER
    };
    let next = recording.audit().find(is_next)?.id;
    let name = created.name().to_owned();
    recording.add_like(id, |line| {
        line.set("/auditID", format!("{}-removal", line.text("/auditID")));
        line.set("/verb", "delete");
        line.set("/objectRef/name", name.as_str());
        line.set("/user", json!({"username": "rig-admin", "groups": ["system:masters"]}));
        line.set("/requestObject", json!({"kind": "DeleteOptions", "propagationPolicy": "Background"}));
        line.set("/responseObject", json!({"kind": "Status", "status": "Success", "details": {"uid": uid}}));
        line.set("/responseStatus/code", 200);
        line.happens(at + SECOND / 100);
    });
    Some(next)
}

/// A report after the deletion shows a pod that is not deleted.
fn report_hides_the_deletion(recording: &mut Recording) -> Option<usize> {
    let report = lives(recording).into_iter().find_map(|life| {
        let asked = recording.line(life.asked?).at();
        life.report(recording, |line| line.received() > asked)
    })?;
    recording.change(report, |line| {
        let metadata =
            line.value.pointer_mut("/responseObject/metadata").and_then(|field| field.as_object_mut());
        let metadata = metadata.expect("the metadata of a pod");
        metadata.remove("deletionTimestamp");
        metadata.remove("deletionGracePeriodSeconds");
    });
    Some(report)
}

fn report_shows_a_deletion(recording: &mut Recording) -> Option<usize> {
    let report = lives(recording).into_iter().find_map(|life| life.ready(recording))?;
    recording.change(report, |line| {
        let at = text(line.received() + 10 * SECOND);
        line.set("/responseObject/metadata/deletionTimestamp", at);
        line.set("/responseObject/metadata/deletionGracePeriodSeconds", 10);
    });
    Some(report)
}

fn report_shows_another_node(recording: &mut Recording) -> Option<usize> {
    let life = lives(recording).into_iter().find(|life| life.ready(recording).is_some())?;
    let report = life.ready(recording)?;
    recording.change(report, |line| line.set("/responseObject/spec/nodeName", other(&life.node)));
    Some(report)
}

fn status_shows_other_replicas(recording: &mut Recording, resource: &str) -> Option<usize> {
    let is_it = |line: &&Line| line.is("update", resource) && line.version() != 0;
    let status = recording.audit().filter(is_it).nth(2)?.id;
    recording.change(status, |line| {
        let replicas = line.number("/responseObject/spec/replicas") + 1;
        line.set("/responseObject/spec/replicas", replicas);
    });
    Some(status)
}

fn deployment_status_shows_other_replicas(recording: &mut Recording) -> Option<usize> {
    status_shows_other_replicas(recording, "deployments/status")
}

fn replica_set_status_shows_other_replicas(recording: &mut Recording) -> Option<usize> {
    status_shows_other_replicas(recording, "replicasets/status")
}

/// The template changes in a write of the status.
fn deployment_status_shows_another_template(recording: &mut Recording) -> Option<usize> {
    let is_it = |line: &&Line| line.is("update", "deployments/status") && line.version() != 0;
    let status = recording.audit().filter(is_it).nth(2)?.id;
    recording.change(status, |line| {
        line.set("/responseObject/spec/template/metadata/annotations", json!({"restarted": "now"}));
    });
    Some(status)
}

/// The deadline of a roll-out that has just begun has run out.
fn deadline_exceeded_at_once(recording: &mut Recording) -> Option<usize> {
    let is_it = |line: &&Line| line.is("update", "deployments/status") && line.version() != 0;
    let status = recording.audit().filter(is_it).nth(2)?.id;
    recording.change(status, |line| {
        let condition = json!([{
            "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"
        }]);
        line.set("/responseObject/status/conditions", condition);
    });
    Some(status)
}

/// The first creation that no other comes just before, long after the log began. Any other is within five seconds, by which clocks may differ.
fn created_in_a_namespace_that_ends(recording: &mut Recording) -> Option<usize> {
    let is_creation = |line: &&Line| {
        let resource = line.text("/objectRef/resource");
        ["pods", "replicasets", "deployments", "services", "endpointslices", "poddisruptionbudgets"]
            .contains(&resource)
            && line.is("create", resource)
    };
    let began = recording.audit().map(Line::received).min()?;
    let creations: Vec<&Line> = recording.audit().filter(is_creation).collect();
    let is_alone = |line: &&&Line| {
        let before = |other: &&Line| {
            (line.received() - SECOND..line.received()).contains(&other.received()) && other.id != line.id
        };
        line.received() - 6 * SECOND > began && !creations.iter().any(before)
    };
    let created = creations.iter().find(is_alone)?;
    let (id, namespace) = (created.id, created.text("/objectRef/namespace").to_owned());
    let at = created.received() - 6 * SECOND;
    let version = recording.version_at(at);
    recording.add_like(id, |line| {
        line.set("/auditID", format!("{}-namespace", line.text("/auditID")));
        line.set("/verb", "delete");
        line.set(
            "/objectRef",
            json!({"resource": "namespaces", "namespace": namespace, "name": namespace, "apiVersion": "v1"}),
        );
        line.set("/requestURI", format!("/api/v1/namespaces/{namespace}"));
        line.set("/user", json!({"username": "rig-admin", "groups": ["system:masters"]}));
        line.set("/requestObject", json!({"kind": "DeleteOptions", "propagationPolicy": "Background"}));
        let metadata =
            json!({"name": namespace, "resourceVersion": version.to_string(), "deletionTimestamp": text(at)});
        line.set("/responseObject", json!({"kind": "Namespace", "apiVersion": "v1", "metadata": metadata}));
        line.set("/responseStatus/code", 200);
        line.happens(at);
    });
    Some(id)
}
