//! What fuzz targets and tests both run: generators, oracles, and a case for each pair of the two.
//!
//! A *generator* turns bytes into a valid input and never rejects any. An *oracle* says whether what happened is a bug. A
//! *case* brings them together, under one name in four places: here, as a test, as a fuzz target, and on the command line
//! of the replay tool.
//!
//! Read in this order:
//!
//! - [`system`]: what it takes to be driven: the model, the runtime, and one's own
//! - [`model_system`]: the model, driven
//! - [`choices`]: bytes as answers to "which one?"
//! - [`generators`]: bytes into scenarios, cluster situations, requests, texts
//! - [`objects`]: a scenario as the API objects of Kubernetes
//! - [`lockstep`]: the runtime, driven beside the model
//! - [`stage`]: a part of the runtime, driven by a script
//! - [`oracles`]: agreement of two systems, filters by brute force, a naive store
//! - [`cases`]: one file a case, each with a `TestCase` and a `check`
//! - [`runner`]: a case over many inputs, with the command that replays a failure
//! - [`findings`]: failures made smaller and written as traces
//! - [`telling`]: what happens meanwhile, for whoever wants to know
//! - [`slips`]: which case finds which wrong mechanism of the runtime

pub mod cases;
pub mod choices;
pub mod findings;
pub mod generators;
pub mod lockstep;
pub mod model_system;
pub mod objects;
pub mod oracles;
pub mod runner;
#[cfg(test)]
mod seeds;
pub mod slips;
pub mod stage;
pub mod system;
pub mod telling;

pub use choices::Choices;
pub use model_system::ModelSystem;
pub use system::{Parts, Refusal, Refused, System, Unfit};
