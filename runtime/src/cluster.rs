//! The cluster: the API server, the processes around it, the calls between them, and one clock.
//!
//! [`Cluster::pending`] lists what may happen; [`Cluster::complete`] lets one thing happen. Nothing happens by itself.

use std::any::Any;
use std::collections::BTreeMap;

use podproof_vocabulary::Release;

use crate::actor::Actor;
use crate::api::{ApiError, Request, Resource, Response};
use crate::api_server::{ApiServer, WatchEvent};
use crate::chooser::Chooser;
use crate::client::{Call, CallId, CallState, Calls, WatchId};
use crate::clock::{Clock, Moment, earlier};
use crate::context::Context;
use crate::operation::{Component, Operation, Process, Refused, Step, Timer};
use crate::slip::Slips;

/// A process and whether it runs and reaches the API server.
struct Member {
    actor: Box<dyn Actor>,
    running: bool,
    connected: bool,
}

/// A cluster.
pub struct Cluster {
    clock: Clock,
    release: Release,
    slips: Slips,
    chooser: Box<dyn Chooser>,
    server: ApiServer,
    calls: Calls,
    members: BTreeMap<Process, Member>,
    answers: BTreeMap<CallId, Result<Response, ApiError>>,
}

/// Splits a cluster into what a component may use and the rest.
macro_rules! context {
    ($cluster:expr) => {
        Context {
            clock: $cluster.clock,
            release: $cluster.release,
            slips: $cluster.slips,
            calls: &mut $cluster.calls,
            chooser: &mut *$cluster.chooser,
        }
    };
}

impl Cluster {
    /// An API server with an empty store, and nobody else.
    pub fn new(release: Release, slips: Slips, chooser: Box<dyn Chooser>) -> Self {
        Self {
            clock: Clock::default(),
            release,
            slips,
            chooser,
            server: ApiServer::new(release, slips),
            calls: Calls::default(),
            members: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    /// Adds a process and starts it.
    pub fn add(&mut self, process: Process, actor: Box<dyn Actor>) {
        self.members.insert(process, Member { actor, running: false, connected: true });
        self.start(process);
    }

    /// A process that was stopped starts again.
    pub fn start(&mut self, process: Process) {
        if process == Process::ApiServer {
            self.server.start();
        } else if let Some(member) = self.members.get_mut(&process)
            && !member.running
        {
            member.running = true;
            member.actor.start(&mut context!(self));
        }
    }

    /// A process stops: its memory is lost, its watches end, and nobody waits for the answers to its calls (MOD-4).
    pub fn stop(&mut self, process: Process) {
        if process == Process::ApiServer {
            self.stop_server();
            return;
        }
        let Some(member) = self.members.get_mut(&process) else { return };
        member.actor.watches(&mut |_, watch| self.server.close(watch));
        member.actor.stop();
        member.running = false;
        self.calls.orphan(process).into_iter().for_each(|watch| self.server.close(watch));
    }

    /// The link between a process and the API server is cut, or works again. A cut link loses nothing by itself: watches are
    /// silent, and calls wait until they run out of time.
    pub fn connect(&mut self, process: Process, connected: bool) {
        if let Some(member) = self.members.get_mut(&process) {
            member.connected = connected;
        }
    }

    /// Does this process run?
    pub fn is_running(&self, process: Process) -> bool {
        match process {
            Process::ApiServer => self.server.is_running(),
            process => self.members.get(&process).is_some_and(|member| member.running),
        }
    }

    /// Does it reach the API server?
    pub fn is_connected(&self, process: Process) -> bool {
        self.members.get(&process).is_none_or(|member| member.connected)
    }

    /// The next event of a watch of a process that runs, before it is received.
    pub fn next_event(&self, process: Process, resource: Resource) -> Option<&WatchEvent> {
        let member = self.members.get(&process).filter(|member| member.running)?;
        self.server.peek(watch_of(member, resource)?)
    }

    /// A process, as what it is.
    pub fn actor<A: Actor>(&self, process: Process) -> Option<&A> {
        let actor: &dyn Any = &*self.members.get(&process)?.actor;
        actor.downcast_ref()
    }

    /// A process, as what it is, for the environment to act on it.
    pub fn actor_mut<A: Actor>(&mut self, process: Process) -> Option<&mut A> {
        let actor: &mut dyn Any = &mut *self.members.get_mut(&process)?.actor;
        actor.downcast_mut()
    }

    /// Lets the environment do something to a running process that the process may use the cluster for.
    pub fn act<A: Actor, T>(
        &mut self,
        process: Process,
        act: impl FnOnce(&mut A, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let member = self.members.get_mut(&process).filter(|member| member.running)?;
        let actor: &mut dyn Any = &mut *member.actor;
        Some(act(actor.downcast_mut()?, &mut context!(self)))
    }

    /// What time it is.
    pub const fn now(&self) -> Moment {
        self.clock.now()
    }

    /// The API server.
    pub const fn server(&self) -> &ApiServer {
        &self.server
    }

    /// The API server, for the environment to act on it.
    pub const fn server_mut(&mut self) -> &mut ApiServer {
        &mut self.server
    }

    /// The calls in flight.
    pub const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Somebody outside of the cluster sends a request; its answer will be in [`Cluster::answer`].
    pub fn request(&mut self, request: Request) -> CallId {
        self.calls.send(Component::User, request)
    }

    /// The answer to a request from outside, once it came.
    pub fn answer(&self, call: CallId) -> Option<&Result<Response, ApiError>> {
        self.answers.get(&call)
    }

    /// Sends a request from outside and lets nothing else happen before its answer is there.
    ///
    /// # Errors
    /// What the API server says.
    pub fn call(&mut self, request: Request) -> Result<Response, ApiError> {
        let call = self.request(request);
        let operation = |step| Operation::new(Component::User, step);
        let mut step = self.complete(&operation(Step::Arrive(call)));
        while step.is_ok() && matches!(self.calls.get(call), Some(Call { state: CallState::Serving, .. })) {
            step = self.complete(&operation(Step::Serve(call)));
        }
        match step.and_then(|()| self.complete(&operation(Step::Answer(call)))) {
            Ok(()) => self.answers.remove(&call).unwrap_or(Err(ApiError::Timeout)),
            Err(Refused) => Err(ApiError::Timeout),
        }
    }

    /// Everything that may happen now and is owed: faults are left out, see [`Cluster::faults`].
    pub fn pending(&self, operations: &mut Vec<Operation>) {
        operations.extend(self.calls.iter().map(|call| self.next_of(call)));
        self.server.pending(self.clock.now(), operations);
        for &process in self.members.keys() {
            self.pending_inside(process, operations);
        }
    }

    /// The same of one process alone: its calls, its watches, its own steps.
    pub fn pending_of(&self, process: Process, operations: &mut Vec<Operation>) {
        let own = self.calls.iter().filter(|call| call.caller.process() == process);
        operations.extend(own.map(|call| self.next_of(call)));
        match process {
            Process::ApiServer => self.server.pending(self.clock.now(), operations),
            process => self.pending_inside(process, operations),
        }
    }

    /// What happens next to a call.
    fn next_of(&self, call: &Call) -> Operation {
        let step = match (&call.state, self.reaches(call)) {
            (CallState::Sent, true) => Step::Arrive(call.id),
            (CallState::Serving, _) => Step::Serve(call.id),
            (CallState::Answered(_), true) => Step::Answer(call.id),
            // It runs out of time.
            (CallState::Sent, false) => Step::LoseRequest(call.id),
            (CallState::Answered(_), false) => Step::LoseAnswer(call.id),
        };
        Operation::new(call.caller, step)
    }

    /// The watch events and the steps of a process.
    fn pending_inside(&self, process: Process, operations: &mut Vec<Operation>) {
        let Some(member) = self.members.get(&process).filter(|member| member.running) else { return };
        if member.connected {
            member.actor.watches(&mut |resource, watch| {
                if self.server.has_news(watch) {
                    operations.push(Operation::new(process.watcher(), Step::Deliver(resource)));
                }
            });
        }
        member.actor.pending(self.clock, operations);
    }

    /// Everything that may go wrong now with calls and watches.
    pub fn faults(&self, operations: &mut Vec<Operation>) {
        self.calls.faults(operations);
        for (&process, member) in self.members.iter().filter(|(_, member)| member.running) {
            member.actor.watches(&mut |resource, _| {
                operations.push(Operation::new(process.watcher(), Step::BreakWatch(resource)));
            });
        }
    }

    /// When the next timer is due that is not due yet.
    pub fn next_deadline(&self) -> Option<Moment> {
        let now = self.clock.now();
        let members = self.members.values().filter(|member| member.running);
        let deadlines = members.filter_map(|member| member.actor.next_deadline(now));
        let next = earlier(deadlines.min(), self.server.next_deadline());
        next.map(|next| next.max(Moment(now.0 + 1)))
    }

    /// Time passes until `moment`. What becomes due is pending; it happens when it is completed.
    pub fn pass_until(&mut self, moment: Moment) {
        self.clock.pass_until(moment);
    }

    /// Lets one pending operation happen.
    ///
    /// # Errors
    /// If it is not pending.
    pub fn complete(&mut self, operation: &Operation) -> Result<(), Refused> {
        let component = operation.component;
        match &operation.step {
            Step::Arrive(call) => self.arrive(*call),
            Step::Serve(call) => self.serve(*call),
            Step::Answer(call) => {
                if !self.calls.get(*call).is_some_and(|call| self.reaches(call)) {
                    return Err(Refused);
                }
                let (caller, answer) = self.calls.receive(*call)?;
                self.hand_over(caller, *call, answer);
                Ok(())
            }
            Step::LoseRequest(call) | Step::LoseAnswer(call) => {
                let (caller, opened) = self.calls.lose(*call)?;
                opened.into_iter().for_each(|watch| self.server.close(watch));
                self.hand_over(caller, *call, Err(ApiError::Timeout));
                Ok(())
            }
            Step::Deliver(resource) => self.deliver(component.process(), *resource),
            Step::BreakWatch(resource) => self.break_watch(component.process(), *resource),
            Step::Wake(Timer::Bookmark) => {
                let mut due = Vec::new();
                self.server.pending(self.clock.now(), &mut due);
                if due.is_empty() {
                    return Err(Refused);
                }
                self.server.send_bookmarks(self.clock.now());
                Ok(())
            }
            _ => {
                let member = self.members.get_mut(&component.process()).filter(|member| member.running);
                member.ok_or(Refused)?.actor.complete(operation, &mut context!(self))
            }
        }
    }

    fn arrive(&mut self, id: CallId) -> Result<(), Refused> {
        if !self.calls.get(id).is_some_and(|call| self.reaches(call)) {
            return Err(Refused);
        }
        let request = &self.calls.arrive(id)?.request;
        if let Some(answer) = self.server.serve(id, request, self.clock.now()) {
            let unread = self.calls.answer(id, answer);
            unread.into_iter().for_each(|watch| self.server.close(watch));
        }
        Ok(())
    }

    fn serve(&mut self, id: CallId) -> Result<(), Refused> {
        match self.calls.get(id) {
            Some(Call { state: CallState::Serving, .. }) => {
                let answer = self.server.proceed(id, self.clock.now());
                let unread = self.calls.answer(id, answer);
                unread.into_iter().for_each(|watch| self.server.close(watch));
                Ok(())
            }
            _ => Err(Refused),
        }
    }

    fn deliver(&mut self, process: Process, resource: Resource) -> Result<(), Refused> {
        let member = self.members.get_mut(&process).ok_or(Refused)?;
        if !member.running || !member.connected {
            return Err(Refused);
        }
        let watch = watch_of(member, resource).ok_or(Refused)?;
        let event = self.server.next_event(watch).ok_or(Refused)?;
        member.actor.on_event(resource, event, &mut context!(self));
        Ok(())
    }

    fn break_watch(&mut self, process: Process, resource: Resource) -> Result<(), Refused> {
        let member = self.members.get_mut(&process).ok_or(Refused)?;
        let watch = watch_of(member, resource).ok_or(Refused)?;
        self.server.close(watch);
        member.actor.on_broken(resource, &mut context!(self));
        Ok(())
    }

    /// The API server stops: every watch breaks, and nobody learns what became of calls that it was at.
    fn stop_server(&mut self) {
        self.server.stop();
        self.calls.abandon();
        let mut open = Vec::new();
        for member in self.members.values_mut().filter(|member| member.running) {
            member.actor.watches(&mut |resource, _| open.push(resource));
            for resource in open.drain(..) {
                member.actor.on_broken(resource, &mut context!(self));
            }
        }
    }

    fn hand_over(&mut self, caller: Component, call: CallId, answer: Result<Response, ApiError>) {
        if caller == Component::User {
            self.answers.insert(call, answer);
        } else if let Some(member) = self.members.get_mut(&caller.process())
            && member.running
        {
            member.actor.on_answer(caller, call, answer, &mut context!(self));
        }
    }

    /// Do this call and the API server reach each other?
    fn reaches(&self, call: &Call) -> bool {
        self.server.is_running() && self.is_connected(call.caller.process())
    }
}

fn watch_of(member: &Member, resource: Resource) -> Option<WatchId> {
    let mut found = None;
    member.actor.watches(&mut |own, watch| found = found.or((own == resource).then_some(watch)));
    found
}
