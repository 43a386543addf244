//! What came of a log, in the terms that every format of the report needs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use podproof_conform::judged::{self, Breach, Connections, Evidence, Judgement, again};
use podproof_conform::matching::{Replay, Unexplained};
use podproof_conform::record::Micros;
use podproof_conform::report::{Followed, Report, Verdict};
use podproof_traces::{Trace, why, words};
use podproof_vocabulary::Property;

use super::arguments::ConformArguments;
use super::course::Course;
use super::naming;
use super::seen::About;
use super::timeline::Timeline;
use super::way::Way;
use crate::counterexamples::{file_in, left_alone, own, write_with};

/// What came of a log.
pub struct Account {
    /// What is said of it as a whole.
    pub verdict: Verdict,
    /// Entries.
    pub entries: u64,
    /// Those that the model explains.
    pub explained: u64,
    /// Those that are outside the model, by what they speak of.
    pub outside: BTreeMap<String, u64>,
    /// States looked at.
    pub states: u64,
    /// How long it took.
    pub seconds: f64,
    /// When the log begins.
    pub began: Micros,
    /// Its workloads.
    pub workloads: Vec<Workload>,
    /// The first entry that is of nothing that is followed any more, and cannot be.
    pub stray: Option<Found>,
    /// What was found that could not be followed, and why.
    pub left_out: Vec<(String, String)>,
    /// What is odd about the log as a whole.
    pub warnings: Vec<String>,
}

/// What came of a workload.
pub struct Workload {
    /// Its name.
    pub name: String,
    /// The replicas with which it begins.
    pub replicas: u8,
    /// Its nodes.
    pub nodes: Vec<String>,
    /// What is said of it.
    pub verdict: Verdict,
    /// What entries are told by.
    pub about: About,
    /// The steps of the path that was found.
    pub steps: usize,
    /// How many of them entries show.
    pub shown: usize,
    /// What must have happened though no entry shows it: when at the latest, and what.
    pub unseen: Vec<(Micros, String)>,
    /// What clients saw of it.
    pub connections: Connections,
    /// Where the path is written, if it could be.
    pub trace: Option<PathBuf>,
    /// What was broken.
    pub broken: Vec<Broken>,
    /// What was kept.
    pub kept: Vec<Property>,
    /// What nothing in the log has to do with.
    pub not_met: Vec<Property>,
    /// What the log cannot tell anything of, and why.
    pub not_judged: Vec<(Property, String)>,
    /// Of these, those that the command line names.
    pub asked_in_vain: Vec<Property>,
    /// The entry that nothing explains.
    pub unexplained: Option<Found>,
    /// The step, from 1, at which the parts of the path did not fit together, in words: a defect of podproof.
    pub misfit: Option<(usize, String)>,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

/// A broken promise.
pub struct Broken {
    /// Which.
    pub property: Property,
    /// It counts for the exit status.
    pub counts: bool,
    /// The step of the path that did it, the first being 1.
    pub step: usize,
    /// No step did it but time that passed after it.
    pub by_time: bool,
    /// When.
    pub at: Micros,
    /// Who is guilty.
    pub says: String,
    /// What breaks it anew afterwards: each other cause, and some other pods.
    pub again: Vec<Again>,
    /// How often it is broken anew beside that.
    pub more: usize,
    /// Where the path up to there is written.
    pub trace: Option<PathBuf>,
}

/// What breaks a promise anew.
pub struct Again {
    /// The step of the path that does, the first being 1.
    pub step: usize,
    /// When.
    pub at: Micros,
    /// Who is guilty.
    pub says: String,
}

/// So often a promise is told to be broken anew; what has another cause is told beside.
const AGAIN: usize = 3;

/// An entry that nothing explains.
pub struct Found {
    /// Its number, the first being 1.
    pub entry: u64,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: u64,
    /// When it happened.
    pub at: Micros,
    /// What it says.
    pub seen: String,
    /// Why nothing explains it.
    pub why: String,
    /// It may be a behaviour of the model all the same.
    pub unsure: bool,
    /// What the same process could have written there, in words.
    pub allowed: Vec<String>,
}

impl Account {
    /// The account of a log whose workloads have been told of, and their timelines.
    pub fn of(report: Report<(Workload, Option<Timeline>)>) -> (Self, Vec<Timeline>) {
        let (verdict, states, explained) = (report.verdict(), report.states(), report.tally.explained());
        let (workloads, timelines): (Vec<_>, Vec<_>) = report.followed.into_iter().unzip();
        let mut account = Self {
            verdict,
            entries: report.tally.entries,
            explained,
            outside: report.tally.outside(),
            states,
            seconds: report.took.as_secs_f64(),
            began: report.span.0,
            workloads,
            stray: report.sum.stray.as_ref().map(|found| Found::saying(found, Vec::new())),
            left_out: report.tally.left_out,
            warnings: report.world.warnings,
        };
        // What was not followed may be anything.
        if !account.left_out.is_empty() && account.verdict == Verdict::Lawful {
            account.verdict = Verdict::Incomplete;
        }
        let not_modelled = report.world.not_modelled.into_iter();
        account.left_out.extend(not_modelled.map(|found| (found.what, found.why)));
        if report.began_under_way {
            account.warnings.push(
                "something was under way when the log began, or a node is only named in it: where the cluster stood then is \
                 not sure"
                    .into(),
            );
        }
        for (workload, connections) in account.workloads.iter_mut().zip(report.connections) {
            workload.connections = connections;
            if workload.misfit.is_some() && account.verdict == Verdict::Lawful {
                account.verdict = Verdict::Incomplete;
            }
        }
        (account, timelines.into_iter().flatten().collect())
    }

    /// How many entries are outside the model.
    pub fn not_modelled(&self) -> u64 {
        self.outside.values().sum()
    }

    /// The promises that were broken, in their order: those that count, or those that do not.
    pub fn broken(&self, counts: bool) -> Vec<Property> {
        let broken = self.workloads.iter().flat_map(|workload| &workload.broken);
        let mut properties: Vec<_> =
            broken.filter(|broken| broken.counts == counts).map(|broken| broken.property).collect();
        properties.sort_unstable();
        properties.dedup();
        properties
    }

    /// The first entry that nothing explains; one that is no behaviour of the model for sure, if there is one.
    pub fn first_unexplained(&self) -> Option<&Found> {
        let all = self.workloads.iter().filter_map(|workload| workload.unexplained.as_ref());
        let all = all.chain(&self.stray);
        all.min_by_key(|found| (found.unsure, found.entry))
    }

    /// What is odd, about the log as a whole and about each workload.
    pub fn all_warnings(&self) -> Vec<String> {
        let of = |workload: &Workload| {
            let name = workload.name.clone();
            workload.warnings.clone().into_iter().map(move |warning| format!("{name}: {warning}"))
        };
        self.warnings.iter().cloned().chain(self.workloads.iter().flat_map(of)).collect()
    }

    /// The exit status of the command.
    pub fn exit(&self) -> u8 {
        match self.verdict {
            Verdict::Unexplained => crate::exit::BROKEN,
            _ if !self.broken(true).is_empty() => crate::exit::BROKEN,
            Verdict::Incomplete => crate::exit::INCOMPLETE,
            // Whoever names a promise asks for a verdict on it.
            _ if self.workloads.iter().any(|workload| !workload.asked_in_vain.is_empty()) => {
                crate::exit::INCOMPLETE
            }
            Verdict::Lawful => crate::exit::HOLDS,
        }
    }
}

impl Workload {
    /// What came of a workload in a log that begins at `began`, and its path, which is written into a file.
    pub fn of(
        followed: Followed,
        evidence: &Evidence,
        began: Micros,
        arguments: &ConformArguments,
    ) -> (Self, Course) {
        let Followed { ref name, ref replay, ref whole, ref unexplained, .. } = followed;
        let way = Way::new(replay, whole, began);
        let course = Course::of(&followed, &way, began);
        let scenario = &replay.model().rules.scenario;
        let mut workload = Self {
            name: name.clone(),
            replicas: scenario.workload.replicas,
            nodes: scenario.nodes.iter().map(|node| node.name.clone()).collect(),
            verdict: Verdict::Lawful,
            about: About::of(&replay.subject),
            steps: course.taken.len(),
            shown: course.shown(),
            unseen: Vec::new(),
            connections: Connections::default(),
            trace: None,
            broken: Vec::new(),
            kept: Vec::new(),
            not_met: Vec::new(),
            not_judged: Vec::new(),
            asked_in_vain: Vec::new(),
            unexplained: unexplained.as_deref().map(|unexplained| Found::of(unexplained, replay)),
            misfit: None,
            assumptions: Vec::new(),
            warnings: Vec::new(),
        };
        if let led @ 1.. = whole.led {
            workload.assumptions.push(format!(
                "it was there before the log began: the first {led} steps of its path lead from nothing to where it stood then, \
                 nobody saw them, and no promise is judged on them"
            ));
        }
        let folder = &arguments.traces.trace_dir;
        let file = file_in(folder, name, "-log.json");
        workload.trace = workload.keep(course.along.head(), file, |out| course.write(out));
        workload.unseen = course.says(&whole.unseen());
        workload.misfit = whole.refused.and_then(|step| {
            let names = course.names_after(step);
            Some((step + 1, words::action(&names, &whole.steps.get(step)?.action)))
        });
        workload.verdict = match unexplained {
            Some(unexplained) if !unexplained.unsure => Verdict::Unexplained,
            None if whole.refused.is_none() => Verdict::Lawful,
            _ => Verdict::Incomplete,
        };
        let asked = arguments.promises.asked();
        // Of what comes after an entry that nothing explains nothing is known.
        let until = unexplained.as_ref().map_or(evidence.until, |found| evidence.until.min(found.at));
        let judged = judged::judge(replay, whole, &Evidence { until, ..evidence.clone() });
        let first = judged.iter().filter_map(|(property, judgement)| match judgement {
            Judgement::Broken(Breach { step, dark: None, .. }) => Some((*property, *step)),
            _ => None,
        });
        let mut again = again(replay, whole, &first.collect());
        for (property, judgement) in judged.into_iter().filter(|&(property, _)| asked.contains(property)) {
            match judgement {
                Judgement::Broken(breach) => {
                    let counts = arguments.promises.count(property);
                    let mut broken = workload.broken(&way, &course, property, breach, counts, folder);
                    broken.anew(&way, &again.remove(&property).unwrap_or_default());
                    workload.broken.push(broken);
                }
                Judgement::Kept => workload.kept.push(property),
                Judgement::NotMet => workload.not_met.push(property),
                Judgement::NotJudged(why) => {
                    let named = arguments.promises.properties.contains(&property);
                    workload.asked_in_vain.extend(named.then_some(property));
                    workload.not_judged.push((property, why));
                }
            }
        }
        workload.assumptions.extend(followed.assumptions);
        // It stands in a section of its own, and where it does not its name is put before it.
        let own = format!("{}: ", workload.name);
        let bare = |warning: String| warning.strip_prefix(&own).map(str::to_owned).unwrap_or(warning);
        workload.warnings.extend(followed.warnings.into_iter().map(bare));
        (workload, course)
    }

    /// Writes a trace that begins with `head`, over nothing but one of a log; nowhere, if that fails.
    fn keep(
        &mut self,
        head: &Trace,
        wanted: PathBuf,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Option<PathBuf> {
        let path = own(&wanted, head);
        if path != wanted {
            self.warnings.push(left_alone(&(wanted, path.clone()), 1));
        }
        match write_with(&path, write) {
            Ok(()) => Some(path),
            Err(error) => {
                let path = path.display();
                self.warnings.push(format!("{path}: the trace could not be written: {error}"));
                None
            }
        }
    }

    fn broken(
        &mut self,
        way: &Way<'_>,
        course: &Course,
        property: Property,
        breach: Breach,
        counts: bool,
        folder: &Path,
    ) -> Broken {
        let Breach { step, at, dark } = breach;
        let by_time = dark.is_some();
        let (says, again, more, trace) = (String::new(), Vec::new(), 0, None);
        let mut broken = Broken { property, counts, step: step + 1, by_time, at, says, again, more, trace };
        match dark {
            Some((node, pod)) => {
                let names = course.names_after(step + 1);
                let seconds = course.along.head().scenario.latencies.propagation();
                broken.says = format!(
                    "for more than {seconds} s {} has routed no connection of {} to a pod that accepts it, and for as long {} \
                     has been accepting, Ready and not deleting",
                    names.node(node),
                    names.service(),
                    names.pod(pod)
                );
            }
            None => {
                let trace = way.breaking(property, step);
                broken.says = why(&trace);
                let file = file_in(folder, &self.name, &format!("-log-{property}.json"));
                broken.trace = self.keep(&trace, file, |out| trace.write_json(out));
            }
        }
        broken
    }
}

impl Broken {
    /// Takes note of what breaks it anew, as `way` goes on.
    fn anew(&mut self, way: &Way<'_>, all: &[judged::Again]) {
        let mut room = AGAIN;
        for again in all {
            if !again.is_new_cause && room == 0 {
                self.more += 1;
                continue;
            }
            room = room.saturating_sub(1);
            let says = why(&way.breaking(self.property, again.step));
            self.again.push(Again { step: again.step + 1, at: again.at, says });
        }
    }
}

impl Found {
    fn of(unexplained: &Unexplained, replay: &Replay) -> Self {
        let names = naming::slots(replay);
        let mut allowed: Vec<String> = Vec::new();
        for action in &unexplained.could {
            let says = words::action(&names, action);
            if !allowed.contains(&says) {
                allowed.push(says);
            }
        }
        Self::saying(unexplained, allowed)
    }

    fn saying(unexplained: &Unexplained, allowed: Vec<String>) -> Self {
        Self {
            entry: unexplained.entry,
            file: unexplained.place.file.to_string(),
            line: unexplained.place.line,
            at: unexplained.at,
            seen: unexplained.seen.clone(),
            why: unexplained.why.clone(),
            unsure: unexplained.unsure,
            allowed,
        }
    }
}
