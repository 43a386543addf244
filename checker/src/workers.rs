//! Doing many small things on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls `work` once for each number below `count`, on up to `threads` threads, in any order; each thread makes its own
/// `tool` first, and comes to its numbers in ascending order.
pub fn each<T>(
    threads: usize,
    count: usize,
    tool: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, usize) + Sync,
) {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut tool = tool();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            work(&mut tool, number);
        }
    };
    let more = threads.min(count).saturating_sub(1);
    if more == 0 {
        return run();
    }
    std::thread::scope(|scope| {
        for _ in 0..more {
            scope.spawn(run);
        }
        run();
    });
}
