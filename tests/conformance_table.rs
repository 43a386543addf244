//! The table of recordings in `conform/README.md` says what is said of them. `PODPROOF_UPDATE=1` writes it anew.

#[path = "../examples/conformance_table.rs"]
#[allow(dead_code, reason = "the example has a main function")]
mod conformance_table;

use std::path::Path;
use std::{env, fs};

use conformance_table::{RECORDINGS, folders_in, row};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conform/README.md");

/// A row without its last column, which is the time that it took.
fn without_time(row: &str) -> &str {
    row.trim_end_matches([' ', '|']).rsplit_once('|').map_or(row, |(told, _)| told)
}

#[test]
fn the_table_of_recordings_is_up_to_date() {
    let rows: Vec<String> = folders_in(Path::new(RECORDINGS))
        .iter()
        .map(|folder| row(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())))
        .collect();
    assert_eq!(rows.len(), 27);
    let text = fs::read_to_string(README).expect("it is there");
    let is_row = |line: &&str| line.starts_with("| `") && line.ends_with(" s |");
    let told: Vec<&str> = text.lines().filter(is_row).collect();
    assert_eq!(told.len(), rows.len(), "a row for each recording");
    if env::var_os("PODPROOF_UPDATE").is_some() {
        let anew = told.iter().zip(&rows).filter(|(told, row)| without_time(told) != without_time(row));
        let anew = anew.fold(text.clone(), |text, (told, row)| text.replacen(told, row, 1));
        fs::write(README, anew).expect("it can be written");
        return;
    }
    let [told, rows]: [Vec<&str>; 2] = [told, rows.iter().map(String::as_str).collect()]
        .map(|rows: Vec<&str>| rows.into_iter().map(without_time).collect());
    assert_eq!(told, rows, "PODPROOF_UPDATE=1 cargo test --test conformance_table writes it anew");
}
