//! `determinism`: every case twice, with equal logs.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{CASES, Log};
use crate::runner::Checked;
use crate::telling::tell;

/// Cases that are not asked: this one, and the one that must fail.
const ASIDE: [&str; 2] = ["determinism", "canary"];

/// An input for one of the cases.
#[derive(Clone, Debug)]
pub struct TestCase {
    case: usize,
    bytes: Vec<u8>,
}

impl<'a> Arbitrary<'a> for TestCase {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let others = CASES.iter().filter(|case| !ASIDE.contains(&case.name)).count();
        Ok(Self { case: u.choose_index(others)?, bytes: u.bytes(u.len())?.to_vec() })
    }
}

/// Checks it twice. Useful if the case says so.
///
/// # Panics
/// If the logs differ.
pub fn check(case: &TestCase) -> Checked {
    let mut others = CASES.iter().filter(|case| !ASIDE.contains(&case.name));
    let other = others.nth(case.case).unwrap_or_else(|| panic!("there is no case {}", case.case));
    tell(|| format!("{}, twice", other.name));
    let (once, twice) = ((other.run)(&case.bytes), (other.run)(&case.bytes));
    assert_eq!(once, twice, "{} is not the same twice", other.name);
    let mut log = Log::default();
    log.note(&once);
    log.checked(once.is_some_and(|checked| checked.useful))
}

#[cfg(test)]
mod tests {
    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;

    #[test]
    fn smoke() {
        assert_useful("determinism", SMOKE_RUNS, check, 4);
    }
}
