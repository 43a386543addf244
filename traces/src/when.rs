//! When a step was taken, in words.

use podproof_vocabulary::scenario::Timing;

use crate::trace::{Trace, TraceStep};

/// Microseconds in a millisecond, and milliseconds in a second.
const THOUSAND: u64 = 1000;

/// When this step was taken, where a tick has so many seconds: in a trace with time since its beginning, in one of a log since that
/// began. None if there is no time, or if no entry of the log shows the step.
pub(crate) fn when(trace: &Trace, step: &TraceStep, unit: u32) -> Option<String> {
    if trace.log.is_some() {
        let millis = step.seen_at? / THOUSAND;
        return Some(format!("{}.{:03} s", millis / THOUSAND, millis % THOUSAND));
    }
    let seconds = || format!("{} s", u64::from(step.tick) * u64::from(unit));
    (trace.scenario.timing == Timing::Timed).then(seconds)
}
