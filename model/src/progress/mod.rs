//! The progress promises: under fairness, something good comes.
//!
//! Each is a family of *obligations*, one for each object that it speaks of. An obligation is pending in a state if its
//! premise holds there and its goal does not; the promise is that no fair run keeps one obligation pending for ever:
//! ¬◇□ pending, that is □◇ (¬premise ∨ goal). A counterexample is a lasso with the same obligation pending all along its
//! cycle, resting included.

mod endpoints;
mod obligations;
#[cfg(test)]
mod tests;

pub use endpoints::asked_for;
pub use obligations::{
    all_are_ready, as_many_as_wanted, is_healthy, is_rolled_out, newest, store_placement, wanted,
};

use std::ops::Range;

use podproof_vocabulary::property::{Kind, PROPERTIES, PropertySet};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Property};

use crate::cluster::Cluster;
use crate::rules::Rules;

/// A set of obligations, a bit each.
pub type Obligations = u128;

/// The most obligations that a set holds. A walk asks for one after the other and keeps none.
pub const SET_MAX: u32 = Obligations::BITS;

/// Where the obligations of each property are among the bits.
pub struct Layout {
    starts: Vec<(Property, u32, u32)>,
}

impl Layout {
    /// The obligations of a scenario.
    pub fn of(rules: &Rules) -> Self {
        let mut end = 0;
        let mut starts = Vec::new();
        for facts in PROPERTIES.iter().filter(|facts| facts.kind == Kind::Liveness) {
            let (pods, containers, nodes) =
                (rules.pods as u32, rules.containers.len() as u32, rules.nodes as u32);
            let count = match facts.property {
                Property::ScheduledIfFeasible
                | Property::DeletionCompletes
                | Property::UnreachableEndpointsLeave
                | Property::NoexecuteEvicts => pods,
                Property::CrashRecovers => pods * containers,
                Property::RuntimeHangDetected => 2 * nodes,
                _ => 1,
            };
            starts.push((facts.property, end, count));
            end += count;
        }
        Self { starts }
    }

    /// How many obligations there are.
    pub fn count(&self) -> u32 {
        self.starts.iter().map(|&(_, _, count)| count).sum()
    }

    /// The property that an obligation belongs to.
    pub fn property_of(&self, bit: u32) -> Property {
        let owner = self.starts.iter().find(|&&(_, start, count)| (start..start + count).contains(&bit));
        owner.expect("every bit belongs to a property").0
    }

    /// The bits of a property's obligations; none if it is a safety property.
    pub fn range(&self, property: Property) -> Range<u32> {
        let own = self.starts.iter().find(|(owner, ..)| *owner == property);
        own.map_or(0..0, |&(_, start, count)| start..start + count)
    }

    /// The same, with these promises alone: the bits of the others are taken by nobody.
    #[must_use]
    pub fn only(&self, promises: PropertySet) -> Self {
        let mut end = 0;
        let own = self.starts.iter().filter(|(property, ..)| promises.contains(*property));
        let starts = own.map(|&(property, _, count)| {
            let start = end;
            end += count;
            (property, start, count)
        });
        Self { starts: starts.collect() }
    }

    /// The first bit of a property's obligations; none if it has none here.
    fn start(&self, property: Property) -> Option<u32> {
        let own = self.starts.iter().find(|(owner, ..)| *owner == property);
        own.map(|&(_, start, _)| start)
    }

    /// The obligations of a property, where no bit is beyond a set.
    pub fn of_property(&self, property: Property) -> Obligations {
        let ranges = self.starts.iter().filter(|(owner, ..)| *owner == property);
        ranges.fold(0, |bits, &(_, start, count)| bits | (((1 << count) - 1) << start))
    }
}

/// The obligations that are pending in a state, and those whose premise holds there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// The premise holds and the goal does not.
    pub pending: Obligations,
    /// The premise holds.
    pub reached: Obligations,
}

/// An obligation's premise and goal in a state.
#[derive(Clone, Copy)]
struct Claim {
    premise: bool,
    goal: bool,
}

/// What is owed in this state, where no bit is beyond a set.
pub fn owed(layout: &Layout, cluster: &Cluster<'_>) -> Owed {
    let mut owed = Owed::default();
    claims(layout, cluster, |_, bit, claim| {
        if claim.premise {
            owed.reached |= 1 << bit;
            if !claim.goal {
                owed.pending |= 1 << bit;
            }
        }
    });
    owed
}

/// The bits of what is pending in this state, however many obligations there are.
pub fn pending(layout: &Layout, cluster: &Cluster<'_>) -> Vec<u32> {
    let mut pending = Vec::new();
    claims(layout, cluster, |_, bit, claim| {
        if claim.premise && !claim.goal {
            pending.push(bit);
        }
    });
    pending.sort_unstable();
    pending
}

/// The promises that have an obligation which is pending in this state, however many obligations there are.
pub fn pending_promises(layout: &Layout, cluster: &Cluster<'_>) -> PropertySet {
    let mut pending = PropertySet::NONE;
    claims(layout, cluster, |property, _, claim| pending.insert_if(property, claim.premise && !claim.goal));
    pending
}

type OfPod = fn(&Cluster<'_>, PodId) -> Claim;
const OF_PODS: [(Property, OfPod); 4] = [
    (Property::ScheduledIfFeasible, obligations::scheduled),
    (Property::DeletionCompletes, obligations::deleted),
    (Property::UnreachableEndpointsLeave, obligations::left_rules),
    (Property::NoexecuteEvicts, obligations::evicted),
];

type OfAll = fn(&Cluster<'_>) -> Claim;
const OF_ALL: [(Property, OfAll); 3] = [
    (Property::ReplacedAfterNodeFailure, obligations::replaced),
    (Property::RolloutCompletes, obligations::rolled_out),
    (Property::EndpointsConverge, obligations::converged),
];

fn claims(layout: &Layout, cluster: &Cluster<'_>, mut found: impl FnMut(Property, u32, Claim)) {
    for (property, claim) in OF_PODS {
        let Some(start) = layout.start(property) else { continue };
        for pod in cluster.used_pods() {
            found(property, start + pod.index() as u32, claim(cluster, pod));
        }
    }
    let property = Property::CrashRecovers;
    if let Some(start) = layout.start(property) {
        let containers = cluster.rules.containers.len();
        for pod in cluster.used_pods() {
            for container in ContainerId::first(containers) {
                let index = pod.index() * containers + container.index();
                found(property, start + index as u32, obligations::recovered(cluster, pod, container));
            }
        }
    }
    let property = Property::RuntimeHangDetected;
    if let Some(start) = layout.start(property) {
        for node in NodeId::first(cluster.rules.nodes) {
            let (detected, replaced) = obligations::hang_detected(cluster, node);
            let first = start + 2 * node.index() as u32;
            found(property, first, detected);
            found(property, first + 1, replaced);
        }
    }
    for (property, claim) in OF_ALL {
        if let Some(start) = layout.start(property) {
            found(property, start, claim(cluster));
        }
    }
}

/// A step changes what the API says of the Service's pods. `endpoints-converge` owes nothing along a cycle with such a
/// step: the API has not settled, or which nodes live and are connected.
pub fn unsettles_endpoints(before: &Cluster<'_>, after: &Cluster<'_>) -> bool {
    let lives = |cluster: &Cluster<'_>, node| {
        let machine = cluster.node(node).machine;
        (machine.powered(), machine.connected())
    };
    before.pod_ids().any(|pod: PodId| before.pod(pod).api != after.pod(pod).api)
        || before.node_ids().any(|node| lives(before, node) != lives(after, node))
}
