//! The case `proxy` under libFuzzer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podproof_harness::cases::proxy::{TestCase, check};

fuzz_target!(|case: TestCase| {
    let _ = check(&case);
});
