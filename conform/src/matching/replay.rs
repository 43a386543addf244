//! One workload, followed along a log.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use podproof_model::{Cluster, ClusterState, Model, parts};
use podproof_vocabulary::action::{Action, Environment, Watcher};
use podproof_vocabulary::{NodeId, PodId, Revision};

use super::ahead::Ahead;
use super::answered::Answered;
use super::beyond::Beyond;
use super::clock::Dates;
use super::counts::Counts;
use super::ends::{Ends, misremoval};
use super::evictions::Evictions;
use super::eyes::Eyes;
use super::fixed::Fixed;
use super::given::Given;
use super::grown::Grown;
use super::leaving::Leaving;
use super::local::{self, Fault};
use super::made_of::MadeOf;
use super::names::Names;
use super::outcome::Outcome;
use super::part::Part;
use super::path::{Moment, Taken, Way};
use super::plan::Plan;
use super::preconditions;
use super::quest::Ground;
use super::refusals::Refusals;
use super::shared::SharedBudget;
use super::sighting::SLACK;
use super::slices::Slices;
use super::subject::Subject;
use super::templates::Templates;
use super::unexplained::{Unexplained, words};
use super::writes::{self, Known};
use crate::before::Target;
use crate::before::lead::lead;
use crate::record::{Entry, Micros, Seen, Verb, Write};
use crate::spool::{Depot, Spool};

/// One workload, followed along a log.
pub struct Replay {
    /// The workload.
    pub subject: Subject,
    /// The names of its objects.
    pub names: Names,
    /// The models of its worlds, each from an entry on.
    pub(super) models: Vec<(u64, Model)>,
    /// Which of them it is now, and after how many writes each began.
    pub(super) now: usize,
    since: Vec<u64>,
    pub(super) eyes: Eyes,
    /// The store, the machines, and no process.
    pub(super) common: ClusterState,
    pub(super) parts: Vec<Part>,
    /// What happened to the cluster.
    pub(super) befallen: Way,
    /// Entries that wait until everything near them in time has been read.
    waiting: VecDeque<(u64, Entry)>,
    /// How far it has come: nothing that is found out later has changed what there was to be counted before.
    pub(super) reached: Micros,
    /// Evictions that may not have happened yet.
    pub(super) evictions: Evictions,
    /// Entries of other files that could not be placed when they came.
    pub(super) unplaced: Vec<(u64, Entry)>,
    pub(super) templates: Templates,
    /// What the model does not have.
    pub beyond: Beyond,
    pub(super) dates: Dates,
    pub(super) counts: Counts,
    /// From when on statuses are compared with these: what was under way when the log began shows until then.
    pub(super) counted_from: Micros,
    pub(super) grown: Grown,
    pub(super) ends: Ends,
    pub(super) fixed: Fixed,
    pub(super) answered: Answered,
    leaving: Leaving,
    pub(super) given: Given,
    pub(super) refusals: Refusals,
    pub(super) slices: Slices,
    pub(super) shared_budget: SharedBudget,
    /// What the pods of each ReplicaSet are made of.
    pub(super) made_of: BTreeMap<Revision, MadeOf>,
    pub(super) writes: u64,
    /// When each write was made, or after that.
    pub(super) written: Spool<Micros>,
    bound: u64,
    /// Outcomes that are known, by entry.
    pub(super) outcomes: Vec<(u64, Outcome)>,
    /// Steps that led to where the workload stood when the log began.
    pub(super) led: Vec<Taken>,
    /// The slots of the pods that were created, one after the other.
    pub(super) created: Vec<PodId>,
    /// Nodes that were found silent, and of which nobody wrote down why: that their link was cut is a guess.
    pub(super) guessed: BTreeSet<NodeId>,
    /// The pods that were there when the log began.
    pub(super) began_with: Vec<(PodId, Rc<str>)>,
}

/// States that one entry may cost.
pub const BOUND: u64 = 200_000;

pub(super) type Ended = Box<Unexplained>;

impl Replay {
    /// Begins to follow `subject`; what is found of it is kept in `depot`.
    ///
    /// # Errors
    /// A sentence that names the limit, if its world is larger than a state can hold.
    pub fn new(
        subject: Subject,
        eyes: Eyes,
        target: Option<Target>,
        bound: Option<u64>,
        depot: &Rc<Depot>,
    ) -> Result<Self, String> {
        let compile = |(from, scenario): &(u64, _)| Ok((*from, Model::new(Clone::clone(scenario))?));
        let models = subject.scenarios.iter().map(compile).collect::<Result<Vec<_>, String>>()?;
        let model = &models.first().ok_or("a workload has a scenario")?.1;
        let before = target.map(|target| lead(model, &subject, target)).transpose()?;
        let first =
            before.as_ref().map_or_else(|| model.initial().swap_remove(0), |before| before.state.clone());
        let mut common = first.clone();
        let mut cluster = Cluster::new(&model.rules, &mut common);
        let mut processes = parts::processes(&cluster);
        processes.retain(|process| !matches!(process, Watcher::Proxy(_)) || model.rules.has_proxies());
        parts::keep_only(&mut cluster, None);
        let mut parts: Vec<Part> =
            processes.into_iter().map(|whose| Part::new(model, whose, &first, depot)).collect();
        let there: Vec<PodId> = cluster.used_pods().collect();
        for pod in there {
            parts::hold_slot(&mut cluster, pod, true);
            for part in &mut parts {
                part.hold_slot(model, pod, true);
            }
        }
        let names = Names::new(subject.nodes.clone());
        let slices = Slices::new(&subject.slices);
        let mut replay = Self {
            subject,
            names,
            models,
            now: 0,
            since: vec![0],
            eyes,
            common,
            parts,
            befallen: Way::new(depot),
            waiting: VecDeque::new(),
            reached: Micros::MIN,
            evictions: Evictions::default(),
            unplaced: Vec::new(),
            templates: Templates::default(),
            beyond: Beyond::default(),
            dates: Dates::default(),
            counts: Counts::default(),
            counted_from: Micros::MIN,
            grown: Grown::default(),
            ends: Ends::default(),
            fixed: Fixed::default(),
            answered: Answered::default(),
            leaving: Leaving::default(),
            given: Given::default(),
            refusals: Refusals::default(),
            slices,
            shared_budget: SharedBudget::default(),
            made_of: BTreeMap::new(),
            writes: 0,
            written: Spool::new(depot),
            bound: bound.unwrap_or(BOUND),
            outcomes: Vec::new(),
            led: Vec::new(),
            created: Vec::new(),
            began_with: Vec::new(),
            guessed: BTreeSet::new(),
        };
        if let Some(before) = before {
            replay.know(before);
        }
        Ok(replay)
    }

    /// Steps that led from nothing to where the workload stood when the log began.
    pub fn led(&self) -> &[Taken] {
        &self.led
    }

    /// The pods that were there when the log began.
    pub fn began_with(&self) -> &[(PodId, Rc<str>)] {
        &self.began_with
    }

    /// The slots that the pods got which were created during the log, one after the other.
    pub fn created(&self) -> &[PodId] {
        &self.created
    }

    /// The model of its world as it is now.
    pub fn model(&self) -> &Model {
        &self.models[self.now].1
    }

    /// What searches go by, and the processes that are searched.
    pub(super) fn split(&mut self) -> (Ground<'_>, &mut [Part]) {
        let model = &self.models[self.now].1;
        let ground = Ground { model, eyes: &self.eyes, dates: &self.dates, bound: self.bound };
        (ground, &mut self.parts)
    }

    /// The models of its worlds, each with the number of writes after which it began.
    pub fn models(&self) -> Vec<(u64, &Model)> {
        self.since.iter().copied().zip(self.models.iter().map(|(_, model)| model)).collect()
    }

    /// Takes the next entry; what came of earlier ones is found out by and by.
    ///
    /// # Errors
    /// An earlier entry that nothing explains: the replay ends there.
    pub fn take(&mut self, number: u64, entry: &Entry) -> Result<(), Ended> {
        while let Some((_, front)) = self.waiting.front()
            && front.to + SLACK < entry.from
        {
            let (number, front) = self.waiting.pop_front().expect("there is a front");
            self.turn(number, &front)?;
        }
        match &entry.seen {
            Seen::Write(_) | Seen::Told(_) | Seen::Fault(_) => {
                self.waiting.push_back((number, entry.clone()));
            }
            Seen::Runtime(_) | Seen::App(_) | Seen::Rules(_) => self.look_at(number, entry),
            Seen::Renewal { node, lease } => {
                if let Some(node) = self.names.node(node).filter(|_| node == lease) {
                    self.dates.sign(node, entry.to);
                    self.eyes.hear(node);
                }
                if node != lease || self.eyes.has_faults() {
                    self.waiting.push_back((number, entry.clone()));
                }
            }
            Seen::Request(_) | Seen::List(_) | Seen::Change(_) | Seen::Missed { .. } | Seen::Other(_) => {}
        }
        self.pass(entry.from)
    }

    /// The log is over.
    ///
    /// # Errors
    /// An entry that nothing explains.
    pub fn finish(&mut self) -> Result<(), Ended> {
        while let Some((number, front)) = self.waiting.pop_front() {
            self.turn(number, &front)?;
        }
        self.end_all_evictions()?;
        self.settle_refusals(Micros::MAX);
        self.place(Micros::MAX)?;
        self.advance(Micros::MAX, Micros::MAX)
    }

    /// What has been found out since it was asked last.
    pub fn outcomes(&mut self) -> Vec<(u64, Outcome)> {
        for part in &mut self.parts {
            self.outcomes.extend(part.explained.drain(..).map(|entry| (entry, Outcome::Explained)));
        }
        std::mem::take(&mut self.outcomes)
    }

    /// The first entry of which nothing is found out yet.
    pub fn first_open(&self) -> Option<u64> {
        let waiting = self.waiting.iter().chain(&self.unplaced).map(|(number, _)| *number);
        let waiting = waiting.chain(self.evictions.numbers()).chain(self.refusals.first_open());
        waiting.chain(self.parts.iter().filter_map(|part| part.sightings.first_entry())).min()
    }

    /// When the first of the writes was received that wait for what is near them.
    pub(super) fn waiting_since(&self) -> Micros {
        self.waiting.iter().map(|(_, entry)| entry.from).min().unwrap_or(Micros::MAX)
    }

    /// States looked at so far.
    pub fn states(&self) -> u64 {
        self.parts.iter().map(|part| part.looked_at).sum()
    }

    /// How many states the processes may be in, together.
    pub fn width(&self) -> usize {
        self.parts.iter().map(|part| part.possible.len()).sum()
    }

    /// What an entry says is so now.
    pub(super) fn handle(&mut self, number: u64, entry: &Entry) -> Result<(), Ended> {
        while self.models.get(self.now + 1).is_some_and(|&(from, _)| from <= number) {
            self.now += 1;
            self.since.push(self.writes);
        }
        self.place(entry.from)?;
        self.advance(entry.from - SLACK, entry.to + SLACK)?;
        let moment = Moment { writes: self.writes, at: entry.from };
        // A bare pod is there in the model from the beginning, and nobody has seen it before the entry that creates it.
        let has_pods = self.names.pods().next().is_some();
        let (ground, parts) = self.split();
        for part in parts {
            if has_pods && part.is_to_decide(ground.model, moment) {
                part.go_ahead(ground, moment, Ahead::Decision);
            }
            part.catch_up(ground.model, moment);
        }
        if let Some((number, entry)) = self.slices.left_open(entry.from) {
            let says = "the EndpointSlices of a Service are written in one go".into();
            let why = "it did not write another, which shows something else".into();
            return Err(Box::new(Unexplained::wrong(*number, entry, says, why)));
        }
        let outcome = match &entry.seen {
            Seen::Write(write) if write.code == 0 => {
                Outcome::NotModelled("writes that say nothing of their answer".into())
            }
            Seen::Write(write) if write.code < 400 => self.write(number, entry, write)?,
            Seen::Write(write) => {
                self.settle_refusals(entry.from);
                let outcome = self.refuse(number, entry, write);
                self.outcomes.extend(outcome.map(|outcome| (number, outcome)));
                return Ok(());
            }
            Seen::Told(writes) => self.told(number, entry, writes)?,
            Seen::Fault(event) => match local::fault(&self.subject, &self.names, event) {
                Fault::Befalls(actions) => {
                    let actions = self.with_what_was_guessed(actions);
                    self.fork(entry.to);
                    self.befall(number, entry, &actions)?;
                    for action in &actions {
                        self.come_back(action, entry.to);
                        if let Action::Environment(Environment::ReturnNode { node }) = *action {
                            self.eyes.let_start(node, entry.from);
                        }
                    }
                    Outcome::Explained
                }
                Fault::Starts(node) => {
                    self.eyes.let_start(node, entry.from);
                    Outcome::Explained
                }
                Fault::Unheard(node) => {
                    let model = &self.models[self.now].1;
                    if Cluster::new(&model.rules, &mut self.common).node(node).machine.powered() {
                        self.beyond.note_unheard(number, node, &event.target);
                    }
                    Outcome::Explained
                }
                Fault::Elsewhere => Outcome::Explained,
                Fault::NotHere => Outcome::NotHere,
                Fault::NotModelled => {
                    self.beyond.note_fault(number, &event.fault, self.names.node(&event.target));
                    Outcome::NotModelled(format!("fault {}", event.fault))
                }
            },
            // It explains itself, but for this.
            Seen::Renewal { node, lease } => return self.renewed(number, entry, node, lease),
            _ => Outcome::NotHere,
        };
        self.outcomes.push((number, outcome));
        Ok(())
    }

    /// A write by one of several: the first of which the model can explain it.
    fn told(&mut self, number: u64, entry: &Entry, writes: &[Write]) -> Result<Outcome, Ended> {
        let (mut outside, mut failed) = (None, None);
        for write in writes {
            match self.write(number, entry, write) {
                Ok(outcome @ Outcome::NotModelled(_)) => outside = outside.or(Some(outcome)),
                Ok(outcome) => return Ok(outcome),
                Err(ended) => failed = failed.or(Some(ended)),
            }
        }
        match (outside, failed) {
            (Some(outcome), _) => Ok(outcome),
            (None, Some(ended)) => Err(ended),
            (None, None) => Ok(Outcome::NotHere),
        }
    }

    fn write(&mut self, number: u64, entry: &Entry, write: &Write) -> Result<Outcome, Ended> {
        self.infer_links(number, entry, write)?;
        if self.subject.is_near(&write.namespace) {
            self.beyond.note_claim(number, write);
        }
        if self.names.pod(&write.name, &write.uid).is_some() || self.names.node(&write.name).is_some() {
            self.beyond.see(number, write);
        }
        let (plan, view) = {
            let mut common = self.common.clone();
            let cluster = Cluster::new(&self.models[self.now].1.rules, &mut common);
            let known = Known {
                subject: &self.subject,
                names: &self.names,
                cluster: &cluster,
                templates: &self.templates,
                dates: &self.dates,
                counts: (self.counted_from <= entry.from).then_some(&self.counts),
                began_late: !self.led.is_empty(),
                made_of: &self.made_of,
                slices: &self.slices,
                shared_budget: &self.shared_budget,
                eyes: &self.eyes,
                is_repeat: self.refusals.is_repeat(write),
                number,
                at: entry,
            };
            (writes::plan(&known, write), writes::endpoints::view(&known, write))
        };
        let is_near = self.subject.is_near(&write.namespace);
        let is_creation = write.verb == Verb::Create && write.subresource.is_empty();
        if is_creation && is_near && &*write.resource == "pods" {
            self.names.retire(&write.name, &write.uid);
        }
        let less = self.grown.see(&self.subject, &self.names, write);
        let other = self.ends.see(&self.names, write).or(self.fixed.see(&self.names, write));
        let other = other.or(self.answered.see(&self.names, &self.eyes, write));
        if let Some(why) = less.or(other) {
            return Err(Box::new(Unexplained::wrong(number, entry, words(write), why)));
        }
        if self.fixed.has_other_image(&self.names, write) {
            self.beyond.note_image(number, &write.name);
        }
        let is_followed = self.names.pod(&write.name, &write.uid).is_some();
        let certain = self.leaving.see(write, (entry.from, entry.to));
        if let Some(why) = certain.or_else(|| misremoval(write).filter(|_| is_followed)) {
            let found = Unexplained::wrong(number, entry, words(write), why);
            return Err(Box::new(Unexplained { is_certain: true, ..found }));
        }
        let given = self.given.see(&self.names, write, self.refusals.is_repeat(write));
        let is_own = !matches!(plan, Plan::NotHere | Plan::NotModelled(_) | Plan::Wrong(_) | Plan::Unseen(_));
        if let Some(why) = self.refusals.is_of_what_is_gone(write, entry.from).filter(|_| is_own) {
            let found = Unexplained::wrong(number, entry, words(write), why);
            return Err(Box::new(Unexplained { is_certain: true, ..found }));
        }
        let misfit = preconditions::misfit(&self.refusals, &self.names, write).or(given);
        if let Some(why) = misfit.filter(|_| is_own) {
            return Err(Box::new(Unexplained::wrong(number, entry, words(write), why)));
        }
        let outcome = match plan {
            Plan::NotHere => Outcome::NotHere,
            Plan::Nothing => Outcome::Explained,
            Plan::NotModelled(why) => {
                self.beyond.note_write(number, write, &why);
                Outcome::NotModelled(why)
            }
            Plan::Wrong(why) => return Err(Box::new(Unexplained::wrong(number, entry, words(write), why))),
            Plan::Unseen(why) => {
                let found = Unexplained::wrong(number, entry, words(write), why);
                return Err(Box::new(Unexplained { whose: Some(Watcher::ControllerManager), ..found }));
            }
            Plan::Befalls(actions) => {
                self.befall(number, entry, &actions)?;
                Outcome::Explained
            }
            Plan::By(deed) => {
                self.done(number, entry, &words(write), &deed)?;
                Outcome::Explained
            }
        };
        self.shared_budget.note(&self.subject, entry, write);
        if let Some((slice, shows)) = view {
            self.slices.note(&write.name, &slice, shows);
            let mut common = self.common.clone();
            let cluster = Cluster::new(&self.models[self.now].1.rules, &mut common);
            self.slices.settle(number, entry, &self.names, &cluster);
        }
        match outcome {
            Outcome::Explained => self.learn(write, entry.from),
            _ => self.learn_of_others(write),
        }
        if is_near || &*write.resource == "nodes" {
            self.refusals.note(write, entry.to);
        }
        self.settle_refusals(entry.from);
        if outcome == Outcome::Explained {
            self.note_removed(write, entry.to);
            self.forget_pods();
        }
        Ok(outcome)
    }
}
