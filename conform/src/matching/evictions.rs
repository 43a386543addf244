//! Evictions that are under way. An eviction is answered with no object, so nothing says when its pod began to go: at any
//! moment between the request and the answer. It goes when something asks for it: an entry that nothing explains while the pod
//! stays, one that was received after the answer, or a write of the pod itself, which has its place in the order of the log.

use std::collections::VecDeque;

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
        && (200..400).contains(&write.code)
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
        self.reached = self.reached.max(entry.from);
        // Who has granted one by then does not answer after that it has ended.
        let stops = matches!(&entry.seen, Seen::Fault(event) if &*event.fault == "apiserver-exited");
        self.end_evictions(|eviction| eviction.to < entry.from || stops && eviction.from <= entry.to)?;
        self.end_before(entry)?;
        if is_eviction(entry) {
            self.grant_freely(number, entry)?;
            self.evictions.push_back((number, entry.clone()));
            return Ok(());
        }
        loop {
            let Err(ended) = self.handle(number, entry) else { return Ok(()) };
            let first =
                (0..self.evictions.len()).min_by_key(|&index| self.place_of(&self.evictions[index].1));
            let Some((number, eviction)) = first.and_then(|first| self.evictions.remove(first)) else {
                return Err(ended);
            };
            self.handle(number, &eviction)?;
        }
    }

    /// The place of an eviction among those that are asked for at once, as a drain evicts all pods of a node at once: nothing says
    /// which of their pods went first but the EndpointSlices that show it.
    fn place_of(&self, eviction: &Entry) -> u64 {
        let Seen::Write(write) = &eviction.seen else { return u64::MAX };
        self.subject.went.get(&write.name).copied().unwrap_or(u64::MAX)
    }

    /// The eviction that has to end before this one: the first of those that were asked for by its end and are shown before it, or
    /// itself.
    fn first_before(&self, index: usize) -> usize {
        let (_, eviction) = &self.evictions[index];
        let (to, place) = (eviction.to, self.place_of(eviction));
        let earlier = |&other: &usize| {
            let other = &self.evictions[other].1;
            other.from <= to && self.place_of(other) < place
        };
        let earlier = (0..self.evictions.len()).filter(earlier);
        earlier.min_by_key(|&other| self.place_of(&self.evictions[other].1)).unwrap_or(index)
    }

    /// Evictions of the pod that `entry` writes end before it, those that can: another comes after it, if there is time.
    fn end_before(&mut self, entry: &Entry) -> Result<(), Ended> {
        let (own, others): (VecDeque<_>, _) =
            std::mem::take(&mut self.evictions).into_iter().partition(|(_, own)| is_of_one_pod(own, entry));
        self.evictions = others;
        for (number, eviction) in own {
            match self.handle(number, &eviction) {
                Err(_) if eviction.to >= entry.from => self.evictions.push_back((number, eviction)),
                ended => ended?,
            }
        }
        Ok(())
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
            if let Some((number, eviction)) = self.evictions.remove(self.first_before(index)) {
                self.handle(number, &eviction)?;
            }
        }
        Ok(())
    }
}
