//! The corpus: every trace of it stands, has a lesson, and is told as its snapshot says. `PODPROOF_UPDATE=1` writes its
//! README.md anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use podproof_traces::{Kind, Replayed, Style, Trace, first_other_state, replay, show};
use podproof_vocabulary::Property;
use podproof_vocabulary::scenario::PreStop;

use crate::common::broken;

/// The folder of the traces that break nothing.
const WITNESSES: &str = "witness";
/// Why nothing of the corpus fails to be read.
const READABLE: &str = "whoever runs the tests can read the corpus";
/// Why no page fails to be written.
const WRITTEN: &str = "writing to a String";

struct Kept {
    /// The folder that it is in: its property, or [`WITNESSES`].
    folder: String,
    /// Its name.
    slug: String,
    text: String,
    trace: Trace,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect(READABLE).map(|entry| entry.expect(READABLE).path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The traces of the corpus.
pub fn traces() -> Vec<Trace> {
    corpus().into_iter().map(|kept| kept.trace).collect()
}

fn corpus() -> Vec<Kept> {
    let mut corpus = Vec::new();
    for folder in entries(&root()).into_iter().filter(|path| path.is_dir()) {
        let is_trace = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
        for path in entries(&folder).into_iter().filter(is_trace) {
            let text = fs::read_to_string(&path).expect(READABLE);
            let trace = Trace::from_bytes(text.as_bytes())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            corpus.push(Kept { folder: name(&folder), slug: name(&path), text, trace });
        }
    }
    corpus
}

#[test]
fn every_trace_replays_to_its_verdict() {
    for Kept { folder, slug, trace, .. } in corpus() {
        let expected = match trace.kind {
            Kind::Path => Replayed::CanBeTaken,
            Kind::Safety | Kind::Lasso => Replayed::StillBroken { at_step: trace.stem.len() },
        };
        assert_eq!(replay(&trace), Ok(expected), "{folder}/{slug}");
    }
}

#[test]
fn every_trace_is_written_as_the_crate_writes_it() {
    for Kept { folder, slug, text, trace } in corpus() {
        assert!(trace.to_json() == text, "{folder}/{slug}: podproof trace replay --record writes it anew");
    }
}

#[test]
fn every_trace_has_a_title_and_a_lesson_and_is_where_it_belongs() {
    let mut titles = BTreeSet::new();
    for Kept { folder, slug, trace, .. } in corpus() {
        let at = format!("{folder}/{slug}");
        assert_eq!(folder, trace.property.map_or(WITNESSES, Property::name), "{at}");
        let title = trace.title.unwrap_or_default();
        let lesson = trace.lesson.unwrap_or_default();
        assert!(title.len() >= 20 && !title.ends_with('.'), "{at}: a title is a line without a full stop");
        assert!(lesson.len() >= 100 && lesson.ends_with('.'), "{at}: a lesson is a sentence or two");
        let marks = ["://", "kubernetes/kubernetes", "tests/recordings/", "S28 `"];
        let has_source = marks.iter().any(|mark| lesson.contains(mark)) || lesson.split(' ').any(is_rule);
        assert!(has_source, "{at}: a lesson names an issue, a document, a recording, a file or a rule");
        assert_eq!(slug.starts_with("wrong-rule-"), trace.scenario.mutant.is_some(), "{at}");
        assert!(titles.insert(title), "{at}: a title of its own");
    }
}

/// `KEP-1669,` or `(STP-6),`: something that the code cites by its number.
fn is_rule(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    word.split_once('-').is_some_and(|(name, number)| {
        name.len() > 2
            && name.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[test]
fn every_property_has_a_counterexample_that_was_read() {
    let corpus = corpus();
    for property in Property::all() {
        assert!(corpus.iter().any(|kept| kept.trace.property == Some(property)), "{property}");
    }
    assert!(corpus.iter().any(|kept| kept.trace.kind == Kind::Path), "a witness");
    assert!(corpus.len() >= 25, "{} traces", corpus.len());
}

#[test]
fn every_trace_is_told_as_it_was_when_it_was_read() {
    for Kept { folder, slug, trace, .. } in corpus() {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(root().join(folder));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_input_file(format!("{slug}.json"));
        let story = show(&trace, Style { colour: false, width: 100 });
        settings.bind(|| insta::assert_snapshot!(slug, story));
    }
}

#[test]
fn no_line_of_a_story_is_wider_than_it_may_be() {
    for Kept { folder, slug, trace, .. } in corpus() {
        let story = show(&trace, Style { colour: false, width: 100 });
        let widest = story.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 100, "{folder}/{slug}: {widest} columns");
    }
}

/// A line of Markdown that is no markup.
fn plain(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('*', "\\*")
}

fn readme(corpus: &[Kept]) -> String {
    let mut out = String::from(
        "# Counterexamples that were read\n\n\
         Each file is a trace with a title and a lesson; beside it is the story that `podproof trace show` tells of it, but for the \
         turning point and the remedy, which come after it. Every one replays to its verdict in the tests of `podproof-traces`. Those called `wrong-rule-` run a rule of the model that was made \
         wrong on purpose, to show what the right one is for; all others are what Kubernetes does.\n\n\
         This page is generated from the files: `PODPROOF_UPDATE=1 cargo test -p podproof-traces corpus`.\n",
    );
    let sections = Property::all().map(Some).chain([None]);
    for property in sections {
        let of_it = corpus.iter().filter(|kept| kept.trace.property == property);
        let (heading, says) = match property {
            Some(property) => (property.name(), property.facts().says),
            None => (WITNESSES, "paths that break nothing, and show that something can happen"),
        };
        write!(out, "\n## {heading}\n\n{}.\n", plain(says)).expect(WRITTEN);
        for kept in of_it {
            let trace = &kept.trace;
            let cycle = match trace.cycle.len() {
                0 => String::new(),
                steps => format!(", then {steps} for ever"),
            };
            write!(
                out,
                "\n### [{}]({}/{}.json)\n\n{}\n\n{} of {}, story {}, {}: {} steps{cycle}. [The story]({}/{}.snap)\n",
                plain(trace.title.as_deref().unwrap_or_default()),
                kept.folder,
                kept.slug,
                plain(trace.lesson.as_deref().unwrap_or_default()),
                trace.scenario.workload.kind.name(),
                match trace.scenario.workload.replicas {
                    1 => "one pod".to_owned(),
                    more => format!("{more} pods"),
                },
                trace.scenario.story,
                trace.scenario.timing.name(),
                trace.stem.len(),
                kept.folder,
                kept.slug,
            )
            .expect(WRITTEN);
        }
    }
    out
}

#[test]
fn its_readme_is_generated_from_it() {
    let expected = readme(&corpus());
    let file = root().join("README.md");
    if std::env::var_os("PODPROOF_UPDATE").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "PODPROOF_UPDATE=1 cargo test -p podproof-traces corpus writes {}",
        file.display()
    );
}

/// Whoever replays one is told nothing of states that are not as they were: the digests are of the model of today.
#[test]
fn its_digests_are_of_the_model_of_today() {
    for Kept { folder, slug, trace, .. } in corpus() {
        let Some(step) = first_other_state(&trace) else { continue };
        let file = root().join(&folder).join(format!("{slug}.json"));
        let update = std::env::var_os("PODPROOF_UPDATE").is_some();
        assert!(
            update,
            "{folder}/{slug}: from step {step} on; PODPROOF_UPDATE=1 cargo test -p podproof-traces corpus writes it anew"
        );
        let again = trace.recorded_again().expect("it stands");
        fs::write(&file, again.to_json()).unwrap();
    }
}

/// What the lesson of the deleted pod says: alone it fails a request however long its preStop hook is.
#[test]
fn no_pre_stop_sleep_is_long_enough_for_a_pod_that_is_alone() {
    let text = include_str!("../../corpus/no-failed-request/kubelet-before-endpoints.json");
    let mut scenario = Trace::from_json(text).expect("it is kept").scenario;
    for seconds in [5, 10, 25] {
        scenario.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(seconds));
        let trace = broken(&scenario, Property::NoFailedRequest);
        assert_eq!(replay(&trace), Ok(Replayed::StillBroken { at_step: trace.stem.len() }), "{seconds} s");
    }
}
