//! `traces`: the reader of traces against hostile text: a trace that is written as it was read and that can be replayed, or
//! an error with a place, and never a panic.

use std::sync::OnceLock;

use arbitrary::Arbitrary;
use podproof_model::Model;
use podproof_traces::{Style, Trace, replay, show};
use podproof_vocabulary::catalogue;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::scenario::Timing;

use super::Log;
use crate::choices::Choices;
use crate::generators::texts::Text;
use crate::generators::values::Values;
use crate::runner::Checked;
use crate::telling::tell;

/// A file.
#[derive(Clone, Debug, Arbitrary)]
pub enum TestCase {
    /// Any text.
    Text(Text),
    /// A document with the form of a trace.
    Values(Values),
}

impl TestCase {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => String::from_utf8_lossy(&text.of(good())).into_owned(),
            Self::Values(values) => values.of(good()),
        }
    }
}

/// Paths through small scenarios.
fn good() -> &'static [String] {
    static GOOD: OnceLock<Vec<String>> = OnceLock::new();
    GOOD.get_or_init(|| {
        let worlds = [
            (Story::Rollout, Timing::Untimed),
            (Story::Drain, Timing::Untimed),
            (Story::NodeFailure, Timing::Untimed),
            (Story::PodDeletion, Timing::Timed),
        ];
        worlds.iter().map(|&(story, timing)| path(story, timing)).collect()
    })
}

fn path(story: Story, timing: Timing) -> String {
    let mut scenario = catalogue::web("x", story, 1, 2);
    scenario.timing = timing;
    let model = Model::new(scenario).unwrap_or_else(|why| panic!("{why}"));
    let first = model.initial().swap_remove(0);
    let (mut state, mut actions, mut enabled) = (first.clone(), Vec::new(), Vec::new());
    let script: Vec<u8> = (0..=255).collect();
    let mut choices = Choices::new(&script);
    while actions.len() < 60 {
        enabled.clear();
        model.enabled(&state, &mut enabled);
        let Some(action) = choices.action(&enabled) else { break };
        state = model.apply(&state, &action);
        actions.push(action);
    }
    Trace::path(&model, &first, &actions).to_json()
}

/// Reads it. Useful if it can be read although it was changed, or is refused for what a field of it says.
///
/// # Panics
/// At a bug.
pub fn check(case: &TestCase) -> Checked {
    let text = case.text();
    tell(|| text.clone());
    let mut log = Log::default();
    match Trace::from_json(&text) {
        Ok(trace) => {
            let again = Trace::from_json(&trace.to_json());
            assert_eq!(again.as_ref(), Ok(&trace), "what is written is what is read");
            let replayed = replay(&trace);
            log.note(&replayed);
            if replayed.is_ok() {
                log.note(&show(&trace, Style { colour: false, width: 100 }));
            }
            log.checked(!good().contains(&text))
        }
        Err(error) => {
            assert!(!error.message.is_empty(), "a refusal says why");
            assert_eq!(error.line == 0, error.column == 0, "a place is a line and a column: {error}");
            assert!(
                error.line == 0 || is_in(&text, error.line, error.column),
                "the place is in the text: {error}"
            );
            log.note(&error);
            log.checked(!error.field.is_empty())
        }
    }
}

/// Is this a place in the text, or just behind the end of a line? Columns count characters or bytes.
fn is_in(text: &str, line: usize, column: usize) -> bool {
    text.split('\n').nth(line - 1).is_some_and(|line| (1..=line.len() + 1).contains(&column))
}

#[cfg(test)]
mod tests {
    use arbitrary::Unstructured;

    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;
    use crate::runner::input;

    #[test]
    fn smoke() {
        assert_useful("traces", SMOKE_RUNS, check, 8);
    }

    /// What no search can have written is refused for what it is, and the inputs come to all of it.
    #[test]
    fn the_inputs_reach_every_refusal_of_a_value() {
        let mut left = vec![
            "the model knows no Kubernetes 1.",
            "the name is empty",
            " letters; accepted is a name of 1 to 253 letters",
            "the name holds a control character",
            "two nodes are called ",
            "stands here twice",
            " is out of range; accepted are 0 to 2147483647",
            " is too long; accepted are 0 to 86400 seconds",
            " is too much; accepted are 0 to ",
        ];
        for number in 0..20_000 {
            let bytes = input(0, number);
            let case = TestCase::arbitrary_take_rest(Unstructured::new(&bytes)).expect("bytes suffice");
            if let TestCase::Values(values) = case
                && let Err(error) = Trace::from_json(&values.of(good()))
            {
                left.retain(|refusal| !error.message.contains(refusal));
            }
            if left.is_empty() {
                return;
            }
        }
        panic!("no input is refused with any of these: {left:?}");
    }

    /// What the others are made of is good.
    #[test]
    fn the_good_ones_can_be_taken() {
        for text in good() {
            let trace = Trace::from_json(text).expect("it was just written");
            assert!(replay(&trace).is_ok_and(|replayed| replayed.stands()));
        }
    }
}
