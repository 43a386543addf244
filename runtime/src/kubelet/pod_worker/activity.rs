//! What a worker is doing, and how that can end.

use super::Work;
use super::terminate::Terminating;
use crate::clock::Moment;
use crate::kubelet::pod::KnownPod;
use crate::kubelet::sync_pod::SyncPod;

/// What a worker is doing.
#[derive(Clone, Debug, Default)]
pub enum Activity {
    /// Nothing: it waits for an update.
    #[default]
    Idle,
    /// It has taken an update, and with it what it works at, whatever it is told meanwhile; it waits for a newer pod cache (PW-16).
    Waiting {
        /// What it works at.
        work: Work,
        /// With what grace period, if it kills.
        grace: i64,
    },
    /// It brings a pod to what its spec says.
    Syncing(Box<SyncPod>),
    /// It stops a pod.
    Terminating(Box<Terminating>),
    /// It waits until the volumes of a stopped pod are unmounted (STD-1).
    Unmounting(KnownPod),
}

/// Why a sync failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncError {
    /// The runtime's network is not ready (SP-4).
    NetworkNotReady,
    /// A container waits for its crash-loop back-off to end, at this moment (kubernetes/kubernetes#133066).
    HeldBack(Moment),
    /// The pod cache holds an error: there was no sync at all.
    NoStatus,
    /// Anything else: it is tried again later.
    Failed,
}

/// How an activity ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The pod is as it should be for now.
    Synced,
    /// The pod is done: its phase is terminal.
    BecameTerminal,
    /// The pod's containers are stopped.
    Stopped,
    /// What the runtime alone knew is stopped.
    RuntimeStopped,
    /// What the pod held is given back.
    Released,
    /// It failed.
    Failed(SyncError),
    /// Termination was asked for in the middle.
    Cancelled,
}
