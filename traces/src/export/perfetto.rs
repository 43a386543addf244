//! Trace Event JSON, as ui.perfetto.dev and chrome://tracing read it: a track for each component with its steps, and for each
//! pod with what runs of it and what it is to others.
//!
//! Steps take no time of their own; in the file each takes a millisecond, so that those of one second stand in their order. In
//! a trace of a log those that it shows are where it has them; in one without time nothing but the order means anything.

use std::collections::{BTreeMap, BTreeSet};

use podproof_vocabulary::action::Component;
use podproof_vocabulary::observation::{Deletion, Observation, Observe, Process, Sandbox};
use podproof_vocabulary::{ContainerId, NodeId, PodId};
use serde_json::{Value, json};

use super::Frames;
use crate::names::Names;
use crate::plain::make_plain;
use crate::replay::Divergence;
use crate::standing::Standing;
use crate::trace::Trace;

/// Microseconds that a step takes in the file.
const STEP: u64 = 1_000;
/// Microseconds in a second.
const SECOND: u64 = 1_000_000;
/// The process whose tracks are the components.
const COMPONENTS: u32 = 1;
/// The process whose tracks are the pods.
const PODS: u32 = 2;

/// The trace as Trace Event JSON, a document that ends in a newline.
///
/// # Errors
/// Where the model of today does something else.
pub fn export(trace: &Trace) -> Result<String, Divergence> {
    let frames = Frames::of(trace)?;
    let times = times(&frames);
    let mut events = vec![process(COMPONENTS, "components"), process(PODS, "pods")];
    components(&frames, &times, &mut events);
    pods(&frames, &times, &mut events);
    if let (Some(property), Standing::Broken { at_step }) = (trace.property, &frames.standing) {
        let at = times[*at_step];
        let name = format!("{property} is broken");
        events.push(json!({ "ph": "i", "s": "g", "name": name, "cat": "violation", "pid": COMPONENTS, "tid": 0, "ts": at }));
    }
    let mut document = json!({
        "displayTimeUnit": "ms",
        "otherData": { "source": "podproof", "description": super::title(trace, &frames.standing) },
        "traceEvents": events,
    });
    make_plain(&mut document);
    Ok(format!("{document:#}\n"))
}

/// When each state is reached, in microseconds.
fn times(frames: &Frames<'_>) -> Vec<u64> {
    let mut times: Vec<u64> = vec![0];
    for (number, step) in frames.trace.steps().take(frames.seen.len().saturating_sub(1)) {
        let soonest = times[number - 1].saturating_add(STEP);
        times.push(soonest.max(step.seen_at.unwrap_or_else(|| frames.seconds(number) * SECOND)));
    }
    times
}

fn process(pid: u32, name: &str) -> Value {
    json!({ "ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": { "name": name } })
}

fn track(pid: u32, tid: usize, name: &str) -> [Value; 2] {
    [
        json!({ "ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": { "name": name } }),
        json!({ "ph": "M", "name": "thread_sort_index", "pid": pid, "tid": tid, "args": { "sort_index": tid } }),
    ]
}

fn components(frames: &Frames<'_>, times: &[u64], events: &mut Vec<Value>) {
    for component in Component::ALL {
        if frames.told.iter().any(|step| step.component == component) {
            events.extend(track(COMPONENTS, component as usize + 1, component.name()));
        }
    }
    for (step, recorded) in frames.told.iter().zip(frames.trace.steps()) {
        let cycle = step.number > frames.trace.stem.len();
        events.push(json!({
            "ph": "X",
            "name": step.says,
            "cat": if cycle { "cycle" } else { "stem" },
            "pid": COMPONENTS,
            "tid": step.component as usize + 1,
            "ts": times[step.number - 1],
            "dur": STEP,
            "args": {
                "step": step.number,
                "changed": step.changes,
                "reads": recorded.1.reads,
                "writes": recorded.1.writes,
            },
        }));
    }
}

/// What is so of pods, a bar for as long as it is.
fn pods(frames: &Frames<'_>, times: &[u64], events: &mut Vec<Value>) {
    // The tracks in the order in which they appear, with what is so on each and since when.
    let mut tracks = Tracks::default();
    let mut open: BTreeMap<(usize, String), u64> = BTreeMap::new();
    for (index, (seen, names)) in frames.seen.iter().enumerate() {
        let now: BTreeSet<(usize, String)> = PodId::first(seen.pods())
            .flat_map(|pod| bars(seen, names, pod))
            .map(|(name, is)| (tracks.of(name), is))
            .collect();
        let ended: Vec<_> = open.keys().filter(|bar| !now.contains(bar)).cloned().collect();
        for bar in ended {
            let since = open.remove(&bar).unwrap_or(times[index]);
            events.push(bar_event(bar, since, times[index]));
        }
        for bar in now {
            open.entry(bar).or_insert(times[index]);
        }
    }
    let end = times.last().map_or(0, |last| last.saturating_add(STEP));
    events.extend(open.into_iter().map(|(bar, since)| bar_event(bar, since, end)));
    for (tid, name) in tracks.names.iter().enumerate() {
        events.extend(track(PODS, tid + 1, name));
    }
}

/// Tracks by name, in the order in which they appear.
#[derive(Default)]
struct Tracks {
    names: Vec<String>,
    places: BTreeMap<String, usize>,
}

impl Tracks {
    /// The place of a track.
    fn of(&mut self, name: String) -> usize {
        if let Some(&place) = self.places.get(&name) {
            return place;
        }
        let place = self.names.len();
        self.names.push(name.clone());
        self.places.insert(name, place);
        place
    }
}

fn bar_event((track, is): (usize, String), since: u64, until: u64) -> Value {
    json!({
        "ph": "X", "name": is, "cat": "pod", "pid": PODS, "tid": track + 1, "ts": since, "dur": until - since,
    })
}

/// What is so of a pod: on which track, and what.
fn bars(seen: &Observation, names: &Names, pod: PodId) -> Vec<(String, String)> {
    let mut bars = Vec::new();
    let name = names.pod(pod);
    if let Some(object) = seen.pod(pod) {
        let is = match (object.deletion, object.ready) {
            (Deletion::None, true) => "Ready".to_owned(),
            (Deletion::None, false) => format!("{:?}", object.phase),
            _ => "deleting".to_owned(),
        };
        bars.push((name.clone(), is));
    }
    if seen.sandbox(pod).sandbox == Sandbox::Ready {
        bars.push((format!("{name}: sandbox"), "sandbox".to_owned()));
    }
    for container in ContainerId::first(seen.containers()) {
        let now = seen.container(pod, container);
        if now.process == Process::Running {
            let is = match (now.sigterm, now.accepting) {
                (true, true) => "SIGTERM, accepts connections",
                (true, false) => "SIGTERM",
                (false, true) => "accepts connections",
                (false, false) => "runs",
            };
            bars.push((format!("{name}: {}", names.container(container)), is.to_owned()));
        }
    }
    let mut entry = |track: String, endpoint: Option<podproof_vocabulary::observation::EndpointSeen>| {
        let Some(endpoint) = endpoint else { return };
        let is = match (endpoint.ready, endpoint.terminating) {
            (true, _) => "ready",
            (false, true) => "terminating",
            (false, false) => "not ready",
        };
        bars.push((track, is.to_owned()));
    };
    entry(format!("{name}: EndpointSlice"), seen.endpoint(pod));
    for node in NodeId::first(seen.nodes()) {
        entry(format!("{name}: rules on {}", names.node(node)), seen.rule(node, pod));
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    /// To look at every track for each would take minutes.
    const TRACKS: usize = 200_000;

    #[test]
    fn many_tracks_have_the_order_in_which_they_appear() {
        let mut tracks = Tracks::default();
        for round in 0..2 {
            for number in (0..TRACKS).rev() {
                assert_eq!(tracks.of(format!("pod {number}")), TRACKS - 1 - number, "round {round}");
            }
        }
        assert_eq!(tracks.names.len(), TRACKS);
    }
}
