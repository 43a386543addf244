//! A log against the model: its workloads are found in a first pass, and followed in a second.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use podproof_vocabulary::scenario::{Scenario, Taint};
use podproof_vocabulary::{NodeId, Property};

use crate::before::Target;
use crate::doubts::{Doubts, Unfollowed};
use crate::judged::{self, Connections};
use crate::matching::eyes::Eyes;
use crate::matching::whole::{self, Whole};
use crate::matching::{Replay, Subject, Unexplained};
use crate::reading::{Log, Problem, Source};
use crate::record::{Entry, Micros, Seen, Verb};
use crate::tally::{CONNECTIONS, Tally};
use crate::unsigned::Teller;
use crate::world::{self, Moment, Observed, Surveyor, World};

/// How a log is judged.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How its workloads are found.
    pub world: world::Options,
    /// States that one entry may cost; none is the default.
    pub max_states: Option<u64>,
}

/// What is wrong with the input.
#[derive(Debug)]
pub enum Wrong {
    /// A file of the log.
    Log(Problem),
    /// Manifests that were given with it.
    Manifests(Vec<podproof_vocabulary::manifest::Problem>),
    /// There is neither an audit log nor a watch: nothing else says what was written.
    NoWrites,
}

/// How far it has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Entries that were read; in the second pass.
    pub entries: u64,
    /// States looked at.
    pub states: u64,
}

/// What came of a log.
pub struct Report {
    /// Its workloads.
    pub followed: Vec<Followed>,
    /// What was found that is no workload of the model, and why.
    pub world: World,
    /// What came of its entries.
    pub tally: Tally,
    /// What clients saw, of each of [`Report::followed`].
    pub connections: Vec<Connections>,
    /// From when to when the entries are.
    pub span: (Micros, Micros),
    /// Something was under way when the log began, so the cluster may have stood in another way than it seems.
    pub began_under_way: bool,
    /// How long it took.
    pub took: Duration,
}

/// What came of a workload.
pub struct Followed {
    /// Its name.
    pub name: String,
    /// The entry that nothing explains.
    pub unexplained: Option<Box<Unexplained>>,
    /// The path that was found, up to the last entry that was explained.
    pub whole: Whole,
    /// The replay as it ended.
    pub replay: Replay,
}

/// What is said of a log as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything in it that the model represents is a behaviour of the model.
    Lawful,
    /// An entry is none.
    Unexplained,
    /// A bound came first; or what was found for the processes does not fit together.
    Incomplete,
}

impl Verdict {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lawful => "lawful",
            Self::Unexplained => "unexplained",
            Self::Incomplete => "incomplete",
        }
    }
}

impl Report {
    /// What is said of the log as a whole.
    pub fn verdict(&self) -> Verdict {
        let unexplained = || self.followed.iter().filter_map(|followed| followed.unexplained.as_ref());
        let apart = self.followed.iter().any(|followed| followed.whole.refused.is_some());
        // Another path might have moments for them.
        let odd = self.connections.iter().any(|said| said.unexplained > 0);
        if unexplained().any(|unexplained| !unexplained.unsure) {
            Verdict::Unexplained
        } else if unexplained().next().is_some() || apart || odd || !self.tally.left_out.is_empty() {
            Verdict::Incomplete
        } else {
            Verdict::Lawful
        }
    }

    /// The promises that were broken on the way.
    pub fn broken(&self) -> BTreeSet<Property> {
        self.followed.iter().flat_map(|followed| followed.whole.broken.keys().copied()).collect()
    }

    /// States looked at.
    pub fn states(&self) -> u64 {
        self.followed.iter().map(|followed| followed.replay.states()).sum()
    }

    /// The first entry that nothing explains.
    pub fn first_unexplained(&self) -> Option<&Unexplained> {
        let all = self.followed.iter().filter_map(|followed| followed.unexplained.as_deref());
        all.min_by_key(|unexplained| unexplained.entry)
    }
}

/// Processes that write what they do: pods by name, with their containers.
type Writers = BTreeSet<(Rc<str>, Rc<str>)>;

/// The taint that somebody sets during the log: the first, if there are several.
fn event_taint(observed: &Observed) -> Option<Taint> {
    let set = observed.node_changes.iter().filter_map(|change| {
        change.after.taints.iter().find(|taint| !change.before.taints.contains(taint)).cloned()
    });
    set.into_iter().next()
}

/// Events of one resource that may be on their way to one process.
const RINGS: u8 = 64;

/// The scenarios of a workload, each from an entry on.
fn scenarios(observed: &Observed, before: Option<&Target>) -> Vec<(u64, Scenario)> {
    let at = |moment: Moment| {
        let mut scenario = observed.scenario_at(moment);
        scenario.ring_capacity = RINGS;
        scenario.event_taint = event_taint(observed);
        if let Some(before) = before {
            scenario.workload.replicas = before.replicas;
        }
        let targets = observed.scales.iter().filter_map(|scaling| u8::try_from(scaling.replicas).ok());
        scenario.scale_targets = targets.collect::<BTreeSet<_>>().into_iter().collect();
        (moment.0, scenario)
    };
    let mut all: Vec<_> = std::iter::once(Moment(0)).chain(observed.changes()).map(at).collect();
    all.dedup_by(|(_, later), (_, earlier)| later == earlier);
    all
}

fn subject_of(observed: &Observed, before: Option<&Target>) -> Subject {
    Subject {
        scenarios: scenarios(observed, before),
        namespace: observed.namespace.clone(),
        name: observed.object_name.clone(),
        uid: observed.uid.clone(),
        nodes: observed.nodes.iter().map(|node| node.name.clone()).collect(),
        service: observed.service.as_ref().map(|service| service.name.clone()),
        ports: observed.service_ports.clone(),
        budget: observed.budgets.first().map(|budget| budget.name.clone()),
    }
}

/// The name of the pod that an entry creates, if it does.
fn creation(entry: &Entry) -> Option<Rc<str>> {
    let write = match &entry.seen {
        Seen::Write(write) => write,
        Seen::Told(writes) => writes.first()?,
        _ => return None,
    };
    let is_new = write.verb == Verb::Create && write.subresource.is_empty() && write.code < 300;
    (is_new && &*write.resource == "pods").then(|| Rc::clone(&write.name))
}

/// Judges a log.
///
/// # Errors
/// What is wrong with its files.
pub fn run(log: &Log, options: &Options, mut progress: impl FnMut(Progress)) -> Result<Report, Wrong> {
    let begun = Instant::now();
    if !log.has(Source::Audit) && !log.has(Source::Watch) {
        return Err(Wrong::NoWrites);
    }
    let mut surveyor = Surveyor::default();
    let mut writers = Writers::new();
    for entry in log.entries() {
        let entry = entry.map_err(Wrong::Log)?;
        if let Seen::App(event) = &entry.seen {
            writers.insert((event.pod.clone(), event.container.clone()));
        }
        surveyor.see(&entry);
    }
    let world = surveyor.finish(&options.world).map_err(Wrong::Manifests)?;
    let mut tally = Tally::default();
    let mut active = Vec::new();
    let mut doubts = Doubts::of(&world);
    for observed in &world.workloads {
        let target = match Target::of(observed, world.began) {
            Ok(target) => target,
            Err(why) => {
                tally.leave_out(&observed.scenario.name, &why);
                doubts.under_way = true;
                continue;
            }
        };
        if let Some(target) = &target {
            doubts.begin(observed, target);
        }
        let subject = subject_of(observed, target.as_ref());
        let of = |nodes: Vec<Rc<str>>| -> BTreeSet<NodeId> {
            let place = |name: &Rc<str>| subject.nodes.iter().position(|node| node == name).map(NodeId::from);
            nodes.iter().filter_map(place).collect()
        };
        let eyes = Eyes::new(
            of(log.nodes_with_runtime()),
            of(log.nodes_with_rules()),
            log.has(Source::Faults),
            writers.clone(),
        );
        match Replay::new(subject, eyes, target, options.max_states) {
            Ok(mut replay) => {
                if world.workloads.iter().any(|one| one.existing.is_some()) {
                    replay.names.expect_strangers();
                }
                let changes = Unfollowed::of(observed);
                active.push((observed.scenario.name.clone(), replay, changes, None::<Box<Unexplained>>));
            }
            Err(why) => {
                tally.leave_out(&observed.scenario.name, &why);
                doubts.under_way |= observed.existing.is_some();
            }
        }
    }
    let mut span = None;
    let mut created = BTreeMap::new();
    let mut teller = (!log.has(Source::Audit)).then(|| Teller::new(world.began));
    for (number, entry) in (1..).zip(log.entries()) {
        let mut entry = entry.map_err(Wrong::Log)?;
        if let Some(teller) = &mut teller {
            entry = teller.tell(entry);
        }
        let (began, ended) = span.unwrap_or((entry.from, entry.to));
        span = Some((began.min(entry.from), ended.max(entry.to)));
        tally.read(&entry);
        created.extend(creation(&entry).map(|name| (number, name)));
        doubts.see(&entry);
        for (_, replay, changes, unexplained) in &mut active {
            for change in changes.iter_mut().filter(|change| change.entry == number) {
                change.place = Some(entry.place.clone());
            }
            if unexplained.is_none() {
                *unexplained = replay.take(number, &entry).err();
                tally.learn(replay.outcomes());
            }
        }
        if number % 64 == 0 {
            progress(Progress {
                entries: number,
                states: active.iter().map(|(_, replay, ..)| replay.states()).sum(),
            });
        }
    }
    doubts.missed = teller.as_ref().and_then(Teller::missed);
    let mut followed = Vec::new();
    for (name, mut replay, changes, mut unexplained) in active {
        if unexplained.is_none() {
            unexplained = replay.finish().err();
            tally.learn(replay.outcomes());
        }
        let whole = whole::take(&replay);
        if let Some(found) = &mut unexplained {
            doubts.note(found, &whole, &replay, &changes);
        }
        for change in &changes {
            tally.leave_out(&name, &format!("{change}, and what comes of that is not followed"));
        }
        followed.push(Followed { name, unexplained, whole, replay });
    }
    let pods = world.pod_names();
    let requests = judged::connections(log, &followed, &created, &pods).map_err(Wrong::Log)?;
    tally.explain(CONNECTIONS, requests.explained);
    Ok(Report {
        followed,
        world,
        tally,
        connections: requests.of,
        span: span.unwrap_or_default(),
        began_under_way: doubts.under_way,
        took: begun.elapsed(),
    })
}
