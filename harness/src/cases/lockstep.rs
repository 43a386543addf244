//! `lockstep`: the runtime beside the model, step by step.

#[cfg(test)]
mod disturbed;

use arbitrary::{Arbitrary, Result, Unstructured};
use podproof_runtime::Slips;
use podproof_vocabulary::action::{Action, Scheduler};
use podproof_vocabulary::scenario::Scenario;

use super::Log;
use crate::ModelSystem;
use crate::findings::{Finding, Walk};
use crate::generators::limits::STEPS_MAX;
use crate::generators::scenario::{Shape, scenario};
use crate::lockstep::{Covered, RuntimeSystem, fit};
use crate::oracles::agreement::{Agreed, Difference, Divergence, agree, follow};
use crate::runner::Checked;

/// A scenario and a script.
#[derive(Clone, Debug)]
pub struct TestCase {
    scenario: Scenario,
    script: Vec<u8>,
}

impl<'a> Arbitrary<'a> for TestCase {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Self::draw(u, false)
    }
}

impl TestCase {
    /// Of the newest release, or of any.
    fn draw(u: &mut Unstructured<'_>, releases: bool) -> Result<Self> {
        let placement = u.arbitrary()?;
        let mut scenario = scenario(u, Shape { faults: true, timed: false, placement, releases })?;
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
    check_with(case, Slips::NONE)
}

/// The same of a runtime with wrong mechanisms.
pub(crate) fn check_with(case: &TestCase, slips: Slips) -> Checked {
    let agreed = drive(case, slips, Covered::ALL)
        .unwrap_or_else(|divergence| panic!("{divergence}\nin {:?}", case.scenario));
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
    finding(&case.scenario, *drive(&case, slips, Covered::ALL).err()?)
}

fn along(scenario: &Scenario, path: &[Action], slips: Slips) -> Option<Finding> {
    let mut runtime = RuntimeSystem::new(slips);
    finding(scenario, *follow(&mut ModelSystem::default(), &mut runtime, scenario, path).err()?)
}

/// A scenario that cannot be run is no finding.
fn finding(scenario: &Scenario, divergence: Divergence) -> Option<Finding> {
    if matches!(divergence.difference, Difference::Unfit(_)) {
        return None;
    }
    let (kind, says) = (divergence.kind(), divergence.to_string());
    Some(Finding { scenario: scenario.clone(), path: divergence.actions, kind, says })
}

/// Drives a runtime, with or without wrong mechanisms, and with these components of its own.
fn drive(case: &TestCase, slips: Slips, covered: Covered) -> std::result::Result<Agreed, Box<Divergence>> {
    let mut runtime = RuntimeSystem::with(slips, covered);
    agree(&mut ModelSystem::default(), &mut runtime, &case.scenario, &case.script, STEPS_MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::io::Write as _;

    use podproof_runtime::Slip;
    use podproof_traces::{Replayed, replay};
    use podproof_vocabulary::action::{CLASSES, Component};
    use podproof_vocabulary::approximation::Approximations;
    use podproof_vocabulary::event::{EventName, Story};
    use podproof_vocabulary::mutant::Mutant;
    use podproof_vocabulary::release::Release;
    use podproof_vocabulary::scenario::{Beginning, Timing};

    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;
    use crate::lockstep::unfit;
    use crate::oracles::rest::Rest;
    use crate::runner::{input, run};

    #[test]
    fn smoke() {
        assert_useful("lockstep", SMOKE_RUNS, check, 4);
    }

    fn case_of(seed: u64) -> TestCase {
        drawn(seed, false)
    }

    fn drawn(seed: u64, releases: bool) -> TestCase {
        let mut random = fastrand::Rng::with_seed(seed);
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(1_000).collect();
        let case = TestCase::draw(&mut Unstructured::new(&bytes), releases);
        case.unwrap_or_else(|error| panic!("{error}"))
    }

    /// In each release both agree. What is fuzzed is the newest, so that inputs keep their meaning. Two components are played: the
    /// ReplicaSet controller, whose expectations run out after five minutes where it does not wait for its own writes, so that before
    /// 1.36 a cache that lags so long makes it create a pod twice (CTL-3, C-15; the model waits in each release), and the node lifecycle
    /// controller, whose patches before 1.26 the runtime does not make from its copy (NLC-10, kubernetes/kubernetes#113136).
    #[test]
    fn older_releases_agree() {
        let mut differ = Vec::new();
        for seed in 0..RELEASE_RUNS {
            let case = drawn(seed, true);
            if case.scenario.release == Release::NEWEST {
                continue;
            }
            if let Err(divergence) = drive(&case, Slips::NONE, IN_EACH_RELEASE) {
                differ.push(format!("{seed}, {}: {divergence}", case.scenario.release));
            }
        }
        assert!(differ.is_empty(), "{}", differ.join("\n\n"));
    }

    const IN_EACH_RELEASE: Covered =
        Covered::ALL.without(Component::ReplicaSetController).without(Component::NodeLifecycleController);

    const RELEASE_RUNS: u64 = 500;

    /// Inputs that found something wrong on either side, or in how the two are driven.
    #[test]
    fn what_was_found_once_is_found_no_more() {
        let binds = |&(seed, number): &(u32, u32)| {
            run(&input(seed, number), check).is_some_and(|checked| checked.useful)
        };
        let others: Vec<_> = ONCE_FOUND.into_iter().filter(|once| !binds(once)).collect();
        let bind_none = [(52, 4775), (60, 3724), (61, 3636), (63, 152), (73, 1245), (73, 2811), (85, 2057)];
        assert_eq!(
            others, bind_none,
            "where inputs come to mean something else they show what they showed no more"
        );
    }

    const ONCE_FOUND: [(u32, u32); 28] = [
        (0, 916),
        (0, 2045),
        (1, 1132),
        (3, 232),
        (7, 351),
        (9, 308),
        (9, 362),
        (9, 1572),
        (10, 1214),
        (30, 499),
        (51, 1528),
        (51, 2532),
        (52, 2625),
        (52, 3124),
        (52, 4775),
        (54, 2534),
        (60, 256),
        (60, 289),
        (60, 3724),
        (61, 3636),
        (61, 3658),
        (63, 152),
        (63, 2247),
        (71, 2696),
        (73, 1245),
        (73, 2811),
        (84, 3062),
        (85, 2057),
    ];

    /// Scripts whose rest was no rest: the scheduler would try a pod first that the model has set aside (SCH-2), and a kubelet that has never
    /// listed its pods keeps no house (SRC-6).
    #[test]
    fn what_ended_elsewhere_comes_to_rest() {
        for seed in [2875, 2877] {
            let agreed = drive(&case_of(seed), Slips::NONE, Covered::ALL);
            assert_eq!(agreed.map(|agreed| agreed.rest), Ok(Some(Rest::Complete)), "{seed}");
        }
    }

    /// Wrong mechanisms that the lockstep finds.
    #[test]
    fn wrong_mechanisms_are_found_out() {
        for &slip in FOUND {
            let found =
                (0..SLIP_RUNS).any(|seed| drive(&case_of(seed), Slips::only(slip), Covered::ALL).is_err());
            assert!(found, "{slip} is not found");
        }
    }

    /// Whoever is played in place of the runtime, the others agree.
    #[test]
    fn each_component_may_be_played() {
        for covered in Covered::each().map(|component| Covered::ALL.without(component)).chain([Covered::NONE])
        {
            for seed in 0..PLAYED_RUNS {
                let agreed = drive(&case_of(seed), Slips::NONE, covered);
                assert!(agreed.is_ok(), "{covered:?}: {agreed:?}");
            }
        }
    }

    /// Nearly all scripts end in a state in which both can be compared; of the others it is said how many there are, and why.
    #[test]
    fn scripts_come_to_an_end_and_it_is_known_to_which() {
        let mut ends: BTreeMap<Rest, u32> = BTreeMap::new();
        for seed in 0..REST_RUNS {
            let agreed = drive(&case_of(seed), Slips::NONE, Covered::ALL);
            let rest = agreed.unwrap_or_else(|divergence| panic!("{divergence}")).rest;
            *ends.entry(rest.expect("every script ends")).or_default() += 1;
        }
        let _ = writeln!(std::io::stderr(), "how {REST_RUNS} scripts end: {ends:?}");
        let of = |end| ends.get(&end).copied().unwrap_or(0);
        let runs = u32::try_from(REST_RUNS).expect("a few");
        assert!(of(Rest::Complete) > runs * 3 / 4 && of(Rest::CrashLoop) > 0, "{ends:?}");
        assert!(of(Rest::Endless) <= runs / 100, "{ends:?}");
    }

    const REST_RUNS: u64 = 400;

    const PLAYED_RUNS: u64 = 12;

    const SLIP_RUNS: u64 = 2_000;

    const FOUND: &[Slip] = &[
        Slip::AssumeForgotten,
        Slip::BudgetNotSpent,
        Slip::DeletedPodsKeepRoom,
        Slip::DeletedPodsWakeNobody,
        Slip::DeletingPodsCounted,
        Slip::DeletingPodsNotCounted,
        Slip::ExpectationsForgotten,
        Slip::FailedBindingNotForgotten,
        Slip::FailedPodsCounted,
        Slip::FullDisruptionTaints,
        Slip::NodeIsAlwaysReady,
        Slip::PreStopIsWaitedFor,
        Slip::ProxyNeverFallsBack,
        Slip::ProxyTakesTerminatingForReady,
        Slip::ReadyFlipNotNoticed,
        Slip::RemovedBeforeFinished,
        Slip::SidecarsStopWithApp,
        Slip::StatusIsNeverReconciled,
        Slip::SurgeIgnored,
        Slip::TerminalPhaseBeforeStop,
        Slip::TerminatingStaysReady,
        Slip::UnavailableCounted,
        Slip::VersionIgnored,
        Slip::WatchFromNow,
    ];

    const FORGETS: Slips = Slips::only(Slip::AssumeForgotten);
    const SLIPPED: Walk =
        Walk { find: |bytes| find(bytes, FORGETS), follow: |scenario, path| along(scenario, path, FORGETS) };

    /// A failure is made smaller, is of the same kind, and becomes a trace that the model can take and that fails again.
    #[test]
    fn a_failure_becomes_a_smaller_trace() {
        let mut findings = (0..600).filter_map(|number| Finding::of(SLIPPED, &input(0, number)));
        let found = findings.find(|found| found.path.len() > 40).expect("there is a long one");
        let small = found.clone().shrink(SLIPPED, |_| {});
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
        scenario.workload.min_ready_seconds = 1;
        assert!(unfit(&scenario, Covered::ALL).is_some_and(|why| why.contains("minReadySeconds")));
        fit(&mut scenario);
        assert_eq!(unfit(&scenario, Covered::ALL), None);
        for (spoil, says) in [
            ((|scenario| scenario.timing = Timing::Timed) as fn(&mut Scenario), "ticks"),
            (|scenario| scenario.begins = Beginning::Running, "from the beginning"),
            (|scenario| scenario.inaccurate_detectors = true, "detectors that err"),
            (|scenario| scenario.mutant = Some(Mutant::SigkillAtOnce), "no wrong rule sigkill-at-once"),
            (
                |scenario| {
                    scenario.events.set(EventName::RemoveNode, 1);
                    scenario.nodes[1].labels.insert("topology.kubernetes.io/zone".into(), "zone-2".into());
                },
                "from one of several zones",
            ),
            (
                |scenario| {
                    scenario.events.set(EventName::RemoveNode, 1);
                    scenario.workload.template.finalizer = true;
                },
                "which a finalizer keeps",
            ),
        ] {
            spoil(&mut scenario);
            assert!(unfit(&scenario, Covered::ALL).is_some_and(|why| why.contains(says)), "{says}");
            fit(&mut scenario);
            assert_eq!(unfit(&scenario, Covered::ALL), None);
        }
    }

    /// A class of steps that the runtime refuses each time was never compared.
    #[test]
    fn each_class_of_steps_is_taken_by_the_runtime_in_some_script() {
        // News that could help a pod that waits wake it, so nothing is left to flush; a progress deadline and minReadySeconds do not fit; and
        // what forgets a disruption would have to pass minutes in which other entries would be forgotten, too.
        const NEVER: [&str; 4] = [
            "scheduler/flush-pod",
            "deployment/exceed-progress-deadline",
            "replica-set/count-available",
            "disruption/forget-disruption",
        ];
        const PLAYED: [&str; 6] = ["tick", "watch/", "drain/", "process/", "environment/", "container/reuse"];
        let (mut taken, mut steps, mut passed_over) = (BTreeSet::new(), 0, 0);
        for seed in 0..REST_RUNS {
            let agreed = drive(&case_of(seed), Slips::NONE, Covered::ALL);
            let agreed = agreed.unwrap_or_else(|divergence| panic!("{divergence}"));
            (steps, passed_over) = (steps + agreed.actions.len(), passed_over + agreed.passed_over);
            let own = agreed.actions.iter().filter(|action| Covered::ALL.takes(action));
            taken.extend(own.map(|action| CLASSES[usize::from(action.class())]));
        }
        let is_own = |class: &&str| !PLAYED.iter().any(|played| class.starts_with(played));
        let never: Vec<&str> =
            CLASSES.iter().copied().filter(is_own).filter(|class| !taken.contains(class)).collect();
        assert_eq!(never, NEVER, "{steps} steps, {passed_over} passed over");
    }
}
