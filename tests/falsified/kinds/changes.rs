//! Lies in writes of pods that are none of their status: what these show of it they cannot change.

use serde_json::Value;

use super::Kind;
use crate::edit::{CLEARLY, by_kubelet, write_like};
use crate::life::{Life, lives, other};
use crate::line::Line;
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "ended-by-a-change",
        tells: "somebody's change of a pod shows that it has succeeded, and no status says so",
        shows: "that change",
        by_the_api: true,
        falsify: ended_by_a_change,
    },
    Kind {
        name: "undeleted-by-a-change",
        tells: "somebody's change of a pod that is being deleted shows that it is not",
        shows: "that change",
        by_the_api: true,
        falsify: undeleted_by_a_change,
    },
    Kind {
        name: "moved-by-a-change",
        tells: "somebody's change of a pod shows it on another node than it was bound to",
        shows: "that change",
        by_the_api: true,
        falsify: moved_by_a_change,
    },
    Kind {
        name: "changed-by-its-kubelet",
        tells: "a kubelet changes a pod beside its status",
        shows: "that change",
        by_the_api: true,
        falsify: changed_by_its_kubelet,
    },
    Kind {
        name: "reported-under-a-used-id",
        tells: "another node's kubelet reports a pod, under the ID of the request before",
        shows: "that report",
        by_the_api: true,
        falsify: reported_under_a_used_id,
    },
];

const USER: (&str, &str) = ("kubernetes-admin", "kubectl/v1.20.2 (linux/amd64) kubernetes/faecb19");

/// Makes a change of the pod of a report.
fn make_change(line: &mut Line) {
    line.made_by(USER.0, USER.1);
    line.set("/verb", "update");
    if let Some(reference) = line.value["objectRef"].as_object_mut() {
        reference.remove("subresource");
    }
    if let Some(event) = line.value.as_object_mut() {
        event.remove("requestObject");
    }
}

/// The first report that a pod is Ready, of one that nobody deletes soon.
fn ready(recording: &Recording) -> Option<(Life, usize)> {
    let is_soon = |life: &Life, ready: usize| {
        let asked = life.asked.map(|asked| recording.line(asked).received());
        asked.is_some_and(|asked| asked < recording.line(ready).at() + 3 * CLEARLY)
    };
    let all = lives(recording).into_iter().filter_map(|life| Some((life.ready(recording)?, life)));
    let mut all = all.filter(|(ready, life)| !is_soon(life, *ready));
    all.next().map(|(ready, life)| (life, ready))
}

/// A change like its report that it is Ready, a moment later.
fn changed(recording: &mut Recording, change: impl FnOnce(&mut Line)) -> Option<usize> {
    let (_, ready) = ready(recording)?;
    let at = recording.line(ready).at() + CLEARLY;
    Some(write_like(recording, ready, at, |line| {
        make_change(line);
        change(line);
    }))
}

fn ended_by_a_change(recording: &mut Recording) -> Option<usize> {
    changed(recording, |line| line.set("/responseObject/status/phase", "Succeeded"))
}

fn undeleted_by_a_change(recording: &mut Recording) -> Option<usize> {
    let (ready, at) = lives(recording).into_iter().find_map(|life| {
        let (asked, removed) = (recording.line(life.asked?), recording.line(life.removed?));
        let at = asked.at() + CLEARLY;
        (at + CLEARLY < removed.received()).then_some((life.ready(recording)?, at))
    })?;
    Some(write_like(recording, ready, at, make_change))
}

fn moved_by_a_change(recording: &mut Recording) -> Option<usize> {
    let (life, _) = ready(recording)?;
    let elsewhere = other(&life.node);
    changed(recording, |line| line.set("/responseObject/spec/nodeName", elsewhere))
}

fn changed_by_its_kubelet(recording: &mut Recording) -> Option<usize> {
    let (life, _) = ready(recording)?;
    changed(recording, |line| by_kubelet(line, &life.node))
}

fn reported_under_a_used_id(recording: &mut Recording) -> Option<usize> {
    let (life, ready) = ready(recording)?;
    let (at, id) = (recording.line(ready).at() + CLEARLY, recording.line(ready).value["auditID"].clone());
    (id != Value::Null).then(|| {
        write_like(recording, ready, at, |line| {
            line.set("/auditID", id);
            by_kubelet(line, other(&life.node));
            line.set("/responseObject/status/phase", "Failed");
        })
    })
}
