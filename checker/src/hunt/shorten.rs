//! Ways made short: what a hunt has found lies at the end of a long one.
//!
//! From places along the way a breadth-first search goes through a few states. It may meet the way again further on, or
//! meet what the way leads to: then it cuts the corner. Small searches come first, as they cut loops off; then larger ones.

use std::collections::{BTreeMap, BTreeSet};

use super::worker::{Goal, Way, bits};
use crate::expand::owed;
use crate::fingerprint::{Fingerprint, Hasher};
use crate::system::{System, Transition};

/// States that the first searches go through, and by how much the later ones are larger.
const SMALLEST: usize = 32;
const GROWTH: usize = 8;

/// How long a search for a shorter way may go on.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// States that it goes through.
    pub states: usize,
    /// Bytes that it holds, about: a way whose states take more stays as it is.
    pub memory: u64,
    /// Asked now and then.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
}

/// States that are gone through between two questions whether it is over.
const ASKED: usize = 64;

/// Shortens `way`, which leads from one of `initial` to `goal`.
pub fn shorten<Y: System>(
    system: &Y,
    initial: &[Y::State],
    (goal, way): (Goal, Way),
    bounds: Bounds<'_>,
) -> Way {
    let Bounds { states, is_over, .. } = bounds;
    let bytes = |state: &Y::State| (size_of::<Y::State>() + system.heap_bytes(state)) as u64;
    // Half of it for the way, half for what is found beside it.
    let room = bounds.memory / 2;
    if bytes(&initial[usize::from(way.first)]).saturating_mul(way.choices.len() as u64 + 1) > room {
        return way;
    }
    let mut line = Line::along(system, initial[usize::from(way.first)].clone(), way.choices, goal);
    let (mut left, mut size) = (states, SMALLEST);
    while left > 0 && size <= states && !is_over() {
        let (mut at, mut gained) = (0, false);
        while at + 1 < line.states.len() && left > 0 && !is_over() {
            let window = Window::search(
                system,
                &line,
                at,
                goal,
                Bounds { states: size.min(left), memory: room, is_over },
            );
            left -= window.expanded.min(left);
            match window.corner {
                Some(corner) => {
                    at += corner.choices.len().max(1);
                    line.cut(system, corner);
                    gained = true;
                }
                // From places between here and there much the same would be seen.
                None => at += window.depth.max(1),
            }
        }
        if !gained {
            size *= GROWTH;
        }
    }
    Way { first: way.first, choices: line.choices }
}

/// A way with its states.
struct Line<S> {
    hasher: Hasher,
    /// One more than transitions.
    states: Vec<S>,
    choices: Vec<u16>,
    /// The last place of each state. A way that breaks a property ends with a step that does, not in a state that it
    /// happens to lead to: then its end is no place.
    places: BTreeMap<u64, usize>,
    ends_with_step: bool,
}

/// Transitions that lead from one place of a way to a later one in fewer steps.
struct Corner {
    from: usize,
    to: usize,
    choices: Vec<u16>,
}

fn successor<Y: System>(system: &Y, state: &Y::State, choice: u16) -> Y::State {
    let (mut number, mut found) = (0, None);
    system.transitions(state, &mut |transition: Transition<Y::State, Y::Action>| {
        if number == usize::from(choice) {
            found = Some(transition.next);
        }
        number += 1;
    });
    found.expect("a state has the transitions that it had")
}

impl<S: Clone + Eq + std::hash::Hash> Line<S> {
    fn along<Y: System<State = S>>(system: &Y, first: S, choices: Vec<u16>, goal: Goal) -> Self {
        let mut states = vec![first];
        for &choice in &choices {
            let next = successor(system, &states[states.len() - 1], choice);
            states.push(next);
        }
        let ends_with_step = matches!(goal, Goal::Breaks(_));
        let mut line =
            Self { hasher: Hasher::default(), states, choices, places: BTreeMap::new(), ends_with_step };
        line.place();
        line
    }

    fn place(&mut self) {
        let count = self.states.len() - usize::from(self.ends_with_step && self.states.len() > 1);
        let prints = self.states[..count].iter().map(|state| u64::of(&self.hasher, state));
        self.places = prints.enumerate().map(|(place, print)| (print, place)).collect();
    }

    /// The last place of this state, if it is on the way.
    fn find(&self, print: u64, state: &S) -> Option<usize> {
        self.places.get(&print).copied().filter(|&place| self.states[place] == *state)
    }

    fn cut<Y: System<State = S>>(&mut self, system: &Y, corner: Corner) {
        let mut between = Vec::new();
        for &choice in &corner.choices {
            let next = successor(system, between.last().unwrap_or(&self.states[corner.from]), choice);
            between.push(next);
        }
        self.choices.splice(corner.from..corner.to, corner.choices);
        self.states.splice(corner.from + 1..=corner.to, between);
        self.place();
    }
}

/// A breadth-first search from one place of a way.
struct Window {
    /// States that it went through.
    expanded: usize,
    /// Transitions to the last one that it went on from.
    depth: usize,
    /// The corner that saves most, if one does.
    corner: Option<Corner>,
}

/// A state that it has found.
struct Node<S> {
    state: S,
    came: Option<(usize, u16)>,
    depth: usize,
}

impl Window {
    fn search<Y: System>(
        system: &Y,
        line: &Line<Y::State>,
        at: usize,
        goal: Goal,
        bounds: Bounds<'_>,
    ) -> Self {
        let end = line.states.len() - 1;
        let mut nodes = vec![Node { state: line.states[at].clone(), came: None, depth: 0 }];
        let mut known = BTreeSet::from([u64::of(&line.hasher, &line.states[at])]);
        // How much it saves, the place that it leads to, the state before, and the transition out of that.
        let mut best: Option<(usize, usize, usize, Option<u16>)> = None;
        // A state that comes again further on.
        let here = line.find(u64::of(&line.hasher, &line.states[at]), &line.states[at]);
        if let Some(place) = here.filter(|&place| place > at) {
            best = Some((place - at, place, 0, None));
        }
        let (mut expanded, mut held) = (0, 0);
        let mut is_there = false;
        while expanded < bounds.states.min(nodes.len()) && !is_there && held < bounds.memory {
            if expanded % ASKED == ASKED - 1 && (bounds.is_over)() {
                break;
            }
            let from = expanded;
            expanded += 1;
            let (state, depth) = (nodes[from].state.clone(), nodes[from].depth);
            if end - at <= depth + best.map_or(0, |(saves, ..)| saves) {
                // Nothing that is further away saves more.
                break;
            }
            if system.limit(&state).is_some() {
                continue;
            }
            let (mut choice, mut is_fair) = (0_u16, false);
            let mut held_back = Vec::new();
            let visit = &mut |transition: Transition<Y::State, Y::Action>| {
                let own = choice;
                choice = choice.wrapping_add(1);
                is_fair |= transition.unit.is_some();
                let next = transition.next;
                let mut offer = |place: usize| {
                    let saves = (place - at).saturating_sub(depth + 1);
                    if saves > best.map_or(0, |(saves, ..)| saves) {
                        best = Some((saves, place, from, Some(own)));
                    }
                };
                if let Goal::Breaks(bit) = goal {
                    let broken = transition.broken | system.judge(&next).0;
                    if broken >> bit & 1 == 1 && !is_there {
                        is_there = true;
                        offer(end);
                    }
                }
                let print = u64::of(&line.hasher, &next);
                if !known.insert(print) {
                    return;
                }
                if let Some(place) = line.find(print, &next).filter(|&place| place > at) {
                    offer(place);
                }
                held += (size_of::<Node<Y::State>>() + system.heap_bytes(&next)) as u64;
                nodes.push(Node { state: next, came: Some((from, own)), depth: depth + 1 });
            };
            system.expand(&state, visit, &mut held_back);
            is_fair |= !held_back.is_empty();
            if let Goal::Rests(bit) = goal
                && !is_fair
                && bits(owed(system, &state).0).any(|own| own == bit)
            {
                is_there = true;
                let saves = end - at - depth;
                if saves > best.map_or(0, |(saves, ..)| saves) {
                    best = Some((saves, end, from, None));
                }
            }
        }
        let corner = best.map(|(_, to, last, choice)| {
            let mut choices: Vec<u16> = choice.into_iter().collect();
            let mut node = &nodes[last];
            while let Some((before, choice)) = node.came {
                choices.push(choice);
                node = &nodes[before];
            }
            choices.reverse();
            Corner { from: at, to, choices }
        });
        Self { expanded, depth: nodes[expanded.saturating_sub(1)].depth, corner }
    }
}
