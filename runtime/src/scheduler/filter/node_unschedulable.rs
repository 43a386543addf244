//! NodeUnschedulable: a cordoned node takes only pods that tolerate its taint (FLT-2).

use k8s_openapi::api::core::v1::{Node, Pod, Taint};

use super::taint_toleration::tolerates;
use crate::api::constants::taint;
use crate::slip::{Slip, Slips};

/// Is the node schedulable, or does the pod not mind?
pub fn passes(pod: &Pod, node: &Node, slips: Slips) -> bool {
    let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
    let unschedulable = Taint {
        key: taint::UNSCHEDULABLE.to_owned(),
        effect: taint::NO_SCHEDULE.to_owned(),
        ..Taint::default()
    };
    !cordoned || slips.has(Slip::CordonNeedsTaint) || tolerates(pod, &unschedulable)
}
