//! A PodDisruptionBudget, and how many pods it asks for.

use serde::{Deserialize, Serialize};

use super::{IntOrPercent, Rounding};

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DisruptionBudget {
    /// `metadata.name`.
    pub name: String,
    /// What it asks for.
    pub ask: BudgetAsk,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`.
    pub always_allow_unhealthy: bool,
}

/// What a PodDisruptionBudget asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BudgetAsk {
    /// `minAvailable`.
    MinAvailable(IntOrPercent),
    /// `maxUnavailable`.
    MaxUnavailable(IntOrPercent),
}

impl BudgetAsk {
    /// How many healthy pods it asks for where so many are expected (PDB-2: percentages round up).
    pub fn desired_healthy(self, expected: u32) -> u32 {
        match self {
            Self::MinAvailable(value) => value.of(expected, Rounding::Up),
            Self::MaxUnavailable(value) => expected.saturating_sub(value.of(expected, Rounding::Up)),
        }
    }

    /// How many pods may be disrupted while all that are expected are healthy (PDB-4); with none no eviction of a healthy pod is
    /// ever granted (EVI-4).
    pub fn disruptions_allowed(self, expected: u32) -> u32 {
        expected.saturating_sub(self.desired_healthy(expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_of_a_budget_round_up() {
        use BudgetAsk::{MaxUnavailable, MinAvailable};
        use IntOrPercent::{Int, Percent};
        for (ask, expected, desired, allowed) in [
            (MinAvailable(Int(1)), 2, 1, 1),
            (MinAvailable(Int(3)), 2, 3, 0),
            (MinAvailable(Percent(50)), 3, 2, 1),
            (MinAvailable(Percent(67)), 3, 3, 0),
            (MaxUnavailable(Int(0)), 2, 2, 0),
            (MaxUnavailable(Int(1)), 2, 1, 1),
            (MaxUnavailable(Percent(30)), 4, 2, 2),
            (MaxUnavailable(Int(5)), 2, 0, 2),
        ] {
            assert_eq!(ask.desired_healthy(expected), desired, "{ask:?} of {expected}");
            assert_eq!(ask.disruptions_allowed(expected), allowed, "{ask:?} of {expected}");
        }
    }
}
