//! What is seen of processes beside the API: each meets it in order of time.

use podproof_model::{Cluster, ClusterState};
use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{Action, Watcher};
use podproof_vocabulary::observation::NodeReady;

use super::ahead::{self, Ahead};
use super::local::{self, Local};
use super::outcome::Outcome;
use super::part::Part;
use super::path::Moment;
use super::quest::Quest;
use super::replay::{Ended, Replay};
use super::sighting::{OPEN, SLACK, Sighting};
use super::unexplained::Unexplained;
use crate::record::{Entry, Micros, Seen};

/// How long an entry waits for its pod, or for the pod of an address in it, to show.
const PATIENCE: Micros = 2_000_000;

/// A request takes no longer than this (`--request-timeout` of the API server), so what was seen before that comes before all writes that
/// are still to come.
const LONGEST: Micros = 60_000_000;

impl Replay {
    /// Something was seen beside the API. What the model does not have waits for nothing.
    pub(super) fn look_at(&mut self, number: u64, entry: &Entry) {
        if let Seen::App(event) = &entry.seen {
            self.answered.hear(&self.names, event);
        }
        let outcome = match local::local(&self.subject, &self.names, number, entry) {
            Local::NotModelled(why) => Outcome::NotModelled(why),
            Local::NotHere => Outcome::NotHere,
            Local::NotYet | Local::Nobody(..) | Local::Wrong(..) | Local::Seen(..) => {
                self.unplaced.push((number, entry.clone()));
                return;
            }
        };
        self.outcomes.push((number, outcome));
    }

    /// The log has come to this moment. What was seen long before it waits for no write any more, though none may come for hours.
    pub(super) fn pass(&mut self, at: Micros) -> Result<(), Ended> {
        let long_ago = at.saturating_sub(LONGEST);
        let is_old = |at: Micros| at.saturating_add(SLACK) < long_ago;
        let sighted = |part: &Part| part.sightings.iter().next().is_some_and(|(_, first)| is_old(first.at));
        let is_due = self.unplaced.first().is_some_and(|(_, first)| is_old(first.to));
        if !is_due && !self.parts.iter().any(sighted) || self.waiting_since() < long_ago {
            return Ok(());
        }
        self.end_evictions(|eviction| eviction.to < long_ago)?;
        self.place(long_ago)?;
        self.advance(long_ago.saturating_sub(SLACK), long_ago)
    }

    /// How many entries are kept that something may still come of.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        let sightings: usize = self.parts.iter().map(|part| part.sightings.len()).sum();
        self.unplaced.len() + sightings
    }

    /// Entries that were waiting for their pod, up to `until`, become sightings.
    pub(super) fn place(&mut self, until: Micros) -> Result<(), Ended> {
        let mut left = Vec::new();
        for (number, entry) in std::mem::take(&mut self.unplaced) {
            let patient = entry.to.saturating_add(PATIENCE) >= until;
            let mut found = local::local(&self.subject, &self.names, number, &entry);
            if let Local::Nobody(_, addresses) = &found
                && !patient
                && self.names.has_strangers()
            {
                addresses.iter().for_each(|address| self.names.note_other(address));
                found = local::local(&self.subject, &self.names, number, &entry);
            }
            let outcome = match found {
                Local::NotYet | Local::Nobody(..) if patient => {
                    left.push((number, entry));
                    continue;
                }
                Local::Nobody(says, _) => {
                    let why = "nobody had this address before".into();
                    return Err(Box::new(Unexplained::wrong(number, &entry, says, why)));
                }
                Local::Wrong(says, why) => {
                    return Err(Box::new(Unexplained::wrong(number, &entry, says, why)));
                }
                Local::NotHere | Local::NotYet => Outcome::NotHere,
                Local::NotModelled(why) => Outcome::NotModelled(why),
                Local::Seen(whose, sighting) => {
                    self.sight(whose, sighting)?;
                    continue;
                }
            };
            self.outcomes.push((number, outcome));
        }
        self.unplaced = left;
        Ok(())
    }

    /// Something was seen of a process. Of more than it can leave open it meets the first.
    fn sight(&mut self, whose: Watcher, sighting: Sighting) -> Result<(), Ended> {
        let Some(index) = self.parts.iter().position(|part| part.whose == whose) else {
            self.outcomes.push((sighting.entry, Outcome::NotHere));
            return Ok(());
        };
        while self.parts[index].sightings.len() >= OPEN {
            let first = self.parts[index].sightings.get(0).at;
            self.meet(index, first.saturating_add(1), Micros::MAX)?;
            self.parts[index].forget_met();
        }
        self.parts[index].sight(sighting);
        Ok(())
    }

    /// Every process meets what was seen of it before `deadline`, in order of time.
    pub(super) fn advance(&mut self, deadline: Micros, until: Micros) -> Result<(), Ended> {
        let first = |part: &Part| part.first_before(deadline).map(|first| part.sightings.get(first).at);
        while let Some((_, index)) =
            self.parts.iter().enumerate().filter_map(|(index, part)| Some((first(part)?, index))).min()
        {
            self.meet(index, deadline, until)?;
            self.parts[index].forget_met();
        }
        Ok(())
    }

    /// A process meets the first that was seen of it before `deadline`.
    fn meet(&mut self, index: usize, deadline: Micros, until: Micros) -> Result<(), Ended> {
        let writes = self.writes;
        let (ground, parts) = self.split();
        let part = &mut parts[index];
        let Some(first) = part.first_before(deadline) else { return Ok(()) };
        let sighting = part.sightings.get(first);
        let (entry, at) = (sighting.entry, sighting.at);
        let quest = Quest {
            entry,
            actions: &[],
            before: None,
            after: None,
            deadline: at.saturating_add(1),
            until: until.min(at.saturating_add(SLACK)),
            moment: Moment { writes, at },
            about: None,
        };
        let about = Quest { about: sighting.about, ..quest };
        part.fulfil(ground, &about).map_err(|failure| {
            let sighting = part.sightings.get(first);
            let (place, says) = (sighting.place.clone(), sighting.says.clone());
            Box::new(Unexplained::failed(
                entry,
                place,
                at,
                says,
                &failure,
                part.whose,
                part.could(ground, &about),
            ))
        })
    }

    /// What is common is about to come to be as in `now`, by `action`: processes may have done what they cannot do after it.
    pub(super) fn go_ahead(&mut self, now: &ClusterState, action: Option<&Action>, at: Micros) {
        let moment = Moment { writes: self.writes, at };
        let mut before = self.common.clone();
        let mut after = now.clone();
        let rules = &self.models[self.now].1.rules;
        let (before, after) = (Cluster::new(rules, &mut before), Cluster::new(rules, &mut after));
        let tainted = |node: NodeId| before.node(node).api.taints() != after.node(node).api.taints();
        let tainted: Vec<NodeId> = before.node_ids().filter(|&node| tainted(node)).collect();
        let is_lost = |node: NodeId| {
            let [was, is] =
                [&before, &after].map(|cluster| cluster.node(node).api.ready() == NodeReady::Unknown);
            is && !was
        };
        let lost: Vec<NodeId> = before.node_ids().filter(|&node| is_lost(node)).collect();
        let (ground, parts) = self.split();
        for part in parts {
            let reads = matches!(part.whose, Watcher::Kubelet(node) if tainted.contains(&node));
            let by_action = action.and_then(|action| ahead::before(action, part.whose));
            if matches!(part.whose, Watcher::Kubelet(node) if lost.contains(&node)) {
                part.be_silent(ground.model);
            } else if part.is_to_start(ground.model) {
                part.go_ahead(ground, moment, Ahead::Start);
                part.has_other_taints = false;
            }
            part.has_other_taints |= reads;
            if let Some(how) = by_action.or(reads.then_some(Ahead::News)) {
                part.go_ahead(ground, moment, how);
            }
        }
    }

    /// What was seen just before `moment`, by another clock, may have happened before it, and may not.
    pub(super) fn fork(&mut self, moment: Micros) {
        for index in 0..self.parts.len() {
            let without = self.parts[index].possible.clone();
            while self.parts[index].first_before(moment).is_some() {
                if self.meet(index, moment, moment.saturating_add(SLACK)).is_err() {
                    break;
                }
            }
            self.parts[index].join(without);
        }
    }
}
