//! A log against the model: its workloads and nodes are found in a first pass, and followed in a second. Where nothing shows the release of the
//! cluster, second passes by several releases find out which of them explain it; where an entry is unexplained soon after an eviction, more of them
//! find out when its pod went.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Instant;

use podproof_vocabulary::Release;

use crate::follow::{Course, Ended, Pursuit, creation, write_of};
use crate::judged;
use crate::matching::evictions::{Places, is_eviction};
use crate::matching::eyes::Writers;
use crate::places::{self, Pass, Trial};
use crate::reading::{Log, Problem, Source};
use crate::record::{AppWhat, Entry, Micros, Seen};
use crate::report::{Followed, Options, Progress, Report, Wrong};
use crate::spool::Depot;
use crate::tally::{BESIDE, CONNECTIONS};
use crate::unsigned::Teller;
use crate::world::{Surveyor, releases_to_try};

/// So many entries are kept from the first pass to the second, some 9 MiB; a log that has more is read again.
const KEPT: usize = 4_096;

/// Judges a log, and keeps all that came of its workloads.
///
/// # Errors
/// What is wrong with its files.
pub fn run(log: &Log, options: &Options, progress: impl FnMut(Progress)) -> Result<Report, Wrong> {
    run_keeping(log, options, progress, |followed, _| followed)
}

/// Judges a log. What came of a workload is handed over as soon as it is gone, with the moments at which the log begins and ends, and
/// what is made of it is all that is kept.
///
/// # Errors
/// What is wrong with its files.
pub fn run_keeping<T>(
    log: &Log,
    options: &Options,
    mut progress: impl FnMut(Progress),
    keep: impl FnMut(Followed, (Micros, Micros)) -> T,
) -> Result<Report<T>, Wrong> {
    let begun = Instant::now();
    let first = First::pass(log)?;
    let release = match options.world.release.is_none() && !first.surveyor.shows_release() {
        true => first.guess_release(log, options, &mut progress)?,
        false => None,
    };
    let places = match first.has_evictions {
        true => first.place_evictions(log, options, release, &mut progress)?,
        false => Rc::default(),
    };
    let Second { mut ended, depot, is_interrupted } =
        first.follow(log, options, (release, &places), &mut progress, keep)?;
    let requests = judged::connections(log, &ended.traffic, &ended.world.pod_names).map_err(Wrong::Log)?;
    depot.check().map_err(Wrong::Disk)?;
    if is_interrupted {
        ended.world.warnings.push(
            "a watch was interrupted: what came and went meanwhile is in no file, and what was different after it is taken as written \
             then"
                .into(),
        );
    }
    ended.tally.explain(CONNECTIONS, requests.explained);
    ended.tally.leave_aside(BESIDE, log.beside().map_err(Wrong::Log)?);
    Ok(Report {
        followed: ended.followed,
        world: ended.world,
        tally: ended.tally,
        connections: requests.of,
        span: first.span,
        began_under_way: ended.began_under_way,
        took: begun.elapsed(),
        sum: ended.sum,
    })
}

/// What the first pass has found.
struct First {
    surveyor: Surveyor,
    /// When the log begins and ends.
    span: (Micros, Micros),
    /// The processes that write what they do.
    writers: Rc<Writers>,
    /// Somebody has evicted pods.
    has_evictions: bool,
    /// All entries, unless there are too many.
    kept: Option<Vec<Entry>>,
}

/// What has come of the second pass.
struct Second<T> {
    ended: Ended<T>,
    /// Where paths are kept.
    depot: Rc<Depot>,
    /// A watch was interrupted.
    is_interrupted: bool,
}

impl First {
    /// Reads the log for the first time.
    fn pass(log: &Log) -> Result<Self, Wrong> {
        if !log.has(Source::Audit) && !log.has(Source::Watch) {
            return Err(Wrong::NoWrites);
        }
        let mut surveyor = Surveyor::default();
        let (mut writers, mut underway) = (Writers::new(), Writers::new());
        let mut created = BTreeSet::new();
        let mut span: Option<(Micros, Micros)> = None;
        let mut has_evictions = false;
        let mut kept = Some(Vec::new());
        for entry in log.entries() {
            let entry = entry.map_err(Wrong::Log)?;
            let (began, ended) = span.unwrap_or((entry.from, entry.to));
            span = Some((began.min(entry.from), ended.max(entry.to)));
            // Who writes down its probes need not write down what it gets and does.
            if let Seen::App(event) = &entry.seen
                && !matches!(event.what, AppWhat::Probed { .. })
            {
                let process = (Rc::clone(&event.pod), Rc::clone(&event.container));
                if writers.insert(process.clone()) && event.what != AppWhat::Started {
                    underway.insert(process);
                }
            }
            created.extend(write_of(&entry).and_then(creation));
            surveyor.see(&entry);
            has_evictions |= is_eviction(&entry);
            match &mut kept {
                Some(entries) if entries.len() < KEPT => entries.push(entry),
                _ => kept = None,
            }
        }
        // Of one that came with the log, and whose first line is another, nobody knows what it did before.
        writers.retain(|process| !(underway.contains(process) && created.contains(&process.0)));
        match surveyor.several_clusters() {
            Some(says) => Err(Wrong::SeveralClusters(says)),
            None => Ok(Self {
                surveyor,
                span: span.unwrap_or_default(),
                writers: Rc::new(writers),
                has_evictions,
                kept,
            }),
        }
    }

    /// The newest release that explains a log which does not show its own; none, if none does.
    fn guess_release(
        &self,
        log: &Log,
        options: &Options,
        progress: &mut impl FnMut(Progress),
    ) -> Result<Option<Release>, Wrong> {
        for release in releases_to_try() {
            let second = self.follow(log, options, (Some(release), &Rc::default()), progress, |_, _| ())?;
            if second.ended.sum.first_unexplained.is_none() {
                return Ok(Some(release));
            }
        }
        Ok(None)
    }

    /// Where evictions end, as far as what comes after them tells.
    fn place_evictions(
        &self,
        log: &Log,
        options: &Options,
        release: Option<Release>,
        progress: &mut impl FnMut(Progress),
    ) -> Result<Rc<Places>, Wrong> {
        places::find(|places| {
            let keep = |followed: Followed, _| Trial::of(&followed);
            let second = self.follow(log, options, (release, places), progress, keep)?;
            let Ended { followed: trials, sum, tally, .. } = second.ended;
            Ok(Pass { trials, states: sum.states, entries: tally.entries })
        })
    }

    /// Follows the workloads, by this release if it had to be guessed, with evictions in these places.
    fn follow<T>(
        &self,
        log: &Log,
        options: &Options,
        (guessed, places): (Option<Release>, &Rc<Places>),
        progress: &mut impl FnMut(Progress),
        keep: impl FnMut(Followed, (Micros, Micros)) -> T,
    ) -> Result<Second<T>, Wrong> {
        let composer = self.surveyor.composer(&options.world, guessed).map_err(Wrong::Manifests)?;
        let mut teller = (!log.has(Source::Audit)).then(|| Teller::new(composer.began()));
        let depot: Rc<Depot> = Rc::default();
        let course = Course { writers: Rc::clone(&self.writers), span: self.span, places: Rc::clone(places) };
        let mut pursuit = Pursuit::new(log, options, composer, course, &depot, keep);
        let entries: Box<dyn Iterator<Item = Result<Entry, Problem>>> = match &self.kept {
            Some(entries) => Box::new(entries.iter().cloned().map(Ok)),
            None => Box::new(log.entries()),
        };
        for (number, entry) in (1..).zip(entries) {
            let mut entry = entry.map_err(Wrong::Log)?;
            if let Some(teller) = &mut teller {
                entry = teller.tell(entry);
            }
            pursuit.take(number, &entry, teller.as_ref().and_then(Teller::missed));
            depot.check().map_err(Wrong::Disk)?;
            if number % 64 == 0 {
                progress(Progress { entries: number, states: pursuit.states() });
            }
        }
        let is_interrupted = teller.as_ref().is_some_and(|teller| teller.missed().is_some());
        Ok(Second { ended: pursuit.end(), depot, is_interrupted })
    }
}
