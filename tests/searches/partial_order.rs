//! A search by partial order says the same of each safety promise as a search that leaves nothing out, on every built-in
//! scenario and on random worlds, and its counterexamples replay. Prints a table of states with and without.
#![expect(clippy::print_stdout, reason = "the table of states is what one reads the tests for")]

use crate::common::random::{random_worlds, safety, untimed_safety};
use crate::mutants;
use podproof::plan::{Behind, Plan};
use podproof::progress::Line;
use podproof::search::{self, Limits};
use podproof::searched::Searched;
use podproof::verdict::{Outcome, Verdict};
use podproof_checker::Search;
use podproof_model::Model;
use podproof_model::reduced::Reduced;
use podproof_traces::replay::replay;
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::catalogue::{ENTRIES, web};
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::MUTANTS;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::Timing;
use podproof_vocabulary::{Property, Scenario};

const LIMITS: Limits = Limits { states: 300_000, ..crate::common::LIMITS };

fn plan(scenario: Scenario, judged: PropertySet) -> Plan {
    let approximations = scenario.approximations.without(Approximation::Focus);
    let scenario = Scenario { approximations, ..scenario };
    Plan { story: scenario.story, timing: scenario.timing, behind: Behind::default(), scenario, judged }
}

fn verdicts(outcome: &Outcome) -> Vec<(Property, Verdict)> {
    outcome.findings.iter().map(|finding| (finding.property, finding.verdict)).collect()
}

/// Searches with and without; the states of both, and how many promises are broken.
fn same(name: &str, plan: &Plan) -> (u64, u64, usize) {
    same_of_small(name, plan, LIMITS.states).expect("a search of these tests is complete")
}

/// The same, unless the search without is not complete: with more than `most` states, or without a slot for a pod.
fn same_of_small(name: &str, plan: &Plan, most: u64) -> Option<(u64, u64, usize)> {
    let line = Line::new(name, most);
    let full = search::run(plan, &Limits { states: most, ..LIMITS }, &line).expect("it fits");
    if !full.stopped.is_empty() {
        return None;
    }
    let part = search::run_by_partial_order(plan, &LIMITS, &line).expect("it can be honoured");
    assert_eq!(verdicts(&part), verdicts(&full), "{name}");
    assert!(part.states <= full.states, "{name}: {} of {} states", part.states, full.states);
    let mut broken = 0;
    for finding in part.findings.iter().filter(|finding| finding.verdict == Verdict::Broken) {
        let trace = finding.trace.as_ref().expect("what is broken has a trace");
        let replayed = replay(trace).expect("the model takes its steps");
        assert!(replayed.stands(), "{name}, {}: {replayed}", finding.property);
        broken += 1;
    }
    let (with, without) = (part.transitions, full.transitions);
    println!("{name:40} {:>7} {:>7} states, {without:>8} {with:>8} moves", full.states, part.states);
    Some((full.states, part.states, broken))
}

#[test]
fn every_built_in_scenario_keeps_its_verdicts() {
    let mut broken = 0;
    for entry in ENTRIES {
        let name = entry.name;
        let (full, part, _) = same(name, &plan(entry.scenario(), untimed_safety()));
        assert!(part < full, "{name}: something was left out");
        let (_, _, more) = same(&format!("{name}, rules judged"), &plan(entry.scenario(), safety()));
        broken += more;
    }
    assert!(broken > 40, "promises that are broken without clocks were found broken: {broken}");
}

#[test]
fn two_hundred_random_worlds_keep_their_verdicts() {
    let (mut worlds, mut broken, mut fewer) = (0, 0, 0);
    for (number, scenario) in random_worlds(400).into_iter().enumerate() {
        let judged = if number % 2 == 0 { untimed_safety() } else { safety() };
        let name = format!("{} {} {:?}", scenario.name, scenario.story, scenario.workload.kind);
        let Some((full, part, more)) = same_of_small(&name, &plan(scenario, judged), 5_000) else {
            continue;
        };
        worlds += 1;
        broken += more;
        fewer += usize::from(part < full);
        if worlds == 200 {
            break;
        }
    }
    assert!(
        worlds == 200 && broken > 100 && fewer > 150,
        "{worlds} worlds, {broken} broken promises, {fewer} worlds with fewer states"
    );
}

/// Pods that are deleted while they are on their way up.
#[test]
fn events_at_any_moment_keep_their_verdicts() {
    for (event, replicas) in [
        (EventName::Rollout, 1),
        (EventName::Scale, 2),
        (EventName::DeletePod, 1),
        (EventName::EvictPod, 1),
        (EventName::ContainerExit, 1),
        (EventName::DrainNode, 1),
        (EventName::NodeCrash, 1),
    ] {
        let mut scenario = web("event", Story::Create, replicas, 1);
        scenario.events.set(event, 1);
        scenario.scale = Some(podproof_vocabulary::event::ScaleTarget::By(-1));
        scenario.slots += 2;
        for judged in [untimed_safety(), safety()] {
            same(&format!("{event}, {replicas}"), &plan(scenario.clone(), judged));
        }
    }
}

/// Under a wrong rule what it breaks stays broken.
#[test]
fn wrong_rules_stay_broken() {
    let (mut compared, mut unbroken, mut too_large) = (0, Vec::new(), Vec::new());
    for facts in MUTANTS {
        for &property in facts.breaks.iter().filter(|&&property| safety().contains(property)) {
            let world = mutants::world(facts.mutant, property);
            let scenario = Scenario { mutant: Some(facts.mutant), ..world };
            let name = format!("{}, {property}", facts.name);
            match same_of_small(&name, &plan(scenario, PropertySet::of([property])), LIMITS.states) {
                None => too_large.push(name),
                Some((_, _, 0)) => unbroken.push(name),
                Some(_) => compared += 1,
            }
        }
    }
    // Addresses are used again in timed searches alone, which have no partial order.
    assert_eq!(unbroken, ["proxy-never-removes, no-misrouted-request"]);
    let large = [
        "scheduler-ignores-resources, placement-lawful",
        "budget-status-overwritten, disruption-budget-kept",
        "deployment-ignores-unavailable, rollout-within-bounds",
    ];
    assert_eq!(too_large, large, "their searches see more states than those of a test may");
    assert_eq!(compared, 20, "promises that wrong rules break");
}

#[test]
fn what_cannot_be_honoured_is_refused() {
    let refused = |scenario: Scenario, judged: PropertySet| {
        let plan = plan(scenario, judged);
        match search::run_by_partial_order(&plan, &LIMITS, &Line::new("refused", LIMITS.states)) {
            Err(why) => why,
            Ok(_) => panic!("it was searched"),
        }
    };
    let world = || web("refused", Story::Create, 1, 1);
    let progress = refused(world(), PropertySet::of([Property::RolloutCompletes]));
    assert!(progress.contains("progress"), "{progress}");
    let timed = refused(Scenario { timing: Timing::Timed, ..world() }, safety());
    assert!(timed.contains("timed"), "{timed}");
    let exact = refused(Scenario { approximations: Approximations::NONE, ..world() }, safety());
    assert!(exact.contains("coalesced-watch-events"), "{exact}");
    let no_quiet = Approximations::ALL.without(Approximation::SlowTimersWhenQuiet);
    let fast = refused(Scenario { approximations: no_quiet, ..world() }, safety());
    assert!(fast.contains("slow-timers-when-quiet"), "{fast}");
}

#[test]
fn the_states_do_not_depend_on_the_number_of_threads() {
    let say = |threads| {
        let scenario = plan(web("threads", Story::Rollout, 2, 1), untimed_safety()).scenario;
        let model = Model::new(scenario).expect("it fits").judging(untimed_safety());
        let system =
            Searched::new(Reduced::new(model), untimed_safety()).by_partial_order().expect("untimed");
        let report = Search::new(&system).threads(threads).partial_order().expect("no progress").run();
        let ways: Vec<_> = report.violations.iter().map(|v| (v.property, format!("{:?}", v.path))).collect();
        (report.states, report.transitions, report.partial, report.depth, ways)
    };
    assert_eq!(say(1), say(2));
    assert_eq!(say(1), say(4));
}

/// The command with `--partial-order`: exit status, report, messages.
fn podproof(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_podproof"));
    let folder = env!("CARGO_TARGET_TMPDIR");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["check", "--trace-dir", folder, "--partial-order"]);
    let output = command.args(arguments).output().expect("the command runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("reports are text");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_report_names_the_reduction() {
    let about = ["--scenario", "rollout", "--only", "safety", "--only", "untimed"];
    let (status, report, _) = podproof(&about);
    assert_eq!(status, Some(0), "{report}");
    assert!(report.contains("by partial order: from"), "{report}");
    assert!(report.contains("rollout-within-bounds") && !report.contains("rollout-completes"), "{report}");
    let (_, report, _) = podproof(&[&about[..], &["--format", "json"]].concat());
    let document: serde_json::Value = serde_json::from_str(&report).expect("a document");
    let partial = &document["workloads"][0]["searches"][0]["measured"]["partial-order"];
    assert!(partial.as_u64().is_some_and(|partial| partial > 0), "{document}");
}

#[test]
fn the_command_refuses_what_it_cannot_honour_and_says_what_it_can() {
    for (arguments, says) in [
        (
            &["--scenario", "rollout"][..],
            &["rollout-completes", "--only safety", "no-failed-request", "--only untimed"][..],
        ),
        (&["--scenario", "rollout", "--only", "safety"], &["no-failed-request", "--timing untimed"]),
        (&["--scenario", "rollout", "--property", "rollout-completes"], &["rollout-completes", "--property"]),
        (
            &["--scenario", "rollout", "--only", "safety", "--timing", "timed"],
            &["rollout-within-bounds", "--timing untimed"],
        ),
        (
            &["--scenario", "rollout", "--only", "safety", "--only", "untimed", "--engine", "stateright-bfs"],
            &["--engine podproof"],
        ),
        (
            &["--scenario", "rollout", "--only", "safety", "--only", "untimed", "--exact"],
            &["coalesced-watch-events"],
        ),
        (&["--scenario", "rollout", "--only", "safety", "--only", "progress"], &["--only"]),
    ] {
        let (status, report, message) = podproof(arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {report} {message}");
        for word in says {
            assert!(message.contains(word), "{arguments:?} names {word}: {message}");
        }
    }
}
