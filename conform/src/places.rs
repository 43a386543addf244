//! When the pods went that were evicted. An eviction is answered without its pod, so a pass over the log lets it go as late as can be
//! ([`evictions`](crate::matching::evictions)). If an entry is unexplained soon after, or a promise broken, it may have gone earlier or later: other
//! passes try that, and places are kept with which more of the log is explained, or as much with fewer broken promises.

use std::cmp::Reverse;
use std::rc::Rc;

use crate::matching::evictions::{Choice, Places};
use crate::matching::sighting::SLACK;
use crate::record::Micros;
use crate::report::{Followed, Wrong};

/// So many passes are made at most, and so much is done in them: some ten seconds. What they have found by then is taken.
const PASSES: usize = 96;
const WORK: u64 = 4_000_000;

/// Reading an entry takes as long as looking at so many states.
const ENTRY: u64 = 10;

/// What comes later than this after a pod went does not depend on which of two writes near to it came first: everybody knows of both.
const SOON: Micros = 30_000_000;

/// What a pass says of a workload.
pub(crate) struct Trial {
    /// The first entry that nothing explains.
    unexplained: Option<u64>,
    /// How many promises were broken on the way.
    broken: usize,
    /// Where the evictions shortly before one of that might have been instead, if that may help.
    others: Vec<(u64, u64)>,
}

impl Trial {
    /// Of a workload that has been followed.
    pub fn of(followed: &Followed) -> Self {
        let found = followed.unexplained.as_deref();
        let whole = &followed.whole;
        let broken = whole.broken.values().filter_map(|&step| whole.steps.get(step));
        let mut odd: Vec<Micros> = broken.map(|taken| taken.moment.at).collect();
        odd.extend(found.filter(|found| !found.is_certain).map(|found| found.at));
        let is_near = |choice: &&Choice| {
            let span = choice.from.saturating_sub(SLACK)..=choice.to.saturating_add(SOON);
            odd.iter().any(|at| span.contains(at))
        };
        let others = |choice: &Choice| {
            let eviction = choice.eviction;
            choice.places().map(move |before| (eviction, before)).collect::<Vec<_>>()
        };
        Self {
            unexplained: found.map(|found| found.entry),
            broken: whole.broken.len(),
            others: followed.replay.choices().filter(is_near).flat_map(others).collect(),
        }
    }
}

/// How well a pass went, the higher the better: the entries at which workloads are unexplained, the first of them first; and with how few broken
/// promises.
fn merit(trials: &[Trial]) -> (Vec<u64>, Reverse<usize>) {
    let mut ends: Vec<u64> = trials.iter().map(|trial| trial.unexplained.unwrap_or(u64::MAX)).collect();
    ends.sort_unstable();
    (ends, Reverse(trials.iter().map(|trial| trial.broken).sum()))
}

/// What a pass has found, and how much it has done.
pub(crate) struct Pass {
    pub trials: Vec<Trial>,
    pub states: u64,
    pub entries: u64,
}

/// Tries places until everything is explained and nothing broken, or no other helps: of one eviction, then of two, as what is seen of one may
/// depend on the other.
///
/// # Errors
/// Those of a pass.
pub(crate) fn find(mut pass: impl FnMut(&Rc<Places>) -> Result<Pass, Wrong>) -> Result<Rc<Places>, Wrong> {
    let mut places: Rc<Places> = Rc::default();
    let mut best = pass(&places)?;
    let (mut passes, mut work) = (1, best.work());
    'further: loop {
        for moves in moves(&best.trials) {
            if passes == PASSES || work > WORK {
                return Ok(places);
            }
            let mut other = (*places).clone();
            other.extend(moves);
            let other = Rc::new(other);
            let found = pass(&other)?;
            (passes, work) = (passes + 1, work + found.work());
            if merit(&found.trials) > merit(&best.trials) {
                (places, best) = (other, found);
                continue 'further;
            }
        }
        return Ok(places);
    }
}

/// Other places of evictions, those of the newest first: of each, then of two, as many as can be tried.
fn moves(trials: &[Trial]) -> Vec<Vec<(u64, u64)>> {
    let mut others: Vec<(u64, u64)> = trials.iter().flat_map(|trial| trial.others.iter().copied()).collect();
    others.sort_by_key(|&(eviction, before)| Reverse((eviction, before)));
    others.dedup();
    let two = |(index, &one): (usize, &(u64, u64))| {
        let others = others[index + 1..].iter().filter(move |other| other.0 != one.0);
        others.map(move |&other| vec![one, other])
    };
    let pairs: Vec<Vec<(u64, u64)>> = others.iter().enumerate().flat_map(two).take(PASSES).collect();
    others.iter().map(|&one| vec![one]).chain(pairs).collect()
}

impl Pass {
    fn work(&self) -> u64 {
        self.states + ENTRY * self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a pass whose first eviction, entry 5, and second, entry 7, may end in places up to 9.
    fn passed(unexplained: Option<u64>, broken: usize) -> Pass {
        let others = if unexplained.is_none() && broken == 0 {
            Vec::new()
        } else {
            [5, 7].into_iter().flat_map(|eviction| (8..10).map(move |before| (eviction, before))).collect()
        };
        Pass { trials: vec![Trial { unexplained, broken, others }], states: 10, entries: 20 }
    }

    /// The places that are found, and after how many passes.
    fn found(pass: impl Fn(&Places) -> Pass) -> (Vec<(u64, u64)>, usize) {
        let mut passes = 0;
        let places = find(|places| {
            passes += 1;
            Ok(pass(places))
        });
        let places = places.unwrap_or_else(|_| panic!("no pass fails"));
        (places.iter().map(|(&eviction, &before)| (eviction, before)).collect(), passes)
    }

    #[test]
    fn nothing_is_tried_where_everything_is_explained() {
        assert_eq!(found(|_| passed(None, 0)), (vec![], 1));
    }

    #[test]
    fn the_place_is_taken_with_which_all_is_explained() {
        let pass = |places: &Places| passed((places.get(&5) != Some(&8)).then_some(20), 0);
        assert_eq!(found(pass).0, [(5, 8)]);
    }

    #[test]
    fn places_that_explain_more_are_gone_on_from() {
        let pass = |places: &Places| match (places.get(&5), places.get(&7)) {
            (Some(9), Some(8)) => passed(None, 0),
            (Some(9), _) => passed(Some(30), 0),
            _ => passed(Some(20), 0),
        };
        assert_eq!(found(pass).0, [(5, 9), (7, 8)]);
    }

    #[test]
    fn two_evictions_may_have_to_change_their_places_together() {
        let both = |places: &Places| places.get(&5) == Some(&8) && places.get(&7) == Some(&9);
        assert_eq!(found(|places| passed((!both(places)).then_some(20), 0)).0, [(5, 8), (7, 9)]);
    }

    #[test]
    fn a_promise_is_broken_only_where_no_place_keeps_it() {
        let pass = |places: &Places| passed(None, usize::from(places.get(&7) != Some(&8)));
        assert_eq!(found(pass).0, [(7, 8)]);
        let worse =
            |places: &Places| passed((!places.is_empty()).then_some(20), usize::from(places.is_empty()));
        assert_eq!(found(worse).0, [], "what is explained comes first");
    }

    #[test]
    fn what_no_place_explains_ends_when_all_were_tried_or_so_much_was_done() {
        let (places, passes) = found(|_| passed(Some(20), 1));
        assert_eq!((places, passes), (vec![], 1 + 4 + 4));
        let much = |_: &Places| Pass { states: WORK / 2, ..passed(Some(20), 0) };
        assert_eq!(found(much).1, 2);
        let many = |_: &Places| {
            let others = (0..100).map(|eviction| (eviction, 200)).collect();
            Pass { trials: vec![Trial { unexplained: Some(300), broken: 0, others }], states: 0, entries: 0 }
        };
        assert_eq!(found(many).1, PASSES);
    }
}
