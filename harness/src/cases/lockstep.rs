//! `lockstep`: the runtime beside the model, step by step.

use arbitrary::{Arbitrary, Result, Unstructured};
use podproof_runtime::Slips;
use podproof_vocabulary::action::{Action, Scheduler};
use podproof_vocabulary::scenario::Scenario;

use super::Log;
use crate::ModelSystem;
use crate::findings::{Finding, Walk};
use crate::generators::limits::STEPS_MAX;
use crate::generators::scenario::{Shape, scenario};
use crate::lockstep::{RuntimeSystem, covered};
use crate::oracles::agreement::{Agreed, Divergence, agree, follow};
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
    let agreed =
        drive(case, slips).unwrap_or_else(|divergence| panic!("{divergence}\nin {:?}", case.scenario));
    let mut log = Log::default();
    log.note(&agreed);
    let binds = |action: &Action| matches!(action, Action::Scheduler(Scheduler::BindPod { .. }));
    log.checked(agreed.actions.iter().any(binds))
}

/// Its inputs are paths.
pub(crate) const WALK: Walk = Walk {
    find: |bytes| find(bytes, Slips::NONE),
    follow: |scenario, path| along(scenario, path, Slips::NONE),
};

fn find(bytes: &[u8], slips: Slips) -> Option<Finding> {
    let case = TestCase::arbitrary_take_rest(Unstructured::new(bytes)).ok()?;
    let divergence = drive(&case, slips).err()?;
    Some(finding(&case.scenario, *divergence))
}

fn along(scenario: &Scenario, path: &[Action], slips: Slips) -> Option<Finding> {
    let mut runtime = RuntimeSystem::new(slips);
    let divergence = follow(&mut ModelSystem::default(), &mut runtime, scenario, path).err()?;
    Some(finding(scenario, *divergence))
}

fn finding(scenario: &Scenario, divergence: Divergence) -> Finding {
    let (kind, says) = (divergence.kind(), divergence.to_string());
    Finding { scenario: scenario.clone(), path: divergence.actions, kind, says }
}

/// Drives a runtime, with or without wrong mechanisms.
fn drive(case: &TestCase, slips: Slips) -> std::result::Result<Agreed, Box<Divergence>> {
    let mut runtime = RuntimeSystem::new(slips);
    agree(&mut ModelSystem::default(), &mut runtime, &case.scenario, &case.script, STEPS_MAX)
}

#[cfg(test)]
mod tests {
    use podproof_runtime::Slip;
    use podproof_traces::{Replayed, replay};
    use podproof_vocabulary::approximation::Approximations;
    use podproof_vocabulary::event::Story;
    use podproof_vocabulary::scenario::Timing;

    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;
    use crate::lockstep::unfit;
    use crate::runner::input;

    #[test]
    fn smoke() {
        assert_useful("lockstep", SMOKE_RUNS, check, 4);
    }

    /// Wrong mechanisms of the API server and the scheduler that the lockstep finds.
    #[test]
    fn wrong_mechanisms_are_found_out() {
        for &slip in FOUND {
            let found = (0..SLIP_RUNS).any(|seed| {
                let mut random = fastrand::Rng::with_seed(seed);
                let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(1_000).collect();
                let case = TestCase::arbitrary_take_rest(Unstructured::new(&bytes));
                let case = case.unwrap_or_else(|error| panic!("{error}"));
                drive(&case, Slips::only(slip)).is_err()
            });
            assert!(found, "{slip} is not found");
        }
    }

    const SLIP_RUNS: u64 = 600;

    const FOUND: &[Slip] = &[
        Slip::AssumeForgotten,
        Slip::DeletedPodsKeepRoom,
        Slip::DeletedPodsWakeNobody,
        Slip::DeletingPodsNotCounted,
        Slip::FailedBindingNotForgotten,
        Slip::SymmetricAntiAffinityIgnored,
    ];

    const FORGETS: Slips = Slips::only(Slip::AssumeForgotten);
    const SLIPPED: Walk =
        Walk { find: |bytes| find(bytes, FORGETS), follow: |scenario, path| along(scenario, path, FORGETS) };

    /// A failure is made smaller, is of the same kind, and becomes a trace that the model can take and that fails again.
    #[test]
    fn a_failure_becomes_a_smaller_trace() {
        let found = (0..600).find_map(|number| Finding::of(SLIPPED, &input(0, number))).expect("it is found");
        let small = found.clone().shrink(SLIPPED);
        assert_eq!(small.kind, found.kind);
        assert!(small.path.len() < found.path.len(), "{} steps, then {}", found.path.len(), small.path.len());
        let trace = small.trace().expect("the model runs it");
        assert_eq!(replay(&trace), Ok(Replayed::CanBeTaken));
        assert_eq!(Finding::of(SLIPPED, trace.to_json().as_bytes()), Some(small));
        assert_eq!(Finding::of(WALK, trace.to_json().as_bytes()), None, "the right mechanism does not fail");
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
