//! What a file is that is no input of the command it was given to, and which command takes it.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What tells one kind of file from another.
#[derive(Deserialize)]
struct Marks {
    /// Of a trace.
    stem: Option<IgnoredAny>,
    /// Of a reproducer, with `input`.
    case: Option<IgnoredAny>,
    input: Option<IgnoredAny>,
    /// Of an object.
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    /// Of an object or of an event of an audit log.
    kind: Option<String>,
    /// Of an event of a watch.
    object: Option<IgnoredAny>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Document {
    Trace,
    Reproducer,
    Log,
    Policy,
    Manifest,
}

/// What is to be said of a reproducer, with what would be accepted.
macro_rules! reproducer {
    ($accepted:literal) => {
        concat!(
            "this is a reproducer of a case of the harness; `podproof trace show` tells it and `podproof trace replay` tries it again, and accepted here is ",
            $accepted
        )
    };
}

/// Why this text, read as a manifest, is none, if it is another input of podproof.
pub fn for_manifest(text: &[u8]) -> Option<&'static str> {
    match document(text)? {
        Document::Trace => {
            Some("this is a trace; `podproof trace show` tells it, and accepted here is a manifest")
        }
        Document::Log => {
            Some("this is a log of a cluster; `podproof conform` judges it, and accepted here is a manifest")
        }
        Document::Reproducer => Some(reproducer!("a manifest")),
        Document::Policy => Some("this is an audit policy, and accepted here is a manifest"),
        Document::Manifest => None,
    }
}

/// Is this text a reproducer for sure?
pub fn is_reproducer(text: &[u8]) -> bool {
    document(text) == Some(Document::Reproducer)
}

/// Why this text, read as a trace, is none, if it is another input of podproof.
pub fn for_trace(text: &[u8]) -> Option<&'static str> {
    match document(text)? {
        Document::Trace => None,
        Document::Reproducer => Some(reproducer!("a trace")),
        Document::Policy => Some("this is an audit policy, and accepted here is a trace"),
        Document::Log => Some(
            "this is a log of a cluster; `podproof conform` judges it, and the traces that it writes are what is accepted here",
        ),
        Document::Manifest => Some(
            "this is a manifest; `podproof check` checks it, and the traces that it writes are what is accepted here",
        ),
    }
}

/// Why this text, read as a log, is none, if it is another input of podproof.
pub fn for_log(text: &[u8]) -> Option<&'static str> {
    match document(text)? {
        Document::Trace => {
            Some("this is a trace; `podproof trace show` tells it, and accepted here is a log")
        }
        Document::Reproducer => Some(reproducer!("a log")),
        Document::Log => None,
        Document::Policy => Some(
            "this is an audit policy, which says what an API server writes down; accepted here is the log that it writes",
        ),
        Document::Manifest => Some(
            "this is a manifest; --manifests takes it beside a log, and `podproof check` checks it by itself",
        ),
    }
}

/// What a text is for sure.
fn document(text: &[u8]) -> Option<Document> {
    let text = std::str::from_utf8(text).ok()?;
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Marks>();
    match documents.next() {
        Some(Ok(marks)) => of_marks(&marks),
        _ => has_the_lines_of_a_manifest(text).then_some(Document::Manifest),
    }
}

fn of_marks(marks: &Marks) -> Option<Document> {
    let version = marks.api_version.as_deref();
    match marks {
        Marks { stem: Some(_), .. } => Some(Document::Trace),
        Marks { case: Some(_), input: Some(_), kind: None, .. } => Some(Document::Reproducer),
        Marks { object: Some(_), api_version: None, .. } => Some(Document::Log),
        Marks { kind: Some(kind), .. } => {
            if kind == "Policy" && version.is_some_and(|version| version.starts_with("audit.k8s.io/")) {
                return Some(Document::Policy);
            }
            let is_event = ["Event", "EventList"].contains(&kind.as_str())
                && version.is_some_and(|version| version.starts_with("audit.k8s.io/"));
            Some(if is_event { Document::Log } else { Document::Manifest })
        }
        _ => None,
    }
}

/// Do lines of YAML name a version and a kind?
fn has_the_lines_of_a_manifest(text: &str) -> bool {
    let has = |field: &str| text.lines().any(|line| line.starts_with(field));
    has("apiVersion:") && has("kind:")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &[u8] = br#"{"version": 1, "stem": [], "cycle": []}"#;
    const AUDIT: &[u8] = b"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\"}\n{\"kind\":\"Event\"}\n";
    const LIST: &[u8] =
        b"{\n  \"kind\": \"EventList\",\n  \"apiVersion\": \"audit.k8s.io/v1\",\n  \"items\": []\n}\n";
    const WATCH: &[u8] = br#"{"type": "ADDED", "object": {"kind": "Pod"}}"#;
    const YAML: &[u8] = b"# web\napiVersion: v1\nkind: Pod\n";
    const JSON: &[u8] = br#"{"apiVersion": "v1", "kind": "List", "items": []}"#;

    #[test]
    fn each_kind_of_file_is_known_where_another_is_wanted() {
        for text in [YAML, JSON] {
            assert!(for_manifest(text).is_none());
            assert!(for_trace(text).is_some_and(|says| says.starts_with("this is a manifest")));
            assert!(for_log(text).is_some_and(|says| says.starts_with("this is a manifest")));
        }
        for text in [AUDIT, LIST, WATCH] {
            assert!(for_log(text).is_none());
            assert!(for_trace(text).is_some_and(|says| says.starts_with("this is a log")));
            assert!(for_manifest(text).is_some_and(|says| says.starts_with("this is a log")));
        }
        let policy = br#"{"kind": "Policy", "apiVersion": "audit.k8s.io/v1", "rules": []}"#;
        for says in [for_manifest(policy), for_trace(policy), for_log(policy)] {
            assert!(says.is_some_and(|says| says.starts_with("this is an audit policy")));
        }
        let reproducer = br#"{"version": 1, "case": "proxy", "input": "AA=="}"#;
        for says in [for_manifest(reproducer), for_trace(reproducer), for_log(reproducer)] {
            assert!(says.is_some_and(|says| says.starts_with("this is a reproducer")));
        }
        assert!(is_reproducer(reproducer) && !is_reproducer(TRACE) && !is_reproducer(AUDIT));
        assert!(for_trace(TRACE).is_none());
        assert!(for_log(TRACE).is_some_and(|says| says.starts_with("this is a trace")));
        assert!(for_manifest(TRACE).is_some_and(|says| says.starts_with("this is a trace")));
    }

    #[test]
    fn what_is_nothing_for_sure_is_left_to_its_reader() {
        for text in [&b""[..], b"{", b"replicas: 3", b"\xff", b"[]", b"{\"apiVersion\": \"v1\"}"] {
            assert!(for_manifest(text).is_none() && for_trace(text).is_none() && for_log(text).is_none());
        }
    }
}
