//! How long events have been on their way: a watch that is connected does not lag for ever, so neither do those of a walk.

use std::collections::{BTreeMap, VecDeque};

use podproof_model::{Cluster, parts};
use podproof_vocabulary::action::{Action, Watcher};

/// When each event that is on its way was sent, by process and queue.
pub struct Mail<T>(BTreeMap<(Watcher, usize), VecDeque<T>>);

impl<T: Copy + Ord> Mail<T> {
    /// Nothing is on its way.
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// It is `now`: what is in a queue more than before was sent just now, what is less has arrived.
    pub fn note(&mut self, cluster: &Cluster<'_>, now: T) {
        for process in parts::processes(cluster) {
            for (index, (_, length)) in parts::queues(cluster, process).into_iter().enumerate() {
                let sent = self.0.entry((process, index)).or_default();
                sent.drain(..sent.len().saturating_sub(length));
                sent.resize(length, now);
            }
        }
    }

    /// When the oldest event was sent that its process can take.
    pub fn oldest(&self, cluster: &Cluster<'_>) -> Option<T> {
        let can = |whose: Watcher| match whose {
            Watcher::Kubelet(node) | Watcher::Proxy(node) => cluster.node(node).machine.connected(),
            Watcher::Scheduler | Watcher::ControllerManager => true,
        };
        let of = |(&(whose, _), sent): (&(Watcher, usize), &VecDeque<T>)| {
            sent.front().copied().filter(|_| can(whose))
        };
        self.0.iter().filter_map(of).min()
    }

    /// The next events of queues whose oldest was sent before `moment`.
    pub fn overdue(&self, cluster: &Cluster<'_>, moment: T) -> Vec<Action> {
        let of = |process| {
            let queues = parts::queues(cluster, process).into_iter().enumerate();
            let sent = |index| self.0.get(&(process, index)).and_then(|sent| sent.front().copied());
            let late = queues.filter(|&(index, _)| sent(index).is_some_and(|sent| sent < moment));
            let late: Vec<_> = late.map(|(_, (stream, _))| stream).collect();
            parts::next_of(cluster, process, &late)
        };
        parts::processes(cluster).into_iter().filter_map(of).collect()
    }
}
