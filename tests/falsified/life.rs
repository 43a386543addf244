//! The life of a pod in a recording: which lines tell of it.

use serde_json::Value;

use crate::line::{Line, Micros};
use crate::recording::{APP, Recording};

/// A pod.
#[derive(Clone, Debug)]
pub struct Life {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// The node that the scheduler bound it to.
    pub node: String,
    /// Its creation.
    pub created: usize,
    /// Its binding.
    pub bound: usize,
    /// What its kubelet reported of it.
    pub reports: Vec<usize>,
    /// Its deletion, as it was asked for first.
    pub asked: Option<usize>,
    /// Its removal by the kubelet.
    pub removed: Option<usize>,
}

/// All pods that were created and bound in a recording, in the order of their creation.
pub fn lives(recording: &Recording) -> Vec<Life> {
    let created = recording.audit().filter(|line| line.is("create", "pods"));
    created.filter_map(|created| life(recording, created)).collect()
}

fn life(recording: &Recording, created: &Line) -> Option<Life> {
    let (name, uid) = (created.name().to_owned(), created.uid().to_owned());
    let is_it = |line: &&Line| line.name() == name && (line.uid().is_empty() || line.uid() == uid);
    let lines: Vec<&Line> = recording.audit().filter(is_it).collect();
    let all = |is: &dyn Fn(&Line) -> bool| -> Vec<usize> {
        lines.iter().filter(|line| is(line)).map(|line| line.id).collect()
    };
    let bound = *all(&|line| line.is("create", "pods/binding")).first()?;
    let evicted = |line: &Line| line.is("create", "pods/eviction");
    let deleted = |line: &Line| line.is("delete", "pods");
    Some(Life {
        node: recording.line(bound).text("/requestObject/target/name").to_owned(),
        created: created.id,
        bound,
        reports: all(&|line| line.is("patch", "pods/status") && line.kubelet().is_some()),
        asked: all(&|line| evicted(line) || deleted(line) && line.kubelet().is_none()).first().copied(),
        removed: all(&|line| deleted(line) && line.kubelet().is_some()).first().copied(),
        name,
        uid,
    })
}

impl Life {
    /// The first report of which this is so.
    pub fn report(&self, recording: &Recording, is_so: impl Fn(&Line) -> bool) -> Option<usize> {
        self.reports.iter().copied().find(|&id| is_so(recording.line(id)))
    }

    /// The first report that the pod is Ready.
    pub fn ready(&self, recording: &Recording) -> Option<usize> {
        self.report(recording, is_ready)
    }

    /// The pod as it was created.
    pub fn pod<'r>(&self, recording: &'r Recording) -> &'r Value {
        &recording.line(self.created).value["responseObject"]
    }

    /// What the runtimes did of this topic, of a container or of the sandbox; execs are left out.
    pub fn runtime(&self, recording: &Recording, topic: &str, container: Option<&str>) -> Vec<usize> {
        let is_it = |line: &&Line| {
            line.text("/topic") == topic
                && line.text("/uid") == self.uid
                && line.text("/exec_id").is_empty()
                && match container {
                    Some(container) => line.text("/container") == container,
                    None => line.text("/kind") == "sandbox",
                }
        };
        let files = recording.files().filter(|file| file.starts_with("runtime-"));
        let lines = files.flat_map(|file| recording.lines(file));
        let mut lines: Vec<&Line> = lines.filter(is_it).collect();
        lines.sort_by_key(|line| line.at());
        lines.into_iter().map(|line| line.id).collect()
    }

    /// The names of its containers that are no init containers.
    pub fn containers(&self, recording: &Recording) -> Vec<String> {
        let containers = self.pod(recording)["spec"]["containers"].as_array();
        let name = |container: &Value| container["name"].as_str().unwrap_or_default().to_owned();
        containers.into_iter().flatten().map(name).collect()
    }

    /// What a container said of itself, of this kind.
    pub fn said(&self, recording: &Recording, kind: &str, container: &str) -> Vec<usize> {
        let since = recording.line(self.created).received();
        let until = self.removed.map_or(Micros::MAX, |removed| recording.line(removed).at());
        let is_it = |line: &&Line| {
            line.text("/kind") == kind
                && line.text("/pod") == self.name
                && line.text("/container") == container
                && (since..=until).contains(&line.at())
        };
        recording.lines(APP).iter().filter(is_it).map(|line| line.id).collect()
    }

    /// The seconds that it has after SIGTERM.
    pub fn grace(&self, recording: &Recording) -> i64 {
        self.pod(recording)["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30)
    }
}

/// Is the pod Ready in the answer to this write?
pub fn is_ready(line: &Line) -> bool {
    let conditions = line.value["responseObject"]["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// Its phase in the answer to this write.
pub fn phase(line: &Line) -> &str {
    line.text("/responseObject/status/phase")
}

/// Makes the pod Ready in the answer to this write, or not.
pub fn set_ready(line: &mut Line, ready: bool) {
    let status = if ready { "True" } else { "False" };
    let conditions = line.value.pointer_mut("/responseObject/status/conditions");
    for condition in conditions.and_then(Value::as_array_mut).into_iter().flatten() {
        if condition["type"] == "Ready" || condition["type"] == "ContainersReady" {
            condition["status"] = status.into();
        }
    }
}

/// The other node of the two that a recording has.
pub fn other(node: &str) -> &'static str {
    if node == "node-a" { "node-b" } else { "node-a" }
}
