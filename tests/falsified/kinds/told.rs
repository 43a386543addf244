//! Lies about what a kubelet tells of the containers of a pod in one status, or of one container in two.

use serde_json::{Value, json};

use super::Kind;
use crate::life::{Life, lives};
use crate::line::Line;
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "told-of-a-container-that-it-does-not-have",
        tells: "a status is of a container that the pod does not have",
        shows: "that report",
        by_the_api: true,
        falsify: told_of_a_stranger,
    },
    Kind {
        name: "two-containers-of-one-id",
        tells: "two containers of a pod have one ID",
        shows: "that report",
        by_the_api: true,
        falsify: two_containers_of_one_id,
    },
    Kind {
        name: "init-container-runs-before-its-turn",
        tells: "an init container runs, and the one before it waits",
        shows: "that report",
        by_the_api: true,
        falsify: init_container_runs_before_its_turn,
    },
    Kind {
        name: "ready-although-not-started",
        tells: "a container is ready, and has not passed its startup probe",
        shows: "that report",
        by_the_api: true,
        falsify: ready_although_not_started,
    },
    Kind {
        name: "completed-with-an-error",
        tells: "a container completed, and ended with another code than 0",
        shows: "that report",
        by_the_api: true,
        falsify: completed_with_an_error,
    },
    Kind {
        name: "first-address-is-another",
        tells: "the first of a pod's addresses is not its address",
        shows: "that report",
        by_the_api: true,
        falsify: first_address_is_another,
    },
    Kind {
        name: "two-conditions-of-one-type",
        tells: "a pod has a condition twice",
        shows: "that report",
        by_the_api: true,
        falsify: two_conditions_of_one_type,
    },
    Kind {
        name: "last-state-ends-otherwise",
        tells: "a container that had ended is told to have ended otherwise, by the status of the next",
        shows: "that report",
        by_the_api: true,
        falsify: last_state_ends_otherwise,
    },
    Kind {
        name: "container-started-at-another-time",
        tells: "a container that runs started at another time than before",
        shows: "that report",
        by_the_api: true,
        falsify: container_started_at_another_time,
    },
    Kind {
        name: "pod-started-at-another-time",
        tells: "a pod was seen first by its kubelet at another time than before",
        shows: "that report",
        by_the_api: true,
        falsify: pod_started_at_another_time,
    },
];

const STATUS: &str = "/responseObject/status";

fn told<'l>(line: &'l Line, list: &str) -> &'l [Value] {
    line.value["responseObject"]["status"][list].as_array().map_or(&[], Vec::as_slice)
}

/// The first report of any pod of which this is so.
fn report(recording: &Recording, is_so: impl Fn(&Line) -> bool) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| life.report(recording, &is_so))
}

/// The second report of one pod of which this is so.
fn second(recording: &Recording, is_so: impl Fn(&Line) -> bool) -> Option<usize> {
    let of = |life: Life| {
        let first = life.report(recording, &is_so)?;
        let version = recording.line(first).version();
        life.report(recording, |line| line.version() > version && is_so(line))
    };
    lives(recording).into_iter().find_map(of)
}

fn lie(recording: &mut Recording, report: usize, place: &str, value: Value) -> Option<usize> {
    recording.change(report, |line| {
        let (parent, field) = place.rsplit_once('/').expect("a path");
        let parent = line.value.pointer_mut(&format!("{STATUS}{parent}")).expect("there is one");
        match field.parse::<usize>() {
            Ok(place) => parent[place] = value,
            Err(_) => parent[field] = value,
        }
    });
    Some(report)
}

fn told_of_a_stranger(recording: &mut Recording) -> Option<usize> {
    let report = report(recording, |line| !told(line, "containerStatuses").is_empty())?;
    lie(recording, report, "/containerStatuses/0/name", json!("stranger"))
}

fn two_containers_of_one_id(recording: &mut Recording) -> Option<usize> {
    let id = |line: &Line, place: usize| {
        told(line, "containerStatuses").get(place)?["containerID"].as_str().map(str::to_owned)
    };
    let report = report(recording, |line| id(line, 0).is_some() && id(line, 1).is_some())?;
    let first = id(recording.line(report), 0)?;
    lie(recording, report, "/containerStatuses/1/containerID", json!(first))
}

fn init_container_runs_before_its_turn(recording: &mut Recording) -> Option<usize> {
    let runs = |line: &Line| {
        let all = told(line, "initContainerStatuses");
        all.get(1).is_some_and(|second| second["state"]["running"].is_object())
    };
    let report = report(recording, runs)?;
    let waits = json!({"waiting": {"reason": "PodInitializing"}});
    lie(recording, report, "/initContainerStatuses/0/state", waits)
}

fn ready_although_not_started(recording: &mut Recording) -> Option<usize> {
    let is_ready =
        |line: &Line| told(line, "containerStatuses").first().is_some_and(|one| one["ready"] == true);
    let report = report(recording, is_ready)?;
    lie(recording, report, "/containerStatuses/0/started", json!(false))
}

fn completed_with_an_error(recording: &mut Recording) -> Option<usize> {
    let has_failed = |line: &Line| {
        let ended = |one: &Value| one["state"]["terminated"]["exitCode"].as_i64();
        told(line, "containerStatuses").first().and_then(ended).is_some_and(|code| code != 0)
    };
    let report = report(recording, has_failed)?;
    lie(recording, report, "/containerStatuses/0/state/terminated/reason", json!("Completed"))
}

fn first_address_is_another(recording: &mut Recording) -> Option<usize> {
    let report = report(recording, |line| !told(line, "podIPs").is_empty())?;
    lie(recording, report, "/podIPs/0/ip", json!("10.244.77.7"))
}

fn two_conditions_of_one_type(recording: &mut Recording) -> Option<usize> {
    let report = report(recording, |line| told(line, "conditions").len() > 1)?;
    let first = told(recording.line(report), "conditions")[0].clone();
    lie(recording, report, "/conditions/1", first)
}

/// The first status of a pod after that in which its first container had ended, which has that as its last state.
fn last_state_ends_otherwise(recording: &mut Recording) -> Option<usize> {
    let id = |state: &Value| state["terminated"]["containerID"].as_str().map(str::to_owned);
    let first = |line: &Line, state: &str| id(&told(line, "containerStatuses").first()?[state]);
    let report = lives(recording).into_iter().find_map(|life| {
        let ended = life.report(recording, |line| first(line, "state").is_some())?;
        let (version, which) = (recording.line(ended).version(), first(recording.line(ended), "state"));
        life.report(recording, |line| line.version() > version && first(line, "lastState") == which)
    })?;
    lie(recording, report, "/containerStatuses/0/lastState/terminated/exitCode", json!(77))
}

fn container_started_at_another_time(recording: &mut Recording) -> Option<usize> {
    let report = second(recording, |line| {
        let first = told(line, "containerStatuses").first();
        first.is_some_and(|one| one["restartCount"] == 0 && one["state"]["running"].is_object())
    })?;
    lie(recording, report, "/containerStatuses/0/state/running/startedAt", json!("2026-11-22T07:00:00Z"))
}

fn pod_started_at_another_time(recording: &mut Recording) -> Option<usize> {
    let report = second(recording, |line| !line.text("/responseObject/status/startTime").is_empty())?;
    lie(recording, report, "/startTime", json!("2026-11-22T07:00:00Z"))
}
