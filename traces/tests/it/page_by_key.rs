//! The page at the keyboard, in a real browser: what scrolls is scrolled, what is zoomed stays so, and the address follows.

use podproof_traces::{Page, Remedy, Trace, slice};

use crate::browser::Browser;
use crate::page::{failed_request, path_of};

/// A window as a laptop has it.
fn browser() -> Option<Browser> {
    Browser::start(1280, 800)
}

/// Whether a part is scrolled at last, downwards or to the side.
fn is_scrolled(browser: &mut Browser, part: &str, way: &str) -> bool {
    let ask = format!(
        "new Promise((done) => {{ const part = document.querySelector('{part}'); const look = (left) => part.{way} > 0 || \
         left === 0 ? done(part.{way} > 0) : setTimeout(look, 20, left - 1); look(100); }})"
    );
    browser.ask(&ask) == true
}

#[test]
fn keys_scroll_what_has_the_focus_and_more_to_show() {
    let Some(mut browser) = browser() else { return };
    let wide = format!("+{}", "long-".repeat(2_000));
    let says = (0..60).map(|place| format!("remedy: number {place}")).collect();
    let trace = Trace { remedy: Some(Remedy { says, patch: Some(wide) }), ..failed_request() };
    let last = trace.stem.len().to_string();
    browser.open(&Page::of(&trace).to_html(), "");
    let chosen = |browser: &mut Browser| browser.text("#list [aria-selected=true] .number");
    for (part, key, way) in [
        ("#why", "ArrowDown", "scrollTop"),
        ("#scroller", "PageDown", "scrollTop"),
        ("#patch", "ArrowRight", "scrollLeft"),
    ] {
        let focus = format!("document.querySelector('{part}').focus(); document.activeElement.id");
        if part == "#scroller" {
            browser.ask("document.querySelector('#scroller').style.height = '90px'");
            browser.settle();
        }
        assert_eq!(browser.ask(&focus), part[1..], "{part}");
        browser.press(key);
        assert!(is_scrolled(&mut browser, part, way), "{key} in {part}");
        assert_eq!(chosen(&mut browser), last, "{key} in {part}");
    }
    // Steps are gone along from there all the same.
    browser.ask("document.querySelector('#scroller').focus()");
    browser.press("ArrowLeft");
    assert_eq!(chosen(&mut browser), (trace.stem.len() - 1).to_string());
    // What is shown as a whole has nothing to scroll.
    browser.open(&Page::of(&failed_request()).to_html(), "");
    browser.ask("document.querySelector('#why').focus()");
    browser.press("ArrowUp");
    assert_eq!(chosen(&mut browser), (trace.stem.len() - 1).to_string());
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// Of a slider up is more, whether or not steps are folded; drawn to a folded step it comes to one that is shown; and what is
/// looked for is found where it is folded, too.
#[test]
fn the_slider_and_the_search_know_of_folded_steps() {
    let Some(mut browser) = browser() else { return };
    let trace = failed_request();
    let mut slice = slice(&trace).expect("a failed request has causes");
    slice.steps = vec![2, 5, 9, trace.stem.len()];
    browser.open(&Page::of(&trace).sliced(Some(&slice)).to_html(), "");
    let chosen = |browser: &mut Browser| browser.text("#list [aria-selected=true] .number").parse::<u32>();
    let folded = "document.querySelector('#slice').getAttribute('aria-pressed')";
    if browser.ask(folded) != "true" {
        browser.press("s");
    }
    browser.press("ArrowLeft");
    browser.press("ArrowLeft");
    browser.ask("document.querySelector('#scrub').focus()");
    for (more, less) in [("ArrowUp", "ArrowDown"), ("PageUp", "PageDown")] {
        let before = chosen(&mut browser).expect("a number");
        browser.press(more);
        let after = chosen(&mut browser).expect("a number");
        assert!(after > before, "{more}: {before} to {after}");
        browser.press(less);
        assert!(chosen(&mut browser).expect("a number") < after, "{less}");
    }
    let last = browser.ask("document.querySelector('#scrub').max").as_str().expect("text").parse::<u32>();
    for step in 0..=last.expect("a number") {
        browser.ask(&format!(
            "{{ const scrub = document.querySelector('#scrub'); scrub.value = '{step}'; \
             scrub.dispatchEvent(new Event('input', {{ bubbles: true }})); }} 0"
        ));
        assert_eq!(browser.ask(folded), "true", "step {step}");
    }
    // Every step's words have a letter of these, so the next one is found, folded or not.
    let find = "{ const search = document.querySelector('#search'); search.value = 'e'; \
                search.dispatchEvent(new Event('input', { bubbles: true })); } 0";
    browser.ask(find);
    browser.ask("document.querySelector('#scrub').focus()");
    browser.press("Home");
    browser.press("n");
    assert_eq!(chosen(&mut browser).expect("a number"), 1);
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// Wider columns bring a scrollbar, which takes of the height of its part: that is no reason for columns as they were.
#[test]
fn what_is_zoomed_stays_so() {
    let Some(mut browser) = browser() else { return };
    browser.open(&Page::of(&failed_request()).to_html(), "");
    let wide = "parseFloat(document.querySelector('#canvas').style.width)";
    let width = |browser: &mut Browser| browser.ask(wide).as_f64().expect("a width");
    let fitted = width(&mut browser);
    browser.press("+");
    let zoomed = width(&mut browser);
    assert!(zoomed > fitted + 50.0, "{zoomed}, {fitted}");
    let set = |browser: &mut Browser, what: &str, value: &str| {
        browser.ask(&format!("document.querySelector('#scroller').style.{what} = '{value}'"));
        browser.settle();
    };
    set(&mut browser, "height", "90px");
    let lower = width(&mut browser);
    assert!((lower - zoomed).abs() < 40.0, "but for a scrollbar beside it: {lower}, {zoomed}");
    set(&mut browser, "width", "1000px");
    let narrower = width(&mut browser);
    assert!(narrower < zoomed, "another width is fitted: {narrower}, {zoomed}");
    browser.press("-");
    let again = width(&mut browser);
    assert!(again < narrower && (again - 1000.0).abs() < 40.0, "{again}, {narrower}");
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// Browsers refuse to write an address many times in a row, and some to write it at all.
#[test]
fn the_address_follows_when_nothing_more_is_chosen() {
    let Some(mut browser) = browser() else { return };
    browser.open(&Page::of(&path_of(100)).to_html(), "#step-90");
    let count = "window.writes = 0; window.replace = history.replaceState.bind(history); \
                 history.replaceState = (...given) => { window.writes += 1; window.replace(...given); }; true";
    browser.ask(count);
    let press = "for (let left = 40; left > 0; left -= 1) document.body.dispatchEvent(new KeyboardEvent('keydown', \
                 { key: 'ArrowLeft', bubbles: true })); true";
    browser.ask(press);
    assert_eq!(browser.text("#list [aria-selected=true] .number"), "50");
    assert_eq!((browser.link(), browser.ask("window.writes")), ("#step-50".into(), 1.into()));
    browser.ask("history.replaceState = () => { throw new DOMException('no', 'SecurityError'); }; true");
    browser.press("ArrowLeft");
    assert_eq!(browser.link(), "#step-50");
    assert_eq!(browser.text("#panel h2 a"), "Step 49");
    // The address still names the step that this leads to.
    browser.ask("{ const link = document.querySelector('#panel h2 a'); link.setAttribute('href', '#step-50'); link.click(); }");
    assert_eq!(browser.text("#panel h2 a"), "Step 50");
    assert_eq!(browser.complaints(), [] as [String; 0]);
}
