//! Reports of a check, in each format.

mod human;
mod json;
mod junit;
mod markdown;
mod sarif;

pub(crate) use human::{list, name_and_size};
pub(crate) use json::{pretty, rounded};

use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use podproof_traces::why;
use podproof_vocabulary::Property;
use podproof_vocabulary::event::Story;

use crate::arguments::Format;
use crate::output;
use crate::verdict::{CheckReport, Counterexample, Outcome, ResultRow, SearchRow, Verdict, WorkloadReport};

/// Prints the report on standard output, and what is wrong with the input on standard error; the exit status.
pub fn print(report: &CheckReport, format: Format) -> u8 {
    output::report(&report.errors, &report.warnings, format, &render(report, format), report.exit())
}

/// Writes the report into files, each in its format; which could not be written, and why, a sentence each.
pub fn write(report: &CheckReport, files: &[(Format, PathBuf)]) -> Vec<String> {
    let mut failed = Vec::new();
    for (format, file) in files {
        let text = render(report, *format);
        let text = output::harmless(&text, *format);
        // A file has no colours.
        let text = if *format == Format::Human { strip_str(&text).to_string() } else { text.into_owned() };
        if let Err(error) = std::fs::write(file, text) {
            failed.push(format!("{}: {error}", file.display()));
        }
    }
    failed
}

/// The report as text.
pub fn render(report: &CheckReport, format: Format) -> String {
    match format {
        Format::Human => human::render(report),
        Format::Json => json::render(report),
        Format::Junit => junit::render(report),
        Format::Sarif => sarif::render(report),
        Format::Markdown => markdown::render(report),
    }
}

/// Why a verdict is what it is: how the promise is broken, or what kept the searches from telling.
fn because(workload: &WorkloadReport, row: &ResultRow) -> Option<String> {
    if let Some(counterexample) = &row.counterexample {
        let reasons: Vec<String> = [why(&counterexample.trace)].into_iter().chain(row.note.clone()).collect();
        return Some(reasons.join("; "));
    }
    if row.verdict == Verdict::NotApplicable {
        return Some(format!("{NEVER}: {}", row.property.facts().premise));
    }
    let is_its_own = |search: &&SearchRow| (search.story, search.timing) == (row.story, row.timing);
    let searches = workload.searches.iter().filter(is_its_own);
    let bounds = searches.flat_map(|search| &search.outcome.stopped);
    let bounds = bounds.filter(|_| row.verdict == Verdict::Incomplete);
    let mut reasons: Vec<&str> = row.note.iter().chain(bounds).map(String::as_str).collect();
    reasons.dedup();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// What makes a drain wait for ever, each once, whichever workloads it concerns.
fn blocked_drains(report: &CheckReport) -> Vec<String> {
    let mut said: Vec<_> = report.workloads.iter().flat_map(|workload| &workload.blocked_drains).collect();
    said.sort();
    said.dedup();
    said.into_iter().map(ToString::to_string).collect()
}

/// What is said before a premise that is not reached.
const NEVER: &str = "it never comes about that";

/// The premises that some story of a workload never reaches, each with its promise.
fn unreached(workload: &WorkloadReport) -> Vec<String> {
    let is_idle = |property: &Property| {
        let mut rows = workload.results.iter().filter(|row| row.property == *property);
        rows.any(|row| row.verdict == Verdict::NotApplicable)
    };
    Property::all().filter(is_idle).map(|own| format!("{own}: {}", own.facts().premise)).collect()
}

/// The same, with where it could no longer be avoided and what to change, a line each.
fn said(workload: &WorkloadReport, row: &ResultRow) -> Vec<String> {
    let turning =
        row.counterexample.iter().flat_map(|counterexample| counterexample.turning.sentences.iter().cloned());
    let remedy = row.remedy.iter().flat_map(|remedy| remedy.sentences(row.property));
    because(workload, row).into_iter().chain(turning).chain(remedy).collect()
}

/// Where a counterexample is, for who wants to see it.
pub(crate) fn shown_by(counterexample: &Counterexample) -> String {
    match &counterexample.path {
        Some(path) => show_command(path),
        None => "its trace could not be written".to_owned(),
    }
}

/// The command that shows the trace in a file.
pub(crate) fn show_command(path: &Path) -> String {
    format!("podproof trace show {}", output::word(&path.display().to_string()))
}

/// What makes the verdicts of a search weaker than they look, a sentence each.
fn warnings(search: &SearchRow) -> Vec<String> {
    warnings_of(search.story, &search.outcome)
}

/// The same, of what the search of a story has found.
pub(crate) fn warnings_of(story: Story, outcome: &Outcome) -> Vec<String> {
    if !outcome.stopped.is_empty() {
        return Vec::new();
    }
    let Some(measured) = &outcome.measured else {
        return vec![format!(
            "stateright tells neither which steps it took nor whether the story, {story}, comes to its end: what was not tried \
             is not known"
        )];
    };
    let never = Some(measured.never_taken.join(", ")).filter(|never| !never.is_empty());
    let never = never.map(|never| format!("never taken, so what depends on it was not tried: {never}"));
    let is_endless = measured.story_ends == Some(false);
    let endless = is_endless.then(|| {
        format!("the story, {story}, never comes to its end here, so nothing was tried that comes after it")
    });
    let is_unknown = measured.partial.is_some() && measured.story_ends.is_none();
    let unknown = is_unknown.then(|| {
        format!(
            "whether the story, {story}, comes to its end is not known: a search by partial order goes not all ways \
             (--partial-order)"
        )
    });
    never.into_iter().chain(endless).chain(unknown).collect()
}

/// What a search measured of itself, a line or two.
fn measured(search: &SearchRow) -> Vec<String> {
    let outcome = &search.outcome;
    let Some(measured) = &outcome.measured else { return Vec::new() };
    let taken = measured.coverage.iter().filter(|&&count| count > 0).count();
    let probability = outcome.collision_probability().map_or_else(String::new, |probability| {
        format!("; two states taken for one with a probability of about {probability:.0e}")
    });
    let mut lines = vec![format!(
        "up to {} steps out of a state; {taken} of {} classes of steps taken{probability}",
        measured.max_out_degree,
        measured.coverage.len()
    )];
    if let Some(partial) = measured.partial {
        let all = outcome.states;
        lines
            .push(format!("by partial order: from {partial} of {all} states a part of the moves was enough"));
    }
    if measured.spilled > 0 {
        lines.push(format!("{} of waiting states went to disk", bytesize::ByteSize(measured.spilled)));
    }
    lines
}

/// Which search of a workload it is.
fn name(search: &SearchRow) -> String {
    format!("story {}, {}{}", search.story, search.timing.name(), search.behind.told())
}

/// The approximations that the searches of a workload used, a sentence each.
fn approximations(workload: &WorkloadReport) -> Vec<String> {
    let mut used: Vec<_> =
        workload.searches.iter().flat_map(|search| search.outcome.approximations.clone()).collect();
    used.sort();
    used.dedup();
    used.into_iter().map(|approximation| format!("{approximation}: {}", approximation.says())).collect()
}

/// What the model leaves out that concerns a workload, a sentence each.
pub(crate) fn left_out(workload: &WorkloadReport) -> Vec<String> {
    let rows = workload.left_out.iter().map(|row| format!("{}: {}", row.what, row.reason));
    rows.chain(workload.unrepresented.iter().cloned()).collect()
}

/// How many verdicts of each kind there are, in a line.
fn totals(report: &CheckReport) -> String {
    let count = |verdict, counts| {
        let rows = report.workloads.iter().flat_map(|workload| &workload.results);
        rows.filter(|row| row.verdict == verdict && row.counts == counts).count()
    };
    let both = |verdict| count(verdict, true) + count(verdict, false);
    let (workloads, broken) = (report.workloads.len(), count(Verdict::Broken, true));
    let aside = match count(Verdict::Broken, false) {
        0 => String::new(),
        more => format!(" (and {more} that do not count)"),
    };
    format!(
        "{workloads} workload{}: {broken} broken{aside}, {} incomplete, {} hold, {} not applicable",
        if workloads == 1 { "" } else { "s" },
        both(Verdict::Incomplete),
        both(Verdict::Holds),
        both(Verdict::NotApplicable),
    )
}

/// How large a workload was checked.
fn size(workload: &WorkloadReport) -> String {
    let (replicas, nodes) = (replicas(workload), workload.nodes.join(", "));
    format!(
        "checked at {replicas} on {nodes}{}, as Kubernetes {} has it",
        for_all(workload),
        workload.release
    )
}

/// Its replicas, and of how many of the manifest if that has others.
fn replicas(workload: &WorkloadReport) -> String {
    let (checked, manifest) = (workload.checked_replicas, workload.manifest_replicas);
    let plural = |replicas: u32| if replicas == 1 { "" } else { "s" };
    match u32::from(checked) == manifest {
        true => format!("{checked} replica{}", plural(manifest)),
        false => format!("{checked} of the manifest's {manifest} replica{}", plural(manifest)),
    }
}

/// Replicas up to which a search knows all that is owed to them, and may come to an end.
pub const SEARCHED_WELL: u32 = 6;

/// How to have all replicas of the manifest, where they are not.
fn for_all(workload: &WorkloadReport) -> String {
    let (checked, manifest) = (u32::from(workload.checked_replicas), workload.manifest_replicas);
    match checked < manifest && workload.place.is_some() {
        false => String::new(),
        true if manifest <= SEARCHED_WELL => format!(" (all: --replicas {manifest})"),
        true => " (more: --replicas)".to_owned(),
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
