//! One full search of podproof's own model on the slice of termination: `termination_model REPLICAS THREADS [symmetric]`, to be
//! put beside its twins by `checker/benches/peers/compare.sh`. It judges what they judge, `no-traffic-after-sigterm`. With
//! `symmetric` a state stands for all that differ in the names of pods, as in `podproof check`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is all that it is for")]

use std::process::ExitCode;
use std::time::Instant;

use podproof::searched::Searched;
use podproof_checker::Search;
use podproof_model::Model;
use podproof_model::reduced::Reduced;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::{Property, catalogue};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match arguments.as_slice() {
        [replicas, threads] => Some((replicas, threads, false)),
        [replicas, threads, symmetric] if symmetric == "symmetric" => Some((replicas, threads, true)),
        _ => None,
    };
    let parsed = parsed.and_then(|(replicas, threads, symmetric)| {
        let (replicas, threads) = (replicas.parse().ok()?, threads.parse().ok()?);
        (replicas > 0 && threads > 0).then_some((replicas, threads, symmetric))
    });
    let Some((replicas, threads, symmetric)) = parsed else {
        eprintln!("termination_model REPLICAS THREADS [symmetric], with at least one of each");
        return ExitCode::from(2);
    };
    let judged = PropertySet::of([Property::NoTrafficAfterSigterm]);
    let model = match Model::new(catalogue::termination("termination", replicas)) {
        Ok(model) => model.judging(judged),
        Err(limit) => {
            eprintln!("{limit}");
            return ExitCode::from(2);
        }
    };
    let searched = Searched::new(Reduced::new(model), judged);
    let searched = if symmetric { searched } else { searched.without_symmetry() };
    let start = Instant::now();
    let report = Search::new(&searched).threads(threads).run();
    let seconds = start.elapsed().as_secs_f64();
    assert!(
        report.is_complete() && report.violations.len() == 1,
        "the slice sends traffic after SIGTERM, and is seen as a whole"
    );
    println!(
        "model, {threads} threads: {} states, {} transitions, {seconds:.2} s, {:.2} M states/s",
        report.states,
        report.transitions,
        report.states as f64 / seconds / 1e6
    );
    ExitCode::SUCCESS
}
