//! The report as JUnit XML: a suite for each workload, a case for each promise in each story.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{approximations, left_out, measured, name, said, shown_by, size};
use crate::verdict::{CheckReport, ResultRow, Verdict, WorkloadReport};

/// The whole report. What does not count is skipped, with what was found as the message. What the verdicts rest on are
/// properties of the suite, and warnings are its output.
pub fn render(report: &CheckReport) -> String {
    let mut document = Report::new("podproof");
    document.add_test_suites(report.workloads.iter().map(suite));
    if !report.errors.is_empty() || !report.warnings.is_empty() {
        let mut suite = TestSuite::new("input");
        suite.add_test_cases(report.errors.iter().map(|error| {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(error.as_str());
            TestCase::new("input", status)
        }));
        say(&mut suite, report.warnings.iter().map(|warning| format!("warning: {warning}")));
        document.add_test_suite(suite);
    }
    document.to_string().expect("a report of text is XML")
}

fn suite(workload: &WorkloadReport) -> TestSuite {
    let mut suite = TestSuite::new(workload.name.as_str());
    suite.add_property(("size", size(workload).as_str()));
    let (approximations, left_out) = (approximations(workload), left_out(workload));
    for (name, lines) in
        [("assumption", &workload.assumptions), ("approximation", &approximations), ("left-out", &left_out)]
    {
        suite.add_properties(lines.iter().map(|line| (name, line.as_str())));
    }
    suite.add_test_cases(workload.results.iter().map(|row| case(workload, row)));
    let warnings = workload.warnings.iter().map(|warning| format!("warning: {warning}"));
    let cut = workload.searches.iter().filter(|search| !search.outcome.stopped.is_empty()).map(|search| {
        let reasons = search.outcome.stopped.join("; ");
        format!("{}: incomplete: {reasons}", name(search))
    });
    let of_searches = workload.searches.iter().flat_map(|search| {
        let warned = super::warnings(search).into_iter().map(|text| format!("warning: {text}"));
        let lines = warned.chain(measured(search));
        lines.map(|text| format!("{}: {text}", name(search))).collect::<Vec<_>>()
    });
    say(&mut suite, warnings.chain(cut).chain(of_searches));
    suite
}

fn say(suite: &mut TestSuite, lines: impl Iterator<Item = String>) {
    let text = lines.collect::<Vec<_>>().join("\n");
    if !text.is_empty() {
        suite.set_system_out(text);
    }
}

fn case(workload: &WorkloadReport, row: &ResultRow) -> TestCase {
    let patch = row.remedy.as_ref().and_then(|remedy| remedy.patch()).map(str::to_owned);
    let said = said(workload, row)
        .into_iter()
        .chain(row.counterexample.as_ref().map(shown_by))
        .chain(patch)
        .collect::<Vec<_>>()
        .join("\n");
    let status = match (row.verdict, row.counts) {
        (Verdict::Holds, _) => TestCaseStatus::success(),
        (Verdict::Broken, true) => failed(NonSuccessKind::Failure, row, said),
        (Verdict::Incomplete, true) => failed(NonSuccessKind::Error, row, said),
        (Verdict::NotApplicable, _) | (_, false) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(row.verdict.name());
            status.set_description(said);
            status
        }
    };
    let mut case = TestCase::new(format!("{}/{}/{}", row.story, row.property, row.timing.name()), status);
    case.set_classname(row.property.name());
    case
}

fn failed(kind: NonSuccessKind, row: &ResultRow, said: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(format!("{} {}", row.property, row.verdict.name()));
    status.set_description(said);
    status
}
