//! What cannot be had together is refused before anything is searched, all of it at once.

use crate::run::{podproof, stderr, stdout, text};

const CHECK: [&str; 5] = ["check", "--scenario", "rollout", "--property", "placement-lawful"];

fn refused(arguments: &[&str]) -> Vec<String> {
    let output = podproof(&[&CHECK[..], arguments].concat());
    let errors = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert_eq!(stdout(&output), "", "{arguments:?}: nothing was searched");
    errors.lines().filter(|line| line.starts_with("error: ")).map(str::to_owned).collect()
}

#[test]
fn every_conflict_is_told_at_once() {
    let errors = refused(&[
        "--engine",
        "stateright-bfs",
        "--checkpoint",
        "no-such-folder",
        "--max-memory",
        "1GiB",
        "--fingerprint-bits",
        "128",
        "--symmetry",
        "pods",
    ]);
    let options = ["--checkpoint", "--max-memory", "--fingerprint-bits 128", "--symmetry pods"];
    assert_eq!(errors.len(), options.len(), "{errors:?}");
    for option in options {
        assert!(errors.iter().any(|error| error.contains(option)), "{option}: {errors:?}");
    }
    let errors = refused(&["--hunt", "--partial-order", "--symmetry", "nodes"]);
    let signs = ["--partial-order has no effect with --hunt", "--symmetry nodes cannot be honoured"];
    for sign in signs {
        assert!(errors.iter().any(|error| error.contains(sign)), "{sign}: {errors:?}");
    }
}

#[test]
fn a_search_that_partial_order_does_not_fit_is_refused_before_it() {
    for (more, sign) in
        [("--exact", "coalesced-watch-events"), ("--symmetry=none", "--symmetry pods and all")]
    {
        let errors = refused(&["--partial-order", more]);
        assert!(errors.len() == 1 && errors[0].contains(sign), "{more}: {errors:?}");
    }
}

#[test]
fn an_interval_without_a_folder_is_refused() {
    let output = podproof(&[&CHECK[..], &["--checkpoint-interval", "10s"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--checkpoint <DIR>"), "{}", stderr(&output));
    let folder = crate::run::folder("interval").join("kept");
    let kept = ["--checkpoint", text(&folder), "--checkpoint-interval", "10s"];
    let output = podproof(&[&CHECK[..], &kept].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}
