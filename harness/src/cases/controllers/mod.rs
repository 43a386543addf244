//! `controllers`: the controller manager beside an API server. A script plays everybody else: users, the scheduler, kubelets.
//! Every step is judged, and once faults end everything comes to rest as it should.
//!
//! - `played`: who is played; `objects`: what users create
//! - `steps`: what no step may do; `evictions`: nor a budget; `rest`: what must be so at rest

mod evictions;
mod objects;
mod played;
mod rest;
mod steps;

use std::time::Duration;

use arbitrary::Arbitrary;
use podproof_runtime::controllers::ControllerManager;
use podproof_runtime::operation::{Component, Process};
use podproof_runtime::{Operation, Slips};
use podproof_vocabulary::Release;

use crate::runner::Checked;
use crate::stage::script::Script;
use crate::stage::{Jinx, Stage, World};
use objects::Ask;
use played::Played;
use steps::Steps;

/// Controllers whose calls are lost on purpose.
const CONTROLLERS: [Component; 4] =
    [Component::Deployment, Component::ReplicaSet, Component::Disruption, Component::EndpointSlice];

/// What happens to a cluster.
#[derive(Clone, Debug, Arbitrary)]
pub struct TestCase(Script<Event>);

/// Something that happens. A number says which pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
enum Event {
    Nothing,
    /// Every pod gets as far as its scheduler and its kubelet bring it.
    Progress,
    Bind(u8),
    Ready(u8),
    Unready(u8),
    Fail(u8),
    /// A pod that is being deleted is gone.
    Gone(u8),
    Delete(u8),
    /// Requests to evict one pod, or several at once, are sent.
    Evict(u8),
    /// A user changes what a budget says of pods that are not healthy, and requests to evict pods are sent.
    TouchBudget(u8),
    RollOut(u8),
    Scale(u8),
    DeleteSet,
    CreateSet,
    DeleteSlice,
    /// A call is lost, or a watch breaks.
    Fault(u8),
    /// The next write of a controller is lost, or its answer.
    Jinx {
        controller: u8,
        answer_only: bool,
    },
    Compact,
    Restart,
    /// A pod loses its owner: its ReplicaSet adopts it.
    Disown(u8),
    /// A pod gets a label that its ReplicaSet does not select, and is released.
    Relabel(u8),
    /// The API server restarts: every watch breaks, and what it was at is not finished.
    RestartServer,
}

/// Lets it happen. Useful if pods became ready and something happened to them then.
///
/// # Panics
/// At a bug.
pub fn check(case: &TestCase) -> Checked {
    check_with(case, Slips::NONE)
}

/// The same of controllers with wrong mechanisms.
pub(crate) fn check_with(case: &TestCase, slips: Slips) -> Checked {
    let release = if case.0.seed.is_multiple_of(3) { Release { minor: 35 } } else { Release::NEWEST };
    let mut stage = Stage::new(case.0.seed, release, slips);
    stage.cluster.add(Process::ControllerManager, Box::new(ControllerManager::default()));
    let steps = Steps::new(Ask::numbered(case.0.seed));
    let mut world = Controlled { stage, played: Played::default(), steps, disturbed: 0 };
    world.create_all();
    if !case.0.seed.is_multiple_of(5) {
        world.settle(Duration::from_secs(3));
    }
    world.play(&case.0.scenes);
    world.converge();
    world.stage.log().checked(world.disturbed > 0)
}

/// A controller manager and the world around it.
struct Controlled {
    stage: Stage,
    played: Played,
    steps: Steps,
    /// Events that happened while pods were ready.
    disturbed: usize,
}

impl Controlled {
    fn restart(&mut self) {
        self.steps.note_restart(&self.stage.cluster);
        self.stage.cluster.stop(Process::ControllerManager);
        self.stage.cluster.start(Process::ControllerManager);
    }
}

impl World for Controlled {
    type Event = Event;

    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn stage_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }

    fn act(&mut self, event: &Event) {
        self.disturbed += usize::from(*event != Event::Nothing && self.ready_pods() > 0);
        match *event {
            Event::Nothing => {}
            Event::Progress => self.progress(),
            Event::Bind(which) => self.bind(which),
            Event::Ready(which) => self.set_ready(which, true),
            Event::Unready(which) => self.set_ready(which, false),
            Event::Fail(which) => self.fail(which),
            Event::Gone(which) => self.remove(which),
            Event::Delete(which) => self.delete(which),
            Event::Evict(which) => self.evict_some(which),
            Event::TouchBudget(which) => {
                self.touch_budget();
                self.evict_some(which);
            }
            Event::RollOut(image) => self.roll_out(image),
            Event::Scale(replicas) => self.scale(replicas),
            Event::DeleteSet => self.delete_set(),
            Event::CreateSet => self.create_set(),
            Event::DeleteSlice => self.delete_slice(),
            Event::Fault(answer) => self.go_wrong(answer),
            Event::Jinx { controller, answer_only } => {
                let component = CONTROLLERS[usize::from(controller) % CONTROLLERS.len()];
                self.stage.jinx(Jinx { component, answer_only, only: None });
            }
            Event::Compact => self.stage.cluster.server_mut().compact(),
            Event::Restart => self.restart(),
            Event::Disown(which) => self.disown(which),
            Event::Relabel(which) => self.relabel(which),
            Event::RestartServer => {
                self.stage.cluster.stop(Process::ApiServer);
                self.stage.cluster.start(Process::ApiServer);
            }
        }
        self.steps.note_event(*event, &self.stage.cluster);
    }

    fn before(&mut self, operation: &Operation) {
        self.steps.before(operation, &self.stage.cluster);
    }

    fn after(&mut self, operation: &Operation) {
        self.steps.after(operation, &self.stage.cluster);
    }

    fn at_rest(&mut self) {
        self.steps.at_rest(&self.stage.cluster);
    }

    fn before_time(&mut self, until: podproof_runtime::clock::Moment) {
        self.beat(until);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;
    use crate::runner::{input, run};

    #[test]
    fn smoke() {
        assert_useful("controllers", SMOKE_RUNS / 4, check, 2);
    }

    /// DEP-2: controllers that are at rest before there is a ReplicaSet do not know it for that.
    #[test]
    fn what_was_found_once_is_found_no_more() {
        assert!(run(&input(81, 397), check).is_some(), "it reaches for an input");
        // RS-5: a deletion is on its way while the controllers restart.
        assert!(run(&input(4, 344), check).is_some(), "it reaches for an input");
        // EPS-11: a slice goes that these controllers never wrote.
        assert!(run(&input(0, 218), check).is_some(), "it reaches for an input");
        // CTL-3: a ReplicaSet is made anew under its name.
        assert!(run(&input(3, 489), check).is_some(), "it reaches for an input");
    }
}
