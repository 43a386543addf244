//! A path that is recorded step by step, as often as it is looked at: it may be longer than memory is wide.

use std::io;

use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::Action;

use crate::names::Names;
use crate::trace::{Called, Log, Trace, TraceStep};
use crate::walk::{Walk, World};
use crate::words;

/// A path of a log that is recorded step by step.
pub struct Along {
    world: World,
    first: ClusterState,
    head: Trace,
}

impl Along {
    /// One on `model` from `first`, one of [`Model::initial`], whose objects are called so, in a log that begins at `began`, in RFC 3339.
    pub fn new(model: &Model, first: &ClusterState, called: Called, began: String) -> Self {
        let world = World::new(model.rules.scenario.clone()).expect("the scenario of a model compiles");
        let mut head = Trace::path(model, first, &[]);
        head.called = Some(called);
        head.log = Some(Log { began });
        Self { world, first: first.clone(), head }
    }

    /// The trace without its steps.
    pub fn head(&self) -> &Trace {
        &self.head
    }

    /// The names at the beginning.
    pub fn names(&self) -> Names {
        Names::of(&self.head)
    }

    /// Records these steps, each enabled in its place; with each, when the log shows it, in microseconds after it began.
    pub fn steps<'s>(
        &'s self,
        taken: impl Iterator<Item = (Action, Option<u64>)> + 's,
    ) -> impl Iterator<Item = TraceStep> + 's {
        let begun = self.world.begin(self.head.observed_proxy);
        let mut walk = begun.unwrap_or_else(|| Walk::from_state(&self.world, self.first.clone()));
        let mut names = self.names();
        taken.map(move |(action, seen_at)| {
            let says = words::action(&names, &action);
            let step = TraceStep { says, seen_at, ..TraceStep::taken(&mut walk, &action, None) };
            names.see(&step.changed);
            step
        })
    }

    /// Writes the trace of these steps as [`Trace::write_json`] does, each as soon as it is recorded.
    ///
    /// # Errors
    /// If `out` does not take it.
    pub fn write_json<'s>(
        &'s self,
        taken: impl Iterator<Item = (Action, Option<u64>)> + 's,
        out: impl io::Write,
    ) -> io::Result<()> {
        self.head.write_json_along(self.steps(taken), out)
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;

    use super::*;
    use crate::trace::CalledPod;

    #[test]
    fn a_path_that_is_written_step_by_step_is_as_one_that_is_written_at_once() {
        let model = Model::new(catalogue::web("x", Story::Create, 1, 1)).expect("a small world");
        let first = model.initial().swap_remove(0);
        let (mut state, mut enabled, mut taken) = (first.clone(), Vec::new(), Vec::new());
        for number in 0..40 {
            model.enabled(&state, &mut enabled);
            let Some(&action) = enabled.first() else { break };
            taken.push((action, (number % 3 == 0).then_some(number)));
            state = model.apply(&state, &action);
        }
        let pod = CalledPod { name: "web-a".to_owned(), addresses: vec!["10.0.0.1".to_owned()] };
        let called = Called { pods: vec![pod], replica_sets: vec!["web-1".to_owned()] };
        let began = "2026-11-22T07:19:40Z".to_owned();
        let actions: Vec<Action> = taken.iter().map(|&(action, _)| action).collect();
        let whole = Trace::path(&model, &first, &actions).naming(called.clone());
        let whole = whole.logged(began.clone(), taken.iter().map(|&(_, seen_at)| seen_at));
        let mut written = Vec::new();
        let along = Along::new(&model, &first, called, began);
        along.write_json(taken.iter().copied(), &mut written).expect("memory takes it");
        assert!(actions.len() > 20);
        assert_eq!(String::from_utf8(written).expect("JSON"), whole.to_json());
        let mut none = Vec::new();
        along.write_json(std::iter::empty(), &mut none).expect("memory takes it");
        assert_eq!(String::from_utf8(none).expect("JSON"), along.head().to_json());
    }
}
