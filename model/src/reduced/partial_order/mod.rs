//! Partial order: steps of different pods' kubelets mostly commute, so a search may take those of one pod first and leave
//! the others for later.
//!
//! The *process* of a pod is its try by the scheduler, its kubelet's work on it, its containers, and, where nobody depends
//! on what it shows, the news of it to the controller manager. A *part* that is enough to go on with
//! ([`podproof_checker`'s condition][checker]) is all moves of one process that are possible. It is enough if
//!
//! 1. nobody else touches what the process reads or writes before it has moved: whatever others do, its moves stay possible
//!    and it gets no others ([`undisturbed`] says of each class of steps why not). Ticks there are none: the search is
//!    untimed. A slow timer or a story's event comes only when nothing else is possible, and the process is;
//! 2. what its moves change is read by nobody else ([`own`]), so both orders end in the same state;
//! 3. both orders show the judged promises the same ([`visible`]): a promise that looks at each pod by itself sees no
//!    order between two pods, and one that counts pods, or reads one pod's containers beside a node's rules, makes the
//!    moves that change what it counts stay in order with all others.
//!
//! "The same state" is up to the names of pods, for a slot that is freed early is the lowest for the next pod: the search
//! is one over [representatives](super::symmetry). A state that has no slot left is cut off; a search that never comes to
//! one says what it would say with more slots.
//!
//! What each class of steps reads and writes is declared in [`footprint`], and held against what steps do by the tests of
//! this module. That parts keep conditions 1 to 3, whatever comes before them, is looked at state by state in
//! `tests/searches/futures.rs`; that no verdict changes, in `tests/searches/partial_order.rs`.
//!
//! [checker]: https://docs.rs/podproof-checker
//!
//! Where no judged promise reads the rules of nodes, kube-proxies follow at once
//! ([`Fusion::RulesThatNobodyReads`]): with them no two pods share a reader.

pub mod footprint;
mod own;
#[cfg(test)]
mod tests;
mod undisturbed;
mod visible;
mod written;

pub use written::written;

use podproof_vocabulary::PodId;
use podproof_vocabulary::Property;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::property::{Kind, PropertySet};

use super::fusion::Fusion;
use super::{Outcome, Reduced};
use crate::buffer::with_actions;
use crate::cluster::Cluster;
use crate::controllers::replica_set;
use crate::scope::Scope;
use crate::state::ClusterState;
use crate::time;

/// What a search by partial order knows before it begins.
#[derive(Clone, Copy, Debug)]
pub struct PartialOrder {
    judged: PropertySet,
    /// A judged promise reads the rules of nodes.
    reads_rules: bool,
    /// An address may go to the neighbour's pod.
    reuses_addresses: bool,
    /// Where pods are makes no difference to where others may be.
    ignores_occupants: bool,
}

/// The promises that read the rules of nodes.
const OF_RULES: [Property; 4] = [
    Property::NoTrafficAfterSigterm,
    Property::NoFailedRequest,
    Property::NoMisroutedRequest,
    Property::NoAvoidableBlackout,
];

impl PartialOrder {
    /// The same model with what a search by partial order of its judged promises adds to it.
    ///
    /// # Errors
    /// Why it cannot be searched so, a sentence.
    pub fn of(reduced: Reduced) -> Result<(Self, Reduced), String> {
        let rules = &reduced.model.rules;
        if rules.is_timed() {
            return Err(
                "no step may be left out of a timed search: a tick depends on the clock of each".into()
            );
        }
        for (needed, why) in [
            (Approximation::CoalescedWatchEvents, "news that keep their order depend on one another"),
            (
                Approximation::SlowTimersWhenQuiet,
                "a timer that may fire at any moment depends on all that stops it",
            ),
        ] {
            if !rules.approximates(needed) {
                return Err(format!("a search by partial order needs the approximation {needed}: {why}"));
            }
        }
        // What is behind at the end of a move would be somebody's to catch up with, and so in nobody's process alone.
        let has = |fusion: &Fusion| reduced.fusions().has(*fusion);
        let scheduler_sees = [Fusion::SchedulerSeesPods, Fusion::CurrentSchedulerView].iter().any(has);
        let follow = [
            Fusion::WorkerReacts,
            Fusion::Relist,
            Fusion::WriteSlice,
            Fusion::ProgramRules,
            Fusion::ReplicaSetStatus,
        ];
        if !scheduler_sees || !follow.iter().all(has) {
            return Err("a search by partial order needs moves in which what is behind catches up".into());
        }
        let judged = PropertySet::of(
            reduced.model.judged.iter().filter(|property| property.facts().kind == Kind::Safety),
        );
        let mutant = rules.scenario.mutant;
        let partial_order = Self {
            judged,
            reads_rules: OF_RULES.into_iter().any(|property| judged.contains(property)),
            reuses_addresses: rules.scenario.addresses_are_reused
                || mutant == Some(Mutant::AddressFreedEarly),
            ignores_occupants: rules.filters.ignore_occupants(rules.pods),
        };
        let Reduced { model, fusions, .. } = reduced;
        let fusions = match partial_order.ignores_rules() {
            true => fusions.with(Fusion::RulesThatNobodyReads),
            false => fusions,
        };
        Ok((partial_order, Reduced::with(model, fusions)))
    }

    /// Nobody reads what kube-proxies see and program: no judged promise, and no neighbour that waits for an address.
    const fn ignores_rules(&self) -> bool {
        !self.reads_rules && !self.reuses_addresses
    }

    /// Visits the moves of one pod's process, each with its number among all moves, if they are enough to go on with; else
    /// none.
    pub fn part(
        &self,
        reduced: &Reduced,
        state: &ClusterState,
        mut visit: impl FnMut(u16, Outcome),
    ) -> Option<PodId> {
        reduced.model.open(state, |here| {
            with_actions(|heads| {
                reduced.heads(here, heads, |_| {});
                // While a sync chooses, nothing else is possible. Where only slow steps are, the story may go on.
                let is_quiet = heads.iter().all(|head| time::is_slow(here, head));
                if is_quiet || replica_set::choosing(here).is_some() || !undisturbed::is_calm(here) {
                    return None;
                }
                here.used_pods().find(|&pod| {
                    let Some(part) = self.part_of(reduced, state, here, heads, pod) else { return false };
                    part.into_iter().for_each(|(choice, outcome)| visit(choice, outcome));
                    true
                })
            })
        })
    }

    /// Does this step begin a move of the process of `pod`, news to the controller manager left out?
    pub fn is_of_process(head: &Action, pod: PodId) -> bool {
        own::is_step_of(head, pod)
    }

    /// The moves of the process of `pod`, if they are enough to go on with and there are others.
    fn part_of(
        &self,
        reduced: &Reduced,
        state: &ClusterState,
        here: &Cluster<'_>,
        heads: &[Action],
        pod: PodId,
    ) -> Option<Vec<(u16, Outcome)>> {
        let own = || heads.iter().enumerate().filter(|(_, head)| own::is_step_of(head, pod));
        let count = own().count();
        if count == 0 || own().any(|(_, head)| time::is_slow(here, head)) {
            return None;
        }
        if !undisturbed::is_left_alone(here, pod, self.ignores_occupants) {
            return None;
        }
        let mut part = Vec::with_capacity(count + 1);
        let more = if reduced.is_settled(here, heads) { Scope::NOTHING } else { Scope::EVERYTHING };
        let mut take = |choice: usize, head: Action| {
            let number = u16::try_from(choice).expect("a state has at most 65535 moves");
            reduced.take(state, here, (head, more), &mut |outcome| part.push((number, outcome)));
        };
        own().for_each(|(choice, &head)| take(choice, head));
        let news = heads.iter().enumerate().find(|(_, head)| own::is_news_to_controllers(head, pod));
        if let Some((choice, &head)) = news {
            take(choice, head);
        }
        let is_seen_freely = match news {
            None => true,
            Some(_) => {
                let (_, outcome) = part.last_mut()?;
                let after = Cluster::new(&reduced.model.rules, &mut outcome.next);
                let freely = self.ignores_rules() && undisturbed::is_seen_without_effect(here, &after, pod);
                if !freely {
                    part.pop();
                }
                freely
            }
        };
        if part.len() == heads.len() {
            return None;
        }
        let commutes = part.iter_mut().enumerate().all(|(index, (_, outcome))| {
            let after = Cluster::new(&reduced.model.rules, &mut outcome.next);
            let is_news = index == count;
            own::changes_only(here, &after, pod, is_news)
                && own::is_read_by_nobody(here, &after, pod, is_seen_freely)
                && self.is_own_affair(here, &after, pod)
                && self.shows_the_same(here, &after, pod)
        });
        commutes.then_some(part)
    }
}
