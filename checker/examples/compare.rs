//! One full search of two-phase commit by the engine that is asked for: `compare ENGINE MANAGERS THREADS`, with ENGINE one of
//! `packed`, `plain`, `stateright-bfs` and `stateright-dfs`. It prints states, transitions, seconds and the peak of memory.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is all that it is for")]

#[path = "../benches/peers/two_phase_commit.rs"]
mod two_phase_commit;

use std::time::Instant;

use podproof_checker::{Plain, Search};
use stateright::{Checker, Model};
use two_phase_commit::{Packed, TwoPhaseCommit};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [engine, managers, threads] = arguments.as_slice() else {
        return usage();
    };
    let (Ok(managers), Ok(threads)) = (managers.parse::<u8>(), threads.parse::<usize>()) else {
        return usage();
    };
    let start = Instant::now();
    let plain = TwoPhaseCommit { managers };
    let (states, transitions) = match engine.as_str() {
        "packed" => {
            let report = Search::new(&Packed { managers: managers.into() }).threads(threads).run();
            assert!(report.violations.is_empty() && report.is_complete());
            (report.states, report.transitions)
        }
        "plain" => {
            let system = Plain::new(plain).expect("no eventually property");
            let report = Search::new(&system).threads(threads).run();
            assert!(report.violations.is_empty() && report.is_complete());
            (report.states, report.transitions)
        }
        "stateright-bfs" => {
            let checker = plain.checker().threads(threads).spawn_bfs().join();
            (checker.unique_state_count() as u64, checker.state_count() as u64)
        }
        "stateright-dfs" => {
            let checker = plain.checker().threads(threads).spawn_dfs().join();
            (checker.unique_state_count() as u64, checker.state_count() as u64)
        }
        _ => return usage(),
    };
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{engine}, {threads} threads: {states} states, {transitions} transitions, {seconds:.2} s, {:.2} M transitions/s, peak {} MiB",
        transitions as f64 / seconds / 1e6,
        peak_kib().unwrap_or(0) / 1024
    );
}

fn usage() {
    eprintln!("compare packed|plain|stateright-bfs|stateright-dfs MANAGERS THREADS");
    std::process::exit(2);
}

/// The most memory that this process had, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}
