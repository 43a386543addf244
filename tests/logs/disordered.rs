//! Audit logs in another order than they were written in.

use std::fs;

use podproof_conform::reading::Log;
use podproof_conform::report::{Options, Wrong};
use podproof_conform::run;
use serde_json::Value;

use crate::files::{AUDIT, later, recording};

/// What is wrong with an audit log of these lines.
fn wrong(lines: &[String]) -> Option<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(folder.path().join(AUDIT), text).expect("a file");
    let log = Log::find(&[folder.path().to_owned()]).expect("a log");
    match run::run(&log, &Options::default(), |_| {}) {
        Ok(_) => None,
        Err(Wrong::Log(problem)) => Some(problem.to_string()),
        Err(other) => panic!("{other:?}"),
    }
}

/// Whoever stores logs tells the newest first, unless somebody asks for the oldest.
#[test]
fn a_log_that_tells_the_newest_first_is_none() {
    let mut lines = recording("02").remove(AUDIT).expect("there is one");
    let mut last: Value = serde_json::from_str(lines.last().expect("a line")).expect("JSON");
    last["auditID"] = "last".into();
    later(&mut last, 200_000_000);
    lines.push(last.to_string());
    assert_eq!(wrong(&lines), None);
    lines.reverse();
    let says = wrong(&lines).expect("its lines are in no order");
    assert!(says.contains("s before line 1; accepted: events in the order of their answers"), "{says}");
}
