//! A part of the runtime on a stage: a script says what happens to it and how far it goes on each time, and a world around it
//! plays whoever is not there and judges every step.
//!
//! - [`script`]: bytes as scenes; [`build`]: objects for worlds
//!
//! Which pending operation comes next is drawn from the scene's own order, so that one byte stands for hundreds of steps, and a
//! scene that is cut out of a script leaves the others as they were.

pub mod build;
pub mod script;

use std::fmt::Debug;
use std::time::Duration;

use fastrand::Rng;
use podproof_runtime::api::{Kind, Object, Request, Resource};
use podproof_runtime::chooser::Question;
use podproof_runtime::client::{Call, CallState};
use podproof_runtime::clock::Moment;
use podproof_runtime::operation::{Component, Step};
use podproof_runtime::{Cluster, Operation, Slips};
use podproof_vocabulary::Release;

use crate::cases::Log;
use crate::telling::{short, tell};
use script::{Pace, Scene, pick};

/// Steps of one script; a longer one ends there, and what has not come to rest is not judged.
const STEPS_MAX: usize = 12_000;

/// While something is pending, time passes by this much at most, once in so many steps.
const HURRY: Duration = Duration::from_millis(100);
const HURRY_ONE_IN: u32 = 16;
/// How often one scene waits for a timer.
const JUMPS_MAX: usize = 3;

/// What a world stands on.
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    order: Rng,
    left: usize,
    log: Log,
    operations: Vec<Operation>,
    jinxed: Option<Jinx>,
}

/// The next write of a component is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jinx {
    /// Whose.
    pub component: Component,
    /// It is carried out, and only the answer is lost.
    pub answer_only: bool,
    /// Only writes to these.
    pub only: Option<Resource>,
}

impl Jinx {
    /// How this call is lost, if it is the one.
    fn strikes(self, call: &Call) -> Option<Step> {
        match call.state {
            _ if call.caller != self.component || call.orphaned || !call.request.is_write() => None,
            _ if self.only.is_some_and(|resource| resource != call.request.resource()) => None,
            CallState::Sent if !self.answer_only => Some(Step::LoseRequest(call.id)),
            CallState::Answered(_) if self.answer_only => Some(Step::LoseAnswer(call.id)),
            _ => None,
        }
    }
}

impl Stage {
    /// A cluster of this release, with nobody in it but the API server. Choices inside operations are drawn from the seed.
    pub fn new(seed: u8, release: Release, slips: Slips) -> Self {
        let mut choices = Rng::with_seed(seed.into());
        let chooser = move |question: &Question<'_>| choices.usize(..question.options());
        Self {
            cluster: Cluster::new(release, slips, Box::new(chooser)),
            order: Rng::with_seed(0),
            left: STEPS_MAX,
            log: Log::default(),
            operations: Vec::new(),
            jinxed: None,
        }
    }

    /// Tells what happens on this stage, if anybody wants to know.
    pub fn tell(&self, what: impl FnOnce() -> String) {
        tell(|| format!("{}: {}", self.now(), what()));
    }

    /// What an operation asks the API server for, in words.
    fn request_of(&self, operation: &Operation) -> String {
        let Step::Arrive(call) = operation.step else { return String::new() };
        self.cluster.calls().get(call).map(|call| short(&call.request)).unwrap_or_default()
    }

    /// Somebody outside sends a request, and lets it be if it is refused.
    pub fn call(&mut self, request: Request) {
        self.tell(|| format!("outside: {}", short(&request)));
        let answer = self.cluster.call(request);
        self.log.note(&answer.err());
    }

    /// An object is created, or takes the place of the one of its name.
    pub fn put<K: Kind>(&mut self, mut object: K)
    where
        Object: From<K>,
    {
        let stored = self.cluster.server().store().get::<K>(&object.key());
        object.meta_mut().resource_version = stored.and_then(|stored| stored.meta().resource_version.clone());
        let exists = stored.is_some();
        let object = Object::from(object);
        self.call(if exists { Request::Update(object) } else { Request::Create(object) });
    }

    /// The next write of a component will be lost.
    pub const fn jinx(&mut self, jinx: Jinx) {
        self.jinxed = Some(jinx);
    }

    /// Nothing goes wrong any more.
    pub const fn lift_jinx(&mut self) {
        self.jinxed = None;
    }

    /// The call that is lost now.
    fn struck(&mut self) -> Option<Operation> {
        let jinx = self.jinxed?;
        let struck = self.cluster.calls().iter().find_map(|call| jinx.strikes(call))?;
        self.jinxed = None;
        Some(Operation::new(jinx.component, struck))
    }

    /// What time it is.
    pub const fn now(&self) -> Moment {
        self.cluster.now()
    }

    /// Everything that happened, as a hash.
    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }

    /// Is nothing pending but that time passes?
    pub fn is_quiet(&self) -> bool {
        let mut operations = Vec::new();
        self.cluster.pending(&mut operations);
        operations.is_empty()
    }

    /// Were there too many steps?
    pub const fn is_over(&self) -> bool {
        self.left == 0
    }

    /// What comes now is judged however long it was before.
    pub const fn renew(&mut self) {
        self.left = STEPS_MAX;
    }

    /// One pending operation; none if nothing is pending.
    fn draw(&mut self) -> Option<Operation> {
        self.operations.clear();
        self.cluster.pending(&mut self.operations);
        let count = self.operations.len();
        (count > 0).then(|| self.operations.swap_remove(self.order.usize(..count)))
    }
}

/// A part of the runtime with a world around it.
pub trait World {
    /// What can happen to it.
    type Event: Debug;

    /// What it stands on.
    fn stage(&self) -> &Stage;

    /// What it stands on.
    fn stage_mut(&mut self) -> &mut Stage;

    /// Something happens to it.
    fn act(&mut self, event: &Self::Event);

    /// An operation is about to happen.
    fn before(&mut self, operation: &Operation) {
        let _ = operation;
    }

    /// An operation happened.
    fn after(&mut self, operation: &Operation) {
        let _ = operation;
    }

    /// Nothing is pending.
    fn at_rest(&mut self) {}

    /// Time is about to pass, although something may be pending.
    fn before_time(&mut self, until: Moment) {
        let _ = until;
    }

    /// May this go wrong? A world says no to what its judgements cannot tell from a bug.
    fn may_go_wrong(&self, fault: &Operation) -> bool {
        let _ = fault;
        true
    }

    /// A call is lost, or a watch breaks: one of those that may, by `answer`.
    fn go_wrong(&mut self, answer: u8) {
        let mut faults = Vec::new();
        self.stage().cluster.faults(&mut faults);
        faults.retain(|fault| self.may_go_wrong(fault));
        self.one_goes_wrong(&faults, answer);
    }

    /// One of these goes wrong, by `answer`, if there is any.
    fn one_goes_wrong(&mut self, faults: &[Operation], answer: u8) {
        if let Some(fault) = pick(faults, answer) {
            self.complete(fault);
        }
    }

    /// Plays a script.
    fn play(&mut self, scenes: &[Scene<Self::Event>]) {
        for (index, scene) in scenes.iter().enumerate() {
            let order = u64::from(scene.order) << 32 | index as u64;
            self.stage_mut().order = Rng::with_seed(order);
            self.stage().tell(|| format!("--- {:?}, {:?}", scene.event, scene.pace));
            self.act(&scene.event);
            match scene.pace {
                Pace::Steps(steps) => self.run(steps),
                Pace::Rest => self.rest(),
                Pace::Wait(time) => self.wait(time),
            }
        }
    }

    /// Lets one operation happen that is pending or that may go wrong.
    fn complete(&mut self, operation: &Operation) {
        self.stage().tell(|| format!("{operation} {}", self.stage().request_of(operation)));
        self.before(operation);
        let stage = self.stage_mut();
        stage.left = stage.left.saturating_sub(1);
        stage.log.note(operation);
        let done = stage.cluster.complete(operation);
        assert!(done.is_ok(), "{operation} was pending");
        self.after(operation);
        if let Some(lost) = self.stage_mut().struck() {
            self.complete(&lost);
        }
    }

    /// So many steps: something that is pending, or, now and then, a moment passes. If nothing is pending, time passes until the
    /// next timer is due, but not for ever.
    fn run(&mut self, steps: u8) {
        let mut jumps = JUMPS_MAX;
        for _ in 0..steps {
            if self.stage().is_over() {
                return;
            }
            let stage = self.stage_mut();
            let hurries = stage.order.u32(..HURRY_ONE_IN) == 0;
            let operation = if hurries { None } else { stage.draw() };
            if let Some(operation) = operation {
                self.complete(&operation);
                continue;
            }
            let Some(next) = self.stage().cluster.next_deadline() else { return };
            if self.stage().is_quiet() {
                self.at_rest();
                if jumps == 0 {
                    return;
                }
                jumps -= 1;
                self.pass(next);
            } else {
                let soon = self.stage().now() + HURRY;
                self.pass(next.min(soon));
            }
        }
    }

    /// Everything that is pending happens, and time stands still.
    fn rest(&mut self) {
        while !self.stage().is_over() {
            let Some(operation) = self.stage_mut().draw() else {
                self.at_rest();
                return;
            };
            self.complete(&operation);
        }
    }

    /// So much time passes, and whatever becomes due happens at once.
    fn wait(&mut self, time: Duration) {
        let end = self.stage().now() + time;
        while !self.stage().is_over() {
            self.rest();
            let next = self.stage().cluster.next_deadline().filter(|next| *next <= end);
            self.pass(next.unwrap_or(end));
            if next.is_none() {
                self.rest();
                return;
            }
        }
    }

    /// Time passes.
    fn pass(&mut self, until: Moment) {
        self.before_time(until);
        let stage = self.stage_mut();
        stage.log.note(&until);
        stage.cluster.pass_until(until);
    }
}
