//! The named approximations that a verdict may rest on. Each can be switched off, `--exact` switches off all, and
//! every report of a verdict that used one quotes its sentence. Reductions with a proof are not here: they change
//! no verdict.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! approximations {
    ($($(#[$doc:meta])* $variant:ident $name:literal => $says:literal;)*) => {
        /// A named approximation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum Approximation {
            $($(#[$doc])* $variant,)*
        }

        /// Every approximation with its name and what it says of a verdict.
        pub const APPROXIMATIONS: &[(Approximation, &str, &str)] =
            &[$((Approximation::$variant, $name, $says),)*];
    };
}

approximations! {
    /// Without it each consumer keeps a ring of events for each resource, in order.
    CoalescedWatchEvents "coalesced-watch-events" =>
        "pending watch events of one object coalesce to its newest value";
    /// Without it every timer may fire at any moment.
    SlowTimersWhenQuiet "slow-timers-when-quiet" =>
        "slow timers (tolerations, node-monitor grace, back-off limits) fire only when nothing else can move";
    /// Without it a crash, a delivery or another write may fall between a controller's decision and each of its writes.
    DecisionsWrittenAtOnce "decisions-written-at-once" =>
        "what a controller or the scheduler has decided is written before anything else happens";
    /// Without it every consumer may act on an old Node object.
    CurrentNodeViews "current-node-views" => "scheduler and controllers see the newest Node objects";
    /// Without it the scheduler may act on an old pod.
    CurrentSchedulerView "current-scheduler-view" => "the scheduler sees the newest pods";
    /// Without it every pod has its clocks.
    Focus "focus" =>
        "one pod is followed with its clocks, any of them; all else takes any time (this only adds behaviours)";
}

impl Approximation {
    /// Its name.
    pub fn name(self) -> &'static str {
        APPROXIMATIONS[self as usize].1
    }

    /// What it says of a verdict, in one sentence.
    pub fn says(self) -> &'static str {
        APPROXIMATIONS[self as usize].2
    }
}

impl fmt::Display for Approximation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A set of approximations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "Vec<Approximation>", into = "Vec<Approximation>")]
pub struct Approximations(u8);

impl Approximations {
    /// None: `--exact`.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self((1 << APPROXIMATIONS.len()) - 1);

    /// Is `approximation` on?
    pub const fn has(self, approximation: Approximation) -> bool {
        self.0 & 1 << approximation as u8 != 0
    }

    /// The same set with `approximation` on.
    #[must_use]
    pub const fn with(self, approximation: Approximation) -> Self {
        Self(self.0 | 1 << approximation as u8)
    }

    /// The same set with `approximation` off.
    #[must_use]
    pub const fn without(self, approximation: Approximation) -> Self {
        Self(self.0 & !(1 << approximation as u8))
    }

    /// Those that are on.
    pub fn iter(self) -> impl Iterator<Item = Approximation> {
        APPROXIMATIONS.iter().map(|&(approximation, ..)| approximation).filter(move |&a| self.has(a))
    }
}

impl From<Vec<Approximation>> for Approximations {
    fn from(members: Vec<Approximation>) -> Self {
        members.into_iter().fold(Self::NONE, Self::with)
    }
}

impl From<Approximations> for Vec<Approximation> {
    fn from(set: Approximations) -> Self {
        set.iter().collect()
    }
}
