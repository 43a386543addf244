//! What the tests of whole searches share: the model as the checker sees it, and what a search says of it.

pub mod random;

use std::collections::BTreeSet;
use std::fmt;

use podproof::arguments::SymmetryChoice;
use podproof::search::Limits;
use podproof_checker::fingerprint::Bits;
use podproof_checker::system::{Obligations, Owed, Properties};
use podproof_checker::{Bounds, Report, Search, System, Transition};
use podproof_model::properties::Judged;
use podproof_model::reduced::fusion::Fusions;
use podproof_model::reduced::{Move, Reduced};
use podproof_model::{ClusterState, Model};
use podproof_vocabulary::property::{Kind, PROPERTIES, PropertySet};
use podproof_vocabulary::scenario::PreStop;
use podproof_vocabulary::{Property, Scenario};

/// Two threads, 4 GiB, and as many states as nearly all of the searches here have.
pub const LIMITS: Limits = Limits {
    states: 1_000_000,
    depth: u64::MAX,
    memory: 4 << 30,
    time: None,
    threads: 2,
    bits: Bits::B64,
    symmetry: SymmetryChoice::Any,
};

/// The model, made of moves, with every promise judged and every state for itself.
pub struct Checked(pub Reduced);

impl Checked {
    /// The model of `scenario` with the fusions that it allows.
    pub fn new(scenario: Scenario) -> Self {
        Self(Reduced::new(Model::new(scenario).expect("a scenario of a test fits")))
    }

    /// The model of `scenario` with these fusions.
    pub fn with(scenario: Scenario, fusions: Fusions) -> Self {
        Self(Reduced::with(Model::new(scenario).expect("a scenario of a test fits"), fusions))
    }

    /// The report of a search with so many threads and at most so many states.
    pub fn report(&self, threads: usize, states: u64) -> Report<ClusterState, Move> {
        let family: fn(u32) -> u32 = |bit| bit;
        let bounds = Bounds { states, ..Bounds::default() };
        Search::new(self).bounds(bounds).threads(threads).one_lasso_per(family).run()
    }

    /// What a complete search says; nothing if it has more than `states` states.
    pub fn verdict(&self, states: u64) -> Option<Verdict> {
        let report = self.report(2, states);
        report.is_complete().then(|| self.verdict_of(&report))
    }

    /// What a report says of each promise.
    pub fn verdict_of(&self, report: &Report<ClusterState, Move>) -> Verdict {
        let obligations = &self.0.model.obligations;
        let is_safety = |property: &Property| property.facts().kind == Kind::Safety;
        let reached = |property: &Property| match is_safety(property) {
            true => report.reached >> *property as u32 & 1 == 1,
            false => report.owed & obligations.of_property(*property) != 0,
        };
        let violated =
            report.violations.iter().map(|violation| PROPERTIES[violation.property as usize].property);
        let kept = report.lassos.iter().map(|lasso| obligations.property_of(lasso.obligation));
        Verdict {
            states: report.states,
            broken: violated.chain(kept).collect(),
            reached: Property::all().filter(reached).collect(),
        }
    }
}

impl Checked {
    fn discharged(&self, promises: PropertySet) -> Obligations {
        promises.iter().fold(0, |set, property| set | self.0.model.obligations.of_property(property))
    }
}

impl System for Checked {
    type State = ClusterState;
    type Action = Move;

    fn initial(&self) -> Vec<(ClusterState, Properties, Properties)> {
        let enter = |(state, judged): (ClusterState, Judged)| {
            (state, judged.broken.bits().into(), judged.reached.bits().into())
        };
        self.0.initial().into_iter().map(enter).collect()
    }

    fn transitions(&self, state: &ClusterState, visit: &mut impl FnMut(Transition<ClusterState, Move>)) {
        self.0.moves(state, |outcome| {
            visit(Transition {
                action: outcome.taken,
                next: outcome.next,
                broken: outcome.judged.broken.bits().into(),
                reached: outcome.judged.reached.bits().into(),
                unit: outcome.unit,
                discharged: self.discharged(outcome.discharged),
                classes: outcome.classes,
            });
        });
    }

    fn owed(&self, state: &ClusterState) -> Owed {
        let owed = self.0.model.owed(state);
        Owed { pending: owed.pending, reached: owed.reached }
    }

    fn expand(
        &self,
        state: &ClusterState,
        visit: &mut impl FnMut(Transition<ClusterState, Move>),
        held_back: &mut Vec<u16>,
    ) {
        self.transitions(state, visit);
        held_back.extend(self.0.model.held_back(state));
    }

    fn limit(&self, state: &ClusterState) -> Option<&'static str> {
        self.0.model.limit(state)
    }

    fn has_obligations(&self) -> bool {
        !self.0.model.rules.is_timed()
    }
}

/// What a complete search says of the promises. Two are equal if they say the same of each, whatever their states.
#[derive(Clone)]
pub struct Verdict {
    /// How many states it saw.
    pub states: u64,
    /// The promises that are broken: by a step, or by a fair run.
    pub broken: BTreeSet<Property>,
    /// The promises whose premise was reached.
    pub reached: BTreeSet<Property>,
}

impl PartialEq for Verdict {
    fn eq(&self, other: &Self) -> bool {
        (&self.broken, &self.reached) == (&other.broken, &other.reached)
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |set: &BTreeSet<Property>| {
            set.iter().map(|property| property.name()).collect::<Vec<_>>().join(" ")
        };
        write!(
            f,
            "broken [{}], reached [{}], {} states",
            names(&self.broken),
            names(&self.reached),
            self.states
        )
    }
}

/// `scenario` with so long a preStop hook, in seconds.
pub fn with_pre_stop(mut scenario: Scenario, seconds: u32) -> Scenario {
    scenario.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(seconds));
    scenario
}
