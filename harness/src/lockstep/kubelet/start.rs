//! Sandboxes are made and containers start.

use podproof_model::kubelet::container_runtime::may_count_as_done;
use podproof_runtime::container_runtime::simulated::{RuntimeStep, Simulated};
use podproof_runtime::container_runtime::{ProbeKind, Request, SandboxState};
use podproof_runtime::kubelet::pod_worker::PodWorker;
use podproof_runtime::kubelet::pod_worker::activity::Activity;
use podproof_vocabulary::ContainerId;
use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::observation::Process;
use podproof_vocabulary::scenario::ContainerKind;

use super::drive::Driven;
use super::machine::{newest, started};
use crate::lockstep::Running;
use crate::{ModelSystem, Refused};

impl Running {
    /// RunPodSandbox takes effect; a sandbox that died is stopped before, and what is left of its init containers is removed (CPA-4).
    pub(super) fn create_sandbox(&mut self, driven: &Driven, rest: &ModelSystem) -> Result<(), Refused> {
        let &Driven { node, pod, ref uid, .. } = driven;
        let (model, state) = rest.model();
        let after = model.apply(state, &Action::Kubelet(Kubelet::CreateSandbox { pod }));
        let Some(address) = model.open(&after, |cluster| cluster.pod(pod).kubelet.address()) else {
            return Ok(());
        };
        let ip = self.ip(pod, address).parse();
        let ip = ip.map_err(|_| Refused::because("the address is none"))?;
        if let Some(runtime) = self.machines.runtimes.get(&node) {
            runtime.borrow_mut().network_mut().choose(ip);
        }
        let template = &self.scenario.workload.template;
        let apps = template.containers.iter().filter(|own| own.kind == ContainerKind::App);
        let apps: Vec<String> = apps.map(|own| own.name.clone()).collect();
        let is_part = |runtime: &Simulated, request: &Request| match request {
            Request::RunSandbox(_) | Request::StopSandbox(_) => true,
            // CPA-16. An app that is dead is removed by a collector, in its own time.
            Request::RemoveContainer(id) => runtime
                .containers()
                .any(|(own, it)| own == *id && !apps.iter().any(|app| **app == *it.status.name)),
            _ => false,
        };
        self.drive(
            driven,
            |own, operation| {
                own.worker(node, uid).is_some_and(is_syncing)
                    && own.request_of(node, operation, is_part) == Some(true)
            },
            |own| {
                own.runtime(node).is_ok_and(|runtime| {
                    newest(&runtime, uid).is_some_and(|(_, sandbox)| {
                        sandbox.state == SandboxState::Ready && sandbox.address == Some(ip)
                    })
                })
            },
        )
    }

    /// A container is made and starts. One that listens at once does so with its start; one that finds its port taken exits (MC-6).
    pub(super) fn start_container(
        &mut self,
        driven: &Driven,
        container: ContainerId,
        rest: &ModelSystem,
    ) -> Result<(), Refused> {
        let &Driven { node, pod, ref uid, .. } = driven;
        let name = self.container_name(container);
        let (model, state) = rest.model();
        let (may_be_done, may_start_anew) = model.open(state, |cluster| {
            let own = cluster.container(pod, container);
            let may_start_anew =
                own.may_be_stopped() && own.process() == Process::ExitedOk && !own.starts_anew();
            (own.starts_anew() && may_count_as_done(cluster, pod, container), may_start_anew)
        });
        if may_be_done && !self.worker(node, uid).is_some_and(is_syncing) {
            return Err(Refused::for_good(
                "the sync that was to start it anew has ended: it is done (CPA-9, CPA-10)",
            ));
        }
        self.take_up_sidecars(driven, rest)?;
        // What has exited may be removed meanwhile, so a count would not tell.
        let latest = |own: &Self| {
            own.runtime(node).ok().and_then(|runtime| {
                let (sandbox, _) = newest(&runtime, uid)?;
                started(&runtime, sandbox, &name).map(|(id, _)| id).max()
            })
        };
        let before = latest(self);
        let started = self.drive(
            driven,
            |own, operation| {
                let is_its = own.request_of(node, operation, |runtime, request| match request {
                    Request::CreateContainer { config, .. } => config.name == name,
                    Request::StartContainer(id) => {
                        runtime.containers().any(|(own, it)| own == *id && it.status.name == name)
                    }
                    _ => false,
                });
                is_its == Some(true)
            },
            |own| latest(own) > before,
        );
        started.map_err(|refused| match may_start_anew {
            true => Refused::for_good(
                "the sync that makes its sandbox began when it had ended: it is done (CPA-3)",
            ),
            false => refused,
        })?;
        let (model, state) = rest.model();
        let after = model.apply(state, &Action::Kubelet(Kubelet::StartContainer { pod, container }));
        let state = model.open(&after, |cluster| cluster.container(pod, container));
        let (_, id) = self.running_of(pod, container)?;
        if state.process() == Process::ExitedError {
            self.end_process(node, id, 1)?;
        } else if state.accepting() {
            self.complete_runtime(node, RuntimeStep::Listen(id))?;
        }
        self.settle_machine(node)
    }

    /// Before what waits for a sidecar: a kubelet that has just started hears from the worker of its startup probe that it has started
    /// (PRB-12, kubernetes/kubernetes#137146).
    fn take_up_sidecars(&mut self, driven: &Driven, rest: &ModelSystem) -> Result<(), Refused> {
        let (model, state) = rest.model();
        let started: Vec<ContainerId> = model.open(state, |cluster| {
            let is_started = |&own: &ContainerId| {
                cluster.rules.container(own).kind == ContainerKind::Sidecar
                    && cluster.container(driven.pod, own).is_running()
                    && cluster.container(driven.pod, own).probe_started()
            };
            cluster.container_ids().filter(is_started).collect()
        });
        for container in started {
            let Ok((_, id)) = self.running_of(driven.pod, container) else { continue };
            let passed = self.pass_startup(driven, container);
            if passed.is_err() && self.result(driven, ProbeKind::Startup, id).is_some() {
                return Err(Refused::later(
                    "a sidecar that started just before its kubelet did is probed anew (PRB-12)",
                ));
            }
            passed?;
        }
        Ok(())
    }
}

fn is_syncing(worker: &PodWorker) -> bool {
    matches!(worker.activity(), Activity::Syncing(_))
}
