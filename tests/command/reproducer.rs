//! What a fuzz target found that is no path through a scenario, as a user meets it.

use crate::run::{folder, podproof, stderr, stdout, text};

/// What is found without a path through a scenario becomes a reproducer: shown, tried again, an input again, and no trace.
#[cfg(feature = "fuzz")]
#[test]
fn what_a_fuzz_target_found_without_a_path_is_made_smaller_and_told() {
    let folder = folder("trace-reproducer");
    let (artifact, kept, again) = (folder.join("crash"), folder.join("kept.json"), folder.join("again.json"));
    std::fs::write(&artifact, [1, 3, 1, 5, 1, 14, 1, 9, 1, 2, 0]).expect("it can be written");
    let output = podproof(&["trace", "from-fuzz", "canary", text(&artifact), "-o", text(&kept)]);
    let says = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{says}");
    assert!(says.contains("of 11 bytes ") && says.contains("the canary is dead"), "{says}");
    assert!(says.contains(&format!("read it: podproof trace show {}", text(&kept))), "{says}");
    let output = podproof(&["trace", "show", text(&kept)]);
    let story = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(story.starts_with("a finding of the case canary at "), "{story}");
    assert!(story.contains("  the canary is dead, as it should be\n"), "{story}");
    assert!(story.contains("what happens up to there:\n\n  it sings 0\n\nreplay it: "), "{story}");
    let output = podproof(&["trace", "replay", text(&kept)]);
    assert_eq!(
        (output.status.code(), stdout(&output).as_str()),
        (Some(0), "canary: it still fails, and says the same\n")
    );
    // It is an input of its case again, and of no other.
    let output = podproof(&["trace", "from-fuzz", "canary", text(&kept), "-o", text(&again)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let files = [&kept, &again].map(|file| std::fs::read(file).expect("it was written"));
    assert_eq!(files[0], files[1]);
    let output = podproof(&["trace", "from-fuzz", "proxy", text(&kept)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("of the case canary; accepted here is one of proxy"),
        "{}",
        stderr(&output)
    );
    for arguments in [
        &["trace", "shrink", text(&kept)][..],
        &["trace", "export", text(&kept), "--to", "mermaid"],
        &["trace", "diff", text(&kept), text(&kept)],
        &["trace", "show", text(&kept), "--from", "2"],
        &["trace", "show", text(&kept), "--slice"],
        &["trace", "replay", text(&kept), "--record", text(&again)],
        &["check", text(&kept)],
        &["conform", text(&kept)],
    ] {
        let output = podproof(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains("this is a reproducer"), "{arguments:?}: {}", stderr(&output));
    }
    std::fs::write(
        &kept,
        std::fs::read_to_string(&kept).expect("it is there").replace("canary is dead", "bird sleeps"),
    )
    .expect("it can be written");
    let output = podproof(&["trace", "replay", text(&kept)]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains("it still fails, and says something else: the canary is dead"));
}

#[cfg(not(feature = "fuzz"))]
#[test]
fn without_its_feature_a_reproducer_is_shown_and_not_tried_again() {
    let file = folder("trace-reproducer-alone").join("kept.json");
    let kept = podproof_traces::Reproducer::new("canary", "a.rs:1:2", "it is dead", Vec::new(), &[0]);
    std::fs::write(&file, kept.to_json()).expect("it can be written");
    let output = podproof(&["trace", "show", text(&file)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("it is dead"), "{}", stdout(&output));
    let output = podproof(&["trace", "replay", text(&file)]);
    assert_eq!(output.status.code(), Some(2));
    let says = format!("accepted is cargo run -p podproof-harness --bin replay -- canary {}", text(&file));
    assert!(stderr(&output).contains(&says), "{}", stderr(&output));
}
