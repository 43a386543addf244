//! The story of a slice: what the end depends on, with what goes before it; the rest is folded.

use podproof_vocabulary::action::Action;

use super::page::Paint;
use super::{Story, count, seconds};
use crate::slice::Slice;
use crate::trace::TraceStep;
use crate::words;

/// Steps in a row that are not told one by one.
#[derive(Default)]
struct Fold {
    first: usize,
    last: usize,
    /// The ticks that have passed at its end.
    tick: u32,
    ticks: u64,
    unrelated: usize,
}

impl Story<'_> {
    /// What the slice is, for the header.
    pub(super) fn about(&self, slice: &Slice) -> String {
        let all = self.trace.steps().filter(|(_, step)| step.action != Action::Tick).count();
        let says = format!("slice: {} of {}", slice.steps.len(), count(all, "step"));
        match slice.alone() {
            Some(_) => format!("{says}; taken alone on the model they break the promise"),
            None => format!("{says}, those that have to do with what never comes"),
        }
    }

    /// Tells the steps of the slice among `steps`, the first of which has this number.
    pub(super) fn sliced(&mut self, slice: &Slice, steps: &[TraceStep], first: usize) {
        let mut fold = Fold::default();
        for (number, step) in (first..).zip(steps) {
            if slice.has(number) {
                self.fold(std::mem::take(&mut fold));
                self.step(number, step);
                self.arrows(slice, number);
                continue;
            }
            self.names.see(&step.changed);
            if fold.first == 0 {
                fold.first = number;
            }
            (fold.last, fold.tick) = (number, step.tick);
            match step.action {
                Action::Tick => fold.ticks += 1,
                _ => fold.unrelated += 1,
            }
        }
        self.fold(fold);
    }

    fn fold(&mut self, fold: Fold) {
        if fold.first == 0 {
            return;
        }
        let passed = (fold.ticks > 0).then(|| self.passes(fold.ticks));
        let unrelated = (fold.unrelated > 0).then(|| count(fold.unrelated, "unrelated step"));
        let (paint, lane) = match fold.unrelated {
            0 => (Paint::Time, "time"),
            _ => (Paint::Faint, "..."),
        };
        let numbers = match fold.first == fold.last {
            true => fold.first.to_string(),
            false => format!("{}-{}", fold.first, fold.last),
        };
        let margin = self.margin(&numbers, fold.tick, lane);
        let parts: Vec<String> = unrelated.into_iter().chain(passed).collect();
        self.page.beside(&margin, paint, &parts.join(", "));
    }

    /// What goes before a step.
    fn arrows(&mut self, slice: &Slice, number: usize) {
        for arrow in slice.arrows_to(number) {
            let Some((_, from)) = self.trace.steps().nth(arrow.from - 1) else { continue };
            let over = words::resource(&self.names, arrow.over);
            let text = format!("<- step {} ({}): {over}", arrow.from, from.component.name());
            let indent = self.columns.indent() + 2;
            self.page.hanging(indent, indent + 2, Paint::Faint, &text);
        }
    }

    pub(super) fn passes(&self, ticks: u64) -> String {
        match u64::from(self.unit) * ticks {
            1 => "1 s passes".to_owned(),
            passed => format!("{passed} s pass"),
        }
    }

    pub(super) fn margin(&self, numbers: &str, tick: u32, lane: &str) -> String {
        let (number, width) = (self.columns.number, self.columns.lane);
        let time = self.columns.time.map(|time| format!("{:>time$}  ", seconds(tick, self.unit)));
        format!("{numbers:>number$}  {}{lane:<width$}  ", time.unwrap_or_default())
    }
}
