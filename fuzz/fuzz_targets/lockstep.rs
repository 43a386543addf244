//! The case `lockstep` under libFuzzer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podproof_harness::cases::lockstep::{TestCase, check};

fuzz_target!(|case: TestCase| {
    let _ = check(&case);
});
