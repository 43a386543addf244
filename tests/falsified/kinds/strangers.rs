//! Lies about what no controller makes or writes, and about what is written before it is there.

use serde_json::{Value, json};

use super::Kind;
use super::controllers::at_rest;
use crate::edit::{SECOND, by_controller, move_write, write_like};
use crate::life::lives;
use crate::line::Line;
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "replica-set-of-another-image",
        tells: "the first ReplicaSet is made of another image than its Deployment has, and so are its pods",
        shows: "the creation of the ReplicaSet",
        by_the_api: true,
        falsify: replica_set_of_another_image,
    },
    Kind {
        name: "rollout-to-another-image",
        tells: "the last ReplicaSet is made of another image than its Deployment has, and so are its pods",
        shows: "the creation of the ReplicaSet",
        by_the_api: true,
        falsify: rollout_to_another_image,
    },
    Kind {
        name: "deployment-scaled-by-the-replicaset-controller",
        tells: "the ReplicaSet controller scales a Deployment",
        shows: "that write",
        by_the_api: true,
        falsify: deployment_scaled_by_the_replicaset_controller,
    },
    Kind {
        name: "template-changed-by-the-endpointslice-controller",
        tells: "the EndpointSlice controller changes a Deployment's template",
        shows: "that write",
        by_the_api: true,
        falsify: template_changed_by_the_endpointslice_controller,
    },
    Kind {
        name: "first-report-before-the-creation",
        tells: "a pod is reported before it is created",
        shows: "that report",
        by_the_api: true,
        falsify: first_report_before_the_creation,
    },
    Kind {
        name: "node-reported-after-its-removal",
        tells: "somebody removes a node, and its kubelet goes on to report its status",
        shows: "the first report that is clearly later",
        by_the_api: true,
        falsify: node_reported_after_its_removal,
    },
];

/// A ReplicaSet and its pods have another image, wherever they are shown.
fn with_another_image(recording: &mut Recording, creation: usize) -> usize {
    let name = recording.line(creation).name().to_owned();
    let other = |containers: &mut Value| {
        for container in containers.as_array_mut().into_iter().flatten() {
            container["image"] = json!("elsewhere/other:1");
        }
    };
    recording.change_objects("ReplicaSet", Some(&name), |set| {
        other(&mut set["spec"]["template"]["spec"]["containers"]);
    });
    recording.change_objects("Pod", None, |pod| {
        if pod["metadata"]["ownerReferences"][0]["name"] == name.as_str() {
            other(&mut pod["spec"]["containers"]);
        }
    });
    creation
}

fn replica_sets(recording: &Recording) -> Vec<usize> {
    let all = recording.audit().filter(|line| line.is("create", "replicasets"));
    all.map(|line| line.id).collect()
}

fn replica_set_of_another_image(recording: &mut Recording) -> Option<usize> {
    let first = *replica_sets(recording).first()?;
    Some(with_another_image(recording, first))
}

fn rollout_to_another_image(recording: &mut Recording) -> Option<usize> {
    let sets = replica_sets(recording);
    let last = *sets.last().filter(|_| sets.len() > 1)?;
    Some(with_another_image(recording, last))
}

fn deployment_scaled_by_the_replicaset_controller(recording: &mut Recording) -> Option<usize> {
    let at = at_rest(recording)?;
    let statuses = recording.audit().filter(|line| line.is("update", "deployments/status"));
    let last = statuses.filter(|line| line.received() < at && line.version() != 0).last()?.id;
    Some(write_like(recording, last, at, |line| {
        by_controller(line, "replicaset-controller");
        if let Some(reference) = line.value["objectRef"].as_object_mut() {
            reference.remove("subresource");
        }
        for object in ["/requestObject", "/responseObject"] {
            line.set(&format!("{object}/spec/replicas"), 5);
        }
        line.set("/responseObject/metadata/generation", 9);
    }))
}

fn template_changed_by_the_endpointslice_controller(recording: &mut Recording) -> Option<usize> {
    let change = recording.audit().find(|line| line.is("patch", "deployments"))?.id;
    recording.change(change, |line| by_controller(line, "endpointslice-controller"));
    Some(change)
}

fn first_report_before_the_creation(recording: &mut Recording) -> Option<usize> {
    let (report, created) = lives(recording).into_iter().find_map(|life| {
        let report = life.reports.iter().copied().find(|&id| recording.line(id).version() != 0)?;
        Some((report, life.created))
    })?;
    let at = recording.line(created).received() - SECOND / 4;
    move_write(recording, report, at);
    Some(report)
}

/// How long before a report a node is removed: clearly longer than an entry may be received after one that was answered later.
const BEFORE: i64 = 6 * SECOND;

/// The first report of a node that nobody else has written to for long.
fn node_reported_after_its_removal(recording: &mut Recording) -> Option<usize> {
    let begins = recording.audit().map(Line::received).min()?;
    let of_nodes = |line: &&Line| line.text("/objectRef/resource") == "nodes";
    let report = recording.audit().filter(of_nodes).find(|line| {
        let recent = line.received() - BEFORE - SECOND..line.received();
        let is_own = |other: &Line| other.name() == line.name() && recent.contains(&other.received());
        line.is("patch", "nodes/status")
            && line.kubelet().is_some()
            && begins < recent.start
            && !recording.audit().filter(of_nodes).any(is_own)
    })?;
    let (id, node, at) = (report.id, report.name().to_owned(), report.received() - BEFORE);
    let status = json!({"kind": "Status", "status": "Success", "details": {"name": node, "kind": "nodes"}});
    write_like(recording, id, at, |line| {
        line.made_by("rig-admin", "kubectl/v1.20.2");
        line.set("/verb", "delete");
        line.set("/objectRef", json!({"resource": "nodes", "name": node, "apiVersion": "v1"}));
        line.set("/requestObject", json!({"kind": "DeleteOptions", "apiVersion": "v1"}));
        line.set("/responseObject", status);
    });
    Some(id)
}
