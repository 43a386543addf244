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

#[test]
fn what_tune_finds_stands_in_the_readme() {
    let (arguments, lines) = shown("podproof tune");
    let traces = folder("readme").join("podproof-traces");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = podproof(&[&arguments[..], &["--trace-dir", text(&traces)]].concat());
    let said = stdout(&output).replace(text(&traces), "podproof-traces");
    assert_eq!(output.status.code(), Some(0), "{said}{}", stderr(&output));
    agrees(&lines, &said).unwrap_or_else(|why| panic!("{why}\nand the command says\n{said}"));
}

#[test]
fn a_line_that_is_not_said_is_found() {
    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert_eq!(agrees(&shown(&["a", "[…]", "d"]), "a\nb\nc\nd\n"), Ok(()));
    assert!(agrees(&shown(&["a", "c"]), "a\nb\nc\n").is_err(), "something is left out without a mark");
    assert!(agrees(&shown(&["c", "[…]", "a"]), "a\nb\nc\n").is_err(), "another order");
}
