//! Answers with a version that the object had before: they show what there was, and nothing has changed by them (API-1, API-5).

use crate::matching::plan::Plan;
use crate::record::{Verb, Write};

/// What a write that was answered so asks of the model: nothing, or it cannot be. A removal is answered with the last version of the object
/// up to 1.25, and a deletion of what is being deleted with the one that there is (DEL-9).
pub fn judged(write: &Write, plan: Plan) -> Plan {
    let changes = match &plan {
        Plan::By(deed) => !deed.actions.is_empty(),
        Plan::Befalls(actions) => !actions.is_empty(),
        Plan::Nothing | Plan::NotHere | Plan::NotModelled(_) | Plan::Wrong(_) | Plan::Unseen(_) => false,
    };
    if !changes || write.verb == Verb::Delete {
        return plan;
    }
    let version = write.resource_version.unwrap_or_default();
    Plan::Wrong(format!(
        "it was answered with version {version}, which was there before, so it has changed nothing"
    ))
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::PodId;
    use podproof_vocabulary::action::{Action, Kubelet, Watcher};

    use super::*;
    use crate::matching::plan::Deed;

    #[test]
    fn who_is_answered_with_an_old_version_has_changed_nothing() {
        let is_wrong = |verb, actions| {
            let plan = Plan::By(Deed::steps(Watcher::ControllerManager, actions));
            matches!(judged(&Write::granted(verb), plan), Plan::Wrong(_))
        };
        let report = || vec![Action::Kubelet(Kubelet::ReportStatus { pod: PodId(0) })];
        for verb in [Verb::Patch, Verb::Update] {
            assert!(is_wrong(verb, report()));
            assert!(!is_wrong(verb, Vec::new()), "nor need it");
        }
        assert!(!is_wrong(Verb::Delete, report()), "a removal has no version of its own before 1.26");
    }
}
