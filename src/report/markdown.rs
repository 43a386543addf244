//! The report as Markdown: a table for each workload.

use std::fmt::Write as _;

use super::{approximations, because, grouped, left_out, measured, name, shown_by, size, warnings};
use crate::verdict::{CheckReport, SearchRow, WorkloadReport};

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
    let mut cell = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '*' | '`' => cell.extend(['\\', c]),
            '<' => cell.push_str("&lt;"),
            '&' => cell.push_str("&amp;"),
            c if c.is_control() => cell.push(' '),
            c => cell.push(c),
        }
    }
    cell
}

fn section(out: &mut String, workload: &WorkloadReport) {
    write(out, format_args!("\n## {}\n\n", cell(&workload.name)));
    let size = size(workload).replacen('c', "C", 1);
    write(out, format_args!("{}.\n\n", cell(&size)));
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
    folded(out, "Measured", &of_searches(measured));
    folded(out, "Assumptions", &workload.assumptions);
    folded(out, "Approximations (--exact switches them off)", &approximations(workload));
    folded(out, "Left out of the model", &left_out(workload));
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
    }
}
