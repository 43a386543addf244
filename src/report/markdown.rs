//! The report as Markdown: a table for each workload.

use std::fmt::Write as _;

use super::grouped;
use crate::verdict::{CheckReport, WorkloadReport};

/// The whole report.
pub fn render(report: &CheckReport) -> String {
    let mut out = String::from("# podproof\n");
    for error in &report.errors {
        write(&mut out, format_args!("\n**Error:** {}\n", cell(error)));
    }
    for warning in &report.warnings {
        write(&mut out, format_args!("\n> {}\n", cell(warning)));
    }
    for workload in &report.workloads {
        section(&mut out, workload);
    }
    out
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String");
}

/// Text that cannot end a cell or begin markup.
fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

fn section(out: &mut String, workload: &WorkloadReport) {
    write(out, format_args!("\n## {}\n\n", cell(&workload.name)));
    let (checked, manifest) = (workload.checked_replicas, workload.manifest_replicas);
    write(
        out,
        format_args!("Checked at {checked} of {manifest} replicas on {} nodes.\n\n", workload.nodes.len()),
    );
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
            "\n| property | story | timing | verdict | counts | trace |\n| --- | --- | --- | --- | --- | --- |\n"
        ),
    );
    for row in &workload.results {
        let trace =
            row.counterexample.as_ref().map(|(_, path)| format!("`{}`", path.display())).unwrap_or_default();
        let counts = if row.counts { "yes" } else { "no" };
        write(
            out,
            format_args!(
                "| {} | {} | {} | **{}** | {counts} | {trace} |\n",
                row.property,
                row.story,
                row.timing.name(),
                row.verdict.name()
            ),
        );
    }
    for (title, lines) in [("Warnings", &workload.warnings), ("Assumptions", &workload.assumptions)] {
        if !lines.is_empty() {
            write(out, format_args!("\n### {title}\n\n"));
            for line in lines {
                write(out, format_args!("- {}\n", cell(line)));
            }
        }
    }
}
