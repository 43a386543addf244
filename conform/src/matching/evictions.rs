//! Evictions that are under way. An eviction is answered with no object, so nothing says when its pod began to go: at any
//! moment between the request and the answer. It goes when something asks for it: an entry that nothing explains while the pod
//! stays, one that was received after the answer, or a write of the pod itself, which has its place in the order of the log.
//!
//! That is as late as can be, and may be too late for what others saw of it. So each place that it might have had is noted
//! ([`Choice`]), and a pass over the log may be told to take another ([`Places`]).

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use podproof_model::Cluster;
use podproof_model::api_server::eviction::{self, Answer};
use podproof_vocabulary::action::{Action, Drain, Environment};

use super::names::Names;
use super::replay::{Ended, Replay};
use crate::record::{Entry, Micros, Seen, Verb};

/// Before which entry an eviction ends, by the number of its own.
pub type Places = BTreeMap<u64, u64>;

/// The place of an eviction that ends when it is over, whatever asks for it before.
pub const LAST: u64 = u64::MAX;

/// So many choices are remembered of a workload, the newest.
const REMEMBERED: usize = 64;

/// So many places are remembered of an eviction, the first.
const PLACES: usize = 64;

/// An eviction that is under way.
#[derive(Clone, Debug)]
struct Going {
    number: u64,
    entry: Entry,
}

/// When the pod of an eviction may have gone.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The number of its entry.
    pub eviction: u64,
    /// Before which entries it may have gone.
    before: Vec<u64>,
    /// When it was asked for.
    pub from: Micros,
    /// When it is over.
    pub to: Micros,
    /// No more entries come before that.
    is_closed: bool,
}

impl Choice {
    /// Where it may end, the last place first.
    pub fn places(&self) -> impl Iterator<Item = u64> + '_ {
        std::iter::once(LAST).chain(self.before.iter().rev().copied())
    }
}

/// The evictions of the pods of a workload.
#[derive(Debug, Default)]
pub(super) struct Evictions {
    going: VecDeque<Going>,
    places: Rc<Places>,
    choices: VecDeque<Choice>,
}

impl Evictions {
    /// What is under way, by the number of its entry.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.going.iter().map(|going| going.number)
    }

    /// One begins, of a pod of the workload or of another.
    fn begin(&mut self, number: u64, entry: &Entry, is_own: bool) {
        self.going.push_back(Going { number, entry: entry.clone() });
        if !is_own {
            return;
        }
        if self.choices.len() == REMEMBERED {
            self.choices.pop_front();
        }
        let (from, to) = (entry.from, entry.to);
        self.choices.push_back(Choice { eviction: number, before: Vec::new(), from, to, is_closed: false });
    }

    /// Those under way may end before the entry of this number, which comes at this moment, unless they have ended by then.
    fn pass(&mut self, number: u64, at: Micros, have_ended: bool) {
        for choice in self.choices.iter_mut().filter(|choice| !choice.is_closed) {
            // The last of them, too: it ends first there, and after others as the last.
            choice.before.push(number);
            choice.is_closed = have_ended || choice.to < at || choice.before.len() == PLACES;
        }
    }

    /// The first of which this is so that is not told to end at some other entry.
    fn position(&self, is_so: impl Fn(&Entry) -> bool) -> Option<usize> {
        let has_no_place =
            |going: &Going| self.places.get(&going.number).is_none_or(|&before| before == LAST);
        self.going.iter().position(|going| has_no_place(going) && is_so(&going.entry))
    }

    /// Its place is left to what asks for it.
    fn is_free(&self, going: &Going) -> bool {
        !self.places.contains_key(&going.number)
    }

    /// The first that has its place before the entry of this number.
    fn due(&mut self, number: u64) -> Option<Going> {
        let is_due = |going: &Going| self.places.get(&going.number).is_some_and(|&before| before <= number);
        let index = self.going.iter().position(is_due)?;
        self.going.remove(index)
    }
}

/// Is it a granted eviction?
pub fn is_eviction(entry: &Entry) -> bool {
    let Seen::Write(write) = &entry.seen else { return false };
    write.verb == Verb::Create
        && &*write.resource == "pods"
        && &*write.subresource == "eviction"
        && (200..400).contains(&write.code)
}

/// Is it a write of a pod that has one of these names?
fn is_of(entry: &Entry, names: &Names) -> bool {
    matches!(&entry.seen, Seen::Write(write) if names.pod(&write.name, &write.uid).is_some())
}

/// Are both writes of one pod?
fn is_of_one_pod(one: &Entry, other: &Entry) -> bool {
    let pod = |entry: &Entry| match &entry.seen {
        Seen::Write(write) if &*write.resource == "pods" => {
            Some((write.namespace.clone(), write.name.clone()))
        }
        _ => None,
    };
    pod(one).is_some() && pod(one) == pod(other)
}

impl Replay {
    /// It is the turn of this entry, whose place in the log is reached.
    ///
    /// # Errors
    /// What nothing explains.
    pub(super) fn turn(&mut self, number: u64, entry: &Entry) -> Result<(), Ended> {
        self.reached = self.reached.max(entry.from);
        // Who has granted one by then does not answer after that it has ended.
        let stops = matches!(&entry.seen, Seen::Fault(event) if &*event.fault == "apiserver-exited");
        self.evictions.pass(number, entry.from, stops);
        while let Some(due) = self.evictions.due(number) {
            self.handle(due.number, &due.entry)?;
        }
        self.end_evictions(|eviction| eviction.to < entry.from || stops && eviction.from <= entry.to)?;
        self.end_before(entry)?;
        if is_eviction(entry) {
            self.grant_freely(number, entry)?;
            let is_own = is_of(entry, &self.names);
            self.evictions.begin(number, entry, is_own);
            return Ok(());
        }
        loop {
            let Err(ended) = self.handle(number, entry) else { return Ok(()) };
            let Some(asked_for) = self.asked_for() else { return Err(ended) };
            self.handle(asked_for.number, &asked_for.entry)?;
        }
    }

    /// The eviction that ends first where something asks for one.
    fn asked_for(&mut self) -> Option<Going> {
        let evictions = &self.evictions;
        let free = (0..evictions.going.len()).filter(|&index| evictions.is_free(&evictions.going[index]));
        let first = free.min_by_key(|&index| self.place_of(&evictions.going[index].entry))?;
        self.evictions.going.remove(first)
    }

    /// This pass over the log is told where evictions end.
    pub fn place_evictions(&mut self, places: &Rc<Places>) {
        self.evictions.places = Rc::clone(places);
    }

    /// The newest evictions, the newest last.
    pub fn choices(&self) -> impl Iterator<Item = &Choice> {
        self.evictions.choices.iter()
    }

    /// The place of an eviction among those that are asked for at once, as a drain evicts all pods of a node at once: nothing says
    /// which of their pods went first but the EndpointSlices that show it.
    fn place_of(&self, eviction: &Entry) -> u64 {
        let Seen::Write(write) = &eviction.seen else { return u64::MAX };
        self.subject.went.get(&write.name).copied().unwrap_or(u64::MAX)
    }

    /// The eviction that has to end before this one: the first of those that were asked for by its end and are shown before it, or
    /// itself.
    fn first_before(&self, index: usize) -> usize {
        let going = &self.evictions.going;
        let eviction = &going[index].entry;
        let (to, place) = (eviction.to, self.place_of(eviction));
        let earlier = |&other: &usize| {
            let other = &going[other];
            self.evictions.is_free(other) && other.entry.from <= to && self.place_of(&other.entry) < place
        };
        let earlier = (0..going.len()).filter(earlier);
        earlier.min_by_key(|&other| self.place_of(&going[other].entry)).unwrap_or(index)
    }

    /// Evictions of the pod that `entry` writes end before it, those that can: another comes after it, if there is time.
    fn end_before(&mut self, entry: &Entry) -> Result<(), Ended> {
        let all = std::mem::take(&mut self.evictions.going);
        let (own, others): (VecDeque<_>, _) = all
            .into_iter()
            .partition(|going| self.evictions.is_free(going) && is_of_one_pod(&going.entry, entry));
        self.evictions.going = others;
        for going in own {
            match self.handle(going.number, &going.entry) {
                Err(_) if going.entry.to >= entry.from => self.evictions.going.push_back(going),
                ended => ended?,
            }
        }
        Ok(())
    }

    /// What spends nothing of a budget is granted when it is asked for, which no write shows (EVI-1, EVI-3).
    fn grant_freely(&mut self, number: u64, entry: &Entry) -> Result<(), Ended> {
        let Seen::Write(write) = &entry.seen else { return Ok(()) };
        let Some(pod) = self.names.pod(&write.name, &write.uid) else { return Ok(()) };
        let mut common = self.common.clone();
        let cluster = Cluster::new(&self.model().rules, &mut common);
        let object = cluster.pod(pod).api;
        let is_asked = object.exists() && !object.is_deleting() && !cluster.pod(pod).head.eviction_granted();
        if is_asked && eviction::ask(&cluster, pod) == Answer::Free {
            let ask = Action::Environment(Environment::EvictPod { pod });
            self.befall(number, entry, &[ask, Action::Drain(Drain::EvictPod { pod })])?;
        }
        Ok(())
    }

    /// The log is over, and with it all evictions.
    ///
    /// # Errors
    /// An eviction that nothing explains.
    pub(super) fn end_all_evictions(&mut self) -> Result<(), Ended> {
        self.end_evictions(|_| true)?;
        while let Some(due) = self.evictions.due(LAST) {
            self.handle(due.number, &due.entry)?;
        }
        Ok(())
    }

    /// The pods go that evictions of this sort are for.
    ///
    /// # Errors
    /// An eviction that nothing explains.
    pub(super) fn end_evictions(&mut self, are_over: impl Fn(&Entry) -> bool) -> Result<(), Ended> {
        while let Some(index) = self.evictions.position(&are_over) {
            if let Some(going) = self.evictions.going.remove(self.first_before(index)) {
                self.handle(going.number, &going.entry)?;
            }
        }
        Ok(())
    }
}
