//! The concrete pod runtime: an API server, client machinery, a scheduler, controllers and kubelets, built as real control
//! planes are built and written from the rules of Kubernetes alone.
//!
//! There is no thread, no wall clock and no randomness here. Each place where a real process would wait is an
//! [`Operation`]: it can be listed, and whoever drives the cluster completes it when they like, in any order that the real
//! world allows.
//!
//! Read in this order:
//!
//! - [`operation`]: one pending thing; [`clock`]: what time it is; [`chooser`]: who decides where any choice is lawful
//! - [`slip`]: wrong mechanisms that can be switched on, to show that a harness would find them
//! - [`context`]: what a component may use while it takes a step
//! - [`api`]: objects, requests and answers
//! - [`cluster`]: all of it together; [`actor`]: what a process is to it
//! - [`client`]: what every client of the API server is built of
//! - [`api_server`]: the store, its watches and every write
//! - [`scheduler`]: queue, cache, filters, binding
//! - [`controllers`]: the controllers of kube-controller-manager
//! - [`kubelet`]: the kubelet of a machine; [`container_runtime`]: what it runs containers with
//! - [`proxy`]: the kube-proxy of a machine, and its rules

pub mod actor;
pub mod api;
pub mod api_server;
pub mod chooser;
pub mod client;
pub mod clock;
pub mod cluster;
pub mod container_runtime;
pub mod context;
pub mod controllers;
pub mod kubelet;
pub mod operation;
pub mod proxy;
pub mod scheduler;
pub mod slip;
#[cfg(test)]
mod testing;

pub use actor::Actor;
pub use chooser::Chooser;
pub use clock::Clock;
pub use cluster::Cluster;
pub use context::Context;
pub use operation::{Component, Operation, Refused, Step};
pub use slip::{Slip, Slips};
