//! What the walks of a simulation have found.

use std::collections::BTreeMap;

use podproof_traces::Trace;
use podproof_vocabulary::Property;
use podproof_vocabulary::action::CLASSES;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::scenario::Timing;

use crate::plan::Behind;
use crate::verdict::{Counterexample, WorkloadReport};

/// The walks through one world of a workload.
#[derive(Clone, Debug)]
pub struct Walks {
    /// The story.
    pub story: Story,
    /// The timing.
    pub timing: Timing,
    /// Whom the pods serve in it.
    pub behind: Behind,
    /// How many walks were begun.
    pub walks: u32,
    /// Steps of all of them.
    pub steps: u64,
    /// Steps of the longest.
    pub longest: usize,
    /// How many ended where nothing could move any more.
    pub rested: u32,
    /// Walks that came to rest, broke something, or went as far as they were asked to.
    pub finished: u32,
    /// Why walks ended otherwise than by their steps, by resting or by breaking everything, with how many did.
    pub stopped: BTreeMap<String, u32>,
    /// How often each class of steps was taken.
    pub classes: [u64; CLASSES.len()],
    /// The classes of steps that the world should lead to and no walk took.
    pub lacking: Vec<&'static str>,
    /// The named approximations of the world.
    pub approximations: Vec<Approximation>,
    /// Seconds that they took.
    pub seconds: f64,
}

impl Walks {
    /// Each class of steps with how often it was taken, in the order of the actions.
    pub fn taken(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        CLASSES.iter().copied().zip(self.classes)
    }
}

/// What the walks say of one promise. That none broke it does not make it hold.
#[derive(Clone, Debug)]
pub struct Said {
    /// The story.
    pub story: Story,
    /// The promise.
    pub property: Property,
    /// The timing in which it was judged.
    pub timing: Timing,
    /// It counts for the exit status.
    pub counts: bool,
    /// The walks that judged it.
    pub walks: u32,
    /// Those in which its premise was reached; of a progress promise none is counted.
    pub reached: u32,
    /// Those that broke it.
    pub broken: u32,
    /// The shortest of their counterexamples, with the number of its walk.
    pub shown: Option<(u32, Counterexample)>,
}

/// Why walks ended that Ctrl-C ended.
pub const INTERRUPTED: &str = "it was interrupted";

/// What is said of a promise, in a word or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// A walk broke it.
    Broken,
    /// No walk did.
    NotSeenBroken,
    /// A progress promise that no walk was seen to break where it rested: a run that goes on may keep it or not.
    NotJudged,
}

impl Word {
    /// Its name in the JSON document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::NotSeenBroken => "not-seen-broken",
            Self::NotJudged => "not-judged",
        }
    }
}

impl Said {
    /// What is said of it.
    pub fn word(&self) -> Word {
        match (self.broken > 0, super::walk::is_of_rests(self.property)) {
            (true, _) => Word::Broken,
            (false, false) => Word::NotSeenBroken,
            (false, true) => Word::NotJudged,
        }
    }

    /// The trace of its counterexample.
    pub fn trace(&self) -> Option<&Trace> {
        self.shown.as_ref().map(|(_, counterexample)| &counterexample.trace)
    }
}

/// Everything about one workload.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// What it is, what is assumed of it and what is left out.
    pub about: WorkloadReport,
    /// Its walks.
    pub walks: Vec<Walks>,
    /// What they say of each promise.
    pub said: Vec<Said>,
}

/// Everything that a simulation has found.
#[derive(Clone, Debug)]
pub struct SimulateReport {
    /// What the walks are drawn from.
    pub seed: u64,
    /// A section for each workload.
    pub workloads: Vec<Simulated>,
    /// Warnings about the input as a whole.
    pub warnings: Vec<String>,
    /// What is wrong with the input, each once.
    pub errors: Vec<String>,
}

impl SimulateReport {
    /// The exit status.
    pub fn exit(&self) -> u8 {
        let mut said = self.workloads.iter().flat_map(|workload| &workload.said);
        if !self.errors.is_empty() {
            crate::exit::WRONG_INPUT
        } else if said.any(|said| said.counts && said.word() == Word::Broken) {
            crate::exit::BROKEN
        } else if self.was_cut_short() {
            crate::exit::INCOMPLETE
        } else {
            crate::exit::HOLDS
        }
    }

    /// Did Ctrl-C end it before it had walked as far as it was asked to, or its time before it had walked through every story?
    fn was_cut_short(&self) -> bool {
        let mut walks = self.workloads.iter().flat_map(|workload| &workload.walks);
        walks.any(|walks| walks.finished == 0 || walks.stopped.contains_key(INTERRUPTED))
    }
}
