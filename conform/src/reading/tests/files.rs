//! Which files are a log, and how they are opened.

use std::io::{Cursor, Read, Write as _, repeat};
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{at, folder, lines, pod, put, told};
use crate::reading::lines::{LONGEST, Lines};
use crate::reading::{Log, Problem, Source};
use crate::record::Entry;

fn create(name: &str, version: u64) -> Value {
    pod("create", name, version, (version, version + 1), json!({}))
}

fn find(paths: &[PathBuf]) -> Log {
    Log::find(paths).expect("it is a log")
}

fn refused(paths: &[PathBuf]) -> Problem {
    Log::find(paths).expect_err("it is no log")
}

fn all(log: &Log) -> Vec<Entry> {
    log.entries().map(|entry| entry.expect("the line can be read")).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

#[test]
fn a_file_is_what_its_first_line_is() {
    let firsts = [
        (Source::Audit, create("p", 1)),
        (Source::Audit, json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1beta1", "items": []})),
        (Source::Watch, json!({"event": {"type": "LIST", "items": []}, "t_us": 1})),
        (Source::Watch, json!({"type": "ADDED", "object": {"kind": "Pod"}})),
        (Source::Runtime, json!({"node": "node-a", "t_us": 1, "topic": "RIG_CONNECTED"})),
        (Source::App, json!({"kind": "req", "pod": "p", "t_us": 1, "id": "1"})),
        (Source::Rules, json!({"endpoints": {}, "src": "sample", "t_us": 1, "node": "node-a"})),
        (Source::Requests, json!({"d_us": 1, "id": "1", "node": "n", "ok": true, "pod": "p", "t_us": 1})),
        (Source::Faults, json!({"t_us": 1, "fault": "create", "target": "Service/web"})),
    ];
    for (source, line) in firsts {
        let folder = folder(&[("x.txt", &format!("\n \n{line}\n"))]);
        let log = find(&[folder.path().join("x.txt")]);
        let sources = [
            Source::Audit,
            Source::Watch,
            Source::Runtime,
            Source::App,
            Source::Rules,
            Source::Requests,
            Source::Faults,
        ];
        assert_eq!(
            sources.into_iter().filter(|source| log.has(*source)).collect::<Vec<_>>(),
            [source],
            "{line}"
        );
    }
}

#[test]
fn a_file_that_is_named_and_is_no_log_is_a_problem_at_its_line() {
    let folder = folder(&[
        ("a.json", "\n{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}\n"),
        ("b.txt", "hello\n"),
        ("c", ""),
    ]);
    let problem = |name: &str| refused(&[folder.path().join(name)]);
    let unknown = problem("a.json");
    assert_eq!((unknown.line, unknown.says.as_str()), (2, "this is none of the lines that are known"));
    assert!(unknown.to_string().contains("a.json:2: this is none of"), "{unknown}");
    assert_eq!(problem("b.txt").line, 1);
    put(folder.path(), "e.json", br#"{"kind":"Event","apiVersion":"audit.example.com/v1"}"#);
    assert_eq!(problem("e.json").says, "this is none of the lines that are known");
    assert_eq!((problem("c").line, problem("c").says.as_str()), (1, "the file is empty"));
    let missing = problem("d");
    assert_eq!(missing.line, 0);
    assert!(missing.to_string().contains("/d: "), "{missing}");
}

#[test]
fn a_folder_is_what_is_in_it() {
    let audit = lines(&[create("p", 7)]);
    let folder = folder(&[
        ("audit.jsonl", &audit),
        ("meta.json", "{\n \"scenario\": \"01\"\n}"),
        ("summary.json", "{}"),
        ("timeline.txt", "# 01"),
        ("manifests.yaml", "kind: Pod"),
        ("notes.md", "# none"),
        ("logs/kubelet.log", &audit),
        (
            "watch/nodes.jsonl",
            "{\"event\":{\"items\":[],\"resourceVersion\":\"6\",\"type\":\"LIST\"},\"t_us\":1}\n",
        ),
        ("runtime-node-b.jsonl", "{\"node\":\"node-b\",\"t_us\":1,\"topic\":\"RIG_CONNECTED\"}\n"),
        ("proxy-node-a.jsonl", "{\"endpoints\":{},\"src\":\"sample\",\"t_us\":1}\n"),
        ("app.jsonl", "{\"kind\":\"probe\",\"pod\":\"p\",\"t_us\":1}\n"),
    ]);
    let log = find(&[folder.path().to_owned()]);
    assert_eq!(told(&all(&log)), ["list of 0", "rules of node-a", "p@7"]);
    assert_eq!(log.manifests(), [folder.path().join("manifests.yaml")]);
    assert!(log.has(Source::App) && !log.has(Source::Requests) && !log.has(Source::Faults));
    assert_eq!(log.nodes_with_runtime(), ["node-b".into()]);
    assert_eq!(log.nodes_with_rules(), ["node-a".into()]);
}

#[test]
fn a_folder_without_a_log_or_with_a_broken_one_is_a_problem() {
    let empty = folder(&[("notes.md", "# none"), ("manifests.yaml", "kind: Pod")]);
    assert_eq!(refused(&[empty.path().to_owned()]).says, "no file of a log is in this folder");
    let around =
        folder(&[("01/audit.jsonl", ""), ("02/runtime-node-a.jsonl", ""), ("03/notes.md", "# none")]);
    let says = refused(&[around.path().to_owned()]).says;
    assert!(says.contains("in 2 of its folders"), "{says}");
    assert!(says.contains("02") && !says.contains("03"), "{says}");
    let broken = folder(&[("audit.jsonl", "{\"kind\": \"Ev"), ("app.jsonl", "")]);
    let problem = refused(&[broken.path().to_owned()]);
    assert_eq!(problem.line, 1);
    assert!(problem.says.starts_with("the line is cut off, or goes on in the next"), "{}", problem.says);
}

#[test]
fn a_node_is_known_by_the_files_name_or_its_first_line() {
    let line = json!({"node": "node-c", "t_us": 1, "topic": "RIG_CONNECTED"}).to_string();
    let rules = json!({"endpoints": {}, "src": "sample", "t_us": 1, "node": "node-d"}).to_string();
    let folder = folder(&[("events.jsonl", &line), ("rules.log", &rules)]);
    put(folder.path(), "runtime-node-b.jsonl.gz", &gzip(line.as_bytes()));
    let log = find(&[folder.path().to_owned()]);
    assert_eq!(log.nodes_with_runtime(), ["node-b".into(), "node-c".into()]);
    assert_eq!(log.nodes_with_rules(), ["node-d".into()]);
}

#[test]
fn gzip_is_known_by_its_bytes() {
    let folder = folder(&[]);
    // Two members, as when compressed logs are put behind each other.
    let mut bytes = gzip(lines(&[create("p", 7)]).as_bytes());
    bytes.extend(gzip(lines(&[create("q", 8)]).as_bytes()));
    put(folder.path(), "audit.log", &bytes);
    put(folder.path(), "plain.gz", lines(&[create("r", 9)]).as_bytes());
    assert_eq!(told(&all(&find(&[folder.path().to_owned()]))), ["p@7", "q@8", "r@9"]);
    // One that is cut off is read up to there.
    put(folder.path(), "audit.log", &bytes[..bytes.len() - 10]);
    let log = find(&[folder.path().join("audit.log")]);
    let problems: Vec<_> = log.entries().filter_map(Result::err).collect();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].accepted, "a file that can be read to its end");
}

#[test]
fn a_file_that_is_named_twice_is_read_once_and_as_often_as_asked() {
    let folder = folder(&[("audit.jsonl", &lines(&[create("p", 7)]))]);
    put(folder.path(), "watch/pods.jsonl", b"");
    let log = find(&[folder.path().to_owned(), folder.path().join("watch/../audit.jsonl")]);
    assert_eq!(told(&all(&log)), ["p@7"]);
    assert_eq!(told(&all(&log)), ["p@7"]);
    let (whole, file) = (folder.path().to_owned(), folder.path().join("audit.jsonl"));
    for paths in [[whole.clone(), whole.clone()], [file, whole]] {
        assert_eq!(told(&all(&find(&paths))), ["p@7"]);
    }
}

#[test]
fn what_can_be_read_only_once_is_a_problem() {
    assert_eq!(refused(&["-".into()]).says, "standard input can be read only once");
    assert_eq!(refused(&["/dev/null".into()]).says, "it is a pipe or a device");
}

#[test]
fn an_empty_file_of_a_recording_says_nothing() {
    let folder = folder(&[("audit.jsonl", &lines(&[create("p", 7)]))]);
    for name in ["runtime-node-a.jsonl", "proxy-node-a.jsonl", "app.jsonl", "client.jsonl", "faults.jsonl"] {
        put(folder.path(), name, b" \n");
    }
    let log = find(&[folder.path().to_owned()]);
    assert!(log.has(Source::Audit) && !log.has(Source::Faults) && !log.has(Source::App));
    assert!(log.nodes_with_runtime().is_empty() && log.nodes_with_rules().is_empty());
}

#[test]
fn a_byte_order_mark_is_none_of_the_first_line() {
    let audit = format!("\u{feff}{}", lines(&[create("p", 7), create("q", 8)]));
    let folder = folder(&[("audit.jsonl", &audit)]);
    assert_eq!(told(&all(&find(&[folder.path().to_owned()]))), ["p@7", "q@8"]);
}

#[test]
fn a_line_that_is_cut_off_is_a_problem_but_for_the_last_that_was_being_written() {
    let whole = lines(&[create("p", 7), create("q", 8)]);
    let read = |text: &str| {
        let folder = folder(&[("audit.jsonl", text)]);
        find(&[folder.path().to_owned()]).entries().collect::<Vec<_>>()
    };
    assert!(read(whole.trim_end()).iter().all(Result::is_ok));
    let cut = &whole[..whole.len() - 5];
    let folder =
        folder(&[("audit.jsonl", cut), ("app.jsonl", "{\"kind\":\"probe\",\"pod\":\"p\",\"t_us\":1}")]);
    let log = find(&[folder.path().to_owned()]);
    assert_eq!(told(&all(&log)), ["p@7"]);
    assert_eq!(
        log.cut_off().map(str::to_owned).collect::<Vec<_>>(),
        [folder.path().join("audit.jsonl").display().to_string()]
    );
    let problems: Vec<_> = read(&format!("{cut}\n")).into_iter().filter_map(Result::err).collect();
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].line, problems[0].says.as_str()), (2, "the line is cut off"));
    // What comes behind a problem is read all the same.
    let behind = read(&format!("{}\n{{]\n{}", create("p", 7), create("q", 8)));
    assert_eq!(behind.iter().filter(|entry| entry.is_ok()).count(), 2);
}

/// A log that has just been rotated is empty, whatever it is called.
#[test]
fn an_empty_file_in_a_folder_says_nothing() {
    let log = lines(&[create("p", 7)]);
    let folder = folder(&[("audit.log", &log), ("audit-2026-11-22.jsonl", ""), ("notes.jsonl", "\n \n")]);
    put(folder.path(), "audit-2026-11-21.jsonl.gz", &gzip(b""));
    assert_eq!(told(&all(&find(&[folder.path().to_owned()]))), ["p@7"]);
    let named = refused(&[folder.path().join("audit-2026-11-22.jsonl")]);
    assert_eq!((named.line, named.says.as_str()), (1, "the file is empty"));
}

#[test]
fn a_line_that_is_too_long_ends_its_file() {
    let input = Cursor::new(b"{}\n".to_vec())
        .chain(repeat(b'x').take(LONGEST as u64 + 1))
        .chain(Cursor::new(b"\n{}\n"));
    let mut lines = Lines::over(Box::new(std::io::BufReader::new(input)), "a".into());
    assert_eq!(lines.next(), Some(Ok(&b"{}"[..])));
    let problem = lines.next().expect("a line").expect_err("it is too long");
    assert_eq!(problem.to_string(), "a:2: the line is too long; accepted: lines of at most 64 MiB");
    assert_eq!(lines.next(), None);
    let longest = Cursor::new(vec![b'x'; LONGEST]);
    assert!(
        matches!(Lines::over(Box::new(longest), "a".into()).next(), Some(Ok(line)) if line.len() == LONGEST)
    );
}

#[test]
fn all_sources_are_one_log() {
    let faults = json!({"t_us": at(4), "fault": "create", "target": "Pod/p"});
    let started = json!({"kind": "started", "pod": "p", "t_us": at(9)});
    let request = json!({"d_us": 1, "id": "1", "node": "n", "ok": true, "pod": "p", "t_us": at(11)});
    let folder = folder(&[
        (
            "audit.jsonl",
            &lines(&[pod("create", "p", 7, (5, 8), json!({})), pod("update", "p", 8, (10, 12), json!({}))]),
        ),
        ("app.jsonl", &lines(&[started])),
        ("faults.jsonl", &lines(&[faults])),
        ("client.jsonl", &lines(&[request])),
    ]);
    assert_eq!(
        told(&all(&find(&[folder.path().to_owned()]))),
        ["create", "p@7", "p Started", "p@8", "request 1"]
    );
}

#[test]
fn a_part_of_an_audit_log_is_not_passed_over_in_a_folder() {
    let event = format!("{}\n", create("p", 1));
    let gone = |name: &str, bytes: &[u8]| {
        let folder = folder(&[("audit.jsonl", &event)]);
        std::fs::write(folder.path().join(name), bytes).expect("a file");
        let problem = refused(&[folder.path().to_owned()]);
        assert!(problem.to_string().contains(name), "{name}: {problem}");
    };
    let behind_a_line = format!("starting\n{event}");
    gone("audit-2026-11-22.log", b"starting\n");
    gone("audit.log.gz", &gzip(b"starting\n"));
    gone("audit-2026-11-22.log.xz", &[0xfd, b'7', b'z', b'X', b'Z', 0]);
    gone("requests.txt", behind_a_line.as_bytes());
    gone("requests.old", &gzip(behind_a_line.as_bytes()));
}

#[test]
fn what_is_passed_over_in_a_folder_is_known() {
    let event = format!("{}\n", create("p", 1));
    let folder = folder(&[("audit.jsonl", &event), ("kubelet.log", "I1122 starting\n"), ("meta.json", "{}")]);
    let log = find(&[folder.path().to_owned()]);
    let [passed_over] = log.passed_over() else { panic!("{:?}", log.passed_over()) };
    assert!(passed_over.ends_with("kubelet.log"), "{passed_over}");
}

/// `copytruncate` of logrotate leaves as many zeros as were written before.
#[test]
fn zeros_before_the_first_event_are_none_of_it() {
    let event = create("p", 1);
    let folder = folder(&[("audit.log", &format!("{}{event}\n", "\0".repeat(5_000)))]);
    let log = find(&[folder.path().to_owned()]);
    assert!(log.has(Source::Audit) && all(&log).len() == 1, "{:?}", log.passed_over());
}
