//! The page in a real browser, where one is installed: it opens, steps, finds, shows the end, and complains of nothing.

use podproof_traces::{Change, Page, Reason, Trace, TraceStep, TurningPoint, slice};
use podproof_vocabulary::action::Action;

use crate::browser::Browser;
use crate::corpus::traces;
use crate::page::{HOSTILE, failed_request, hostile, path_of};

/// A window as a laptop has it.
fn browser() -> Option<Browser> {
    Browser::start(1280, 800)
}

/// Elements that a page has at most, however long its trace is.
const ELEMENTS_MAX: u64 = 4_000;

#[test]
fn a_page_opens_at_the_violation_and_steps() {
    let Some(mut browser) = browser() else { return };
    let trace = failed_request();
    let last = trace.stem.len();
    browser.open(&Page::of(&trace).to_html(), "");
    assert_eq!(browser.text("#title"), trace.scenario.name);
    assert_eq!(browser.text("#verdict"), format!("step {last} breaks no-failed-request"));
    assert!(
        browser.text("#why").contains("still routes new connections of Service web"),
        "{}",
        browser.text("#why")
    );
    let chosen = |browser: &mut Browser| browser.text("#list [aria-selected=true] .number");
    assert_eq!(chosen(&mut browser), last.to_string());
    assert_eq!(browser.text("#panel .broken"), format!("step {last} breaks no-failed-request"));
    assert!(browser.ask("document.querySelectorAll('#picture .violation').length === 1") == true);

    browser.press("Home");
    assert_eq!(browser.text("#panel h2"), "The beginning");
    browser.press("ArrowRight");
    browser.press("ArrowRight");
    assert_eq!(chosen(&mut browser), "2");
    assert_eq!(browser.link(), "#step-2");
    assert!(browser.text("#live").starts_with(&format!("Step 2 of {last}: ")), "{}", browser.text("#live"));
    browser.press("ArrowLeft");
    assert_eq!(chosen(&mut browser), "1");
    browser.press("v");
    assert_eq!(chosen(&mut browser), last.to_string());
    assert!(browser.text("#live").ends_with(&format!("step {last} breaks no-failed-request.")));
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn what_a_step_changed_is_marked_with_what_it_was() {
    let Some(mut browser) = browser() else { return };
    browser.open(&Page::of(&failed_request()).to_html(), "");
    let marked = "[...document.querySelectorAll('#panel mark')].map((mark) => mark.closest('table').tHead.rows[0]\
                  .cells[mark.parentElement.cellIndex].textContent + ': ' + mark.parentElement.textContent).join('; ')";
    let says = browser.ask(marked);
    let says = says.as_str().unwrap_or_default();
    assert!(says.contains("process: exited, code 0 (before: runs)"), "{says}");
    assert!(says.contains("accepts: no (before: yes)"), "{says}");
    let panel = browser.text("#panel");
    assert!(!panel.contains("no more"), "that a process takes its signals with it is no news: {panel}");
    assert!(panel.contains("What runtime node-1 knew when it did this came from"), "{panel}");
    assert!(panel.contains("(kubelet node-1) kubelet on node-1 sends SIGTERM to container app"), "{panel}");
    assert!(panel.contains("rules on node-1"), "{panel}");
    assert!(browser.text("#panel td.ready").contains("ready, serving"));
}

/// A pod that is there and in no node's rules has its rows all the same: that they are empty is what there is to see.
#[test]
fn a_pod_that_nobody_is_sent_to_has_a_row() {
    let Some(mut browser) = Browser::start(1280, 2400) else { return };
    let text = include_str!("../../corpus/no-failed-request/rolling-update-without-pre-stop.json");
    let trace = Trace::from_json(text).expect("it is kept");
    let appears =
        |step: &TraceStep| step.changed.iter().any(|change| matches!(change, Change::PodAppears { .. }));
    let created: Vec<_> = trace.steps().filter(|(_, step)| appears(step)).map(|(number, _)| number).collect();
    let last = created.last().expect("pods are created");
    browser.open(&Page::of(&trace).to_html(), &format!("#step-{last}"));
    let table = "[...document.querySelectorAll('#panel table')].find((it) => it.tHead.textContent.includes('EndpointSlice'))";
    assert_eq!(browser.ask(&format!("{table}.tBodies[0].rows.length")), created.len());
    // In the picture too, of those that are in the EndpointSlice.
    browser.press("End");
    let labels = "[...document.querySelectorAll('#picture text.of-pod')].map((text) => text.textContent)";
    let count = |browser: &mut Browser, start: &str| {
        browser.ask(&format!("{labels}.filter((text) => text.startsWith('{start}')).length")).as_u64()
    };
    let (slices, rules) = (count(&mut browser, "EndpointSlice"), count(&mut browser, "rules on "));
    let nodes = trace.scenario.nodes.len() as u64;
    assert!(slices.is_some_and(|slices| slices > 1), "{slices:?}");
    assert_eq!(rules, slices.map(|slices| slices * if trace.observed_proxy.is_some() { 1 } else { nodes }));
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn steps_are_found_and_linked() {
    let Some(mut browser) = browser() else { return };
    let trace = failed_request();
    browser.open(&Page::of(&trace).to_html(), "#step-3");
    let chosen = |browser: &mut Browser| browser.text("#list [aria-selected=true]");
    assert!(chosen(&mut browser).starts_with('3'), "a link opens at its step");
    browser.press("/");
    assert_eq!(browser.ask("document.activeElement.id"), "search");
    browser.write("sigterm");
    assert!(browser.text("#hits").contains("step"), "{}", browser.text("#hits"));
    browser.ask("document.getElementById('search-form').requestSubmit()");
    browser.settle();
    assert!(chosen(&mut browser).contains("sends SIGTERM"), "{}", chosen(&mut browser));
    browser.press("Escape");
    assert_ne!(browser.ask("document.activeElement.id"), "search");
    browser.ask("location.hash = '#step-1'");
    browser.settle();
    assert!(chosen(&mut browser).starts_with('1'), "a link in the page is followed");
    browser.ask("location.hash = '#step-99999'");
    browser.settle();
    assert!(chosen(&mut browser).starts_with(&trace.stem.len().to_string()), "beyond the end is the end");
    browser.press("?");
    assert_eq!(browser.ask("document.getElementById('keys').open"), true);
    browser.press("?");
    assert_eq!(browser.ask("document.getElementById('keys').open"), false);
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn letters_can_be_switched_off() {
    let Some(mut browser) = browser() else { return };
    browser.open(&Page::of(&failed_request()).to_html(), "#step-1");
    browser.ask("document.getElementById('letters').checked = false");
    browser.press("v");
    assert_eq!(browser.link(), "#step-1");
    browser.press("ArrowRight");
    assert_eq!(browser.link(), "#step-2");
}

#[test]
fn a_slice_folds_what_the_end_does_not_depend_on() {
    let Some(mut browser) = browser() else { return };
    let trace = failed_request();
    let last = trace.stem.len();
    let mut slice = slice(&trace).expect("a failed request has causes");
    slice.steps = vec![2, 5, last];
    browser.open(&Page::of(&trace).sliced(Some(&slice)).to_html(), "");
    browser.press("s");
    let expected =
        format!("0, 1 unrelated step, 2, 2 unrelated steps, 5, {} unrelated steps, {last}", last - 6);
    assert_eq!(browser.ask(ROWS), expected);
    assert_eq!(browser.ask("document.getElementById('slice').getAttribute('aria-pressed')"), "true");
    browser.press("ArrowLeft");
    assert_eq!(browser.link(), "#step-5", "steps that are folded are passed over");
    browser.press("s");
    browser.press("ArrowLeft");
    assert_eq!(browser.link(), "#step-4");
    browser.open(&Page::of(&trace).to_html(), "");
    assert_eq!(browser.ask("document.getElementById('slice').hidden"), true, "none is there");
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// What the rows of the list say: a number, or what is folded.
const ROWS: &str = "[...document.querySelectorAll('#list .row')].map((row) => row.classList.contains('folded') ? row.textContent \
                    : row.querySelector('.number').textContent).join(', ')";

/// A slice has no ticks, but what breaks a promise about latencies may be one.
#[test]
fn a_slice_shows_the_end_and_takes_no_tick_for_a_step() {
    let Some(mut browser) = browser() else { return };
    let text = include_str!("../../corpus/no-avoidable-blackout/wrong-rule-proxy-never-adds.json");
    let trace = Trace::from_json(text).expect("it is kept");
    let last = trace.stem.len();
    assert_eq!(trace.stem[last - 1].action, Action::Tick);
    let mut slice = slice(&trace).expect("there is one");
    slice.steps = vec![3, 10, 12];
    browser.open(&Page::of(&trace).sliced(Some(&slice)).to_html(), "");
    browser.press("s");
    let expected = "0, 2 unrelated steps, 3, 6 unrelated steps, 10, 1 unrelated step, 12, 1 unrelated step, 4 s pass, 18";
    assert_eq!(browser.ask(ROWS), expected);
    assert_eq!(browser.text("#live"), "folded: 10 unrelated steps, 4 s pass");
    assert_eq!(browser.text("#list [aria-selected=true] .number"), last.to_string());
    // Where time alone passes nothing else is told of it.
    slice.steps = (1..14).collect();
    browser.open(&Page::of(&trace).sliced(Some(&slice)).to_html(), "");
    browser.press("s");
    let rows = browser.ask(ROWS);
    assert!(rows.as_str().is_some_and(|rows| rows.ends_with("13, 4 s pass, 18")), "{rows}");
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// Whoever asks for a step sees it, whatever is folded.
#[test]
fn a_step_that_is_folded_is_shown_where_it_is_chosen() {
    let Some(mut browser) = browser() else { return };
    let trace = failed_request();
    let last = trace.stem.len();
    let mut slice = slice(&trace).expect("a failed request has causes");
    slice.steps = vec![2, 5, last];
    let point = TurningPoint { step: 4, is_break: false, is_certain: true, reason: Reason::Event };
    let page = Page::of(&trace).sliced(Some(&slice)).turning(&trace, Some(&point)).to_html();
    for way in ["location.hash = '#step-4'", "p"] {
        browser.open(&page, "");
        browser.press("s");
        assert!(browser.ask(ROWS).as_str().is_some_and(|rows| rows.contains("unrelated")));
        if way == "p" {
            browser.press(way);
        } else {
            browser.ask(way);
        }
        browser.settle();
        assert_eq!(browser.text("#list [aria-selected=true] .number"), "4", "{way}");
        assert_eq!(browser.text("#panel h2 a"), "Step 4", "{way}");
        assert!(browser.text("#live").starts_with("All steps are shown. Step 4 "), "{way}");
        let pressed = browser.ask("document.getElementById('slice').getAttribute('aria-pressed')");
        assert_eq!(pressed, "false", "{way}");
        assert_eq!(browser.link(), "#step-4", "{way}");
    }
    // The slider passes over them by its keys.
    browser.press("s");
    browser.ask("document.getElementById('scrub').focus()");
    browser.press("ArrowLeft");
    assert_eq!(browser.text("#list [aria-selected=true] .number"), "5");
    assert_eq!(browser.ask("document.getElementById('scrub').value"), "5");
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn the_turning_point_is_told_and_gone_to() {
    let Some(mut browser) = browser() else { return };
    let trace = failed_request();
    let point = TurningPoint { step: 24, is_break: false, is_certain: true, reason: Reason::Event };
    browser.open(&Page::of(&trace).turning(&trace, Some(&point)).to_html(), "");
    let told = browser.text("#why .turning");
    assert!(told.starts_with("turning point: step 24, "), "{told}");
    assert!(
        told.ends_with(": before it no-failed-request could still be kept, after it no more look at it"),
        "{told}"
    );
    assert_eq!(browser.ask("document.querySelectorAll('#picture .turning').length"), 1);
    browser.press("p");
    assert_eq!(browser.link(), "#step-24");
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn colours_follow_the_system_and_the_button() {
    let Some(mut browser) = browser() else { return };
    browser.open(&Page::of(&failed_request()).to_html(), "");
    let ground = "getComputedStyle(document.body).backgroundColor";
    browser.prefer("light");
    assert_eq!((browser.ask(ground), browser.text("#theme")), ("rgb(255, 255, 255)".into(), "Dark".into()));
    browser.prefer("dark");
    assert_eq!((browser.ask(ground), browser.text("#theme")), ("rgb(20, 23, 28)".into(), "Light".into()));
    browser.press("t");
    assert_eq!((browser.ask(ground), browser.text("#theme")), ("rgb(255, 255, 255)".into(), "Dark".into()));
}

#[test]
fn whoever_cannot_see_it_hears_it() {
    let Some(mut browser) = browser() else { return };
    browser.open(&Page::of(&failed_request()).to_html(), "");
    let heard = browser.heard();
    let nodes = || heard.iter().filter(|node| node["ignored"] == false);
    let name = |node: &serde_json::Value| node["name"]["value"].as_str().unwrap_or_default().to_owned();
    let of_role =
        |role: &str| nodes().filter(|node| node["role"]["value"] == role).map(name).collect::<Vec<_>>();
    for role in
        ["button", "searchbox", "slider", "listbox", "option", "region", "link", "columnheader", "rowheader"]
    {
        let names = of_role(role);
        assert!(!names.is_empty(), "nothing is heard of a {role}");
        assert!(names.iter().all(|name| !name.trim().is_empty()), "a {role} without a name: {names:?}");
    }
    for landmark in ["banner", "main", "search"] {
        assert_eq!(of_role(landmark).len(), 1, "{landmark}");
    }
    let chosen = nodes().find(|node| node["role"]["value"] == "option" && name(node).contains("exits"));
    assert!(chosen.is_some(), "the chosen step is heard: {:?}", of_role("option"));
    // The keyboard comes everywhere and out again.
    browser.ask("document.activeElement.blur()");
    let mut seen = Vec::new();
    for _ in 0..20 {
        browser.press("Tab");
        seen.push(browser.ask("document.activeElement.id").as_str().unwrap_or_default().to_owned());
    }
    for wanted in ["search", "to-end", "theme", "help", "scrub", "scroller", "list", "panel", "why"] {
        assert!(seen.iter().any(|id| id == wanted), "{wanted} is not come to: {seen:?}");
    }
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn hostile_names_are_text() {
    let Some(mut browser) = browser() else { return };
    let trace = hostile();
    browser.open(&Page::of(&trace).to_html(), "");
    assert_eq!(browser.text("#title"), HOSTILE[0]);
    assert!(browser.ask("document.title").as_str().is_some_and(|title| title.starts_with(HOSTILE[0])));
    for _ in 0..3 {
        browser.press("ArrowLeft");
    }
    assert_eq!(
        browser.ask("document.images.length + document.scripts.length"),
        2,
        "the data and the program"
    );
    assert!(browser.text("#panel").contains(HOSTILE[0]), "{}", browser.text("#panel"));
    let wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
    assert_eq!(browser.ask(wide), true, "a long name widens nothing");
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn two_thousand_steps_are_drawn_as_few() {
    let Some(mut browser) = browser() else { return };
    browser.open(&Page::of(&path_of(2_000)).to_html(), "");
    let elements =
        |browser: &mut Browser| browser.ask("document.querySelectorAll('*').length").as_u64().unwrap_or(0);
    for link in ["#step-0", "#step-1000", "#step-1999"] {
        browser.ask(&format!("location.hash = '{link}'"));
        browser.settle();
        assert_eq!(browser.link(), link);
        let count = elements(&mut browser);
        assert!(count < ELEMENTS_MAX, "{count} elements at {link}");
        let is_drawn = "document.querySelectorAll('#picture .dot').length > 20";
        assert_eq!(browser.ask(is_drawn), true, "the picture follows to {link}");
    }
    browser.press("ArrowRight");
    assert_eq!(browser.link(), "#step-2000");
    assert!(browser.text("#list [aria-selected=true]").starts_with("2000"));
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// Below one another, the list still scrolls by itself: else all its lines would be drawn.
#[test]
fn a_narrow_page_draws_as_few_and_shows_the_chosen_step() {
    let Some(mut browser) = Browser::start(600, 900) else { return };
    browser.open(&Page::of(&path_of(2_000)).to_html(), "#step-1500");
    let count = browser.ask("document.querySelectorAll('*').length").as_u64().unwrap_or(0);
    assert!(count < ELEMENTS_MAX, "{count} elements");
    let is_in_view = "(() => { const list = document.getElementById('list').getBoundingClientRect(); const row = \
                      document.querySelector('#list [aria-selected=true]').getBoundingClientRect(); \
                      return row.top >= list.top && row.bottom <= list.bottom && list.height < innerHeight; })()";
    assert_eq!(browser.ask(is_in_view), true);
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn a_trace_without_steps_is_a_page() {
    let Some(mut browser) = browser() else { return };
    browser.open(&Page::of(&path_of(0)).to_html(), "");
    assert_eq!(browser.text("#panel h2"), "The beginning");
    browser.press("ArrowRight");
    browser.press("End");
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// Every how many traces of the corpus one is opened.
const SAMPLE: usize = 5;

#[test]
fn traces_of_every_kind_are_drawn() {
    let Some(mut browser) = browser() else { return };
    for trace in traces().into_iter().step_by(SAMPLE) {
        browser.open(&Page::of(&trace).to_html(), "");
        assert_eq!(browser.text("#why .about"), trace.title.clone().unwrap_or_default());
        let reasons = browser.ask("document.querySelectorAll('#why .reason').length");
        assert_eq!(reasons != 0, trace.property.is_some(), "{}", browser.text("#why"));
        let moments = browser.ask("document.querySelectorAll('#picture .violation, #picture .cycle').length");
        assert_eq!(moments == 1, trace.property.is_some(), "{}: {moments}", trace.scenario.name);
        for _ in 0..5 {
            browser.press("ArrowLeft");
        }
        let steps = trace.stem.len();
        assert_eq!(browser.text("#list [aria-selected=true] .number"), (steps - 5).to_string());
        assert_eq!(browser.complaints(), [] as [String; 0], "{}", trace.scenario.name);
    }
}
