//! Fair cycles in one strongly connected component of the states that keep an obligation.
//!
//! A cycle is fair if each unit of weak fairness has a transition in it or is disabled in one of its states, and each unit
//! of strong fairness has a transition in it or is disabled in all of them. Disabled means: in the whole graph, not in the
//! component.
//!
//! A component with an inner transition of every unit that binds it has a fair cycle, through all of these. Otherwise:
//! a weak unit that is possible in all of its states and taken in none is so in every part of it, and there is no fair cycle;
//! a strong unit that is possible somewhere and taken nowhere leaves those parts that avoid its states, which are judged
//! in their turn (Streett's condition, by Emerson and Lei's decomposition).
//!
//! A unit that is *held back* is possible and not taken only because the system is searched with an approximation. One of weak
//! fairness counts as possible. A cycle that is unfair to held-back units alone, and never meets a state where they could be taken, shows
//! nothing: what would come of taking them was not searched. Such a component is *starved*.

use std::collections::{BTreeSet, VecDeque};

use hashbrown::{HashMap, HashSet};

use crate::components::components;
use crate::graph::{Graph, Id, Identity};
use crate::look::Looks;
use crate::record::Out;
use crate::system::{Obligations, Unit};

/// Which units are of strong fairness.
pub type Strong<'a> = &'a dyn Fn(Unit) -> bool;

/// An edge inside the states that keep the obligation: the number of the transition, where it leads, and its unit.
type Inner = (u16, Id, Option<Unit>);

/// Bytes that a search takes for each state of a component, about: lists of it, and tables that tell what is in it.
pub const MEMBER: usize = 96;

/// The states that keep one obligation, within one component of those that keep any.
pub struct Keeping<'g> {
    graph: &'g Graph,
    obligation: Obligations,
    strong: Strong<'g>,
    patience: &'g dyn Looks,
    /// Numbered afresh, so that the work is that of the component and not of the graph.
    members: Vec<Id>,
    local: HashMap<u64, Id, Identity>,
}

/// What the states that keep an obligation show.
#[derive(Default)]
pub struct Shown {
    /// A fair cycle, where it begins, and the transition to take at each step.
    pub cycle: Option<(Id, Vec<u16>)>,
    /// There may be one that only the units held back keep from being fair.
    pub starved: bool,
}

impl<'g> Keeping<'g> {
    /// Those of `within` that keep obligation number `obligation`.
    pub fn new(
        graph: &'g Graph,
        within: &[Id],
        obligation: u32,
        strong: Strong<'g>,
        patience: &'g dyn Looks,
    ) -> Self {
        let obligation: Obligations = 1 << obligation;
        let keeps = |&id: &Id| graph.pending(id) & obligation != 0;
        let mut members: Vec<Id> = within.iter().copied().filter(keeps).collect();
        members.sort_unstable();
        let mut local = HashMap::with_capacity_and_hasher(members.len(), Identity);
        local.extend(members.iter().enumerate().map(|(index, &id)| (u64::from(id), index as Id)));
        Self { graph, obligation, strong, patience, members, local }
    }

    /// Looks for a fair cycle that begins before `before`. If patience ends, so does this, and there may be others.
    pub fn search(&self, before: Option<Id>) -> Shown {
        let mut shown = Shown::default();
        // Components to judge, each with whether only starvation can still show there.
        let mut work: Vec<(Vec<Id>, bool)> = Vec::new();
        self.split(&(0..self.members.len() as Id).collect::<Vec<_>>(), |part| work.push((part, false)));
        work.reverse();
        while let Some((component, hopeless)) = work.pop() {
            let first = self.members[component[0] as usize];
            let best = shown.cycle.as_ref().map(|&(at, _)| at).or(before);
            if hopeless && shown.starved || !hopeless && best.is_some_and(|at| at <= first) {
                continue;
            }
            let part = Part::new(self, component);
            let unmet = part.unmet();
            if self.patience.has_ended() {
                break;
            }
            let hopeless = hopeless || !unmet.weak.is_empty();
            let missed = part.possible(unmet.weak.into_iter().chain(unmet.strong).collect());
            if self.patience.has_ended() {
                break;
            }
            if missed.is_empty() {
                if hopeless {
                    shown.starved = true;
                    continue;
                }
                let Some((start, cycle)) = part.cycle() else { break };
                shown.cycle = Some((self.members[start as usize], cycle));
                continue;
            }
            let avoids = |&index: &Id| self.out(index).taken().all(|unit| !missed.contains(&unit));
            let rest: Vec<Id> = part.states.iter().copied().filter(avoids).collect();
            self.split(&rest, |part| work.push((part, hopeless)));
        }
        shown
    }

    /// The strongly connected components of `states` that have a transition inside, each sorted.
    fn split(&self, states: &[Id], mut found: impl FnMut(Vec<Id>)) {
        // Numbered afresh once more: the work is that of these states and not of all members.
        let places: HashMap<u64, Id, Identity> =
            states.iter().enumerate().map(|(place, &index)| (u64::from(index), place as Id)).collect();
        let successors = |place: Id, out: &mut Vec<Id>| {
            let inner = self.inner(states[place as usize]);
            out.extend(inner.filter_map(|(_, to, _)| places.get(&u64::from(to)).copied()));
        };
        let all = 0..states.len() as Id;
        components(
            states.len(),
            all,
            |_| true,
            successors,
            self.patience,
            |component| {
                let mut component: Vec<Id> = component.iter().map(|&place| states[place as usize]).collect();
                let first = component[0];
                if component.len() > 1 || self.inner(first).any(|(_, to, _)| to == first) {
                    component.sort_unstable();
                    found(component);
                }
            },
        );
    }

    /// The transitions of a state that keep the obligation.
    fn inner(&self, index: Id) -> impl Iterator<Item = Inner> + '_ {
        self.graph.out(self.members[index as usize]).into_inner().filter_map(|edge| {
            let to = *self.local.get(&u64::from(edge.to))?;
            (edge.discharged & self.obligation == 0).then_some((edge.choice, to, edge.unit))
        })
    }

    /// What leads out of a state, inside or not.
    fn out(&self, index: Id) -> Out<'_> {
        self.graph.out(self.members[index as usize])
    }

    /// Is the unit possible in a state, held back or not?
    fn is_enabled(&self, index: Id, unit: Unit) -> bool {
        self.out(index).enabled().any(|other| other == unit)
    }
}

/// Units that forbid a fair cycle through a whole component.
struct Unmet {
    /// Of weak fairness: possible in every state and never taken inside.
    weak: Vec<Unit>,
    /// Of strong fairness: possible in some state and never taken inside.
    strong: Vec<Unit>,
}

/// One strongly connected component with a transition inside.
struct Part<'k, 'g> {
    keeping: &'k Keeping<'g>,
    /// Sorted.
    states: Vec<Id>,
    inside: HashSet<u64, Identity>,
}

impl<'k, 'g> Part<'k, 'g> {
    fn new(keeping: &'k Keeping<'g>, states: Vec<Id>) -> Self {
        let inside = states.iter().map(|&index| u64::from(index)).collect();
        Self { keeping, states, inside }
    }

    fn edges(&self, index: Id) -> impl Iterator<Item = Inner> + '_ {
        self.keeping.inner(index).filter(|&(_, to, _)| self.inside.contains(&u64::from(to)))
    }

    /// The states; none any more once patience has ended, and what was said of all of them is said of nothing.
    fn patiently(&self) -> impl Iterator<Item = Id> + '_ {
        self.states.iter().copied().take_while(|_| !self.keeping.patience.is_over(0))
    }

    /// Those of `units` that hold in none of the states.
    fn nowhere(&self, mut units: Vec<Unit>, holds: impl Fn(Id, Unit) -> bool) -> Vec<Unit> {
        for index in self.patiently() {
            if units.is_empty() {
                break;
            }
            units.retain(|&unit| !holds(index, unit));
        }
        units
    }

    /// Those of `units` of which no transition inside is one.
    fn never_taken(&self, units: Vec<Unit>) -> Vec<Unit> {
        self.nowhere(units, |index, unit| self.edges(index).any(|(_, _, other)| other == Some(unit)))
    }

    /// Those of `units` of which a state has a transition, inside or not, that is not held back.
    fn possible(&self, units: Vec<Unit>) -> Vec<Unit> {
        let taken = |index, unit| self.keeping.out(index).taken().any(|other| other == unit);
        let impossible = self.nowhere(units.clone(), taken);
        units.into_iter().filter(|unit| !impossible.contains(unit)).collect()
    }

    fn unmet(&self) -> Unmet {
        let mut always: Vec<Unit> = self.keeping.out(self.states[0]).enabled().collect();
        always.sort_unstable();
        for index in self.patiently() {
            if always.is_empty() {
                break;
            }
            let here = self.keeping.out(index);
            always.retain(|&unit| here.enabled().any(|other| other == unit));
        }
        let is_strong = |unit: &Unit| (self.keeping.strong)(*unit);
        let mut strong: BTreeSet<Unit> = BTreeSet::new();
        self.patiently().for_each(|index| strong.extend(self.keeping.out(index).taken().filter(is_strong)));
        let strong: Vec<Unit> = strong.into_iter().collect();
        always.retain(|unit| !is_strong(unit));
        Unmet { weak: self.never_taken(always), strong: self.never_taken(strong) }
    }

    /// A cycle that serves every unit, in a component in which none is unmet; none if patience ends.
    fn cycle(&self) -> Option<(Id, Vec<u16>)> {
        // What it must visit: for each unit that is enabled somewhere a transition of it or, of weak fairness, a state
        // without it.
        let start = self.states[0];
        let (mut owed, mut possible): (BTreeSet<Unit>, BTreeSet<Unit>) = Default::default();
        for index in self.patiently() {
            owed.extend(self.keeping.out(index).enabled());
            possible.extend(self.keeping.out(index).taken());
        }
        let is_free = |index: Id, unit: Unit| match (self.keeping.strong)(unit) {
            true => !possible.contains(&unit),
            false => !self.keeping.is_enabled(index, unit),
        };
        let mut owed: Vec<Unit> = owed.into_iter().collect();
        owed.retain(|&unit| !is_free(start, unit));
        let (mut at, mut cycle) = (start, Vec::new());
        while let Some(&unit) = owed.first() {
            let goal = |to: Id, via: Option<Unit>| via == Some(unit) || is_free(to, unit);
            let (way, end) = self.walk(at, &goal)?;
            for (choice, to, via) in way {
                cycle.push(choice);
                owed.retain(|&unit| Some(unit) != via && !is_free(to, unit));
            }
            at = end;
        }
        if at != start || cycle.is_empty() {
            let (way, _) = self.walk(at, &|to, _| to == start)?;
            cycle.extend(way.into_iter().map(|(choice, ..)| choice));
        }
        // A unit that was passed over because patience had ended would make this cycle unfair.
        (!self.keeping.patience.has_ended()).then_some((start, cycle))
    }

    /// The shortest non-empty way from `start` whose last transition is a goal, and where it ends; none if patience ends.
    fn walk(&self, start: Id, goal: &impl Fn(Id, Option<Unit>) -> bool) -> Option<(Vec<Inner>, Id)> {
        let mut from: HashMap<u64, (Id, u16, Option<Unit>), Identity> = HashMap::with_hasher(Identity);
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            let held = from.capacity() * size_of::<(u64, (Id, u16, Option<Unit>))>();
            if self.keeping.patience.is_over(held as u64) {
                return None;
            }
            for (choice, to, unit) in self.edges(at) {
                if goal(to, unit) {
                    let mut way = vec![(choice, to, unit)];
                    let mut back = at;
                    while back != start {
                        let (previous, choice, unit) = from[&u64::from(back)];
                        way.push((choice, back, unit));
                        back = previous;
                    }
                    way.reverse();
                    return Some((way, to));
                }
                if to != start && !from.contains_key(&u64::from(to)) {
                    from.insert(u64::from(to), (at, choice, unit));
                    queue.push_back(to);
                }
            }
        }
        // Each state of a component leads to every other.
        assert!(self.keeping.graph.edges.failed().is_some(), "no goal in a component that has one");
        None
    }
}
