//! TaintToleration: every taint that keeps pods away must be tolerated (FLT-6, FLT-7).

use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};

use crate::api::constants::taint;
use crate::slip::{Slip, Slips};

/// Does the pod tolerate every taint of the node with effect NoSchedule or NoExecute?
pub fn passes(pod: &Pod, node: &Node, slips: Slips) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let no_execute = !slips.has(Slip::NoExecuteLetsPodsIn);
    let keeps_away = |taint: &&Taint| {
        taint.effect == taint::NO_SCHEDULE || (taint.effect == taint::NO_EXECUTE && no_execute)
    };
    taints.into_iter().flatten().filter(keeps_away).all(|taint| tolerates(pod, taint))
}

/// Does the pod tolerate this taint?
pub fn tolerates(pod: &Pod, taint: &Taint) -> bool {
    tolerations(pod).any(|toleration| matches(toleration, taint))
}

/// The tolerations of a pod.
pub fn tolerations(pod: &Pod) -> impl Iterator<Item = &Toleration> {
    pod.spec.as_ref().and_then(|spec| spec.tolerations.as_ref()).into_iter().flatten()
}

/// Does this toleration match this taint? `tolerationSeconds` is no part of it (FLT-7).
pub fn matches(toleration: &Toleration, taint: &Taint) -> bool {
    let some = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
    let operator = some(&toleration.operator);
    let exists = operator.as_deref() == Some("Exists");
    let effect = some(&toleration.effect).is_none_or(|effect| effect == taint.effect);
    let key = match some(&toleration.key) {
        None => exists,
        Some(key) => key == taint.key,
    };
    let equal = matches!(operator.as_deref(), None | Some("Equal"));
    let value = toleration.value.as_deref().unwrap_or("") == taint.value.as_deref().unwrap_or("");
    effect && key && (exists || equal && value)
}
