//! Pods that were removed, of workloads that are not followed any more: nobody writes to one again (API-6). Who still runs one finds that
//! it is gone, or is refused.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::matching::Unexplained;
use crate::matching::unexplained::words;
use crate::record::{Entry, Micros, Seen};

/// So many of those that were removed last are known.
const KEPT: usize = 16_384;

/// What two requests may be apart that were granted in another order than the log has them: those of two API servers.
const SLACK: Micros = 5_000_000;

/// The pods that were removed: when, by UID.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gone {
    at: BTreeMap<Rc<str>, Micros>,
    order: VecDeque<Rc<str>>,
}

impl Gone {
    /// A pod has been removed, and is not followed any more.
    pub fn add(&mut self, uid: &Rc<str>, at: Micros) {
        if self.at.insert(Rc::clone(uid), at).is_none() {
            self.order.push_back(Rc::clone(uid));
        }
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.at.remove(&oldest);
        }
    }

    /// The entry, if it shows that a write of such a pod was granted.
    pub fn see(&self, number: u64, entry: &Entry) -> Option<Unexplained> {
        let Seen::Write(write) = &entry.seen else { return None };
        let is_granted = &*write.resource == "pods" && (200..300).contains(&write.code);
        let since = self.at.get(&write.uid).filter(|_| is_granted)?;
        let seconds = (entry.from - since) as f64 / 1e6;
        let why = format!("the pod was removed {seconds:.1} s before, and this was granted (API-6)");
        (since + SLACK < entry.from).then(|| Unexplained::wrong(number, entry, words(write), why))
    }
}
