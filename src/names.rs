//! `podproof names`.

use podproof_vocabulary::event::{EVENTS, Story};
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::mutant::MUTANTS;
use podproof_vocabulary::property::PROPERTIES;

use crate::output;

/// What makes a relist stuck, as `--hang` takes it.
const HANGS: [(&str, &str); 4] = [
    ("rpc-timeout", "every call to the runtime times out"),
    ("too-many-pods=N", "a relist takes too long on a node with more than N pods; other calls work"),
    ("stuck-inspect", "the inspection of one container never returns; other calls work"),
    ("cni-status", "the status of the sandboxes' network cannot be read, and no sandbox is made"),
];

/// Lists what the options that take a name accept.
pub fn run() -> u8 {
    let defaults = Latencies::default();
    let story = |story: &Story| (story.name().to_owned(), String::new());
    let latency = |row: &podproof_vocabulary::latency::Row| {
        let seconds = row.value(&defaults);
        (format!("{}={seconds}", row.name), format!("{} so many seconds ({})", row.says, row.flag))
    };
    let named = |name: &str, says: &str| (name.to_owned(), says.to_owned());
    let lists = [
        list("--story", Story::ALL.iter().map(story)),
        list("--event", EVENTS.iter().map(|(_, name, says)| named(name, says))),
        list("--hang", HANGS.iter().map(|(name, says)| named(name, says))),
        list("--latency", Latencies::ROWS.iter().map(latency)),
        list("--property", PROPERTIES.iter().map(|facts| named(facts.name, facts.says))),
        list("--mutant", MUTANTS.iter().map(|facts| named(facts.name, facts.says))),
    ];
    output::put(&lists.concat(), crate::exit::HOLDS)
}

fn list(option: &str, rows: impl Iterator<Item = (String, String)>) -> String {
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line =
        |(name, says): &(String, String)| format!("{}\n", format!("  {name:width$}  {says}").trim_end());
    format!("{option}\n{}", rows.iter().map(line).collect::<String>())
}
