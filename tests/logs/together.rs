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

/// Whoever ships a log may deliver its lines again.
#[test]
fn lines_that_are_delivered_twice_are_there_once() {
    for folder in folders("recordings") {
        let once = read(&folder);
        let twice =
            |lines: &Vec<String>| lines.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
        let again = once.iter().map(|(name, lines)| (name.clone(), twice(lines))).collect();
        let [once, again] = [once, again].map(|files| judge(&files, MOST));
        let name = folder.display();
        assert_eq!(again.verdict(), Verdict::Lawful, "{name}: {:?}", again.first_unexplained());
        assert_eq!(again.tally.entries, once.tally.entries, "{name}");
        assert_eq!(again.broken(), once.broken(), "{name}");
    }
}
