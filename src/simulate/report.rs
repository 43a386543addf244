//! How a simulation is said: for a terminal, and as a JSON document in the style of a check's.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use podproof_traces::reasons;
use podproof_vocabulary::action::CLASSES;
use serde::Serialize;
use serde_json::json;

use super::found::{Said, SimulateReport, Simulated, Walks, Word};
use crate::arguments::Format;
use crate::output;
use crate::report::{grouped, left_out, list, name_and_size, pretty, rounded, shown_by};
use crate::verdict::Counterexample;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Prints the report on standard output, and what is wrong with the input on standard error; the exit status.
pub fn print(report: &SimulateReport, format: Format) -> u8 {
    output::report(&report.errors, &report.warnings, format, &render(report, format), report.exit())
}

/// The report as text.
pub fn render(report: &SimulateReport, format: Format) -> String {
    match format {
        Format::Json => document(report),
        _ => text(report),
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a String");
}

fn text(report: &SimulateReport) -> String {
    let mut out = String::new();
    for warning in &report.warnings {
        line(&mut out, format_args!("warning: {warning}"));
    }
    for workload in &report.workloads {
        section(&mut out, workload);
    }
    if report.workloads.is_empty() {
        return out;
    }
    let all = || report.workloads.iter().flat_map(|workload| &workload.said);
    let broken = |counts| all().filter(|said| said.word() == Word::Broken && said.counts == counts).count();
    let aside = match broken(false) {
        0 => String::new(),
        more => format!(" (and {more} that do not count)"),
    };
    let walks = || report.workloads.iter().flat_map(|workload| &workload.walks);
    let steps: u64 = walks().map(|walks| walks.steps).sum();
    let count: u32 = walks().map(|walks| walks.walks).sum();
    line(
        &mut out,
        format_args!(
            "seed {}: {count} walk{}, {} steps: {} broken{aside}; walks prove nothing of the others",
            report.seed,
            if count == 1 { "" } else { "s" },
            grouped(steps),
            broken(true),
        ),
    );
    out
}

fn section(out: &mut String, workload: &Simulated) {
    line(out, format_args!("{}", name_and_size(&workload.about)));
    for warning in &workload.about.warnings {
        line(out, format_args!("  warning: {warning}"));
    }
    let mut stories: Vec<_> = workload.walks.iter().map(|walks| walks.story).collect();
    stories.dedup();
    for story in stories {
        line(out, format_args!("\n  story {BOLD}{story}{BOLD:#}"));
        for walks in workload.walks.iter().filter(|walks| walks.story == story) {
            told(out, walks);
        }
        let said: Vec<&Said> = workload.said.iter().filter(|said| said.story == story).collect();
        for said in said.iter().filter(|said| said.word() == Word::Broken) {
            broken(out, said);
        }
        unbroken(out, &said);
    }
    never_taken(out, &workload.walks);
    list(out, "assumptions", &workload.about.assumptions);
    let mut used: Vec<_> = workload.walks.iter().flat_map(|walks| walks.approximations.clone()).collect();
    used.sort();
    used.dedup();
    let used: Vec<_> = used.into_iter().map(|it| format!("{it}: {}", it.says())).collect();
    list(out, "approximations (--exact switches them off)", &used);
    list(out, "left out of the model", &left_out(&workload.about));
    line(out, format_args!(""));
}

fn told(out: &mut String, walks: &Walks) {
    let behind = walks.behind.told();
    line(
        out,
        format_args!(
            "    {DIM}{}{behind}: {} walk{}, {} steps of {} classes, the longest {}, {} to a rest, {:.1} s{DIM:#}",
            walks.timing.name(),
            walks.walks,
            if walks.walks == 1 { "" } else { "s" },
            grouped(walks.steps),
            walks.taken().filter(|&(_, count)| count > 0).count(),
            grouped(walks.longest as u64),
            walks.rested,
            walks.seconds
        ),
    );
    for (why, count) in &walks.stopped {
        line(out, format_args!("      {DIM}{count} ended: {why}{DIM:#}"));
    }
    if !walks.lacking.is_empty() {
        let never = walks.lacking.join(", ");
        line(out, format_args!("      warning: never taken, so what depends on it was not tried: {never}"));
    }
}

/// The steps that no walk of a workload took, with those that befall a cluster as a number: each needs its event.
fn never_taken(out: &mut String, walks: &[Walks]) {
    let taken = |class: usize| walks.iter().any(|walks| walks.classes[class] > 0);
    let never = CLASSES.iter().enumerate().filter(|&(class, _)| !taken(class)).map(|(_, &name)| name);
    let (events, own): (Vec<&str>, Vec<&str>) = never.partition(|name| name.starts_with("environment/"));
    let mut lines: Vec<String> = own.chunks(5).map(|classes| classes.join(", ")).collect();
    match events.len() {
        0 => {}
        1 => lines.push("one kind of event".to_owned()),
        count => lines.push(format!("{count} kinds of events")),
    }
    list(out, "steps that no walk took", &lines);
}

fn broken(out: &mut String, said: &Said) {
    let style = AnsiColor::Red.on_default().bold();
    let aside = match (said.counts, said.property.facts().expectation) {
        (true, _) => "",
        (false, true) => " (an expectation: does not count)",
        (false, false) => " (allowed: does not count)",
    };
    line(
        out,
        format_args!(
            "    {style}broken{style:#} {} in {} of {} walks{aside}",
            said.property, said.broken, said.walks
        ),
    );
    if let Some((number, counterexample)) = &said.shown {
        for sentence in reasons(&counterexample.trace).unwrap_or_default() {
            line(out, format_args!("        {sentence}"));
        }
        line(
            out,
            format_args!(
                "        {} steps, walk {number}: {}",
                counterexample.steps(),
                shown_by(counterexample)
            ),
        );
    }
}

/// What no walk broke, in a line for each count of walks that say something of it.
fn unbroken(out: &mut String, said: &[&Said]) {
    let names = |rows: &[&Said]| rows.iter().map(|said| said.property.name()).collect::<Vec<_>>().join(", ");
    let mut rows: Vec<&Said> =
        said.iter().copied().filter(|said| said.word() == Word::NotSeenBroken).collect();
    rows.sort_by_key(|said| (std::cmp::Reverse(said.reached), said.walks));
    for group in rows.chunk_by(|one, other| (one.reached, one.walks) == (other.reached, other.walks)) {
        let (walks, reached) = (group[0].walks, group[0].reached);
        line(
            out,
            format_args!(
                "    not seen broken in {walks} walks, premise reached in {reached} of them: {}",
                names(group)
            ),
        );
    }
    let rows: Vec<&Said> = said.iter().copied().filter(|said| said.word() == Word::NotJudged).collect();
    if !rows.is_empty() {
        line(out, format_args!("    {DIM}not judged by walks: {}{DIM:#}", names(&rows)));
    }
}

/// One document, ended by a line break.
fn document(report: &SimulateReport) -> String {
    let document = Document {
        version: 1,
        exit: report.exit(),
        seed: report.seed,
        workloads: report.workloads.iter().map(workload).collect(),
        warnings: &report.warnings,
        errors: &report.errors,
    };
    pretty(&document)
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    exit: u8,
    seed: u64,
    workloads: Vec<serde_json::Value>,
    warnings: &'a [String],
    errors: &'a [String],
}

fn workload(simulated: &Simulated) -> serde_json::Value {
    let about = &simulated.about;
    let left_out = about.left_out.iter().map(|row| json!({ "what": row.what, "reason": row.reason }));
    json!({
        "name": about.name,
        "replicas": { "manifest": about.manifest_replicas, "simulated": about.checked_replicas },
        "nodes": about.nodes,
        "steps": simulated.walks.iter().map(|walks| walks.steps).sum::<u64>(),
        "seconds": rounded(simulated.walks.iter().map(|walks| walks.seconds).sum()),
        "assumptions": about.assumptions,
        "warnings": about.of_input(),
        "left_out": left_out.collect::<Vec<_>>(),
        "walks": simulated.walks.iter().map(walks).collect::<Vec<_>>(),
        "results": simulated.said.iter().map(result).collect::<Vec<_>>(),
    })
}

fn walks(walks: &Walks) -> serde_json::Value {
    let taken = walks.taken().map(|(class, count)| (class.to_owned(), count.into()));
    let taken: serde_json::Map<_, _> = taken.collect();
    let mut document = json!({
        "story": walks.story.name(),
        "timing": walks.timing.name(),
        "services": walks.behind.services,
        "walks": walks.walks,
        "steps": walks.steps,
        "longest": walks.longest,
        "rested": walks.rested,
        "stopped": walks.stopped,
        "steps-taken": taken,
        "steps-never-taken": walks.lacking,
        "seconds": rounded(walks.seconds),
        "approximations": walks.approximations.iter().map(|it| it.name()).collect::<Vec<_>>(),
    });
    // Absent where there is none, as `check` has it.
    if let Some(container) = &walks.behind.container {
        document["container"] = container.as_str().into();
    }
    document
}

fn result(said: &Said) -> serde_json::Value {
    let shown = said.shown.as_ref();
    let path = shown.and_then(|(_, counterexample)| counterexample.path.as_ref());
    json!({
        "story": said.story.name(),
        "property": said.property.name(),
        "timing": said.timing.name(),
        "kind": said.property.facts().kind.name(),
        "counts": said.counts,
        "verdict": said.word().name(),
        "walks": said.walks,
        "reached": (said.word() != Word::NotJudged).then_some(said.reached),
        "broken": said.broken,
        "walk": shown.map(|(number, _)| number),
        "trace": path.map(|path| path.display().to_string()),
        "steps": shown.map(|(_, counterexample)| Counterexample::steps(counterexample)),
    })
}
