//! The words that all of podproof shares: what a scenario is, which steps a cluster can take, what an outsider
//! can see of it, and what the pod lifecycle promises. There is no behaviour here.
//!
//! Read in this order:
//!
//! - [`ids`]: pods, nodes, containers and revisions by number
//! - [`scenario`]: a bounded world: nodes, one workload, its Service and budget, a story, latencies
//! - [`event`]: what may happen *to* the cluster, by name and with a budget
//! - [`action`]: every step that any component can take, one closed enum
//! - [`observation`]: what an outsider sees: API objects, containers and their signals, endpoints, rules
//! - [`resource`]: what steps read and write
//! - [`property`]: the promises, by name
//! - [`latency`]: how long each message, sync and timer takes
//! - [`release`]: the Kubernetes release, wherever behaviour differs
//! - [`approximation`]: the named approximations that a verdict may rest on
//! - [`mutant`]: one-line wrong rules that show that a property can fail
//! - [`left_out`]: what the model does not represent, as data
//! - [`manifest`]: reading Kubernetes manifests into scenarios

pub mod action;
pub mod approximation;
pub mod catalogue;
pub mod event;
pub mod ids;
pub mod latency;
pub mod left_out;
pub mod manifest;
pub mod mutant;
pub mod observation;
pub mod property;
pub mod release;
pub mod resource;
pub mod scenario;

pub use action::Action;
pub use ids::{ContainerId, NodeId, PodId, Revision};
pub use property::Property;
pub use release::Release;
pub use resource::Resource;
pub use scenario::Scenario;
