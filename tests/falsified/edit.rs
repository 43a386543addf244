//! What falsifications have in common: writes that are added, and writes that are moved.

use crate::line::{Line, Micros};
use crate::recording::Recording;

/// A second.
pub const SECOND: Micros = 1_000_000;

/// Clocks of different files are compared with this slack, at least: what is to be known as earlier is this much earlier.
pub const CLEARLY: Micros = 450_000;

/// Adds a write like this one that is received at a moment, with a resource version of its own; its number.
pub fn write_like(recording: &mut Recording, id: usize, at: Micros, change: impl FnOnce(&mut Line)) -> usize {
    let version = recording.version_after(recording.version_at(at));
    recording.add_like(id, |line| {
        let audit = format!("{}-{version}", line.text("/auditID"));
        line.set("/auditID", audit);
        renumber(line, version);
        line.happens(at);
        change(line);
    })
}

/// Moves a write to another moment, with a resource version that fits there.
pub fn move_write(recording: &mut Recording, id: usize, at: Micros) {
    let version = recording.version_after(recording.version_at(at));
    recording.change(id, |line| {
        renumber(line, version);
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

/// The user and the agent of a controller.
pub fn by_controller(line: &mut Line, controller: &str) {
    let account = format!("system:serviceaccount:kube-system:{controller}");
    let agent = format!("kube-controller-manager/v1.20.2 (linux/amd64) kubernetes/faecb19/{account}");
    line.made_by(&account, &agent);
}
