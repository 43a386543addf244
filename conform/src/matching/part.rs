//! One process of the cluster, followed on its own: the states that it may be in, given all that was seen so far.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hash};
use std::rc::Rc;

use foldhash::fast::FixedState;
use podproof_model::watch::ring::Stream;
use podproof_model::{Cluster, ClusterState, Model, parts, step};
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Watcher};

use super::clock::Clock;
use super::news::News;
use super::path::{Fit, LINKS, Moment, Paths, Taken, Tip};
use super::sighting::{Sighting, Sightings};
use crate::record::Micros;
use crate::spool::Depot;

/// A state that the process may be in.
#[derive(Clone)]
pub struct Possible {
    /// Its part, with what is common.
    pub state: ClusterState,
    /// The sightings that it has met, a bit each.
    pub met: u128,
    /// How it came there.
    pub tip: Tip,
    /// When at the earliest.
    pub clock: Clock,
    /// How well the order of its path goes with the times.
    pub fit: Fit,
}

impl Possible {
    /// Lays its state open.
    pub fn open<'s>(&'s mut self, model: &'s Model) -> Cluster<'s> {
        Cluster::new(&model.rules, &mut self.state)
    }

    /// A number that tells it from others, but for the way there.
    pub fn print(&self) -> u128 {
        wide_hash(&(&self.state, self.met, &self.clock))
    }

    /// The same, whatever its clock says.
    pub fn timeless(&self) -> u128 {
        wide_hash(&(&self.state, self.met))
    }

    /// Can it do all that `other` can, whose state is the same, and does its way go as well with the times?
    pub fn is_as_good(&self, other: &Self) -> bool {
        self.fit <= other.fit && self.clock.is_no_later(&other.clock)
    }
}

fn wide_hash(of: &impl Hash) -> u128 {
    let hash = |seed| FixedState::with_seed(seed).hash_one(of);
    u128::from(hash(1)) << 64 | u128::from(hash(2))
}

/// Numbers of states that were met.
pub type Prints = BTreeSet<u128>;

/// A process and all that it may have come to.
pub struct Part {
    /// Which.
    pub whose: Watcher,
    /// The states that it may be in.
    pub possible: Vec<Possible>,
    /// What was seen of it and not yet met by all of them.
    pub sightings: Sightings,
    /// How they came there.
    pub paths: Paths,
    /// When what is on its way to it was written.
    pub news: News,
    /// States looked at so far.
    pub looked_at: u64,
    /// Entries whose sightings were met by every possible state.
    pub explained: Vec<u64>,
    /// It is a kubelet whose node has got other taints since it was last thought to list ahead.
    pub has_other_taints: bool,
}

/// Events of one resource that a process lags behind at most.
const LAG: usize = 48;

impl Part {
    /// `whose` part of the state in which everything begins.
    pub fn new(model: &Model, whose: Watcher, first: &ClusterState, depot: &Rc<Depot>) -> Self {
        let mut state = first.clone();
        parts::keep_only(&mut Cluster::new(&model.rules, &mut state), Some(whose));
        let possible =
            vec![Possible { state, met: 0, tip: None, clock: Clock::default(), fit: Fit::default() }];
        Self {
            whose,
            possible,
            sightings: Sightings::default(),
            paths: Paths::new(depot),
            news: News::default(),
            looked_at: 0,
            explained: Vec::new(),
            has_other_taints: false,
        }
    }

    /// The slot of a pod is not used again; or it is.
    pub fn hold_slot(&mut self, model: &Model, pod: PodId, held: bool) {
        for possible in &mut self.possible {
            parts::hold_slot(&mut possible.open(model), pod, held);
            if !held {
                possible.clock.forget(pod);
            }
        }
        self.merge();
    }

    /// Does nothing in any state that it may be in remember the pod?
    pub fn forgets(&mut self, model: &Model, pod: PodId) -> bool {
        self.possible.iter_mut().all(|possible| parts::forgets(&possible.open(model), pod))
    }

    /// What is common has come to be as in `now`, by a write of another process, the last before `moment`.
    pub fn hear(&mut self, model: &Model, now: &ClusterState, moment: Moment) {
        self.list_early(model, Moment { writes: moment.writes.saturating_sub(1), ..moment });
        let mut now = now.clone();
        let now = Cluster::new(&model.rules, &mut now);
        let whose = self.whose;
        self.change(model, moment, |cluster| {
            parts::hear(cluster, &now);
            parts::keep_only(cluster, Some(whose));
        });
        self.catch_up(model, moment);
        self.merge();
    }

    /// What is common has come to be as it is by a write of its own.
    pub fn heard_itself(&mut self, model: &Model, moment: Moment) {
        self.news.settle(moment.at);
        self.catch_up(model, moment);
    }

    /// Something happens to the cluster, whatever its processes do. A state in which it cannot is none that the process was in.
    pub fn befall(&mut self, model: &Model, action: &Action, moment: Moment) {
        self.list_early(model, moment);
        let whose = self.whose;
        self.change(model, moment, |cluster| {
            step::apply(cluster, action);
            parts::keep_only(cluster, Some(whose));
        });
        self.list_early(model, Moment { writes: moment.writes + 1, ..moment });
        self.merge();
    }

    /// Changes every possible state, and notes the news that this sends on their way.
    pub fn change(&mut self, model: &Model, moment: Moment, mut change: impl FnMut(&mut Cluster<'_>)) {
        for possible in &mut self.possible {
            let mut cluster = Cluster::new(&model.rules, &mut possible.state);
            let before = parts::queues(&cluster, self.whose);
            change(&mut cluster);
            self.news.sent(&before, &parts::queues(&cluster, self.whose));
        }
        self.news.settle(moment.at);
    }

    /// Of states that are equal one is kept: the one whose path goes best with the times.
    fn merge(&mut self) {
        self.possible.sort_by_key(|possible| possible.fit);
        let mut seen = Prints::default();
        self.possible.retain(|possible| seen.insert(possible.print()));
    }

    /// The process may also be in one of these states.
    pub fn join(&mut self, others: Vec<Possible>) {
        self.possible.extend(others);
        self.merge();
    }

    /// Takes a step.
    pub fn take(&mut self, model: &Model, possible: &mut Possible, taken: Taken) {
        let mut cluster = possible.open(model);
        let before = parts::queues(&cluster, self.whose);
        let events_left = cluster.shared.events_left;
        step::apply(&mut cluster, &taken.action);
        parts::keep_only(&mut cluster, Some(self.whose));
        // What befell this process is no business of the others.
        cluster.shared.events_left = events_left;
        let after = parts::queues(&cluster, self.whose);
        self.news.sent(&before, &after);
        if let Some(written) = self.news.heard(&before, &after) {
            possible.fit.hear(written);
        }
        possible.tip = self.paths.extend(possible.tip, taken);
    }

    /// A list jumps to the newest and loses what lay between, so it cannot wait: who has to list may have done so before the
    /// next write. The earliest list sees most.
    fn list_early(&mut self, model: &Model, moment: Moment) {
        let mut lists = Vec::new();
        for possible in &mut self.possible {
            match parts::list(&possible.open(model), self.whose) {
                Some(action) => lists.push((possible.clone(), action)),
                None => return,
            }
        }
        for (mut possible, action) in lists {
            self.take(model, &mut possible, Taken::hidden(action, moment));
            self.possible.push(possible);
        }
    }

    /// What it must hear of by now, in this state.
    pub fn must_hear(&self, cluster: &Cluster<'_>, moment: Moment) -> Vec<Stream> {
        self.news.late(&parts::queues(cluster, self.whose), moment.at, LAG)
    }

    /// Who has much on its way, or has had it for long, takes some of it.
    pub fn catch_up(&mut self, model: &Model, moment: Moment) {
        for index in 0..self.possible.len() {
            loop {
                let possible = &mut self.possible[index];
                let cluster = Cluster::new(&model.rules, &mut possible.state);
                let late = self.news.late(&parts::queues(&cluster, self.whose), moment.at, LAG);
                let Some(action) = parts::next_of(&cluster, self.whose, &late) else { break };
                let mut possible = possible.clone();
                self.take(model, &mut possible, Taken::hidden(action, moment));
                self.possible[index] = possible;
            }
        }
        self.merge();
        self.settle_paths();
    }

    /// Something was seen of it.
    pub fn sight(&mut self, sighting: Sighting) {
        let at = self.sightings.insert(sighting);
        for possible in &mut self.possible {
            let below = possible.met & ((1 << at) - 1);
            possible.met = (possible.met >> at << (at + 1)) | below;
        }
    }

    /// The first sighting before `deadline` that some possible state has not met.
    pub fn first_before(&self, deadline: Micros) -> Option<usize> {
        let open = |index: usize| self.possible.iter().any(|possible| possible.met >> index & 1 == 0);
        self.sightings
            .iter()
            .find(|(index, sighting)| sighting.at < deadline && open(*index))
            .map(|(index, _)| index)
    }

    /// Sightings that every possible state has met are over.
    pub fn forget_met(&mut self) {
        while !self.sightings.is_empty() && self.possible.iter().all(|possible| possible.met & 1 == 1) {
            self.explained.push(self.sightings.remove_first().entry);
            for possible in &mut self.possible {
                possible.met >>= 1;
            }
        }
        self.settle_paths();
    }

    /// Paths that are long are put on disk, as far as they lead to a possible state.
    fn settle_paths(&mut self) {
        if self.paths.count() > LINKS.max(16 * self.possible.len()) {
            self.paths.settle(self.possible.iter_mut().map(|possible| &mut possible.tip));
        }
    }
}
