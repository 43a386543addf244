//! `model_walk`: the model along a script. It does not panic, keeps what no scenario without faults may break, sees the same
//! whether it is asked step by step or at once, and its path can be written, read and taken again.

use arbitrary::{Arbitrary, Result, Unstructured};
use podproof_model::{ClusterState, Model};
use podproof_traces::{Replayed, Style, Trace, replay, show};
use podproof_vocabulary::action::Action;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::Scenario;

use super::Log;
use crate::choices::Choices;
use crate::findings::{Finding, Walk};
use crate::generators::limits::STEPS_MAX;
use crate::generators::scenario::{Shape, scenario};
use crate::oracles::promises::kept_by;
use crate::runner::Checked;
use crate::telling::tell;
use crate::{ModelSystem, System as _};

/// A scenario and a script.
#[derive(Clone, Debug)]
pub struct TestCase {
    scenario: Scenario,
    script: Vec<u8>,
}

impl<'a> Arbitrary<'a> for TestCase {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (faults, placement) = (u.arbitrary()?, u.arbitrary()?);
        let scenario = scenario(u, Shape { faults, timed: true, placement, releases: true })?;
        let script = u.bytes(u.len())?.to_vec();
        Ok(Self { scenario, script })
    }
}

/// Walks. Useful if a promise had something to say.
///
/// # Panics
/// At a bug.
pub fn check(case: &TestCase) -> Checked {
    let scenario = &case.scenario;
    let kept = kept_by(scenario);
    let mut system = ModelSystem::default();
    system.reset(scenario).unwrap_or_else(|unfit| panic!("{unfit}: {scenario:#?}"));
    let mut seen = system.observation();
    system.observe(&mut seen);
    let mut walk = Walked { actions: Vec::new(), reached: PropertySet::NONE };
    let (mut choices, mut enabled) = (Choices::new(&case.script), Vec::new());
    while walk.actions.len() < STEPS_MAX && !choices.is_over() {
        enabled.clear();
        system.pending(&mut enabled);
        let Some(action) = choices.action(&enabled) else { break };
        tell(|| format!("{:4} {action:?}", walk.actions.len() + 1));
        let before = system.model().1.clone();
        system.apply(&action).unwrap_or_else(|refused| panic!("{action:?} was offered: {refused}"));
        let (model, after) = system.model();
        walk.judge(model, kept, &before, action, after);
        system.observe(&mut seen);
    }
    assert_eq!(seen, system.observation(), "step by step, not at once");
    let mut log = Log::default();
    log.note(&(&walk.actions, system.model().1));
    take_again(system.model().0, &walk.actions);
    log.checked(!walk.reached.is_empty())
}

/// Its inputs are paths.
pub(crate) const WALK: Walk = Walk { find, follow };

/// The first promise that an input breaks.
fn find(bytes: &[u8]) -> Option<Finding> {
    let case = TestCase::arbitrary_take_rest(Unstructured::new(bytes)).ok()?;
    let mut choices = Choices::new(&case.script);
    break_one(&case.scenario, |taken, enabled| {
        let goes_on = taken < STEPS_MAX && !choices.is_over();
        if goes_on { choices.action(enabled) } else { None }
    })
}

fn follow(scenario: &Scenario, path: &[Action]) -> Option<Finding> {
    let mut path = path.iter();
    break_one(scenario, |_, enabled| path.find(|action| enabled.contains(action)).copied())
}

fn break_one(
    scenario: &Scenario,
    mut next: impl FnMut(usize, &[Action]) -> Option<Action>,
) -> Option<Finding> {
    let model = Model::new(scenario.clone()).ok()?;
    let kept = kept_by(scenario);
    let (mut state, mut path, mut enabled) = (model.initial().swap_remove(0), Vec::new(), Vec::new());
    loop {
        enabled.clear();
        model.enabled(&state, &mut enabled);
        let action = next(path.len(), &enabled)?;
        let after = model.apply(&state, &action);
        path.push(action);
        let broken = model.judge(&state, &action, &after).broken.intersection(kept);
        if let Some(property) = broken.iter().next() {
            let says = format!("{property} is broken");
            return Some(Finding { scenario: scenario.clone(), path, kind: says.clone(), says });
        }
        state = after;
    }
}

struct Walked {
    actions: Vec<Action>,
    reached: PropertySet,
}

impl Walked {
    fn judge(
        &mut self,
        model: &Model,
        kept: PropertySet,
        before: &ClusterState,
        action: Action,
        after: &ClusterState,
    ) {
        self.actions.push(action);
        let judged = model.judge(before, &action, after);
        self.reached = self.reached.union(judged.reached);
        let broken = judged.broken.intersection(kept);
        if let Some(property) = broken.iter().next() {
            let first = model.initial().swap_remove(0);
            let trace = Trace::record(model, property, &first, &self.actions, None, None);
            let story = show(&trace, Style { colour: false, width: 120 });
            panic!("{property} is broken\n{story}");
        }
    }
}

/// The path is written, read, and taken again.
fn take_again(model: &Model, actions: &[Action]) {
    let first = model.initial().swap_remove(0);
    let trace = Trace::path(model, &first, actions);
    let text = trace.to_json();
    let read = Trace::from_json(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(read, trace, "what is written is what is read");
    assert_eq!(replay(&read), Ok(Replayed::CanBeTaken), "{text}");
}

#[cfg(test)]
mod tests {
    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;

    #[test]
    fn smoke() {
        assert_useful("model_walk", SMOKE_RUNS, check, 3);
    }
}
