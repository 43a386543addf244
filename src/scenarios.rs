//! `podproof scenarios`.

use podproof_vocabulary::catalogue::ENTRIES;

use crate::output;

/// Lists the built-in scenarios.
pub fn run() -> u8 {
    let width = ENTRIES.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let line =
        |entry: &podproof_vocabulary::catalogue::Entry| format!("{:width$}  {}\n", entry.name, entry.says);
    output::put(&ENTRIES.iter().map(line).collect::<String>(), crate::exit::HOLDS)
}
