//! `podproof names`.

use anstream::println;
use podproof_vocabulary::event::{EVENTS, Story};
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::mutant::MUTANTS;
use podproof_vocabulary::property::PROPERTIES;

/// Lists what the options that take a name accept.
pub fn run() -> u8 {
    let defaults = Latencies::default();
    list("--story", Story::ALL.iter().map(|story| (story.name().to_owned(), String::new())));
    let events = EVENTS.iter().map(|(_, name, says)| ((*name).to_owned(), (*says).to_owned()));
    list("--event", events);
    let latency = |row: &podproof_vocabulary::latency::Row| {
        let seconds = row.value(&defaults);
        (format!("{}={seconds}", row.name), format!("{} so many seconds ({})", row.says, row.flag))
    };
    list("--latency", Latencies::ROWS.iter().map(latency));
    list("--property", PROPERTIES.iter().map(|facts| (facts.name.to_owned(), facts.says.to_owned())));
    list("--mutant", MUTANTS.iter().map(|facts| (facts.name.to_owned(), facts.says.to_owned())));
    crate::exit::HOLDS
}

fn list(option: &str, rows: impl Iterator<Item = (String, String)>) {
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    println!("{option}");
    for (name, says) in rows {
        println!("{}", format!("  {name:width$}  {says}").trim_end());
    }
}
