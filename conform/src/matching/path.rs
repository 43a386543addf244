//! The steps that led to each possible state of a part, as a tree: what possible states share is kept once.

use std::rc::Rc;

use podproof_vocabulary::action::Action;

use crate::record::Micros;
use crate::spool::{Depot, Pack, Record, Spool, Unpack};

/// When a step was taken, as far as the log tells: after so many writes, and at this moment at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Writes of the log that came before.
    pub writes: u64,
    /// Microseconds since the epoch.
    pub at: Micros,
}

/// A step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The step.
    pub action: Action,
    /// When.
    pub moment: Moment,
    /// The entry of the log that shows it, by its number; none if nothing does.
    pub shown_by: Option<u64>,
    /// It is the write that this moment ends with.
    pub is_write: bool,
}

/// The end of a path; the beginning has none.
pub type Tip = Option<u64>;

impl Taken {
    /// A step that nobody saw.
    pub fn hidden(action: Action, moment: Moment) -> Self {
        Self { action, moment, shown_by: None, is_write: false }
    }
}

impl Record for Taken {
    const BYTES: usize = 29;

    fn pack(&self, to: &mut Pack<'_>) {
        to.action(self.action);
        to.number(self.moment.writes);
        to.signed(self.moment.at);
        to.number(self.shown_by.unwrap_or(NONE));
        to.byte(self.is_write.into());
    }

    fn unpack(from: &mut Unpack<'_>) -> Self {
        Self {
            action: from.action(),
            moment: Moment { writes: from.number(), at: from.signed() },
            shown_by: Some(from.number()).filter(|&entry| entry != NONE),
            is_write: from.byte() != 0,
        }
    }
}

/// A number that is none, where numbers are kept.
const NONE: u64 = u64::MAX;

/// Steps that are kept in memory before those that led nowhere are let go.
pub(super) const LINKS: usize = 1_024;

/// A step, and the one before it.
#[derive(Clone, Copy, Debug)]
struct Link {
    before: Tip,
    taken: Taken,
}

impl Record for Link {
    const BYTES: usize = 8 + Taken::BYTES;

    fn pack(&self, to: &mut Pack<'_>) {
        to.number(self.before.unwrap_or(NONE));
        self.taken.pack(to);
    }

    fn unpack(from: &mut Unpack<'_>) -> Self {
        let before = Some(from.number()).filter(|&before| before != NONE);
        Self { before, taken: Taken::unpack(from) }
    }
}

/// All paths of a part. The newest links are in memory; the others, of paths that were still possible when they were put there, are on
/// disk.
#[derive(Debug)]
pub struct Paths {
    settled: Spool<Link>,
    links: Vec<Link>,
}

impl Paths {
    /// None yet; what of them gets old is kept in `depot`.
    pub fn new(depot: &Rc<Depot>) -> Self {
        Self { settled: Spool::new(depot), links: Vec::new() }
    }

    /// The path `before` with one more step.
    pub fn extend(&mut self, before: Tip, taken: Taken) -> Tip {
        self.links.push(Link { before, taken });
        Some((self.settled.len() + self.links.len() - 1) as u64)
    }

    /// How many links are in memory.
    pub fn count(&self) -> usize {
        self.links.len()
    }

    /// The steps of a path, the last first.
    pub fn back_from(&self, mut tip: Tip) -> impl Iterator<Item = Taken> + '_ {
        std::iter::from_fn(move || {
            let at = usize::try_from(tip?).ok()?;
            let link = match at.checked_sub(self.settled.len()) {
                Some(new) => self.links[new],
                None => self.settled.get(at)?,
            };
            tip = link.before;
            Some(link.taken)
        })
    }

    /// Puts what is in memory on disk, but for paths that end in none of `tips`, which are renumbered.
    pub fn settle<'t>(&mut self, tips: impl Iterator<Item = &'t mut Tip>) {
        let old = self.settled.len() as u64;
        let new = |tip: Tip| tip?.checked_sub(old).map(|new| new as usize);
        let mut tips: Vec<_> = tips.collect();
        let mut needed = vec![false; self.links.len()];
        for tip in &tips {
            let mut at = new(**tip);
            while let Some(link) = at.filter(|&link| !needed[link]) {
                needed[link] = true;
                at = new(self.links[link].before);
            }
        }
        let mut renamed = vec![0; self.links.len()];
        let renamed_tip = |tip: Tip, renamed: &[u64]| new(tip).map_or(tip, |new| Some(renamed[new]));
        for (index, link) in self.links.drain(..).enumerate().filter(|&(index, _)| needed[index]) {
            renamed[index] = self.settled.len() as u64;
            let before = renamed_tip(link.before, &renamed);
            self.settled.push(&Link { before, ..link });
        }
        for tip in &mut tips {
            **tip = renamed_tip(**tip, &renamed);
        }
    }
}

/// One of the paths of a part.
#[derive(Debug)]
pub struct Way {
    /// All of them.
    pub paths: Paths,
    /// Where it ends.
    pub tip: Tip,
}

impl Way {
    /// No step yet; what of it gets old is kept in `depot`.
    pub fn new(depot: &Rc<Depot>) -> Self {
        Self { paths: Paths::new(depot), tip: None }
    }

    /// One more step is taken on it, and there is no other.
    pub fn push(&mut self, taken: Taken) {
        self.tip = self.paths.extend(self.tip, taken);
        if self.paths.count() > LINKS {
            self.paths.settle(std::iter::once(&mut self.tip));
        }
    }

    /// Its steps, the last first.
    pub fn back(&self) -> impl Iterator<Item = Taken> + '_ {
        self.paths.back_from(self.tip)
    }
}

/// How well the order of a path goes with the times of what was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fit {
    /// By how much steps stand behind later ones, all together.
    behind: Micros,
    /// The latest moment of what was seen so far.
    latest: Micros,
}

impl Fit {
    /// A step was seen at `at`.
    pub fn see(&mut self, at: Micros) {
        self.behind += (self.latest - at).max(0);
        self.latest = self.latest.max(at);
    }

    /// It has heard of what was written at `at`.
    pub fn hear(&mut self, at: Micros) {
        self.latest = self.latest.max(at);
    }

    /// A write was received at `from` and answered at `to`.
    pub fn write(&mut self, from: Micros, to: Micros) {
        self.behind += (self.latest - to).max(0);
        self.latest = self.latest.max(from);
    }
}
