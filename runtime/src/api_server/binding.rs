//! Binding a pod to a node.

use std::sync::Arc;

use super::ApiServer;
use crate::api::constants::{condition, node_of};
use crate::api::patch::{merge_pod_condition, new_pod_condition};
use crate::api::{ApiError, Key, Kind, Object, Preconditions, Resource, Response};
use crate::clock::Moment;
use crate::slip::Slip;

impl ApiServer {
    /// One write sets `spec.nodeName` and PodScheduled=True. Refused if the pod is deleting, is bound already, even to the same
    /// node, or has scheduling gates. Whether the node exists or has room is nobody's question here (API-20).
    pub(super) fn bind(
        &mut self,
        key: &Key,
        preconditions: &Preconditions,
        node: &str,
        now: Moment,
    ) -> Result<Response, ApiError> {
        let Object::Pod(mut pod) = self.stored(Resource::Pod, key, preconditions)? else {
            return Err(ApiError::NotFound);
        };
        let gates = pod.spec.as_ref().and_then(|spec| spec.scheduling_gates.as_ref());
        let gated = gates.is_some_and(|gates| !gates.is_empty());
        let bound = node_of(&pod).is_some() && !self.slips.has(Slip::SecondBindingAccepted);
        if pod.is_deleting() || bound || gated {
            return Err(ApiError::Conflict);
        }
        let binding = Arc::make_mut(&mut pod);
        binding.spec.get_or_insert_default().node_name = Some(node.to_owned());
        let mut scheduled = new_pod_condition(condition::POD_SCHEDULED, condition::TRUE, "", now);
        scheduled.reason = None;
        merge_pod_condition(
            binding.status.get_or_insert_default().conditions.get_or_insert_default(),
            scheduled,
        );
        self.store.put(key.clone(), Object::Pod(pod), now);
        Ok(Response::Done)
    }
}
