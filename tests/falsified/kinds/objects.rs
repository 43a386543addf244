//! Lies about what an object looks like after a write that has nothing to do with it.

use serde_json::json;

use super::Kind;
use crate::edit::SECOND;
use crate::life::{lives, other};
use crate::line::{Line, text};
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
];

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
