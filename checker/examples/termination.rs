//! One full search of the slice of termination, packed into one number: `termination REPLICAS THREADS`. It prints states,
//! transitions, seconds and the rate. `benches/peers/compare.sh` puts SPIN and TLC beside it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is all that it is for")]

#[path = "../benches/peers/termination.rs"]
#[allow(dead_code, reason = "the names of single values are for the test that compares states")]
mod termination;

use std::process::ExitCode;
use std::time::Instant;

use podproof_checker::Search;
use termination::{REPLICAS_MAX, Termination};

fn main() -> ExitCode {
    let arguments: Vec<u32> = std::env::args().skip(1).map_while(|argument| argument.parse().ok()).collect();
    let (replicas, threads) = match arguments[..] {
        [replicas, threads] if (1..=REPLICAS_MAX).contains(&replicas) && threads > 0 => (replicas, threads),
        _ => {
            eprintln!("termination REPLICAS THREADS, with 1 to {REPLICAS_MAX} replicas");
            return ExitCode::from(2);
        }
    };
    let start = Instant::now();
    let report = Search::new(&Termination { replicas }).threads(threads as usize).run();
    let seconds = start.elapsed().as_secs_f64();
    assert!(
        report.is_complete() && report.violations.len() == 1,
        "the slice loses requests, and is seen as a whole"
    );
    println!(
        "packed, {threads} threads: {} states, {} transitions, {seconds:.2} s, {:.2} M states/s",
        report.states,
        report.transitions,
        report.states as f64 / seconds / 1e6
    );
    ExitCode::SUCCESS
}
