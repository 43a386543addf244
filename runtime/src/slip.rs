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
