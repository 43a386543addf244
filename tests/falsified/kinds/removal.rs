//! Lies about how a pod goes.

use serde_json::json;

use super::Kind;
use crate::edit::{CLEARLY, SECOND, by_kubelet, move_write, write_like};
use crate::life::{Life, lives, other};
use crate::line::{Line, Micros};
use crate::recording::{APP, Recording};

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "removed-before-its-containers-exited",
        tells: "the kubelet removes the object while the containers run",
        shows: "the removal",
        by_the_api: false,
        falsify: removed_before_its_containers_exited,
    },
    Kind {
        name: "removed-by-another-kubelet",
        tells: "the other node's kubelet removes the pod",
        shows: "the removal",
        by_the_api: true,
        falsify: removed_by_another_kubelet,
    },
    Kind {
        name: "removed-twice",
        tells: "a second removal is granted",
        shows: "the second removal",
        by_the_api: true,
        falsify: removed_twice,
    },
    Kind {
        name: "removed-though-nobody-asked",
        tells: "the kubelet removes a pod that runs",
        shows: "the removal",
        by_the_api: true,
        falsify: removed_though_nobody_asked,
    },
    Kind {
        name: "deletion-dropped",
        tells: "nobody asked for the deletion of a bare pod",
        shows: "the first step of its termination",
        by_the_api: false,
        falsify: deletion_dropped,
    },
];

/// When the last container of a pod exited, after it was asked to go.
fn last_exit(recording: &Recording, life: &Life) -> Option<Micros> {
    let asked = recording.line(life.asked?).received();
    let containers = life.containers(recording).into_iter();
    let exits = containers.flat_map(|name| life.runtime(recording, "/tasks/exit", Some(&name)));
    exits.map(|id| recording.line(id).at()).filter(|&at| at > asked).max()
}

/// The kubelet removes the object while its containers run: what the runtime and the processes say comes two seconds later
/// than it did, and the removal before it.
fn removed_before_its_containers_exited(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let (asked, removed) = (life.asked?, life.removed?);
        let answered = recording.line(asked).at();
        last_exit(recording, &life)?;
        let later = |line: &Line| line.at() > answered && line.text("/kind") != "probe";
        let files: Vec<String> = recording.files().map(str::to_owned).collect();
        for file in files {
            let of_runtime = file.starts_with("runtime-");
            let is_its = |line: &Line| match of_runtime {
                true => line.text("/uid") == life.uid,
                false => file == APP && line.text("/pod") == life.name,
            };
            let moved = recording.lines(&file).iter().filter(|line| is_its(line) && later(line));
            for id in moved.map(|line| line.id).collect::<Vec<_>>() {
                recording.change(id, |line| line.happens(line.at() + 2 * SECOND));
            }
        }
        for &report in
            life.reports.iter().filter(|&&id| recording.line(id).received() > answered).collect::<Vec<_>>()
        {
            recording.drop(report);
        }
        move_write(recording, removed, answered + SECOND / 2);
        Some(removed)
    })
}

fn removed_by_another_kubelet(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let removed = life.removed?;
        recording.change(removed, |line| by_kubelet(line, other(&life.node)));
        Some(removed)
    })
}

fn removed_twice(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let removed = life.removed?;
        let at = recording.line(removed).at() + CLEARLY;
        Some(write_like(recording, removed, at, |_| {}))
    })
}

/// A pod is removed by its kubelet while it runs and nobody asked for it.
fn removed_though_nobody_asked(recording: &mut Recording) -> Option<usize> {
    let removal = lives(recording).into_iter().find_map(|life| life.removed);
    let any =
        removal.or_else(|| recording.audit().find(|line| line.is("create", "pods")).map(|line| line.id))?;
    lives(recording).into_iter().find_map(|life| {
        let ready = life.ready(recording)?;
        let at = recording.line(ready).at() + CLEARLY;
        let asked = life.asked.map(|id| recording.line(id).received());
        asked.is_none_or(|asked| asked > at + CLEARLY).then(|| {
            let pod = recording.line(ready).value["responseObject"].clone();
            let version = recording.version_after(recording.version_at(at));
            write_like(recording, any, at, |line| {
                by_kubelet(line, &life.node);
                line.set("/verb", "delete");
                line.set("/objectRef/name", life.name.as_str());
                line.set(
                    "/requestObject",
                    json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}),
                );
                line.set("/responseStatus/code", 200);
                line.set("/responseObject", pod);
                line.set("/responseObject/metadata/resourceVersion", version.to_string());
                line.set("/responseObject/metadata/deletionGracePeriodSeconds", 0);
            })
        })
    })
}

/// A pod that nobody asked to go goes through the whole of its termination: only its deletion is missing. The first of its
/// steps shows it: the preStop hook, the signal, the endpoint that is terminating, or at last the removal.
fn deletion_dropped(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let asked = life.asked?;
        let received = recording.line(asked).received();
        let removed = life.removed?;
        let is_other = |line: &&Line| {
            line.is("delete", "pods") && line.name() == life.name && ![asked, removed].contains(&line.id)
        };
        if life.pod(recording)["metadata"].get("ownerReferences").is_some()
            || recording.audit().find(is_other).is_some()
        {
            return None;
        }
        let is_its =
            |line: &Line| line.text("/uid") == life.uid && line.text("/topic") == "/tasks/exec-started";
        let files = recording.files().filter(|file| file.starts_with("runtime-"));
        let hooks =
            files.flat_map(|file| recording.lines(file)).filter(|line| is_its(line)).map(|line| line.id);
        let containers = life.containers(recording).into_iter();
        let signals = containers.flat_map(|name| life.said(recording, "signal", &name));
        let slices = recording.audit().filter(|line| line.is("update", "endpointslices"));
        let slices = slices.filter(|line| is_terminating(line, &life.uid)).map(|line| line.id);
        // A write is judged before what other files show within the slack of their clocks.
        let seen = hooks.chain(signals).map(|id| (recording.line(id).at() + CLEARLY, id));
        let written = slices.chain([removed]).map(|id| (recording.line(id).received(), id));
        let (_, first) = seen.chain(written).filter(|&(at, _)| at > received).min()?;
        recording.drop(asked);
        Some(first)
    })
}

fn is_terminating(slice: &Line, uid: &str) -> bool {
    let endpoints = slice.value["responseObject"]["endpoints"].as_array();
    endpoints
        .into_iter()
        .flatten()
        .any(|endpoint| endpoint["targetRef"]["uid"] == uid && endpoint["conditions"]["terminating"] == true)
}
