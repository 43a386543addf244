//! The clocks of API servers, by the versions of their writes: all of one store share a counter, so of two writes the one with the
//! lower version was committed first.

use super::Bounds;
use crate::record::Micros;

/// A write that was answered with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::reading) struct Answered {
    /// The version.
    pub(in crate::reading) version: u64,
    /// When the request was received.
    pub(in crate::reading) from: Micros,
    /// When it was answered.
    pub(in crate::reading) to: Micros,
}

/// Takes out answers with the version of an earlier write, as far as the file itself tells: somebody had been answered with a higher
/// one before the request was received. The writes are in the order of the answers, and afterwards in that of the versions.
pub(in crate::reading) fn fresh(writes: &mut Vec<Answered>) {
    let mut highest: Vec<(Micros, u64)> = Vec::new();
    writes.retain(|write| {
        let known = highest.partition_point(|(at, _)| *at < write.from);
        let is_stale = known.checked_sub(1).is_some_and(|last| highest[last].1 > write.version);
        let before = highest.last().map_or(0, |&(_, version)| version);
        highest.push((write.to, before.max(write.version)));
        !is_stale
    });
    writes.sort_unstable();
    // Of two answers with one version one is stale, and nobody knows which.
    let twice = |index: usize| {
        let same =
            |other: Option<&Answered>| other.is_some_and(|other| other.version == writes[index].version);
        same(index.checked_sub(1).and_then(|before| writes.get(before))) || same(writes.get(index + 1))
    };
    let mut single = (0..writes.len()).map(|index| !twice(index)).collect::<Vec<_>>().into_iter();
    writes.retain(|_| single.next().unwrap_or(false));
}

/// What must be added to the times of `other` to have the clock of `first`; both in the order of their versions.
pub(in crate::reading) fn bounds(first: &[Answered], other: &[Answered]) -> Bounds {
    let mut latest = Vec::with_capacity(first.len());
    for write in first {
        latest.push(latest.last().map_or(write.from, |&before: &Micros| before.max(write.from)));
    }
    let mut earliest = Vec::with_capacity(first.len());
    for write in first.iter().rev() {
        earliest.push(earliest.last().map_or(write.to, |&after: &Micros| after.min(write.to)));
    }
    earliest.reverse();
    let mut bounds = Bounds::NONE;
    for write in other {
        let before = first.partition_point(|one| one.version < write.version);
        let is_same = first.get(before).is_some_and(|one| one.version == write.version);
        if is_same {
            continue;
        }
        if let Some(&received) = before.checked_sub(1).and_then(|last| latest.get(last)) {
            bounds.after(received, write.to);
        }
        if let Some(&answered) = earliest.get(before) {
            bounds.before(write.from, answered);
        }
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(version: u64, from: Micros) -> Answered {
        Answered { version, from, to: from + 3_000 }
    }

    #[test]
    fn versions_that_alternate_tell_the_difference_of_two_clocks() {
        let first: Vec<Answered> = (0..50).map(|n| write(2 * n, 20_000 * n as Micros)).collect();
        for ahead in [0, 20_000, -150_000, 2_000_000] {
            let other = (0..50).map(|n| write(2 * n + 1, 10_000 + 20_000 * n as Micros + ahead));
            let other: Vec<Answered> = other.collect();
            let found = bounds(&first, &other).likeliest();
            assert!((found + ahead).abs() <= 14_000, "{ahead} ahead, {found} found");
        }
    }

    #[test]
    fn an_answer_with_an_old_version_tells_nothing() {
        let mut writes =
            vec![write(5, 0), write(9, 10_000), write(5, 20_000), write(11, 30_000), write(11, 31_000)];
        fresh(&mut writes);
        assert_eq!(writes, [write(5, 0), write(9, 10_000)]);
    }
}
