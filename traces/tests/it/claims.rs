//! A file can say anything: whoever tells a trace judges it on the model first.

use podproof_traces::{
    Kind, Page, Replayed, Style, Trace, View, diff, essence, export, replay, show, show_slice, show_turning,
    slice, turning_point, why,
};
use podproof_vocabulary::Property;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::mutant::Mutant;

use crate::common::{broken, crash_loop, lassos, web};
use crate::corpus::traces;

const WIDE: Style = Style { colour: false, width: 10_000 };

/// A trace in every form in which it is told, each with what it is called.
fn told(trace: &Trace) -> Vec<(&'static str, String)> {
    let (cut, point) = (slice(trace), turning_point(trace));
    let page = Page::of(trace).sliced(cut.as_ref()).turning(trace, point.as_ref());
    let mut all = vec![
        ("show", show(trace, WIDE)),
        ("slice", show_slice(trace, WIDE, View::default())),
        ("html", page.to_html()),
        ("mermaid", export::mermaid::export(trace)),
        ("markdown", export::markdown::export(trace)),
        ("diff", diff(trace, trace, WIDE)),
    ];
    // Whoever needs the states refuses what the model does not take.
    let exports = [
        ("itf", export::itf::export(trace)),
        ("perfetto", export::perfetto::export(trace)),
        ("dot", export::dot::export(trace, 0, 1)),
    ];
    all.extend(exports.into_iter().filter_map(|(name, text)| Some((name, text.ok()?))));
    all
}

/// A trace that the model takes, and that does not break what it says.
fn denied(trace: &Trace) {
    let property = trace.property.expect("it says that one is broken");
    let replayed = replay(trace).expect("every step is taken");
    assert!(!replayed.stands(), "{property}: {replayed}");
    let denial = format!("this trace does not break {property} (it says it does)");
    let forms = told(trace);
    assert!(forms[1].1.ends_with("there is no slice of it, so all of it is told\n"), "{}", forms[1].1);
    assert_eq!(forms.len(), 9, "it is told in every form");
    for (form, text) in forms {
        assert!(text.contains(&denial), "{form}: {text}");
        let claims = [format!("{property} is broken"), format!("breaks {property}")];
        for claim in claims {
            assert!(!text.contains(&claim), "{form} says that {claim}: {text}");
        }
    }
    assert_eq!(turning_point(trace), None, "{property}");
    assert_eq!(slice(trace), None, "{property}");
    assert_eq!((show_turning(trace, WIDE), why(trace)), (String::new(), String::new()), "{property}");
}

#[test]
fn another_property_is_not_said_to_be_broken() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let others = Property::all().filter(|property| Some(*property) != trace.property);
    let mut denials = 0;
    for property in others {
        let edited = Trace { property: Some(property), ..trace.clone() };
        if replay(&edited) == Ok(Replayed::NoLongerBroken) {
            denied(&edited);
            denials += 1;
        }
    }
    assert!(denials >= 10, "{denials} promises that the trace keeps");
}

#[test]
fn a_trace_without_steps_breaks_nothing() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    denied(&Trace { stem: Vec::new(), ..trace });
}

#[test]
fn a_trace_without_its_last_step_breaks_nothing() {
    let mut trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    trace.stem.pop();
    denied(&trace);
}

#[test]
fn a_cycle_that_does_not_close_is_no_lasso() {
    let found = lassos(&crash_loop(), Property::NoexecuteEvicts);
    let mut trace = found.iter().find(|trace| trace.cycle.len() == 7).expect("there is one").clone();
    trace.cycle.pop();
    denied(&trace);
    assert!(show(&trace, WIDE).contains("its cycle does not return to the state where it begins"));
}

/// An obligation that no layout has, and one of another property.
#[test]
fn an_obligation_that_is_none_is_told_all_the_same() {
    let found = lassos(&crash_loop(), Property::NoexecuteEvicts);
    let trace = found.first().expect("there is one");
    for obligation in [0, 300, u32::MAX] {
        let edited = Trace { obligation: Some(obligation), ..trace.clone() };
        if edited.obligation == trace.obligation {
            continue;
        }
        assert!(replay(&edited).is_err(), "{obligation}");
        let story = show(&edited, WIDE);
        assert!(story.contains("it says that noexecute-evicts is broken"), "{story}");
        assert!(!story.contains("so noexecute-evicts is broken"), "{story}");
        assert_eq!((turning_point(&edited), slice(&edited), why(&edited)), (None, None, String::new()));
        assert!(Page::of(&edited).to_html().contains("it says that noexecute-evicts is broken"));
    }
}

#[test]
fn steps_that_the_model_does_not_take_break_nothing_that_is_known() {
    let mut trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    trace.scenario.story = Story::Create;
    for (form, text) in told(&trace) {
        assert!(text.contains("it says that "), "{form}: {text}");
        assert!(!text.contains("turning point: "), "{form}: {text}");
    }
}

#[test]
fn a_promise_that_is_broken_before_the_end_is_told_at_the_step_that_breaks_it() {
    let mut trace = broken(&web(Story::Rollout, Some(Mutant::SigkillAtOnce)), Property::GraceHonoured);
    trace.property = Some(Property::NoTrafficAfterSigterm);
    let Ok(Replayed::BrokenEarlier { at_step }) = replay(&trace) else { panic!("SIGTERM comes first") };
    let story = show(&trace, WIDE);
    assert!(story.contains(&format!("step {at_step} breaks no-traffic-after-sigterm already")), "{story}");
    assert!(story.contains("whose container app has received SIGTERM"), "{story}");
    assert!(
        Page::of(&trace).to_html().contains(&format!("step {at_step} breaks no-traffic-after-sigterm\""))
    );
    assert!(turning_point(&trace).expect("there is one").step <= at_step);
}

/// What befalls the cluster is never left out for want of room.
#[test]
fn the_essence_begins_with_what_befalls_the_cluster() {
    let is_event = |action: &Action| matches!(action, Action::Environment(_));
    let mut cut = 0;
    for trace in traces().into_iter().filter(|trace| trace.kind == Kind::Safety) {
        let Some(sliced) = slice(&trace) else { continue };
        let events: Vec<usize> = trace
            .steps()
            .filter(|(number, step)| is_event(&step.action) && sliced.has(*number))
            .map(|(number, _)| number)
            .collect();
        let essence = essence(&trace, 8);
        assert!(essence.len() <= 8 && essence.last() == sliced.steps.last(), "{:?}", trace.title);
        assert!(events.iter().take(4).all(|event| essence.contains(event)), "{:?}", trace.title);
        cut += usize::from(essence.first() == events.first() && sliced.steps.len() > 8);
    }
    assert!(cut > 3, "{cut} that would have been cut off");
}
