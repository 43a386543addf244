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

/// The calls to the runtime that somebody waits for, with the moment at which the wait is over; some may take any time.
#[derive(Clone, Debug, Default)]
pub struct RuntimeCalls {
    waiting: BTreeMap<CallId, (Waiter, Option<Moment>)>,
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
        let is_over = move |deadline: &Option<Moment>| deadline.is_some_and(|deadline| deadline <= now);
        self.waiting.iter().filter(move |(_, (_, deadline))| is_over(deadline)).map(|(&call, _)| call)
    }

    /// When the next wait is over that is not yet.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        self.waiting.values().filter_map(|&(_, deadline)| deadline).filter(|&deadline| deadline > now).min()
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
    /// How long a call to the runtime may take (K-19), with the exceptions of [`Host::call`].
    pub request_timeout: Duration,
}

impl Host<'_, '_> {
    /// What time it is.
    pub const fn now(&self) -> Moment {
        self.context.now()
    }

    /// Calls the runtime. A stop may take its own time-out longer than other calls (KIL-16), a new sandbox twice as long; hooks and
    /// pulls take as long as they take (cri-client `remote_runtime.go`, `remote_image.go`).
    pub fn call(&mut self, waiter: Waiter, request: Request) -> CallId {
        let patience = match &request {
            Request::StopContainer { timeout_seconds, .. } => {
                Some(self.request_timeout + Duration::from_secs(u64::from(*timeout_seconds)))
            }
            Request::RunSandbox(_) => Some(self.request_timeout * 2),
            Request::Exec { .. } | Request::PullImage { .. } => None,
            _ => Some(self.request_timeout),
        };
        let deadline = patience.map(|patience| self.now() + patience);
        let call = self.runtime.call(request);
        self.calls.waiting.insert(call, (waiter, deadline));
        call
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::container_runtime::call::SandboxConfig;
    use crate::container_runtime::{ContainerId, SandboxId};
    use crate::kubelet::test_host::TestHost;
    use crate::slip::Slips;

    /// K-19, KIL-16: how many seconds each call may take.
    #[test]
    fn hooks_and_pulls_take_as_long_as_they_take() {
        let sandbox = SandboxConfig {
            uid: Uid::from("a"),
            name: "p".into(),
            namespace: "default".into(),
            attempt: 0,
            host_network: false,
        };
        for (request, expected) in [
            (Request::Status, Some(120)),
            (Request::StartContainer(ContainerId(1)), Some(120)),
            (Request::StopSandbox(SandboxId(1)), Some(120)),
            (Request::StopContainer { container: ContainerId(1), timeout_seconds: 30 }, Some(150)),
            (Request::RunSandbox(sandbox), Some(240)),
            (Request::PullImage { image: "image:1".into() }, None),
            (Request::Exec { container: ContainerId(1), command: Arc::new(["hook".to_owned()]) }, None),
        ] {
            let mut host = TestHost::new(Slips::NONE);
            let call = host.with(|host| host.call(Waiter::Collector, request.clone()));
            let deadline = host.calls.next_deadline(host.now());
            assert_eq!(deadline, expected.map(|seconds| Moment(seconds * 1_000)), "{request:?}");
            let is_overdue = |at| host.calls.overdue(Moment(at)).any(|overdue| overdue == call);
            assert_eq!(is_overdue(u64::MAX), expected.is_some(), "{request:?}");
            assert!(host.calls.waits(call) && !is_overdue(119_999), "{request:?}");
        }
    }
}
