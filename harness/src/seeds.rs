//! The seeds of the fuzz targets, `fuzz/seeds/CASE.txt`: every case but the canary has some, and none of them is a finding. They are a
//! part of a corpus that reaches what the whole of it reaches, so this is also what the coverage of the runtime is measured with.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cases::{CASES, Case};

/// The seeds of a case, each a line of base64.
fn seeds(case: &Case) -> Vec<Vec<u8>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fuzz/seeds/{}.txt", case.name));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(|line| STANDARD.decode(line).expect("a seed is base64")).collect()
}

/// Every so many cases from this one on.
fn check(part: usize) {
    for case in CASES.iter().filter(|case| case.name != "canary").skip(part).step_by(PARTS) {
        let seeds = seeds(case);
        let useful = seeds.iter().enumerate().filter(|(number, bytes)| {
            let outcome = catch_unwind(AssertUnwindSafe(|| (case.run)(bytes)));
            let line = number + 1;
            let checked = outcome.unwrap_or_else(|_| panic!("line {line} of {}.txt is a finding", case.name));
            checked.unwrap_or_else(|| panic!("line {line} of {}.txt is no input", case.name)).useful
        });
        assert!(useful.count() > 0, "the oracle of {} has something to say of some seed", case.name);
    }
}

/// The cases are checked in parts, so that they run side by side.
const PARTS: usize = 3;

#[test]
fn no_seed_is_a_finding_first_part() {
    check(0);
}

#[test]
fn no_seed_is_a_finding_second_part() {
    check(1);
}

#[test]
fn no_seed_is_a_finding_third_part() {
    check(2);
}
