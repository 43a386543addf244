//! The cases. Each file has the same names: a `TestCase` that bytes turn into, a `check` that panics at a bug, and a test
//! `smoke` that runs it over fixed seeds.

pub mod canary;
pub mod client;
pub mod controllers;
pub mod determinism;
pub mod filters;
pub mod kubelet;
pub mod lockstep;
pub mod logs;
pub mod manifests;
pub mod model_walk;
pub mod nodes;
pub mod pleg;
pub mod proxy;
pub mod scheduler;
pub mod store;
pub mod traces;

use std::fmt::{self, Debug, Write as _};
use std::hash::Hasher as _;

use foldhash::quality::FixedState;
use podproof_runtime::Slips;

use crate::findings::Walk;
use crate::runner::{self, Checked};

/// A case by name.
pub struct Case {
    /// Its name: that of its file, of its fuzz target and of its seeds.
    pub name: &'static str,
    /// Checks one input.
    pub run: fn(&[u8]) -> Option<Checked>,
    /// The same of a runtime with wrong mechanisms; none if no runtime is in it.
    pub run_with: Option<CheckWith>,
    /// How its failures are made smaller and written as traces; none if its inputs are no paths through scenarios.
    pub walk: Option<Walk>,
}

/// Checks one input with a runtime that has wrong mechanisms.
#[derive(Clone, Copy)]
pub struct CheckWith(pub fn(&[u8], Slips) -> Option<Checked>);

macro_rules! cases {
    ($($name:ident: $kind:ident,)*) => {
        /// All of them.
        pub const CASES: &[Case] = &[$(Case {
            name: stringify!($name),
            run: |bytes| runner::run(bytes, $name::check),
            run_with: cases!(@runtime $kind $name),
            walk: cases!(@walk $kind $name),
        },)*];
    };
    (@runtime runtime $name:ident) => {
        Some(CheckWith(|bytes, slips| runner::run(bytes, |case| $name::check_with(case, slips))))
    };
    (@runtime lockstep $name:ident) => {
        cases!(@runtime runtime $name)
    };
    (@runtime $other:ident $name:ident) => {
        None
    };
    (@walk lockstep $name:ident) => {
        Some($name::WALK)
    };
    (@walk walk $name:ident) => {
        Some($name::WALK)
    };
    (@walk $other:ident $name:ident) => {
        None
    };
}

cases! {
    model_walk: walk,
    lockstep: lockstep,
    filters: runtime,
    store: runtime,
    client: runtime,
    pleg: runtime,
    kubelet: runtime,
    scheduler: runtime,
    controllers: runtime,
    nodes: runtime,
    proxy: runtime,
    manifests: other,
    traces: other,
    logs: other,
    determinism: other,
    canary: other,
}

/// The case of this name.
///
/// # Errors
/// If there is none, with the names that there are.
pub fn case_of(name: &str) -> Result<&'static Case, String> {
    CASES.iter().find(|case| case.name == name).ok_or_else(|| {
        let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        format!("there is no case {name:?}; accepted are {}", names.join(", "))
    })
}

/// Everything that happened in a check, as a hash: two checks of one input have the same.
#[derive(Clone)]
pub(crate) struct Log {
    hasher: foldhash::quality::FoldHasher<'static>,
}

impl Default for Log {
    fn default() -> Self {
        use std::hash::BuildHasher as _;
        Self { hasher: FixedState::with_seed(0).build_hasher() }
    }
}

impl Log {
    /// Something happened.
    pub(crate) fn note(&mut self, what: &impl Debug) {
        // A hasher takes everything.
        let _ = write!(self, "{what:?}");
    }

    /// Nothing more happens.
    pub(crate) fn checked(self, useful: bool) -> Checked {
        Checked { useful, log: self.hasher.finish() }
    }
}

impl fmt::Write for Log {
    fn write_str(&mut self, said: &str) -> fmt::Result {
        self.hasher.write(said.as_bytes());
        Ok(())
    }
}

/// Inputs of a smoke test.
#[cfg(test)]
pub(crate) const SMOKE_RUNS: u32 = 400;

/// Runs a case, of whose inputs at least one in so many must be useful.
#[cfg(test)]
pub(crate) fn assert_useful<T: for<'a> arbitrary::Arbitrary<'a>>(
    name: &str,
    runs: u32,
    check: fn(&T) -> Checked,
    one_in: u32,
) {
    let summary = runner::smoke(name, runs, check);
    assert_eq!(summary.checked, runs, "no input is rejected");
    assert!(summary.useful * one_in >= runs, "too few inputs of {name} are useful: {summary:?}");
}
