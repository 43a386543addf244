//! The report as Markdown, for a comment on a pull request: how many verdicts there are; what is broken, why and how, of all workloads; then
//! the verdicts on each, folded up.

use std::fmt::Write as _;

use podproof_traces::export::markdown::{self, STEPS_MAX, cell, picture, steps};
use podproof_traces::plain::plain;
use podproof_traces::{essence, reasons};
use podproof_vocabulary::Property;

use super::{
    approximations, because, blocked_drains, grouped, left_out, measured, name, shown_by, size, totals,
    warnings,
};
use crate::output;
use crate::verdict::{CheckReport, ResultRow, SearchRow, Verdict, WorkloadReport};

/// What a comment on GitHub may be long, in characters (65,536), with room for a mark that finds it again.
const COMMENT_MAX: usize = 65_000;
/// Diagrams that a report has at most.
const DIAGRAMS_MAX: usize = 3;

/// The whole report, short enough for a comment on a pull request: what is broken comes first, and what is longer than that is
/// left out from the least important on, each part whole or not at all.
pub fn render(report: &CheckReport) -> String {
    let contents = [
        Contents { pictures: pictured(report, DIAGRAMS_MAX), steps: true, lists: true },
        Contents { pictures: pictured(report, DIAGRAMS_MAX), steps: false, lists: true },
        Contents { pictures: pictured(report, 1), steps: false, lists: true },
        Contents::default(),
    ];
    let mut parts = Vec::new();
    for contents in &contents {
        parts = parts_of(report, contents);
        if parts.iter().map(|part| part.chars().count()).sum::<usize>() <= COMMENT_MAX {
            return parts.concat();
        }
    }
    // Whatever is left out of it, each workload is there.
    parts.splice(1..1, overview(report));
    let mut text = String::new();
    let (mut length, mut left_out) = (0, 0);
    for part in &parts {
        let longer = length + part.chars().count();
        // Room for the last line.
        if longer + 200 > COMMENT_MAX {
            left_out += 1;
            continue;
        }
        length = longer;
        text += part;
    }
    let are = if left_out == 1 { "part is" } else { "parts are" };
    text + &format!("\n{left_out} more {are} too long for a comment: `--format human` has all.\n")
}

/// How much a report holds.
#[derive(Default)]
struct Contents {
    /// The counterexamples that have a diagram: the places of their workload and their row.
    pictures: Vec<(usize, usize)>,
    /// Those that have none are told step by step all the same.
    steps: bool,
    /// What the verdicts rest on is told.
    lists: bool,
}

/// The counterexamples that have one of so many diagrams: the first of each workload, then the second of each, and so on.
fn pictured(report: &CheckReport, most: usize) -> Vec<(usize, usize)> {
    let all = report.workloads.iter().enumerate().flat_map(|(place, workload)| {
        let rows = workload.results.iter().enumerate().filter(|(_, row)| is_told(row));
        rows.enumerate().map(move |(turn, (row, _))| (turn, place, row))
    });
    let mut all: Vec<_> = all.collect();
    all.sort_unstable();
    all.into_iter().map(|(_, place, row)| (place, row)).take(most).collect()
}

/// Is this verdict told beside the table of all?
fn is_told(row: &ResultRow) -> bool {
    row.counts && row.counterexample.is_some()
}

/// The parts of a report, the most important first.
fn parts_of(report: &CheckReport, contents: &Contents) -> Vec<String> {
    let mut head = format!("# podproof\n\n{}\n", cell(&totals(report)));
    for error in &report.errors {
        write(&mut head, format_args!("\n**Error:** {}\n", cell(error)));
    }
    for warning in blocked_drains(report) {
        write(&mut head, format_args!("\n**Drain blocked:** {}\n", cell(&warning)));
    }
    for warning in &report.warnings {
        write(&mut head, format_args!("\n> {}\n", cell(warning)));
    }
    for advice in &report.advice {
        write(&mut head, format_args!("\n{}\n", with_command(advice)));
    }
    let mut parts = vec![head];
    for (place, workload) in report.workloads.iter().enumerate() {
        let mut told = Told::default();
        for (number, row) in workload.results.iter().enumerate().filter(|(_, row)| is_told(row)) {
            let mut part = match told.patches.is_empty() && told.rows == 0 {
                true => format!("\n## {}\n\n", cell(&workload.name)),
                false => String::new(),
            };
            broken(&mut part, row, &mut told);
            let has_picture = contents.pictures.contains(&(place, number));
            if has_picture || contents.steps {
                step_by_step(&mut part, row, has_picture);
            }
            told.rows += 1;
            parts.push(part);
        }
    }
    parts.extend(report.workloads.iter().map(|workload| verdicts(workload, contents.lists)));
    parts
}

/// A sentence, of which a command behind it stays as it is to be typed.
fn with_command(says: &str) -> String {
    match says.find(": podproof ") {
        Some(end) => format!("{}: {}", cell(&says[..end]), code(&says[end + 2..])),
        None => cell(says),
    }
}

/// A span of code (CommonMark 0.31, 6.1): between more backticks than stand in it, on one line, with nothing that steers.
fn code(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let (fence, text) = ("`".repeat(longest + 1), plain(text));
    let room = if longest > 0 { " " } else { "" };
    format!("{fence}{room}{text}{room}{fence}")
}

/// A line for each workload, the first with the head of the table.
fn overview(report: &CheckReport) -> Vec<String> {
    let line = |workload: &WorkloadReport| {
        let of = |verdict: Verdict| {
            let rows = workload.results.iter().filter(move |row| row.counts && row.verdict == verdict);
            let mut names: Vec<&str> = rows.map(|row| row.property.name()).collect();
            names.sort_unstable();
            names.dedup();
            names.join(", ")
        };
        format!("| {} | {} | {} |\n", cell(&workload.name), of(Verdict::Broken), of(Verdict::Incomplete))
    };
    let mut lines: Vec<String> = report.workloads.iter().map(line).collect();
    if let Some(first) = lines.first_mut() {
        first.insert_str(0, "\n| workload | broken | incomplete |\n| --- | --- | --- |\n");
    }
    lines
}

/// What was told of a workload until now.
#[derive(Default)]
struct Told {
    rows: usize,
    /// The patches, each with the promise that it is of.
    patches: Vec<(String, Property)>,
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String");
}

/// All verdicts on a workload, and what they rest on.
fn verdicts(workload: &WorkloadReport, lists: bool) -> String {
    let mut text = String::new();
    let out = &mut text;
    let size = size(workload).replacen('c', "C", 1);
    write(
        out,
        format_args!(
            "\n<details>\n<summary>All verdicts on {}</summary>\n\n{}.\n\n",
            cell(&workload.name),
            cell(&size)
        ),
    );
    write(out, format_args!("| story | timing | states | complete |\n| --- | --- | ---: | --- |\n"));
    for row in &workload.searches {
        let end = if row.outcome.stopped.is_empty() {
            "yes".to_owned()
        } else {
            cell(&row.outcome.stopped.join("; "))
        };
        let states = grouped(row.outcome.states);
        let timing = format!("{}{}", row.timing.name(), row.behind.told());
        write(out, format_args!("| {} | {} | {states} | {end} |\n", row.story, cell(&timing)));
    }
    write(
        out,
        format_args!(
            "\n| property | story | timing | verdict | counts | why | trace |\n| --- | --- | --- | --- | --- | --- | --- |\n"
        ),
    );
    for row in &workload.results {
        let counts = if row.counts { "yes" } else { "no" };
        let (story, timing, verdict) = (row.story, row.timing.name(), row.verdict.name());
        let why = cell(&because(workload, row).unwrap_or_default());
        let trace = row.counterexample.as_ref().map(|shown| cell(&shown_by(shown))).unwrap_or_default();
        write(
            out,
            format_args!(
                "| {} | {story} | {timing} | **{verdict}** | {counts} | {why} | {trace} |\n",
                row.property
            ),
        );
    }
    let of_searches = |says: fn(&SearchRow) -> Vec<String>| {
        let lines = |search| says(search).into_iter().map(move |text| format!("{}: {text}", name(search)));
        workload.searches.iter().flat_map(lines).collect::<Vec<_>>()
    };
    let warnings = [workload.warnings.clone(), of_searches(warnings)].concat();
    if lists {
        folded(out, "Measured", &of_searches(measured));
        folded(out, "Assumptions", &workload.assumptions);
        folded(out, "Approximations (--exact switches them off)", &approximations(workload));
        folded(out, "Left out of the model", &left_out(workload));
    }
    write(out, format_args!("\n</details>\n"));
    if !warnings.is_empty() {
        write(out, format_args!("\nWarnings of {}:\n\n", cell(&workload.name)));
        list(out, &warnings);
    }
    text
}

/// What is broken, and why.
fn broken(out: &mut String, row: &ResultRow, told: &mut Told) {
    let Some(counterexample) = &row.counterexample else { return };
    let (property, story, timing) = (row.property, row.story, row.timing.name());
    write(out, format_args!("### {property} is broken\n\n"));
    list(out, &reasons(&counterexample.trace).unwrap_or_default());
    list(out, &counterexample.turning.sentences);
    remedy(out, row, told);
    let steps = counterexample.steps();
    write(
        out,
        format_args!("\nStory {story}, {timing}, {steps} steps: {}\n\n", cell(&shown_by(counterexample))),
    );
}

/// How it comes to that: the steps that count in words, and a picture of them or how to get one.
fn step_by_step(out: &mut String, row: &ResultRow, has_picture: bool) {
    let Some(counterexample) = &row.counterexample else { return };
    let trace = &counterexample.trace;
    let essence = essence(trace, STEPS_MAX);
    let all = counterexample.steps();
    write(
        out,
        format_args!(
            "<details>\n<summary>How it comes to that: {} of {all} steps</summary>\n\n",
            essence.len()
        ),
    );
    out.push_str(&steps(trace, &essence));
    if has_picture {
        write(out, format_args!("\n{}", picture(trace, &essence, &counterexample.turning.late)));
    } else if let Some(path) = &counterexample.path {
        let path = path.display().to_string();
        let export = format!("podproof trace export {} --to mermaid", output::word(&path));
        write(out, format_args!("\nA picture of it: {}\n", cell(&export)));
    }
    write(out, format_args!("\n</details>\n\n"));
}

/// What to change, as a patch.
fn remedy(out: &mut String, row: &ResultRow, told: &mut Told) {
    let Some(remedy) = &row.remedy else { return };
    list(out, &remedy.sentences(row.property));
    if let Some(patch) = remedy.patch() {
        if let Some((_, other)) = told.patches.iter().find(|(known, _)| known == patch) {
            write(out, format_args!("- the patch is that of {other}\n"));
            return;
        }
        told.patches.push((patch.to_owned(), row.property));
        // A fence that is longer than any in the patch.
        let fence = "`".repeat(
            patch.lines().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0).max(2)
                + 1,
        );
        write(out, format_args!("\n{fence}diff\n{}\n{fence}\n", patch.strip_suffix('\n').unwrap_or(patch)));
    }
}

fn list(out: &mut String, lines: &[String]) {
    out.push_str(&markdown::list(lines));
}

/// A list that is folded up until it is asked for. The empty lines around it make it Markdown again.
fn folded(out: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        write(out, format_args!("\n<details>\n<summary>{title}</summary>\n\n"));
        list(out, lines);
        write(out, format_args!("\n</details>\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_copied_as_it_is_typed() {
        let says = "it looks for @one: podproof check 'a@b; https://c.yaml'";
        assert_eq!(with_command(says), "it looks for @&#8203;one: `podproof check 'a@b; https://c.yaml'`");
        assert_eq!(code("a `b`` c"), "``` a `b`` c ```");
        assert_eq!(code("a\nb"), "`a\\u{a}b`");
        assert_eq!(with_command("no command"), "no command");
    }
}
