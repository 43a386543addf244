//! The report as JUnit XML: a suite for each workload, a case for each promise in each story.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use podproof_traces::why;

use crate::verdict::{CheckReport, ResultRow, Verdict};

/// The whole report. What does not count is skipped, with what was found as the message.
pub fn render(report: &CheckReport) -> String {
    let mut document = Report::new("podproof");
    for workload in &report.workloads {
        let mut suite = TestSuite::new(workload.name.as_str());
        suite.add_test_cases(workload.results.iter().map(case));
        document.add_test_suite(suite);
    }
    if !report.errors.is_empty() {
        let mut suite = TestSuite::new("input");
        suite.add_test_cases(report.errors.iter().map(|error| {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(error.as_str());
            TestCase::new("input", status)
        }));
        document.add_test_suite(suite);
    }
    document.to_string().expect("a report of text is XML")
}

fn case(row: &ResultRow) -> TestCase {
    let said = match &row.counterexample {
        Some((trace, path)) => format!("{}\npodproof trace show {}", why(trace), path.display()),
        None => row.note.clone().unwrap_or_default(),
    };
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
