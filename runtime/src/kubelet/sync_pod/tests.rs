//! Tests of the order in which a start goes on: image, create, start, hook (CPA-12).

use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    Container, ExecAction, Lifecycle, LifecycleHandler, Pod, PodSpec, SleepAction,
};
use podproof_vocabulary::Release;

use super::start::{NotBegun, Start, Started};
use super::*;
use crate::container_runtime::simulated::RuntimeStep;
use crate::container_runtime::{Answer, RuntimeError};
use crate::kubelet::api_status::containers::reason;
use crate::kubelet::parts::Settings;
use crate::kubelet::test_host::TestHost;
use crate::slip::Slips;

struct Rig {
    host: TestHost,
    parts: Parts,
    pod: KnownPod,
    sandbox: SandboxId,
}

impl Rig {
    fn new(post_start: Option<LifecycleHandler>) -> Self {
        let lifecycle = Lifecycle { post_start, ..Lifecycle::default() };
        let app = Container {
            name: "app".to_owned(),
            image: Some("image".to_owned()),
            lifecycle: Some(lifecycle),
            ..Container::default()
        };
        let mut pod =
            Pod { spec: Some(PodSpec { containers: vec![app], ..PodSpec::default() }), ..Pod::default() };
        pod.metadata.uid = Some("a".to_owned());
        let mut host = TestHost::new(Slips::NONE);
        let sandbox = host.sandbox("a", 0);
        let parts = Parts::new(Settings::default(), Release::NEWEST, Slips::NONE, Moment(0));
        Self { host, parts, pod: KnownPod::new(Arc::new(pod), Release::NEWEST), sandbox }
    }

    fn begin(&mut self) -> Start {
        self.try_to_begin().expect("nothing holds it back")
    }

    fn try_to_begin(&mut self) -> Result<Start, NotBegun> {
        let Self { host, parts, pod, sandbox } = self;
        let container = pod.spec.containers[0].clone();
        let status = PodStatus::default();
        host.with(|host| Start::begin(pod, &container, *sandbox, &status, parts, host))
    }

    /// The next call is performed; says which it was, and how the start ended, if it did.
    fn step(&mut self, start: &mut Start, outcome: Option<Outcome>) -> (&'static str, Option<Started>) {
        let call = self.host.next_call().expect("a call was sent");
        let what = match self.host.runtime.request(call) {
            Some(Request::PullImage { .. }) => "pull",
            Some(Request::CreateContainer { .. }) => "create",
            Some(Request::StartContainer(_)) => "start",
            Some(Request::Exec { .. }) => "exec",
            Some(Request::StopContainer { .. }) => "stop",
            other => panic!("{other:?}"),
        };
        self.host.perform(call);
        if what == "exec" {
            self.host.runtime.complete(RuntimeStep::FinishExec(call), Moment(0)).expect("it runs");
        }
        if let "stop" = what {
            let id = self.host.runtime.containers().next().expect("it is there").0;
            self.host.runtime.complete(RuntimeStep::Exit(id), Moment(0)).expect("it got SIGTERM");
        }
        let real = self.host.answer(call);
        let outcome = outcome.unwrap_or(real);
        let Self { host, parts, pod, .. } = self;
        (what, host.with(|host| start.on_answer(call, &outcome, pod, parts, host)))
    }

    fn reason(&self) -> Option<&'static str> {
        self.parts.reasons.of(&self.pod.uid).get("app").copied()
    }
}

fn exec() -> LifecycleHandler {
    let exec = Some(ExecAction { command: Some(vec!["hook".to_owned()]) });
    LifecycleHandler { exec, ..LifecycleHandler::default() }
}

#[test]
fn image_create_start_hook() {
    let mut rig = Rig::new(Some(exec()));
    let mut start = rig.begin();
    assert_eq!(rig.step(&mut start, None), ("pull", None));
    assert_eq!(rig.step(&mut start, None), ("create", None));
    assert_eq!(rig.step(&mut start, None), ("start", None));
    assert_eq!(rig.step(&mut start, None), ("exec", Some(Started::Running)));
    assert_eq!(rig.reason(), None);
}

#[test]
fn an_image_that_is_there_is_not_pulled() {
    let mut rig = Rig::new(None);
    rig.parts.images.insert("image".into());
    let mut start = rig.begin();
    assert_eq!(rig.step(&mut start, None), ("create", None));
    assert_eq!(rig.step(&mut start, None), ("start", Some(Started::Running)));
}

#[test]
fn each_failure_has_its_reason() {
    for (fails, because) in
        [(0, reason::ERR_IMAGE_PULL), (1, reason::CREATE_CONTAINER_ERROR), (2, reason::RUN_CONTAINER_ERROR)]
    {
        let mut rig = Rig::new(None);
        let mut start = rig.begin();
        (0..fails).for_each(|_| assert_eq!(rig.step(&mut start, None).1, None));
        let (_, ended) = rig.step(&mut start, Some(Err(RuntimeError::Unavailable)));
        assert_eq!((ended, rig.reason()), (Some(Started::Failed), Some(because)));
    }
}

/// CPA-14: 10 s, then 20 s.
#[test]
fn an_image_that_cannot_be_pulled_is_waited_for() {
    let mut rig = Rig::new(None);
    let mut moment = 0;
    for wait in [10, 20, 40] {
        let mut start = rig.begin();
        let (what, ended) = rig.step(&mut start, Some(Err(RuntimeError::Unavailable)));
        assert_eq!((what, ended), ("pull", Some(Started::Failed)));
        assert_eq!(rig.reason(), Some(reason::ERR_IMAGE_PULL));
        rig.host.clock.pass_until(Moment((moment + wait) * 1_000 - 1));
        assert!(rig.try_to_begin().is_err());
        assert_eq!(rig.reason(), Some(reason::IMAGE_PULL_BACK_OFF));
        moment += wait;
        rig.host.clock.pass_until(Moment(moment * 1_000));
    }
    let mut start = rig.begin();
    assert_eq!(rig.step(&mut start, None), ("pull", None));
    assert_eq!(rig.step(&mut start, None), ("create", None));
}

/// CPA-12: a hook that fails kills its container.
#[test]
fn a_hook_that_fails_kills_its_container() {
    let mut rig = Rig::new(Some(exec()));
    let mut start = rig.begin();
    (0..3).for_each(|_| assert_eq!(rig.step(&mut start, None).1, None));
    assert_eq!(rig.step(&mut start, Some(Ok(Answer::Exited(1)))), ("exec", None));
    assert_eq!(rig.step(&mut start, None), ("stop", Some(Started::Failed)));
    assert_eq!(rig.reason(), Some(reason::POST_START_HOOK_ERROR));
}

#[test]
fn a_sleep_is_waited_for() {
    let sleep = Some(SleepAction { seconds: 3 });
    let mut rig = Rig::new(Some(LifecycleHandler { sleep, ..LifecycleHandler::default() }));
    let mut start = rig.begin();
    (0..3).for_each(|_| assert_eq!(rig.step(&mut start, None).1, None));
    assert!(!start.finish_hook(Moment(2_999)) && start.finish_hook(Moment(3_000)));
    assert_eq!(start.next_deadline(Moment(0)), Some(Moment(3_000)));
}
