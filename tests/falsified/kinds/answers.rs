//! Lies in what the API server answers: of what it stores it changes nothing but what was asked for, and each change has a version of
//! its own.

use super::Kind;
use crate::edit::by_scheduler;
use crate::life::{Life, lives};
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "created-as-it-runs",
        tells: "the creation of a pod is answered with one that is Running and Ready",
        shows: "that creation",
        by_the_api: true,
        falsify: created_as_it_runs,
    },
    Kind {
        name: "ready-under-the-version-of-before",
        tells: "the report that a pod is Ready has the version of the report before",
        shows: "that report",
        by_the_api: true,
        falsify: ready_under_the_version_of_before,
    },
    Kind {
        name: "ready-under-the-first-version",
        tells: "the report that a pod is Ready has version 1",
        shows: "that report",
        by_the_api: true,
        falsify: ready_under_the_first_version,
    },
    Kind {
        name: "grace-lengthened-by-a-report",
        tells: "a report shows that the deletion of the pod gives it longer than before",
        shows: "that report",
        by_the_api: true,
        falsify: grace_lengthened_by_a_report,
    },
    Kind {
        name: "deletion-ends-later-by-a-report",
        tells: "a report shows that the deletion of the pod is to end later than before",
        shows: "that report",
        by_the_api: true,
        falsify: deletion_ends_later_by_a_report,
    },
    Kind {
        name: "node-reported-by-the-scheduler",
        tells: "the scheduler writes the status of a node, and changes nothing that matters",
        shows: "that write",
        by_the_api: true,
        falsify: node_reported_by_the_scheduler,
    },
];

fn created_as_it_runs(recording: &mut Recording) -> Option<usize> {
    let life = lives(recording).into_iter().next()?;
    let status = recording.line(life.ready(recording)?).value["responseObject"]["status"].clone();
    recording.change(life.created, |line| line.set("/responseObject/status", status));
    Some(life.created)
}

/// The first report that a pod is Ready, and the one before it.
fn reports(recording: &Recording) -> Option<(usize, usize)> {
    lives(recording).into_iter().find_map(|life| {
        let ready = life.ready(recording)?;
        let at = life.reports.iter().position(|&report| report == ready)?;
        let before = *life.reports.get(at.checked_sub(1)?)?;
        let is_shown = |id: usize| recording.line(id).version() != 0;
        (is_shown(ready) && is_shown(before)).then_some((before, ready))
    })
}

fn ready_under_the_version_of_before(recording: &mut Recording) -> Option<usize> {
    let (before, ready) = reports(recording)?;
    let version = recording.line(before).version().to_string();
    recording.change(ready, |line| line.set("/responseObject/metadata/resourceVersion", version));
    Some(ready)
}

fn ready_under_the_first_version(recording: &mut Recording) -> Option<usize> {
    let (_, ready) = reports(recording)?;
    recording.change(ready, |line| line.set("/responseObject/metadata/resourceVersion", "1"));
    Some(ready)
}

/// A report of a pod that is being deleted, behind one that shows so, too.
fn reported_while_deleted(recording: &Recording) -> Option<usize> {
    let shows = |id: &usize| {
        recording.line(*id).value.pointer("/responseObject/metadata/deletionGracePeriodSeconds").is_some()
    };
    let is_second = |life: Life| {
        let asked = life.asked.filter(shows)?;
        let since = recording.line(asked).at();
        life.reports.iter().copied().find(|id| shows(id) && recording.line(*id).received() > since)
    };
    lives(recording).into_iter().find_map(is_second)
}

fn grace_lengthened_by_a_report(recording: &mut Recording) -> Option<usize> {
    let report = reported_while_deleted(recording)?;
    recording.change(report, |line| {
        let seconds = line.number("/responseObject/metadata/deletionGracePeriodSeconds");
        line.set("/responseObject/metadata/deletionGracePeriodSeconds", seconds + 270);
    });
    Some(report)
}

fn deletion_ends_later_by_a_report(recording: &mut Recording) -> Option<usize> {
    let report = reported_while_deleted(recording)?;
    recording.change(report, |line| {
        line.set("/responseObject/metadata/deletionTimestamp", "2099-01-01T00:00:00Z");
    });
    Some(report)
}

fn node_reported_by_the_scheduler(recording: &mut Recording) -> Option<usize> {
    let created = lives(recording).into_iter().map(|life| recording.line(life.created).at()).min()?;
    let is_heartbeat = |line: &&crate::line::Line| {
        line.is("patch", "nodes/status") && line.kubelet().is_some() && line.received() > created
    };
    let report = recording.audit().find(is_heartbeat)?.id;
    recording.change(report, by_scheduler);
    Some(report)
}
