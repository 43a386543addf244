//! Wrong mechanisms that can be switched on, one at a time, to show that a harness finds them. All are off by default.
//!
//! A slip is asked for where the right mechanism stands: `if !context.has(Slip::X) { … }`.

use std::fmt;

macro_rules! slips {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// One wrong mechanism.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Slip {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Slip {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

slips! {
    /// The API server does not look at UID preconditions (API-7).
    UidIgnored = "uid-ignored",
    /// The API server takes an update that was made from an older version (API-1).
    VersionIgnored = "version-ignored",
    /// The API server binds a pod that is bound already (API-20).
    SecondBindingAccepted = "second-binding-accepted",
    /// A deletion that is already running may be given more time (DEL-10).
    GraceExtended = "grace-extended",
    /// An eviction does not spend the budget that it asks (EVI-4).
    BudgetNotSpent = "budget-not-spent",
    /// A watch that starts at an old version brings only what comes from now on (API-33).
    WatchFromNow = "watch-from-now",
    /// After a broken watch the cache is listed anew, and what vanished meanwhile stays in it (API-33).
    MissedDeletionsKept = "missed-deletions-kept",
    /// A key that is added while a worker is at it is lost (CTL-2).
    AddedWhileProcessingLost = "added-while-processing-lost",
    /// Deletions and creations in flight are not remembered: a sync trusts its cache (CTL-3).
    ExpectationsForgotten = "expectations-forgotten",
    /// The scheduler does not assume a pod on its node while the binding is in flight (SCH-4).
    AssumeForgotten = "assume-forgotten",
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which slips are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slips(u128);

impl Slips {
    /// None.
    pub const NONE: Self = Self(0);

    /// Only this one.
    pub const fn only(slip: Slip) -> Self {
        Self(1 << slip as u32)
    }

    /// Is it on?
    pub const fn has(self, slip: Slip) -> bool {
        self.0 & 1 << slip as u32 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_at_a_time() {
        for &on in Slip::ALL {
            for &asked in Slip::ALL {
                assert_eq!(Slips::only(on).has(asked), on == asked);
            }
            assert!(!Slips::NONE.has(on));
        }
    }

    #[test]
    fn every_slip_has_a_name_of_its_own() {
        let mut names: Vec<_> = Slip::ALL.iter().map(|slip| slip.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Slip::ALL.len());
    }
}
