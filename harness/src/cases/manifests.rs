//! `manifests`: the reader of manifests against hostile text: scenarios that the model takes and that are written and read
//! again as they are, or problems with a place, and never a panic.

use arbitrary::Arbitrary;
use podproof_model::Model;
use podproof_traces::Trace;
use podproof_vocabulary::manifest::{Options, Problem, Source, read};
use podproof_vocabulary::scenario::Scenario;

use super::Log;
use crate::generators::texts::Text;
use crate::runner::Checked;
use crate::telling::tell;

/// A text.
#[derive(Clone, Debug, Arbitrary)]
pub struct TestCase {
    text: Text,
    nodes: u8,
    replicas: u8,
}

const FILE: &str = "fuzz.yaml";

fn good() -> Vec<String> {
    [
        include_str!("../../../examples/web.yaml"),
        include_str!("../../../examples/web-pdb.yaml"),
        include_str!("../../../examples/web-prestop.yaml"),
        include_str!("../../../examples/web-fleet.yaml"),
        include_str!("manifests/rich.yaml"),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Reads it. Useful if it can be read although it was changed, or is refused for what a field of it says.
///
/// # Panics
/// At a bug.
pub fn check(case: &TestCase) -> Checked {
    let text = case.text.of(&good());
    tell(|| String::from_utf8_lossy(&text).into_owned());
    let options = Options { nodes: 1 + case.nodes % 3, replicas: case.replicas % 4, ..Options::default() };
    let lines = 1 + text.iter().filter(|byte| **byte == b'\n' || **byte == b'\r').count();
    let mut log = Log::default();
    match read(&[Source { path: FILE.into(), text }], &options) {
        Ok(reading) => {
            for scenario in reading.workloads.iter().flat_map(|input| &input.scenarios) {
                comes_back(scenario);
                match Model::new(scenario.clone()) {
                    Ok(model) => may_be_traced(&model),
                    Err(why) => assert!(why.contains(&scenario.name), "an error names its scenario: {why}"),
                }
                log.note(scenario);
            }
            log.checked(!case.text.is_one_of(&good()))
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal says why");
            for problem in &problems {
                has_a_place(problem, lines);
            }
            log.note(&problems);
            log.checked(problems.iter().any(|problem| !problem.field.is_empty()))
        }
    }
}

/// A scenario is written and read as it is.
fn comes_back(scenario: &Scenario) {
    let json = serde_json::to_string(scenario).unwrap_or_else(|error| panic!("{error}: {scenario:?}"));
    let read: Scenario = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(read, *scenario, "what is written is what is read");
}

/// A trace of a scenario that the model takes is read.
fn may_be_traced(model: &Model) {
    if let Some(first) = model.initial().first() {
        let trace = Trace::path(model, first, &[]);
        let read = Trace::from_json(&trace.to_json());
        assert_eq!(read.as_ref(), Ok(&trace), "what a manifest may say, its trace may say");
    }
}

fn has_a_place(problem: &Problem, lines: usize) {
    let says = problem.to_string();
    assert!(!problem.says.is_empty() && !problem.accepted.is_empty(), "{says}");
    if let Some(place) = &problem.place {
        let line = usize::try_from(place.line).unwrap_or(usize::MAX);
        assert!(place.file == FILE && (1..=lines + 1).contains(&line) && place.column >= 1, "{says}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;

    #[test]
    fn smoke() {
        assert_useful("manifests", SMOKE_RUNS, check, 8);
    }

    /// What the others are made of is good.
    #[test]
    fn the_good_ones_are_read() {
        for text in good() {
            let read = read(&[Source { path: FILE.into(), text: text.into_bytes() }], &Options::default());
            assert!(read.is_ok(), "{:?}", read.err());
        }
    }
}
