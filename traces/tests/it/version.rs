//! What is promised of version 1: files that earlier releases wrote are read, shown, exported and replayed. A file in the folder is
//! never changed; a later release may add one of its own.

use std::fs;
use std::path::PathBuf;

use podproof_traces::export::{dot, itf, mermaid, perfetto};
use podproof_traces::{
    Kind, Replayed, Style, Trace, diff, first_other_state, replay, shorten, show, show_remedy,
};

/// Why no file of earlier releases fails to be read.
const READABLE: &str = "whoever runs the tests can read the files";

fn files() -> Vec<(String, Trace)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/version-1");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect(READABLE).map(|entry| entry.expect(READABLE).path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read(&path).expect(READABLE);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let trace = Trace::from_bytes(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, trace)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn files_of_earlier_releases_are_read_and_their_verdicts_stand() {
    let mut kinds = Vec::new();
    for (name, trace) in files() {
        assert_eq!(replay(&trace), Ok(Replayed::StillBroken { at_step: trace.stem.len() }), "{name}");
        kinds.push(trace.kind);
    }
    assert!(kinds.contains(&Kind::Safety) && kinds.contains(&Kind::Lasso), "{kinds:?}");
}

#[test]
fn what_can_be_done_with_a_trace_can_be_done_with_an_earlier_one() {
    for (name, trace) in files() {
        let style = Style { colour: false, width: 100 };
        assert!(show(&trace, style).contains("is broken"), "{name}");
        assert!(diff(&trace, &trace, style).contains("steps are the same"), "{name}");
        assert!(mermaid::export(&trace).starts_with("sequenceDiagram\n"), "{name}");
        for exported in [itf::export(&trace), perfetto::export(&trace), dot::export(&trace, 3, 1)] {
            assert!(exported.is_ok(), "{name}: {exported:?}");
        }
        assert!(shorten(&trace, 1_000).steps().count() <= trace.steps().count(), "{name}");
    }
}

#[test]
fn a_file_without_the_later_fields_says_that_they_are_absent() {
    let (_, trace) = files().into_iter().find(|(name, _)| name.starts_with("first-")).unwrap();
    assert_eq!((trace.title.as_ref(), trace.lesson.as_ref()), (None, None));
    for (_, step) in trace.steps() {
        assert_eq!((step.says.as_str(), &step.reads, step.writes.len(), step.digest), ("", &None, 0, None));
    }
    assert_eq!(first_other_state(&trace), None, "without digests nothing is another state");
}

#[test]
fn a_remedy_of_an_earlier_release_is_told() {
    let (_, trace) = files().into_iter().find(|(name, _)| name.starts_with("remedy")).unwrap();
    let told = show_remedy(&trace, Style { colour: false, width: 100 });
    assert!(told.contains("remedy: preStop sleep of container web of 5 s"), "{told}");
    assert!(told.contains("\n+                seconds: 5\n"), "{told}");
}

#[test]
fn an_earlier_trace_recorded_again_has_every_field() {
    for (name, trace) in files() {
        let again = trace.recorded_again().unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(again.steps().all(|(_, step)| !step.says.is_empty() && step.digest.is_some()), "{name}");
        assert!(again.steps().any(|(_, step)| step.reads.is_some()), "{name}");
        assert!(again.steps().any(|(_, step)| !step.writes.is_empty()), "{name}");
        assert_eq!(first_other_state(&again), None, "{name}");
        let actions = |trace: &Trace| trace.steps().map(|(_, step)| step.action).collect::<Vec<_>>();
        assert_eq!(actions(&again), actions(&trace), "{name}");
    }
}
