//! Pods that were removed, of workloads that are not followed any more: nobody writes to one again (API-6). Who still runs one finds that
//! it is gone, or is refused.

use std::rc::Rc;

use super::SLACK;
use super::moments::Moments;
use crate::matching::Unexplained;
use crate::matching::unexplained::words;
use crate::record::{Entry, Micros, Seen};

/// The pods that were removed.
#[derive(Clone, Debug, Default)]
pub(super) struct Gone(Moments);

impl Gone {
    /// A pod has been removed, and is not followed any more.
    pub fn add(&mut self, uid: &Rc<str>, at: Micros) {
        self.0.note(uid, at);
    }

    /// The entry, if it shows that a write of such a pod was granted.
    pub fn see(&self, number: u64, entry: &Entry) -> Option<Unexplained> {
        let Seen::Write(write) = &entry.seen else { return None };
        let is_granted = &*write.resource == "pods" && (200..300).contains(&write.code);
        let since = self.0.of(&write.uid).filter(|_| is_granted)?;
        let seconds = (entry.from - since) as f64 / 1e6;
        let why = format!("the pod was removed {seconds:.1} s before, and this was granted (API-6)");
        (since + SLACK < entry.from).then(|| Unexplained::wrong(number, entry, words(write), why))
    }
}
