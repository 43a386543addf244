//! `pleg`: the PLEG beside a container runtime that does as it likes, against a naive diff: which events come, how old what the
//! pod cache says is, and whether it is healthy.

use std::net::Ipv4Addr;
use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use podproof_runtime::api::Uid;
use podproof_runtime::chooser::First;
use podproof_runtime::client::Calls;
use podproof_runtime::clock::Clock;
use podproof_runtime::container_runtime::call::{ContainerConfig, SandboxConfig};
use podproof_runtime::container_runtime::simulated::network::Network;
use podproof_runtime::container_runtime::simulated::{RuntimeStep, Simulated};
use podproof_runtime::container_runtime::{
    CallId, ContainerId, ContainerRuntime as _, Outcome, Request, RuntimeError, SandboxId,
};
use podproof_runtime::kubelet::host::{Host, RuntimeCalls};
use podproof_runtime::kubelet::parts::Settings;
use podproof_runtime::kubelet::pleg::Pleg;
use podproof_runtime::kubelet::pleg::event::Plegged;
use podproof_runtime::kubelet::pod_cache::PodCache;
use podproof_runtime::operation::NodeIndex;
use podproof_runtime::{Context, Slips};
use podproof_vocabulary::Release;

use super::Log;
use crate::oracles::pleg::NaivePleg;
use crate::runner::Checked;
use crate::stage::script::{pick, until_empty};
use crate::telling::tell;

/// Things that happen in one input.
const DEEDS_MAX: usize = 150;
/// Pods, by UID.
const PODS: [&str; 3] = ["a", "b", "c"];

/// Something that happens on the machine, and how many calls of the relist are answered after it.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Deed {
    thing: Thing,
    answers: u8,
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Thing {
    RunSandbox { pod: u8 },
    RunContainer { sandbox: u8, started: bool },
    Crash { container: u8 },
    KillSandbox { sandbox: u8 },
    StopSandbox { sandbox: u8 },
    RemoveContainer { container: u8 },
    RemoveSandbox { sandbox: u8 },
    FailCall,
    Wait { seconds: u8 },
    WaitLong,
}

/// What happens on a machine.
#[derive(Clone, Debug)]
pub struct TestCase {
    deeds: Vec<Deed>,
}

impl<'a> Arbitrary<'a> for TestCase {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self { deeds: until_empty(u, DEEDS_MAX)? })
    }
}

/// Lets it happen. Useful if the PLEG told something.
///
/// # Panics
/// At a bug.
pub fn check(case: &TestCase) -> Checked {
    check_with(case, Slips::NONE)
}

/// The same of a PLEG with wrong mechanisms.
pub(crate) fn check_with(case: &TestCase, slips: Slips) -> Checked {
    let mut rig = Rig::new(slips);
    for deed in &case.deeds {
        tell(|| format!("{}: {:?}", rig.clock.now(), deed.thing));
        rig.happen(deed.thing);
        for _ in 0..deed.answers % 16 {
            rig.go_on();
        }
    }
    rig.log.checked(rig.naive.has_told())
}

struct Rig {
    runtime: Simulated,
    calls: RuntimeCalls,
    clock: Clock,
    slips: Slips,
    pleg: Pleg,
    cache: PodCache,
    naive: NaivePleg,
    /// Sandboxes and containers that were made of each pod so far.
    made: u32,
    log: Log,
}

impl Rig {
    fn new(slips: Slips) -> Self {
        let network = Network::new(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 1, 0, 1), 200);
        let (settings, now) = (Settings::default(), Clock::default().now());
        Self {
            runtime: Simulated::new(network, []),
            calls: RuntimeCalls::default(),
            clock: Clock::default(),
            slips,
            pleg: Pleg::new(settings.pleg_period, settings.pleg_threshold, now, slips),
            cache: PodCache::default(),
            naive: NaivePleg::default(),
            made: 0,
            log: Log::default(),
        }
    }

    fn happen(&mut self, thing: Thing) {
        let sandboxes: Vec<SandboxId> = self.runtime.sandboxes().map(|(id, _)| id).collect();
        let containers: Vec<ContainerId> = self.runtime.containers().map(|(id, _)| id).collect();
        self.made += 1;
        match thing {
            Thing::RunSandbox { pod } => {
                let config = SandboxConfig {
                    uid: Uid::from(*pick(&PODS, pod).unwrap_or(&PODS[0])),
                    name: "p".into(),
                    namespace: "default".into(),
                    attempt: self.made,
                    host_network: false,
                };
                self.perform(Request::RunSandbox(config));
            }
            Thing::RunContainer { sandbox, started } => {
                let Some(&sandbox) = pick(&sandboxes, sandbox) else { return };
                let config = ContainerConfig { name: "app".into(), attempt: self.made, spec_hash: 1 };
                self.perform(Request::CreateContainer { sandbox, config });
                if let Some((id, _)) = self.runtime.containers().last().filter(|_| started) {
                    self.perform(Request::StartContainer(id));
                }
            }
            Thing::Crash { container } => {
                if let Some(&id) = pick(&containers, container) {
                    self.runtime.crash(id, 1, self.clock.now());
                }
            }
            Thing::KillSandbox { sandbox } => {
                if let Some(&id) = pick(&sandboxes, sandbox) {
                    self.runtime.kill_sandbox(id);
                }
            }
            Thing::StopSandbox { sandbox } => {
                pick(&sandboxes, sandbox)
                    .copied()
                    .into_iter()
                    .for_each(|id| self.perform(Request::StopSandbox(id)));
            }
            Thing::RemoveContainer { container } => {
                let id = pick(&containers, container).copied();
                id.into_iter().for_each(|id| self.perform(Request::RemoveContainer(id)));
            }
            Thing::RemoveSandbox { sandbox } => {
                let id = pick(&sandboxes, sandbox).copied();
                id.into_iter().for_each(|id| self.perform(Request::RemoveSandbox(id)));
            }
            Thing::FailCall => self.answer(true),
            Thing::Wait { seconds } => self.pass(Duration::from_secs(u64::from(seconds % 4))),
            Thing::WaitLong => self.pass(Settings::default().pleg_threshold),
        }
        self.naive.compare_health(&self.pleg, self.clock.now());
    }

    fn pass(&mut self, time: Duration) {
        self.clock.pass_until(self.clock.now() + time);
    }

    /// Somebody else calls the runtime; a call that fails changes nothing.
    fn perform(&mut self, request: Request) {
        let call = self.runtime.call(request);
        let _ = self.runtime.complete(RuntimeStep::Perform(call), self.clock.now());
        let _ = self.runtime.take_answer(call);
    }

    /// The relist goes on by one call, or the next one begins.
    fn go_on(&mut self) {
        match self.pleg.next_relist() {
            Some(next) => {
                self.clock.pass_until(next);
                self.naive.begin(self.clock.now());
                self.with(|pleg, _, host| pleg.begin(host));
            }
            None => self.answer(false),
        }
    }

    /// The call that the relist waits for is answered.
    fn answer(&mut self, fails: bool) {
        let Some(call) = self.waiting() else { return };
        let request = self.runtime.request(call).cloned().unwrap_or(Request::Status);
        let step = if fails { RuntimeStep::Fail(call) } else { RuntimeStep::Perform(call) };
        let _ = self.runtime.complete(step, self.clock.now());
        self.calls.end(call);
        let outcome: Outcome = self.runtime.take_answer(call).unwrap_or(Err(RuntimeError::Unavailable));
        tell(|| format!("{}: {request:?}: {outcome:?}", self.clock.now()));
        self.naive.answer(&request, &outcome, &self.runtime);
        self.with(|pleg, cache, host| pleg.on_answer(call, outcome, cache, host));
        let told = std::iter::from_fn(|| self.pleg.take_event());
        let told: Vec<(Uid, Plegged, _)> = told.map(|event| (event.uid, event.subject, event.kind)).collect();
        told.iter().for_each(|told| tell(|| format!("{}: it tells {told:?}", self.clock.now())));
        self.log.note(&told);
        self.naive.hear(told);
        let over = self.pleg.next_relist().is_some();
        self.naive.compare(over, &self.cache, self.clock.now());
    }

    /// The call that the relist waits for.
    fn waiting(&self) -> Option<CallId> {
        let mut steps = Vec::new();
        self.runtime.pending(self.clock.now(), &mut steps);
        steps.into_iter().find_map(|step| match step {
            RuntimeStep::Perform(call) if self.calls.waits(call) => Some(call),
            _ => None,
        })
    }

    fn with(&mut self, act: impl FnOnce(&mut Pleg, &mut PodCache, &mut Host<'_, '_>)) {
        let (mut chooser, mut api) = (First, Calls::default());
        let mut context = Context {
            clock: self.clock,
            release: Release::NEWEST,
            slips: self.slips,
            calls: &mut api,
            chooser: &mut chooser,
        };
        let mut host = Host {
            context: &mut context,
            runtime: &mut self.runtime,
            calls: &mut self.calls,
            node: NodeIndex(0),
            request_timeout: Settings::default().runtime_request_timeout,
        };
        act(&mut self.pleg, &mut self.cache, &mut host);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;

    #[test]
    fn smoke() {
        assert_useful("pleg", SMOKE_RUNS, check, 2);
    }
}
