//! Explicit-state search over any [`stateright::Model`]: breadth first, with shortest counterexamples, the same result
//! for any number of threads, and progress properties under weak and strong fairness with lassos as counterexamples.
//!
//! It knows nothing of Kubernetes. Read in this order:
//!
//! - [`system`]: what a search asks of a system; [`system::Plain`] makes one of any `stateright::Model`
//! - [`search`]: the breadth-first search, its bounds and its report
//! - [`progress`]: obligations, and runs that keep one for ever; `fair_cycle`: which cycles are fair
//! - [`path`]: from state numbers back to states and actions

mod components;
mod fair_cycle;
mod graph;
pub mod path;
pub mod progress;
pub mod search;
pub mod system;

pub use path::Path;
pub use search::{Bounds, Report, Search, Stopped};
pub use system::{Plain, System, Transition};

#[cfg(test)]
mod toys;
