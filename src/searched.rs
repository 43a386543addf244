//! The model as the checker sees it.

use std::sync::atomic::{AtomicBool, Ordering};

use podproof_checker::system::{ANY_UNIT, Obligations, Owed, Properties};
use podproof_checker::{Path, System, Transition};
use podproof_model::progress::{self, Layout};
use podproof_model::properties::Judged;
use podproof_model::reduced::partial_order::PartialOrder;
use podproof_model::reduced::symmetry::Symmetry;
use podproof_model::reduced::{Move, Outcome, Reduced};
use podproof_model::{ClusterState, fairness};
use podproof_vocabulary::action::{Action, CLASSES};
use podproof_vocabulary::property::{Kind, PropertySet};
use podproof_vocabulary::{PodId, Property};

/// Why a step of a representative is one of each state that it stands for.
const ALIKE: &str = "pods and nodes are alike: what one state can do, each that it stands for can";

/// The model, made of moves, with the promises that one search judges.
pub struct Searched {
    reduced: Reduced,
    progress: PropertySet,
    /// The obligations of the promises of progress.
    owing: Layout,
    symmetry: Symmetry,
    partial_order: Option<PartialOrder>,
    notes_the_end: bool,
    /// The story was seen to come to its end.
    has_ended: AtomicBool,
}

/// What a search has reached if the story came to its end on some way: a bit behind those of the promises.
pub const STORY_OVER: Properties = 1 << 63;

/// Small steps from an initial state.
#[derive(Clone, Debug)]
pub struct SmallSteps {
    /// Where they begin.
    pub first: ClusterState,
    /// The steps.
    pub actions: Vec<Action>,
    /// Where they end.
    pub last: ClusterState,
}

impl Searched {
    /// The model with those progress promises of `judged` that it is asked for; its safety promises are the model's own. It
    /// is searched with all the symmetry that its scenario has.
    pub fn new(reduced: Reduced, judged: PropertySet) -> Self {
        let progress = judged.iter().filter(|property| property.facts().kind == Kind::Liveness);
        let symmetry = Symmetry::of(&reduced.model.rules);
        let progress = PropertySet::of(progress);
        let owing = reduced.model.obligations.only(progress);
        let has_ended = AtomicBool::new(false);
        Self { progress, owing, symmetry, reduced, partial_order: None, notes_the_end: false, has_ended }
    }

    /// The same, in which [`STORY_OVER`] is reached once the story has come to its end.
    #[must_use]
    pub fn noting_the_end(mut self) -> Self {
        self.notes_the_end = true;
        self
    }

    /// Is [`STORY_OVER`] noted?
    pub fn notes_the_end(&self) -> bool {
        self.notes_the_end
    }

    /// [`STORY_OVER`] where it is, and everywhere once it was seen somewhere: what is reached is only added up.
    fn end_at(&self, state: &ClusterState) -> Properties {
        if !self.notes_the_end {
            return 0;
        }
        if self.has_ended.load(Ordering::Relaxed) {
            return STORY_OVER;
        }
        if !self.reduced.model.story_is_over(state) {
            return 0;
        }
        self.has_ended.store(true, Ordering::Relaxed);
        STORY_OVER
    }

    /// The same, with this symmetry.
    #[must_use]
    pub fn with_symmetry(mut self, symmetry: Symmetry) -> Self {
        self.symmetry = symmetry;
        self
    }

    /// The same, for a search [by partial order](podproof_checker::Search::partial_order).
    ///
    /// # Errors
    /// Why this model cannot be searched so.
    pub fn by_partial_order(mut self) -> Result<Self, String> {
        if self.has_obligations() {
            return Err("a search by partial order judges no promise of progress".into());
        }
        // Steps that create pods commute but for the slots that they take.
        let renames = |symmetry: &Symmetry| matches!(symmetry.name(), "pods" | "all");
        if renames(&Symmetry::of(&self.reduced.model.rules)) && !renames(&self.symmetry) {
            return Err("a search by partial order needs states that stand for all that differ in the names of pods; \
                        accepted are --symmetry pods and all"
                .into());
        }
        let (partial_order, reduced) = PartialOrder::of(self.reduced)?;
        (self.partial_order, self.reduced) = (Some(partial_order), reduced);
        Ok(self)
    }

    /// The same, with every state for itself.
    #[must_use]
    pub fn without_symmetry(self) -> Self {
        self.with_symmetry(Symmetry::none())
    }

    /// Is it for a search by partial order?
    pub fn is_by_partial_order(&self) -> bool {
        self.partial_order.is_some()
    }

    /// Which renamings of a state it stands for.
    pub fn symmetry(&self) -> &Symmetry {
        &self.symmetry
    }

    /// Does each state stand for all that come from it by renaming?
    pub fn is_symmetric(&self) -> bool {
        !self.symmetry.is_none()
    }

    /// The model.
    pub fn reduced(&self) -> &Reduced {
        &self.reduced
    }

    /// The property that an obligation's bit belongs to.
    pub fn property_of(&self, bit: u32) -> Property {
        match self.is_symmetric() {
            true => self.progress.iter().nth(bit as usize).expect("a bit for each promise that is judged"),
            false => self.owing.property_of(bit),
        }
    }

    /// The obligations of a property.
    pub fn obligations_of(&self, property: Property) -> Obligations {
        match (self.is_symmetric(), self.progress.iter().position(|other| other == property)) {
            (_, None) => 0,
            (true, Some(bit)) => 1 << bit,
            (false, Some(_)) => self.owing.of_property(property),
        }
    }

    /// The unit as it binds a cycle: none does whose key is renamed along it.
    fn binding(&self, unit: fairness::Unit) -> u16 {
        match self.symmetry.renames(unit) {
            true => ANY_UNIT,
            false => unit,
        }
    }

    /// An obligation that a run keeps pending which ends in `state`, as the model numbers it: `bit` of a search, or, where
    /// states stand for others, the first that is pending of its promise.
    pub fn obligation(&self, bit: u32, state: &ClusterState) -> u32 {
        let property = self.property_of(bit);
        let model = &self.reduced.model;
        let own = model.obligations.range(property);
        match self.is_symmetric() {
            true => {
                let pending = model.pending(state).into_iter().find(|bit| own.contains(bit));
                pending.expect("a promise that is not kept in the last state")
            }
            false => own.start + (bit - self.owing.range(property).start),
        }
    }

    /// The bits of all obligations of these promises.
    fn bits(&self, promises: PropertySet) -> Obligations {
        promises.iter().fold(0, |bits, property| bits | self.obligations_of(property))
    }

    fn representative(&self, mut state: ClusterState) -> ClusterState {
        self.symmetry.sort(&self.reduced.model.rules, &mut state);
        state
    }

    fn transition(&self, outcome: Outcome) -> Transition<ClusterState, Move> {
        let over = self.end_at(&outcome.next);
        Transition {
            action: outcome.taken,
            next: self.representative(outcome.next),
            broken: outcome.judged.broken.bits().into(),
            reached: Properties::from(outcome.judged.reached.bits()) | over,
            unit: outcome.unit.map(|unit| self.binding(unit)),
            discharged: self.bits(outcome.discharged),
            classes: outcome.classes,
        }
    }

    /// A path as small steps, with the names that pods and nodes have from its beginning.
    ///
    /// Each of its moves is taken where the search has taken it, in a representative; the steps are those of the move with
    /// the names taken back that were given on the way. Nothing is searched for, so this does not depend on how well states
    /// are made one; that a step leads where it should is checked.
    pub fn unfold(&self, path: &Path<ClusterState, Move>) -> SmallSteps {
        let rules = &self.reduced.model.rules;
        let starts = self.reduced.model.initial().into_iter().flat_map(|first| {
            let steps = self.reduced.first_steps(&first);
            let settled = steps.last().map_or_else(|| first.clone(), |(_, state)| state.clone());
            self.reduced.beginnings(settled).into_iter().map(move |state| {
                let mut representative = state.clone();
                let names = self.symmetry.sort_and_tell(rules, &mut representative);
                (first.clone(), steps.clone(), state, representative, names)
            })
        });
        let start = starts.into_iter().find(|(.., representative, _)| *representative == path.first);
        let (first, steps, mut state, mut here, mut names) =
            start.expect("a path begins in an initial state");
        let mut actions: Vec<Action> = steps.into_iter().map(|(action, _)| action).collect();
        for (taken, target) in &path.steps {
            let mut next = self.reduced.after(&here, *taken);
            for (action, after) in self.reduced.small_steps(&here, taken) {
                let own = action.renamed(&names.inverse());
                let before = self.used_pods(&state);
                state = self.reduced.model.apply(&state, &own);
                let created = self.used_pods(&state).into_iter().find(|pod| !before.contains(pod));
                let before = self.used_pods(&here);
                let its_match = self.used_pods(&after).into_iter().find(|pod| !before.contains(pod));
                if let (Some(pod), Some(named)) = (created, its_match) {
                    names.match_slots(pod, named);
                }
                assert!(names.state(rules, &state) == after, "{ALIKE}: {action:?}");
                actions.push(own);
                here = after;
            }
            // That a pod is followed from here on is no step.
            state = names.inverse().state(rules, &next);
            names = names.then(&self.symmetry.sort_and_tell(rules, &mut next));
            assert!(next == *target, "{ALIKE}: {taken:?}");
            here = next;
        }
        SmallSteps { first, actions, last: state }
    }

    fn used_pods(&self, state: &ClusterState) -> Vec<PodId> {
        self.reduced.model.open(state, |cluster| cluster.used_pods().collect())
    }
}

impl System for Searched {
    type State = ClusterState;
    type Action = Move;

    fn initial(&self) -> Vec<(ClusterState, Properties, Properties)> {
        let enter = |(state, judged): (ClusterState, Judged)| {
            let reached = Properties::from(judged.reached.bits()) | self.end_at(&state);
            (self.representative(state), judged.broken.bits().into(), reached)
        };
        self.reduced.initial().into_iter().map(enter).collect()
    }

    fn transitions(&self, state: &ClusterState, visit: &mut impl FnMut(Transition<ClusterState, Move>)) {
        self.expand(state, visit, &mut Vec::new());
    }

    fn expand(
        &self,
        state: &ClusterState,
        visit: &mut impl FnMut(Transition<ClusterState, Move>),
        held_back: &mut Vec<u16>,
    ) {
        let visit = |outcome| visit(self.transition(outcome));
        self.reduced.moves_but(state, visit, |unit| held_back.push(self.binding(unit)));
    }

    fn ample(
        &self,
        state: &ClusterState,
        visit: &mut impl FnMut(u16, Transition<ClusterState, Move>),
    ) -> bool {
        let Some(partial_order) = &self.partial_order else { return false };
        let mut visit = |choice, outcome| visit(choice, self.transition(outcome));
        partial_order.part(&self.reduced, state, &mut visit).is_some()
    }

    fn owed(&self, state: &ClusterState) -> Owed {
        // A promise that nobody ever waits for is not kept but empty: its premise counts as reached once it is pending.
        let pending = self.reduced.model.open(state, |cluster| match self.is_symmetric() {
            true => self.bits(progress::pending_promises(&self.owing, cluster)),
            false => progress::owed(&self.owing, cluster).pending,
        });
        Owed { pending, reached: pending }
    }

    fn class_names(&self) -> Vec<&'static str> {
        CLASSES.to_vec()
    }

    fn encode(&self, state: &ClusterState, bytes: &mut Vec<u8>) -> bool {
        state.write(bytes);
        true
    }

    fn decode(&self, bytes: &[u8]) -> Option<ClusterState> {
        ClusterState::read(bytes, &self.reduced.model.rules.layout)
    }

    fn heap_bytes(&self, state: &ClusterState) -> usize {
        state.heap_bytes()
    }

    fn limit(&self, state: &ClusterState) -> Option<&'static str> {
        self.reduced.model.limit(state)
    }

    fn has_obligations(&self) -> bool {
        !self.progress.is_empty()
    }
}
