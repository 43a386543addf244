//! The kube-proxy of one machine: it follows Services and EndpointSlices, and programs rules that send connections to
//! endpoints. Each machine has its own, and none knows how far another is (PRX-5).
//!
//! - [`tracker`]: what changed since the rules were computed last
//! - [`frequency`]: how often rules may be programmed
//! - [`endpoint`]: an endpoint, and which of several a connection may go to
//! - [`rules`]: the rules of the machine, which outlive the process
//! - [`process`]: the kube-proxy as a process of the cluster
//!
//! Left out: established connections (PRX-30 to PRX-35), topology hints (PRX-25), session affinity, health check ports (PRX-40,
//! PRX-41), and how the modes of kube-proxy differ.

pub mod endpoint;
pub mod frequency;
pub mod process;
pub mod rules;
#[cfg(test)]
mod tests;
pub mod tracker;

pub use process::{KubeProxy, ProxyStep};
