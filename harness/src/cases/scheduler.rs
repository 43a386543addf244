//! `scheduler`: the scheduler beside an API server, on nodes that come and go: it never gives a node more than it has, and at
//! rest no pod waits that would fit somewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use arbitrary::Arbitrary;
use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use podproof_runtime::api::constants::{is_terminal, node_of, phase, taint};
use podproof_runtime::api::patch::PodStatusPatch;
use podproof_runtime::api::quantity::thousandths;
use podproof_runtime::api::{Key, Kind as _, Patch, Preconditions, Request, Resource};
use podproof_runtime::client::{Call, CallState};
use podproof_runtime::operation::{Component, Process, Step};
use podproof_runtime::scheduler::Scheduler;
use podproof_runtime::{Operation, Slips};
use podproof_vocabulary::Release;

use crate::runner::Checked;
use crate::stage::build::{asking, deletion, node, pod};
use crate::stage::script::{Script, pick};
use crate::stage::{Stage, World};

const NODES: [&str; 3] = ["n0", "n1", "n2"];
const PODS: usize = 10;
/// What nodes have and pods ask for, in thousandths of a CPU.
const ROOM: [u32; 3] = [2_000, 3_000, 4_000];
const SIZES: [u32; 4] = [500, 1_000, 1_500, 2_000];
/// Longer than any back-off of a pod or a reflector, and shorter than pods wait without a reason to try again (SCH-9, SCH-10).
const SETTLED: Duration = Duration::from_secs(75);

/// Pods and nodes.
#[derive(Clone, Debug, Arbitrary)]
pub struct TestCase(Script<Event>);

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Event {
    Nothing,
    Create {
        pod: u8,
        size: u8,
    },
    /// A pod begins to go: nothing of it goes yet.
    Delete(u8),
    /// A pod is gone.
    Gone(u8),
    Finish(u8),
    AddNode(u8),
    RemoveNode(u8),
    /// A call never arrives, or a watch breaks.
    Fault(u8),
    Compact,
    Restart,
}

/// Lets it happen. Useful if pods were bound and another had to wait.
///
/// # Panics
/// At a bug.
pub fn check(case: &TestCase) -> Checked {
    check_with(case, Slips::NONE)
}

/// The same of a scheduler with wrong mechanisms.
pub(crate) fn check_with(case: &TestCase, slips: Slips) -> Checked {
    let mut stage = Stage::new(case.0.seed, Release::NEWEST, slips);
    stage.cluster.add(Process::Scheduler, Box::new(Scheduler::default()));
    let mut world = Placing { stage, names: 0, waited: false, bound: 0 };
    for index in 0..2 {
        world.act(&Event::AddNode(index));
    }
    world.play(&case.0.scenes);
    world.wait(SETTLED);
    world.nobody_waits();
    world.stage.log().checked(world.waited && world.bound > 1)
}

struct Placing {
    stage: Stage,
    names: usize,
    waited: bool,
    bound: usize,
}

impl World for Placing {
    type Event = Event;

    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn stage_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }

    /// An answer to a binding that is lost makes the scheduler think of the room as free, lawfully (SCH-6): it is not lost here.
    fn may_go_wrong(&self, fault: &Operation) -> bool {
        let Step::LoseAnswer(call) = fault.step else { return true };
        !self.stage.cluster.calls().get(call).is_some_and(is_bind)
    }

    fn act(&mut self, event: &Event) {
        let request = match *event {
            Event::Nothing => return,
            Event::Create { pod: which, size } => {
                let name = self.name(which);
                let size = SIZES[usize::from(size) % SIZES.len()];
                Request::Create(pod(&name, vec![asking("app", size)]).into())
            }
            Event::Delete(which) => match self.some_pod(which) {
                Some(key) => Request::Delete(Resource::Pod, key, deletion(Some(30))),
                None => return,
            },
            Event::Gone(which) => match self.some_pod(which) {
                Some(key) => Request::Delete(Resource::Pod, key, deletion(Some(0))),
                None => return,
            },
            Event::Finish(which) => match self.some_pod(which) {
                Some(key) => {
                    let phase = Some(phase::SUCCEEDED.to_owned());
                    let patch = Patch::PodStatus(PodStatusPatch { phase, ..PodStatusPatch::default() });
                    Request::Patch(Resource::Pod, key, Preconditions::NONE, patch)
                }
                None => return,
            },
            Event::AddNode(which) => {
                self.add_node(usize::from(which) % NODES.len());
                return;
            }
            Event::RemoveNode(which) => {
                let node = Key::global(NODES[usize::from(which) % NODES.len()]);
                Request::Delete(Resource::Node, node, deletion(None))
            }
            Event::Fault(answer) => {
                self.go_wrong(answer);
                return;
            }
            Event::Compact => {
                self.stage.cluster.server_mut().compact();
                return;
            }
            Event::Restart => {
                // What is in flight would arrive unknown to the successor (CTL-5).
                if !self.binds() {
                    self.stage.cluster.stop(Process::Scheduler);
                    self.stage.cluster.start(Process::Scheduler);
                }
                return;
            }
        };
        self.stage.call(request);
    }

    fn after(&mut self, operation: &Operation) {
        match &operation.step {
            Step::Arrive(_) if operation.component == Component::Scheduler => self.no_node_is_too_full(),
            Step::Park(_) => self.waited = true,
            _ => {}
        }
    }
}

impl Placing {
    /// A name that was not used before as often as not.
    fn name(&mut self, which: u8) -> String {
        if which < 128 {
            self.names += 1;
            return format!("pod-{}", PODS + self.names);
        }
        format!("pod-{}", usize::from(which) % PODS)
    }

    /// A node that is ready as soon as it is there: the taint that every new one gets is taken off.
    fn add_node(&mut self, index: usize) {
        let (name, room) = (NODES[index], ROOM[index]);
        self.stage.call(Request::Create(node(name, room, 110).into()));
        let new = Taint {
            key: taint::NOT_READY.to_owned(),
            effect: taint::NO_SCHEDULE.to_owned(),
            ..Taint::default()
        };
        let patch = Patch::NodeTaints { add: Vec::new(), remove: vec![new] };
        self.stage.call(Request::Patch(Resource::Node, Key::global(name), Preconditions::NONE, patch));
    }

    fn some_pod(&self, which: u8) -> Option<Key> {
        let keys: Vec<&Key> = self.stage.cluster.server().store().all::<Pod>().map(|(key, _)| key).collect();
        pick(&keys, which).map(|key| (*key).clone())
    }

    fn binds(&self) -> bool {
        self.stage.cluster.calls().iter().any(is_bind)
    }

    /// SCH-1, SCH-4, SCH-17: what is on a node counts until it is gone.
    fn no_node_is_too_full(&mut self) {
        let store = self.stage.cluster.server().store();
        self.bound = store.all::<Pod>().filter(|(_, pod)| node_of(pod).is_some()).count().max(self.bound);
        for (name, room) in NODES.into_iter().zip(ROOM) {
            let used = self.used(name);
            assert!(used <= room.into(), "{used} of {room} thousandths of a CPU are given away on {name}");
        }
    }

    fn used(&self, node: &str) -> i128 {
        let pods = self.stage.cluster.server().store().all::<Pod>().map(|(_, pod)| pod);
        pods.filter(|pod| node_of(pod) == Some(node) && !is_terminal(pod)).map(size_of).sum()
    }

    /// SCH-6 to SCH-9: whoever fits is placed, without waiting for the flush of 5 minutes.
    fn nobody_waits(&self) {
        if self.stage.is_over() {
            return;
        }
        let store = self.stage.cluster.server().store();
        let nodes: BTreeSet<&str> = store.all::<Node>().map(|(key, _)| key.name()).collect();
        for (key, pod) in store.all::<Pod>() {
            if node_of(pod).is_some() || is_terminal(pod) || pod.is_deleting() {
                continue;
            }
            for (name, room) in NODES.into_iter().zip(ROOM).filter(|(name, _)| nodes.contains(name)) {
                assert!(
                    self.used(name) + size_of(pod) > room.into(),
                    "{key} waits, and would fit on {name}, which has {room} and gave away {}",
                    self.used(name)
                );
            }
        }
    }
}

fn is_bind(call: &Call) -> bool {
    matches!(call.request, Request::Bind { .. }) && !matches!(call.state, CallState::Serving)
}

/// Thousandths of a CPU.
fn size_of(pod: &Pod) -> i128 {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let requests = containers.filter_map(|container| container.resources.as_ref()?.requests.as_ref());
    requests.filter_map(|requests| requests.get("cpu")).map(thousandths).sum()
}

#[cfg(test)]
mod tests {
    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;

    #[test]
    fn smoke() {
        assert_useful("scheduler", SMOKE_RUNS, check, 5);
    }
}
