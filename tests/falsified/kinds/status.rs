//! Lies about the status of pods.

use serde_json::{Value, json};

use super::Kind;
use crate::edit::{CLEARLY, SECOND, by_controller, by_kubelet, end, move_write, write_like};
use crate::life::{Life, is_ready, lives, other, phase, set_ready};
use crate::line::{Line, Micros};
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "reported-by-two-kubelets",
        tells: "the other node's kubelet reports the pod too",
        shows: "its report",
        by_the_api: true,
        falsify: reported_by_two_kubelets,
    },
    Kind {
        name: "reported-not-ready-by-another-kubelet",
        tells: "the other node's kubelet says that the pod is not Ready",
        shows: "its report",
        by_the_api: true,
        falsify: reported_not_ready_by_another_kubelet,
    },
    Kind {
        name: "reported-by-a-controller",
        tells: "the ReplicaSet controller says that the pod is Ready",
        shows: "its write",
        by_the_api: true,
        falsify: reported_by_a_controller,
    },
    Kind {
        name: "running-after-it-was-over",
        tells: "Succeeded or Failed, then Running",
        shows: "the report of Running",
        by_the_api: true,
        falsify: running_after_it_was_over,
    },
    Kind {
        name: "ended-otherwise-than-before",
        tells: "a container that had ended with 0 is told to have ended with 1, and is the same one",
        shows: "that report",
        by_the_api: true,
        falsify: ended_otherwise_than_before,
    },
    Kind {
        name: "runs-after-it-ended",
        tells: "a container that had ended is told to run, and is the same one",
        shows: "that report",
        by_the_api: true,
        falsify: runs_after_it_ended,
    },
    Kind {
        name: "over-although-it-restarts",
        tells: "Succeeded, though restartPolicy is Always",
        shows: "that report",
        by_the_api: true,
        falsify: over_although_it_restarts,
    },
    Kind {
        name: "pending-although-it-runs",
        tells: "Pending, though its containers run",
        shows: "that report",
        by_the_api: false,
        falsify: pending_although_it_runs,
    },
    Kind {
        name: "ready-although-pending",
        tells: "Ready, though Pending",
        shows: "that report",
        by_the_api: true,
        falsify: ready_although_pending,
    },
    Kind {
        name: "running-before-it-started",
        tells: "Running before a container was started",
        shows: "that report",
        by_the_api: false,
        falsify: running_before_it_started,
    },
    Kind {
        name: "ready-although-it-never-listened",
        tells: "Ready by its probe, but its process never listened",
        shows: "the report of Ready",
        by_the_api: false,
        falsify: ready_although_it_never_listened,
    },
    Kind {
        name: "ready-before-it-listened",
        tells: "Ready by its probe before its process listens",
        shows: "the report of Ready",
        by_the_api: false,
        falsify: ready_before_it_listened,
    },
    Kind {
        name: "reported-after-its-removal",
        tells: "the kubelet reports the pod after it has removed it",
        shows: "that report",
        by_the_api: true,
        falsify: reported_after_its_removal,
    },
    Kind {
        name: "another-address-in-the-same-sandbox",
        tells: "the pod has another address, and its sandbox is the same",
        shows: "that report",
        by_the_api: false,
        falsify: another_address_in_the_same_sandbox,
    },
    Kind {
        name: "ready-after-its-containers-exited",
        tells: "a pod that goes is Ready after its containers have exited",
        shows: "that report",
        by_the_api: false,
        falsify: ready_after_its_containers_exited,
    },
];

/// The first pod with a report that it is Ready, and that report.
fn first_ready(recording: &Recording) -> Option<(Life, usize)> {
    lives(recording).into_iter().find_map(|life| {
        let ready = life.ready(recording)?;
        Some((life, ready))
    })
}

/// Nothing is asked of this pod for a while after its first report that it is Ready.
fn first_at_rest(recording: &Recording) -> Option<(Life, usize)> {
    lives(recording).into_iter().find_map(|life| {
        let ready = life.ready(recording)?;
        let until = recording.line(ready).at() + 2 * SECOND;
        let calm = |id: &usize| recording.line(*id).received() > until;
        let later = life.reports.iter().copied().filter(|&id| id > ready).chain(life.asked);
        let exits = life.containers(recording).into_iter();
        let exits = exits.flat_map(|name| life.runtime(recording, "/tasks/exit", Some(&name)));
        (later.chain(exits).all(|id| calm(&id)) && until < end(recording)).then_some((life, ready))
    })
}

fn reported_by_two_kubelets(recording: &mut Recording) -> Option<usize> {
    let (life, ready) = first_ready(recording)?;
    let at = recording.line(ready).at() + 100_000;
    Some(write_like(recording, ready, at, |line| by_kubelet(line, other(&life.node))))
}

fn reported_not_ready_by_another_kubelet(recording: &mut Recording) -> Option<usize> {
    let (life, ready) = first_at_rest(recording)?;
    let at = recording.line(ready).at() + SECOND;
    Some(write_like(recording, ready, at, |line| {
        by_kubelet(line, other(&life.node));
        set_ready(line, false);
    }))
}

fn reported_by_a_controller(recording: &mut Recording) -> Option<usize> {
    let (_, ready) = first_ready(recording)?;
    recording.change(ready, |line| by_controller(line, "replicaset-controller"));
    Some(ready)
}

fn running_after_it_was_over(recording: &mut Recording) -> Option<usize> {
    let over = |line: &Line| ["Succeeded", "Failed"].contains(&phase(line));
    lives(recording).into_iter().find_map(|life| {
        let over = life.report(recording, over)?;
        let ran = life.report(recording, |line| phase(line) == "Running")?;
        let at = recording.line(over).at() + CLEARLY;
        Some(write_like(recording, ran, at, |_| {}))
    })
}

/// A report of a pod after another which told the same end of one of its containers: which, and where that stands in the report.
fn told_again(recording: &Recording) -> Option<(usize, String)> {
    let ends = |id: usize| {
        let status = &recording.line(id).value["responseObject"]["status"];
        let lists = ["initContainerStatuses", "containerStatuses"];
        let all = lists.into_iter().flat_map(|list| {
            let containers = status[list].as_array().into_iter().flatten().enumerate();
            containers.map(move |(index, container)| {
                (format!("/responseObject/status/{list}/{index}"), container.clone())
            })
        });
        all.filter(|(_, container)| container["state"]["terminated"]["exitCode"] == 0).collect::<Vec<_>>()
    };
    lives(recording).into_iter().find_map(|life| {
        life.reports.windows(2).find_map(|pair| {
            let before = ends(pair[0]);
            let again = ends(pair[1]).into_iter().find(|(_, now)| {
                before.iter().any(|(_, then)| then["state"]["terminated"] == now["state"]["terminated"])
            })?;
            Some((pair[1], again.0))
        })
    })
}

fn ended_otherwise_than_before(recording: &mut Recording) -> Option<usize> {
    let (report, place) = told_again(recording)?;
    recording.change(report, |line| line.set(&format!("{place}/state/terminated/exitCode"), 1));
    Some(report)
}

fn runs_after_it_ended(recording: &mut Recording) -> Option<usize> {
    let (report, place) = told_again(recording)?;
    recording.change(report, |line| {
        let ended = line.value.pointer(&place).expect("it is told")["state"]["terminated"].clone();
        line.set(&format!("{place}/containerID"), ended["containerID"].clone());
        line.set(
            &format!("{place}/state"),
            serde_json::json!({"running": {"startedAt": ended["startedAt"]}}),
        );
    });
    Some(report)
}

fn over_although_it_restarts(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let always = life.pod(recording)["spec"]["restartPolicy"] == "Always";
        let ready = life.ready(recording).filter(|_| always)?;
        let at = recording.line(ready).at() + CLEARLY;
        Some(write_like(recording, ready, at, |line| {
            line.set("/responseObject/status/phase", "Succeeded");
            set_ready(line, false);
        }))
    })
}

fn pending_although_it_runs(recording: &mut Recording) -> Option<usize> {
    let (_, ready) = first_at_rest(recording)?;
    let at = recording.line(ready).at() + SECOND;
    Some(write_like(recording, ready, at, |line| {
        line.set("/responseObject/status/phase", "Pending");
        set_ready(line, false);
    }))
}

fn ready_although_pending(recording: &mut Recording) -> Option<usize> {
    let pending = |line: &Line| phase(line) == "Pending";
    let pending = lives(recording).into_iter().find_map(|life| life.report(recording, pending))?;
    recording.change(pending, |line| set_ready(line, true));
    Some(pending)
}

/// The first report that the pod runs comes before its first container that is no init container has started.
fn running_before_it_started(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let containers = life.containers(recording).into_iter();
        let starts = containers.flat_map(|name| life.runtime(recording, "/tasks/start", Some(&name)));
        let started = starts.map(|id| recording.line(id).at()).min()?;
        let running = life.report(recording, |line| phase(line) == "Running")?;
        let before = *life.reports.iter().take_while(|&&id| id != running).last()?;
        let at = started - CLEARLY;
        (recording.line(before).at() < at && recording.line(running).received() > started).then(|| {
            move_write(recording, running, at);
            running
        })
    })
}

fn has_readiness_probe(life: &Life, recording: &Recording) -> bool {
    let containers = life.pod(recording)["spec"]["containers"].as_array();
    containers.into_iter().flatten().any(|container| container.get("readinessProbe").is_some())
}

/// What the process that the probe found ready has said: that it listens.
fn listened_before(life: &Life, recording: &Recording, ready: usize) -> Option<usize> {
    let before = |id: &usize| recording.line(*id).at() < recording.line(ready).at();
    let containers = life.containers(recording);
    containers.iter().find_map(|name| life.said(recording, "listening", name).into_iter().rfind(before))
}

/// A container with a readiness probe never says that it listens.
fn ready_although_it_never_listened(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let ready = life.ready(recording).filter(|_| has_readiness_probe(&life, recording))?;
        let listened = listened_before(&life, recording, ready)?;
        recording.drop(listened);
        Some(ready)
    })
}

/// A container with a readiness probe says that it listens only after the pod was reported Ready.
fn ready_before_it_listened(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let ready = life.ready(recording).filter(|_| has_readiness_probe(&life, recording))?;
        let listened = listened_before(&life, recording, ready)?;
        let at = recording.line(ready).at() + CLEARLY;
        let asked = life.asked.map(|id| recording.line(id).at());
        let exits = life.containers(recording).into_iter();
        let mut exits = exits.flat_map(|name| life.runtime(recording, "/tasks/exit", Some(&name)));
        let ends = |end: Micros| (at - CLEARLY..at + CLEARLY).contains(&end);
        let calm = exits.all(|id| !ends(recording.line(id).at()));
        (calm && asked.is_none_or(|asked| asked > at + CLEARLY)).then(|| {
            recording.change(listened, |line| line.happens(at));
            ready
        })
    })
}

fn reported_after_its_removal(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let removed = recording.line(life.removed?).at();
        let last = *life.reports.last()?;
        Some(write_like(recording, last, removed + CLEARLY, |line| {
            // Something that the model represents has changed as well.
            let ready = is_ready(line);
            set_ready(line, !ready);
        }))
    })
}

/// The address of a pod changes, though its sandbox is the same.
fn another_address_in_the_same_sandbox(recording: &mut Recording) -> Option<usize> {
    let (_, ready) = first_at_rest(recording)?;
    let at = recording.line(ready).at() + SECOND;
    Some(write_like(recording, ready, at, |line| {
        line.set("/responseObject/status/podIP", "10.244.9.9");
        line.set("/responseObject/status/podIPs", json!([{"ip": "10.244.9.9"}]) as Value);
    }))
}

fn ready_after_its_containers_exited(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let asked = recording.line(life.asked?).at();
        let ready = life.ready(recording)?;
        let (last, removed) = (*life.reports.last()?, recording.line(life.removed?).received());
        let containers = life.containers(recording).into_iter();
        let exits = containers.flat_map(|name| life.runtime(recording, "/tasks/exit", Some(&name)));
        let exited = exits.map(|id| recording.line(id).at()).max().filter(|&exited| exited > asked)?;
        let at = recording.line(last).at().max(exited) + CLEARLY;
        let deleted = recording.line(last).value["responseObject"]["metadata"].clone();
        (last != ready && at + CLEARLY < removed).then(|| {
            let version = recording.version_after(recording.version_at(at)).to_string();
            write_like(recording, ready, at, |line| {
                line.set("/responseObject/metadata", deleted);
                line.set("/responseObject/metadata/resourceVersion", version);
            })
        })
    })
}
