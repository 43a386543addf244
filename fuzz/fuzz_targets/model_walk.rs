//! The case `model_walk` under libFuzzer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podproof_harness::cases::model_walk::{TestCase, check};

fuzz_target!(|case: TestCase| {
    let _ = check(&case);
});
