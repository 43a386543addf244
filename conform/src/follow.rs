//! The second pass over a log: each workload is followed from a moment at which nodes are at rest, before it comes, until it is gone
//! and nothing of it can be seen any more; then what came of it is handed over, and all else of it is let go.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_vocabulary::NodeId;

use crate::before::Target;
use crate::doubts::{Doubts, Unfollowed};
use crate::judged::{Traffic, Watched};
use crate::matching::actor::Actor;
use crate::matching::evictions::Places;
use crate::matching::eyes::{Eyes, Writers};
use crate::matching::whole;
use crate::matching::{Outcome, Replay, Subject, Unexplained};
use crate::reading::{Log, Source};
use crate::record::{Entry, Facts, Micros, Seen, Verb, Write};
use crate::report::{Followed, Options, Sum};
use crate::spool::Depot;
use crate::strays::Strays;
use crate::tally::Tally;
use crate::world::{Composer, Moment, Observed, World};

/// A place among the workloads: that of its object in the log, and which of its worlds it is.
type Place = (usize, usize);

/// What a pass over a log goes by.
pub(crate) struct Course {
    /// The processes that write what they do.
    pub writers: Rc<Writers>,
    /// When the log begins and ends.
    pub span: (Micros, Micros),
    /// Where evictions end.
    pub places: Rc<Places>,
}

/// A workload that is followed.
struct Active {
    place: Place,
    name: String,
    /// The entry with which it is no longer.
    until: Option<Moment>,
    replay: Replay,
    unexplained: Option<Box<Unexplained>>,
    /// What of it changes and is not followed.
    changes: Vec<Unfollowed>,
    assumptions: Vec<String>,
    warnings: Vec<String>,
}

/// The second pass over a log.
pub(crate) struct Pursuit<'p, T, K> {
    log: &'p Log,
    options: &'p Options,
    composer: Composer<'p>,
    course: Course,
    /// Where paths are kept.
    depot: Rc<Depot>,
    keep: K,
    /// The workloads that are still to come, the next last.
    to_come: Vec<usize>,
    active: Vec<Active>,
    followed: Vec<(Place, T, Watched)>,
    tally: Tally,
    doubts: Doubts,
    sum: Sum,
    strays: Strays,
    /// The names of the pods that entries create, for those who may have begun by then.
    created: BTreeMap<u64, Rc<str>>,
    /// The addresses that pods have had: to who begins later they are those of others.
    addresses: BTreeSet<Rc<str>>,
    /// There may be pods that the log never shows.
    strangers: bool,
    /// Somebody was followed to the end.
    any_explained: bool,
}

/// What came of all workloads.
pub(crate) struct Ended<T> {
    pub followed: Vec<T>,
    pub traffic: Vec<Watched>,
    pub world: World,
    pub tally: Tally,
    pub began_under_way: bool,
    pub sum: Sum,
}

impl<'p, T, K: FnMut(Followed, (Micros, Micros)) -> T> Pursuit<'p, T, K> {
    /// Paths are kept in `depot`.
    pub fn new(
        log: &'p Log,
        options: &'p Options,
        composer: Composer<'p>,
        course: Course,
        depot: &Rc<Depot>,
        keep: K,
    ) -> Self {
        let mut to_come: Vec<usize> = (0..composer.followed().len()).collect();
        to_come.sort_by_key(|&index| std::cmp::Reverse((composer.followed()[index].from, index)));
        let strangers = composer.has_strangers();
        let addresses = composer.addresses_before().cloned().collect();
        let doubts = Doubts::new(&composer);
        let mut pursuit = Self {
            log,
            options,
            composer,
            course,
            depot: Rc::clone(depot),
            keep,
            to_come,
            active: Vec::new(),
            followed: Vec::new(),
            tally: Tally::default(),
            doubts,
            sum: Sum::default(),
            strays: Strays::default(),
            created: BTreeMap::new(),
            addresses,
            strangers,
            any_explained: false,
        };
        pursuit.begin(Moment::default());
        pursuit
    }

    /// States looked at so far.
    pub fn states(&self) -> u64 {
        self.sum.states + self.active.iter().map(|active| active.replay.states()).sum::<u64>()
    }

    /// Takes the next entry; writes are missing since `missed`, if some are.
    pub fn take(&mut self, number: u64, entry: &Entry, missed: Option<Micros>) {
        self.doubts.missed = missed;
        let at = Moment(number - 1);
        self.begin(at);
        self.tally.read(entry);
        if let Some(write) = write_of(entry) {
            self.created.extend(creation(write).map(|name| (number, name)));
            self.addresses.extend(addresses(write));
        }
        self.doubts.see(entry);
        if let Some(found) = self.strays.see(number, entry) {
            self.sum.note_stray(found);
        }
        for change in self.active.iter_mut().flat_map(|active| &mut active.changes) {
            change.see(number, entry);
        }
        let mut is_followed = false;
        for active in self.active.iter_mut().filter(|active| active.unexplained.is_none()) {
            is_followed = true;
            active.unexplained = active.replay.take(number, entry).err();
            self.tally.learn(active.replay.outcomes());
        }
        // What comes after an entry that nothing explains is not counted.
        let is_sound = self.any_explained || !self.to_come.is_empty() || self.composer.followed().is_empty();
        if !is_followed && is_sound {
            self.tally.learn(unfollowed(entry).map(|outcome| (number, outcome)).into_iter().collect());
        }
        self.leave(|active| active.until.is_some_and(|until| until <= at));
        if number.is_multiple_of(64) {
            self.settle(number);
        }
    }

    /// The log is over.
    pub fn end(mut self) -> Ended<T> {
        self.leave(|_| true);
        self.followed.sort_by_key(|(place, ..)| *place);
        let (mut followed, mut traffic) = (Vec::new(), Vec::new());
        for (_, one, watched) in self.followed {
            followed.push(one);
            traffic.push(watched);
        }
        let mut world = self.composer.world();
        world.warnings.extend(self.strays.left());
        Ended {
            followed,
            traffic,
            world,
            tally: self.tally,
            began_under_way: self.doubts.under_way,
            sum: self.sum,
        }
    }

    /// Those begin whose time has come.
    fn begin(&mut self, at: Moment) {
        let is_due = |index: &mut usize| self.composer.followed()[*index].from <= at;
        let mut due = Vec::new();
        while let Some(index) = self.to_come.pop_if(is_due) {
            due.push(index);
        }
        if due.is_empty() {
            return;
        }
        for index in due {
            for (world, observed) in self.composer.compose(index).into_iter().enumerate() {
                self.strangers |= observed.existing.is_some();
                self.follow((index, world), observed);
            }
        }
        self.composer.let_go(at);
        if self.strangers {
            self.active.iter_mut().for_each(|active| active.replay.names.expect_strangers());
        }
    }

    fn follow(&mut self, place: Place, observed: Observed) {
        let name = observed.scenario.name.clone();
        let target = match Target::of(&observed, self.composer.began()) {
            Ok(target) => target,
            Err(why) => {
                self.tally.leave_out(&name, &why);
                self.doubts.under_way = true;
                return;
            }
        };
        if let Some(target) = &target {
            self.doubts.begin(&observed, target);
        }
        let subject = Subject::of(&observed, target.as_ref());
        let of = |nodes: Vec<Rc<str>>| -> BTreeSet<NodeId> {
            let place = |name: &Rc<str>| subject.nodes.iter().position(|node| node == name).map(NodeId::from);
            nodes.iter().filter_map(place).collect()
        };
        let eyes = Eyes::new(
            of(self.log.nodes_with_runtime()),
            of(self.log.nodes_with_rules()),
            self.log.has(Source::Faults),
            Rc::clone(&self.course.writers),
            self.composer.began(),
        );
        match Replay::new(subject, eyes, target, self.options.max_states, &self.depot) {
            Ok(mut replay) => {
                replay.place_evictions(&self.course.places);
                self.addresses.iter().for_each(|address| replay.names.note_other(address));
                self.active.push(Active {
                    place,
                    name,
                    until: observed.followed.to,
                    replay,
                    unexplained: None,
                    changes: Unfollowed::of(&observed),
                    assumptions: observed.assumptions,
                    warnings: observed.warnings,
                });
            }
            Err(why) => {
                self.tally.leave_out(&name, &why);
                self.doubts.under_way |= observed.existing.is_some();
            }
        }
    }

    /// Those are not followed any more of which this is so.
    fn leave(&mut self, is_over: impl Fn(&Active) -> bool) {
        let mut index = 0;
        while index < self.active.len() {
            match is_over(&self.active[index]) {
                true => {
                    let active = self.active.remove(index);
                    self.hand_over(active);
                }
                false => index += 1,
            }
        }
    }

    fn hand_over(&mut self, active: Active) {
        let Active { place, name, mut replay, mut unexplained, changes, assumptions, warnings, .. } = active;
        if unexplained.is_none() {
            unexplained = replay.finish().err();
            self.tally.learn(replay.outcomes());
        }
        replay.names.all_removed().iter().for_each(|(uid, &at)| self.strays.add_removed(uid, at));
        let whole = whole::take(&mut replay);
        if let Some(found) = &mut unexplained {
            self.doubts.note(found, &whole, &replay, &changes);
        }
        for change in &changes {
            self.tally.leave_out(&name, &format!("{change}, and what comes of that is not followed"));
        }
        self.any_explained |= unexplained.is_none();
        let followed = Followed { name, unexplained, whole, replay, assumptions, warnings };
        self.sum.add(&followed);
        let watched = Traffic::watch(self.log, &followed, &self.created, &self.depot);
        self.followed.push((place, (self.keep)(followed, self.course.span), watched));
    }

    /// What nobody can say anything more of is only counted.
    fn settle(&mut self, number: u64) {
        let going = self.active.iter().filter(|active| active.unexplained.is_none());
        let open = going.filter_map(|active| active.replay.first_open()).min();
        self.tally.settle(open.unwrap_or(number + 1));
        let since = self.active.iter().map(|active| active.since()).min().unwrap_or(number + 1);
        self.created = self.created.split_off(&since);
    }
}

impl Active {
    /// The number of the first entry that it was shown.
    fn since(&self) -> u64 {
        self.replay.subject.scenarios.first().map_or(0, |&(from, _)| from)
    }
}

/// What is said of an entry while nobody is followed: the kubelet of a node that is at rest may report it.
fn unfollowed(entry: &Entry) -> Option<Outcome> {
    if let Seen::Runtime(_) | Seen::App(_) | Seen::Rules(_) | Seen::Fault(_) = &entry.seen {
        return Some(Outcome::NotHere);
    }
    let write = write_of(entry)?;
    let is_own = |node: &Rc<str>| &*write.resource == "nodes" && *node == write.name;
    Some(match Actor::of(write) {
        _ if write.code >= 400 => Outcome::refused(),
        Actor::Kubelet(node) if is_own(&node) => Outcome::Explained,
        _ => Outcome::NotHere,
    })
}

/// The write that an entry shows, if it shows one.
pub(crate) fn write_of(entry: &Entry) -> Option<&Write> {
    match &entry.seen {
        Seen::Write(write) => Some(write),
        Seen::Told(writes) => writes.first(),
        _ => None,
    }
}

/// The name of the pod that a write creates, if it does.
pub(crate) fn creation(write: &Write) -> Option<Rc<str>> {
    let is_new =
        write.verb == Verb::Create && write.subresource.is_empty() && (200..300).contains(&write.code);
    (is_new && &*write.resource == "pods").then(|| Rc::clone(&write.name))
}

/// The addresses of the pod that a write shows.
fn addresses(write: &Write) -> impl Iterator<Item = Rc<str>> + '_ {
    let facts = write.object.as_ref().and_then(|object| match &object.facts {
        Facts::Pod(facts) if write.code < 400 => Some(facts),
        _ => None,
    });
    facts.into_iter().flat_map(|facts| facts.ip.iter().chain(&facts.more_ips)).cloned()
}
