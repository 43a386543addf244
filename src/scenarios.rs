//! `podproof scenarios`.

use anstream::println;
use podproof_vocabulary::catalogue::ENTRIES;

/// Lists the built-in scenarios.
pub fn run() -> u8 {
    let width = ENTRIES.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for entry in ENTRIES {
        println!("{:width$}  {}", entry.name, entry.says);
    }
    crate::exit::HOLDS
}
