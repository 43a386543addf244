//! The steps that led to each possible state of a part, as a tree: what possible states share is kept once.

use podproof_vocabulary::action::Action;

use crate::record::Micros;

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
pub type Tip = Option<u32>;

impl Taken {
    /// A step that nobody saw.
    pub fn hidden(action: Action, moment: Moment) -> Self {
        Self { action, moment, shown_by: None, is_write: false }
    }
}

#[derive(Clone, Copy, Debug)]
struct Link {
    before: Tip,
    taken: Taken,
}

/// All paths of a part.
#[derive(Debug, Default)]
pub struct Paths {
    links: Vec<Link>,
}

impl Paths {
    /// The path `before` with one more step.
    pub fn extend(&mut self, before: Tip, taken: Taken) -> Tip {
        let tip = u32::try_from(self.links.len()).expect("a log has fewer steps than 2^32");
        self.links.push(Link { before, taken });
        Some(tip)
    }

    /// How many links are kept.
    pub fn count(&self) -> usize {
        self.links.len()
    }

    /// The steps of a path, in order.
    pub fn into_steps(self, mut tip: Tip) -> Vec<Taken> {
        let mut steps = Vec::new();
        while let Some(link) = tip.map(|tip| self.links[tip as usize]) {
            steps.push(link.taken);
            tip = link.before;
        }
        steps.reverse();
        steps
    }

    /// Forgets every path but those that end in `tips`, which are renumbered.
    pub fn keep<'t>(&mut self, tips: impl Iterator<Item = &'t mut Tip>) {
        let mut tips: Vec<_> = tips.collect();
        let mut needed = vec![false; self.links.len()];
        for tip in &tips {
            let mut at = **tip;
            while let Some(link) = at.filter(|&link| !needed[link as usize]) {
                needed[link as usize] = true;
                at = self.links[link as usize].before;
            }
        }
        let mut renamed = vec![0; self.links.len()];
        let mut kept = Vec::new();
        for (old, link) in self.links.iter().enumerate().filter(|&(old, _)| needed[old]) {
            renamed[old] = kept.len() as u32;
            kept.push(Link { before: link.before.map(|before| renamed[before as usize]), taken: link.taken });
        }
        self.links = kept;
        for tip in &mut tips {
            **tip = tip.map(|tip| renamed[tip as usize]);
        }
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
