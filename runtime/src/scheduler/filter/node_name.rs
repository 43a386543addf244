//! NodeName: a pod that names its node goes there and nowhere else (FLT-1).

use k8s_openapi::api::core::v1::{Node, Pod};

use crate::api::constants::node_of;
use crate::slip::{Slip, Slips};

/// Is it the node that the pod names, if it names one?
pub fn passes(pod: &Pod, node: &Node, slips: Slips) -> bool {
    slips.has(Slip::NodeNameNotAsked)
        || node_of(pod).is_none_or(|name| node.metadata.name.as_deref() == Some(name))
}
