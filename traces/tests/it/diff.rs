//! Two traces side by side.

use podproof_traces::{Change, Style, Trace, diff, told};
use podproof_vocabulary::event::Story;
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::{ContainerId, PodId, Property};

use crate::common::{broken, short_pre_stop, web};

const PLAIN: Style = Style { colour: false, width: 100 };

#[test]
fn two_ways_to_break_a_promise_part_where_they_differ() {
    let first = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let second = broken(&web(Story::PodDeletion, None), Property::NoTrafficAfterSigterm);
    insta::assert_snapshot!(diff(&first, &second, PLAIN));
}

#[test]
fn worlds_that_differ_are_told_by_field() {
    let first = broken(&web(Story::Rollout, None), Property::NoFailedRequest);
    let second = broken(&short_pre_stop(), Property::NoFailedRequest);
    let text = diff(&first, &second, PLAIN);
    assert!(text.contains("  timing: \"untimed\" | \"timed\"\n"), "{text}");
    assert!(text.contains("  workload.template.containers[0].pre-stop: null | {\"seconds\":3}\n"), "{text}");
}

#[test]
fn a_trace_does_not_differ_from_itself() {
    let trace = broken(&web(Story::Rollout, Some(Mutant::SigkillAtOnce)), Property::GraceHonoured);
    let text = diff(&trace, &trace, PLAIN);
    assert!(text.contains(&format!("their {} steps are the same", trace.stem.len())), "{text}");
    assert!(!text.contains("worlds differ") && !text.lines().any(|line| line.starts_with("- 1")), "{text}");
}

#[test]
fn a_trace_that_goes_on_is_told_so() {
    let whole = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let mut part = whole.clone();
    part.stem.truncate(10);
    assert!(diff(&part, &whole, PLAIN).contains("the second goes on after step 10"));
    assert!(diff(&whole, &part, PLAIN).contains("the first goes on after step 10"));
}

/// Somebody has edited what a step changed, and not the step.
#[test]
fn a_change_that_is_recorded_in_one_only_is_told() {
    let first = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let mut second = first.clone();
    let ready = |change: &&mut Change| matches!(change, Change::PodReady { .. });
    let changes = second.stem.iter_mut().flat_map(|step| &mut step.changed);
    let Some(Change::PodReady { ready, .. }) = changes.into_iter().find(ready) else {
        panic!("a pod becomes Ready")
    };
    *ready = !*ready;
    let text = diff(&first, &second, PLAIN);
    assert!(text.contains("their 27 steps are the same; of 1 another effect is recorded\n"), "{text}");
    let line = |mark: char, says: &str| {
        let is = |line: &str| line.starts_with(mark) && line.ends_with(says);
        assert!(text.lines().any(is), "{text}");
    };
    line('-', " -> pod web-l4f8/0: Ready");
    line('+', " -> pod web-l4f8/0: not Ready");
    second.stem[20].tick += 1;
    let text = diff(&first, &second, PLAIN);
    assert!(text.contains("of 3 another effect is recorded"), "the step and the one after it: {text}");
    second.stem.iter_mut().for_each(|step| step.changed.clear());
    assert!(!diff(&first, &second, PLAIN).contains("steps are the same\n"));
}

/// As many changes of one step as a file has room for: each beside each other one would take minutes.
const CHANGES: usize = 100_000;

/// A step with so many changes, none of which goes without saying.
fn with_changes(trace: &Trace, received: bool, count: usize) -> Trace {
    let change = Change::Sigterm { pod: PodId(0), container: ContainerId(0), received };
    let mut trace = trace.clone();
    trace.stem[0].changed = vec![change; count];
    trace
}

#[test]
fn many_changes_of_a_step_are_laid_side_by_side() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let text = diff(&with_changes(&trace, false, CHANGES), &with_changes(&trace, true, CHANGES), PLAIN);
    for mark in ['-', '+'] {
        let lines = text.lines().filter(|line| line.starts_with(mark) && line.contains("-> "));
        assert_eq!(lines.count(), CHANGES, "{mark}");
    }
}

#[test]
fn many_changes_of_a_step_are_told() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    // They are sooner looked at than words.
    let count = 5 * CHANGES;
    assert_eq!(told(&with_changes(&trace, false, count))[0].changes.len(), count);
}
