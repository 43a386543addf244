//! What the README shows of the command is what the command says.

use crate::run::{folder, podproof, stderr, stdout, text};

/// The lines of the README beneath the first command that begins so, with its arguments.
fn shown(command: &str) -> (Vec<String>, Vec<String>) {
    let readme = std::fs::read_to_string("README.md").expect("there is one");
    let mut lines = readme.lines().skip_while(|line| !line.starts_with(&format!("$ {command}")));
    let first = lines.next().unwrap_or_else(|| panic!("the README shows no {command}"));
    let arguments = first.split_whitespace().skip(2).map(str::to_owned).collect();
    (arguments, lines.take_while(|line| !line.starts_with("```")).map(str::to_owned).collect())
}

/// Does `said` have these lines in their order, with something left out only where the README says so?
fn agrees(shown: &[String], said: &str) -> Result<(), String> {
    let said: Vec<&str> = said.lines().collect();
    let mut at = 0;
    for part in shown.split(|line| line == "[…]").filter(|part| !part.is_empty()) {
        let begins =
            |start: &usize| said[*start..].iter().zip(part).filter(|(said, shown)| said == shown).count();
        let found = (at..said.len()).find(|start| begins(start) == part.len());
        at = found.ok_or_else(|| format!("the README has\n{}", part.join("\n")))? + part.len();
    }
    Ok(())
}

/// Runs the first command of the README that begins so, with more arguments, and compares what it says; its exit status.
fn status_of_shown(command: &str, more: &[&str], said: impl Fn(String) -> String) -> Option<i32> {
    let (arguments, lines) = shown(command);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = podproof(&[&arguments[..], more].concat());
    let said = said(stdout(&output));
    agrees(&lines, &said)
        .unwrap_or_else(|why| panic!("{why}\nand the command says\n{said}{}", stderr(&output)));
    output.status.code()
}

/// The same of a command that writes traces, which go into a folder of the test.
fn status_of_search(test: &str, command: &str) -> Option<i32> {
    let traces = folder(test).join("podproof-traces");
    let said = |said: String| said.replace(text(&traces), "podproof-traces");
    status_of_shown(command, &["--trace-dir", text(&traces)], said)
}

#[test]
fn what_tune_finds_stands_in_the_readme() {
    assert_eq!(status_of_search("readme-tune", "podproof tune"), Some(0));
}

#[test]
fn the_remedy_that_is_found_stands_in_the_readme() {
    let command = "podproof check examples/web-prestop.yaml --story drain";
    assert_eq!(status_of_search("readme-remedy", command), Some(1));
}

#[test]
fn the_slice_of_the_race_and_its_turning_point_stand_in_the_readme() {
    assert_eq!(status_of_shown("podproof trace show --slice", &[], |said| said), Some(0));
}

#[test]
fn a_line_that_is_not_said_is_found() {
    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert_eq!(agrees(&shown(&["a", "[…]", "d"]), "a\nb\nc\nd\n"), Ok(()));
    assert!(agrees(&shown(&["a", "c"]), "a\nb\nc\n").is_err(), "something is left out without a mark");
    assert!(agrees(&shown(&["c", "[…]", "a"]), "a\nb\nc\n").is_err(), "another order");
}
