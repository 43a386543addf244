//! Expectations against the list of all that was said to them (CTL-3).

use std::collections::BTreeSet;
use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use podproof_runtime::client::Expectations;
use podproof_runtime::clock::Moment;

use crate::cases::Log;
use crate::runner::Checked;
use crate::stage::build::key;
use crate::stage::script::until_empty;
use crate::telling::tell;

const DEEDS_MAX: usize = 100;
const SETS: [&str; 2] = ["web", "api"];
const PODS: [&str; 3] = ["pod-0", "pod-1", "pod-2"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
enum Deed {
    ExpectCreations(bool, u8),
    /// A bit for each pod.
    ExpectDeletions(bool, u8),
    Created(bool),
    Deleted(bool, u8),
    Forget(bool),
    Wait(u8),
}

/// What is said to expectations.
#[derive(Clone, Debug)]
pub(super) struct Deeds(Vec<Deed>);

impl<'a> Arbitrary<'a> for Deeds {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(until_empty(u, DEEDS_MAX)?))
    }
}

pub(super) fn check(deeds: &Deeds) -> Checked {
    let (mut expectations, mut said, mut now, mut unmet) =
        (Expectations::default(), Vec::new(), Moment(0), false);
    let set = |other: bool| key(SETS[usize::from(other)]);
    let mut log = Log::default();
    for &deed in &deeds.0 {
        tell(|| format!("{now}: {deed:?}"));
        match deed {
            Deed::ExpectCreations(other, count) => {
                expectations.expect_creations(&set(other), usize::from(count % 4), now);
            }
            Deed::ExpectDeletions(other, pods) => {
                expectations.expect_deletions(&set(other), named(pods).map(key), now);
            }
            Deed::Created(other) => expectations.creation_observed(&set(other)),
            Deed::Deleted(other, pod) => expectations.deletion_observed(&set(other), &key(pod_of(pod))),
            Deed::Forget(other) => expectations.forget(&set(other)),
            Deed::Wait(seconds) => now = now + Duration::from_secs(seconds.into()),
        }
        said.push((deed, now));
        for other in [false, true] {
            let satisfied = expectations.satisfied(&set(other), now);
            assert_eq!(satisfied, is_met(&said, other, now), "{} after {said:?}", set(other));
            unmet |= !satisfied;
            log.note(&satisfied);
        }
    }
    log.checked(unmet)
}

fn pod_of(answer: u8) -> &'static str {
    PODS[usize::from(answer) % PODS.len()]
}

fn named(bits: u8) -> impl Iterator<Item = &'static str> {
    PODS.into_iter().enumerate().filter(move |(index, _)| bits >> index & 1 == 1).map(|(_, pod)| pod)
}

/// Only what was said since the last expectation counts, and that for 5 minutes (C-15).
fn is_met(said: &[(Deed, Moment)], of: bool, now: Moment) -> bool {
    let begins = |(deed, _): &(Deed, Moment)| {
        matches!(deed, Deed::ExpectCreations(other, _) | Deed::ExpectDeletions(other, _) | Deed::Forget(other)
            if *other == of)
    };
    let Some(last) = said.iter().rposition(begins) else { return true };
    let (deed, at) = said[last];
    if now.since(at) > Duration::from_secs(300) {
        return true;
    }
    let since = &said[last + 1..];
    match deed {
        Deed::ExpectCreations(_, count) => {
            let created = since.iter().filter(|(deed, _)| *deed == Deed::Created(of)).count();
            created >= usize::from(count % 4)
        }
        Deed::ExpectDeletions(_, pods) => {
            let deleted: BTreeSet<&str> = since
                .iter()
                .filter_map(|(deed, _)| match deed {
                    Deed::Deleted(other, pod) if *other == of => Some(pod_of(*pod)),
                    _ => None,
                })
                .collect();
            named(pods).all(|pod| deleted.contains(pod))
        }
        _ => true,
    }
}
