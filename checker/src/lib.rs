//! Explicit-state search over any [`stateright::Model`]: breadth first, with shortest counterexamples, the same result
//! for any number of threads, and progress properties under weak fairness with lassos as counterexamples.
//!
//! It knows nothing of Kubernetes. Read in this order:
//!
//! - [`system`]: what a search asks of a system; [`system::Plain`] makes one of any `stateright::Model`
//! - [`search`]: the breadth-first search, its bounds and its report
//! - [`progress`]: obligations, fairness, and the search for fair cycles
//! - [`path`]: from state numbers back to states and actions

mod components;
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
