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
        tarjan(count, vertices, inside, edges, patience, found, BUFFERED);
    }
    patience.release(bytes);
}

/// Successors that are held at once, about: of the last vertices on the way. Those of the others are asked for again.
const BUFFERED: usize = 1 << 12;

fn tarjan(
    count: usize,
    vertices: impl Iterator<Item = Id>,
    inside: impl Fn(Id) -> bool,
    edges: impl Fn(Id, &mut Vec<Id>),
    patience: &dyn Looks,
    mut found: impl FnMut(&[Id]),
    most: usize,
) {
    const UNSEEN: u32 = u32::MAX;
    let mut index = vec![UNSEEN; count];
    let mut low = vec![0u32; count];
    let mut on_stack = vec![false; count];
    let mut stack: Vec<Id> = Vec::new();
    // Each frame: a vertex, where its successors begin, and how many are done.
    let mut frames: Vec<(Id, u32, u32)> = Vec::new();
    // Those of the frames from number `first` on.
    let mut successors: Vec<Id> = Vec::new();
    let mut first;
    let mut next_index = 0;
    for root in vertices {
        if index[root as usize] != UNSEEN {
            continue;
        }
        let mut enter = Some(root);
        successors.clear();
        first = 0;
        loop {
            let ids = (stack.capacity() + successors.capacity()) * size_of::<Id>();
            if patience.is_over((ids + frames.capacity() * size_of::<(Id, u32, u32)>()) as u64) {
                return;
            }
            if let Some(vertex) = enter.take() {
                index[vertex as usize] = next_index;
                low[vertex as usize] = next_index;
                next_index += 1;
                on_stack[vertex as usize] = true;
                stack.push(vertex);
                if successors.len() > most {
                    successors.clear();
                    first = frames.len();
                }
                frames.push((vertex, successors.len() as u32, 0));
                edges(vertex, &mut successors);
            }
            let top = frames.len().saturating_sub(1);
            let Some(&mut (vertex, ref mut start, ref mut done)) = frames.last_mut() else { break };
            if top < first {
                successors.clear();
                edges(vertex, &mut successors);
                (first, *start) = (top, 0);
            }
            let start = *start as usize;
            if let Some(&to) = successors.get(start + *done as usize) {
                *done += 1;
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeSet;

    use super::*;

    struct Endless;

    impl Looks for Endless {
        fn is_over(&self, _more: u64) -> bool {
            false
        }

        fn has_ended(&self) -> bool {
            false
        }

        fn hold(&self, _bytes: u64) -> bool {
            true
        }

        fn release(&self, _bytes: u64) {}
    }

    #[test]
    fn with_few_successors_at_hand_the_components_are_the_same() {
        const COUNT: u32 = 400;
        let mut seed: u32 = 7;
        let mut draw = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) % below
        };
        for most_steps in 2..6 {
            let steps: Vec<Vec<Id>> = (0..COUNT)
                .map(|from| {
                    (0..draw(most_steps)).map(|_| (from + draw(60)).saturating_sub(25) % COUNT).collect()
                })
                .collect();
            let found = |most: usize| {
                let (all, asked) = (Cell::new(BTreeSet::new()), Cell::new(0));
                let edges = |from: Id, out: &mut Vec<Id>| {
                    asked.set(asked.get() + 1);
                    out.extend(&steps[from as usize]);
                };
                let inside = |vertex| vertex % 31 != 0;
                let vertices = (0..COUNT).filter(|&vertex| inside(vertex));
                let add = |component: &[Id]| {
                    let mut found: BTreeSet<BTreeSet<Id>> = all.take();
                    assert!(found.insert(component.iter().copied().collect()));
                    all.set(found);
                };
                tarjan(COUNT as usize, vertices, inside, edges, &Endless, add, most);
                (all.take(), asked.get())
            };
            let (all, asked) = found(usize::MAX);
            for most in [0, 1, 3, 20] {
                let (few, again) = found(most);
                assert!(few == all && (again > asked || most > 3), "{most}: asked {again} and {asked} times");
            }
        }
    }
}
