//! `lockstep`: the runtime beside the model, step by step.

use arbitrary::{Arbitrary, Result, Unstructured};
use podproof_runtime::Slips;
use podproof_vocabulary::action::{Action, Scheduler};
use podproof_vocabulary::scenario::Scenario;

use super::Log;
use crate::ModelSystem;
use crate::generators::limits::STEPS_MAX;
use crate::generators::scenario::{Shape, scenario};
use crate::lockstep::{Covered, RuntimeSystem, fit};
use crate::oracles::agreement::{Agreed, Divergence, agree};
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
        fit(&mut scenario);
        let script = u.bytes(u.len())?.to_vec();
        Ok(Self { scenario, script })
    }
}

/// Drives both. Useful if a pod was bound.
///
/// # Panics
/// If they differ.
pub fn check(case: &TestCase) -> Checked {
    let agreed = drive(case, Slips::NONE, Covered::ALL)
        .unwrap_or_else(|divergence| panic!("{divergence}\nin {:?}", case.scenario));
    let mut log = Log::default();
    log.note(&agreed);
    let binds = |action: &Action| matches!(action, Action::Scheduler(Scheduler::BindPod { .. }));
    log.checked(agreed.actions.iter().any(binds))
}

/// Drives a runtime, with or without wrong mechanisms, and with these components of its own.
fn drive(case: &TestCase, slips: Slips, covered: Covered) -> std::result::Result<Agreed, Box<Divergence>> {
    let mut runtime = RuntimeSystem::with(slips, covered);
    agree(&mut ModelSystem::default(), &mut runtime, &case.scenario, &case.script, STEPS_MAX)
}

#[cfg(test)]
mod tests {
    use podproof_runtime::Slip;
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

    fn case_of(seed: u64) -> TestCase {
        let mut random = fastrand::Rng::with_seed(seed);
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(1_000).collect();
        let case = TestCase::arbitrary_take_rest(Unstructured::new(&bytes));
        case.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Wrong mechanisms that the lockstep finds.
    #[test]
    fn wrong_mechanisms_are_found_out() {
        for &slip in FOUND {
            let found = (0..SLIP_RUNS).any(|seed| drive(&case_of(seed), Slips::only(slip), Covered::ALL).is_err());
            assert!(found, "{slip} is not found");
        }
    }

    /// Whoever is played in place of the runtime, the others agree.
    #[test]
    fn each_component_may_be_played() {
        for covered in Covered::each().map(|component| Covered::ALL.without(component)).chain([Covered::NONE]) {
            for seed in 0..PLAYED_RUNS {
                let agreed = drive(&case_of(seed), Slips::NONE, covered);
                assert!(agreed.is_ok(), "{covered:?}: {agreed:?}");
            }
        }
    }

    const PLAYED_RUNS: u64 = 12;

    const SLIP_RUNS: u64 = 600;

    const FOUND: &[Slip] = &[
        Slip::AssumeForgotten,
        Slip::DeletedPodsKeepRoom,
        Slip::DeletedPodsWakeNobody,
        Slip::DeletingPodsNotCounted,
        Slip::FailedBindingNotForgotten,
        Slip::SymmetricAntiAffinityIgnored,
    ];

    /// What is not covered is refused, and said.
    #[test]
    fn what_is_not_covered_is_refused() {
        let mut scenario = podproof_vocabulary::catalogue::web("x", Story::NodeFailure, 1, 2);
        scenario.approximations = Approximations::NONE;
        assert!(unfit(&scenario, Covered::ALL).is_some_and(|why| why.contains("node-failure")));
        fit(&mut scenario);
        assert_eq!(unfit(&scenario, Covered::ALL), None);
        scenario.timing = Timing::Timed;
        assert!(unfit(&scenario, Covered::ALL).is_some());
    }

    #[test]
    fn survey() {
        use std::collections::BTreeMap;
        let from: u64 = std::env::var("FROM").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
        let runs: u64 = std::env::var("RUNS").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
        let show: usize = std::env::var("SHOW").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
        let mut kinds: BTreeMap<String, Vec<(usize, u64, String)>> = BTreeMap::new();
        let (mut steps, mut passed, mut rested) = (0, 0, 0);
        let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
        let begun = std::time::Instant::now();
        for seed in from..from + runs {
            let mut random = fastrand::Rng::with_seed(seed);
            let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(std::env::var("BYTES").ok().and_then(|s| s.parse().ok()).unwrap_or(1_500)).collect();
            let case = TestCase::arbitrary_take_rest(Unstructured::new(&bytes)).unwrap();
            let ran = std::panic::catch_unwind(|| drive(&case, Slips::NONE, Covered::ALL));
            match ran {
                Ok(Ok(agreed)) => {
                    steps += agreed.actions.len();
                    passed += agreed.passed_over;
                    rested += usize::from(agreed.rested);
                    for action in &agreed.actions {
                        *classes.entry(podproof_vocabulary::action::CLASSES[usize::from(action.class())]).or_insert(0) += 1;
                    }
                }
                Ok(Err(divergence)) => {
                    let last = divergence.actions.last().map(|a| podproof_vocabulary::action::CLASSES[usize::from(a.class())]).unwrap_or("begin");
                    let text = divergence.to_string();
                    let tail: String = text.lines().skip(divergence.actions.len()).take(1).collect::<String>().chars().filter(|c| !c.is_ascii_digit()).take(140).collect();
                    let kind = format!("{last}: {tail}");
                    kinds.entry(kind).or_default().push((divergence.actions.len(), seed, format!("{text}\n in {:?}", case.scenario)));
                }
                Err(_) => kinds.entry("panic".into()).or_default().push((0, seed, String::new())),
            }
        }
        println!("{steps} steps {passed} passed over {rested} rested in {:?}", begun.elapsed());
        println!("{classes:?}");
        let mut all: Vec<_> = kinds.into_iter().collect();
        all.sort_by_key(|(_, list)| std::cmp::Reverse(list.len()));
        for (kind, mut list) in all {
            println!("== {} x {kind}", list.len());
            list.sort();
            for (len, seed, text) in list.iter().take(show) {
                println!("  seed {seed} steps {len}\n{text}");
            }
        }
        if runs > 0 {
            for covered in Covered::each().map(|component| Covered::ALL.without(component)).chain([Covered::NONE]) {
                let mut shown = 0;
                let bad = (0..40).filter(|&seed| {
                    let ran = std::panic::catch_unwind(|| drive(&case_of(seed), Slips::NONE, covered));
                    if let Ok(Err(divergence)) = &ran {
                        if shown == 0 { println!("PLAYED {covered:?} seed {seed}\n{divergence}"); }
                        shown += 1;
                    }
                    !matches!(ran, Ok(Ok(_)))
                }).count();
                println!("PLAYED {covered:?} bad {bad}");
            }
            use Slip::*;
            for slip in [UidIgnored, VersionIgnored, GraceExtended, BudgetNotSpent, MissedDeletionsKept, AddedWhileProcessingLost, ForeverDoesNotCancel, BudgetStatusOverwritten, DisruptedPodsCounted, StaleSlicesTrusted, TerminatingStaysReady, ReadyFlipNotNoticed, DeletingPodsCounted, FailedPodsCounted, ReadyPodsDeletedFirst, SurgeIgnored, UnavailableCounted, ExpectationsForgotten, SpreadCountsDeleting, NodeRemovalForgetsPods, ProxyKeepsDeletedSlices, ProxyNeverFallsBack, ProxyTakesTerminatingForReady, ProxyProgramsBeforeItIsSynced, WatchFromNow] {
                let found = (0..600).position(|seed| drive(&case_of(seed), Slips::only(slip), Covered::ALL).is_err());
                println!("SLIP {slip:?} {found:?}");
            }
        }
    }
}
