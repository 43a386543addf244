//! The taint eviction controller: the runtime's own. Its workers only start and cancel timers, which nobody sees; the step of the
//! model is a timer that fires, and the deletion that follows.

use k8s_openapi::api::core::v1::Pod;
use podproof_runtime::api::Kind as _;
use podproof_runtime::clock::Moment;
use podproof_runtime::operation::{Component, Timer};
use podproof_runtime::{Clock, Operation, Step};
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Component as Lane, TaintEviction};

use super::Running;
use crate::Refused;

const OWN: Component = Component::TaintEviction;

/// A live look, the condition DisruptionTarget, the deletion (TEC-7).
const REQUESTS_MAX: usize = 3;

/// No toleration lasts longer, in milliseconds.
const TIMERS_MAX: u64 = 1 << 22;

impl Running {
    /// The timer of a pod fires, and it is deleted.
    pub(super) fn evict_tainted(&mut self, pod: PodId) -> Result<(), Refused> {
        let wake = Step::Wake(Timer::Evict(self.key(pod)?));
        let due = self.due(OWN, &wake).ok_or_else(|| Refused::because("no timer runs for this pod"))?;
        self.pass_until(due)?;
        self.complete(OWN, wake)?;
        for _ in 0..REQUESTS_MAX {
            let sent = self.cluster.calls().iter().find(|call| call.caller == OWN).map(|call| call.id);
            let Some(call) = sent else { break };
            if let Err(error) = self.carry_out(OWN, call)? {
                return Err(Refused::because(format!("the API server says {error}")));
            }
        }
        Ok(())
    }

    /// A worker looks at a pod or a node that changed.
    pub(super) fn settle_timers(&mut self, pending: &[Operation]) -> Result<bool, Refused> {
        let is_work = |own: &&Operation| own.component == OWN && matches!(own.step, Step::Work(..));
        match pending.iter().find(is_work) {
            Some(work) => self.complete(OWN, work.step.clone()).map(|()| true),
            None => Ok(false),
        }
    }

    /// Deletions that timers are running for, as actions.
    pub(super) fn running_timers(&self, operations: &mut Vec<Action>) {
        let Some(actor) =
            self.process(OWN.process()).filter(|_| self.covered.has(Lane::TaintEvictionController))
        else {
            return;
        };
        let (mut clock, mut later) = (Clock::default(), Vec::new());
        clock.pass_until(Moment(self.cluster.now().0 + TIMERS_MAX));
        actor.pending(clock, &mut later);
        let store = self.cluster.server().store();
        for operation in later.into_iter().filter(|operation| operation.component == OWN) {
            let Step::Wake(Timer::Evict(key)) = operation.step else { continue };
            // The deletion of a pod that is being deleted, or is gone, changes nothing (DEL-9).
            let stays = store.get::<Pod>(&key).is_some_and(|pod| !pod.is_deleting());
            if let Some(pod) = self.slot(&key).filter(|_| stays) {
                operations.push(Action::TaintEviction(TaintEviction::DeletePod { pod }));
            }
        }
    }
}
