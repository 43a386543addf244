//! Whether a pod may run on this machine at all (ADM-5 to ADM-9; S28 `lifecycle/predicate.go`).

use super::Kubelet;
use super::host::Host;
use super::pod::KnownPod;

/// Why a pod may not run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// `status.reason`.
    pub reason: &'static str,
    /// `status.message`.
    pub message: String,
}

impl Kubelet {
    /// Admits a pod, or says why not.
    pub(super) fn admit(&self, pod: &KnownPod, _: &Host<'_, '_>) -> Result<(), Rejection> {
        let name = pod.object.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        if name != self.node.metadata.name.as_deref() {
            return Err(Rejection { reason: "NodeName", message: String::new() });
        }
        Ok(())
    }
}
