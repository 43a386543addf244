//! Two models, right ones and wrong ones, beside each other.

use podproof_vocabulary::action::Kubelet;
use podproof_vocabulary::catalogue;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::NodeReady;

use super::*;
use crate::ModelSystem;

/// The model with a wrong rule.
#[derive(Default)]
struct Wrong {
    system: ModelSystem,
    mutant: Option<Mutant>,
}

impl System for Wrong {
    fn reset(&mut self, scenario: &Scenario) -> Result<(), Unfit> {
        self.system.reset(&Scenario { mutant: self.mutant, ..scenario.clone() })
    }

    fn pending(&self, operations: &mut Vec<Action>) {
        self.system.pending(operations);
    }

    fn apply(&mut self, action: &Action) -> Result<(), Refused> {
        self.system.apply(action)
    }

    fn observation(&self) -> Observation {
        self.system.observation()
    }

    fn broken(&self) -> PropertySet {
        self.system.broken()
    }
}

/// The model beside one that refuses steps of one class for ever.
struct Stubborn {
    system: ModelSystem,
    refuses: fn(&Action) -> bool,
    refused: Refused,
}

impl System for Stubborn {
    fn reset(&mut self, scenario: &Scenario) -> Result<(), Unfit> {
        self.system.reset(scenario)
    }

    fn pending(&self, operations: &mut Vec<Action>) {
        self.system.pending(operations);
    }

    fn apply(&mut self, action: &Action) -> Result<(), Refused> {
        if (self.refuses)(action) { Err(self.refused.clone()) } else { self.system.apply(action) }
    }

    fn observation(&self) -> Observation {
        self.system.observation()
    }
}

/// The model with each of two mutants.
fn drive(mutants: [Option<Mutant>; 2], seeds: u64) -> Result<(), Box<Divergence>> {
    let mut scenario = catalogue::web("x", Story::Rollout, 2, 2);
    scenario.one_proxy = false;
    let mut rested = 0;
    for seed in 0..seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        let script: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(1200).collect();
        let [mut one, mut two] = mutants.map(|mutant| Wrong { system: ModelSystem::default(), mutant });
        let agreed = agree(&mut one, &mut two, &scenario, &script, 400)?;
        assert!(agreed.actions.len() > 100, "the script is long enough to come somewhere");
        let again = follow(&mut one, &mut two, &scenario, &agreed.actions)?;
        assert!(again.actions.starts_with(&agreed.actions), "a path is followed to its end");
        rested += u32::from(agreed.rest == Some(Rest::Complete));
    }
    assert!(rested > 0, "a rollout comes to its end");
    Ok(())
}

#[test]
fn the_model_agrees_with_itself() {
    drive([None; 2], 4).expect("it is the same");
}

#[test]
fn a_wrong_rule_is_a_divergence() {
    for mutant in [Mutant::ProxyNeverRemoves, Mutant::ProxyNeverAdds] {
        let divergence = drive([None, Some(mutant)], 4).expect_err("somebody must notice");
        assert!(!divergence.actions.is_empty(), "{divergence}");
    }
}

#[test]
fn two_that_agree_may_break_no_promise() {
    let divergence = drive([Some(Mutant::KubeletRemovesEarly); 2], 4).expect_err("somebody must notice");
    assert_eq!(divergence.difference, Difference::Broken(Property::StoppedBeforeGone), "{divergence}");
    assert_eq!(divergence.kind(), "broken stopped-before-gone");
}

/// A promise that reads a component's copy is judged too.
#[test]
fn two_that_agree_on_a_wrong_slice_break_a_promise() {
    let wrong = [Some(Mutant::SliceKeepsTerminatingReady); 2];
    let divergence = drive(wrong, 4).expect_err("somebody must notice");
    assert_eq!(divergence.difference, Difference::Broken(Property::ReadyMeansReady), "{divergence}");
}

/// What is put off comes at the latest when nothing else is left to do, unless the reason lasts.
#[test]
fn what_is_put_off_for_ever_is_a_divergence() {
    let mut scenario = catalogue::web("x", Story::Create, 1, 1);
    scenario.one_proxy = false;
    let drive = |refused| {
        let refuses = |action: &Action| matches!(action, Action::Kubelet(Kubelet::StartContainer { .. }));
        let mut other = Stubborn { system: ModelSystem::default(), refuses, refused };
        agree(&mut ModelSystem::default(), &mut other, &scenario, &[], 0)
    };
    let divergence = drive(Refused::later("it waits for something")).expect_err("nothing comes");
    let Difference::Refused { why } = &divergence.difference else { panic!("{divergence}") };
    assert_eq!(why, "at rest, it waits for something");
    assert!(matches!(divergence.actions.last(), Some(Action::Kubelet(Kubelet::StartContainer { .. }))));
    let agreed = drive(Refused::for_good("it never does")).expect("that is lawful");
    assert_eq!(agreed.rest, Some(Rest::PassedOver));
    let divergence = drive(Refused::because("it cannot")).expect_err("that is none");
    assert_eq!(divergence.difference, Difference::Refused { why: "it cannot".into() });
}

/// The model beside one that goes on by its clocks when the model is at rest.
struct Restless {
    system: ModelSystem,
    /// What it could do then, and what is seen of it.
    would: Option<Action>,
    shows: bool,
    ends: bool,
    lingers: bool,
}

impl System for Restless {
    fn reset(&mut self, scenario: &Scenario) -> Result<(), Unfit> {
        self.system.reset(scenario)
    }

    fn pending(&self, operations: &mut Vec<Action>) {
        self.system.pending(operations);
        operations.extend(self.would.filter(|_| self.lingers));
    }

    fn apply(&mut self, action: &Action) -> Result<(), Refused> {
        self.system.apply(action)
    }

    fn observation(&self) -> Observation {
        let mut seen = self.system.observation();
        if self.lingers && self.shows {
            seen.nodes[0].ready = NodeReady::Unknown;
        }
        seen
    }

    fn linger(&mut self) -> Result<(), Refused> {
        self.lingers = true;
        if self.ends { Ok(()) } else { Err(Refused::because("it goes on and on")) }
    }
}

/// What comes by itself once nothing is left to do is a divergence, whether it could be done or is there.
#[test]
fn what_comes_of_clocks_alone_at_rest_is_a_divergence() {
    let mut scenario = catalogue::web("x", Story::Create, 1, 1);
    scenario.one_proxy = false;
    let drive = |would, shows, ends| {
        let mut other = Restless { system: ModelSystem::default(), would, shows, ends, lingers: false };
        agree(&mut ModelSystem::default(), &mut other, &scenario, &[], 0).map_err(|found| found.difference)
    };
    assert_eq!(drive(None, false, true).map(|agreed| agreed.rest), Ok(Some(Rest::Complete)));
    let report = Action::Kubelet(Kubelet::ReportNodeStatus { node: NodeId(0) });
    assert_eq!(drive(Some(report), false, true), Err(Difference::NotAllowed(report)));
    assert!(matches!(drive(None, true, true), Err(Difference::Seen { what, .. }) if what == "the nodes"));
    let why = "at rest, it goes on and on".to_owned();
    assert_eq!(drive(None, false, false), Err(Difference::Refused { why }));
}

/// What a step was refused for tells causes apart; which object it was does not.
#[test]
fn refusals_of_one_kind_are_for_one_reason() {
    let kind = |why: &str| {
        let difference = Difference::Refused { why: why.to_owned() };
        Divergence { actions: Vec::new(), difference }.kind()
    };
    assert_eq!(
        kind("the API server says not found: pods \"web-1\""),
        kind("the API server says not found: pods \"web-2-x\"")
    );
    assert_eq!(kind("no container app-0 runs"), kind("no container init-1 runs"));
    assert_ne!(kind("no container app-0 runs"), kind("no worker knows the pod"));
}
