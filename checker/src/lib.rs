//! Explicit-state search over any [`stateright::Model`]: breadth first, with shortest counterexamples, the same result
//! for any number of threads, and progress properties under weak and strong fairness with lassos as counterexamples.
//!
//! It knows nothing of Kubernetes. Read in this order:
//!
//! - [`system`]: what a search asks of a system; [`system::Plain`] makes one of any `stateright::Model`, and [`promises`] one
//!   with fair actions, *leads to* and *always eventually*
//! - [`search`]: the breadth-first search, and `run`: one under way; [`report`]: its bounds and its report
//! - `expand`: one batch of it; `table`, `met`, [`fingerprint`], `packer`: which states are known; `frontier`: those that wait;
//!   `graph`: how each was reached; `edges` and `record`: what leads from one to another; `counts`: what is added up;
//!   `look`: the bounds
//! - [`partial_order`]: which transitions may be left out, and why nothing is missed
//! - [`progress`]: obligations, and runs that keep one for ever; `fair_cycle`: which cycles are fair
//! - [`hunt`]: depth-first and random search, to find a violation fast
//! - [`checkpoint`]: searches that outlive their process
//! - [`path`]: from state numbers back to states and actions

pub mod checkpoint;
mod components;
mod counts;
mod edges;
mod expand;
mod fair_cycle;
pub mod fingerprint;
mod frontier;
mod graph;
pub mod hunt;
mod look;
mod met;
mod packer;
pub mod partial_order;
pub mod path;
pub mod progress;
pub mod promises;
mod record;
pub mod report;
mod run;
pub mod search;
pub mod system;
mod table;
mod workers;

pub use checkpoint::{Checkpointed, Place};
pub use hunt::Hunt;
pub use path::Path;
pub use promises::{Fair, Fairness, Pending};
pub use search::{Bounds, Report, Search, Stopped};
pub use system::{Plain, System, Transition};

#[cfg(test)]
mod toys;
