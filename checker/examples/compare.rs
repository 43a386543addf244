//! One full search of two-phase commit, by the engine and with the states that are asked for: `compare ENGINE STATES MANAGERS
//! THREADS`, with ENGINE one of `podproof`, `stateright-bfs` and `stateright-dfs`, and STATES one of `packed` (64 bits; only
//! podproof), `flat` (arrays) and `owning` (vectors and a set). It prints states, transitions, seconds and the peak of memory.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is all that it is for")]

#[path = "../benches/peers/two_phase_commit.rs"]
mod two_phase_commit;

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Instant;

use podproof_checker::{Plain, Search, System};
use stateright::{Checker, Model};
use two_phase_commit::{Flat, Packed, TwoPhaseCommit};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [engine, kind, managers, threads] = arguments.as_slice() else {
        return usage();
    };
    let (Ok(managers @ 1..=12), Ok(threads)) = (managers.parse::<u8>(), threads.parse::<usize>()) else {
        return usage();
    };
    let start = Instant::now();
    let counted = match kind.as_str() {
        "packed" if engine == "podproof" => Some(search(&Packed { managers: managers.into() }, threads)),
        "flat" => by(engine, Flat { managers }, threads),
        "owning" => by(engine, TwoPhaseCommit { managers }, threads),
        _ => None,
    };
    let Some((states, transitions)) = counted else { return usage() };
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{engine}, {kind}, {threads} threads: {states} states, {transitions} transitions, {seconds:.2} s, {:.2} M transitions/s, \
         peak {} MiB",
        transitions as f64 / seconds / 1e6,
        peak_kib().unwrap_or(0) / 1024
    );
}

/// States and transitions of a stateright model, by the engine of this name.
fn by<M>(engine: &str, model: M, threads: usize) -> Option<(u64, u64)>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Eq + Hash + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    Some(match engine {
        "podproof" => search(&Plain::new(model).expect("no eventually property"), threads),
        "stateright-bfs" => {
            let checker = model.checker().threads(threads).spawn_bfs().join();
            (checker.unique_state_count() as u64, checker.state_count() as u64)
        }
        "stateright-dfs" => {
            let checker = model.checker().threads(threads).spawn_dfs().join();
            (checker.unique_state_count() as u64, checker.state_count() as u64)
        }
        _ => return None,
    })
}

fn search<Y: System>(system: &Y, threads: usize) -> (u64, u64) {
    let report = Search::new(system).threads(threads).run();
    assert!(report.violations.is_empty() && report.is_complete());
    (report.states, report.transitions)
}

fn usage() {
    eprintln!("compare podproof|stateright-bfs|stateright-dfs packed|flat|owning MANAGERS THREADS");
    std::process::exit(2);
}

/// The most memory that this process had, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}
