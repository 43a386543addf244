//! The help texts: each command has one, and none is wider than a terminal.

use crate::run::{podproof, stdout};

/// The commands under this one, as its help lists them.
fn commands(of: &[&str]) -> Vec<String> {
    let help = stdout(&podproof(&[of, &["--help"]].concat()));
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let (list, _) = list.split_once("\n\n").expect("options follow");
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|&name| name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_line_of_a_help_is_wider_than_a_terminal() {
    let top = commands(&[]);
    assert!(top.iter().any(|name| name == "check") && top.iter().any(|name| name == "trace"), "{top:?}");
    let mut paths: Vec<Vec<String>> = vec![Vec::new()];
    for name in top {
        let below = commands(&[name.as_str()]);
        paths.extend(below.into_iter().map(|own| vec![name.clone(), own]));
        paths.push(vec![name]);
    }
    for path in paths {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let help = stdout(&podproof(&[&words[..], &["--help"]].concat()));
        assert!(help.contains("Usage:"), "{path:?}: {help}");
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "podproof {}: {line}", words.join(" "));
        }
    }
}
