//! The transition system of the Kubernetes pod lifecycle. Pure: it knows no clock, no thread, no randomness, no input
//! and no output.
//!
//! Components, in the order in which a pod's life flows; each has its guards (`candidates`) and its effects (`apply`):
//!
//! - [`api_server`]: the store, graceful deletion, binding, eviction
//! - [`watch`]: how each consumer's copy of the store lags and catches up
//! - [`scheduler`]: cache, filter predicates, unschedulable pods, binding
//! - [`controllers`]: Deployment, ReplicaSet, node lifecycle, taint eviction, pod garbage collection, disruption
//! - [`kubelet`]: admission, pod worker, containers, PLEG, probes, status
//! - [`endpoints`]: the EndpointSlice controller
//! - [`proxy`]: kube-proxy's rules on each node
//! - [`traffic`]: where rules send connections and who accepts them
//! - [`drain`]: `kubectl drain`
//! - [`environment`]: what happens to the cluster
//!
//! and around them:
//!
//! - [`rules`]: a scenario, compiled
//! - [`state`]: what a state is made of
//! - [`cluster`]: a state laid open
//! - [`step`]: the transition functions; [`scope`]: what they are asked for
//! - [`story`]: whether what a story begins is over
//! - [`slots`]: a set of pods
//! - [`parts`]: whose part of a state is whose
//! - [`time`]: clocks and ticks
//! - [`properties`] and [`progress`]: what is promised, step by step and in the end
//! - [`fairness`]: which steps must be taken in the end
//! - [`system`]: the model as a whole; [`reduced`]: the same in longer moves; [`front_door`]: both for stateright

pub mod api_server;
mod beginning;
mod buffer;
pub mod cluster;
pub mod controllers;
pub mod drain;
pub mod endpoints;
pub mod environment;
pub mod kubelet;
pub mod parts;
pub mod proxy;
pub mod reduced;
pub mod rules;
pub mod scheduler;
pub mod scope;
pub mod slots;
pub mod state;
pub mod step;
pub mod story;
pub mod time;
pub mod traffic;
pub mod watch;

pub mod fairness;
pub mod front_door;
pub mod observe;
pub mod progress;
pub mod properties;
pub mod system;

#[cfg(test)]
mod test_cluster;

pub use cluster::Cluster;
pub use rules::Rules;
pub use state::ClusterState;
pub use system::Model;
