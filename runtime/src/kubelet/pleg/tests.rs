//! Tests of the PLEG, call by call.

use super::event::PlegEventKind::{self, ContainerDied, ContainerRemoved, ContainerStarted};
use std::sync::Arc;

use super::*;
use crate::container_runtime::{Request, RuntimeError};
use crate::kubelet::pod_cache::PodCache;
use crate::kubelet::test_host::TestHost;
use crate::slip::{Slip, Slips};
use podproof_vocabulary::Release;

struct Rig {
    host: TestHost,
    pleg: Pleg,
    cache: PodCache,
}

impl Rig {
    fn new(slips: Slips) -> Self {
        let pleg = Pleg::new(Duration::from_secs(1), Duration::from_secs(180), Moment(0), slips);
        Self { host: TestHost::new(slips), pleg, cache: PodCache::default() }
    }

    fn begin(&mut self) {
        self.host.with(|host| self.pleg.begin(host));
    }

    /// The next call is performed and answered. Tells whether there was one.
    fn step(&mut self) -> bool {
        let Some(call) = self.host.next_call() else { return false };
        self.host.perform(call);
        let outcome = self.host.answer(call);
        self.host.with(|host| self.pleg.on_answer(call, outcome, &mut self.cache, host));
        true
    }

    fn fail(&mut self) {
        let call = self.host.next_call().expect("a call was sent");
        self.host.perform(call);
        let _ = self.host.answer(call);
        let outcome = Err(RuntimeError::Unavailable);
        self.host.with(|host| self.pleg.on_answer(call, outcome, &mut self.cache, host));
    }

    fn relist(&mut self) -> Vec<PlegEventKind> {
        self.begin();
        while self.step() {}
        self.events()
    }

    fn events(&mut self) -> Vec<PlegEventKind> {
        std::iter::from_fn(|| self.pleg.take_event()).map(|event| event.kind).collect()
    }
}

fn uid() -> Uid {
    Uid::from("a")
}

#[test]
fn a_container_is_seen_to_start_to_die_and_to_be_removed() {
    let mut rig = Rig::new(Slips::NONE);
    let sandbox = rig.host.sandbox("a", 0);
    let container = rig.host.container(sandbox, "app", 0);
    assert_eq!(rig.relist(), [ContainerStarted, ContainerStarted]);
    assert_eq!(rig.relist(), []);
    let now = rig.host.now();
    rig.host.runtime.crash(container, 1, now);
    assert_eq!(rig.relist(), [ContainerDied]);
    assert_eq!(
        rig.cache.get(&uid()).expect("it was inspected").find("app").expect("it is there").exit_code,
        1
    );
    rig.host.do_now(Request::RemoveContainer(container)).expect("it is removed");
    assert_eq!(rig.relist(), [ContainerRemoved]);
    rig.host.do_now(Request::RemoveSandbox(sandbox)).expect("it is removed");
    assert_eq!(rig.relist(), [ContainerDied, ContainerRemoved]);
    assert_eq!(rig.cache.get(&uid()), Ok(Arc::default()), "nothing is left of it");
}

/// The last row of PLEG-5's table, hazard `pleg-two-transitions-coalesced`.
#[test]
fn what_lived_between_two_relists_leaves_no_event() {
    let mut rig = Rig::new(Slips::NONE);
    let sandbox = rig.host.sandbox("a", 0);
    rig.relist();
    let container = rig.host.container(sandbox, "app", 0);
    rig.host.do_now(Request::RemoveContainer(container)).expect("it is removed");
    assert_eq!(rig.relist(), []);
}

/// PLEG-6: the events come again until the inspection succeeds; the error is in the cache meanwhile.
#[test]
fn a_failed_inspection_is_made_again() {
    let mut rig = Rig::new(Slips::NONE);
    let sandbox = rig.host.sandbox("a", 0);
    rig.relist();
    rig.host.container(sandbox, "app", 0);
    rig.begin();
    (0..3).for_each(|_| assert!(rig.step()));
    rig.fail();
    while rig.step() {}
    assert_eq!(rig.events(), []);
    assert_eq!(rig.cache.get(&uid()), Err(RuntimeError::Unavailable));
    assert_eq!(rig.relist(), [ContainerStarted]);
    assert!(rig.cache.get(&uid()).is_ok());
}

/// PLEG-2, PLEG-3, PLEG-4: a list that fails touches nothing; health is the age of the last list that succeeded.
#[test]
fn health_is_the_age_of_the_last_list() {
    let mut rig = Rig::new(Slips::NONE);
    assert!(!rig.pleg.is_healthy(Moment(0)), "nobody has listed yet");
    rig.relist();
    assert!(rig.pleg.is_healthy(Moment(180_000)) && !rig.pleg.is_healthy(Moment(180_001)));
    rig.host.pass(100);
    rig.begin();
    rig.fail();
    assert!(!rig.pleg.is_healthy(Moment(180_001)), "a list that failed is none");
    assert_eq!(rig.pleg.next_relist(), Some(Moment(101_000)), "PLEG-1: from the end of the one before");
}

#[test]
fn slip_pleg_is_always_healthy_forgets_the_age_of_its_list() {
    let mut rig = Rig::new(Slips::only(Slip::PlegIsAlwaysHealthy));
    assert!(!rig.pleg.is_healthy(Moment(0)), "nobody has listed yet");
    rig.relist();
    assert!(rig.pleg.is_healthy(Moment(180_001)));
}

/// PLEG-4: a list that succeeded counts from its begin, before any pod is inspected.
#[test]
fn health_does_not_wait_for_inspections() {
    let mut rig = Rig::new(Slips::NONE);
    rig.host.sandbox("a", 0);
    rig.begin();
    assert!(rig.step() && rig.step());
    assert!(rig.pleg.is_healthy(Moment(0)));
    assert_eq!(rig.pleg.next_relist(), None, "the relist goes on");
}

/// PLEG-13: a relist that is asked for while one is going on comes right after it.
#[test]
fn a_relist_that_is_asked_for_is_not_lost() {
    let mut rig = Rig::new(Slips::NONE);
    rig.host.pass(10);
    rig.begin();
    assert!(rig.step());
    rig.host.pass(1);
    rig.pleg.request_relist(rig.host.now());
    assert_eq!(rig.pleg.next_relist(), None, "one goes on");
    while rig.step() {}
    assert_eq!(rig.pleg.next_relist(), Some(Moment(11_000)));
    rig.relist();
    assert_eq!(rig.pleg.next_relist(), Some(Moment(12_000)), "it was asked for once");
    rig.pleg.request_relist(rig.host.now());
    assert_eq!(rig.pleg.next_relist(), Some(Moment(11_000)));
}

/// PLEG-2 and PLEG-9, with the two slips that break them.
#[test]
fn what_is_known_is_as_old_as_the_begin_of_its_list() {
    let newer = |slips, seconds| {
        let mut rig = Rig::new(slips);
        rig.begin();
        assert!(rig.step());
        rig.host.pass(seconds);
        assert!(rig.step());
        rig.cache.newer_than(&uid(), Some(Moment(1))).is_some()
    };
    assert!(!newer(Slips::NONE, 5));
    assert!(newer(Slips::only(Slip::PlegDatesListByItsEnd), 5));
    let inspecting = |slips| {
        let mut rig = Rig::new(slips);
        rig.host.pass(1);
        rig.host.sandbox("a", 0);
        rig.begin();
        assert!(rig.step() && rig.step());
        rig.cache.newer_than(&uid(), Some(Moment(1))).is_some()
    };
    assert!(!inspecting(Slips::NONE));
    assert!(inspecting(Slips::only(Slip::PlegSaysFreshBeforeInspection)));
}

/// PLEG-6, kubernetes/kubernetes#138024: until 1.35 the status of a pod is as old as the begin of its inspection, from 1.36 on as old as
/// the list that led to it.
#[test]
fn an_inspection_is_as_old_as_its_begin_or_its_list() {
    for (minor, is_newer) in [(35, true), (36, false)] {
        let mut rig = Rig::new(Slips::NONE);
        rig.host.release = Release { minor };
        for uid in ["a", "b"] {
            rig.host.sandbox(uid, 0);
        }
        rig.begin();
        assert!(rig.step());
        rig.host.pass(1);
        assert!(rig.step());
        rig.host.pass(1);
        // The sandboxes and the containers of the first are listed anew, and its sandbox is inspected.
        (0..3).for_each(|_| assert!(rig.step()));
        let newer =
            |rig: &Rig, uid: &str, than| rig.cache.newer_than(&Uid::from(uid), Some(Moment(than))).is_some();
        assert_eq!(newer(&rig, "a", 0), is_newer, "1.{minor}");
        assert!(!newer(&rig, "a", 1_000), "1.{minor}: its inspection began at 1 s");
        while rig.step() {}
        assert_eq!(newer(&rig, "b", 1_000), is_newer, "1.{minor}: its inspection began at 2 s");
    }
}

/// PLEG-7.
#[test]
fn a_full_channel_drops_events_for_good() {
    let mut rig = Rig::new(Slips::NONE);
    let sandbox = rig.host.sandbox("a", 0);
    for attempt in 0..1_100 {
        rig.host.container(sandbox, "app", attempt);
    }
    rig.begin();
    while rig.step() {}
    assert_eq!(rig.pleg.discarded(), 101);
    assert_eq!(rig.events().len(), CHANNEL_CAPACITY);
    assert_eq!(rig.relist(), []);
}

/// PLEG-11.
#[test]
fn a_pod_without_a_ready_sandbox_keeps_its_address() {
    let mut rig = Rig::new(Slips::NONE);
    let sandbox = rig.host.sandbox("a", 0);
    rig.relist();
    let address = rig.cache.get(&uid()).expect("it was inspected").address;
    assert!(address.is_some());
    rig.host.do_now(Request::StopSandbox(sandbox)).expect("it stops");
    rig.relist();
    assert_eq!(rig.cache.get(&uid()).expect("it was inspected").address, address);
    rig.host.sandbox("a", 1);
    rig.relist();
    assert_ne!(rig.cache.get(&uid()).expect("it was inspected").address, address);
}
