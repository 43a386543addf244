//! Progress: no fair run keeps an obligation pending for ever.
//!
//! A counterexample is a stem to a state and a cycle from it to itself, with the obligation pending all along the cycle
//! and discharged by none of its transitions, that is [fair](crate::fair_cycle). Resting in a state for ever is a cycle too:
//! it is fair exactly if no fair transition is possible there; resting counts as no transition of any unit.
//!
//! Each obligation is judged by itself, on the graph of the states where it is pending, without the transitions that
//! discharge it. Components of what owes anything at all only bound where to look: one of a single obligation lies within
//! one of them.

use crate::components::components;
use crate::fair_cycle::{Keeping, MEMBER, Strong};
use crate::graph::{Graph, Id};
use crate::look::{Looks, Patience};
use crate::path::Path;
use crate::record::Inner;
use crate::report::Stopped;
use crate::system::{Obligations, System, Unit};

/// A fair run that keeps an obligation for ever.
#[derive(Clone, Debug)]
pub struct Lasso<S, A> {
    /// The obligation's bit.
    pub obligation: u32,
    /// The way to the cycle.
    pub stem: Path<S, A>,
    /// The cycle, from the end of the stem back to it; without a step the run rests there.
    pub cycle: Path<S, A>,
}

/// A lasso by numbers.
struct Found {
    obligation: u32,
    at: Id,
    cycle: Vec<u16>,
}

/// Bytes that judging takes for each state, about.
pub(crate) const EACH: u64 = (MEMBER + 9) as u64;

/// What is known of progress.
pub(crate) struct Judged<S, A> {
    /// One lasso for each family of obligations that a fair run keeps for ever.
    pub lassos: Vec<Lasso<S, A>>,
    /// The obligations that a run may keep that is unfair to nothing but what is held back.
    pub starved: Obligations,
    /// Why not every run was judged.
    pub unjudged: Option<Stopped>,
    /// The most bytes that this took, with the graph.
    pub most: u64,
}

impl<S, A> Default for Judged<S, A> {
    fn default() -> Self {
        Self { lassos: Vec::new(), starved: 0, unjudged: None, most: 0 }
    }
}

/// Which lassos are looked for.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// Which obligations are one.
    pub family: fn(u32) -> u32,
    /// One that rests comes before one that goes round, whichever is nearer.
    pub rests_first: bool,
}

/// Judges the runs through the states found.
pub(crate) fn judge<Y: System>(
    system: &Y,
    graph: &Graph,
    initial: &[Y::State],
    wanted: Wanted,
    patience: &Patience<'_, '_>,
) -> Judged<Y::State, Y::Action> {
    let Wanted { family, rests_first } = wanted;
    let mut found: Vec<Found> = Vec::new();
    let strong = |unit: Unit| system.is_strong(unit);
    let held = rests(graph, family, patience, &mut found);
    let starved = held | cycles(graph, family, &strong, patience, &mut found);
    if let Some(error) = graph.edges.failed() {
        // Some of it may have been judged without edges that could not be read.
        let (_, most) = patience.end();
        return Judged { unjudged: Some(Stopped::Disk(error)), most, ..Judged::default() };
    }
    found.sort_by_key(|lasso| {
        let waits = rests_first && !lasso.cycle.is_empty();
        (family(lasso.obligation), waits, lasso.at, lasso.cycle.len())
    });
    found.dedup_by_key(|lasso| family(lasso.obligation));
    let unfold = |lasso: Found| {
        let (first, choices) = graph.way_to(lasso.at);
        let stem = Path::replay(system, initial[usize::from(first)].clone(), &choices);
        let cycle = Path::replay(system, stem.last().clone(), &lasso.cycle);
        Lasso { obligation: lasso.obligation, stem, cycle }
    };
    let (unjudged, most) = patience.end();
    Judged { lassos: found.into_iter().map(unfold).collect(), starved, unjudged, most }
}

fn bits(mut set: Obligations) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (bit < Obligations::BITS).then_some(bit)
    })
}

/// States with something pending and no fair transition: the first for each obligation. And the obligations of states in which all that is
/// fair is held back: who rests there is unfair to that alone.
fn rests(graph: &Graph, family: fn(u32) -> u32, patience: &dyn Looks, found: &mut Vec<Found>) -> Obligations {
    let (mut seen, mut starved): (Obligations, Obligations) = (0, 0);
    for id in 0..graph.expanded() as Id {
        if patience.is_over(0) {
            return starved;
        }
        let pending = graph.pending(id) & !seen;
        if pending == 0 {
            continue;
        }
        let out = graph.out(id);
        if out.is_fair() {
            if !out.has_possible() {
                starved |= pending;
            }
            continue;
        }
        for obligation in bits(pending) {
            if found.iter().all(|lasso| family(lasso.obligation) != family(obligation)) {
                found.push(Found { obligation, at: id, cycle: Vec::new() });
            }
        }
        seen |= pending;
    }
    starved
}

/// Fair cycles, in the components of what is pending; and the obligations of those that are starved.
fn cycles(
    graph: &Graph,
    family: fn(u32) -> u32,
    strong: Strong<'_>,
    patience: &dyn Looks,
    found: &mut Vec<Found>,
) -> Obligations {
    let expanded = graph.expanded();
    let inside = |id: Id| (id as usize) < expanded && graph.pending(id) != 0;
    let all = (0..expanded as Id).filter(|&id| inside(id));
    let successors = |id: Id, out: &mut Vec<Id>| {
        let common = |edge: &Inner| {
            inside(edge.to) && graph.pending(id) & graph.pending(edge.to) & !edge.discharged != 0
        };
        out.extend(graph.out(id).into_inner().filter(common).map(|edge| edge.to));
    };
    let mut candidates: Vec<Vec<Id>> = Vec::new();
    components(expanded, all, inside, successors, patience, |component| {
        let loops =
            component.len() > 1 || graph.out(component[0]).inner().any(|edge| edge.to == component[0]);
        if loops {
            patience.hold((size_of_val(component) + size_of::<Vec<Id>>()) as u64);
            candidates.push(component.to_vec());
        }
    });
    let mut starved: Obligations = 0;
    for component in candidates {
        let pending = component.iter().fold(0, |set, &id| set | graph.pending(id));
        for obligation in bits(pending) {
            let known = found.iter().filter(|lasso| family(lasso.obligation) == family(obligation));
            let known = known.map(|lasso| lasso.at).min();
            let keeps = |id: &&Id| graph.pending(**id) >> obligation & 1 == 1;
            let bytes = (component.iter().filter(keeps).count() * MEMBER) as u64;
            if !patience.hold(bytes) {
                return starved;
            }
            let shown = Keeping::new(graph, &component, obligation, strong, patience).search(known);
            patience.release(bytes);
            if let Some((at, cycle)) = shown.cycle {
                found.push(Found { obligation, at, cycle });
            }
            starved |= Obligations::from(shown.starved) << obligation;
        }
    }
    starved
}
