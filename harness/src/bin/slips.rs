//! `slips [--seeds N] [--limit SECONDS] [--write] [--case CASE] [SLIP...]` switches on each wrong mechanism of the runtime, one at
//! a time, and tells which case finds it and how soon. With `--write` the rows go into `harness/slips.tsv` and the table of the README.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, io, panic};

use podproof_harness::cases::Case;
use podproof_harness::slips::{Found, Hunt, Row, TABLE, cases, hunt, read, show, show_missing, write};
use podproof_runtime::Slip;

/// A case that does not find a slip in the first of these times gets the next, if no other case does.
const ROUNDS: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(8), Duration::from_secs(60)];

struct Options {
    seeds: u32,
    limit: Duration,
    write: bool,
    case: Option<String>,
    slips: Vec<Slip>,
}

fn main() -> ExitCode {
    let options = match options(env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            say(
                &mut io::stderr(),
                &format!(
                    "{problem}\nusage: slips [--seeds N] [--limit SECONDS] [--write] [--case CASE] [SLIP...]"
                ),
            );
            return ExitCode::from(2);
        }
    };
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

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options =
        Options { seeds: 5, limit: Duration::from_secs(60), write: false, case: None, slips: Vec::new() };
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().unwrap_or_default();
            value.parse().map_err(|_| format!("{argument} takes a number, not {value:?}"))
        };
        match argument.as_str() {
            "--seeds" => options.seeds = number()?,
            "--limit" => options.limit = Duration::from_secs(number()?.into()),
            "--write" => options.write = true,
            "--case" => options.case = arguments.next(),
            name => {
                let slip = Slip::ALL.iter().find(|slip| slip.name() == name);
                options.slips.push(*slip.ok_or_else(|| format!("there is no slip {name:?}"))?);
            }
        }
    }
    if options.slips.is_empty() {
        options.slips = Slip::ALL.to_vec();
    }
    Ok(options)
}

/// The case that finds a slip soonest, and its medians.
fn look_for(slip: Slip, options: &Options) -> Option<Row> {
    // A seed that is unlucky in one round is not asked again in the next.
    let mut rounds = (0..).zip(ROUNDS).filter(|(_, time)| *time <= options.limit);
    let case = rounds.find_map(|(seed, time)| {
        let asked = cases().filter(|case| options.case.as_ref().is_none_or(|name| name == case.name));
        let found = asked.filter_map(|case| Some((case, find(case, slip, seed, time)?)));
        found.min_by_key(|(_, found)| found.time).map(|(case, _)| case)
    })?;
    let mut found: Vec<(u32, Found)> =
        (0..options.seeds).filter_map(|seed| Some((seed, find(case, slip, seed, options.limit)?))).collect();
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
