//! Strongly connected components, by Tarjan's algorithm without recursion.

use crate::graph::Id;
use crate::look::Looks;

/// Calls `found` with each component of the graph that is induced by the vertices for which `inside` holds.
/// `edges` pushes the successors of a vertex; those outside are passed over. Vertices are numbered below `count`. If
/// `patience` ends, so does this: each component that was found until then is one.
pub fn components(
    count: usize,
    vertices: impl Iterator<Item = Id>,
    inside: impl Fn(Id) -> bool,
    edges: impl Fn(Id, &mut Vec<Id>),
    patience: &dyn Looks,
    found: impl FnMut(&[Id]),
) {
    let bytes = (count * (2 * size_of::<u32>() + size_of::<bool>())) as u64;
    if patience.hold(bytes) {
        tarjan(count, vertices, inside, edges, patience, found);
    }
    patience.release(bytes);
}

fn tarjan(
    count: usize,
    vertices: impl Iterator<Item = Id>,
    inside: impl Fn(Id) -> bool,
    edges: impl Fn(Id, &mut Vec<Id>),
    patience: &dyn Looks,
    mut found: impl FnMut(&[Id]),
) {
    const UNSEEN: u32 = u32::MAX;
    let mut index = vec![UNSEEN; count];
    let mut low = vec![0u32; count];
    let mut on_stack = vec![false; count];
    let mut stack: Vec<Id> = Vec::new();
    // Each frame: a vertex, and where its successors begin and how far they are done.
    let mut frames: Vec<(Id, usize, usize)> = Vec::new();
    let mut successors: Vec<Id> = Vec::new();
    let mut next_index = 0;
    for root in vertices {
        if index[root as usize] != UNSEEN {
            continue;
        }
        let mut enter = Some(root);
        loop {
            let ids = (stack.capacity() + successors.capacity()) * size_of::<Id>();
            if patience.is_over((ids + frames.capacity() * size_of::<(Id, usize, usize)>()) as u64) {
                return;
            }
            if let Some(vertex) = enter.take() {
                index[vertex as usize] = next_index;
                low[vertex as usize] = next_index;
                next_index += 1;
                on_stack[vertex as usize] = true;
                stack.push(vertex);
                let start = successors.len();
                edges(vertex, &mut successors);
                frames.push((vertex, start, start));
            }
            let Some(&mut (vertex, start, ref mut at)) = frames.last_mut() else { break };
            if *at < successors.len() {
                let to = successors[*at];
                *at += 1;
                if !inside(to) {
                    continue;
                }
                if index[to as usize] == UNSEEN {
                    enter = Some(to);
                } else if on_stack[to as usize] {
                    low[vertex as usize] = low[vertex as usize].min(index[to as usize]);
                }
                continue;
            }
            successors.truncate(start);
            frames.pop();
            if let Some(&(parent, ..)) = frames.last() {
                low[parent as usize] = low[parent as usize].min(low[vertex as usize]);
            }
            if low[vertex as usize] == index[vertex as usize] {
                let size =
                    stack.iter().rev().position(|&other| other == vertex).expect("a root is on the stack")
                        + 1;
                let component = stack.split_off(stack.len() - size);
                for &member in &component {
                    on_stack[member as usize] = false;
                }
                found(&component);
            }
        }
    }
}
