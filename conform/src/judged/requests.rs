//! Connections of clients against the path that was found. Each begins at some moment on some node; the rules of that node send it
//! somewhere; there somebody accepts it, or not. What the client saw must have been possible at a moment between the beginning
//! and the end of its attempt, as far as clocks can tell: an answer by a pod, if the rules led to it and it accepted; a failure,
//! if they led nowhere, or to somebody who did not accept, could not be reached, or stopped accepting meanwhile.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_model::{Cluster, traffic};
use podproof_vocabulary::scenario::WorkloadKind;
use podproof_vocabulary::{NodeId, PodId};

use super::causes::{Cause, Causes};
use crate::matching::sighting::SLACK;
use crate::reading::{Log, Problem, Source};
use crate::record::{Micros, RequestEvent, Seen};
use crate::report::Followed;
use crate::spool::{Depot, Pack, Record, Spool, Unpack};

/// Where connections from a node go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Leads {
    /// The pods, by name, and why a connection that is sent to one fails, if it does.
    to: Vec<(Rc<str>, Option<Cause>)>,
    /// Other workloads' pods are behind the Service too.
    others: bool,
}

/// From a moment on they go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Since {
    from: Micros,
    /// A place in [`Traffic::leads`].
    leads: u64,
}

impl Record for Since {
    const BYTES: usize = 16;

    fn pack(&self, to: &mut Pack<'_>) {
        to.signed(self.from);
        to.number(self.leads);
    }

    fn unpack(from: &mut Unpack<'_>) -> Self {
        Self { from: from.signed(), leads: from.number() }
    }
}

/// Where connections of one workload's Service go, at every moment of a path.
#[derive(Debug)]
pub struct Traffic {
    /// For each node where they go, and what was asked for last: clients tell of one after the other.
    nodes: BTreeMap<Rc<str>, (Spool<Since>, Cell<usize>)>,
    /// All that is so at some moment, each once.
    leads: Vec<Leads>,
    /// The names of its pods.
    own: BTreeSet<Rc<str>>,
    /// Those of them that nobody had before the path began.
    made: BTreeSet<Rc<str>>,
    /// Until when the path goes, if it ends before the log.
    until: Micros,
}

/// What is found of that along a path.
struct Along {
    traffic: Traffic,
    numbers: BTreeMap<Leads, u64>,
    /// For each node what is so now.
    now: BTreeMap<Rc<str>, Since>,
}

/// Could the client have seen what it saw?
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Possible {
    /// There was such a moment: of a connection that failed, with all that could have been the cause.
    Then(Causes),
    /// There had been one a while before: a kernel remembers where a connection that nobody answered was sent, and sends another one
    /// from the same port there, although the rules have changed.
    Before(Causes),
    /// There was none.
    Never,
}

/// For how long a kernel remembers a connection that nobody answered (`nf_conntrack_tcp_timeout_syn_sent`).
const REMEMBERED: Micros = 120_000_000;

/// What is said of the connections of one workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Those that were answered.
    pub answered: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those of them that ran out of time after the rules had changed: a kernel
    /// remembers for two minutes where a connection that nobody answered was sent.
    pub late: u64,
    /// How many failed for what could have been the cause, of those that the path has a moment for. None is known before its first
    /// step and after its last.
    pub failed_for: BTreeMap<Causes, u64>,
    /// Those of either that the path has no moment for.
    pub unexplained: u64,
    /// The first of these.
    pub odd: Vec<Odd>,
}

/// What is said of all connections of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Of each workload that was followed.
    pub of: Vec<Connections>,
    /// Entries that some path has a moment for.
    pub explained: u64,
}

/// A connection that the path has no moment for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Odd {
    /// When it began.
    pub at: Micros,
    /// The node that it came from.
    pub node: Rc<str>,
    /// Who answered, or the error.
    pub outcome: Result<Rc<str>, Rc<str>>,
}

/// Connections that are kept of those that the path has no moment for.
const KEPT: usize = 8;

/// What can be said of the connections of one workload.
#[derive(Debug)]
pub struct Watched {
    /// Where they go, if it has a Service and clients tell of them.
    traffic: Option<Traffic>,
    /// The container runtime of each of its nodes was listened to.
    is_seen: bool,
}

impl Traffic {
    /// What can be said of the connections of one workload in `log`; `created` are the names of the pods that entries create. It is kept in
    /// `depot`.
    pub fn watch(
        log: &Log,
        followed: &Followed,
        created: &BTreeMap<u64, Rc<str>>,
        depot: &Rc<Depot>,
    ) -> Watched {
        let runtimes = log.nodes_with_runtime();
        let subject = &followed.replay.subject;
        let is_seen = subject.nodes.iter().all(|node| runtimes.contains(node));
        let is_told = log.has(Source::App) && log.has(Source::Requests) && subject.service.is_some();
        Watched { traffic: (is_seen && is_told).then(|| Self::along(followed, created, depot)), is_seen }
    }

    /// Along the path that was found; `created` are the names of the pods that entries of the log create.
    fn along(followed: &Followed, created: &BTreeMap<u64, Rc<str>>, depot: &Rc<Depot>) -> Self {
        let Followed { replay, whole, unexplained, .. } = followed;
        let nodes = &replay.subject.nodes;
        let mut names: BTreeMap<PodId, Rc<str>> = BTreeMap::new();
        if replay.subject.kind() == WorkloadKind::Pod {
            names.insert(PodId(0), Rc::clone(&replay.subject.name));
        }
        let own = names.values().cloned().collect();
        let made = BTreeSet::new();
        let traffic = Self { nodes: BTreeMap::new(), leads: Vec::new(), own, made, until: Micros::MAX };
        let mut along = Along { traffic, numbers: BTreeMap::new(), now: BTreeMap::new() };
        let mut now = Micros::MIN;
        whole.walk(&replay.models(), |step, taken, before, after, model| {
            let Traffic { own, made, .. } = &mut along.traffic;
            if let Some(name) = taken.shown_by.and_then(|entry| created.get(&entry)) {
                let used = model.open(before, |cluster| cluster.used());
                let new = model.open(after, |cluster| cluster.used_pods().find(|&pod| !used.contains(pod)));
                names.extend(new.map(|new| (new, Rc::clone(name))));
                own.insert(Rc::clone(name));
                // The names of a ReplicaSet's pods come with a suffix that no other has.
                made.extend((replay.subject.kind() != WorkloadKind::Pod).then(|| Rc::clone(name)));
            }
            if step + 1 < whole.led {
                return;
            }
            if step + 1 == whole.led {
                names.extend(replay.began_with().iter().cloned());
                own.extend(names.values().cloned());
            }
            // A write stands at its earliest moment, and what it depends on may have a time after that: others go by their own.
            let at = taken.moment.at;
            now = now.max(at);
            model.open(after, |cluster| along.note(cluster, nodes, &names, at, depot));
        });
        let until = if unexplained.is_some() || whole.refused.is_some() { now } else { Micros::MAX };
        along.end(until, depot)
    }

    fn push(&mut self, node: &Rc<str>, since: Since, depot: &Rc<Depot>) {
        let new = || (Spool::new(depot), Cell::default());
        self.nodes.entry(Rc::clone(node)).or_insert_with(new).0.push(&since);
    }

    /// Could the client have seen this between these moments? Of nodes that are not known nothing is said, nor before the first step, but
    /// that no pod answers which is created later.
    fn allows(&self, from: Micros, to: Micros, event: &RequestEvent) -> Possible {
        let Some(leads) = self.nodes.get(&event.node) else { return Possible::Then(Causes::new()) };
        let (leads, near) = leads;
        let (from, to) = (from.saturating_sub(SLACK), to.saturating_add(SLACK));
        let between = |from: Micros| {
            let later = leads.partition_point(near.get(), |since| since.from <= from);
            near.set(later);
            let all = (later.saturating_sub(1)..leads.len()).map_while(|index| leads.get(index));
            let all = all.take_while(move |since| since.from <= to);
            all.filter_map(|since| self.leads.get(usize::try_from(since.leads).ok()?))
        };
        if to > self.until {
            return Possible::Then(Causes::new());
        }
        if leads.get(0).is_none_or(|first| first.from > to) {
            let is_unborn = event.outcome.as_ref().is_ok_and(|pod| self.made.contains(pod));
            return if is_unborn { Possible::Never } else { Possible::Then(Causes::new()) };
        }
        if let Ok(pod) = &event.outcome {
            let is_answered =
                |leads: &Leads| leads.to.iter().any(|(name, fails)| fails.is_none() && name == pod);
            return match between(from).any(is_answered) {
                true => Possible::Then(Causes::new()),
                false => Possible::Never,
            };
        }
        let causes: Causes = between(from).flat_map(Leads::causes).collect();
        if !causes.is_empty() {
            return Possible::Then(causes);
        }
        let runs_out_of_time = matches!(&event.outcome, Err(error) if **error == *"ETIMEDOUT");
        let dead = between(from.saturating_sub(REMEMBERED)).flat_map(Leads::dead).cloned();
        let before: Causes = dead.filter(|_| runs_out_of_time).collect();
        if before.is_empty() { Possible::Never } else { Possible::Before(before) }
    }
}

impl Along {
    /// In `cluster` it is so, from `at` on; of each node not before what was so there.
    fn note(
        &mut self,
        cluster: &Cluster<'_>,
        nodes: &[Rc<str>],
        names: &BTreeMap<PodId, Rc<str>>,
        at: Micros,
        depot: &Rc<Depot>,
    ) {
        let scenario = &cluster.rules.scenario;
        let others = scenario.neighbours.iter().any(|neighbour| neighbour.in_service);
        for (index, name) in nodes.iter().enumerate().take(cluster.rules.nodes) {
            let leads = traffic::destinations(scenario, cluster, NodeId::from(index));
            let to = leads.map(|(pod, endpoint)| {
                let called = names.get(&pod).cloned().unwrap_or_else(|| "?".into());
                (called, Cause::of(cluster, nodes, pod, endpoint))
            });
            let leads = Leads { to: to.collect(), others };
            let before = self.now.get(name).copied();
            if before.is_some_and(|before| self.traffic.leads[before.leads as usize].to == leads.to) {
                continue;
            }
            let at = before.map_or(at, |before| before.from.max(at));
            if let Some(before) = before.filter(|before| before.from != at) {
                self.traffic.push(name, before, depot);
            }
            let leads = self.number_of(leads);
            self.now.insert(Rc::clone(name), Since { from: at, leads });
        }
    }

    fn number_of(&mut self, leads: Leads) -> u64 {
        *self.numbers.entry(leads).or_insert_with_key(|leads| {
            self.traffic.leads.push(leads.clone());
            self.traffic.leads.len() as u64 - 1
        })
    }

    /// The path ends, at `until` if that is before the log ends.
    fn end(mut self, until: Micros, depot: &Rc<Depot>) -> Traffic {
        for (node, last) in self.now {
            self.traffic.push(&node, last, depot);
        }
        self.traffic.until = until;
        self.traffic
    }
}

impl Leads {
    /// Why connections that are sent to its pods fail.
    fn dead(&self) -> impl Iterator<Item = &Cause> {
        self.to.iter().filter_map(|(_, fails)| fails.as_ref())
    }

    /// Why a connection could fail.
    fn causes(&self) -> impl Iterator<Item = Cause> {
        let nowhere = self.to.is_empty().then_some(Cause::Nowhere);
        let others = self.others.then_some(Cause::Others);
        self.dead().cloned().chain(nowhere).chain(others)
    }
}

impl Connections {
    /// Takes note of a connection.
    fn note(&mut self, at: Micros, event: &RequestEvent, possible: &Possible) {
        match &event.outcome {
            Ok(_) => self.answered += 1,
            Err(_) => self.failed += 1,
        }
        let is_failure = event.outcome.is_err();
        let mut failed = |causes: &Causes| {
            if is_failure {
                *self.failed_for.entry(causes.clone()).or_default() += 1;
            }
        };
        match possible {
            Possible::Then(causes) => failed(causes),
            Possible::Before(causes) => {
                failed(causes);
                self.late += 1;
            }
            Possible::Never => {
                self.unexplained += 1;
                if self.odd.len() < KEPT {
                    let (node, outcome) = (Rc::clone(&event.node), event.outcome.clone());
                    self.odd.push(Odd { at, node, outcome });
                }
            }
        }
    }
}

/// The connections of `log` to the Services of its workloads; `pods` are the names of all its pods.
///
/// # Errors
/// What is wrong with a file, if it has changed since.
pub fn connections(log: &Log, watched: &[Watched], pods: &BTreeSet<Rc<str>>) -> Result<Requests, Problem> {
    let mut said = Requests { of: vec![Connections::default(); watched.len()], explained: 0 };
    // Without the rules of its node, and what containers do, the model may do it at any moment: nothing could be said.
    let rules: BTreeSet<Rc<str>> = log.nodes_with_rules().into_iter().collect();
    let traffic = || watched.iter().map(|watched| watched.traffic.as_ref());
    if !watched.iter().all(|watched| watched.is_seen) || traffic().all(|traffic| traffic.is_none()) {
        return Ok(said);
    }
    for entry in log.entries() {
        let entry = entry?;
        let Seen::Request(event) = &entry.seen else { continue };
        if !rules.contains(&event.node) {
            continue;
        }
        let allows = |traffic: &Traffic| traffic.allows(entry.from, entry.to, event);
        // Of two pods of one name, one after the other, either may have answered. Nobody says which Service a connection was
        // meant for: one that failed is odd if it is so for each of them.
        let concerned = |traffic: &&Traffic| match &event.outcome {
            // A pod that the log shows nowhere has answered nobody.
            Ok(pod) => traffic.own.contains(pod) || !pods.contains(pod),
            Err(_) => true,
        };
        let best = traffic().flatten().filter(concerned).map(allows).min();
        let mut is_explained = false;
        for (traffic, said) in traffic().zip(&mut said.of) {
            let (Some(_), Some(possible)) = (traffic.filter(concerned), &best) else { continue };
            is_explained |= *possible != Possible::Never;
            said.note(entry.from, event, possible);
        }
        said.explained += u64::from(is_explained);
    }
    Ok(said)
}
