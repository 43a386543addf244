//! Lies about EndpointSlices.

use serde_json::{Value, json};

use super::Kind;
use crate::edit::{CLEARLY, SECOND, by_controller, by_kubelet, end, write_again, write_like};
use crate::life::{is_ready, lives};
use crate::line::Line;
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "slice-keeps-a-removed-pod",
        tells: "a slice has a pod, as ready, that was removed",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_keeps_a_removed_pod,
    },
    Kind {
        name: "slice-keeps-a-removed-pod-for-good",
        tells: "all writes of a slice have a pod, as it had it before, that was removed",
        shows: "the first of them",
        by_the_api: true,
        falsify: slice_keeps_a_removed_pod_for_good,
    },
    Kind {
        name: "slice-ends-with-a-removed-pod",
        tells: "the last write of a slice has a pod, as it had it before, that was removed",
        shows: "that write",
        by_the_api: true,
        falsify: slice_ends_with_a_removed_pod,
    },
    Kind {
        name: "slice-has-a-pod-before-it-is-ready",
        tells: "a slice has a pod as ready that was never Ready",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_has_a_pod_before_it_is_ready,
    },
    Kind {
        name: "slice-knows-before-the-report",
        tells: "a slice has a pod as ready before its kubelet reports it",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_knows_before_the_report,
    },
    Kind {
        name: "slice-forgets-a-ready-pod",
        tells: "a slice leaves out a pod that is Ready",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_forgets_a_ready_pod,
    },
    Kind {
        name: "slice-says-that-a-pod-terminates",
        tells: "a slice has a pod as terminating that nobody deleted",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_says_that_a_pod_terminates,
    },
    Kind {
        name: "slice-has-an-address-that-nobody-has",
        tells: "a slice has a pod with an address that it never had",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_has_an_address_that_nobody_has,
    },
    Kind {
        name: "slice-written-as-it-was",
        tells: "the controller writes a slice with what stands in it",
        shows: "that write",
        by_the_api: true,
        falsify: slice_written_as_it_was,
    },
    Kind {
        name: "slice-written-by-a-kubelet",
        tells: "a kubelet writes a slice",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_written_by_a_kubelet,
    },
    Kind {
        name: "slice-written-by-another-controller",
        tells: "the ReplicaSet controller writes a slice",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_written_by_another_controller,
    },
    Kind {
        name: "slice-goes-over-to-another-service",
        tells: "the controller makes a slice one of another Service",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_goes_over_to_another_service,
    },
    Kind {
        name: "slice-of-another-address-type",
        tells: "a slice changes its addressType",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_of_another_address_type,
    },
    Kind {
        name: "slice-before-its-service",
        tells: "a Service is created after the first slice of it",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_before_its_service,
    },
    Kind {
        name: "slice-of-a-service-that-selects-nobody",
        tells: "a Service selects none of the pods that its slices show",
        shows: "the first slice that shows one",
        by_the_api: true,
        falsify: slice_of_a_service_that_selects_nobody,
    },
    Kind {
        name: "slice-removed-by-its-controller",
        tells: "the controller removes the only slice of a Service",
        shows: "that removal",
        by_the_api: true,
        falsify: slice_removed_by_its_controller,
    },
];

fn slices(recording: &Recording) -> Vec<&Line> {
    let mut slices: Vec<&Line> =
        recording.audit().filter(|line| line.is("update", "endpointslices")).collect();
    slices.sort_by_key(|line| line.version());
    slices.dedup_by_key(|line| line.version());
    slices
}

/// The endpoints that a write of a slice leaves.
pub fn endpoints(line: &Line) -> &[Value] {
    line.value["responseObject"]["endpoints"].as_array().map_or(&[], Vec::as_slice)
}

fn of<'l>(line: &'l Line, uid: &str) -> Option<&'l Value> {
    endpoints(line).iter().find(|endpoint| endpoint["targetRef"]["uid"] == uid)
}

fn change(line: &mut Line, change: impl FnOnce(&mut Vec<Value>)) {
    let endpoints = line.value.pointer_mut("/responseObject/endpoints").and_then(Value::as_array_mut);
    change(endpoints.expect("a slice with endpoints"));
}

fn conditions(ready: bool, terminating: bool) -> Value {
    json!({"ready": ready, "serving": ready || terminating, "terminating": terminating})
}

/// The write of the slice that takes out a pod that was removed has it still, as ready.
fn slice_keeps_a_removed_pod(recording: &mut Recording) -> Option<usize> {
    let all = slices(recording);
    let (write, endpoint) = lives(recording).into_iter().find_map(|life| {
        let removed = recording.line(life.removed?).received();
        let had = all.iter().rfind(|line| line.received() < removed && of(line, &life.uid).is_some())?;
        let without = all.iter().find(|line| line.received() > removed && of(line, &life.uid).is_none())?;
        let mut endpoint = of(had, &life.uid)?.clone();
        endpoint["conditions"] = conditions(true, false);
        Some((without.id, endpoint))
    })?;
    recording.change(write, |line| change(line, |endpoints| endpoints.push(endpoint)));
    Some(write)
}

/// No write of a slice takes out a pod that was removed.
fn slice_keeps_a_removed_pod_for_good(recording: &mut Recording) -> Option<usize> {
    let all = slices(recording);
    let (writes, endpoint) = lives(recording).into_iter().find_map(|life| {
        let removed = recording.line(life.removed?).received();
        let had = all.iter().rfind(|line| of(line, &life.uid).is_some())?;
        let is_after = |line: &&&Line| line.name() == had.name() && line.version() > had.version();
        let without: Vec<usize> = all.iter().filter(is_after).map(|line| line.id).collect();
        let first = recording.line(*without.first()?);
        (removed < first.received()).then(|| Some((without, of(had, &life.uid)?.clone()))).flatten()
    })?;
    for &write in &writes {
        recording.change(write, |line| change(line, |endpoints| endpoints.push(endpoint.clone())));
    }
    writes.first().copied()
}

/// The last write of a slice has a pod still that was removed long before it, so that no later write takes it out.
fn slice_ends_with_a_removed_pod(recording: &mut Recording) -> Option<usize> {
    let all = slices(recording);
    let (write, endpoint) = lives(recording).into_iter().find_map(|life| {
        let removed = recording.line(life.removed?).at();
        let had = all.iter().rfind(|line| of(line, &life.uid).is_some())?;
        let last = all.iter().rfind(|line| line.name() == had.name())?;
        let is_gone = removed + CLEARLY < last.received() && of(last, &life.uid).is_none();
        is_gone.then(|| Some((last.id, of(had, &life.uid)?.clone()))).flatten()
    })?;
    recording.change(write, |line| change(line, |endpoints| endpoints.push(endpoint)));
    Some(write)
}

/// A pod is ready in the slice that shows it first, long before its kubelet says so.
fn slice_has_a_pod_before_it_is_ready(recording: &mut Recording) -> Option<usize> {
    let all = slices(recording);
    let (write, uid) = lives(recording).into_iter().find_map(|life| {
        let first = all.iter().find(|line| of(line, &life.uid).is_some())?;
        let ready = recording.line(life.ready(recording)?).version();
        (first.version() < ready).then(|| (first.id, life.uid.clone()))
    })?;
    recording.change(write, |line| {
        change(line, |endpoints| {
            for endpoint in endpoints.iter_mut().filter(|endpoint| endpoint["targetRef"]["uid"] == *uid) {
                endpoint["conditions"] = conditions(true, false);
            }
        });
    });
    Some(write)
}

/// The last write of a slice, if it has a ready endpoint, and nobody asks anything of a pod after it.
fn at_rest(recording: &Recording) -> Option<usize> {
    let is_ready = |endpoint: &Value| endpoint["conditions"]["ready"] == true;
    let last = *slices(recording).iter().rfind(|line| endpoints(line).iter().any(is_ready))?;
    let next = last.at() + 2 * SECOND;
    let disturbs = |line: &&Line| {
        line.text("/objectRef/resource") == "pods"
            && !line.is("get", "pods")
            && (last.received() - SECOND / 2..next).contains(&line.received())
            && line.version() > last.version()
    };
    (recording.audit().find(disturbs).is_none() && next < end(recording)).then_some(last.id)
}

fn slice_forgets_a_ready_pod(recording: &mut Recording) -> Option<usize> {
    let last = at_rest(recording)?;
    let at = recording.line(last).at() + SECOND;
    Some(write_like(recording, last, at, |line| {
        change(line, |endpoints| {
            let at = endpoints.iter().position(|endpoint| endpoint["conditions"]["ready"] == true);
            endpoints.remove(at.expect("a ready endpoint"));
        });
    }))
}

fn slice_says_that_a_pod_terminates(recording: &mut Recording) -> Option<usize> {
    let last = at_rest(recording)?;
    let at = recording.line(last).at() + SECOND;
    Some(write_like(recording, last, at, |line| {
        change(line, |endpoints| {
            let mut ready = endpoints.iter_mut().filter(|endpoint| endpoint["conditions"]["ready"] == true);
            ready.next().expect("a ready endpoint")["conditions"] = conditions(false, true);
        });
    }))
}

fn slice_has_an_address_that_nobody_has(recording: &mut Recording) -> Option<usize> {
    let last = at_rest(recording)?;
    let at = recording.line(last).at() + SECOND;
    Some(write_like(recording, last, at, |line| {
        change(line, |endpoints| endpoints[0]["addresses"] = json!(["10.244.9.9"]));
    }))
}

fn slice_written_as_it_was(recording: &mut Recording) -> Option<usize> {
    let last = at_rest(recording)?;
    let at = recording.line(last).at() + SECOND;
    Some(write_again(recording, last, at, |line| by_controller(line, "endpointslice-controller")))
}

fn by_somebody_else(recording: &mut Recording, become_of: impl FnOnce(&mut Line)) -> Option<usize> {
    let write = slices(recording).into_iter().find(|line| !endpoints(line).is_empty())?.id;
    recording.change(write, become_of);
    Some(write)
}

fn slice_written_by_a_kubelet(recording: &mut Recording) -> Option<usize> {
    by_somebody_else(recording, |line| by_kubelet(line, "node-a"))
}

fn slice_written_by_another_controller(recording: &mut Recording) -> Option<usize> {
    by_somebody_else(recording, |line| by_controller(line, "replicaset-controller"))
}

/// A pod that has just been reported Ready is in the slice before that.
fn slice_knows_before_the_report(recording: &mut Recording) -> Option<usize> {
    let all = slices(recording);
    let (write, report) = lives(recording).into_iter().find_map(|life| {
        let report = life.ready(recording)?;
        let is_in = |line: &&&Line| of(line, &life.uid).is_some_and(|end| end["conditions"]["ready"] == true);
        let first = all.iter().find(is_in)?;
        Some((first.id, report))
    })?;
    let line = recording.line(report);
    let before = line.received();
    let has_room = is_ready(line) && recording.version_at(before - CLEARLY / 2) != 0;
    has_room.then(|| {
        crate::edit::move_write(recording, write, before - CLEARLY / 2);
        write
    })
}

/// The label by which a slice is one of its Service.
const SERVICE: &str = "kubernetes.io/service-name";

fn slice_goes_over_to_another_service(recording: &mut Recording) -> Option<usize> {
    let last = at_rest(recording)?;
    let at = recording.line(last).at() + SECOND;
    Some(write_like(recording, last, at, |line| {
        line.value["responseObject"]["metadata"]["labels"][SERVICE] = json!("another");
    }))
}

fn slice_of_another_address_type(recording: &mut Recording) -> Option<usize> {
    let last = at_rest(recording)?;
    let at = recording.line(last).at() + SECOND;
    Some(write_like(recording, last, at, |line| line.set("/responseObject/addressType", "IPv6")))
}

fn slice_before_its_service(recording: &mut Recording) -> Option<usize> {
    let first = recording.audit().find(|line| line.is("create", "endpointslices"))?;
    let (slice, after) = (first.id, first.at() + CLEARLY);
    let of = first.value["responseObject"]["metadata"]["labels"][SERVICE].as_str()?.to_owned();
    let service = recording.audit().find(|line| line.is("create", "services") && line.name() == of)?.id;
    crate::edit::move_write(recording, service, after);
    Some(slice)
}

fn slice_of_a_service_that_selects_nobody(recording: &mut Recording) -> Option<usize> {
    let shows = |line: &&&Line| line.is_by("endpointslice-controller") && !endpoints(line).is_empty();
    let first = slices(recording).iter().find(shows)?.id;
    let of =
        recording.line(first).value["responseObject"]["metadata"]["labels"][SERVICE].as_str()?.to_owned();
    recording.audit().find(|line| line.is("create", "services") && line.name() == of)?;
    recording.change_objects("Service", Some(&of), |service| {
        service["spec"]["selector"] = json!({"app": "nobody"});
    });
    Some(first)
}

fn slice_removed_by_its_controller(recording: &mut Recording) -> Option<usize> {
    let last = at_rest(recording)?;
    let at = recording.line(last).at() + SECOND;
    Some(write_like(recording, last, at, |line| {
        let details = json!({"name": line.name(), "group": "discovery.k8s.io", "kind": "endpointslices"});
        line.set("/verb", "delete");
        line.set("/requestObject", Value::Null);
        line.set("/responseObject", json!({"kind": "Status", "status": "Success", "details": details}));
    }))
}
