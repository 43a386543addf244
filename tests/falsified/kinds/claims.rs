//! Lies of an object about itself: what it says does not fit together, or not with what it was made from.

use serde_json::{Value, json};

use super::Kind;
use crate::edit::{CLEARLY, SECOND, by_kubelet, end, write_like};
use crate::life::{Life, is_ready, lives, other};
use crate::line::Line;
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "grace-that-nobody-asked-for",
        tells: "a deletion gives a pod one second, which nobody asked for",
        shows: "that deletion",
        by_the_api: true,
        falsify: grace_that_nobody_asked_for,
    },
    Kind {
        name: "ready-with-a-container-that-is-not",
        tells: "a pod is Ready, and a container of it is not",
        shows: "that report",
        by_the_api: true,
        falsify: ready_with_a_container_that_is_not,
    },
    Kind {
        name: "ready-with-a-container-that-ended",
        tells: "a pod is Ready, and a container of it has ended",
        shows: "that report",
        by_the_api: true,
        falsify: ready_with_a_container_that_ended,
    },
    Kind {
        name: "over-although-a-container-runs",
        tells: "a pod has succeeded or failed, and a container of it runs",
        shows: "that report",
        by_the_api: true,
        falsify: over_although_a_container_runs,
    },
    Kind {
        name: "pod-of-another-image",
        tells: "a ReplicaSet's pod is created with an image that its template does not have",
        shows: "that creation",
        by_the_api: true,
        falsify: pod_of_another_image,
    },
    Kind {
        name: "pod-with-other-labels",
        tells: "a ReplicaSet's pod is created with labels that its template does not have",
        shows: "that creation",
        by_the_api: true,
        falsify: pod_with_other_labels,
    },
    Kind {
        name: "address-of-another-pod",
        tells: "a pod has the address of another that is Ready",
        shows: "that report",
        by_the_api: true,
        falsify: address_of_another_pod,
    },
    Kind {
        name: "more-ready-than-there-are",
        tells: "a ReplicaSet has more ready pods than pods",
        shows: "that status",
        by_the_api: true,
        falsify: more_ready_than_there_are,
    },
    Kind {
        name: "generation-of-the-future",
        tells: "a controller has observed a generation that is not there yet",
        shows: "that status",
        by_the_api: true,
        falsify: generation_of_the_future,
    },
    Kind {
        name: "pods-that-a-replica-set-never-had",
        tells: "a ReplicaSet counts pods that were never there",
        shows: "that status",
        by_the_api: true,
        falsify: pods_that_a_replica_set_never_had,
    },
    Kind {
        name: "none-ready-though-all-are",
        tells: "a ReplicaSet whose pods are Ready, and have been for long, counts none that is",
        shows: "that status",
        by_the_api: true,
        falsify: none_ready_though_all_are,
    },
    Kind {
        name: "deployment-with-more-than-its-replica-sets",
        tells: "a Deployment counts more pods than its ReplicaSets",
        shows: "that status",
        by_the_api: true,
        falsify: deployment_with_more_than_its_replica_sets,
    },
    Kind {
        name: "deployment-with-more-available-than-ready",
        tells: "a Deployment has more available pods than ready ones",
        shows: "that status",
        by_the_api: true,
        falsify: deployment_with_more_available_than_ready,
    },
    Kind {
        name: "available-before-min-ready-seconds",
        tells: "pods that must be Ready for a minute are available before",
        shows: "the first status that counts one",
        by_the_api: true,
        falsify: available_before_min_ready_seconds,
    },
    Kind {
        name: "slice-with-another-port",
        tells: "a slice leads to another port than its Service",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_with_another_port,
    },
    Kind {
        name: "slice-with-a-pod-on-another-node",
        tells: "a slice has a pod on another node than it was bound to",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_with_a_pod_on_another_node,
    },
    Kind {
        name: "slice-with-two-addresses-of-a-pod",
        tells: "a slice has a pod with two addresses",
        shows: "that slice",
        by_the_api: true,
        falsify: slice_with_two_addresses_of_a_pod,
    },
    Kind {
        name: "lease-renewed-by-another-kubelet",
        tells: "a node's lease is renewed by the other's kubelet",
        shows: "that renewal",
        by_the_api: true,
        falsify: lease_renewed_by_another_kubelet,
    },
];

/// A deletion by anybody but a kubelet that leaves the pod with a grace period.
fn grace_that_nobody_asked_for(recording: &mut Recording) -> Option<usize> {
    const GRACE: &str = "/responseObject/metadata/deletionGracePeriodSeconds";
    let gives = |line: &Line| line.is("delete", "pods") && line.number(GRACE) > 1;
    let asked = lives(recording).into_iter().filter_map(|life| life.asked);
    let asked = asked.into_iter().find(|&id| gives(recording.line(id)))?;
    recording.change(asked, |line| line.set(GRACE, 1));
    Some(asked)
}

fn statuses(line: &mut Line, change: impl Fn(&mut Value)) {
    let all =
        line.value.pointer_mut("/responseObject/status/containerStatuses").and_then(Value::as_array_mut);
    all.into_iter().flatten().for_each(change);
}

fn first_ready(recording: &Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| life.ready(recording))
}

fn ready_with_a_container_that_is_not(recording: &mut Recording) -> Option<usize> {
    let ready = first_ready(recording)?;
    recording.change(ready, |line| statuses(line, |one| one["ready"] = json!(false)));
    Some(ready)
}

fn ready_with_a_container_that_ended(recording: &mut Recording) -> Option<usize> {
    let ready = first_ready(recording)?;
    recording.change(ready, |line| {
        statuses(line, |one| one["state"] = json!({"terminated": {"exitCode": 1, "reason": "Error"}}));
    });
    Some(ready)
}

fn over_although_a_container_runs(recording: &mut Recording) -> Option<usize> {
    let is_over = |line: &Line| ["Succeeded", "Failed"].contains(&line.text("/responseObject/status/phase"));
    let over = lives(recording).into_iter().find_map(|life| life.report(recording, is_over))?;
    recording.change(over, |line| statuses(line, |one| one["state"] = json!({"running": {}})));
    Some(over)
}

/// The first creation of a pod by the ReplicaSet controller, in what was asked for and in what came of it.
pub(super) fn change_creation(recording: &mut Recording, change: impl Fn(&mut Value)) -> Option<usize> {
    let is_it = |line: &&Line| line.is("create", "pods") && line.is_by("replicaset-controller");
    let creation = recording.audit().find(is_it)?.id;
    recording.change(creation, |line| {
        for object in ["requestObject", "responseObject"] {
            change(&mut line.value[object]);
        }
    });
    Some(creation)
}

fn pod_of_another_image(recording: &mut Recording) -> Option<usize> {
    change_creation(recording, |pod| pod["spec"]["containers"][0]["image"] = json!("another"))
}

fn pod_with_other_labels(recording: &mut Recording) -> Option<usize> {
    change_creation(recording, |pod| pod["metadata"]["labels"]["role"] = json!("other"))
}

/// The first report with an address, of a pod that got it while another of its ReplicaSet was Ready.
fn address_of_another_pod(recording: &mut Recording) -> Option<usize> {
    const IP: &str = "/responseObject/status/podIP";
    let owner = |life: &Life| life.pod(recording)["metadata"]["ownerReferences"][0]["uid"].clone();
    let all = lives(recording);
    let (report, ip) = all.iter().find_map(|life| {
        let report = life.report(recording, |line| !line.text(IP).is_empty())?;
        let at = recording.line(report).received();
        let beside = all.iter().filter(|other| other.uid != life.uid && owner(other) == owner(life));
        let mut beside = beside.filter(|other| owner(other).is_string());
        beside.find_map(|other| {
            let ready = recording.line(other.ready(recording)?);
            let last = other.reports.iter().rfind(|&&id| recording.line(id).received() < at)?;
            let goes = other.asked.map(|asked| recording.line(asked).received());
            let lives = ready.at() + CLEARLY < at && goes.is_none_or(|goes| goes > at + CLEARLY);
            (lives && is_ready(recording.line(*last))).then(|| (report, ready.text(IP).to_owned()))
        })
    })?;
    recording.change(report, |line| {
        line.set(IP, ip.as_str());
        line.set("/responseObject/status/podIPs", json!([{"ip": ip}]));
    });
    Some(report)
}

/// The first status of a ReplicaSet of which this is so, by version.
fn status(recording: &Recording, resource: &str, is: impl Fn(&Line) -> bool) -> Option<usize> {
    let all = recording.audit().filter(|line| line.is("update", &format!("{resource}/status")) && is(line));
    all.min_by_key(|line| line.version()).map(|line| line.id)
}

fn more_ready_than_there_are(recording: &mut Recording) -> Option<usize> {
    let status = status(recording, "replicasets", |line| line.number("/responseObject/status/replicas") > 0)?;
    recording.change(status, |line| {
        let there = line.number("/responseObject/status/replicas");
        line.set("/responseObject/status/readyReplicas", there + 1);
    });
    Some(status)
}

/// A status whose counts are all higher.
fn more_of_all(recording: &mut Recording, status: usize) -> usize {
    recording.change(status, |line| {
        for field in ["replicas", "readyReplicas", "availableReplicas", "fullyLabeledReplicas"] {
            let pointer = format!("/responseObject/status/{field}");
            if line.value.pointer(&pointer).is_some() {
                line.set(&pointer, line.number(&pointer) + 5);
            }
        }
    });
    status
}

fn pods_that_a_replica_set_never_had(recording: &mut Recording) -> Option<usize> {
    let status = status(recording, "replicasets", |line| line.number("/responseObject/status/replicas") > 0)?;
    Some(more_of_all(recording, status))
}

fn deployment_with_more_than_its_replica_sets(recording: &mut Recording) -> Option<usize> {
    let status = status(recording, "deployments", |line| line.number("/responseObject/status/replicas") > 0)?;
    Some(more_of_all(recording, status))
}

/// Once more, long after its last, the last status of a ReplicaSet that has pods and nothing else to do.
fn none_ready_though_all_are(recording: &mut Recording) -> Option<usize> {
    const READY: &str = "/responseObject/status/readyReplicas";
    let all = recording.audit().filter(|line| line.is("update", "replicasets/status"));
    let last = all.max_by_key(|line| line.version())?;
    let is_whole =
        last.number(READY) > 0 && last.number(READY) == last.number("/responseObject/spec/replicas");
    let (id, at) = (last.id, end(recording) + 60 * SECOND);
    is_whole.then(|| {
        write_like(recording, id, at, |line| {
            line.set(READY, 0);
            line.set("/responseObject/status/availableReplicas", 0);
        })
    })
}

fn generation_of_the_future(recording: &mut Recording) -> Option<usize> {
    const OBSERVED: &str = "/responseObject/status/observedGeneration";
    let has_one = |line: &Line| line.number("/responseObject/metadata/generation") > 0;
    let status = status(recording, "deployments", has_one)?;
    recording
        .change(status, |line| line.set(OBSERVED, line.number("/responseObject/metadata/generation") + 1));
    Some(status)
}

fn deployment_with_more_available_than_ready(recording: &mut Recording) -> Option<usize> {
    let status = status(recording, "deployments", |line| line.number("/responseObject/status/replicas") > 0)?;
    recording.change(status, |line| {
        let ready = line.number("/responseObject/status/readyReplicas");
        line.set("/responseObject/status/availableReplicas", ready + 1);
    });
    Some(status)
}

fn available_before_min_ready_seconds(recording: &mut Recording) -> Option<usize> {
    let counts = |line: &Line| line.number("/responseObject/status/availableReplicas") > 0;
    let first = status(recording, "replicasets", counts)?;
    for kind in ["Deployment", "ReplicaSet"] {
        recording.change_objects(kind, None, |object| {
            if object["spec"]["template"].is_object() {
                object["spec"]["minReadySeconds"] = json!(60);
            }
        });
    }
    Some(first)
}

/// The first slice with an endpoint, by version.
fn slice(recording: &Recording) -> Option<usize> {
    let has_one = |line: &&Line| {
        line.is("update", "endpointslices") && line.value["responseObject"]["endpoints"][0].is_object()
    };
    recording.audit().filter(has_one).min_by_key(|line| line.version()).map(|line| line.id)
}

fn slice_with_another_port(recording: &mut Recording) -> Option<usize> {
    let slice = slice(recording)?;
    recording.change(slice, |line| line.set("/responseObject/ports/0/port", 9_999));
    Some(slice)
}

fn slice_with_a_pod_on_another_node(recording: &mut Recording) -> Option<usize> {
    const HOST: &str = "/responseObject/endpoints/0/topology/kubernetes.io~1hostname";
    let slice = slice(recording).filter(|&slice| !recording.line(slice).text(HOST).is_empty())?;
    recording.change(slice, |line| {
        let node = other(line.text(HOST));
        let endpoint = line.value.pointer_mut("/responseObject/endpoints/0").expect("an endpoint");
        endpoint["topology"]["kubernetes.io/hostname"] = json!(node);
        if endpoint.get("nodeName").is_some() {
            endpoint["nodeName"] = json!(node);
        }
    });
    Some(slice)
}

fn slice_with_two_addresses_of_a_pod(recording: &mut Recording) -> Option<usize> {
    let slice = slice(recording)?;
    recording.change(slice, |line| {
        let addresses =
            line.value.pointer_mut("/responseObject/endpoints/0/addresses").and_then(Value::as_array_mut);
        addresses.expect("addresses").push(json!("10.244.9.9"));
    });
    Some(slice)
}

fn lease_renewed_by_another_kubelet(recording: &mut Recording) -> Option<usize> {
    let is_renewal =
        |line: &&Line| line.is("update", "leases") && line.text("/objectRef/namespace") == "kube-node-lease";
    let own = |line: &&Line| is_renewal(line) && line.kubelet() == Some(line.name());
    let renewal = recording.audit().filter(own).nth(1)?;
    let (id, node, at) = (renewal.id, renewal.name().to_owned(), renewal.at() + CLEARLY);
    Some(write_like(recording, id, at, |line| by_kubelet(line, other(&node))))
}
