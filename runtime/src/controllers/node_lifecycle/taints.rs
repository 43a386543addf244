//! Which taints a node should have: NoSchedule ones that mirror its conditions at once (NLC-13), and one NoExecute taint at the
//! rate of its zone (NLC-10, NLC-11).

use std::collections::VecDeque;

use k8s_openapi::api::core::v1::{Node, Taint};

use super::super::informers::Informers;
use super::NodeLifecycle;
use super::pass::Purpose;
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

/// Patches of the taints of one node, each sent when the one before has been written; after an error the rest is given up.
#[derive(Debug)]
pub(super) struct Turns {
    node: Key,
    left: VecDeque<Patch>,
}

impl NodeLifecycle {
    /// Patches the taints of a node; patches that are empty are none.
    pub(super) fn patch_in_turn(
        &mut self,
        node: &Key,
        patches: impl IntoIterator<Item = Patch>,
        purpose: Purpose,
        context: &mut Context<'_>,
    ) {
        let is_empty = |patch: &Patch| matches!(patch, Patch::NodeTaints { add, remove } if add.is_empty() && remove.is_empty());
        let left = patches.into_iter().filter(|patch| !is_empty(patch)).collect();
        self.next_turn(Turns { node: node.clone(), left }, purpose, context);
    }

    fn next_turn(&mut self, mut turns: Turns, purpose: Purpose, context: &mut Context<'_>) {
        let Some(patch) = turns.left.pop_front() else { return };
        let patch = Request::Patch(Resource::Node, turns.node.clone(), Preconditions::NONE, patch);
        let call = context.calls.send(Component::NodeLifecycle, patch);
        self.calls.insert(call, purpose);
        self.turns.insert(call, turns);
    }

    /// The answer to a patch came: sends the next one for the same purpose, if there is one to send.
    pub(super) fn take_turn(
        &mut self,
        call: CallId,
        purpose: Purpose,
        is_written: bool,
        context: &mut Context<'_>,
    ) -> Option<Purpose> {
        match self.turns.remove(&call) {
            Some(turns) if is_written && !turns.left.is_empty() => {
                self.next_turn(turns, purpose, context);
                None
            }
            _ => Some(purpose),
        }
    }

    /// One set of taints in place of another: first what is new is set, then what is over is removed. Kubernetes:
    /// `controller/util/node` `SwapNodeControllerTaint`; recordings of nodes that come back show both taints between the two.
    pub(super) fn swap(
        &mut self,
        node: &Key,
        add: Vec<Taint>,
        remove: Vec<Taint>,
        purpose: Purpose,
        context: &mut Context<'_>,
    ) {
        let set = Patch::NodeTaints { add, remove: Vec::new() };
        let unset = Patch::NodeTaints { add: Vec::new(), remove };
        self.patch_in_turn(node, [set, unset], purpose, context);
    }

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
        self.swap(key, add, remove, Purpose::Mirror(key.clone()), context);
    }

    /// The next node that waits gets its NoExecute taint, unless it is Ready by now (NLC-11, NLC-12).
    pub(super) fn taint_next(
        &mut self,
        informers: &Informers,
        context: &mut Context<'_>,
    ) -> Result<(), Refused> {
        if self.next_taint().is_none() {
            return Err(Refused);
        }
        let key = self.zones.take(context.clock).ok_or(Refused)?;
        let turn = informers.nodes.cache().get(&key).and_then(|node| {
            let ready = node_condition(node, condition::READY);
            let taints = match ready.map_or(condition::UNKNOWN, |ready| &ready.status) {
                condition::FALSE => (taint::NOT_READY, taint::UNREACHABLE),
                condition::UNKNOWN => (taint::UNREACHABLE, taint::NOT_READY),
                _ if context.has(Slip::TaintWithoutRecheck) => (taint::UNREACHABLE, taint::NOT_READY),
                _ => return None,
            };
            Some((node, taints))
        });
        let Some((node, (wanted, other))) = turn else {
            self.zones.serve(&key);
            return Ok(());
        };
        self.swap_no_execute(node, wanted, other, Purpose::Taint(key), context);
        Ok(())
    }

    /// One NoExecute taint in place of the other (NLC-10). The other is removed if the copy has it (`RemoveTaintOffNode`).
    pub(super) fn swap_no_execute(
        &mut self,
        node: &Node,
        wanted: &str,
        other: &str,
        purpose: Purpose,
        context: &mut Context<'_>,
    ) {
        let taint = |key| new_taint(key, taint::NO_EXECUTE, context.now());
        let remove = has(node, other, taint::NO_EXECUTE).then(|| taint(other));
        let (add, remove) = (vec![taint(wanted)], remove.into_iter().collect());
        self.swap(&node.key(), add, remove, purpose, context);
    }
}
