//! The pod garbage collector: the runtime's own. Its passes are hidden steps; what it sends stays on its way until the model takes that
//! step, or would not collect the pod any more.

use k8s_openapi::api::core::v1::Pod;
use podproof_runtime::Step;
use podproof_runtime::client::CallId;
use podproof_runtime::operation::{Component, Timer};
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Component as Lane, PodGarbageCollector};
use podproof_vocabulary::observation::Deletion;

use super::Running;
use super::observed::deletion_of;
use crate::Refused;

const OWN: Component = Component::PodGarbageCollector;

/// So many passes go by at most before the pods of a node that is missing are collected: one finds it missing, its quarantine
/// of 40 s ends, and one looks for it (PGC-3).
const PASSES_MAX: usize = 4;

impl Running {
    /// A step of the collector.
    pub(super) fn collect_garbage(
        &mut self,
        step: PodGarbageCollector,
        enabled: &[Action],
    ) -> Result<(), Refused> {
        let action = Action::PodGarbageCollector(step);
        for _ in 0..PASSES_MAX {
            if let Some(call) = self.call_for(OWN, &action) {
                let answer = self.carry_out(OWN, call)?;
                return answer
                    .map(drop)
                    .map_err(|error| Refused::because(format!("the API server says {error}")));
            }
            let delete = |pod| Action::PodGarbageCollector(PodGarbageCollector::DeletePod { pod });
            match step {
                // It had ended as the copy says: the deletion alone is sent (PGC-5).
                PodGarbageCollector::FailPod { pod } if self.call_for(OWN, &delete(pod)).is_some() => {
                    return Ok(());
                }
                // It was sent, and has changed nothing.
                PodGarbageCollector::DeletePod { pod } if self.is_kept(pod) => return Ok(()),
                PodGarbageCollector::FailPod { .. } | PodGarbageCollector::DeletePod { .. } => {}
            }
            self.pass_over_pods(enabled)?;
        }
        Err(self.waits_for_news("the collector leaves the pod alone".into()))
    }

    /// Only a finalizer keeps the pod, and another deletion changes nothing (DEL-8).
    fn is_kept(&self, pod: PodId) -> bool {
        let key = self.key(pod);
        let stored = key.ok().and_then(|key| self.cluster.server().store().get::<Pod>(&key));
        stored.is_some_and(|stored| deletion_of(stored) == Deletion::Immediate)
    }

    /// It looks at all pods: what it decides, the model must allow.
    fn pass_over_pods(&mut self, enabled: &[Action]) -> Result<(), Refused> {
        let collect = Step::Wake(Timer::CollectGarbage);
        let due = self.due(OWN, &collect).ok_or_else(|| Refused::because("the collector never looks"))?;
        self.pass_until(due)?;
        let before: Vec<CallId> = self.calls_of(OWN).map(|(call, _)| call).collect();
        self.complete(OWN, collect)?;
        // The look whether a node is there.
        while let Some(call) = self.unseen_call(OWN) {
            let _answer = self.carry_out(OWN, call)?;
        }
        let fresh = self.calls_of(OWN).filter(|(call, _)| !before.contains(call));
        let wrong = fresh.filter_map(|(_, meaning)| meaning).find(|action| !is_collected(action, enabled));
        match wrong {
            Some(action) => {
                Err(Refused::because(format!("the collector decides what the model would not: {action:?}")))
            }
            None => Ok(()),
        }
    }

    /// After a step: what changes nothing is done, what is not decided any more is given up, and a pass that is due takes place.
    pub(super) fn settle_garbage(&mut self, enabled: &[Action]) -> Result<bool, Refused> {
        if !self.covered.has(Lane::PodGarbageCollector) {
            return Ok(false);
        }
        let mut found = false;
        for (call, meaning) in self.calls_of(OWN).collect::<Vec<_>>() {
            match meaning {
                None => {
                    let _unchanged = self.carry_out(OWN, call)?;
                }
                Some(action) if is_collected(&action, enabled) => continue,
                Some(_) => self.complete(OWN, Step::LoseRequest(call))?,
            }
            found = true;
        }
        if self.steps_of(OWN).contains(&Step::Wake(Timer::CollectGarbage)) {
            self.pass_over_pods(enabled)?;
            found = true;
        }
        Ok(found)
    }
}

/// Would the model take this step of the collector, now or after the one that comes before it?
fn is_collected(action: &Action, enabled: &[Action]) -> bool {
    let Action::PodGarbageCollector(PodGarbageCollector::DeletePod { pod }) = *action else {
        return enabled.contains(action);
    };
    let before = Action::PodGarbageCollector(PodGarbageCollector::FailPod { pod });
    enabled.contains(action) || enabled.contains(&before)
}
