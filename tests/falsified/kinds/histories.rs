//! Lies against what an object was before.

use serde_json::{Value, json};

use super::Kind;
use crate::edit::{CLEARLY, write_like};
use crate::life::lives;
use crate::line::Line;
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "restarts-counted-down",
        tells: "a container has restarted less often than before",
        shows: "that report",
        by_the_api: true,
        falsify: restarts_counted_down,
    },
    Kind {
        name: "generation-goes-back",
        tells: "an object has an older generation than before",
        shows: "the write that leaves it",
        by_the_api: true,
        falsify: generation_goes_back,
    },
    Kind {
        name: "observed-generation-goes-back",
        tells: "a controller has observed less of an object than before",
        shows: "that status",
        by_the_api: true,
        falsify: observed_generation_goes_back,
    },
    Kind {
        name: "ready-in-a-slice-although-it-goes",
        tells: "a slice has a pod as ready and as terminating, and its Service publishes none that is not ready",
        shows: "that slice",
        by_the_api: true,
        falsify: ready_in_a_slice_although_it_goes,
    },
    Kind {
        name: "reported-under-another-uid",
        tells: "a report leaves another pod of this name than there is",
        shows: "that report",
        by_the_api: true,
        falsify: reported_under_another_uid,
    },
    Kind {
        name: "ready-although-not-initialized",
        tells: "a pod without init containers is Ready, and not Initialized",
        shows: "that report",
        by_the_api: true,
        falsify: ready_although_not_initialized,
    },
    Kind {
        name: "bound-after-its-removal",
        tells: "a pod that its kubelet has removed is bound once more",
        shows: "that binding",
        by_the_api: true,
        falsify: bound_after_its_removal,
    },
];

/// The statuses of the containers that a report leaves.
fn containers(line: &Line) -> impl Iterator<Item = &Value> {
    line.value["responseObject"]["status"]["containerStatuses"].as_array().into_iter().flatten()
}

/// A report that shows restarts is written again, and shows none.
fn restarts_counted_down(recording: &mut Recording) -> Option<usize> {
    let has_some = |line: &Line| containers(line).any(|one| one["restartCount"].as_i64() > Some(0));
    let report = lives(recording).into_iter().find_map(|life| life.report(recording, has_some))?;
    let at = recording.line(report).at() + CLEARLY;
    Some(write_like(recording, report, at, |line| {
        let all = line.value.pointer_mut("/responseObject/status/containerStatuses");
        for container in all.and_then(Value::as_array_mut).into_iter().flatten() {
            container["restartCount"] = json!(0);
        }
    }))
}

const GENERATION: &str = "/responseObject/metadata/generation";
const OBSERVED: &str = "/responseObject/status/observedGeneration";

/// The status of a Deployment or ReplicaSet that shows, like one before it, this number above 1.
fn shown_again(recording: &Recording, pointer: &str) -> Option<usize> {
    let is_status = |line: &&Line| {
        ["deployments/status", "replicasets/status"].iter().any(|of| line.is("update", of))
            && line.number(pointer) > 1
    };
    let mut all: Vec<&Line> = recording.audit().filter(is_status).collect();
    all.sort_by_key(|line| line.version());
    let is_again = |(at, line): &(usize, &&Line)| {
        all[..*at]
            .iter()
            .any(|earlier| earlier.uid() == line.uid() && earlier.number(pointer) == line.number(pointer))
    };
    all.iter().enumerate().find(is_again).map(|(_, line)| line.id)
}

fn generation_goes_back(recording: &mut Recording) -> Option<usize> {
    let status = shown_again(recording, GENERATION)?;
    recording.change(status, |line| {
        let before = line.number(GENERATION) - 1;
        line.set(GENERATION, before);
        line.set(OBSERVED, line.number(OBSERVED).min(before));
    });
    Some(status)
}

fn observed_generation_goes_back(recording: &mut Recording) -> Option<usize> {
    let status = shown_again(recording, OBSERVED)?;
    recording.change(status, |line| line.set(OBSERVED, line.number(OBSERVED) - 1));
    Some(status)
}

/// The first slice that shows a pod terminating, where no Service publishes pods that are not ready.
fn ready_in_a_slice_although_it_goes(recording: &mut Recording) -> Option<usize> {
    let publishes = |line: &Line| line.value["responseObject"]["spec"]["publishNotReadyAddresses"] == true;
    if recording.audit().any(publishes) {
        return None;
    }
    let goes = |endpoint: &Value| {
        endpoint["conditions"]["terminating"] == true && endpoint["conditions"]["ready"] == false
    };
    let endpoints = |line: &Line| line.value["responseObject"]["endpoints"].as_array().cloned();
    let slices = recording.audit().filter(|line| line.is("update", "endpointslices"));
    let slices = slices.filter(|line| endpoints(line).is_some_and(|all| all.iter().any(goes)));
    let slice = slices.min_by_key(|line| line.version())?.id;
    recording.change(slice, |line| {
        let all = line.value.pointer_mut("/responseObject/endpoints").and_then(Value::as_array_mut);
        for endpoint in all.into_iter().flatten().filter(|endpoint| goes(endpoint)) {
            endpoint["conditions"] = json!({"ready": true, "serving": true, "terminating": true});
        }
    });
    Some(slice)
}

fn reported_under_another_uid(recording: &mut Recording) -> Option<usize> {
    let ready = lives(recording).into_iter().find_map(|life| life.ready(recording))?;
    recording.change(ready, |line| {
        line.set("/responseObject/metadata/uid", "00000000-0000-4000-8000-000000000000");
    });
    Some(ready)
}

fn ready_although_not_initialized(recording: &mut Recording) -> Option<usize> {
    let mut without = lives(recording).into_iter();
    let ready = without.find_map(|life| {
        let has_some = life.pod(recording)["spec"]["initContainers"].is_array();
        life.ready(recording).filter(|_| !has_some)
    })?;
    recording.change(ready, |line| {
        let all = line.value.pointer_mut("/responseObject/status/conditions");
        let all = all.and_then(Value::as_array_mut).into_iter().flatten();
        for condition in all.filter(|condition| condition["type"] == "Initialized") {
            condition["status"] = json!("False");
        }
    });
    Some(ready)
}

fn bound_after_its_removal(recording: &mut Recording) -> Option<usize> {
    let (bound, at) = lives(recording).into_iter().find_map(|life| {
        let removed = recording.line(life.removed?).at();
        Some((life.bound, removed + CLEARLY))
    })?;
    Some(write_like(recording, bound, at, |_| {}))
}
