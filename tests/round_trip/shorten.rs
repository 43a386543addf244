//! A shorter walk that is judged in the same way.

use super::walk::{Walk, along};

/// Leaves out of `walk` what it can do without: `is_one` still holds, and every step is possible when it is taken.
pub fn shorten(mut walk: Walk, is_one: impl Fn(&Walk) -> bool) -> Walk {
    // The last steps first: what comes after an entry that nothing explains is of no use.
    let mut step = walk.path.len().div_ceil(2);
    while step > 0 && !walk.path.is_empty() {
        let shorter = along(&walk, walk.path[..walk.path.len() - step].to_vec());
        match shorter.filter(&is_one) {
            Some(shorter) => walk = shorter,
            None if step == 1 => break,
            None => {}
        }
        step = step.div_ceil(2).min(walk.path.len());
    }
    loop {
        let before = walk.path.len();
        for index in (0..before).rev() {
            for width in [2, 1] {
                let end = (index + width).min(walk.path.len());
                if index >= end {
                    continue;
                }
                let mut path = walk.path.clone();
                path.drain(index..end);
                if let Some(shorter) = along(&walk, path).filter(&is_one) {
                    walk = shorter;
                }
            }
        }
        if walk.path.len() == before {
            return walk;
        }
    }
}
