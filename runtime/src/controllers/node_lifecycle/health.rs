//! Is a node silent? The controller compares its own clock with when it last *saw* something new, never remote timestamps
//! (NLC-2, MOD-6).

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use podproof_vocabulary::Release;

use crate::api::constants::{condition, node_condition};
use crate::clock::Moment;
use crate::slip::{Slip, Slips};

/// A node that never said that it is Ready has so long (C-3).
const STARTUP_GRACE: Duration = Duration::from_secs(60);

/// The conditions that become Unknown (NLC-3).
const CONDITIONS: [&str; 4] = [condition::READY, "MemoryPressure", "DiskPressure", "PIDPressure"];

/// What the controller remembers of a node.
#[derive(Clone, Debug)]
pub struct Health {
    /// Condition Ready as it was last seen: its status and its heartbeat.
    ready: Option<(String, Option<Time>)>,
    lease_renewed: Option<MicroTime>,
    /// When something new was last seen.
    probed: Moment,
}

/// What the controller thinks of a node now.
#[derive(Debug)]
pub struct Judgement {
    /// Condition Ready before this pass; Unknown if there was none (NLC-9).
    pub observed: String,
    /// The node with its conditions set to Unknown, if that has to be written (NLC-3).
    pub flipped: Option<Node>,
}

impl Health {
    /// The status of condition Ready as it was last seen.
    pub fn ready(&self) -> Option<&str> {
        self.ready.as_ref().map(|(status, _)| status.as_str())
    }

    /// The node gets a new grace period, as after a total failure (NLC-17).
    pub fn renew(&mut self, now: Moment) {
        self.probed = now;
    }

    /// Condition Ready was written.
    pub fn set_ready(&mut self, node: &Node) {
        self.ready = ready_of(node);
    }
}

fn ready_of(node: &Node) -> Option<(String, Option<Time>)> {
    let ready = node_condition(node, condition::READY)?;
    Some((ready.status.clone(), ready.last_heartbeat_time.clone()))
}

/// Looks at a node and its lease, and remembers what is new.
pub fn judge(
    health: &mut Option<Health>,
    node: &Node,
    lease: Option<&Lease>,
    release: Release,
    slips: Slips,
    now: Moment,
) -> Judgement {
    let current = ready_of(node);
    let created = node.metadata.creation_timestamp.as_ref().map(Moment::from_time).unwrap_or_default();
    // A new one is fresh (NLC-4); one that never was Ready counts from its creation.
    let first = if current.is_some() { now } else { created };
    let health =
        health.get_or_insert_with(|| Health { ready: current.clone(), lease_renewed: None, probed: first });
    let saved = health.lease_renewed.clone();
    let heartbeat = |ready: &Option<(String, Option<Time>)>| ready.as_ref().map(|(_, at)| at.clone());
    if heartbeat(&health.ready) != heartbeat(&current) {
        // NLC-2
        health.probed = now;
        // What is remembered is made anew, without the lease, which so counts once more on the next pass (S28
        // `node_lifecycle_controller.go` `tryUpdateNodeHealth`).
        health.lease_renewed = None;
    }
    health.ready.clone_from(&current);
    let renewed = lease.and_then(|lease| lease.spec.as_ref()).and_then(|spec| spec.renew_time.clone());
    if renewed > saved && !slips.has(Slip::LeaseIgnored) {
        // NLC-5: the lease alone is enough.
        health.lease_renewed = renewed;
        health.probed = now;
    }
    let grace = match current {
        Some(_) => Duration::from_secs(u64::from(release.node_monitor_grace_seconds())),
        None => STARTUP_GRACE,
    };
    let unknown = || condition::UNKNOWN.to_owned();
    let observed = current.map_or_else(unknown, |(status, _)| status);
    // Only a change of condition Ready is written (S28 `tryUpdateNodeHealth`).
    let says = ready_of(node).is_none_or(|(status, _)| status != condition::UNKNOWN);
    let flipped = (says && now > health.probed + grace).then(|| silenced(node, now));
    Judgement { observed, flipped }
}

/// The node with its conditions set to Unknown.
fn silenced(node: &Node, now: Moment) -> Node {
    let mut node = node.clone();
    let created = node.metadata.creation_timestamp.clone();
    let conditions = node.status.get_or_insert_default().conditions.get_or_insert_default();
    for type_ in CONDITIONS {
        match conditions.iter_mut().find(|condition| condition.type_ == type_) {
            Some(condition) if condition.status == condition::UNKNOWN => {}
            Some(condition) => {
                condition.status = condition::UNKNOWN.to_owned();
                condition.reason = Some("NodeStatusUnknown".to_owned());
                condition.last_transition_time = Some(now.to_time());
            }
            None => conditions.push(NodeCondition {
                type_: type_.to_owned(),
                status: condition::UNKNOWN.to_owned(),
                reason: Some("NodeStatusNeverUpdated".to_owned()),
                last_heartbeat_time: created.clone(),
                last_transition_time: Some(now.to_time()),
                ..NodeCondition::default()
            }),
        }
    }
    node
}
