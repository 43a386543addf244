//! What a kubelet uses outside of itself while it takes a step: the API server, the clock, and its container runtime, whose
//! calls are in flight until they are answered or time out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::Uid;
use crate::clock::Moment;
use crate::container_runtime::{CallId, Machine, Request};
use crate::context::Context;
use crate::operation::NodeIndex;

/// Who waits for the answer of a call to the runtime.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waiter {
    /// The worker of a pod.
    Worker(Uid),
    /// The PLEG.
    Pleg,
    /// The check of the runtime's health.
    RuntimeCheck,
    /// The sync loop, in its housekeeping.
    Housekeeping,
    /// Nobody: the removal of what is dead.
    Collector,
}

/// The calls to the runtime that somebody waits for, with the moment at which the wait is over.
#[derive(Clone, Debug, Default)]
pub struct RuntimeCalls {
    waiting: BTreeMap<CallId, (Waiter, Moment)>,
}

impl RuntimeCalls {
    /// The call is over, one way or the other. None if nobody of this kubelet waits for it.
    pub fn end(&mut self, call: CallId) -> Option<Waiter> {
        self.waiting.remove(&call).map(|(waiter, _)| waiter)
    }

    /// Does anybody wait for it?
    pub fn waits(&self, call: CallId) -> bool {
        self.waiting.contains_key(&call)
    }

    /// The calls whose time is over by now.
    pub fn overdue(&self, now: Moment) -> impl Iterator<Item = CallId> {
        self.waiting.iter().filter(move |(_, (_, deadline))| *deadline <= now).map(|(&call, _)| call)
    }

    /// When the next wait is over that is not yet.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        self.waiting.values().map(|&(_, deadline)| deadline).filter(|&deadline| deadline > now).min()
    }

    /// Everybody that waits.
    pub fn ids(&self) -> impl Iterator<Item = CallId> {
        self.waiting.keys().copied()
    }
}

/// Everything outside of a kubelet.
pub struct Host<'a, 'b> {
    /// The API server, the clock, what is switched on.
    pub context: &'a mut Context<'b>,
    /// The container runtime of the machine.
    pub runtime: &'a mut dyn Machine,
    /// The calls to it that are in flight.
    pub calls: &'a mut RuntimeCalls,
    /// The machine.
    pub node: NodeIndex,
    /// How long a call to the runtime may take (K-19).
    pub request_timeout: Duration,
}

impl Host<'_, '_> {
    /// What time it is.
    pub const fn now(&self) -> Moment {
        self.context.now()
    }

    /// Calls the runtime. A stop may take its own time-out longer than other calls (KIL-16).
    pub fn call(&mut self, waiter: Waiter, request: Request) -> CallId {
        let longer = match &request {
            Request::StopContainer { timeout_seconds, .. } => {
                Duration::from_secs(u64::from(*timeout_seconds))
            }
            _ => Duration::ZERO,
        };
        let deadline = self.now() + self.request_timeout + longer;
        let call = self.runtime.call(request);
        self.calls.waiting.insert(call, (waiter, deadline));
        call
    }
}
