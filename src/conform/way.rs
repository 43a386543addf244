//! The steps that were found for a workload, as traces.

use podproof_conform::matching::Replay;
use podproof_model::{ClusterState, Model, parts};
use podproof_traces::Trace;
use podproof_vocabulary::Property;
use podproof_vocabulary::action::{Action, Watcher};

use super::naming;

/// The steps that were found for a workload.
pub struct Way<'r> {
    replay: &'r Replay,
    model: &'r Model,
    first: ClusterState,
    actions: Vec<Action>,
}

impl<'r> Way<'r> {
    /// These steps, from the beginning of the workload's model.
    pub fn new(replay: &'r Replay, actions: Vec<Action>) -> Self {
        // What no event of the model changes (pods of other workloads, labels) may change during a log; a trace has one world.
        let models = replay.models().into_iter().map(|(_, model)| model);
        let model = models.rev().find(|model| allows(model, &actions)).unwrap_or(replay.model());
        Self { replay, model, first: model.initial().swap_remove(0), actions }
    }

    /// All of them, as a path.
    pub fn path(&self) -> Trace {
        Trace::path(self.model, &self.first, &self.actions).naming(naming::called(self.replay))
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
        let Self { replay, model, first, actions } = self;
        Trace::record(model, property, first, &actions[..=step], None, None).naming(naming::called(replay))
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
