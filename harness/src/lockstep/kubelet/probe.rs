//! Results of probes.

use podproof_runtime::Step;
use podproof_runtime::container_runtime::{ContainerId as InstanceId, ProbeKind};
use podproof_runtime::kubelet::KubeletStep;
use podproof_runtime::kubelet::api_status::containers::id_text;
use podproof_runtime::kubelet::pod_worker::step::WorkerStep;
use podproof_runtime::kubelet::probes::ProbeKey;
use podproof_runtime::kubelet::probes::results::ProbeResult;
use podproof_runtime::operation::Component;
use podproof_vocabulary::ContainerId;

use super::drive::Driven;
use super::index;
use crate::lockstep::{HIDDEN_MAX, Running};
use crate::{ModelSystem, Refused};

impl Running {
    /// A readiness probe's result becomes what the container answers.
    pub(super) fn flip_readiness(
        &mut self,
        driven: &Driven,
        container: ContainerId,
        rest: &ModelSystem,
    ) -> Result<(), Refused> {
        let (model, state) = rest.model();
        let answers =
            model.open(state, |cluster| cluster.container(driven.pod, container).answers_readiness());
        let wanted = if answers { ProbeResult::Success } else { ProbeResult::Failure };
        self.probe_until(driven, container, ProbeKind::Readiness, wanted)
    }

    /// A startup probe succeeds.
    pub(super) fn pass_startup(&mut self, driven: &Driven, container: ContainerId) -> Result<(), Refused> {
        self.probe_until(driven, container, ProbeKind::Startup, ProbeResult::Success)
    }

    /// A startup probe fails for good, or once the container has started its liveness probe.
    pub(super) fn fail_probe(
        &mut self,
        driven: &Driven,
        container: ContainerId,
        rest: &ModelSystem,
    ) -> Result<(), Refused> {
        let (model, state) = rest.model();
        let started = model.open(state, |cluster| {
            podproof_model::kubelet::probes::is_started(cluster, driven.pod, container)
        });
        let kind = if started { ProbeKind::Liveness } else { ProbeKind::Startup };
        self.probe_until(driven, container, kind, ProbeResult::Failure)
    }

    pub(super) fn result(&self, driven: &Driven, kind: ProbeKind, id: InstanceId) -> Option<ProbeResult> {
        self.kubelet(driven.node)?.parts().probes.results().get(kind, id)
    }

    /// Probes but that of the startup wait for a status which says that the container has started; and of a pod that its source does not
    /// name any more no status is changed (S28 `status_manager.go` `SetContainerStartup`).
    fn is_known_or_started(&self, driven: &Driven, container: &str) -> bool {
        let status = self.kubelet(driven.node).and_then(|kubelet| kubelet.parts().status.get(&driven.uid));
        let lists = status
            .into_iter()
            .flat_map(|status| [&status.container_statuses, &status.init_container_statuses]);
        self.is_configured(driven)
            || lists.flatten().flatten().any(|own| own.name == *container && own.started == Some(true))
    }

    /// The probe's worker goes round until its result is this. It looks at the pod's status, so that has to be up to date.
    fn probe_until(
        &mut self,
        driven: &Driven,
        container: ContainerId,
        kind: ProbeKind,
        wanted: ProbeResult,
    ) -> Result<(), Refused> {
        let (node, id) = match self.running_of(driven.pod, container) {
            Ok(found) => found,
            // It has exited, and the PLEG has not seen it: its status runs.
            Err(_) => self.last_of(driven, container)?,
        };
        self.drive(driven, |_, _| false, |own| own.status_runs(driven, id))?;
        let key = ProbeKey { uid: driven.uid.clone(), container: self.container_name(container), kind };
        if kind != ProbeKind::Startup && !self.is_known_or_started(driven, &key.container) {
            return Err(Refused::later(
                "nobody says of a pod that is not configured any more that it has started (`SetContainerStartup`)",
            ));
        }
        let component = Component::Kubelet(index(node));
        for _ in 0..HIDDEN_MAX {
            self.settle_machine(node)?;
            if self.result(driven, kind, id) == Some(wanted) {
                return Ok(());
            }
            let probes = self.kubelet(node).map(|kubelet| &kubelet.parts().probes);
            let probes = probes.ok_or_else(|| Refused::because("the kubelet does not run"))?;
            if probes.running().any(|own| *own == key) {
                self.complete(component, Step::Kubelet(KubeletStep::FinishProbe(key.clone())))?;
                continue;
            }
            let Some(next) = probes.next_round(&key) else {
                // The sync by which they begin says the status first, and waits for the volumes then (SP-8).
                let mount = Step::Kubelet(KubeletStep::Worker(driven.uid.clone(), WorkerStep::Mount));
                if !self.steps_of(component).contains(&mount) {
                    return Err(Refused::later("the probes of this pod have ended (EVM-7, STP-4)"));
                }
                self.complete(component, mount)?;
                continue;
            };
            self.pass_until(next)?;
            self.complete(component, Step::Kubelet(KubeletStep::BeginProbe(key.clone())))?;
        }
        Err(Refused::because(format!("the {kind:?} probe never says {wanted:?}")))
    }

    /// The last container of this name.
    fn last_of(
        &self,
        driven: &Driven,
        container: ContainerId,
    ) -> Result<(podproof_vocabulary::NodeId, InstanceId), Refused> {
        let name = self.container_name(container);
        let runtime = self.runtime(driven.node)?;
        let own = runtime.containers().filter(|(_, it)| it.uid == driven.uid && it.status.name == name);
        let found = own.last().map(|(id, _)| (driven.node, id));
        found.ok_or_else(|| Refused::because(format!("there is no container {name}")))
    }

    /// Does the newest status of the pod say that this container runs?
    fn status_runs(&self, driven: &Driven, id: InstanceId) -> bool {
        let status = self.kubelet(driven.node).and_then(|kubelet| kubelet.parts().status.get(&driven.uid));
        let lists = status
            .into_iter()
            .flat_map(|status| [&status.container_statuses, &status.init_container_statuses]);
        lists.flatten().flatten().any(|own| {
            let runs = own.state.as_ref().is_some_and(|state| state.running.is_some());
            runs && own.container_id.as_deref() == Some(&id_text(id))
        })
    }
}
