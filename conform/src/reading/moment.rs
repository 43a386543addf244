//! Times as logs write them, in microseconds since the epoch.

use jiff::Timestamp;

use crate::record::Micros;

/// An RFC 3339 time, `2026-11-22T07:37:32.717183Z`.
pub(super) fn moment(text: &str) -> Option<Micros> {
    text.parse::<Timestamp>().ok().map(|time| time.as_microsecond())
}
