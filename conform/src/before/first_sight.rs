//! How a pod stood when the log began, from the first that the log shows of it and the times in that.

use std::rc::Rc;

use serde_json::Value;

use crate::record::Micros;
use crate::world::Sight;

/// How a container stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerBefore {
    /// It had not been started.
    Waiting,
    /// It had been started and was not yet ready.
    Starting,
    /// It had been ready or should have been, and was not.
    Unready,
    /// It ran, and its probes succeeded.
    Ready,
    /// It had ended with this exit code, and was not started again.
    Ended(i32),
}

/// How a pod stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No node had been chosen.
    Unbound,
    /// It was on its node; its containers, by name, had come so far.
    Bound(Vec<(Rc<str>, ContainerBefore)>),
    /// The same, and it was being deleted. How far its kubelet had come with that is not known: it has done nothing for it yet.
    Deleting(Vec<(Rc<str>, ContainerBefore)>),
}

impl Stage {
    /// Its containers, by name, if it was on its node.
    pub fn containers(&self) -> &[(Rc<str>, ContainerBefore)] {
        match self {
            Self::Unbound => &[],
            Self::Bound(containers) | Self::Deleting(containers) => containers,
        }
    }
}

/// An app that is not ready for so long after its start has been ready before.
const STARTING_SECONDS: i64 = 60;

/// When the log began, as times in objects are: cut to a second.
#[derive(Clone, Copy, Debug)]
pub struct Began {
    seconds: i64,
    /// It is asked of what was listed: what happened in the second of the beginning has happened.
    of_a_list: bool,
}

impl Began {
    /// The log began at this moment.
    pub fn at(micros: Micros) -> Self {
        Self { seconds: micros.div_euclid(1_000_000), of_a_list: false }
    }

    /// The same for objects of a list: they are as they were, and no write has changed them.
    pub fn for_lists(self) -> Self {
        Self { of_a_list: true, ..self }
    }

    /// Did what has this time happen during the log? What has none did not. In the second of the beginning either may be so;
    /// what the log shows first is more likely in it.
    pub fn is_during(self, time: &Value) -> bool {
        self.seconds_before(time).is_some_and(|seconds| seconds < 0 || seconds == 0 && !self.of_a_list)
    }

    /// Did it happen during the log, and not in the second of its beginning?
    pub fn is_after(self, time: &Value) -> bool {
        self.seconds_before(time).is_some_and(|seconds| seconds < 0)
    }

    /// Seconds from `time` to the beginning.
    fn seconds_before(self, time: &Value) -> Option<i64> {
        let time: jiff::Timestamp = time.as_str()?.parse().ok()?;
        Some(self.seconds - time.as_second())
    }
}

/// What changes of a pod reaches everybody, and all that they do for it is done, within so many seconds.
const SETTLED_SECONDS: i64 = 5;

/// A time in an object that is so short before the beginning, or in its second, that what happened then may have been under way.
pub fn was_under_way(whole: &Value, began: Began) -> bool {
    let status = &whole["status"];
    let all = |field: &str| status[field].as_array().into_iter().flatten();
    let conditions = all("conditions").map(|condition| &condition["lastTransitionTime"]);
    let containers = all("initContainerStatuses").chain(all("containerStatuses")).flat_map(|container| {
        let (now, last) = (&container["state"], &container["lastState"]["terminated"]);
        let (runs, ended) = (&now["running"], &now["terminated"]);
        [
            &runs["startedAt"],
            &ended["startedAt"],
            &ended["finishedAt"],
            &last["startedAt"],
            &last["finishedAt"],
        ]
    });
    let mut times = conditions.chain(containers).chain([&whole["metadata"]["creationTimestamp"]]);
    times.any(|time| {
        began.seconds_before(time).is_some_and(|seconds| (0..=SETTLED_SECONDS).contains(&seconds))
    })
}

/// How the pod `whole`, as the log shows it first, stood in the beginning.
pub fn stage(whole: &Value, sight: Sight, began: Began) -> Stage {
    let began = if sight == Sight::Listed { began.for_lists() } else { began };
    let (metadata, spec, status) = (&whole["metadata"], &whole["spec"], &whole["status"]);
    let scheduled = condition(status, "PodScheduled");
    if spec["nodeName"].as_str().is_none_or(str::is_empty)
        || scheduled.is_some_and(|one| one["status"] == "True" && began.is_during(&one["lastTransitionTime"]))
    {
        return Stage::Unbound;
    }
    let ready = condition(status, "Ready");
    let containers = ["initContainers", "containers"].into_iter().flat_map(|field| {
        let init = field == "initContainers";
        let statuses = if init { "initContainerStatuses" } else { "containerStatuses" };
        let of = move |name: &Value| {
            let mut all = status[statuses].as_array().into_iter().flatten();
            all.find(|one| one["name"] == *name)
        };
        let all = spec[field].as_array().into_iter().flatten();
        all.map(move |one| (&one["name"], of(&one["name"]), init))
    });
    let before = containers.map(|(name, status, init)| {
        let name = name.as_str().unwrap_or_default().into();
        (name, status.map_or(ContainerBefore::Waiting, |status| container(status, ready, init, began)))
    });
    let before = before.collect();
    let is_going = match sight {
        Sight::Deleting => false,
        // What its kubelet removes had been deleted before; the removal has set the grace period to 0.
        Sight::Gone => has_ended(status),
        _ => was_deleting(metadata, began),
    };
    if is_going { Stage::Deleting(before) } else { Stage::Bound(before) }
}

/// Have all of its containers ended, by its status?
fn has_ended(status: &Value) -> bool {
    let mut containers = status["containerStatuses"].as_array().into_iter().flatten().peekable();
    containers.peek().is_some() && containers.all(|container| container["state"]["terminated"].is_object())
}

/// `deletionTimestamp` is when the grace period ends. In the second of the beginning it was asked for before it, as the log shows
/// no request.
fn was_deleting(metadata: &Value, began: Began) -> bool {
    let grace = metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
    began.seconds_before(&metadata["deletionTimestamp"]).is_some_and(|seconds| seconds + grace >= 0)
}

fn condition<'v>(status: &'v Value, name: &str) -> Option<&'v Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == name)
}

/// How a container stood, from its status.
fn container(status: &Value, ready: Option<&Value>, init: bool, began: Began) -> ContainerBefore {
    let (now, last) = (&status["state"], &status["lastState"]["terminated"]);
    let ended = |one: &Value| {
        let code = one["exitCode"].as_i64().and_then(|code| i32::try_from(code).ok());
        ContainerBefore::Ended(code.unwrap_or(1))
    };
    let runs = |started: &Value| running(status, started, ready, init, began);
    // It as it was before it was started anew during the log.
    let earlier = || match last.is_object() {
        true if began.is_during(&last["startedAt"]) => ContainerBefore::Waiting,
        true if began.is_during(&last["finishedAt"]) => runs(&last["startedAt"]),
        true => ended(last),
        false => ContainerBefore::Waiting,
    };
    if now["running"].is_object() {
        let started = &now["running"]["startedAt"];
        return if began.is_during(started) { earlier() } else { runs(started) };
    }
    let terminated = &now["terminated"];
    if terminated.is_object() {
        return match terminated {
            one if began.is_during(&one["startedAt"]) => earlier(),
            one if began.is_during(&one["finishedAt"]) => runs(&one["startedAt"]),
            one => ended(one),
        };
    }
    earlier()
}

/// How a container that ran stood. Its own readiness has no time; that of its pod has.
fn running(
    status: &Value,
    started: &Value,
    ready: Option<&Value>,
    init: bool,
    began: Began,
) -> ContainerBefore {
    let is_ready = status["ready"] == true;
    let changed = ready.is_some_and(|condition| began.is_during(&condition["lastTransitionTime"]));
    let pod_was_ready = ready.is_some_and(|condition| (condition["status"] == "True") != changed);
    let was_ready = init || pod_was_ready || (is_ready && !changed);
    match was_ready {
        true => ContainerBefore::Ready,
        false if began.seconds_before(started).is_some_and(|seconds| seconds < STARTING_SECONDS) => {
            ContainerBefore::Starting
        }
        false => ContainerBefore::Unready,
    }
}
