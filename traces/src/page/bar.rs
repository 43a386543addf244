//! Bars over time: what a container does, and where connections are sent, from one step to another.

use podproof_vocabulary::observation::{EndpointSeen, Hook, Observation, Process};
use serde::Serialize;

use crate::object::Object;

/// What is so of an object for some steps, as a colour of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// A process that accepts nothing yet.
    Starts,
    /// A process that accepts connections.
    Accepts,
    /// A process whose preStop hook runs.
    Hook,
    /// A process that has received SIGTERM and accepts connections.
    Drains,
    /// A process that has received SIGTERM and accepts nothing.
    Closes,
    /// A process that has exited.
    Exited,
    /// An endpoint that is ready: new connections are sent to it.
    Ready,
    /// An endpoint that is serving and terminating: new connections are sent to it where none is ready.
    Terminating,
    /// An endpoint that nothing is sent to.
    NotReady,
}

impl Phase {
    /// What is so of an object in `seen`; nothing if there is no bar for it.
    pub(super) fn of(object: Object, seen: &Observation) -> Option<Self> {
        match object {
            Object::Container(pod, container) => {
                let now = seen.slots.get(pod.index())?.containers.get(container.index())?;
                match (now.process, now.hook, now.sigterm, now.accepting) {
                    (Process::Absent, ..) => None,
                    (Process::ExitedOk | Process::ExitedError, ..) => Some(Self::Exited),
                    (Process::Running, _, true, true) => Some(Self::Drains),
                    (Process::Running, _, true, false) => Some(Self::Closes),
                    (Process::Running, Hook::Running, ..) => Some(Self::Hook),
                    (Process::Running, _, _, true) => Some(Self::Accepts),
                    (Process::Running, ..) => Some(Self::Starts),
                }
            }
            Object::Endpoint(pod) => seen.slots.get(pod.index())?.endpoint.map(Self::of_endpoint),
            Object::Rule(node, pod) => {
                (*seen.slots.get(pod.index())?.rules.get(node.index())?).map(Self::of_endpoint)
            }
            Object::Deployment
            | Object::ReplicaSet(_)
            | Object::Budget
            | Object::Node(_)
            | Object::Pod(_) => None,
        }
    }

    const fn of_endpoint(endpoint: EndpointSeen) -> Self {
        match (endpoint.ready, endpoint.serving && endpoint.terminating) {
            (true, _) => Self::Ready,
            (false, true) => Self::Terminating,
            (false, false) => Self::NotReady,
        }
    }
}

/// A bar: the object, and for each of its segments the step at whose end it begins, the one at whose end it ends, and what
/// is so between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Bar {
    object: usize,
    segments: Vec<(usize, usize, Phase)>,
}

/// The bars that are being drawn.
#[derive(Debug, Default)]
pub(super) struct Bars {
    drawn: Vec<Bar>,
    /// What each object of the page has been since which step.
    open: Vec<Option<(usize, Phase)>>,
}

impl Bars {
    /// Takes note of what is so of an object of the page at the end of a step.
    pub(super) fn see(&mut self, object: usize, step: usize, now: Option<Phase>) {
        let room = self.open.len().max(object + 1);
        self.open.resize(room, None);
        match (self.open[object], now) {
            (Some((_, was)), Some(now)) if was == now => return,
            (Some((since, was)), _) => self.close(object, since, step, was),
            (None, None) => return,
            (None, Some(_)) => {}
        }
        self.open[object] = now.map(|now| (step, now));
    }

    fn close(&mut self, object: usize, from: usize, to: usize, phase: Phase) {
        let segment = (from, to, phase);
        match self.drawn.iter_mut().find(|bar| bar.object == object) {
            Some(bar) => bar.segments.push(segment),
            None => self.drawn.push(Bar { object, segments: vec![segment] }),
        }
    }

    /// All bars, in the order of their objects; what goes on at the end ends with the last step.
    pub(super) fn finish(mut self, last: usize) -> Vec<Bar> {
        for object in 0..self.open.len() {
            if let Some((since, phase)) = self.open[object].take() {
                self.close(object, since, last, phase);
            }
        }
        self.drawn.sort_by_key(|bar| bar.object);
        self.drawn
    }
}
