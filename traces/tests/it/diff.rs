//! Two traces side by side.

use podproof_traces::{Style, diff};
use podproof_vocabulary::Property;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::mutant::Mutant;

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
