//! Partial order.

/// Why a search by partial order is refused: the system has progress obligations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a search by partial order judges no progress, and the system has progress obligations")
    }
}

impl std::error::Error for Refused {}
