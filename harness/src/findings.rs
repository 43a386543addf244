//! A failure on a path through a scenario: made smaller, and written as a trace that `podproof trace show` reads.
//!
//! - [`failing`]: the same of any other input, with what happens on it
//! - [`smallest`]: whichever of the two it is
//!
//! A path is tried again by taking its steps as far as the model allows them: what no longer fits is left out. So steps may be cut
//! out and scenarios made smaller at will, and what is left still is a path.

pub mod failing;
mod smaller;
mod smallest;

use std::fmt;

use podproof_model::Model;
use podproof_traces::Trace;
use podproof_vocabulary::Scenario;
use podproof_vocabulary::action::Action;

pub use smallest::{Smallest, fails, fails_on, smallest};

/// A failure, and the path that leads to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Where it happens.
    pub scenario: Scenario,
    /// The steps that lead there.
    pub path: Vec<Action>,
    /// What kind of failure it is: two of one kind are taken to have one cause.
    pub kind: String,
    /// What is wrong.
    pub says: String,
}

/// A case whose inputs are paths through scenarios.
#[derive(Clone, Copy)]
pub struct Walk {
    /// What comes of an input.
    pub find: fn(&[u8]) -> Option<Finding>,
    /// What comes of a path; its last step is where it fails, if it does.
    pub follow: fn(&Scenario, &[Action]) -> Option<Finding>,
}

/// The path of a trace, if this is one.
pub fn path_of(bytes: &[u8]) -> Option<(Scenario, Vec<Action>)> {
    let trace = Trace::from_json(std::str::from_utf8(bytes).ok()?).ok()?;
    let path = trace.steps().map(|(_, step)| step.action).collect();
    Some((trace.scenario, path))
}

impl Finding {
    /// What comes of an input, or of a trace.
    pub fn of(walk: Walk, bytes: &[u8]) -> Option<Self> {
        match path_of(bytes) {
            Some((scenario, path)) => (walk.follow)(&scenario, &path),
            None => (walk.find)(bytes),
        }
    }

    /// The smallest failure of the same kind that is found by leaving things out. `says` is told how many steps are left meanwhile.
    #[must_use]
    pub fn shrink(self, walk: Walk, mut says: impl FnMut(usize)) -> Self {
        let mut best = self;
        loop {
            let before = (best.path.len(), best.scenario.clone());
            best = fewer_steps(best, walk, &mut says);
            best = smaller_scenario(best, walk, &mut says);
            if before == (best.path.len(), best.scenario.clone()) {
                return best;
            }
        }
    }

    /// As a trace: its path, which the model allows.
    ///
    /// # Errors
    /// If the model cannot run the scenario.
    pub fn trace(&self) -> Result<Trace, String> {
        let model = Model::new(self.scenario.clone())?;
        let first = model.initial().swap_remove(0);
        Ok(Trace::path(&model, &first, &self.path))
    }

    fn retry(&self, walk: Walk, scenario: &Scenario, path: &[Action]) -> Option<Self> {
        (walk.follow)(scenario, path).filter(|found| found.kind == self.kind)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} steps: {}", self.path.len(), self.says)
    }
}

/// Delta debugging: leaves out ever smaller runs of steps, as long as it fails all the same.
fn fewer_steps(mut best: Finding, walk: Walk, says: &mut impl FnMut(usize)) -> Finding {
    let mut run = best.path.len().div_ceil(2).max(1);
    loop {
        let mut from = 0;
        let mut shorter = false;
        while from < best.path.len() {
            says(best.path.len());
            let to = (from + run).min(best.path.len());
            let rest: Vec<Action> = [&best.path[..from], &best.path[to..]].concat();
            match best.retry(walk, &best.scenario, &rest).filter(|found| found.path.len() < best.path.len()) {
                Some(found) => {
                    best = found;
                    shorter = true;
                }
                None => from = to,
            }
        }
        if run == 1 && !shorter {
            return best;
        }
        run = if shorter { run } else { run.div_ceil(2) };
    }
}

fn smaller_scenario(mut best: Finding, walk: Walk, says: &mut impl FnMut(usize)) -> Finding {
    for simplify in smaller::ALL {
        loop {
            let mut smaller = simplify.of(&best.scenario);
            let found = smaller.find_map(|scenario| {
                says(best.path.len());
                best.retry(walk, &scenario, &best.path)
            });
            drop(smaller);
            match found {
                Some(found) => best = found,
                None => break,
            }
        }
    }
    best
}
