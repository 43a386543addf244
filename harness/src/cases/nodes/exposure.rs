//! What the NoExecute taints of a node mean to a pod on it (TEC-1 to TEC-3).

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};
use podproof_runtime::api::constants::taint;

/// How long a pod may stay where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposure {
    /// For ever.
    None,
    /// So long.
    For(Duration),
}

/// The exposure of a pod on a node; nobody judges a pod whose node is missing.
pub(super) fn exposure(pod: &Pod, node: &Node) -> Exposure {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref());
    exposure_to(pod, taints.unwrap_or_default())
}

/// The exposure of a pod to these taints.
pub(super) fn exposure_to(pod: &Pod, taints: &[Taint]) -> Exposure {
    let taints = taints.iter().filter(|it| it.effect == taint::NO_EXECUTE);
    let tolerations: Vec<&Toleration> =
        pod.spec.iter().flat_map(|spec| spec.tolerations.iter().flatten()).collect();
    let mut shortest: Option<i64> = None;
    for taint in taints {
        match tolerations.iter().find(|it| tolerates(it, taint)) {
            None => return Exposure::For(Duration::ZERO),
            Some(Toleration { toleration_seconds: Some(seconds), .. }) => {
                shortest = Some(shortest.map_or(*seconds, |other| other.min(*seconds)));
            }
            Some(_) => {}
        }
    }
    shortest.map_or(Exposure::None, |seconds| {
        Exposure::For(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    })
}

/// Every toleration in this world names a key, and exists.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    toleration.key.as_ref() == Some(&taint.key)
        && toleration.effect.as_ref().is_none_or(|effect| effect.is_empty() || *effect == taint.effect)
}
