//! What the pods of a ReplicaSet are made of: whoever creates them takes labels and spec as they are in the template (RS-3;
//! `pkg/controller/controller_utils.go`, `GetPodFromTemplate`). What admission changes comes after the request.

use crate::fingerprint::leaves::Leaves;
use crate::record::{Object, ReplicaSetFacts, Write};

/// What the pods of a ReplicaSet are made of.
#[derive(Clone, Debug)]
pub struct MadeOf {
    /// Labels and images, as [`ReplicaSetFacts::pods`].
    pods: u64,
    /// The spec of its template; none where no answer shows it, as what was asked for has no defaults.
    spec: Option<Leaves>,
}

impl MadeOf {
    /// By what a write of a ReplicaSet has left.
    pub fn of(facts: &ReplicaSetFacts, write: &Write, set: &Object) -> Self {
        let is_answer = !write.only_asked && write.resource_version.is_some();
        let spec = || Leaves::of(&set.whole["spec"]["template"]["spec"], |_| false);
        Self { pods: facts.pods, spec: is_answer.then(spec) }
    }

    /// Why no pod of it is created as this write asks for; nothing, if it is as it should be, or if the log does not show what was asked for.
    pub fn misfit(&self, write: &Write) -> Option<String> {
        if write.made_of? != self.pods {
            return Some("its labels or images are not those of the template of its ReplicaSet".into());
        }
        let path = self.spec.as_ref()?.differing(write.asked_spec.as_deref()?, |_| false)?;
        Some(format!("it asks for another spec.{path} than the template of its ReplicaSet"))
    }
}
