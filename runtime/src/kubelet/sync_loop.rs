//! The sync loop: it takes one thing at a time from its sources, and hands it to pod workers (SRC-4 to SRC-8; S28 `kubelet.go`
//! `syncLoopIteration`). Which source comes first is open. While the runtime is not well it takes nothing (SRC-5).

use super::Kubelet;
use super::api_status::conditions::readiness_differs;
use super::config::{PodOperation, PodUpdate};
use super::host::Host;
use super::pleg::event::{PlegEvent, PlegEventKind, Plegged};
use super::pod::KnownPod;
use super::pod_worker::update::{Judgement, Update, UpdateKind};
use super::probes::results::ProbeResult;
use crate::api::Uid;
use crate::api::constants::is_terminal;
use crate::clock::Moment;
use crate::container_runtime::ProbeKind;
use crate::slip::Slip;

/// A source of the sync loop that has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The configuration: pods were added, changed or removed.
    Configuration,
    /// The PLEG: an event.
    Pleg,
    /// The work queue: pods are due again (PW-17).
    WorkQueue,
    /// A probe's result changed.
    Probe(ProbeKind),
    /// Housekeeping is due (SRC-9).
    Housekeeping,
}

impl Kubelet {
    /// The sources that have something by now.
    pub(super) fn sources(&self, now: Moment) -> impl Iterator<Item = Source> {
        let free = self.housekeeping.is_none() && self.is_well(now);
        let sources = [
            (Source::Configuration, self.config.has_updates()),
            (Source::Pleg, self.parts.pleg.has_events()),
            (Source::WorkQueue, self.workers.due(now).next().is_some()),
            (Source::Probe(ProbeKind::Startup), self.parts.probes.results().has_update(ProbeKind::Startup)),
            (
                Source::Probe(ProbeKind::Readiness),
                self.parts.probes.results().has_update(ProbeKind::Readiness),
            ),
            (Source::Probe(ProbeKind::Liveness), self.parts.probes.results().has_update(ProbeKind::Liveness)),
            (Source::Housekeeping, self.next_housekeeping <= now && self.config.is_ready()),
        ];
        sources.into_iter().filter(move |&(_, has)| free && has).map(|(source, _)| source)
    }

    /// The loop takes one thing from a source. None if there is nothing.
    pub(super) fn take(&mut self, source: Source, host: &mut Host<'_, '_>) -> Option<()> {
        self.sources(host.now()).any(|pending| pending == source).then_some(())?;
        match source {
            Source::Configuration => {
                let update = self.config.take_update()?;
                self.on_config(update, host);
            }
            Source::Pleg => {
                let event = self.parts.pleg.take_event()?;
                self.on_pleg_event(&event, host);
            }
            Source::WorkQueue => {
                let due: Vec<Uid> = self.workers.due(host.now()).cloned().collect();
                for uid in due {
                    self.workers.take_due(&uid);
                    self.sync(&uid, host);
                }
            }
            Source::Probe(kind) => self.on_probe(kind, host)?,
            Source::Housekeeping => self.begin_housekeeping(host),
        }
        Some(())
    }

    fn on_config(&mut self, update: PodUpdate, host: &mut Host<'_, '_>) {
        match update.operation {
            PodOperation::Add => {
                let mut pods = update.pods;
                // ADM: in the order of their creation.
                pods.sort_by(|one, other| {
                    let at =
                        |pod: &KnownPod| pod.object.metadata.creation_timestamp.clone().map(|time| time.0);
                    at(one).cmp(&at(other))
                });
                for pod in pods {
                    self.add(pod, host);
                }
            }
            PodOperation::Update | PodOperation::Delete => {
                for pod in update.pods {
                    self.parts.pods.insert(pod.uid.clone(), pod.clone());
                    self.tell(Update::of(UpdateKind::Update, pod), host);
                }
            }
            // SRC-8: the last spec that is known is used to stop it.
            PodOperation::Remove => {
                for pod in update.pods {
                    self.parts.pods.remove(&pod.uid);
                    self.tell(Update::of(UpdateKind::Kill, pod), host);
                }
            }
            PodOperation::Reconcile => {
                for pod in update.pods {
                    let uid = pod.uid.clone();
                    let differs = readiness_differs(self.parts.pods.get(&uid), &pod);
                    self.parts.pods.insert(uid.clone(), pod);
                    if differs {
                        self.sync(&uid, host);
                    }
                }
            }
        }
    }

    /// A new pod is admitted, or rejected (ADM-1, ADM-12); one that has ended is not asked (kubernetes/kubernetes#126343).
    fn add(&mut self, pod: KnownPod, host: &mut Host<'_, '_>) {
        let is_asked = !is_terminal(&pod.object) || host.context.release.admits_ended_pods_anew();
        if !self.workers.is_termination_requested(&pod.uid)
            && is_asked
            && let Err(rejection) = self.admit(&pod, host)
        {
            self.parts.pods.insert(pod.uid.clone(), pod.clone());
            self.reject(&pod, &rejection, host.now());
            return;
        }
        self.parts.pods.insert(pod.uid.clone(), pod.clone());
        self.tell(Update::of(UpdateKind::Create, pod), host);
    }

    /// PLEG events of configured pods are reasons for a sync, removals excepted; a death lets dead containers be removed.
    fn on_pleg_event(&mut self, event: &PlegEvent, host: &mut Host<'_, '_>) {
        if event.kind != PlegEventKind::ContainerRemoved {
            self.sync(&event.uid, host);
        }
        if let (PlegEventKind::ContainerDied, Plegged::Container(container)) = (event.kind, event.subject) {
            self.prune(&event.uid, container, host);
        }
    }

    /// PRB-8.
    fn on_probe(&mut self, kind: ProbeKind, host: &mut Host<'_, '_>) -> Option<()> {
        let update = self.parts.probes.results_mut().take_update(kind)?;
        let success = update.result == ProbeResult::Success;
        let pod = self.parts.pods.get(&update.uid).cloned();
        match kind {
            ProbeKind::Liveness if update.result != ProbeResult::Failure => return Some(()),
            ProbeKind::Liveness => {}
            ProbeKind::Readiness => {
                if let Some(pod) = &pod {
                    self.parts.status.set_readiness(pod, update.container, success, host.now());
                }
            }
            ProbeKind::Startup => {
                if let Some(pod) = &pod {
                    self.parts.status.set_started(pod, update.container, success, host.now());
                }
            }
        }
        self.sync(&update.uid, host);
        Some(())
    }

    /// The worker of a configured pod is told to look at it again.
    pub(super) fn sync(&mut self, uid: &Uid, host: &Host<'_, '_>) {
        if let Some(pod) = self.parts.pods.get(uid).cloned() {
            self.tell(Update::of(UpdateKind::Sync, pod), host);
        }
    }

    /// A worker is told something.
    pub(super) fn tell(&mut self, update: Update, host: &Host<'_, '_>) {
        let judgement = Judgement {
            cache: &self.parts.cache,
            now: host.now(),
            release: host.context.release,
            slips: host.context.slips,
        };
        self.workers.update(update, &judgement);
    }

    /// SRC-5.
    pub(super) fn is_well(&self, now: Moment) -> bool {
        self.loop_ignores_health || self.runtime_state.is_well(&self.parts, now)
    }
}

/// Whether the loop goes on although the runtime is not well.
pub(super) const fn ignores_health(host: &Host<'_, '_>) -> bool {
    host.context.has(Slip::LoopIgnoresRuntimeHealth)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use k8s_openapi::api::core::v1::{
        Container, ContainerStatus, Node, Pod, PodCondition, PodReadinessGate, PodSpec, PodStatus,
    };
    use podproof_vocabulary::Release;

    use super::*;
    use crate::kubelet::parts::Settings;
    use crate::kubelet::test_host::TestHost;
    use crate::operation::NodeIndex;
    use crate::slip::Slips;

    /// A pod whose app is ready or not, and these conditions.
    fn pod(ready: bool, has_gate: bool, conditions: &[(&str, Option<&str>)]) -> KnownPod {
        let condition = |&(type_, status): &(&str, Option<&str>)| {
            let (type_, status) = (type_.to_owned(), status?.to_owned());
            Some(PodCondition { type_, status, ..PodCondition::default() })
        };
        let gate = PodReadinessGate { condition_type: "gate".to_owned() };
        let app = Container { name: "app".to_owned(), ..Container::default() };
        let told = ContainerStatus { name: "app".to_owned(), ready, ..ContainerStatus::default() };
        let mut pod = Pod {
            spec: Some(PodSpec {
                containers: vec![app],
                readiness_gates: has_gate.then(|| vec![gate]),
                ..PodSpec::default()
            }),
            status: Some(PodStatus {
                conditions: Some(conditions.iter().filter_map(condition).collect()),
                container_statuses: Some(vec![told]),
                ..PodStatus::default()
            }),
            ..Pod::default()
        };
        pod.metadata.uid = Some("a".to_owned());
        KnownPod::new(Arc::new(pod), Release::NEWEST)
    }

    /// S28 `kubelet.go` `HandlePodReconcile`, row by row: is the app ready; what is said of the gate before and after, and of the pod; is
    /// that a reason for a sync?
    #[test]
    fn a_pod_with_readiness_gates_is_synced_when_it_is_to_say_another_thing_of_itself() {
        let (yes, no) = (Some("True"), Some("False"));
        for (ready, before, after, told, expected) in [
            (true, no, yes, no, true),
            (true, yes, no, yes, true),
            (true, yes, yes, no, true),
            (true, no, no, no, false),
            (true, None, no, no, true),
            (true, no, yes, None, false),
            (false, no, yes, no, false),
            (false, None, no, no, false),
        ] {
            for has_gate in [true, false] {
                let mut host = TestHost::new(Slips::NONE);
                let mut kubelet =
                    host.with(|host| Kubelet::new(NodeIndex(0), Node::default(), Settings::default(), host));
                let old = pod(ready, has_gate, &[("Ready", told), ("gate", before)]);
                kubelet.parts.pods.insert(old.uid.clone(), old);
                let pods = vec![pod(ready, has_gate, &[("Ready", told), ("gate", after)])];
                let update = PodUpdate { operation: PodOperation::Reconcile, pods };
                host.with(|host| kubelet.on_config(update, host));
                let is_told = kubelet.workers.get(&Uid::from("a")).is_some();
                assert_eq!(is_told, expected && has_gate, "{ready} {before:?} {after:?} {told:?}");
            }
        }
    }
}
