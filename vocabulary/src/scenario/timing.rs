//! How time is modelled.

use serde::{Deserialize, Serialize};

/// How time is modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Timing {
    /// Any enabled action may happen at any moment.
    Untimed,
    /// Discrete ticks; bounds and timers as the latencies say.
    Timed,
}

impl Timing {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Untimed => "untimed",
            Self::Timed => "timed",
        }
    }
}
