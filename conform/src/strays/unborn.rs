//! Pods whose creation the log shows: nobody wrote to one before, and nothing of one ran, as the API server gives a pod its UID with its
//! creation, and never again (`metadata.uid`, S28 `rest/create.go` `BeforeCreate`).

use super::SLACK;
use super::moments::Moments;
use crate::follow::{creation, write_of};
use crate::matching::Unexplained;
use crate::matching::unexplained::words;
use crate::record::{Entry, Seen};

/// The pods of which something was seen, and when first.
#[derive(Clone, Debug, Default)]
pub(super) struct Unborn(Moments);

impl Unborn {
    /// The entry, if it shows the creation of a pod of which something was seen long before.
    pub fn see(&mut self, number: u64, entry: &Entry) -> Option<Unexplained> {
        let write = write_of(entry).filter(|write| &*write.resource == "pods");
        // What a watch tells of as new may be new to its selector alone.
        if let Seen::Write(_) = &entry.seen
            && let Some(write) = write.filter(|write| creation(write).is_some())
        {
            let first = self.0.of(&write.uid)?;
            let seconds = (entry.from - first) as f64 / 1e6;
            let why = format!(
                "something of this pod was seen {seconds:.1} s before, and it got its UID now{}",
                super::CLOCKS
            );
            return (first + SLACK < entry.from)
                .then(|| Unexplained::wrong(number, entry, words(write), why));
        }
        match (&entry.seen, write) {
            (Seen::Runtime(event), _) => self.0.note(&event.uid, entry.to),
            (_, Some(write)) if (200..300).contains(&write.code) => self.0.note(&write.uid, entry.to),
            _ => {}
        }
        None
    }
}
