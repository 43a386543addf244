//! The calls of the CRI, what they answer, and how they fail.

use std::sync::Arc;

use super::status::{ContainerStatus, ListedContainer, ListedSandbox, SandboxStatus};
use super::{ContainerId, SandboxId};
use crate::api::Uid;

/// A call in flight, by the number that the runtime gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `Status`: whether the runtime and its network are ready.
    Status,
    /// `ListPodSandbox`, of one pod or of all.
    ListSandboxes {
        /// The pod's UID; none is all.
        uid: Option<Uid>,
    },
    /// `ListContainers`, of one pod or of all.
    ListContainers {
        /// The pod's UID; none is all.
        uid: Option<Uid>,
    },
    /// `PodSandboxStatus`.
    SandboxStatus(SandboxId),
    /// `ContainerStatus`.
    ContainerStatus(ContainerId),
    /// `RunPodSandbox`: the pause process starts, and the network plugin gives it an address (CPA-13).
    RunSandbox(SandboxConfig),
    /// `StopPodSandbox`: what runs in it is killed, and its address is free (SBX-4).
    StopSandbox(SandboxId),
    /// `RemovePodSandbox`: it is stopped, and forgotten with its containers.
    RemoveSandbox(SandboxId),
    /// `PullImage`.
    PullImage {
        /// `image` of the container.
        image: Arc<str>,
    },
    /// `CreateContainer`.
    CreateContainer {
        /// The sandbox that it joins.
        sandbox: SandboxId,
        /// What it is.
        config: ContainerConfig,
    },
    /// `StartContainer`.
    StartContainer(ContainerId),
    /// `StopContainer`: SIGTERM, and SIGKILL once the time-out is over (KIL-6). Answered when the process is gone.
    StopContainer {
        /// The container.
        container: ContainerId,
        /// Seconds from SIGTERM to SIGKILL.
        timeout_seconds: u32,
    },
    /// `RemoveContainer`: it is killed, if it runs, and forgotten.
    RemoveContainer(ContainerId),
    /// `ExecSync`: a command runs inside a container to its end.
    Exec {
        /// The container.
        container: ContainerId,
        /// The command and its arguments.
        command: Arc<[String]>,
    },
}

/// What a sandbox is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxConfig {
    /// The pod's UID.
    pub uid: Uid,
    /// The pod's name.
    pub name: Arc<str>,
    /// The pod's namespace.
    pub namespace: Arc<str>,
    /// How many sandboxes the pod had before.
    pub attempt: u32,
    /// It uses the network of its node.
    pub host_network: bool,
}

/// What a container is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerConfig {
    /// Its name in the pod.
    pub name: Arc<str>,
    /// How often it was started before (`io.kubernetes.container.restartCount`).
    pub attempt: u32,
    /// The hash of its spec (`io.kubernetes.container.hash`).
    pub spec_hash: u64,
}

/// What a call that succeeded says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// Of `Status`.
    Status {
        /// Condition RuntimeReady.
        runtime_ready: bool,
        /// Condition NetworkReady.
        network_ready: bool,
    },
    /// Of `ListPodSandbox`.
    Sandboxes(Vec<ListedSandbox>),
    /// Of `ListContainers`.
    Containers(Vec<ListedContainer>),
    /// Of `PodSandboxStatus`.
    Sandbox(SandboxStatus),
    /// Of `ContainerStatus`.
    Container(ContainerStatus),
    /// Of `RunPodSandbox`.
    NewSandbox(SandboxId),
    /// Of `CreateContainer`.
    NewContainer(ContainerId),
    /// Of `ExecSync`.
    Exited(i32),
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuntimeError {
    /// There is no such sandbox or container.
    NotFound,
    /// The network plugin failed; there is no sandbox.
    NetworkPluginFailed,
    /// The name with this attempt is taken: an earlier call that was given up took effect after all.
    NameReserved,
    /// A container cannot be created or started in the state that it or its sandbox is in.
    NotRunnable,
    /// The image cannot be pulled.
    ImagePullFailed,
    /// The runtime cannot say; try again.
    Unavailable,
    /// No answer came within the time-out of the request (K-19); it may have taken effect or not.
    DeadlineExceeded,
}

/// How a call ends.
pub type Outcome = Result<Answer, RuntimeError>;
