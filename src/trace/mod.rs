//! `podproof trace`: what can be done with a trace.
//!
//! - [`arguments`]: its command line
//! - [`from_walk`]: a trace of a random walk; [`from_fuzz`]: of what a fuzz target found
//! - `reproducer`: what a fuzz target found that is no path through a scenario
//! - `open`: a document in the reader's browser
//! - `target`: where what is written goes
//! - [`shrink`]: a smaller world and a shorter trace that break the same

pub mod arguments;
pub mod from_fuzz;
pub mod from_walk;
mod open;
mod reproducer;
pub mod shrink;
mod target;

use std::io::{IsTerminal, Read as _};
use std::path::Path;

use podproof_traces::{
    Page, Replayed, Style, Trace, View, are_alike, diff, export, first_other_state, replay as replay_trace,
    show_as, show_remedy, show_slice, show_turning, slice, turning_point,
};
use podproof_vocabulary::Property;

use crate::{mistaken, output};
use arguments::{ExportArguments, Target, TraceCommand};

/// Runs the command; its exit status.
pub fn run(command: &TraceCommand) -> u8 {
    let done = match command {
        TraceCommand::Show { file, full, from, slice } => show(file, (*full, *from), *slice),
        TraceCommand::Replay { file, record } => replay(file, record.as_deref()),
        TraceCommand::Shrink(arguments) => shrink::run(arguments),
        TraceCommand::Diff { first, second } => compare(first, second),
        TraceCommand::FromWalk(arguments) => from_walk::run(arguments),
        TraceCommand::FromFuzz(arguments) => from_fuzz::run(arguments),
        TraceCommand::Export(arguments) => export_to(arguments),
    };
    done.unwrap_or_else(|error| {
        output::tell(format_args!("error: {error}"));
        crate::exit::WRONG_INPUT
    })
}

/// Reads a trace from a file; `-` is standard input.
///
/// # Errors
/// The file with what is wrong with it.
pub(crate) fn read(file: &Path) -> Result<Trace, String> {
    trace_of(&bytes_of(file)?, file)
}

/// What a file holds; `-` is standard input.
///
/// # Errors
/// The file, and why it cannot be read.
fn bytes_of(file: &Path) -> Result<Vec<u8>, String> {
    let bytes = match file == Path::new("-") {
        true => input_bytes(),
        false => std::fs::read(file),
    };
    bytes.map_err(|error| format!("{}: {error}", file.display()))
}

/// The trace that the bytes of a file are.
///
/// # Errors
/// The file with what is wrong with it.
fn trace_of(bytes: &[u8], file: &Path) -> Result<Trace, String> {
    Trace::from_bytes(bytes).map_err(|error| {
        let what = match is_report(bytes) {
            true => Some(
                "this is a report, not a trace: it names the trace of each broken promise under \"trace\", as far as traces were written",
            ),
            false => mistaken::for_trace(bytes),
        };
        match what {
            Some(what) => format!("{}: {what}", file.display()),
            None => format!("{}: {error}", file.display()),
        }
    })
}

fn input_bytes() -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Is this what `check`, `tune` or `simulate` say as JSON?
fn is_report(bytes: &[u8]) -> bool {
    let document: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    document.is_some_and(|document| document["workloads"].is_array() && document.get("stem").is_none())
}

/// How text is set: as wide as the terminal, in colours where they are wanted. What is put out drops them where they are not
/// (NO_COLOR, TERM=dumb).
fn style() -> Style {
    let columns = || console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    Style { colour: std::io::stdout().is_terminal(), width: asked.or_else(columns).unwrap_or(100) }
}

fn show(file: &Path, (full, from): (bool, Option<usize>), sliced: bool) -> Result<u8, String> {
    let bytes = bytes_of(file)?;
    // What came by standard input has no name to replay it by.
    let name = (file != Path::new("-")).then(|| output::word(&file.display().to_string()).into_owned());
    let view = View { full, from, file: name.as_deref() };
    if let Some(reproducer) = reproducer::of(&bytes, file)? {
        return reproducer::show(&reproducer, view, sliced);
    }
    let trace = trace_of(&bytes, file)?;
    let steps = trace.stem.len();
    match view.from {
        Some(from) if from > steps.max(1) => {
            Err(format!("--from {from}: accepted are 1 to {}, a step before what repeats", steps.max(1)))
        }
        _ => {
            let tell = if sliced { show_slice } else { show_as };
            let story = tell(&trace, style(), view) + &afterwards(&trace);
            Ok(output::put(&story, crate::exit::HOLDS))
        }
    }
}

/// What is to be said when a story has been told: where it turned, and what to change.
fn afterwards(trace: &Trace) -> String {
    show_turning(trace, style()) + &show_remedy(trace, style())
}

fn compare(first: &Path, second: &Path) -> Result<u8, String> {
    if [first, second].iter().all(|file| *file == Path::new("-")) {
        return Err("-: standard input holds one trace; accepted is a file for the other".to_owned());
    }
    let (first, second) = (read(first)?, read(second)?);
    let status = if are_alike(&first, &second) { crate::exit::HOLDS } else { crate::exit::BROKEN };
    Ok(output::put(&diff(&first, &second, style()), status))
}

/// What replay does not say.
const OWN_WORLD: &str = "taken in the trace's own world; whether a manifest that has changed since keeps its promises is for podproof check to say";

fn replay(file: &Path, record: Option<&Path>) -> Result<u8, String> {
    // The trace itself may be written anew in its place.
    record.map_or(Ok(()), |record| target::refuse_folder("--record", record))?;
    let bytes = bytes_of(file)?;
    if let Some(reproducer) = reproducer::of(&bytes, file)? {
        return match record {
            Some(_) => {
                Err("--record: this is a reproducer, which is not written anew; accepted is a trace"
                    .to_owned())
            }
            None => reproducer::replay(&reproducer, file),
        };
    }
    let trace = trace_of(&bytes, file)?;
    let steps = trace.stem.len() + trace.cycle.len();
    let (says, mut status) = match replay_trace(&trace) {
        Ok(replayed @ (Replayed::StillBroken { .. } | Replayed::CanBeTaken)) => {
            (format!("{replayed} ({steps} steps)"), crate::exit::HOLDS)
        }
        Ok(replayed) => (format!("{replayed} ({steps} steps)"), crate::exit::BROKEN),
        Err(divergence) => {
            (format!("the model of today does not take this path: {divergence}"), crate::exit::BROKEN)
        }
    };
    let what = trace.property.map_or("path", Property::name);
    let mut text = format!("{what}: {says}\n{OWN_WORLD}\n");
    if status == crate::exit::HOLDS
        && let Some(step) = first_other_state(&trace)
    {
        text += &format!(
            "from step {step} on the state behind what is seen is another one than recorded; --record writes the trace anew\n"
        );
    }
    if let Some(file) = record {
        match trace.recorded_again() {
            Ok(again) => {
                target::write(&again, Some(file))?;
                // What has more steps than it takes is written up to the one that breaks the promise, and stands so.
                status = crate::exit::HOLDS;
                if trace.remedy.is_some() {
                    output::tell(format_args!(
                        "its remedy was not checked again and is left out: podproof check --remedy looks for one"
                    ));
                }
            }
            // What replay has said already.
            Err(_) => output::tell(format_args!("nothing was recorded")),
        }
    }
    Ok(output::put(&text, status))
}

fn export_to(arguments: &ExportArguments) -> Result<u8, String> {
    refuse_of_dot(arguments)?;
    let beside = || arguments.open.then(|| arguments.file.with_extension(arguments.to.extension()));
    if arguments.open && arguments.output.is_none() && arguments.file == Path::new("-") {
        return Err(
            "--open: what comes by standard input has no place beside it; accepted is -o FILE with it"
                .to_owned(),
        );
    }
    let file = arguments.output.clone().or_else(beside);
    target::refuse("--output", file.as_deref(), [arguments.file.as_path()])?;
    let reader = if std::io::stdout().is_terminal() { Reader::Person } else { Reader::Program };
    if file.is_none() {
        refuse_page(arguments, reader)?;
    }
    let trace = read(&arguments.file)?;
    let steps = trace.stem.len() + trace.cycle.len();
    if let Some(step) = arguments.step.filter(|&step| step > steps) {
        return Err(format!("--step {step}: accepted are 0 to {steps}, a step of the trace"));
    }
    let text = match arguments.to {
        Target::Html => {
            let (slice, point) = (slice(&trace), turning_point(&trace));
            Ok(Page::of(&trace).sliced(slice.as_ref()).turning(&trace, point.as_ref()).to_html())
        }
        Target::Itf => export::itf::export(&trace),
        Target::Perfetto => export::perfetto::export(&trace),
        Target::Dot => {
            let around = arguments.around.unwrap_or(AROUND);
            export::dot::export(&trace, arguments.step.unwrap_or(steps), around)
        }
        Target::Mermaid => Ok(export::mermaid::export(&trace)),
        Target::Markdown => Ok(export::markdown::export(&trace)),
    };
    let text = text.map_err(|divergence| {
        format!("{}: the model of today does not take this path: {divergence}", arguments.file.display())
    })?;
    let Some(file) = file else {
        return Ok(output::put(&text, crate::exit::HOLDS));
    };
    std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    if arguments.open {
        output::tell(format_args!("written: {}", file.display()));
        open::open(&file).map_err(|error| {
            format!(
                "{}: it could not be opened: {error}; accepted are commands that open it, in BROWSER, with : between them",
                file.display()
            )
        })?;
    }
    Ok(crate::exit::HOLDS)
}

/// Who reads standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// Whoever sits at the terminal.
    Person,
    /// A pipe or a file.
    Program,
}

/// Refuses a page that would fill a terminal.
fn refuse_page(arguments: &ExportArguments, reader: Reader) -> Result<(), String> {
    if reader == Reader::Program || arguments.to != Target::Html {
        return Ok(());
    }
    let page = arguments.file.with_extension(Target::Html.extension());
    let name = page.file_name().unwrap_or(page.as_os_str()).to_string_lossy();
    Err(format!(
        "a page for a browser is not written to a terminal; accepted: --open, which writes it beside the trace and opens it, \
         -o {}, or a pipe",
        output::word(&name)
    ))
}

/// Steps before and after the one that a graph is drawn around, unless the command line says how many.
const AROUND: usize = 2;

/// Refuses what only a graph has.
fn refuse_of_dot(arguments: &ExportArguments) -> Result<(), String> {
    let given = [("--step", arguments.step.is_some()), ("--around", arguments.around.is_some())];
    let option = given.into_iter().find(|&(_, is_given)| is_given && arguments.to != Target::Dot);
    option.map_or(Ok(()), |(option, _)| {
        Err(format!(
            "{option} has no effect on --to {}, which holds the whole trace; accepted is {option} with --to dot",
            arguments.to.name()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_fills_no_terminal() {
        let to = |to: Target| ExportArguments {
            file: "traces/my web.json".into(),
            to,
            output: None,
            open: false,
            step: None,
            around: None,
        };
        let error = refuse_page(&to(Target::Html), Reader::Person).expect_err("it would fill it");
        assert!(error.contains("--open") && error.contains("-o 'my web.html', or a pipe"), "{error}");
        assert_eq!(refuse_page(&to(Target::Html), Reader::Program), Ok(()));
        assert_eq!(refuse_page(&to(Target::Mermaid), Reader::Person), Ok(()), "this is for reading");
    }
}
