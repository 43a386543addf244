//! What a kubelet knows of a container runtime: a trait shaped like the Container Runtime Interface (CRI), whose calls
//! are in flight until they are answered. They can be slow, fail, hang, or take effect after their caller gave up.
//!
//! - [`call`]: the calls, their answers and their errors
//! - [`status`]: what a runtime says of sandboxes and containers
//! - [`simulated`]: the one implementation here: deterministic, with processes that listen, get signals and exit

pub mod call;
pub mod simulated;
pub mod status;

pub use call::{Answer, CallId, Outcome, Request, RuntimeError};
pub use status::{
    ContainerState, ContainerStatus, ListedContainer, ListedSandbox, SandboxState, SandboxStatus,
};

/// A sandbox, by the number that its runtime gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SandboxId(pub u32);

/// A container, by the number that its runtime gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(pub u32);

/// A container runtime, as its kubelet sees it.
pub trait ContainerRuntime {
    /// Sends a call. It takes effect, and is answered, whenever the runtime gets to it.
    fn call(&mut self, request: Request) -> CallId;

    /// The caller waits no longer. What is in flight may still take effect, but nobody hears of it; a stop that waits for
    /// its process waits no longer either.
    fn abandon(&mut self, call: CallId);

    /// The calls that were answered, so that the answer may reach the caller.
    fn answered(&self, calls: &mut Vec<CallId>);

    /// The answer reaches the caller. None if it is not there.
    fn take_answer(&mut self, call: CallId) -> Option<Outcome>;
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum ProbeKind {
    Startup,
    Readiness,
    Liveness,
}

impl ProbeKind {
    /// All of them, in the order in which a worker of each is started.
    pub const ALL: [Self; 3] = [Self::Startup, Self::Readiness, Self::Liveness];
}

/// Whoever can ask a container how it is: over the network, or by a command inside it.
pub trait Prober {
    /// Whether the probe succeeds now.
    fn probe(&self, container: ContainerId, kind: ProbeKind) -> bool;
}

/// All that a kubelet needs of its machine.
pub trait Machine: ContainerRuntime + Prober {}

impl<R: ContainerRuntime + Prober> Machine for R {}
