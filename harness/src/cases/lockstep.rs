//! `lockstep`: the runtime beside the model, step by step.

use arbitrary::{Arbitrary, Result, Unstructured};
use podproof_runtime::Slips;
use podproof_vocabulary::action::{Action, Scheduler};
use podproof_vocabulary::scenario::Scenario;

use super::Log;
use crate::ModelSystem;
use crate::generators::limits::STEPS_MAX;
use crate::generators::scenario::{Shape, scenario};
use crate::lockstep::{RuntimeSystem, covered};
use crate::oracles::agreement::agree;
use crate::runner::Checked;

/// A scenario and a script.
#[derive(Clone, Debug)]
pub struct TestCase {
    scenario: Scenario,
    script: Vec<u8>,
}

impl<'a> Arbitrary<'a> for TestCase {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let placement = u.arbitrary()?;
        let mut scenario = scenario(u, Shape { faults: true, timed: false, placement, releases: false })?;
        covered(&mut scenario);
        let script = u.bytes(u.len())?.to_vec();
        Ok(Self { scenario, script })
    }
}

/// Drives both. Useful if a pod was bound.
///
/// # Panics
/// If they differ.
pub fn check(case: &TestCase) -> Checked {
    check_with(case, Slips::NONE)
}

/// The same of a runtime with wrong mechanisms.
pub(crate) fn check_with(case: &TestCase, slips: Slips) -> Checked {
    let mut runtime = RuntimeSystem::new(slips);
    let agreed = agree(&mut ModelSystem::default(), &mut runtime, &case.scenario, &case.script, STEPS_MAX)
        .unwrap_or_else(|divergence| panic!("{divergence}\nin {:?}", case.scenario));
    let mut log = Log::default();
    log.note(&agreed);
    let binds = |action: &Action| matches!(action, Action::Scheduler(Scheduler::BindPod { .. }));
    log.checked(agreed.actions.iter().any(binds))
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::approximation::Approximations;
    use podproof_vocabulary::event::Story;
    use podproof_vocabulary::scenario::Timing;

    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;
    use crate::lockstep::unfit;

    #[test]
    fn smoke() {
        assert_useful("lockstep", SMOKE_RUNS, check, 4);
    }

    /// What is not covered is refused, and said.
    #[test]
    fn what_is_not_covered_is_refused() {
        let mut scenario = podproof_vocabulary::catalogue::web("x", Story::NodeFailure, 1, 2);
        scenario.approximations = Approximations::NONE;
        assert!(unfit(&scenario).is_some_and(|why| why.contains("node-failure")));
        covered(&mut scenario);
        assert_eq!(unfit(&scenario), None);
        scenario.timing = Timing::Timed;
        assert!(unfit(&scenario).is_some());
    }
}
