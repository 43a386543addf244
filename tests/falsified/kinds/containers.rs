//! Lies about containers, as their runtime and their processes show them.

use super::Kind;
use crate::edit::{CLEARLY, SECOND, end};
use crate::life::{Life, lives, other};
use crate::line::{Line, Micros};
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "sigterm-after-the-exit",
        tells: "the process gets SIGTERM after it has exited",
        shows: "the signal",
        by_the_api: false,
        falsify: sigterm_after_the_exit,
    },
    Kind {
        name: "killed-right-after-sigterm",
        tells: "exit status 137 right after SIGTERM, seconds before the grace is over",
        shows: "the exit",
        by_the_api: false,
        falsify: killed_right_after_sigterm,
    },
    Kind {
        name: "killed-before-the-grace-was-over",
        tells: "the grace is cut short: SIGKILL half a second after SIGTERM",
        shows: "the exit",
        by_the_api: false,
        falsify: killed_before_the_grace_was_over,
    },
    Kind {
        name: "sigterm-before-the-hook-was-over",
        tells: "SIGTERM while the preStop hook runs",
        shows: "the signal",
        by_the_api: false,
        falsify: sigterm_before_the_hook_was_over,
    },
    Kind {
        name: "started-twice",
        tells: "a container starts twice without an exit between",
        shows: "the second start",
        by_the_api: false,
        falsify: started_twice,
    },
    Kind {
        name: "sandbox-started-twice",
        tells: "a sandbox starts twice without an exit between",
        shows: "the second start",
        by_the_api: false,
        falsify: sandbox_started_twice,
    },
    Kind {
        name: "sigterm-without-a-reason",
        tells: "SIGTERM, though nobody deletes the pod and no probe fails",
        shows: "the signal",
        by_the_api: false,
        falsify: sigterm_without_a_reason,
    },
    Kind {
        name: "exited-twice",
        tells: "a container exits twice without a start between",
        shows: "the second exit",
        by_the_api: false,
        falsify: exited_twice,
    },
    Kind {
        name: "started-after-the-removal",
        tells: "a container starts after its pod was removed",
        shows: "the start",
        by_the_api: false,
        falsify: started_after_the_removal,
    },
    Kind {
        name: "restarted-although-never",
        tells: "a container starts again, though restartPolicy is Never",
        shows: "the second start",
        by_the_api: false,
        falsify: restarted_although_never,
    },
    Kind {
        name: "started-before-the-back-off-was-over",
        tells: "a container that crashed twice starts again after two seconds, not ten",
        shows: "the third start",
        by_the_api: false,
        falsify: started_before_the_back_off_was_over,
    },
    Kind {
        name: "started-on-another-node",
        tells: "the other node's runtime starts the sandbox",
        shows: "that start",
        by_the_api: false,
        falsify: started_on_another_node,
    },
    Kind {
        name: "started-before-its-sandbox",
        tells: "a container starts before its sandbox",
        shows: "the container's start",
        by_the_api: false,
        falsify: started_before_its_sandbox,
    },
    Kind {
        name: "started-before-the-init-container-was-over",
        tells: "a container starts while an init container runs",
        shows: "the container's start",
        by_the_api: false,
        falsify: started_before_the_init_container_was_over,
    },
    Kind {
        name: "second-init-container-started-early",
        tells: "an init container starts while the one before it runs",
        shows: "that start",
        by_the_api: false,
        falsify: second_init_container_started_early,
    },
    Kind {
        name: "init-container-started-again",
        tells: "an init container that is over starts again while the containers run",
        shows: "the second start",
        by_the_api: false,
        falsify: init_container_started_again,
    },
    Kind {
        name: "listens-before-it-starts",
        tells: "a process listens before its container starts",
        shows: "what the process says",
        by_the_api: false,
        falsify: listens_before_it_starts,
    },
    Kind {
        name: "ready-though-its-probe-fails",
        tells: "an application has answered each readiness probe with 503",
        shows: "the report that its pod is Ready",
        by_the_api: false,
        falsify: ready_though_its_probe_fails,
    },
];

/// A pod that was asked to go, with one of its containers that got SIGTERM and exited then.
struct Stop {
    life: Life,
    asked: Micros,
    signal: usize,
    exit: usize,
}

fn stops(recording: &Recording) -> Vec<Stop> {
    let mut stops = Vec::new();
    for life in lives(recording) {
        let Some(asked) = life.asked.map(|id| recording.line(id).received()) else { continue };
        for name in life.containers(recording) {
            let after = |id: &usize| recording.line(*id).at() > asked;
            let signal = life.said(recording, "signal", &name).into_iter().find(after);
            let exit = life.runtime(recording, "/tasks/exit", Some(&name)).into_iter().find(after);
            if let (Some(signal), Some(exit)) = (signal, exit) {
                stops.push(Stop { life: life.clone(), asked, signal, exit });
            }
        }
    }
    stops
}

/// The process says that it got SIGTERM after it had exited.
fn sigterm_after_the_exit(recording: &mut Recording) -> Option<usize> {
    let stop = stops(recording).into_iter().next()?;
    let at = recording.line(stop.exit).at() + SECOND;
    recording.change(stop.signal, |line| line.happens(at));
    Some(stop.signal)
}

/// A process that exited by itself at once is told to have been killed, long before its grace was over.
fn killed_right_after_sigterm(recording: &mut Recording) -> Option<usize> {
    let grace = |stop: &Stop| stop.life.grace(recording) * SECOND;
    let in_time = |stop: &Stop| recording.line(stop.exit).at() < stop.asked + grace(stop) - 2 * SECOND;
    let by_itself = |stop: &Stop| recording.line(stop.exit).number("/exit_status") == 0;
    let stop = stops(recording).into_iter().find(|stop| in_time(stop) && by_itself(stop))?;
    recording.change(stop.exit, |line| line.set("/exit_status", 137));
    Some(stop.exit)
}

/// A process that was killed when its grace was over is told to have been killed right after SIGTERM.
fn killed_before_the_grace_was_over(recording: &mut Recording) -> Option<usize> {
    let killed = |stop: &Stop| recording.line(stop.exit).number("/exit_status") == 137;
    let stop = stops(recording).into_iter().find(killed)?;
    let at = recording.line(stop.signal).at() + CLEARLY;
    if recording.line(stop.exit).at() < at + CLEARLY {
        return None;
    }
    recording.change(stop.exit, |line| line.happens(at));
    Some(stop.exit)
}

/// SIGTERM comes half a second after the preStop hook has begun, while it still runs.
fn sigterm_before_the_hook_was_over(recording: &mut Recording) -> Option<usize> {
    let stop = stops(recording).into_iter().find_map(|stop| {
        let is_hook = |line: &&Line| {
            line.text("/topic") == "/tasks/exec-started"
                && line.text("/uid") == stop.life.uid
                && line.at() > stop.asked
        };
        let files = recording.files().filter(|file| file.starts_with("runtime-"));
        let hook = files.flat_map(|file| recording.lines(file)).find(is_hook)?.at();
        let late = recording.line(stop.signal).at() > hook + SECOND + CLEARLY;
        late.then_some((stop.signal, hook + SECOND / 2))
    });
    let (signal, at) = stop?;
    recording.change(signal, |line| line.happens(at));
    Some(signal)
}

/// A running container and nothing asked of its pod: a moment in its life, with the lines of its start.
fn at_rest(recording: &Recording) -> Option<(Life, String, usize, Micros)> {
    lives(recording).into_iter().find_map(|life| {
        let ready = recording.line(life.ready(recording)?).at();
        let name = life.containers(recording).into_iter().next()?;
        let starts = life.runtime(recording, "/tasks/start", Some(&name));
        let started = starts.iter().copied().rfind(|&id| recording.line(id).at() < ready)?;
        let at = ready + SECOND;
        let exits = life.runtime(recording, "/tasks/exit", Some(&name));
        let later = exits.into_iter().chain(life.asked).map(|id| recording.line(id).at());
        let calm = later.filter(|&later| later > ready).all(|later| later > at + SECOND);
        (calm && at + SECOND < end(recording)).then_some((life, name, started, at))
    })
}

fn started_twice(recording: &mut Recording) -> Option<usize> {
    let (_, _, started, at) = at_rest(recording)?;
    Some(recording.add_like(started, |line| line.happens(at)))
}

fn sandbox_started_twice(recording: &mut Recording) -> Option<usize> {
    let (life, _, _, at) = at_rest(recording)?;
    let sandbox = *life.runtime(recording, "/tasks/start", None).first()?;
    Some(recording.add_like(sandbox, |line| line.happens(at)))
}

fn sigterm_without_a_reason(recording: &mut Recording) -> Option<usize> {
    let (life, name, started, at) = at_rest(recording)?;
    let container = life.pod(recording)["spec"]["containers"].as_array()?.iter();
    if container.into_iter().any(|container| container.get("livenessProbe").is_some()) {
        return None;
    }
    let any = *life.said(recording, "started", &name).first()?;
    let _ = started;
    Some(recording.add_like(any, |line| {
        line.happens(at);
        line.set("/kind", "signal");
        line.set("/sig", "terminated");
        line.set("/n", 1);
    }))
}

/// When a container has exited, and the sandbox after it, if it does.
fn all_over(life: &Life, recording: &Recording, exit: usize) -> Micros {
    let sandbox = life.runtime(recording, "/tasks/exit", None);
    sandbox.into_iter().chain([exit]).map(|id| recording.line(id).at()).max().unwrap_or_default()
}

fn exited_twice(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let name = life.containers(recording).into_iter().next()?;
        let exit = life.runtime(recording, "/tasks/exit", Some(&name)).into_iter().next_back()?;
        let at = all_over(&life, recording, exit) + CLEARLY;
        let starts = life.runtime(recording, "/tasks/start", Some(&name));
        let runs_again = starts.iter().any(|&id| recording.line(id).at() > recording.line(exit).at());
        (!runs_again).then(|| recording.add_like(exit, |line| line.happens(at)))
    })
}

fn started_after_the_removal(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let at = recording.line(life.removed?).at() + CLEARLY;
        let name = life.containers(recording).into_iter().next()?;
        let started = *life.runtime(recording, "/tasks/start", Some(&name)).first()?;
        Some(recording.add_like(started, |line| line.happens(at)))
    })
}

fn restarted_although_never(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        if life.pod(recording)["spec"]["restartPolicy"] != "Never" {
            return None;
        }
        let name = life.containers(recording).into_iter().next()?;
        let exited = *life.runtime(recording, "/tasks/exit", Some(&name)).first()?;
        let started = *life.runtime(recording, "/tasks/start", Some(&name)).first()?;
        let at = all_over(&life, recording, exited) + CLEARLY;
        Some(recording.add_like(started, |line| line.happens(at)))
    })
}

/// A container that had crashed twice is started at once, and not after its back-off of ten seconds.
fn started_before_the_back_off_was_over(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let name = life.containers(recording).into_iter().next()?;
        let exits = life.runtime(recording, "/tasks/exit", Some(&name));
        let starts = life.runtime(recording, "/tasks/start", Some(&name));
        let (second, third) = (recording.line(*exits.get(1)?).at(), *starts.get(2)?);
        let said = life.said(recording, "started", &name).get(2).copied();
        let listens = life.said(recording, "listening", &name).get(2).copied();
        let by = recording.line(third).at() - second - 2 * SECOND;
        for id in [Some(third), said, listens].into_iter().flatten() {
            recording.change(id, |line| line.happens(line.at() - by));
        }
        Some(third)
    })
}

/// All of the pod runs on another node than it was bound to; its sandbox starts there as soon as it is bound.
fn started_on_another_node(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let sandbox = *life.runtime(recording, "/tasks/start", None).first()?;
        let at = recording.line(life.bound).at() + SECOND / 10;
        recording.change(sandbox, |line| line.happens(at));
        let (from, to) = (format!("runtime-{}.jsonl", life.node), other(&life.node));
        let file = format!("runtime-{to}.jsonl");
        let lines = recording.lines(&from).iter().filter(|line| line.text("/uid") == life.uid);
        for id in lines.map(|line| line.id).collect::<Vec<_>>() {
            recording.move_to(&file, id);
            recording.change(id, |line| line.set("/node", to));
        }
        Some(sandbox)
    })
}

/// A container starts before the sandbox that it is in.
fn started_before_its_sandbox(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let name = first_of_all(&life, recording)?;
        let started = *life.runtime(recording, "/tasks/start", Some(&name)).first()?;
        let sandbox = recording.line(*life.runtime(recording, "/tasks/start", None).first()?).at();
        let at = sandbox - SECOND / 4;
        (at > recording.line(life.bound).at()).then(|| {
            recording.change(started, |line| line.happens(at));
            started
        })
    })
}

/// The container that starts first: its first init container, if it has any.
fn first_of_all(life: &Life, recording: &Recording) -> Option<String> {
    let spec = &life.pod(recording)["spec"];
    let first = |field: &str| spec[field].as_array()?.first()?["name"].as_str();
    first("initContainers").or_else(|| first("containers")).map(str::to_owned)
}

/// A container starts while an init container before it still runs.
fn started_before_the_init_container_was_over(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let init = life.pod(recording)["spec"]["initContainers"].as_array()?.last()?;
        let init = init["name"].as_str()?.to_owned();
        let ended = recording.line(*life.runtime(recording, "/tasks/exit", Some(&init)).first()?).at();
        let name = life.containers(recording).into_iter().next()?;
        let started = *life.runtime(recording, "/tasks/start", Some(&name)).first()?;
        recording.change(started, |line| line.happens(ended - CLEARLY));
        Some(started)
    })
}

/// The second init container starts while the first still runs.
fn second_init_container_started_early(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let inits = life.pod(recording)["spec"]["initContainers"].as_array()?;
        let (first, second) = (inits.first()?["name"].as_str()?, inits.get(1)?["name"].as_str()?);
        let ended = recording.line(*life.runtime(recording, "/tasks/exit", Some(first)).first()?).at();
        let started = *life.runtime(recording, "/tasks/start", Some(second)).first()?;
        recording.change(started, |line| line.happens(ended - CLEARLY));
        Some(started)
    })
}

fn init_container_started_again(recording: &mut Recording) -> Option<usize> {
    let (life, _, _, at) = at_rest(recording)?;
    let init = life.pod(recording)["spec"]["initContainers"].as_array()?.first()?;
    let started = *life.runtime(recording, "/tasks/start", init["name"].as_str()).first()?;
    Some(recording.add_like(started, |line| line.happens(at)))
}

fn listens_before_it_starts(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let name = life.containers(recording).into_iter().next()?;
        let started = recording.line(*life.runtime(recording, "/tasks/start", Some(&name)).first()?).at();
        let listens = *life.said(recording, "listening", &name).first()?;
        let at = started - CLEARLY;
        (at > recording.line(life.bound).at()).then(|| {
            recording.change(listens, |line| line.happens(at));
            listens
        })
    })
}

/// Of a pod that becomes Ready on a node whose kubelet runs all the time all that was asked at the path of its probe was answered badly.
fn ready_though_its_probe_fails(recording: &mut Recording) -> Option<usize> {
    const PATH: &str = "/responseObject/spec/containers/0/readinessProbe/httpGet/path";
    let disturbed = |node: &str| {
        let all = ["faults.jsonl"].into_iter().flat_map(|file| recording.lines(file));
        all.map(|line| line.value.to_string()).any(|line| line.contains("kubelet") && line.contains(node))
    };
    let (ready, life, path) = lives(recording).into_iter().find_map(|life| {
        let ready = life.ready(recording).filter(|_| !disturbed(&life.node))?;
        let path = recording.line(ready).text(PATH).to_owned();
        let is_it = |line: &&Line| line.text("/kind") == "probe" && line.text("/pod") == life.name;
        let asked = recording.lines(crate::recording::APP).iter().filter(is_it);
        let before = recording.line(ready).received() - CLEARLY;
        let is_answered = asked.clone().any(|line| line.text("/path") == path && line.at() < before);
        (!path.is_empty() && is_answered).then_some((ready, life, path))
    })?;
    let created = recording.line(life.created).received();
    recording.change_all(crate::recording::APP, |line| {
        let is_it = line.text("/kind") == "probe" && line.text("/pod") == life.name && line.at() > created;
        if is_it && line.text("/path") == path {
            line.set("/code", 503);
        }
    });
    Some(ready)
}
