//! The twins of one slice (`checker/benches/peers/termination.*`): a Deployment's running pods are taken away, from the
//! deletion over the endpoint to the rules of one kube-proxy. The model's search, our engine on a packed state, SPIN and a
//! checker of TLA+ find the same states, and the same promise broken. What is not installed is skipped, and says so.

#[path = "../../checker/benches/peers/termination.rs"]
mod termination;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::Checked;
use podproof_checker::{Search, System};
use podproof_model::cluster::Cluster;
use podproof_model::state::{Endpoint, Worker};
use podproof_vocabulary::observation::{Address, Deletion, Phase, Process, Sandbox};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Property, Revision, catalogue};
use termination::{NO_TRAFFIC_AFTER_SIGTERM, Pod, Termination, Variables};

/// States and transitions, without the one into the initial state.
type Counts = (u64, u64);

fn checked(replicas: u32) -> Checked {
    let replicas = u8::try_from(replicas).expect("a few replicas");
    Checked::new(catalogue::termination("twins", replicas))
}

fn counts_of_the_rust_twin(replicas: u32) -> Counts {
    let report = Search::new(&Termination { replicas }).run();
    assert!(report.is_complete());
    (report.states, report.transitions)
}

/// A pod object, or the copy of one, as the twins have it.
fn object(exists: bool, phase: Phase, deleting: bool, ready: bool, address: Option<Address>) -> u64 {
    if !exists {
        return termination::GONE;
    }
    assert_eq!(address, Some(Address(0)), "the first address that its slot has");
    match (phase, deleting, ready) {
        (Phase::Running, false, true) => termination::RUNNING,
        (Phase::Running, true, true) => termination::DELETING,
        (Phase::Running, true, false) => termination::UNREADY,
        (Phase::Succeeded, true, false) => termination::SUCCEEDED,
        other => panic!("no twin has a pod like {other:?}"),
    }
}

fn worker(cluster: &Cluster<'_>, pod: PodId) -> u64 {
    let kubelet = cluster.pod(pod).kubelet;
    let container = cluster.container(pod, ContainerId(0));
    let (process, sandbox) = (container.process(), kubelet.sandbox());
    match (kubelet.worker(), process, sandbox) {
        (Worker::None, Process::Absent, Sandbox::None) => termination::NONE,
        (Worker::Sync, Process::Running, Sandbox::Ready) => termination::SYNC,
        (Worker::Terminating, Process::ExitedOk, Sandbox::Ready) => termination::TERMINATING,
        (Worker::Finished, Process::ExitedOk, Sandbox::None) => termination::FINISHED,
        other => panic!("no twin has a worker like {other:?}"),
    }
}

fn rule(entry: Endpoint) -> u64 {
    match (entry.is_present(), entry.ready(), entry.serving(), entry.terminating()) {
        (false, ..) => termination::ABSENT,
        (true, true, true, false) => termination::READY,
        (true, false, true, true) => termination::SERVING,
        (true, false, false, true) => termination::NOT_SERVING,
        other => panic!("no twin has a rule like {other:?}"),
    }
}

/// The variables of the twins, read from a state of the model: the table at the head of `termination.pml`.
fn variables(cluster: &Cluster<'_>, replicas: u32) -> Variables {
    let all_or_none = |wanted: u8| match u32::from(wanted) {
        0 => false,
        wanted => {
            assert_eq!(wanted, replicas, "all or none");
            true
        }
    };
    let pod = |pod| {
        let column = cluster.pod(pod);
        let (api, view) = (column.api, column.controller.view());
        Pod {
            api: object(
                api.exists(),
                api.phase(),
                api.deletion() == Deletion::Graceful,
                api.ready(),
                api.address(),
            ),
            worker: worker(cluster, pod),
            seen: object(view.present(), view.phase(), view.deleting(), view.ready(), view.address()),
            expects: column.controller.expects_deletion(),
            rule: rule(cluster.proxy(NodeId(0), pod).rule),
        }
    };
    let replica_set = cluster.replica_set(Revision(0));
    Variables {
        pods: PodId::first(replicas as usize).map(pod).collect(),
        wanted: all_or_none(cluster.shared.deployment.replicas()),
        wanted_seen: all_or_none(cluster.shared.deployment_view.replicas()),
        rs_wanted: all_or_none(replica_set.replicas()),
        victims: replica_set.victims_left().into(),
    }
}

/// Every state of the model's search is one of the twin, no two are the same one, and each has the same steps, which break
/// the promise alike.
#[test]
fn the_rust_twin_is_the_model_state_by_state() {
    for replicas in 1..=3 {
        let checked = checked(replicas);
        let model = &checked.0.model;
        let twin = Termination { replicas };
        let packed = |state: &_| model.open(state, |cluster| variables(cluster, replicas).pack());
        let [(first, ..)] = &checked.initial()[..] else { panic!("one initial state") };
        assert_eq!(packed(first), twin.initial()[0].0);
        let mut known = BTreeMap::from([(packed(first), first.clone())]);
        let mut waiting = vec![first.clone()];
        let mut transitions = 0;
        while let Some(state) = waiting.pop() {
            let mut of_the_model = Vec::new();
            checked.0.moves(&state, |outcome| {
                let next = packed(&outcome.next);
                let broken = outcome.judged.broken.contains(Property::NoTrafficAfterSigterm);
                let reached = outcome.judged.reached.contains(Property::NoTrafficAfterSigterm);
                of_the_model.push((next, broken, reached));
                match known.get(&next) {
                    None => {
                        known.insert(next, outcome.next.clone());
                        waiting.push(outcome.next);
                    }
                    Some(same) => assert_eq!(*same, outcome.next, "two states with the same variables"),
                }
            });
            let mut of_the_twin = Vec::new();
            twin.transitions(&packed(&state), &mut |taken| {
                let is_in = |set| set & NO_TRAFFIC_AFTER_SIGTERM != 0;
                of_the_twin.push((taken.next, is_in(taken.broken), is_in(taken.reached)));
            });
            transitions += of_the_twin.len() as u64;
            of_the_model.sort_unstable();
            of_the_twin.sort_unstable();
            assert_eq!(of_the_model, of_the_twin, "out of {state:?}");
        }
        assert_eq!((known.len() as u64, transitions), counts_of_the_rust_twin(replicas));
    }
}

/// The numbers that the other checkers are compared with.
#[test]
fn the_search_of_the_model_has_as_many_states_and_transitions_as_the_rust_twin() {
    for (replicas, expected) in [(1, (58, 109)), (2, (2816, 10132)), (3, (148_888, 760_324))] {
        let report = checked(replicas).report(2, 1_000_000);
        assert!(report.is_complete());
        assert_eq!((report.states, report.transitions), expected, "{replicas} replicas in the model");
        assert_eq!(counts_of_the_rust_twin(replicas), expected, "{replicas} replicas in the twin");
        let broken: BTreeSet<u32> = report.violations.iter().map(|violation| violation.property).collect();
        assert!(broken.contains(&(Property::NoTrafficAfterSigterm as u32)));
    }
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("checker/benches/peers")
}

/// A folder of its own for a test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("twins").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for what a test makes");
    folder
}

/// Says why something is not compared. Not by a macro, whose output is kept from the reader of a test that succeeds.
fn skip(what: &str, why: &str) {
    writeln!(std::io::stderr(), "SKIPPED: {what}: {why}").expect("there is a stderr");
}

/// Is there a program of this name, that ends well when it is asked for its version?
fn is_installed(program: &str, version: &str) -> bool {
    Command::new(program).arg(version).output().is_ok_and(|output| output.status.success())
}

fn spin_is_missing(what: &str) -> bool {
    for (program, version, whose) in
        [("spin", "-V", "Debian's package spin"), ("cc", "--version", "a C compiler")]
    {
        if !is_installed(program, version) {
            skip(what, &format!("there is no `{program}` on the path ({whose})"));
            return true;
        }
    }
    false
}

/// What a program prints, which must end well.
fn output(command: &mut Command) -> String {
    let output = command.output().expect("an installed program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}\n{errors}", output.status);
    text
}

/// The number before these words, where they stand last.
fn number_before(text: &str, words: &str) -> u64 {
    let number = text.rsplit_once(words).and_then(|(before, _)| before.split_ascii_whitespace().next_back());
    let number = number.and_then(|number| number.replace(',', "").parse().ok());
    number.unwrap_or_else(|| panic!("there is no number before '{words}' in:\n{text}"))
}

/// The number after these words.
fn number_after(text: &str, words: &str) -> u64 {
    let number = text.split(words).nth(1).and_then(|rest| rest.split_ascii_whitespace().next());
    let number = number.and_then(|number| number.trim_end_matches(',').parse().ok());
    number.unwrap_or_else(|| panic!("there is no number after '{words}' in:\n{text}"))
}

/// What SPIN says of a full search without partial-order reduction.
struct Spin {
    counts: Counts,
    /// The longest path of its depth-first search.
    depth: u64,
    /// Assertions that were violated, and other errors.
    errors: u64,
}

fn spin(replicas: u32, defines: &[&str]) -> Spin {
    let folder = folder(&format!("spin-{replicas}{}", defines.concat()));
    let mut translate = Command::new("spin");
    translate.arg("-a").arg(format!("-DN={replicas}")).args(defines).arg(peers().join("termination.pml"));
    output(translate.current_dir(&folder));
    let options = ["-O2", "-w", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"];
    output(Command::new("cc").args(options).current_dir(&folder));
    // All errors are counted, and none ends the search.
    let text = output(Command::new(folder.join("pan")).arg("-c0").current_dir(&folder));
    assert!(!text.contains("search depth too small") && !text.contains("out of memory"), "{text}");
    // SPIN counts the initial state as a transition.
    let transitions = number_before(&text, "transitions (= stored+matched)") - 1;
    Spin {
        counts: (number_before(&text, "states, stored"), transitions),
        depth: number_after(&text, "depth reached"),
        errors: number_after(&text, "errors:"),
    }
}

#[test]
fn spin_finds_as_many_states_and_transitions() {
    if spin_is_missing("the comparison of state counts with SPIN") {
        return;
    }
    for replicas in 1..=3 {
        let found = spin(replicas, &[]);
        assert_eq!(
            (found.counts, found.errors),
            (counts_of_the_rust_twin(replicas), 0),
            "{replicas} replicas"
        );
    }
}

/// What the comparison is worth: it tells a twin with one wrong rule.
#[test]
fn a_wrong_rule_in_spins_twin_gives_another_number_of_states() {
    if spin_is_missing("the comparison with a wrong twin") {
        return;
    }
    for replicas in 1..=3 {
        let (wrong, right) = (spin(replicas, &["-DMUTANT"]).counts, counts_of_the_rust_twin(replicas));
        assert!(wrong.0 != right.0 && wrong.1 != right.1, "{replicas} replicas: {wrong:?} and {right:?}");
    }
}

#[test]
fn spin_finds_the_same_promise_broken_and_kept_where_the_kubelet_waits() {
    if spin_is_missing("the comparison of verdicts with SPIN") {
        return;
    }
    for replicas in 1..=3 {
        let ours = Search::new(&Termination { replicas }).run();
        let model = checked(replicas).report(1, 1_000_000);
        let breaks = |property: u32| property == Property::NoTrafficAfterSigterm as u32;
        assert_eq!(ours.violations.len(), 1);
        assert!(model.violations.iter().any(|violation| breaks(violation.property)));
        let hasty = spin(replicas, &["-DCHECK"]);
        assert!(hasty.errors > 0, "{replicas} replicas");
        assert_eq!(hasty.counts.0, ours.states, "the assertion changes no state");
        let patient = spin(replicas, &["-DCHECK", "-DPATIENT"]);
        assert_eq!(patient.errors, 0, "{replicas} replicas");
        assert!(patient.depth >= hasty.depth, "the pods are killed and leave all the same");
    }
}

/// The specification and its configuration for so many replicas, in a folder of their own.
fn specification(name: &str, replicas: u32, invariant: Option<&str>) -> PathBuf {
    let folder = folder(&format!("{name}-{replicas}{}", invariant.unwrap_or_default()));
    fs::copy(peers().join("termination.tla"), folder.join("termination.tla")).expect("the specification");
    let template = fs::read_to_string(peers().join("termination.cfg")).expect("its configuration");
    let mut configuration = template.replace("CONSTANT N = 2", &format!("CONSTANT N = {replicas}"));
    assert!(configuration.contains(&format!("N = {replicas}")), "{configuration}");
    configuration.extend(invariant.map(|invariant| format!("INVARIANT {invariant}\n")));
    fs::write(folder.join("termination.cfg"), configuration).expect("a configuration");
    folder
}

/// TLC, by the jar that the environment names.
fn tlc(folder: &Path, jar: &str) -> (bool, String) {
    let mut java = Command::new("java");
    java.args(["-XX:+UseParallelGC", "-cp", jar, "tlc2.TLC", "-config", "termination.cfg", "termination"]);
    let output = java.current_dir(folder).output().expect("java starts");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn tlc_finds_as_many_states_and_the_same_promise_broken() {
    let Ok(jar) = std::env::var("TLA2TOOLS_JAR") else {
        return skip("the comparison with TLC", "TLA2TOOLS_JAR does not name a tla2tools.jar");
    };
    if !is_installed("java", "-version") {
        return skip("the comparison with TLC", "there is no `java` on the path");
    }
    for replicas in 1..=3 {
        let (good, text) = tlc(&specification("tlc", replicas, None), &jar);
        assert!(good, "{text}");
        let (states, transitions) = counts_of_the_rust_twin(replicas);
        assert_eq!(number_before(&text, "distinct states found"), states, "{text}");
        assert_eq!(number_before(&text, "states generated"), transitions + 1, "{text}");
        let broken = "NoTrafficAfterSigterm";
        let (good, text) = tlc(&specification("tlc", replicas, Some(broken)), &jar);
        assert!(!good && text.contains("Invariant NoTrafficAfterSigterm is violated"), "{text}");
    }
}

/// `tla` of the crate `tla-checker`: another reading of TLA+, so that the twin is checked where there is no TLC too.
#[test]
fn another_checker_of_tla_finds_as_many_states_and_the_same_promise_broken() {
    let help = Command::new("tla").arg("--help").output();
    if !help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("TLA+ model checker")) {
        return skip(
            "the comparison with tla-checker",
            "there is no `tla` on the path (cargo install tla-checker)",
        );
    }
    let run = |folder: &Path| {
        let mut tla = Command::new("tla");
        tla.args(["termination.tla", "--config", "termination.cfg", "--allow-deadlock"]);
        let output = tla.current_dir(folder).output().expect("an installed program starts");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for replicas in 1..=2 {
        let (good, text) = run(&specification("tla", replicas, None));
        assert!(good, "{text}");
        let counts = (number_after(&text, "Reachable states:"), number_after(&text, "Transitions:"));
        assert_eq!(counts, counts_of_the_rust_twin(replicas), "{text}");
        let (good, text) = run(&specification("tla", replicas, Some("NoTrafficAfterSigterm")));
        assert!(!good && text.contains("NoTrafficAfterSigterm) violated"), "{text}");
    }
}
