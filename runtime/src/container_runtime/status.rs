//! What a runtime says of sandboxes and containers.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::{ContainerId, SandboxId};
use crate::api::Uid;
use crate::clock::Moment;

/// The state of a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SandboxState {
    /// Its pause process runs.
    Ready,
    /// It was stopped, or its pause process died.
    NotReady,
}

/// The state of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerState {
    /// It was created and not started.
    Created,
    /// Its process runs.
    Running,
    /// Its process exited.
    Exited,
    /// The runtime cannot say.
    Unknown,
}

/// A sandbox, in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSandbox {
    /// The sandbox.
    pub id: SandboxId,
    /// Its pod's UID.
    pub uid: Uid,
    /// Its pod's name.
    pub name: Arc<str>,
    /// Its pod's namespace.
    pub namespace: Arc<str>,
    /// Which sandbox of its pod it is.
    pub attempt: u32,
    /// Its state.
    pub state: SandboxState,
}

/// A container, in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedContainer {
    /// The container.
    pub id: ContainerId,
    /// Its sandbox.
    pub sandbox: SandboxId,
    /// Its pod's UID.
    pub uid: Uid,
    /// Its name in the pod.
    pub name: Arc<str>,
    /// Its state.
    pub state: ContainerState,
}

/// All that a runtime knows of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxStatus {
    /// The sandbox.
    pub id: SandboxId,
    /// Its pod's UID.
    pub uid: Uid,
    /// Which sandbox of its pod it is.
    pub attempt: u32,
    /// Its state.
    pub state: SandboxState,
    /// It uses the network of its node.
    pub host_network: bool,
    /// The address that the network plugin gave it; none once it is stopped or dead.
    pub address: Option<Ipv4Addr>,
}

/// All that a runtime knows of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerStatus {
    /// The container.
    pub id: ContainerId,
    /// Its sandbox.
    pub sandbox: SandboxId,
    /// Its name in the pod.
    pub name: Arc<str>,
    /// How often it was started before.
    pub attempt: u32,
    /// The hash of the spec that it was made from.
    pub spec_hash: u64,
    /// Its state.
    pub state: ContainerState,
    /// When its process started.
    pub started_at: Option<Moment>,
    /// When its process exited.
    pub finished_at: Option<Moment>,
    /// The exit code of its process.
    pub exit_code: i32,
}
