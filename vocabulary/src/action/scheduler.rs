//! Steps of kube-scheduler.

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, PodId};

/// A step of the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Scheduler {
    /// A node is chosen for a pod and assumed in the cache.
    AssumePod {
        /// The pod.
        pod: PodId,
        /// The node, any that passed every filter.
        node: NodeId,
    },
    /// No node passes: the pod is set aside until an event may help it.
    ParkPod {
        /// The pod.
        pod: PodId,
    },
    /// The binding of an assumed pod is written.
    BindPod {
        /// The pod.
        pod: PodId,
    },
    /// A pod that no event woke is tried again.
    FlushPod {
        /// The pod.
        pod: PodId,
    },
}
