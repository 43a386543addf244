//! What is kept of the transitions out of one state that owes something, as bytes: which units are possible there, and the
//! transitions that keep something pending. Of the others nothing but their unit matters, as no run that keeps an obligation
//! takes them.
//!
//! Units: the number of the set, plus one; the sets are kept once each, as many states have the same. Behind the first
//! [`SETS`] of them a set is written in its place, after a zero. Then how many transitions follow, and for each: how many
//! transitions were passed over and whether it discharges anything, the distance from the state that the one before leads to,
//! the place of its unit in the set plus one, and what it discharges. All numbers take seven bits a byte.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::graph::{HELD_BACK, Id};
use crate::system::{ANY_UNIT, Obligations, Unit};

/// A transition out of a state that owes something.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// Where it leads; [`HELD_BACK`] for what is not taken. These come last.
    pub to: Id,
    /// Its unit of fairness; none if it is not fair.
    pub unit: Option<Unit>,
    pub discharged: Obligations,
}

/// One that is kept: it keeps something pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inner {
    /// Which of the state's transitions it is.
    pub choice: u16,
    pub to: Id,
    pub unit: Option<Unit>,
    /// What it discharges of that which is pending.
    pub discharged: Obligations,
}

/// Sets that are kept once each.
const SETS: usize = 1 << 16;

/// Units that are possible in a state, and then those that are only held back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Units {
    possible: u16,
    all: Box<[Unit]>,
}

impl Units {
    fn of(edges: &[Edge]) -> Self {
        let units = |held: bool| {
            let of = edges.iter().filter(|edge| (edge.to == HELD_BACK) == held).filter_map(|edge| edge.unit);
            let mut units: Vec<Unit> = of.collect();
            units.sort_unstable();
            units.dedup();
            units
        };
        let (mut all, mut held) = (units(false), units(true));
        held.retain(|unit| all.binary_search(unit).is_err());
        let possible = all.len() as u16;
        all.append(&mut held);
        Self { possible, all: all.into() }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        put(out, self.possible.into());
        put(out, self.all.len() as u128);
        self.all.iter().for_each(|&unit| put(out, unit.into()));
    }

    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (possible, count) = (u16::try_from(get(bytes)?).ok()?, u32::try_from(get(bytes)?).ok()?);
        if usize::from(possible) > count as usize || count as usize > bytes.len() {
            return None;
        }
        let all: Option<Box<[Unit]>> = (0..count).map(|_| Unit::try_from(get(bytes)?).ok()).collect();
        Some(Self { possible, all: all? })
    }

    fn possible(&self) -> &[Unit] {
        &self.all[..self.possible.into()]
    }
}

/// The sets of units, by number.
#[derive(Default)]
pub struct Sets {
    sets: Vec<Units>,
    numbers: HashMap<Units, u32, foldhash::quality::FixedState>,
    bytes: u64,
}

impl Sets {
    /// In the order in which they were first met.
    pub fn all(&self) -> &[Units] {
        &self.sets
    }

    /// The number of a set; none if there are too many to keep it.
    pub fn number(&mut self, units: Units) -> Option<usize> {
        if let Some(&number) = self.numbers.get(&units) {
            return Some(number as usize);
        }
        let number = self.sets.len();
        if number == SETS {
            return None;
        }
        // Twice each: in the list and in the table.
        self.bytes += 2 * (size_of::<Units>() + size_of_val(&*units.all) + 24) as u64;
        self.numbers.insert(units.clone(), number as u32);
        self.sets.push(units);
        Some(number)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Appends the record of `state`. `keeps` says of an edge that is taken whether it keeps anything pending.
pub fn write(state: Id, edges: &[Edge], keeps: impl Fn(&Edge) -> bool, sets: &mut Sets, out: &mut Vec<u8>) {
    let units = Units::of(edges);
    let number = sets.number(units.clone());
    put(out, number.map_or(0, |number| number as u128 + 1));
    if number.is_none() {
        units.write(out);
    }
    let kept = || edges.iter().enumerate().filter(|(_, edge)| edge.to != HELD_BACK && keeps(edge));
    put(out, kept().count() as u128);
    let (mut next, mut last) = (0, i64::from(state));
    for (choice, edge) in kept() {
        put(out, ((choice - next) as u128) << 1 | u128::from(edge.discharged != 0));
        let distance = i64::from(edge.to) - last;
        put(out, ((distance << 1) ^ (distance >> 63)) as u64 as u128);
        let place = |unit: Unit| units.possible().binary_search(&unit).map_or(0, |place| place + 1);
        put(out, edge.unit.map_or(0, place) as u128);
        if edge.discharged != 0 {
            put(out, edge.discharged);
        }
        (next, last) = (choice + 1, edge.to.into());
    }
}

/// How long the record of `state` is that `bytes` begin with; none if they begin with none.
pub fn length(state: Id, sets: &Sets, bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let units = units(sets, &mut rest)?;
    let count = u32::try_from(get(&mut rest)?).ok()?;
    let mut at = (0, state);
    for _ in 0..count {
        next(&units, &mut at, &mut rest)?;
    }
    Some(bytes.len() - rest.len())
}

fn units<'s>(sets: &'s Sets, bytes: &mut &[u8]) -> Option<Cow<'s, Units>> {
    match usize::try_from(get(bytes)?).ok()?.checked_sub(1) {
        None => Units::read(bytes).map(Cow::Owned),
        Some(number) => sets.sets.get(number).map(Cow::Borrowed),
    }
}

/// The next transition; `at` is the choice and the end from which it is told.
fn next(units: &Units, at: &mut (u32, Id), bytes: &mut &[u8]) -> Option<Inner> {
    let gap = u32::try_from(get(bytes)?).ok()?;
    let distance = u64::try_from(get(bytes)?).ok()?;
    let distance = (distance >> 1) as i64 ^ -((distance & 1) as i64);
    let to = Id::try_from(i64::from(at.1).checked_add(distance)?).ok()?;
    let unit = match usize::try_from(get(bytes)?).ok()?.checked_sub(1) {
        None => None,
        Some(place) => Some(*units.possible().get(place)?),
    };
    let discharged = if gap & 1 == 1 { get(bytes)? } else { 0 };
    let choice = u16::try_from(at.0 + (gap >> 1)).ok()?;
    *at = (u32::from(choice) + 1, to);
    Some(Inner { choice, to, unit, discharged })
}

/// What leads out of a state.
pub struct Out<'s> {
    state: Id,
    units: Cow<'s, Units>,
    count: u32,
    bytes: Arc<[u8]>,
    start: usize,
}

impl<'s> Out<'s> {
    /// Of a record that begins at `start`.
    pub fn new(state: Id, sets: &'s Sets, bytes: Arc<[u8]>, start: usize) -> Self {
        let mut rest = &bytes[start..];
        let units = units(sets, &mut rest).expect("a record was written here");
        let count = get(&mut rest).expect("a record was written here") as u32;
        let start = bytes.len() - rest.len();
        Self { state, units, count, bytes, start }
    }

    pub fn nothing(state: Id) -> Self {
        let units = Cow::Owned(Units { possible: 0, all: Box::default() });
        Self { state, units, count: 0, bytes: Arc::default(), start: 0 }
    }

    /// The transitions that keep something pending, in order.
    pub fn inner(&self) -> impl Iterator<Item = Inner> + '_ {
        let (mut at, mut rest) = ((0, self.state), &self.bytes[self.start..]);
        (0..self.count)
            .map(move |_| next(&self.units, &mut at, &mut rest).expect("a record was written here"))
    }

    /// The same; this is used up.
    pub fn into_inner(self) -> impl Iterator<Item = Inner> + use<'s> {
        let (mut at, mut place) = ((0, self.state), self.start);
        (0..self.count).map(move |_| {
            let mut rest = &self.bytes[place..];
            let inner = next(&self.units, &mut at, &mut rest).expect("a record was written here");
            place = self.bytes.len() - rest.len();
            inner
        })
    }

    /// Is any fair transition possible, held back or not?
    pub fn is_fair(&self) -> bool {
        !self.units.all.is_empty()
    }

    /// Is any fair transition possible that is not held back?
    pub fn has_possible(&self) -> bool {
        !self.units.possible().is_empty()
    }

    /// The units that bind of all transitions.
    pub fn taken(&self) -> impl Iterator<Item = Unit> + '_ {
        self.units.possible().iter().copied().filter(|&unit| unit != ANY_UNIT)
    }

    /// The units that bind and are possible, held back or not.
    pub fn enabled(&self) -> impl Iterator<Item = Unit> + '_ {
        self.units.all.iter().copied().filter(|&unit| unit != ANY_UNIT)
    }
}

/// Appends a number, seven bits a byte, the least first.
fn put(out: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn get(bytes: &mut &[u8]) -> Option<u128> {
    let mut number = 0;
    for shift in (0..128).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u128::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_edge() -> impl Strategy<Value = Edge> {
        let discharged = prop_oneof![Just(0), 1..9_u128, Just(u128::MAX)];
        let to = prop_oneof![0..20_u32, any::<u32>()].prop_map(|to| to.min(HELD_BACK - 1));
        let unit = prop_oneof![Just(None), (0..6_u16).prop_map(Some), Just(Some(ANY_UNIT))];
        (to, unit, discharged).prop_map(|(to, unit, discharged)| Edge { to, unit, discharged })
    }

    proptest! {
        #[test]
        fn what_is_recorded_reads_back_and_nothing_else_does(
            edges in prop::collection::vec(any_edge(), 0..300),
            held in prop::collection::vec(0..9_u16, 0..3),
            state in any::<u32>(),
            many in any::<bool>(),
        ) {
            let mut edges = edges;
            edges.extend(held.iter().map(|&unit| Edge { to: HELD_BACK, unit: Some(unit), discharged: 0 }));
            let mut sets = Sets::default();
            if many {
                for unit in 0..SETS as u32 {
                    sets.number(Units { possible: 0, all: [0, unit as u16].into() });
                }
            }
            let mut bytes = Vec::new();
            write(state, &edges, |edge| edge.to % 3 > 0, &mut sets, &mut bytes);
            let whole = bytes.len();
            prop_assert!((0..whole).all(|end| length(state, &sets, &bytes[..end]).is_none()));
            bytes.extend([1, 2, 3]);
            prop_assert_eq!(length(state, &sets, &bytes), Some(whole));
            let out = Out::new(state, &sets, bytes.into(), 0);
            let kept = edges.iter().enumerate().filter(|(_, edge)| edge.to != HELD_BACK && edge.to % 3 > 0);
            let kept: Vec<Inner> = kept
                .map(|(choice, &Edge { to, unit, discharged })| Inner { choice: choice as u16, to, unit, discharged })
                .collect();
            prop_assert_eq!(out.inner().collect::<Vec<_>>(), &*kept);
            let binds = |held: bool| {
                let of = edges.iter().filter(move |edge| held || edge.to != HELD_BACK);
                of.filter_map(|edge| edge.unit).filter(|&unit| unit != ANY_UNIT).collect::<std::collections::BTreeSet<_>>()
            };
            prop_assert_eq!(out.taken().collect::<std::collections::BTreeSet<_>>(), binds(false));
            prop_assert_eq!(out.enabled().collect::<std::collections::BTreeSet<_>>(), binds(true));
            prop_assert_eq!(out.is_fair(), edges.iter().any(|edge| edge.unit.is_some()));
            prop_assert_eq!(out.into_inner().collect::<Vec<_>>(), kept);
        }
    }
}
