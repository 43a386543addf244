//! Deletion: the state machine of graceful deletion (DEL-1 to DEL-18).
//!
//! `deletionTimestamp` is a promise for the future: the time of the request plus the grace (DEL-16). Both writes of an
//! immediate deletion (DEL-7) are one step here; a crash between them is left out.

use std::time::Duration;

use super::ApiServer;
use crate::api::constants::{is_terminal, node_of};
use crate::api::{ApiError, DeleteOptions, Key, Object, Resource};
use crate::clock::Moment;
use crate::slip::{Slip, Slips};

/// What a deletion comes to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing changes: the deletion already runs and is not shortened (DEL-9, DEL-10).
    Pending,
    /// The object stays, stamped with this moment and grace.
    Stamp { at: Moment, grace: i64, first: bool },
    /// It goes, unless a finalizer keeps it.
    Now,
}

impl ApiServer {
    /// Deletes an object, now or later.
    pub(super) fn delete(
        &mut self,
        resource: Resource,
        key: &Key,
        options: &DeleteOptions,
        now: Moment,
    ) -> Result<Object, ApiError> {
        let object = self.stored(resource, key, &options.preconditions)?;
        match outcome(&object, options, self.slips, now) {
            Outcome::Pending => Ok(object),
            Outcome::Stamp { at, grace, first } => {
                let stamped = self.stamp(object, at, grace, first, now);
                if grace == 0 && !self.is_kept(&stamped) {
                    // The second phase of an immediate deletion (DEL-7).
                    self.store.remove(resource, key, now);
                }
                Ok(stamped)
            }
            Outcome::Now => {
                if self.is_kept(&object) {
                    return Ok(match object.meta().deletion_timestamp {
                        Some(_) => object,
                        None => self.stamp(object, now, 0, true, now),
                    });
                }
                self.store.remove(resource, key, now);
                Ok(object)
            }
        }
    }

    /// A finalizer keeps it (DEL-12).
    fn is_kept(&self, object: &Object) -> bool {
        let finalizers = object.meta().finalizers.as_ref();
        finalizers.is_some_and(|finalizers| !finalizers.is_empty())
            && !self.slips.has(Slip::FinalizersIgnored)
    }

    fn stamp(&mut self, mut object: Object, at: Moment, grace: i64, first: bool, now: Moment) -> Object {
        let meta = object.meta_mut();
        meta.deletion_timestamp = Some(at.to_time());
        meta.deletion_grace_period_seconds = Some(grace);
        if first {
            meta.generation = Some(meta.generation.unwrap_or(0) + 1);
        }
        self.store.put(object.key(), object, now)
    }
}

fn outcome(object: &Object, options: &DeleteOptions, slips: Slips, now: Moment) -> Outcome {
    // Only pods are deleted gracefully.
    let Object::Pod(pod) = object else { return Outcome::Now };
    let meta = &pod.metadata;
    // DEL-5, of a deletion that runs already too. Kubernetes: `registry/rest/delete.go` `BeforeDelete`.
    let positive = |grace: i64| if grace < 0 { 1 } else { grace };
    let wanted = options.grace_seconds.map(positive);
    if let Some(stamped) = &meta.deletion_timestamp {
        let stored = meta.deletion_grace_period_seconds.unwrap_or(0);
        return match wanted {
            // DEL-8
            _ if stored == 0 => Outcome::Now,
            // DEL-9
            None => Outcome::Pending,
            // DEL-10
            Some(grace) if grace >= stored && !slips.has(Slip::GraceExtended) => Outcome::Pending,
            // DEL-11
            Some(grace) => shorten(Moment::from_time(stamped), stored, grace, now),
        };
    }
    // DEL-2
    let own = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(0);
    let asked = wanted.unwrap_or(positive(own));
    let grace = if node_of(pod).is_none() || is_terminal(pod) {
        // DEL-3, DEL-4
        0
    } else {
        asked
    };
    // DEL-6, DEL-7
    Outcome::Stamp { at: now + seconds(grace), grace, first: true }
}

/// The grace becomes shorter: the moment moves by the difference; if that has passed, it is now, with one second of grace
/// unless none was asked for (DEL-11).
fn shorten(stamped: Moment, stored: i64, grace: i64, now: Moment) -> Outcome {
    let at = stamped - seconds(stored) + seconds(grace);
    match at < now {
        false => Outcome::Stamp { at, grace, first: false },
        true => Outcome::Stamp { at: now, grace: i64::from(grace > 0), first: false },
    }
}

fn seconds(grace: i64) -> Duration {
    Duration::from_secs(u64::try_from(grace).unwrap_or(0))
}
