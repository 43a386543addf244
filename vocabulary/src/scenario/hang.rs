//! What a container runtime that hangs does not do any more, so that its kubelet's PLEG is stuck.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The cause of a stuck relist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Hang {
    /// Every call to the runtime times out.
    #[default]
    RpcTimeout,
    /// So many pods that a relist takes longer than its threshold; other calls work, and with fewer pods it ends.
    TooManyPods {
        /// A node with more pods than this is too slow.
        limit: u8,
    },
    /// The inspection of one container never returns; other calls work.
    StuckInspect,
    /// The status of the sandboxes' network cannot be read; no new sandbox either.
    CniStatus,
}

/// What is accepted, as a sentence ends.
const ACCEPTED: &str =
    "accepted are rpc-timeout, too-many-pods=N with N from 0 to 255, stuck-inspect and cni-status";

impl fmt::Display for Hang {
    /// As `--hang` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RpcTimeout => f.write_str("rpc-timeout"),
            Self::TooManyPods { limit } => write!(f, "too-many-pods={limit}"),
            Self::StuckInspect => f.write_str("stuck-inspect"),
            Self::CniStatus => f.write_str("cni-status"),
        }
    }
}

impl FromStr for Hang {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("too-many-pods=").map(str::parse)) {
            ("rpc-timeout", _) => Ok(Self::RpcTimeout),
            ("stuck-inspect", _) => Ok(Self::StuckInspect),
            ("cni-status", _) => Ok(Self::CniStatus),
            (_, Some(Ok(limit))) => Ok(Self::TooManyPods { limit }),
            _ => Err(format!("'{text}': {ACCEPTED}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_is_read_as_it_is_written() {
        for hang in [Hang::RpcTimeout, Hang::TooManyPods { limit: 3 }, Hang::StuckInspect, Hang::CniStatus] {
            assert_eq!(hang.to_string().parse(), Ok(hang));
        }
        for wrong in ["", "too-many-pods", "too-many-pods=", "too-many-pods=256", "rpc"] {
            let refused = wrong.parse::<Hang>().expect_err(wrong);
            assert_eq!(refused, format!("'{wrong}': {ACCEPTED}"));
        }
    }
}
