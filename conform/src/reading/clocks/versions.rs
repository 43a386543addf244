//! The clocks of API servers, by the versions of their writes: all of one store share a counter, so of two writes the one with the
//! lower version was committed first. A binding has no version; it came after what shows its pod without a node, and before what
//! shows it with one.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Bounds;
use crate::record::Micros;

/// What a write tells of its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::reading) enum Sight {
    /// It has no node.
    Unbound,
    /// It has one.
    Bound,
    /// The write is its binding.
    Binding,
}

/// A granted write, as far as it tells of the clock by which it was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reading) struct Dated {
    /// The version that it was answered with.
    pub(in crate::reading) version: Option<u64>,
    /// When the request was received.
    pub(in crate::reading) from: Micros,
    /// When it was answered.
    pub(in crate::reading) to: Micros,
    /// The UID of the pod that it is of, and what it tells of that.
    pub(in crate::reading) pod: Option<(Rc<str>, Sight)>,
}

/// Where a write stands among all of the store: of what has a version twice the version, so that there is room between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Placed {
    /// It is not before this place,
    lowest: u64,
    /// and not behind this one.
    highest: u64,
    from: Micros,
    to: Micros,
}

/// What must be added to the times of each file but the first, all in the order of their answers, to have the clock of the first.
pub(in crate::reading) fn differences(mut files: Vec<Vec<Dated>>) -> Vec<Micros> {
    leave_out_repeated(&mut files);
    files.iter_mut().for_each(leave_out_stale);
    let places = places(&files);
    let Some((first, others)) = places.split_first() else { return Vec::new() };
    others.iter().map(|other| bounds(first, other).likeliest()).collect()
}

/// Takes out answers with one version, in whatever files: all but one of them have changed nothing.
fn leave_out_repeated(files: &mut [Vec<Dated>]) {
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    for version in files.iter().flatten().filter_map(|write| write.version) {
        *counts.entry(version).or_default() += 1;
    }
    for writes in files {
        writes.retain(|write| write.version.is_none_or(|version| counts.get(&version) == Some(&1)));
    }
}

/// Takes out answers with the version of an earlier write, as far as the file itself tells: somebody had been answered with a higher
/// one before the request was received.
fn leave_out_stale(writes: &mut Vec<Dated>) {
    let mut highest: Vec<(Micros, u64)> = Vec::new();
    writes.retain(|write| {
        let Some(version) = write.version else { return true };
        let known = highest.partition_point(|(at, _)| *at < write.from);
        let is_stale = known.checked_sub(1).is_some_and(|last| highest[last].1 > version);
        let before = highest.last().map_or(0, |&(_, version)| version);
        highest.push((write.to, before.max(version)));
        !is_stale
    });
}

/// Where the writes of each file stand.
fn places(files: &[Vec<Dated>]) -> Vec<Vec<Placed>> {
    let mut pods: BTreeMap<&Rc<str>, (u64, u64)> = BTreeMap::new();
    for write in files.iter().flatten() {
        let (Some((pod, sight)), Some(version)) = (&write.pod, write.version) else { continue };
        let (unbound, bound) = pods.entry(pod).or_insert((0, u64::MAX / 2));
        match sight {
            Sight::Unbound => *unbound = version.max(*unbound),
            Sight::Bound => *bound = version.min(*bound),
            Sight::Binding => {}
        }
    }
    let place = |write: &Dated| {
        let (lowest, highest) = match (write.version, &write.pod) {
            (Some(version), _) => (version.saturating_mul(2), version.saturating_mul(2)),
            (None, Some((pod, _))) => {
                let &(unbound, bound) = pods.get(pod)?;
                (unbound.saturating_mul(2).saturating_add(1), bound.saturating_mul(2).saturating_sub(1))
            }
            (None, None) => return None,
        };
        Some(Placed { lowest, highest, from: write.from, to: write.to })
    };
    files.iter().map(|file| file.iter().filter_map(place).collect()).collect()
}

/// What must be added to the times of `other` to have the clock of `first`.
fn bounds(first: &[Placed], other: &[Placed]) -> Bounds {
    // The latest receipt of all that are not behind a place, and the earliest answer of all that are not before one.
    let mut received: Vec<(u64, Micros)> = first.iter().map(|write| (write.highest, write.from)).collect();
    received.sort_unstable();
    let mut latest = Micros::MIN;
    for (_, from) in &mut received {
        latest = latest.max(*from);
        *from = latest;
    }
    let mut answered: Vec<(u64, Micros)> = first.iter().map(|write| (write.lowest, write.to)).collect();
    answered.sort_unstable();
    let mut earliest = Micros::MAX;
    for (_, to) in answered.iter_mut().rev() {
        earliest = earliest.min(*to);
        *to = earliest;
    }
    let mut bounds = Bounds::NONE;
    for write in other {
        let before = received.partition_point(|&(place, _)| place < write.lowest);
        if let Some((_, received)) = before.checked_sub(1).and_then(|last| received.get(last)) {
            bounds.after(*received, write.to);
        }
        if let Some((_, answered)) =
            answered.get(answered.partition_point(|&(place, _)| place <= write.highest))
        {
            bounds.before(write.from, *answered);
        }
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(version: u64, from: Micros) -> Dated {
        Dated { version: Some(version), from, to: from + 3_000, pod: None }
    }

    #[test]
    fn versions_that_alternate_tell_the_difference_of_two_clocks() {
        let first: Vec<Dated> = (1..50).map(|n| write(2 * n, 20_000 * n as Micros)).collect();
        for ahead in [0, 20_000, -150_000, 2_000_000] {
            let other = (1..50).map(|n| write(2 * n + 1, 10_000 + 20_000 * n as Micros + ahead));
            let found = differences(vec![first.clone(), other.collect()]);
            assert!(
                matches!(found[..], [found] if (found + ahead).abs() <= 14_000),
                "{ahead} ahead, {found:?}"
            );
        }
    }

    #[test]
    fn a_binding_stands_between_what_shows_its_pod_without_a_node_and_with_one() {
        let shows = |version, from, sight| Dated { pod: Some(("pod".into(), sight)), ..write(version, from) };
        let first = vec![shows(4, 0, Sight::Unbound), shows(9, 20_000, Sight::Bound)];
        let binding = Dated { version: None, ..shows(0, 510_000, Sight::Binding) };
        assert_eq!(differences(vec![first.clone(), vec![binding.clone()]]), [-500_000]);
        // Of a pod of which nothing else is known it tells nothing.
        let other = Dated { pod: Some(("other".into(), Sight::Binding)), ..binding };
        assert_eq!(differences(vec![first, vec![other]]), [0]);
    }

    #[test]
    fn an_answer_with_an_old_version_tells_nothing() {
        let mut writes = vec![write(5, 0), write(9, 10_000), write(6, 20_000), write(11, 30_000)];
        leave_out_stale(&mut writes);
        assert_eq!(writes, [write(5, 0), write(9, 10_000), write(11, 30_000)]);
        // One of two API servers made the write of a version, the other found it made; which, nothing tells.
        let mut files = [vec![write(5, 0), write(11, 31_000)], vec![write(9, 10_000), write(11, 30_000)]];
        leave_out_repeated(&mut files);
        assert_eq!(files, [vec![write(5, 0)], vec![write(9, 10_000)]]);
    }
}
