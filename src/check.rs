//! `podproof check`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use podproof_traces::{Turning, turning};
use podproof_vocabulary::event::Story;
use podproof_vocabulary::manifest::{Source, is_harmless};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::{Beginning, Timing};
use podproof_vocabulary::{Property, left_out};

use crate::arguments::{CheckArguments, Engine, SymmetryChoice, WorldArguments};
use crate::counterexamples::{self, path_beside, path_of};
use crate::kept::Kept;
use crate::plan::{self, Behind, Doubt, Plan, Planned, Workload};
use crate::progress::Line;
use crate::remedy::Remedy;
use crate::search::{self, Limits, Ran};
use crate::verdict::{
    CheckReport, Counterexample, Finding, Outcome, ResultRow, SearchRow, Verdict, WorkloadReport,
};
use crate::{events, hunt, input, interrupt, output, reference_engine, refusals, remedy, report};

/// Runs the command; its exit status.
pub fn run(arguments: &CheckArguments) -> u8 {
    interrupt::listen();
    let refused = refusals::of_reports(arguments);
    if !refused.is_empty() {
        return report::print(&CheckReport { errors: refused, ..CheckReport::default() }, arguments.format);
    }
    let mut report = match input::read(&arguments.input) {
        Ok(input) => check(arguments, input),
        Err(errors) => CheckReport { errors, ..CheckReport::default() },
    };
    let failed = report::write(&report, &arguments.reports);
    if !failed.is_empty() {
        // The others tell the exit status that it has now.
        report.errors.extend(failed);
        let _ = report::write(&report, &arguments.reports);
    }
    report::print(&report, arguments.format)
}

fn check(arguments: &CheckArguments, input: input::Workloads) -> CheckReport {
    let mut report = CheckReport { warnings: input.warnings, ..CheckReport::default() };
    let sources = input.sources;
    let asked = arguments.promises.judged();
    let planned = match asked.and_then(|asked| plan::all(input.workloads, &arguments.world, asked)) {
        Ok(planned) => planned,
        Err(errors) => return CheckReport { errors, ..report },
    };
    let refused = refusals::of(arguments, &planned);
    if !refused.is_empty() {
        return CheckReport { errors: refused, ..report };
    }
    let mut kept = match Kept::open(arguments, &planned) {
        Ok(kept) => kept,
        Err(error) => return CheckReport { errors: vec![error], ..report },
    };
    let count: usize = planned.iter().map(|planned| planned.plans.len()).sum();
    let (mut number, mut unfinished, mut sought) = (0, false, PropertySet::NONE);
    let deadline = arguments.bounds.machine.deadline();
    let seed = arguments.hunt.seed();
    for Planned { workload, plans, untold } in planned {
        let mut section = Section::new(arguments, &workload, &plans, untold);
        for plan in plans {
            let turn = Turn { number, count };
            number += 1;
            if let Some(outcome) = kept.as_mut().and_then(|kept| kept.outcome(turn.number)) {
                section.add(plan, outcome);
                continue;
            }
            let time = deadline.map(|deadline| turn.beside_remedies(arguments.remedy).share(deadline));
            let limits = limits(arguments, time);
            match search(arguments, &workload.name, &plan, &limits, (turn, kept.as_ref(), seed)) {
                Ok(Ran { outcome, has_ended, unsaved }) => {
                    unfinished |= !has_ended;
                    let keep = |kept: &Kept| kept.keep(turn.number, &outcome);
                    let failed = kept.as_ref().filter(|_| has_ended).and_then(|kept| keep(kept).err());
                    let unsaved =
                        unsaved.map(|why| format!("checkpoints could not be written any more: {why}"));
                    report.warnings.extend(failed.into_iter().chain(unsaved));
                    section.add(plan, outcome);
                }
                Err(error) => section.cut(located(&workload, &error), &mut report.errors),
            }
        }
        let mut finished = section.finish();
        if arguments.remedy {
            let later = Turn { number, count }.beside_remedies(true).left();
            remedies(arguments, &sources, &workload, &mut finished, (deadline, later));
        } else {
            sought = sought.union(may_be_remedied(arguments, &sources, &workload, &finished));
        }
        report.workloads.push(finished);
    }
    report.advice.extend(advice(sought));
    report.advice.extend(several_patches(&report.workloads));
    if let Some(kept) = kept.filter(|_| unfinished) {
        let folder = kept.folder().display().to_string();
        let folder = output::word(&folder);
        output::tell(format_args!("what the searches know is kept: --resume {folder} goes on from there"));
    }
    report
}

/// Which of how many that share a time, the first being 0.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Its place.
    pub number: usize,
    /// How many there are.
    pub count: usize,
}

impl Turn {
    /// Its share of the time that is left.
    pub fn share(self, deadline: Instant) -> Duration {
        deadline.saturating_duration_since(Instant::now()) / self.left().max(1)
    }

    /// The same search, where one that looks for remedies takes as much time again if they are asked for.
    fn beside_remedies(self, are_asked_for: bool) -> Self {
        let each = if are_asked_for { 2 } else { 1 };
        Self { number: self.number * each, count: self.count * each }
    }

    /// How many are left, this one too.
    fn left(self) -> u32 {
        u32::try_from(self.count.saturating_sub(self.number)).unwrap_or(u32::MAX)
    }
}

/// What is wrong with a workload, with where it stands.
pub fn located(workload: &Workload, error: &str) -> String {
    match &workload.place {
        Some(place) => format!("{place}: {error}"),
        None => error.to_owned(),
    }
}

fn limits(arguments: &CheckArguments, time: Option<Duration>) -> Limits {
    let bounds = &arguments.bounds;
    Limits {
        states: bounds.max_states,
        depth: bounds.max_depth.unwrap_or(u64::MAX),
        memory: bounds.max_memory(),
        time,
        threads: bounds.machine.threads(),
        bits: bounds.fingerprint_bits,
        symmetry: arguments.symmetry.unwrap_or(SymmetryChoice::Any),
    }
}

/// The promises that count, are broken, and of which a remedy would be looked for if one were asked for.
fn may_be_remedied(
    arguments: &CheckArguments,
    sources: &[Source],
    workload: &Workload,
    report: &WorkloadReport,
) -> PropertySet {
    // Standard input, or a pipe of a shell, cannot be read by a second command.
    let is_kept = |file: &PathBuf| file.as_os_str() != "-" && (file.is_file() || file.is_dir());
    if !arguments.input.files.iter().all(is_kept) {
        return PropertySet::NONE;
    }
    let broken = report.results.iter().filter(|row| row.counts && row.verdict == Verdict::Broken);
    let sought = broken.filter(|row| remedy::is_sought(arguments, sources, workload, row));
    PropertySet::of(sought.map(|row| row.property))
}

/// Says how to have a remedy of these promises, which are broken.
fn advice(sought: PropertySet) -> Option<String> {
    let names: Vec<&str> = sought.iter().map(|property| property.name()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "--remedy looks for the smallest change of the manifest at which what is broken holds ({}): {}",
            names.join(", "),
            output::again("--remedy")
        )
    })
}

/// Says what to do with several patches, which need not fit one another.
fn several_patches(workloads: &[WorkloadReport]) -> Option<String> {
    let remedies =
        workloads.iter().flat_map(|workload| &workload.results).filter_map(|row| row.remedy.as_ref());
    let patches: BTreeSet<&str> = remedies.filter_map(Remedy::patch).collect();
    (patches.len() > 1).then(|| {
        "each patch is of the manifests as they are, and two may change the same lines: apply one, then check again".to_owned()
    })
}

/// With less time than this a remedy is not looked for: not even a small world is searched through.
const LEAST: Duration = Duration::from_millis(20);

/// Looks for what would make each promise hold that counts and is broken, and notes it in the traces too. They share the time until
/// the deadline with so many that come later.
fn remedies(
    arguments: &CheckArguments,
    sources: &[Source],
    workload: &Workload,
    report: &mut WorkloadReport,
    (deadline, later): (Option<Instant>, u32),
) {
    let rows = report.results.clone();
    let is_broken = |row: &ResultRow| row.counts && row.verdict == Verdict::Broken;
    let count = rows.iter().filter(|row| is_broken(row)).count();
    // What a search has not used of its share, or a workload of which little is broken, is there for all that follow.
    let searches = u32::try_from(report.searches.len()).unwrap_or(u32::MAX);
    let time = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let own = time.map(|time| time.mul_f64(f64::from(searches.max(1)) / f64::from(searches.max(1) + later)));
    let until = own.and_then(|own| Instant::now().checked_add(own));
    for (number, row) in report.results.iter_mut().filter(|row| is_broken(row)).enumerate() {
        let time = until.map(|until| Turn { number, count }.share(until));
        row.remedy = match time.is_some_and(|time| time < LEAST) {
            true => {
                Some(Remedy::unsought("nothing is left of --time-limit for it; a longer one has".to_owned()))
            }
            false => remedy::remedy(arguments, sources, workload, row, &rows, limits(arguments, time)),
        };
        if let Some((remedy, counterexample)) = row.remedy.as_ref().zip(row.counterexample.as_mut()) {
            counterexample.trace.remedy = Some(remedy.told(row.property));
            let manifest = report.manifest.as_ref();
            report.warnings.extend(counterexamples::write(std::iter::once(counterexample), manifest));
        }
    }
}

fn search(
    arguments: &CheckArguments,
    workload: &str,
    plan: &Plan,
    limits: &Limits,
    (turn, kept, seed): (Turn, Option<&Kept>, Option<u64>),
) -> Result<Ran, String> {
    let name = format!("{workload}, {}, {}", plan.story, plan.timing.name());
    let line = Line::new(&name, limits.states).of(turn.number + 1, turn.count).within(limits);
    let kept = kept.map(|kept| kept.search(turn.number));
    if let Some(seed) = seed {
        let outcome = hunt::run(plan, limits, seed, &line)?;
        return Ok(Ran { outcome, has_ended: true, unsaved: None });
    }
    match arguments.engine {
        Engine::Podproof if arguments.partial_order => {
            let outcome = search::run_by_partial_order(plan, limits, &line)?;
            Ok(Ran { outcome, has_ended: true, unsaved: None })
        }
        Engine::Podproof => search::run_kept(plan, limits, &line, kept.as_ref()),
        engine => {
            let outcome = reference_engine::run(plan, limits, engine)?;
            Ok(Ran { outcome, has_ended: true, unsaved: None })
        }
    }
}

/// The report of a workload of which nothing is known yet.
pub fn heading(
    workload: &Workload,
    plans: &[Plan],
    untold: Vec<String>,
    world: &WorldArguments,
) -> WorkloadReport {
    let scenario = &workload.scenarios[0];
    let timed = plans.iter().any(|plan| plan.timing == Timing::Timed);
    let inaccurate = scenario.inaccurate_detectors || world.inaccurate_detectors;
    let mut assumptions = workload.assumptions.clone();
    assumptions.push(format!("the rules are those of Kubernetes {} (--release)", scenario.release));
    if scenario.begins == Beginning::Running {
        assumptions.push(
            "the story begins with the workload running and at rest; nothing is said of its creation".into(),
        );
    }
    for says in plans.iter().flat_map(|plan| events::told(&plan.scenario)) {
        // Of all searches of a workload the same may happen.
        if !assumptions.contains(&says) {
            assumptions.push(says);
        }
    }
    assumptions.extend(plan::assumptions(&scenario.latencies, timed, inaccurate));
    let mut left_out = workload.left_out.clone();
    left_out.extend(plans.iter().flat_map(|plan| left_out::behaviours(&plan.scenario)));
    left_out.sort_by_key(|row| row.position());
    left_out.dedup();
    let mutant = plans.first().and_then(|plan| plan.scenario.mutant).map(|mutant| {
        format!(
            "the wrong rule {mutant} is switched on (--mutant): what holds or is broken with it says nothing of the manifest"
        )
    });
    let said = workload.warnings.iter().cloned().chain(untold).chain(mutant);
    let (unrepresented, warnings) = said.partition(|warning| is_harmless(warning));
    WorkloadReport {
        name: workload.name.clone(),
        place: workload.place.clone(),
        manifest: workload.manifest.clone(),
        settings: workload.settings.clone(),
        manifest_replicas: workload.manifest_replicas,
        checked_replicas: workload.checked_replicas,
        release: scenario.release,
        nodes: scenario.nodes.iter().map(|node| node.name.clone()).collect(),
        assumptions,
        warnings,
        blocked_drains: workload.blocked_drains.clone(),
        unrepresented,
        left_out,
        is_cut: false,
        searches: Vec::new(),
        results: Vec::new(),
    }
}

/// The report of one workload while its searches run.
struct Section<'a> {
    arguments: &'a CheckArguments,
    undecided: Vec<Doubt>,
    /// What each search has said.
    entered: Vec<Entered>,
    report: WorkloadReport,
}

/// What a search has said of a promise.
struct Entered {
    story: Story,
    property: Property,
    timing: Timing,
    behind: Behind,
    verdict: Verdict,
    /// How it is broken, where the row has the trace of another search.
    counterexample: Option<Counterexample>,
}

impl Entered {
    /// In a row of which another search has given the verdict: what this one said, if it is something else, or something else that is
    /// broken.
    fn beside(&self, row: &ResultRow) -> Option<String> {
        let is_of = (self.story, self.property, self.timing) == (row.story, row.property, row.timing);
        let is_news =
            self.behind != row.behind && (self.verdict != row.verdict || self.verdict == Verdict::Broken);
        let also = if self.verdict == row.verdict { "also " } else { "" };
        let path = self.counterexample.as_ref().and_then(|it| it.path.as_ref());
        let path = path.map(|path| format!(": {}", path.display())).unwrap_or_default();
        (is_of && is_news).then(|| format!("{also}{}{}{path}", self.verdict.name(), self.behind.told()))
    }
}

impl<'a> Section<'a> {
    fn new(arguments: &'a CheckArguments, workload: &Workload, plans: &[Plan], untold: Vec<String>) -> Self {
        let report = heading(workload, plans, untold, &arguments.world);
        Self { arguments, undecided: workload.undecided.clone(), entered: Vec::new(), report }
    }

    fn add(&mut self, plan: Plan, mut outcome: Outcome) {
        for finding in std::mem::take(&mut outcome.findings) {
            self.enter(&plan, finding);
        }
        let Plan { story, timing, behind, .. } = plan;
        self.report.searches.push(SearchRow { story, timing, behind, outcome });
    }

    /// Notes that a search could not be run, and why: several of one workload mostly for the same reason.
    fn cut(&mut self, error: String, errors: &mut Vec<String>) {
        self.report.is_cut = true;
        if !errors.contains(&error) {
            errors.push(error);
        }
    }

    /// Enters a finding. Of several about one promise (a search for each class of Services) the worst counts.
    fn enter(&mut self, plan: &Plan, finding: Finding) {
        let Finding { property, verdict, trace, note } = self.decided(finding);
        let is_same = |row: &&mut ResultRow| {
            row.story == plan.story && row.property == property && row.timing == plan.timing
        };
        let counts = self.arguments.promises.count(property);
        let known = self.report.results.iter_mut().find(is_same);
        let is_beside = known.as_ref().is_some_and(|row| row.verdict <= verdict);
        let path = if is_beside { path_beside } else { path_of };
        let path = || path(&self.arguments.traces.trace_dir, &self.report.name, plan, property);
        let mut counterexample =
            trace.map(|trace| Counterexample { trace, path: Some(path()), turning: Turning::default() });
        self.entered.push(Entered {
            story: plan.story,
            property,
            timing: plan.timing,
            behind: plan.behind.clone(),
            verdict,
            counterexample: counterexample.take_if(|_| is_beside),
        });
        if is_beside {
            return;
        }
        let row = ResultRow {
            story: plan.story,
            property,
            timing: plan.timing,
            counts,
            verdict,
            behind: plan.behind.clone(),
            note,
            counterexample,
            remedy: None,
        };
        match known {
            Some(known) => *known = row,
            None => self.report.results.push(row),
        }
    }

    /// The finding, unless it says that a promise holds which the manifest itself may keep from being kept, or that nothing comes
    /// about which the manifest may bring about.
    fn decided(&self, finding: Finding) -> Finding {
        match Doubt::of(&self.undecided, finding.property, finding.verdict) {
            Some(why) => Finding { verdict: Verdict::Incomplete, note: Some(why.to_owned()), ..finding },
            None => finding,
        }
    }

    fn finish(mut self) -> WorkloadReport {
        self.report.results.sort_by_key(|row| (row.story, row.property, row.timing));
        self.report.searches.sort_by_key(|row| (row.story, row.timing));
        for counterexample in self.report.results.iter_mut().filter_map(|row| row.counterexample.as_mut()) {
            // Whoever has asked to end does not wait for it.
            if !interrupt::is_asked_for() {
                counterexample.turning = turning(&counterexample.trace);
            }
        }
        let broken = self.report.results.iter_mut().filter_map(|row| row.counterexample.as_mut());
        let beside = self.entered.iter_mut().filter_map(|entered| entered.counterexample.as_mut());
        let warnings = counterexamples::write(broken.chain(beside), self.report.manifest.as_ref());
        self.report.warnings.extend(warnings);
        for row in &mut self.report.results {
            let beside = self.entered.iter().filter_map(|entered| entered.beside(row));
            let notes: Vec<String> = row.note.iter().cloned().chain(beside).collect();
            row.note = (!notes.is_empty()).then(|| notes.join("; "));
        }
        self.report
    }
}

/// The rows of a verdict, in the order of the report.
pub fn with_verdict(rows: &[ResultRow], verdict: Verdict) -> impl Iterator<Item = &ResultRow> {
    rows.iter().filter(move |row| row.verdict == verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of an hour that each search gets, if each takes all of it, and what is left for remedies.
    fn shares(count: usize, remedies: bool) -> Vec<u64> {
        let mut left = Duration::from_secs(3600);
        let mut shares = Vec::new();
        for number in 0..count {
            let parts = Turn { number, count }.beside_remedies(remedies).left();
            shares.push((left / parts).as_secs());
            left -= left / parts;
        }
        shares.push(left.as_secs());
        shares
    }

    #[test]
    fn remedies_have_a_share_of_the_time() {
        assert_eq!(shares(2, false), [1800, 1800, 0]);
        assert_eq!(shares(2, true), [900, 1350, 1350]);
        assert_eq!(shares(1, true), [1800, 1800]);
        assert_eq!(Turn { number: 3, count: 3 }.beside_remedies(true).left(), 0);
    }
}
