//! The report as Markdown, for a comment on a pull request: what is broken, why and how; then a table for each workload.

use std::fmt::Write as _;

use podproof_traces::export::mermaid;
use podproof_traces::{essence, is_steering, reasons, told};

use super::{approximations, because, grouped, left_out, measured, name, shown_by, size, warnings};
use crate::verdict::{CheckReport, ResultRow, SearchRow, WorkloadReport};

/// What a comment on GitHub may be long, in characters (65,536), with room for a mark that finds it again.
const COMMENT_MAX: usize = 65_000;
/// Diagrams that a report has at most.
const DIAGRAMS_MAX: usize = 3;
/// Steps that a diagram has at most.
const STEPS_MAX: usize = 24;

/// The whole report, short enough for a comment on a pull request: what is broken comes first, and what is longer than that is
/// left out from the least important on.
pub fn render(report: &CheckReport) -> String {
    let contents = [(DIAGRAMS_MAX, true), (1, true), (0, false)];
    let mut text = String::new();
    for (diagrams, lists) in contents {
        text = of(report, Contents { diagrams, lists });
        if text.chars().count() <= COMMENT_MAX {
            return text;
        }
    }
    let end = "\n\nThe rest is too long for a comment: `--format human` has it.\n";
    text.chars().take(COMMENT_MAX - end.len()).chain(end.chars()).collect()
}

/// What of a report is written, beside the verdicts.
#[derive(Clone, Copy)]
struct Contents {
    diagrams: usize,
    lists: bool,
}

fn of(report: &CheckReport, contents: Contents) -> String {
    let mut out = String::from("# podproof\n");
    for error in &report.errors {
        write(&mut out, format_args!("\n**Error:** {}\n", cell(error)));
    }
    for warning in &report.warnings {
        write(&mut out, format_args!("\n> {}\n", cell(warning)));
    }
    let mut diagrams = contents.diagrams;
    for workload in &report.workloads {
        section(&mut out, workload, &mut diagrams, contents.lists);
    }
    for advice in &report.advice {
        write(&mut out, format_args!("\n{}\n", cell(advice)));
    }
    out
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String");
}

/// Text that cannot end a cell or begin markup.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '*' | '`' | '[' => cell.extend(['\\', c]),
            '<' => cell.push_str("&lt;"),
            '&' => cell.push_str("&amp;"),
            // Nobody is called.
            '@' => cell.push_str("&#64;"),
            c if c.is_control() => cell.push(' '),
            c if is_steering(c) => cell.extend(c.escape_unicode()),
            c => cell.push(c),
        }
    }
    cell
}

fn section(out: &mut String, workload: &WorkloadReport, diagrams: &mut usize, lists: bool) {
    write(out, format_args!("\n## {}\n\n", cell(&workload.name)));
    let size = size(workload).replacen('c', "C", 1);
    write(out, format_args!("{}.\n\n", cell(&size)));
    for row in workload.results.iter().filter(|row| row.counts) {
        broken(out, row, diagrams);
    }
    write(out, format_args!("| story | timing | states | complete |\n| --- | --- | ---: | --- |\n"));
    for row in &workload.searches {
        let end = if row.outcome.stopped.is_empty() {
            "yes".to_owned()
        } else {
            cell(&row.outcome.stopped.join("; "))
        };
        let states = grouped(row.outcome.states);
        write(out, format_args!("| {} | {} | {states} | {end} |\n", row.story, row.timing.name()));
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
    if !warnings.is_empty() {
        write(out, format_args!("\n### Warnings\n\n"));
        list(out, &warnings);
    }
    if !lists {
        return;
    }
    folded(out, "Measured", &of_searches(measured));
    folded(out, "Assumptions", &workload.assumptions);
    folded(out, "Approximations (--exact switches them off)", &approximations(workload));
    folded(out, "Left out of the model", &left_out(workload));
}

/// What is broken, why, and a picture of how it comes to that.
fn broken(out: &mut String, row: &ResultRow, diagrams: &mut usize) {
    let Some(counterexample) = &row.counterexample else { return };
    let (property, story, timing) = (row.property, row.story, row.timing.name());
    write(out, format_args!("### {property} is broken\n\n"));
    let trace = &counterexample.trace;
    list(out, &reasons(trace).unwrap_or_default());
    list(out, &counterexample.turning);
    remedy(out, row);
    let steps = counterexample.steps();
    write(
        out,
        format_args!("\nStory {story}, {timing}, {steps} steps: {}\n\n", cell(&shown_by(counterexample))),
    );
    if *diagrams == 0 {
        return;
    }
    *diagrams -= 1;
    let essence = essence(trace, STEPS_MAX);
    let told = told(trace);
    write(
        out,
        format_args!(
            "<details>\n<summary>How it comes to that: {} of {steps} steps</summary>\n\n",
            essence.len()
        ),
    );
    for step in told.iter().filter(|step| essence.contains(&step.number)) {
        write(out, format_args!("- {} **{}** {}\n", step.number, step.component.name(), cell(&step.says)));
    }
    let diagram = mermaid::excerpt(trace, |number| essence.contains(&number));
    write(out, format_args!("\n```mermaid\n{diagram}```\n\n</details>\n\n"));
}

/// What to change, as a patch.
fn remedy(out: &mut String, row: &ResultRow) {
    let Some(remedy) = &row.remedy else { return };
    list(out, &remedy.sentences(row.property));
    if let Some(patch) = remedy.patch() {
        // A fence that is longer than any in the patch.
        let fence = "`".repeat(
            patch.lines().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0).max(2)
                + 1,
        );
        write(out, format_args!("\n{fence}diff\n{}\n{fence}\n", patch.strip_suffix('\n').unwrap_or(patch)));
    }
}

fn list(out: &mut String, lines: &[String]) {
    for line in lines {
        write(out, format_args!("- {}\n", cell(line)));
    }
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
    use super::cell;

    #[test]
    fn text_cannot_end_a_cell() {
        assert_eq!(cell("a|b\n<c> & `d` \\*"), "a\\|b &lt;c> &amp; \\`d\\` \\\\\\*");
        assert_eq!(cell("a\u{202e}b\u{2028}\u{7}"), "a\\u{202e}b\\u{2028} ");
    }
}
