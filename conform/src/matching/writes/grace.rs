//! The grace period of a deletion: what was asked for, and what the answer shows.

use podproof_model::state::PodObject;

use crate::matching::actor::Actor;
use crate::record::{Facts, PodFacts, Verb, Write};

/// What a pod has where nothing is said, in seconds (`DefaultTerminationGracePeriodSeconds`, `staging/src/k8s.io/api/core/v1/types.go`).
pub const DEFAULT: i64 = 30;

fn facts(write: &Write) -> Option<&PodFacts> {
    match &write.object.as_ref()?.facts {
        Facts::Pod(facts) => Some(facts),
        _ => None,
    }
}

/// The grace period that a deletion or an eviction asks for, in seconds (DEL-5).
pub fn asked(write: &Write) -> Option<u32> {
    let seconds = write.grace_seconds?;
    Some(if seconds < 0 { 1 } else { u32::try_from(seconds).unwrap_or(u32::MAX) })
}

/// The grace period that a granted deletion or eviction has set, in seconds, as far as the log shows it.
pub fn set(write: &Write) -> Option<u32> {
    let shown = facts(write).filter(|facts| facts.deleting).and_then(|facts| facts.deletion_grace_seconds);
    shown.and_then(|seconds| u32::try_from(seconds).ok()).or_else(|| asked(write))
}

/// Does somebody delete a pod of whom nobody knows how long that gives it, as the log has neither what was asked for nor the answer?
/// Components delete in one way each.
pub fn is_unknown(write: &Write) -> bool {
    let deletes = match &*write.subresource {
        "" => write.verb == Verb::Delete,
        "eviction" => write.verb == Verb::Create,
        _ => false,
    };
    let is_told = write.shows_request || write.grace_seconds.is_some() || write.object.is_some();
    &*write.resource == "pods" && deletes && !is_told && matches!(Actor::of(write), Actor::Client(_))
}

/// Why the answer to the first deletion of a pod, which was so `before`, cannot be: the request and the pod say what its grace period
/// is (DEL-2 to DEL-6). Nothing is said where the log does not show what was asked for.
pub fn misfit(write: &Write, before: PodObject) -> Option<String> {
    let (object, facts) = (write.object.as_ref()?, facts(write)?);
    let shown = facts.deletion_grace_seconds?;
    if before.is_deleting() || !facts.deleting || !write.shows_request {
        return None;
    }
    let own = || object.whole["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(DEFAULT);
    let is_over = facts.node.is_none() || ["Succeeded", "Failed"].contains(&&*facts.phase);
    let expected = if is_over { 0 } else { asked(write).map_or_else(own, i64::from) };
    (shown != expected).then(|| {
        let by =
            if write.grace_seconds.is_some() { "the request asks for" } else { "without a request it is" };
        format!("its grace period became {shown} s, and {by} {expected} s")
    })
}
