//! The table of recordings in `conform/README.md` says what is said of them. `PODPROOF_UPDATE=1` writes it anew.

#[path = "../examples/conformance_table.rs"]
#[allow(dead_code, reason = "the example has a main function")]
mod conformance_table;

use std::path::Path;
use std::{env, fs};

use conformance_table::{RECORDINGS, folders_in, row};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conform/README.md");

/// What stands before the first row, and behind the last.
const HEAD: &str = "| --- | --- | ---: | ---: | --- | ---: | ---: |\n";
const END: &str = "<!-- conformance_table: end -->";

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
    let (head, rest) = text.split_once(HEAD).expect("the table has a head");
    let (told, tail) = rest.split_once(END).expect("the table has an end");
    if env::var_os("PODPROOF_UPDATE").is_some() {
        // A row that says the same keeps the time that it has.
        let anew = rows.iter().map(|row| {
            let known = told.lines().find(|told| without_time(told) == without_time(row));
            format!("{}\n", known.unwrap_or(row))
        });
        let anew = anew.collect::<String>();
        fs::write(README, format!("{head}{HEAD}{anew}{END}{tail}")).expect("it can be written");
        return;
    }
    let told: Vec<&str> = told.lines().map(without_time).collect();
    let rows: Vec<&str> = rows.iter().map(|row| without_time(row)).collect();
    assert_eq!(told, rows, "PODPROOF_UPDATE=1 cargo test --test conformance_table writes it anew");
}
