//! The files in which counterexamples are kept: whose they are, and how they are named in a command.

use std::path::{Path, PathBuf};

use podproof_traces::Trace;

use crate::run::{folder, podproof, stdout, text};

const ABOUT: [&str; 7] =
    ["--replicas", "1", "--story", "pod-deletion", "--property", "no-failed-request", "--trace-dir"];

/// A manifest of a Deployment `web` in a folder of its own.
fn manifest(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::copy("examples/web.yaml", &file).expect("copied");
    file
}

fn check(manifest: &Path, traces: &Path) -> String {
    let output = podproof(&[&["check", text(manifest)], &ABOUT[..], &[text(traces)]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    stdout(&output)
}

fn files(traces: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(traces).expect("traces were written");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("one").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Two manifests with a Deployment of the same name, one trace folder: each has its own file, however often each is checked.
#[test]
fn a_trace_of_another_manifest_is_not_written_over() {
    let folder = folder("kept-two");
    let traces = folder.join("traces");
    let (one, other) = (manifest(&folder, "one.yaml"), manifest(&folder, "other.yaml"));
    let said = check(&one, &traces);
    assert!(!said.contains("of another manifest"), "{said}");
    for _ in 0..2 {
        let said = check(&other, &traces);
        assert!(
            said.contains("timed.json: a trace of another manifest, which stays; this one is "),
            "{said}"
        );
        assert!(said.contains("-timed-2.json"), "{said}");
        check(&one, &traces);
    }
    let name = "deployment-web-pod-deletion-no-failed-request-timed";
    assert_eq!(files(&traces), [format!("{name}-2.json"), format!("{name}.json")]);
    for (file, manifest) in [(format!("{name}.json"), &one), (format!("{name}-2.json"), &other)] {
        let bytes = std::fs::read(traces.join(&file)).expect("it is there");
        let trace = Trace::from_bytes(&bytes).expect("it is a trace");
        assert_eq!(trace.manifest.as_deref(), Some(text(manifest)), "{file}");
    }
    // What is no trace is somebody else's.
    std::fs::write(traces.join(format!("{name}.json")), "notes").expect("written");
    check(&one, &traces);
    assert_eq!(std::fs::read_to_string(traces.join(format!("{name}.json"))).expect("it is there"), "notes");
    assert!(files(&traces).contains(&format!("{name}-3.json")), "{:?}", files(&traces));
}

/// A command that is shown can be copied into a shell.
#[test]
fn a_folder_with_a_space_is_quoted() {
    let folder = folder("kept quoted");
    let traces = folder.join("traces");
    let said = check(&manifest(&folder, "web.yaml"), &traces);
    let command = said.lines().find_map(|line| line.split_once(" steps: ")).expect("a command").1;
    assert!(command.starts_with("podproof trace show '/"), "{command}");
    let shell = command.replacen("podproof", env!("CARGO_BIN_EXE_podproof"), 1);
    let shown = std::process::Command::new("sh").args(["-c", &shell]).output().expect("a shell");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("breaks no-failed-request"), "{shown}");
    assert!(shown.contains("manifest: "), "it says what it is of: {shown}");
}
