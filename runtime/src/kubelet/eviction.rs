//! Eviction by the kubelet itself, when its node runs short of something (EVM-5 to EVM-7). What makes it short, and which pod goes,
//! is the environment's business.

use podproof_vocabulary::Release;

use super::Kubelet;
use super::host::Host;
use super::pod_worker::update::{Eviction, Update, UpdateKind};
use crate::api::Uid;

/// Pods of this priority and above are never evicted (K-36).
const CRITICAL_PRIORITY: i32 = 2_000_000_000;

impl Kubelet {
    /// A pod is stopped, and has failed once it is. No deletion, no disruption budget (EVM-7).
    pub(super) fn evict(&mut self, uid: &Uid, host: &mut Host<'_, '_>) -> bool {
        let Some(pod) = self.parts.pods.get(uid).cloned() else { return false };
        let priority = pod.object.spec.as_ref().and_then(|spec| spec.priority).unwrap_or(0);
        let runs = self.workers.get(uid).is_some_and(|worker| worker.terminating_at.is_none());
        if priority >= CRITICAL_PRIORITY || !runs {
            return false;
        }
        let eviction = Eviction { reason: "Evicted", message: "The node was low on resource: memory." };
        let grace_seconds = Some(hard_grace(host.context.release));
        let update = Update { grace_seconds, eviction: Some(eviction), ..Update::of(UpdateKind::Kill, pod) };
        self.tell(update, host);
        true
    }
}

/// EVM-6: a hard threshold leaves no grace. From 1.31 on that is 1 s; before, it was 0, with what PW-18 makes of it.
const fn hard_grace(release: Release) -> i64 {
    if release.minor >= 31 { 1 } else { 0 }
}
