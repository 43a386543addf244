//! One workload, followed along a log.

use std::collections::VecDeque;

use podproof_model::{Cluster, ClusterState, Model, parts, step};
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, ReplicaSet, Watcher};
use podproof_vocabulary::scenario::WorkloadKind;

use super::clock::Dates;
use super::eyes::Eyes;
use super::local::{self, Fault, Local};
use super::names::Names;
use super::part::{Failure, Part, Quest, SLACK};
use super::path::{Moment, Taken};
use super::plan::{Deed, Plan};
use super::subject::Subject;
use super::writes::{self, Known};
use crate::record::{Entry, Facts, Micros, Place, Seen, Verb, Write};

/// What came of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is about nothing that this workload has to do with.
    NotHere,
    /// The model can do it.
    Explained,
    /// It is outside the model, for this reason.
    NotModelled(String),
}

/// An entry that no path of the model explains.
#[derive(Clone, Debug)]
pub struct Unexplained {
    /// Its number, from 1.
    pub entry: u64,
    /// Where it stands.
    pub place: Place,
    /// When it happened.
    pub at: Micros,
    /// What was seen.
    pub seen: String,
    /// Why the model has no way to it.
    pub why: String,
    /// What the process could have written instead.
    pub could: Vec<Action>,
    /// The search ended at its bound: there may be a way.
    pub bound: bool,
}

/// One workload, followed along a log.
pub struct Replay {
    /// The model of its world.
    pub model: Model,
    /// The workload.
    pub subject: Subject,
    /// The names of its objects.
    pub names: Names,
    eyes: Eyes,
    /// The store, the machines, and no process.
    common: ClusterState,
    parts: Vec<Part>,
    /// What happened to the cluster.
    befallen: Vec<Taken>,
    /// Entries that wait until everything near them in time has been read.
    waiting: VecDeque<(u64, Entry)>,
    /// Entries of other files whose pod was not known when they came.
    unplaced: Vec<(u64, Entry)>,
    template: Option<u64>,
    dates: Dates,
    writes: u64,
    bound: u64,
    /// Outcomes that are known, by entry.
    outcomes: Vec<(u64, Outcome)>,
}

/// States that one entry may cost.
pub const BOUND: u64 = 200_000;

impl Replay {
    /// Begins to follow `subject`.
    ///
    /// # Errors
    /// A sentence that names the limit, if its world is larger than a state can hold.
    pub fn new(subject: Subject, eyes: Eyes, bound: Option<u64>) -> Result<Self, String> {
        let model = Model::of_any_size(subject.scenario.clone())?;
        let first = model.initial().swap_remove(0);
        let mut common = first.clone();
        let mut cluster = Cluster::new(&model.rules, &mut common);
        let mut processes = parts::processes(&cluster);
        processes.retain(|process| !matches!(process, Watcher::Proxy(_)) || model.rules.has_proxies());
        parts::keep_only(&mut cluster, None);
        let names = Names::new(subject.nodes.clone());
        let mut parts: Vec<Part> =
            processes.into_iter().map(|whose| Part::new(&model, whose, &first)).collect();
        if subject.kind() == WorkloadKind::Pod {
            parts::hold_slot(&mut cluster, PodId(0), true);
            for part in &mut parts {
                part.hold_slot(&model, PodId(0));
            }
        }
        Ok(Self {
            model,
            subject,
            names,
            eyes,
            common,
            parts,
            befallen: Vec::new(),
            waiting: VecDeque::new(),
            unplaced: Vec::new(),
            template: None,
            dates: Dates::default(),
            writes: 0,
            bound: bound.unwrap_or(BOUND),
            outcomes: Vec::new(),
        })
    }

    /// Takes the next entry; what came of earlier ones is found out by and by.
    ///
    /// # Errors
    /// An earlier entry that nothing explains: the replay ends there.
    pub fn take(&mut self, number: u64, entry: &Entry) -> Result<(), Box<Unexplained>> {
        while let Some((_, front)) = self.waiting.front()
            && front.to + SLACK < entry.from
        {
            let (number, front) = self.waiting.pop_front().expect("there is a front");
            self.handle(number, &front)?;
        }
        match &entry.seen {
            Seen::Write(_) | Seen::Fault(_) => self.waiting.push_back((number, entry.clone())),
            Seen::Runtime(_) | Seen::App(_) | Seen::Rules(_) => self.unplaced.push((number, entry.clone())),
            Seen::Request(_) | Seen::List(_) | Seen::Change(_) | Seen::Other(_) => {}
            #[allow(unreachable_patterns)]
            _ => {}
        }
        Ok(())
    }

    /// The log is over.
    ///
    /// # Errors
    /// An entry that nothing explains.
    pub fn finish(&mut self) -> Result<(), Box<Unexplained>> {
        while let Some((number, front)) = self.waiting.pop_front() {
            self.handle(number, &front)?;
        }
        self.place(Micros::MAX);
        self.advance(Micros::MAX, Micros::MAX)
    }

    /// What has been found out since it was asked last.
    pub fn outcomes(&mut self) -> Vec<(u64, Outcome)> {
        std::mem::take(&mut self.outcomes)
    }

    /// States looked at so far.
    pub fn states(&self) -> u64 {
        self.parts.iter().map(|part| part.looked_at).sum()
    }

    /// How many states the processes may be in, together.
    pub fn width(&self) -> usize {
        self.parts.iter().map(|part| part.possible.len()).sum()
    }

    /// What the processes may be in, for whoever looks for a mistake.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            use std::fmt::Write as _;
            let _ = writeln!(
                text,
                "{:?}: {} possible, {} sightings",
                part.whose,
                part.possible.len(),
                part.sightings.len()
            );
            for possible in part.possible.iter().take(3) {
                let mut state = possible.state.clone();
                let cluster = Cluster::new(&self.model.rules, &mut state);
                for pod in cluster.used_pods() {
                    let column = cluster.pod(pod);
                    let _ = writeln!(text, "  {pod:?} {:?} {:?}", column.api, column.kubelet);
                    let _ = writeln!(text, "     {:?}", cluster.containers_of(pod));
                }
            }
        }
        text
    }

    /// The steps of each process on one of the ways that explain everything, and what happened to the cluster.
    pub fn ways(&self) -> Vec<Vec<Taken>> {
        let of_part = |part: &Part| part.possible.first().map(|possible| part.paths.steps(possible.tip));
        let mut ways = vec![self.befallen.clone()];
        ways.extend(self.parts.iter().filter_map(of_part));
        ways
    }

    /// Entries that were waiting for their pod, up to `until`, become sightings.
    fn place(&mut self, until: Micros) {
        let mut left = Vec::new();
        for (number, entry) in std::mem::take(&mut self.unplaced) {
            let outcome = match local::local(&self.subject, &self.names, number, &entry) {
                Local::NotYet if entry.to.saturating_add(SLACK * 10) < until => Outcome::NotHere,
                Local::NotYet => {
                    left.push((number, entry));
                    continue;
                }
                Local::NotHere => Outcome::NotHere,
                Local::Nothing => Outcome::Explained,
                Local::NotModelled(why) => Outcome::NotModelled(why),
                Local::Seen(whose, sighting) => {
                    match self.parts.iter_mut().find(|part| part.whose == whose) {
                        Some(part) => {
                            let at = part.sightings.partition_point(|other| other.at <= sighting.at);
                            part.insert_sighting(at, sighting);
                            continue;
                        }
                        None => Outcome::NotHere,
                    }
                }
            };
            self.outcomes.push((number, outcome));
        }
        self.unplaced = left;
    }

    /// Every process meets what was seen of it before `deadline`.
    fn advance(&mut self, deadline: Micros, until: Micros) -> Result<(), Box<Unexplained>> {
        for index in 0..self.parts.len() {
            loop {
                let part = &mut self.parts[index];
                let Some(first) = part.first_before(deadline) else { break };
                let about = part.sightings[first].about;
                let sighting = &part.sightings[first];
                let (entry, at) = (sighting.entry, sighting.at);
                let moment = Moment { writes: self.writes, at };
                let quest = Quest {
                    entry,
                    actions: &[],
                    before: None,
                    after: None,
                    deadline: at.saturating_add(1),
                    until,
                    moment,
                    dates: &self.dates,
                    about,
                };
                let wide = Quest { about: None, ..quest };
                let met = part.fulfil(&self.model, &self.eyes, &quest, self.bound);
                let met = met.or_else(|_| part.fulfil(&self.model, &self.eyes, &wide, self.bound));
                match met {
                    Ok(()) => self.outcomes.push((entry, Outcome::Explained)),
                    Err(failure) => {
                        let could = part.could(&self.model);
                        let seen = part.sightings[first].says.clone();
                        let place = part.sightings[first].place.clone();
                        return Err(Box::new(unexplained(entry, place, at, seen, &failure, could)));
                    }
                }
            }
        }
        Ok(())
    }

    fn handle(&mut self, number: u64, entry: &Entry) -> Result<(), Box<Unexplained>> {
        self.place(entry.from);
        self.advance(entry.from - SLACK, entry.to + SLACK)?;
        let outcome = match &entry.seen {
            Seen::Write(write) if write.code < 400 => self.write(number, entry, write)?,
            Seen::Write(_) => Outcome::Explained,
            Seen::Fault(event) => match local::fault(&self.subject, &self.names, event) {
                Fault::Befalls(action) => {
                    self.befall(number, entry, &[action])?;
                    Outcome::Explained
                }
                Fault::Elsewhere => Outcome::Explained,
                Fault::NotHere => Outcome::NotHere,
                Fault::NotModelled => Outcome::NotModelled(format!("fault {}", event.fault)),
            },
            _ => Outcome::NotHere,
        };
        self.outcomes.push((number, outcome));
        Ok(())
    }

    fn write(&mut self, number: u64, entry: &Entry, write: &Write) -> Result<Outcome, Box<Unexplained>> {
        let plan = {
            let mut common = self.common.clone();
            let cluster = Cluster::new(&self.model.rules, &mut common);
            let known = Known {
                subject: &self.subject,
                names: &self.names,
                cluster: &cluster,
                template: self.template,
            };
            writes::plan(&known, write)
        };
        if write.verb == Verb::Create && write.subresource.is_empty() && &*write.resource == "pods" {
            self.names.retire(&write.name, &write.uid);
        }
        let outcome = match plan {
            Plan::NotHere => Outcome::NotHere,
            Plan::Nothing => Outcome::Explained,
            Plan::NotModelled(why) => Outcome::NotModelled(why),
            Plan::Wrong(why) => {
                let place = entry.place.clone();
                let (seen, at) = (words(write), entry.from);
                let could = Vec::new();
                return Err(Box::new(Unexplained {
                    entry: number,
                    place,
                    at,
                    seen,
                    why,
                    could,
                    bound: false,
                }));
            }
            Plan::Befalls(actions) => {
                self.befall(number, entry, &actions)?;
                Outcome::Explained
            }
            Plan::By(deed) => {
                self.done(number, entry, write, &deed)?;
                Outcome::Explained
            }
        };
        if outcome == Outcome::Explained {
            self.learn(write);
        }
        Ok(outcome)
    }

    /// A process did it.
    fn done(
        &mut self,
        number: u64,
        entry: &Entry,
        write: &Write,
        deed: &Deed,
    ) -> Result<(), Box<Unexplained>> {
        let Some(index) = self.parts.iter().position(|part| part.whose == deed.whose) else { return Ok(()) };
        let quest = Quest {
            entry: number,
            actions: &deed.actions,
            before: deed.before.as_ref(),
            after: deed.after.as_ref(),
            deadline: entry.from - SLACK,
            until: entry.to + SLACK,
            moment: Moment { writes: self.writes, at: entry.from },
            dates: &self.dates,
            about: deed.about,
        };
        let wide = Quest { about: None, ..quest };
        let part = &mut self.parts[index];
        let result = part
            .fulfil(&self.model, &self.eyes, &quest, self.bound)
            .or_else(|_| part.fulfil(&self.model, &self.eyes, &wide, self.bound));
        if let Err(failure) = result {
            let could = part.could(&self.model);
            let mut seen = words(write);
            if !deed.says.is_empty() {
                seen = format!("{seen}: {}", deed.says);
            }
            return Err(Box::new(unexplained(
                number,
                entry.place.clone(),
                entry.from,
                seen,
                &failure,
                could,
            )));
        }
        if deed.actions.is_empty() {
            return Ok(());
        }
        self.hold_new(index, deed);
        self.spread(index, entry.from);
        Ok(())
    }

    /// The slot of a pod that was just created stays its own.
    fn hold_new(&mut self, index: usize, deed: &Deed) {
        let creates = |action: &Action| matches!(action, Action::ReplicaSet(ReplicaSet::CreatePod { .. }));
        if !deed.actions.iter().any(creates) {
            return;
        }
        let mut common = self.common.clone();
        let before = Cluster::new(&self.model.rules, &mut common).used();
        for possible in &mut self.parts[index].possible {
            let mut cluster = Cluster::new(&self.model.rules, &mut possible.state);
            let new: Vec<PodId> = cluster.used_pods().filter(|&pod| !before.contains(pod)).collect();
            for pod in new {
                parts::hold_slot(&mut cluster, pod, true);
            }
        }
    }

    /// What is common is as the process that wrote has left it; the others will hear.
    fn spread(&mut self, index: usize, at: Micros) {
        let common_of = |state: &ClusterState| {
            let mut common = state.clone();
            parts::keep_only(&mut Cluster::new(&self.model.rules, &mut common), None);
            common
        };
        let common = common_of(&self.parts[index].possible[0].state);
        self.parts[index].possible.retain(|possible| common_of(&possible.state) == common);
        self.writes += 1;
        let moment = Moment { writes: self.writes, at };
        for (other, part) in self.parts.iter_mut().enumerate() {
            if other != index {
                part.hear(&self.model, &common, moment);
            }
        }
        self.change_common(common, at);
    }

    /// What is common is this now.
    fn change_common(&mut self, mut now: ClusterState, at: Micros) {
        let before = Cluster::new(&self.model.rules, &mut self.common);
        let after = Cluster::new(&self.model.rules, &mut now);
        for pod in after.used_pods() {
            if after.pod(pod).api.is_deleting() && !before.pod(pod).api.is_deleting()
                || before.pod(pod).api.exists() && !after.pod(pod).api.exists()
            {
                self.dates.deleted.entry(pod).or_insert(at);
            }
        }
        self.common = now;
    }

    /// Something happens to the cluster.
    fn befall(&mut self, number: u64, entry: &Entry, actions: &[Action]) -> Result<(), Box<Unexplained>> {
        for action in actions {
            let moment = Moment { writes: self.writes, at: entry.from };
            let mut enabled = Vec::new();
            {
                let mut common = self.common.clone();
                step::enabled(&Cluster::new(&self.model.rules, &mut common), &mut enabled);
            }
            for part in &mut self.parts {
                part.befall(&self.model, action, moment);
            }
            let mut now = self.common.clone();
            let mut cluster = Cluster::new(&self.model.rules, &mut now);
            step::apply(&mut cluster, action);
            parts::keep_only(&mut cluster, None);
            self.change_common(now, entry.from);
            self.befallen.push(Taken { action: *action, moment, shown_by: Some(number), is_write: true });
            self.writes += 1;
        }
        Ok(())
    }

    /// Names and addresses that a write brings to light.
    fn learn(&mut self, write: &Write) {
        let Some(object) = &write.object else {
            if let Some(target) = &write.target
                && let (Some(pod), Some(node)) = (self.names.pod(&write.name, ""), self.names.node(target))
            {
                self.names.set_home(pod, node);
            }
            return;
        };
        match &object.facts {
            Facts::Pod(facts) => {
                if write.verb == Verb::Create
                    && write.subresource.is_empty()
                    && self.names.pod(&object.name, &object.uid).is_none()
                {
                    let mut common = self.common.clone();
                    let cluster = Cluster::new(&self.model.rules, &mut common);
                    let bound: Vec<PodId> = self.names.pods().collect();
                    let new = cluster.used_pods().find(|pod| !bound.contains(pod));

                    if let Some(pod) = new {
                        self.names.bind_pod(&object.name, &object.uid, pod);
                        self.eyes.open(&self.subject, &object.name, pod);
                    }
                }
                if let Some(pod) = self.names.pod(&object.name, &object.uid) {
                    if let Some(ip) = &facts.ip {
                        self.names.bind_address(pod, ip);
                    }
                    if let Some(node) = facts.node.as_ref().and_then(|name| self.names.node(name)) {
                        self.names.set_home(pod, node);
                    }
                }
            }
            Facts::ReplicaSet(_)
                if write.verb == Verb::Create && self.names.replica_set(&object.uid).is_none() =>
            {
                self.names.bind_replica_set(&object.name, &object.uid);
            }
            Facts::Deployment(facts) => self.template = Some(facts.template),
            _ => {}
        }
    }
}

fn unexplained(
    entry: u64,
    place: Place,
    at: Micros,
    seen: String,
    failure: &Failure,
    could: Vec<Action>,
) -> Unexplained {
    let why = match failure {
        Failure::NoWay => "no path of the model leads to it",
        Failure::Bound => "the bound on states came before a path was found",
        Failure::Overflow => "a watch had more pending events than are kept",
    };
    Unexplained { entry, place, at, seen, why: why.into(), could, bound: *failure != Failure::NoWay }
}

/// A write in words.
fn words(write: &Write) -> String {
    let subresource = if write.subresource.is_empty() { "" } else { "/" };
    format!(
        "{} {:?} {}{subresource}{} {}",
        write.user, write.verb, write.resource, write.subresource, write.name
    )
}
