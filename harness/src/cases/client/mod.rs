//! `client`: what every client of the API server is built of, each part against a naive one: an informer in a cluster that loses
//! calls and breaks watches, a work queue, expectations.

mod expectations;
mod informer;
mod queue;

use arbitrary::Arbitrary;
use podproof_runtime::Slips;

use crate::runner::Checked;
use crate::stage::script::Script;

/// One of the parts, and what happens to it.
#[derive(Clone, Debug, Arbitrary)]
pub struct TestCase(Part);

#[derive(Clone, Debug, Arbitrary)]
enum Part {
    Informer(Script<informer::Event>),
    Queue(queue::Deeds),
    Expectations(expectations::Deeds),
}

/// Lets it happen. Useful if the part had something to do.
///
/// # Panics
/// At a bug.
pub fn check(case: &TestCase) -> Checked {
    check_with(case, Slips::NONE)
}

/// The same of parts with wrong mechanisms.
pub(crate) fn check_with(case: &TestCase, slips: Slips) -> Checked {
    match &case.0 {
        Part::Informer(script) => informer::check(script, slips),
        Part::Queue(deeds) => queue::check(deeds, slips),
        Part::Expectations(deeds) => expectations::check(deeds),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;

    #[test]
    fn smoke() {
        assert_useful("client", SMOKE_RUNS, check, 2);
    }
}
