//! Writes whose outcome never reaches their writer, committed or not (MOD-3): a creation or a deletion of a ReplicaSet's sync, a
//! binding.

use podproof_runtime::Step;
use podproof_runtime::api::{Object, Response};
use podproof_runtime::client::{CallId, CallState};
use podproof_runtime::operation::Component;
use podproof_vocabulary::action::{Action, Component as Lane, LostWrite, ReplicaSet};

use super::Running;
use crate::{ModelSystem, Refused};

impl Running {
    /// Is whoever writes this the runtime's own?
    pub(super) fn sends(&self, write: LostWrite) -> bool {
        self.covered.has(match write {
            LostWrite::CreatePod { .. } | LostWrite::DeletePod { .. } => Lane::ReplicaSetController,
            LostWrite::BindPod { .. } => Lane::Scheduler,
        })
    }

    /// The outcome of a write is lost; the pod that was created nevertheless.
    pub(super) fn lose_outcome(
        &mut self,
        write: LostWrite,
        committed: bool,
        rest: &ModelSystem,
    ) -> Result<Option<Object>, Refused> {
        let (component, call) = self.sent_write(write, rest)?;
        let mut created = None;
        if committed {
            self.complete(component, Step::Arrive(call))?;
            created = match self.cluster.calls().get(call).map(|call| &call.state) {
                Some(CallState::Answered(Ok(Response::Object(object)))) => Some(object.clone()),
                _ => None,
            };
            self.complete(component, Step::LoseAnswer(call))?;
        } else {
            self.complete(component, Step::LoseRequest(call))?;
        }
        if component == Component::Scheduler {
            self.settle_conditions()?;
        }
        Ok(created.filter(|_| matches!(write, LostWrite::CreatePod { .. })))
    }

    /// The request that this write is on its way with.
    fn sent_write(&self, write: LostWrite, rest: &ModelSystem) -> Result<(Component, CallId), Refused> {
        let (component, call) = match write {
            LostWrite::CreatePod { revision } => {
                let create = Action::ReplicaSet(ReplicaSet::CreatePod { revision });
                let sent = self.calls_of(Component::ReplicaSet);
                let sent = sent.filter(|(_, meaning)| meaning.as_ref() == Some(&create)).count();
                let (model, state) = rest.model();
                let left = model.open(state, |cluster| cluster.replica_set(revision).creations_left());
                if usize::from(left) > sent {
                    return Err(Refused::later(
                        "what a sync has not sent when a creation fails is skipped (CTL-4)",
                    ));
                }
                (Component::ReplicaSet, self.call_for(Component::ReplicaSet, &create))
            }
            LostWrite::DeletePod { pod } => {
                let delete = Action::ReplicaSet(ReplicaSet::DeletePod { pod });
                (Component::ReplicaSet, self.call_for(Component::ReplicaSet, &delete))
            }
            LostWrite::BindPod { pod } => {
                let binding = self.binding_of(&self.key(pod)?);
                (Component::Scheduler, binding.map(|(call, _)| call))
            }
        };
        Ok((component, call.ok_or_else(|| Refused::because("nobody has sent it"))?))
    }
}
