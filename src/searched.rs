//! The model as the checker sees it.

use podproof_checker::system::{ANY_UNIT, Obligations, Owed, Properties};
use podproof_checker::{Path, System, Transition};
use podproof_model::progress::Layout;
use podproof_model::properties::Judged;
use podproof_model::reduced::partial_order::PartialOrder;
use podproof_model::reduced::{Move, Outcome, Reduced, symmetry};
use podproof_model::{ClusterState, fairness};
use podproof_vocabulary::Property;
use podproof_vocabulary::action::{Action, CLASSES};
use podproof_vocabulary::property::{Kind, PropertySet};

/// The model, made of moves, with the promises that one search judges.
pub struct Searched {
    reduced: Reduced,
    progress: PropertySet,
    symmetric: bool,
    partial_order: Option<PartialOrder>,
}

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
    /// The model with those progress promises of `judged` that it is asked for; its safety promises are the model's own.
    pub fn new(reduced: Reduced, judged: PropertySet) -> Self {
        let progress = judged.iter().filter(|property| property.facts().kind == Kind::Liveness);
        let symmetric = symmetry::is_possible(&reduced.model.rules);
        Self { progress: PropertySet::of(progress), symmetric, reduced, partial_order: None }
    }

    /// The same, for a search [by partial order](podproof_checker::Search::partial_order).
    ///
    /// # Errors
    /// Why this model cannot be searched so.
    pub fn by_partial_order(mut self) -> Result<Self, String> {
        if self.has_obligations() {
            return Err("a search by partial order judges no promise of progress".into());
        }
        let symmetric = self.symmetric;
        let (partial_order, reduced) = PartialOrder::of(self.reduced)?;
        if !symmetric {
            return Err(
                "a search by partial order needs states that stand for all that differ in names".into()
            );
        }
        (self.partial_order, self.reduced) = (Some(partial_order), reduced);
        Ok(self)
    }

    /// The same, with every state for itself.
    #[must_use]
    pub fn without_symmetry(mut self) -> Self {
        self.symmetric = false;
        self
    }

    /// Is it for a search by partial order?
    pub fn is_by_partial_order(&self) -> bool {
        self.partial_order.is_some()
    }

    /// Does each state stand for all that come from it by renaming pods?
    pub fn is_symmetric(&self) -> bool {
        self.symmetric
    }

    /// The model.
    pub fn reduced(&self) -> &Reduced {
        &self.reduced
    }

    fn layout(&self) -> &Layout {
        &self.reduced.model.obligations
    }

    /// The property that an obligation's bit belongs to.
    pub fn property_of(&self, bit: u32) -> Property {
        match self.symmetric {
            true => self.progress.iter().nth(bit as usize).expect("a bit for each promise that is judged"),
            false => self.layout().property_of(bit),
        }
    }

    /// The obligations of a property.
    pub fn obligations_of(&self, property: Property) -> Obligations {
        match (self.symmetric, self.progress.iter().position(|other| other == property)) {
            (_, None) => 0,
            (true, Some(bit)) => 1 << bit,
            (false, Some(_)) => self.layout().of_property(property),
        }
    }

    /// The unit as it binds a cycle: where pods are renamed along it, none of a pod does.
    fn binding(&self, unit: fairness::Unit) -> u16 {
        match self.symmetric && fairness::is_of_pod(unit) {
            true => ANY_UNIT,
            false => unit,
        }
    }

    /// A bit for each obligation, or, where states stand for others, for each property.
    fn folded(&self, obligations: Obligations) -> Obligations {
        let promises = self.progress.iter().enumerate();
        promises.fold(0, |set, (bit, property)| {
            let own = obligations & self.layout().of_property(property);
            set | if self.symmetric { Obligations::from(own != 0) << bit } else { own }
        })
    }

    fn representative(&self, mut state: ClusterState) -> ClusterState {
        if self.symmetric {
            symmetry::sort(&self.reduced.model.rules, &mut state);
        }
        state
    }

    fn transition(&self, outcome: Outcome) -> Transition<ClusterState, Move> {
        Transition {
            action: outcome.taken,
            next: self.representative(outcome.next),
            broken: outcome.judged.broken.bits().into(),
            reached: outcome.judged.reached.bits().into(),
            unit: outcome.unit.map(|unit| self.binding(unit)),
            discharged: if outcome.discharged == 0 { 0 } else { self.folded(outcome.discharged) },
            classes: outcome.classes,
        }
    }

    /// A path as small steps, with the names that pods have from its beginning. The last move breaks `broken`, if that is
    /// asked for.
    pub fn unfold(&self, path: &Path<ClusterState, Move>, broken: Option<Property>) -> SmallSteps {
        let settled = |first: &ClusterState| match self.reduced.first_steps(first).pop() {
            Some((_, state)) => state,
            None => first.clone(),
        };
        let starts = self.reduced.model.initial().into_iter().map(|first| (settled(&first), first));
        let start =
            starts.into_iter().find(|(settled, _)| self.representative(settled.clone()) == path.first);
        let (mut state, first) = start.expect("a path begins in an initial state");
        let mut actions: Vec<Action> =
            self.reduced.first_steps(&first).into_iter().map(|(action, _)| action).collect();
        let last = path.steps.len().checked_sub(1);
        for (index, (taken, target)) in path.steps.iter().enumerate() {
            let must_break = broken.filter(|_| Some(index) == last);
            let (step, next) = self.matching(&state, *taken, target, must_break);
            actions.extend(self.reduced.small_steps(&state, &step).into_iter().map(|(action, _)| action));
            state = next;
        }
        SmallSteps { first, actions, last: state }
    }

    /// The move out of `state` that `taken` stands for: it leads to what `target` stands for.
    fn matching(
        &self,
        state: &ClusterState,
        taken: Move,
        target: &ClusterState,
        must_break: Option<Property>,
    ) -> (Move, ClusterState) {
        let mut found = None;
        self.reduced.moves(state, |outcome| {
            let breaks = must_break.is_none_or(|property| outcome.judged.broken.contains(property));
            let same = self.symmetric || outcome.taken == taken;
            if found.is_none() && breaks && same && self.representative(outcome.next.clone()) == *target {
                found = Some((outcome.taken, outcome.next));
            }
        });
        found.expect("pods are alike: what one state can do, each that it stands for can")
    }
}

impl System for Searched {
    type State = ClusterState;
    type Action = Move;

    fn initial(&self) -> Vec<(ClusterState, Properties, Properties)> {
        let enter = |(state, judged): (ClusterState, Judged)| {
            (self.representative(state), judged.broken.bits().into(), judged.reached.bits().into())
        };
        self.reduced.initial().into_iter().map(enter).collect()
    }

    fn transitions(&self, state: &ClusterState, visit: &mut impl FnMut(Transition<ClusterState, Move>)) {
        self.reduced.moves(state, |outcome| visit(self.transition(outcome)));
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
        let pending = self.folded(self.reduced.model.owed(state).pending);
        Owed { pending, reached: pending }
    }

    fn held_back(&self, state: &ClusterState, out: &mut Vec<u16>) {
        out.extend(self.reduced.model.held_back(state).into_iter().map(|unit| self.binding(unit)));
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

    fn limit(&self, state: &ClusterState) -> Option<&'static str> {
        self.reduced.model.limit(state)
    }

    fn has_obligations(&self) -> bool {
        !self.progress.is_empty()
    }
}
