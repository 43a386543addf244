//! Where a story begins.

use serde::{Deserialize, Serialize};

/// Where a story begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Beginning {
    /// The workload's object is just created, and nobody has seen it: how it comes to run is part of the story.
    #[default]
    Nothing,
    /// The workload has been created without a fault, and all is at rest: what the story does to what runs, and nothing else.
    /// For clusters that begin with a single node: on more, there would be no one state to begin in.
    Running,
}
