//! Lies about Deployments, ReplicaSets and their controllers.

use serde_json::json;

use super::Kind;
use crate::edit::{SECOND, by_controller, by_kubelet, end, write_like};
use crate::life::{Life, lives};
use crate::line::{Line, Micros};
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "one-pod-too-many",
        tells: "the ReplicaSet controller creates a pod though it has all that it wants",
        shows: "that creation",
        by_the_api: true,
        falsify: one_pod_too_many,
    },
    Kind {
        name: "pod-for-the-old-replica-set",
        tells: "a ReplicaSet scaled to nothing gets a pod",
        shows: "that creation",
        by_the_api: true,
        falsify: pod_for_the_old_replica_set,
    },
    Kind {
        name: "pod-created-by-the-deployment-controller",
        tells: "the Deployment controller creates a pod",
        shows: "that creation",
        by_the_api: true,
        falsify: pod_created_by_the_deployment_controller,
    },
    Kind {
        name: "pod-created-by-a-kubelet",
        tells: "a kubelet creates a pod of a ReplicaSet",
        shows: "that creation",
        by_the_api: true,
        falsify: pod_created_by_a_kubelet,
    },
    Kind {
        name: "wanted-pod-deleted-by-its-controller",
        tells: "the ReplicaSet controller deletes a pod that it wants",
        shows: "that deletion",
        by_the_api: true,
        falsify: wanted_pod_deleted_by_its_controller,
    },
    Kind {
        name: "pod-deleted-by-the-deployment-controller",
        tells: "the Deployment controller deletes a pod",
        shows: "that deletion",
        by_the_api: true,
        falsify: pod_deleted_by_the_deployment_controller,
    },
    Kind {
        name: "pod-deleted-by-the-garbage-collector",
        tells: "the garbage collector deletes a pod of a node that is there",
        shows: "that deletion",
        by_the_api: true,
        falsify: pod_deleted_by_the_garbage_collector,
    },
    Kind {
        name: "scaled-below-what-must-be-available",
        tells: "the old ReplicaSet is scaled down further than maxUnavailable lets it",
        shows: "that write",
        by_the_api: true,
        falsify: scaled_below_what_must_be_available,
    },
    Kind {
        name: "scaled-above-surge",
        tells: "the new ReplicaSet is scaled up further than maxSurge lets it",
        shows: "that write",
        by_the_api: true,
        falsify: scaled_above_surge,
    },
    Kind {
        name: "created-above-surge",
        tells: "the new ReplicaSet is created with more replicas than maxSurge lets it",
        shows: "that creation",
        by_the_api: true,
        falsify: created_above_surge,
    },
    Kind {
        name: "replica-set-without-a-template",
        tells: "a ReplicaSet is created for a template that is not there",
        shows: "that creation",
        by_the_api: true,
        falsify: replica_set_without_a_template,
    },
    Kind {
        name: "replica-set-created-by-its-own-controller",
        tells: "the ReplicaSet controller creates a Deployment's ReplicaSet",
        shows: "that creation",
        by_the_api: true,
        falsify: replica_set_created_by_its_own_controller,
    },
    Kind {
        name: "scaled-by-its-own-controller",
        tells: "the ReplicaSet controller scales a Deployment's ReplicaSet",
        shows: "that write",
        by_the_api: true,
        falsify: scaled_by_its_own_controller,
    },
    Kind {
        name: "more-available-than-ready",
        tells: "a ReplicaSet counts more available pods than are Ready",
        shows: "that status",
        by_the_api: true,
        falsify: more_available_than_ready,
    },
    Kind {
        name: "less-available-than-ready",
        tells: "a ReplicaSet counts less available pods than are Ready",
        shows: "that status",
        by_the_api: true,
        falsify: less_available_than_ready,
    },
    Kind {
        name: "status-written-by-the-deployment-controller",
        tells: "the Deployment controller writes a ReplicaSet's status",
        shows: "that status",
        by_the_api: true,
        falsify: status_written_by_the_deployment_controller,
    },
    Kind {
        name: "template-changed-by-the-deployment-controller",
        tells: "the Deployment controller changes the template",
        shows: "that write",
        by_the_api: true,
        falsify: template_changed_by_the_deployment_controller,
    },
    Kind {
        name: "pod-deleted-without-a-taint",
        tells: "the taint manager deletes a pod of a node without a taint",
        shows: "that deletion",
        by_the_api: true,
        falsify: pod_deleted_without_a_taint,
    },
    Kind {
        name: "pod-created-before-its-replica-set",
        tells: "a pod of a ReplicaSet is created before the ReplicaSet",
        shows: "the creation of the pod",
        by_the_api: true,
        falsify: pod_created_before_its_replica_set,
    },
    Kind {
        name: "replica-set-created-before-its-deployment",
        tells: "a ReplicaSet is created before its Deployment",
        shows: "the creation of the ReplicaSet",
        by_the_api: true,
        falsify: replica_set_created_before_its_deployment,
    },
    Kind {
        name: "pod-deleted-by-the-scheduler",
        tells: "the scheduler deletes a pod, and no pod waits for its place",
        shows: "that deletion",
        by_the_api: true,
        falsify: pod_deleted_by_the_scheduler,
    },
];

const RS: &str = "replicaset-controller";
const DEPLOYMENT: &str = "deployment-controller";

/// Writes of the ReplicaSet controller that create a pod, in order.
fn creations(recording: &Recording) -> Vec<usize> {
    let mut all: Vec<&Line> =
        recording.audit().filter(|line| line.is("create", "pods") && line.is_by(RS)).collect();
    all.sort_by_key(|line| line.version());
    all.into_iter().map(|line| line.id).collect()
}

/// A moment at which the ReplicaSets have all that they want, and nothing was asked for a second: a second after all pods that
/// were created until then had been reported Ready.
pub(super) fn at_rest(recording: &Recording) -> Option<Micros> {
    let lives = lives(recording);
    let is_work = |line: &&Line| {
        let resource = line.text("/objectRef/resource");
        ["pods", "deployments", "replicasets", "nodes"].contains(&resource)
            && ["create", "update", "patch", "delete"].contains(&line.text("/verb"))
            && line.text("/objectRef/resource") != "nodes"
    };
    let work: Vec<Micros> = recording.audit().filter(is_work).map(Line::received).collect();
    let calm = |at: Micros| work.iter().all(|work| !(at - SECOND..at + SECOND).contains(work));
    let serves = |life: &&Life, at: Micros| {
        let asked = life.asked.is_some_and(|id| recording.line(id).received() < at);
        let ready = life.ready(recording).is_some_and(|id| recording.line(id).at() < at);
        !asked && ready
    };
    let candidates = lives.iter().filter_map(|life| life.ready(recording));
    let candidates = candidates.map(|id| recording.line(id).at() + 2 * SECOND);

    candidates.filter(|&at| calm(at) && at + SECOND < end(recording)).find(|&at| {
        let known = lives.iter().filter(|life| recording.line(life.created).received() < at);
        let all = known.filter(|life| life.asked.is_none_or(|id| recording.line(id).received() > at));
        let all: Vec<&Life> = all.collect();
        !all.is_empty() && all.iter().all(|life| serves(life, at))
    })
}

fn rename(line: &mut Line) {
    let name = format!("{}0", line.text("/responseObject/metadata/name"));
    line.set("/responseObject/metadata/name", name);
    line.set("/responseObject/metadata/uid", "00000000-0000-4000-8000-000000000000");
}

fn one_pod_too_many(recording: &mut Recording) -> Option<usize> {
    let at = at_rest(recording)?;
    let before = |&id: &usize| recording.line(id).received() < at;
    let creation = creations(recording).into_iter().rfind(before)?;
    Some(write_like(recording, creation, at, rename))
}

/// The ReplicaSet that a roll-out has scaled to nothing gets a pod again.
fn pod_for_the_old_replica_set(recording: &mut Recording) -> Option<usize> {
    let all = creations(recording);
    let owner =
        |id: usize| recording.line(id).text("/responseObject/metadata/ownerReferences/0/uid").to_owned();
    let (first, last) = (*all.first()?, *all.last()?);
    if owner(first) == owner(last) {
        return None;
    }
    let at = recording.line(last).at() + 4 * SECOND;
    let scaled = scalings(recording).into_iter().find(|&id| replicas(recording.line(id)) == 0)?;
    let at = at.max(recording.line(scaled).at() + 2 * SECOND);
    (at < end(recording)).then(|| write_like(recording, first, at, rename))
}

fn pod_created_by_the_deployment_controller(recording: &mut Recording) -> Option<usize> {
    let creation = *creations(recording).first()?;
    recording.change(creation, |line| by_controller(line, DEPLOYMENT));
    Some(creation)
}

fn pod_created_by_a_kubelet(recording: &mut Recording) -> Option<usize> {
    let creation = *creations(recording).first()?;
    recording.change(creation, |line| by_kubelet(line, "node-a"));
    Some(creation)
}

/// The deletion of a pod that is at rest, by somebody.
fn deletion(recording: &mut Recording, at: Micros, user: impl FnOnce(&mut Line)) -> Option<usize> {
    let life = lives(recording).into_iter().find(|life| {
        let ready = life.ready(recording).is_some_and(|id| recording.line(id).at() < at);
        ready && life.asked.is_none_or(|id| recording.line(id).received() > at + SECOND)
    })?;
    let last = life.reports.iter().copied().rfind(|&id| recording.line(id).at() < at)?;
    let grace = life.grace(recording);
    Some(write_like(recording, last, at, |line| {
        line.set("/verb", "delete");
        line.set("/objectRef/subresource", "");
        line.set("/requestObject", json!({"kind": "DeleteOptions", "apiVersion": "v1"}));
        line.set("/responseObject/metadata/deletionTimestamp", crate::line::text(at + grace * SECOND));
        line.set("/responseObject/metadata/deletionGracePeriodSeconds", grace);
        user(line);
    }))
}

/// A pod at rest, whatever made it.
fn pod_at_rest(recording: &Recording) -> Option<Micros> {
    lives(recording).iter().find_map(|life| {
        let at = recording.line(life.ready(recording)?).at() + SECOND;
        let calm = life.asked.is_none_or(|id| recording.line(id).received() > at + 2 * SECOND);
        (calm && at + SECOND < end(recording)).then_some(at)
    })
}

fn wanted_pod_deleted_by_its_controller(recording: &mut Recording) -> Option<usize> {
    creations(recording).first()?;
    let at = at_rest(recording)?;
    deletion(recording, at, |line| by_controller(line, RS))
}

fn pod_deleted_by_the_deployment_controller(recording: &mut Recording) -> Option<usize> {
    let at = pod_at_rest(recording)?;
    deletion(recording, at, |line| by_controller(line, DEPLOYMENT))
}

fn pod_deleted_without_a_taint(recording: &mut Recording) -> Option<usize> {
    let at = pod_at_rest(recording)?;
    deletion(recording, at, |line| by_controller(line, "node-controller"))
}

fn pod_deleted_by_the_garbage_collector(recording: &mut Recording) -> Option<usize> {
    let at = pod_at_rest(recording)?;
    deletion(recording, at, |line| {
        by_controller(line, "pod-garbage-collector");
        line.set("/requestObject/gracePeriodSeconds", 0);
    })
}

/// Writes of the Deployment controller that scale a ReplicaSet.
fn scalings(recording: &Recording) -> Vec<usize> {
    let mut all: Vec<&Line> =
        recording.audit().filter(|line| line.is("update", "replicasets") && line.is_by(DEPLOYMENT)).collect();
    all.sort_by_key(|line| line.version());
    all.into_iter().map(|line| line.id).collect()
}

fn replicas(line: &Line) -> i64 {
    line.number("/responseObject/spec/replicas")
}

fn want(line: &mut Line, replicas: i64) {
    line.set("/responseObject/spec/replicas", replicas);
    line.set("/requestObject/spec/replicas", replicas);
}

/// The first scaling down of the old ReplicaSet goes further than maxUnavailable lets it.
fn scaled_below_what_must_be_available(recording: &mut Recording) -> Option<usize> {
    let first = scalings(recording).into_iter().find(|&id| replicas(recording.line(id)) == 1)?;
    recording.change(first, |line| want(line, 0));
    Some(first)
}

/// The second scaling of the roll-out, of the new ReplicaSet, goes further than maxSurge lets it.
fn scaled_above_surge(recording: &mut Recording) -> Option<usize> {
    let up = scalings(recording).into_iter().find(|&id| replicas(recording.line(id)) == 2)?;
    recording.change(up, |line| want(line, 3));
    Some(up)
}

fn replica_sets(recording: &Recording) -> Vec<usize> {
    let all = recording.audit().filter(|line| line.is("create", "replicasets"));
    all.map(|line| line.id).collect()
}

/// The new ReplicaSet of a roll-out is created with all of its replicas.
fn created_above_surge(recording: &mut Recording) -> Option<usize> {
    let new = *replica_sets(recording).get(1)?;
    recording.change(new, |line| want(line, 2));
    Some(new)
}

/// A ReplicaSet is created that no template asks for.
fn replica_set_without_a_template(recording: &mut Recording) -> Option<usize> {
    let at = at_rest(recording)?;
    let before = |&id: &usize| recording.line(id).received() < at;
    let last = replica_sets(recording).into_iter().rfind(before)?;
    Some(write_like(recording, last, at, |line| {
        rename(line);
        want(line, 1);
    }))
}

fn replica_set_created_by_its_own_controller(recording: &mut Recording) -> Option<usize> {
    let first = *replica_sets(recording).first()?;
    recording.change(first, |line| by_controller(line, RS));
    Some(first)
}

/// A ReplicaSet of a Deployment is scaled by the controller that makes its pods.
fn scaled_by_its_own_controller(recording: &mut Recording) -> Option<usize> {
    let first = *scalings(recording).first()?;
    recording.change(first, |line| by_controller(line, RS));
    Some(first)
}

/// Statuses that the ReplicaSet controller wrote.
fn statuses(recording: &Recording) -> Vec<&Line> {
    let mut all: Vec<&Line> =
        recording.audit().filter(|line| line.is("update", "replicasets/status")).collect();
    all.sort_by_key(|line| line.version());
    all
}

fn set_available(line: &mut Line, available: i64) {
    line.set("/responseObject/status/availableReplicas", available);
    line.set("/responseObject/status/readyReplicas", available);
}

/// A ReplicaSet counts one more available pod than are Ready.
fn more_available_than_ready(recording: &mut Recording) -> Option<usize> {
    let available = |line: &Line| line.number("/responseObject/status/availableReplicas");
    let pods = |line: &Line| line.number("/responseObject/status/replicas");
    let all = statuses(recording);
    let status = all.iter().find(|line| available(line) == 1 && pods(line) == 2)?.id;
    recording.change(status, |line| set_available(line, 2));
    Some(status)
}

/// A ReplicaSet whose pods are all available counts one less.
fn less_available_than_ready(recording: &mut Recording) -> Option<usize> {
    let at = at_rest(recording)?;
    let last = statuses(recording).into_iter().rfind(|line| line.at() < at);
    let available = |line: &Line| line.number("/responseObject/status/availableReplicas");
    let status = last.filter(|line| available(line) > 0)?;
    let (id, less) = (status.id, available(status) - 1);
    Some(write_like(recording, id, at, |line| set_available(line, less)))
}

fn status_written_by_the_deployment_controller(recording: &mut Recording) -> Option<usize> {
    let available = |line: &&Line| line.number("/responseObject/status/availableReplicas") > 0;
    let status = statuses(recording).into_iter().find(available)?.id;
    recording.change(status, |line| by_controller(line, DEPLOYMENT));
    Some(status)
}

/// The Deployment controller writes another template.
fn template_changed_by_the_deployment_controller(recording: &mut Recording) -> Option<usize> {
    let change = recording.audit().find(|line| line.is("patch", "deployments"))?.id;
    recording.change(change, |line| by_controller(line, DEPLOYMENT));
    Some(change)
}

fn pod_created_before_its_replica_set(recording: &mut Recording) -> Option<usize> {
    let replica_set = *replica_sets(recording).first()?;
    let pod = *creations(recording).first()?;
    let at = recording.line(pod).at() + SECOND / 4;
    crate::edit::move_write(recording, replica_set, at);
    Some(pod)
}

fn replica_set_created_before_its_deployment(recording: &mut Recording) -> Option<usize> {
    let deployment = recording.audit().find(|line| line.is("create", "deployments"))?.id;
    let replica_set = *replica_sets(recording).first()?;
    let at = recording.line(replica_set).at() + SECOND / 4;
    crate::edit::move_write(recording, deployment, at);
    Some(replica_set)
}

fn pod_deleted_by_the_scheduler(recording: &mut Recording) -> Option<usize> {
    let at = pod_at_rest(recording)?;
    let is_bound = |line: &Line| lives(recording).iter().any(|life| life.uid == line.uid());
    if recording.audit().any(|line| line.is("create", "pods") && !is_bound(line)) {
        return None;
    }
    deletion(recording, at, |line| {
        line.made_by(
            "system:kube-scheduler",
            "kube-scheduler/v1.20.2 (linux/amd64) kubernetes/faecb19/scheduler",
        );
    })
}
