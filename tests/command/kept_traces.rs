//! The files in which counterexamples are kept: whose they are, and how they are named in a command.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use podproof_traces::Trace;

use crate::run::{command, folder, podproof, stderr, stdout, text};

/// A small search that finds something broken.
const ABOUT: [&str; 9] = [
    "--replicas",
    "1",
    "--story",
    "pod-deletion",
    "--property",
    "stopped-before-gone",
    "--mutant",
    "kubelet-removes-early",
    "--trace-dir",
];

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
            said.contains("untimed.json: a trace of another manifest, which stays; this one is "),
            "{said}"
        );
        assert!(said.contains("-untimed-2.json"), "{said}");
        check(&one, &traces);
    }
    let name = "deployment-web-pod-deletion-stopped-before-gone-untimed";
    assert_eq!(files(&traces), [format!("{name}-2.json"), format!("{name}.json")]);
    for (file, manifest) in [(format!("{name}.json"), &one), (format!("{name}-2.json"), &other)] {
        let bytes = std::fs::read(traces.join(&file)).expect("it is there");
        let trace = Trace::from_bytes(&bytes).expect("it is a trace");
        assert_eq!(trace.manifest.as_deref(), Some(text(manifest)), "{file}");
    }
    // What is no trace is somebody else's, and called what it is.
    std::fs::write(traces.join(format!("{name}.json")), "notes").expect("written");
    let said = check(&one, &traces);
    let says = format!("{name}.json: no trace of podproof (line 1, column 2: this cannot be read as JSON: ");
    assert!(said.contains(&says) && !said.contains("another manifest"), "{said}");
    assert_eq!(std::fs::read_to_string(traces.join(format!("{name}.json"))).expect("it is there"), "notes");
    assert!(files(&traces).contains(&format!("{name}-3.json")), "{:?}", files(&traces));
}

/// What is said when `check` reads a manifest by this name from a folder, or from standard input.
fn check_in(folder: &Path, name: &str, input: &str, traces: &Path) -> String {
    let mut command = command(&[&["check", name], &ABOUT[..], &[text(traces)]].concat());
    let mut process = command.current_dir(folder).stdin(Stdio::piped()).spawn().expect("it runs");
    // What does not read its input may have ended.
    let _ = process.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = process.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// A manifest is the file that it is, and not what somebody has called it.
#[test]
fn a_manifest_is_known_by_its_place_and_not_by_its_spelling() {
    let folder = folder("kept-places");
    let traces = folder.join("traces");
    for name in ["one", "other"] {
        std::fs::create_dir(folder.join(name)).expect("made");
        manifest(&folder.join(name), "web.yaml");
    }
    let (one, other) = (folder.join("one"), folder.join("other"));
    let name = "deployment-web-pod-deletion-stopped-before-gone-untimed";
    let edited = |folder: &Path| {
        let text = std::fs::read_to_string(folder.join("web.yaml")).expect("it is there");
        std::fs::write(folder.join("web.yaml"), text + "# edited\n").expect("written");
    };
    edited(&other);
    assert!(!check_in(&one, "web.yaml", "", &traces).contains("another manifest"));
    let whole = std::fs::read(traces.join(format!("{name}.json"))).expect("it is there");
    // Another file of the same name.
    let said = check_in(&other, "web.yaml", "", &traces);
    assert!(said.contains(&format!("{name}.json: a trace of another manifest, which stays")), "{said}");
    assert_eq!(std::fs::read(traces.join(format!("{name}.json"))).expect("it is there"), whole);
    // The same file by other names, and after an edit.
    for spelled in ["./web.yaml", "../one/web.yaml", text(&one.join("web.yaml"))] {
        assert!(!check_in(&one, spelled, "", &traces).contains("another manifest"), "{spelled}");
    }
    assert!(!check_in(&folder, "one/web.yaml", "", &traces).contains("another manifest"));
    edited(&one);
    assert!(!check_in(&one, "web.yaml", "", &traces).contains("another manifest"));
    assert_eq!(files(&traces), [format!("{name}-2.json"), format!("{name}.json")]);
}

/// What was found in another world of the same manifest stays, until the manifest is edited.
#[test]
fn a_trace_of_another_world_is_not_written_over() {
    let folder = folder("kept-worlds");
    let traces = folder.join("traces");
    let web = manifest(&folder, "web.yaml");
    let name = "deployment-web-pod-deletion-stopped-before-gone-untimed";
    let one_node = |web: &Path| {
        let output =
            podproof(&[&["check", text(web), "--nodes", "1"], &ABOUT[..], &[text(&traces)]].concat());
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        stdout(&output)
    };
    check(&web, &traces);
    for _ in 0..2 {
        let said = one_node(&web);
        let says =
            format!("{name}.json: a trace of this workload in another world, which stays; this one is ");
        assert!(said.contains(&says) && said.contains(&format!("{name}-2.json")), "{said}");
        assert!(!check(&web, &traces).contains("another"));
    }
    assert_eq!(files(&traces), [format!("{name}-2.json"), format!("{name}.json")]);
    let written = std::fs::read_to_string(&web).expect("it is there");
    std::fs::write(&web, written + "# edited\n").expect("written");
    for _ in 0..2 {
        assert!(
            one_node(&web).contains(&format!("this one is {}", text(&traces.join(format!("{name}-2.json")))))
        );
        assert!(!check(&web, &traces).contains("another"));
    }
    assert_eq!(files(&traces).len(), 2, "each world has the file that it had");
}

/// Nobody edits a built-in scenario: each of its worlds has its own trace.
#[test]
fn a_trace_of_another_world_of_a_scenario_is_not_written_over() {
    let traces = folder("kept-scenario").join("traces");
    let run = |events: &str| {
        let about = ["check", "--scenario", "pod-life", "--property", "stopped-before-gone"];
        let wrong = ["--mutant", "kubelet-removes-early", "--event", events, "--trace-dir", text(&traces)];
        let output = podproof(&[&about[..], &wrong[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
        stdout(&output)
    };
    assert!(!run("container-crash=1").contains("another"));
    assert!(run("container-crash=2").contains("a trace of this workload in another world, which stays"));
    assert!(!run("container-crash=1").contains("another"));
    assert_eq!(files(&traces).len(), 2, "{:?}", files(&traces));
}

/// Standard input is another manifest whenever it says something else.
#[test]
fn what_comes_from_standard_input_is_known_by_what_it_says() {
    let folder = folder("kept-input");
    let traces = folder.join("traces");
    let web = std::fs::read_to_string("examples/web.yaml").expect("it is there");
    let other = format!("{web}# another\n");
    assert!(!check_in(&folder, "-", &web, &traces).contains("another manifest"));
    assert!(check_in(&folder, "-", &other, &traces).contains("a trace of another manifest, which stays"));
    assert!(!check_in(&folder, "-", &web, &traces).contains("another manifest"));
    assert_eq!(files(&traces).len(), 2, "{:?}", files(&traces));
}

/// A trace that was written before its manifest was noted is nobody's to write over.
#[test]
fn a_trace_of_which_the_manifest_is_not_known_stays() {
    let folder = folder("kept-older");
    let traces = folder.join("traces");
    manifest(&folder, "web.yaml");
    check_in(&folder, "web.yaml", "", &traces);
    let file = traces.join("deployment-web-pod-deletion-stopped-before-gone-untimed.json");
    let mut trace = Trace::from_bytes(&std::fs::read(&file).expect("it is there")).expect("a trace");
    assert!(trace.origin.take().is_some_and(|origin| origin.path.is_some()));
    std::fs::write(&file, trace.to_json()).expect("written");
    assert!(check_in(&folder, "web.yaml", "", &traces).contains("which stays; this one is "));
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
    assert!(shown.contains("breaks stopped-before-gone"), "{shown}");
    assert!(shown.contains("manifest: "), "it says what it is of: {shown}");
}

/// What is no file is not opened: whoever opens a pipe waits, and a link that leads nowhere would be written through.
#[test]
#[cfg(unix)]
fn neither_a_pipe_nor_a_link_that_leads_nowhere_is_written_into() {
    let folder = folder("kept-no-file");
    let traces = folder.join("traces");
    std::fs::create_dir_all(&traces).expect("a folder");
    let one = manifest(&folder, "one.yaml");
    let name = "deployment-web-pod-deletion-stopped-before-gone-untimed";
    let made = std::process::Command::new("mkfifo").arg(traces.join(format!("{name}.json"))).status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe can be made");
    let elsewhere = folder.join("elsewhere.json");
    std::os::unix::fs::symlink(&elsewhere, traces.join(format!("{name}-2.json"))).expect("a link");
    let said = check(&one, &traces);
    assert!(said.contains("untimed.json: no file, which stays; this one is "), "{said}");
    assert!(traces.join(format!("{name}-3.json")).is_file(), "{:?}", files(&traces));
    assert!(!elsewhere.exists(), "nothing is written through a link");
}
