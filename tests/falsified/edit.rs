//! What falsifications have in common: writes that are added, and writes that are moved.

use crate::line::{Line, Micros};
use crate::recording::Recording;

/// A second.
pub const SECOND: Micros = 1_000_000;

/// Clocks of different files are compared with this slack, at least: what is to be known as earlier is this much earlier.
pub const CLEARLY: Micros = 450_000;

/// What an update says that it is of.
const ASKED: &str = "/requestObject/metadata/resourceVersion";

/// Adds a write like this one that is received at a moment, with a resource version of its own; its number. It is of the object as it was
/// by then, and who updates it next has seen it: the lie is elsewhere.
pub fn write_like(recording: &mut Recording, id: usize, at: Micros, change: impl FnOnce(&mut Line)) -> usize {
    let version = recording.version_after(recording.version_at(at));
    let newest = newest(recording, id, at);
    let added = recording.add_like(id, |line| {
        let audit = format!("{}-{version}", line.text("/auditID"));
        line.set("/auditID", audit);
        renumber(line, version);
        ask(line, newest);
        line.happens(at);
        change(line);
    });
    let one = recording.line(added).clone();
    if let (true, Some(newest)) = (one.version() == version, newest) {
        let is_next = |line: &&Line| {
            is_of_one(line, &one) && line.received() > at && line.text(ASKED) == newest.to_string()
        };
        let next: Vec<usize> = recording.audit().filter(is_next).map(|line| line.id).collect();
        for line in next.into_iter().filter(|line| *line != added) {
            recording.change(line, |line| ask(line, Some(version)));
        }
    }
    added
}

/// Adds a write like this one that changes nothing of what it has left: it is answered with the version that there is.
pub fn write_again(
    recording: &mut Recording,
    id: usize,
    at: Micros,
    change: impl FnOnce(&mut Line),
) -> usize {
    let newest = newest(recording, id, at);
    recording.add_like(id, |line| {
        let audit = format!("{}-again", line.text("/auditID"));
        line.set("/auditID", audit);
        ask(line, newest);
        line.happens(at);
        change(line);
    })
}

/// Are both of one object?
fn is_of_one(line: &Line, other: &Line) -> bool {
    line.text("/objectRef/resource") == other.text("/objectRef/resource") && line.name() == other.name()
}

/// The newest version of the object of a write at a moment.
fn newest(recording: &Recording, id: usize, at: Micros) -> Option<u64> {
    let of = recording.line(id).clone();
    let before = recording.audit().filter(|line| is_of_one(line, &of) && line.received() < at);
    before.map(Line::version).max().filter(|version| *version > 0)
}

/// An update says of which version it is.
fn ask(line: &mut Line, version: Option<u64>) {
    if let Some(version) = version.filter(|_| !line.text(ASKED).is_empty()) {
        line.set(ASKED, version.to_string());
    }
}

/// Moves a write to another moment, with a resource version that fits there.
pub fn move_write(recording: &mut Recording, id: usize, at: Micros) {
    let version = recording.version_after(recording.version_at(at));
    let newest = newest(recording, id, at).filter(|newest| *newest != recording.line(id).version());
    recording.change(id, |line| {
        renumber(line, version);
        ask(line, newest);
        line.happens(at);
    });
}

fn renumber(line: &mut Line, version: u64) {
    if line.version() != 0 {
        line.set("/responseObject/metadata/resourceVersion", version.to_string());
    }
}

/// The end of a recording: its last write.
pub fn end(recording: &Recording) -> Micros {
    recording.audit().map(Line::at).max().unwrap_or_default()
}

/// The user and the agent of a node's kubelet.
pub fn by_kubelet(line: &mut Line, node: &str) {
    line.made_by(&format!("system:node:{node}"), "kubelet/v1.20.2 (linux/amd64) kubernetes/faecb19");
}

/// The user and the agent of the scheduler.
pub fn by_scheduler(line: &mut Line) {
    line.made_by(
        "system:kube-scheduler",
        "kube-scheduler/v1.20.2 (linux/amd64) kubernetes/faecb19/scheduler",
    );
}

/// The user and the agent of a controller.
pub fn by_controller(line: &mut Line, controller: &str) {
    let account = format!("system:serviceaccount:kube-system:{controller}");
    let agent = format!("kube-controller-manager/v1.20.2 (linux/amd64) kubernetes/faecb19/{account}");
    line.made_by(&account, &agent);
}
