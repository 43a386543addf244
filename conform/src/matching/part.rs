//! One process of the cluster, followed on its own: the states that it may be in, given all that was seen so far. Between
//! what is seen it takes steps that no log shows; they are searched for, and only as they are needed.

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use podproof_model::{Cluster, ClusterState, Model, parts, step};
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Watch, Watcher};

use super::clock::{Clock, Dates};
use super::eyes::Eyes;
use super::path::{Moment, Paths, Taken, Tip};
use crate::record::{Micros, Place};

/// A condition on a state.
pub type Condition = Box<dyn Fn(&Cluster<'_>) -> bool>;

/// Something that was seen of this process, by itself and not by the store.
pub struct Sighting {
    /// The entry's number.
    pub entry: u64,
    /// Where it stands.
    pub place: Place,
    /// What it says.
    pub says: String,
    /// When.
    pub at: Micros,
    /// Which file it is from: sightings of one file keep their order.
    pub source: u8,
    /// The steps that show in this way, any of them.
    pub actions: Vec<Action>,
    /// Or it shows what is so already.
    pub already: Option<Condition>,
    /// How it is after the step.
    pub after: Option<Condition>,
    /// The pod that it is about.
    pub about: Option<PodId>,
}

/// A state that the process may be in.
#[derive(Clone)]
pub struct Possible {
    /// Its part, with what is common.
    pub state: ClusterState,
    /// The sightings that it has met, a bit each.
    pub met: u64,
    /// How it came there.
    pub tip: Tip,
    /// When at the earliest.
    pub clock: Clock,
}

/// What the process is to do.
pub struct Quest<'q> {
    /// The entry's number.
    pub entry: u64,
    /// The write, as any of these steps; none, if it changes nothing that the model represents.
    pub actions: &'q [Action],
    /// What must be so before it.
    pub before: Option<&'q Condition>,
    /// What must be so after it.
    pub after: Option<&'q Condition>,
    /// Sightings before this moment must be met first.
    pub deadline: Micros,
    /// Sightings after this moment must not be.
    pub until: Micros,
    /// When it happens.
    pub moment: Moment,
    /// Moments that the store shows.
    pub dates: &'q Dates,
    /// Only the steps that concern this pod are looked at, and those of the process as a whole.
    pub about: Option<PodId>,
}

/// Why a quest failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no way to it.
    NoWay,
    /// The bound on states came first.
    Bound,
    /// A watch had more pending events than are kept.
    Overflow,
}

/// A process and all that it may have come to.
pub struct Part {
    /// Which.
    pub whose: Watcher,
    /// The states that it may be in.
    pub possible: Vec<Possible>,
    /// What was seen of it and not yet met by all of them, in order of time.
    pub sightings: Vec<Sighting>,
    /// How they came there.
    pub paths: Paths,
    /// States looked at so far.
    pub looked_at: u64,
}

/// Fingerprints of states that were met.
type Prints = HashSet<u128, FixedState>;

fn fingerprint(possible: &Possible) -> u128 {
    let Possible { state, met, clock, .. } = possible;
    let low = FixedState::with_seed(1).hash_one((state, met, clock));
    let high = FixedState::with_seed(2).hash_one((state, met, clock));
    u128::from(high) << 64 | u128::from(low)
}

/// Events of one resource that a process lags behind at most.
pub const LAG: usize = 48;

/// Sightings from different files that are less apart than this may have happened in either order.
pub const SLACK: Micros = 200_000;

impl Part {
    /// `whose` part of the state in which everything begins.
    pub fn new(model: &Model, whose: Watcher, first: &ClusterState) -> Self {
        let mut state = first.clone();
        parts::keep_only(&mut Cluster::new(&model.rules, &mut state), Some(whose));
        let possible = vec![Possible { state, met: 0, tip: None, clock: Clock::default() }];
        Self { whose, possible, sightings: Vec::new(), paths: Paths::default(), looked_at: 0 }
    }

    /// The slot of a pod is not used again.
    pub fn hold_slot(&mut self, model: &Model, pod: PodId) {
        for possible in &mut self.possible {
            parts::hold_slot(&mut Cluster::new(&model.rules, &mut possible.state), pod, true);
        }
    }

    /// What is common has come to be as in `now`.
    pub fn hear(&mut self, model: &Model, now: &ClusterState, moment: Moment) {
        self.list_early(model, moment);
        let mut now = now.clone();
        let now = Cluster::new(&model.rules, &mut now);
        for possible in &mut self.possible {
            let mut cluster = Cluster::new(&model.rules, &mut possible.state);
            parts::hear(&mut cluster, &now);
            parts::keep_only(&mut cluster, Some(self.whose));
        }
        self.catch_up(model, moment);
        self.merge();
    }

    /// A list jumps to the newest and loses what lay between, so it cannot wait: who has to list may have done so before the next
    /// write. The earliest list sees most.
    fn list_early(&mut self, model: &Model, moment: Moment) {
        let mut lists = Vec::new();
        for possible in &self.possible {
            let mut state = possible.state.clone();
            match parts::list(&Cluster::new(&model.rules, &mut state), self.whose) {
                Some(action) => lists.push((possible.clone(), action)),
                None => return,
            }
        }
        for (mut possible, action) in lists {
            let taken = Taken { action, moment, shown_by: None, is_write: false };
            self.take(model, &mut possible, taken);
            self.possible.push(possible);
        }
    }

    /// Who has much on its way takes some of it: more than so much it does not lag behind.
    fn catch_up(&mut self, model: &Model, moment: Moment) {
        for index in 0..self.possible.len() {
            loop {
                let possible = &mut self.possible[index];
                let cluster = Cluster::new(&model.rules, &mut possible.state);
                let Some(action) = parts::overdue(&cluster, self.whose, LAG) else { break };
                let mut possible = possible.clone();
                self.take(model, &mut possible, Taken { action, moment, shown_by: None, is_write: false });
                self.possible[index] = possible;
            }
        }
    }

    /// Something happens to the cluster, whatever its processes do.
    pub fn befall(&mut self, model: &Model, action: &Action, moment: Moment) {
        for possible in &mut self.possible {
            let mut cluster = Cluster::new(&model.rules, &mut possible.state);
            step::apply(&mut cluster, action);
            parts::keep_only(&mut cluster, Some(self.whose));
        }
        let _ = moment;
        self.merge();
    }

    /// Of states that are equal one is kept.
    fn merge(&mut self) {
        let mut seen = Prints::default();
        self.possible.retain(|possible| seen.insert(fingerprint(possible)));
    }

    /// May this sighting be met next? Those of the same file come in order, and none before another that was clearly
    /// earlier.
    fn is_next(&self, met: u64, index: usize) -> bool {
        let this = &self.sightings[index];
        let earlier = |other: &Sighting| other.source == this.source || other.at + SLACK < this.at;
        met >> index & 1 == 0
            && (0..index).all(|other| met >> other & 1 == 1 || !earlier(&self.sightings[other]))
    }

    /// Something was seen of it; it goes to its place in time.
    pub fn insert_sighting(&mut self, at: usize, sighting: Sighting) {
        self.sightings.insert(at, sighting);
        for possible in &mut self.possible {
            let below = possible.met & ((1 << at) - 1);
            possible.met = (possible.met >> at << (at + 1)) | below;
        }
    }

    /// The first sighting before `deadline` that some possible state has not met.
    pub fn first_before(&self, deadline: Micros) -> Option<usize> {
        let open = |index: usize| self.possible.iter().any(|possible| possible.met >> index & 1 == 0);
        (0..self.sightings.len()).find(|&index| self.sightings[index].at < deadline && open(index))
    }

    fn has_met_until(&self, met: u64, deadline: Micros) -> bool {
        self.sightings
            .iter()
            .enumerate()
            .all(|(index, sighting)| sighting.at >= deadline || met >> index & 1 == 1)
    }

    /// Does what `quest` asks for in every way there is. All states from which it can be done are found, but for steps that
    /// can as well be taken later.
    ///
    /// # Errors
    /// If it cannot be done, or the bound came first; the part is as it was then.
    pub fn fulfil(
        &mut self,
        model: &Model,
        eyes: &Eyes,
        quest: &Quest<'_>,
        bound: u64,
    ) -> Result<(), Failure> {
        let mut queue: Vec<Possible> = self.possible.clone();
        let mut seen: Prints = queue.iter().map(|possible| fingerprint(possible)).collect();
        let mut found: Vec<Possible> = Vec::new();
        let mut found_prints = Prints::default();
        let mut overflow = false;
        let mut enabled = Vec::new();
        let mut next = 0;
        while next < queue.len() {
            if seen.len() as u64 > bound {
                return Err(Failure::Bound);
            }
            let mut possible = queue[next].clone();
            next += 1;
            self.looked_at += 1;
            let ready = self.has_met_until(possible.met, quest.deadline);
            let mut cluster = Cluster::new(&model.rules, &mut possible.state);
            step::enabled(&cluster, &mut enabled);
            if cluster.shared.control_plane.ring_overflow() {
                overflow = true;
                continue;
            }
            let in_time = quest.about.is_none_or(|pod| possible.clock.floor(pod) <= quest.until);
            let holds = ready && in_time && quest.before.is_none_or(|before| before(&cluster));
            if holds && quest.actions.is_empty() {
                if found_prints.insert(fingerprint(&possible)) {
                    found.push(possible);
                }
                continue;
            }
            let mut arrived = false;
            let mut hidden = Vec::new();
            let mut sighted = Vec::new();
            for action in &enabled {
                if holds && quest.actions.contains(action) {
                    arrived |= self.arrive(model, quest, &possible, action, &mut found, &mut found_prints);
                }
                let sightings = self.sightings.iter().enumerate();
                let shows = |(index, sighting): &(usize, &Sighting)| {
                    sighting.at <= quest.until
                        && sighting.actions.contains(action)
                        && self.is_next(possible.met, *index)
                };
                sighted.extend(sightings.filter(shows).map(|(index, _)| (index, Some(*action))));
            }
            cluster = Cluster::new(&model.rules, &mut possible.state);
            for action in &enabled {
                if eyes.is_hidden(&cluster, self.whose, action) && is_relevant(&cluster, action, quest.about)
                {
                    hidden.push(*action);
                }
            }
            for (index, sighting) in self.sightings.iter().enumerate() {
                let already = sighting.already.as_ref().is_some_and(|already| already(&cluster));
                if already && sighting.at <= quest.until && self.is_next(possible.met, index) {
                    sighted.push((index, None));
                }
            }
            if arrived {
                continue;
            }
            for (index, action) in sighted {
                let mut after = possible.clone();
                after.met |= 1 << index;
                if let Some(action) = action {
                    let seen = &self.sightings[index];
                    let before = Cluster::new(&model.rules, &mut possible.state);
                    let earliest = after.clock.earliest(&before, quest.dates, &action);
                    if earliest.is_some_and(|(_, earliest)| earliest > seen.at + SLACK) {
                        continue;
                    }
                    after.clock.note(&before, quest.dates, &action, Some(seen.at));
                    let moment = Moment { at: seen.at, ..quest.moment };
                    let taken = Taken { action, moment, shown_by: Some(seen.entry), is_write: false };
                    self.take(model, &mut after, taken);
                    let sighting = &self.sightings[index];
                    let mut state = after.state.clone();
                    let cluster = Cluster::new(&model.rules, &mut state);
                    if sighting.after.as_ref().is_some_and(|after| !after(&cluster)) {
                        continue;
                    }
                }
                if seen.insert(fingerprint(&after)) {
                    queue.push(after);
                }
            }
            for action in hidden {
                let mut after = possible.clone();
                let before = Cluster::new(&model.rules, &mut possible.state);
                let earliest = after.clock.earliest(&before, quest.dates, &action);
                if earliest.is_some_and(|(_, earliest)| earliest > quest.until) {
                    continue;
                }
                after.clock.note(&before, quest.dates, &action, None);
                let taken = Taken { action, moment: quest.moment, shown_by: None, is_write: false };
                self.take(model, &mut after, taken);
                if seen.insert(fingerprint(&after)) {
                    queue.push(after);
                }
            }
        }
        if found.is_empty() {
            return Err(if overflow { Failure::Overflow } else { Failure::NoWay });
        }
        self.possible = found;
        self.forget_met();
        Ok(())
    }

    /// Takes the step that the quest is after, if all is as it must be then.
    fn arrive(
        &mut self,
        model: &Model,
        quest: &Quest<'_>,
        from: &Possible,
        action: &Action,
        found: &mut Vec<Possible>,
        prints: &mut Prints,
    ) -> bool {
        let mut after = from.clone();
        step::apply(&mut Cluster::new(&model.rules, &mut after.state), action);
        let cluster = Cluster::new(&model.rules, &mut after.state);
        if quest.after.is_some_and(|condition| !condition(&cluster)) {
            if std::env::var("DBG").is_ok() {
                eprintln!("{} {action:?} -> {:?}", quest.entry, cluster.nodes);
            }
            return false;
        }
        after.state = from.state.clone();
        if let Some(pod) = quest.about {
            after.clock.raise(pod, quest.moment.at);
        }
        let taken =
            Taken { action: *action, moment: quest.moment, shown_by: Some(quest.entry), is_write: true };
        self.take(model, &mut after, taken);
        if prints.insert(fingerprint(&after)) {
            found.push(after);
        }
        true
    }

    fn take(&mut self, model: &Model, possible: &mut Possible, taken: Taken) {
        let mut cluster = Cluster::new(&model.rules, &mut possible.state);
        step::apply(&mut cluster, &taken.action);
        parts::keep_only(&mut cluster, Some(self.whose));
        possible.tip = self.paths.extend(possible.tip, taken);
    }

    /// Sightings that every possible state has met are over.
    fn forget_met(&mut self) {
        while let Some(first) = self.sightings.first() {
            let _ = first;
            if !self.possible.iter().all(|possible| possible.met & 1 == 1) {
                break;
            }
            self.sightings.remove(0);
            for possible in &mut self.possible {
                possible.met >>= 1;
            }
        }
        if self.paths.len() > 4096.max(64 * self.possible.len()) {
            self.paths.keep(self.possible.iter_mut().map(|possible| &mut possible.tip));
        }
    }

    /// Every step that the log would show and that the process could take from some state that it may be in, sooner or later.
    pub fn could(&self, model: &Model) -> Vec<Action> {
        let mut all = Vec::new();
        let mut enabled = Vec::new();
        for possible in &self.possible {
            let mut state = possible.state.clone();
            let cluster = Cluster::new(&model.rules, &mut state);
            step::enabled(&cluster, &mut enabled);
            all.extend(enabled.iter().filter(|action| {
                step::is_write(action) && parts::process_of(&cluster, action) == Some(self.whose)
            }));
        }
        all.sort();
        all.dedup();
        all
    }
}

/// Does a hidden step matter to what is seen of `about`?
fn is_relevant(cluster: &Cluster<'_>, action: &Action, about: Option<PodId>) -> bool {
    let Some(about) = about else { return true };
    match action {
        Action::Watch(Watch::DeliverPod { to: Watcher::Kubelet(_), pod }) => {
            *pod == about || is_ahead(cluster, action)
        }
        Action::Scheduler(step) => scheduled(*step) == about,
        Action::Kubelet(step) => parts::pod_of(*step).is_none_or(|pod| pod == about),
        Action::Container(step) => contained(*step) == about,
        _ => true,
    }
}

/// An event that stands before others in its queue cannot wait.
fn is_ahead(_cluster: &Cluster<'_>, _action: &Action) -> bool {
    true
}

fn scheduled(step: podproof_vocabulary::action::Scheduler) -> PodId {
    use podproof_vocabulary::action::Scheduler::{AssumePod, BindPod, FlushPod, ParkPod};
    match step {
        AssumePod { pod, .. } | ParkPod { pod } | BindPod { pod } | FlushPod { pod } => pod,
    }
}

fn contained(step: podproof_vocabulary::action::Container) -> PodId {
    use podproof_vocabulary::action::Container::{Exit, Listen, ReuseAddress};
    match step {
        Listen { pod, .. } | Exit { pod, .. } | ReuseAddress { pod } => pod,
    }
}
