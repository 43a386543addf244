//! The entries that a report tells of, read once more: what they say is kept of no others.

use std::collections::BTreeMap;

use podproof_conform::reading::{Log, Problem};
use podproof_conform::record::{Entry, Seen};

use super::account::Account;
use super::seen;
use super::timeline::{Row, Timeline};

/// Puts what the entries say into the account and the timelines, which are none or one for each workload, and counts the
/// connections that failed.
///
/// # Errors
/// What is wrong with a file, if it has changed since.
pub fn seen(log: &Log, account: &mut Account, timelines: &mut [Timeline]) -> Result<(), Problem> {
    let mut rows: Vec<Vec<&mut Row>> =
        timelines.iter_mut().map(|timeline| timeline.rows().collect()).collect();
    // For each entry that is told the rows that tell it.
    let mut wanted: BTreeMap<u64, Vec<(usize, usize)>> = BTreeMap::new();
    for (workload, rows) in rows.iter().enumerate() {
        for (row, entry) in rows.iter().enumerate().filter_map(|(row, told)| Some((row, told.entry?))) {
            wanted.entry(entry).or_default().push((workload, row));
        }
    }
    let unexplained = account.workloads.iter().filter_map(|workload| workload.unexplained.as_ref());
    // Connections fail until the end.
    let last = match wanted.is_empty() {
        true => unexplained.map(|found| found.entry).max().unwrap_or(0),
        false => u64::MAX,
    };
    for (number, entry) in (1..=last).zip(log.entries()) {
        let entry = entry?;
        for &(workload, row) in wanted.get(&number).into_iter().flatten() {
            let row = &mut rows[workload][row];
            row.seen = seen::words(&account.workloads[workload].about, &entry);
            row.is_aside = matches!(entry.seen, Seen::Fault(_));
        }
        for workload in &mut account.workloads {
            if let Some(found) = workload.unexplained.as_mut().filter(|found| found.entry == number) {
                found.seen = seen::words(&workload.about, &entry);
            }
        }
        if matches!(entry.seen, Seen::Request(_)) {
            let served = account.workloads.iter().zip(&mut rows);
            for (_, rows) in served.filter(|(workload, _)| workload.about.service.is_some()) {
                fail(rows, &entry);
            }
        }
    }
    Ok(())
}

/// Counts a connection that failed at the row after which it began.
fn fail(rows: &mut [&mut Row], entry: &Entry) {
    let Seen::Request(request) = &entry.seen else { return };
    let Err(error) = &request.outcome else { return };
    let after = rows.partition_point(|row| row.at <= entry.from);
    let row = after.checked_sub(1).and_then(|row| rows.get_mut(row));
    if let Some(row) = row.filter(|row| entry.from < row.until) {
        *row.failed.entry(error.to_string()).or_default() += 1;
    }
}
