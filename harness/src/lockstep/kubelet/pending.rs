//! What machines and their kubelets have on their way and somebody would see, as actions: the model must allow each of them, unless the
//! runtime lawfully lags behind it, or comes before it.

use podproof_model::state::Worker;
use podproof_model::{Cluster, kubelet};
use podproof_runtime::api::Uid;
use podproof_runtime::container_runtime::simulated::{RuntimeStep, Simulated};
use podproof_runtime::container_runtime::{ContainerId as InstanceId, Request};
use podproof_runtime::kubelet::KubeletStep;
use podproof_runtime::kubelet::kill::container::KillStep;
use podproof_runtime::kubelet::pod_worker::activity::Activity;
use podproof_runtime::kubelet::pod_worker::step::WorkerStep;
use podproof_runtime::kubelet::pod_worker::{PodWorker, Work};
use podproof_runtime::{Operation, Step};
use podproof_vocabulary::action::{Action, Component as Lane, Container as Processes, Kubelet};
use podproof_vocabulary::observation::{Process, Sandbox};
use podproof_vocabulary::scenario::{ContainerKind, RestartPolicy, Scenario};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::drive::is_unseen;
use super::machine::{newest, pod_of};
use crate::ModelSystem;
use crate::lockstep::Running;
use crate::lockstep::names::Name;

/// Something that is on its way although the model has no step for it.
pub struct Lag {
    /// Why that is lawful.
    pub why: &'static str,
    /// It may be so as well when the model has nothing left to do. Every other lag ends by then.
    pub lasts: bool,
    is: fn(&Situation<'_>) -> bool,
}

/// What is on its way.
struct Situation<'a> {
    /// The model, and what it has steps for.
    rest: &'a ModelSystem,
    scenario: &'a Scenario,
    /// The worker of the pod has stopped its newest sandbox.
    has_stopped: bool,
    /// A sync stops everything of the pod, and makes no new sandbox.
    stops_for_good: bool,
    /// It is the signal of a container that has no grace left, and waits for no turn.
    is_out_of_grace: bool,
    /// The worker of the pod is at something, or has been told of something, or its kubelet has not heard all.
    is_busy: bool,
    /// Its kubelet has let every worker sync once more since the last step.
    has_lingered: bool,
    /// It is a status by which the pod has ended.
    says_end: bool,
    action: Action,
}

impl Situation<'_> {
    /// Does the model have this step?
    fn may(&self, step: Kubelet) -> bool {
        self.rest.enabled().contains(&Action::Kubelet(step))
    }

    fn look<T>(&self, look: impl FnOnce(&Cluster<'_>) -> T) -> T {
        let (model, state) = self.rest.model();
        model.open(state, look)
    }

    fn apps(&self) -> impl Iterator<Item = ContainerId> {
        let containers = &self.scenario.workload.template.containers;
        ContainerId::first(containers.len()).filter(|own| containers[own.index()].kind == ContainerKind::App)
    }

    fn kind(&self, container: ContainerId) -> ContainerKind {
        self.scenario.workload.template.containers[container.index()].kind
    }

    fn policy(&self) -> RestartPolicy {
        self.scenario.workload.template.restart_policy
    }
}

/// All of them.
pub const LAGS: &[Lag] = &[
    Lag {
        why: "a kill of a pod begins for all of its containers at once (KIL-1), in the model for one after the other",
        lasts: false,
        is: |situation| match situation.action {
            Action::Kubelet(
                Kubelet::SendSigterm { pod, container } | Kubelet::RunPreStop { pod, container },
            ) => situation.may(Kubelet::StopContainer { pod, container }),
            _ => false,
        },
    },
    Lag {
        why: "the sync that finds nothing of a pod to go on stops what is left of it (CPA-11), in the model its termination does",
        lasts: false,
        is: |situation| match situation.action {
            Action::Kubelet(
                step @ (Kubelet::SendSigterm { pod, container } | Kubelet::RunPreStop { pod, container }),
            ) => {
                let look = |own| situation.look(|cluster| cluster.container(pod, own));
                let goes_on = |own| !look(own).process().has_exited() && !look(own).stopping();
                let will_end = situation.policy() == RestartPolicy::Never && !situation.apps().any(goes_on);
                // KIL-8, KIL-10: a sidecar's signal has its turn.
                let waits = matches!(step, Kubelet::SendSigterm { .. })
                    && !situation.is_out_of_grace
                    && situation.apps().any(|own| own != container && look(own).is_running())
                    && situation.kind(container) == ContainerKind::Sidecar;
                let may_begin = || situation.may(Kubelet::BeginTermination { pod });
                situation.stops_for_good && !waits && (will_end || may_begin())
            }
            _ => false,
        },
    },
    Lag {
        why: "of a pod that never restarts each sync stops a sandbox that has died (CPA-2), in the model it stays as it died until the pod \
              ends, and a pod of which no container was started never does",
        lasts: true,
        is: |situation| {
            matches!(situation.action, Action::Kubelet(Kubelet::StopSandbox { .. }))
                && situation.stops_for_good
                && situation.policy() == RestartPolicy::Never
        },
    },
    Lag {
        why: "the clock has run out a grace period over a hook, and what waits for its turn does not wait any more (KIL-10)",
        lasts: false,
        is: |situation| match situation.action {
            Action::Kubelet(Kubelet::SendSigterm { pod, container }) => {
                situation.is_out_of_grace && situation.may(Kubelet::ExpireGrace { pod, container })
            }
            _ => false,
        },
    },
    Lag {
        why: "a sync that stopped a container starts it anew without another look at it (CPA-10), in the model after a relist",
        lasts: false,
        is: |situation| match situation.action {
            Action::Kubelet(Kubelet::StartContainer { pod, container }) => situation.look(|cluster| {
                let own = cluster.container(pod, container);
                !own.is_running() && own.cached() != own.process()
            }),
            _ => false,
        },
    },
    Lag {
        why: "a container that crashed, is held back, or is a sidecar that this sync started anew (CPA-8), does not hold back the start \
              of the next (CPA-12)",
        lasts: false,
        is: |situation| match situation.action {
            Action::Kubelet(Kubelet::StartContainer { pod, container }) => {
                let look = |own| situation.look(|cluster| cluster.container(pod, own));
                let crashed = |own| look(own).process() == Process::ExitedError;
                let waits = |own| situation.may(Kubelet::StartContainer { pod, container: own });
                let kind =
                    |own: ContainerId| situation.scenario.workload.template.containers[own.index()].kind;
                let began_anew = |own| kind(own) == ContainerKind::Sidecar && look(own).backoff() > 0;
                // An init container holds back whatever becomes of it.
                let mut before =
                    ContainerId::first(container.index()).filter(|&own| kind(own) != ContainerKind::Init);
                before.any(|own| crashed(own) || waits(own) || began_anew(own))
            }
            _ => false,
        },
    },
    Lag {
        why: "a rejected pod gets a worker when it is deleted, which has nothing to stop (ADM-12, PW-4); a finalizer may keep its object",
        lasts: true,
        is: |situation| match situation.action {
            Action::Kubelet(Kubelet::BeginTermination { pod } | Kubelet::FinishPod { pod }) => {
                situation.look(|cluster| cluster.pod(pod).kubelet.worker() == Worker::Rejected)
            }
            _ => false,
        },
    },
    Lag {
        why: "a pod that has no sandbox, or that ended before its kubelet started (PW-3), is stopped as soon as its worker hears of it; of one \
              that is gone by then the model has nothing to stop",
        lasts: false,
        is: |situation| match situation.action {
            Action::Kubelet(Kubelet::FinishPod { pod }) => {
                situation.may(Kubelet::StopSandbox { pod })
                    || situation.may(Kubelet::BeginTermination { pod })
                    || situation.may(Kubelet::ForgetPod { pod })
                    || (!situation.has_stopped
                        && situation.look(|cluster| cluster.pod(pod).kubelet.sandbox_touched()))
            }
            // And is told of as it ended.
            Action::Kubelet(Kubelet::ReportStatus { pod }) => {
                situation.says_end
                    && situation.may(Kubelet::StopSandbox { pod })
                    && situation.look(|cluster| {
                        let containers = cluster.containers_of(pod);
                        cluster.pod(pod).kubelet.sandbox() == Sandbox::None
                            && !containers.iter().any(|container| container.is_running())
                    })
            }
            _ => false,
        },
    },
    Lag {
        why: "what waits for no relist and no call, or was asked of the runtime before, goes on while that hangs or until the next relist \
              (PW-16), in the model nothing does",
        lasts: true,
        is: |situation| {
            let pod = match situation.action {
                Action::Kubelet(
                    Kubelet::BeginTermination { pod }
                    | Kubelet::FinishPod { pod }
                    | Kubelet::RunPreStop { pod, .. }
                    | Kubelet::CreateSandbox { pod }
                    | Kubelet::StartContainer { pod, .. },
                ) => pod,
                _ => return false,
            };
            situation.look(|cluster| {
                kubelet::node_of(cluster, pod).is_some_and(|node| {
                    kubelet::is_frozen(cluster, node) || kubelet::pleg::is_stuck(cluster, node)
                })
            })
        },
    },
    Lag {
        why: "a worker computes the status at its syncs, in the model it is always that of the pod cache; and news of the pod may come in \
              between (STM-1, STM-9). When the model is at rest it syncs once more, and then it says what the model says",
        lasts: true,
        is: |situation| {
            let is_write = matches!(
                situation.action,
                Action::Kubelet(Kubelet::ReportStatus { .. } | Kubelet::RemovePod { .. })
            );
            is_write && situation.is_busy && !situation.says_end && !situation.has_lingered
        },
    },
    Lag {
        why: "a sync tells the status manager what it found before it acts (SP-3), and that is told until the next; in the model it is told before               the sync acts, or not any more",
        lasts: true,
        is: |situation| match situation.action {
            Action::Kubelet(Kubelet::ReportStatus { pod }) => {
                let has_acted = situation.look(|cluster| kubelet::status::has_synced(cluster, pod));
                has_acted && !situation.says_end && !situation.has_lingered
            }
            _ => false,
        },
    },
    Lag {
        why: "a process that got SIGTERM before it listened may listen still; nobody asks what an init container listens to",
        lasts: true,
        is: |situation| match situation.action {
            Action::Container(Processes::Listen { pod, container }) => {
                let kind = situation.scenario.workload.template.containers[container.index()].kind;
                kind == ContainerKind::Init
                    || situation.look(|cluster| cluster.container(pod, container).sigterm())
            }
            _ => false,
        },
    },
];

impl Running {
    /// What the machines could do.
    pub(in crate::lockstep) fn machining(&self, rest: &ModelSystem, operations: &mut Vec<Action>) {
        if !self.covered.has(Lane::Kubelet) {
            return;
        }
        let is_at_rest = rest.enabled().iter().all(|action| matches!(action, Action::Environment(_)));
        for &node in self.machines.runtimes.keys() {
            let steps = self.steps_of_machine(node);
            let mut own: Vec<Action> =
                steps.iter().filter_map(|operation| self.seen_of(node, operation)).collect();
            self.owed_by(node, rest, &mut own);
            own.extend(self.owed_of_node(node, rest));
            let is_settled = || !steps.iter().any(|operation| self.is_hidden(node, &operation.step));
            operations.extend(own.into_iter().filter(|action| {
                let is_excused = || {
                    let situation = self.situation(node, *action, is_settled(), rest);
                    LAGS.iter().any(|lag| (lag.lasts || !is_at_rest) && (lag.is)(&situation))
                };
                rest.enabled().contains(action) || !is_excused()
            }));
        }
    }

    fn situation<'a>(
        &'a self,
        node: NodeId,
        action: Action,
        is_settled: bool,
        rest: &'a ModelSystem,
    ) -> Situation<'a> {
        let is_end =
            |pod| matches!(action, Action::Kubelet(Kubelet::FinishPod { .. })) && self.has_stopped(node, pod);
        let pod = match action {
            Action::Kubelet(step) => step.pod(),
            _ => None,
        };
        Situation {
            rest,
            scenario: &self.scenario,
            has_stopped: pod.is_some_and(is_end),
            stops_for_good: self.stops_for_good(node, &action),
            is_out_of_grace: self.is_out_of_grace(node, &action),
            is_busy: !is_settled || pod.is_some_and(|pod| self.is_busy_with(node, pod)),
            has_lingered: self.machines.lingered.contains(&node),
            says_end: matches!(action, Action::Kubelet(Kubelet::ReportStatus { pod }) if self.says_end(node, pod)),
            action,
        }
    }

    /// Is the worker of a pod at something, or has it been told of something, or are news of the pod on their way to its kubelet?
    fn is_busy_with(&self, node: NodeId, pod: PodId) -> bool {
        let Some(Name { key, uid, .. }) = self.names.get(&pod) else { return false };
        let is_at_something =
            |worker: &PodWorker| worker.has_update() || !matches!(worker.activity(), Activity::Idle);
        self.worker(node, uid).is_some_and(is_at_something) || self.has_news_of_pod(node, key)
    }

    /// Is the start of another container of the same pod on its way? The worker goes no further before that, and the model may have it only
    /// after this step (CPA-12, see [`LAGS`]).
    pub(super) fn starts_another(&self, node: NodeId, step: Kubelet) -> bool {
        self.steps_of_machine(node).iter().any(|operation| match self.seen_of(node, operation) {
            Some(Action::Kubelet(start @ Kubelet::StartContainer { .. })) => {
                start.pod() == step.pod() && start != step
            }
            _ => false,
        })
    }

    /// What somebody would see of this operation, as an action. Timers are left out: the clock passes whatever a kubelet has to do, so
    /// all of them may be due that the model has in their order.
    pub(super) fn seen_of(&self, node: NodeId, operation: &Operation) -> Option<Action> {
        let runtime = self.runtime(node).ok()?;
        let of_container = |id: InstanceId, action: fn(PodId, ContainerId) -> Action| {
            let (_, found) = runtime.containers().find(|(own, it)| *own == id && it.process.is_some())?;
            let pod = self.slot_of_uid(&found.uid)?;
            Some(action(pod, self.container_named(&found.status.name)?))
        };
        match &operation.step {
            Step::Kubelet(KubeletStep::Worker(uid, WorkerStep::Take | WorkerStep::Begin)) => {
                self.begins(node, uid, &operation.step).then_some(())?;
                let pod = self.slot_of_uid(uid)?;
                let worker = self.worker(node, uid)?;
                let step = match worker.work() {
                    Work::Terminating
                        if !worker.has_begun_to_terminate() && !self.machines.begun.contains_key(&pod) =>
                    {
                        Kubelet::BeginTermination { pod }
                    }
                    Work::Terminated => Kubelet::FinishPod { pod },
                    Work::Sync | Work::Terminating => return None,
                };
                Some(Action::Kubelet(step))
            }
            Step::Kubelet(KubeletStep::Worker(uid, WorkerStep::Unmount)) => {
                let pod = self.slot_of_uid(uid)?;
                Some(Action::Kubelet(Kubelet::FinishPod { pod }))
            }
            Step::Kubelet(KubeletStep::Worker(_, WorkerStep::Kill(id, KillStep::BeginPreStop))) => {
                of_container(*id, |pod, container| Action::Kubelet(Kubelet::RunPreStop { pod, container }))
            }
            Step::Runtime(RuntimeStep::Listen(id)) => {
                of_container(*id, |pod, container| Action::Container(Processes::Listen { pod, container }))
            }
            Step::Runtime(RuntimeStep::Exit(id)) => {
                of_container(*id, |pod, container| Action::Container(Processes::Exit { pod, container }))
            }
            Step::Runtime(RuntimeStep::Perform(call)) => {
                let request = runtime.request(*call).filter(|request| !is_unseen(&runtime, request))?;
                let uid = pod_of(&runtime, request)?;
                self.seen_of_call(node, &runtime, request, &uid)
            }
            _ => None,
        }
    }

    /// The same of a call to a container runtime.
    fn seen_of_call(
        &self,
        node: NodeId,
        runtime: &Simulated,
        request: &Request,
        uid: &Uid,
    ) -> Option<Action> {
        let pod = self.slot_of_uid(uid)?;
        let named = |id: &InstanceId| {
            let (_, found) = runtime.containers().find(|(own, _)| own == id)?;
            self.container_named(&found.status.name)
        };
        let step = match request {
            Request::RunSandbox(_) => Kubelet::CreateSandbox { pod },
            Request::StopSandbox(_) => match self.worker(node, uid)? {
                worker if worker.stops_for_good() => Kubelet::StopSandbox { pod },
                worker if matches!(worker.activity(), Activity::Syncing(_)) => Kubelet::CreateSandbox { pod },
                _ => Kubelet::StopSandbox { pod },
            },
            Request::CreateContainer { config, .. } => {
                Kubelet::StartContainer { pod, container: self.container_named(&config.name)? }
            }
            Request::StartContainer(id) => Kubelet::StartContainer { pod, container: named(id)? },
            Request::StopContainer { container, .. } => {
                Kubelet::SendSigterm { pod, container: named(container)? }
            }
            Request::Exec { container, .. } => Kubelet::RunPreStop { pod, container: named(container)? },
            _ => return None,
        };
        Some(Action::Kubelet(step))
    }

    /// Is the worker of the pod that this is about at a sync that stops everything?
    fn stops_for_good(&self, node: NodeId, action: &Action) -> bool {
        let Action::Kubelet(
            Kubelet::SendSigterm { pod, .. } | Kubelet::RunPreStop { pod, .. } | Kubelet::StopSandbox { pod },
        ) = *action
        else {
            return false;
        };
        let uid = self.uid(pod);
        uid.is_ok_and(|uid| self.worker(node, &uid).is_some_and(PodWorker::stops_for_good))
    }

    /// Is this the signal of a container whose kill has no grace left (KIL-10)?
    fn is_out_of_grace(&self, node: NodeId, action: &Action) -> bool {
        let Action::Kubelet(Kubelet::SendSigterm { pod, container }) = *action else { return false };
        let (Ok(uid), Ok((_, id))) = (self.uid(pod), self.running_of(pod, container)) else { return false };
        let kill = self.worker(node, &uid).and_then(PodWorker::kill);
        kill.is_some_and(|kill| kill.containers().iter().any(|own| own.id() == id && own.is_out_of_grace()))
    }

    /// Has the worker of a pod stopped its newest sandbox? One that was stopped before this kubelet started is not the worker's.
    fn has_stopped(&self, node: NodeId, pod: PodId) -> bool {
        let (Ok(runtime), Ok(uid)) = (self.runtime(node), self.uid(pod)) else { return false };
        let is_own = self.worker(node, &uid).is_some_and(PodWorker::has_synced);
        is_own && newest(&runtime, &uid).is_some_and(|(_, sandbox)| sandbox.stopped)
    }

    /// The container of this name, of the workload's own.
    fn container_named(&self, name: &str) -> Option<ContainerId> {
        let containers = &self.scenario.workload.template.containers;
        containers.iter().position(|own| own.name == *name).map(ContainerId::from)
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::action::Environment;
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::{EventName, Story};

    use super::*;
    use crate::System as _;

    const POD: PodId = PodId(0);
    const FIRST: ContainerId = ContainerId(0);
    const SECOND: ContainerId = ContainerId(1);

    /// The start of the second container, after the first, which is of this kind, has crashed.
    fn is_excused(kind: ContainerKind) -> bool {
        let mut scenario = catalogue::web("x", Story::Create, 1, 1);
        let containers = &mut scenario.workload.template.containers;
        containers.insert(0, containers[0].clone());
        containers[0].name = "first".into();
        containers[0].ports.clear();
        containers[0].kind = kind;
        scenario.events.set(EventName::ContainerCrash, 1);
        let mut rest = ModelSystem::default();
        rest.reset(&scenario).expect("it is small");
        let crash = Action::Environment(Environment::CrashContainer { pod: POD, container: FIRST });
        while !rest.enabled().contains(&crash) {
            let goes_on = |action: &&Action| !matches!(action, Action::Environment(_));
            let next = *rest.enabled().iter().find(goes_on).expect("the first container starts");
            rest.apply(&next).expect("it is enabled");
        }
        for seen in [crash, Action::Kubelet(Kubelet::Relist { node: NodeId(0) })] {
            rest.apply(&seen).expect("it is enabled");
        }
        let start = Kubelet::StartContainer { pod: POD, container: SECOND };
        let situation = Situation {
            rest: &rest,
            scenario: &scenario,
            has_stopped: false,
            stops_for_good: false,
            is_out_of_grace: false,
            is_busy: false,
            has_lingered: false,
            says_end: false,
            action: Action::Kubelet(start),
        };
        assert!(!situation.may(start), "the model waits for the first");
        LAGS.iter().any(|lag| (lag.is)(&situation))
    }

    /// CPA-12: what has crashed holds back the next in the model alone, but for init containers.
    #[test]
    fn nothing_starts_past_an_init_container_that_crashed() {
        assert!(!is_excused(ContainerKind::Init));
        assert!(is_excused(ContainerKind::Sidecar));
    }
}
