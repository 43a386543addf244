//! How a process came to do what was seen of it: the steps that no log shows are searched for, and only as they are needed.

use podproof_model::{Model, step};
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Container, Environment, Scheduler};

use super::clock::Dates;
use super::eyes::{Eyes, Leave};
use super::frontier::Frontier;
use super::part::{Part, Possible, Prints};
use super::path::{Moment, Taken};
use super::sighting::{Condition, SLACK};
use crate::record::Micros;

/// What the process is to do.
#[derive(Clone, Copy)]
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
    /// The pod that it is about.
    pub about: Option<PodId>,
}

/// The pods whose hidden steps a search takes, beside those of the process as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pods {
    /// Those that are seen next. What is seen of others later asks for theirs then.
    Next,
    /// All that were seen meanwhile.
    Meanwhile,
    /// All.
    Any,
}

/// How far a search looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reach {
    /// Whose hidden steps it takes.
    pods: Pods,
    /// So many things at most may have happened to the cluster that no file of the log would show.
    unseen: usize,
}

impl Reach {
    /// The reaches, one after the other: what nobody saw comes last, and as little of it as can be.
    const ALL: [Self; 6] = [
        Self { pods: Pods::Next, unseen: 0 },
        Self { pods: Pods::Meanwhile, unseen: 0 },
        Self { pods: Pods::Any, unseen: 0 },
        Self { pods: Pods::Meanwhile, unseen: 3 },
        Self { pods: Pods::Any, unseen: 1 },
        // With much at once the others come to the bound: what was done to a machine may be enough.
        Self { pods: Pods::Next, unseen: 3 },
    ];
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

/// What a search goes by.
#[derive(Clone, Copy)]
pub struct Ground<'g> {
    /// The model.
    pub model: &'g Model,
    /// What the log can see.
    pub eyes: &'g Eyes,
    /// Moments that the store shows.
    pub dates: &'g Dates,
    /// States that one quest may cost.
    pub bound: u64,
}

/// States that a quest has ended in.
#[derive(Default)]
struct Found {
    states: Vec<Possible>,
    prints: Prints,
    /// Somewhere a watch had more pending events than are kept.
    overflow: bool,
}

/// Steps that nobody would have seen.
pub(super) struct Hidden<'h> {
    /// They concern one of these pods; none is any.
    near: Option<&'h [PodId]>,
    /// Where the states are put after what happened to the cluster and no file would show; none, if nothing may have.
    unseen: Option<&'h mut Vec<Possible>>,
}

impl Hidden<'_> {
    /// Whatever pod they concern, but nothing that happens to the cluster.
    pub(super) const fn any() -> Self {
        Self { near: None, unseen: None }
    }
}

impl Found {
    fn add(&mut self, possible: Possible) {
        if self.prints.insert(possible.print()) {
            self.states.push(possible);
        }
    }
}

impl Part {
    /// Does what `quest` asks for, as near as it can be found, in every way there is: all states from which it can be done are
    /// found, but for steps that can as well be taken later. Sightings keep their places.
    ///
    /// # Errors
    /// If it cannot be done, or the bound came first; the part is as it was then.
    pub fn fulfil(&mut self, ground: Ground<'_>, quest: &Quest<'_>) -> Result<(), Failure> {
        let mut failure = Failure::NoWay;
        for reach in Reach::ALL {
            if reach.unseen > 0 && !Eyes::miss_faults(self.whose) {
                continue;
            }
            match self.search(ground, quest, reach) {
                Ok(found) => {
                    self.possible = self.needed(ground, quest, found);
                    return Ok(());
                }
                Err(Failure::NoWay) => {}
                Err(other) => failure = other,
            }
        }
        Err(failure)
    }

    fn search(
        &mut self,
        ground: Ground<'_>,
        quest: &Quest<'_>,
        reach: Reach,
    ) -> Result<Vec<Possible>, Failure> {
        let mut frontier = Frontier::default();
        let mut level: Vec<Possible> = self.possible.clone();
        let mut found = Found::default();
        for unseen in 0..=reach.unseen {
            frontier.take_up(level);
            let mut next = Vec::new();
            let later = (unseen < reach.unseen).then_some(&mut next);
            self.spread_out(ground, quest, reach.pods, later, &mut frontier, &mut found)?;
            if !found.states.is_empty() {
                return Ok(found.states);
            }
            level = next;
        }
        Err(if found.overflow { Failure::Overflow } else { Failure::NoWay })
    }

    /// Searches from these states on.
    fn spread_out(
        &mut self,
        ground: Ground<'_>,
        quest: &Quest<'_>,
        pods: Pods,
        mut later: Option<&mut Vec<Possible>>,
        frontier: &mut Frontier,
        found: &mut Found,
    ) -> Result<(), Failure> {
        let mut enabled = Vec::new();
        while let Some(mut possible) = frontier.pop() {
            if frontier.len() as u64 > ground.bound {
                return Err(Failure::Bound);
            }
            self.looked_at += 1;
            let in_time = quest.about.is_none_or(|pod| possible.clock.floor(pod) <= quest.until);
            let ready = in_time && self.sightings.are_met_until(possible.met, quest.deadline);
            let met = possible.met;
            let cluster = possible.open(ground.model);
            if cluster.shared.control_plane.ring_overflow() {
                found.overflow = true;
                continue;
            }
            if self.sightings.is_missed(met, &cluster) {
                continue;
            }
            step::enabled(&cluster, &mut enabled);
            let holds = ready && quest.before.is_none_or(|before| before(&cluster));
            if holds && quest.actions.is_empty() {
                found.add(possible);
                continue;
            }
            if holds && self.arrive(ground, quest, &possible, &enabled, found) {
                // What was seen before it may have come before it.
                let earlier = self.sighted(ground, quest, quest.moment.at, &mut possible, &enabled);
                earlier.into_iter().for_each(|after| frontier.push(after));
                continue;
            }
            let seen = self.sighted(ground, quest, quest.until, &mut possible, &enabled);
            seen.into_iter().for_each(|after| frontier.push(after));
            let near = self.near(quest, pods, possible.met);
            let mut hidden = Hidden { near: near.as_deref(), unseen: later.as_deref_mut() };
            let unseen = self.hidden(ground, quest, &mut hidden, &mut possible, &enabled, |after| {
                frontier.puts_off(after)
            });
            unseen.into_iter().for_each(|after| frontier.push(after));
        }
        Ok(())
    }

    /// The pods whose hidden steps matter to who has met these sightings: what is seen of others has to be met as well. None is all.
    fn near(&self, quest: &Quest<'_>, pods: Pods, met: u128) -> Option<Vec<PodId>> {
        if pods == Pods::Any || pods == Pods::Meanwhile && quest.about.is_none() {
            return None;
        }
        let matters = |index| pods == Pods::Meanwhile || self.sightings.is_next(met, index);
        let meanwhile = self.sightings.iter().filter(|(_, sighting)| sighting.at <= quest.until);
        let seen = meanwhile.filter(|&(index, _)| matters(index));
        Some(seen.filter_map(|(_, sighting)| sighting.about).chain(quest.about).collect())
    }

    /// Takes the steps that the quest is after, where all is as it must be then.
    fn arrive(
        &mut self,
        ground: Ground<'_>,
        quest: &Quest<'_>,
        from: &Possible,
        enabled: &[Action],
        found: &mut Found,
    ) -> bool {
        let mut arrived = false;
        for action in quest.actions.iter().filter(|action| enabled.contains(action)) {
            let mut after = from.clone();
            step::apply(&mut after.open(ground.model), action);
            if quest.after.is_some_and(|condition| !condition(&after.open(ground.model))) {
                continue;
            }
            after.state = from.state.clone();
            if let Some(pod) = quest.about {
                after.clock.raise(pod, quest.moment.at);
            }
            after.fit.write(quest.moment.at, quest.until - SLACK);
            let taken =
                Taken { action: *action, moment: quest.moment, shown_by: Some(quest.entry), is_write: true };
            self.take(ground.model, &mut after, taken);
            found.add(after);
            arrived = true;
        }
        arrived
    }

    /// The states after a step that was seen until `until`, or after a look that showed nothing new.
    pub(super) fn sighted(
        &mut self,
        ground: Ground<'_>,
        quest: &Quest<'_>,
        until: Micros,
        from: &mut Possible,
        enabled: &[Action],
    ) -> Vec<Possible> {
        let mut steps = Vec::new();
        let met = from.met;
        let cluster = &from.open(ground.model);
        for (index, sighting) in self.sightings.iter() {
            if sighting.at > until || !self.sightings.is_next(met, index) {
                continue;
            }
            if sighting.already.as_ref().is_some_and(|already| already(cluster)) {
                steps.push((index, None));
            }
            let shows = |action: &&Action| {
                sighting.actions.contains(action)
                    && sighting.only.as_ref().is_none_or(|only| only(cluster, action))
            };
            steps.extend(enabled.iter().filter(shows).map(|action| (index, Some(*action))));
        }
        let mut reached = Vec::new();
        for (index, action) in steps {
            let mut after = from.clone();
            after.met |= 1 << index;
            if let Some(action) = action {
                let at = self.sightings.get(index).at;
                let before = from.open(ground.model);
                let earliest = after.clock.earliest(&before, ground.dates, &action);
                if earliest.is_some_and(|(_, earliest)| earliest > at + SLACK) {
                    continue;
                }
                after.clock.note(&before, ground.dates, &action, Some(at));
                after.fit.see(at);
                let moment = Moment { at, ..quest.moment };
                let shown_by = Some(self.sightings.get(index).entry);
                self.take(ground.model, &mut after, Taken { action, moment, shown_by, is_write: false });
                let condition = &self.sightings.get(index).after;
                if condition.as_ref().is_some_and(|condition| !condition(&after.open(ground.model))) {
                    continue;
                }
            }
            reached.push(after);
        }
        reached
    }

    /// The states after a step that nobody would have seen; of those after what happened to the cluster, the new ones are put off.
    pub(super) fn hidden(
        &mut self,
        ground: Ground<'_>,
        quest: &Quest<'_>,
        hidden: &mut Hidden<'_>,
        from: &mut Possible,
        enabled: &[Action],
        mut is_new: impl FnMut(&Possible) -> bool,
    ) -> Vec<Possible> {
        let cluster = from.open(ground.model);
        let leave = |action: &Action| ground.eyes.leave(&cluster, self.whose, action);
        let near = |action: &Action| hidden.near.is_none_or(|near| is_near(action, near));
        let steps = enabled.iter().map(|action| (*action, leave(action)));
        let steps: Vec<_> = steps.filter(|(action, leave)| *leave != Leave::Seen && near(action)).collect();
        let mut reached = Vec::new();
        for (action, leave) in steps {
            if leave == Leave::Fault && hidden.unseen.is_none() {
                continue;
            }
            let mut after = from.clone();
            let before = from.open(ground.model);
            let earliest = after.clock.earliest(&before, ground.dates, &action);
            if earliest.is_some_and(|(_, earliest)| earliest > quest.until) {
                continue;
            }
            after.clock.note(&before, ground.dates, &action, None);
            self.take(ground.model, &mut after, Taken::hidden(action, quest.moment));
            match (&mut hidden.unseen, leave) {
                (Some(later), Leave::Fault) => {
                    if is_new(&after) {
                        later.push(after);
                    }
                }
                _ => reached.push(after),
            }
        }
        reached
    }
}

/// Does a hidden step matter to what is seen of these pods? News come in order, so none of them can be passed over.
fn is_near(action: &Action, pods: &[PodId]) -> bool {
    let pod = match *action {
        Action::Scheduler(
            Scheduler::AssumePod { pod, .. }
            | Scheduler::ParkPod { pod }
            | Scheduler::BindPod { pod }
            | Scheduler::FlushPod { pod },
        )
        | Action::Container(
            Container::Listen { pod, .. } | Container::Exit { pod, .. } | Container::ReuseAddress { pod },
        ) => Some(pod),
        Action::Environment(
            Environment::CrashContainer { pod, .. }
            | Environment::FinishContainer { pod, .. }
            | Environment::KillSandbox { pod }
            | Environment::ChangeReadiness { pod, .. }
            | Environment::ChangeLiveness { pod, .. },
        ) => Some(pod),
        Action::Kubelet(step) => step.pod(),
        _ => None,
    };
    pod.is_none_or(|pod| pods.contains(&pod))
}
