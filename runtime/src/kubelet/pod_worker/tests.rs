//! Tests of what a worker makes of what it is told.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, PodStatus as ApiStatus};
use podproof_vocabulary::Release;

use super::update::{Judgement, Subject, Update, UpdateKind};
use super::*;
use crate::clock::Moment;
use crate::container_runtime::RuntimeError;
use crate::container_runtime::simulated::RuntimeStep;
use crate::kubelet::parts::{Parts, Settings};
use crate::kubelet::pod_cache::{PodCache, PodStatus};
use crate::kubelet::pod_worker::grace::{self, effective};
use crate::kubelet::pod_worker::step::WorkerStep;
use crate::kubelet::test_host::TestHost;
use crate::slip::Slips;

fn pod(change: impl FnOnce(&mut Pod)) -> KnownPod {
    let spec = PodSpec { termination_grace_period_seconds: Some(30), ..PodSpec::default() };
    let mut pod = Pod { spec: Some(spec), ..Pod::default() };
    pod.metadata.uid = Some("a".to_owned());
    change(&mut pod);
    KnownPod::new(Arc::new(pod), Release::NEWEST)
}

fn deleting(grace: i64) -> KnownPod {
    pod(|pod| {
        pod.metadata.deletion_timestamp = Some(Moment(0).to_time());
        pod.metadata.deletion_grace_period_seconds = Some(grace);
    })
}

fn ended() -> KnownPod {
    pod(|pod| pod.status = Some(ApiStatus { phase: Some("Failed".to_owned()), ..ApiStatus::default() }))
}

fn tell(workers: &mut PodWorkers, cache: &PodCache, update: Update) {
    let judgement = Judgement { cache, now: Moment(7), release: Release::NEWEST, slips: Slips::NONE };
    workers.update(update, &judgement);
}

fn work_of(update: Update, cache: &PodCache) -> Work {
    let mut workers = PodWorkers::default();
    tell(&mut workers, cache, update);
    let worker = workers.get(&Uid::from("a")).expect("it was told");
    assert!(worker.pending.is_some(), "it has something to do");
    worker.work()
}

/// PW-1 to PW-5.
#[test]
fn the_first_that_a_worker_hears_decides_where_it_begins() {
    let mut cache = PodCache::default();
    let create = |pod| Update::of(UpdateKind::Create, pod);
    assert_eq!(work_of(create(pod(|_| ())), &cache), Work::Sync);
    assert_eq!(work_of(create(deleting(30)), &cache), Work::Terminating);
    assert_eq!(work_of(create(ended()), &cache), Work::Terminated, "PW-3: nothing runs of it");
    assert_eq!(work_of(Update::of(UpdateKind::Kill, pod(|_| ())), &cache), Work::Terminating);
    let sandbox = crate::container_runtime::SandboxStatus {
        id: crate::container_runtime::SandboxId(1),
        uid: Uid::from("a"),
        attempt: 0,
        state: crate::container_runtime::SandboxState::Ready,
        host_network: false,
        address: None,
    };
    let running = Arc::new(PodStatus { sandboxes: vec![sandbox], ..PodStatus::default() });
    cache.set(&Uid::from("a"), Ok(running.clone()), Moment(1));
    assert_eq!(work_of(create(ended()), &cache), Work::Terminating, "PW-4: something runs of it");
    let orphan = Update {
        kind: UpdateKind::Kill,
        subject: Subject::Running(Uid::from("a"), running),
        grace_seconds: Some(1),
        eviction: None,
    };
    assert_eq!(work_of(orphan, &cache), Work::Terminating, "PW-13");
}

/// PW-14: only the newest counts.
#[test]
fn a_worker_does_what_it_heard_last() {
    let (mut workers, cache) = (PodWorkers::default(), PodCache::default());
    tell(&mut workers, &cache, Update::of(UpdateKind::Create, pod(|_| ())));
    tell(&mut workers, &cache, Update::of(UpdateKind::Update, deleting(5)));
    let worker = workers.get(&Uid::from("a")).expect("it was told");
    assert!(worker.pod().is_some_and(KnownPod::is_deleting));
    assert_eq!(worker.grace_seconds, Some(5));
    tell(&mut workers, &cache, Update::of(UpdateKind::Update, deleting(9)));
    assert_eq!(workers.get(&Uid::from("a")).expect("it is there").grace_seconds, Some(5), "PW-6");
    tell(&mut workers, &cache, Update::of(UpdateKind::Create, pod(|_| ())));
    assert!(workers.get(&Uid::from("a")).expect("it is there").restart_requested, "PW-11");
}

/// PW-16: an error in the pod cache is no sync. What is told next is begun with at once, though nothing newer is known, and fails like the
/// one before.
#[test]
fn a_worker_does_not_wait_after_an_error_in_the_cache() {
    let (uid, mut host) = (Uid::from("a"), TestHost::new(Slips::NONE));
    let mut parts = Parts::new(Settings::default(), Release::NEWEST, Slips::NONE, Moment(0));
    let mut workers = PodWorkers::default();
    host.pass(5);
    parts.cache.set(&uid, Err(RuntimeError::Unavailable), host.now());
    for update in [Update::of(UpdateKind::Create, pod(|_| ())), Update::of(UpdateKind::Update, deleting(5))] {
        host.pass(1);
        tell(&mut workers, &parts.cache, update);
        for step in [WorkerStep::Take, WorkerStep::Begin] {
            let taken = host.with(|host| workers.step(&uid, step, &mut parts, host));
            assert_eq!(taken, Some(()), "it waits");
        }
        let worker = workers.get(&uid).expect("it was told");
        assert_eq!(worker.resync_at(), Some(host.now() + std::time::Duration::from_secs(10)));
        assert!(!worker.has_synced());
    }
}

/// A kubelet with a network whose workers were told to start a pod with one container.
fn told_of_an_app() -> (Parts, PodWorkers) {
    let mut parts = Parts::new(Settings::default(), Release::NEWEST, Slips::NONE, Moment(0));
    parts.network_ready = true;
    let mut workers = PodWorkers::default();
    let with_app = pod(|pod| {
        let app = Container { name: "app".to_owned(), ..Container::default() };
        pod.spec.get_or_insert_default().containers = vec![app];
    });
    tell(&mut workers, &parts.cache, Update::of(UpdateKind::Create, with_app));
    (parts, workers)
}

/// PW-14, PW-16, PW-19: what a worker took it does, though it hears of a deletion while it waits for the pod cache, with the object of
/// before; but it does not wait for volumes then.
#[test]
fn a_worker_does_what_it_took() {
    for mounted in [true, false] {
        let (uid, mut host) = (Uid::from("a"), TestHost::new(Slips::NONE));
        let (mut parts, mut workers) = told_of_an_app();
        let mut step = |workers: &mut PodWorkers, parts: &mut Parts, step| {
            host.with(|host| workers.step(&uid, step, parts, host))
        };
        assert_eq!(step(&mut workers, &mut parts, WorkerStep::Take), Some(()));
        assert_eq!(step(&mut workers, &mut parts, WorkerStep::Begin), None, "nobody has looked yet");
        tell(&mut workers, &parts.cache, Update::of(UpdateKind::Update, deleting(5)));
        parts.cache.update_time(Moment(7));
        workers.workers.get_mut(&uid).expect("it was told").mounted = mounted;
        assert_eq!(step(&mut workers, &mut parts, WorkerStep::Begin), Some(()));
        let worker = workers.get(&uid).expect("it was told");
        assert_eq!(matches!(worker.activity(), Activity::Syncing(_)), mounted);
        assert!(worker.work() == Work::Terminating && !worker.has_begun_to_terminate());
        assert!(worker.has_update(), "the deletion comes next");
    }
}

/// CPA-15, row by row: what was asked for while the sandbox was being made; in how many seconds the pod is looked at again.
#[test]
fn a_sandbox_that_cannot_be_made_is_no_error_of_a_pod_that_is_to_stop() {
    for (asked, seconds) in [
        (None, 10),
        (Some(Update::of(UpdateKind::Update, pod(|_| ()))), 10),
        (Some(Update::of(UpdateKind::Update, deleting(5))), 60),
        (Some(Update::of(UpdateKind::Kill, pod(|_| ()))), 60),
    ] {
        let (uid, mut host) = (Uid::from("a"), TestHost::new(Slips::NONE));
        let (mut parts, mut workers) = told_of_an_app();
        workers.workers.get_mut(&uid).expect("it was told").mounted = true;
        parts.cache.update_time(Moment(7));
        for step in [WorkerStep::Take, WorkerStep::Begin] {
            host.with(|host| workers.step(&uid, step, &mut parts, host)).expect("nothing keeps it waiting");
        }
        let call = host.next_call().expect("it makes a sandbox");
        let what = format!("{asked:?}");
        if let Some(asked) = asked {
            tell(&mut workers, &parts.cache, asked);
        }
        host.runtime.complete(RuntimeStep::Fail(call), host.now()).expect("it may fail");
        let outcome = host.answer(call);
        host.with(|host| workers.on_answer(&uid, call, &outcome, &mut parts, host));
        let worker = workers.get(&uid).expect("it was told");
        let expected = host.now() + std::time::Duration::from_secs(seconds);
        assert_eq!(worker.resync_at(), Some(expected), "{what}");
    }
}

/// PW-6: the grace period of a kill is fixed when the worker takes it.
#[test]
fn a_kill_that_was_taken_is_not_shortened() {
    let (uid, mut host) = (Uid::from("a"), TestHost::new(Slips::NONE));
    let mut parts = Parts::new(Settings::default(), Release::NEWEST, Slips::NONE, Moment(0));
    let mut workers = PodWorkers::default();
    tell(&mut workers, &parts.cache, Update::of(UpdateKind::Create, deleting(20)));
    host.with(|host| workers.step(&uid, WorkerStep::Take, &mut parts, host)).expect("it was told");
    tell(&mut workers, &parts.cache, Update::of(UpdateKind::Update, deleting(5)));
    let worker = workers.get(&uid).expect("it was told");
    assert!(matches!(worker.activity(), Activity::Waiting { work: Work::Terminating, grace: 20 }));
    assert_eq!(worker.grace_seconds, Some(5));
}

/// PW-18, row by row: in force, of the deletion, asked for by the kubelet; the release; what counts.
#[test]
fn the_shortest_grace_period_counts() {
    for (current, deletion, asked, minor, expected) in [
        (None, None, None, 36, 30),
        (None, Some(20), None, 36, 20),
        (Some(10), Some(20), None, 36, 10),
        (Some(10), Some(20), Some(5), 36, 5),
        (None, Some(0), None, 36, 1),
        (None, Some(0), None, 31, 1),
        (None, Some(0), None, 30, 30),
        (None, Some(0), None, 22, 30),
        (None, Some(0), None, 21, 1),
        (Some(10), Some(0), None, 30, 30),
        (Some(1), Some(0), None, 22, 30),
        (Some(1), Some(0), None, 30, 30),
        (Some(1), Some(0), None, 31, 1),
        (Some(1), Some(20), Some(0), 30, 30),
        (Some(1), Some(20), Some(0), 31, 1),
        (None, Some(0), Some(20), 30, 20),
        (None, Some(0), Some(20), 36, 20),
        (None, None, Some(0), 30, 30),
        (None, None, Some(0), 36, 1),
    ] {
        let pod = deletion.map_or_else(|| pod(|_| ()), deleting);
        let situation = grace::Situation { current, pod: Some(&pod), asked, release: Release { minor } };
        assert_eq!(effective(&situation), expected, "{current:?} {deletion:?} {asked:?} 1.{minor}");
    }
    let orphan = grace::Situation { current: None, pod: None, asked: None, release: Release::NEWEST };
    assert_eq!(effective(&orphan), 1);
}
