//! `podproof check --remedy`: the smallest change of a manifest at which a promise that was broken holds.
//!
//! Which changes are tried, and in which order, stands in [`candidates`]; a value that can be greater or smaller is looked for by
//! halves. Each is tried by the search that has found the promise broken, in which what held before has to hold too. A bound may end
//! such a search first: then the change that is found need not be the smallest, and the report names those that may be.

mod budget;
mod candidate;
mod candidates;
mod found;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use podproof_vocabulary::Property;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::manifest::{Options, Source};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::{Scenario, Timing};

use crate::arguments::{CheckArguments, InputArguments, WorldArguments};
use crate::edits::{Edit, Texts};
use crate::plan::Workload;
use crate::search::Limits;
use crate::trial::{Broken, Trials, Tried};
use crate::tune::smallest::smallest;
use crate::verdict::{ResultRow, Verdict};
use candidate::Candidate;
use candidates::Broke;
pub use candidates::is_of_requests;
pub use found::{Found, Remedy, Undecided};

/// The remedy of what `row` says of a workload, which is broken; `rows` are all verdicts on it.
pub fn remedy(
    arguments: &CheckArguments,
    sources: &[Source],
    workload: &Workload,
    row: &ResultRow,
    rows: &[ResultRow],
    limits: Limits,
) -> Option<Remedy> {
    let trace = row.counterexample.as_ref()?.trace.clone();
    if let Some(why) = why_not(workload, &trace.scenario) {
        return Some(Remedy::unsought(why));
    }
    let texts = Texts::new(sources, workload);
    let falls_back = podproof_traces::falls_back(&trace);
    let broke = broke(arguments, (workload, texts), &trace.scenario, falls_back);
    let candidates = broke.candidates(row.property);
    let refused: Vec<Undecided> =
        broke.unchangeable(row.property).into_iter().chain(broke.void(row.property)).collect();
    if candidates.is_empty() && refused.is_empty() {
        return Some(Remedy::unsought(format!("no setting of a manifest is known to help {}", row.property)));
    }
    let refused = refused.into_iter().chain(broke.excluded(row.property)).collect();
    let (mut judged, mut kept) = (PropertySet::of([row.property]), BTreeMap::new());
    // What speaks of nothing that happens may come to happen with a change.
    let was_kept = |other: &&ResultRow| matches!(other.verdict, Verdict::Holds | Verdict::NotApplicable);
    for other in rows.iter().filter(|other| other.counts).filter(was_kept) {
        let set = match search_of(other) == search_of(row) {
            true => &mut judged,
            false => kept.entry(search_of(other)).or_insert(PropertySet::NONE),
        };
        *set = set.union(PropertySet::of([other.property]));
    }
    let broken = Broken { property: row.property, story: row.story, timing: row.timing, trace };
    let world = (&arguments.input, &arguments.world);
    let trials = Trials::new(world, sources, workload, judged, limits).of_search(broken);
    let spares_containers = scenario_of(workload).workload.template.stops_in_time();
    let elsewhere = Elsewhere { world, sources, workload, kept, limits, spares_containers };
    let mut looking = Looking {
        trials,
        property: row.property,
        spares_containers,
        in_vain: Vec::new(),
        refused,
        undecided: Vec::new(),
    };
    let mut others: BTreeSet<_> =
        rows.iter().map(search_of).filter(|other| *other != search_of(row)).collect();
    let found = candidates.iter().enumerate().find_map(|(number, candidate)| {
        let settled = looking.settle(candidate, candidates.len() - number)?;
        if let Some(why) = looking.trials.doubt(&settled.edits) {
            looking.note(settled.says, Came::Undecided(why));
            return None;
        }
        match elsewhere.take(&settled.edits, looking.trials.left()) {
            Came::Holds(_) => others.retain(|other| {
                rows.iter().any(|row| search_of(row) == *other && row.verdict == Verdict::Incomplete)
            }),
            Came::Undecided(_) => {}
            came => {
                looking.note(settled.says, came);
                return None;
            }
        }
        Some(settled)
    });
    let found = found.and_then(|Settled { says, edits, states, smaller }| {
        let patch = texts.patch(&edits).ok()?;
        let place = edits.last().and_then(|edit| texts.nearest(edit));
        Some(Found { says, patch, place, states, smaller })
    });
    let Looking { in_vain, refused, undecided, .. } = looking;
    let unasked = unasked(arguments, row);
    let others = others.into_iter().map(|(story, timing)| format!("story {story} {}", timing.name()));
    let untried = undecided_before(row, rows).into_iter().chain(others).collect();
    Some(Remedy { found, in_vain, refused, undecided, untried, unasked, unsought: None })
}

/// Would a remedy be looked for of what `row` says, which is broken?
pub fn is_sought(
    arguments: &CheckArguments,
    sources: &[Source],
    workload: &Workload,
    row: &ResultRow,
) -> bool {
    let Some(counterexample) = &row.counterexample else { return false };
    let scenario = &counterexample.trace.scenario;
    let texts = Texts::new(sources, workload);
    let broke = broke(arguments, (workload, texts), scenario, false);
    why_not(workload, scenario).is_none() && !broke.candidates(row.property).is_empty()
}

/// Why no change of the manifest is looked for, whatever the promise.
fn why_not(workload: &Workload, scenario: &Scenario) -> Option<String> {
    if workload.place.is_none() {
        return Some("it comes from no manifest".to_owned());
    }
    let mutant = scenario.mutant?;
    Some(format!("the wrong rule {mutant} is switched on, and no manifest is to blame for it"))
}

/// What a promise is broken in, with no pod left that is ready in the rules or otherwise.
fn broke<'a>(
    arguments: &CheckArguments,
    (workload, texts): (&'a Workload, Texts<'a>),
    scenario: &'a Scenario,
    falls_back: bool,
) -> Broke<'a> {
    let replicas_max = arguments.input.replicas.unwrap_or(Options::default().replicas);
    let serves_so = |own: &Scenario| {
        own.service == scenario.service && own.workload.template.serving == scenario.workload.template.serving
    };
    let class = workload.scenarios.iter().position(serves_so);
    let target_port = class.and_then(|class| workload.target_ports.get(class).copied().flatten());
    let nodes_are_given = workload.nodes_are_given;
    let mut serving = BTreeSet::from([scenario.workload.template.serving]);
    let siblings =
        workload.scenarios.iter().filter(|other| serving.insert(other.workload.template.serving)).collect();
    let (scaled_by, attached) = (workload.scaled_by.as_deref(), workload.attached.as_deref());
    Broke {
        texts,
        scenario,
        siblings,
        replicas_max,
        falls_back,
        target_port,
        nodes_are_given,
        scaled_by,
        attached,
    }
}

/// What holds in the other searches of a check, which a change must not break.
struct Elsewhere<'a> {
    world: (&'a InputArguments, &'a WorldArguments),
    sources: &'a [Source],
    workload: &'a Workload,
    kept: BTreeMap<(Story, Timing), PropertySet>,
    limits: Limits,
    /// As the manifest is, each container has the time to stop by itself.
    spares_containers: bool,
}

impl Elsewhere<'_> {
    /// What comes of these changes there, within this time; the first that is not that all holds.
    fn take(&self, edits: &[Edit], time: Option<Duration>) -> Came {
        let until = time.and_then(|time| Instant::now().checked_add(time));
        for (search, kept) in &self.kept {
            let time = until.map(|until| until.saturating_duration_since(Instant::now()));
            let limits = Limits { time, ..self.limits };
            let trials = Trials::new(self.world, self.sources, self.workload, *kept, limits);
            let mut trials = trials.only(*search);
            match Came::of(trials.run(edits), None, self.spares_containers) {
                Came::Holds(_) => {}
                // A story that never ended before is as it was.
                Came::Endless(story) if is_endless(&trials.run(&[]), story) => {}
                came => return came,
            }
        }
        Came::Holds(0)
    }
}

/// Does this story come to its end on no way?
fn is_endless(tried: &Tried, story: Story) -> bool {
    matches!(tried, Tried::Holds { unended, .. } if unended.contains(&story))
}

/// A world of a workload; its template is that of all of them.
fn scenario_of(workload: &Workload) -> &Scenario {
    &workload.scenarios[0]
}

/// The promises that the search of `row` had not decided, so that a change was not tried on them.
fn undecided_before(row: &ResultRow, rows: &[ResultRow]) -> Vec<String> {
    let is_undecided =
        |other: &&ResultRow| search_of(other) == search_of(row) && other.verdict == Verdict::Incomplete;
    rows.iter().filter(is_undecided).map(|other| other.property.name().to_owned()).collect()
}

fn search_of(row: &ResultRow) -> (Story, Timing) {
    (row.story, row.timing)
}

/// The promises that nobody has asked for, but for expectations. A change that helps `row` may break them.
fn unasked(arguments: &CheckArguments, row: &ResultRow) -> PropertySet {
    let asked = arguments.promises.asked();
    let others = Property::all().filter(|property| !asked.contains(*property));
    PropertySet::of(others.filter(|property| !property.facts().expectation && *property != row.property))
}

/// The trials of one promise, with what has come of them.
struct Looking<'a> {
    trials: Trials<'a>,
    property: Property,
    /// As the manifest is, each container has the time to stop by itself.
    spares_containers: bool,
    in_vain: Vec<String>,
    refused: Vec<Undecided>,
    undecided: Vec<Undecided>,
}

/// A change at which everything holds, with the states that were seen.
struct Settled {
    says: String,
    edits: Vec<Edit>,
    states: u64,
    smaller: Vec<String>,
}

/// What came of one trial.
enum Came {
    Holds(u64),
    InVain,
    /// Another promise is broken then, in this story.
    Breaks(Property, Story, Timing),
    /// Nothing is broken, and the promise speaks of nothing any more.
    Idle,
    /// Nothing is broken, and a container gets SIGKILL that got none before.
    Kills,
    /// Nothing is broken, as the story never comes to its end any more.
    Endless(Story),
    /// It cannot be made in the text, or the API server takes no such manifest: why.
    Refused(String),
    Undecided(String),
}

impl Came {
    /// What a trial says of the promise that a change is for; with none, of others. `spares` is whether no container may get SIGKILL.
    fn of(tried: Tried, property: Option<Property>, spares: bool) -> Self {
        match tried {
            Tried::Holds { kills: true, .. } if spares => Self::Kills,
            Tried::Holds { unended, .. } if !unended.is_empty() => Self::Endless(unended[0]),
            Tried::Holds { states, reached, .. } => match property {
                Some(property) if !reached.contains(property) => Self::Idle,
                _ => Self::Holds(states),
            },
            Tried::Broken(broken) if Some(broken.property) == property => Self::InVain,
            Tried::Broken(broken) => Self::Breaks(broken.property, broken.story, broken.timing),
            Tried::Refused(why) => Self::Refused(why),
            Tried::Undecided(why) => Self::Undecided(why),
        }
    }
}

impl Looking<'_> {
    /// The change of a candidate at which everything holds: each field gets its smallest value, those that come later at their
    /// greatest. Where it cannot be told of the greatest of all, whose check is often the longest, smaller ones are tried,
    /// with a share of the time of their own beside so many candidates that come later.
    fn settle(&mut self, candidate: &Candidate, later: usize) -> Option<Settled> {
        self.trials.share_with(later);
        let mut values = candidate.greatest();
        let mut came = self.take(&candidate.edits(&values));
        if matches!(came, Came::Undecided(_)) {
            self.trials.share_with(later);
        }
        let mut smaller = Vec::new();
        for (place, parameter) in candidate.parameters.iter().enumerate() {
            if !matches!(came, Came::Holds(_) | Came::Undecided(_)) {
                break;
            }
            let mut tried: BTreeMap<u32, Came> = BTreeMap::from([(parameter.to, came)]);
            let holds = |value: u32| {
                values[place] = value;
                match tried.entry(value).or_insert_with(|| self.take(&candidate.edits(&values))) {
                    Came::Undecided(_) => Err(()),
                    came => Ok(matches!(came, Came::Holds(_))),
                }
            };
            // What cannot be decided ends it: the smallest that was found to hold until then is one that does.
            let _ = smallest(parameter.from, parameter.to, None, holds);
            let held = tried.iter().find_map(|(value, came)| match came {
                Came::Holds(seen) => Some((*value, *seen)),
                _ => None,
            });
            let value = held.map_or(parameter.to, |(value, _)| value);
            values[place] = value;
            let Some((_, seen)) = held else {
                came = tried.remove(&value).unwrap_or(Came::InVain);
                break;
            };
            let below = tried.range(..value).count();
            let untried = ((value - parameter.from) as usize).saturating_sub(below);
            if untried > 0 {
                let (says, value) = (&parameter.says, parameter.value(value));
                smaller.push(format!(
                    "not known to be the smallest {says}: {untried} values below {value} were not tried"
                ));
            }
            // A greater one tells nothing of what is the smallest.
            for (other, came) in tried.into_iter().filter(|(other, _)| *other < value) {
                if let Came::Undecided(why) = came {
                    values[place] = other;
                    self.undecided.push(Undecided { says: candidate.says(&values), why });
                }
            }
            values[place] = value;
            came = Came::Holds(seen);
        }
        let states = self.note(candidate.says(&values), came)?;
        Some(Settled { says: candidate.says(&values), edits: candidate.edits(&values), states, smaller })
    }

    fn take(&mut self, edits: &[Edit]) -> Came {
        Came::of(self.trials.run(edits), Some(self.property), self.spares_containers)
    }

    /// The states of a trial in which everything holds; of any other it is noted what it is.
    fn note(&mut self, says: String, came: Came) -> Option<u64> {
        match came {
            Came::Holds(states) => return Some(states),
            Came::InVain => self.in_vain.push(says),
            Came::Breaks(property, story, timing) => {
                self.in_vain.push(format!("{says} (breaks {property} in story {story}, {})", timing.name()));
            }
            Came::Kills => self.in_vain.push(format!("{says} (a container gets SIGKILL with it)")),
            Came::Idle => self.in_vain.push(format!("{says} (nothing happens any more that it speaks of)")),
            Came::Endless(story) => {
                self.in_vain.push(format!(
                    "{says} (nothing is broken, as the story, {story}, never comes to its end with it)"
                ));
            }
            Came::Refused(why) => self.refused.push(Undecided { says, why }),
            Came::Undecided(why) => self.undecided.push(Undecided { says, why }),
        }
        None
    }
}
