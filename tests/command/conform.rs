//! `podproof conform` as a user meets it: exit statuses, the JSON document, the report for people, messages about wrong input,
//! and the paths that it writes.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Output;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::run::{self, stderr, stdout};

const CREATE: &str = "tests/recordings/01-create-pod";
const ROLLOUT: &str = "tests/recordings/05-rolling-no-prestop-r1";
const FAILED_NODE: &str = "tests/recordings/07-node-failure-r1";

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    run::folder(&format!("conform-{name}"))
}

fn podproof(arguments: &[&str]) -> Output {
    on_columns("120", arguments)
}

/// The command on a terminal that says that it is so wide.
fn on_columns(columns: &str, arguments: &[&str]) -> Output {
    run::command(arguments).env("COLUMNS", columns).output().expect("the command runs")
}

/// Judges a log; paths go to a folder of the test's own.
fn conform(test: &str, arguments: &[&str]) -> Output {
    let traces = folder(test).join("traces");
    let traces = traces.to_str().expect("a path of text");
    podproof(&[&["conform", "--trace-dir", traces], arguments].concat())
}

/// The same as a document.
fn document(test: &str, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = conform(test, &[&["--format", "json"], arguments].concat());
    let text = stdout(&output);
    let document =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}\n{}", stderr(&output)));
    (output.status.code(), document)
}

/// A warning of a workload names it once.
#[test]
fn a_warning_names_its_workload_once() {
    let warnings = |output: &Output| -> Vec<String> {
        stderr(output).lines().filter(|line| line.contains("is not represented")).map(str::to_owned).collect()
    };
    let said = warnings(&conform("warnings", &["--format", "json", ROLLOUT]));
    assert!(!said.is_empty());
    for line in said {
        assert!(line.starts_with("warning: Deployment/web: spec."), "{line}");
    }
    let (_, document) = document("warnings-json", &[ROLLOUT]);
    let own = document["workloads"][0]["warnings"][0].as_str().expect("a warning");
    assert!(own.starts_with("spec."), "{own}");
}

/// The text of a compressed file of a recording.
fn unpacked(recording: &str, name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(recording).join(format!("{name}.gz"));
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).expect("it is there")).read_to_string(&mut text).expect("it is text");
    text
}

/// A recording, unpacked and with its audit log changed, in a folder of the test's own.
fn changed(test: &str, recording: &str, change: impl Fn(&str) -> String) -> PathBuf {
    let copy = folder(&format!("{test}-log"));
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(recording)).expect("it is there") {
        let name = entry.expect("it can be listed").file_name().into_string().expect("a plain name");
        let name = name.trim_end_matches(".gz");
        let text = unpacked(recording, name);
        let text = if name == "audit.jsonl" { change(&text) } else { text };
        fs::write(copy.join(name), text).expect("it can be written");
    }
    copy
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn what_is_lawful_and_breaks_nothing_exits_with_0() {
    let (status, document) = document("lawful", &[CREATE]);
    assert_eq!(status, Some(0), "{document}");
    assert_eq!((&document["version"], &document["exit"]), (&1.into(), &0.into()));
    assert_eq!(document["verdict"], "lawful");
    assert_eq!(document["first_unexplained"], Value::Null);
    assert_eq!(document["broken"], serde_json::json!([]));
    for number in ["entries", "explained", "not_modelled", "states"] {
        assert!(document[number].as_u64().is_some_and(|number| number > 0), "{number}: {document}");
    }
    assert!(document["seconds"].is_f64());
    let counted: u64 =
        document["outside"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
    assert_eq!(document["not_modelled"], counted, "{document}");
    let workload = &document["workloads"][0];
    assert_eq!((&workload["name"], &workload["verdict"]), (&"Pod/p".into(), &"lawful".into()));
    assert!(words(&workload["kept"]).contains(&"placement-lawful"), "{workload}");
    assert!(words(&workload["not_met"]).contains(&"disruption-budget-kept"), "{workload}");
    assert!(document["left_out"].is_array() && workload["assumptions"].is_array());
}

#[test]
fn a_rollout_that_failed_requests_exits_with_1_and_tells_when() {
    let (status, document) = document("broken", &[ROLLOUT]);
    assert_eq!(status, Some(1));
    assert_eq!(document["verdict"], "lawful", "what the cluster did it may do");
    assert_eq!(words(&document["broken"]), ["no-traffic-after-sigterm", "no-failed-request"]);
    assert_eq!(words(&document["broken_not_counted"]), ["pods-within-surge"]);
    let broken = document["workloads"][0]["broken"].as_array().expect("a list");
    let failed = broken.iter().find(|one| one["property"] == "no-failed-request").expect("68 failed");
    assert!(failed["at"].as_str().is_some_and(|at| at.starts_with("2026-11-22T07:28:4")), "{failed}");
    assert!(failed["says"].as_str().is_some_and(|says| says.contains("to pod web-6d4c7df8d-")), "{failed}");
    assert_eq!(failed["counts"], true);
    let surge =
        broken.iter().find(|one| one["property"] == "pods-within-surge").expect("old pods end slowly");
    assert_eq!(surge["counts"], false);
}

#[test]
fn what_is_allowed_does_not_count_and_what_is_named_does() {
    let both = ["--allow", "no-traffic-after-sigterm", "--allow", "no-failed-request"];
    let (status, allowed) = document("allowed", &[&both[..], &[ROLLOUT]].concat());
    assert_eq!((status, words(&allowed["broken"]).len()), (Some(0), 0));
    let (status, named) = document("named", &["--property", "pods-within-surge", ROLLOUT]);
    assert_eq!((status, words(&named["broken"])), (Some(1), vec!["pods-within-surge"]));
    assert_eq!(named["workloads"][0]["kept"], serde_json::json!([]), "nothing else is judged");
}

#[test]
fn paths_can_be_shown_and_replayed() {
    let (_, document) = document("paths", &[ROLLOUT]);
    let workload = &document["workloads"][0];
    let path = workload["trace"].as_str().expect("it was written");
    let shown = podproof(&["trace", "show", path]);
    assert_eq!(shown.status.code(), Some(0), "{}", stderr(&shown));
    let story = stdout(&shown);
    assert!(story.starts_with(&format!("Deployment/web: a path of {} steps", workload["steps"])), "{story}");
    assert!(story.contains("scheduler binds pod web-585c7dbdf-4kq2l"), "{story}");
    assert!(story.contains("pod web-585c7dbdf-4kq2l: podIP is 10.244.1.7"), "{story}");
    let replayed = podproof(&["trace", "replay", path]);
    assert_eq!(replayed.status.code(), Some(0), "{}", stdout(&replayed));
    assert!(stdout(&replayed).starts_with("path: it can be taken"), "{}", stdout(&replayed));
    for broken in workload["broken"].as_array().expect("a list") {
        let (path, property) =
            (broken["trace"].as_str().expect("written"), broken["property"].as_str().expect("named"));
        let replayed = podproof(&["trace", "replay", path]);
        assert_eq!(replayed.status.code(), Some(0), "{}", stdout(&replayed));
        let expected = format!("{property}: still broken, at step {}", broken["step"]);
        assert!(stdout(&replayed).starts_with(&expected), "{}", stdout(&replayed));
    }
}

#[test]
fn compressed_or_not_a_log_is_the_same() {
    let plain = changed("plain", CREATE, str::to_owned);
    let (status, plain) = document("plain", &[text(&plain)]);
    let (packed_status, packed) = document("packed", &[CREATE]);
    assert_eq!(status, packed_status);
    for field in ["verdict", "entries", "explained", "outside", "broken", "states"] {
        assert_eq!(plain[field], packed[field], "{field}");
    }
    assert_eq!(plain["workloads"][0]["steps"], packed["workloads"][0]["steps"]);
}

#[test]
fn an_entry_that_nothing_explains_is_told_with_its_place() {
    let without_binding = |audit: &str| {
        let lines = audit.lines().filter(|line| !line.contains("\"subresource\":\"binding\""));
        lines.map(|line| format!("{line}\n")).collect()
    };
    let log = changed("unexplained", CREATE, without_binding);
    let (status, document) = document("unexplained", &[text(&log)]);
    assert_eq!(status, Some(1), "{document}");
    assert_eq!(document["verdict"], "unexplained");
    let found = &document["first_unexplained"];
    assert_eq!(found["file"], text(&log.join("audit.jsonl")), "{found}");
    assert!(found["line"].as_u64().is_some_and(|line| line > 1), "{found}");
    assert!(
        found["seen"].as_str().is_some_and(|seen| seen.starts_with("kubelet node-a patches status of pod p")),
        "{found}"
    );
    assert!(found["why"].is_string() && found["allowed"].is_array());
    assert!(found["at"].as_str().is_some_and(|at| at.ends_with('Z')));
    assert_eq!(&document["workloads"][0]["unexplained"], found);

    let output = conform("unexplained-told", &[text(&log)]);
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(1));
    let place = format!("audit.jsonl:{}", found["line"]);
    for part in
        ["no explanation of entry ", &place, "seen: kubelet node-a patches status of pod p", "allowed there"]
    {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
}

#[test]
fn a_bound_that_is_met_exits_with_3() {
    let (status, document) = document("bound", &["--max-states", "1", CREATE]);
    assert_eq!((status, &document["verdict"]), (Some(3), &"incomplete".into()), "{document}");
    assert!(document["first_unexplained"]["why"].as_str().is_some_and(|why| why.contains("bound")));
}

#[test]
fn an_audit_log_alone_says_what_it_cannot_tell() {
    let audit = format!("{ROLLOUT}/audit.jsonl.gz");
    let (status, document) = document("alone", &[&audit]);
    assert_eq!(status, Some(0), "{document}");
    let not_judged = document["workloads"][0]["not_judged"].as_array().expect("a list");
    let why = |property: &str| {
        let of = |one: &&Value| one["property"] == property;
        not_judged.iter().find(of).and_then(|one| one["why"].as_str()).unwrap_or_default()
    };
    assert!(why("no-failed-request").contains("what kube-proxy programs is not given"), "{document}");
    assert!(why("stopped-before-gone").contains("container runtime"), "{document}");
    assert!(why("rollout-completes").contains("in the end"), "{document}");
    assert!(words(&document["workloads"][0]["kept"]).contains(&"rollout-within-bounds"), "{document}");
}

/// Whoever names a promise takes 0 for a verdict on it.
#[test]
fn a_promise_that_is_named_and_not_judged_is_not_kept() {
    let audit = format!("{ROLLOUT}/audit.jsonl.gz");
    let named = ["--property", "no-failed-request"];
    let (status, named_alone) = document("in-vain", &[&named[..], &[&audit]].concat());
    assert_eq!((status, &named_alone["exit"]), (Some(3), &3.into()), "{named_alone}");
    assert_eq!(named_alone["verdict"], "lawful");
    assert_eq!(words(&named_alone["workloads"][0]["asked_in_vain"]), ["no-failed-request"]);
    let told = stdout(&conform("in-vain-told", &[&named[..], &[&audit]].concat()));
    assert!(told.contains("not judged: of no-failed-request the log cannot tell anything\n"), "{told}");
    let refused = conform("no-kind", &["--only", "safety", "--only", "progress", CREATE]);
    assert_eq!(refused.status.code(), Some(2), "{}", stdout(&refused));
    assert!(stderr(&refused).contains("no promise that is asked for"), "{}", stderr(&refused));
}

#[test]
fn wrong_input_leaves_a_document_too() {
    let (status, wrong) = document("wrong-document", &["nowhere"]);
    assert_eq!((status, &wrong["version"], &wrong["exit"]), (Some(2), &1.into(), &2.into()), "{wrong}");
    assert!(words(&wrong["errors"])[0].contains("nowhere"), "{wrong}");
    assert_eq!(wrong["workloads"], serde_json::json!([]));
    let fields =
        |document: &Value| document.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let (_, right) = document("right-document", &[CREATE]);
    assert_eq!(fields(&wrong), fields(&right), "who reads the one can read the other");
    assert_eq!(wrong["verdict"], Value::Null);
}

#[test]
fn the_report_for_people_tells_what_was_seen_and_what_lies_in_between() {
    let output = conform("told", &[ROLLOUT]);
    let told = stdout(&output);
    for part in [
        "Deployment/web: 2 replicas on node-a, node-b\n",
        "  lawful ",
        "  broken no-failed-request at ",
        "  broken pods-within-surge at ",
        "(an expectation: does not count)",
        "whose container app has exited with code 0",
        "deployment-web-log-no-failed-request.json\n",
        "container app of pod web-6d4c7df8d-x2mbb receives",
        "| kubelet on node-a begins to terminate pod",
        "connections that fail until the next entry: 4 ECONNRESET",
        "s: no-failed-request is broken: node-a still routes",
        "[…] ",
        "    leases: ",
        "2 promises broken (and 1 that do not count)",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let timeline = told.lines().filter(|line| line.contains(" | ") || line.ends_with(" |"));
    assert!(timeline.clone().count() > 20, "{told}");
    for line in told.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        assert!(line.chars().count() <= 120 || words.len() == 1, "{line}");
    }
    let narrow = stdout(&on_columns("20", &["conform", "--trace-dir", text(&folder("narrow")), ROLLOUT]));
    let most = narrow.lines().filter(|line| line.contains(" | ")).map(|line| line.chars().count()).max();
    assert_eq!(most, Some(80), "no page is narrower\n{narrow}");
    assert!(!told.contains('\u{1b}'), "no colours where nobody sees them");
}

/// Where nothing is broken the timeline tells what befell the cluster, and connections that failed are told with why they do not count.
#[test]
fn a_node_that_failed_is_told_though_no_promise_is_broken() {
    let told =
        stdout(&on_columns("300", &["conform", "--trace-dir", text(&folder("failed-node")), FAILED_NODE]));
    for part in [
        "149 failed; 27 of these ran out of time",
        "149 were sent to a pod on node-b, which was powered off: they do not break no-failed-request, which is about nodes that \
         can be reached\n",
        "kept no-failed-request, ",
        "s  poweroff-node node-b ",
        "connections that fail until the next entry: 121 ETIMEDOUT",
        "| controller-manager now sees ",
        "--timeline tells all of it",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let (_, document) = document("failed-node", &[FAILED_NODE]);
    let failed_for = &document["workloads"][0]["connections"]["failed_for"];
    let cause = "to a pod on node-b, which was powered off";
    assert_eq!(*failed_for, serde_json::json!([{ "causes": [cause], "connections": 149, "counts": false }]));
}

/// One log may have two things to mend: pods that stop too early, and pods that are ready too early.
#[test]
fn each_cause_of_a_broken_promise_is_told() {
    let (_, document) = document("causes", &[ROLLOUT]);
    let broken = document["workloads"][0]["broken"].as_array().expect("a list");
    let failed = broken.iter().find(|one| one["property"] == "no-failed-request").expect("68 failed");
    let again = failed["again"].as_array().expect("a list");
    let early =
        "whose container app accepts nothing yet (without a readinessProbe it is ready as soon as it runs)";
    let says = |one: &Value| one["says"].as_str().unwrap_or_default().to_owned();
    assert!(!says(failed).contains(early), "{failed}");
    assert!(again.iter().any(|one| says(one).contains(early)), "{failed}");
    assert!(again.iter().any(|one| says(one).contains("to pod web-6d4c7df8d-xft7r ")), "{failed}");
    let moments: Vec<_> = again.iter().filter_map(|one| one["step"].as_u64()).collect();
    assert!(moments.is_sorted() && moments.first() > Some(&79), "{failed}");
    assert_eq!(failed["more"], 0);
    let connections = &document["workloads"][0]["connections"];
    let counted = |one: &Value| one["connections"].as_u64().unwrap_or(0);
    let causes = connections["failed_for"].as_array().expect("a list");
    assert_eq!(causes.iter().map(counted).sum::<u64>(), 68, "{connections}");
    assert!(causes.iter().all(|one| one["counts"] == true), "{connections}");
    let told = stdout(&on_columns("400", &["conform", "--trace-dir", text(&folder("causes-told")), ROLLOUT]));
    assert!(
        told.contains("      again at ") && told.contains(": no-failed-request is broken again: "),
        "{told}"
    );
}

/// The trace of a log has its times: the same as the report.
#[test]
fn a_trace_of_a_log_has_its_times() {
    let (_, document) = document("times", &[ROLLOUT]);
    let broken = document["workloads"][0]["broken"].as_array().expect("a list");
    let failed = broken.iter().find(|one| one["property"] == "no-failed-request").expect("68 failed");
    let shown = stdout(&podproof(&["trace", "show", failed["trace"].as_str().expect("written")]));
    let line = shown.lines().find(|line| line.trim_start().starts_with("79  ")).unwrap_or_default();
    assert!(line.contains("79  9.164 s  "), "{shown}");
    assert!(shown.contains("time: that of the log, which begins at 2026-11-22T07:28:31.795437Z"), "{shown}");
    assert!(shown.contains("replay: podproof trace replay") && !shown.contains("replay FILE"), "{shown}");
}

/// What is in the trace folder and no trace of a log stays as it is.
#[test]
#[cfg(unix)]
fn a_trace_of_a_log_is_written_over_nothing_else() {
    let traces = folder("not-over");
    let path = traces.join("pod-p-log.json");
    fs::write(&path, "notes").expect("it can be written");
    let told = stdout(&podproof(&["conform", "--trace-dir", text(&traces), CREATE]));
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "notes");
    let told: Vec<_> = told.split_whitespace().collect();
    assert!(told.join(" ").contains("pod-p-log.json: no trace of podproof"), "{told:?}");
    assert!(traces.join("pod-p-log-2.json").is_file());
}

#[test]
fn a_timeline_that_is_asked_for_is_whole() {
    let short = stdout(&conform("short", &[CREATE]));
    assert!(short.contains("seen in the log  ") && short.contains("kube-scheduler binds pod p"), "{short}");
    let traces = folder("whole");
    let wide = on_columns("200", &["conform", "--timeline", "--trace-dir", text(&traces), CREATE]);
    let whole = stdout(&wide);
    let lines: Vec<&str> = whole.lines().collect();
    let at = |part: &str| {
        lines.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}\n{whole}"))
    };
    let bound = at("kube-scheduler binds pod p to node-a");
    assert!(lines[bound].contains("| scheduler "), "what led to it stands beside it\n{whole}");
    let order = [
        bound,
        at("the sandbox of pod p starts"),
        at("container app of pod p accepts"),
        at("Running, Ready"),
    ];
    assert!(order.is_sorted(), "{whole}");
    assert!(!whole.contains("[…]"), "{whole}");
}

/// What a command says of wrong input: the exit status, and the message.
fn refused(arguments: &[&str]) -> String {
    let output = podproof(&[&["conform"], arguments].concat());
    assert_eq!(output.status.code(), Some(2), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(stdout(&output), "");
    stderr(&output)
}

#[test]
fn the_reason_why_nothing_can_be_followed_is_said() {
    let late = |text: &str| {
        text.replace(
            "\"progressDeadlineSeconds\":600",
            "\"progressDeadlineSeconds\":600,\"minReadySeconds\":3600",
        )
    };
    let log = changed("nothing-to-follow", ROLLOUT, late);
    let output = conform("nothing-to-follow", &[text(&log)]);
    assert_eq!(output.status.code(), Some(2));
    let says = stderr(&output);
    assert!(says.contains("Deployment/web cannot be followed: "), "{says}");
    assert!(says.contains("more than minReadySeconds, which is 3600") || says.contains("is 600"), "{says}");
}

/// Its only pod is run by a kubelet from a file.
#[test]
fn a_log_in_which_nothing_can_be_followed_has_a_verdict() {
    let labels = "\"labels\":{\"app\":\"web\"}";
    let mirror = format!("{labels},\"annotations\":{{\"kubernetes.io/config.mirror\":\"x\"}}");
    let log = changed("mirrors", CREATE, |text| text.replace(labels, &mirror));
    let (status, document) = document("mirrors", &[text(&log)]);
    assert_eq!((status, &document["verdict"]), (Some(3), &Value::from("incomplete")), "{document}");
    assert_eq!(document["left_out"][0]["what"], "Pod/p");
}

#[test]
fn wrong_input_is_refused_with_what_would_be_accepted() {
    let folder = folder("wrong");
    let file = |name: &str, lines: &str| {
        let path = folder.join(name);
        fs::write(&path, lines).expect("it can be written");
        text(&path).to_owned()
    };
    let no_log = file("notes.txt", "monday\n");
    let broken =
        file("audit.jsonl", "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\"}\n{\"kind\":\n{}\n");
    let idle = file("faults.jsonl", "{\"t_us\":1,\"fault\":\"cordon\",\"target\":\"node-a\"}\n");
    let missing = text(&folder.join("nowhere")).to_owned();
    let manifest = file("web.yaml", "kind: [\n");
    for (arguments, parts) in [
        (vec![missing.as_str()], vec!["nowhere: ", "accepted: "]),
        (vec![&no_log], vec!["notes.txt:1: ", "accepted: "]),
        (vec![&broken], vec!["audit.jsonl:", "accepted: "]),
        (vec!["/dev/null"], vec!["it is a pipe or a device; accepted: a file"]),
        (vec![&idle], vec!["neither an audit log nor a watch among the files; accepted: at least one"]),
        (vec!["--manifests", &manifest, CREATE], vec!["web.yaml", "accepted"]),
        (vec!["--manifests", &missing, CREATE], vec!["nowhere", "accepted is a readable file"]),
        (vec!["--release", "1.x", CREATE], vec!["--release"]),
        (vec!["--max-states", "0", CREATE], vec!["--max-states"]),
        (vec!["--clock-skew", "soon", CREATE], vec!["--clock-skew"]),
        (vec!["tests/recordings"], vec!["in 27 of its folders", "01-create-pod", "name one of them"]),
        (vec!["--format", "junit", CREATE], vec!["human, json"]),
        (vec![], vec!["<DIR|FILE>..."]),
    ] {
        let message = refused(&arguments);
        for part in parts {
            assert!(message.contains(part), "{part} is not in {message}");
        }
    }
}

#[test]
fn manifests_say_what_processes_do() {
    let assumes = |document: &Value| words(&document["workloads"][0]["assumptions"]).join("\n");
    let (_, without) = document("without-manifest", &[CREATE]);
    assert!(assumes(&without).contains("podproof.io/on-sigterm not set"), "{without}");
    let path = folder("manifest").join("p.yaml");
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n    podproof.io/on-sigterm: ignore\n\
                    spec:\n  containers:\n  - name: app\n    image: app\n";
    fs::write(&path, manifest).expect("it can be written");
    let (status, with) = document("with-manifest", &["--manifests", text(&path), CREATE]);
    assert_eq!(status, Some(0), "{with}");
    assert!(!assumes(&with).contains("podproof.io/on-sigterm not set"), "{with}");
}

#[test]
fn help_tells_the_exit_statuses() {
    let output = podproof(&["conform", "--help"]);
    let help = stdout(&output);
    for part in [
        "Exit status: 0 what the log shows is lawful",
        "--manifests",
        "--release",
        "--max-states",
        "--timeline",
        "--trace-dir",
    ] {
        assert!(help.contains(part), "{part} is not in\n{help}");
    }
    assert!(stdout(&podproof(&["--help"])).contains("conform"));
}
