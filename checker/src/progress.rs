//! Progress: no fair run keeps an obligation pending for ever.
//!
//! A counterexample is a stem to a state and a cycle from it to itself, with the obligation pending all along the cycle
//! and discharged by none of its transitions, that is fair: each unit of fairness either has a transition in the cycle,
//! or is disabled in one of its states. Resting in a state for ever is a cycle too: it is fair exactly if no fair
//! transition is possible there; resting counts as no transition of any unit.
//!
//! Each obligation is judged by itself, on the graph of the states where it is pending, without the transitions that
//! discharge it. With weak fairness a strongly connected component of that graph has a fair cycle exactly if, for each
//! unit, it has an inner transition of the unit or a state where the unit is disabled in the whole graph. If so, a cycle
//! through all of these exists. If not, some unit is possible in all its states and taken by none of its inner
//! transitions, and then so it is in every part of it. So the maximal components decide, each with its own inner
//! transitions and no others. Components of what owes anything at all only bound where to look: one of a single
//! obligation lies within one of them.

use std::collections::VecDeque;

use hashbrown::{HashMap, HashSet};

use crate::components::components;
use crate::graph::{Edge, Graph, Id, Identity};
use crate::path::Path;
use crate::system::{ANY_UNIT, Obligations, System};

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

/// One lasso for each family of obligations that a fair run keeps for ever. `family` tells which obligations are one.
pub(crate) fn lassos<Y: System>(
    system: &Y,
    graph: &Graph,
    initial: &[Y::State],
    family: fn(u32) -> u32,
) -> Vec<Lasso<Y::State, Y::Action>> {
    let mut found: Vec<Found> = Vec::new();
    rests(graph, family, &mut found);
    cycles(graph, family, &mut found);
    found.sort_by_key(|lasso| (family(lasso.obligation), lasso.at, lasso.cycle.len()));
    found.dedup_by_key(|lasso| family(lasso.obligation));
    let unfold = |lasso: Found| {
        let (first, choices) = graph.way_to(lasso.at);
        let stem = Path::replay(system, initial[usize::from(first)].clone(), &choices);
        let cycle = Path::replay(system, stem.last().clone(), &lasso.cycle);
        Lasso { obligation: lasso.obligation, stem, cycle }
    };
    found.into_iter().map(unfold).collect()
}

fn bits(mut set: Obligations) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (bit < Obligations::BITS).then_some(bit)
    })
}

/// States with something pending and no fair transition: the first for each obligation.
fn rests(graph: &Graph, family: fn(u32) -> u32, found: &mut Vec<Found>) {
    let mut seen: Obligations = 0;
    for id in 0..graph.expanded() as Id {
        let pending = graph.pending(id) & !seen;
        if pending == 0 || graph.edges(id).any(|(edge, _)| edge.unit != 0) {
            continue;
        }
        for obligation in bits(pending) {
            if found.iter().all(|lasso| family(lasso.obligation) != family(obligation)) {
                found.push(Found { obligation, at: id, cycle: Vec::new() });
            }
        }
        seen |= pending;
    }
}

/// Fair cycles, in the components of what is pending.
fn cycles(graph: &Graph, family: fn(u32) -> u32, found: &mut Vec<Found>) {
    let expanded = graph.expanded();
    let inside = |id: Id| (id as usize) < expanded && graph.pending(id) != 0;
    let all = (0..expanded as Id).filter(|&id| inside(id));
    let successors = |id: Id, out: &mut Vec<Id>| {
        let common = |edge: Edge, discharged: Obligations| {
            inside(edge.to) && graph.pending(id) & graph.pending(edge.to) & !discharged != 0
        };
        out.extend(
            graph.edges(id).filter(|&(edge, discharged)| common(edge, discharged)).map(|(edge, _)| edge.to),
        );
    };
    let mut candidates: Vec<Vec<Id>> = Vec::new();
    components(expanded, all, inside, successors, |component| {
        let loops = component.len() > 1 || graph.edges(component[0]).any(|(edge, _)| edge.to == component[0]);
        if loops {
            candidates.push(component.to_vec());
        }
    });
    for component in candidates {
        let pending = component.iter().fold(0, |set, &id| set | graph.pending(id));
        for obligation in bits(pending) {
            inner_cycles(graph, &component, obligation, family, found);
        }
    }
}

/// Fair cycles with one obligation pending, inside one component of the whole.
fn inner_cycles(
    graph: &Graph,
    within: &[Id],
    obligation: u32,
    family: fn(u32) -> u32,
    found: &mut Vec<Found>,
) {
    let bit: Obligations = 1 << obligation;
    let mut members: Vec<Id> = within.iter().copied().filter(|&id| graph.pending(id) & bit != 0).collect();
    members.sort_unstable();
    // Numbered afresh, so that the work is that of the component and not of the graph.
    let local: HashMap<u64, Id, Identity> =
        members.iter().enumerate().fold(HashMap::with_hasher(Identity), |mut map, (index, &id)| {
            map.insert(u64::from(id), index as Id);
            map
        });
    let inner = |id: Id| {
        graph.edges(id).enumerate().filter_map(|(offset, (edge, discharged))| {
            let to = *local.get(&u64::from(edge.to))?;
            (discharged & bit == 0).then_some((offset as u16, to, edge.unit))
        })
    };
    let successors =
        |index: Id, out: &mut Vec<Id>| out.extend(inner(members[index as usize]).map(|(_, to, _)| to));
    components(
        members.len(),
        0..members.len() as Id,
        |_| true,
        successors,
        |component| {
            let mut inside: HashSet<u64, Identity> = HashSet::with_hasher(Identity);
            inside.extend(component.iter().map(|&index| u64::from(index)));
            let edges = |index: Id| {
                inner(members[index as usize]).filter(|&(_, to, _)| inside.contains(&u64::from(to)))
            };
            if !component.iter().any(|&index| edges(index).next().is_some()) {
                return;
            }
            let first = *component.iter().min().expect("a component has a state");
            let known = |lasso: &Found| {
                family(lasso.obligation) == family(obligation) && lasso.at <= members[first as usize]
            };
            if found.iter().any(known) {
                return;
            }
            if let Some(cycle) = fair_cycle(graph, &members, component, &edges) {
                found.push(Found { obligation, at: members[cycle.0 as usize], cycle: cycle.1 });
            }
        },
    );
}

/// A cycle through a component that serves every unit of fairness, if there is one: where it begins, and the transition
/// to take at each step.
fn fair_cycle<I>(
    graph: &Graph,
    members: &[Id],
    component: &[Id],
    edges: &impl Fn(Id) -> I,
) -> Option<(Id, Vec<u16>)>
where
    I: Iterator<Item = (u16, Id, u32)>,
{
    let enabled = |index: Id| -> Vec<u32> {
        let binds = |unit: &u32| *unit != 0 && *unit != u32::from(ANY_UNIT) + 1;
        let mut units: Vec<u32> =
            graph.edges(members[index as usize]).map(|(edge, _)| edge.unit).filter(binds).collect();
        units.sort_unstable();
        units.dedup();
        units
    };
    // Only units that are enabled in every state have to be taken.
    let mut always = enabled(component[0]);
    for &index in component {
        let here = enabled(index);
        always.retain(|unit| here.binary_search(unit).is_ok());
        if always.is_empty() {
            break;
        }
    }
    let taken = |unit: u32| component.iter().any(|&index| edges(index).any(|(_, _, other)| other == unit));
    if !always.iter().all(|&unit| taken(unit)) {
        return None;
    }
    // What a fair cycle must visit: a transition of each unit that is always enabled, and for each other unit that is
    // enabled somewhere, a transition of it or a state without it.
    let start = *component.iter().min().expect("a component has a state");
    let mut owed: Vec<u32> = component.iter().flat_map(|&index| enabled(index)).collect();
    owed.sort_unstable();
    owed.dedup();
    let mut cycle: Vec<u16> = Vec::new();
    let mut at = start;
    let serve = |at: Id, via: Option<u32>, owed: &mut Vec<u32>| {
        let here = enabled(at);
        owed.retain(|unit| Some(*unit) != via && here.binary_search(unit).is_ok());
    };
    serve(at, None, &mut owed);
    let mut moved = false;
    while let Some(&unit) = owed.first() {
        let goal = |to: Id, via: u32| via == unit || enabled(to).binary_search(&unit).is_err();
        let (way, end) = walk(at, edges, &goal).expect("each state of a component leads to every other");
        for (choice, to, via) in way {
            cycle.push(choice);
            serve(to, Some(via), &mut owed);
        }
        at = end;
        moved = true;
    }
    if at != start || !moved {
        let (way, _) =
            walk(at, edges, &|to, _| to == start).expect("each state of a component leads to every other");
        cycle.extend(way.into_iter().map(|(choice, ..)| choice));
    }
    Some((start, cycle))
}

type Way = (Vec<(u16, Id, u32)>, Id);

/// The shortest non-empty way from `start` whose last transition is a goal.
fn walk<I>(start: Id, edges: &impl Fn(Id) -> I, goal: &impl Fn(Id, u32) -> bool) -> Option<Way>
where
    I: Iterator<Item = (u16, Id, u32)>,
{
    let mut from: HashMap<u64, (Id, u16, u32), Identity> = HashMap::with_hasher(Identity);
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for (choice, to, unit) in edges(at) {
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
    None
}
