//! The lanes of a story: a column for each component that moves in it, in the order in which a pod's life flows.

use podproof_vocabulary::action::Component;

use super::page::{Margin, Page, Paint};

/// A step that is not shown for itself, and lanes that a line does not touch.
const PASSED: &str = "│ ";
/// The lane of the step that is told.
const MOVES: &str = "● ";

/// Where a line stands in a lasso.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gutter {
    /// The trace has no cycle that is drawn.
    None,
    /// Before the cycle.
    Before,
    /// Its first line: where it is entered again.
    Entry,
    /// A line of it.
    Within,
    /// Its last line: from here it goes on with the first.
    Back,
}

impl Gutter {
    const fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Before => "   ",
            Self::Entry => "┌> ",
            Self::Within => "│  ",
            Self::Back => "└─ ",
        }
    }

    /// That of a line which goes on with what stands on the line before.
    const fn after(self) -> Self {
        match self {
            Self::Entry => Self::Within,
            Self::Back => Self::Before,
            other => other,
        }
    }
}

/// The columns before the words of a step.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    lanes: Vec<Component>,
    /// Columns of the numbers.
    number: usize,
    /// Columns of the seconds; none in a trace without time.
    time: Option<usize>,
}

impl Lanes {
    pub(super) fn new(moving: impl Fn(Component) -> bool, number: usize, time: Option<usize>) -> Self {
        let lanes = Component::ALL.into_iter().filter(|&component| moving(component)).collect();
        Self { lanes, number, time }
    }

    fn indent(&self) -> usize {
        self.number + 2 + self.time.map_or(0, |time| time + 2)
    }

    /// The names of the lanes, each above its own.
    pub(super) fn header(&self, page: &mut Page, gutter: Gutter) {
        let indent = " ".repeat(gutter.text().chars().count() + self.indent());
        for (place, component) in self.lanes.iter().enumerate() {
            let passed = PASSED.repeat(place);
            let margin = Margin::of(Paint::Faint, format!("{indent}{passed}"));
            page.under(&margin, &margin, Paint::Strong, component.name());
        }
    }

    /// The margin of the first line of steps, and that of the lines below it.
    pub(super) fn margins(
        &self,
        gutter: Gutter,
        numbers: &str,
        time: &str,
        moves: impl Fn(Component) -> bool,
        paint: Paint,
    ) -> (Margin, Margin) {
        let mut first = Margin::of(Paint::Strong, gutter.text().to_owned());
        let mut rest = Margin::of(Paint::Strong, gutter.after().text().to_owned());
        first.push(Paint::Plain, format!("{numbers:>width$}  ", width = self.number));
        if let Some(width) = self.time {
            first.push(Paint::Time, format!("{time:>width$}  "));
        }
        rest.push(Paint::Plain, " ".repeat(self.indent()));
        for &lane in &self.lanes {
            match moves(lane) {
                true => first.push(paint, MOVES.to_owned()),
                false => first.push(Paint::Faint, PASSED.to_owned()),
            }
            rest.push(Paint::Faint, PASSED.to_owned());
        }
        (first, rest)
    }
}
