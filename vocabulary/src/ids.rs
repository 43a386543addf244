//! Numbers that stand for objects. Names live in the scenario; a state holds only these.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name(pub u8);

        impl $name {
            /// The number as an index into a slice.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The first `count` of them, in order.
            #[inline]
            pub fn first(count: usize) -> impl DoubleEndedIterator<Item = Self> + Clone {
                (0..count).map(Self::from)
            }
        }

        impl From<usize> for $name {
            #[inline]
            fn from(index: usize) -> Self {
                Self(u8::try_from(index).expect("scenarios hold at most 255 of anything"))
            }
        }
    };
}

id! {
    /// A pod's slot. A slot is reused only when nobody remembers the pod that had it, so while it is in use it
    /// stands for the pod's UID.
    PodId
}
id! {
    /// A node, by its place in [`Scenario::nodes`](crate::Scenario::nodes).
    NodeId
}
id! {
    /// A container of the pod template, by its place in
    /// [`PodTemplate::containers`](crate::scenario::PodTemplate::containers).
    ContainerId
}
id! {
    /// A pod template hash, in the order in which a Deployment took them; the first is 0. It names the ReplicaSet
    /// of that template too.
    Revision
}
