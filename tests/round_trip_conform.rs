//! Random walks of the model, written out as logs, are lawful; with a wrong rule switched on in the model that walks they are
//! not, wherever the wrong rule shows.
//!
//! `PODPROOF_ROUND_TRIP_WALKS=N` takes N walks through each world; `PODPROOF_ROUND_TRIP_ONLY=WORD` only through worlds whose
//! names begin so; `PODPROOF_ROUND_TRIP_KEEP=FOLDER` keeps walks that are not as they should be, shortened.

mod round_trip;

use std::path::Path;

use podproof_conform::run::Verdict;
use podproof_vocabulary::Scenario;
use podproof_vocabulary::mutant::MUTANTS;
use round_trip::shorten::shorten;
use round_trip::walk::{Walk, walk};
use round_trip::writing::Which;
use round_trip::{complaint, each, judge, keep, mutants, worlds};

fn asked(name: &str) -> Option<String> {
    std::env::var(format!("PODPROOF_ROUND_TRIP_{name}")).ok()
}

/// How many walks are taken through each world.
fn walks(by_default: u64) -> u64 {
    asked("WALKS").and_then(|text| text.parse().ok()).unwrap_or(by_default)
}

fn all_worlds() -> Vec<(&'static str, Scenario)> {
    let only = asked("ONLY").unwrap_or_default();
    worlds::all().into_iter().filter(|(name, _)| name.starts_with(only.as_str())).collect()
}

/// Keeps a walk whose log is not lawful, if somebody wants it.
fn keep_short(name: &str, walk: Walk, which: Which, says: &str) {
    let Some(folder) = asked("KEEP") else { return };
    let kind =
        |says: &str| says.split("; ").next().unwrap_or_default().rsplit(": ").next().map(str::to_owned);
    let wanted = kind(says);
    let is_one = |walk: &Walk| complaint(walk, &judge(walk, which)).is_some_and(|says| kind(&says) == wanted);
    let walk = shorten(walk, is_one);
    keep(&walk, which, &Path::new(&folder).join(format!("{name}-{}-{which:?}", walk.seed)));
}

/// Walks through all worlds; what is not lawful.
fn complaints(which: Which, count: u64) -> Vec<String> {
    let worlds = all_worlds();
    let all = worlds.iter().flat_map(|world| (0..count).map(move |seed| (world, seed))).collect();
    let complaints = each(all, |((name, scenario), seed)| {
        let walk = walk(scenario, seed);
        let says = complaint(&walk, &judge(&walk, which))?;
        keep_short(name, walk, which, &says);
        Some(format!("{name} {seed}: {says}"))
    });
    complaints.into_iter().flatten().collect()
}

#[test]
fn walks_are_lawful_with_all_files() {
    let complaints = complaints(Which::All, walks(10));
    assert!(complaints.is_empty(), "{} are not:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn walks_are_lawful_with_the_audit_log_alone() {
    let complaints = complaints(Which::Audit, walks(10));
    assert!(complaints.is_empty(), "{} are not:\n{}", complaints.len(), complaints.join("\n"));
}

/// What became of the walks under a wrong rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    walks: u64,
    showed: u64,
    unexplained: u64,
    broken: u64,
}

#[test]
fn wrong_rules_are_found_out() {
    let each_mutant: Vec<_> = MUTANTS.iter().map(|facts| (facts, mutants::scenario(facts.mutant))).collect();
    let count = walks(20);
    let all = each_mutant.iter().flat_map(|world| (0..count).map(move |seed| (world, seed))).collect();
    let said = each(all, |((facts, scenario), seed)| {
        let walk = walk(scenario, seed);
        let step = mutants::shows(&walk)?;
        let said = judge(&walk, Which::All);
        println!(
            "{} {seed}: at {step} {:?}: {:?} {:?}",
            facts.name,
            walk.path[step],
            complaint(&walk, &said),
            said.broken
        );
        let out = said.report.verdict() == Verdict::Unexplained;
        Some((facts.mutant, out, !out && !said.broken.is_empty()))
    });
    for facts in MUTANTS {
        let of = said.iter().flatten().filter(|(mutant, ..)| *mutant == facts.mutant);
        let mut sum = Count { walks: count, ..Count::default() };
        for &(_, out, broken) in of {
            sum.showed += 1;
            sum.unexplained += u64::from(out);
            sum.broken += u64::from(broken);
        }
        println!("{:35} {sum:?} {:?}", facts.name, mutants::unseen(facts.mutant));
    }
    panic!();
}
