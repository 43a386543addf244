//! `podproof simulate`: random walks at the workload's full size.
//!
//! - [`walk`]: one walk
//! - [`found`]: what walks have found
//! - `report`: how it is said

pub mod found;
mod report;
pub mod walk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use podproof_model::Model;
use podproof_traces::{Trace, Turning};
use podproof_vocabulary::Property;
use podproof_vocabulary::action::CLASSES;
use podproof_vocabulary::approximation::Approximation;

use crate::arguments::{Format, SimulateArguments};
use crate::check::{heading, located};
use crate::counterexamples::{self, path_of};
use crate::input::{self, Size};
use crate::plan::{self, Plan, Planned};
use crate::progress::Line;
use crate::verdict::Counterexample;
use crate::{coverage, interrupt};

use found::{Said, SimulateReport, Simulated, Walks};
use walk::{Bounds, End, Violation, Walk};

/// Runs the command; its exit status.
pub fn run(arguments: &SimulateArguments) -> u8 {
    interrupt::listen();
    // Small enough to be typed again.
    let seed = arguments.walks.seed.unwrap_or_else(|| fastrand::u32(..).into());
    report::print(&simulate(arguments, seed), arguments.format)
}

/// The report as text.
pub fn render(report: &SimulateReport, format: Format) -> String {
    report::render(report, format)
}

/// Takes the walks of `seed`.
pub fn simulate(arguments: &SimulateArguments, seed: u64) -> SimulateReport {
    let mut report = SimulateReport { seed, workloads: Vec::new(), warnings: Vec::new(), errors: Vec::new() };
    let input = match input::read_in_size(&arguments.input, Size::Full) {
        Ok(input) => input,
        Err(errors) => return SimulateReport { errors, ..report },
    };
    report.warnings = input.warnings;
    let asked = arguments.promises.judged();
    let planned = match asked.and_then(|asked| plan::all(input.workloads, &arguments.world, asked)) {
        Ok(planned) => planned,
        Err(errors) => return SimulateReport { errors, ..report },
    };
    let planned: Vec<Planned> = planned.into_iter().map(with_all_clocks).collect();
    let mut left: usize = planned.iter().map(|planned| planned.plans.len()).sum();
    let deadline = arguments.walks.machine.deadline();
    for Planned { workload, plans, untold } in planned {
        let about = heading(&workload, &plans, untold, &arguments.world);
        let mut section = Simulated { about, walks: Vec::new(), said: Vec::new() };
        for plan in plans {
            let time = deadline
                .map(|deadline| deadline.saturating_duration_since(Instant::now()) / left.max(1) as u32);
            left -= 1;
            match walk_through(arguments, seed, &plan, time, &mut section) {
                Ok(walks) => section.walks.push(walks),
                Err(error) => cut(located(&workload, &error), &mut section, &mut report.errors),
            }
        }
        section.said.sort_by_key(|said| (said.story, said.property, said.timing));
        section.walks.sort_by_key(|walks| (walks.story, walks.timing));
        let shown = section.said.iter_mut().filter_map(|said| said.shown.as_mut());
        let shown = shown.map(|(_, counterexample)| counterexample);
        let warnings = counterexamples::write(shown, section.about.manifest.as_ref());
        section.about.warnings.extend(warnings);
        report.workloads.push(section);
    }
    report
}

/// Notes that a world could not be walked through, and why: several of one workload mostly for the same reason.
fn cut(error: String, section: &mut Simulated, errors: &mut Vec<String>) {
    section.about.is_cut = true;
    if !errors.contains(&error) {
        errors.push(error);
    }
}

/// The same worlds with the clocks of all pods, each once with all promises that are judged in it.
pub(crate) fn with_all_clocks(mut planned: Planned) -> Planned {
    let mut plans: Vec<Plan> = Vec::new();
    for mut plan in planned.plans {
        plan.scenario.approximations = plan.scenario.approximations.without(Approximation::Focus);
        let same = |other: &&mut Plan| other.behind == plan.behind && other.scenario == plan.scenario;
        match plans.iter_mut().find(same) {
            Some(other) => other.judged = other.judged.union(plan.judged),
            None => plans.push(plan),
        }
    }
    planned.plans = plans;
    planned
}

/// The walks through one world, and, in `section`, what they say of its promises.
fn walk_through(
    arguments: &SimulateArguments,
    seed: u64,
    plan: &Plan,
    time: Option<Duration>,
    section: &mut Simulated,
) -> Result<Walks, String> {
    let start = Instant::now();
    let model = Model::new(plan.scenario.clone())?.judging(plan.judged);
    let bounds =
        Bounds { steps: arguments.walks.steps, deadline: time.and_then(|time| start.checked_add(time)) };
    let mut numbers = match arguments.walks.only_walk {
        Some(number) => number..=number,
        None => 1..=arguments.walks.walks,
    };
    let line = Line::new(
        &format!("{}, {}, {}", section.about.name, plan.story, plan.timing.name()),
        u64::from(bounds.steps),
    );
    let mut walks = Walks {
        story: plan.story,
        timing: plan.timing,
        behind: plan.behind.clone(),
        walks: 0,
        steps: 0,
        longest: 0,
        rested: 0,
        finished: 0,
        stopped: BTreeMap::new(),
        classes: [0; CLASSES.len()],
        lacking: Vec::new(),
        approximations: approximations(&model),
        seconds: 0.0,
    };
    let mut tallies: Vec<Tally> = plan.judged.iter().map(Tally::new).collect();
    loop {
        let numbers: Vec<u32> = numbers.by_ref().take(arguments.walks.machine.threads()).collect();
        let Some(first) = numbers.first() else { break };
        line.say(&format!("walk {first}, {} steps so far", walks.steps));
        let taken = in_parallel(&numbers, |number| {
            walk::walk(&model, plan.judged, &mut walk::generator(seed, number), bounds)
        });
        for (&number, walk) in numbers.iter().zip(&taken) {
            walks.add(walk);
            for tally in &mut tallies {
                tally.add(number, walk);
            }
        }
        if taken.iter().any(|walk| matches!(walk.end, End::Time | End::Interrupted)) {
            break;
        }
    }
    for tally in tallies {
        let said = tally.said((arguments, seed), &model, plan, walks.walks, &section.about.name);
        enter(said, &mut section.said);
    }
    walks.lacking = coverage::never_taken(&plan.scenario, &walks.classes);
    walks.seconds = start.elapsed().as_secs_f64();
    Ok(walks)
}

/// The walks of these numbers, in their order, each on a thread of its own.
fn in_parallel(numbers: &[u32], walk: impl Fn(u32) -> Walk + Sync) -> Vec<Walk> {
    std::thread::scope(|scope| {
        let walk = &walk;
        let threads: Vec<_> = numbers.iter().map(|&number| scope.spawn(move || walk(number))).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panicked| std::panic::resume_unwind(panicked)));
        joined.collect()
    })
}

/// The approximations of a world, of those that concern small steps.
fn approximations(model: &Model) -> Vec<Approximation> {
    let of_steps = [Approximation::CoalescedWatchEvents, Approximation::SlowTimersWhenQuiet];
    of_steps.into_iter().filter(|&approximation| model.rules.approximates(approximation)).collect()
}

impl Walks {
    fn add(&mut self, walk: &Walk) {
        // A walk that had no time for a step is none.
        let is_begun = !walk.actions.is_empty() || !matches!(walk.end, End::Time | End::Interrupted);
        self.walks += u32::from(is_begun);
        self.steps += walk.actions.len() as u64;
        self.longest = self.longest.max(walk.actions.len());
        for (sum, count) in self.classes.iter_mut().zip(walk.classes) {
            *sum += count;
        }
        let why = match walk.end {
            End::Steps | End::Broken => {
                self.finished += 1;
                return;
            }
            End::Rest => {
                self.rested += 1;
                self.finished += 1;
                return;
            }
            End::Time => "its share of --time-limit was over",
            End::Interrupted => found::INTERRUPTED,
            End::Limit(why) => why,
        };
        *self.stopped.entry(why.to_owned()).or_default() += 1;
    }
}

/// What the walks through one world say of one promise.
struct Tally {
    property: Property,
    reached: u32,
    broken: u32,
    shortest: Option<(u32, Walk, Violation)>,
}

impl Tally {
    fn new(property: Property) -> Self {
        Self { property, reached: 0, broken: 0, shortest: None }
    }

    fn add(&mut self, number: u32, walk: &Walk) {
        self.reached += u32::from(walk.reached.contains(self.property));
        let violation = walk.violations.iter().find(|violation| violation.property == self.property);
        let Some(&violation) = violation else { return };
        self.broken += 1;
        if self.shortest.as_ref().is_none_or(|(_, _, shortest)| violation.steps < shortest.steps) {
            self.shortest = Some((number, walk.clone(), violation));
        }
    }

    fn said(
        self,
        (arguments, seed): (&SimulateArguments, u64),
        model: &Model,
        plan: &Plan,
        walks: u32,
        name: &str,
    ) -> Said {
        let shown = self.shortest.map(|(number, walk, violation)| {
            let path = of_walk(&path_of(&arguments.traces.trace_dir, name, plan, self.property));
            let mut trace = trace_of(model, &walk, violation);
            trace.title = Some(format!("walk {number} of seed {}", seed));
            (number, Counterexample { trace, path: Some(path), turning: Turning::default() })
        });
        Said {
            story: plan.story,
            property: self.property,
            timing: plan.timing,
            counts: arguments.promises.count(self.property),
            walks,
            reached: self.reached,
            broken: self.broken,
            shown,
        }
    }
}

/// Where the counterexample of a walk is kept, beside that of a check.
fn of_walk(path: &Path) -> PathBuf {
    path.with_extension("walk.json")
}

/// The walk up to where it breaks the promise.
pub(crate) fn trace_of(model: &Model, walk: &Walk, violation: Violation) -> Trace {
    let stem = &walk.actions[..violation.steps];
    let cycle = violation.obligation.map(|_| &[][..]);
    Trace::record(model, violation.property, &walk.first, stem, cycle, violation.obligation)
}

/// Enters what is said. Of several worlds of one story and timing (one for each class of Services) all walks count, and the
/// shortest counterexample is shown.
fn enter(said: Said, all: &mut Vec<Said>) {
    let is_same = |other: &&mut Said| {
        (other.story, other.property, other.timing) == (said.story, said.property, said.timing)
    };
    let Some(known) = all.iter_mut().find(is_same) else {
        all.push(said);
        return;
    };
    known.walks += said.walks;
    known.reached += said.reached;
    known.broken += said.broken;
    let steps =
        |shown: &Option<(u32, Counterexample)>| shown.as_ref().map_or(usize::MAX, |(_, it)| it.steps());
    if steps(&said.shown) < steps(&known.shown) {
        known.shown = said.shown;
    }
}
