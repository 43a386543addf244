//! The steps that were found for a workload, as traces.

use podproof_conform::matching::Replay;
use podproof_conform::matching::path::Taken;
use podproof_conform::matching::whole::Whole;
use podproof_conform::record::Micros;
use podproof_model::{ClusterState, Model, parts};
use podproof_traces::Trace;
use podproof_vocabulary::Property;
use podproof_vocabulary::action::{Action, Watcher};

use super::{moment, naming};

/// The steps that were found for a workload.
pub struct Way<'r> {
    replay: &'r Replay,
    model: &'r Model,
    first: ClusterState,
    actions: Vec<Action>,
    /// When the log begins.
    began: Micros,
    /// When it shows each step, in microseconds after that.
    seen_at: Vec<Option<u64>>,
}

impl<'r> Way<'r> {
    /// The steps of `whole`, from the beginning of the workload's model, in a log that begins at `began`.
    pub fn new(replay: &'r Replay, whole: &Whole, began: Micros) -> Self {
        let actions: Vec<Action> = whole.taken().iter().map(|taken| taken.action).collect();
        let since = |taken: &Taken| {
            taken.shown_by.map(|_| taken.moment.at.saturating_sub(began).try_into().unwrap_or(0))
        };
        let seen_at = whole.taken().iter().map(since).collect();
        // What no event of the model changes (pods of other workloads, labels) may change during a log; a trace has one world.
        let models = replay.models().into_iter().map(|(_, model)| model);
        let model = models.rev().find(|model| allows(model, &actions)).unwrap_or(replay.model());
        Self { replay, model, first: model.initial().swap_remove(0), actions, began, seen_at }
    }

    /// All of them, as a path.
    pub fn path(&self) -> Trace {
        self.told(Trace::path(self.model, &self.first, &self.actions))
    }

    /// The same trace with the names and times of the log.
    fn told(&self, trace: Trace) -> Trace {
        let trace = trace.naming(naming::called(self.replay));
        trace.logged(moment(self.began), self.seen_at.iter().copied())
    }

    /// The process whose step each is, if it is one's.
    pub fn processes(&self) -> Vec<Option<Watcher>> {
        let model = self.model;
        let mut state = self.first.clone();
        let mut of = |action: &Action| {
            let process = model.open(&state, |cluster| parts::process_of(cluster, action));
            state = model.apply(&state, action);
            process
        };
        self.actions.iter().map(&mut of).collect()
    }

    /// Those up to the one, from 0, that breaks `property`.
    pub fn breaking(&self, property: Property, step: usize) -> Trace {
        let Self { model, first, actions, .. } = self;
        self.told(Trace::record(model, property, first, &actions[..=step], None, None))
    }
}

/// Can all of these steps be taken, one after the other?
fn allows(model: &Model, actions: &[Action]) -> bool {
    let mut state = model.initial().swap_remove(0);
    let mut enabled = Vec::new();
    actions.iter().all(|action| {
        model.enabled(&state, &mut enabled);
        let may = enabled.contains(action);
        if may {
            state = model.apply(&state, action);
        }
        may
    })
}
