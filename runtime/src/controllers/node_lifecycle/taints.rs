//! Which taints a node should have: NoSchedule ones that mirror its conditions at once (NLC-13), and one NoExecute taint at the
//! rate of its zone (NLC-10, NLC-11).

use k8s_openapi::api::core::v1::{Node, Taint};

use super::super::informers::Informers;
use super::NodeLifecycle;
use super::pass::Purpose;
use super::zones::zone_of;
use crate::api::constants::{condition, node_condition, taint};
use crate::api::{Key, Kind, Patch, Preconditions, Request, Resource};
use crate::client::CallId;
use crate::clock::Moment;
use crate::context::Context;
use crate::operation::{Component, Refused};
use crate::slip::Slip;

/// Conditions, the status in which they are bad, and the key of the taint that says so.
const MIRRORED: [(&str, &str, &str); 6] = [
    (condition::READY, condition::FALSE, taint::NOT_READY),
    (condition::READY, condition::UNKNOWN, taint::UNREACHABLE),
    ("MemoryPressure", condition::TRUE, "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", condition::TRUE, "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", condition::TRUE, "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", condition::TRUE, "node.kubernetes.io/network-unavailable"),
];

/// Does the node have this taint?
pub(super) fn has(node: &Node, key: &str, effect: &str) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    taints.into_iter().flatten().any(|taint| taint.key == key && taint.effect == effect)
}

/// A taint that is set now.
pub(super) fn new_taint(key: &str, effect: &str, now: Moment) -> Taint {
    Taint {
        key: key.to_owned(),
        effect: effect.to_owned(),
        time_added: Some(now.to_time()),
        ..Taint::default()
    }
}

/// Sets and removes taints.
pub(super) fn patch(node: &Key, add: Vec<Taint>, remove: Vec<Taint>, context: &mut Context<'_>) -> CallId {
    let patch = Patch::NodeTaints { add, remove };
    let patch = Request::Patch(Resource::Node, node.clone(), Preconditions::NONE, patch);
    context.calls.send(Component::NodeLifecycle, patch)
}

impl NodeLifecycle {
    /// A worker makes the NoSchedule taints of a node what its conditions say (NLC-13).
    pub(super) fn mirror_conditions(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        let Some(node) = informers.nodes.cache().get(key) else {
            self.nodes.done(key);
            return;
        };
        let bad = |(type_, status, _): &(&str, &str, &str)| {
            node_condition(node, type_).is_some_and(|condition| condition.status == *status)
        };
        let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
        let keys = MIRRORED.map(|row| (row.2, bad(&row)));
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        for (taint_key, wanted) in keys.into_iter().chain([(taint::UNSCHEDULABLE, cordoned)]) {
            let taint = new_taint(taint_key, taint::NO_SCHEDULE, context.now());
            match (wanted, has(node, taint_key, taint::NO_SCHEDULE)) {
                (true, false) => add.push(taint),
                (false, true) => remove.push(taint),
                _ => {}
            }
        }
        if add.is_empty() && remove.is_empty() {
            self.nodes.done(key);
            return;
        }
        let call = patch(key, add, remove, context);
        self.calls.insert(call, Purpose::Mirror(key.clone()));
    }

    /// The next node that waits gets its NoExecute taint, unless it is Ready by now (NLC-11, NLC-12).
    pub(super) fn taint_next(
        &mut self,
        informers: &Informers,
        context: &mut Context<'_>,
    ) -> Result<(), Refused> {
        let key = self.zones.take(context.clock).ok_or(Refused)?;
        let Some(node) = informers.nodes.cache().get(&key) else { return Ok(()) };
        let ready = node_condition(node, condition::READY).map_or(condition::UNKNOWN, |ready| &ready.status);
        let (wanted, other) = match ready {
            condition::FALSE => (taint::NOT_READY, taint::UNREACHABLE),
            condition::UNKNOWN => (taint::UNREACHABLE, taint::NOT_READY),
            _ if context.has(Slip::TaintWithoutRecheck) => (taint::UNREACHABLE, taint::NOT_READY),
            _ => return Ok(()),
        };
        self.zones.tainting(&zone_of(node), &key);
        let call = self.swap(&node.key(), wanted, other, context);
        self.calls.insert(call, Purpose::Taint(key));
        Ok(())
    }

    /// One NoExecute taint in place of the other (NLC-10).
    pub(super) fn swap(&self, node: &Key, wanted: &str, other: &str, context: &mut Context<'_>) -> CallId {
        let now = context.now();
        let add = vec![new_taint(wanted, taint::NO_EXECUTE, now)];
        patch(node, add, vec![new_taint(other, taint::NO_EXECUTE, now)], context)
    }
}
