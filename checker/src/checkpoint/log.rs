//! What stands in `states`: pieces that each hold the states found and the edges recorded since the piece before, in order.

use std::io;

use super::Refused;
use super::frames::{Extent, Reader};
use super::numbers::Numbers;
use crate::fingerprint::Fingerprint;
use crate::graph::{Graph, Id};
use crate::record::Units;

/// How much of a graph stands in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// States.
    pub states: usize,
    /// States whose edges are recorded.
    pub expanded: usize,
    /// Sets of obligations, and of units.
    pub sets: usize,
    pub unit_sets: usize,
}

impl Written {
    /// All of `graph`.
    pub fn all_of(graph: &Graph) -> Self {
        let unit_sets = graph.edges.sets.all().len();
        Self { states: graph.len(), expanded: graph.expanded(), sets: graph.sets().len(), unit_sets }
    }
}

/// The next piece: what `graph` has and `written` has not. `prints` are the fingerprints of these states.
///
/// # Errors
/// Of reading edges from their temporary file.
pub fn piece<F: Fingerprint>(graph: &Graph, written: Written, prints: &[F]) -> io::Result<Vec<u8>> {
    let now = Written::all_of(graph);
    assert_eq!(prints.len(), now.states - written.states, "each state's fingerprint was kept");
    let width = size_of::<F>();
    let mut out = Vec::new();
    out.extend((prints.len() as u64).to_le_bytes());
    for (&print, id) in prints.iter().zip(written.states as Id..) {
        out.extend(&print.wide().to_le_bytes()[..width]);
        out.extend(graph.parent(id).unwrap_or(id).to_le_bytes());
        out.extend(graph.choice(id).to_le_bytes());
    }
    if !graph.keeps_edges() {
        return Ok(out);
    }
    let sets = &graph.sets()[written.sets..];
    out.extend((sets.len() as u64).to_le_bytes());
    sets.iter().for_each(|set| out.extend(set.to_le_bytes()));
    (written.states..now.states).for_each(|id| out.extend(graph.set_of(id as Id).to_le_bytes()));
    let unit_sets = &graph.edges.sets.all()[written.unit_sets..];
    out.extend((unit_sets.len() as u64).to_le_bytes());
    unit_sets.iter().for_each(|units| units.write(&mut out));
    out.extend(((now.expanded - written.expanded) as u64).to_le_bytes());
    graph.edges.copy(written.expanded, &mut out)?;
    Ok(out)
}

/// Builds the graph of `file`; `enter` gets each state's fingerprint with its number, and says whether it is new.
pub fn read<F: Fingerprint>(
    path: &std::path::Path,
    extent: Extent,
    graph: &mut Graph,
    mut enter: impl FnMut(F, Id) -> bool,
) -> Result<(), Refused> {
    let mut reader = Reader::open(path, extent)?;
    let (mut sets, mut failed) = (Vec::new(), None);
    while let Some(piece) = reader.next()? {
        let taken = take(piece, graph, &mut sets, &mut enter, &mut failed);
        if let Some(error) = failed {
            return Err(Refused::disk(path, &error));
        }
        if taken.is_none() {
            return Err(reader.damaged("a piece of it is none that a search writes"));
        }
    }
    let end = graph.len() as Id;
    // An edge may lead to a state that comes later in the file, but not behind all of them.
    let owing =
        (0..graph.expanded() as Id).filter(|_| graph.keeps_edges()).filter(|&id| graph.pending(id) != 0);
    let is_there = owing.flat_map(|id| graph.out(id).into_inner()).all(|edge| edge.to < end);
    if let Some(error) = graph.edges.failed() {
        return Err(Refused::disk(path, &io::Error::other(error)));
    }
    match is_there {
        true => Ok(()),
        false => Err(reader.damaged("an edge in it leads nowhere")),
    }
}

fn take<F: Fingerprint>(
    piece: &[u8],
    graph: &mut Graph,
    sets: &mut Vec<u128>,
    enter: &mut impl FnMut(F, Id) -> bool,
    failed: &mut Option<io::Error>,
) -> Option<()> {
    let width = size_of::<F>();
    let mut numbers = Numbers(piece);
    let states = numbers.count(width + 6)?;
    for _ in 0..states {
        let mut wide = [0; 16];
        wide[..width].copy_from_slice(numbers.bytes(width)?);
        let (parent, choice, next) = (numbers.u32()?, numbers.u16()?, graph.len() as Id);
        if parent > next {
            return None;
        }
        graph.enter((parent < next).then_some(parent), choice);
        if !enter(F::of_wide(u128::from_le_bytes(wide))?, next) {
            return None;
        }
    }
    if !graph.keeps_edges() {
        return numbers.0.is_empty().then_some(());
    }
    for _ in 0..numbers.count(16)? {
        sets.push(numbers.u128()?);
    }
    for _ in 0..states {
        graph.owe(*sets.get(numbers.u32()? as usize)?);
    }
    for _ in 0..numbers.count(2)? {
        graph.edges.sets.number(Units::read(&mut numbers.0)?)?;
    }
    let expanded = usize::try_from(numbers.u64()?).ok()?;
    if expanded > graph.len() - graph.expanded() {
        return None;
    }
    for _ in 0..expanded {
        let owes = graph.pending(graph.expanded() as Id) != 0;
        let taken = graph.edges.take(owes.then_some(numbers.0)).map_err(|error| *failed = Some(error));
        numbers.bytes(taken.ok()??)?;
    }
    numbers.0.is_empty().then_some(())
}
