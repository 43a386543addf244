//! `logs`: the readers of audit logs, watches and recorders against hostile lines: entries, or problems that name file and
//! line, the same when read twice, and a judgement of what was read, never a panic.

use std::fs;
use std::path::Path;

use arbitrary::Arbitrary;
use podproof_conform::reading::{Log as Files, Problem};
use podproof_conform::report::Options;
use podproof_conform::run::run;
use serde_json::json;

use super::Log;
use crate::generators::texts::Text;
use crate::runner::Checked;
use crate::telling::tell;

/// States that an entry may cost.
const STATES: u64 = 200;

/// Two files of a log.
#[derive(Clone, Debug, Arbitrary)]
pub struct TestCase {
    first: Text,
    second: Option<Text>,
}

/// An event of the audit log about a pod.
fn audit(verb: &str, subresource: Option<&str>, version: u32, second: u32) -> String {
    let time = |micros: u32| format!("2026-11-22T07:37:{second:02}.{micros:06}Z");
    let object = json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": "web-1", "namespace": "default", "uid": "u1", "resourceVersion": version.to_string(),
                     "labels": {"app": "web"}, "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "uid": "r1", "controller": true}]},
        "spec": {"nodeName": "n", "containers": [{"name": "app", "image": "i"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
    });
    let reference = json!({"resource": "pods", "namespace": "default", "name": "web-1", "apiVersion": "v1", "subresource": subresource});
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": format!("a{version}"),
        "stage": "ResponseComplete", "verb": verb, "user": {"username": "system:node:n"}, "objectRef": reference,
        "responseStatus": {"code": 200}, "responseObject": object,
        "requestReceivedTimestamp": time(1), "stageTimestamp": time(900)
    })
    .to_string()
}

fn good() -> Vec<String> {
    let lines = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let object = json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "default", "resourceVersion": "6", "uid": "u"}});
    vec![
        lines(&[
            audit("create", None, 5, 1),
            audit("create", Some("binding"), 6, 2),
            audit("patch", Some("status"), 7, 3),
            audit("delete", None, 8, 4),
        ]),
        lines(&[
            json!({"event": {"type": "LIST", "items": [object], "resourceVersion": "5"}, "t_us": 1}).to_string(),
            json!({"event": {"type": "ADDED", "object": object}, "t_us": 2}).to_string(),
            json!({"event": {"type": "DELETED", "object": object}, "t_us": 3}).to_string(),
        ]),
        lines(&[
            json!({"type": "ADDED", "object": {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n", "resourceVersion": "9"},
                   "status": {"conditions": [{"type": "Ready", "status": "True"}]}}}).to_string(),
        ]),
        lines(&[
            json!({"node": "n", "t_us": 1, "topic": "/tasks/exit", "pod": "p", "exited_at": "2026-11-22T07:37:00.1Z", "exit_status": 1}).to_string(),
            json!({"kind": "signal", "pod": "p", "t_us": 1, "sig": "terminated"}).to_string(),
        ]),
        lines(&[
            json!({"endpoints": {"s/web": ["10.244.1.22:8080"]}, "src": "restore", "rc": 0, "t_us": 1, "node": "n"}).to_string(),
            json!({"d_us": 1, "id": "1", "node": "n", "ok": true, "pod": "p", "t_us": 1}).to_string(),
        ]),
    ]
}

/// Reads them, twice. Useful if an entry can be read although the files were changed.
///
/// # Panics
/// At a bug.
pub fn check(case: &TestCase) -> Checked {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
    let mut lines = 0;
    for (number, text) in [Some(&case.first), case.second.as_ref()].into_iter().flatten().enumerate() {
        let bytes = text.of(&good());
        tell(|| format!("log-{number}.jsonl:\n{}", String::from_utf8_lossy(&bytes)));
        lines += 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
        let file = folder.path().join(format!("log-{number}.jsonl"));
        fs::write(&file, bytes).unwrap_or_else(|error| panic!("no file: {error}"));
    }
    let (once, twice) = (read(folder.path()), read(folder.path()));
    assert_eq!(once, twice, "a log is read the same twice");
    // Whatever can be read is judged, in one way or another, and in the same way twice.
    let judged = || {
        let files = Files::find(&[folder.path().to_owned()]).ok()?;
        let options = Options { max_states: Some(STATES), ..Options::default() };
        Some(run(&files, &options, |_| {}).ok().map(|report| (report.verdict(), report.states())))
    };
    let said = judged();
    assert_eq!(said, judged(), "a log is judged the same twice");
    let mut log = Log::default();
    log.note(&(&once, &said));
    match once {
        Ok((entries, problems)) => {
            assert!(problems.len() <= 2 * lines, "a line gives a problem or two: {problems:#?}");
            problems.iter().for_each(|problem| has_a_place(problem, lines));
            log.checked(!entries.is_empty() && !case.first.is_one_of(&good()))
        }
        Err(problem) => {
            has_a_place(&problem, lines);
            log.checked(false)
        }
    }
}

/// The entries as text, and the problems, with no word of the folder.
fn read(folder: &Path) -> Result<(Vec<String>, Vec<Problem>), Problem> {
    let bare = |problem: Problem| Problem {
        file: problem.file.replace(&folder.display().to_string(), ""),
        ..problem
    };
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    for entry in Files::find(&[folder.to_owned()]).map_err(bare)?.entries() {
        match entry {
            Ok(entry) => entries.push(format!("{entry:?}").replace(&folder.display().to_string(), "")),
            Err(problem) => problems.push(bare(problem)),
        }
    }
    Ok((entries, problems))
}

fn has_a_place(problem: &Problem, lines: usize) {
    let line = usize::try_from(problem.line).unwrap_or(usize::MAX);
    assert!(line <= lines && !problem.says.is_empty() && !problem.accepted.is_empty(), "{problem}");
}

#[cfg(test)]
mod tests {
    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;

    #[test]
    fn smoke() {
        assert_useful("logs", SMOKE_RUNS, check, 8);
    }
}
