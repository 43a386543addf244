//! One log of many workloads, one after the other: the recordings are of one cluster.

use podproof_conform::run::Verdict;

use crate::files::{AUDIT, Files, folders, judge, read, time};

/// States that an entry may cost.
const MOST: u64 = 20_000;

#[test]
fn the_audit_logs_of_all_recordings_are_one_lawful_log() {
    let mut lines: Vec<String> =
        folders("recordings").iter().flat_map(|folder| read(folder).remove(AUDIT)).flatten().collect();
    lines.sort_by_key(|line| time(line));
    let entries = lines.len() as u64;
    let report = judge(&Files::from([(AUDIT.to_owned(), lines)]), MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
    assert_eq!(report.tally.entries, entries);
    assert!(report.followed.len() > 50, "{} workloads", report.followed.len());
}
