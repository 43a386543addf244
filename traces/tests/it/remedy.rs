//! A remedy that was found stands in the trace, in its story and on its page.

use podproof_traces::{Page, Remedy, Style, Trace, show_remedy};

use podproof_vocabulary::event::EventName;

use crate::browser::Browser;
use crate::page::{HOSTILE, failed_request};

const PATCH: &str = "--- web.yaml\n+++ web.yaml\n@@ -24,3 +24,5 @@\n             port: http\n-          tty: false\n+          lifecycle:\n \n";

const RECORDED: &str = "recorded, not checked again (podproof check --remedy does):";

/// A failed request of which somebody has found out what keeps it from failing.
fn remedied(says: &[&str], patch: Option<&str>) -> Trace {
    let says = says.iter().map(|&sentence| sentence.to_owned()).collect();
    Trace { remedy: Some(Remedy { says, patch: patch.map(str::to_owned) }), ..failed_request() }
}

fn found() -> Trace {
    remedied(&["remedy: a preStop sleep of 5 s", "undecided: 4 s"], Some(PATCH))
}

#[test]
fn a_remedy_is_read_back_and_left_out_by_whoever_records_the_trace_again() {
    let trace = found();
    assert_eq!(Trace::from_json(&trace.to_json()).as_ref(), Ok(&trace));
    assert_eq!(trace.recorded_again().expect("the model takes it").remedy, None);
    let text = trace.to_json().replacen("\"patch\"", "\"change\"", 1);
    let error = Trace::from_json(&text).expect_err("nobody knows the field").to_string();
    assert!(error.contains("remedy") && error.contains("'change'"), "{error}");
}

#[test]
fn a_story_ends_with_the_patch_as_it_is() {
    let plain = Style { colour: false, width: 40 };
    let told = show_remedy(&found(), plain);
    let recorded = "recorded, not checked again (podproof\n  check --remedy does):";
    assert_eq!(told, format!("\n{recorded}\n  remedy: a preStop sleep of 5 s\n  undecided: 4 s\n{PATCH}"));
    assert_eq!(show_remedy(&failed_request(), plain), "", "nobody has looked for one");
    let coloured = show_remedy(&found(), Style { colour: true, ..plain });
    assert!(coloured.contains("\u{1b}[36m+          lifecycle:\u{1b}[0m\n"), "{coloured}");
    let hostile = show_remedy(&remedied(&[], Some("+\u{1b}[2J\u{202e}x\n")), plain);
    assert_eq!(hostile, format!("\n{recorded}\n+\\u{{1b}}[2J\\u{{202e}}x\n"));
}

/// A file may be indented with tabs: a patch in which they are something else cannot be applied.
#[test]
fn tabs_of_a_patch_stay_tabs() {
    let patch = "@@ -1,2 +1,3 @@\n #\tx\n+\ta: 1\t# y\n";
    let trace = remedied(&["remedy: a\tb"], Some(patch));
    let told = show_remedy(&trace, Style { colour: false, width: 100 });
    assert!(told.ends_with(patch), "{told}");
    let Some(mut browser) = Browser::start(1280, 800) else { return };
    browser.open(&Page::of(&trace).to_html(), "");
    assert_eq!(browser.text("#patch"), patch);
    assert_eq!(browser.text("#why .remedy + .remedy"), "remedy: a\\u{9}b", "a sentence has none");
}

/// Where nobody has looked for one it is said how to, of a manifest that can be named.
#[test]
fn how_to_look_for_a_remedy_is_told() {
    let wide = Style { colour: false, width: 300 };
    let of = |manifest: &str| Trace { manifest: Some(manifest.to_owned()), ..failed_request() };
    let asked = "podproof check 'my web.yaml' --workload web --story pod-deletion --property no-failed-request --nodes 1 --timing untimed --remedy looks for one";
    let says = format!("no remedy is recorded; {asked}, with the other files of that check, if it had any");
    assert_eq!(show_remedy(&of("my web.yaml"), wide), format!("\n{says}\n"));
    assert_eq!(show_remedy(&of("-"), wide), "", "standard input is gone");
    assert!(!show_remedy(&Trace { remedy: found().remedy, ..of("my web.yaml") }, wide).contains(asked));
    // It is looked for in the world of the trace, and of another nothing is said.
    let mut other = of("web.yaml");
    other.scenario.latencies.watch = 3;
    other.scenario.events.set(EventName::ContainerCrash, 1);
    let told = show_remedy(&other, Style { width: 400, ..wide });
    let options =
        " --nodes 1 --latency watch=3 --event container-crash=1 --timing untimed --remedy looks for one, ";
    assert!(told.contains(options), "{told}");
    other.scenario.scale_targets = vec![3];
    let told = show_remedy(&other, wide);
    assert_eq!(told, "\nno remedy is recorded; the check that it comes from looks for one with --remedy\n");
    let mut kept = of("my web.yaml");
    kept.stem.truncate(3);
    assert_eq!(show_remedy(&kept, wide), "", "nothing is broken");
    let Some(mut browser) = Browser::start(1280, 800) else { return };
    browser.open(&Page::of(&of("my web.yaml")).to_html(), "");
    assert_eq!(browser.text("#why .ask"), says);
    browser.open(&Page::of(&found()).to_html(), "");
    assert_eq!(browser.ask("document.querySelectorAll('.ask').length"), 0);
}

#[test]
fn a_page_tells_what_to_change() {
    let Some(mut browser) = Browser::start(1280, 800) else { return };
    browser.open(&Page::of(&found()).to_html(), "");
    assert_eq!(browser.text("#why .remedy"), RECORDED);
    assert_eq!(browser.text("#why .remedy + .remedy"), "remedy: a preStop sleep of 5 s");
    assert_eq!(browser.text("#why .remedy.found"), "remedy: a preStop sleep of 5 s");
    assert_eq!(
        browser.ask("document.querySelectorAll('.remedy.found').length"),
        1,
        "what is undecided is none"
    );
    assert_eq!(browser.text("#patch"), PATCH);
    assert_eq!(browser.text("#patch .removed:not(:first-child)"), "-          tty: false\n");
    let in_view = "document.getElementById('patch').getBoundingClientRect().bottom < innerHeight / 2";
    assert_eq!(browser.ask(in_view), true, "the patch is seen without scrolling");
    let heard = browser.heard();
    let is_patch = |node: &&serde_json::Value| node["name"]["value"] == "The change of the manifest";
    assert_eq!(heard.iter().find(is_patch).map(|node| &node["role"]["value"]), Some(&"region".into()));
    browser.open(&Page::of(&remedied(&["remedy: none was found"], None)).to_html(), "");
    assert_eq!(browser.text("#why .remedy + .remedy"), "remedy: none was found");
    assert_eq!(browser.ask("document.querySelectorAll('.remedy.found').length"), 0);
    assert_eq!(browser.ask("document.getElementById('patch')"), serde_json::Value::Null);
    browser.open(&Page::of(&failed_request()).to_html(), "");
    assert_eq!(browser.ask("document.querySelectorAll('.remedy').length"), 0);
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn a_hostile_remedy_is_text() {
    let Some(mut browser) = Browser::start(1280, 800) else { return };
    let patch = HOSTILE.map(|name| format!("+{}", name.replace('\n', " "))).join("\n")
        + "\n+"
        + &"long-".repeat(2_000);
    browser.open(&Page::of(&remedied(&HOSTILE, Some(&patch))).to_html(), "");
    assert_eq!(browser.text("#why .remedy + .remedy"), HOSTILE[0]);
    assert!(browser.text("#patch").starts_with(&format!("+{}\n+{}", HOSTILE[0], HOSTILE[1])));
    assert_eq!(
        browser.ask("document.images.length + document.scripts.length"),
        2,
        "the data and the program"
    );
    let wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
    assert_eq!(browser.ask(wide), true, "a long line widens nothing");
    assert_eq!(browser.complaints(), [] as [String; 0]);
}
