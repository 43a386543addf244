//! The workloads and nodes of a log, as scenarios.
//!
//! A first pass over the entries ([`Surveyor::see`]) keeps what the log shows of each object: when it came and went, what
//! it was made of, what of it changed (`pods`, `nodes`, `controllers`, `selectors`; manifests that are alike once: `kept`). After it
//! ([`Surveyor::composer`]) each workload (`roots`) is handed to the reader of manifests with the Services and budgets that select
//! it (`manifests`, `least`, `documents`), and gets a scenario (`compose`, `observe`) whose nodes and neighbours are those of the log
//! (`stage`, `neighbours`) and in which all may happen that the log may show (`story`, `processes`).
//!
//! What a scenario cannot say because it changes is beside it, with the entry that shows it: the replicas that were asked
//! for, neighbours that come and go, labels and taints of nodes; and a budget that selects pods of other workloads too (`shared`). [`Observed::scenario_at`] is the scenario as it is at one
//! entry; all scenarios of one workload have states of the same layout.
//!
//! What the log as a whole has nothing of, although it was written, is said beside them (`unwritten`).
//!
//! A workload is followed only while something of it may be seen, and as far as a state of the model can hold it (`limits`): from a moment before it at which the nodes are at rest (`rest`)
//! to a while after it is gone.

mod commands;
mod compose;
mod controllers;
mod documents;
mod kept;
mod least;
mod life;
mod limits;
mod manifests;
mod moments;
mod neighbours;
mod nodes;
mod observe;
mod observed;
mod pods;
mod processes;
mod rest;
mod roots;
mod selectors;
mod shared;
mod stage;
mod story;
mod surveyor;
#[cfg(test)]
mod tests;
mod traits;
mod unwritten;
mod versions;

pub use compose::Composer;
pub use life::{Moment, Sight, Span};
pub use observed::{
    Existing, Followed, Heard, Named, NeighbourSeen, NodeChange, NodeSeen, NotModelled, Observed,
    RevisionSeen, Scaling, World,
};
pub use surveyor::{Options, Surveyor};
pub(crate) use surveyor::{has_begun, is_older, removes};
pub use traits::Traits;
pub(crate) use versions::releases_to_try;
