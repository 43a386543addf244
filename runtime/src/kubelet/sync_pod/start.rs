//! The start of one container: back-off, image, create, start, postStart hook (CPA-12, CPA-14, CLB-1; S28
//! `kuberuntime_container.go` `startContainer`).

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::container_runtime::call::ContainerConfig;
use crate::container_runtime::{
    Answer, CallId, ContainerId, ContainerState, ContainerStatus, Outcome, Request, SandboxId,
};
use crate::kubelet::api_status::containers::reason;
use crate::kubelet::back_off::BackOffKey;
use crate::kubelet::host::{Host, Waiter};
use crate::kubelet::kill::container::KillStep;
use crate::kubelet::kill::{Grace, KillPod};
use crate::kubelet::parts::Parts;
use crate::kubelet::pod::{ContainerSpec, Hook, KnownPod, Role};
use crate::kubelet::pod_cache::PodStatus;
use crate::kubelet::pod_worker::step::WorkerStep;
use crate::slip::Slip;

/// How a start ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It runs.
    Running,
    /// It does not, and the pod's status says why.
    Failed,
}

/// A start that could not begin, and the pod's status says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotBegun {
    /// When the crash-loop back-off is over, where that holds it up.
    pub held_until: Option<Moment>,
}

/// A start that is going on.
#[derive(Clone, Debug)]
pub struct Start {
    sandbox: SandboxId,
    container: ContainerSpec,
    attempt: u32,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    Pulling(CallId),
    Creating(CallId),
    Starting(CallId, ContainerId),
    /// The postStart hook is a command in the container.
    Command(CallId, ContainerId),
    /// The postStart hook is something else, and ends at this moment at the earliest.
    Hook(Moment),
    /// The postStart hook failed.
    Killing(KillPod),
}

impl Start {
    /// Begins to start a container, unless it has to wait.
    pub fn begin(
        pod: &KnownPod,
        container: &ContainerSpec,
        sandbox: SandboxId,
        status: &PodStatus,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Result<Self, NotBegun> {
        let exited = |it: &&ContainerStatus| it.name == container.name && it.state == ContainerState::Exited;
        if let Some(finished_at) = status.containers.iter().find(exited).and_then(|it| it.finished_at) {
            let key =
                BackOffKey { uid: pod.uid.clone(), container: container.name.clone(), hash: container.hash };
            let held_until = parts.back_off.held_until(&key, finished_at, host.now());
            if let Some(end) = held_until.filter(|_| !host.context.has(Slip::BackOffForgotten)) {
                parts.reasons.set(&pod.uid, &container.name, Some(reason::CRASH_LOOP_BACK_OFF));
                return Err(NotBegun { held_until: Some(end) });
            }
            parts.back_off.next(key, finished_at, host.now());
        }
        let attempt = status.find(&container.name).map_or(0, |known| known.attempt + 1);
        let mut start =
            Self { sandbox, container: container.clone(), attempt, stage: Stage::Hook(host.now()) };
        if parts.images.contains(&container.image) {
            start.create(pod, host);
        } else if parts.image_back_off.holds_since_update(&image_key(pod, container), host.now()) {
            start.fail(pod, reason::IMAGE_PULL_BACK_OFF, parts);
            return Err(NotBegun { held_until: None });
        } else {
            let request = Request::PullImage { image: container.image.clone() };
            start.stage = Stage::Pulling(host.call(Waiter::Worker(pod.uid.clone()), request));
        }
        Ok(start)
    }

    /// What the container is for.
    pub const fn role(&self) -> Role {
        self.container.role
    }

    /// The kill after a postStart hook that failed.
    pub const fn kill(&self) -> Option<&KillPod> {
        match &self.stage {
            Stage::Killing(kill) => Some(kill),
            _ => None,
        }
    }

    fn create(&mut self, pod: &KnownPod, host: &mut Host<'_, '_>) {
        let config = ContainerConfig {
            name: self.container.name.clone(),
            attempt: self.attempt,
            spec_hash: self.container.hash,
        };
        let request = Request::CreateContainer { sandbox: self.sandbox, config };
        self.stage = Stage::Creating(host.call(Waiter::Worker(pod.uid.clone()), request));
    }

    /// A call was answered. Tells how the start ended, if it did.
    pub fn on_answer(
        &mut self,
        call: CallId,
        outcome: &Outcome,
        pod: &KnownPod,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Option<Started> {
        let waiter = Waiter::Worker(pod.uid.clone());
        match &mut self.stage {
            Stage::Pulling(expected) if *expected == call => {
                if outcome.is_err() {
                    let key = image_key(pod, &self.container);
                    parts.image_back_off.next(key, host.now(), host.now());
                    return Some(self.fail(pod, reason::ERR_IMAGE_PULL, parts));
                }
                parts.image_back_off.collect(host.now());
                parts.images.insert(self.container.image.clone());
                self.create(pod, host);
                None
            }
            Stage::Creating(expected) if *expected == call => match outcome {
                Ok(Answer::NewContainer(id)) => {
                    self.stage = Stage::Starting(host.call(waiter, Request::StartContainer(*id)), *id);
                    None
                }
                _ => Some(self.fail(pod, reason::CREATE_CONTAINER_ERROR, parts)),
            },
            Stage::Starting(expected, id) if *expected == call => {
                let id = *id;
                if outcome.is_err() {
                    return Some(self.fail(pod, reason::RUN_CONTAINER_ERROR, parts));
                }
                self.run_hook(id, pod, parts, host)
            }
            Stage::Command(expected, id) if *expected == call => {
                let id = *id;
                if matches!(outcome, Ok(Answer::Exited(0))) {
                    return Some(self.succeed(pod, parts));
                }
                self.kill_after_hook(id, pod, parts, host)
            }
            Stage::Killing(kill) => kill.on_answer(call, outcome, host).map(|_| Started::Failed),
            _ => None,
        }
    }

    /// CPA-12: the hook runs while everything after it waits.
    fn run_hook(
        &mut self,
        id: ContainerId,
        pod: &KnownPod,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Option<Started> {
        match &self.container.post_start {
            None => return Some(self.succeed(pod, parts)),
            Some(Hook::Exec(command)) => {
                let request = Request::Exec { container: id, command: Arc::clone(command) };
                let call = host.call(Waiter::Worker(pod.uid.clone()), request);
                self.stage = Stage::Command(call, id);
            }
            Some(Hook::Sleep(seconds)) => {
                self.succeed(pod, parts);
                self.stage = Stage::Hook(host.now() + Duration::from_secs(u64::from(*seconds)));
            }
            Some(Hook::HttpGet) => {
                self.succeed(pod, parts);
                self.stage = Stage::Hook(host.now());
            }
            Some(Hook::Unknown) => return self.kill_after_hook(id, pod, parts, host),
        }
        None
    }

    /// A hook that is no command ends. Tells whether it may by now.
    pub fn finish_hook(&self, now: Moment) -> bool {
        matches!(self.stage, Stage::Hook(ends) if ends <= now)
    }

    /// The steps that it may take by now without an answer.
    pub fn pending(&self, now: Moment, steps: &mut Vec<WorkerStep>) {
        if self.finish_hook(now) {
            steps.push(WorkerStep::FinishPostStart);
        }
        if let Stage::Killing(kill) = &self.stage {
            steps.extend(kill.pending(now).map(|(id, step)| WorkerStep::Kill(id, step)));
        }
    }

    /// When it may take the next step that it may not take yet.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        match &self.stage {
            Stage::Hook(ends) => Some(*ends).filter(|&ends| ends > now),
            Stage::Killing(kill) => kill.next_deadline(now),
            _ => None,
        }
    }

    /// The container is being killed, and gets further. None if it may not.
    pub fn on_kill_step(
        &mut self,
        id: ContainerId,
        step: KillStep,
        host: &mut Host<'_, '_>,
    ) -> Option<Option<Started>> {
        let Stage::Killing(kill) = &mut self.stage else { return None };
        Some(kill.step(id, step, host)?.map(|_| Started::Failed))
    }

    fn kill_after_hook(
        &mut self,
        id: ContainerId,
        pod: &KnownPod,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Option<Started> {
        self.fail(pod, reason::POST_START_HOOK_ERROR, parts);
        let running = ContainerStatus {
            id,
            sandbox: self.sandbox,
            name: self.container.name.clone(),
            attempt: self.attempt,
            spec_hash: self.container.hash,
            state: ContainerState::Running,
            started_at: Some(host.now()),
            finished_at: None,
            exit_code: 0,
        };
        let mut kill = KillPod::one(pod, &running, Grace::Own, host);
        let killed = kill.advance(host);
        self.stage = Stage::Killing(kill);
        killed.map(|_| Started::Failed)
    }

    fn succeed(&self, pod: &KnownPod, parts: &mut Parts) -> Started {
        parts.reasons.set(&pod.uid, &self.container.name, None);
        Started::Running
    }

    fn fail(&self, pod: &KnownPod, why: &'static str, parts: &mut Parts) -> Started {
        parts.reasons.set(&pod.uid, &self.container.name, Some(why));
        Started::Failed
    }
}

/// CPA-14: each pod waits for each image by itself (S28 `image_manager.go` `EnsureImageExists`).
fn image_key(pod: &KnownPod, container: &ContainerSpec) -> BackOffKey {
    BackOffKey { uid: pod.uid.clone(), container: container.image.clone(), hash: 0 }
}
