//! What the README shows of the command is what the command says, but for how long it took. Two checks of millions of states are left
//! to who changes what they say.

use crate::run::{folder, podproof, stderr, stdout, text};

/// The lines of the README beneath the last command that begins so, up to the next command, with its arguments.
fn shown(command: &str) -> (Vec<String>, Vec<String>) {
    let readme = std::fs::read_to_string("README.md").expect("there is one");
    let of_command = |line: &str| {
        let line = line.strip_prefix("$ ")?;
        line.strip_prefix("podproof ")
            .or_else(|| line.strip_prefix("cargo run --release -- "))
            .map(str::to_owned)
    };
    let lines: Vec<&str> = readme.lines().collect();
    let begins = |line: &&str| of_command(line).is_some_and(|said| said.starts_with(command));
    let at =
        lines.iter().rposition(begins).unwrap_or_else(|| panic!("the README shows no podproof {command}"));
    let arguments = of_command(lines[at]).into_iter().flat_map(|said| words(&said)).collect();
    let beneath =
        lines[at + 1..].iter().take_while(|line| !line.starts_with("```") && !line.starts_with("$ "));
    (arguments, beneath.map(|line| (*line).to_owned()).collect())
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// A line without the time that a search took, which ends it.
fn timeless(line: &str) -> &str {
    let time = |end: &str| end.strip_suffix(" s").is_some_and(|end| end.parse::<f64>().is_ok());
    line.rsplit_once(", ").filter(|(_, end)| time(end)).map_or(line, |(line, _)| line)
}

/// Is this line shown so, whole or up to where the README leaves out the rest?
fn is_shown(said: &str, shown: &str) -> bool {
    shown
        .strip_suffix("[…]")
        .map_or_else(|| timeless(said) == timeless(shown), |begins| said.starts_with(begins))
}

/// Does `said` have these lines in their order, with something left out only where the README says so?
fn agrees(shown: &[String], said: &str) -> Result<(), String> {
    let said: Vec<&str> = said.lines().collect();
    let mut at = 0;
    for part in shown.split(|line| line == "[…]").filter(|part| !part.is_empty()) {
        let begins = |start: &usize| {
            said[*start..].iter().zip(part).filter(|(said, shown)| is_shown(said, shown)).count()
        };
        let found = (at..said.len()).find(|start| begins(start) == part.len());
        at = found.ok_or_else(|| format!("the README has\n{}", part.join("\n")))? + part.len();
    }
    Ok(())
}

/// Runs the last command of the README that begins so, with another value of an option or one more, and compares what it says; its exit
/// status.
fn status_of_shown(
    command: &str,
    option: Option<(&str, &str)>,
    said: impl Fn(String) -> String,
) -> Option<i32> {
    let (mut arguments, lines) = shown(command);
    if let Some((name, value)) = option {
        match arguments.iter().position(|argument| argument == name) {
            Some(at) => arguments[at + 1] = value.to_owned(),
            None => arguments.extend([name.to_owned(), value.to_owned()]),
        }
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = podproof(&arguments);
    let said = said(format!("{}{}", stderr(&output), stdout(&output)));
    agrees(&lines, &said).unwrap_or_else(|why| panic!("{why}\nand the command says\n{said}"));
    output.status.code()
}

/// The same of a command that writes traces, which go into a folder of the test.
fn status_of_search(test: &str, command: &str) -> Option<i32> {
    let traces = folder(test).join("podproof-traces");
    let said = |said: String| said.replace(text(&traces), "podproof-traces");
    status_of_shown(command, Some(("--trace-dir", text(&traces))), said)
}

#[test]
fn what_tune_finds_stands_in_the_readme() {
    assert_eq!(status_of_search("readme-tune", "tune"), Some(0));
}

#[test]
fn the_remedy_that_is_found_stands_in_the_readme() {
    let command = "check examples/web-prestop.yaml --story drain";
    assert_eq!(status_of_search("readme-remedy", command), Some(1));
}

#[test]
fn the_slice_of_the_race_and_its_turning_point_stand_in_the_readme() {
    assert_eq!(status_of_shown("trace show --slice", None, |said| said), Some(0));
}

#[test]
fn walks_of_fifty_replicas_stand_in_the_readme() {
    assert_eq!(status_of_search("readme-simulate", "simulate"), Some(0));
}

#[test]
fn what_the_hunt_finds_stands_in_the_readme() {
    let command = "check examples/web-fleet.yaml --replicas 5 --nodes 3";
    let hunted = folder("readme-hunt").join("hunted");
    let said = |said: String| said.replace(text(&hunted), "hunted");
    assert_eq!(status_of_shown(command, Some(("--trace-dir", text(&hunted))), said), Some(1));
}

#[test]
fn a_check_that_goes_on_from_what_was_kept_stands_in_the_readme() {
    let kept = folder("readme-resume").join("kept");
    let said = |said: String| said.replace(text(&kept), "kept");
    let check = "check --scenario rollout --property no-failed-request";
    let (begin, resume) = (format!("{check} --checkpoint"), format!("{check} --resume kept"));
    assert_eq!(status_of_shown(&begin, Some(("--checkpoint", text(&kept))), said), Some(1));
    assert_eq!(status_of_shown(&format!("{resume} --exact"), Some(("--resume", text(&kept))), said), Some(2));
    assert_eq!(status_of_shown(&resume, Some(("--resume", text(&kept))), said), Some(1));
}

#[test]
fn what_conform_says_of_a_rolling_update_stands_in_the_readme() {
    assert_eq!(status_of_search("readme-conform", "conform"), Some(1));
}

#[test]
fn a_line_that_is_not_said_is_found() {
    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert_eq!(agrees(&shown(&["a", "[…]", "d"]), "a\nb\nc\nd\n"), Ok(()));
    assert!(agrees(&shown(&["a", "c"]), "a\nb\nc\n").is_err(), "something is left out without a mark");
    assert!(agrees(&shown(&["c", "[…]", "a"]), "a\nb\nc\n").is_err(), "another order");
}

#[test]
fn only_the_time_of_a_search_is_not_compared() {
    assert_eq!(timeless("timed: 12 states, complete, 0.4 s"), "timed: 12 states, complete");
    assert_eq!(
        timeless("within 4 s (watch 1 s, kube-proxy 1 s): more"),
        "within 4 s (watch 1 s, kube-proxy 1 s): more"
    );
    assert!(is_shown("holds a, b, c", "holds a, […]") && !is_shown("holds b, a", "holds a, […]"));
}
