//! How a Deployment replaces its pods, and the rounding of its percentages.

use serde::{Deserialize, Serialize};

/// How a Deployment replaces its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Strategy {
    /// All old pods go before the first new one.
    Recreate,
    /// Old and new pods overlap.
    RollingUpdate {
        /// `maxSurge`.
        max_surge: IntOrPercent,
        /// `maxUnavailable`.
        max_unavailable: IntOrPercent,
    },
}

/// A number or a percentage, as Kubernetes' fields of type IntOrString have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IntOrPercent {
    /// A number.
    Int(u32),
    /// So many percent.
    Percent(u32),
}

/// Which way a percentage of pods is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the next whole pod above: `maxSurge`, and both fields of a PodDisruptionBudget.
    Up,
    /// To the next whole pod below: `maxUnavailable` of a Deployment.
    Down,
}

impl IntOrPercent {
    /// The number of pods that this is of `total` (G33 `apimachinery/pkg/util/intstr`
    /// `GetScaledValueFromIntOrPercent`).
    pub fn of(self, total: u32, rounding: Rounding) -> u32 {
        match self {
            Self::Int(count) => count,
            Self::Percent(percent) => {
                let hundredfold = u64::from(total) * u64::from(percent);
                let pods = match rounding {
                    Rounding::Up => hundredfold.div_ceil(100),
                    Rounding::Down => hundredfold / 100,
                };
                u32::try_from(pods).unwrap_or(u32::MAX)
            }
        }
    }
}

impl Strategy {
    /// DEP-1 (S28 `deployment/util` `ResolveFenceposts`): how many pods more than `replicas` there may be, and how many
    /// fewer may be available. Percentages round the surge up and the unavailable down; both 0 makes one unavailable; no
    /// more than `replicas` can be.
    pub fn fenceposts(self, replicas: u8) -> (u8, u8) {
        let Self::RollingUpdate { max_surge, max_unavailable } = self else { return (0, replicas) };
        let surge = max_surge.of(replicas.into(), Rounding::Up);
        let unavailable = max_unavailable.of(replicas.into(), Rounding::Down);
        let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
        (surge.min(255) as u8, unavailable.min(replicas.into()) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fenceposts_round_the_surge_up_and_the_unavailable_down() {
        use IntOrPercent::{Int, Percent};
        for (surge, unavailable, replicas, expected) in [
            (Percent(25), Percent(25), 1, (1, 0)),
            (Percent(25), Percent(25), 2, (1, 0)),
            (Percent(25), Percent(25), 3, (1, 0)),
            (Percent(25), Percent(25), 4, (1, 1)),
            (Percent(25), Percent(25), 10, (3, 2)),
            (Int(0), Int(0), 3, (0, 1)),
            (Percent(0), Percent(10), 3, (0, 1)),
            (Int(2), Int(9), 3, (2, 3)),
            (Percent(100), Percent(100), 2, (2, 2)),
            (Percent(u32::MAX), Int(0), 2, (255, 0)),
        ] {
            let strategy = Strategy::RollingUpdate { max_surge: surge, max_unavailable: unavailable };
            assert_eq!(strategy.fenceposts(replicas), expected, "{surge:?} {unavailable:?} of {replicas}");
        }
    }
}
