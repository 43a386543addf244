//! The steps that were found for a workload, as traces.

use podproof_conform::matching::Replay;
use podproof_model::{ClusterState, parts};
use podproof_traces::Trace;
use podproof_vocabulary::Property;
use podproof_vocabulary::action::{Action, Watcher};

use super::naming;

/// The steps that were found for a workload.
pub struct Way<'r> {
    replay: &'r Replay,
    first: ClusterState,
    actions: Vec<Action>,
}

impl<'r> Way<'r> {
    /// These steps, from the beginning of the workload's model.
    pub fn new(replay: &'r Replay, actions: Vec<Action>) -> Self {
        Self { replay, first: replay.model.initial().swap_remove(0), actions }
    }

    /// All of them, as a path.
    pub fn path(&self) -> Trace {
        Trace::path(&self.replay.model, &self.first, &self.actions).naming(naming::called(self.replay))
    }

    /// The process whose step each is, if it is one's.
    pub fn processes(&self) -> Vec<Option<Watcher>> {
        let model = &self.replay.model;
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
        let Self { replay, first, actions } = self;
        Trace::record(&replay.model, property, first, &actions[..=step], None, None)
            .naming(naming::called(replay))
    }
}
