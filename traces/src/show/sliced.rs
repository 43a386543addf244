//! The story of a slice: what the end depends on, with what goes before it; the rest is folded.

use podproof_vocabulary::action::Action;

use super::fold::Run;
use super::page::Paint;
use super::{Story, count};
use crate::slice::Slice;
use crate::trace::TraceStep;
use crate::words;

/// The steps of a slice one by one, and those between them in runs; the first of `steps` has this number.
pub(super) fn runs<'s>(slice: &Slice, steps: &'s [TraceStep], first: usize) -> Vec<Run<'s>> {
    let is_tick = |step: &TraceStep| step.action == Action::Tick;
    let mut runs = Vec::new();
    let mut begin = 0;
    for end in 0..=steps.len() {
        if end < steps.len() && !slice.has(first + end) {
            continue;
        }
        match &steps[begin..end] {
            [] => {}
            between if between.iter().all(is_tick) => runs.push(Run::Ticks(between)),
            between => runs.push(Run::Unrelated(between)),
        }
        runs.extend(steps.get(end).map(Run::One));
        begin = (end + 1).min(steps.len());
    }
    runs
}

impl Story<'_> {
    /// What the slice is, for the header.
    pub(super) fn about(&self, slice: &Slice) -> String {
        let all = self.trace.steps().filter(|(_, step)| step.action != Action::Tick).count();
        let says = format!("{} of {}", slice.steps.len(), count(all, "step"));
        match slice.alone() {
            // What is broken with clocks may be broken by fewer steps without them.
            Some(alone) if alone.scenario.timing != self.trace.scenario.timing => {
                format!("{says}; taken alone on the model, where steps take any time, they break the promise")
            }
            Some(_) => format!("{says}; taken alone on the model they break the promise"),
            None => format!("{says}, those that have to do with what never comes"),
        }
    }

    /// What is said of steps that are not in the slice.
    pub(super) fn unrelated(&mut self, steps: &[TraceStep]) -> String {
        steps.iter().for_each(|step| self.names.see(&step.changed));
        let (ticks, others): (Vec<_>, Vec<_>) = steps.iter().partition(|step| step.action == Action::Tick);
        let passes = (!ticks.is_empty()).then(|| self.passes(ticks.len()));
        let says = count(others.len(), "unrelated step");
        std::iter::once(says).chain(passes).collect::<Vec<_>>().join(", ")
    }

    /// What goes before a step, in lines.
    pub(super) fn arrows(&self, number: usize) -> Vec<(Paint, String)> {
        let arrows = self.slice.into_iter().flat_map(|slice| slice.arrows_to(number));
        let line = |arrow: &crate::slice::Arrow| {
            let (_, from) = self.trace.steps().nth(arrow.from - 1)?;
            let over = words::resource(&self.names, arrow.over);
            Some((Paint::Faint, format!("<- step {} ({}): {over}", arrow.from, from.component.name())))
        };
        arrows.filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;

    use super::*;
    use crate::trace::Trace;

    #[test]
    fn what_lies_between_the_steps_of_a_slice_is_in_one_run() {
        let model =
            podproof_model::Model::new(catalogue::web("x", Story::Create, 1, 1)).expect("it is small");
        let mut actions = Vec::new();
        let mut state = model.initial().remove(0);
        for _ in 0..6 {
            let mut enabled = Vec::new();
            model.enabled(&state, &mut enabled);
            let action = enabled.remove(0);
            state = model.apply(&state, &action);
            actions.push(action);
        }
        let trace = Trace::path(&model, &model.initial()[0], &actions);
        for (steps, lengths) in [
            (&[1, 2, 3, 4, 5, 6][..], &[1, 1, 1, 1, 1, 1][..]),
            (&[2, 6], &[1, 1, 3, 1]),
            (&[1], &[1, 5]),
            (&[], &[6]),
        ] {
            let slice = Slice::of_steps(steps);
            let runs = runs(&slice, &trace.stem, 1);
            let found: Vec<usize> = runs.iter().map(|run| run.steps().len()).collect();
            assert_eq!(found, lengths, "{steps:?}");
        }
    }
}
