//! What a deletion gives a pod: its grace period, from when it is asked for. It stays until the next: nothing else changes its grace period
//! or the end of that, and a deletion only shortens it (DEL-10, DEL-11;
//! `staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go`, `ValidateObjectMetaAccessorUpdate`;
//! `staging/src/k8s.io/apiserver/pkg/registry/rest/delete.go`, `BeforeDelete`).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::Timestamp;
use podproof_vocabulary::PodId;

use super::names::Names;
use super::writes::grace;
use crate::record::{Facts, Micros, Verb, Write};

/// What the log showed last of the deletion of a pod.
#[derive(Clone, Debug)]
struct Shown {
    uid: Rc<str>,
    /// `deletionGracePeriodSeconds`.
    seconds: i64,
    /// `deletionTimestamp`.
    ends: String,
}

impl Shown {
    /// Why this is not what a deletion gives that was received and answered at these times, by the clock of its API server.
    fn misdated(&self, (received, answered): (Micros, Micros)) -> Option<String> {
        let ends = self.ends.parse::<Timestamp>().ok()?.as_microsecond();
        let began = ends.checked_sub(self.seconds.checked_mul(SECOND)?)?;
        let is_so = received.saturating_sub(ABOUT) <= began && began <= answered.saturating_add(ABOUT);
        (!is_so).then(|| {
            format!(
                "its deletionTimestamp is {}, and its grace period of {} s began when that was asked for",
                self.ends, self.seconds
            )
        })
    }
}

/// What the log showed last of the deletion of each pod.
#[derive(Clone, Debug, Default)]
pub struct Given {
    of: BTreeMap<PodId, Shown>,
    /// Pods that nobody had deleted when the log showed them last.
    kept: BTreeSet<PodId>,
    /// Of these, those that somebody has evicted since, with the grace period that was asked for: an eviction is not answered with its pod.
    evicted: BTreeMap<PodId, u32>,
}

const SECOND: Micros = 1_000_000;

/// Times in objects are whole seconds, and whoever kept the log may have set its clock right.
const ABOUT: Micros = 10 * SECOND;

impl Given {
    /// Takes note of what a write shows, unless it `is_repeat` of an earlier one; says what has changed that nobody changes, if something
    /// has.
    pub fn see(&mut self, names: &Names, write: &Write, is_repeat: bool) -> Option<String> {
        if &*write.resource != "pods" || write.code >= 400 {
            return None;
        }
        if write.verb == Verb::DeleteCollection {
            self.of.clear();
            self.kept.clear();
            self.evicted.clear();
            return None;
        }
        let pod = names.pod(&write.name, &write.uid)?;
        let object = write.object.as_ref().filter(|_| !write.only_asked);
        let Some((object, facts)) = object.and_then(|object| match &object.facts {
            Facts::Pod(facts) => Some((object, facts)),
            _ => None,
        }) else {
            // Somebody deletes or evicts it, and the log does not show what that left.
            let evicts = &*write.subresource == "eviction";
            if write.verb == Verb::Delete || evicts {
                self.of.remove(&pod);
                self.evicted.remove(&pod);
                let is_first = self.kept.remove(&pod);
                let asked = grace::asked(write).filter(|_| is_first && evicts && write.shows_request);
                self.evicted.extend(asked.map(|asked| (pod, asked)));
            }
            return None;
        };
        if !facts.deleting {
            self.kept.insert(pod);
        }
        let seconds = facts.deletion_grace_seconds.filter(|_| facts.deleting && !is_repeat)?;
        let ends = object.whole["metadata"]["deletionTimestamp"].as_str().unwrap_or_default().to_owned();
        let shown = Shown { uid: Rc::clone(&object.uid), seconds, ends };
        // A pod that does not run is removed at once (DEL-3, DEL-4).
        let runs = facts.node.is_some() && !["Succeeded", "Failed"].contains(&&*facts.phase);
        let evicted = self.evicted.remove(&pod).map(i64::from);
        if let Some(asked) = evicted.filter(|&asked| runs && write.verb != Verb::Delete && asked != seconds) {
            return Some(format!("its grace period is {seconds} s, and the eviction asked for {asked} s"));
        }
        let is_first = self.kept.remove(&pod) && write.verb == Verb::Delete;
        if let Some(why) = write.took.filter(|_| is_first).and_then(|took| shown.misdated(took)) {
            return Some(why);
        }
        let before = self.of.insert(pod, shown.clone()).filter(|before| before.uid == shown.uid)?;
        match write.verb {
            Verb::Delete if seconds > before.seconds => Some(format!(
                "its grace period became {seconds} s, and was {} s: another deletion only shortens it",
                before.seconds
            )),
            Verb::Delete => None,
            // A watch shows what a deletion has made of it, and not who asked for what.
            _ if write.took.is_none() && seconds < before.seconds => None,
            _ if seconds != before.seconds => Some(format!(
                "its grace period is {seconds} s, and was {} s: nothing but a deletion changes it",
                before.seconds
            )),
            _ if shown.ends != before.ends => Some(format!(
                "its deletionTimestamp is {}, and was {}: nothing but a deletion changes it",
                shown.ends, before.ends
            )),
            _ => None,
        }
    }

    /// A pod is forgotten.
    pub fn forget(&mut self, pod: PodId) {
        self.of.remove(&pod);
        self.kept.remove(&pod);
        self.evicted.remove(&pod);
    }
}
