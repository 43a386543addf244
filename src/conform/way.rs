//! The steps that were found for a workload, as traces.

use podproof_conform::matching::Replay;
use podproof_conform::matching::path::Taken;
use podproof_conform::matching::whole::Whole;
use podproof_conform::record::Micros;
use podproof_model::{ClusterState, Model, parts};
use podproof_traces::{Along, Trace};
use podproof_vocabulary::Property;
use podproof_vocabulary::action::{Action, Watcher};

use super::{moment, naming};

/// The steps that were found for a workload.
pub struct Way<'r> {
    replay: &'r Replay,
    whole: &'r Whole,
    model: &'r Model,
    first: ClusterState,
    /// When the log begins.
    began: Micros,
}

impl<'r> Way<'r> {
    /// The steps of `whole`, from the beginning of the workload's model, in a log that begins at `began`.
    pub fn new(replay: &'r Replay, whole: &'r Whole, began: Micros) -> Self {
        // What no event of the model changes (pods of other workloads, labels) may change during a log; a trace has one world.
        let models = replay.models().into_iter().map(|(_, model)| model);
        let model = models.rev().find(|model| allows(model, whole)).unwrap_or(replay.model());
        Self { replay, whole, model, first: model.initial().swap_remove(0), began }
    }

    /// Who records all of them, with the names and times of the log.
    pub fn along(&self) -> Along {
        Along::new(self.model, &self.first, naming::called(self.replay), moment(self.began))
    }

    /// Shows each step, with the process whose it is, if it is one's.
    pub fn each(&self, mut see: impl FnMut(&Taken, Option<Watcher>)) {
        let model = self.model;
        let mut state = self.first.clone();
        for taken in self.whole.taken() {
            let process = model.open(&state, |cluster| parts::process_of(cluster, &taken.action));
            state = model.apply(&state, &taken.action);
            see(&taken, process);
        }
    }

    /// Those up to the one, from 0, that breaks `property`, as a trace with the names and times of the log.
    pub fn breaking(&self, property: Property, step: usize) -> Trace {
        let until: Vec<Taken> = self.whole.taken().take(step + 1).collect();
        let actions: Vec<Action> = until.iter().map(|taken| taken.action).collect();
        let trace = Trace::record(self.model, property, &self.first, &actions, None, None);
        let since = |taken: &Taken| {
            taken.shown_by.map(|_| taken.moment.at.saturating_sub(self.began).try_into().unwrap_or(0))
        };
        trace.naming(naming::called(self.replay)).logged(moment(self.began), until.iter().map(since))
    }
}

/// Can all of these steps be taken, one after the other?
fn allows(model: &Model, whole: &Whole) -> bool {
    let mut state = model.initial().swap_remove(0);
    let mut enabled = Vec::new();
    whole.taken().all(|Taken { action, .. }| {
        model.enabled(&state, &mut enabled);
        let may = enabled.contains(&action);
        if may {
            state = model.apply(&state, &action);
        }
        may
    })
}
