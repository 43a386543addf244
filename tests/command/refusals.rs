//! What cannot be had together is refused before anything is searched, all of it at once.

use crate::run::{folder, podproof, stderr, stdout, text};

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
fn a_run_scales_to_one_thing() {
    let errors = refused(&["--event", "scale=+1", "--event", "scale=-1"]);
    assert!(errors.len() == 1 && errors[0].contains("accepted is one target in a run"), "{errors:?}");
}

/// Two counts of one event may be meant as their sum or as the greater: it is asked for.
#[test]
fn an_event_is_named_once() {
    let twice = ["--event", "delete-pod=1", "--event", "delete-pod=1"];
    let says =
        "error: --event delete-pod is there twice; accepted is one, with how often it may happen in all";
    assert_eq!(refused(&twice), [says]);
    for command in ["simulate", "tune", "explore"] {
        let output = podproof(&[&[command, "examples/web.yaml"], &twice[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(stderr(&output).contains(says), "{command}: {}", stderr(&output));
    }
    // As often as it likes is nothing that a command line asks for.
    let output = podproof(&[&CHECK[..], &["--event", "delete-pod=255"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("delete-pod=N with N from 0 to 254"), "{}", stderr(&output));
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
    let folder = folder("interval").join("kept");
    let kept = ["--checkpoint", text(&folder), "--checkpoint-interval", "10s"];
    let output = podproof(&[&CHECK[..], &kept].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

/// A report goes neither over a manifest nor over another report.
#[test]
fn a_report_writes_over_nothing() {
    let folder = folder("refused-reports");
    let (manifest, report) = (folder.join("web.yaml"), folder.join("report"));
    std::fs::copy("examples/web.yaml", &manifest).expect("copied");
    let before = std::fs::read_to_string(&manifest).expect("it is there");
    let spelled = folder.join(".").join("web.yaml");
    for (formats, says) in [
        (vec![format!("json={}", text(&spelled))], "which is read; accepted is another file"),
        (
            vec![format!("json={}", text(&report)), format!("sarif={}", text(&report))],
            "is named for two reports",
        ),
        (
            vec![
                format!("json={}", text(&report)),
                format!("sarif={}", text(&folder.join(".").join("report"))),
            ],
            "is named for two reports",
        ),
        (vec![format!("json={}", text(&folder.join("no").join("where")))], "there is no folder "),
        (vec![format!("json={}", text(&folder))], "this is a folder; accepted is a file"),
        (vec!["json=-".to_owned()], "standard output has the report of --format"),
    ] {
        let reports: Vec<&str> = formats.iter().flat_map(|format| ["--report", format]).collect();
        let output = podproof(&[&["check", text(&manifest)], &reports[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
    assert_eq!(std::fs::read_to_string(&manifest).expect("it is there"), before);
    assert!(!report.exists());
}
