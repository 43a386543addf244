//! Whether the claim of a trace stands on the model of today. Whoever says that a promise is broken asks here first: a file can say
//! anything.

use podproof_vocabulary::Property;

use crate::replay::{Divergence, Replayed, replay};
use crate::trace::Trace;

/// What is said of a trace whose steps are not those of the model.
pub(crate) const NOT_TAKEN: &str = "the model of today does not take these steps: replay says which";

/// What the model of today says of the claim of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It claims nothing.
    Path {
        /// The model of today takes every step.
        is_taken: bool,
    },
    /// The promise is broken by this step; of a lasso, by what comes after it.
    Broken {
        /// Its number, the first being 1.
        at_step: usize,
    },
    /// Every step is taken, and the promise is kept.
    Kept {
        /// Why, of a lasso.
        why: Option<String>,
    },
    /// The model does something else.
    NotTaken,
}

impl Standing {
    pub(crate) fn of(trace: &Trace) -> Self {
        Self::from(trace, replay(trace))
    }

    /// The same, where replay has told already.
    pub(crate) fn from(trace: &Trace, replayed: Result<Replayed, Divergence>) -> Self {
        match replayed {
            Ok(Replayed::StillBroken { at_step } | Replayed::BrokenEarlier { at_step }) => {
                Self::Broken { at_step }
            }
            Ok(Replayed::CanBeTaken) => Self::Path { is_taken: true },
            Ok(Replayed::NoLongerBroken) => Self::Kept { why: None },
            Ok(Replayed::NoLassoAnyMore { why }) => Self::Kept { why: Some(why) },
            Err(_) if trace.property.is_none() => Self::Path { is_taken: false },
            Err(_) => Self::NotTaken,
        }
    }

    pub(crate) const fn is_broken(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }

    /// The trace up to the step that breaks its promise first.
    pub(crate) fn up_to_the_break(&self, trace: &Trace) -> Trace {
        let mut trace = trace.clone();
        if let Self::Broken { at_step } = *self {
            trace.stem.truncate(at_step);
        }
        trace
    }

    /// What becomes of `property`, which the trace says to be broken, in a line.
    pub(crate) fn says(&self, property: Property) -> String {
        match self {
            Self::Path { .. } | Self::Broken { .. } => format!("{property} is broken"),
            Self::Kept { .. } => format!("this trace does not break {property} (it says it does)"),
            Self::NotTaken => format!("it says that {property} is broken"),
        }
    }

    /// What is to be said for it: why the promise is kept, or that the steps are not those of the model.
    pub(crate) fn because(&self) -> Option<String> {
        match self {
            Self::Path { .. } | Self::Broken { .. } | Self::Kept { why: None } => None,
            Self::Kept { why } => why.clone(),
            Self::NotTaken => Some(NOT_TAKEN.to_owned()),
        }
    }
}
