//! The crash-loop back-off, as client-go's flow control has it (CLB-1 to CLB-7), and that of images that cannot be pulled (CPA-14). It
//! is in memory: a restart of the kubelet forgets it (CLB-5).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::api::Uid;
use crate::clock::Moment;

/// The stable key of a container (CLB-1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackOffKey {
    /// The pod.
    pub uid: Uid,
    /// The container's name.
    pub container: Arc<str>,
    /// The hash of its spec.
    pub hash: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    wait: Duration,
    updated: Moment,
}

/// How long each container has to wait before it is started again.
#[derive(Clone, Debug)]
pub struct BackOff {
    initial: Duration,
    limit: Duration,
    entries: BTreeMap<BackOffKey, Entry>,
}

impl BackOff {
    /// Waits of `initial`, each next one twice as long, at most `limit` (K-15).
    pub const fn new(initial: Duration, limit: Duration) -> Self {
        Self { initial, limit, entries: BTreeMap::new() }
    }

    /// Until when a container that exited at `finished_at` still has to wait (CLB-2). Its first restart is at once.
    pub fn held_until(&self, key: &BackOffKey, finished_at: Moment, now: Moment) -> Option<Moment> {
        self.entry(key, finished_at).map(|entry| finished_at + entry.wait).filter(|&end| now < end)
    }

    /// The container is started again: its next wait is twice as long. A run of more than twice the limit forgets (CLB-3).
    pub fn next(&mut self, key: BackOffKey, finished_at: Moment, now: Moment) {
        let wait =
            self.entry(&key, finished_at).map_or(self.initial, |entry| (entry.wait * 2).min(self.limit));
        self.entries.insert(key, Entry { wait, updated: now });
    }

    /// Is it too early to try again what failed at the last update?
    pub fn holds_since_update(&self, key: &BackOffKey, now: Moment) -> bool {
        self.entry(key, now).is_some_and(|entry| now.since(entry.updated) < entry.wait)
    }

    /// What was not updated for more than twice the limit is forgotten, whatever it still holds (S28 client-go `backoff.go` `GC`).
    pub fn collect(&mut self, now: Moment) {
        let limit = self.limit * 2;
        self.entries.retain(|_, entry| now.since(entry.updated) <= limit);
    }

    /// Pods that are gone need no memory.
    pub fn retain(&mut self, keep: impl Fn(&Uid) -> bool) {
        self.entries.retain(|key, _| keep(&key.uid));
    }

    fn entry(&self, key: &BackOffKey, finished_at: Moment) -> Option<Entry> {
        self.entries.get(key).copied().filter(|entry| finished_at.since(entry.updated) <= self.limit * 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1000)
    }

    /// CLB-1 and CLB-2: at once, then 10 s, 20 s, 40 s … after each exit, and never more than 300 s.
    #[test]
    fn waits_double_up_to_the_limit() {
        let key = BackOffKey { uid: Uid::from("a"), container: "app".into(), hash: 1 };
        let mut back_off = BackOff::new(Duration::from_secs(10), Duration::from_secs(300));
        let mut exit = at(1);
        assert!(back_off.held_until(&key, exit, exit).is_none(), "the first restart is at once");
        back_off.next(key.clone(), exit, exit);
        for wait in [10, 20, 40, 80, 160, 300, 300] {
            exit = exit + Duration::from_secs(1);
            let restart = exit + Duration::from_secs(wait);
            let before = exit + Duration::from_secs(wait - 1);
            assert_eq!(back_off.held_until(&key, exit, before), Some(restart), "{wait}");
            assert_eq!(back_off.held_until(&key, exit, restart), None, "{wait}");
            back_off.next(key.clone(), exit, restart);
            exit = restart;
        }
    }

    /// CLB-3.
    #[test]
    fn a_long_healthy_run_forgets() {
        let key = BackOffKey { uid: Uid::from("a"), container: "app".into(), hash: 1 };
        let mut back_off = BackOff::new(Duration::from_secs(10), Duration::from_secs(300));
        back_off.next(key.clone(), at(0), at(0));
        assert!(
            back_off.held_until(&key, at(600), at(601)).is_some(),
            "600 s are not more than twice the limit"
        );
        assert!(back_off.held_until(&key, at(601), at(601)).is_none());
        back_off.next(key.clone(), at(601), at(601));
        back_off.next(key.clone(), at(700), at(700));
        assert!(back_off.held_until(&key, at(701), at(720)).is_some(), "the ladder began again at 10 s");
        assert!(back_off.held_until(&key, at(701), at(721)).is_none());
    }

    /// CLB-3: a container that ends late in such a time waits less than it should, since its wait is forgotten before it is over.
    #[test]
    fn what_is_not_updated_is_forgotten() {
        let key = BackOffKey { uid: Uid::from("a"), container: "app".into(), hash: 1 };
        let mut back_off = BackOff::new(Duration::from_secs(300), Duration::from_secs(300));
        back_off.next(key.clone(), at(0), at(0));
        back_off.collect(at(600));
        assert!(back_off.held_until(&key, at(590), at(600)).is_some());
        back_off.collect(at(601));
        assert!(back_off.held_until(&key, at(590), at(601)).is_none());
    }

    /// CPA-14.
    #[test]
    fn a_pull_waits_since_the_last_one() {
        let key = BackOffKey { uid: Uid::from("a"), container: "image".into(), hash: 0 };
        let mut back_off = BackOff::new(Duration::from_secs(10), Duration::from_secs(300));
        assert!(!back_off.holds_since_update(&key, at(0)));
        back_off.next(key.clone(), at(0), at(0));
        assert!(back_off.holds_since_update(&key, at(9)) && !back_off.holds_since_update(&key, at(10)));
        back_off.next(key.clone(), at(10), at(10));
        assert!(back_off.holds_since_update(&key, at(29)) && !back_off.holds_since_update(&key, at(30)));
        assert!(!back_off.holds_since_update(&key, at(10 + 601)), "it is too long ago");
    }
}
