//! A machine for tests of single parts of a kubelet: a simulated runtime whose calls are performed and answered by hand.

use std::net::Ipv4Addr;

use podproof_vocabulary::Release;

use super::host::{Host, RuntimeCalls};
use super::parts::Settings;
use crate::api::Uid;
use crate::chooser::First;
use crate::client::Calls;
use crate::clock::{Clock, Moment};
use crate::container_runtime::call::{ContainerConfig, SandboxConfig};
use crate::container_runtime::simulated::network::Network;
use crate::container_runtime::simulated::{RuntimeStep, Simulated};
use crate::container_runtime::{Answer, CallId, ContainerId, ContainerRuntime, Outcome, Request, SandboxId};
use crate::context::Context;
use crate::operation::NodeIndex;
use crate::slip::Slips;

pub struct TestHost {
    pub runtime: Simulated,
    pub calls: RuntimeCalls,
    pub api: Calls,
    pub clock: Clock,
    pub slips: Slips,
    pub release: Release,
}

impl TestHost {
    pub fn new(slips: Slips) -> Self {
        let network = Network::new(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 1, 0, 1), 8);
        Self {
            runtime: Simulated::new(network, []),
            calls: RuntimeCalls::default(),
            api: Calls::default(),
            clock: Clock::default(),
            slips,
            release: Release::NEWEST,
        }
    }

    pub fn with<T>(&mut self, act: impl FnOnce(&mut Host<'_, '_>) -> T) -> T {
        let mut chooser = First;
        let mut context = Context {
            clock: self.clock,
            release: self.release,
            slips: self.slips,
            calls: &mut self.api,
            chooser: &mut chooser,
        };
        act(&mut Host {
            context: &mut context,
            runtime: &mut self.runtime,
            calls: &mut self.calls,
            node: NodeIndex(0),
            request_timeout: Settings::default().runtime_request_timeout,
        })
    }

    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    pub fn pass(&mut self, seconds: u64) {
        self.clock.pass_until(self.now() + std::time::Duration::from_secs(seconds));
    }

    /// Does what a test needs done, without a kubelet.
    pub fn do_now(&mut self, request: Request) -> Outcome {
        let call = self.runtime.call(request);
        self.perform(call);
        self.runtime.take_answer(call).expect("it was performed")
    }

    pub fn perform(&mut self, call: CallId) {
        self.runtime.complete(RuntimeStep::Perform(call), self.clock.now()).expect("it was sent");
    }

    /// The next call that was sent and not performed.
    pub fn next_call(&self) -> Option<CallId> {
        let mut steps = Vec::new();
        self.runtime.pending(self.clock.now(), &mut steps);
        steps.into_iter().find_map(|step| match step {
            RuntimeStep::Perform(call) => Some(call),
            _ => None,
        })
    }

    /// The answer of a call that was performed.
    pub fn answer(&mut self, call: CallId) -> Outcome {
        self.calls.end(call);
        self.runtime.take_answer(call).expect("it was performed")
    }

    pub fn sandbox(&mut self, uid: &str, attempt: u32) -> SandboxId {
        let config = SandboxConfig {
            uid: Uid::from(uid),
            name: "p".into(),
            namespace: "default".into(),
            attempt,
            host_network: false,
        };
        match self.do_now(Request::RunSandbox(config)) {
            Ok(Answer::NewSandbox(id)) => id,
            other => panic!("{other:?}"),
        }
    }

    /// A container that runs.
    pub fn container(&mut self, sandbox: SandboxId, name: &str, attempt: u32) -> ContainerId {
        let config = ContainerConfig { name: name.into(), attempt, spec_hash: 1 };
        match self.do_now(Request::CreateContainer { sandbox, config }) {
            Ok(Answer::NewContainer(id)) => {
                self.do_now(Request::StartContainer(id)).expect("it starts");
                id
            }
            other => panic!("{other:?}"),
        }
    }
}
