//! A budget over pods of several workloads: its status is what the log shows of it, and evictions are judged by that.

use std::collections::VecDeque;
use std::rc::Rc;

use podproof_vocabulary::scenario::DisruptionBudget;

use super::sighting::SLACK;
use super::subject::Subject;
use crate::record::{BudgetFacts, Entry, Facts, Micros, Object, Verb, Write};

/// Statuses that are remembered.
const REMEMBERED: usize = 64;

/// A status that was written.
#[derive(Clone, Debug)]
struct Shown {
    /// When the write was received, and when it was answered.
    from: Micros,
    to: Micros,
    allowed: u32,
    healthy: u32,
    desired: u32,
    expected: Option<u64>,
    disrupted: Vec<Rc<str>>,
}

/// What the log shows of the status of a budget.
#[derive(Clone, Debug, Default)]
pub struct SharedBudget {
    /// One after the other, the newest last.
    shown: VecDeque<Shown>,
}

/// How many pods a status expects (PDB-1).
fn expected(object: &Object) -> Option<u64> {
    object.whole["status"]["expectedPods"].as_u64()
}

impl SharedBudget {
    /// Takes note of a write that was granted, if it is of the budget of `subject`.
    pub fn note(&mut self, subject: &Subject, entry: &Entry, write: &Write) {
        let is_it = &*write.resource == "poddisruptionbudgets"
            && subject.is_near(&write.namespace)
            && subject.shared_budget.is_some()
            && subject.budget.as_deref() == Some(&*write.name);
        if !is_it {
            return;
        }
        if write.verb == Verb::Delete {
            self.shown.clear();
            return;
        }
        let Some(object) = &write.object else { return };
        let Facts::PodDisruptionBudget(facts) = &object.facts else { return };
        self.shown.push_back(Shown {
            from: entry.from,
            to: entry.to,
            allowed: facts.allowed,
            healthy: facts.healthy,
            desired: facts.desired,
            expected: expected(object),
            disrupted: facts.disrupted.clone(),
        });
        if self.shown.len() > REMEMBERED {
            self.shown.pop_front();
        }
    }

    /// Did the budget allow no disruption, whenever a request of this time was decided?
    pub fn allows_none(&self, at: &Entry) -> bool {
        let (begins, ends) = (at.from - SLACK, at.to + SLACK);
        let lasts = |index: usize| self.shown.get(index + 1).is_none_or(|next| next.to >= begins);
        let mut there =
            self.shown.iter().enumerate().filter(|&(index, shown)| lasts(index) && shown.from <= ends);
        self.shown.front().is_some_and(|first| first.to < begins)
            && there.all(|(_, shown)| shown.allowed == 0)
    }

    /// Why a status cannot come of an eviction (EVI-4).
    pub fn eviction_misfit(&self, facts: &BudgetFacts) -> Option<String> {
        let before = self.shown.back()?;
        let is_named = |name: &Rc<str>| facts.disrupted.contains(name);
        let is_one_more =
            before.disrupted.iter().all(is_named) && facts.disrupted.len() <= before.disrupted.len() + 1;
        let is_left = (facts.healthy, facts.desired) == (before.healthy, before.desired) && is_one_more;
        match before.allowed.checked_sub(1) {
            None => Some("the budget refuses an eviction".into()),
            Some(allowed) if allowed != facts.allowed => Some(format!(
                "an eviction that is granted leaves {allowed} disruptions allowed, and not {}",
                facts.allowed
            )),
            Some(_) => (!is_left).then(|| "no eviction leaves such a status".into()),
        }
    }

    /// Why the disruption controller does not write this status, whatever it counts (PDB-2, PDB-4); of the workload's own pods so many
    /// were Ready by then at least.
    pub fn misfit(
        &self,
        budget: &DisruptionBudget,
        object: &Object,
        facts: &BudgetFacts,
        ready: u32,
    ) -> Option<String> {
        let expected = expected(object);
        let is_left = |before: &Shown| {
            let all = (before.healthy, before.desired, before.expected);
            all == (facts.healthy, facts.desired, expected)
        };
        // Where it cannot tell how many there should be, it allows none and leaves the rest (`failSafe`).
        if facts.allowed == 0 && self.shown.back().is_none_or(is_left) {
            return None;
        }
        let desired = expected.map(|expected| u32::try_from(expected).unwrap_or(u32::MAX));
        let desired = desired.map(|expected| budget.ask.desired_healthy(expected));
        if let Some(desired) = desired.filter(|&desired| desired != facts.desired) {
            return Some(format!(
                "of the pods that it expects it asks for {desired}, and not {}",
                facts.desired
            ));
        }
        let allowed = if expected == Some(0) { 0 } else { facts.healthy.saturating_sub(facts.desired) };
        if facts.allowed != 0 && facts.allowed != allowed {
            return Some(format!("it allows {allowed} disruptions, and not {}", facts.allowed));
        }
        let disrupted = u32::try_from(facts.disrupted.len()).unwrap_or(u32::MAX);
        (facts.healthy.saturating_add(disrupted) < ready).then(|| {
            format!("it counts {} healthy pods, and of this workload alone {ready} were Ready", facts.healthy)
        })
    }
}
