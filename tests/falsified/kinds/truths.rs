//! Changes of a recording that are no lies: it is as lawful as it was. They are made as the lies are.

use super::Kind;
use super::endpoints::endpoints;
use crate::edit::{CLEARLY, SECOND, by_controller, by_kubelet, write_again, write_like};
use crate::life::{lives, other};
use crate::line::Line;
use crate::recording::Recording;

/// All of them.
pub const TRUTHS: &[Kind] = &[
    Kind {
        name: "report-repeated",
        tells: "the kubelet reports what it has reported before",
        shows: "nowhere",
        by_the_api: true,
        falsify: report_repeated,
    },
    Kind {
        name: "slice-repeated",
        tells: "the slice is written as it was, without endpoints",
        shows: "nowhere",
        by_the_api: true,
        falsify: slice_repeated,
    },
    Kind {
        name: "rules-repeated",
        tells: "rules are written as they were",
        shows: "nowhere",
        by_the_api: false,
        falsify: rules_repeated,
    },
    Kind {
        name: "second-binding-refused",
        tells: "a second binding is refused",
        shows: "nowhere",
        by_the_api: true,
        falsify: second_binding_refused,
    },
    Kind {
        name: "other-kubelets-report-refused",
        tells: "a report of another kubelet is refused",
        shows: "nowhere",
        by_the_api: true,
        falsify: other_report_refused,
    },
    Kind {
        name: "pod-of-a-deployment-refused",
        tells: "the Deployment controller may not create a pod",
        shows: "nowhere",
        by_the_api: true,
        falsify: creation_refused,
    },
];

fn report_repeated(recording: &mut Recording) -> Option<usize> {
    let life = lives(recording).into_iter().find(|life| life.ready(recording).is_some())?;
    let ready = life.ready(recording)?;
    let at = recording.line(ready).at() + 10_000;
    Some(write_again(recording, ready, at, |line| by_kubelet(line, &life.node)))
}

fn slice_repeated(recording: &mut Recording) -> Option<usize> {
    let slices = recording.audit().filter(|line| line.is("update", "endpointslices"));
    let last = slices.filter(|line| endpoints(line).is_empty()).max_by_key(|line| line.version())?;
    let (id, at) = (last.id, last.at() + 10_000);
    Some(write_again(recording, id, at, |line| by_controller(line, "endpointslice-controller")))
}

fn rules_repeated(recording: &mut Recording) -> Option<usize> {
    let mut lines = recording.lines("proxy-node-a.jsonl").iter();
    let last = lines.rfind(|line| line.text("/src") == "restore")?;
    let (id, at) = (last.id, last.at() + CLEARLY);
    Some(recording.add_like(id, |line| line.happens(at)))
}

fn refused(line: &mut Line) {
    let status = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409});
    line.set("/responseStatus", serde_json::json!({"metadata": {}, "status": "Failure", "code": 409}));
    line.set("/responseObject", status);
}

fn second_binding_refused(recording: &mut Recording) -> Option<usize> {
    let life = lives(recording).into_iter().next()?;
    let at = recording.line(life.bound).at() + SECOND;
    Some(write_like(recording, life.bound, at, |line| {
        line.set("/requestObject/target/name", other(&life.node));
        refused(line);
    }))
}

fn other_report_refused(recording: &mut Recording) -> Option<usize> {
    let life = lives(recording).into_iter().find(|life| life.ready(recording).is_some())?;
    let ready = life.ready(recording)?;
    let at = recording.line(ready).at() + SECOND;
    Some(write_like(recording, ready, at, |line| {
        by_kubelet(line, other(&life.node));
        refused(line);
    }))
}

fn creation_refused(recording: &mut Recording) -> Option<usize> {
    let created = lives(recording).into_iter().next()?.created;
    let at = recording.line(created).at() + SECOND;
    Some(write_like(recording, created, at, |line| {
        by_controller(line, "deployment-controller");
        refused(line);
    }))
}
