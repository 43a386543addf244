//! A path of the model, written out as the logs that a recorder of such a cluster would have kept: an audit log, the events
//! of container runtimes, what processes say of themselves, the rules of nodes, and what was done to the cluster.
//!
//! What is written of a step is what it changed: the objects of the API server are kept beside the state of the model
//! (`store`), and each write takes its fields from the state after its step. Steps that no log shows take time and write
//! nothing.
//!
//! - `clock`: when each step happens; timers take as long as the scenario says
//! - `cast`: what objects are called
//! - `actor`: who writes
//! - `template`, `affinity`: what a pod is made of, as the API server has it
//! - `store`, `pods`, `nodes`, `workloads`: the objects
//! - `audit`: a write as an event of an audit log
//! - `components`, `clients`: who writes what at which step
//! - `machines`: what is seen beside the API
//! - `recording`: the files

mod actor;
mod affinity;
mod audit;
mod cast;
mod clients;
mod clock;
mod components;
mod machines;
mod nodes;
mod pods;
mod recording;
mod store;
mod template;
mod workloads;
mod writer;

pub use clock::waits;
pub use recording::{Recording, Which};

use podproof_conform::record::Micros;
use podproof_model::Model;
use podproof_vocabulary::action::Action;

/// When every path begins.
const BEGINS: Micros = 1_767_225_600_000_000;

/// Writes out the path of `model` that begins in the first of its initial states and takes these steps, each of which must
/// be possible when it is taken. Names, and how long each step takes, come of `seed`.
pub fn write(model: &Model, path: &[Action], seed: u64) -> Recording {
    along(model, path, seed, |_| ())
}

/// For each step of a path whether some file shows it.
pub fn seen(model: &Model, path: &[Action], seed: u64) -> Vec<bool> {
    let mut counts = Vec::with_capacity(path.len() + 1);
    along(model, path, seed, |recording| counts.push(recording.count()));
    counts.windows(2).map(|pair| pair[0] < pair[1]).collect()
}

/// Writes out a path; what is there in the beginning and after each step is shown on the way.
fn along(model: &Model, path: &[Action], seed: u64, mut show: impl FnMut(&Recording)) -> Recording {
    let mut state = model.initial().swap_remove(0);
    let mut writer = writer::Writer::new(model, seed);
    writer.begin(&state);
    show(&writer.out);
    for action in path {
        let next = model.apply(&state, action);
        writer.take(&state, action, &next);
        show(&writer.out);
        state = next;
    }
    writer.out
}
