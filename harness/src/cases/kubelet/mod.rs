//! `kubelet`: one machine with its kubelet and its container runtime beside an API server. A script plays users and the
//! environment. Every step is judged by what an outsider can see: API objects, calls to the runtime, processes.
//!
//! - `shapes`: the pods; `played`: users and the environment; `facts`: what happened so far
//! - `starts`, `stops`, `writes`: what no step may do; `rest`: what must be so at rest

mod facts;
mod played;
mod rest;
mod shapes;
mod starts;
mod stops;
mod writes;

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use arbitrary::Arbitrary;
use podproof_runtime::clock::Moment;
use podproof_runtime::container_runtime::simulated::Simulated;
use podproof_runtime::container_runtime::simulated::actor::RuntimeProcess;
use podproof_runtime::container_runtime::simulated::network::Network;
use podproof_runtime::kubelet::parts::Settings;
use podproof_runtime::kubelet::{Kubelet, KubeletProcess};
use podproof_runtime::operation::{NodeIndex, Process};
use podproof_runtime::{Operation, Slips};
use podproof_vocabulary::Release;

use crate::runner::Checked;
use crate::stage::script::Script;
use crate::stage::{Stage, World, build};
use facts::Facts;
use shapes::Shape;

const NODE: NodeIndex = NodeIndex(0);
const NODE_NAME: &str = "n";
/// Thousandths of a CPU that the node has.
const ROOM: u32 = 4_000;
/// Pods, by name.
const NAMES: [&str; 2] = ["p", "q"];
/// What a user has labelled the node with, and every pod asks for; its kubelet does not know it by itself.
const LABEL: (&str, &str) = ("disk", "ssd");

/// What happens to a machine.
#[derive(Clone, Debug, Arbitrary)]
pub struct TestCase(Script<Event>);

/// Something that happens. A number says which pod, or which container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
enum Event {
    Nothing,
    Create {
        pod: u8,
        shape: Shape,
    },
    /// A pod of the same name that is on no node.
    CreateElsewhere(u8),
    /// With its own grace, none, or little; or another like it takes its place at once.
    Delete {
        pod: u8,
        grace: u8,
    },
    Label {
        pod: u8,
        value: u8,
    },
    /// Somebody else writes into the status: that the pod is not ready, or is not disrupted, or has failed.
    WriteStatus(u8),
    Evict(u8),
    Crash {
        container: u8,
        code: u8,
    },
    KillSandbox(u8),
    /// Somebody removes the containers that have exited.
    Prune,
    ChangeReadiness(u8),
    ChangeLiveness(u8),
    Restart,
    Connect(bool),
    Hang(bool),
    HideContainers(bool),
    Fault(u8),
    FailCall(u8),
}

/// Lets it happen. Useful if something happened to pods that ran.
///
/// # Panics
/// At a bug.
pub fn check(case: &TestCase) -> Checked {
    check_with(case, Slips::NONE)
}

/// The same of a kubelet with wrong mechanisms.
pub(crate) fn check_with(case: &TestCase, slips: Slips) -> Checked {
    let mut world = Machine::new(case.0.seed, slips);
    world.wait(Duration::from_secs(2));
    world.label_node();
    world.play(&case.0.scenes);
    world.clear_up();
    world.stage.log().checked(world.disturbed > 0)
}

struct Machine {
    stage: Stage,
    runtime: Rc<RefCell<Simulated>>,
    release: Release,
    facts: Facts,
    /// Events that happened while something ran.
    disturbed: usize,
}

impl World for Machine {
    type Event = Event;

    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn stage_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }

    fn act(&mut self, event: &Event) {
        self.disturbed += usize::from(*event != Event::Nothing && self.anything_runs());
        self.happen(*event);
        self.look();
    }

    fn before(&mut self, operation: &Operation) {
        self.note(operation);
        if let Some(request) = &self.facts.request {
            self.stage.tell(|| format!("    {request:?}"));
        }
        self.judge_before(operation);
    }

    fn after(&mut self, operation: &Operation) {
        self.look();
        self.judge_probe();
        self.judge_calls();
        self.judge_start(operation);
        self.judge_write(operation);
    }

    fn at_rest(&mut self) {
        self.judge_rest();
    }

    fn before_time(&mut self, _: Moment) {
        self.look();
    }
}

impl Machine {
    fn new(seed: u8, slips: Slips) -> Self {
        let release = if seed.is_multiple_of(2) { Release { minor: 30 } } else { Release::NEWEST };
        let network = Network::new(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 1, 0, 1), 50);
        let runtime = Rc::new(RefCell::new(Simulated::new(network, shapes::behaviours())));
        let mut stage = Stage::new(seed, release, slips);
        let process = RuntimeProcess::new(NODE, Rc::clone(&runtime));
        stage.cluster.add(Process::ContainerRuntime(NODE), Box::new(process));
        let node = build::node(NODE_NAME, ROOM, 10);
        let kubelet = KubeletProcess::new(NODE, node, Settings::default(), runtime.clone());
        stage.cluster.add(Process::Kubelet(NODE), Box::new(kubelet));
        Self { stage, runtime, release, facts: Facts::default(), disturbed: 0 }
    }

    fn now(&self) -> Moment {
        self.stage.now()
    }

    fn kubelet(&self) -> Option<&Kubelet> {
        self.stage.cluster.actor::<KubeletProcess>(Process::Kubelet(NODE))?.kubelet()
    }

    fn anything_runs(&self) -> bool {
        self.runtime.borrow().containers().any(|(_, container)| container.process.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use arbitrary::Unstructured;
    use podproof_runtime::Slip;
    use podproof_runtime::api::patch::new_node_condition;
    use podproof_runtime::api::{Key, Patch, Preconditions, Request, Resource};

    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;
    use crate::runner::{input, run};
    use crate::stage::script::{Pace, Scene};

    #[test]
    fn smoke() {
        assert_useful("kubelet", SMOKE_RUNS / 4, check, 3);
    }

    /// Inputs that were findings: a container was made and never started; a container was held back when its pod was stopped, and its
    /// remains were removed (three); a startup probe passed between two failures of the liveness probe; a pod that ran was rejected after
    /// a restart.
    const WERE_FINDINGS: [(u32, u32); 6] =
        [(1, 1629), (11, 805), (21, 2306), (21, 2389), (21, 912), (90, 452)];

    #[test]
    fn what_was_found_is_found_no_more() {
        for (seed, number) in WERE_FINDINGS {
            let checked = run(&input(seed, number), check);
            assert!(checked.is_some_and(|checked| checked.useful), "{seed}:{number} shows nothing any more");
        }
    }

    /// A pod whose app ignores SIGTERM and wants more than half of the machine.
    const STUBBORN: [u8; 2] = [1, 0x83];

    /// A script: after each event so many seconds pass.
    fn script(seed: u8, events: &[(Event, u64)]) -> TestCase {
        let scene = |&(event, seconds): &(Event, u64)| Scene {
            event,
            pace: Pace::Wait(Duration::from_secs(seconds)),
            order: 0,
        };
        TestCase(Script { seed, scenes: events.iter().map(scene).collect() })
    }

    fn finds(slip: Slip, case: &TestCase) -> bool {
        check(case);
        catch_unwind(|| check_with(case, Slips::only(slip))).is_err()
    }

    /// What random scripts seldom come to.
    #[test]
    fn pods_that_are_being_stopped_are_missed_when_nobody_counts_them_or_stops_them() {
        let shape = Shape::arbitrary(&mut Unstructured::new(&STUBBORN)).expect("two bytes");
        let create = (Event::Create { pod: 0, shape }, 11);
        let replaced = script(1, &[create, (Event::Delete { pod: 0, grace: 7 }, 11)]);
        assert!(finds(Slip::StoppingPodsDoNotCount, &replaced));
        let forced = script(2, &[create, (Event::Delete { pod: 0, grace: 0 }, 11)]);
        assert!(finds(Slip::OrphansAreForgotten, &forced));
    }

    /// NOD-3: somebody says of a node that is well that it is not ready, and its kubelet does not know of it yet.
    #[test]
    fn a_node_that_is_well_and_does_not_say_so_is_found() {
        let mut world = Machine::new(1, Slips::NONE);
        world.wait(Duration::from_secs(100));
        world.at_rest();
        let ready = new_node_condition("Ready", "False", "KubeletNotReady", world.now());
        let patch = Patch::NodeConditions(vec![ready]);
        let node = Key::global(NODE_NAME);
        world.stage.call(Request::Patch(Resource::Node, node, Preconditions::NONE, patch));
        let judged = catch_unwind(AssertUnwindSafe(|| world.at_rest()));
        let says = judged.expect_err("it is not as it should be");
        let says = says.downcast_ref::<String>().map_or("", String::as_str);
        assert!(says.contains("says that it is not ready"), "{says}");
    }

    /// ADM-6: what fits the node as a user has labelled it is rejected by a kubelet that knows its pods first; one of the first calls of
    /// the one that starts, the list of its node, is lost.
    #[test]
    fn a_kubelet_that_asks_its_own_idea_of_its_node_is_found() {
        let shape = Shape::arbitrary(&mut Unstructured::new(&STUBBORN)).expect("two bytes");
        let lost = |answer| {
            let TestCase(mut script) = script(
                1,
                &[(Event::Create { pod: 0, shape }, 11), (Event::Restart, 0), (Event::Fault(answer), 11)],
            );
            script.scenes[1].pace = Pace::Steps(0);
            TestCase(script)
        };
        assert!((0..4).any(|answer| finds(Slip::PodsBeforeOwnNode, &lost(answer))));
    }
}
