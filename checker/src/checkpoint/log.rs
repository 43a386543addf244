//! What stands in `states`: pieces that each hold the states found and the edges recorded since the piece before, in order.

use super::Refused;
use super::frames::{Extent, Reader};
use super::numbers::Numbers;
use crate::fingerprint::Fingerprint;
use crate::graph::{Edge, Graph, HELD_BACK, Id};

/// How much of a graph stands in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// States.
    pub states: usize,
    /// States whose edges are recorded.
    pub expanded: usize,
    /// Sets of obligations.
    pub sets: usize,
}

impl Written {
    /// All of `graph`.
    pub fn all_of(graph: &Graph) -> Self {
        Self { states: graph.len(), expanded: graph.expanded(), sets: graph.sets().len() }
    }
}

/// The next piece: what `graph` has and `written` has not. `prints` are the fingerprints of these states.
pub fn piece<F: Fingerprint>(graph: &Graph, written: Written, prints: &[F]) -> Vec<u8> {
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
        return out;
    }
    let sets = &graph.sets()[written.sets..];
    out.extend((sets.len() as u64).to_le_bytes());
    sets.iter().for_each(|set| out.extend(set.to_le_bytes()));
    (written.states..now.states).for_each(|id| out.extend(graph.set_of(id as Id).to_le_bytes()));
    out.extend(((now.expanded - written.expanded) as u64).to_le_bytes());
    let mut discharges: Vec<(u32, u128)> = Vec::new();
    let mut count: u32 = 0;
    for id in written.expanded..now.expanded {
        let at = out.len();
        out.extend([0; 4]);
        let first = count;
        for (edge, discharged) in graph.edges(id as Id) {
            out.extend(edge.to.to_le_bytes());
            out.extend(edge.unit.map_or(0, |unit| unit + 1).to_le_bytes());
            if discharged != 0 {
                discharges.push((count, discharged));
            }
            count += 1;
        }
        out[at..at + 4].copy_from_slice(&(count - first).to_le_bytes());
    }
    out.extend((discharges.len() as u64).to_le_bytes());
    for (edge, discharged) in discharges {
        out.extend(edge.to_le_bytes());
        out.extend(discharged.to_le_bytes());
    }
    out
}

/// Builds the graph of `file`; `enter` gets each state's fingerprint with its number, and says whether it is new.
pub fn read<F: Fingerprint>(
    path: &std::path::Path,
    extent: Extent,
    graph: &mut Graph,
    mut enter: impl FnMut(F, Id) -> bool,
) -> Result<(), Refused> {
    let mut reader = Reader::open(path, extent)?;
    let mut sets = Vec::new();
    while let Some(piece) = reader.next()? {
        if take(piece, graph, &mut sets, &mut enter).is_none() {
            return Err(reader.damaged("a piece of it is none that a search writes"));
        }
    }
    let end = graph.len() as Id;
    // An edge may lead to a state that comes later in the file, but not behind all of them.
    let mut targets = (0..graph.expanded() as Id).flat_map(|id| graph.edges(id)).map(|(edge, _)| edge.to);
    match targets.all(|to| to < end || to == HELD_BACK) {
        true => Ok(()),
        false => Err(reader.damaged("an edge in it leads nowhere")),
    }
}

fn take<F: Fingerprint>(
    piece: &[u8],
    graph: &mut Graph,
    sets: &mut Vec<u128>,
    enter: &mut impl FnMut(F, Id) -> bool,
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
    let expanded = numbers.count(4)?;
    if graph.expanded() + expanded > graph.len() {
        return None;
    }
    let mut ahead = Numbers(numbers.0);
    for _ in 0..expanded {
        let edges = ahead.u32()? as usize;
        ahead.bytes(edges.checked_mul(6)?)?;
    }
    let mut discharges = Vec::new();
    for _ in 0..ahead.count(20)? {
        discharges.push((ahead.u32()?, ahead.u128()?));
    }
    let mut discharges = discharges.into_iter().peekable();
    let mut count: u32 = 0;
    for _ in 0..expanded {
        graph.begin_edges();
        for _ in 0..numbers.u32()? {
            let (to, unit) = (numbers.u32()?, numbers.u16()?.checked_sub(1));
            let discharged = discharges.next_if(|&(edge, _)| edge == count).map_or(0, |(_, set)| set);
            graph.add_edge(Edge { to, unit }, discharged);
            count += 1;
        }
    }
    (ahead.0.is_empty() && discharges.next().is_none()).then_some(())
}
