//! `slips [SLIP...]` switches on each wrong mechanism of the runtime, one at a time, and tells which case finds it and how soon.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, io, panic};

use clap::Parser;
use clap::builder::PossibleValuesParser;
use podproof_harness::cases::Case;
use podproof_harness::slips::{Found, Hunt, Row, TABLE, cases, hunt, read, show, show_missing, write};
use podproof_runtime::Slip;

/// A case that does not find a slip in the first of these times gets the next, if no other case does.
const ROUNDS: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(8), Duration::from_secs(60)];

/// Switches on wrong mechanisms of the runtime, one at a time, and tells which case finds each and how soon
///
/// Each is looked for in all cases that can, with a time that grows; then the case that was first is asked again with several seeds, and the
/// median is told: the case, its executions, its seconds of processor time.
#[derive(Debug, Parser)]
#[command(
    name = "slips",
    after_help = "Exit status: 0 all were found; 1 one was not, or a file could not be written; 2 something cannot be used."
)]
struct Arguments {
    /// How many seeds the median is of
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    seeds: u32,

    /// Seconds of processor time that each seed has at most
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    limit: u32,

    /// Put the rows into harness/slips.tsv, and the table into the README beside it
    #[arg(long)]
    write: bool,

    /// Look in this case alone
    #[arg(long, value_parser = PossibleValuesParser::new(cases().map(|case| case.name)))]
    case: Option<String>,

    /// The wrong mechanisms; all, if none is named
    #[arg(value_name = "SLIP", value_parser = slip)]
    slips: Vec<Slip>,
}

impl Arguments {
    fn limit(&self) -> Duration {
        Duration::from_secs(self.limit.into())
    }
}

/// A wrong mechanism as it is named on the command line.
fn slip(name: &str) -> Result<Slip, String> {
    let known = Slip::ALL.iter().find(|slip| slip.name() == name).copied();
    known.ok_or_else(|| "there is no slip of that name; harness/slips.tsv has them all".to_owned())
}

fn main() -> ExitCode {
    let mut options = Arguments::parse();
    if options.slips.is_empty() {
        options.slips = Slip::ALL.to_vec();
    }
    // A finding is a panic, and there will be many.
    panic::set_hook(Box::new(|_| {}));
    let mut rows = read(TABLE).unwrap_or_default();
    let mut blind = 0;
    for (index, &slip) in options.slips.iter().enumerate() {
        say(&mut io::stderr(), &format!("{}/{} {slip}", index + 1, options.slips.len()));
        let found = look_for(slip, &options);
        say(&mut io::stdout(), &found.as_ref().map_or_else(|| show_missing(slip), show));
        blind += usize::from(found.is_none());
        rows.retain(|row| row.slip != slip);
        rows.extend(found);
        rows.sort_by_key(|row| row.slip);
        // Whoever ends it early has what was found so far.
        if options.write
            && let Err(error) = keep(&rows)
        {
            say(&mut io::stderr(), &error.to_string());
            return ExitCode::FAILURE;
        }
    }
    if blind == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The case that finds a slip soonest, and its medians.
fn look_for(slip: Slip, options: &Arguments) -> Option<Row> {
    // A seed that is unlucky in one round is not asked again in the next.
    let mut rounds = (0..).zip(ROUNDS).filter(|(_, time)| *time <= options.limit());
    let case = rounds.find_map(|(seed, time)| {
        let asked = cases().filter(|case| options.case.as_ref().is_none_or(|name| name == case.name));
        let found = asked.filter_map(|case| Some((case, find(case, slip, seed, time)?)));
        found.min_by_key(|(_, found)| found.time).map(|(case, _)| case)
    })?;
    let mut found: Vec<(u32, Found)> = (0..options.seeds)
        .filter_map(|seed| Some((seed, find(case, slip, seed, options.limit())?)))
        .collect();
    found.sort_by_key(|(_, found)| found.time);
    // A seed that did not find it stands behind all that did.
    let (seed, median) = *found.get(usize::try_from(options.seeds).ok()? / 2)?;
    Some(Row {
        slip,
        case: case.name,
        executions: median.executions(),
        seconds: median.time.as_secs_f64(),
        seed,
        input: median.input,
    })
}

fn find(case: &Case, slip: Slip, seed: u32, time: Duration) -> Option<Found> {
    match hunt(case, slip, seed, time, u32::MAX) {
        Hunt::Found(found) => Some(found),
        Hunt::NotFound => None,
        Hunt::Broken(input) => {
            say(
                &mut io::stderr(),
                &format!("{} fails without a slip: seed {seed}, input {input}", case.name),
            );
            None
        }
    }
}

const BEGIN: &str = "<!-- slips: begin -->\n";
const END: &str = "<!-- slips: end -->";

fn keep(rows: &[Row]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines: String = rows.iter().map(|row| write(row) + "\n").collect();
    fs::write(folder.join("slips.tsv"), lines)?;
    let readme = fs::read_to_string(folder.join("README.md"))?;
    let (Some((before, rest)), Some((_, after))) = (readme.split_once(BEGIN), readme.split_once(END)) else {
        return Err(io::Error::other("the README has no place for the table"));
    };
    debug_assert!(rest.contains(END), "the marks are in order");
    let row_of = |slip| rows.iter().find(|row| row.slip == slip);
    let line = |slip: &Slip| row_of(*slip).map_or_else(|| show_missing(*slip), show) + "\n";
    let table: String = Slip::ALL.iter().map(line).collect();
    let head = "| slip | case | executions | seconds |\n| --- | --- | --- | --- |\n";
    fs::write(folder.join("README.md"), format!("{before}{BEGIN}{head}{table}{END}{after}"))
}

fn say(to: &mut impl io::Write, line: &str) {
    // Whoever closed the pipe does not want to hear it.
    let _ = writeln!(to, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Arguments, String> {
        let all = ["slips"].iter().chain(arguments);
        Arguments::try_parse_from(all).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_those_that_the_help_names() {
        let known = Slip::ALL[0].name();
        let options = parsed(&["--seeds", "3", "--limit", "7", "--write", known]).expect("all are known");
        assert_eq!((options.seeds, options.limit(), options.write), (3, Duration::from_secs(7), true));
        assert_eq!(options.slips, [Slip::ALL[0]]);
        for (arguments, says) in [
            (["--seeds", "0"], "--seeds"),
            (["--case", "nothing"], "possible values"),
            (["--write", "nothing"], "there is no slip of that name"),
        ] {
            let problem = parsed(&arguments).expect_err("that cannot be used");
            assert!(problem.contains(says), "{problem}");
        }
    }
}
