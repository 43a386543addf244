//! The page at the keyboard, in a real browser: what scrolls is scrolled, what is zoomed stays so, and the address follows.

use podproof_traces::{Page, Remedy, Trace};

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
