//! Evictions that are under way. An eviction is answered with no object, so nothing says when its pod began to go: at any
//! moment between the request and the answer. It goes when something asks for it: an entry that nothing explains while the pod
//! stays, one that was received after the answer, or a write of the pod itself, which has its place in the order of the log.

use podproof_model::Cluster;
use podproof_model::api_server::eviction::{self, Answer};
use podproof_vocabulary::action::{Action, Drain, Environment};

use super::replay::{Ended, Replay};
use crate::record::{Entry, Seen, Verb};

/// Is it a granted eviction?
fn is_eviction(entry: &Entry) -> bool {
    let Seen::Write(write) = &entry.seen else { return false };
    write.verb == Verb::Create
        && &*write.resource == "pods"
        && &*write.subresource == "eviction"
        && write.code < 400
}

/// Are both writes of one pod?
fn is_of_one_pod(one: &Entry, other: &Entry) -> bool {
    let pod = |entry: &Entry| match &entry.seen {
        Seen::Write(write) if &*write.resource == "pods" => {
            Some((write.namespace.clone(), write.name.clone()))
        }
        _ => None,
    };
    pod(one).is_some() && pod(one) == pod(other)
}

impl Replay {
    /// It is the turn of this entry, whose place in the log is reached.
    ///
    /// # Errors
    /// What nothing explains.
    pub(super) fn turn(&mut self, number: u64, entry: &Entry) -> Result<(), Ended> {
        self.end_evictions(|eviction| eviction.to < entry.from || is_of_one_pod(eviction, entry))?;
        if is_eviction(entry) {
            self.grant_freely(number, entry)?;
            self.evictions.push_back((number, entry.clone()));
            return Ok(());
        }
        loop {
            let Err(ended) = self.handle(number, entry) else { return Ok(()) };
            let Some((number, eviction)) = self.evictions.pop_front() else { return Err(ended) };
            self.handle(number, &eviction)?;
        }
    }

    /// What spends nothing of a budget is granted when it is asked for, which no write shows (EVI-1, EVI-3).
    fn grant_freely(&mut self, number: u64, entry: &Entry) -> Result<(), Ended> {
        let Seen::Write(write) = &entry.seen else { return Ok(()) };
        let Some(pod) = self.names.pod(&write.name, &write.uid) else { return Ok(()) };
        let mut common = self.common.clone();
        let cluster = Cluster::new(&self.model().rules, &mut common);
        let object = cluster.pod(pod).api;
        let is_asked = object.exists() && !object.is_deleting() && !cluster.pod(pod).head.eviction_granted();
        if is_asked && eviction::ask(&cluster, pod) == Answer::Free {
            let ask = Action::Environment(Environment::EvictPod { pod });
            self.befall(number, entry, &[ask, Action::Drain(Drain::EvictPod { pod })])?;
        }
        Ok(())
    }

    /// The pods go that evictions of this sort are for.
    ///
    /// # Errors
    /// An eviction that nothing explains.
    pub(super) fn end_evictions(&mut self, are_over: impl Fn(&Entry) -> bool) -> Result<(), Ended> {
        while let Some(index) = self.evictions.iter().position(|(_, eviction)| are_over(eviction)) {
            if let Some((number, eviction)) = self.evictions.remove(index) {
                self.handle(number, &eviction)?;
            }
        }
        Ok(())
    }
}
