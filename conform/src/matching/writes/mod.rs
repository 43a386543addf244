//! Writes to the API server, as steps of the model: who may make which, and what it changes.
//!
//! - [`pods`] creation, binding, status, eviction, deletion; [`grace`]: how long that gives; [`addresses`]: which pods have
//! - [`nodes`] conditions, taints, cordons
//! - [`workloads`] Deployments and ReplicaSets
//! - [`endpoints`] EndpointSlices
//! - [`budgets`] PodDisruptionBudgets
//! - [`statuses`] what must fit together in any status; [`states`]: what it tells of containers
//! - [`roles`] what each component writes at all; [`repeats`]: who has changed nothing

pub mod addresses;
pub mod budgets;
pub mod endpoints;
pub mod grace;
pub mod nodes;
pub mod pods;
pub mod repeats;
pub mod roles;
pub mod states;
pub mod statuses;
pub mod workloads;

use std::collections::BTreeMap;

use podproof_model::Cluster;
use podproof_vocabulary::Revision;

use super::actor::Actor;
use super::clock::Dates;
use super::counts::Counts;
use super::eyes::Eyes;
use super::made_of::MadeOf;
use super::names::Names;
use super::plan::Plan;
use super::shared::SharedBudget;
use super::sighting::SLACK;
use super::slices::Slices;
use super::subject::Subject;
use super::templates::Templates;
use crate::record::{Entry, Micros, Write};

/// What is known when a write is judged.
pub struct Known<'k, 'a> {
    /// The workload that is followed.
    pub subject: &'k Subject,
    /// The names of its objects.
    pub names: &'k Names,
    /// The store and the machines as they are.
    pub cluster: &'k Cluster<'a>,
    /// The Deployment's templates.
    pub templates: &'k Templates,
    /// Moments that the store shows.
    pub dates: &'k Dates,
    /// What there was to be counted; none if the log has begun too late to know.
    pub counts: Option<&'k Counts>,
    /// The workload was there before the log began.
    pub began_late: bool,
    /// What the pods of each ReplicaSet are made of, where the log shows it.
    pub made_of: &'k BTreeMap<Revision, MadeOf>,
    /// What is known of the slices of its Service.
    pub slices: &'k Slices,
    /// What the log shows of a budget that it shares with others.
    pub shared_budget: &'k SharedBudget,
    /// What the log can see.
    pub eyes: &'k Eyes,
    /// The write that is judged was answered with a version that its object had before.
    pub is_repeat: bool,
    /// The number of the entry.
    pub number: u64,
    /// The entry.
    pub at: &'k Entry,
}

impl Known<'_, '_> {
    /// Is what has this UID, or the only pod that has this name, created by a later entry? Without answers UIDs are those that later requests
    /// tell, and versions say nothing of the order.
    pub fn is_to_come(&self, write: &Write, name_or_uid: &str) -> bool {
        !write.only_asked && self.subject.comes_after(self.number, name_or_uid)
    }

    /// It was `seconds` after `since` by the time of the entry, as far as clocks can tell.
    pub fn has_passed(&self, since: Micros, seconds: u32) -> bool {
        since + Micros::from(seconds) * 1_000_000 <= self.at.to + SLACK
    }
}

/// Nobody of this kind makes such a write.
pub fn not_theirs(write: &Write, what: &str) -> Plan {
    Plan::Wrong(format!("{} does not {what}", write.user))
}

/// What a write that was granted asks of the model.
pub fn plan(known: &Known<'_, '_>, write: &Write) -> Plan {
    let actor = Actor::of(write);
    let plan = match &*write.resource {
        "pods" => pods::plan(known, &actor, write),
        "nodes" => nodes::plan(known, &actor, write),
        "deployments" | "replicasets" => workloads::plan(known, &actor, write),
        "endpointslices" => endpoints::plan(known, &actor, write),
        "poddisruptionbudgets" => budgets::plan(known, &actor, write),
        "services" if known.subject.is_near(&write.namespace) => Plan::Nothing,
        "services" => Plan::NotHere,
        other => Plan::NotModelled(other.to_string()),
    };
    let is_own = matches!(plan, Plan::Nothing | Plan::By(_) | Plan::Befalls(_));
    if is_own && roles::is_strange(&actor, write) {
        return not_theirs(write, &format!("write {}", words(write)));
    }
    match known.is_repeat {
        true => repeats::judged(write, plan),
        false => plan,
    }
}

/// What is written, as a role names it.
fn words(write: &Write) -> String {
    match &*write.subresource {
        "" => write.resource.to_string(),
        subresource => format!("{}/{subresource}", write.resource),
    }
}
