//! What goes before what: a step has read what another has written last.

use std::collections::BTreeMap;

use podproof_model::ClusterState;
use podproof_vocabulary::Resource;

use super::walk_back::{Trail, trails};
use super::{Arrow, Numbered};
use crate::walk::World;

/// The arrows between steps of different components, but those that follow from others.
pub(super) fn arrows(world: &World, first: &ClusterState, actions: &[Numbered]) -> Vec<Arrow> {
    let edges = edges(&trails(world, first, actions));
    let is_direct = |from: usize, to: usize| {
        // Whatever leads to `to` by way of a later step than `from`.
        let mut reached = vec![false; to + 1];
        let others = edges[to].keys().copied().filter(|&other| other > from);
        let mut open: Vec<usize> = others.collect();
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut reached[at], true) {
                open.extend(edges[at].keys().copied().filter(|&other| other >= from));
            }
        }
        !reached[from]
    };
    let mut arrows = Vec::new();
    for (to, sources) in edges.iter().enumerate() {
        for (&from, &over) in sources {
            let (one, other) = (&actions[from], &actions[to]);
            if one.1.component() != other.1.component() && is_direct(from, to) {
                arrows.push(Arrow { from: one.0, to: other.0, over });
            }
        }
    }
    arrows
}

/// For each step those that have written last what it has read, with one thing of each that was.
fn edges(trails: &[Trail]) -> Vec<BTreeMap<usize, Resource>> {
    let mut writers: BTreeMap<Resource, usize> = BTreeMap::new();
    let edge = |(place, trail): (usize, &Trail)| {
        let sources = trail.reads.iter().filter_map(|over| Some((*writers.get(over)?, *over)));
        let sources: BTreeMap<usize, Resource> = sources.collect();
        writers.extend(trail.writes.iter().map(|&resource| (resource, place)));
        sources
    };
    trails.iter().enumerate().map(edge).collect()
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::PodId;

    use super::*;

    #[test]
    fn the_last_writer_goes_before_the_reader() {
        let (object, copy) = (Resource::Object(PodId(0)), Resource::Controller(PodId(0)));
        let trail =
            |reads: &[Resource], writes: &[Resource]| Trail { reads: reads.into(), writes: writes.into() };
        let trails = [
            trail(&[], &[object]),
            trail(&[], &[object]),
            trail(&[object], &[copy]),
            trail(&[copy, object], &[]),
        ];
        let edges: Vec<Vec<usize>> =
            edges(&trails).iter().map(|edge| edge.keys().copied().collect()).collect();
        assert_eq!(edges, [vec![], vec![], vec![1], vec![1, 2]]);
    }
}
