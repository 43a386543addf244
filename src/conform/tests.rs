//! The account and the timeline of workloads that no log is needed for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use podproof_conform::report::Verdict;
use podproof_conform::spool::Spool;
use podproof_model::Model;
use podproof_traces::{Along, Called};
use podproof_vocabulary::action::{Action, Watcher};
use podproof_vocabulary::event::Story;
use podproof_vocabulary::{NodeId, Property, catalogue};

use super::account::{Account, Broken, Found, Workload};
use super::course::{Course, Taken};
use super::seen::About;
use super::timeline::{Extent, Timeline};
use super::{human, json};

const SECOND: i64 = 1_000_000;

/// A path of so many steps.
fn course(steps: usize, taken: Vec<Taken>) -> Course {
    let model = Model::new(catalogue::web("x", Story::Create, 3, 2)).expect("a small world");
    let first = model.initial().swap_remove(0);
    let (mut state, mut enabled) = (first.clone(), Vec::new());
    let mut actions: Vec<Action> = Vec::new();
    while actions.len() < steps {
        model.enabled(&state, &mut enabled);
        actions.push(enabled[0]);
        state = model.apply(&state, &enabled[0]);
    }
    let mut all = Spool::new(&Rc::default());
    for (taken, action) in taken.into_iter().zip(actions.iter().chain(std::iter::repeat(&Action::Tick))) {
        all.push(&Taken { action: *action, ..taken });
    }
    Course::new(Along::new(&model, &first, Called::default(), String::new()), all, 0, 0)
}

/// A workload with nothing to be said of it.
fn workload() -> Workload {
    Workload {
        name: "Deployment/web".into(),
        replicas: 1,
        nodes: vec!["node-1".into()],
        verdict: Verdict::Lawful,
        about: About::default(),
        steps: 1,
        shown: 1,
        unseen: Vec::new(),
        connections: podproof_conform::judged::Connections::default(),
        trace: None,
        broken: Vec::new(),
        kept: Vec::new(),
        not_met: Vec::new(),
        not_judged: Vec::new(),
        asked_in_vain: Vec::new(),
        unexplained: None,
        misfit: None,
        assumptions: Vec::new(),
        warnings: Vec::new(),
    }
}

fn account(verdict: Verdict, workload: Workload) -> Account {
    Account {
        verdict,
        entries: 1,
        explained: 1,
        outside: BTreeMap::new(),
        states: 1,
        seconds: 0.1,
        began: 0,
        workloads: vec![workload],
        left_out: Vec::new(),
        stray: None,
        warnings: Vec::new(),
    }
}

fn broken(property: Property, counts: bool, step: usize) -> Broken {
    Broken {
        property,
        counts,
        step,
        by_time: false,
        at: SECOND,
        says: "so".into(),
        again: Vec::new(),
        more: 0,
        trace: None,
    }
}

fn seen(entry: u64, seconds: i64, process: Watcher) -> Taken {
    Taken { action: Action::Tick, shown_by: Some(entry), at: seconds * SECOND, process: Some(process) }
}

fn unseen(process: Watcher) -> Taken {
    Taken { action: Action::Tick, shown_by: None, at: 0, process: Some(process) }
}

const KUBELET: Watcher = Watcher::Kubelet(NodeId(0));

#[test]
fn the_exit_status_is_that_of_the_worst() {
    let exit = |verdict, broken: Option<Broken>| {
        let workload = Workload { broken: broken.into_iter().collect(), ..workload() };
        account(verdict, workload).exit()
    };
    let counted = || Some(broken(Property::NoFailedRequest, true, 1));
    let expected = || Some(broken(Property::PodsWithinSurge, false, 1));
    assert_eq!(exit(Verdict::Lawful, None), 0);
    assert_eq!(exit(Verdict::Lawful, expected()), 0);
    assert_eq!(exit(Verdict::Lawful, counted()), 1);
    assert_eq!(exit(Verdict::Unexplained, None), 1);
    assert_eq!(exit(Verdict::Incomplete, None), 3);
    assert_eq!(exit(Verdict::Incomplete, counted()), 1);
}

#[test]
fn parts_that_do_not_fit_are_told() {
    let workload = Workload { misfit: Some((7, "scheduler binds pod web".into())), ..workload() };
    let account = account(Verdict::Incomplete, workload);
    let timelines = [Timeline::of(&account.workloads[0], &course(1, Vec::new()), Extent::Parts)];
    let told = human::render(&account, &timelines, 200);
    let expected =
        "the parts did not fit together at step 7: scheduler binds pod web. That is a defect of podproof";
    assert!(told.contains(expected), "{told}");
    assert!(json::render(&account).contains("\"step\": 7"));
    assert_eq!(account.exit(), 3);
}

#[test]
fn what_led_to_an_entry_stands_with_it_in_the_order_of_time() {
    // Written first, and a second later by the clock than what a kubelet was seen to do.
    let taken = vec![
        unseen(KUBELET),
        unseen(Watcher::Scheduler),
        seen(2, 3, Watcher::Scheduler),
        seen(1, 2, KUBELET),
        unseen(KUBELET),
    ];
    let timeline = Timeline::of(&workload(), &course(5, taken), Extent::Whole);
    let rows: Vec<_> = timeline.parts.iter().flat_map(|part| &part.rows).collect();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.entry, row.at / SECOND, row.hidden.iter().map(|h| h.times).sum()))
        .collect();
    assert_eq!(told, [(Some(1), 2, 1), (Some(2), 3, 1), (None, 3, 1)]);
    assert_eq!(rows[0].until, rows[1].at);
}

#[test]
fn only_what_is_around_something_worth_telling_is_shown() {
    let mut workload = workload();
    let course = course(30, (0..30).map(|number| seen(number + 1, number as i64, KUBELET)).collect());
    let calm = Timeline::of(&workload, &course, Extent::Guilt);
    assert!(calm.parts.is_empty() && calm.skipped == 30, "nothing is broken");
    let shown = |workload: &Workload| {
        let timeline = Timeline::of(workload, &course, Extent::Parts);
        let parts = timeline.parts.iter().map(|part| (part.skipped, part.rows.len()));
        (parts.collect::<Vec<_>>(), timeline.skipped)
    };
    workload.broken = vec![broken(Property::NoFailedRequest, true, 13)];
    assert_eq!(shown(&workload), (vec![(2, 20)], 8));
    // By the clock, and not by a step.
    workload.broken[0] =
        Broken { by_time: true, at: 20 * SECOND, ..broken(Property::NoAvoidableBlackout, true, 1) };
    assert_eq!(shown(&workload), (vec![(10, 20)], 0));
    workload.broken.clear();
    workload.unexplained = Some(Found {
        entry: 99,
        file: "audit.jsonl".into(),
        line: 99,
        at: 100 * SECOND,
        seen: String::new(),
        why: String::new(),
        unsure: false,
        allowed: vec!["a".into(); 20],
    });
    assert_eq!(shown(&workload), (vec![(20, 10)], 0));
    let account = account(Verdict::Unexplained, workload);
    let told = human::render(&account, &[Timeline::of(&account.workloads[0], &course, Extent::Parts)], 120);
    assert!(told.contains("audit.jsonl:99, at 100.000 s"), "{told}");
    assert!(told.contains("        and 8 more\n"), "{told}");
    assert!(told.contains("nothing explains this"), "{told}");
}

/// What the verdict comes from is told first.
#[test]
fn an_entry_that_is_sure_comes_before_one_that_is_not() {
    let of = |entry, unsure| Workload {
        unexplained: Some(Found {
            entry,
            file: "audit.jsonl".into(),
            line: entry,
            at: SECOND,
            seen: String::new(),
            why: String::new(),
            unsure,
            allowed: Vec::new(),
        }),
        ..workload()
    };
    let mut account = account(Verdict::Unexplained, of(10, true));
    assert_eq!(account.first_unexplained().map(|found| found.entry), Some(10));
    account.workloads.push(of(20, false));
    let told: serde_json::Value = serde_json::from_str(&json::render(&account)).expect("JSON");
    assert_eq!(told["first_unexplained"]["entry"], 20);
    assert_eq!(told["first_unexplained"]["unsure"], false);
    assert_eq!(told["workloads"][0]["unexplained"]["unsure"], true);
}

#[test]
fn what_is_alike_everywhere_is_told_once() {
    let why = "it is about what comes in the end".to_owned();
    let one = |name: &str, own: &str| Workload {
        name: name.into(),
        not_judged: vec![(Property::RolloutCompletes, why.clone()), (Property::NoFailedRequest, own.into())],
        assumptions: vec!["shared".into()],
        trace: Some(PathBuf::from("web.json")),
        ..workload()
    };
    let mut account = account(Verdict::Lawful, one("Pod/a", "no rules"));
    account.workloads.push(one("Pod/b", "no runtime"));
    account.left_out = vec![("StatefulSet/db".into(), "its controller is not modelled".into())];
    let timelines: Vec<_> = account
        .workloads
        .iter()
        .map(|one| Timeline::of(one, &course(1, Vec::new()), Extent::Parts))
        .collect();
    let told = human::render(&account, &timelines, 120);
    for (part, times) in [
        ("rollout-completes: it is about what comes in the end", 1),
        ("  not judged no-failed-request: no rules\n", 1),
        ("  not judged no-failed-request: no runtime\n", 1),
        ("    shared\n", 1),
        ("podproof trace show web.json\n", 2),
        ("StatefulSet/db: its controller is not modelled\n", 1),
    ] {
        let told = anstream::adapter::strip_str(&told).to_string();
        assert_eq!(told.matches(part).count(), times, "{part} in\n{told}");
    }
}
