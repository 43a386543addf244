//! Operations of the runtime: completing them, waiting for them, following watches until nothing is new.

use podproof_runtime::api::{ApiError, Key, Resource, Response};
use podproof_runtime::api_server::WatchEvent;
use podproof_runtime::client::{CallId, CallState, WatchId};
use podproof_runtime::clock::Moment;
use podproof_runtime::container_runtime::simulated::actor::RuntimeProcess;
use podproof_runtime::controllers::ControllerManager;
use podproof_runtime::kubelet::KubeletProcess;
use podproof_runtime::operation::{Process, Queue, Timer};
use podproof_runtime::proxy::KubeProxy;
use podproof_runtime::scheduler::Scheduler;
use podproof_runtime::{Actor, Clock, Component, Operation, Step};

use super::{HIDDEN_MAX, Running};
use crate::Refused;

/// What the API server answers.
type Answer = Result<Response, ApiError>;

/// While a pod is in `disruptedPods` no more than this passes at once: its entry would run out (PDB-3).
const DISRUPTED_MILLIS: u64 = 60_000;

/// There are seldom more pending operations of a process.
pub(super) const USUAL: usize = 12;

impl Running {
    pub(super) fn complete(&mut self, component: Component, step: Step) -> Result<(), Refused> {
        let operation = Operation::new(component, step);
        let because = |why: &dyn std::fmt::Display| Refused::because(format!("{operation}: {why}"));
        self.count(&operation).map_err(|refused| because(&refused))?;
        let looks_anew = component == Component::Deployment && matches!(operation.step, Step::Work(..));
        self.scaling_given_up &= !looks_anew;
        let may_darken = component == Component::NodeLifecycle && !self.is_dark();
        self.cluster.complete(&operation).map_err(|refused| because(&refused))?;
        if may_darken { self.check_darkness() } else { Ok(()) }
    }

    /// The pending operations of a process.
    pub(super) fn operations_of(&self, process: Process) -> Vec<Operation> {
        let mut operations = Vec::with_capacity(USUAL);
        self.cluster.pending_of(process, &mut operations);
        operations
    }

    /// The pending steps of a component.
    pub(super) fn steps_of(&self, component: Component) -> Vec<Step> {
        let operations = self.operations_of(component.process()).into_iter();
        operations.filter(|operation| operation.component == component).map(|own| own.step).collect()
    }

    /// A process of the runtime that runs.
    pub(super) fn process(&self, process: Process) -> Option<&dyn Actor> {
        if !self.cluster.is_running(process) {
            return None;
        }
        let cluster = &self.cluster;
        match process {
            Process::Scheduler => cluster.actor::<Scheduler>(process).map(|actor| actor as &dyn Actor),
            Process::ControllerManager => {
                cluster.actor::<ControllerManager>(process).map(|actor| actor as &dyn Actor)
            }
            Process::Kubelet(_) => cluster.actor::<KubeletProcess>(process).map(|actor| actor as &dyn Actor),
            Process::ContainerRuntime(_) => {
                cluster.actor::<RuntimeProcess>(process).map(|actor| actor as &dyn Actor)
            }
            _ => cluster.actor::<KubeProxy>(process).map(|actor| actor as &dyn Actor),
        }
    }

    pub(super) fn is_write(&self, call: CallId) -> bool {
        self.cluster.calls().get(call).is_some_and(|call| call.request.is_write())
    }

    /// A call of this component arrives and is answered, and nothing else happens.
    pub(super) fn carry_out(&mut self, component: Component, call: CallId) -> Result<Answer, Refused> {
        self.complete(component, Step::Arrive(call))?;
        let state = self.cluster.calls().get(call).map(|call| call.state.clone());
        let Some(CallState::Answered(answer)) = state else {
            return Err(Refused::because("a request takes more than one write"));
        };
        self.complete(component, Step::Answer(call))?;
        Ok(answer)
    }

    /// The process lists, watches and tells its handlers, until it knows all that is there.
    pub(super) fn settle_watches(&mut self, process: Process, watches: usize) -> Result<(), Refused> {
        let mut millis = 1;
        for _ in 0..HIDDEN_MAX {
            let hidden = self.operations_of(process).into_iter().find(|operation| match operation.step {
                Step::Arrive(call) | Step::Answer(call) => !self.is_write(call),
                Step::Deliver(_) | Step::Notify(_) | Step::Wake(Timer::Reflect(_)) => true,
                _ => false,
            });
            match hidden {
                Some(operation) => self.complete(operation.component, operation.step)?,
                None if self.open_watches(process).len() < watches => {
                    self.pass_until(Moment(self.cluster.now().0 + millis))?;
                    millis *= 2;
                }
                None => return Ok(()),
            }
        }
        Err(Refused::because("the listing has no end"))
    }

    pub(super) fn open_watches(&self, process: Process) -> Vec<(Resource, WatchId)> {
        let mut open = Vec::new();
        if let Some(actor) = self.process(process) {
            actor.watches(&mut |resource, watch| open.push((resource, watch)));
        }
        open
    }

    /// The next event of a watch of a process.
    pub(super) fn next_event(&self, process: Process, resource: Resource) -> Option<&WatchEvent> {
        self.cluster.next_event(process, resource)
    }

    /// The next event of a resource reaches the process, and its handlers are told.
    pub(super) fn deliver_next(&mut self, process: Process, resource: Resource) -> Result<(), Refused> {
        self.complete(process.watcher(), Step::Deliver(resource))?;
        for _ in 0..HIDDEN_MAX {
            let told = self
                .operations_of(process)
                .into_iter()
                .find(|operation| operation.step == Step::Notify(resource));
            match told {
                Some(operation) => self.complete(operation.component, operation.step)?,
                None => return Ok(()),
            }
        }
        Err(Refused::because("the handlers are never told all"))
    }

    /// As many events as it takes until the process has seen what the model's has.
    pub(super) fn deliver_until(
        &mut self,
        process: Process,
        resource: Resource,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), Refused> {
        for _ in 0..HIDDEN_MAX {
            if done(self) {
                return Ok(());
            }
            if self.next_event(process, resource).is_none() {
                return Err(Refused::because(format!("no watch of {} brings it", resource.plural())));
            }
            self.deliver_next(process, resource)?;
        }
        Err(Refused::because("too many events bring it"))
    }

    /// Time passes.
    pub(super) fn pass_until(&mut self, moment: Moment) -> Result<(), Refused> {
        let millis = moment.0.saturating_sub(self.cluster.now().0);
        if millis > DISRUPTED_MILLIS && self.is_pod_disrupted() {
            return Err(Refused::later("so much time would make a granted eviction void (PDB-3)"));
        }
        self.cluster.pass_until(moment);
        Ok(())
    }

    /// When a step of a component would be pending by time alone; none if it never will.
    pub(super) fn due(&self, component: Component, step: &Step) -> Option<Moment> {
        let actor = self.process(component.process())?;
        let now = self.cluster.now();
        let moments = (0..23).map(|doubled| Moment(now.0 + (1 << doubled)));
        std::iter::once(now).chain(moments).find(|&moment| {
            let (mut clock, mut operations) = (Clock::default(), Vec::new());
            clock.pass_until(moment);
            actor.pending(clock, &mut operations);
            operations.iter().any(|own| own.component == component && own.step == *step)
        })
    }

    /// A worker takes a key, waiting for it if it was put off.
    pub(super) fn work(&mut self, component: Component, key: &Key) -> Result<(), Refused> {
        let work = Step::Work(Queue::Main, key.clone());
        if !self.steps_of(component).contains(&work) {
            let wake = Step::Wake(Timer::Delayed(Queue::Main, key.clone()));
            let due = self.due(component, &wake);
            let due =
                due.ok_or_else(|| Refused::because(format!("{component:?} has no reason to look at {key}")))?;
            self.pass_until(due)?;
            self.complete(component, wake)?;
        }
        self.complete(component, work)
    }
}
