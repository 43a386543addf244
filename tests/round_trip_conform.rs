//! Random walks of the model, written out as logs, are lawful; with a wrong rule switched on in the model that walks they are
//! not, wherever the wrong rule shows.
//!
//! `PODPROOF_ROUND_TRIP_WALKS=N` takes N walks through each world, `PODPROOF_ROUND_TRIP_SEEDS=N,N` those of these numbers; `PODPROOF_ROUND_TRIP_ONLY=WORD` only through worlds, and with
//! wrong rules, whose names begin so; `PODPROOF_ROUND_TRIP_KEEP=FOLDER` keeps walks that are not as they should be, shortened.

mod round_trip;

use std::path::Path;

use podproof_conform::report::Verdict;
use podproof_vocabulary::Scenario;
use podproof_vocabulary::mutant::{Facts, MUTANTS};
use round_trip::shorten::shorten;
use round_trip::walk::{Walk, walk};
use round_trip::writing::Which;
use round_trip::{complaint, each, judge, keep, mutants, paths, worlds};

fn asked(name: &str) -> Option<String> {
    std::env::var(format!("PODPROOF_ROUND_TRIP_{name}")).ok()
}

/// How many walks are taken through each world.
fn walks(by_default: u64) -> u64 {
    asked("WALKS").and_then(|text| text.parse().ok()).unwrap_or(by_default)
}

/// The numbers of those walks: the first, or those that are asked for.
fn seeds(count: u64) -> Vec<u64> {
    let asked =
        asked("SEEDS").map(|all| all.split(',').filter_map(|seed| seed.trim().parse().ok()).collect());
    asked.unwrap_or_else(|| (0..count).collect())
}

/// Those of these worlds that are asked for.
fn asked_for(mut worlds: Vec<(&'static str, Scenario)>) -> Vec<(&'static str, Scenario)> {
    let only = asked("ONLY").unwrap_or_default();
    worlds.retain(|(name, _)| name.starts_with(only.as_str()));
    worlds
}

fn all_worlds() -> Vec<(&'static str, Scenario)> {
    asked_for(worlds::all())
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
    let (worlds, seeds) = (all_worlds(), seeds(count));
    let all = worlds.iter().flat_map(|world| seeds.iter().map(move |&seed| (world, seed))).collect();
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
    let complaints = complaints(Which::All, walks(30));
    assert!(complaints.is_empty(), "{} are not:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn walks_are_lawful_with_the_audit_log_alone() {
    let complaints = complaints(Which::Audit, walks(30));
    assert!(complaints.is_empty(), "{} are not:\n{}", complaints.len(), complaints.join("\n"));
}

/// What is said of walks through these worlds, written out in this way, with what was not explained of each.
fn said_of(worlds: &[(&'static str, Scenario)], which: Which, count: u64) -> Vec<(Verdict, String)> {
    let seeds = seeds(count);
    let all = worlds.iter().flat_map(|world| seeds.iter().map(move |&seed| (world, seed))).collect();
    each(all, |((name, scenario), seed)| {
        let walk = walk(scenario, seed);
        let said = judge(&walk, which);
        let (verdict, says) = (said.report.verdict(), complaint(&walk, &said).unwrap_or_default());
        if verdict == Verdict::Unexplained {
            keep_short(name, walk, which, &says);
        }
        (verdict, format!("{name} {seed}: {says}"))
    })
}

/// Where much happens at once some of it is not sure: the order of what different files say, and what comes just before the end.
#[test]
fn wide_walks_are_never_unexplained() {
    let said = said_of(&asked_for(worlds::wide()), Which::All, walks(20));
    let wrong: Vec<&str> =
        said.iter().filter(|(said, _)| *said == Verdict::Unexplained).map(|(_, says)| &**says).collect();
    assert!(wrong.is_empty(), "{} are:\n{}", wrong.len(), wrong.join("\n"));
    let lawful = said.iter().filter(|(said, _)| *said == Verdict::Lawful).count();
    assert!(lawful * 10 >= said.len() * 9, "{lawful} of {} are lawful", said.len());
}

/// What a write left is made of what was asked for. A walk that ends before anybody names what was created, or writes it back, leaves
/// that open; it is no reason to say that something else cannot be.
#[test]
fn walks_are_never_unexplained_without_the_answers_of_the_api_server() {
    let said = said_of(&all_worlds(), Which::Requests, walks(10));
    let of =
        |verdict: Verdict| said.iter().filter(move |(said, _)| *said == verdict).map(|(_, says)| &**says);
    let wrong: Vec<&str> = of(Verdict::Unexplained).collect();
    assert!(wrong.is_empty(), "{} are:\n{}", wrong.len(), wrong.join("\n"));
    assert!(
        of(Verdict::Lawful).count() * 8 > said.len() * 7,
        "{} of {}",
        of(Verdict::Lawful).count(),
        said.len()
    );
}

#[test]
fn paths_that_were_not_lawful_once_are() {
    let of = |which: Which| {
        paths::all().into_iter().filter_map(move |(name, walk)| {
            complaint(&walk, &judge(&walk, which)).map(|says| format!("{name} {which:?}: {says}"))
        })
    };
    let complaints: Vec<String> = of(Which::All).chain(of(Which::Audit)).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Without answers a short log may leave something open; of these each write has its explanation all the same.
#[test]
fn paths_that_were_not_lawful_without_the_answers_of_the_api_server_are_explained() {
    let unexplained = paths::asked().into_iter().filter_map(|(name, walk)| {
        let said = judge(&walk, Which::Requests);
        said.report.first_unexplained().map(|found| format!("{name}: {} {}", found.seen, found.why))
    });
    let unexplained: Vec<String> = unexplained.collect();
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

/// What is said of a walk on which a wrong rule shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// It is unexplained.
    Unexplained,
    /// It is explained, and a promise is broken that the rule is there to keep.
    Broken,
    /// It is incomplete: what is not explained may be for want of what the log leaves out.
    Unsure,
    /// None of these.
    Accepted,
}

fn found(facts: &Facts, seed: u64) -> Option<Found> {
    let walk = walk(&mutants::scenario(facts.mutant), seed);
    mutants::shows(&walk)?;
    let said = judge(&walk, Which::All);
    if said.report.verdict() == Verdict::Unexplained {
        return Some(Found::Unexplained);
    }
    if facts.breaks.iter().any(|property| said.broken.contains(property)) {
        return Some(Found::Broken);
    }
    if let Some(folder) = asked("KEEP") {
        keep(&walk, Which::All, &Path::new(&folder).join(format!("{}-{seed}", facts.name)));
    }
    Some(if said.report.verdict() == Verdict::Incomplete { Found::Unsure } else { Found::Accepted })
}

#[test]
fn wrong_rules_are_found_out() {
    let count = walks(20);
    let only = asked("ONLY").unwrap_or_default();
    let rules: Vec<&Facts> = MUTANTS.iter().filter(|facts| facts.name.starts_with(only.as_str())).collect();
    let all =
        rules.iter().flat_map(|&facts| seeds(count).into_iter().map(move |seed| (facts, seed))).collect();
    let found = each(all, |(facts, seed)| (facts.mutant, found(facts, seed)));
    let mut wrong = Vec::new();
    let mut table = format!("{:34} walks  it shows  unexplained  broken  unsure  accepted\n", "wrong rule");
    for facts in rules {
        let of = |what: &dyn Fn(Option<Found>) -> bool| {
            found.iter().filter(|(mutant, found)| *mutant == facts.mutant && what(*found)).count()
        };
        let shows = of(&|found| found.is_some());
        let [unexplained, broken, unsure, accepted] =
            [Found::Unexplained, Found::Broken, Found::Unsure, Found::Accepted]
                .map(|what| of(&|found| found == Some(what)));
        table.push_str(&format!(
            "{:34} {count:5}  {shows:8}  {unexplained:11}  {broken:6}  {unsure:6}  {accepted:8}\n",
            facts.name
        ));
        match mutants::unseen(facts.mutant) {
            Some(_) if shows > 0 => wrong.push(format!("{} shows in a log", facts.name)),
            None if shows == 0 => wrong.push(format!("{} shows on no walk", facts.name)),
            None if unexplained + broken == 0 => wrong.push(format!("{} is never found out", facts.name)),
            None if accepted > 0 && mutants::other_way(facts.mutant).is_none() => {
                wrong.push(format!("{} is accepted {accepted} times of {shows}", facts.name));
            }
            None if unsure * 5 > shows => wrong.push(format!("{} is unsure {unsure} times", facts.name)),
            None if (unexplained + broken) * 4 < shows => {
                wrong.push(format!("{} is found out {} times of {shows}", facts.name, unexplained + broken));
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{table}{}", wrong.join("\n"));
    if ["WALKS", "SEEDS", "ONLY"].into_iter().all(|name| asked(name).is_none()) {
        let unseen = MUTANTS.iter().filter_map(|facts| Some((facts.name, mutants::unseen(facts.mutant)?)));
        let other = MUTANTS.iter().filter_map(|facts| Some((facts.name, mutants::other_way(facts.mutant)?)));
        let lines = |reasons: Vec<_>| {
            reasons.into_iter().map(|(name, why)| format!("{name}: {why}\n")).collect::<String>()
        };
        table.push_str(&format!("\nShown by no log:\n{}", lines(unseen.collect())));
        table.push_str(&format!("\nPossible in another way:\n{}", lines(other.collect())));
        insta::assert_snapshot!("wrong_rules", table);
    }
}
