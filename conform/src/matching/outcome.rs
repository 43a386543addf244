//! What came of an entry.

/// What came of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is about nothing that this workload has to do with.
    NotHere,
    /// The model can do it.
    Explained,
    /// It is outside the model, for this reason.
    NotModelled(String),
}

impl Outcome {
    /// What comes of a write that was refused.
    pub fn refused() -> Self {
        Self::NotModelled("writes that were refused".into())
    }

    /// What an entry is counted as that is outside the model; none, if it is explained.
    pub fn outside(&self) -> Option<&str> {
        match self {
            Self::NotHere => Some("objects of nothing that is followed"),
            Self::Explained => None,
            Self::NotModelled(what) => Some(what),
        }
    }
}
