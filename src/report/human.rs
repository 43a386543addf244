//! The report for a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use podproof_traces::reasons;
use podproof_vocabulary::Property;

use super::{
    NEVER, approximations, blocked_drains, for_all, grouped, left_out, measured, replicas, shown_by, totals,
    unreached, warnings,
};
use crate::check::with_verdict;
use crate::verdict::{CheckReport, ResultRow, SearchRow, Verdict, WorkloadReport};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Nodes that are named one by one.
const NODES_SHOWN: usize = 8;

fn style_of(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Broken => AnsiColor::Red.on_default().bold(),
        Verdict::Incomplete => AnsiColor::Yellow.on_default().bold(),
        Verdict::Holds => AnsiColor::Green.on_default(),
        Verdict::NotApplicable => DIM,
    }
}

/// The whole report.
pub fn render(report: &CheckReport) -> String {
    let mut out = String::new();
    for warning in &report.warnings {
        line(&mut out, format_args!("warning: {warning}"));
    }
    for workload in &report.workloads {
        section(&mut out, workload);
    }
    if !report.workloads.is_empty() {
        summary(&mut out, report);
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a String");
}

/// What a workload is called, and how large it is here.
pub(crate) fn name_and_size(workload: &WorkloadReport) -> String {
    let replicas = replicas(workload);
    let nodes = match &workload.nodes[..] {
        [first, .., last] if workload.nodes.len() > NODES_SHOWN => {
            format!("{} nodes, {first} to {last}", workload.nodes.len())
        }
        nodes => nodes.join(", "),
    };
    format!("{BOLD}{}{BOLD:#}: {replicas} on {nodes}{}", workload.name, for_all(workload))
}

fn section(out: &mut String, workload: &WorkloadReport) {
    line(out, format_args!("{}", name_and_size(workload)));
    for warning in &workload.warnings {
        line(out, format_args!("  warning: {warning}"));
    }
    let mut unsought = Vec::new();
    let mut stories: Vec<_> = workload.searches.iter().map(|search| search.story).collect();
    stories.dedup();
    for story in stories {
        line(out, format_args!("\n  story {BOLD}{story}{BOLD:#}"));
        for search in workload.searches.iter().filter(|search| search.story == story) {
            line(out, format_args!("    {}", told(search)));
            for text in warnings(search) {
                line(out, format_args!("      warning: {text}"));
            }
            for text in measured(search) {
                line(out, format_args!("      {DIM}{text}{DIM:#}"));
            }
        }
        let rows: Vec<ResultRow> =
            workload.results.iter().filter(|row| row.story == story).cloned().collect();
        verdicts(out, &rows, &mut unsought);
    }
    list(out, &format!("not applicable where {NEVER}"), &unreached(workload));
    list(out, "assumptions", &workload.assumptions);
    list(out, "approximations (--exact switches them off)", &approximations(workload));
    list(out, "left out of the model", &left_out(workload));
    line(out, format_args!(""));
}

fn told(search: &SearchRow) -> String {
    let outcome = &search.outcome;
    let behind = search.behind.told();
    let end = match outcome.stopped.is_empty() {
        true => "complete".to_owned(),
        false => format!("incomplete: {}", outcome.stopped.join("; ")),
    };
    let states = grouped(outcome.states);
    let how = if outcome.seed().is_some() { " gone on from" } else { "" };
    format!(
        "{DIM}{}{behind}: {states} states{how}, {end}, {:.1} s{DIM:#}",
        search.timing.name(),
        outcome.seconds
    )
}

/// The verdicts of a story. Why no remedy was looked for is told once of a workload: `unsought` holds what was told.
fn verdicts(out: &mut String, rows: &[ResultRow], unsought: &mut Vec<String>) {
    let mut patches: Vec<(&str, Property)> = Vec::new();
    for verdict in [Verdict::Broken, Verdict::Incomplete] {
        let style = style_of(verdict);
        for row in with_verdict(rows, verdict) {
            let aside = match (row.counts, row.property.facts().expectation) {
                (true, _) => "",
                (false, true) => " (an expectation: does not count)",
                (false, false) => " (allowed: does not count)",
            };
            let behind = row.behind.told();
            line(out, format_args!("    {style}{}{style:#} {}{behind}{aside}", verdict.name(), row.property));
            if let Some(counterexample) = &row.counterexample {
                for sentence in reasons(&counterexample.trace).unwrap_or_default() {
                    line(out, format_args!("        {sentence}"));
                }
                for text in &counterexample.turning.sentences {
                    line(out, format_args!("        {text}"));
                }
                let shown_by = shown_by(counterexample);
                line(out, format_args!("        {} steps: {shown_by}", counterexample.steps()));
            }
            if let Some(note) = &row.note {
                line(out, format_args!("        {note}"));
            }
            let Some(remedy) = &row.remedy else { continue };
            if let Some(why) = &remedy.unsought {
                if unsought.contains(why) {
                    continue;
                }
                unsought.push(why.clone());
            }
            for text in remedy.sentences(row.property) {
                line(out, format_args!("        {text}"));
            }
            let Some(patch) = remedy.patch() else { continue };
            if let Some((_, other)) = patches.iter().find(|(known, _)| *known == patch) {
                line(out, format_args!("        the patch is that of {other}"));
                continue;
            }
            patches.push((patch, row.property));
            // As it is, from the first column on, so that it can be applied.
            out.push_str(patch);
        }
    }
    for verdict in [Verdict::Holds, Verdict::NotApplicable] {
        let names: Vec<&str> = with_verdict(rows, verdict).map(|row| row.property.name()).collect();
        if !names.is_empty() {
            let style = style_of(verdict);
            line(out, format_args!("    {style}{}{style:#} {}", verdict.name(), names.join(", ")));
        }
        for row in with_verdict(rows, verdict) {
            if let Some(note) = &row.note {
                line(out, format_args!("        {}: {note}", row.property));
            }
        }
    }
}

/// A list under a title, if there is anything in it.
pub(crate) fn list(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    line(out, format_args!("\n  {DIM}{title}"));
    for text in lines {
        line(out, format_args!("    {text}"));
    }
    out.push_str(&format!("{DIM:#}"));
}

fn summary(out: &mut String, report: &CheckReport) {
    line(out, format_args!("{}", totals(report)));
    let style = style_of(Verdict::Incomplete);
    for warning in blocked_drains(report) {
        line(out, format_args!("{style}drain blocked{style:#} {warning}"));
    }
    for advice in &report.advice {
        line(out, format_args!("{advice}"));
    }
    let searches = || report.workloads.iter().flat_map(|workload| &workload.searches);
    if searches().any(|search| search.outcome.seed().is_some()) {
        line(out, format_args!("a hunt never says that a promise holds; a check without --hunt may"));
    } else if report
        .workloads
        .iter()
        .flat_map(|workload| &workload.results)
        .any(|row| row.verdict == Verdict::Incomplete)
        && searches().any(|search| !search.outcome.stopped.is_empty())
    {
        let advice = "to complete what met a bound, allow more (--max-states, --max-memory, --time-limit) or ask for less (--replicas, \
                      --nodes, --story, --property)";
        line(out, format_args!("{advice}"));
    }
}
