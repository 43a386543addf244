//! Time: milliseconds since the cluster was made. It stands still until whoever drives the cluster lets it pass.
//!
//! All processes share one clock. Skew between machines is left out: the components compare only their own arrival times
//! (MOD-6).

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::Timestamp;

/// A moment, in milliseconds since the cluster was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

/// When the cluster was made, in seconds since 1970: 2026-01-01T00:00:00Z. It only dresses the timestamps of objects.
const BEGINNING: i64 = 1_767_225_600;

impl Moment {
    /// As a timestamp of an object; timestamps have whole seconds.
    pub fn to_time(self) -> Time {
        let seconds = i64::try_from(self.0 / 1_000).unwrap_or(i64::MAX - BEGINNING);
        Time(Timestamp::from_second(BEGINNING + seconds).unwrap_or(Timestamp::MAX))
    }

    /// As a timestamp with microseconds, as a Lease has it.
    pub fn to_micro_time(self) -> MicroTime {
        let millis = i64::try_from(self.0).unwrap_or(i64::MAX - BEGINNING * 1_000);
        MicroTime(Timestamp::from_millisecond(BEGINNING * 1_000 + millis).unwrap_or(Timestamp::MAX))
    }

    /// The moment that a timestamp of an object stands for; what lies before the beginning is the beginning.
    pub fn from_time(time: &Time) -> Self {
        Self(u64::try_from(time.0.as_second() - BEGINNING).unwrap_or(0) * 1_000)
    }

    /// How long ago `earlier` was; nothing if it has not been yet.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000, self.0 % 1_000)
    }
}

/// The clock of the cluster.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    now: Moment,
}

impl Clock {
    /// What time it is.
    pub const fn now(&self) -> Moment {
        self.now
    }

    /// Is this deadline due?
    pub fn is_due(&self, deadline: Moment) -> bool {
        deadline <= self.now
    }

    /// Time passes until `moment`; it never goes back.
    pub fn pass_until(&mut self, moment: Moment) {
        self.now = self.now.max(moment);
    }
}

/// The earlier of two deadlines, either of which may be absent.
pub fn earlier(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back() {
        let mut clock = Clock::default();
        clock.pass_until(Moment(5_000));
        clock.pass_until(Moment(1_000));
        assert_eq!(clock.now(), Moment(5_000));
        assert!(clock.is_due(Moment(5_000)) && !clock.is_due(Moment(5_001)));
    }

    #[test]
    fn a_timestamp_of_an_object_keeps_whole_seconds() {
        assert_eq!(Moment::from_time(&Moment(61_900).to_time()), Moment(61_000));
        assert_eq!(Moment(0).to_time().0.to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(Moment(1_500).to_micro_time().0.to_string(), "2026-01-01T00:00:01.5Z");
    }

    #[test]
    fn the_earlier_deadline_wins_over_none() {
        assert_eq!(earlier(None, Some(Moment(3))), Some(Moment(3)));
        assert_eq!(earlier(Some(Moment(2)), Some(Moment(3))), Some(Moment(2)));
        assert_eq!(earlier(None, None), None);
    }
}
