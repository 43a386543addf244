//! `podproof trace`: shrink, diff, from-walk, from-fuzz and export, as a user meets them.

use std::path::PathBuf;

use podproof_model::Model;
use podproof_traces::{Kind, Replayed, Trace, replay};
use podproof_vocabulary::Property;
use serde_json::Value;

use crate::run::{command, folder, podproof, stderr, stdout, text};

/// A trace of the corpus.
fn kept(name: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("traces/corpus").join(name);
    text(&file).to_owned()
}

fn race() -> String {
    kept("no-failed-request/rolling-update-without-pre-stop.json")
}

fn text_of(file: &str) -> String {
    std::fs::read_to_string(file).expect("it is there")
}

fn read(json: &str) -> Trace {
    Trace::from_json(json).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_story_leaves_out_what_leads_up_unless_it_is_asked_for() {
    let told = |more: &[&str]| {
        let output = podproof(&[&["trace", "show", &race()], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let (short, full, end) = (told(&[]), told(&["--full"]), told(&["--from", "46"]));
    let lines = |text: &str| text.lines().count();
    assert!(lines(&end) < lines(&short) && lines(&short) < lines(&full));
    assert!(short.contains("are not told (--full tells them)") && !full.contains("not told"));
    assert!(!short.contains('\u{1b}'), "no colours where nobody looks");
    let output = podproof(&["trace", "show", &race(), "--from", "999"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--from 999: accepted are 1 to "), "{}", stderr(&output));
}

#[test]
fn replay_says_whose_world_it_takes() {
    let said = stdout(&podproof(&["trace", "replay", &race()]));
    assert!(said.contains("taken in the trace's own world; whether a manifest"), "{said}");
}

#[test]
fn a_trace_recorded_anew_is_the_same_trace() {
    let file = folder("trace-recorded").join("again.json");
    let output = podproof(&["trace", "replay", &race(), "--record", text(&file)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("no-failed-request: still broken, at step "), "{}", stdout(&output));
    let (again, before) = (
        std::fs::read_to_string(&file).expect("it was written"),
        std::fs::read_to_string(race()).expect("kept"),
    );
    let (again, before) = (read(&again), read(&before));
    let steps = |trace: &Trace| {
        trace.steps().map(|(_, step)| (step.says.clone(), step.changed.clone())).collect::<Vec<_>>()
    };
    assert_eq!(steps(&again), steps(&before));
    assert_eq!((again.title, again.lesson), (before.title, before.lesson));
}

/// A rollout on two nodes needs neither the second node nor the rollout: any deletion shows the race.
#[test]
fn a_trace_shrinks_to_a_smaller_world() {
    let output = podproof(&["trace", "shrink", &race(), "--max-states", "2000", "--worlds", "60"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("  nodes: 1 instead of 2\n"), "{}", stderr(&output));
    let small = read(&stdout(&output));
    let before = read(&std::fs::read_to_string(race()).expect("kept"));
    assert_eq!((small.property, small.scenario.nodes.len()), (Some(Property::NoFailedRequest), 1));
    assert!(small.stem.len() <= before.stem.len());
    assert_eq!(replay(&small), Ok(Replayed::StillBroken { at_step: small.stem.len() }));
    let again = podproof(&["trace", "shrink", &race(), "--max-states", "2000", "--worlds", "60"]);
    assert_eq!(stdout(&again), stdout(&output), "the same each time");
}

/// Fifty replicas on twenty nodes, and more than a thousand steps.
#[test]
fn a_long_walk_shrinks_to_what_it_is_about() {
    let file = folder("trace-walk").join("walk.json");
    let walk =
        ["trace", "from-walk", "1", "examples/web-fleet.yaml", "--story", "rollout", "--timing", "untimed"];
    let about = ["--walk", "10", "--property", "pods-within-surge", "--output", text(&file)];
    let output = podproof(&[&walk[..], &about].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let long = read(&std::fs::read_to_string(&file).expect("it was written"));
    assert_eq!((long.property, long.scenario.workload.replicas), (Some(Property::PodsWithinSurge), 50));
    let output = podproof(&["trace", "shrink", text(&file)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let small = read(&stdout(&output));
    assert!(small.stem.len() * 5 < long.stem.len(), "{} of {}", small.stem.len(), long.stem.len());
    assert!(small.scenario.workload.replicas <= 2 && small.scenario.nodes.len() == 1, "{}", stderr(&output));
    assert_eq!(replay(&small), Ok(Replayed::StillBroken { at_step: small.stem.len() }));
}

#[test]
fn a_walk_is_the_same_each_time_and_another_with_another_seed() {
    let walk = |seed: &str| {
        let output = podproof(&[
            "trace",
            "from-walk",
            seed,
            "--scenario",
            "pod-life",
            "--timing",
            "untimed",
            "--steps",
            "60",
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let first = walk("3");
    assert_eq!(walk("3"), first);
    assert_ne!(walk("4"), first);
    let trace = read(&first);
    let expected = match trace.kind {
        Kind::Path => Replayed::CanBeTaken,
        Kind::Safety | Kind::Lasso => Replayed::StillBroken { at_step: trace.stem.len() },
    };
    assert_eq!(replay(&trace), Ok(expected));
}

#[test]
fn two_traces_are_laid_side_by_side() {
    let other = kept("no-traffic-after-sigterm/scale-down-signals-a-routed-pod.json");
    let same = podproof(&["trace", "diff", &race(), &race()]);
    assert_eq!(same.status.code(), Some(0), "as diff does: {}", stderr(&same));
    let output = podproof(&["trace", "diff", &race(), &other]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("their worlds differ in\n") && text.contains("story: \"rollout\" | \"scale-down\""),
        "{text}"
    );
    assert!(text.contains("they part after step "), "{text}");
}

#[test]
fn every_target_is_written_to_a_file_or_to_standard_output() {
    let folder = folder("trace-export");
    for target in ["itf", "perfetto", "chrome", "dot", "graphviz", "mermaid", "markdown"] {
        let output = podproof(&["trace", "export", &race(), "--to", target]);
        assert_eq!(output.status.code(), Some(0), "{target}: {}", stderr(&output));
        let file = folder.join(target);
        let written = podproof(&["trace", "export", &race(), "--to", target, "-o", text(&file)]);
        assert_eq!(written.status.code(), Some(0), "{target}: {}", stderr(&written));
        assert_eq!(std::fs::read_to_string(&file).expect("it was written"), stdout(&output), "{target}");
        match target {
            "itf" | "perfetto" | "chrome" => {
                assert!(serde_json::from_str::<Value>(&stdout(&output)).is_ok(), "{target}");
            }
            "dot" | "graphviz" => assert!(stdout(&output).starts_with("digraph "), "{target}"),
            "markdown" => {
                let said = stdout(&output);
                assert!(said.starts_with("# ") && said.contains("\n```mermaid\nsequenceDiagram\n"), "{said}");
            }
            _ => assert!(stdout(&output).starts_with("sequenceDiagram\n"), "{target}"),
        }
    }
}

#[test]
fn what_cannot_be_done_says_so() {
    let witness = kept("witness/rollout-that-completes.json");
    for (arguments, says) in [
        (&["trace", "shrink", &witness][..], "a path breaks nothing"),
        (&["trace", "export", &race(), "--to", "dot", "--step", "999"], "--step 999: accepted are 0 to "),
        (
            &["trace", "export", &race(), "--to", "mermaid", "--step", "3"],
            "--step has no effect on --to mermaid, which holds the whole trace; accepted is --step with --to dot",
        ),
        (
            &["trace", "export", &race(), "--to", "html", "--around", "2"],
            "--around has no effect on --to html",
        ),
        (&["trace", "export", &race(), "--to", "itf", "--step", "0"], "--step has no effect on --to itf"),
        (
            &["trace", "export", &race(), "--to", "perfetto", "--step", "0"],
            "--step has no effect on --to perfetto",
        ),
        (&["trace", "diff", &race(), "Cargo.toml"], "Cargo.toml: line 1, column "),
        (&["trace", "from-walk", "1", "examples/no-such.yaml"], "examples/no-such.yaml"),
    ] {
        let output = podproof(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
}

/// What is read is never written over, by whatever path it is called.
#[test]
fn no_command_writes_over_what_it_reads() {
    let folder = folder("trace-over");
    let (trace, manifest) = (folder.join("race.json"), folder.join("web.yaml"));
    std::fs::copy(race(), &trace).expect("copied");
    std::fs::copy("examples/web.yaml", &manifest).expect("copied");
    let (crooked, link) = (folder.join("../trace-over/race.json"), folder.join("hard.json"));
    std::fs::hard_link(&trace, &link).expect("linked");
    let before = [&trace, &manifest].map(|file| std::fs::read(file).expect("it is there"));
    for arguments in [
        &["trace", "export", text(&trace), "--to", "mermaid", "-o", text(&trace)][..],
        &["trace", "export", text(&trace), "--to", "html", "-o", text(&crooked)],
        &["trace", "export", text(&trace), "--to", "itf", "-o", text(&link)],
        &["trace", "shrink", text(&trace), "-o", text(&trace)],
        &["trace", "from-walk", "1", text(&manifest), "-o", text(&manifest)],
    ] {
        let output = podproof(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let says = stderr(&output);
        assert!(says.contains(", which is read; accepted is another file"), "{arguments:?}: {says}");
    }
    #[cfg(feature = "fuzz")]
    {
        let arguments = ["trace", "from-fuzz", "lockstep", text(&trace), "-o", text(&trace)];
        let output = podproof(&arguments);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
    let after = [&trace, &manifest].map(|file| std::fs::read(file).expect("it is there"));
    assert_eq!(after, before);
    // To record a trace anew in its place is what --record is for.
    let output = podproof(&["trace", "replay", text(&trace), "--record", text(&trace)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    read(&std::fs::read_to_string(&trace).expect("it is there"));
}

#[test]
fn no_folder_is_made_for_what_is_written() {
    let folder = folder("trace-no-folder");
    let file = folder.join("not/there.json");
    for arguments in [
        &["trace", "replay", &race(), "--record", text(&file)][..],
        &["trace", "export", &race(), "--to", "itf", "-o", text(&file)],
        &["trace", "shrink", &race(), "-o", text(&file)],
        &["trace", "from-walk", "1", "--scenario", "pod-life", "-o", text(&file)],
    ] {
        let output = podproof(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let says = stderr(&output);
        let expected = format!("there is no folder {}; accepted is a file in", text(&folder.join("not")));
        assert!(says.contains(&expected), "{arguments:?}: {says}");
    }
    assert!(!folder.join("not").exists());
}

/// A trace that goes on after the step that breaks its promise is written up to that, and nothing is left to find fault with.
#[test]
fn a_trace_with_more_steps_than_it_takes_is_written_anew() {
    let folder = folder("trace-longer");
    let (long, again) = (folder.join("long.json"), folder.join("again.json"));
    let trace = read(&text_of(&race()));
    let model = Model::new(trace.scenario.clone()).expect("it is small");
    let mut actions: Vec<_> = trace.stem.iter().map(|step| step.action).collect();
    let property = trace.property.expect("it breaks one");
    // Beginnings differ in the kube-proxy that is modelled.
    let is_own = |first: &_| {
        Trace::record(&model, property, first, &actions, None, None).observed_proxy == trace.observed_proxy
    };
    let first = model.initial().into_iter().find(is_own).expect("it begins in one");
    let end = actions.iter().fold(first.clone(), |state, action| model.apply(&state, action));
    let mut enabled = Vec::new();
    model.enabled(&end, &mut enabled);
    actions.push(enabled[0]);
    let longer = Trace::record(&model, property, &first, &actions, None, None);
    std::fs::write(&long, longer.to_json()).expect("written");
    let output = podproof(&["trace", "replay", text(&long)]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let output = podproof(&["trace", "replay", text(&long), "--record", text(&again)]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert_eq!(read(&text_of(text(&again))).stem.len(), trace.stem.len());
    assert_eq!(podproof(&["trace", "replay", text(&again)]).status.code(), Some(0));
}

/// A remedy that stands in a file is what the file says, and nobody who records its trace anew vouches for it.
#[test]
fn a_remedy_is_told_as_recorded_and_not_carried_on() {
    let folder = folder("trace-remedy");
    let (file, again) = (folder.join("edited.json"), folder.join("again.json"));
    let mut document: Value = serde_json::from_str(text_of(&race()).as_str()).expect("it is JSON");
    document["remedy"] =
        serde_json::json!({ "says": ["remedy: pray; with it no-failed-request holds"], "patch": "+pray\n" });
    std::fs::write(&file, document.to_string()).expect("written");
    let shown = stdout(&podproof(&["trace", "show", text(&file)]));
    let (_, end) = shown.split_once("\nrecorded, not checked again (").unwrap_or_else(|| panic!("{shown}"));
    assert!(end.contains("\n  remedy: pray; with it no-failed-request holds\n+pray\n"), "{shown}");
    let output = podproof(&["trace", "replay", text(&file), "--record", text(&again)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("its remedy was not checked again and is left out"),
        "{}",
        stderr(&output)
    );
    assert_eq!(read(&text_of(text(&again))).remedy, None);
    let output = podproof(&["trace", "replay", text(&again), "--record", text(&again)]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

/// A path on which nothing fails is no finding; what is no path, or no case, is said.
#[cfg(feature = "fuzz")]
#[test]
fn what_a_fuzz_target_found_is_tried_again() {
    let output = podproof(&["trace", "from-fuzz", "lockstep", &kept("witness/rollout-that-completes.json")]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""), "{}", stderr(&output));
    assert!(stderr(&output).contains("it does not fail, and nothing was written"), "{}", stderr(&output));
    for (case, says) in [
        ("proxies", "there is no case \"proxies\"; accepted are model_walk, lockstep, "),
        ("lockstep", "no-such-file"),
    ] {
        let output = podproof(&["trace", "from-fuzz", case, "no-such-file"]);
        assert_eq!(output.status.code(), Some(2), "{case}");
        assert!(stderr(&output).contains(says), "{case}: {}", stderr(&output));
    }
}

#[cfg(not(feature = "fuzz"))]
#[test]
fn without_its_feature_from_fuzz_says_how_to_get_it() {
    let output = podproof(&["trace", "from-fuzz", "lockstep", "crash-1"]);
    assert_eq!(output.status.code(), Some(2));
    let says = "accepted is one with them: cargo run --features fuzz -- trace from-fuzz lockstep crash-1";
    assert!(stderr(&output).contains(says), "{}", stderr(&output));
}

/// Which manifest a trace is of stays known, whatever becomes of it.
#[test]
fn a_walk_and_what_it_shrinks_to_are_of_their_manifest() {
    let folder = folder("trace-of-manifest");
    let (manifest, walk, small) =
        (folder.join("web.yaml"), folder.join("walk.json"), folder.join("small.json"));
    std::fs::copy("examples/web.yaml", &manifest).expect("copied");
    let output = podproof(&[
        "trace",
        "from-walk",
        "1",
        text(&manifest),
        "--story",
        "pod-deletion",
        "--property",
        "no-failed-request",
        "-o",
        text(&walk),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let taken = read(&text_of(text(&walk)));
    assert_eq!(taken.property, Some(Property::NoFailedRequest), "{}", stderr(&output));
    assert_eq!(taken.manifest.as_deref(), Some(text(&manifest)));
    assert!(taken.origin.is_some_and(|origin| origin.path.is_some()));
    let output = podproof(&[
        "trace",
        "shrink",
        text(&walk),
        "--worlds",
        "20",
        "--max-states",
        "2000",
        "-o",
        text(&small),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let shrunk = read(&text_of(text(&small)));
    assert!(shrunk.scenario != taken.scenario, "another world: {}", stderr(&output));
    assert_eq!((&shrunk.manifest, shrunk.origin), (&taken.manifest, taken.origin));
    // A check of the manifest has more in its world than what was left, and is named for the whole alone.
    let shown = |file: &std::path::Path| {
        let output = podproof(&["trace", "show", text(file)]);
        stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let named = format!("podproof check {}", text(&manifest));
    assert!(shown(&walk).contains(&named), "{}", shown(&walk));
    let title = shrunk.title.expect("a title");
    assert!(title.starts_with("in a smaller world (container web: no readiness probe"), "{title}");
    assert!(title.ends_with("): walk 1 of seed 1"), "{title}");
    assert!(!shown(&small).contains(&named), "{}", shown(&small));
}

/// The command that a story names can be typed as it stands.
#[test]
fn a_story_names_its_file() {
    let file = folder("trace-named").join("my race.json");
    std::fs::copy(race(), &file).expect("copied");
    let told = stdout(&podproof(&["trace", "show", text(&file)]));
    let told: Vec<_> = told.split_whitespace().collect();
    assert!(told.join(" ").contains(&format!("replay: podproof trace replay '{}'", text(&file))), "{told:?}");
}

#[test]
fn a_trace_is_read_from_standard_input() {
    for what in ["show", "replay"] {
        let of_file = podproof(&["trace", what, &race()]);
        let input = std::fs::File::open(race()).expect("it is there");
        let output = command(&["trace", what, "-"]).stdin(input).output().expect("the command runs");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let told = stdout(&of_file);
        let told = told.split("replay: ").next().unwrap_or_default();
        assert!(stdout(&output).starts_with(told.trim_end()), "{what}");
    }
    let output = command(&["trace", "show", "-"]).output().expect("the command runs");
    assert_eq!(output.status.code(), Some(2), "nothing is no trace");
}

/// A report is not a trace, and its reader is told where the traces are.
#[test]
fn a_report_in_the_place_of_a_trace_is_called_one() {
    let folder = folder("report-for-trace");
    let report = folder.join("report.json");
    let written = format!("json={}", text(&report));
    let about = ["check", "--scenario", "pod-life", "--only", "untimed", "--trace-dir", text(&folder)];
    podproof(&[&about[..], &["--report", &written]].concat());
    assert!(report.exists());
    for what in ["show", "replay", "shrink"] {
        let output = podproof(&["trace", what, text(&report)]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains("report.json: this is a report, not a trace: it names the trace"),
            "{}",
            stderr(&output)
        );
    }
}
