//! Which case finds which slip, and how soon: wrong mechanisms of the runtime, switched on one at a time, against every case that
//! has the runtime in it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use cpu_time::ThreadTime;
use podproof_runtime::{Slip, Slips};

use crate::cases::{CASES, Case, CheckWith};
use crate::runner::input;

/// The table as it was last made: what the `slips` binary writes.
pub const TABLE: &str = include_str!("../slips.tsv");

/// One slip, and how it is found.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which.
    pub slip: Slip,
    /// The case that finds it soonest.
    pub case: &'static str,
    /// Executions to the first finding: the median over the seeds.
    pub executions: u32,
    /// Seconds of processor time to the first finding: the median over the seeds.
    pub seconds: f64,
    /// A seed from which it is found.
    pub seed: u32,
    /// The number of the input of that seed that finds it.
    pub input: u32,
}

/// A slip that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The number of the input.
    pub input: u32,
    /// How much processor time it took: what else runs on the machine does not count.
    pub time: Duration,
}

impl Found {
    /// Inputs that were checked.
    pub const fn executions(self) -> u32 {
        self.input + 1
    }
}

/// How a search for a slip ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hunt {
    /// The case finds it.
    Found(Found),
    /// It does not, in the time or the number of inputs that it has.
    NotFound,
    /// The case fails on this input of this seed without any slip.
    Broken(u32),
}

/// The cases that have the runtime in them.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| case.run_with.is_some())
}

/// Checks the inputs of a seed, one after the other, until one finds the slip or `time` of the processor is used up.
pub fn hunt(case: &Case, slip: Slip, seed: u32, time: Duration, inputs: u32) -> Hunt {
    let begun = ThreadTime::now();
    for number in 0..inputs {
        if finds(case, Slips::only(slip), seed, number) {
            let found = Found { input: number, time: begun.elapsed() };
            let sound = !finds(case, Slips::NONE, seed, number);
            return if sound { Hunt::Found(found) } else { Hunt::Broken(number) };
        }
        if begun.elapsed() >= time {
            break;
        }
    }
    Hunt::NotFound
}

/// Does this input of this seed fail?
pub fn finds(case: &Case, slips: Slips, seed: u32, number: u32) -> bool {
    let Some(CheckWith(run)) = case.run_with else { return false };
    let bytes = input(seed, number);
    catch_unwind(AssertUnwindSafe(|| run(&bytes, slips))).is_err()
}

/// The rows of a table.
///
/// # Errors
/// The first line that is none.
pub fn read(table: &str) -> Result<Vec<Row>, String> {
    let row = |line: &str| {
        let mut fields = line.split('\t');
        let mut field = || fields.next().ok_or_else(|| format!("too few fields: {line}"));
        let (slip, case) = (field()?, field()?);
        let slip = Slip::ALL.iter().copied().find(|known| known.name() == slip);
        let case = cases().find(|known| known.name == case);
        let number = |text: &str| text.parse::<u32>().map_err(|error| format!("{error}: {line}"));
        Ok(Row {
            slip: slip.ok_or_else(|| format!("no such slip: {line}"))?,
            case: case.ok_or_else(|| format!("no such case: {line}"))?.name,
            executions: number(field()?)?,
            seconds: field()?.parse().map_err(|error| format!("{error}: {line}"))?,
            seed: number(field()?)?,
            input: number(field()?)?,
        })
    };
    table.lines().map(row).collect()
}

/// A row as a line of the stored table.
pub fn write(row: &Row) -> String {
    let Row { slip, case, executions, seconds, seed, input } = row;
    format!("{slip}\t{case}\t{executions}\t{seconds:.2}\t{seed}\t{input}")
}

/// A row as a line of the table in the README.
pub fn show(row: &Row) -> String {
    let Row { slip, case, executions, seconds, .. } = row;
    format!("| `{slip}` | `{case}` | {executions} | {seconds:.2} |")
}

/// A slip without a row as a line of the table in the README.
pub fn show_missing(slip: Slip) -> String {
    format!("| `{slip}` | not found | | |")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs that may be needed if a case has changed since the table was made.
    fn most(row: &Row) -> u32 {
        row.executions.max(50) * 8
    }

    fn is_found_again(row: &Row) -> bool {
        let Some(case) = cases().find(|case| case.name == row.case) else { return false };
        // What the same input shows without the wrong mechanism is not its doing.
        let is_its_doing = || !finds(case, Slips::NONE, row.seed, row.input);
        finds(case, Slips::only(row.slip), row.seed, row.input) && is_its_doing()
            || matches!(hunt(case, row.slip, row.seed, Duration::MAX, most(row)), Hunt::Found(_))
    }

    fn check(part: usize) {
        let rows = read(TABLE).unwrap_or_else(|error| panic!("{error}"));
        for row in rows.iter().skip(part).step_by(PARTS) {
            assert!(is_found_again(row), "{} is not found any more; make the table anew", row.slip);
        }
    }

    /// The table is checked in parts, so that they run side by side.
    const PARTS: usize = 4;

    #[test]
    fn the_table_stands_first_part() {
        check(0);
    }

    #[test]
    fn the_table_stands_second_part() {
        check(1);
    }

    #[test]
    fn the_table_stands_third_part() {
        check(2);
    }

    #[test]
    fn the_table_stands_fourth_part() {
        check(3);
    }

    #[test]
    fn the_table_has_every_slip() {
        let rows = read(TABLE).unwrap_or_else(|error| panic!("{error}"));
        let missing: Vec<_> =
            Slip::ALL.iter().filter(|slip| !rows.iter().any(|row| row.slip == **slip)).collect();
        assert!(missing.is_empty(), "the harness is blind to {missing:?}");
        assert_eq!(rows.len(), Slip::ALL.len(), "each once");
    }

    #[test]
    fn the_readme_shows_the_table() {
        let readme = include_str!("../README.md");
        let rows = read(TABLE).unwrap_or_else(|error| panic!("{error}"));
        for line in rows.iter().map(show) {
            assert!(readme.contains(&line), "the README does not have {line}; make the table anew");
        }
    }
}
