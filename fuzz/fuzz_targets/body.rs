//! What libFuzzer calls with each input of `body`.
#![no_main]

#[path = "../entries/body.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
